// SPDX-License-Identifier: MIT OR Apache-2.0

// How long single operations take, each one timed: p50_ns, p99_ns, p999_ns and max_ns. The times are the processor's counter
// less what measuring nothing takes. The counter moves in steps (step_ns: 10 on some processors) and waits for what is under
// way, so that what is shorter than a step is not told apart and may come out as 0: what is shown is the tail. The longest
// time is mostly the host's. An item is one timed operation, with what belongs to it untimed. FRAMEALLOC_PERF_HISTOGRAM=1 in
// the environment prints each histogram to the error stream.
//
//   latency_frame_alloc         one request of 16 to 512 bytes in a frame of 1,000
//   latency_end_frame           the end of such a frame; general allocators free its blocks
//   latency_pool_alloc          one block of 64 bytes, while at most 100 are alive, taken and freed in turns
//   latency_pool_refill         the slowest of 128 requests of 64 bytes in a row, of 10,240 that are all freed afterwards: a
//                               refill of a thread's cache is among them
//   latency_cross_thread_free   freeing a block of 64 bytes that another thread has allocated and written
//   latency_object_pool         one object of 64 bytes in an object pool, in place of a random one of 10,000 that are alive
//   latency_heap                one block of 8 to 256 KiB, taken in place of one of 64 that are alive, not written
//
// The limits are the bump pointer and the free list of support/limits.hpp.

#include "support/compare.hpp"
#include "support/limits.hpp"
#include "support/object_pools.hpp"
#include "support/ring.hpp"
#include "support/shared_blocks.hpp"
#include "support/thread_random.hpp"
#include "support/ticks.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t requests_per_frame = 1000;

[[gnu::always_inline]] inline void use(void* p) { asm volatile("" : : "r"(p) : "memory"); }

/// Adds the figures to the benchmark's line.
void report(benchmark::State& state, char const* workload, char const* contender, ticks::stopwatch const& watch) {
    histogram const& times = watch.times();
    double const unit = ticks::scale::here().nanoseconds;
    auto const nanoseconds = [&](std::uint64_t ticks) { return static_cast<double>(ticks) * unit; };
    state.counters["p50_ns"] = nanoseconds(times.at(0.50));
    state.counters["p99_ns"] = nanoseconds(times.at(0.99));
    state.counters["p999_ns"] = nanoseconds(times.at(0.999));
    state.counters["max_ns"] = nanoseconds(times.max());
    state.counters["step_ns"] = nanoseconds(ticks::scale::here().step);
    state.SetItemsProcessed(static_cast<std::int64_t>(times.total()));
    if (std::getenv("FRAMEALLOC_PERF_HISTOGRAM") != nullptr) {
        times.print(stderr, (std::string{workload} + "/" + contender).c_str(), unit, "ns");
    }
}

// --- who can serve a frame, and blocks --------------------------------------------------------------------------------

struct frames_of_ours {
    framealloc::smart_alloc alloc;
    void begin() { alloc.begin_frame(); }
    [[gnu::always_inline]] void* take(std::size_t bytes) {
        return alloc.frame_alloc(framealloc::layout{.bytes = bytes, .align = 16});
    }
    [[gnu::always_inline]] void end() { alloc.end_frame(); }
};
struct frames_of_the_limit {
    limits::bump memory;
    frames_of_the_limit() { memory.reserve(requests_per_frame * 512); }
    ~frames_of_the_limit() { memory.release(); }
    frames_of_the_limit(frames_of_the_limit const&) = delete;
    frames_of_the_limit& operator=(frames_of_the_limit const&) = delete;
    void begin() {}
    [[gnu::always_inline]] void* take(std::size_t bytes) { return memory.take(bytes); }
    [[gnu::always_inline]] void end() { memory.reset(); }
};
template <class Malloc>
struct frames_of_malloc {
    std::array<void*, requests_per_frame> blocks;
    std::size_t count = 0;
    void begin() {}
    [[gnu::always_inline]] void* take(std::size_t bytes) { return blocks[count++] = Malloc::allocate(bytes); }
    [[gnu::always_inline]] void end() {
        while (count > 0) Malloc::free(blocks[--count]);
    }
};

