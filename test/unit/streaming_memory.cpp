// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/faults.hpp"
#include "support/scenario.hpp"
#include "support/tags.hpp"

#include <framealloc/backend/split.hpp>
#include <framealloc/budget/global.hpp>

#include <mutex>
#include <thread>
#include <tuple>

// What streaming asks of the allocator beneath, who pays, and what is left when that refuses.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

using every_assembly =
    std::tuple<basic_smart_alloc<split_backend>, basic_smart_alloc<backend::faulting<system_heap>, sync::single_threaded>,
               basic_smart_alloc<split_backend, sync::mutex<std::mutex>, diagnostics::checked>,
               basic_smart_alloc<split_backend, budget::per_tag>>;

/// A hundred assets pass through room for twenty. Whatever is refused has left the books as they were.
struct assets_come_and_go {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const
    {
        streaming_allocator assets{alloc, {.budget_bytes = 20 * 5000}};
        std::vector<stream_id> ids;
        auto const refuses = [&](auto&& call, char const* name) {
            streaming_totals const before = assets.totals();
            auto const answer = call();
            if (answer) return false;
            step.expect(name, assets.totals() == before && answer.code() == fault_code::out_of_memory);
            step.expect("the books are sound", bool(assets.verify()));
            return true;
        };
        for (unsigned i = 0; i < 100; ++i) {
            stream_id id;
            step("reserve", [&] {
                return !refuses([&] {
                    auto const answer = assets.reserve(3000 + 100 * (i % 17));
                    if (answer) id = *answer;
                    return answer;
                }, "a refused reserve changes nothing");
            });
            if (i % 10 == 9) {
                ids.push_back(id);  // many places
                continue;
            }
            step("begin_load", [&] {
                return !refuses([&] { return assets.begin_load(id); }, "a refused load changes nothing");
            });
            step.expect("finish", bool(assets.finish_load(id, 100)));
            if (i % 7 == 0) {
                auto lease = assets.access(id);
                step.expect("access", bool(lease));
                step.expect("release", bool(assets.release(id)));
            }
        }
        for (stream_id const id : ids) step.expect("cancel", bool(assets.cancel(id)));
        // More places than a chunk has, all at once.
        static_cast<void>(assets.evict_bytes(SIZE_MAX));
        for (unsigned i = 0; i < 300; ++i) {
            step("reserve many", [&] {
                return !refuses([&] { return assets.reserve(1); }, "a refused reserve changes nothing");
            });
        }
        step.expect("all are there", assets.totals().reserved.assets == 300);
    }
};

long long bytes_out() { return pages::bytes_out + system_heap::bytes_out; }

using tagged_alloc = tagged<>;
constexpr allocation_tag textures{"world/textures"};

std::size_t heap_bytes(tagged_alloc& alloc, allocation_tag const& tag) { return alloc.budgets().usage(tag).heap_bytes; }

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming_memory)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_at_any_call_of_the_backend_changes_nothing, Alloc, every_assembly)
{
    constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};
    for (backend_operation const operation :
         {backend_operation::allocate, backend_operation::reserve, backend_operation::commit}) {
        for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
            auto const result = inject<Alloc>(assets_come_and_go{}, keep_nothing, operation, mode);
            for (std::string const& each : result.complaints) BOOST_ERROR(each);
            if (operation == backend_operation::allocate) BOOST_TEST(result.points > 80u);
        }
    }
    BOOST_TEST(bytes_out() == 0);
}

BOOST_AUTO_TEST_CASE(a_budget_of_the_allocator_beneath_refuses_the_load_and_the_asset_stays_reserved)
{
    basic_smart_alloc<budget::global> alloc{budget::global{1_MiB}, alloc_config{.heap_cache_bytes = 0}};
    streaming_allocator assets{alloc, {.budget_bytes = 4_MiB}};
    stream_id const small = assets.reserve(100_KiB).value(), large = assets.reserve(2_MiB).value();
    auto const answer = assets.begin_load(large);
    BOOST_TEST(answer.code() == fault_code::budget_exceeded);
    BOOST_TEST(answer.error().numbers[0] == 2_MiB);
    BOOST_TEST(answer.error().numbers[2] == 1_MiB);
    BOOST_TEST(assets.info(large)->state == stream_state::reserved);
    load(assets, small);
    BOOST_TEST(bool(assets.cancel(large)));
    BOOST_TEST(bool(assets.verify()));
}

