// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/live_slabs.hpp"
#include "support/process.hpp"

#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>
#include <tuple>
#include <vector>

// Threads free what others have allocated, in the patterns that make allocators hoard. What an instance may hold then is
// stated (docs/life-of-a-block.md, "What bounds what"). Here it is looked at every 10 ms, and whenever all threads have come
// to rest. Each pattern swings between nothing and twice the bound, so that whoever gives back too little passes it.

using namespace framealloc;
using namespace framealloc::test;

namespace {

// Few blocks in a slab and few in a magazine: here the bound is closest to what is live.
constexpr layout each{.bytes = 4096, .align = 16};

/// What an instance may hold beside its live slabs, from its policies' constants alone. All blocks are of one class.
template <class Alloc>
class stated_bound {
    using assembly = typename Alloc::assembly_type;
    using pool = typename assembly::pool;
    static constexpr std::size_t size_class = pool::class_for(each);
    static constexpr std::size_t capacity = detail::magazine_capacity(pool::class_bytes(size_class));
    static constexpr std::size_t reserve = detail::reserve_depth(pool::class_bytes(size_class));
    // Where blocks go home: 32 batches in an owner's inbox, and as many that it has taken out and not used yet.
    static constexpr std::size_t waiting = returns_to_owner<typename assembly::sync> ? 2 * 32 : 0;

public:
    static constexpr std::size_t slab_bytes = pool::slab_bytes;
    static constexpr std::size_t blocks_of_slab = detail::slab<assembly>::shape_of(size_class).block_count;

    /// `threads` have state. At rest nobody is inside a call; otherwise each may be handing one batch over, and have a block
    /// that is not counted as live yet.
    stated_bound(alloc_config const& config, std::size_t threads, bool at_rest)
        : config_(config), threads_(threads), in_calls_(at_rest ? 0 : threads) {}

    /// Free blocks outside of slabs: in magazines, reserves, inboxes and the depot.
    [[nodiscard]] std::size_t cached_bytes() const { return cached_blocks() * pool::class_bytes(size_class); }
    /// Each of those may be the last of its slab; empty slabs are kept; each thread carves from one.
    [[nodiscard]] std::size_t slabs_beside_live() const {
        return cached_blocks() + config_.retained_slabs + threads_ + in_calls_;
    }
    /// Batches, thread states and regions. They are cut from ranges of 64 KiB, at the end of which less than a page is lost,
    /// and which are committed by 16 KiB.
    [[nodiscard]] std::size_t record_bytes(std::size_t most_slabs) const {
        constexpr std::size_t empties_of_thread = 8, empties_in_common = 64;
        std::size_t const batches = threads_ * (1 + reserve + waiting + empties_of_thread) + 2 * in_calls_
            + detail::depot_depth + empties_in_common;
        std::size_t const bytes = batches * sizeof(detail::batch) + threads_ * sizeof(detail::thread_state<assembly>)
            + most_slabs * sizeof(detail::region);
        return bytes * 16 / 15 + 2 * 16_KiB;
    }
    /// The process's map of addresses, of which a page covers 64 MiB: at most one for each region.
    [[nodiscard]] std::size_t map_bytes(std::size_t most_slabs) const {
        return (most_slabs * slab_bytes / config_.region_bytes + 1) * page_bytes;
    }
    /// A slab that is emptied while another thread has the lock goes back after it, and its pages at once, but for the head's.
    [[nodiscard]] std::size_t bytes_on_the_way(std::size_t most_slabs) const {
        return in_calls_ != 0 ? most_slabs * page_bytes : 0;
    }

private:
    static inline std::size_t const page_bytes = detail::platform::page_bytes();

    [[nodiscard]] std::size_t cached_blocks() const {
        return (threads_ * (1 + reserve + waiting) + in_calls_ + detail::depot_depth) * capacity;
    }

