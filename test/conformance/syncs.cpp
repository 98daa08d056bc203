// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>
#include <framealloc/testing/sync.hpp>

#include <absl/synchronization/mutex.h>

#include <mutex>

using namespace framealloc;

namespace {

/// The least that a mutex can be.
class basic_lockable {
public:
    void lock() { m_.lock(); }
    void unlock() { m_.unlock(); }

private:
    std::mutex m_;
};

template <class P>
void expect_conformance(std::size_t least = 100)
{
    auto const report = testing::check_sync<P>();
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > least);
}

/// A right policy with another exchange or another mutex.
struct based : sync::lock_free {};

struct drops_every_tenth : based {
    static constexpr bool one_thread = true;
    template <class T, std::size_t Depth>
    class exchange : public sync::lock_free::exchange<T, Depth> {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept {
            return ++count_ % 10 == 0 || sync::lock_free::exchange<T, Depth>::try_put(item);
        }

    private:
        std::size_t count_ = 0;
    };
};
struct last_in_first_out : based {
    template <class T, std::size_t Depth>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept { return count_ < Depth && (items_[count_++] = item, true); }
        [[nodiscard]] T* try_take() noexcept { return count_ != 0 ? items_[--count_] : nullptr; }

    private:
        T* items_[Depth]{};
        std::size_t count_ = 0;
    };
    static constexpr bool one_thread = true;
};
struct unbounded : based {
    template <class T, std::size_t Depth>
    using exchange = sync::lock_free::exchange<T, 2 * Depth>;
};
struct accepts_nothing : based {
    template <class T, std::size_t>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T*) noexcept { return false; }
        [[nodiscard]] T* try_take() noexcept { return nullptr; }
    };
};
/// Stops at its first round.
struct one_round : based {
    static constexpr bool one_thread = true;
    template <class T, std::size_t Depth>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept { return end_ < Depth && (items_[end_++] = item, true); }
        [[nodiscard]] T* try_take() noexcept { return begin_ < end_ ? items_[begin_++] : nullptr; }

    private:
        T* items_[Depth]{};
        std::size_t begin_ = 0, end_ = 0;
    };
};
/// Takes in two steps: two takers may get the same pointer. On atomics, so that no tool but the kit complains.
struct doubles : based {
    template <class T, std::size_t Depth>
    class exchange {
    public:
        [[nodiscard]] bool try_put(T* item) noexcept {
            std::size_t const end = end_.load(detail::order::acquire);
            if (end - begin_.load(detail::order::acquire) >= Depth) return false;
            items_[end % Depth].store(item, detail::order::release);
            detail::platform::yield();
            end_.store(end + 1, detail::order::release);
            return true;
        }
        [[nodiscard]] T* try_take() noexcept {
            std::size_t const begin = begin_.load(detail::order::acquire);
            if (begin == end_.load(detail::order::acquire)) return nullptr;
            T* const item = items_[begin % Depth].load(detail::order::acquire);
            detail::platform::yield();
            begin_.store(begin + 1, detail::order::release);
            return item;
        }

    private:
        detail::atomic<T*> items_[Depth];
        detail::atomic<std::size_t> begin_{0}, end_{0};
    };
};
struct open_door : based {
    struct mutex {
        void lock() noexcept {}
        void unlock() noexcept {}
        [[nodiscard]] bool try_lock() noexcept { return true; }
    };
};
struct wrong_arithmetic : based {
    template <class T>
    class atomic : public detail::atomic<T> {
    public:
        using detail::atomic<T>::atomic;
        T fetch_sub(T by, detail::order o) noexcept {
            return detail::atomic<T>::fetch_sub(by, o) - by;
        }  // what is left
    };
    template <class T>
        requires std::is_pointer_v<T>
    class atomic<T> : public detail::atomic<T> {
    public:
        using detail::atomic<T>::atomic;
    };
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sync_conformance)

BOOST_AUTO_TEST_CASE(every_sync_policy_keeps_what_one_promises)
{
    expect_conformance<sync::single_threaded>();
    expect_conformance<sync::lock_free>();
    expect_conformance<sync::owner_queue>();
    expect_conformance<sync::mutex<std::mutex>>();
    expect_conformance<sync::mutex<absl::Mutex>>();
}

BOOST_AUTO_TEST_CASE(a_mutex_that_can_only_be_locked_is_enough)
{
    expect_conformance<sync::mutex<basic_lockable>>(20);  // its exchanges refuse everything
}

BOOST_AUTO_TEST_CASE(an_exchange_that_breaks_a_promise_is_found)
{
    BOOST_TEST(testing::check_sync<drops_every_tenth>(2).broke("what went in first comes out first"));
    BOOST_TEST(testing::check_sync<last_in_first_out>().broke("what went in first comes out first"));
    BOOST_TEST(testing::check_sync<unbounded>(2).broke("an exchange holds no more than its depth"));
    BOOST_TEST(testing::check_sync<one_round>().broke("an exchange that is not full accepts a pointer"));
    BOOST_TEST(testing::check_sync<wrong_arithmetic>(2).broke("fetch_add and fetch_sub answer what was there"));
}

BOOST_AUTO_TEST_CASE(an_exchange_that_refuses_everything_is_found_where_its_mutex_could_be_tried)
{
    BOOST_TEST(testing::check_sync<accepts_nothing>(2).broke("an exchange that nobody else uses accepts a pointer"));
}

#if !FRAMEALLOC_THREAD_SANITIZER  // which finds what these two do before the kit does
BOOST_AUTO_TEST_CASE(an_exchange_that_gives_one_pointer_to_two_takers_is_found)
{
    BOOST_TEST(testing::check_sync<doubles>().broke("between threads an exchange loses nothing, doubles nothing"));
}

BOOST_AUTO_TEST_CASE(a_mutex_that_lets_everybody_in_is_found)
{
    BOOST_TEST(testing::check_sync<open_door>().broke("try_lock answers false while another thread holds the mutex"));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
