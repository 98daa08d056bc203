// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/faults.hpp"

#include <algorithm>
#include <stdexcept>

// What a listener is told, and what it may do meanwhile.

using namespace framealloc;
using namespace framealloc::test;
using news = stream_event_kind;

namespace {

std::string words(recording_stream_listener const& told)
{
    static constexpr char const* names[] = {"reserved", "begun",   "progress", "ready",
                                            "cancelled", "evicted", "released", "refused"};
    std::string all;
    for (stream_event const& e : told.events) (all += names[unsigned(e.kind)]) += ' ';
    return all;
}

struct listened {
    recording_stream_listener told;
    smart_alloc_debug alloc;
    streaming_allocator<smart_alloc_debug> assets{alloc, {.budget_bytes = 1000, .listener = &told}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming_events)

BOOST_AUTO_TEST_CASE(each_change_is_told_once_in_order_with_its_figures)
{
    listened of;
    int mine = 0;
    stream_id const a = of.assets.reserve({.bytes = 700, .priority = stream_priority::low, .user = &mine}).value();
    static_cast<void>(of.assets.begin_load(a).value());
    of.assets.report_progress(a, 500).value();
    of.assets.report_progress(a, 400).value();  // nothing new
    of.assets.finish_load(a, 600).value();
    static_cast<void>(of.assets.access(a).value());
    of.assets.touch(a).value();
    of.assets.set_priority(a, stream_priority::normal).value();
    stream_id const b = of.assets.reserve(400).value();  // a leaves
    BOOST_TEST(of.assets.reserve({.bytes = 900, .user = &mine}).code() == fault_code::streaming_budget_exceeded);
    of.assets.cancel(b).value();
    stream_id const c = make_ready(of.assets, {.bytes = 100});
    of.assets.release(c).value();

    BOOST_TEST(words(of.told) ==
               "reserved begun progress ready evicted reserved refused cancelled reserved begun ready released ");
    std::size_t const progress[] = {0, 0, 500, 600, 600, 0, 0, 0, 0, 0, 100, 100};
    std::size_t const used[] = {700, 700, 700, 700, 0, 400, 400, 0, 100, 100, 100, 0};
    std::size_t const bytes[] = {700, 700, 700, 700, 700, 400, 900, 400, 100, 100, 100, 100};
    stream_id const about[] = {a, a, a, a, a, b, {}, b, c, c, c, c};
    for (std::size_t i = 0; i < of.told.events.size(); ++i) {
        stream_event const& e = of.told.events[i];
        BOOST_TEST_CONTEXT("event " << i) {
            BOOST_TEST(e.number == i + 1);
            BOOST_TEST(e.id == about[i]);
            BOOST_TEST(e.bytes == bytes[i]);
            BOOST_TEST(e.progress_bytes == progress[i]);
            BOOST_TEST(e.used_bytes == used[i]);
            BOOST_TEST(e.budget_bytes == 1000u);
            BOOST_TEST(e.user == (i < 5 || i == 6 ? &mine : nullptr));
        }
    }
    BOOST_TEST((of.told.events[0].priority == stream_priority::low));
    BOOST_TEST((of.told.events[4].priority == stream_priority::normal));
}

BOOST_AUTO_TEST_CASE(what_leaves_can_be_looked_at_one_last_time)
{
    listened of;
    std::string seen;
    of.told.reaction = [&](stream_event const& e) {
        if (e.contents.empty()) return;
        for (std::byte const b : e.contents) BOOST_REQUIRE(b == e.contents[0]);
        seen += std::to_string(int(e.contents[0])) + '/' + std::to_string(e.contents.size()) + ' ';
    };
    static_cast<void>(make_ready(of.assets, {.bytes = 600}, 7));
    static_cast<void>(make_ready(of.assets, {.bytes = 400}, 8));
    stream_id const c = make_ready(of.assets, {.bytes = 900}, 9);
    of.assets.release(c).value();
    BOOST_TEST(seen == "7/600 8/400 9/900 ");
}

BOOST_AUTO_TEST_CASE(a_listener_may_use_what_tells_it)
{
    // The lock is not held: each of these would wait for ever.
    listened of;
    stream_id reserved_within;
    of.told.reaction = [&](stream_event const& e) {
        BOOST_TEST(bool(of.assets.verify()));
        of.alloc.heap_free(of.alloc.heap_alloc({.bytes = 100}));
        switch (e.kind) {
            case news::evicted:
                BOOST_TEST(!of.assets.is_live(e.id));
                if (!reserved_within) reserved_within = of.assets.reserve(100).value();  // in what the victim left
                break;
            case news::ready: static_cast<void>(of.assets.access(e.id).value()); break;
            default: static_cast<void>(of.assets.totals()); break;
        }
    };
    static_cast<void>(make_ready(of.assets, {.bytes = 500}));
    static_cast<void>(make_ready(of.assets, {.bytes = 500}));
    stream_id const next = of.assets.reserve(300).value();
    BOOST_TEST(of.assets.is_live(next));
    BOOST_TEST(of.assets.is_live(reserved_within));
    BOOST_TEST(of.assets.totals().used_bytes() == 900u);
    BOOST_TEST(bool(of.assets.verify()));
}

BOOST_AUTO_TEST_CASE(a_listener_may_release_what_has_just_been_reserved)
{
    listened of;
    of.told.reaction = [&](stream_event const& e) {
        if (e.kind == news::reserved) of.assets.release(e.id).value();
    };
    stream_id const id = of.assets.reserve(300).value();
    BOOST_TEST(!of.assets.is_live(id));
    BOOST_TEST(of.assets.begin_load(id).code() == fault_code::handle_not_live);
    BOOST_TEST(of.assets.totals().used_bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(listeners_come_and_go)
{
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    recording_stream_listener first, second;
    stream_id const a = assets.reserve(1).value();
    assets.set_listener(&first);
    assets.cancel(a).value();
    assets.set_listener(&second);
    assets.cancel(assets.reserve(1).value()).value();
    assets.set_listener(nullptr);
    static_cast<void>(assets.reserve(1).value());
    BOOST_TEST(words(first) == "cancelled ");
    BOOST_TEST(words(second) == "reserved cancelled ");
    BOOST_TEST(first.events[0].number == 2u);  // those that nobody heard are counted, too
    BOOST_TEST(second.events[1].number == 4u);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(what_a_listener_throws_comes_out_and_everything_stands)
{
    // Each call once with a listener that throws at each of its events.
    for (news const at : {news::reserved, news::load_begun, news::progress, news::ready, news::cancelled, news::evicted,
                          news::released, news::refused}) {
        listened of;
        static_cast<void>(make_ready(of.assets, {.bytes = 500}));
        static_cast<void>(make_ready(of.assets, {.bytes = 500}));
        of.told.events.clear();
        int thrown = 0;
        of.told.reaction = [&](stream_event const& e) {
            if (e.kind == at) throw std::runtime_error{std::to_string(e.number)};
        };
        auto const attempt = [&](auto&& call) {
            try {
                call();
            } catch (std::runtime_error const& e) {
                ++thrown;
                auto const first = std::find_if(of.told.events.begin(), of.told.events.end(),
                                                [&](stream_event const& told) { return told.kind == at; });
                BOOST_TEST(e.what() == std::to_string(first->number));  // of two victims, the first one's counts
            }
            BOOST_TEST(bool(of.assets.verify()));
        };
        stream_id id;
        attempt([&] { id = of.assets.reserve(1000).value(); });  // two leave
        if (at == news::reserved || at == news::evicted) {
            BOOST_TEST(of.told.ids_of(news::evicted).size() == 2u);
            BOOST_TEST(of.assets.totals().used_bytes() == 0u);  // nobody has its id: it is undone
            BOOST_TEST(of.told.ids_of(news::reserved).size() == 1u);
            BOOST_TEST(thrown == 1);
            continue;
        }
        attempt([&] { static_cast<void>(of.assets.reserve(1, stream_priority::lowest)); });
        std::span<std::byte> bytes;
        attempt([&] { bytes = of.assets.begin_load(id).value(); });
        if (at == news::load_begun) {
            BOOST_TEST(of.assets.info(id)->state == stream_state::reserved);
            BOOST_TEST(of.alloc.stats().heap_blocks_live == 1u);
            of.told.reaction = nullptr;
            load(of.assets, id);
            BOOST_TEST(thrown == 1);
            continue;
        }
        attempt([&] { of.assets.report_progress(id, 1000).value(); });
        BOOST_TEST(of.assets.info(id)->progress_bytes == 1000u);
        if (at == news::cancelled) {
            attempt([&] { of.assets.abandon_load(id).value(); });
            BOOST_TEST(of.assets.totals().used_bytes() == 0u);
        } else {
            attempt([&] { of.assets.finish_load(id).value(); });
            BOOST_TEST(of.assets.info(id)->state == stream_state::ready);
            attempt([&] { of.assets.release(id).value(); });
            BOOST_TEST(of.assets.totals().used_bytes() == 0u);
        }
        BOOST_TEST(thrown == 1);
    }
}

BOOST_AUTO_TEST_CASE(what_is_undone_is_not_another_asset_in_its_place)
{
    listened of;
    stream_id other;
    of.told.reaction = [&](stream_event const& e) {
        if (e.kind != news::reserved || other) return;
        of.assets.cancel(e.id).value();
        other = e.id;  // not null: once
        other = of.assets.reserve(200).value();  // the same place
        throw 1;
    };
    BOOST_CHECK_THROW(static_cast<void>(of.assets.reserve(100)), int);
    BOOST_TEST(of.assets.is_live(other));
    BOOST_TEST((of.assets.totals().reserved == stream_count{1, 200}));

    stream_id const id = of.assets.reserve(300).value();
    of.told.reaction = [&](stream_event const& e) {
        if (e.kind != news::load_begun || e.id != id) return;
        of.assets.abandon_load(id).value();
        other = of.assets.reserve(300).value();
        static_cast<void>(of.assets.begin_load(other).value());  // with the same memory, perhaps
        throw 1;
    };
    BOOST_CHECK_THROW(static_cast<void>(of.assets.begin_load(id)), int);
    BOOST_TEST(!of.assets.is_live(id));
    BOOST_TEST(of.assets.info(other)->state == stream_state::loading);
    BOOST_TEST(bool(of.assets.verify()));
    of.told.reaction = nullptr;
    of.assets.finish_load(other, 300).value();
}

BOOST_AUTO_TEST_CASE(out_of_the_end_of_a_lease_nothing_comes)
{
    listened of;
    stream_id const id = make_ready(of.assets, {.bytes = 500});
    auto lease = of.assets.access(id).value();
    of.assets.release(id).value();
    of.told.reaction = [](stream_event const&) { throw 1; };
    lease.reset();
    BOOST_TEST((of.told.events.back().kind == news::released));
    BOOST_TEST(of.told.events.back().used_bytes == 0u);
    BOOST_TEST(of.assets.totals().used_bytes() == 0u);
    BOOST_TEST(bool(of.assets.verify()));
}

#endif

BOOST_AUTO_TEST_SUITE_END()
