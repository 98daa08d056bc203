// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace framealloc;

namespace {

/// Says which events happened, in their order.
std::vector<std::string>& events()
{
    static std::vector<std::string> log;
    return log;
}
std::vector<std::string> taken_events() { return std::exchange(events(), {}); }

using log_of = std::vector<std::string>;

struct logged_by_members {
    int value;
    explicit logged_by_members(int v) : value(v) { events().push_back("construct"); }
    ~logged_by_members() { events().push_back("destroy"); }
    void on_acquire() { events().push_back("acquire"); }
    void on_release() { events().push_back("release"); }
};

struct logged_by_functions {
    int value;
    explicit logged_by_functions(int v) : value(v) { events().push_back("construct"); }
    ~logged_by_functions() { events().push_back("destroy"); }
};
void on_acquire(logged_by_functions& object) { events().push_back("acquire " + std::to_string(object.value)); }
void on_release(logged_by_functions& object) { events().push_back("release " + std::to_string(object.value)); }

/// Both are there: the member is meant.
struct hooked_twice {
    void on_acquire() { events().push_back("member"); }
    void on_release() { events().push_back("member"); }
};
[[maybe_unused]] void on_acquire(hooked_twice&) { events().push_back("function"); }
[[maybe_unused]] void on_release(hooked_twice&) { events().push_back("function"); }

/// Slots of a user: a stack that says when a slot comes back.
struct logged_slots : slots::stack {
    template <std::size_t LinkAt>
    class engine : public slots::stack::engine<LinkAt> {
    public:
        [[nodiscard]] void* take() noexcept {
            void* const slot = slots::stack::engine<LinkAt>::take();
            if (slot != nullptr) events().push_back("take");
            return slot;
        }
        void give(void* slot) noexcept {
            events().push_back("give");
            slots::stack::engine<LinkAt>::give(slot);
        }
    };
};

struct immovable {
    int a;
    std::string b;
    immovable* self = this;
    immovable(int first, std::string&& second) : a(first), b(std::move(second)) {}
    immovable(immovable&&) = delete;
};
struct aggregate {
    int a;
    double b;
};

template <std::size_t Align>
struct alignas(Align) aligned_to {
    unsigned char first;
};

template <class T>
using fixed_bitmap = fixed_pool<T, slots::bitmap>;
template <class T>
using fixed_list = fixed_pool<T, slots::free_list>;
template <class T>
using growing_bitmap = growing_pool<T, slots::bitmap>;
template <class T>
using locked_fixed = concurrent_pool<T, std::mutex, storage::fixed>;
template <class T>
using locked_growing = concurrent_pool<T>;
template <class T>
using lock_free = lock_free_pool<T>;
template <class T>
using one_stack = lock_free_pool<T, slots::index_stack<1>>;
template <class T>
using checked_fixed = fixed_pool<T, diagnostics::checked>;
template <class T>
using shared_growing = growing_pool<T, sharing::atomic>;
template <class T>
using deferred_fixed = fixed_pool<T, drop::deferred>;

/// Calls `f` with a pool of each kind, of `T` with the configuration.
template <class T, class F>
void with_each_kind(object_pool_config const& config, F&& f)
{
    { fixed_pool<T> pool{config}; f(pool); }
    { fixed_bitmap<T> pool{config}; f(pool); }
    { fixed_list<T> pool{config}; f(pool); }
    { growing_pool<T> pool{config}; f(pool); }
    { growing_bitmap<T> pool{config}; f(pool); }
    { locked_fixed<T> pool{config}; f(pool); }
    { locked_growing<T> pool{config}; f(pool); }
    { lock_free<T> pool{config}; f(pool); }
    { one_stack<T> pool{config}; f(pool); }
    { checked_fixed<T> pool{config}; f(pool); }
    { shared_growing<T> pool{config}; f(pool); }
    { deferred_fixed<T> pool{config}; f(pool); }
}

std::uintptr_t address_of(void const* p) { return reinterpret_cast<std::uintptr_t>(p); }

template <class Pool>
void end_now([[maybe_unused]] Pool& pool)
{
    if constexpr (requires { pool.drop_pending(); }) static_cast<void>(pool.drop_pending());
}

// --- what a policy costs ---

static_assert(std::is_same_v<basic_object_pool<int, slots::bitmap, storage::growing, sharing::local, drop::deferred>,
                             basic_object_pool<int, drop::deferred, sharing::local, storage::growing, slots::bitmap>>);
static_assert(std::is_same_v<basic_object_pool<int>, fixed_pool<int>>);
static_assert(std::is_same_v<fixed_pool<int>, fixed_pool<int, slots::stack, sync::single_threaded, drop::now>>);
static_assert(std::is_same_v<growing_pool<int>, growing_pool<int, slots::free_list, sharing::none>>);
static_assert(std::is_same_v<concurrent_pool<int>, growing_pool<int, sync::mutex<std::mutex>>>);
static_assert(std::is_same_v<concurrent_pool<int, std::mutex, storage::fixed>, fixed_pool<int, sync::mutex<std::mutex>>>);
static_assert(std::is_same_v<lock_free_pool<int>, fixed_pool<int, slots::index_stack<8>, sync::lock_free>>);

static_assert(sizeof(fixed_pool<int>::owned_type) == 2 * sizeof(void*));
static_assert(sizeof(fixed_pool<int, sharing::local>::owned_type) == sizeof(void*));
static_assert(sizeof(fixed_pool<int, sharing::atomic>::owned_type) == sizeof(void*));
static_assert(sizeof(shared<int>) == sizeof(void*) && sizeof(local_shared<int>) == sizeof(void*));
static_assert(sizeof(weak<int>) == 2 * sizeof(void*));

static_assert(!is_thread_safe_v<fixed_pool<int>> && !is_thread_safe_v<growing_pool<int>>);
static_assert(!is_thread_safe_v<static_pool<int, 4>>);
static_assert(is_thread_safe_v<concurrent_pool<int>> && is_thread_safe_v<lock_free_pool<int>>);

// What is counted, shared or awaited is not there where nobody asks for it.
static_assert(sizeof(fixed_pool<int>) < sizeof(fixed_pool<int, diagnostics::counters>));
static_assert(sizeof(fixed_pool<int>) < sizeof(fixed_pool<int, drop::deferred>));
static_assert(sizeof(fixed_pool<int>) < sizeof(fixed_pool<int, sharing::local>));

template <class Pool>
concept shares = requires(Pool& pool) { pool.make_shared(); };
template <class Pool>
concept reserves = requires(Pool& pool) { pool.try_reserve(1); };
template <class Pool>
concept shrinks = requires(Pool& pool) { pool.shrink(); };
template <class Pool>
concept drops = requires(Pool& pool) { pool.drop_pending(); };
static_assert(!shares<fixed_pool<int>> && shares<fixed_pool<int, sharing::local>>);
static_assert(!reserves<fixed_pool<int>> && reserves<growing_pool<int>>);
static_assert(!shrinks<fixed_pool<int>> && shrinks<growing_pool<int>>);
static_assert(!drops<fixed_pool<int>> && drops<fixed_pool<int, drop::deferred>>);
static_assert(!std::is_move_constructible_v<fixed_pool<int>> && !std::is_move_assignable_v<fixed_pool<int>>);

static_assert(SlotAllocator<slots::stack> && SlotAllocator<slots::free_list> && SlotAllocator<slots::bitmap>);
static_assert(SlotAllocator<slots::index_stack<>> && SlotAllocator<logged_slots>);
static_assert(!SlotAllocator<int> && !SlotAllocator<drop::now>);

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pools)

