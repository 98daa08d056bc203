// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests of 64 bytes, each written from its first byte to its last; then its end. An item is one
// request. The memory is what costs here: whoever hands it out in a row comes close to the limit.

#include "support/frame_requests.hpp"

#include <cstring>

namespace {

struct equal_and_written {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (std::size_t i = 0; i < frame_requests::per_frame; ++i) {
            void* const p = from.template take<64, 16>();
            std::memset(p, static_cast<int>(i), 64);
            frame_requests::use(p);
        }
    }
};

[[maybe_unused]] bool const registered = [] {
    frame_requests::add<equal_and_written>("frame_written");
    return true;
}();

}  // namespace
