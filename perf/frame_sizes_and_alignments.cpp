// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests of 16 to 512 bytes and alignments of 8, 16 and 64, neither of which the compiler knows; then its
// end. An item is one request. Nothing is written into it.

#include "support/frame_requests.hpp"

namespace {

frame_requests::table const requests = frame_requests::draw(std::array{8U, 16U, 64U});

[[maybe_unused]] bool const registered = [] {
    frame_requests::add<frame_requests::drawn<requests>>("frame_sizes_and_alignments");
    return true;
}();

}  // namespace
