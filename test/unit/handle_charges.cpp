// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/scenario.hpp"
#include "support/tags.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/split.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/tag_budgets.hpp>

#include <string>
#include <tuple>
#include <vector>

// Whom handles are charged to, and what happens when there is no memory.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

constexpr allocation_tag level{"handles_world"}, monsters{"handles_world/monsters"}, props{"handles_world/props"};

struct monster {
    char bytes[1000];
};
/// Fifteen to a slab.
struct ogre {
    char bytes[4200];
};
struct prop {
    char bytes[24];
};

using with_tags = basic_smart_alloc<budget::per_tag>;

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

/// A level's life: objects of several kinds come, go and are moved together.
struct handles_come_and_go {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        handle_allocator<Alloc> heap;
        step("create", [&] {
            heap = handle_allocator<Alloc>::try_create(alloc, {.most_handles = 4096, .retained_bytes = 0});
            return bool(heap);
        });
        std::vector<handle<std::string>> strings;
        std::vector<handle<ogre>> all;
        std::vector<handle<std::byte>> large;
        auto const is_sound = [&] { step.expect("the heap is sound", bool(heap->verify())); };
        for (int i = 0; i < 120; ++i) {
            handle<ogre> h;
            step("make", [&] { return bool(h = heap->template try_make<ogre>()); });
            all.push_back(h);
            if (i % 4 != 0) continue;
            handle<std::string> s;
            step("make a string", [&] { return bool(s = heap->template try_make<std::string>(std::to_string(i))); });
            strings.push_back(s);
            if (i % 40 != 0) continue;
            handle<std::byte> b;
            step("alloc", [&] { return bool(b = heap->try_alloc({.bytes = 50000, .align = 65536})); });
            large.push_back(b);
            is_sound();
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i % 5 != 0) heap->free(all[i]);
        }
        heap->free(large[1]);
        is_sound();
        for (int i = 0; i < 3; ++i) {
            heap->defragment();
            is_sound();
        }
        for (std::size_t i = 0; i < strings.size(); ++i) {
            step.expect("strings are as they were", *heap->resolve(strings[i]) == std::to_string(4 * i));
        }
        step("make again", [&] { return bool(heap->template try_make<ogre>()); });
        is_sound();
    }
};

long long bytes_out() { return pages::bytes_out + system_heap::bytes_out; }

}  // namespace

BOOST_AUTO_TEST_SUITE(handle_charges)

