// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/sync/single_threaded.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <tuple>
#include <type_traits>
#include <unordered_set>

// What a streaming allocator does with one asset after the other, and what it says to bad input.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using every_level = std::tuple<smart_alloc, smart_alloc_debug, basic_smart_alloc<sync::single_threaded>>;

/// Mistakes are reported where somebody checks, and nowhere else.
template <class Alloc>
constexpr bool is_checked = Alloc::assembly_type::diagnostics::checks_blocks;

template <class Alloc, class Result>
void expect_mistake(fault_recorder const& faults, std::size_t& seen, Result const& answer, fault_code code)
{
    BOOST_TEST(!answer);
    BOOST_TEST(answer.code() == code);
    seen += is_checked<Alloc>;
    BOOST_TEST(faults.count() == seen);
    if (!is_checked<Alloc>) return;
    BOOST_TEST(faults.last() == code);
    BOOST_TEST(faults.last_would_stop());
}

static_assert(sizeof(stream_id) == 8 && std::is_trivially_copyable_v<stream_id>);
static_assert(!stream_id{} && stream_id{1, 1, 0});
static_assert(!std::is_copy_constructible_v<stream_lease<>> && std::is_nothrow_move_constructible_v<stream_lease<>>);
static_assert(!std::is_move_constructible_v<streaming_allocator<>>);

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming)

