// SPDX-License-Identifier: MIT OR Apache-2.0

// Groups, scratch arenas and handles, in a translation unit of their own: heap blocks are inlined elsewhere as long as nobody else there asks for them.

#include "facilities.hpp"

#include "measure.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/scratch/scratch_arena.hpp>
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
constexpr auto scratch_round = [](auto& s) {
    use(s.template alloc<item>());
    s.reset();
};
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

/// A scratch arena whose first chunk has room for a whole measurement.
void scratch_arenas() {
    smart_alloc alloc;
    scratch_arena<arena::fixed<(std::size_t{8} << 20)>> scratch{alloc};
    auto const prepare = [&] {
        scratch.reset();
        use(scratch.alloc<item>());
    };
    auto const nothing = [] {};
    both_lengths("scratch_alloc/object", prepare, [&](std::size_t n) { repeat(n, scratch, group_step); }, nothing);
    both_lengths(
        "scratch_alloc/and_reset", prepare, [&](std::size_t n) { repeat(n, scratch, scratch_round); }, nothing);
}

struct named {
    handle_allocator<>::heap_type& heap;
    handle<item> name;
};
void handles() {
    smart_alloc alloc;
    handle_allocator<> owner{alloc};
    named object{*owner, owner->make<item>()};
    auto const nothing = [] {};
    both_lengths(
        "handle_resolve/object", nothing,
        [&](std::size_t n) { repeat(n, object, [](named& o) { use(o.heap.resolve(o.name)); }); }, nothing);
    both_lengths(
        "handle_pin_pair/object", nothing,
        [&](std::size_t n) {
            repeat(n, object, [](named& o) {
                use(o.heap.pin(o.name));
                o.heap.unpin(o.name);
            });
        },
        nothing);
}

}  // namespace

void facilities::all() {
    scratch_arenas();
    handles();
    in_a_group("group_alloc/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/ref", false, [](std::size_t n, auto& g) {
        auto ref = g.ref();
        repeat(n, ref, group_step);
    });
    in_a_group("group_alloc/shared", true, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/raw_object", false, [](std::size_t n, auto& g) { raw_group(n, g, 64, 16); });
    in_a_group("group_make/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_make_step); });
}