// --- making and ending ---

BOOST_AUTO_TEST_CASE(an_object_is_constructed_where_it_stays_of_what_the_call_was_given)
{
    with_each_kind<immovable>({.capacity = 4}, [](auto& pool) {
        std::string text(100, 'x');
        immovable* const object = pool.allocate(7, std::move(text));
        BOOST_TEST(object->a == 7);
        BOOST_TEST(object->b == std::string(100, 'x'));
        BOOST_TEST(text.empty());  // it was moved from, not copied
        BOOST_TEST(object->self == object);
        BOOST_TEST(pool.live() == 1u);
        BOOST_TEST(pool.available() == 3u);
        BOOST_TEST(pool.owns(object));
        pool.free(object);
        end_now(pool);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == 4u);
    });
}

BOOST_AUTO_TEST_CASE(an_aggregate_is_made_of_its_members)
{
    fixed_pool<aggregate> pool{2};
    auto const owner = pool.make(3, 0.5);
    BOOST_TEST(owner->a == 3);
    BOOST_TEST(owner->b == 0.5);
    auto const empty = pool.make();
    BOOST_TEST(empty->a == 0);
}

BOOST_AUTO_TEST_CASE(objects_are_told_when_they_are_acquired_and_released_in_this_order)
{
    basic_object_pool<logged_by_members, logged_slots> pool{2};
    logged_by_members* const object = pool.allocate(1);
    BOOST_TEST((taken_events() == log_of{"take", "construct", "acquire"}));
    pool.free(object);
    BOOST_TEST((taken_events() == log_of{"release", "destroy", "give"}));
    static_cast<void>(pool.make(2));
    BOOST_TEST((taken_events() == log_of{"take", "construct", "acquire", "release", "destroy", "give"}));
}

