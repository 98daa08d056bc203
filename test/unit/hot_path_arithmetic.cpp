// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/detail/hot_state.hpp>

#include <cstdint>
#include <ostream>

BOOST_AUTO_TEST_SUITE(hot_path_arithmetic)

using framealloc::frame_window;
using framealloc::layout;

namespace {

constexpr std::uintptr_t base = std::uintptr_t{1} << 30;  // only numbers: nothing here reads or writes memory

struct answer {
    std::uintptr_t place;   ///< 0: refused
    std::uintptr_t cursor;  ///< afterwards
    friend bool operator==(answer, answer) = default;
    friend std::ostream& operator<<(std::ostream& out, answer a) { return out << a.place << ", then at " << a.cursor; }
};

answer hot(std::uintptr_t cursor, std::uintptr_t limit, layout request) {
    frame_window w;
    w.set(cursor, limit);
    void* const p = framealloc::detail::bump(w, request.bytes, request.align, [] {}, []() -> void* { return nullptr; });
    return {framealloc::detail::address_of(p), w.at()};
}
template <std::size_t Bytes, std::size_t Align>
answer hot(std::uintptr_t cursor, std::uintptr_t limit) {
    frame_window w;
    w.set(cursor, limit);
    void* const p = framealloc::detail::bump<Bytes, Align>(w, [] {}, []() -> void* { return nullptr; });
    return {framealloc::detail::address_of(p), w.at()};
}

/// By the definition, in numbers that cannot wrap.
answer wanted(std::uintptr_t cursor, std::uintptr_t limit, layout request, bool zero_is_served) {
    if (!request.is_possible() || (request.bytes == 0 && !zero_is_served)) return {0, cursor};
    __extension__ using wide = unsigned __int128;
    wide const step = request.align < framealloc::granule ? framealloc::granule : request.align;
    wide const place = (wide{cursor} + step - 1) / step * step;
    wide const bytes = request.bytes == 0 ? 1 : request.bytes;
    if (place + bytes > limit) return {0, cursor};
    wide const next = place + (bytes + framealloc::granule - 1) / framealloc::granule * framealloc::granule;
    return {static_cast<std::uintptr_t>(place), static_cast<std::uintptr_t>(next)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_layout_known_at_run_time_is_served_as_the_definition_says_whatever_the_numbers)
{
    std::size_t const lengths[] = {0, 16, 64, 4096, std::size_t{1} << 21, std::size_t{3} << 21};
    std::size_t const starts[] = {0, 16, 48, 64, 4080, (std::size_t{1} << 21) - 16};
    std::size_t const sizes[] = {0,    1,         15,           16,           17,         63,
                                 64,   65,        4095,         4096,         4097,       std::size_t{1} << 21,
                                 (std::size_t{1} << 22) + 1,    framealloc::max_request_bytes,
                                 framealloc::max_request_bytes + 1,           std::size_t{1} << 63,
                                 SIZE_MAX - 64, SIZE_MAX - 15, SIZE_MAX - 1,  SIZE_MAX};
    std::size_t const aligns[] = {0,  1,  2,  3,    8,    12,   15,   16,   17,   24,
                                  32, 48, 64, 4096, 6144, std::size_t{1} << 20, framealloc::max_alignment,
                                  framealloc::max_alignment + 16, framealloc::max_alignment * 2, framealloc::max_alignment * 3,
                                  std::size_t{1} << 63, SIZE_MAX};
    std::size_t served = 0;
    for (std::size_t const start : starts) {
        for (std::size_t const length : lengths) {
            for (std::size_t const bytes : sizes) {
                for (std::size_t const align : aligns) {
                    layout const request{.bytes = bytes, .align = align};
                    std::uintptr_t const cursor = base + start;
                    answer const got = hot(cursor, cursor + length, request);
                    answer const expected = wanted(cursor, cursor + length, request, false);
                    served += expected.place != 0;
                    if (got == expected) continue;
                    BOOST_TEST(got == expected, "start " << start << ", length " << length << ", bytes " << bytes
                                                         << ", align " << align << ": " << got << "; expected " << expected);
                }
            }
        }
    }
    BOOST_TEST(served > 500u);
}

BOOST_AUTO_TEST_CASE(a_closed_window_serves_nothing)
{
    for (std::size_t const bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64}, SIZE_MAX}) {
        for (std::size_t const align : {std::size_t{0}, std::size_t{1}, std::size_t{16}, std::size_t{64}, SIZE_MAX}) {
            BOOST_TEST(hot(0, 0, {.bytes = bytes, .align = align}) == (answer{0, 0}));
        }
    }
    BOOST_TEST((hot<1, 1>(0, 0) == answer{0, 0}));
    BOOST_TEST((hot<64, 4096>(0, 0) == answer{0, 0}));
}

BOOST_AUTO_TEST_CASE(a_layout_known_to_the_compiler_is_served_as_the_definition_says)
{
    for (std::size_t start = 0; start <= 256; start += 16) {
        for (std::size_t length = 0; length <= 512; length += 16) {
            std::uintptr_t const cursor = base + start;
            std::uintptr_t const limit = cursor + length;
            BOOST_TEST((hot<1, 1>(cursor, limit) == wanted(cursor, limit, {.bytes = 1, .align = 1}, true)));
            BOOST_TEST((hot<64, 16>(cursor, limit) == wanted(cursor, limit, {.bytes = 64, .align = 16}, true)));
            BOOST_TEST((hot<65, 8>(cursor, limit) == wanted(cursor, limit, {.bytes = 65, .align = 8}, true)));
            BOOST_TEST((hot<64, 64>(cursor, limit) == wanted(cursor, limit, {.bytes = 64, .align = 64}, true)));
            BOOST_TEST((hot<16, 256>(cursor, limit) == wanted(cursor, limit, {.bytes = 16, .align = 256}, true)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
