// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/dead_memory.hpp"
#include "support/faults.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

using namespace framealloc;

namespace {

struct counted {
    static inline int alive = 0;
    std::array<unsigned char, 40> bytes{};
    counted() { ++alive; }
    ~counted() { --alive; }
};

using checked = diagnostics::checked;

bool says(test::fault_recorder const& faults, std::string const& words)
{
    return faults.last_text().find(words) != std::string::npos;
}

/// Calls `f` with the type of each kind of checked pool of `T`.
template <class T, class F>
void with_each_checked_kind(F&& f)
{
    f(std::type_identity<fixed_pool<T, checked>>{});
    f(std::type_identity<fixed_pool<T, checked, slots::bitmap>>{});
    f(std::type_identity<fixed_pool<T, checked, slots::free_list>>{});
    f(std::type_identity<growing_pool<T, checked>>{});
    f(std::type_identity<growing_pool<T, checked, slots::bitmap>>{});
    f(std::type_identity<concurrent_pool<T, std::mutex, checked>>{});
    f(std::type_identity<lock_free_pool<T, checked>>{});
    f(std::type_identity<fixed_pool<T, checked, sharing::atomic>>{});
    f(std::type_identity<fixed_pool<T, checked, drop::deferred>>{});
    f(std::type_identity<fixed_pool<T, checked, initialise::kept<>>>{});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_checks)

BOOST_AUTO_TEST_CASE(right_use_is_not_blamed)
{
    with_each_checked_kind<counted>([]<class Pool>(std::type_identity<Pool>) {
        test::fault_recorder const faults;
        {
            Pool pool{{.capacity = 8, .name = "quiet"}};
            std::vector<counted*> all(8);
            for (int round = 0; round < 5; ++round) {
                for (counted*& object : all) object = pool.allocate();
                for (counted* const object : all) object->bytes.fill(0xFF);
                std::rotate(all.begin(), all.begin() + 3, all.end());
                for (counted* const object : all) pool.free(object);
            }
            static_cast<void>(pool.make());
        }
        BOOST_TEST(faults.count() == 0u, faults.last_text());
        BOOST_TEST(counted::alive == 0);
    });
}

BOOST_AUTO_TEST_CASE(an_object_given_back_twice_is_found_and_given_back_once)
{
    with_each_checked_kind<counted>([]<class Pool>(std::type_identity<Pool>) {
        test::fault_recorder const faults;
        Pool pool{{.capacity = 4, .name = "enemies"}};
        counted* const one = pool.allocate();
        counted* const two = pool.allocate();
        pool.free(one);
        pool.free(one);
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::object_not_live);
        BOOST_TEST(faults.last_would_stop());
        BOOST_TEST(says(faults, "pool: enemies"), faults.last_text());
        BOOST_TEST(says(faults, "allocated at: "), faults.last_text());
        BOOST_TEST(says(faults, "given back at: "), faults.last_text());
        BOOST_TEST(says(faults, "slot 0 of the pool"), faults.last_text());
        if constexpr (requires { pool.drop_pending(); }) static_cast<void>(pool.drop_pending());
        BOOST_TEST(pool.live() == 1u);
        pool.free(two);
    });
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_slot_that_never_had_an_object_cannot_be_given_back)
{
    test::fault_recorder const faults;
    fixed_pool<counted, checked> pool{4};
    auto* const one = reinterpret_cast<std::byte*>(pool.allocate());
    pool.free(reinterpret_cast<counted*>(one + pool.slot_bytes()));
    BOOST_TEST(faults.last() == fault_code::object_not_live);
    pool.free(reinterpret_cast<counted*>(one));
    BOOST_TEST(faults.count() == 1u);
}

BOOST_AUTO_TEST_CASE(pointers_to_elsewhere_are_found)
{
    with_each_checked_kind<counted>([]<class Pool>(std::type_identity<Pool>) {
        test::fault_recorder const faults;
        Pool pool{{.capacity = 4, .name = "here"}}, other{{.capacity = 4, .name = "there"}};
        counted* const mine = pool.allocate();
        counted* const of_other = other.allocate();
        int const alive = counted::alive;

        counted elsewhere;
        pool.free(&elsewhere);
        BOOST_TEST(faults.last() == fault_code::object_of_another_pool);
        BOOST_TEST(says(faults, "lies in none of the 4 slots"), faults.last_text());
        pool.free(of_other);
        BOOST_TEST(faults.count() == 2u);
        BOOST_TEST(faults.last() == fault_code::object_of_another_pool);
        BOOST_TEST(says(faults, "pool: here"), faults.last_text());
        pool.free(reinterpret_cast<counted*>(&mine->bytes[8]));
        BOOST_TEST(faults.count() == 3u);
        BOOST_TEST(faults.last() == fault_code::object_of_another_pool);
        BOOST_TEST(says(faults, "lies 8 bytes behind the begin of a slot"), faults.last_text());

        BOOST_TEST(counted::alive == alive + 1);  // nothing has ended
        pool.free(mine);
        other.free(of_other);
        BOOST_TEST(faults.count() == 3u);
    });
}

