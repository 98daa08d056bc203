// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>

#include <set>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

/// Counts what happens to it, and has a buffer that it likes to keep.
struct worker {
    static inline int made = 0, ended = 0, resets = 0, inits = 0, acquired = 0, released = 0;
    static inline int throw_at_init = 0, throw_at_reset = 0;  ///< the how manieth from now on; 0: none
    static void forget() { made = ended = resets = inits = acquired = released = throw_at_init = throw_at_reset = 0; }
    static int alive() { return made - ended; }

    std::string buffer;
    int uses = 0;
    worker() { ++made; }
    explicit worker(std::size_t bytes) : buffer(bytes, 'w') { ++made; }
    worker(worker&&) = delete;
    ~worker() { ++ended; }
    void on_acquire() noexcept { ++acquired; }
    void on_release() noexcept { ++released; }
};
worker make_worker()
{
    ++worker::inits;
#if FRAMEALLOC_EXCEPTIONS
    if (worker::throw_at_init != 0 && --worker::throw_at_init == 0) throw 1;
#endif
    return worker{100};
}
void ready_worker(worker& w) noexcept
{
    ++worker::resets;
    w.buffer.clear();
}

using kept = initialise::kept<make_worker, ready_worker>;
template <class... Policies>
using workers = fixed_pool<worker, kept, Policies...>;
template <class... Policies>
using growing_workers = growing_pool<worker, kept, Policies...>;

template <class Pool>
void stay_constructed()
{
    worker::forget();
    {
        Pool pool{{.capacity = 4}};
        BOOST_TEST(worker::inits == 0);  // lazy: none before it is asked for
        worker* const one = pool.allocate();
        BOOST_TEST(worker::inits == 1);
        BOOST_TEST(worker::resets == 0);
        BOOST_TEST(one->buffer.size() == 100u);
        ++one->uses;
        pool.free(one);
        BOOST_TEST(worker::resets == 1);
        BOOST_TEST(worker::ended == 0);
        worker* const again = pool.allocate();
        BOOST_TEST(again == one);
        BOOST_TEST(again->uses == 1);  // the same object, as Reset has left it
        BOOST_TEST(again->buffer.empty());
        BOOST_TEST(again->buffer.capacity() >= 100u);
        BOOST_TEST(worker::inits == 1);
        worker* const two = pool.allocate();
        BOOST_TEST(worker::inits == 2);
        for (int i = 0; i < 10; ++i) {
            pool.free(two);
            BOOST_TEST(pool.allocate() == two);
        }
        BOOST_TEST(worker::inits == 2);
        BOOST_TEST(worker::resets == 11);
        BOOST_TEST(worker::acquired == 13);
        BOOST_TEST(worker::released == 11);
        pool.free(two);
    }
    // One of them was free, and one in use.
    BOOST_TEST(worker::made == 2);
    BOOST_TEST(worker::ended == 2);
    BOOST_TEST(worker::released == 13);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_kept)

BOOST_AUTO_TEST_CASE(kept_objects_are_made_once_reset_at_each_release_and_end_with_the_pool)
{
    stay_constructed<workers<>>();
    stay_constructed<workers<slots::free_list>>();
    stay_constructed<workers<slots::bitmap>>();
    stay_constructed<growing_workers<>>();
    stay_constructed<growing_workers<slots::bitmap>>();
    stay_constructed<workers<sharing::atomic>>();
    stay_constructed<lock_free_pool<worker, kept>>();
    stay_constructed<concurrent_pool<worker, std::mutex, kept>>();
    stay_constructed<workers<diagnostics::counters>>();
}

