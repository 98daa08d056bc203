// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>

#include <cstring>
#include <optional>
#include <thread>
#include <type_traits>
#include <unordered_set>
#include <vector>

using namespace framealloc;

namespace {

struct counted {
    static inline int alive = 0;
    int value;
    explicit counted(int v = 0) : value(v) { ++alive; }
    counted(counted&&) = delete;
    ~counted() { --alive; }
};

using plain_pool = fixed_pool<counted>;
using shared_pool = fixed_pool<counted, sharing::atomic>;
using local_pool = fixed_pool<counted, sharing::local>;

using owner = plain_pool::owned_type;
static_assert(!std::is_copy_constructible_v<owner> && !std::is_copy_assignable_v<owner>);
static_assert(std::is_nothrow_move_constructible_v<owner> && std::is_nothrow_move_assignable_v<owner>);
static_assert(std::is_nothrow_destructible_v<owner> && std::is_nothrow_default_constructible_v<owner>);
static_assert(std::is_nothrow_copy_constructible_v<shared<counted>> && std::is_nothrow_destructible_v<shared<counted>>);
static_assert(!std::is_convertible_v<counted*, shared<counted>>);
static_assert(!std::is_convertible_v<local_shared<counted>, shared<counted>>);
static_assert(std::is_convertible_v<shared<counted>, weak<counted>>);
static_assert(std::is_same_v<shared_pool::shared_type, shared<counted>>);
static_assert(std::is_same_v<local_pool::weak_type, local_weak<counted>>);

/// What an end throws comes out of the handle's end too.
struct throws_on_release {
    void on_release() {}
};
static_assert(!std::is_nothrow_destructible_v<fixed_pool<throws_on_release>::owned_type>);
static_assert(!noexcept(std::declval<fixed_pool<throws_on_release>&>().free(nullptr)));
static_assert(noexcept(std::declval<fixed_pool<throws_on_release, drop::deferred>&>().free(nullptr)));

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_handles)

// --- one owner ---