BOOST_AUTO_TEST_CASE(an_id_has_its_parts_and_is_a_number)
{
    stream_id const id{0xABCDE, 0x54321, 0x123456};
    BOOST_TEST(id.instance() == 0xABCDEu);
    BOOST_TEST(id.generation() == 0x54321u);
    BOOST_TEST(id.place() == 0x123456u);
    BOOST_TEST(stream_id::of_value(id.value()) == id);
    BOOST_TEST((stream_id{1, 1, 2} < stream_id{1, 2, 1}));
    std::unordered_set<stream_id> const some{id, id, stream_id{1, 1, 1}};
    BOOST_TEST(some.size() == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_asset_is_reserved_loaded_accessed_and_released, Alloc, every_level)
{
    fault_recorder const faults;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    int mine = 0;

    auto const id = assets.reserve({.bytes = 600, .align = 256, .priority = stream_priority::high, .user = &mine});
    BOOST_REQUIRE(id);
    BOOST_TEST(bool(*id));
    BOOST_TEST(assets.is_live(*id));
    BOOST_TEST(assets.info(*id)->state == stream_state::reserved);
    BOOST_TEST(assets.info(*id)->user == &mine);
    BOOST_TEST((assets.totals().reserved == stream_count{1, 600}));
    BOOST_TEST(alloc.stats().heap_bytes_live < 600u + 64 * 128);  // places for assets, and no asset
    std::size_t const before = alloc.stats().heap_bytes_live;

    auto const bytes = assets.begin_load(*id);
    BOOST_REQUIRE(bytes);
    BOOST_TEST(bytes->size() == 600u);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(bytes->data()) % 256 == 0u);
    BOOST_TEST(alloc.stats().heap_bytes_live == before + 600);
    BOOST_TEST((assets.totals().loading == stream_count{1, 600}));
    BOOST_TEST((assets.totals().reserved == stream_count{}));
    BOOST_TEST(assets.access(*id).code() == fault_code::stream_wrong_state);  // which is no mistake

    std::memset(bytes->data(), 7, 600);
    BOOST_TEST(bool(assets.report_progress(*id, 200)));
    BOOST_TEST(bool(assets.report_progress(*id, 100)));  // overtaken
    BOOST_TEST(assets.info(*id)->progress_bytes == 200u);
    BOOST_TEST(bool(assets.add_progress(*id, 400)));
    BOOST_TEST(assets.totals().progress_bytes == 600u);
    BOOST_TEST(bool(assets.finish_load(*id)));
    BOOST_TEST(assets.totals().progress_bytes == 0u);
    BOOST_TEST((assets.totals().resident == stream_count{1, 600}));
    BOOST_TEST(assets.totals().evictable_bytes == 600u);
    {
        auto first = assets.access(*id);
        BOOST_REQUIRE(first);
        BOOST_TEST(first->size() == 600u);
        BOOST_TEST(first->data() == bytes->data());
        BOOST_TEST(int(first->bytes()[599]) == 7);
        auto second = assets.access(*id);
        BOOST_TEST(assets.info(*id)->leases == 2u);
        BOOST_TEST((assets.totals().leased == stream_count{1, 600}));
        BOOST_TEST(assets.totals().evictable_bytes == 0u);
        stream_lease<Alloc> moved = *std::move(first);
        BOOST_TEST(!*first);
        moved.reset();
        BOOST_TEST(!moved);
        moved.reset();
        BOOST_TEST(assets.info(*id)->leases == 1u);
        moved = *std::move(second);
        BOOST_TEST(moved.size() == 600u);
    }
    BOOST_TEST((assets.totals().leased == stream_count{}));

    BOOST_TEST(bool(assets.release(*id)));
    BOOST_TEST(!assets.is_live(*id));
    BOOST_TEST(alloc.stats().heap_bytes_live == before);
    BOOST_TEST(assets.totals().used_bytes() == 0u);
    BOOST_TEST((assets.totals().released == stream_count{1, 600}));
    BOOST_TEST(assets.totals().peak_bytes == 600u);
    BOOST_TEST(bool(assets.verify()));
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_allocator_makes_one_over_itself, Alloc, every_level)
{
    Alloc alloc;
    auto assets = alloc.streaming({.budget_bytes = 1000});
    stream_id const id = make_ready(assets, {.bytes = 1000}, 2);
    BOOST_TEST(int(assets.access(id)->data()[0]) == 2);
    BOOST_TEST(assets.reserve(1001).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST(alloc.stats().heap_blocks_live == 2u);  // the asset, and the places
}

BOOST_AUTO_TEST_CASE_TEMPLATE(its_end_gives_everything_back, Alloc, every_level)
{
    fault_recorder const faults;
    Alloc alloc;
    {
        streaming_allocator assets{alloc, {.budget_bytes = 100000}};
        for (unsigned i = 0; i < 200; ++i) {
            stream_id const id = assets.reserve(100 + i).value();
            if (i % 2 != 0) load(assets, id);
        }
        BOOST_TEST((assets.totals().resident.assets == 100u));
    }
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_shorter_asset_says_so_when_it_is_finished, Alloc, every_level)
{
    fault_recorder const faults;
    std::size_t seen = 0;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = assets.reserve(600).value();
    static_cast<void>(assets.begin_load(id).value());
    assets.report_progress(id, 300).value();

    expect_mistake<Alloc>(faults, seen, assets.finish_load(id), fault_code::stream_wrong_size);       // short of its size
    expect_mistake<Alloc>(faults, seen, assets.finish_load(id, 299), fault_code::stream_wrong_size);  // of what was reported
    expect_mistake<Alloc>(faults, seen, assets.finish_load(id, 601), fault_code::stream_wrong_size);
    BOOST_TEST(assets.info(id)->state == stream_state::loading);
    BOOST_TEST(assets.info(id)->progress_bytes == 300u);

    BOOST_TEST(bool(assets.finish_load(id, 400)));
    BOOST_TEST(assets.access(id)->size() == 400u);
    BOOST_TEST(assets.totals().used_bytes() == 600u);  // what the block has
    BOOST_TEST(bool(assets.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sizes_alignments_and_priorities_that_cannot_be_are_refused, Alloc, every_level)
{
    fault_recorder const faults;
    std::size_t seen = 0;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    static_cast<void>(make_ready(assets, {.bytes = 800}));
    streaming_totals const before = figures(assets);

    expect_mistake<Alloc>(faults, seen, assets.reserve(0), fault_code::stream_wrong_size);
    expect_mistake<Alloc>(faults, seen, assets.reserve(SIZE_MAX), fault_code::impossible_size);
    expect_mistake<Alloc>(faults, seen, assets.reserve(max_request_bytes + 1), fault_code::impossible_size);
    for (std::size_t const align : {std::size_t{0}, std::size_t{3}, max_alignment * 2}) {
        expect_mistake<Alloc>(faults, seen, assets.reserve({.bytes = 1, .align = align}),
                              fault_code::impossible_alignment);
    }
    expect_mistake<Alloc>(faults, seen, assets.reserve(1, stream_priority(16)), fault_code::bad_configuration);
    // What exceeds the budget is nobody's mistake.
    BOOST_TEST(assets.reserve(1001).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST(assets.reserve(max_request_bytes).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST(faults.count() == seen);
    BOOST_TEST((figures(assets) == before));
    BOOST_TEST(assets.totals().refused == 2u);
    BOOST_TEST(bool(assets.reserve({.bytes = 1000, .align = max_alignment})));  // evicts, and is the whole budget
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ids_that_are_null_foreign_invented_or_stale_lead_nowhere, Alloc, every_level)
{
    fault_recorder const faults;
    std::size_t seen = 0;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}}, others{alloc, {.budget_bytes = 1000}};
    stream_id const mine = make_ready(assets, {.bytes = 100});
    stream_id const foreign = make_ready(others, {.bytes = 100});
    stream_id const invented[] = {{mine.instance(), 1, 5}, {mine.instance(), 9, 0}, {mine.instance(), 0, 0}};
    stream_id const stale = make_ready(assets, {.bytes = 100});
    assets.release(stale).value();
    stream_id const in_its_place = make_ready(assets, {.bytes = 100});
    BOOST_TEST(in_its_place.place() == stale.place());
    streaming_totals const before = figures(assets);

    auto const each_call = [&](stream_id id, auto&& check) {
        check(assets.begin_load(id).code());
        check(assets.report_progress(id, 1).code());
        check(assets.add_progress(id, 1).code());
        check(assets.finish_load(id).code());
        check(assets.finish_load(id, 1).code());
        check(assets.abandon_load(id).code());
        check(assets.cancel(id).code());
        check(assets.release(id).code());
        check(assets.evict(id).code());
        check(assets.access(id).code());
        check(assets.touch(id).code());
        check(assets.set_priority(id, stream_priority::low).code());
        check(assets.info(id).code());
        BOOST_TEST(!assets.is_live(id));
    };
    auto const is_mistake = [&](fault_code code) {
        BOOST_TEST(code == fault_code::handle_not_live);
        seen += is_checked<Alloc>;
        BOOST_TEST(faults.count() == seen);
    };
    each_call(stream_id{}, is_mistake);
    each_call(foreign, is_mistake);
    for (stream_id const id : invented) each_call(id, is_mistake);
    // Others may have evicted it: only who ends a load, or reports on it, must know.
    each_call(stale, [](fault_code code) { BOOST_TEST(code == fault_code::handle_not_live); });
    BOOST_TEST(faults.count() == seen + 5 * is_checked<Alloc>);

    BOOST_TEST((figures(assets) == before));
    BOOST_TEST(assets.is_live(mine));
    BOOST_TEST(bool(assets.verify()));
    BOOST_TEST(text_of(assets.access(foreign).error()).find("the id is of streaming allocator") != std::string::npos);
    BOOST_TEST(text_of(assets.access(stale).error()).find("has been evicted, released or cancelled") != std::string::npos);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(each_call_wants_its_state, Alloc, every_level)
{
    fault_recorder const faults;
    std::size_t seen = 0;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    constexpr auto wrong = fault_code::stream_wrong_state;

    stream_id const id = assets.reserve(100).value();
    expect_mistake<Alloc>(faults, seen, assets.report_progress(id, 1), wrong);
    expect_mistake<Alloc>(faults, seen, assets.finish_load(id, 1), wrong);
    expect_mistake<Alloc>(faults, seen, assets.abandon_load(id), wrong);
    BOOST_TEST(assets.access(id).code() == wrong);
    BOOST_TEST(assets.touch(id).code() == wrong);
    BOOST_TEST(assets.evict(id).code() == wrong);

    static_cast<void>(assets.begin_load(id).value());
    expect_mistake<Alloc>(faults, seen, assets.begin_load(id), wrong);
    expect_mistake<Alloc>(faults, seen, assets.report_progress(id, 101), fault_code::stream_wrong_size);
    assets.report_progress(id, 60).value();
    expect_mistake<Alloc>(faults, seen, assets.add_progress(id, 41), fault_code::stream_wrong_size);
    expect_mistake<Alloc>(faults, seen, assets.add_progress(id, SIZE_MAX), fault_code::stream_wrong_size);
    BOOST_TEST(assets.access(id).code() == wrong);
    BOOST_TEST(assets.evict(id).code() == wrong);
    BOOST_TEST(assets.info(id)->progress_bytes == 60u);

    assets.add_progress(id, 40).value();
    assets.finish_load(id).value();
    expect_mistake<Alloc>(faults, seen, assets.begin_load(id), wrong);
    expect_mistake<Alloc>(faults, seen, assets.report_progress(id, 100), wrong);
    expect_mistake<Alloc>(faults, seen, assets.finish_load(id), wrong);
    expect_mistake<Alloc>(faults, seen, assets.abandon_load(id), wrong);
    BOOST_TEST(assets.cancel(id).code() == wrong);
    {
        auto const lease = assets.access(id).value();
        BOOST_TEST(assets.evict(id).code() == wrong);
        BOOST_TEST(bool(assets.touch(id)));
    }
    BOOST_TEST(faults.count() == seen);
    BOOST_TEST(bool(assets.evict(id)));
    BOOST_TEST(bool(assets.verify()));
}

BOOST_AUTO_TEST_CASE(a_refusal_says_which_asset_which_state_and_what_it_takes)
{
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = assets.reserve(100).value();
    BOOST_TEST(text_of(assets.access(id).error()) ==
               "[framealloc][FA403] error: streaming asset in a state that does not allow the call\n"
               "  note: asset 0 of 100 bytes is reserved; access() takes one that is ready\n"
               "  help: begin each load once, and let its loader finish or abandon it; ask info() where others may have "
               "cancelled it\n");
    static_cast<void>(assets.begin_load(id).value());
    BOOST_TEST(text_of(assets.report_progress(id, 101).error()).find("progress of 101 bytes, after 0 of 100") !=
               std::string::npos);
    auto const full = assets.reserve(901);
    BOOST_TEST(text_of(full.error()).find(
                   "asked for 901 bytes; 100 of 1000 are used, and 0 of those could be evicted for it") !=
               std::string::npos);
    auto const thrown = how_it_fails([&] { static_cast<void>(assets.reserve(901).value()); });
    BOOST_TEST(thrown.failed);
    BOOST_TEST(thrown.code == fault_code::streaming_budget_exceeded);
    BOOST_TEST(thrown.says("asked for 901 bytes"));
    BOOST_TEST((assets.reserve(901).value_or(id) == id));
    assets.abandon_load(id).value();
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_load_that_is_cancelled_keeps_its_memory_until_its_loader_lets_go, Alloc, every_level)
{
    fault_recorder const faults;
    for (bool const finishes : {false, true}) {
        Alloc alloc;
        streaming_allocator assets{alloc, {.budget_bytes = 1000}};
        stream_id const id = assets.reserve(1000).value();
        std::span<std::byte> const bytes = assets.begin_load(id).value();
        assets.report_progress(id, 300).value();

        BOOST_TEST(bool(finishes ? assets.cancel(id) : assets.release(id)));
        BOOST_TEST(bool(assets.cancel(id)));  // again
        BOOST_TEST(assets.info(id)->state == stream_state::cancelled);
        BOOST_TEST((assets.totals().loading == stream_count{1, 1000}));
        BOOST_TEST(assets.reserve(1).code() == fault_code::streaming_budget_exceeded);  // it is not over yet
        std::memset(bytes.data(), 1, bytes.size());
        BOOST_TEST(assets.report_progress(id, 400).code() == fault_code::stream_wrong_state);  // the loader hears of it
        BOOST_TEST(assets.access(id).code() == fault_code::stream_wrong_state);

        if (finishes) {
            auto const late = assets.finish_load(id, 1000);
            BOOST_TEST(late.code() == fault_code::stream_wrong_state);
            BOOST_TEST(text_of(late.error()).find("is cancelled; finish_load() has let it go") != std::string::npos);
        } else {
            BOOST_TEST(bool(assets.abandon_load(id)));
        }
        BOOST_TEST(!assets.is_live(id));
        BOOST_TEST((assets.totals().cancelled == stream_count{1, 1000}));
        BOOST_TEST(assets.totals().used_bytes() == 0u);
        BOOST_TEST(assets.totals().progress_bytes == 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 1u);  // the places
        BOOST_TEST(faults.count() == 0u);                  // nobody has made a mistake
        BOOST_TEST(bool(assets.verify()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_load_that_is_ended_twice_is_reported, Alloc, every_level)
{
    fault_recorder const faults;
    std::size_t seen = 0;
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = assets.reserve(100).value();
    static_cast<void>(assets.begin_load(id).value());
    assets.abandon_load(id).value();
    expect_mistake<Alloc>(faults, seen, assets.abandon_load(id), fault_code::handle_not_live);
    expect_mistake<Alloc>(faults, seen, assets.finish_load(id), fault_code::handle_not_live);
    BOOST_TEST((assets.totals().cancelled == stream_count{1, 100}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_released_while_leased_goes_with_its_last_lease, Alloc, every_level)
{
    Alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = make_ready(assets, {.bytes = 1000}, 5);
    auto first = assets.access(id).value();
    auto second = assets.access(id).value();
    BOOST_TEST(bool(assets.release(id)));
    BOOST_TEST(!assets.is_live(id));
    BOOST_TEST(assets.access(id).code() == fault_code::handle_not_live);
    BOOST_TEST((assets.totals().resident == stream_count{1, 1000}));
    BOOST_TEST(assets.reserve(1).code() == fault_code::streaming_budget_exceeded);
    BOOST_TEST(bool(assets.verify()));
    first.reset();
    BOOST_TEST(int(second.bytes()[999]) == 5);
    BOOST_TEST((assets.totals().leased == stream_count{1, 1000}));
    second.reset();
    BOOST_TEST(assets.totals().used_bytes() == 0u);
    BOOST_TEST((assets.totals().released == stream_count{1, 1000}));
    BOOST_TEST(bool(assets.reserve(1000)));
    BOOST_TEST(bool(assets.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(its_end_under_a_load_and_a_lease_is_reported_and_their_memory_stays, Alloc, every_level)
{
    fault_recorder const faults;
    {
        Alloc alloc;
        stream_lease<Alloc> lease, released;
        std::span<std::byte> loading;
        {
            streaming_allocator assets{alloc, {.budget_bytes = 1000}};
            lease = assets.access(make_ready(assets, {.bytes = 100}, 3)).value();
            stream_id const gone = make_ready(assets, {.bytes = 100}, 4);
            released = assets.access(gone).value();
            assets.release(gone).value();
            loading = assets.begin_load(assets.reserve(100).value()).value();
            static_cast<void>(make_ready(assets, {.bytes = 100}));
            static_cast<void>(assets.reserve(100).value());
        }
        BOOST_TEST(faults.count() == 1u);
        BOOST_TEST(faults.last() == fault_code::live_at_end);
        BOOST_TEST(faults.last_text().find("1 assets are being loaded and 2 are leased") != std::string::npos);
        BOOST_TEST(faults.last_would_stop() == is_checked<Alloc>);
        BOOST_TEST(alloc.stats().heap_blocks_live == 4u);  // theirs, and their places
        std::memset(loading.data(), 1, loading.size());
        BOOST_TEST(int(lease.bytes()[99]) == 3);
        BOOST_TEST(int(released.bytes()[99]) == 4);
        lease.reset();
        released.reset();
    }
}

BOOST_AUTO_TEST_CASE(a_budget_out_of_range_is_refused_before_anything_is_built)
{
#if FRAMEALLOC_EXCEPTIONS
    smart_alloc alloc;
    for (std::size_t const bytes : {std::size_t{0}, max_request_bytes + 1}) {
        BOOST_CHECK_THROW((streaming_allocator{alloc, {.budget_bytes = bytes}}), configuration_error);
    }
    streaming_allocator assets{alloc, {.budget_bytes = max_request_bytes}};
    stream_id const id = make_ready(assets, {.bytes = 100});
    BOOST_CHECK_THROW(assets.set_budget(0), configuration_error);
    BOOST_TEST(assets.totals().budget_bytes == max_request_bytes);
    BOOST_TEST(assets.is_live(id));
#endif
}

BOOST_AUTO_TEST_CASE(a_place_whose_generations_are_used_up_is_not_given_again)
{
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id last;
    std::uint32_t ids = 0;
    while (assets.totals().retired_places == 0) {
        last = assets.reserve(1).value();
        ++ids;
        assets.cancel(last).value();
    }
    BOOST_TEST(ids == stream_id::last_generation);
    BOOST_TEST(last.generation() == stream_id::last_generation);
    BOOST_TEST(assets.access(last).code() == fault_code::handle_not_live);
    stream_id const next = assets.reserve(1).value();
    BOOST_TEST(next.place() == last.place() + 1);
    BOOST_TEST(!assets.is_live(last));
    BOOST_TEST(!assets.is_live({last.instance(), 0, last.place()}));
    BOOST_TEST(assets.totals().retired_places == 1u);
    BOOST_TEST(bool(assets.verify()));
}

BOOST_AUTO_TEST_CASE(places_are_as_many_as_assets_and_never_move)
{
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = 1000000}};
    std::vector<stream_id> ids;
    std::set<std::uint32_t> places;
    for (unsigned i = 0; i < 5000; ++i) {
        ids.push_back(assets.reserve(1 + i % 7).value());
        places.insert(ids.back().place());
    }
    BOOST_TEST(places.size() == 5000u);
    BOOST_TEST(*places.rbegin() == 4999u);
    for (unsigned i = 0; i < 5000; ++i) BOOST_REQUIRE(assets.info(ids[i])->bytes == 1 + i % 7);
    std::size_t const blocks = alloc.stats().heap_blocks_live;
    for (stream_id const id : ids) assets.cancel(id).value();
    for (unsigned i = 0; i < 5000; ++i) static_cast<void>(assets.reserve(1).value());
    BOOST_TEST(alloc.stats().heap_blocks_live == blocks);  // the same places again
}

BOOST_AUTO_TEST_SUITE_END()