BOOST_AUTO_TEST_CASE(eager_objects_are_made_when_their_memory_comes)
{
    worker::forget();
    {
        growing_workers<> pool{{.capacity = 5, .growth = growth::linear(3), .initialisation = initialisation::eager}};
        BOOST_TEST(worker::inits == 5);
        std::vector<worker*> all(6);
        for (std::size_t i = 0; i < 5; ++i) all[i] = pool.allocate();
        BOOST_TEST(worker::inits == 5);
        all[5] = pool.allocate();
        BOOST_TEST(worker::inits == 8);
        pool.free_n(all);
        BOOST_TEST(worker::resets == 6);
        BOOST_TEST(worker::ended == 0);
    }
    BOOST_TEST(worker::ended == 8);
    worker::forget();
    {
        static_pool<worker, 3, kept> pool{initialisation::eager, "three"};
        BOOST_TEST(worker::inits == 3);
    }
    BOOST_TEST(worker::ended == 3);
}

BOOST_AUTO_TEST_CASE(kept_objects_are_destroyed_when_their_chunk_is_given_back)
{
    worker::forget();
    {
        growing_workers<> pool{{.capacity = 2, .growth = growth::linear(2)}};
        std::vector<worker*> all(7);
        for (worker*& w : all) w = pool.allocate();
        for (std::size_t i = 1; i < 7; ++i) pool.free(all[i]);
        BOOST_TEST(worker::ended == 0);
        BOOST_TEST(pool.shrink() > 0u);
        BOOST_TEST(pool.capacity() == 2u);
        // The last chunk had one that was never made.
        BOOST_TEST(worker::alive() == 2);
        worker* const next = pool.allocate();
        BOOST_TEST(next == all[1]);
        BOOST_TEST(worker::made == 7);
    }
    BOOST_TEST(worker::alive() == 0);
    BOOST_TEST(worker::made == 7);
}

BOOST_AUTO_TEST_CASE(init_and_reset_may_be_left_out)
{
    worker::forget();
    {
        fixed_pool<worker, initialise::kept<>> pool{2};
        worker* const one = pool.allocate();
        BOOST_TEST(one->buffer.empty());
        one->buffer = "left as it is";
        pool.free(one);
        BOOST_TEST(pool.allocate()->buffer == "left as it is");
        BOOST_TEST(worker::made == 1);
    }
    BOOST_TEST(worker::alive() == 0);
    static_assert(fixed_pool<worker, initialise::kept<>>::releases_quietly);
    static_assert(workers<>::releases_quietly);
    static_assert(!fixed_pool<worker, initialise::kept<nullptr, [](worker&) {}>>::releases_quietly);
    // A lambda, as the documents show it.
    fixed_pool<std::string, initialise::kept<[] { return std::string(64, 'x'); }, [](std::string& s) { s.clear(); }>> texts{1};
    auto one = texts.make();
    BOOST_TEST(one->size() == 64u);
    one.reset();
    BOOST_TEST(texts.make()->empty());
}

BOOST_AUTO_TEST_CASE(kept_objects_are_handed_out_by_every_kind_of_call)
{
    worker::forget();
    {
        workers<sharing::local> pool{6};
        auto const a = pool.make();
        auto const b = pool.make_shared();
        std::vector<worker*> batch(3);
        pool.allocate_n(batch);
        BOOST_TEST(worker::inits == 5);
        BOOST_TEST((std::set<worker*>{a.get(), b.get(), batch[0], batch[1], batch[2]}.size() == 5u));
        pool.free_n(batch);
        BOOST_TEST(worker::resets == 3);
    }
    BOOST_TEST(worker::resets == 5);
    BOOST_TEST(worker::alive() == 0);
}

