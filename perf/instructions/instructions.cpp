// SPDX-License-Identifier: MIT OR Apache-2.0

// One loop per operation, for tools/instructions.sh, which runs this program under callgrind. Run by itself it does the
// same work and counts nothing.

#include "facilities.hpp"
#include "measure.hpp"
#include "peers.hpp"

#include "support/limits.hpp"

#include <framealloc/tag_budgets.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc_debug.hpp>
#include <framealloc/smart_alloc_hardened.hpp>
#include <framealloc/smart_alloc_sampled.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace framealloc;
using measure::both_lengths;
using measure::forget;
using measure::many;
using measure::one_call;
using measure::repeat;
using measure::use;

struct item {
    unsigned char bytes[64];
};
struct with_destructor {
    unsigned char bytes[64];
    ~with_destructor() { use(this); }
};
static_assert(sizeof(item) == 64 && std::is_trivially_destructible_v<item>);

/// A frame whose window has room for a whole measurement, so that no chunk is taken in it: allocates until the frame
/// has reached its first chunk of the largest size.
template <class A>
void begin_roomy_frame(A& alloc) {
    alloc.begin_frame();
    while (alloc.stats().frame_bytes_reserved < (std::size_t{1} << 20)) {
        for (int i = 0; i < 64; ++i) use(alloc.template frame_alloc<item>());
    }
}
template <class A>
void begin_frame_and_note(A& alloc, std::size_t& reserved) {
    begin_roomy_frame(alloc);
    reserved = alloc.stats().frame_bytes_reserved;
}
/// A measurement that met the slow path would be no measurement.
template <class A>
void end_frame_that_did_not_grow(A& alloc, std::size_t reserved) {
    if (alloc.stats().frame_bytes_reserved != reserved) {
        std::fputs("instructions: a frame took a chunk while it was measured\n", stderr);
        std::exit(1);
    }
    alloc.end_frame();
}

template <class A, class Run>
void in_a_frame(char const* name, A& alloc, Run run) {
    std::size_t reserved = 0;
    both_lengths(
        name, [&] { begin_frame_and_note(alloc, reserved); }, run,
        [&] { end_frame_that_did_not_grow(alloc, reserved); });
}
template <class Run>
void without_preparation(char const* name, Run run) {
    both_lengths(name, [] {}, run, [] {});
}

template <class Scope>
[[gnu::always_inline]] inline void frame_turns(std::size_t turns, Scope& scope) {
    for (; turns != 0; --turns) use(scope.template frame_alloc<item>());
}

template <class A>
[[gnu::noinline]] void in_a_scope(std::size_t turns, A& alloc) {
    auto scope = alloc.frame_scope();
    frame_turns(turns, scope);
}

// --- the library ------------------------------------------------------------------------------------------------------

constexpr auto frame_step = [](auto& a) { use(a.template frame_alloc<item>()); };
constexpr auto frame_new_step = [](auto& a) { use(a.template frame_new<with_destructor>()); };
constexpr auto pool_step = [](auto& a) {
    item* const p = a.template pool_alloc<item>();
    use(p);
    a.template pool_free<item>(p);
    forget();
};
constexpr auto pool_by_address_step = [](auto& a) {
    item* const p = a.template pool_alloc<item>();
    use(p);
    a.pool_free(p);
    forget();
};
constexpr auto heap_step = [](auto& a) {
    void* const p = a.heap_alloc(layout{.bytes = std::size_t{1} << 20, .align = 16});
    use(p);
    a.heap_free(p, layout{.bytes = std::size_t{1} << 20, .align = 16});
    forget();
};

/// A number that is another one each time, for all that the compiler knows.
[[gnu::always_inline]] inline void change(std::size_t& n) { asm volatile("" : "+r"(n)); }

template <class A>
[[gnu::noinline]] void raw_frame(std::size_t turns, A& alloc, std::size_t bytes, std::size_t align) {
    for (; turns != 0; --turns) {
        change(bytes), change(align);
        use(alloc.frame_alloc(layout{.bytes = bytes, .align = align}));
    }
}
template <class A>
[[gnu::noinline]] void raw_frame_of_plain_alignment(std::size_t turns, A& alloc, std::size_t bytes) {
    for (; turns != 0; --turns) {
        change(bytes);
        use(alloc.frame_alloc(layout{.bytes = bytes, .align = 16}));
    }
}

constexpr allocation_tag one_tag{"one"}, other_tag{"one/other"};

