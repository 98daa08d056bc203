// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <cstddef>
#include <future>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <tuple>

// An allocator that ends while another thread is in a frame of it: the checked level names the thread. What threads do between
// frames nobody knows, so that those which have used the allocator and rest are no mistake.

using namespace framealloc;
using test::fault_recorder;

namespace {

using owner_alloc = basic_smart_alloc<sync::owner_queue, diagnostics::checked>;
using mutex_alloc = basic_smart_alloc<sync::mutex<std::mutex>, diagnostics::checked, pool::none>;
using one_thread_alloc = basic_smart_alloc<sync::single_threaded, diagnostics::checked>;
using all_of_threads = decltype(std::tuple<smart_alloc_debug, owner_alloc, mutex_alloc>{});

/// A thread that does something and waits then, until this goes.
class resting_thread {
public:
    template <class F>
    explicit resting_thread(F&& first)
        : thread_{[this, &first] {
              auto const kept = first();
              rests_.set_value();
              leave_.get_future().wait();
              static_cast<void>(kept);
          }}
    {
        rests_.get_future().wait();
    }
    ~resting_thread()
    {
        leave_.set_value();
        thread_.join();
    }

private:
    std::promise<void> rests_, leave_;
    std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(used_while_ending)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_thread_inside_a_frame_is_named_with_its_frame_and_both_places, Alloc, all_of_threads)
{
    fault_recorder const faults;
    std::optional<Alloc> alloc{std::in_place, alloc_config{.name = "level"}};
    resting_thread const loader{[&] {
        for (int i = 0; i < 3; ++i) {
            alloc->begin_frame();
            static_cast<void>(alloc->frame_alloc(layout{.bytes = 100}));
            if (i < 2) alloc->end_frame();
        }
        return 0;
    }};
    alloc.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::used_while_ending);
    BOOST_TEST(faults.last_would_stop());
    std::string const text = faults.last_text();
    BOOST_TEST_CONTEXT(text) {
        BOOST_TEST(text.find(" has its frame 3 open") != std::string::npos);
        BOOST_TEST(text.find("where: allocator 'level'") != std::string::npos);
        BOOST_TEST(text.find("\n  at: ") != std::string::npos);
        BOOST_TEST(text.find("\n  frame begun at: ") != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(each_thread_that_is_in_a_frame_is_named)
{
    fault_recorder const faults;
    std::optional<smart_alloc_debug> alloc{std::in_place};
    auto const in_frame = [&] { return alloc->begin_frame(), 0; };
    resting_thread const first{in_frame}, second{in_frame}, third{[&] { return alloc->attach_thread(), 0; }};
    alloc.reset();
    BOOST_TEST(faults.count() == 2u);
    for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::used_while_ending);
}

BOOST_AUTO_TEST_CASE(a_scope_that_opened_the_frame_is_a_frame)
{
    fault_recorder const faults;
    using scope = frame_scope<smart_alloc_debug::assembly_type>;
    alignas(scope) static std::byte place[sizeof(scope)];  // it is never left: its allocator is gone
    std::optional<smart_alloc_debug> alloc{std::in_place};
    resting_thread const loader{[&] { return ::new (place) scope(alloc->frame_scope()); }};
    alloc.reset();
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::used_while_ending);
    BOOST_TEST(faults.last_text().find("\n  frame begun at: ") != std::string::npos);
}

// --- what is no mistake -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(threads_that_rest_between_frames_are_no_mistake, Alloc, all_of_threads)
{
    fault_recorder const faults;
    std::optional<Alloc> alloc{std::in_place};
    resting_thread const attached{[&] { return alloc->attach_thread(), 0; }};
    resting_thread const worker{[&] {
        {
            auto scope = alloc->frame_scope();
            static_cast<void>(scope.frame_alloc(layout{.bytes = 100}));
        }
        alloc->begin_frame();
        alloc->heap_free(alloc->heap_alloc(layout{.bytes = 1000}));
        alloc->end_frame();
        return 0;
    }};
    alloc->begin_frame();  // the destroying thread's own frame ends with the allocator
    alloc.reset();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(who_has_joined_the_frame_of_all_threads_may_be_at_rest)
{
    fault_recorder const faults;
    std::optional<smart_alloc_debug> alloc{std::in_place};
    alloc->begin_frame_all();
    resting_thread const worker{[&] { return alloc->frame_alloc(layout{.bytes = 100}); }};
    alloc.reset();
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(the_frame_of_another_instance_is_none_of_its_business)
{
    fault_recorder const faults;
    smart_alloc_debug other;
    {
        std::optional<smart_alloc_debug> alloc{std::in_place};
        resting_thread const worker{[&] {
            alloc->begin_frame();
            alloc->end_frame();
            other.begin_frame();
            return 0;
        }};
        alloc.reset();
        BOOST_TEST(faults.count() == 0u);
    }
    BOOST_TEST(faults.last() == fault_code::frame_left_open);  // in `other`, when the thread ended
}

BOOST_AUTO_TEST_CASE(threads_that_have_ended_use_nothing)
{
    fault_recorder const faults;
    {
        smart_alloc_debug alloc;
        for (int i = 0; i < 3; ++i) std::thread{[&] { alloc.begin_frame(); }}.join();
        BOOST_TEST(faults.count() == 3u);  // frames left open
        alloc.begin_frame_all();
        std::thread{[&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 8})); }}.join();
    }
    BOOST_TEST(faults.count() == 3u);
    for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::frame_left_open);
}

BOOST_AUTO_TEST_CASE(an_allocator_of_one_thread_and_one_that_nobody_has_used_end_in_silence)
{
    fault_recorder const faults;
    {
        one_thread_alloc one;
        one.begin_frame();
        smart_alloc_debug unused;
    }
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
