// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/faults.hpp"

// Who leaves when there is no room, and what is left as it was when nobody can.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr stream_priority low = stream_priority::low, normal = stream_priority::normal, high = stream_priority::high;

/// Ten assets' room, and who has left it.
struct ten_assets {
    recording_stream_listener told;
    smart_alloc alloc;
    streaming_allocator<> assets{alloc, {.budget_bytes = 1000, .listener = &told}};

    stream_id add(stream_priority p = normal, std::size_t bytes = 100)
    {
        return make_ready(assets, {.bytes = bytes, .priority = p});
    }
    [[nodiscard]] std::vector<stream_id> evicted() { return told.ids_of(stream_event_kind::evicted); }
    /// The order in which all that can be evicted would be.
    [[nodiscard]] std::vector<stream_id> evict_everything()
    {
        told.events.clear();
        static_cast<void>(assets.evict_bytes(SIZE_MAX));
        return evicted();
    }
};
using ids = std::vector<stream_id>;

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming_eviction)

BOOST_AUTO_TEST_CASE(the_lowest_priority_leaves_first_and_in_it_who_was_used_least_recently)
{
    ten_assets of;
    stream_id const a = of.add(high), b = of.add(normal), c = of.add(low), d = of.add(normal), e = of.add(low);
    BOOST_TEST((of.evict_everything() == ids{c, e, b, d, a}));
    BOOST_TEST(bool(of.assets.verify()));
}

BOOST_AUTO_TEST_CASE(touch_access_and_the_end_of_a_lease_are_uses)
{
    ten_assets of;
    stream_id const a = of.add(), b = of.add(), c = of.add(), d = of.add();
    of.assets.touch(a).value();  // b c d a
    {
        auto const first = of.assets.access(b).value();
        auto const second = of.assets.access(c).value();
        of.assets.touch(a).value();
        of.assets.touch(b).value();  // which is in use anyway
    }  // c, then b: d a c b
    static_cast<void>(of.assets.info(d).value());  // no use
    BOOST_TEST((of.evict_everything() == ids{d, a, c, b}));
}

BOOST_AUTO_TEST_CASE(no_more_leave_than_have_to)
{
    ten_assets of;
    ids all;
    for (int i = 0; i < 10; ++i) all.push_back(of.add());
    static_cast<void>(of.assets.reserve(250).value());
    BOOST_TEST((of.evicted() == ids{all[0], all[1], all[2]}));
    BOOST_TEST(of.assets.totals().used_bytes() == 950u);
    static_cast<void>(of.assets.reserve(50).value());  // just fits
    BOOST_TEST(of.evicted().size() == 3u);
    BOOST_TEST((of.assets.totals().evicted == stream_count{3, 300}));
    BOOST_TEST(bool(of.assets.verify()));
}

