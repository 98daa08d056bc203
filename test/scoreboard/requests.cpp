// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/arena/fixed.hpp>

#include <cstdint>
#include <limits>

// R14 to R17: requests that cannot be, or that look so.

namespace scoreboard {
namespace {

// A variable, as a count that has overflowed comes out of one.
std::size_t volatile all_bytes = std::numeric_limits<std::size_t>::max();

/// Refused by the forms that may refuse, one after the other, and nothing has changed.
template <class Alloc>
[[gnu::always_inline]] inline answer refused_everywhere(Alloc& alloc, layout l)
{
    alloc_stats before = alloc.stats();
    bool const refused = alloc.try_heap_alloc(l) == nullptr && alloc.try_pool_alloc(l) == nullptr &&
                         alloc.try_frame_alloc(l) == nullptr;
    alloc_stats const after = alloc.stats();
    before.backend_calls = after.backend_calls;  // who asks has asked
    before.operations = after.operations;
    bool const unchanged = before == after;
    return refused && unchanged && alloc.verify() ? answer::refused : answer::silent;
}

// --- R14 ----------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer alignment_of_0(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = 100, .align = 0});
}
template <class Alloc>
[[gnu::noinline]] answer alignment_of_24(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = 100, .align = 24});
}
template <class Alloc>
[[gnu::noinline]] answer alignment_of_4_MiB(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = 100, .align = 4 << 20});
}

// --- R15 ----------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer array_whose_bytes_overflow(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout::array_of<int>(all_bytes / 2));
}

template <class Alloc>
[[gnu::noinline]] answer array_whose_bytes_overflow_by_the_plain_forms(subject<Alloc>& s)
{
    std::size_t const n = all_bytes / 2;
    bool const refused = throws([&] { static_cast<void>(s.alloc().template frame_array<int>(n)); }) &&
                         throws([&] { static_cast<void>(s.alloc().template pool_array<int>(n)); }) &&
                         throws([&] { static_cast<void>(s.alloc().template heap_array<int>(n)); });
    return refused && s.alloc().verify() ? answer::refused : answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer size_that_overflows_with_its_head(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = all_bytes - 8});
}

// --- R16 ----------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer zero_bytes(subject<Alloc>& s)
{
    layout const nothing{.bytes = 0};
    Alloc& a = s.alloc();
    void* const f[] = {a.frame_alloc(nothing), a.frame_alloc(nothing)};
    void* const p[] = {a.pool_alloc(nothing), a.pool_alloc(nothing)};
    void* const h[] = {a.heap_alloc(nothing), a.heap_alloc(nothing)};
    bool right = f[0] != nullptr && f[1] != nullptr;
    right = right && p[0] != nullptr && p[1] != nullptr && p[0] != p[1];
    right = right && h[0] != nullptr && h[1] != nullptr && h[0] != h[1];
    a.pool_free(p[0]);
    a.pool_free(p[1], nothing);
    a.heap_free(h[0]);
    a.heap_free(h[1], nothing);
    return defined_if(right && a.stats().pool_blocks_live == 0 && a.stats().heap_blocks_live == 0 && a.verify());
}

// --- R17 ----------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer more_bytes_than_a_pointer_difference(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = std::size_t{PTRDIFF_MAX} + 1});
}

template <class Alloc>
[[gnu::noinline]] answer more_bytes_than_there_are(subject<Alloc>& s)
{
    return refused_everywhere(s.alloc(), layout{.bytes = std::size_t{1} << 46});
}

template <class Alloc>
using with_fixed_arena =
    basic_smart_alloc<arena::fixed<4096>, typename Alloc::assembly_type::budget, typename Alloc::assembly_type::diagnostics>;

template <class Alloc>
[[gnu::noinline]] answer more_bytes_than_a_fixed_arena_has(subject<Alloc>&)
{
    subject<with_fixed_arena<Alloc>> s;
    return s.in_place([&] {
        bool const refused = s.alloc().try_frame_alloc(layout{.bytes = 5000}) == nullptr;
        bool const goes_on = s.alloc().try_frame_alloc(layout{.bytes = 3000}) != nullptr;
        return refused && goes_on && s.alloc().verify() ? answer::refused : answer::silent;
    });
}

}  // namespace

template <class Alloc>
std::vector<misuse> request_misuses()
{
    using enum result;
    auto const wrong_alignment = [](misuse m) { return std::move(m).release(refused).hardened(stopped, "FA305").checked(stopped, "FA305"); };
    auto const wrong_size = [](misuse m) { return std::move(m).release(refused).hardened(named, "FA304").checked(named, "FA304"); };
    auto const said_by_refusing = [](misuse m) { return std::move(m).release(refused).checked(refused); };
    return {
        wrong_alignment(FRAMEALLOC_MISUSE("R14", alignment_of_0, "an alignment of 0")),
        wrong_alignment(FRAMEALLOC_MISUSE("R14", alignment_of_24, "of 24")),
        wrong_alignment(FRAMEALLOC_MISUSE("R14", alignment_of_4_MiB, "of 4 MiB")),

        wrong_size(FRAMEALLOC_MISUSE("R15", array_whose_bytes_overflow, "n * sizeof(T) overflows")),
        said_by_refusing(FRAMEALLOC_MISUSE("R15", array_whose_bytes_overflow_by_the_plain_forms,
                                           "the same by the forms that throw")),
        wrong_size(FRAMEALLOC_MISUSE("R15", size_that_overflows_with_its_head, "a size that overflows with its head")),

        FRAMEALLOC_MISUSE("R16", zero_bytes, "zero bytes").release(defined).checked(defined),

        wrong_size(FRAMEALLOC_MISUSE("R17", more_bytes_than_a_pointer_difference, "more than PTRDIFF_MAX bytes")),
        said_by_refusing(FRAMEALLOC_MISUSE("R17", more_bytes_than_there_are, "more bytes than there are")),
        FRAMEALLOC_MISUSE("R17", more_bytes_than_a_fixed_arena_has, "more than a fixed arena has")
            .release(refused)
            .hardened(named, "FA003")
            .checked(named, "FA003"),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> request_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
