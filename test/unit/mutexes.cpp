// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/sync/mutex.hpp>

#include <absl/synchronization/mutex.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <tuple>

// sync::mutex over any lock, and how often that lock is taken.

using namespace framealloc;
using namespace framealloc::test;

namespace {

/// The least that a lock can be: no try_lock.
class spin_lock {
public:
    void lock() {
        while (held_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    }
    void unlock() { held_.clear(std::memory_order_release); }

private:
    std::atomic_flag held_{};
};

class spin_lock_that_tries {
public:
    void lock() {
        while (!try_lock()) std::this_thread::yield();
    }
    void unlock() { held_.clear(std::memory_order_release); }
    bool try_lock() { return !held_.test_and_set(std::memory_order_acquire); }

private:
    std::atomic_flag held_{};
};

/// Counts what it is asked for, over all its objects.
class counting_mutex {
public:
    static inline std::atomic<std::size_t> locks{0}, tries{0};
    static void reset() { locks = tries = 0; }

    void lock() {
        ++locks;
        m_.lock();
    }
    void unlock() { m_.unlock(); }
    bool try_lock() {
        ++tries;
        return m_.try_lock();
    }

private:
    std::mutex m_;
};

#if FRAMEALLOC_THREAD_SANITIZER
extern "C" {
void __tsan_acquire(void*);
void __tsan_release(void*);
}
/// Abseil's library was built without ThreadSanitizer, which therefore does not see that it locks: it has to be told.
class abseil_mutex : public absl::Mutex {
public:
    void Lock() {
        absl::Mutex::Lock();
        __tsan_acquire(this);
    }
    void Unlock() {
        __tsan_release(this);
        absl::Mutex::Unlock();
    }
    bool TryLock() {
        if (!absl::Mutex::TryLock()) return false;
        __tsan_acquire(this);
        return true;
    }
};
#else
using abseil_mutex = absl::Mutex;
#endif

using every_mutex = std::tuple<std::mutex, abseil_mutex, spin_lock, spin_lock_that_tries>;
using counting_alloc = basic_smart_alloc<sync::mutex<counting_mutex>>;

constexpr layout small{.bytes = 64, .align = 16};
constexpr std::size_t batch = detail::magazine_capacity(small.bytes);

}  // namespace

BOOST_AUTO_TEST_SUITE(mutexes)

BOOST_AUTO_TEST_CASE_TEMPLATE(four_threads_work_behind_every_kind_of_lock, Mutex, every_mutex)
{
    basic_smart_alloc<sync::mutex<Mutex>> alloc;
    constexpr std::size_t rounds = repetitions(300, 60), each = 300;
    std::array<std::array<unsigned char*, each>, 4> blocks{};
    std::atomic<std::size_t> wrong{0};
    for (std::size_t pass = 0; pass < 4; ++pass) {
        // Each thread frees what its neighbour allocated in the pass before, and allocates anew.
        on_threads(4, [&](std::size_t t) {
            alloc.begin_frame();
            wrong += alloc.try_frame_alloc(layout{.bytes = 200000, .align = 16}) == nullptr;
            for (unsigned char*& p : blocks[(t + pass) % 4]) {
                if (p != nullptr) {
                    wrong += p[0] != (t + pass) % 4 || p[63] != p[0];
                    alloc.pool_free(p, small);
                }
                p = static_cast<unsigned char*>(alloc.pool_alloc(small));
                std::memset(p, int((t + pass) % 4), small.bytes);
            }
            for (std::size_t r = 0; r < rounds; ++r) {
                void* const q = alloc.heap_alloc(layout{.bytes = 3000, .align = 16});
                alloc.pool_free(alloc.pool_alloc(small), small);
                alloc.heap_free(q);
            }
            alloc.end_frame();
        });
    }
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 4 * each);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    for (auto const& of_thread : blocks) {
        for (unsigned char* p : of_thread) alloc.pool_free(p, small);
    }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_backend_that_is_not_thread_safe_is_locked, Mutex, every_mutex)
{
    using buffered = basic_smart_alloc<sync::mutex<Mutex>, backend::static_buffer<(std::size_t{4} << 20), 65536>>;
    static buffered alloc;
    std::atomic<std::size_t> wrong{0};
    on_threads(4, [&](std::size_t t) {
        for (std::size_t r = 0; r < repetitions(500, 100); ++r) {
            layout const each{.bytes = 1000 + 400 * (r % 7), .align = 16};
            auto* const p = static_cast<unsigned char*>(alloc.try_heap_alloc(each));
            if (p == nullptr) {
                ++wrong;
                continue;
            }
            p[0] = p[999] = static_cast<unsigned char>(t);
            wrong += p[0] != t || p[999] != t;
            alloc.heap_free(p);
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_lock_is_taken_once_per_batch_at_most)
{
    counting_alloc alloc;
    static_cast<void>(alloc.attach_thread());
    counting_mutex::reset();
    constexpr std::size_t count = 100000;
    std::vector<void*> blocks(count);
    for (void*& p : blocks) p = alloc.pool_alloc(small);
    // A magazine that is refilled asks the depot once, by trying, and the slabs, by a lock only where a slab is used
    // up: one in more than 1,000 blocks. The thread's one magazine has needed one record.
    constexpr std::size_t refills = count / batch + 1, slabs = count / 1000 + 1;
    BOOST_TEST(counting_mutex::locks <= slabs + 1);
    // A slab's last blocks do not fill a magazine: one refill more for each slab.
    BOOST_TEST(counting_mutex::tries <= refills + slabs + 1);
    counting_mutex::reset();
    for (void* p : blocks) alloc.pool_free(p, small);
    // Frees lock nothing: for a full magazine they try for the depot and an empty batch, four tries at most, and one
    // for the slabs that become empty.
    BOOST_TEST(counting_mutex::locks == 0u);
    BOOST_TEST(counting_mutex::tries <= 6 * refills);
    counting_mutex::reset();
}

BOOST_AUTO_TEST_CASE(steady_state_takes_no_lock)
{
    counting_alloc alloc;
    auto const a_frame = [&] {
        alloc.begin_frame();
        for (int i = 0; i < 500; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 100, .align = 16}));
        std::array<void*, 50> blocks;
        for (void*& p : blocks) p = alloc.pool_alloc(small);
        for (void* p : blocks) alloc.pool_free(p, small);
        alloc.end_frame();
    };
    a_frame();
    counting_mutex::reset();
    for (int i = 0; i < 100; ++i) a_frame();
    BOOST_TEST(counting_mutex::locks == 0u);
    BOOST_TEST(counting_mutex::tries == 0u);
}

BOOST_AUTO_TEST_CASE(the_heap_path_takes_no_lock_over_a_thread_safe_backend)
{
    counting_alloc alloc{alloc_config{.heap_cache_bytes = 0}};  // so that the backend is really asked
    std::array<void*, 20> blocks;
    counting_mutex::reset();
    for (std::size_t r = 0; r < 100; ++r) {
        for (void*& p : blocks) p = alloc.heap_alloc(layout{.bytes = 5000 + 1000 * r, .align = 64});
        for (void* p : blocks) alloc.heap_free(p);
    }
    BOOST_TEST(counting_mutex::locks == 0u);
    BOOST_TEST(counting_mutex::tries == 0u);

    counting_alloc cached;
    counting_mutex::reset();
    for (int r = 0; r < 100; ++r) cached.heap_free(cached.heap_alloc(layout{.bytes = 5000, .align = 16}));
    BOOST_TEST(counting_mutex::locks == 0u);
    BOOST_TEST(counting_mutex::tries == 0u);
}

BOOST_AUTO_TEST_CASE(the_heap_path_locks_a_backend_that_is_not_thread_safe)
{
    // Without this, the case above would pass for a counter that counts nothing.
    using buffered = basic_smart_alloc<sync::mutex<counting_mutex>, pool::none, backend::static_buffer<65536>>;
    static buffered alloc{alloc_config{.heap_cache_bytes = 0}};
    void* const first = alloc.heap_alloc(layout{.bytes = 1000, .align = 16});
    counting_mutex::reset();
    for (int r = 0; r < 100; ++r) alloc.heap_free(alloc.heap_alloc(layout{.bytes = 1000, .align = 16}));
    BOOST_TEST(counting_mutex::locks == 200u);
    alloc.heap_free(first);
}

BOOST_AUTO_TEST_CASE(a_frame_that_grows_locks_once_per_chunk)
{
    counting_alloc alloc;
    auto const a_frame = [&] {
        alloc.begin_frame();
        for (int i = 0; i < 10000; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 1024, .align = 16}));
        alloc.end_frame();
    };
    a_frame();
    counting_mutex::reset();
    a_frame();
    // 10 MiB: the first chunk is there, 128, 256 and 512 KiB and ten more of a mebibyte are taken, and all go back at
    // once.
    BOOST_TEST(counting_mutex::locks <= 3 + 10 + 1);
    BOOST_TEST(counting_mutex::locks >= 10u);
    BOOST_TEST(counting_mutex::tries == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