/// A free list for blocks of 64 bytes, and one per thread where several take from it.
struct blocks_of_the_limit {
    limits::blocks memory{12'000, 64};
    struct from {
        limits::free_list list;
        template <std::size_t>
        [[gnu::always_inline]] void* take() {
            return list.take();
        }
        template <std::size_t>
        [[gnu::always_inline]] void give(void* p) {
            list.give(p);
        }
    };
    from source() { return {memory.list()}; }
};

struct heap_of_ours {
    framealloc::smart_alloc alloc;
    static framealloc::layout layout_of(std::size_t bytes) { return {.bytes = bytes, .align = 16}; }
    [[gnu::always_inline]] void* take(std::size_t bytes) { return alloc.heap_alloc(layout_of(bytes)); }
    void give(void* p, std::size_t bytes) { alloc.heap_free(p, layout_of(bytes)); }
};
template <class Malloc>
struct heap_of_malloc {
    [[gnu::always_inline]] void* take(std::size_t bytes) { return Malloc::allocate(bytes); }
    void give(void* p, std::size_t) { Malloc::free(p); }
};

// --- what is timed ----------------------------------------------------------------------------------------------------

std::array<std::uint16_t, requests_per_frame> const frame_sizes = [] {
    std::array<std::uint16_t, requests_per_frame> drawn{};
    thread_random random{0};
    for (std::uint16_t& bytes : drawn) bytes = static_cast<std::uint16_t>(random.between(16, 512));
    return drawn;
}();

struct frame_alloc {
    static constexpr char const* workload = "latency_frame_alloc";
    template <class Frames>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        Frames frames;
        for (auto _ : state) {
            frames.begin();
            for (std::uint16_t const bytes : frame_sizes) {
                watch.begin();
                use(frames.take(bytes));
                watch.end();
            }
            frames.end();
        }
    }
};
struct end_frame {
    static constexpr char const* workload = "latency_end_frame";
    template <class Frames>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        Frames frames;
        for (auto _ : state) {
            frames.begin();
            for (std::uint16_t const bytes : frame_sizes) use(frames.take(bytes));
            watch.begin();
            frames.end();
            use(&frames);
            watch.end();
        }
    }
};
struct pool_alloc {
    static constexpr char const* workload = "latency_pool_alloc";
    template <class Blocks>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        Blocks blocks;
        auto from = blocks.source();
        std::array<void*, 100> taken;
        for (auto _ : state) {
            for (void*& p : taken) {
                watch.begin();
                use(p = from.template take<64>());
                watch.end();
            }
            for (void* const p : taken) from.template give<64>(p);
        }
    }
};
struct pool_refill {
    static constexpr char const* workload = "latency_pool_refill";
    template <class Blocks>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        constexpr std::size_t in_a_row = 128;
        Blocks blocks;
        auto from = blocks.source();
        std::vector<void*> taken(80 * in_a_row);
        for (auto _ : state) {
            for (std::size_t first = 0; first < taken.size(); first += in_a_row) {
                std::uint64_t slowest = 0;
                for (std::size_t i = first; i < first + in_a_row; ++i) {
                    watch.begin();
                    use(taken[i] = from.template take<64>());
                    slowest = std::max(slowest, watch.took());
                }
                watch.record(slowest);
            }
            for (void* const p : taken) from.template give<64>(p);
        }
    }
};
struct cross_thread_free {
    static constexpr char const* workload = "latency_cross_thread_free";
    template <class Blocks>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        constexpr std::size_t in_a_turn = 100;
        Blocks blocks;
        auto const between = std::make_unique<ring>();
        std::thread freeing{[&] {
            auto from = blocks.source();
            while (void* const p = between->take()) {
                watch.begin();
                from.template give<64>(p);
                watch.end();
            }
        }};
        {
            auto from = blocks.source();
            for (auto _ : state) {
                for (std::size_t i = 0; i < in_a_turn; ++i) {
                    auto* const p = static_cast<std::size_t*>(from.template take<64>());
                    *p = i;
                    between->put(p);
                }
            }
            between->put(nullptr);
        }
        freeing.join();
    }
};
struct object_made {
    static constexpr char const* workload = "latency_object_pool";
    template <class Pool>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        constexpr std::size_t count = 10'000;
        Pool pool{count};
        thread_random random{0};
        std::vector<object_pools::object*> alive(count);
        for (object_pools::object*& o : alive) o = pool.make(1);
        for (auto _ : state) {
            object_pools::object*& o = alive[random.below(alive.size())];
            pool.end(o);
            watch.begin();
            use(o = pool.make(2));
            watch.end();
        }
        for (object_pools::object* const o : alive) pool.end(o);
    }
};
struct heap {
    static constexpr char const* workload = "latency_heap";
    template <class Heap>
    static void run(benchmark::State& state, ticks::stopwatch& watch) {
        struct block {
            void* memory;
            std::size_t bytes;
        };
        Heap from;
        thread_random random{0};
        auto const draw_bytes = [&] { return random.between(std::size_t{8} << 10, std::size_t{256} << 10); };
        std::array<block, 64> alive;
        for (block& b : alive) {
            b.bytes = draw_bytes();
            b.memory = from.take(b.bytes);
        }
        for (auto _ : state) {
            block& b = alive[random.below(alive.size())];
            from.give(b.memory, b.bytes);
            b.bytes = draw_bytes();
            watch.begin();
            use(b.memory = from.take(b.bytes));
            watch.end();
        }
        for (block const& b : alive) from.give(b.memory, b.bytes);
    }
};

