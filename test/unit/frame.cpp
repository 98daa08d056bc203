// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <cstring>
#include <memory>
#include <set>
#include <utility>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

template <class Alloc>
void a_request_outside_a_frame_is_refused_and_named()
{
    Alloc alloc;
    for (int round = 0; round < 2; ++round) {
        fault_recorder const faults;
        BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 64}) == nullptr);
        BOOST_TEST(faults.last() == fault_code::frame_not_open);
        BOOST_TEST(faults.last_would_stop() == Alloc::assembly_type::diagnostics::stops_on_misuse);
        BOOST_TEST(alloc.template try_frame_alloc<int>() == nullptr);
        BOOST_TEST(alloc.template try_frame_new<int>(1) == nullptr);
        BOOST_TEST(alloc.template try_frame_array<int>(8).data() == nullptr);
        BOOST_TEST(faults.count() == 4u);

        auto const seen = test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 64})); });
        BOOST_TEST(seen.failed);
        BOOST_TEST(seen.code == fault_code::frame_not_open);
        BOOST_TEST(seen.says("[framealloc][FA001] error: frame allocation used outside an active frame"));
        BOOST_TEST(seen.says("asked for 64 bytes, align 16; no frame is open"));
        BOOST_TEST(seen.says("help: call begin_frame()"));
        BOOST_TEST(alloc.stats().frame_bytes_used == 0u);

        // The same once a frame has come and gone: its chunk is still there, and still serves nobody.
        alloc.begin_frame();
        BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 64}) != nullptr);
        alloc.end_frame();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame)

BOOST_AUTO_TEST_CASE(a_frame_gives_memory_until_it_ends)
{
    smart_alloc alloc;
    alloc.begin_frame();
    int* const first = alloc.frame_alloc<int>();
    *first = 7;
    BOOST_TEST(alloc.stats().frame_bytes_used == granule);
    alloc.end_frame();
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
}

BOOST_AUTO_TEST_CASE(outside_a_frame_nothing_is_served_at_any_level)
{
    a_request_outside_a_frame_is_refused_and_named<smart_alloc>();
    a_request_outside_a_frame_is_refused_and_named<smart_alloc_debug>();
    a_request_outside_a_frame_is_refused_and_named<smart_alloc_single_threaded>();
    a_request_outside_a_frame_is_refused_and_named<basic_smart_alloc<diagnostics::counters>>();
    a_request_outside_a_frame_is_refused_and_named<basic_smart_alloc<diagnostics::checked, sync::single_threaded>>();
    a_request_outside_a_frame_is_refused_and_named<basic_smart_alloc<arena::fixed<4096>>>();
}

BOOST_AUTO_TEST_CASE(a_request_outside_a_frame_stops_a_debug_program_and_says_why)
{
    auto const child = test::run_in_child([] {
        smart_alloc_debug alloc;
        static_cast<void>(alloc.try_frame_alloc(layout{.bytes = 24}));
        return 0;
    });
    BOOST_TEST(child.aborted());
    BOOST_TEST(child.says("[framealloc][FA001]"));
    BOOST_TEST(child.says("asked for 24 bytes"));
}

BOOST_AUTO_TEST_CASE(beginning_twice_is_reported_and_the_frame_goes_on)
{
    smart_alloc alloc;
    alloc.begin_frame();
    void* const before = alloc.frame_alloc(layout{.bytes = 100});

    fault_recorder const faults;
    alloc.begin_frame();
    BOOST_TEST(faults.last() == fault_code::frame_already_open);
    BOOST_TEST(faults.last_text().find("frame 1 of thread") != std::string::npos);
    BOOST_TEST(!alloc.try_begin_frame());
    BOOST_TEST(faults.count() == 2u);

    BOOST_TEST(alloc.frame_number() == 1u);
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 16}) == static_cast<char*>(before) + 112);
    alloc.end_frame();
    BOOST_TEST(!alloc.frame_is_open());  // one begin, one end: the second begin did not nest
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(an_end_without_a_begin_is_reported_and_changes_nothing)
{
    smart_alloc alloc;
    fault_recorder const faults;
    alloc.end_frame();  // before the thread has any state
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    alloc.begin_frame();
    alloc.end_frame();
    BOOST_TEST(faults.count() == 1u);
    alloc_stats const before = alloc.stats();
    alloc.end_frame();
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST((alloc.stats() == before));
}

BOOST_AUTO_TEST_CASE(an_end_inside_a_scope_is_reported_and_the_scope_goes_on)
{
    smart_alloc alloc;
    alloc.begin_frame();
    {
        auto scope = alloc.frame_scope();
        int* const kept = scope.frame_new<int>(41);
        fault_recorder const faults;
        alloc.end_frame();
        BOOST_TEST(faults.last() == fault_code::frame_not_begun);
        BOOST_TEST(faults.last_text().find("frame_scope() is still open") != std::string::npos);
        BOOST_TEST(alloc.frame_is_open());
        BOOST_TEST(*kept == 41);
    }
    alloc.end_frame();
    BOOST_TEST(!alloc.frame_is_open());
}

