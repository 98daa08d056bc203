// SPDX-License-Identifier: MIT OR Apache-2.0

// Groups, in a translation unit of their own: heap blocks are inlined elsewhere as long as nobody else there asks for them.

#include "groups.hpp"

#include "measure.hpp"

#include <framealloc/group/group.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace framealloc;
using measure::both_lengths;
using measure::repeat;
using measure::use;

struct item {
    unsigned char bytes[64];
};
struct with_destructor {
    unsigned char bytes[64];
    ~with_destructor() { use(this); }
};

constexpr auto group_step = [](auto& g) { use(g.template alloc<item>()); };
constexpr auto group_make_step = [](auto& g) { use(g.template make<with_destructor>()); };

/// A number that is another one each time, for all that the compiler knows.
[[gnu::always_inline]] inline void change(std::size_t& n) { asm volatile("" : "+r"(n)); }

template <class Group>
[[gnu::noinline]] void raw_group(std::size_t turns, Group& group, std::size_t bytes, std::size_t align) {
    for (; turns != 0; --turns) {
        change(bytes), change(align);
        use(group.alloc(layout{.bytes = bytes, .align = align}));
    }
}

/// A group whose chunk has room for a whole measurement, anew for each length.
template <class Run>
void in_a_group(char const* name, bool shared, Run run) {
    constexpr std::size_t roomy = std::size_t{8} << 20;
    smart_alloc alloc;
    group_of<smart_alloc> group;
    both_lengths(
        name,
        [&] {
            group = alloc.groups().create({}, {.first_block_bytes = roomy, .block_bytes = roomy, .shared = shared});
            use(group.alloc<item>());
        },
        [&](std::size_t n) { run(n, group); },
        [&] {
            if (group.stats().blocks != 1) {
                std::fputs("instructions: a group took a block while it was measured\n", stderr);
                std::exit(1);
            }
        });
}

}  // namespace

void groups::all() {
    in_a_group("group_alloc/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/ref", false, [](std::size_t n, auto& g) {
        auto ref = g.ref();
        repeat(n, ref, group_step);
    });
    in_a_group("group_alloc/shared", true, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/raw_object", false, [](std::size_t n, auto& g) { raw_group(n, g, 64, 16); });
    in_a_group("group_make/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_make_step); });
}