/// A scope entered and left: two switches.
[[gnu::noinline]] void tag_scopes(std::size_t turns, basic_smart_alloc<budget::per_tag>& alloc) {
    for (; turns != 0; --turns) {
        auto const scope = alloc.tag_scope(other_tag);
        use(&alloc);
    }
}

void frames() {
    smart_alloc alloc;
    smart_alloc_single_threaded single;
    basic_smart_alloc<diagnostics::counters> counted;
    basic_smart_alloc<budget::per_tag> tagged;

    in_a_frame("frame_alloc/object", alloc, [&](std::size_t n) { repeat(n, alloc, frame_step); });
    in_a_frame("frame_alloc/local", alloc, [&](std::size_t n) { repeat(n, alloc.local(), frame_step); });
    in_a_frame("frame_alloc/scope", alloc, [&](std::size_t n) { in_a_scope(n, alloc); });
    in_a_frame("frame_alloc/ref", alloc, [&](std::size_t n) {
        auto ref = alloc.ref();
        repeat(n, ref, frame_step);
    });
    in_a_frame("frame_alloc/single_threaded", single, [&](std::size_t n) { repeat(n, single, frame_step); });
    in_a_frame("frame_alloc/counters", counted, [&](std::size_t n) { repeat(n, counted, frame_step); });
    in_a_frame("frame_alloc/per_tag", tagged, [&](std::size_t n) {
        auto const scope = tagged.tag_scope(one_tag);
        repeat(n, tagged, frame_step);
    });
    in_a_frame("tag_scope/per_tag", tagged, [&](std::size_t n) { tag_scopes(n, tagged); });
    in_a_frame("frame_alloc/raw_object", alloc, [&](std::size_t n) { raw_frame(n, alloc, 64, 16); });
    in_a_frame("frame_alloc/raw_local", alloc, [&](std::size_t n) { raw_frame(n, alloc.local(), 64, 16); });
    in_a_frame("frame_alloc/raw_object_align16", alloc,
               [&](std::size_t n) { raw_frame_of_plain_alignment(n, alloc, 64); });
    in_a_frame("frame_new/object", alloc, [&](std::size_t n) { repeat(n, alloc, frame_new_step); });
}

/// A new block each time: with every refill that falls due, carving of fresh slabs included.
[[gnu::noinline]] void pool_growth(std::size_t turns, smart_alloc& alloc, item** blocks) {
    for (; turns != 0; --turns) {
        item* const p = alloc.pool_alloc<item>();
        use(p);
        *blocks++ = p;
    }
}

void pools() {
    smart_alloc alloc;
    smart_alloc_single_threaded single;
    smart_alloc_debug checked;
    smart_alloc_hardened hardened;
    basic_smart_alloc<diagnostics::counters> counted;
    basic_smart_alloc<budget::per_tag> tagged;
    // So rarely that none falls due while it is measured: what all other allocations pay.
    basic_smart_alloc<diagnostics::sampled<(std::size_t{1} << 30)>> sampled;
    auto const warm = [](auto& a) { a.template pool_free<item>(a.template pool_alloc<item>()); };
    warm(alloc), warm(single), warm(checked), warm(hardened), warm(counted), warm(tagged), warm(sampled);

    static item* blocks[many];
    std::size_t kept = 0;
    both_lengths(
        "pool_alloc/refilled", [] {},
        [&](std::size_t n) {
            pool_growth(n, alloc, blocks);
            kept = n;
        },
        [&] {
            while (kept != 0) alloc.pool_free<item>(blocks[--kept]);
        });
    without_preparation("pool_pair/object", [&](std::size_t n) { repeat(n, alloc, pool_step); });
    without_preparation("pool_pair/local", [&](std::size_t n) { repeat(n, alloc.local(), pool_step); });
    without_preparation("pool_pair/single_threaded", [&](std::size_t n) { repeat(n, single, pool_step); });
    without_preparation("pool_pair/by_address", [&](std::size_t n) { repeat(n, alloc, pool_by_address_step); });
    without_preparation("pool_pair/checked", [&](std::size_t n) { repeat(n, checked, pool_step); });
    without_preparation("pool_pair/counters", [&](std::size_t n) { repeat(n, counted, pool_step); });
    without_preparation("pool_pair/hardened", [&](std::size_t n) { repeat(n, hardened, pool_step); });
    without_preparation("pool_pair/hardened_by_address",
                        [&](std::size_t n) { repeat(n, hardened, pool_by_address_step); });
    without_preparation("pool_pair/hardened_local", [&](std::size_t n) { repeat(n, hardened.local(), pool_step); });
    without_preparation("pool_pair/sampled", [&](std::size_t n) { repeat(n, sampled, pool_step); });
    without_preparation("pool_pair/sampled_by_address",
                        [&](std::size_t n) { repeat(n, sampled, pool_by_address_step); });
    without_preparation("pool_pair/sampled_local", [&](std::size_t n) { repeat(n, sampled.local(), pool_step); });
    without_preparation("pool_pair/per_tag", [&](std::size_t n) { repeat(n, tagged, pool_step); });
}

