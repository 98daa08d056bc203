// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests of 16 to 512 bytes, that the compiler does not know; then its end. An item is one request.
// Nothing is written into it.

#include "support/frame_requests.hpp"

namespace {

frame_requests::table const requests = frame_requests::draw(std::array{16U});

[[maybe_unused]] bool const registered = [] {
    frame_requests::add<frame_requests::drawn<requests>>("frame_sizes");
    return true;
}();

}  // namespace
