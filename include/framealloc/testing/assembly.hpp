// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for whole assemblies: whether policies that each keep their promises also work together.
//
//     #include <framealloc/testing/assembly.hpp>
//     framealloc::basic_smart_alloc<my_backend, my_sync> alloc;
//     auto const report = framealloc::testing::check_assembly(alloc);
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/testing/detail/threads.hpp>
#include <framealloc/testing/detail/verb_trials.hpp>

namespace framealloc::inline v0_1::testing {
namespace kit {

/// The kit makes mistakes on purpose; they are counted here instead of being printed.
class quiet_faults {
public:
    quiet_faults() : before_(set_fault_handler(&count)) { counted().store(0); }
    ~quiet_faults() { set_fault_handler(before_); }
    quiet_faults(quiet_faults const&) = delete;
    quiet_faults& operator=(quiet_faults const&) = delete;

    [[nodiscard]] std::size_t seen() const { return counted().load(); }

private:
    static std::atomic<std::size_t>& counted() {
        static std::atomic<std::size_t> n{0};
        return n;
    }
    static fault_action count(fault const&) {
        counted().fetch_add(1);
        return fault_action::go_on;
    }

    fault_handler before_;
};

/// Where ended frames stay alive for a while, ends as many empty ones as it takes until they have gone.
template <class Alloc>
void let_ended_frames_go(Alloc& alloc) {
    for (std::size_t i = 1; i < frames_in_flight_of<typename Alloc::assembly_type::arena>; ++i) {
        alloc.begin_frame();
        alloc.end_frame();
    }
}

template <class Alloc>
void check_frame_life(Alloc& alloc, conformance_report& report, quiet_faults const& faults) {
    std::size_t const mistakes = faults.seen();
    report.expect(!alloc.frame_is_open() && alloc.try_frame_alloc(layout{.bytes = 8, .align = 8}) == nullptr,
                  "outside a frame nothing is served");
    report.expect(faults.seen() == mistakes + 1, "a request outside a frame is reported");
    int alive = 0;
    for (int round = 0; round < 3; ++round) {
        unsigned long long const number = alloc.frame_number();
        if (round == 1) {
            report.expect(alloc.try_begin_frame(), "a frame can be begun");
        } else {
            alloc.begin_frame();
        }
        report.expect(alloc.frame_is_open() && alloc.frame_number() == number + 1, "frames are numbered");
        int const left = try_frame_verbs(alloc, report, alive);
        report.expect(alive == left, "objects live until the end of their frame");
        report.expect(alloc.stats().frame_bytes_used > 1000, "used bytes are known inside a frame");
        alloc.end_frame();
        let_ended_frames_go(alloc);
        report.expect(alive == 0, "the end of a frame destroys its objects");
        report.expect(alloc.stats().frame_bytes_used == 0, "after a frame nothing of it is in use",
                      {{"bytes", alloc.stats().frame_bytes_used}});
    }
}

template <class Alloc>
void check_scopes(Alloc& alloc, conformance_report& report) {
    int alive = 0;
    {
        auto outer = alloc.frame_scope();
        report.expect(alloc.frame_is_open(), "a scope opens the frame");
        static_cast<void>(outer.template frame_new<witness>(alive));
        std::size_t const used = alloc.stats().frame_bytes_used;
        {
            auto inner = alloc.ref().frame_scope();
            static_cast<void>(inner.template frame_new<witness>(alive));
            static_cast<void>(inner.frame_alloc(layout{.bytes = 100, .align = 64}));
        }
        report.expect(alive == 1 && alloc.stats().frame_bytes_used == used,
                      "the end of a scope takes back what was in it",
                      {{"alive", static_cast<unsigned long long>(alive)},
                       {"before", used},
                       {"after", alloc.stats().frame_bytes_used}});
        auto const mark = alloc.checkpoint();
        static_cast<void>(alloc.template frame_new<witness>(alive));
        report.expect(alloc.rollback(mark) && alive == 1 && alloc.stats().frame_bytes_used == used,
                      "a roll-back takes back what came after the checkpoint");
        {
            auto guard = alloc.rollback_guard();
            static_cast<void>(alloc.template frame_new<witness>(alive));
        }
        report.expect(alive == 1, "a guard rolls back");
        {
            auto guard = alloc.rollback_guard();
            static_cast<void>(alloc.template frame_new<witness>(alive));
            report.expect(guard.commit(), "a guard can be committed");
        }
        report.expect(alive == 2, "what was committed stays");
    }
    bool const is_open = alloc.frame_is_open();
    let_ended_frames_go(alloc);
    report.expect(alive == 0 && !is_open, "the outermost scope ends the frame");
    alloc.begin_frame_all();
    static_cast<void>(alloc.template frame_new<witness>(alive));
    report.expect(alive == 1 && alloc.frame_is_open(), "a frame of all threads is joined by the first request");
    alloc.end_frame_all();
    let_ended_frames_go(alloc);
    report.expect(alive == 0 && !alloc.frame_is_open(), "the end of a frame of all threads ends it for each");
}

/// Bytes of a frame that an int takes, with what is kept around it.
template <class Alloc>
inline constexpr std::size_t served_bytes =
    detail::round_up(detail::whole_of<typename Alloc::assembly_type>(layout::of<int>()).bytes, granule);

template <class Alloc>
void check_routes(Alloc& alloc, conformance_report& report) {
    alloc.begin_frame();
    operation_counts const before = alloc.stats().operations;
    std::size_t const used = alloc.stats().frame_bytes_used;
    int* const f = alloc.template allocate<intent::frame, int>();
    int* const g = alloc.template allocate<int>(intent::frame);
    int* const p = alloc.template allocate<intent::pool, int>();
    int* const q = alloc.template allocate<int>(intent::pool);
    int* const h = alloc.template allocate<intent::heap, int>();
    int* const k = alloc.template allocate<int>(intent::heap);
    report.expect(f != nullptr && g != nullptr && alloc.stats().frame_bytes_used == used + 2 * served_bytes<Alloc>,
                  "the frame's intent goes to the frame", {{"bytes", alloc.stats().frame_bytes_used - used}});
    constexpr bool has_pools = Alloc::assembly_type::pool::class_count != 0;
    report.expect(alloc.stats().pool_blocks_live == (has_pools ? 2 : 0), "the pool's intent goes to the pools",
                  {{"blocks", alloc.stats().pool_blocks_live}});
    report.expect(alloc.stats().heap_blocks_live == (has_pools ? 2 : 4), "the heap's intent goes to the heap",
                  {{"blocks", alloc.stats().heap_blocks_live}});
    if constexpr (Alloc::assembly_type::diagnostics::counts_operations) {
        operation_counts const after = alloc.stats().operations;
        report.expect(after.frame_allocations == before.frame_allocations + 2, "frame allocations are counted");
        report.expect(
            after.pool_allocations + after.heap_allocations == before.pool_allocations + before.heap_allocations + 4,
            "pool and heap allocations are counted");
    } else {
        report.expect(alloc.stats().operations == before, "where nothing is counted the counts stay as they are");
    }
    alloc.template pool_free<int>(p);
    alloc.pool_free(q);
    alloc.template heap_free<int>(h);
    alloc.heap_free(k);
    alloc.end_frame();
}

template <class Alloc>
void check_blocks(Alloc& alloc, conformance_report& report) {
    auto const usable = [&alloc](void* p) { return alloc.usable_size(p); };
    try_block_verbs<pool_names>(alloc, report, usable);
    try_block_verbs<heap_names>(alloc, report, usable);
}

/// The same verbs by the other ways to them: `local()`, a handle, a scope.
template <class Alloc>
void check_ways(Alloc& alloc, conformance_report& report) {
    auto const usable = [&alloc](void* p) { return alloc.usable_size(p); };
    auto ref = alloc.ref();
    report.expect(ref == alloc.ref(), "handles to one instance are equal");
    int alive = 0;
    {
        auto scope = alloc.frame_scope();
        static_cast<void>(try_frame_verbs(scope, report, alive));
        static_cast<void>(try_frame_verbs(alloc.local(), report, alive));
        static_cast<void>(try_frame_verbs(ref, report, alive));
    }
    let_ended_frames_go(alloc);
    report.expect(alive == 0, "objects live in the frame, whichever way they came");
    try_block_verbs<pool_names>(alloc.local(), report, usable);
    try_block_verbs<pool_names>(ref, report, usable);
    try_block_verbs<heap_names>(alloc.local(), report, usable);
    try_block_verbs<heap_names>(ref, report, usable);
}

/// Each thread has a frame of its own; what one takes from pools and heap another gives back; all join a common frame.
template <class Alloc>
void check_alloc_threads(Alloc& alloc, conformance_report& report, std::size_t threads) {
    std::vector<std::vector<block>> hands(threads);
    alloc.begin_frame_all();
    std::size_t const spoiled = failures_of_threads(threads, [&](std::size_t i) {
        std::size_t failures = !alloc.attach_thread();
        int* const shared = alloc.template frame_alloc<int>();
        *shared = static_cast<int>(i);
        random_numbers random{i};
        for (std::size_t n = 0; n < 500; ++n) {
            layout const request{.bytes = 1 + random.below(n % 50 == 0 ? 9000 : 300),
                                 .align = std::size_t{1} << random.below(7)};
            void* const p = n % 5 == 0 ? alloc.try_heap_alloc(request) : alloc.try_pool_alloc(request);
            if (p == nullptr) continue;
            write_pattern(p, request.bytes, n);
            hands[i].push_back({p, request, n});
        }
        return failures + (*shared != static_cast<int>(i));
    });
    alloc.end_frame_all();
    std::vector<block> all;
    for (auto const& hand : hands) all.insert(all.end(), hand.begin(), hand.end());
    report.expect(!all.empty() && !overlap(all), "threads get blocks that do not overlap", {{"blocks", all.size()}});
    std::size_t const lost = failures_of_threads(threads, [&](std::size_t i) {
        std::size_t failures = 0;
        auto scope = alloc.frame_scope();
        int* const own = scope.template frame_alloc<int>();
        *own = static_cast<int>(i);
        for (block const& b : hands[(i + 1) % threads]) {
            failures += !b.intact();
            if (b.seed % 5 == 0) {
                alloc.heap_free(b.p, b.given);
            } else {
                alloc.pool_free(b.p, b.given);
            }
        }
        return failures + (*own != static_cast<int>(i));
    });
    report.expect(spoiled + lost == 0, "threads do not disturb each other", {{"failures", spoiled + lost}});
}

/// What is empty goes back; the kit holds nothing when this is called.
template <class Alloc>
void check_trim(Alloc& alloc, conformance_report& report) {
    std::size_t const before = alloc.stats().backend_bytes;
    std::size_t const gone = alloc.trim();
    alloc_stats const after = alloc.stats();
    report.expect(before - gone == after.backend_bytes, "trim() answers what the backend has got",
                  {{"before", before}, {"answer", gone}, {"after", after.backend_bytes}});
    report.expect(after.pool_bytes_cached == 0 && after.heap_bytes_cached == 0, "trim() empties what is cached",
                  {{"pool bytes", after.pool_bytes_cached}, {"heap bytes", after.heap_bytes_cached}});
    report.expect(after.pool_bytes_reserved == 0, "without a live block no slab is kept",
                  {{"bytes", after.pool_bytes_reserved}});
    report.expect(alloc.trim() == 0, "a second trim() finds nothing");
}

/// What holds when everything has been given back.
template <class Alloc>
void check_rest(Alloc& alloc, conformance_report& report) {
    alloc_stats const stats = alloc.stats();
    report.expect(stats.pool_blocks_live == 0 && stats.heap_blocks_live == 0, "what was given back is no longer alive",
                  {{"pool blocks", stats.pool_blocks_live}, {"heap blocks", stats.heap_blocks_live}});
    report.expect(stats.frame_bytes_used == 0, "no frame is in use", {{"bytes", stats.frame_bytes_used}});
    report.expect(stats.backend_calls != 0 && stats.threads == 1,
                  "the backend was asked, and the other threads are gone",
                  {{"calls", stats.backend_calls}, {"threads", stats.threads}});
    report.expect(alloc.budget().used_bytes() <= alloc.budget().limit_bytes(), "the budget is kept",
                  {{"used", alloc.budget().used_bytes()}, {"limit", alloc.budget().limit_bytes()}});
    auto const sound = alloc.verify();
    report.expect(
        static_cast<bool>(sound), sound ? "every structure is sound" : sound.first.note,
        {{"first", sound.first.numbers[0]}, {"second", sound.first.numbers[1]}, {"third", sound.first.numbers[2]}});
}

}  // namespace kit

/// Runs the interface of a whole allocator: frames, pools and heap in all forms, on several threads unless it is one
/// thread's. No frame is open and nothing is alive when it is called, nor afterwards. It needs some 12 KiB of frame and
/// 2 MiB of blocks, and replaces the process's fault handler while it runs.
template <class Alloc>
[[nodiscard]] conformance_report check_assembly(Alloc& alloc, std::size_t threads = 3) {
    conformance_report report{"assembly"};
    kit::quiet_faults const faults;
    report.expect(alloc.attach_thread({.frame_bytes = 4096}), "a thread's state can be made beforehand");
    report.expect(alloc.id() != 0 || Alloc::assembly_type::sync::one_thread, "an instance in use has a number");
    report.expect(alloc.config().region_bytes != 0, "an instance tells its configuration");
    static_cast<void>(alloc.backend());
    kit::check_frame_life(alloc, report, faults);
    kit::check_scopes(alloc, report);
    kit::check_routes(alloc, report);
    kit::check_blocks(alloc, report);
    if constexpr (!Alloc::assembly_type::sync::one_thread) kit::check_alloc_threads(alloc, report, threads);
    kit::check_rest(alloc, report);
    kit::check_trim(alloc, report);
    kit::check_rest(alloc, report);
    return report;
}

/// The same verbs by the other ways to them, `local()`, `ref()` and a scope. Apart, because they are the same templates
/// once more, and compiling them takes as long again.
template <class Alloc>
[[nodiscard]] conformance_report check_ways_to_assembly(Alloc& alloc) {
    conformance_report report{"ways to an assembly"};
    kit::quiet_faults const faults;
    kit::check_ways(alloc, report);
    kit::check_rest(alloc, report);
    return report;
}

}  // namespace framealloc::testing