BOOST_AUTO_TEST_CASE(hooks_may_be_functions_beside_the_type_and_see_the_object)
{
    events().clear();
    fixed_pool<logged_by_functions> pool{2};
    pool.free(pool.allocate(5));
    BOOST_TEST((taken_events() == log_of{"construct", "acquire 5", "release 5", "destroy"}));
}

BOOST_AUTO_TEST_CASE(a_hook_that_is_a_member_goes_before_one_that_is_a_function)
{
    fixed_pool<hooked_twice> pool{2};
    pool.free(pool.allocate());
    BOOST_TEST((taken_events() == log_of{"member", "member"}));
}

BOOST_AUTO_TEST_CASE(what_is_alive_when_the_pool_ends_is_released_and_destroyed_once_in_the_order_of_addresses)
{
    struct noted {
        int value;
        std::vector<int>* ended;
        ~noted() { ended->push_back(value); }
    };
    with_each_kind<noted>({.capacity = 200}, []<class Pool>(Pool&) {
        if constexpr (!std::is_same_v<Pool, checked_fixed<noted>>) {  // that one complains; see object_pool_checks.cpp
            std::vector<int> ended, expected;
            {
                Pool pool{200};
                std::vector<noted*> all;
                for (int i = 0; i < 150; ++i) all.push_back(pool.allocate(i, &ended));
                for (int i = 0; i < 150; i += 3) pool.free(all[std::size_t(i)]);
                end_now(pool);
                ended.clear();
                for (int i = 0; i < 150; ++i) {
                    if (i % 3 != 0) expected.push_back(i);
                }
            }
            BOOST_TEST(ended == expected, boost::test_tools::per_element());
        }
    });
    {
        static_pool<logged_by_members, 3> pool;
        static_cast<void>(pool.allocate(1));
        events().clear();
    }
    BOOST_TEST((taken_events() == log_of{"release", "destroy"}));
}

BOOST_AUTO_TEST_CASE(as_many_are_destroyed_as_are_constructed_whatever_is_done)
{
    static int made = 0, ended = 0;
    struct counted {
        counted() { ++made; }
        ~counted() { ++ended; }
    };
    made = ended = 0;
    {
        growing_pool<counted, diagnostics::counters> pool{{.capacity = 3, .maximum = 500}};
        std::mt19937 random{7};
        std::vector<counted*> live;
        for (int step = 0; step < 20'000; ++step) {
            if (live.empty() || random() % 2 == 0) {
                if (counted* const object = pool.try_allocate()) live.push_back(object);
            } else {
                std::swap(live[random() % live.size()], live.back());
                pool.free(live.back());
                live.pop_back();
            }
            BOOST_TEST_REQUIRE(made - ended == int(live.size()));
            BOOST_TEST_REQUIRE(pool.live() == live.size());
        }
    }
    BOOST_TEST(made == ended);
}

// --- user code that uses the pool ---