BOOST_AUTO_TEST_CASE(an_owner_gives_its_object_back_when_it_ends)
{
    plain_pool pool{2};
    {
        owner const one = pool.make(7);
        BOOST_TEST(one->value == 7);
        BOOST_TEST((*one).value == 7);
        BOOST_TEST(one.get() == &*one);
        BOOST_TEST(&one.pool() == &pool);
        BOOST_TEST(bool(one));
        BOOST_TEST(pool.live() == 1u);
    }
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(an_owner_that_was_moved_from_is_empty_and_may_be_used_anew)
{
    plain_pool pool{3}, other{3};
    owner one = pool.make(1);
    owner two = std::move(one);
    BOOST_TEST(!one);
    BOOST_TEST(one.get() == nullptr);
    BOOST_TEST((one == nullptr));
    BOOST_TEST(two->value == 1);
    BOOST_TEST(counted::alive == 1);
    one.reset();  // nothing to give back
    owner three = std::move(one);
    BOOST_TEST(!three);
    one = other.make(2);  // of another pool
    BOOST_TEST(&one.pool() == &other);
    two = std::move(one);  // what it had ends, in its own pool
    BOOST_TEST(two->value == 2);
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(other.live() == 1u);
    BOOST_TEST(counted::alive == 1);
}

BOOST_AUTO_TEST_CASE(an_owner_moved_into_itself_keeps_its_object)
{
    plain_pool pool{1};
    owner one = pool.make(1);
    owner& same = one;
    one = std::move(same);
    BOOST_TEST(bool(one));
    BOOST_TEST(one->value == 1);
    BOOST_TEST(pool.live() == 1u);
}

BOOST_AUTO_TEST_CASE(owners_swap_across_pools)
{
    plain_pool a{1}, b{1};
    owner one = a.make(1), two = b.make(2), empty;
    swap(one, two);
    BOOST_TEST(one->value == 2);
    BOOST_TEST(&one.pool() == &b);
    one.swap(empty);
    BOOST_TEST(!one);
    one.reset();
    empty.reset();
    BOOST_TEST(b.live() == 0u);
    BOOST_TEST(a.live() == 1u);
}

BOOST_AUTO_TEST_CASE(an_owner_lets_go_by_release_and_gives_back_by_reset)
{
    plain_pool pool{2};
    owner one = pool.make(1);
    counted* const object = one.release();
    BOOST_TEST(!one);
    BOOST_TEST(object->value == 1);
    BOOST_TEST(pool.live() == 1u);
    owner again{object, pool};
    BOOST_TEST(again.get() == object);
    again.reset();
    BOOST_TEST(!again);
    BOOST_TEST(pool.live() == 0u);
    owner const none = nullptr;
    BOOST_TEST(!none);
    BOOST_TEST((none == owner{}));
}

BOOST_AUTO_TEST_CASE(try_make_answers_an_empty_owner_when_there_is_no_slot)
{
    plain_pool pool{1};
    owner const one = pool.try_make(1);
    owner const two = pool.try_make(2);
    BOOST_TEST(bool(one));
    BOOST_TEST(!two);
    shared_pool other{1};
    auto const first = other.try_make_shared(1), second = other.try_make_shared(2);
    BOOST_TEST(bool(first));
    BOOST_TEST(!second);
    BOOST_TEST(counted::alive == 2);
}

BOOST_AUTO_TEST_CASE(owners_live_in_containers)
{
    growing_pool<counted> pool{2};
    std::vector<growing_pool<counted>::owned_type> all;
    for (int i = 0; i < 100; ++i) all.push_back(pool.make(i));
    for (int i = 0; i < 100; ++i) BOOST_TEST(all[std::size_t(i)]->value == i);
    std::erase_if(all, [](auto const& one) { return one->value % 2 == 0; });
    BOOST_TEST(pool.live() == 50u);
    all.clear();
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(counted::alive == 0);
}

// --- several owners ---

namespace {

template <class Pool>
void several_owners_share()
{
    Pool pool{3};
    auto one = pool.make_shared(5);
    BOOST_TEST(one.use_count() == 1u);
    {
        auto const two = one;
        BOOST_TEST((one == two));
        BOOST_TEST(two.use_count() == 2u);
        one->value = 6;
        BOOST_TEST(two->value == 6);
        auto const three = std::move(one);
        BOOST_TEST(!one);
        BOOST_TEST(one.use_count() == 0u);
        BOOST_TEST(three.use_count() == 2u);
        one = two;
    }
    BOOST_TEST(one.use_count() == 1u);
    BOOST_TEST(pool.live() == 1u);
    auto& same = one;
    one = same;
    BOOST_TEST(one.use_count() == 1u);
    one = std::move(same);
    BOOST_TEST(one.use_count() == 1u);
    BOOST_TEST(one->value == 6);
    auto other = pool.make_shared(9);
    swap(one, other);
    BOOST_TEST(one->value == 9);
    other.reset();
    BOOST_TEST(pool.live() == 1u);
    one = nullptr;
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(counted::alive == 0);
}

template <class Pool>
void weak_ones_remember()
{
    using weak_type = typename Pool::weak_type;
    Pool pool{1};
    weak_type const nothing, of_nothing = typename Pool::shared_type{};
    BOOST_TEST(nothing.expired());
    BOOST_TEST(!nothing.lock());
    BOOST_TEST(of_nothing.expired());
    BOOST_TEST((nothing == of_nothing));

    auto one = pool.make_shared(1);
    weak_type const first = one;
    BOOST_TEST(one.use_count() == 1u);  // it does not own
    BOOST_TEST(!first.expired());
    {
        auto const locked = first.lock();
        BOOST_TEST((locked == one));
        BOOST_TEST(one.use_count() == 2u);
    }
    counted const* const place = one.get();
    one.reset();
    BOOST_TEST(counted::alive == 0);  // nor does it keep
    BOOST_TEST(first.expired());
    BOOST_TEST(!first.lock());

    auto const next = pool.make_shared(2);
    BOOST_TEST(next.get() == place);  // the slot is used anew
    BOOST_TEST(first.expired());
    BOOST_TEST(!first.lock());
    weak_type second = next;
    BOOST_TEST(second.lock()->value == 2);
    BOOST_TEST((first != second));
    second.reset();
    BOOST_TEST(second.expired());
    BOOST_TEST(next.use_count() == 1u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_last_of_several_owners_gives_the_object_back)
{
    several_owners_share<shared_pool>();
    several_owners_share<local_pool>();
    several_owners_share<growing_pool<counted, sharing::atomic>>();
    several_owners_share<lock_free_pool<counted, sharing::atomic>>();
    several_owners_share<concurrent_pool<counted, std::mutex, sharing::atomic>>();
    several_owners_share<fixed_pool<counted, sharing::local, diagnostics::checked>>();
}

BOOST_AUTO_TEST_CASE(a_weak_one_remembers_an_object_until_it_ends_and_not_the_next_in_its_slot)
{
    weak_ones_remember<shared_pool>();
    weak_ones_remember<local_pool>();
    weak_ones_remember<fixed_pool<counted, sharing::atomic, slots::free_list>>();
    weak_ones_remember<lock_free_pool<counted, sharing::atomic>>();
    weak_ones_remember<concurrent_pool<counted, std::mutex, storage::fixed, sharing::atomic>>();
    weak_ones_remember<fixed_pool<counted, sharing::local, diagnostics::checked>>();
}

BOOST_AUTO_TEST_CASE(objects_smaller_than_a_count_are_shared_as_well)
{
    fixed_pool<char, sharing::local, slots::free_list> pool{3};
    auto a = pool.make_shared('a');
    auto const b = pool.make_shared('b');
    local_weak<char> const old = a;
    a.reset();  // the free slot is linked through the object, beside the count
    BOOST_TEST(!old.lock());
    auto const c = pool.make_shared('c');
    BOOST_TEST(*b == 'b');
    BOOST_TEST(*c == 'c');
    BOOST_TEST(c.use_count() == 1u);
    BOOST_TEST(!old.lock());
}

BOOST_AUTO_TEST_CASE(one_owner_becomes_several)
{
    shared_pool pool{1};
    auto one = pool.make(3);
    counted const* const object = one.get();
    auto const several = shared_pool::share(std::move(one));
    BOOST_TEST(!one);
    BOOST_TEST(several.get() == object);
    BOOST_TEST(several.use_count() == 1u);
    BOOST_TEST(pool.live() == 1u);
    BOOST_TEST(!shared_pool::share({}));
    BOOST_TEST(&shared_pool::pool_of(several.get()) == &pool);
}

BOOST_AUTO_TEST_CASE(nobody_can_be_made_an_owner_of_what_ends)
{
    struct asks {
        local_weak<asks> self;
        bool* got_none;
        ~asks() { *got_none = !self.lock() && self.expired(); }
        void on_release() noexcept { BOOST_TEST(!self.lock()); }
    };
    bool got_none = false;
    fixed_pool<asks, sharing::local> pool{1};
    auto one = pool.make_shared(local_weak<asks>{}, &got_none);
    one->self = one;
    BOOST_TEST((one->self.lock() == one));
    one.reset();
    BOOST_TEST(got_none);
}

BOOST_AUTO_TEST_CASE(an_object_that_waits_for_its_end_has_no_owners_any_more)
{
    fixed_pool<counted, sharing::local, drop::deferred> pool{1};
    auto one = pool.make_shared(1);
    local_weak<counted> const seen = one;
    one.reset();
    BOOST_TEST(counted::alive == 1);
    BOOST_TEST(pool.pending() == 1u);
    BOOST_TEST(seen.expired());
    BOOST_TEST(!seen.lock());
    BOOST_TEST(pool.drop_pending() == 1u);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(shared_objects_may_own_each_other)
{
    struct node {
        local_shared<node> next;
    };
    growing_pool<node, sharing::local> pool{4};
    auto head = pool.make_shared();
    for (int i = 0; i < 100; ++i) head = pool.make_shared(std::move(head));
    BOOST_TEST(pool.live() == 101u);
    auto const middle = head->next->next;
    head.reset();
    BOOST_TEST(pool.live() == 99u);
    middle->next.reset();
    BOOST_TEST(pool.live() == 1u);
}

BOOST_AUTO_TEST_CASE(handles_are_found_in_hashed_sets)
{
    shared_pool pool{4};
    std::unordered_set<shared<counted>> all;
    auto const one = pool.make_shared(1), two = pool.make_shared(2);
    BOOST_TEST(all.insert(one).second);
    BOOST_TEST(!all.insert(one).second);
    BOOST_TEST(all.insert(two).second);
    BOOST_TEST(one.use_count() == 2u);
    BOOST_TEST(all.contains(two));
    BOOST_TEST(!all.contains(nullptr));
    BOOST_TEST(std::hash<shared<counted>>{}(one) == std::hash<counted*>{}(one.get()));
}

BOOST_AUTO_TEST_CASE(a_slot_whose_generations_are_used_up_is_not_used_again)
{
    // 2^32 objects take too long: the count behind the object is set to what it would be after them.
    struct word {
        std::uint64_t value;
    };
    fixed_pool<word, sharing::local> pool{2};
    BOOST_TEST(pool.slot_bytes() == 24u);  // the object, its count and its pool
    auto one = pool.make_shared(1u);
    local_weak<word> const of_first_generation = one;
    std::uint64_t const last = std::uint64_t{0xFFFF'FFFE} << 32 | 1;
    std::memcpy(reinterpret_cast<std::byte*>(one.get()) + sizeof(word), &last, sizeof last);
    local_weak<word> const of_last_generation = one;
    BOOST_TEST(of_first_generation.expired());
    BOOST_TEST((of_last_generation.lock() == one));
    word const* const retired = one.get();
    one.reset();
    BOOST_TEST(of_last_generation.expired());
    // Were generations to begin anew in that slot, the first one's handles would be mistaken for the next one's.
    BOOST_TEST(!of_first_generation.lock());
    BOOST_TEST(pool.stats().retired == 1u);
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(pool.available() == 1u);
    auto const two = pool.try_make_shared(2u), three = pool.try_make_shared(3u);
    BOOST_TEST(bool(two));
    BOOST_TEST(two.get() != retired);
    BOOST_TEST(!three);
    BOOST_TEST(!of_first_generation.lock());
}

// --- pools that are variables ---

namespace {
struct named {
    int number;
};
fixed_pool<named> pool_of_names{4};
}  // namespace

BOOST_AUTO_TEST_CASE(an_owner_of_an_object_of_a_variable_is_one_pointer)
{
    using owner = owned_of<pool_of_names>;
    named* last = nullptr;
    static_assert(sizeof(owner) == sizeof(void*) && sizeof(pool_of_names.make(1)) == 2 * sizeof(void*));
    {
        owner one{pool_of_names.make(1)};
        owner two{pool_of_names.allocate(2), pool_of_names};
        last = pool_of_names.make(3).release();
        owner const none{owned<fixed_pool<named>>{}};
        BOOST_TEST(one->number + two->number == 3);
        BOOST_TEST(!none);
        BOOST_TEST(&one.pool() == &pool_of_names);
        BOOST_TEST(pool_of_names.live() == 3u);
        one = std::move(two);
        BOOST_TEST(one->number == 2);
        BOOST_TEST(pool_of_names.live() == 2u);
    }
    BOOST_TEST(pool_of_names.live() == 1u);  // the one that was released
    pool_of_names.free(last);
}

// --- other threads ---

BOOST_AUTO_TEST_CASE(objects_end_on_whichever_thread_lets_go_last)
{
    auto const across = [](auto&& pool) {
        auto one = pool.make(1);
        auto several = pool.make_shared(2);
        std::thread{[mine = std::move(one), also = several]() mutable {
            mine.reset();
            also.reset();
        }}.join();
        BOOST_TEST(pool.live() == 1u);
        std::optional last{std::move(several)};
        std::thread{[&] { last.reset(); }}.join();
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(counted::alive == 0);
    };
    across(concurrent_pool<counted, std::mutex, sharing::atomic>{4});
    across(lock_free_pool<counted, sharing::atomic>{4});
    across(concurrent_pool<counted, std::mutex, sharing::atomic, diagnostics::checked>{4});
}

BOOST_AUTO_TEST_SUITE_END()
