// SPDX-License-Identifier: MIT OR Apache-2.0

// What allocators hold when threads free what others have allocated, in the four patterns of test/stress/remote_frees.cpp.
// 80,000 places for blocks of 16 to 1,024 bytes, 42 MB together, are filled and emptied; every byte is written.
//
//   remote_frees_one_producer    one thread fills all places, then 31 threads empty them, then both at once; twice.
//   remote_frees_swapping        31 threads fill and one empties, then one fills and 31 empty: in turn, then at once.
//   remote_frees_sleeping_owner  one thread fills all places and sleeps; seven others empty them, fill and empty them again,
//                                and once more.
//   remote_frees_churn           5,000 short threads, four at a time: 2,500 fill 32 places each, as many empty 32 that as many
//                                threads have filled.
//
// peak_over_live_bytes: the most by which residence had grown beyond what was asked for and alive then, looked at every 10 ms
// and when all threads have come to rest. Threads that do the same go through the places together, in their order: neighbours
// go to different threads, and yet memory becomes free from one end to the other, so that it could go back. (Were each thread
// to free from all over in its own time, a few blocks would be left everywhere, and no allocator could give back anything.)
//
// In a process of its own for each contender. An item is one block, taken and given back; waiting is in its time.

#include "support/alone.hpp"
#include "support/resident.hpp"
#include "support/shared_blocks.hpp"
#include "support/smoke.hpp"
#include "support/thread_random.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

/// How a block begins, so that whoever finds it can free it.
struct head {
    std::size_t bytes;
};
using places = std::vector<std::atomic<head*>>;

/// Bytes that one of many threads has taken and given. It alone writes, others add up.
struct alignas(64) tally {
    std::atomic<std::size_t> taken{0}, given{0};

    static void add(std::atomic<std::size_t>& sum, std::size_t n) {
        sum.store(sum.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }
};

/// Looks at what is resident every 10 ms, on a thread of its own, and keeps the most beyond what was live.
class watch {
public:
    explicit watch(std::vector<tally> const& tallies) : tallies_(tallies) { ready_.wait(); }
    ~watch() {
        {
            std::lock_guard const guard{guard_};
            over_ = true;
        }
        ended_.notify_one();
        thread_.join();
    }
    watch(watch const&) = delete;
    watch& operator=(watch const&) = delete;

    void look() {
        std::lock_guard const guard{looking_};
        // At most so much was live at any moment of the look: what was given before it and taken until its end.
        std::size_t const given = sum(&tally::given);
        std::size_t const resident = resident_bytes();
        std::size_t const expected = before_ + sum(&tally::taken) - given;
        if (resident > expected) most_ = std::max(most_, resident - expected);
    }
    /// When nobody runs any more.
    [[nodiscard]] double most() {
        std::lock_guard const guard{looking_};
        return static_cast<double>(most_);
    }

private:
    [[nodiscard]] std::size_t sum(std::atomic<std::size_t> tally::* what) const {
        std::size_t all = 0;
        for (tally const& t : tallies_) all += (t.*what).load(std::memory_order_acquire);
        return all;
    }
    void run() {
        static_cast<void>(resident_bytes());  // what a look needs is there before anything is counted
        before_ = resident_bytes();
        std::unique_lock guard{guard_};
        ready_.count_down();
        while (!ended_.wait_for(guard, std::chrono::milliseconds{10}, [&] { return over_; })) look();
    }

    std::vector<tally> const& tallies_;
    std::size_t before_ = 0, most_ = 0;
    std::mutex guard_, looking_;
    std::condition_variable ended_;
    std::latch ready_{1};
    bool over_ = false;
    std::thread thread_{[this] { run(); }};
};

/// One thread's way to the blocks.
template <class Source>
class worker {
public:
    worker(Source from, std::size_t seed, places& all, tally& mine)
        : from_(from), random_(seed), all_(all), mine_(mine) {}