namespace {

/// A mutex that says whether it is held, to whoever runs.
struct watched_mutex {
    static inline int held = 0;
    void lock() noexcept { BOOST_TEST(held++ == 0); }
    void unlock() noexcept { --held; }
};

/// Uses its pool at each of its events.
template <template <class> class Pool>
struct busy {
    static inline Pool<busy>* pool = nullptr;
    static inline int depth = 0, uses_left = 0;
    static void use()
    {
        BOOST_TEST(watched_mutex::held == 0);
        // Where ends wait, each use is followed by another end.
        if (depth != 0 || uses_left == 0) return;
        --uses_left;
        ++depth;
        busy* const other = pool->try_allocate();
        if (other != nullptr) pool->free(other);
        static_cast<void>(pool->available());
        static_cast<void>(pool->owns(other));
        --depth;
    }
    busy() { use(); }
    ~busy() { use(); }
    void on_acquire() { use(); }
    void on_release() { use(); }
};

template <class T>
using watched_fixed = basic_object_pool<T, sync::mutex<watched_mutex>>;
template <class T>
using watched_growing = basic_object_pool<T, storage::growing, sync::mutex<watched_mutex>>;
template <class T>
using watched_checked = basic_object_pool<T, storage::growing, sync::mutex<watched_mutex>, diagnostics::checked>;
template <class T>
using watched_shared = basic_object_pool<T, storage::growing, sync::mutex<watched_mutex>, sharing::atomic>;
template <class T>
using watched_bits = basic_object_pool<T, storage::growing, slots::bitmap, sync::mutex<watched_mutex>>;
template <class T>
using watched_kept = basic_object_pool<T, storage::growing, initialise::kept<>, sync::mutex<watched_mutex>>;
template <class T>
using watched_deferred = basic_object_pool<T, storage::growing, drop::deferred, sync::mutex<watched_mutex>>;

template <template <class> class Pool>
void user_code_may_use(std::size_t capacity)
{
    using T = busy<Pool>;
    {
        Pool<T> pool{capacity};
        T::pool = &pool;
        T::uses_left = 100;
        std::vector<T*> all;
        for (std::size_t i = 0; i < 3; ++i) {
            if (T* const object = pool.try_allocate()) all.push_back(object);
        }
        BOOST_TEST(!all.empty());
        BOOST_TEST((std::set<T*>(all.begin(), all.end()).size() == all.size()));
        for (T* const object : all) pool.free(object);
        end_now(pool);
        if constexpr (requires { pool.shrink(); }) static_cast<void>(pool.shrink());
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == pool.capacity());
        std::vector<T*> batch(2);
        if (pool.try_allocate_n(batch)) pool.free_n(batch);
        end_now(pool);
        BOOST_TEST(pool.live() == 0u);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(constructors_destructors_and_hooks_run_without_the_lock_and_may_use_the_pool)
{
    for (std::size_t const capacity : {1u, 2u, 3u, 4u, 100u}) {
        user_code_may_use<fixed_pool>(capacity);
        user_code_may_use<growing_pool>(capacity);
        user_code_may_use<fixed_bitmap>(capacity);
        user_code_may_use<lock_free>(capacity);
        user_code_may_use<watched_fixed>(capacity);
        user_code_may_use<watched_growing>(capacity);
        user_code_may_use<watched_checked>(capacity);
        user_code_may_use<watched_shared>(capacity);
        user_code_may_use<watched_bits>(capacity);
        user_code_may_use<watched_kept>(capacity);
        user_code_may_use<watched_deferred>(capacity);
        BOOST_TEST(watched_mutex::held == 0);
    }
}

namespace {

/// A node of a list that lies in a pool: it gives its tail back as it ends.
template <template <class> class Pool>
struct list_node {
    using pool_type = Pool<list_node>;
    static inline int alive = 0;
    static inline pool_type* pool = nullptr;
    list_node* next = nullptr;
    list_node() { ++alive; }
    ~list_node()
    {
        --alive;
        if (next != nullptr) pool->free(next);
    }
};

template <template <class> class Pool>
void chains_end_as_a_whole()
{
    using node = list_node<Pool>;
    {
        typename node::pool_type pool{100};
        node::pool = &pool;
        node* const first = pool.allocate();
        node* last = first;
        for (int i = 0; i < 60; ++i) last = last->next = pool.allocate();
        BOOST_TEST(node::alive == 61);
        pool.free(first);
        while (pool.live() != 0) end_now(pool);
        BOOST_TEST(node::alive == 0);

        // One is alive as the pool ends: it takes those behind it along, and each ends once.
        last = pool.allocate();
        std::vector<node*> row{last};
        for (int i = 0; i < 60; ++i) row.push_back(pool.allocate());
        std::sort(row.begin(), row.end());
        for (std::size_t i = 0; i + 1 < row.size(); ++i) row[i]->next = row[i + 1];
    }
    BOOST_TEST(node::alive == 0);
}

template <class T>
using shared_deferred = growing_pool<T, sharing::local, drop::deferred>;
template <class T>
using bits_deferred = growing_pool<T, slots::bitmap, drop::deferred>;

}  // namespace

BOOST_AUTO_TEST_CASE(objects_that_own_others_of_the_pool_take_them_along_when_they_end_and_when_the_pool_does)
{
    chains_end_as_a_whole<fixed_pool>();
    chains_end_as_a_whole<fixed_list>();
    chains_end_as_a_whole<fixed_bitmap>();
    chains_end_as_a_whole<growing_pool>();
    chains_end_as_a_whole<growing_bitmap>();
    chains_end_as_a_whole<lock_free>();
    chains_end_as_a_whole<shared_growing>();
    chains_end_as_a_whole<deferred_fixed>();
    chains_end_as_a_whole<shared_deferred>();
    chains_end_as_a_whole<bits_deferred>();
}

namespace {

/// Asks for another as it ends.
template <template <class> class Pool>
struct heir_maker {
    static inline int alive = 0, refused = 0;
    static inline Pool<heir_maker>* pool = nullptr;
    heir_maker() { ++alive; }
    ~heir_maker()
    {
        --alive;
        if (pool == nullptr) return;
        if (pool->try_allocate() == nullptr) ++refused;
    }
};

template <template <class> class Pool>
void nothing_begins_in_a_pool_that_ends()
{
    using T = heir_maker<Pool>;
    T::alive = T::refused = 0;
    T::pool = nullptr;
    {
        Pool<T> pool{300};
        T* all[6];
        for (T*& object : all) object = pool.allocate();
        pool.free(all[0]);
        pool.free(all[3]);
        end_now(pool);
        T::pool = &pool;
    }
    BOOST_TEST(T::alive == 0);
    BOOST_TEST(T::refused == 4);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pool_that_ends_makes_no_new_objects)
{
    nothing_begins_in_a_pool_that_ends<fixed_pool>();
    nothing_begins_in_a_pool_that_ends<fixed_list>();
    nothing_begins_in_a_pool_that_ends<fixed_bitmap>();
    nothing_begins_in_a_pool_that_ends<growing_pool>();
    nothing_begins_in_a_pool_that_ends<growing_bitmap>();
    nothing_begins_in_a_pool_that_ends<lock_free>();
    nothing_begins_in_a_pool_that_ends<locked_growing>();
}

#if FRAMEALLOC_EXCEPTIONS

namespace {

struct fails {
    enum where { nowhere, constructing, acquiring, releasing };
    static inline where at = nowhere;
    static inline int alive = 0;
    static void at_point(where here)
    {
        if (at == here) throw here;
    }
    fails()
    {
        at_point(constructing);
        ++alive;
    }
    ~fails() { --alive; }
    void on_acquire() { at_point(acquiring); }
    void on_release() { at_point(releasing); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(where_a_constructor_or_a_hook_throws_the_slot_is_free_and_nothing_is_alive)
{
    with_each_kind<fails>({.capacity = 2}, []<class Pool>(Pool& pool) {
        fails* const before = pool.allocate();
        for (fails::where const at : {fails::constructing, fails::acquiring}) {
            for (int i = 0; i < 10; ++i) {
                fails::at = at;
                BOOST_CHECK_THROW(static_cast<void>(pool.allocate()), fails::where);
                BOOST_CHECK_THROW(static_cast<void>(pool.try_allocate()), fails::where);
                BOOST_CHECK_THROW(static_cast<void>(pool.make()), fails::where);
                fails::at = fails::nowhere;
                BOOST_TEST(fails::alive == 1);
                BOOST_TEST(pool.live() == 1u);
            }
        }
        fails* const after = pool.allocate();  // there is still room for two
        BOOST_TEST(after != before);
        fails::at = fails::releasing;
        if constexpr (requires { pool.drop_pending(); }) {
            pool.free(after);
            BOOST_CHECK_THROW(pool.drop_pending(), fails::where);
        } else {
            BOOST_CHECK_THROW(pool.free(after), fails::where);
        }
        BOOST_TEST(fails::alive == 1);
        BOOST_TEST(pool.live() == 1u);
        fails::at = fails::nowhere;
        pool.free(before);
        end_now(pool);
        BOOST_TEST(fails::alive == 0);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(pool.available() == pool.capacity());
    });
}

BOOST_AUTO_TEST_CASE(what_throws_is_counted_as_a_failure_and_not_as_an_object)
{
    fixed_pool<fails, diagnostics::counters> pool{2};
    fails::at = fails::constructing;
    BOOST_CHECK_THROW(static_cast<void>(pool.allocate()), fails::where);
    fails::at = fails::acquiring;
    BOOST_CHECK_THROW(static_cast<void>(pool.allocate()), fails::where);
    fails::at = fails::nowhere;
    object_pool_stats const s = pool.stats();
    BOOST_TEST(s.allocations == 0u);
    BOOST_TEST(s.frees == 0u);
    BOOST_TEST(s.failures == 2u);
    BOOST_TEST(s.peak == 0u);
}

#endif

// --- where objects lie ---

BOOST_AUTO_TEST_CASE(objects_stay_where_they_are_while_the_pool_grows)
{
    auto const stay = [](auto pool_type) {
        using Pool = typename decltype(pool_type)::type;
        Pool pool{{.capacity = 1}};
        std::vector<std::pair<int*, int>> all;
        std::size_t growths = 0;
        while (growths < 10) {
            std::size_t const before = pool.capacity();
            all.emplace_back(pool.allocate(int(all.size())), int(all.size()));
            growths += pool.capacity() != before;
            for (auto const& [object, value] : all) BOOST_TEST_REQUIRE(*object == value);
        }
        BOOST_TEST(pool.capacity() == 1024u);
        BOOST_TEST(pool.stats().chunks == 11u);
    };
    stay(std::type_identity<growing_pool<int>>{});
    stay(std::type_identity<growing_pool<int, slots::bitmap>>{});
    stay(std::type_identity<concurrent_pool<int>>{});
}

BOOST_AUTO_TEST_CASE(the_first_objects_lie_one_behind_the_other_in_ascending_order)
{
    with_each_kind<double>({.capacity = 200}, [](auto& pool) {
        std::vector<double*> all;
        for (int i = 0; i < 200; ++i) all.push_back(pool.allocate(i));
        for (std::size_t i = 1; i < all.size(); ++i) {
            BOOST_TEST_REQUIRE(address_of(all[i]) - address_of(all[i - 1]) == pool.slot_bytes());
        }
        for (int i = 0; i < 200; ++i) BOOST_TEST_REQUIRE(*all[std::size_t(i)] == i);
        for (double* const object : all) pool.free(object);
    });
}

BOOST_AUTO_TEST_CASE(the_slot_that_was_freed_last_is_given_out_next)
{
    auto const last_in_first_out = [](auto&& pool) {
        int* all[8];
        for (int*& object : all) object = pool.allocate();
        for (int const i : {3, 0, 7, 5}) pool.free(all[i]);
        for (int const i : {5, 7, 0, 3}) BOOST_TEST(pool.allocate() == all[i]);
    };
    last_in_first_out(fixed_pool<int>{16});
    last_in_first_out(fixed_pool<int, slots::free_list>{16});
    last_in_first_out(growing_pool<int>{16});
    last_in_first_out(concurrent_pool<int>{16});
    last_in_first_out(lock_free_pool<int>{16});
    last_in_first_out(static_pool<int, 16>{});
}

BOOST_AUTO_TEST_CASE(a_bitmap_gives_out_the_lowest_free_slot)
{
    fixed_pool<int, slots::bitmap> pool{300};
    std::vector<int*> all(300);
    pool.allocate_n(all);
    for (std::size_t const i : {250u, 3u, 64u, 63u, 299u}) pool.free(all[i]);
    for (std::size_t const i : {3u, 63u, 64u, 250u, 299u}) BOOST_TEST(pool.allocate() == all[i]);
    BOOST_TEST(pool.try_allocate() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_pool_can_be_filled_again_whatever_was_freed_before)
{
    with_each_kind<int>({.capacity = 100, .maximum = 100}, [](auto& pool) {
        std::mt19937 random{3};
        std::vector<int*> live;
        for (int round = 0; round < 30; ++round) {
            while (int* const object = pool.try_allocate()) live.push_back(object);
            BOOST_TEST_REQUIRE(live.size() == 100u);
            BOOST_TEST_REQUIRE((std::set<int*>(live.begin(), live.end()).size() == 100u));
            std::shuffle(live.begin(), live.end(), random);
            for (auto n = random() % 100; n > 0; --n) {
                pool.free(live.back());
                live.pop_back();
            }
            end_now(pool);
        }
        for (int* const object : live) pool.free(object);
    });
}

namespace {

template <std::size_t Align>
void objects_are_aligned_to()
{
    for (std::size_t asked = 1; asked <= 4096; asked *= 2) {
        std::size_t const expected = std::max(Align, asked);
        with_each_kind<aligned_to<Align>>({.capacity = 5, .maximum = 0, .alignment = asked}, [&](auto& pool) {
            std::vector<aligned_to<Align>*> all;
            for (int i = 0; i < 8; ++i) {  // growing ones grow
                if (auto* const object = pool.try_allocate()) all.push_back(object);
            }
            BOOST_TEST_REQUIRE(all.size() >= 5u);
            for (auto* const object : all) BOOST_TEST_REQUIRE(address_of(object) % expected == 0u);
            BOOST_TEST(pool.slot_bytes() % expected == 0u);
            BOOST_TEST(address_of(all[1]) - address_of(all[0]) == pool.slot_bytes());
            for (auto* const object : all) pool.free(object);
        });
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(alignment_holds_for_each_address_and_for_the_distance_of_two)
{
    objects_are_aligned_to<1>();
    objects_are_aligned_to<8>();
    objects_are_aligned_to<64>();
    objects_are_aligned_to<4096>();
}

BOOST_AUTO_TEST_CASE(pools_within_an_object_align_as_well)
{
    static_pool<aligned_to<256>, 3> pool;
    for (int i = 0; i < 3; ++i) BOOST_TEST(address_of(pool.allocate()) % 256 == 0u);
    BOOST_TEST(pool.try_allocate() == nullptr);
}

// --- what it costs ---

BOOST_AUTO_TEST_CASE(a_fixed_pool_asks_its_backend_once_and_never_again)
{
    using counted = backend::counting<backend::system>;
    auto const ask_once = [](auto&& pool) {
        BOOST_TEST(pool.backend().counts().calls() == 1u);
        std::vector<int*> all;
        for (int round = 0; round < 3; ++round) {
            while (int* const object = pool.try_allocate()) all.push_back(object);
            BOOST_TEST(all.size() == 1000u);
            while (!all.empty()) {
                pool.free(all.back());
                all.pop_back();
            }
        }
        BOOST_TEST(pool.backend().counts().calls() == 1u);
    };
    ask_once(fixed_pool<int, counted>{1000});
    ask_once(fixed_pool<int, counted, slots::bitmap>{1000});
    ask_once(fixed_pool<int, counted, slots::free_list>{1000});
    ask_once(fixed_pool<int, counted, sharing::atomic>{1000});
    ask_once(fixed_pool<int, counted, diagnostics::checked>{1000});
    ask_once(lock_free_pool<int, counted>{1000});
    ask_once(concurrent_pool<int, std::mutex, storage::fixed, counted>{1000});
}

BOOST_AUTO_TEST_CASE(a_growing_pool_asks_its_backend_only_to_grow)
{
    growing_pool<int, backend::counting<backend::system>> pool{{.capacity = 10, .growth = growth::linear(10)}};
    std::vector<int*> all(40);
    pool.allocate_n(all);
    std::size_t const calls = pool.backend().counts().calls();
    BOOST_TEST(calls == pool.stats().chunks);
    for (int round = 0; round < 10; ++round) {
        pool.free_n(all);
        pool.allocate_n(all);
    }
    BOOST_TEST(pool.backend().counts().calls() == calls);
}

namespace {

/// What the pool takes beside its slots, for large counts: bytes of a million slots less those of half a million.
template <class Pool>
double bytes_beside_a_slot()
{
    constexpr std::size_t few = 500'000, many = 1'000'000;
    auto const beside = [](std::size_t count) {
        Pool pool{count};
        object_pool_stats const s = pool.stats();
        return static_cast<double>(s.bytes) - static_cast<double>(s.slot_bytes * count);
    };
    return (beside(many) - beside(few)) / static_cast<double>(many - few);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_slot_costs_what_its_policy_says)
{
    BOOST_TEST((bytes_beside_a_slot<fixed_pool<long, slots::free_list>>()) == 0.0);
    BOOST_TEST((bytes_beside_a_slot<growing_pool<long>>()) == 0.0);
    BOOST_TEST((bytes_beside_a_slot<fixed_pool<long>>()) == 8.0);
    BOOST_TEST((bytes_beside_a_slot<lock_free_pool<long>>()) == 8.0);
    double const bits = bytes_beside_a_slot<fixed_pool<long, slots::bitmap>>() * 8;
    BOOST_TEST(bits > 1.0);
    BOOST_TEST(bits < 1.0165);

    BOOST_TEST((fixed_pool<long>{1}.slot_bytes()) == 8u);
    BOOST_TEST((fixed_pool<char>{1}.slot_bytes()) == 1u);
    BOOST_TEST((fixed_pool<char, slots::bitmap>{1}.slot_bytes()) == 1u);
    BOOST_TEST((fixed_pool<char, slots::free_list>{1}.slot_bytes()) == sizeof(void*));
    BOOST_TEST((fixed_pool<long, sharing::local>{1}.slot_bytes()) == 24u);
    BOOST_TEST((fixed_pool<long, drop::deferred>{1}.slot_bytes()) == 16u);
    BOOST_TEST((fixed_pool<long, slots::free_list, initialise::kept<>>{1}.slot_bytes()) == 16u);
}

BOOST_AUTO_TEST_CASE(a_pool_within_itself_asks_nobody)
{
    static_pool<long, 100> pool;
    auto const begin = address_of(&pool), end = begin + sizeof pool;
    for (int i = 0; i < 100; ++i) {
        auto const at = address_of(pool.allocate(i));
        BOOST_TEST_REQUIRE(at >= begin);
        BOOST_TEST_REQUIRE(at + sizeof(long) <= end);
    }
    BOOST_TEST(pool.try_allocate() == nullptr);
    BOOST_TEST(pool.capacity() == 100u);
    BOOST_TEST(pool.maximum() == 100u);
}

// --- what it has ---

BOOST_AUTO_TEST_CASE(a_pool_knows_which_pointers_are_its_objects)
{
    with_each_kind<aggregate>({.capacity = 3}, [](auto& pool) {
        aggregate* const object = pool.allocate(1, 2.0);
        auto* const bytes = reinterpret_cast<std::byte*>(object);
        BOOST_TEST(pool.owns(object));
        BOOST_TEST(!pool.owns(reinterpret_cast<aggregate*>(bytes + 1)));
        BOOST_TEST(!pool.owns(reinterpret_cast<aggregate*>(bytes + 8)));
        BOOST_TEST(!pool.owns(reinterpret_cast<aggregate*>(bytes - pool.slot_bytes())));
        BOOST_TEST(!pool.owns(reinterpret_cast<aggregate*>(bytes + 3 * pool.slot_bytes())));
        aggregate elsewhere{};
        BOOST_TEST(!pool.owns(&elsewhere));
        BOOST_TEST(!pool.owns(nullptr));
        pool.free(object);
    });
}

BOOST_AUTO_TEST_CASE(an_exhausted_pool_answers_null_or_empty_and_goes_on_when_something_is_freed)
{
    with_each_kind<int>({.capacity = 2, .maximum = 2}, [](auto& pool) {
        int* const one = pool.allocate(1);
        int* const two = pool.allocate(2);
        BOOST_TEST(pool.try_allocate(3) == nullptr);
        BOOST_TEST(!pool.try_make(3));
        BOOST_TEST(*one == 1);
        BOOST_TEST(*two == 2);
        BOOST_TEST(pool.live() == 2u);
        pool.free(one);
        end_now(pool);
        BOOST_TEST(pool.try_allocate(4) == one);
        BOOST_TEST(*one == 4);
        pool.free(one);
        pool.free(two);
    });
}

BOOST_AUTO_TEST_SUITE_END()