void heap_blocks() {
    smart_alloc alloc;
    heap_step(alloc);
    without_preparation("heap_pair/object", [&](std::size_t n) { repeat(n, alloc, heap_step); });
}

template <std::size_t Chunks>
void end_of_frame(char const* name) {
    constexpr std::size_t chunk_bytes = 4096;
    basic_smart_alloc<arena::chunked<chunk_bytes, chunk_bytes>> alloc;
    for (int frame = 0; frame < 2; ++frame) {
        alloc.begin_frame();
        for (std::size_t i = 0; i < Chunks; ++i)
            use(alloc.frame_alloc(layout{.bytes = chunk_bytes / 2 + 1024, .align = 16}));
        if (alloc.stats().frame_bytes_reserved != Chunks * chunk_bytes) {
            std::fputs("instructions: a frame has not as many chunks as it should\n", stderr);
            std::exit(1);
        }
        if (frame == 0) {
            alloc.end_frame();
        } else {
            one_call(name, [&] { alloc.end_frame(); });
        }
    }
}

[[gnu::noinline]] void empty_frames(std::size_t turns, smart_alloc& alloc) {
    for (; turns != 0; --turns) {
        alloc.begin_frame();
        forget();
        alloc.end_frame();
        forget();
    }
}

// --- the limits -----------------------------------------------------------------------------------------------------

[[gnu::noinline]] void bump_in_a_local(std::size_t turns, limits::bump const& prepared) {
    limits::bump_in_registers local{prepared};
    for (; turns != 0; --turns) use(local.take(64));
}
[[gnu::noinline]] void bump_in_a_thread_local(std::size_t turns) {
    for (; turns != 0; --turns) use(limits::thread_bump.take(64));
}
[[gnu::noinline]] void free_list_in_a_local(std::size_t turns, limits::free_list list) {
    for (; turns != 0; --turns) {
        void* const p = list.take();
        use(p);
        list.give(p);
        // In a program other blocks come and go in between. The compiler must not conclude that the list is never empty.
        asm volatile("" : "+r"(list.head) : : "memory");
    }
}
[[gnu::noinline]] void free_list_in_a_thread_local(std::size_t turns) {
    for (; turns != 0; --turns) {
        void* const p = limits::thread_free_list.take();
        use(p);
        limits::thread_free_list.give(p);
        forget();
    }
}

void floors_and_limits() {
    item here{};
    without_preparation("floor", [&](std::size_t n) { repeat(n, here, [](item& p) { use(&p); }); });
    without_preparation("floor_pair", [&](std::size_t n) { repeat(n, here, [](item& p) { use(&p), forget(); }); });
    one_call("floor_call", [] { forget(); });

    limits::bump prepared;
    auto const prepare = [&] { prepared.reserve(many * 64); };
    both_lengths("limit/bump", prepare, [&](std::size_t n) { bump_in_a_local(n, prepared); }, [] {});
    prepared.release();
    auto const prepare_thread = [] { limits::thread_bump.reserve(many * 64); };
    both_lengths("limit/bump_thread_local", prepare_thread, [](std::size_t n) { bump_in_a_thread_local(n); }, [] {});
    limits::thread_bump.release();

    limits::blocks const blocks{4, 64};
    without_preparation("limit/free_list", [&](std::size_t n) { free_list_in_a_local(n, blocks.list()); });
    limits::thread_free_list = blocks.list();
    without_preparation("limit/free_list_thread_local", [](std::size_t n) { free_list_in_a_thread_local(n); });
}

}  // namespace

int main() {
    floors_and_limits();
    frames();
    pools();
    heap_blocks();
    facilities::all();
    end_of_frame<1>("end_frame/1_chunk");
    end_of_frame<2>("end_frame/2_chunks");
    end_of_frame<10'000>("end_frame/10000_chunks");
    smart_alloc alloc;
    repeat(2, alloc, [](smart_alloc& a) { a.begin_frame(), a.end_frame(); });
    without_preparation("begin_end_frame/object", [&](std::size_t n) { empty_frames(n, alloc); });
    peers::all();
}
