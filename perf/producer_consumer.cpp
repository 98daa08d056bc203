// SPDX-License-Identifier: MIT OR Apache-2.0

// One thread allocates blocks of 64 bytes and writes into each, another reads and frees them; a ring of 4,096 places lies
// between. An item is one block, allocated, handed over and freed; the time is the clock's. `hand_over` alone is the ring.

#include "support/pools.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace {

/// A ring between one writer and one reader. Each looks at the other's position only when its own view of it runs out.
class ring {
public:
    void put(void* p) {
        while (head_ - seen_tail_ == places) {
            seen_tail_ = tail_shared_.load(std::memory_order_acquire);
            if (head_ - seen_tail_ == places) std::this_thread::yield();
        }
        slots_[head_ % places] = p;
        head_shared_.store(++head_, std::memory_order_release);
    }
    void* take() {
        while (tail_ == seen_head_) {
            seen_head_ = head_shared_.load(std::memory_order_acquire);
            if (tail_ == seen_head_) std::this_thread::yield();
        }
        void* const p = slots_[tail_ % places];
        tail_shared_.store(++tail_, std::memory_order_release);
        return p;
    }

private:
    static constexpr std::size_t places = 4096;
    void* slots_[places]{};
    alignas(64) std::size_t head_ = 0;
    std::size_t seen_tail_ = 0;
    alignas(64) std::size_t tail_ = 0;
    std::size_t seen_head_ = 0;
    alignas(64) std::atomic<std::size_t> head_shared_{0};
    alignas(64) std::atomic<std::size_t> tail_shared_{0};
};

template <class Pool>
void producer_consumer(benchmark::State& state) {
    auto const pool = std::make_unique<Pool>();
    auto const between = std::make_unique<ring>();
    std::thread consumer{[&] {
        auto from = pool->source();
        unsigned long sum = 0;
        while (auto* const p = static_cast<unsigned long*>(between->take())) {
            sum += *p;
            from.template give<64>(p);
        }
        benchmark::DoNotOptimize(sum);
    }};
    {
        auto from = pool->source();
        unsigned long turn = 0;
        for (auto _ : state) {
            auto* const p = static_cast<unsigned long*>(from.template take<64>());
            *p = ++turn;
            between->put(p);
        }
        between->put(nullptr);
    }
    consumer.join();
    state.SetItemsProcessed(state.iterations());
}
template <class Malloc>
void producer_consumer_of(benchmark::State& state) {
    if (Malloc::is_here(state)) producer_consumer<pools::through_malloc<Malloc>>(state);
}

/// No allocator at all: twice as many blocks as the ring has places, in turn.
struct hand_over {
    struct from {
        static constexpr std::size_t count = 8192;
        unsigned char* blocks;
        std::size_t next = 0;
        template <std::size_t>
        void* take() {
            return blocks + (next++ % count) * 64;
        }
        template <std::size_t>
        void give(void*) {}
    };
    std::unique_ptr<unsigned char[]> memory = std::make_unique<unsigned char[]>(from::count * 64);
    from source() { return {memory.get()}; }
};

BENCHMARK_TEMPLATE(producer_consumer, hand_over)->UseRealTime();
BENCHMARK_TEMPLATE(producer_consumer, pools::local)->UseRealTime();
BENCHMARK_TEMPLATE(producer_consumer, pools::object)->UseRealTime();
BENCHMARK_TEMPLATE(producer_consumer, pools::checked)->UseRealTime();
BENCHMARK_TEMPLATE(producer_consumer_of, general::mimalloc)->UseRealTime();
BENCHMARK_TEMPLATE(producer_consumer_of, general::glibc)->UseRealTime();

}  // namespace