    alloc_config const& config_;
    std::size_t threads_, in_calls_;
};

/// Of all that was looked at, what came closest to its bound or went furthest beyond.
class closest {
public:
    void see(std::size_t value, std::size_t bound) {
        if (seen_ && value + bound_ <= value_ + bound) return;
        seen_ = true;
        value_ = value;
        bound_ = bound;
    }
    [[nodiscard]] bool holds() const { return seen_ && value_ <= bound_; }
    friend std::ostream& operator<<(std::ostream& out, closest const& c) {
        return out << (c.value_ >> 10) << " of " << (c.bound_ >> 10) << " KiB";
    }

private:
    bool seen_ = false;
    std::size_t value_ = 0, bound_ = 0;
};

/// An instance, places for its blocks, and what has been seen of it.
template <class Sync>
class scene {
    using allocator = basic_smart_alloc<Sync>;
    using bound = stated_bound<allocator>;

public:
    /// `threads`: how many have state at the same time, at most.
    explicit scene(std::size_t threads) : threads_(threads), places_(2 * busy().slabs_beside_live() * bound::blocks_of_slab) {}

    [[nodiscard]] std::size_t count() const { return places_.size(); }

    /// Fills a place with a block.
    void take(std::size_t place) {
        void* const p = alloc_.pool_alloc(each);
        *static_cast<std::size_t*>(p) = place;  // a page: so all of it becomes resident
        live_.taken(p);
        places_[place].store(p, std::memory_order_release);
    }
    /// Frees the block of a place, which may be on its way there.
    void give(std::size_t place) {
        void* p = nullptr;
        while ((p = places_[place].exchange(nullptr, std::memory_order_acquire)) == nullptr) std::this_thread::yield();
        if (*static_cast<std::size_t*>(p) != place) ++damaged_;
        alloc_.pool_free(p, each);
        live_.given(p);
    }

    /// From now on the instance alone changes what is resident: as many threads are there as will ever be.
    void begin() {
        std::lock_guard const guard{looking_};
        before_ = anonymous_resident_bytes();
        begun_ = true;
    }

    /// While threads run.
    void look() {
        std::lock_guard const guard{looking_};
        std::size_t const since = live_.since();
        std::size_t const resident = under_sanitizer ? 0 : anonymous_resident_bytes();
        see(resident, alloc_.stats(), live_.at_most(since), busy(), busy().bytes_on_the_way(most_slabs()));
    }
    /// When `threads` have state and none is inside a call: then the instance's own figures are exact.
    void look_at_rest(std::size_t threads) {
        std::lock_guard const guard{looking_};
        std::size_t const live_slabs = live_.at_most(live_.since());
        std::size_t const resident = under_sanitizer ? 0 : anonymous_resident_bytes();
        alloc_stats const stats = alloc_.stats();
        bound const rest{alloc_.config(), threads, true};
        see(resident, stats, live_slabs, rest, 0);
        reserved_.see(stats.pool_bytes_reserved, (live_slabs + rest.slabs_beside_live()) * bound::slab_bytes);
        records_.see(stats.backend_bytes - stats.pool_bytes_reserved, busy().record_bytes(most_slabs()));
        most_reserved_ = std::max(most_reserved_, stats.pool_bytes_reserved);
    }

    void check() {
        BOOST_TEST_MESSAGE(looks_ << " looks; resident " << resident_ << ", reserved " << reserved_ << ", cached " << cached_
                                  << ", records " << records_);
        BOOST_TEST(reserved_.holds(), "reserved: " << reserved_);
        BOOST_TEST(cached_.holds(), "cached: " << cached_);
        BOOST_TEST(records_.holds(), "records: " << records_);
        if (!under_sanitizer) BOOST_TEST(resident_.holds(), "resident: " << resident_);
        // Whoever kept all of it would hold more than any of this allows.
        BOOST_TEST(most_reserved_ > busy().slabs_beside_live() * bound::slab_bytes + busy().bytes_on_the_way(most_slabs()));
        BOOST_TEST(alloc_.stats().pool_blocks_live == 0u);
        BOOST_TEST(damaged_ == 0u);
        BOOST_TEST(bool(alloc_.verify()));
    }

private:
    [[nodiscard]] bound busy() const { return {alloc_.config(), threads_, false}; }
    [[nodiscard]] std::size_t most_slabs() const { return count() / bound::blocks_of_slab + busy().slabs_beside_live(); }