BOOST_AUTO_TEST_CASE(the_tag_of_who_reserves_pays_from_the_load_until_the_memory_goes)
{
    tagged_alloc alloc{without_credit()};
    streaming_allocator assets{alloc, {.budget_bytes = 10'000}};
    stream_id const id = alloc.with_tag(textures, [&] { return assets.reserve(6000).value(); });
    BOOST_TEST(heap_bytes(alloc, textures) == 0u);
    std::thread{[&] {
        auto const tag = alloc.tag_scope(sound);  // the loader's own
        load(assets, id);
        BOOST_TEST(std::string_view{alloc.budgets().current()} == sound.path());
    }}.join();
    BOOST_TEST(heap_bytes(alloc, textures) == 6000u);
    BOOST_TEST(heap_bytes(alloc, sound) == 0u);

    // Whoever evicts it, and under which tag, does not matter.
    stream_id const next = alloc.with_tag(sound, [&] { return assets.reserve(6000).value(); });
    BOOST_TEST(heap_bytes(alloc, textures) == 0u);
    load(assets, next);
    BOOST_TEST(heap_bytes(alloc, sound) == 6000u);
    assets.release(next).value();
    BOOST_TEST(heap_bytes(alloc, sound) == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_tag_at_its_limit_refuses_the_load_with_its_numbers_and_nothing_has_changed)
{
    tagged_alloc alloc{without_credit()};
    alloc.budgets().set(textures, {.hard = 5000});
    streaming_allocator assets{alloc, {.budget_bytes = 10'000}};
    stream_id const id = alloc.with_tag(textures, [&] { return assets.reserve(6000).value(); });
    streaming_totals const before = assets.totals();
    auto const answer = assets.begin_load(id);
    BOOST_TEST(answer.code() == fault_code::tag_budget_exceeded);
    BOOST_TEST(text_of(answer.error()).find("tag \"world/textures\": asked for 6000 bytes; 0 of 5000 bytes are used") !=
               std::string::npos);
    BOOST_TEST((assets.totals() == before));
    BOOST_TEST(heap_bytes(alloc, textures) == 0u);
    alloc.budgets().set(textures, {.hard = 6000});
    load(assets, id);
    BOOST_TEST(heap_bytes(alloc, textures) == 6000u);
}

BOOST_AUTO_TEST_CASE(at_a_tag_s_limit_its_listener_may_evict)
{
    tagged_alloc alloc{without_credit()};
    alloc.budgets().set(textures, {.hard = 10'000, .at_hard = limit_action::ask});
    streaming_allocator assets{alloc, {.budget_bytes = 100'000}};
    recording_listener listener;
    listener.decision = [&](budget_event const& e) {
        // Inside of begin_load: no lock of ours is held.
        return assets.evict_bytes(e.requested_bytes) != 0 ? limit_decision::retry : limit_decision::refuse;
    };
    alloc.budgets().set_listener(&listener);
    auto const tag = alloc.tag_scope(textures);
    stream_id const first = make_ready(assets, {.bytes = 6000}), second = make_ready(assets, {.bytes = 4000});
    stream_id const third = make_ready(assets, {.bytes = 6000});
    BOOST_TEST(!assets.is_live(first));
    BOOST_TEST(assets.is_live(second));
    BOOST_TEST(assets.is_live(third));
    BOOST_TEST(heap_bytes(alloc, textures) == 10'000u);
    alloc.budgets().set_listener(nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_cancelled_while_its_loader_gets_memory_is_given_back)
{
    // The one moment at which a load is begun and has no memory yet, found by a listener of the tag's.
    tagged_alloc alloc{without_credit()};
    alloc.budgets().set(textures, {.hard = 5000, .at_hard = limit_action::ask});
    for (bool const then_served : {false, true}) {
        streaming_allocator assets{alloc, {.budget_bytes = 100'000}};
        stream_id const id = alloc.with_tag(textures, [&] { return assets.reserve(6000).value(); });
        recording_listener listener;
        listener.decision = [&](budget_event const&) {
            BOOST_TEST(assets.info(id)->state == stream_state::reserved);
            BOOST_TEST(assets.begin_load(id).code() == fault_code::stream_wrong_state);  // it has a loader
            BOOST_TEST(bool(assets.cancel(id)));
            BOOST_TEST(assets.is_live(id));
            return then_served ? limit_decision::allow : limit_decision::refuse;
        };
        alloc.budgets().set_listener(&listener);
        auto const answer = assets.begin_load(id);
        alloc.budgets().set_listener(nullptr);
        BOOST_TEST(listener.questions.size() == 1u);
        BOOST_TEST(answer.code() == fault_code::stream_wrong_state);
        BOOST_TEST(!assets.is_live(id));
        BOOST_TEST(heap_bytes(alloc, textures) == 0u);
        BOOST_TEST((assets.totals().cancelled == stream_count{1, 6000}));
        BOOST_TEST(assets.totals().used_bytes() == 0u);
        BOOST_TEST(bool(assets.verify()));
    }
}

BOOST_AUTO_TEST_SUITE_END()
