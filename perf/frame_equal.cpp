// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame of 1,000 requests of 64 bytes, with an alignment of 16 and of 64 bytes, that the compiler knows; then its end. An
// item is one request. Nothing is written into it. The limit is in registers, where the compiler sees that every cursor is a
// multiple of 64 already; what cannot be seen is one addition and one `and` more, as behind the thread_local.

#include "support/frame_requests.hpp"

namespace {

template <std::size_t Align>
struct equal {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (std::size_t i = 0; i < frame_requests::per_frame; ++i) {
            frame_requests::use(from.template take<64, Align>());
        }
    }
};

[[maybe_unused]] bool const registered = [] {
    frame_requests::add<equal<16>>("frame_equal_16");
    frame_requests::add<equal<64>>("frame_equal_64");
    return true;
}();

}  // namespace
