// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/promoted.hpp"
#include "support/scenario.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>
#include <tuple>

// Out of memory at every call of the backend: what is promoted by a call is the frame's as before, and is promoted by the next
// one; what a frame's end was to promote is there or told, and never half of it.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

using every_assembly =
    std::tuple<basic_smart_alloc<split_backend, diagnostics::counters>,
               basic_smart_alloc<backend::faulting<system_heap>, diagnostics::counters>,
               basic_smart_alloc<split_backend, sync::single_threaded, diagnostics::counters>,
               basic_smart_alloc<split_backend, sync::mutex<std::mutex>, diagnostics::checked>>;

using object = traveller<31>;
struct large {
    object first{1};
    char bytes[3000] = {};
};
struct alignas(512) wide {
    object first{1};
};

/// Each kind of thing to each kind of place.
struct promotes_by_call {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        group_of<Alloc> level;
        step("create", [&] { return bool(level = alloc.groups().try_create("level", {.first_block_bytes = 512})); });
        for (int frame = 0; frame < 3; ++frame) {
            step("begin_frame", [&] { return alloc.try_begin_frame(); });
            auto const each = [&](auto kind) {
                using T = decltype(kind);
                auto const one = [&] {
                    T* made = nullptr;
                    step("frame_new", [&] { return (made = alloc.template try_frame_new<T>()) != nullptr; });
                    return made;
                };
                // What is refused is as it was.
                auto const promotes = [&](char const* name, T* from, auto&& attempt) {
                    step(name, [&] {
                        int const alive = object::alive;
                        auto const failed = promotions(alloc).out_of_memory;
                        bool const done = attempt(from);
                        step.expect("as many are alive", object::alive == alive);
                        if (done) return true;
                        step.expect("it is the frame's", from->first.is_sound() && from->first.value == 1);
                        step.expect("it is counted by its reason", promotions(alloc).out_of_memory == failed + 1);
                        return false;
                    });
                };
                pool_ptr<T, typename Alloc::assembly_type> in_pool;
                heap_ptr<T, typename Alloc::assembly_type> in_heap;
                promotes("to a pool", one(), [&](T* p) { return bool(in_pool = try_promote_to_pool(alloc, p)); });
                promotes("to the heap", one(), [&](T* p) { return bool(in_heap = try_promote_to_heap(alloc, p)); });
                promotes("to a group", one(), [&](T* p) { return try_promote_to_group(alloc, level, p) != nullptr; });
                step.expect("they have their values", in_pool->first.value + in_heap->first.value == 2);
                int const alive = object::alive;
                in_pool.reset(), in_heap.reset();
                step.expect("and are gone", object::alive == alive - 2);
            };
            each(large{});
            each(wide{});
            std::span<object> row, kept;
            step("frame_array", [&] { return !(row = alloc.template try_frame_array<object>(300)).empty(); });
            step("row", [&] { return !(kept = try_promote_to_heap(alloc, row)).empty(); });
            step.expect("the row", kept[299].value == 1);
            alloc.heap_delete(kept);
            step.expect("no other reason", promotions(alloc).failed() == promotions(alloc).out_of_memory);
            alloc.end_frame();
            step.expect("the group's are alive", object::alive == 2 * (frame + 1));
        }
        level.free();
        step.expect("all are gone", object::alive == 0);
    }
};

/// The end of a frame cannot be tried again: each handle says what has become of its object, and the sums are right.
struct promotes_by_the_end {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        using A = typename Alloc::assembly_type;
        group_of<Alloc> level;
        step("create", [&] { return bool(level = alloc.groups().try_create("level", {.first_block_bytes = 512})); });
        for (int frame = 0; frame < 3; ++frame) {
            step("begin_frame", [&] { return alloc.try_begin_frame(); });
            retained<large, A> kept[9];
            for (int i = 0; i < 9; ++i) {
                retention_goal<A> const goals[] = {retention::pool, retention::heap, level};
                step("retain",
                     [&] { return bool(kept[i] = try_frame_retained<large>(alloc, goals[i % 3])); });
                kept[i]->first.value = i;
            }
            int const before = object::alive - 9;
            promotion_counts const counts = alloc.end_frame().promotions();
            unsigned there = 0, lost = 0;
            for (int i = 0; i < 9; ++i) {
                step.expect("it is not in the frame", !kept[i].is_in_frame());
                if (kept[i]) {
                    ++there;
                    step.expect("its value", kept[i]->first.value == i && kept[i]->first.is_sound());
                } else {
                    ++lost;
                    step.expect("its reason", kept[i].failure() == promotion_failure::out_of_memory);
                }
            }
            step.expect("there", counts.promoted() == there && object::alive == before + int(there));
            step.expect("lost", counts.failed() == lost && counts.out_of_memory == lost && counts.discarded == 0);
            step.check("after the end");
            if (lost != 0) {  // memory is there again
                alloc.backend().fail(backend_operation::allocate, fault_plan::never());
                alloc.backend().fail(backend_operation::reserve, fault_plan::never());
                alloc.backend().fail(backend_operation::commit, fault_plan::never());
            }
        }
        level.free();
        step.expect("all are gone", object::alive == 0);
        step.expect("no byte is left", alloc.stats().heap_bytes_live + alloc.stats().pool_bytes_live == 0);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(promotion_out_of_memory)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_at_any_call_loses_nothing_untold, Alloc, every_assembly)
{
    constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};
    fault_recorder const faults;  // what is lost at a frame's end is reported
    std::size_t points = 0;
    auto const run = [&](auto scenario) {
        for (backend_operation const operation :
             {backend_operation::allocate, backend_operation::reserve, backend_operation::commit}) {
            for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
                auto const result = inject<Alloc>(scenario, keep_nothing, operation, mode);
                for (std::string const& each : result.complaints) {
                    BOOST_ERROR("operation " << int(operation) << (mode == &fault_plan::once ? " once, " : " from, ")
                                             << each);
                }
                BOOST_TEST(pages::bytes_out + system_heap::bytes_out == 0);
                BOOST_TEST(object::alive == 0);
                points += result.points;
            }
        }
    };
    run(promotes_by_call{});
    std::size_t const told_before = faults.count();
    run(promotes_by_the_end{});
    BOOST_TEST(faults.count() > told_before);
    BOOST_TEST_MESSAGE(points << " points");
    BOOST_TEST(points > 40u);
}

BOOST_AUTO_TEST_SUITE_END()