BOOST_AUTO_TEST_CASE(what_was_written_after_the_end_is_found_when_the_slot_is_given_out_again)
{
    auto const finds = []<class Pool>(std::type_identity<Pool>) {
        test::fault_recorder const faults;
        Pool pool{{.capacity = 1, .maximum = 1, .name = "bullets"}};
        counted* const object = pool.allocate();
        pool.free(object);
        test::dead(reinterpret_cast<unsigned char*>(object), sizeof *object)[33] = 0x5A;
        counted* const again = pool.allocate();
        BOOST_TEST(again == object);
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::write_after_free);
        BOOST_TEST(says(faults, "byte 33 of the 40 of the object's slot is 0x5a; expected 0xcd"), faults.last_text());
        BOOST_TEST(says(faults, "pool: bullets"), faults.last_text());
        BOOST_TEST(says(faults, "given back at: "), faults.last_text());
        pool.free(again);
        static_cast<void>(pool.make());
        BOOST_TEST(faults.count() == 1u);  // once
    };
    finds(std::type_identity<fixed_pool<counted, checked>>{});
    finds(std::type_identity<fixed_pool<counted, checked, slots::bitmap>>{});
    finds(std::type_identity<fixed_pool<counted, checked, slots::free_list>>{});
    finds(std::type_identity<growing_pool<counted, checked>>{});
    finds(std::type_identity<lock_free_pool<counted, checked>>{});
    finds(std::type_identity<fixed_pool<counted, checked, sharing::local>>{});
}

BOOST_AUTO_TEST_CASE(each_object_that_is_alive_when_its_pool_ends_is_named_and_all_are_counted)
{
    with_each_checked_kind<counted>([]<class Pool>(std::type_identity<Pool>) {
        test::fault_recorder const faults;
        {
            Pool pool{{.capacity = 8, .name = "left behind"}};
            std::vector<counted*> all(6);
            for (counted*& object : all) object = pool.allocate();
            for (int const i : {0, 2, 4}) pool.free(all[std::size_t(i)]);
        }
        BOOST_TEST(faults.count() == 4u);
        for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::object_pool_ended_early);
        BOOST_TEST(says(faults, "3 of the pool's objects are alive as it ends"), faults.last_text());
        BOOST_TEST(says(faults, "pool: left behind"), faults.last_text());
        BOOST_TEST(counted::alive == 0);  // they are ended nevertheless
    });
}

BOOST_AUTO_TEST_CASE(one_that_is_alive_at_the_end_is_named_with_its_slot_and_place)
{
    static std::vector<std::string> texts;
    texts.clear();
    fault_handler const before = set_fault_handler(+[](fault const& f) {
        char text[1280];
        f.write(text, sizeof text);
        texts.emplace_back(text);
        return fault_action::go_on;
    });
    {
        fixed_pool<counted, checked> pool{{.capacity = 8, .name = "named"}};
        static_cast<void>(pool.allocate());
        counted* const freed = pool.allocate();
        static_cast<void>(pool.allocate());
        pool.free(freed);
    }
    set_fault_handler(before);
    BOOST_TEST_REQUIRE(texts.size() == 3u);
    BOOST_TEST(texts[0].find("in slot 0, is alive") != std::string::npos, texts[0]);
    BOOST_TEST(texts[0].find("allocated at: ") != std::string::npos, texts[0]);
    BOOST_TEST(texts[0].find("pool: named") != std::string::npos, texts[0]);
    BOOST_TEST(texts[1].find("in slot 2, is alive") != std::string::npos, texts[1]);
    BOOST_TEST(texts[2].find("2 of the pool's objects") != std::string::npos, texts[2]);
}