BOOST_AUTO_TEST_CASE(a_frame_of_all_threads_is_not_ended_by_one)
{
    smart_alloc alloc;
    alloc.begin_frame_all();
    int* const joined = alloc.frame_new<int>(5);
    fault_recorder const faults;
    alloc.end_frame();
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    BOOST_TEST(faults.last_text().find("end_frame_all()") != std::string::npos);
    BOOST_TEST(*joined == 5);
    alloc.begin_frame();
    BOOST_TEST(faults.last() == fault_code::frame_already_open);
    alloc.begin_frame_all();
    BOOST_TEST(faults.count() == 3u);
    alloc.end_frame_all();
    BOOST_TEST(!alloc.frame_is_open());
    alloc.end_frame_all();
    BOOST_TEST(faults.last() == fault_code::frame_not_begun);
    BOOST_TEST(faults.count() == 4u);
}

BOOST_AUTO_TEST_CASE(zero_bytes_have_an_address_of_their_own)
{
    smart_alloc alloc;
    alloc.begin_frame();
    std::set<void*> seen;
    for (int i = 0; i < 10'000; ++i) seen.insert(alloc.frame_alloc(layout{.bytes = 0, .align = 1}));
    BOOST_TEST(seen.size() == 10'000u);
    BOOST_TEST(seen.count(nullptr) == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(memory_of_a_frame_is_not_shared_between_its_objects)
{
    smart_alloc alloc;
    alloc.begin_frame();
    // Sizes around every boundary that the cursor knows, each filled with its own byte.
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (std::size_t bytes = 1; bytes < 700; ++bytes) {
        auto* const p = static_cast<unsigned char*>(alloc.frame_alloc(layout{.bytes = bytes, .align = 1}));
        std::memset(p, static_cast<int>(bytes & 0xFF), bytes);
        blocks.emplace_back(p, bytes);
    }
    bool intact = true;
    for (auto const& [p, bytes] : blocks) {
        for (std::size_t i = 0; i < bytes; ++i) intact = intact && p[i] == (bytes & 0xFF);
    }
    BOOST_TEST(intact);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(the_next_frame_begins_where_the_last_one_began)
{
    smart_alloc alloc;
    alloc.begin_frame();
    void* const first = alloc.frame_alloc(layout{.bytes = 1000});
    alloc.end_frame();
    alloc.begin_frame();
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 8}) == first);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_million_frames_take_no_more_memory_than_one)
{
    smart_alloc alloc;
    auto const one_frame = [&] {
        alloc.begin_frame();
        for (int i = 0; i < 4; ++i) {
            static_cast<void>(alloc.frame_alloc<float[16]>());
            alloc.frame_new<int>(i);
        }
        alloc.end_frame();
    };
    one_frame();
    alloc_stats const after_one = alloc.stats();
    for (int i = 1; i < 1'000'000; ++i) one_frame();
    alloc_stats const after_all = alloc.stats();
    BOOST_TEST(after_all.backend_bytes == after_one.backend_bytes);
    BOOST_TEST(after_all.backend_calls == after_one.backend_calls);
    BOOST_TEST(after_all.frames_begun == 1'000'000u);
    BOOST_TEST(after_all.frame_bytes_total == 1'000'000u * after_one.frame_bytes_last);
}

BOOST_AUTO_TEST_CASE(every_way_to_a_threads_frame_leads_to_the_same_frame)
{
    smart_alloc alloc;
    alloc.begin_frame();
    auto* at = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 16}));
    BOOST_TEST(static_cast<void*>(alloc.local().frame_alloc<int>()) == at + 16);
    BOOST_TEST(static_cast<void*>(alloc.ref().frame_alloc<int>()) == at + 32);
    auto& state = alloc.local();
    BOOST_TEST(state.frame_alloc(layout{.bytes = 16}) == at + 48);
    {
        auto scope = alloc.frame_scope();
        BOOST_TEST(static_cast<void*>(scope.frame_new<int>(1)) == at + 64);
        BOOST_TEST(static_cast<void*>(alloc.frame_new<int>(1)) == at + 80);
    }
    BOOST_TEST(static_cast<void*>(alloc.ref().frame_new<int>(1)) == at + 64);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(frames_are_numbered_from_one)
{
    smart_alloc alloc;
    BOOST_TEST(alloc.frame_number() == 0u);
    for (unsigned n = 1; n < 5; ++n) {
        alloc.begin_frame();
        BOOST_TEST(alloc.frame_number() == n);
        BOOST_TEST(alloc.frame_is_open());
        alloc.end_frame();
        BOOST_TEST(alloc.frame_number() == n);
        BOOST_TEST(!alloc.frame_is_open());
    }
}