    void see(std::size_t resident, alloc_stats const& stats, std::size_t live_slabs, bound const& allowed, std::size_t more) {
        if (!begun_) return;
        ++looks_;
        cached_.see(stats.pool_bytes_cached, allowed.cached_bytes());
        resident_.see(resident > before_ ? resident - before_ : 0,
                      (live_slabs + allowed.slabs_beside_live()) * bound::slab_bytes + busy().record_bytes(most_slabs())
                          + busy().map_bytes(most_slabs()) + more);
    }

    allocator alloc_;
    std::size_t threads_;
    live_slabs live_{bound::slab_bytes};
    std::vector<std::atomic<void*>> places_;
    std::atomic<std::size_t> damaged_{0};
    std::mutex looking_;
    bool begun_ = false;
    std::size_t before_ = 0, looks_ = 0, most_reserved_ = 0;
    closest resident_, reserved_, cached_, records_;
};

/// Looks every 10 ms, on a thread of its own, which has looked once when it is there.
template <class Look>
class every_10_ms {
public:
    explicit every_10_ms(Look look) : thread_{[this, look] {
        std::unique_lock guard{guard_};
        look();
        ready_.count_down();
        while (!ended_.wait_for(guard, std::chrono::milliseconds{10}, [&] { return over_; })) look();
    }} {
        ready_.wait();
    }
    ~every_10_ms() {
        {
            std::lock_guard const guard{guard_};
            over_ = true;
        }
        ended_.notify_one();
        thread_.join();
    }
    every_10_ms(every_10_ms const&) = delete;
    every_10_ms& operator=(every_10_ms const&) = delete;

private:
    std::mutex guard_;
    std::condition_variable ended_;
    std::latch ready_{1};
    bool over_ = false;
    std::thread thread_;
};

/// More than a thread will need, so that what a thread costs is there before anything is counted.
[[gnu::noinline]] void touch_stack() {
    unsigned char volatile room[32_KiB];
    for (std::size_t i = 0; i < sizeof room; i += 1_KiB) room[i] = 1;
}

/// `threads` threads that take `steps` steps together: `step(s, n)` is thread n's part of step s. At the end of each one all
/// are at rest, and the scene is looked at.
template <class Sync, class Step>
void in_step(scene<Sync>& s, std::size_t threads, std::size_t steps, Step step)
{
    auto const all = static_cast<std::ptrdiff_t>(threads);
    std::latch there{all}, begin{1};
    std::barrier together{all, [&]() noexcept { s.look_at_rest(threads); }};
    std::vector<std::thread> crew;
    for (std::size_t n = 0; n < threads; ++n) {
        crew.emplace_back([&, n] {
            touch_stack();
            there.count_down();
            begin.wait();
            for (std::size_t i = 0; i < steps; ++i) {
                step(i, n);
                together.arrive_and_wait();
            }
        });
    }
    there.wait();
    every_10_ms const watch{[&] { s.look(); }};
    s.begin();
    begin.count_down();
    for (std::thread& t : crew) t.join();
    s.look_at_rest(0);
}

/// The places of `share` among `shares`: from all over, so that who frees them has blocks of many slabs in its hands.
template <class F>
void each_place(std::size_t count, std::size_t share, std::size_t shares, F&& f)
{
    for (std::size_t place = share; place < count; place += shares) f(place);
}

/// `count` threads, four at a time: `life(i)` on thread i.
template <class Life>
void four_at_a_time(std::size_t count, Life life)
{
    std::array<std::thread, 4> running;
    for (std::size_t i = 0; i < count; ++i) {
        std::thread& next = running[i % running.size()];
        if (next.joinable()) next.join();
        next = std::thread{[&life, i] { life(i); }};
    }
    for (std::thread& t : running) {
        if (t.joinable()) t.join();
    }
}

using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free, sync::owner_queue>;
// What owners are owed adds 384 slabs per thread to the bound: it is asked where threads are few.
using without_inboxes = std::tuple<sync::mutex<std::mutex>, sync::lock_free>;

}  // namespace

