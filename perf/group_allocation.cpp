// SPDX-License-Identifier: MIT OR Apache-2.0

// Memory that goes all at once, by group and by frame: 1,000 requests of 64 bytes that the compiler knows, and of 16 to 512
// bytes that it does not, then the end of all. An item is one request. The limit is a bump pointer over one buffer that is
// never given back. A group takes its blocks anew each time, from the heap blocks that the instance keeps, and gives them back
// one by one; `std::pmr` takes its own from a pool of the standard library and gives them back to it, or, as `pmr_buffer`, has
// one buffer as the limit has. A frame keeps its chunks.
//
// `group_free`: what freeing takes, alone, for a thousand and for a million objects that are trivial, and for a thousand
// strings, which have destructors. General allocators free each object.

#include "support/frame_contenders.hpp"
#include "support/frame_requests.hpp"

#include <framealloc/group/group.hpp>
#include <framealloc/smart_alloc.hpp>

#include <chrono>
#include <list>
#include <string>

namespace {

using framealloc::group_config;
using framealloc::group_of;
using framealloc::smart_alloc;

template <class Verbs>
struct group_verbs {
    Verbs& group;
    template <std::size_t Bytes, std::size_t Align>
    [[gnu::always_inline]] void* take() {
        return group.template alloc<frames::storage<Bytes, Align>>();
    }
    [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
        return group.alloc(framealloc::layout{.bytes = bytes, .align = align});
    }
};

template <bool Shared>
struct in_group {
    smart_alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto group = alloc.groups().create({}, {.first_block_bytes = std::size_t{64} << 10, .shared = Shared});
        group_verbs<decltype(group)> from{group};
        body(from);
    }
};
struct in_group_by_reference {
    smart_alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto const group = alloc.groups().create({}, {.first_block_bytes = std::size_t{64} << 10});
        auto ref = group.ref();
        group_verbs<decltype(ref)> from{ref};
        body(from);
    }
};
struct pmr_pooled {
    std::pmr::unsynchronized_pool_resource upstream{{.largest_required_pool_block = std::size_t{2} << 20}};
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        std::pmr::monotonic_buffer_resource resource{std::size_t{64} << 10, &upstream};
        frames::pmr_monotonic::source from{resource};
        body(from);
    }
};

struct equal {
    template <class Source>
    [[gnu::always_inline]] static void serve(Source& from) {
        for (std::size_t i = 0; i < frame_requests::per_frame; ++i) {
            frame_requests::use(from.template take<64, 16>());
        }
    }
};
frame_requests::table const sizes = frame_requests::draw<1>({16});
using drawn = frame_requests::drawn<sizes>;

template <class Work>
void add_workload(char const* workload) {
    auto const run = []<class Frames>(benchmark::State& state) {
        Frames frames;
        auto const work = [](auto& from) __attribute__((always_inline)) { Work::serve(from); };
        for (int warm = 0; warm < 3; ++warm) frames.frame(work);
        for (auto _ : state) frames.frame(work);
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frame_requests::per_frame));
    };
    frames::add<frames::limit>(workload, "limit", run);
    frames::add<in_group<false>>(workload, "framealloc", run);
    frames::add<in_group_by_reference>(workload, "framealloc_ref", run);
    frames::add<in_group<true>>(workload, "framealloc_shared", run);
    frames::add<frames::object>(workload, "framealloc_frame", run);
    frames::add<frames::local>(workload, "framealloc_frame_local", run);
    frames::add<pmr_pooled>(workload, "pmr", run);
    frames::add<frames::pmr_monotonic>(workload, "pmr_buffer", run);
    compare::add_mallocs(workload, [run]<class Malloc>(benchmark::State& state) {
        run.template operator()<frames::freed_one_by_one<Malloc>>(state);
    });
}

// --- freeing ----------------------------------------------------------------------------------------------------------

/// Times `free` alone, of what `fill` has made.
template <class Fill, class Free>
void time_freeing(benchmark::State& state, Fill fill, Free free) {
    for (auto _ : state) {
        fill();
        auto const before = std::chrono::steady_clock::now();
        free();
        std::chrono::duration<double> const took = std::chrono::steady_clock::now() - before;
        state.SetIterationTime(took.count());
    }
}

template <class T, class... Args>
void free_group(benchmark::State& state, std::size_t objects, Args... args) {
    smart_alloc alloc;
    group_of<smart_alloc> group;
    time_freeing(
        state,
        [&] {
            group = alloc.groups().create();
            for (std::size_t i = 0; i < objects; ++i) benchmark::DoNotOptimize(group.make<T>(args...));
        },
        [&] { group.free(); });
}
template <class Malloc>
void free_each(benchmark::State& state, std::size_t objects) {
    std::vector<void*> blocks(objects);
    time_freeing(
        state,
        [&] {
            for (void*& p : blocks) p = Malloc::allocate(64);
        },
        [&] {
            for (void* const p : blocks) Malloc::free(p);
        });
}

[[maybe_unused]] bool const registered = [] {
    add_workload<equal>("group_equal_16");
    add_workload<drawn>("group_sizes");
    using item = frames::storage<64, 16>;
    for (std::size_t const objects : {1'000U, 1'000'000U}) {
        std::string const workload = "group_free_" + std::to_string(objects);
        auto const few_turns = [objects](benchmark::internal::Benchmark* b) {
            b->UseManualTime()->Iterations(objects == 1'000 ? 300 : 5);
        };
        few_turns(compare::add(workload, "framealloc",
                               [objects](benchmark::State& state) { free_group<item>(state, objects, item{}); }));
        compare::add_mallocs(
            workload, [objects]<class Malloc>(benchmark::State& state) { free_each<Malloc>(state, objects); },
            few_turns);
    }
    compare::add("group_free_1000_strings", "framealloc",
                 [](benchmark::State& state) {
                     free_group<std::string>(state, 1'000, std::string("a text that does not fit into the string"));
                 })
        ->UseManualTime()
        ->Iterations(300);
    return true;
}();

}  // namespace
