// SPDX-License-Identifier: MIT OR Apache-2.0

// Rounds of a scratch arena: 1,000 requests of 64 bytes that the compiler knows, and of 16 to 512 bytes that it does not, then the
// end of the round. An item is one request. The limit is a bump pointer over one buffer that is never given back.
//
// `framealloc` resets its arena, `framealloc_scope` opens a scope of it for each round, `framealloc_contiguous` is one in one piece.
// `framealloc_group` makes and frees a group for each round, which is what a group is not for; `framealloc_frame` is a frame for
// each round, which is what a scratch arena may not be able to have. `std::pmr` takes its blocks from a pool of the standard library,
// or, as `pmr_buffer`, has one buffer as the limit has.

#include "support/frame_contenders.hpp"
#include "support/frame_requests.hpp"

#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

namespace {

using framealloc::smart_alloc;

template <class Verbs>
struct verbs {
    Verbs& from;
    template <std::size_t Bytes, std::size_t Align>
    [[gnu::always_inline]] void* take() {
        return from.template alloc<frames::storage<Bytes, Align>>();
    }
    [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
        return from.alloc(framealloc::layout{.bytes = bytes, .align = align});
    }
};

template <class Arena>
struct in_rounds {
    smart_alloc alloc;
    framealloc::scratch_arena<Arena> scratch{alloc, "rounds"};
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        verbs<decltype(scratch)> from{scratch};
        body(from);
        scratch.reset();
    }
};
struct in_scopes {
    smart_alloc alloc;
    framealloc::scratch_arena<> scratch{alloc, "scopes"};
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto const round = scratch.scope();
        verbs<decltype(scratch)> from{scratch};
        body(from);
    }
};
struct in_groups {
    smart_alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto group = alloc.groups().create({}, {.first_block_bytes = std::size_t{64} << 10});
        verbs<decltype(group)> from{group};
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
    frames::add<in_rounds<framealloc::arena::chunked<>>>(workload, "framealloc", run);
    frames::add<in_scopes>(workload, "framealloc_scope", run);
    frames::add<in_rounds<framealloc::arena::virtual_memory<>>>(workload, "framealloc_contiguous", run);
    frames::add<in_groups>(workload, "framealloc_group", run);
    frames::add<frames::object>(workload, "framealloc_frame", run);
    frames::add<pmr_pooled>(workload, "pmr", run);
    frames::add<frames::pmr_monotonic>(workload, "pmr_buffer", run);
    compare::add_mallocs(workload, [run]<class Malloc>(benchmark::State& state) {
        run.template operator()<frames::freed_one_by_one<Malloc>>(state);
    });
}

[[maybe_unused]] bool const registered = [] {
    add_workload<equal>("scratch_equal_16");
    add_workload<drawn>("scratch_sizes");
    return true;
}();

}  // namespace