// --- who does it ------------------------------------------------------------------------------------------------------

template <class Timed, class Who>
void timed(benchmark::State& state, char const* contender) {
    auto const watch = std::make_unique<ticks::stopwatch>();
    Timed::template run<Who>(state, *watch);
    report(state, Timed::workload, contender, *watch);
}
template <class Timed, class Who>
void add(char const* contender) {
    compare::add(Timed::workload, contender, [=](benchmark::State& state) {
        timed<Timed, Who>(state, contender);
    })->UseRealTime();
}
template <class Timed, template <class> class Who>
void add_mallocs() {
    compare::add_mallocs(
        Timed::workload, []<class Malloc>(benchmark::State& state) { timed<Timed, Who<Malloc>>(state, Malloc::name); },
        [](benchmark::internal::Benchmark* b) { b->UseRealTime(); });
}
template <class Timed>
void add_frames() {
    add<Timed, frames_of_the_limit>("limit");
    add<Timed, frames_of_ours>("framealloc");
    add_mallocs<Timed, frames_of_malloc>();
}
template <class Timed>
void add_blocks() {
    add<Timed, shared_blocks::object>("framealloc");
    add<Timed, shared_blocks::local>("framealloc_local");
    add_mallocs<Timed, shared_blocks::through_malloc>();
}
bool add_all() {
    add_frames<frame_alloc>();
    add_frames<end_frame>();
    add<pool_alloc, blocks_of_the_limit>("limit");
    add_blocks<pool_alloc>();
    add<pool_refill, blocks_of_the_limit>("limit");
    add_blocks<pool_refill>();
    add_blocks<cross_thread_free>();
    add<object_made, object_pools::limit>("limit");
    add<object_made, object_pools::fixed>("framealloc");
    add<object_made, object_pools::growing>("framealloc_growing");
    add<object_made, object_pools::bitmap>("framealloc_bitmap");
    add<object_made, object_pools::pmr>("pmr");
    add_mallocs<object_made, object_pools::general>();
    add<heap, heap_of_ours>("framealloc");
    add_mallocs<heap, heap_of_malloc>();
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
