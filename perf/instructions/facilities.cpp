// SPDX-License-Identifier: MIT OR Apache-2.0

// Groups, scratch arenas, handles and object pools, in a translation unit of their own: heap blocks are inlined elsewhere as long as nobody else there asks for them.

#include "facilities.hpp"

#include "measure.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>
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

/// Of which nothing is initialised, as `boost::pool` initialises nothing.
struct unit {
    unit() noexcept {}
    unsigned char bytes[64];
};
template <class Pool>
void object_pool(char const* name, Pool& pool) {
    auto const pair = [](Pool& p) {
        unit* const object = p.allocate();
        use(object);
        p.free(object);
        measure::forget();
    };
    repeat(8, pool, pair);
    both_lengths(name, [] {}, [&](std::size_t n) { repeat(n, pool, pair); }, [] {});
}
void object_pools() {
    constexpr std::size_t room = 100;
    fixed_pool<unit> fixed{room};
    static_pool<unit, room> in_place;
    growing_pool<unit> growing{room};
    fixed_pool<unit, slots::bitmap> bitmap{room};
    fixed_pool<unit, diagnostics::counters> counted{room};
    lock_free_pool<unit> lock_free{room};
    concurrent_pool<unit> with_mutex{room};
    object_pool("object_pool_pair/fixed", fixed);
    object_pool("object_pool_pair/static", in_place);
    object_pool("object_pool_pair/growing", growing);
    object_pool("object_pool_pair/bitmap", bitmap);
    object_pool("object_pool_pair/counters", counted);
    object_pool("object_pool_pair/lock_free", lock_free);
    object_pool("object_pool_pair/mutex", with_mutex);
}

}  // namespace

void facilities::all() {
    scratch_arenas();
    handles();
    object_pools();
    in_a_group("group_alloc/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/ref", false, [](std::size_t n, auto& g) {
        auto ref = g.ref();
        repeat(n, ref, group_step);
    });
    in_a_group("group_alloc/shared", true, [](std::size_t n, auto& g) { repeat(n, g, group_step); });
    in_a_group("group_alloc/raw_object", false, [](std::size_t n, auto& g) { raw_group(n, g, 64, 16); });
    in_a_group("group_make/object", false, [](std::size_t n, auto& g) { repeat(n, g, group_make_step); });
}