BOOST_AUTO_TEST_CASE(an_object_is_charged_to_its_tag_and_credited_to_it_whoever_frees_it)
{
    with_tags alloc;
    handle_allocator<with_tags> heap{alloc};
    std::vector<handle<monster>> all;
    {
        auto const scope = alloc.tag_scope(monsters);
        for (int i = 0; i < 1000; ++i) all.push_back(heap->make<monster>());
    }
    handle<prop> const p = alloc.with_tag(props, [&] { return heap->make<prop>(); });
    handle<int> const untagged = heap->make<int>(1);
    BOOST_TEST(alloc.budgets().usage(monsters).heap_bytes == 1'000'000u);
    BOOST_TEST(alloc.budgets().usage(props).heap_bytes == 24u);
    BOOST_TEST(alloc.budgets().usage(level).total_bytes == 1'000'024u);
    BOOST_TEST(alloc.budgets().total().total_bytes == 1'000'028u);
    BOOST_TEST(bool(alloc.verify()));

    {
        auto const scope = alloc.tag_scope(props);
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (i % 4 != 0) heap->free(all[i]);
        }
        BOOST_TEST(heap->defragment().moves > 0u);  // moving charges nobody
    }
    BOOST_TEST(alloc.budgets().usage(monsters).heap_bytes == 250'000u);
    BOOST_TEST(alloc.budgets().usage(props).heap_bytes == 24u);
    BOOST_TEST(bool(alloc.verify()));
    heap->free(p);
    heap->free(untagged);
    BOOST_TEST(alloc.budgets().usage(props).heap_bytes == 0u);
    heap = handle_allocator<with_tags>{alloc};
    BOOST_TEST(alloc.budgets().total().total_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_tags_limit_refuses_and_changes_nothing)
{
    with_tags alloc;
    handle_allocator<with_tags> heap{alloc};
    alloc.budgets().set(monsters, {.hard = 10'000});
    auto const scope = alloc.tag_scope(monsters);
    std::vector<handle<monster>> all;
    for (int i = 0; i < 10; ++i) all.push_back(heap->make<monster>());
    auto const before = heap->stats();
    BOOST_TEST(!heap->try_make<monster>());
    auto const seen = how_it_fails([&] { static_cast<void>(heap->make<monster>()); });
    BOOST_TEST((seen.code == fault_code::tag_budget_exceeded));
    BOOST_TEST(seen.says("handles_world/monsters"));
    BOOST_TEST((heap->stats() == before));
    BOOST_TEST(alloc.budgets().usage(monsters).heap_bytes == 10'000u);
    heap->free(all.back());
    BOOST_TEST(bool(heap->try_make<monster>()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_listener_that_is_asked_makes_room_by_freeing_and_defragmenting)
{
    // No lock is held while it is asked.
    with_tags alloc;
    handle_allocator<with_tags> heap{alloc};
    alloc.budgets().set(monsters, {.hard = 100'000, .at_hard = limit_action::ask});
    std::vector<handle<monster>> all;
    recording_listener listener;
    listener.decision = [&](budget_event const&) {
        for (int i = 0; i < 10; ++i) {
            heap->free(all.back());
            all.pop_back();
        }
        heap->defragment();
        return limit_decision::retry;
    };
    alloc.budgets().set_listener(&listener);
    auto const scope = alloc.tag_scope(monsters);
    for (int i = 0; i < 1000; ++i) all.push_back(heap->make<monster>());
    BOOST_TEST(listener.questions.size() >= 90u);
    BOOST_TEST(alloc.budgets().usage(monsters).heap_bytes == all.size() * 1000);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
    alloc.budgets().set_listener(nullptr);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_listener_that_throws_and_a_constructor_that_throws_leave_no_charge)
{
    struct refuses {
        char bytes[500];
        refuses() { throw 42; }
    };
    struct two_monsters {
        monster each[2];
    };
    with_tags alloc;
    handle_allocator<with_tags> heap{alloc};
    auto const scope = alloc.tag_scope(props);
    BOOST_CHECK_THROW(static_cast<void>(heap->make<refuses>()), int);
    BOOST_TEST(alloc.budgets().usage(props).heap_bytes == 0u);

    alloc.budgets().set(props, {.hard = 1000, .at_hard = limit_action::ask});
    recording_listener listener;
    listener.decision = [](budget_event const&) -> limit_decision { throw 43; };
    alloc.budgets().set_listener(&listener);
    BOOST_CHECK_THROW(static_cast<void>(heap->make<two_monsters>()), int);
    BOOST_TEST(!heap->try_alloc({.bytes = 2000, .align = 8}));
    BOOST_TEST(alloc.budgets().usage(props).heap_bytes == 0u);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
    alloc.budgets().set_listener(nullptr);
}
#endif

BOOST_AUTO_TEST_CASE(the_instances_budget_counts_slabs_and_table)
{
    using limited = basic_smart_alloc<budget::global>;
    limited alloc{budget::global{2_MiB}};
    {
        handle_allocator<limited> heap{alloc};
        std::size_t n = 0;
        while (heap->try_make<monster>()) ++n;
        BOOST_TEST(n > 1500u);
        BOOST_TEST(alloc.budget().used_bytes() <= 2_MiB);
        BOOST_TEST(alloc.budget().used_bytes() == alloc.stats().backend_bytes);
        BOOST_TEST(heap->stats().backend_bytes <= alloc.budget().used_bytes());
        auto const seen = how_it_fails([&] { static_cast<void>(heap->make<monster>()); });
        BOOST_TEST((seen.code == fault_code::budget_exceeded));
        BOOST_TEST(bool(heap->verify()));
        BOOST_TEST(bool(alloc.verify()));
    }
    BOOST_TEST(bool(alloc.verify()));
}

using every_assembly =
    std::tuple<basic_smart_alloc<split_backend>, basic_smart_alloc<backend::faulting<system_heap>>,
               basic_smart_alloc<split_backend, sync::single_threaded, diagnostics::checked>,
               basic_smart_alloc<split_backend, budget::per_tag>, basic_smart_alloc<split_backend, pool::none>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_at_any_call_changes_nothing, Alloc, every_assembly)
{
    constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};
    std::size_t points = 0, of_operation[backend::backend_operation_count] = {};
    for (backend_operation const operation : {backend_operation::allocate, backend_operation::reserve, backend_operation::commit,
                                              backend_operation::decommit, backend_operation::release}) {
        for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
            auto const result = inject<Alloc>(handles_come_and_go{}, keep_nothing, operation, mode);
            for (std::string const& each : result.complaints) {
                BOOST_ERROR("operation " << int(operation) << ' ' << (mode == &fault_plan::once ? "once" : "from") << ", " << each);
            }
            // Addresses that the backend does not take back are lost; the memory there has gone, as verify() says.
            if (operation != backend_operation::release) BOOST_TEST(bytes_out() == 0);
            pages::bytes_out = 0;
            points += result.points;
            of_operation[std::size_t(operation)] += result.points;
        }
    }
    BOOST_TEST_MESSAGE(points << " points");
    if constexpr (has_virtual_memory<typename Alloc::backend_type>) {
        for (backend_operation const o : {backend_operation::reserve, backend_operation::commit, backend_operation::decommit}) {
            BOOST_TEST(of_operation[std::size_t(o)] > 0u);
        }
    } else {
        BOOST_TEST(of_operation[0] > 0u);
    }
}

BOOST_AUTO_TEST_CASE(every_limit_of_a_budget_is_met_in_order)
{
    using limited = basic_smart_alloc<budget::global, backend::split<pages, system_heap>>;
    std::size_t points = 0;
    for (std::size_t limit = 1;; limit += 12345) {
        auto alloc = std::make_unique<limited>(alloc_config{.heap_cache_bytes = 0}, budget::global{limit});
        auto const lift = [&a = *alloc] { a.budget().set_limit_bytes(SIZE_MAX); };
        watched_run<limited, decltype(lift)> run{*alloc, lift};
        handles_come_and_go{}(*alloc, run);
        run.check("at the end");
        for (std::string const& each : run.complaints()) BOOST_ERROR("limit " << limit << ", " << each);
        bool const is_over = !run.was_refused() || !run.complaints().empty();
        alloc.reset();
        BOOST_TEST(bytes_out() == 0);
        if (is_over) break;
        ++points;
    }
    BOOST_TEST(points > 50u);
}

BOOST_AUTO_TEST_SUITE_END()