BOOST_AUTO_TEST_CASE(an_asset_makes_room_for_its_own_priority_and_for_higher_ones)
{
    ten_assets of;
    stream_id const h = of.add(high, 400), n = of.add(normal, 400), l = of.add(low, 200);
    BOOST_TEST(of.assets.reserve(300, low).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST(of.evicted().empty());
    static_cast<void>(of.assets.reserve(200, low).value());
    BOOST_TEST((of.evicted() == ids{l}));
    static_cast<void>(of.assets.reserve(400, normal).value());
    BOOST_TEST((of.evicted() == ids{l, n}));
    BOOST_TEST(of.assets.reserve(400, normal).code() == fault_code::streaming_budget_exceeded);
    static_cast<void>(of.assets.reserve(400, stream_priority::highest).value());
    BOOST_TEST((of.evicted() == ids{l, n, h}));
}

BOOST_AUTO_TEST_CASE(a_refused_reserve_changes_nothing)
{
    ten_assets of;
    stream_id const a = of.add(low), b = of.add(low), c = of.add(normal);
    stream_id const leased = of.add(low, 300), loading = of.assets.reserve(200).value();
    static_cast<void>(of.assets.begin_load(loading).value());
    auto const lease = of.assets.access(leased).value();
    of.assets.touch(a).value();  // b a | c
    streaming_totals const before = figures(of.assets);
    std::size_t const live = of.alloc.stats().heap_bytes_live;

    // 800 are used, 300 of them can go; what is leased or being loaded cannot.
    auto const answer = of.assets.reserve(501);
    BOOST_TEST(answer.code() == fault_code::streaming_budget_exceeded);
    for (std::size_t i = 0; i < 4; ++i) {
        BOOST_TEST(answer.error().numbers[i] == (std::array<unsigned long long, 4>{501, 800, 1000, 300})[i]);
    }
    BOOST_TEST(of.assets.reserve(401, low).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST((figures(of.assets) == before));
    BOOST_TEST(of.assets.totals().refused == 2u);
    BOOST_TEST(of.alloc.stats().heap_bytes_live == live);
    BOOST_TEST(of.evicted().empty());
    BOOST_TEST(bool(of.assets.verify()));

    BOOST_TEST(bool(of.assets.reserve(500)));  // all that can go, goes, in its order
    BOOST_TEST((of.evicted() == ids{b, a, c}));
    of.assets.abandon_load(loading).value();
}

BOOST_AUTO_TEST_CASE(what_is_reserved_loading_or_leased_is_never_evicted)
{
    ten_assets of;
    stream_id const reserved = of.assets.reserve(300, low).value();
    stream_id const loading = of.assets.reserve(300, low).value();
    static_cast<void>(of.assets.begin_load(loading).value());
    stream_id const leased = of.add(low, 300);
    auto lease = of.assets.access(leased).value();
    BOOST_TEST((of.evict_everything() == ids{}));
    BOOST_TEST(of.assets.reserve(200, stream_priority::highest).code() == fault_code::streaming_budget_exceeded);
    lease.reset();
    BOOST_TEST(bool(of.assets.reserve(200, stream_priority::highest)));
    BOOST_TEST((of.evicted() == ids{leased}));
    BOOST_TEST(of.assets.is_live(reserved));
    BOOST_TEST(of.assets.is_live(loading));
    of.assets.abandon_load(loading).value();
}

BOOST_AUTO_TEST_CASE(a_changed_priority_counts_from_now_on)
{
    ten_assets of;
    stream_id const a = of.add(low), b = of.add(normal), c = of.add(normal), d = of.add(normal);
    of.assets.set_priority(a, normal).value();  // b c d a
    of.assets.set_priority(b, normal).value();  // which it has
    of.assets.set_priority(d, high).value();
    {
        auto const lease = of.assets.access(c).value();
        of.assets.set_priority(c, low).value();
    }
    stream_id const e = of.assets.reserve(100, low).value();
    of.assets.set_priority(e, high).value();
    load(of.assets, e);  // c | b a | d e
    BOOST_TEST((of.assets.info(e)->priority == high));
    BOOST_TEST(of.assets.set_priority(a, stream_priority(99)).code() == fault_code::bad_configuration);
    BOOST_TEST(bool(of.assets.verify()));
    BOOST_TEST((of.evict_everything() == ids{c, b, a, d, e}));
}

BOOST_AUTO_TEST_CASE(memory_that_is_short_elsewhere_is_won_by_evicting_some)
{
    ten_assets of;
    stream_id const a = of.add(high), b = of.add(low), c = of.add(low);
    BOOST_TEST(of.assets.evict_bytes(0) == 0u);
    BOOST_TEST(of.assets.evict_bytes(1) == 100u);
    BOOST_TEST((of.evicted() == ids{b}));
    BOOST_TEST(of.assets.evict_bytes(1000, normal) == 100u);
    BOOST_TEST((of.evicted() == ids{b, c}));
    BOOST_TEST(of.assets.is_live(a));
    BOOST_TEST(bool(of.assets.evict(a)));
    BOOST_TEST((of.assets.totals().evicted == stream_count{3, 300}));
}

BOOST_AUTO_TEST_CASE(a_lower_budget_evicts_what_is_above_it_as_far_as_that_goes)
{
    ten_assets of;
    stream_id const a = of.add(), b = of.add(), c = of.add(high);
    auto lease = of.assets.access(b).value();
    BOOST_TEST(of.assets.set_budget(300) == 0u);
    BOOST_TEST(of.evicted().empty());
    BOOST_TEST(of.assets.set_budget(250) == 0u);
    BOOST_TEST((of.evicted() == ids{a}));
    BOOST_TEST(of.told.events.back().budget_bytes == 250u);
    BOOST_TEST(of.told.events.back().used_bytes == 200u);
    BOOST_TEST(of.assets.set_budget(50) == 50u);
    BOOST_TEST((of.evicted() == ids{a, c}));
    BOOST_TEST(of.assets.reserve(1).code() == fault_code::streaming_budget_exceeded);
    lease.reset();
    BOOST_TEST(bool(of.assets.reserve(1)));
    BOOST_TEST((of.evicted() == ids{a, c, b}));
    BOOST_TEST(of.assets.set_budget(2000) == 0u);
    BOOST_TEST(bool(of.assets.reserve(1999)));
}

BOOST_AUTO_TEST_CASE(the_bytes_of_victims_are_back_before_new_ones_are_asked_for)
{
    smart_alloc alloc{alloc_config{.heap_cache_bytes = 0}};
    streaming_allocator assets{alloc, {.budget_bytes = 1 << 20}};
    static_cast<void>(make_ready(assets, {.bytes = 1 << 20}));
    std::size_t const full = alloc.stats().heap_bytes_live;
    stream_id const next = assets.reserve(1 << 20).value();
    BOOST_TEST(alloc.stats().heap_bytes_live == full - (1 << 20));
    load(assets, next);
    BOOST_TEST(alloc.stats().heap_bytes_live == full);
    BOOST_TEST(alloc.stats().heap_bytes_live_peak == full);  // never above the budget
}

BOOST_AUTO_TEST_SUITE_END()