    void take(std::size_t place) {
        std::size_t const bytes = random_.between(16, 1024);
        tally::add(mine_.taken, bytes);
        void* const p = from_.take(bytes);
        std::memset(p, 1, bytes);
        all_[place].store(::new (p) head{bytes}, std::memory_order_release);
    }
    /// Waits for a block that is on its way.
    void give(std::size_t place) {
        head* p = nullptr;
        while ((p = all_[place].exchange(nullptr, std::memory_order_acquire)) == nullptr) std::this_thread::yield();
        std::size_t const bytes = p->bytes;
        from_.give(p, bytes);
        tally::add(mine_.given, bytes);
    }
    /// All places, in their order, together with whoever has the same `next`.
    void take_all(std::atomic<std::size_t>& next) {
        for (std::size_t place; (place = next.fetch_add(1)) < all_.size();) take(place);
    }
    void give_all(std::atomic<std::size_t>& next) {
        for (std::size_t place; (place = next.fetch_add(1)) < all_.size();) give(place);
    }

private:
    Source from_;
    thread_random random_;
    places& all_;
    tally& mine_;
};

/// More than a thread will need, so that what is counted is the allocator's.
[[gnu::noinline]] void touch_stack() {
    unsigned char room[std::size_t{32} << 10];
    std::memset(room, 1, sizeof room);
    benchmark::DoNotOptimize(&room);
}

std::size_t place_count() { return work(80'000, 2'000); }

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
alone::figures figures_of(watch& seen, double seconds, std::size_t items) {
    return {
        .counters = {{"peak_over_live_bytes", seen.most()}}, .items = static_cast<double>(items), .seconds = seconds};
}

/// What a thread does in a step.
enum class role { none, takes, gives };

/// `threads` threads take `steps` steps together: `role_of(s, n)` is thread n's part in step s. `fillings`: how often they
/// fill all places in all.
template <class Blocks, class Roles>
alone::figures together(std::size_t threads, std::size_t steps, std::size_t fillings, Roles role_of) {
    auto const blocks = std::make_unique<Blocks>();
    places all(place_count());
    std::vector<tally> tallies(threads);
    std::vector<std::atomic<std::size_t>> next_to_take(steps), next_to_give(steps);
    auto const count = static_cast<std::ptrdiff_t>(threads);
    std::latch there{count}, begin{1};
    watch* seen = nullptr;
    std::barrier at_rest{count, [&]() noexcept { seen->look(); }};
    std::vector<std::thread> crew;
    for (std::size_t n = 0; n < threads; ++n) {
        crew.emplace_back([&, n] {
            touch_stack();
            there.count_down();
            begin.wait();
            worker mine{blocks->source(), n, all, tallies[n]};
            for (std::size_t s = 0; s < steps; ++s) {
                role const r = role_of(s, n);
                if (r == role::takes) mine.take_all(next_to_take[s]);
                if (r == role::gives) mine.give_all(next_to_give[s]);
                at_rest.arrive_and_wait();
            }
        });
    }
    there.wait();
    watch watching{tallies};
    seen = &watching;
    auto const began = std::chrono::steady_clock::now();
    begin.count_down();
    for (std::thread& t : crew) t.join();
    return figures_of(watching, seconds_since(began), fillings * all.size());
}

/// In turn, and then at once: the part of who takes, or gives, in a step of each three.
role in_turn_then_at_once(std::size_t step, bool takes) {
    if (step % 3 == (takes ? 1 : 0)) return role::none;
    return takes ? role::takes : role::gives;
}

template <class Blocks>
alone::figures one_producer() {
    return together<Blocks>(32, 6, 4,
                            [](std::size_t step, std::size_t n) { return in_turn_then_at_once(step, n == 0); });
}
template <class Blocks>
alone::figures swapping() {
    return together<Blocks>(32, 6, 4, [](std::size_t step, std::size_t n) {
        std::size_t const turn = step / 3, alone = 11 * turn;
        return in_turn_then_at_once(step, (n == alone) == (turn % 2 != 0));
    });
}
template <class Blocks>
alone::figures sleeping_owner() {
    return together<Blocks>(8, 6, 3, [](std::size_t step, std::size_t n) {
        if (step == 0) return n == 0 ? role::takes : role::none;
        return n == 0 ? role::none : step % 2 == 0 ? role::takes : role::gives;
    });
}

template <class Blocks>
alone::figures churn() {
    constexpr std::size_t at_a_time = 4, each = 32;
    auto const blocks = std::make_unique<Blocks>();
    std::size_t const lives = place_count() / each;
    places all(lives * each);
    std::vector<tally> tallies(at_a_time);
    auto const live = [&](auto life) {
        std::array<std::thread, at_a_time> running;
        for (std::size_t i = 0; i < lives; ++i) {
            std::thread& next = running[i % at_a_time];
            if (next.joinable()) next.join();
            next = std::thread{[&, i] { life(worker{blocks->source(), i, all, tallies[i % at_a_time]}, i); }};
        }
        for (std::thread& t : running) {
            if (t.joinable()) t.join();
        }
    };
    // What four threads cost that do nothing.
    std::latch there{at_a_time}, over{1};
    std::vector<std::thread> idle;
    for (std::size_t n = 0; n < at_a_time; ++n) {
        idle.emplace_back([&] { touch_stack(), there.count_down(), over.wait(); });
    }
    there.wait();
    watch watching{tallies};
    over.count_down();
    for (std::thread& t : idle) t.join();

    auto const began = std::chrono::steady_clock::now();
    live([&](auto mine, std::size_t i) {
        for (std::size_t place = i * each; place < (i + 1) * each; ++place) mine.take(place);
    });
    watching.look();
    live([&](auto mine, std::size_t i) {
        for (std::size_t place = i; place < all.size(); place += lives) mine.give(place);
    });
    watching.look();
    return figures_of(watching, seconds_since(began), all.size());
}

template <class Of>
void add(char const* workload, Of of) {
    using shared_blocks::fine, shared_blocks::object, shared_blocks::through_malloc;
    alone::add(workload, "framealloc", [of] { return of.template operator()<object>(); });
    alone::add(workload, "framealloc_fine", [of] { return of.template operator()<fine>(); });
    alone::add_mallocs(workload, [of]<class Malloc>() { return of.template operator()<through_malloc<Malloc>>(); });
}
bool add_all() {
    add("remote_frees_one_producer", []<class Blocks>() { return one_producer<Blocks>(); });
    add("remote_frees_swapping", []<class Blocks>() { return swapping<Blocks>(); });
    add("remote_frees_sleeping_owner", []<class Blocks>() { return sleeping_owner<Blocks>(); });
    add("remote_frees_churn", []<class Blocks>() { return churn<Blocks>(); });
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