BOOST_AUTO_TEST_CASE(a_deferred_drop_resets_later)
{
    worker::forget();
    {
        workers<drop::deferred> pool{1};
        pool.free(pool.allocate());
        BOOST_TEST(worker::resets == 0);
        worker* const again = pool.allocate();  // there is but one slot: what waits is ended for it
        BOOST_TEST(worker::resets == 1);
        BOOST_TEST(worker::made == 1);
        pool.free(again);
        BOOST_TEST(pool.drop_pending() == 1u);
        BOOST_TEST(worker::resets == 2);
    }
    BOOST_TEST(worker::alive() == 0);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(where_init_throws_the_slot_is_as_it_was_and_tried_again_next_time)
{
    worker::forget();
    {
        workers<diagnostics::counters> pool{2};
        worker::throw_at_init = 1;
        BOOST_CHECK_THROW(static_cast<void>(pool.allocate()), int);
        BOOST_TEST(pool.live() == 0u);
        BOOST_TEST(worker::made == 0);
        BOOST_TEST(pool.stats().failures == 1u);
        worker* const one = pool.allocate();
        BOOST_TEST(one != nullptr);
        BOOST_TEST(worker::made == 1);
        worker::throw_at_init = 1;
        BOOST_CHECK_THROW(static_cast<void>(pool.try_allocate()), int);
        BOOST_TEST(pool.live() == 1u);
        BOOST_TEST(pool.available() == 1u);
    }
    BOOST_TEST(worker::alive() == 0);
    BOOST_TEST(worker::made == 1);
}

namespace {

void reset_that_throws(worker& w)
{
    if (worker::throw_at_reset != 0 && --worker::throw_at_reset == 0) throw 2;
    w.buffer.clear();
}

}  // namespace

BOOST_AUTO_TEST_CASE(where_reset_throws_the_object_is_destroyed_and_its_slot_free)
{
    using pool_type = fixed_pool<worker, initialise::kept<make_worker, reset_that_throws>>;
    static_assert(!pool_type::releases_quietly);
    worker::forget();
    {
        pool_type pool{1};
        worker* const one = pool.allocate();
        ++one->uses;
        worker::throw_at_reset = 1;
        BOOST_CHECK_THROW(pool.free(one), int);
        BOOST_TEST(worker::ended == 1);
        BOOST_TEST(pool.live() == 0u);
        worker* const next = pool.allocate();
        BOOST_TEST(next->uses == 0);  // another one, in the same slot
        BOOST_TEST(worker::made == 2);
        worker::throw_at_reset = 1;
        auto owner = pool_type::owned_type{next, pool};
        BOOST_CHECK_THROW(owner.reset(), int);
        BOOST_TEST(worker::ended == 2);
        BOOST_TEST(pool.live() == 0u);
    }
    BOOST_TEST(worker::made == 2);
    BOOST_TEST(worker::ended == 2);
}

BOOST_AUTO_TEST_CASE(eager_objects_that_stop_half_way_are_destroyed_and_the_pool_is_not_built_or_does_not_grow)
{
    object_pool_config const eager{
        .capacity = 4, .growth = growth::linear(4), .initialisation = initialisation::eager};
    for (int at = 1; at <= 4; ++at) {
        worker::forget();
        worker::throw_at_init = at;
        BOOST_CHECK_THROW(growing_workers<>{eager}, int);
        BOOST_TEST(worker::made == at - 1);
        BOOST_TEST(worker::alive() == 0);
    }
    worker::forget();
    {
        growing_workers<diagnostics::counters> pool{eager};
        std::vector<worker*> all(4);
        pool.allocate_n(all);
        for (int at = 1; at <= 4; ++at) {
            worker::throw_at_init = at;
            BOOST_CHECK_THROW(static_cast<void>(pool.allocate()), int);
            BOOST_TEST(worker::alive() == 4);
            BOOST_TEST(pool.capacity() == 4u);
            BOOST_TEST(pool.live() == 4u);
        }
        worker::throw_at_init = 2;
        BOOST_TEST(pool.try_allocate() == nullptr);  // it may not throw what growing throws
        worker::throw_at_init = 3;
        BOOST_CHECK_THROW(pool.try_reserve(8), int);
        BOOST_TEST(pool.capacity() == 4u);
        BOOST_TEST(worker::alive() == 4);
        worker::throw_at_init = 0;
        BOOST_TEST(pool.allocate() != nullptr);
        BOOST_TEST(worker::alive() == 8);
    }
    BOOST_TEST(worker::alive() == 0);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