// A state shared between instances would show here: the second one's end would take the first one's data.
BOOST_AUTO_TEST_CASE(two_instances_on_one_thread_keep_their_own_frames)
{
    smart_alloc first;
    smart_alloc second;
    first.begin_frame();
    BOOST_TEST(second.try_begin_frame());
    int* const ours = first.frame_new<int>(111);
    int* const theirs = second.frame_new<int>(222);
    second.end_frame();
    BOOST_TEST(first.frame_is_open());
    BOOST_TEST(!second.frame_is_open());
    second.begin_frame();
    BOOST_TEST(second.frame_new<int>(333) == theirs);
    BOOST_TEST(*ours == 111);
    BOOST_TEST(first.stats().frame_bytes_used == granule);
    BOOST_TEST(first.frame_number() == 1u);
    BOOST_TEST(second.frame_number() == 2u);
    BOOST_TEST(first.id() != second.id());
    first.end_frame();
    BOOST_TEST(*theirs == 333);
    second.end_frame();
}

BOOST_AUTO_TEST_CASE(many_instances_on_one_thread_keep_their_own_frames)
{
    // More than the thread has quick slots for.
    constexpr std::size_t count = 40;
    std::vector<std::unique_ptr<smart_alloc>> all;
    std::vector<std::size_t*> numbers;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<smart_alloc>());
        all.back()->begin_frame();
        numbers.push_back(all.back()->frame_new<std::size_t>(i));
    }
    for (std::size_t i = 0; i < count; i += 2) all[i]->end_frame();
    for (std::size_t i = 1; i < count; i += 2) {
        BOOST_TEST(*numbers[i] == i);
        BOOST_TEST(all[i]->frame_is_open());
        BOOST_TEST(!all[i - 1]->frame_is_open());
        BOOST_TEST(all[i]->stats().frame_bytes_used == granule);
    }
    all.erase(all.begin(), all.begin() + count / 2);
    for (std::size_t i = count / 2 + 1; i < count; i += 2) BOOST_TEST(*numbers[i] == i);
}

BOOST_AUTO_TEST_CASE(an_instance_that_ends_inside_a_frame_destroys_what_is_in_it)
{
    static int destroyed = 0;
    destroyed = 0;
    struct counted {
        ~counted() { ++destroyed; }
    };
    {
        smart_alloc alloc;
        alloc.begin_frame();
        alloc.frame_new<counted>();
        alloc.frame_new<counted>();
    }
    BOOST_TEST(destroyed == 2);
}

BOOST_AUTO_TEST_CASE(a_fixed_arena_serves_exactly_its_bytes_and_then_refuses)
{
    basic_smart_alloc<arena::fixed<4096>> alloc;
    for (int frame_number = 0; frame_number < 3; ++frame_number) {
        alloc.begin_frame();
        for (int i = 0; i < 4096 / 64; ++i) BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 64}) != nullptr);
        BOOST_TEST(alloc.stats().frame_bytes_used == 4096u);
        BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1, .align = 1}) == nullptr);
        BOOST_TEST(alloc.try_frame_alloc<char>() == nullptr);
        auto const seen = test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc<char>()); });
        BOOST_TEST(seen.code == fault_code::arena_exhausted);
        BOOST_TEST(seen.says("asked for 1 bytes, align 1; 4096 bytes of the frame are used"));
        BOOST_TEST(seen.says("arena::chunked"));
        BOOST_TEST(alloc.stats().frame_bytes_used == 4096u);
        alloc.end_frame();
    }
    alloc.begin_frame();
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 4097, .align = 1}) == nullptr);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 4096, .align = 1}) != nullptr);  // the whole arena is still there
    alloc.end_frame();
}

namespace {

/// Chunks as ever, but it counts them its own way: what is used is what is reserved.
struct arena_that_counts_chunks {
    using family = arena_family;
    template <class ChunkSource>
    class engine : public arena::chunked<>::engine<ChunkSource> {
    public:
        [[nodiscard]] std::size_t used_bytes(frame_window const&) const noexcept { return this->reserved_bytes(); }
    };
};

}  // namespace

BOOST_AUTO_TEST_CASE(an_arena_that_counts_by_itself_is_asked_what_a_frame_has_used)
{
    basic_smart_alloc<arena_that_counts_chunks> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 64}));
    alloc.end_frame();
    BOOST_TEST(alloc.stats().frame_bytes_last == 64_KiB);
}

BOOST_AUTO_TEST_SUITE_END()
