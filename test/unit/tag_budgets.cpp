// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <barrier>
#include <mutex>
#include <string>

// Limits for tags, for threads' frames and for the instance: what they refuse, whom they tell, and that nothing has changed
// for who was refused.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr layout small{.bytes = 64, .align = 16};
constexpr layout bytes(std::size_t n) { return {.bytes = n, .align = 16}; }

template <class Alloc>
std::size_t charged(Alloc& alloc, allocation_tag const& tag)
{
    return alloc.budget().node(tag.id()).used.load(detail::order::relaxed);
}

/// What a request takes of a frame, and of a pool: the debug assembly has a record before each object, and a canary behind.
template <class Alloc>
constexpr std::size_t in_frame(layout request)
{
    return detail::round_up(detail::whole_of<typename Alloc::assembly_type>(request).bytes, granule);
}
template <class Alloc>
constexpr std::size_t in_pool(layout request)
{
    using pool = typename Alloc::assembly_type::pool;
    return pool::class_bytes(pool::class_for(detail::whole_of<typename Alloc::assembly_type>(request)));
}

/// Asks for a request of each intent at a limit that it would pass, just meets and stays below.
template <class Alloc, class Ask>
void at_minus_one_zero_and_plus_one(std::size_t need, Ask&& ask)
{
    for (std::size_t const limit : {need - 1, need, need + 1}) {
        for (bool const above : {false, true}) {  // the tag's own limit, or that of one above it
            test::fault_recorder const faults;    // the debug assembly names what it takes with it, and nothing else
            struct only_at_the_end {
                test::fault_recorder const& seen;
                ~only_at_the_end()
                {
                    for (fault_code const c : seen.codes()) BOOST_TEST(c == fault_code::live_at_end);
                }
            } const check{faults};
            Alloc alloc;
            alloc.begin_frame();
            alloc.budgets().set(above ? world : contacts, {.hard = limit});
            auto const scope = alloc.tag_scope(contacts);
            BOOST_TEST(ask(alloc) == (limit >= need), "limit " << limit << " for " << need);
            tag_usage const u = alloc.budgets().usage(contacts);
            BOOST_TEST(u.own_bytes() == (limit >= need ? need : 0));
            BOOST_TEST(u.total_bytes == u.own_bytes());
            BOOST_TEST(charged(alloc, contacts) <= limit);
            BOOST_TEST(!ask(alloc));
            BOOST_TEST(alloc.budgets().usage(contacts).own_bytes() == u.own_bytes());
            BOOST_TEST(bool(alloc.verify()));
            alloc.end_frame();
        }
    }
}

template <class... P>
using every_kind_of = std::tuple<tagged<sync::single_threaded, P...>, tagged<sync::mutex<std::mutex>, P...>,
                                 tagged<sync::lock_free, P...>, tagged<sync::owner_queue, P...>>;
using every_alloc = decltype(std::tuple_cat(every_kind_of<>{}, every_kind_of<diagnostics::checked>{}));

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_budget)

// --- hard limits -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(a_hard_limit_is_exact_to_the_byte_for_every_intent, Alloc, every_alloc)
{
    at_minus_one_zero_and_plus_one<Alloc>(in_frame<Alloc>(bytes(1000)),
                                          [](auto& a) { return a.try_frame_alloc(bytes(1000)) != nullptr; });
    at_minus_one_zero_and_plus_one<Alloc>(in_pool<Alloc>(bytes(1000)),
                                          [](auto& a) { return a.try_pool_alloc(bytes(1000)) != nullptr; });
    at_minus_one_zero_and_plus_one<Alloc>(1001, [](auto& a) { return a.try_heap_alloc(bytes(1001)) != nullptr; });
    // In many small pieces the limit is met as exactly.
    at_minus_one_zero_and_plus_one<Alloc>(in_pool<Alloc>(small) * 100, [](auto& a) {
        std::vector<void*> all;
        for (int i = 0; i < 100; ++i) all.push_back(a.try_pool_alloc(small));
        bool const served = all.back() != nullptr;
        if (!served) {
            for (void* p : all) p != nullptr ? a.pool_free(p, small) : void();
        }
        return served;
    });
    at_minus_one_zero_and_plus_one<Alloc>(in_frame<Alloc>(small) * 100, [](auto& a) {
        std::vector<void*> all;
        for (int i = 0; i < 100; ++i) all.push_back(a.try_frame_alloc(small));
        bool const served = all.back() != nullptr;
        for (std::size_t i = all.size(); !served && i-- != 0;) {
            if (all[i] != nullptr) BOOST_TEST_REQUIRE(a.try_frame_give_back(all[i], 64));
        }
        return served;
    });
}