BOOST_AUTO_TEST_CASE(an_owner_that_outlives_its_pool_is_named)
{
    test::fault_recorder const faults;
    std::optional<fixed_pool<counted, checked>::owned_type> owner;
    {
        fixed_pool<counted, checked> pool{2};
        owner.emplace(pool.make());
    }
    BOOST_TEST(faults.last() == fault_code::object_pool_ended_early);
    BOOST_TEST(faults.last_would_stop());
    static_cast<void>(owner->release());  // its end would touch what is gone
}

// --- what is shared ---

namespace {

template <class... Policies>
void what_is_shared_is_not_freed_by_pointer()
{
    test::fault_recorder const faults;
    {
        fixed_pool<counted, sharing::local, Policies...> pool{2};
        auto const one = pool.make_shared();
        auto two = one;
        pool.free(one.get());
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::object_still_shared);
        BOOST_TEST(says(faults, "2 handles own the object"), faults.last_text());
        BOOST_TEST(one.use_count() == 2u);
        BOOST_TEST(counted::alive == 1);
        two.reset();
    }
    BOOST_TEST(faults.count() == 1u, faults.last_text());
    BOOST_TEST(counted::alive == 0);

    fixed_pool<counted, sharing::local, Policies...> pool{2};
    counted* const object = pool.allocate();
    pool.free(object);
    pool.free(object);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(faults.last() == fault_code::object_not_live);
    BOOST_TEST(pool.live() == 0u);
    BOOST_TEST(pool.available() == 2u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pool_that_counts_owners_finds_mistakes_with_them_without_being_told_to_check)
{
    what_is_shared_is_not_freed_by_pointer<>();
    what_is_shared_is_not_freed_by_pointer<checked>();
    what_is_shared_is_not_freed_by_pointer<diagnostics::counters>();
    what_is_shared_is_not_freed_by_pointer<slots::bitmap>();
}

// --- what is counted ---

BOOST_AUTO_TEST_CASE(what_is_counted_is_exact_failures_included)
{
    fixed_pool<counted, diagnostics::counters> pool{{.capacity = 3, .name = "counted"}};
    BOOST_TEST(pool.stats().hit_rate() == 1.0);  // of no request none was missed
    std::vector<counted*> all(3);
    for (counted*& object : all) object = pool.allocate();
    for (int i = 0; i < 5; ++i) BOOST_TEST(pool.try_allocate() == nullptr);
    std::vector<counted*> batch(2);
    BOOST_TEST(!pool.try_allocate_n(batch));  // one request that is refused
    pool.free(all[1]);
    pool.free(all[2]);
    pool.free(pool.allocate());
    object_pool_stats const s = pool.stats();
    BOOST_TEST(s.counted);
    BOOST_TEST(std::string{s.name} == "counted");
    BOOST_TEST(s.capacity == 3u);
    BOOST_TEST(s.maximum == 3u);
    BOOST_TEST(s.live == 1u);
    BOOST_TEST(s.pending == 0u);
    BOOST_TEST(s.chunks == 1u);
    BOOST_TEST(s.bytes >= 3 * s.slot_bytes);
    BOOST_TEST(s.peak == 3u);
    BOOST_TEST(s.allocations == 4u);
    BOOST_TEST(s.frees == 3u);
    BOOST_TEST(s.failures == 6u);
    BOOST_TEST(s.growths == 0u);
    BOOST_TEST(s.hit_rate() == 0.4);
    pool.free(all[0]);
}

BOOST_AUTO_TEST_CASE(a_request_that_made_the_pool_grow_was_no_hit)
{
    growing_pool<int, diagnostics::counters> pool{{.capacity = 2, .growth = growth::linear(2)}};
    for (int i = 0; i < 10; ++i) static_cast<void>(pool.allocate(i));
    BOOST_TEST(pool.stats().growths == 4u);
    BOOST_TEST(pool.stats().hit_rate() == 0.6);
    BOOST_TEST((object_pool_stats{.failures = 3}.hit_rate()) == 0.0);
}

BOOST_AUTO_TEST_CASE(without_counters_what_a_pool_has_is_known_and_what_it_did_is_not)
{
    fixed_pool<int> pool{3};
    static_cast<void>(pool.allocate());
    object_pool_stats const s = pool.stats();
    BOOST_TEST(!s.counted);
    BOOST_TEST(s.live == 1u);
    BOOST_TEST(s.capacity == 3u);
    BOOST_TEST(s.allocations == 0u);
    BOOST_TEST(s.peak == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