BOOST_AUTO_TEST_SUITE(remote_frees)

BOOST_AUTO_TEST_CASE_TEMPLATE(thirty_one_consumers_give_back_what_one_producer_takes, Sync, without_inboxes)
{
    constexpr std::size_t threads = 32;
    scene<Sync> s{threads};
    in_step(s, threads, 3 * repetitions(2, 1), [&](std::size_t step, std::size_t n) {
        bool const taking = step % 3 != 1, giving = step % 3 != 0;  // in turns, then at once
        if (n == 0 && taking) each_place(s.count(), 0, 1, [&](std::size_t place) { s.take(place); });
        if (n != 0 && giving) each_place(s.count(), n - 1, threads - 1, [&](std::size_t place) { s.give(place); });
    });
    s.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(roles_that_swap_leave_nothing_with_those_who_had_them, Sync, without_inboxes)
{
    // Thirty-one producers and one consumer, then one producer and thirty-one consumers; each time another one is alone.
    constexpr std::size_t threads = 32;
    scene<Sync> s{threads};
    in_step(s, threads, 3 * repetitions(2, 2), [&](std::size_t step, std::size_t n) {
        std::size_t const turn = step / 3, alone = 11 * turn % threads, share = (n + threads - alone - 1) % threads;
        bool const takes = (n == alone) == (turn % 2 != 0);
        if (step % 3 == (takes ? 1 : 0)) return;  // in turns, then at once
        auto const act = [&](std::size_t place) { takes ? s.take(place) : s.give(place); };
        n == alone ? each_place(s.count(), 0, 1, act) : each_place(s.count(), share, threads - 1, act);
    });
    s.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_owner_that_sleeps_holds_back_its_own_caches_alone, Sync, with_threads)
{
    // It takes everything at the beginning and is not heard of again, while others free all and take as much, in turns.
    constexpr std::size_t threads = 4;
    scene<Sync> s{threads};
    in_step(s, threads, 2 * repetitions(returns_to_owner<Sync> ? 3 : 10, 2), [&](std::size_t step, std::size_t n) {
        auto const act = [&](std::size_t place) { step % 2 == 0 ? s.take(place) : s.give(place); };
        if (step == 0 && n == 0) each_place(s.count(), 0, 1, act);
        if (step != 0 && n != 0) each_place(s.count(), n - 1, threads - 1, act);
    });
    s.check();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_hundred_thousand_short_threads_leave_nothing_but_the_depot, Sync, with_threads)
{
    // Four at a time; each takes eight blocks and ends, or frees those of eight others. Where it is not the default, a tenth.
    constexpr std::size_t at_a_time = 4, blocks = 8;
    constexpr bool all_of_them = std::is_same_v<Sync, sync::lock_free>;
    scene<Sync> s{at_a_time};
    std::size_t const lives = s.count() / blocks;
    std::size_t const waves = std::max<std::size_t>(1, repetitions(all_of_them ? 100000 : 10000, 2000) / (2 * lives));
    {
        // What four threads cost that do nothing.
        std::latch there{at_a_time}, over{1};
        std::vector<std::thread> idle;
        for (std::size_t n = 0; n < at_a_time; ++n) {
            idle.emplace_back([&] { touch_stack(), there.count_down(), over.wait(); });
        }
        there.wait();
        s.begin();
        over.count_down();
        for (std::thread& t : idle) t.join();
    }
    every_10_ms const watch{[&] { s.look(); }};
    for (std::size_t wave = 0; wave < waves; ++wave) {
        four_at_a_time(lives, [&](std::size_t i) {
            for (std::size_t place = i * blocks; place < (i + 1) * blocks; ++place) s.take(place);
        });
        s.look_at_rest(0);
        four_at_a_time(lives, [&](std::size_t i) {
            each_place(lives * blocks, i, lives, [&](std::size_t place) { s.give(place); });
        });
        s.look_at_rest(0);
    }
    s.check();
}

BOOST_AUTO_TEST_SUITE_END()