BOOST_AUTO_TEST_CASE(a_refusal_names_request_use_limit_and_both_tags)
{
    tagged<> alloc;
    alloc.budgets().set(world, {.hard = 1000});
    auto const scope = alloc.tag_scope(contacts);
    static_cast<void>(alloc.heap_alloc(bytes(300)));
    char const* const expected = "[framealloc][FA302] error: tag's memory budget exceeded\n"
                                 "  note: tag \"world/physics/contacts\" within \"world\": asked for 701 bytes; 300 of 1000 "
                                 "bytes are used\n"
                                 "  help: raise the hard limit with budgets().set(), or give some of its memory back\n";
    auto const heap = how_it_fails([&] { static_cast<void>(alloc.heap_alloc(bytes(701))); });
    BOOST_TEST((heap.failed && heap.code == fault_code::tag_budget_exceeded));
    BOOST_TEST(heap.says(expected), heap.text);
    auto const pool = how_it_fails([&] { static_cast<void>(alloc.pool_alloc(bytes(701))); });
    BOOST_TEST((pool.code == fault_code::tag_budget_exceeded && pool.says("asked for 1024 bytes; 300 of 1000")), pool.text);
    alloc.begin_frame();
    auto const frame = how_it_fails([&] { static_cast<void>(alloc.frame_alloc(bytes(701))); });
    BOOST_TEST((frame.code == fault_code::tag_budget_exceeded && frame.says("asked for 701 bytes; 300 of 1000")), frame.text);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_limit_on_all_tags_holds_for_what_has_none)
{
    tagged<> alloc;
    alloc.budgets().set_total({.hard = 1000});
    BOOST_TEST(!alloc.try_heap_alloc(bytes(1001)));
    auto const failure = how_it_fails([&] { static_cast<void>(alloc.heap_alloc(bytes(1001))); });
    BOOST_TEST((failure.code == fault_code::tag_budget_exceeded));
    BOOST_TEST(failure.says("note: tag \"(untagged)\": asked for 1001 bytes; 0 of 1000 bytes are used"), failure.text);
    void* const p = alloc.try_heap_alloc(bytes(1000));
    BOOST_TEST(p != nullptr);
    {
        auto const scope = alloc.tag_scope(sound);
        BOOST_TEST(!alloc.try_pool_alloc(small));
        auto const within = how_it_fails([&] { static_cast<void>(alloc.pool_alloc(small)); });
        BOOST_TEST(within.says("note: tag \"sound\" within \"(all tags)\": asked for 64 bytes; 1000 of 1000"), within.text);
    }
    alloc.heap_free(p);
    BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_thread_holds_ahead_for_any_tag_is_no_reason_to_refuse_it)
{
    // Each size leaves other remains of credit, which the last request that fits has to find.
    for (std::size_t const first : {8u, 16u, 48u, 64u, 512u}) {
        for (std::size_t const second : {16u, 64u, 1024u}) {
            tagged<> alloc;
            alloc.budgets().set(world, {.hard = 65536});
            std::size_t used = 0;
            auto const fill = [&](allocation_tag const& tag, std::size_t n, std::size_t until) {
                auto const scope = alloc.tag_scope(tag);
                std::size_t const block =
                    pool::size_class<>::class_bytes(pool::size_class<>::class_for({.bytes = n, .align = 8}));
                while (used + block <= until) {
                    BOOST_TEST_REQUIRE(alloc.try_pool_alloc({.bytes = n, .align = 8}));
                    used += block;
                }
                BOOST_TEST_REQUIRE((until != 65536 || !alloc.try_pool_alloc({.bytes = n, .align = 8})));
            };
            fill(physics, first, 40000);
            fill(contacts, second, 60000);
            fill(world, first, 65536);
            BOOST_TEST(alloc.budgets().usage(world).total_bytes == used);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_lowered_limit_refuses_until_enough_has_gone_back)
{
    tagged<> alloc;
    auto const scope = alloc.tag_scope(world);
    std::vector<void*> all;
    for (int i = 0; i < 100; ++i) all.push_back(alloc.pool_alloc(small));
    alloc.budgets().set(world, {.hard = 3200});
    static_cast<void>(alloc.trim());
    for (int i = 0; i < 50; ++i) {
        BOOST_TEST_REQUIRE(!alloc.try_pool_alloc(small));
        alloc.pool_free(all.back(), small);
        all.pop_back();
    }
    BOOST_TEST(!alloc.try_pool_alloc(small));
    alloc.pool_free(all.back(), small);
    BOOST_TEST(alloc.try_pool_alloc(small));
    BOOST_TEST(!alloc.try_pool_alloc(small));
}

// --- warn, allow, ask ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(warn_serves_and_tells_and_allow_serves_in_silence)
{
    for (limit_action const action : {limit_action::warn, limit_action::allow}) {
        recording_listener listener;
        tagged<> alloc{without_credit()};
        alloc.budgets().set_listener(&listener);
        alloc.budgets().set(world, {.hard = 1000, .at_hard = action});
        auto const scope = alloc.tag_scope(physics);
        for (int i = 0; i < 20; ++i) BOOST_TEST(alloc.try_heap_alloc(bytes(100)));
        BOOST_TEST(alloc.budgets().usage(world).total_bytes == 2000u);
        BOOST_TEST(listener.count(budget_event_kind::hard_limit_exceeded) == (action == limit_action::warn ? 1u : 0u));
        BOOST_TEST(listener.questions.empty());
        if (action == limit_action::warn) {
            auto const& e = listener.events.front();
            BOOST_TEST((e.path == "world" && e.limit == 1000 && e.used == 1100 && e.requested == 100));
            BOOST_TEST((e.scope == budget_scope::tag && e.intent == allocation_intent::heap));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_listener_that_evicts_has_the_request_served)
{
    recording_listener listener;
    tagged<> alloc;
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.hard = 65536, .at_hard = limit_action::ask});
    auto const scope = alloc.tag_scope(world);
    std::vector<void*> cache;
    while (cache.size() < 1024) cache.push_back(alloc.pool_alloc(small));
    listener.decision = [&](budget_event const&) {
        alloc.pool_free(cache.back(), small);
        cache.pop_back();
        return limit_decision::retry;
    };
    BOOST_TEST(alloc.try_pool_alloc(small));
    BOOST_TEST(listener.questions.size() == 1u);
    BOOST_TEST((listener.questions[0].path == "world" && listener.questions[0].requested == 64));
    BOOST_TEST(alloc.budgets().usage(world).pool_bytes == 65536u);
    // As much as is wanted, of another intent.
    void* const p = alloc.try_heap_alloc(bytes(640));
    BOOST_TEST(p != nullptr);
    BOOST_TEST(listener.questions.size() == 11u);
    BOOST_TEST(alloc.budgets().usage(world).total_bytes == 65536u);
    // Who retries for nothing is asked sixteen times.
    listener.decision = [](budget_event const&) { return limit_decision::retry; };
    BOOST_TEST(!alloc.try_pool_alloc(small));
    BOOST_TEST(listener.questions.size() == 27u);
    listener.decision = [](budget_event const&) { return limit_decision::allow; };
    BOOST_TEST(alloc.try_pool_alloc(small));
    alloc.begin_frame();
    BOOST_TEST(alloc.try_frame_alloc(bytes(1000)));
    BOOST_TEST(alloc.try_heap_alloc(bytes(1000)));
    BOOST_TEST(listener.questions.size() == 30u);
    BOOST_TEST(alloc.budgets().usage(world).total_bytes == 65536u + 64 + 1008 + 1000);
    listener.decision = {};
    BOOST_TEST(!alloc.try_pool_alloc(small));
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(asked_with_nobody_to_ask_a_limit_refuses)
{
    tagged<> alloc;
    alloc.budgets().set(world, {.hard = 100, .at_hard = limit_action::ask});
    auto const scope = alloc.tag_scope(world);
    BOOST_TEST(!alloc.try_heap_alloc(bytes(101)));
    BOOST_TEST(alloc.try_heap_alloc(bytes(100)));
}

// --- events ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_soft_limit_tells_once_per_crossing)
{
    recording_listener listener;
    tagged<> alloc{without_credit()};
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.soft = 1000});
    auto const scope = alloc.tag_scope(physics);
    std::vector<void*> all;
    auto const go_to = [&](std::size_t n) {
        while (all.size() < n) all.push_back(alloc.heap_alloc(bytes(100)));
        for (; all.size() > n; all.pop_back()) alloc.heap_free(all.back());
    };
    go_to(10);
    BOOST_TEST(listener.events.empty());  // at the limit is not above it
    go_to(50);
    BOOST_TEST(listener.events.size() == 1u);
    go_to(9);  // not an eighth below
    go_to(50);
    BOOST_TEST(listener.events.size() == 1u);
    go_to(8);
    go_to(50);
    BOOST_TEST(listener.events.size() == 2u);
    for (auto const& e : listener.events) {
        BOOST_TEST(e.kind == budget_event_kind::soft_limit_exceeded);
        BOOST_TEST((e.path == "world" && e.limit == 1000 && e.used == 1100 && e.requested == 100));
    }
}

BOOST_AUTO_TEST_CASE(a_series_of_refusals_at_a_hard_limit_tells_once)
{
    recording_listener listener;
    tagged<> alloc{without_credit()};
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.hard = 1000});
    auto const scope = alloc.tag_scope(world);
    void* p = alloc.heap_alloc(bytes(1000));
    for (int i = 0; i < 50; ++i) BOOST_TEST(!alloc.try_heap_alloc(bytes(10)));
    BOOST_TEST(listener.events.size() == 1u);
    BOOST_TEST(listener.count(budget_event_kind::hard_limit_exceeded) == 1u);
    alloc.heap_free(p);
    p = alloc.heap_alloc(bytes(1000));
    BOOST_TEST(!alloc.try_heap_alloc(bytes(1)));
    BOOST_TEST(listener.events.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_million_growing_allocations_tell_of_no_more_peaks_than_there_are_steps)
{
    constexpr std::size_t step = 1 << 20, each = 16;
    std::size_t const count = repetitions(1'000'000, 100'000);
    recording_listener listener;
    tagged<> alloc{budget::per_tag{{.peak_step_bytes = step}}};
    alloc.budgets().set_listener(&listener);
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(physics);
    for (std::size_t i = 0; i < count; ++i) static_cast<void>(alloc.frame_alloc(bytes(each)));
    // Of the tag, of the one above it, and of all.
    std::size_t const steps = (count * each + alloc.budgets().credit_bytes(physics)) / step;
    BOOST_TEST(listener.events.size() == listener.count(budget_event_kind::new_peak));
    BOOST_TEST(listener.events.size() <= 3 * steps);
    BOOST_TEST(listener.events.size() >= 3);
    std::size_t last = 0;
    for (auto const& e : listener.events) {
        if (e.path != "world/physics") continue;
        BOOST_TEST((e.used >= last + step && e.limit == last));
        last = e.used;
    }
    BOOST_TEST(alloc.budgets().usage(physics).peak_bytes >= count * each);
    alloc.end_frame();
    // What has been used before is no peak.
    std::size_t const told = listener.events.size();
    alloc.begin_frame();
    for (std::size_t i = 0; i < count / 2; ++i) static_cast<void>(alloc.frame_alloc(bytes(each)));
    BOOST_TEST(listener.events.size() == told);
    alloc.end_frame();
}

// --- reserved bytes --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_is_reserved_is_the_owners_and_nobody_elses)
{
    tagged<> alloc{without_credit()};
    auto budgets = alloc.budgets();
    budgets.set(physics, {.hard = 1000});
    budgets.set(contacts, {.reserved = 400});
    BOOST_TEST(charged(alloc, physics) == 400u);
    void* mine = nullptr;
    {
        auto const other = alloc.tag_scope(joints);
        BOOST_TEST(!alloc.try_heap_alloc(bytes(601)));
        mine = alloc.try_heap_alloc(bytes(600));
        BOOST_TEST(mine != nullptr);
        BOOST_TEST(!alloc.try_heap_alloc(bytes(1)));
    }
    auto const owner = alloc.tag_scope(contacts);
    void* const p = alloc.try_heap_alloc(bytes(400));
    BOOST_TEST(p != nullptr);
    BOOST_TEST(charged(alloc, physics) == 1000u);
    BOOST_TEST(!alloc.try_heap_alloc(bytes(1)));
    alloc.heap_free(p);
    BOOST_TEST(charged(alloc, physics) == 1000u);  // it is reserved again
    alloc.heap_free(mine);
    BOOST_TEST(charged(alloc, physics) == 400u);
    // Beyond what is reserved the owner shares with the others.
    BOOST_TEST(alloc.try_heap_alloc(bytes(1000)));
    BOOST_TEST(charged(alloc, physics) == 1000u);
    BOOST_TEST(budgets.usage(physics).total_bytes == 1000u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_reserve_is_raised_and_lowered_around_what_is_in_use)
{
    tagged<> alloc{without_credit()};
    auto budgets = alloc.budgets();
    budgets.set(world, {.hard = 1200});
    auto const scope = alloc.tag_scope(physics);
    void* const p = alloc.heap_alloc(bytes(600));
    budgets.set(physics, {.reserved = 1000});  // of which 600 are charged already
    BOOST_TEST(charged(alloc, world) == 1000u);
    BOOST_TEST(bool(alloc.verify()));
    budgets.set(physics, {.reserved = 700});
    BOOST_TEST(charged(alloc, world) == 700u);
    budgets.set(physics, {.reserved = 100});
    BOOST_TEST(charged(alloc, world) == 600u);
    BOOST_TEST(budgets.limits(physics).reserved == 100u);
    alloc.heap_free(p);
    BOOST_TEST(charged(alloc, world) == 100u);
    budgets.set(physics, {});
    BOOST_TEST(charged(alloc, world) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(limits_that_cannot_be_are_named_with_field_value_and_range)
{
    tagged<> alloc{without_credit()};
    auto budgets = alloc.budgets();
    auto const error_of = [](auto&& set) -> std::string {
        try {
            set();
        } catch (configuration_error const& e) {
            return e.what();
        }
        return "";
    };
    auto const says = [&](budget_limits const& l, char const* text) {
        budget_limits const before = budgets.limits(physics);
        std::string const error = error_of([&] { budgets.set(physics, l); });
        BOOST_TEST(error.find("[FA902]") != std::string::npos);
        BOOST_TEST(error.find(text) != std::string::npos, error);
        BOOST_TEST((budgets.limits(physics) == before));
        BOOST_TEST(bool(alloc.verify()));
    };
    BOOST_TEST(error_of([&] { budgets.set(physics, {.soft = 101, .hard = 100}); }) ==
               "[framealloc][FA902] error: configuration out of range\n"
               "  note: tag \"world/physics\": soft is 101; expected 0 to hard, which is 100\n"
               "  help: correct the named field\n");
    says({.hard = 100, .reserved = 101}, "reserved is 101; expected 0 to hard, which is 100");
    says({.at_hard = limit_action{7}}, "at_hard is 7; expected a limit_action");
    budgets.set(world, {.hard = 1000});
    says({.hard = 1001}, "hard is 1001; expected at most 1000, which a tag above has");
    budgets.set(contacts, {.hard = 500});
    says({.hard = 499}, "hard is 499; expected at least 500, which a tag beneath has");
    {
        auto const scope = alloc.tag_scope(physics);
        void* const p = alloc.heap_alloc(bytes(100));
        auto const other = alloc.tag_scope(world);
        void* const q = alloc.heap_alloc(bytes(300));
        says({.reserved = 701}, "reserved is 701; expected at most 700, which the tags above have left for it");
        budgets.set(physics, {.reserved = 700});
        alloc.heap_free(p);
        alloc.heap_free(q);
    }
    BOOST_TEST(error_of([&] { budgets.set_total({.reserved = 1}); }).find("reserved is 1; expected 0") != std::string::npos);
    BOOST_TEST(error_of([&] { budgets.set_global({.reserved = 1}); }).find("reserved is 1") != std::string::npos);
    BOOST_TEST(error_of([&] { budgets.set_frames({.soft = 2, .hard = 1}); }).find("soft is 2") != std::string::npos);
    BOOST_TEST(error_of([&] { budgets.set_frame_limits({.soft = 2, .hard = 1}); }).find("soft is 2") != std::string::npos);
    BOOST_TEST(error_of([] { budget::per_tag b{{.credit_bytes = (16u << 20) + 1}}; })
                   .find("credit_bytes is 16777217; expected 0 to 16777216") != std::string::npos);
    BOOST_TEST(error_of([] { budget::per_tag b{{.peak_step_bytes = 0}}; }).find("peak_step_bytes is 0; expected 1") !=
               std::string::npos);
}
#endif

// --- the instance's limit --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_instances_limit_refuses_and_tells_once_and_may_ask)
{
    recording_listener listener;
    tagged<backend::counting<backend::system>> alloc{alloc_config{.heap_cache_bytes = 0}};
    static_cast<void>(alloc.attach_thread());
    auto budgets = alloc.budgets();
    budgets.set_listener(&listener);
    std::size_t const now = alloc.stats().backend_bytes;
    budgets.set_global({.soft = now + 100'000, .hard = now + 200'000});
    void* const p = alloc.heap_alloc(bytes(90'000));
    BOOST_TEST(listener.events.empty());
    void* const q = alloc.heap_alloc(bytes(50'000));
    BOOST_TEST_REQUIRE(listener.events.size() == 1u);
    BOOST_TEST(listener.events[0].kind == budget_event_kind::soft_limit_exceeded);
    BOOST_TEST(listener.events[0].scope == budget_scope::instance);
    BOOST_TEST(listener.events[0].limit == now + 100'000);
    for (int i = 0; i < 3; ++i) BOOST_TEST(!alloc.try_heap_alloc(bytes(100'000)));
    BOOST_TEST(!alloc.try_pool_alloc(bytes(100'000)));
    alloc.begin_frame();
    BOOST_TEST(!alloc.try_frame_alloc(bytes(100'000)));
    alloc.end_frame();
    BOOST_TEST_REQUIRE(listener.events.size() == 2u);
    BOOST_TEST(listener.events[1].kind == budget_event_kind::global_limit_exceeded);
    BOOST_TEST(listener.events[1].limit == now + 200'000);
    auto const failure = how_it_fails([&] { static_cast<void>(alloc.heap_alloc(bytes(100'000))); });
    BOOST_TEST((failure.code == fault_code::budget_exceeded));
    BOOST_TEST(alloc.budgets().total().heap_bytes == 140'000u);
    BOOST_TEST(alloc.backend().counts().block_bytes <= now + 200'000);
    // The listener makes room.
    budgets.set_global({.hard = now + 200'000, .at_hard = limit_action::ask});
    listener.decision = [&](budget_event const& e) {
        BOOST_TEST(e.scope == budget_scope::instance);
        alloc.heap_free(p);
        return limit_decision::retry;
    };
    void* const r = alloc.try_heap_alloc(bytes(100'000));
    BOOST_TEST(r != nullptr);
    BOOST_TEST(listener.questions.size() == 1u);
    alloc.heap_free(q);
    alloc.heap_free(r);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(the_instances_limit_may_come_with_the_configuration)
{
    tagged<> alloc{budget::per_tag{{.limit_bytes = 1_MiB}}};
    BOOST_TEST(!alloc.try_heap_alloc(bytes(1_MiB)));
    BOOST_TEST(alloc.budget().limit_bytes() == 1_MiB);
}

// --- frames of a thread ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(a_limit_for_each_threads_frames_is_exact_and_holds_from_the_next_one_on, Sync, every_sync)
{
    for (bool const own : {false, true}) {
        tagged<Sync> alloc;
        alloc.begin_frame();
        own ? alloc.budgets().set_frame_limits({.hard = 1008}) : alloc.budgets().set_frames({.hard = 1008});
        BOOST_TEST(alloc.try_frame_alloc(bytes(5000)));
        alloc.end_frame();
        for (int round = 0; round < 2; ++round) {
            alloc.begin_frame();
            BOOST_TEST(!alloc.try_frame_alloc(bytes(1009)));
            BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
            BOOST_TEST(alloc.try_frame_alloc(bytes(1008 - 16)));
            BOOST_TEST(!alloc.try_frame_alloc(bytes(17)));
            BOOST_TEST(alloc.try_frame_alloc(bytes(16)));
            BOOST_TEST(!alloc.try_frame_alloc(bytes(0)));
            alloc.heap_free(alloc.heap_alloc(bytes(5000)));  // nobody's frame
            auto const failure = how_it_fails([&] { static_cast<void>(alloc.frame_alloc(bytes(1))); });
            BOOST_TEST((failure.code == fault_code::frame_budget_exceeded));
            BOOST_TEST(failure.says("asked for 16 bytes; 1008 of the thread's 1008 bytes per frame are used"), failure.text);
            alloc.end_frame();
        }
        // A limit that is no multiple of what frames count in.
        own ? alloc.budgets().set_frame_limits({.hard = 1023}) : alloc.budgets().set_frames({.hard = 1023});
        alloc.begin_frame();
        BOOST_TEST(alloc.try_frame_alloc(bytes(1008)));
        BOOST_TEST(!alloc.try_frame_alloc(bytes(1)));
        alloc.end_frame();
    }
}

BOOST_AUTO_TEST_CASE(a_threads_frames_tell_at_the_soft_limit_and_do_at_the_hard_one_as_they_are_told)
{
    recording_listener listener;
    tagged<> alloc;
    alloc.budgets().set_listener(&listener);
    auto const fill = [&] {
        std::size_t served = 0;
        alloc.begin_frame();
        while (served < 200 && alloc.try_frame_alloc(bytes(16)) != nullptr) ++served;
        alloc.end_frame();
        return served * 16;
    };
    alloc.budgets().set_frames({.soft = 800, .hard = 1600});
    BOOST_TEST(fill() == 1600u);
    BOOST_TEST_REQUIRE(listener.events.size() == 2u);
    BOOST_TEST(listener.events[0].kind == budget_event_kind::soft_limit_exceeded);
    BOOST_TEST((listener.events[0].scope == budget_scope::frames_of_a_thread && listener.events[0].limit == 800 &&
                listener.events[0].used == 800));
    BOOST_TEST(listener.events[1].kind == budget_event_kind::hard_limit_exceeded);
    alloc.budgets().set_frames({.hard = 1600, .at_hard = limit_action::warn});
    BOOST_TEST(fill() == 3200u);
    BOOST_TEST(listener.events.size() == 3u);
    alloc.budgets().set_frames({.hard = 1600, .at_hard = limit_action::allow});
    BOOST_TEST(fill() == 3200u);
    BOOST_TEST(listener.events.size() == 3u);
    alloc.budgets().set_frames({.hard = 1600, .at_hard = limit_action::ask});
    BOOST_TEST(fill() == 1600u);
    listener.decision = [](budget_event const& e) {
        BOOST_TEST(e.scope == budget_scope::frames_of_a_thread);
        return limit_decision::allow;
    };
    BOOST_TEST(fill() == 3200u);
}

BOOST_AUTO_TEST_CASE(a_threads_own_frame_limits_are_no_other_threads)
{
    tagged<> alloc;
    alloc.budgets().set_frames({.hard = 1600});
    alloc.budgets().set_frame_limits({.hard = 160});
    auto const serves = [&](std::size_t n) {
        alloc.begin_frame();
        bool const served = alloc.try_frame_alloc(bytes(n)) != nullptr;
        alloc.end_frame();
        return served;
    };
    BOOST_TEST((serves(160) && !serves(176)));
    for (int round = 0; round < 2; ++round) {
        on_a_thread([&] {
            BOOST_TEST((serves(1600) && !serves(1616)));
            alloc.budgets().set_frame_limits({.hard = 16});
            BOOST_TEST((serves(16) && !serves(32)));
        });  // and the next thread has none of it
    }
}

// --- listeners -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_listener_may_allocate_free_and_change_limits_and_its_own_requests_tell_nothing)
{
    recording_listener listener;
    tagged<> alloc{without_credit()};
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.soft = 1000, .hard = 2000});
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(world);
    std::vector<void*> kept;
    listener.reaction = [&](budget_event const& e) {
        void* const p = alloc.pool_alloc(small);
        void* const q = alloc.pool_alloc(small);
        alloc.pool_free(p);
        kept.push_back(q);
        static_cast<void>(alloc.frame_alloc(bytes(32)));
        if (e.kind == budget_event_kind::hard_limit_exceeded) alloc.budgets().set(world, {.hard = 4000});
        auto const own = alloc.tag_scope(sound);
        static_cast<void>(alloc.heap_alloc(bytes(10)));
    };
    BOOST_TEST(alloc.try_frame_alloc(bytes(992)));
    BOOST_TEST(listener.events.empty());
    void* const p = alloc.try_frame_alloc(bytes(16));
    BOOST_TEST(p != nullptr);
    BOOST_TEST(listener.events.size() == 1u);
    BOOST_TEST(alloc.budgets().usage(world).frame_bytes == 992u + 16 + 32);
    BOOST_TEST(alloc.budgets().usage(world).pool_bytes == 64u);
    BOOST_TEST(alloc.budgets().usage(sound).heap_bytes == 10u);
    BOOST_TEST(!alloc.try_heap_alloc(bytes(1000)));  // refused, as the limit stood; the next time it has been raised
    BOOST_TEST(alloc.try_heap_alloc(bytes(1000)));
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_listener_that_allocates_behind_the_last_block_keeps_what_it_gets)
{
    recording_listener listener;
    tagged<> chunked{without_credit()};
    tagged<arena::virtual_memory<(std::size_t{1} << 26)>> contiguous{without_credit()};
    auto const check = [&](auto& alloc) {
        char* own = nullptr;
        alloc.budgets().set_listener(&listener);
        alloc.budgets().set(world, {.soft = 1000});
        listener.reaction = [&](budget_event const&) {
            own = static_cast<char*>(alloc.frame_alloc(bytes(64)));
            std::memset(own, 0x11, 64);
        };
        alloc.begin_frame();
        auto const scope = alloc.tag_scope(world);
        char* const p = static_cast<char*>(alloc.frame_alloc(bytes(512)));
        bool const grown = alloc.try_frame_extend(p, 512, 2000);
        BOOST_TEST_REQUIRE(own != nullptr);
        BOOST_TEST((!grown || own >= p + 2000));
        std::memset(p, 0x22, grown ? 2000 : 512);
        char* const next = static_cast<char*>(alloc.frame_alloc(bytes(64)));
        std::memset(next, 0x33, 64);
        for (int i = 0; i < 64; ++i) BOOST_TEST_REQUIRE(own[i] == 0x11);
        BOOST_TEST(bool(alloc.verify()));
        alloc.end_frame();
        BOOST_TEST(alloc.budgets().usage(world).frame_bytes == 0u);
    };
    check(chunked);
    check(contiguous);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_listener_that_throws_has_the_plain_form_throw_and_the_other_answer_null)
{
    recording_listener listener;
    tagged<> alloc{without_credit()};
    alloc.budgets().set_listener(&listener);
    listener.reaction = [](budget_event const&) { throw 42; };
    listener.decision = [](budget_event const&) -> limit_decision { throw 43; };
    auto const soft_then_asks = [&] { alloc.budgets().set(world, {.soft = 0, .hard = 5000, .at_hard = limit_action::ask}); };
    soft_then_asks();
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(bytes(16)));
    auto const scope = alloc.tag_scope(world);
    auto const nothing_has_changed = [&] {
        BOOST_TEST(alloc.budgets().usage(world).total_bytes == 0u);
        BOOST_TEST(alloc.stats().frame_bytes_used == 16u);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(alloc.verify()));
        // As if nobody had been told.
        alloc.budgets().set_listener(nullptr);
        static_cast<void>(alloc.trim());
        alloc.budgets().set(world, {});
        alloc.heap_free(alloc.heap_alloc(bytes(1)));
        soft_then_asks();
        alloc.budgets().set_listener(&listener);
    };
    for (std::size_t const n : {std::size_t{100}, std::size_t{6000}}) {
        BOOST_CHECK_THROW(static_cast<void>(alloc.heap_alloc(bytes(n))), int);
        nothing_has_changed();
        BOOST_TEST(!alloc.try_heap_alloc(bytes(n)));
        nothing_has_changed();
        BOOST_CHECK_THROW(static_cast<void>(alloc.frame_alloc(bytes(n))), int);
        nothing_has_changed();
        BOOST_TEST(!alloc.try_frame_alloc(bytes(n)));
        nothing_has_changed();
        BOOST_CHECK_THROW(static_cast<void>(alloc.pool_alloc(bytes(n))), int);
        nothing_has_changed();
        BOOST_TEST(!alloc.try_pool_alloc(bytes(n)));
        nothing_has_changed();
    }
    alloc.end_frame();
}
#endif

BOOST_AUTO_TEST_CASE_TEMPLATE(no_lock_is_held_while_a_listener_runs, Sync, syncs_with_threads)
{
    // The listener waits for a thread that allocates, frees, trims, asks for figures and ends.
    recording_listener listener;
    tagged<Sync> alloc{without_credit()};
    alloc.budgets().set_listener(&listener);
    alloc.budgets().set(world, {.soft = 100, .hard = 1000, .at_hard = limit_action::ask});
    auto const others_work = [&] {
        on_a_thread([&] {
            alloc.begin_frame();
            static_cast<void>(alloc.frame_alloc(bytes(100'000)));
            alloc.pool_free(alloc.pool_alloc(small));
            alloc.heap_free(alloc.heap_alloc(bytes(100'000)));
            static_cast<void>(alloc.trim());
            BOOST_TEST(alloc.budgets().usage(world).total_bytes <= 1000u);
            alloc.budgets().set(sound, {.hard = 1});
            alloc.end_frame();
        });
    };
    listener.reaction = [&](budget_event const&) { others_work(); };
    listener.decision = [&](budget_event const&) {
        others_work();
        return limit_decision::refuse;
    };
    auto const scope = alloc.tag_scope(world);
    BOOST_TEST(alloc.try_heap_alloc(bytes(500)));
    BOOST_TEST(!alloc.try_heap_alloc(bytes(501)));
    BOOST_TEST(!alloc.try_pool_alloc(bytes(1024)));
    alloc.begin_frame();
    BOOST_TEST(!alloc.try_frame_alloc(bytes(501)));
    alloc.end_frame();
    BOOST_TEST(listener.events.size() == 2u);
    BOOST_TEST(listener.questions.size() == 3u);
}

// --- figures ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_table_has_every_tag_in_use_a_tag_before_those_beneath_it)
{
    tagged<> alloc;
    for (allocation_tag const& tag : {ui, contacts, world, sound}) {
        alloc.with_tag(tag, [&] { static_cast<void>(alloc.heap_alloc(bytes(100))); });
    }
    alloc.budgets().set(joints, {.hard = 5});
    std::vector<tag_usage> rows(10);
    std::size_t const n = alloc.budgets().table(rows);
    BOOST_TEST_REQUIRE(n == 7u);
    std::string paths;
    for (std::size_t i = 0; i < n; ++i) paths += std::string{rows[i].path} + ' ';
    BOOST_TEST(paths == "(untagged) sound ui world world/physics world/physics/contacts world/physics/joints ");
    BOOST_TEST((rows[3].total_bytes == 200 && rows[3].own_bytes() == 100 && rows[3].depth == 1));
    BOOST_TEST((rows[5].total_bytes == 100 && rows[5].depth == 3 && rows[6].limits.hard == 5));
    std::vector<tag_usage> two(2);
    BOOST_TEST(alloc.budgets().table(two) == 7u);
    BOOST_TEST(std::string{two[1].path} == "sound");
}

BOOST_AUTO_TEST_CASE(a_budget_is_copied_into_its_instance_with_limits_and_without_charges)
{
    recording_listener listener;
    budget::per_tag mine{{.credit_bytes = 0}};
    mine.set(world, {.hard = 1000});
    mine.set(physics, {.hard = 800, .reserved = 300});
    mine.set_frames({.hard = 160});
    mine.set_listener(&listener);
    BOOST_TEST(mine.try_charge(5000));
    tagged<> alloc{mine};
    BOOST_TEST((alloc.budgets().limits(physics) == budget_limits{.hard = 800, .reserved = 300}));
    BOOST_TEST(charged(alloc, world) == 300u);
    BOOST_TEST(alloc.budget().used_bytes() == 0u);
    mine.set(world, {.hard = 900});
    BOOST_TEST(alloc.budgets().limits(world).hard == 1000u);
    alloc.begin_frame();
    BOOST_TEST(!alloc.try_frame_alloc(bytes(161)));
    BOOST_TEST(listener.events.size() == 1u);
    alloc.end_frame();
    alloc.with_tag(sound, [&] { BOOST_TEST(alloc.try_heap_alloc(bytes(10000))); });
    alloc.with_tag(world, [&] { BOOST_TEST(!alloc.try_heap_alloc(bytes(701))); });
}

// --- frees -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(a_free_credits_the_tag_that_was_charged_on_whatever_thread_and_under_whatever_tag, Sync,
                              syncs_with_threads)
{
    tagged<Sync> alloc;
    std::vector<void*> blocks;
    void* large = nullptr;
    alloc.with_tag(contacts, [&] {
        for (int i = 0; i < 1000; ++i) blocks.push_back(alloc.pool_alloc(small));
        large = alloc.heap_alloc(bytes(5000));
    });
    on_threads(4, [&](std::size_t t) {
        auto const scope = alloc.tag_scope(sound);
        for (std::size_t i = t; i < blocks.size(); i += 4) {
            i % 8 < 4 ? alloc.pool_free(blocks[i]) : alloc.pool_free(blocks[i], small);
        }
        if (t == 0) alloc.heap_free(large);
    });
    BOOST_TEST(alloc.budgets().usage(contacts).total_bytes == 0u);
    BOOST_TEST(alloc.budgets().usage(sound).total_bytes == 0u);
    static_cast<void>(alloc.trim());  // this thread's credit
    BOOST_TEST(charged(alloc, world) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_second_free_of_a_pool_block_is_found_without_checks, Sync, every_sync)
{
    tagged<Sync> alloc;
    fault_recorder faults;
    auto const scope = alloc.tag_scope(world);
    std::vector<void*> blocks;
    for (int i = 0; i < 300; ++i) blocks.push_back(alloc.pool_alloc(small));  // more than a magazine has room for
    for (void* p : blocks) alloc.pool_free(p, small);
    for (void* p : blocks) alloc.pool_free(p, small);
    for (void* p : blocks) alloc.pool_free(p);
    BOOST_TEST(faults.count() == 600u);
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(alloc.budgets().usage(world).total_bytes == 0u);
    // None of them is there twice.
    std::vector<void*> again;
    for (int i = 0; i < 600; ++i) again.push_back(alloc.pool_alloc(small));
    std::sort(again.begin(), again.end());
    BOOST_TEST((std::adjacent_find(again.begin(), again.end()) == again.end()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(trim_gives_credit_back)
{
    tagged<arena::in_flight<2, arena::chunked<>>> alloc;
    {
        auto const scope = alloc.tag_scope(world);
        alloc.pool_free(alloc.pool_alloc(small));
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(bytes(100)));
        alloc.end_frame();
    }
    BOOST_TEST(alloc.budgets().usage(world).credited_bytes > 0u);
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.budgets().usage(world).credited_bytes == 0u);
    BOOST_TEST(charged(alloc, world) == 112u);  // of the frame in flight
}

BOOST_AUTO_TEST_CASE(a_child_of_fork_charges_and_credits_as_its_parent_did)
{
    tagged<> alloc;
    auto const scope = alloc.tag_scope(world);
    void* const p = alloc.pool_alloc(small);
    auto const child = run_in_child([&] {
        alloc.pool_free(p);
        void* const q = alloc.heap_alloc(bytes(100));
        if (alloc.budgets().usage(world).total_bytes != 100) return 1;
        alloc.heap_free(q);
        return alloc.budgets().usage(world).total_bytes == 0 && alloc.verify() ? 0 : 2;
    });
    BOOST_TEST(child.succeeded(), "status " << child.status);
    BOOST_TEST(alloc.budgets().usage(world).total_bytes == 64u);
}

// --- verify() --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(verify_finds_each_figure_that_is_not_so, Sync, every_sync)
{
    tagged<Sync> alloc;
    using assembly = typename tagged<Sync>::assembly_type;
    alloc.begin_frame();
    auto const scope = alloc.tag_scope(contacts);
    void* const p = alloc.pool_alloc(small);
    static_cast<void>(alloc.heap_alloc(bytes(100)));
    static_cast<void>(alloc.frame_alloc(bytes(100)));
    auto& budget = alloc.budget();
    auto const says = [&](char const* text) {
        verification const v = alloc.verify();
        char said[640] = "";
        if (!v) v.first.write(said, sizeof said);
        BOOST_TEST(!v);
        BOOST_TEST(std::string{said}.find(text) != std::string::npos, said);
    };
    detail::budget_crossings unused;
    BOOST_TEST(bool(alloc.verify()));
    for (allocation_intent const intent : {allocation_intent::frame, allocation_intent::pool, allocation_intent::heap}) {
        static_cast<void>(budget.charge(joints.id(), intent, 16, 0, false, unused));
        says("tag \"world/physics/joints\": 16 bytes are charged for");
        budget.refund(joints.id(), intent, 16);
        BOOST_TEST(bool(alloc.verify()));
    }
    auto& tag = detail::tag_of_block<assembly>(p, assembly::pool::class_for(small));
    tag.write(joints.id());
    says("are charged for pools");
    tag.write(detail::no_tag);
    says("are charged for pools");
    tag.write(contacts.id());
    BOOST_TEST(bool(alloc.verify()));
    auto& charges = alloc.state()->frame.charges();
    charges.grant(contacts.id(), 16);
    says("are charged for frames");
    static_cast<void>(budget.charge(contacts.id(), allocation_intent::frame, 16, 0, false, unused));
    BOOST_TEST(bool(alloc.verify()));
    // A level that has been passed over.
    auto& node = const_cast<detail::budget_node&>(budget.node(physics.id()));
    node.passed.fetch_add(8, detail::order::relaxed);
    says("bytes are used");
    node.passed.fetch_sub(8, detail::order::relaxed);
    node.used.fetch_add(8, detail::order::relaxed);
    says("bytes are used");
    node.used.fetch_sub(8, detail::order::relaxed);
    BOOST_TEST(bool(alloc.verify()));
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
