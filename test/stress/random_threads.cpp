// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/model.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <barrier>
#include <mutex>
#include <tuple>

// Threads that free each other's blocks, come and go, and share frames. Each block carries a mark of its own, so that
// two owners of one block, or a block given out twice, are seen by whoever frees it.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using every_assembly =
    std::tuple<smart_alloc, smart_alloc_debug, basic_smart_alloc<sync::mutex<std::mutex>, diagnostics::counters>,
               basic_smart_alloc<pool::size_class<16, 256, 4096>, arena::chunked<1024, 16384>>>;

struct block {
    unsigned char* p = nullptr;
    std::size_t bytes = 0;
    unsigned char mark = 0;
    bool by_heap = false;
};

bool intact(block const& b) {
    for (std::size_t i = 0; i < b.bytes; ++i) {
        if (b.p[i] != b.mark) return false;
    }
    return true;
}

/// Where threads leave blocks for each other.
class exchange_place {
public:
    /// Puts a block in place of another one, which may be none.
    block swap(std::size_t i, block b) {
        slot& s = slots_[i % count];
        std::scoped_lock const guard{s.mutex};
        std::swap(s.held, b);
        return b;
    }
    template <class F>
    void for_each(F&& f) {
        for (slot& s : slots_) f(s.held);
    }

private:
    static constexpr std::size_t count = 512;
    struct slot {
        std::mutex mutex;
        block held;
    };
    slot slots_[count];
};

template <class Alloc>
class worker {
public:
    worker(Alloc& alloc, exchange_place& place, std::atomic<std::size_t>& wrong, std::uint64_t seed)
        : alloc_(alloc), place_(place), wrong_(wrong), random_(seed) {}

    void run(std::size_t steps) {
        bool in_frame = false;
        std::vector<block> in_frame_blocks;
        auto const leave_frame = [&] {
            for (block const& b : in_frame_blocks) wrong_ += !intact(b);
            in_frame_blocks.clear();
            alloc_.end_frame();
            in_frame = false;
        };
        for (std::size_t i = 0; i < steps; ++i) {
            if (random_.below(50) == 0) in_frame ? leave_frame() : (alloc_.begin_frame(), void(in_frame = true));
            if (in_frame) {
                std::size_t const bytes = 16 + random_.below(500);
                auto* const p = static_cast<unsigned char*>(alloc_.frame_alloc({.bytes = bytes, .align = 16}));
                in_frame_blocks.push_back(filled(p, bytes, false));
            }
            give(place_.swap(random_.next(), take()));
        }
        if (in_frame && random_.below(2) != 0) leave_frame();
    }

private:
    block filled(unsigned char* p, std::size_t bytes, bool by_heap) {
        auto const mark = static_cast<unsigned char>(random_.next());
        std::memset(p, mark, bytes);
        return {p, bytes, mark, by_heap};
    }
    block take() {
        std::size_t const bytes = random_.below(30) == 0 ? 3000 + random_.below(20000) : 8 + random_.below(300);
        bool const by_heap = random_.below(20) == 0;
        layout const given{.bytes = bytes, .align = 8};
        return filled(static_cast<unsigned char*>(by_heap ? alloc_.heap_alloc(given) : alloc_.pool_alloc(given)), bytes,
                      by_heap);
    }
    void give(block const& b) {
        if (b.p == nullptr) return;
        wrong_ += !intact(b);
        layout const given{.bytes = b.bytes, .align = 8};
        switch (random_.below(2) + 2 * b.by_heap) {
            case 0: return alloc_.pool_free(b.p, given);
            case 1: return alloc_.pool_free(b.p);
            case 2: return alloc_.heap_free(b.p, given);
            default: return alloc_.heap_free(b.p);
        }
    }

    Alloc& alloc_;
    exchange_place& place_;
    std::atomic<std::size_t>& wrong_;
    random_numbers random_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(random_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_that_free_each_others_blocks_never_meet_in_one, Alloc, every_assembly)
{
    fault_recorder faults;  // threads end inside frames, which is reported with checks
    for (std::uint64_t const seed : seeds(2)) {
        Alloc alloc{alloc_config{.heap_cache_bytes = 100000, .retained_slabs = 1}};
        exchange_place place;
        std::atomic<std::size_t> wrong{0};
        // Generations of threads: what one leaves, the next one frees.
        for (std::uint64_t generation = 0; generation < repetitions(6, 3); ++generation) {
            on_threads(6, [&](std::size_t t) {
                worker<Alloc>{alloc, place, wrong, seed * 1000 + generation * 10 + t}.run(repetitions(8000, 1500));
            });
            BOOST_TEST_INFO("FRAMEALLOC_TEST_SEED=" << seed);
            BOOST_TEST(bool(alloc.verify()));
            BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
        }
        std::size_t in_place = 0;
        place.for_each([&](block const& b) {
            if (b.p == nullptr) return;
            ++in_place;
            wrong += !intact(b);
        });
        BOOST_TEST(wrong == 0u);
        BOOST_TEST(alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live == in_place);
        place.for_each([&](block const& b) { b.by_heap ? alloc.heap_free(b.p) : alloc.pool_free(b.p); });
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
    for (fault_code const code : faults.codes()) {
        if (code != fault_code::frame_left_open) BOOST_TEST(code == fault_code{});
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(frames_of_all_go_on_while_workers_come_go_and_free, Alloc, every_assembly)
{
    Alloc alloc;
    exchange_place place;
    std::atomic<std::size_t> wrong{0}, objects{0};
    struct counts {
        std::atomic<std::size_t>* alive;
        explicit counts(std::atomic<std::size_t>* a) : alive(a) { ++*alive; }
        ~counts() { --*alive; }
    };
    constexpr std::size_t frames = repetitions(300, 60), residents = 3;
    std::barrier sync_point{residents + 1};
    auto const work = [&](std::uint64_t seed) {
        for (int i = 0; i < 20; ++i) {
            auto* const p = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = 5000, .align = 64}));
            p[0] = p[4999] = static_cast<unsigned char>(seed);
            alloc.template frame_new<counts>(&objects);
            wrong += p[0] != static_cast<unsigned char>(seed) || p[4999] != p[0];
            void* const q = alloc.pool_alloc(layout{.bytes = 100, .align = 8});
            std::memset(q, 7, 100);
            block const theirs = place.swap(seed + unsigned(i), {static_cast<unsigned char*>(q), 100, 7, false});
            if (theirs.p != nullptr) alloc.pool_free(theirs.p, layout{.bytes = 100, .align = 8});
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < residents; ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t f = 0; f < frames; ++f) {
                sync_point.arrive_and_wait();
                work(t);
                sync_point.arrive_and_wait();
            }
        });
    }
    for (std::size_t f = 0; f < frames; ++f) {
        alloc.begin_frame_all();
        sync_point.arrive_and_wait();
        on_a_thread([&] { work(100 + f); });  // a worker for this frame only, that ends inside it
        sync_point.arrive_and_wait();
        wrong += objects != (residents + 1) * 20;
        alloc.end_frame_all();
        wrong += objects != 0;
        wrong += alloc.stats().frame_bytes_used != 0;
    }
    for (std::thread& t : threads) t.join();
    BOOST_TEST(wrong == 0u);
    place.for_each([&](block const& b) { alloc.pool_free(b.p); });
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().frames_begun == (residents + 1) * frames);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
