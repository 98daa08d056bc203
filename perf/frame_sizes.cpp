// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests of 16 to 512 bytes, which the compiler does not know, aligned to 16, which it does; then its end.
// An item is one request. Nothing is written into it.

#include "support/frame_requests.hpp"

namespace {

frame_requests::table const requests = frame_requests::draw(std::array{16U});

struct sizes {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (frame_requests::request const& r : requests) frame_requests::use(from.take(r.bytes, 16));
    }
};

[[maybe_unused]] bool const registered = [] {
    frame_requests::add<sizes>("frame_sizes");
    return true;
}();

}  // namespace
