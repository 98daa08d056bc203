// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/scenario.hpp"
#include "support/scenarios.hpp"

#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>
#include <tuple>

// Out of memory at every call of the backend: a group, and the list of groups, are as before, and the next attempt is served.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

using every_assembly =
    std::tuple<basic_smart_alloc<split_backend>, basic_smart_alloc<backend::faulting<system_heap>>,
               basic_smart_alloc<split_backend, sync::single_threaded>,
               basic_smart_alloc<split_backend, sync::mutex<std::mutex>, diagnostics::checked>>;

/// Two groups that grow side by side, by small and by large requests, with and without destructors; a third comes and goes.
template <bool Shared>
struct groups_that_grow {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        group_of<Alloc> level, sky;
        auto const create = [&](group_of<Alloc>& g, char const* name) {
            step(name, [&] {
                std::size_t const before = alloc.groups().count();
                g = alloc.groups().try_create(name, {.first_block_bytes = 512, .block_bytes = 4_KiB, .shared = Shared});
                step.expect("the list", alloc.groups().count() == before + bool(g));
                return bool(g);
            });
        };
        create(level, "level");
        create(sky, "sky");
        // What a refused request leaves is what was there: figures, and where the next one goes.
        auto const take = [&](char const* name, group_of<Alloc>& g, auto&& attempt) {
            step(name, [&] {
                group_stats const before = g.stats();
                if (attempt(g)) return true;
                group_stats const after = g.stats();
                step.expect("objects", after.objects == before.objects);
                step.expect("bytes", after.bytes == before.bytes);
                step.expect("blocks", after.blocks == before.blocks && after.reserved_bytes == before.reserved_bytes);
                step.expect("is alive", g.is_live());
                return false;
            });
        };
        int made = 0;
        for (int i = 0; i < 12; ++i) {
            for (group_of<Alloc>* const g : {&level, &sky}) {
                take("raw", *g, [&](auto& in) { return in.try_alloc({.bytes = 100, .align = 16}) != nullptr; });
                take("make", *g, [&](auto& in) { return in.template try_make<counted_object>() != nullptr; });
                take("block", *g, [&](auto& in) { return in.try_alloc({.bytes = 2000, .align = 64}) != nullptr; });
                take("block array", *g, [&](auto& in) {
                    return in.template try_make_array<counted_object>(50).size() == 50;
                });
                made += 51;
            }
            step.expect("objects are alive", counted_object::alive == made);
            group_of<Alloc> third;
            create(third, "third");
            take("third", third, [&](auto& in) { return in.template try_make<counted_object>() != nullptr; });
        }
        step.expect("objects of the third are gone", counted_object::alive == made);
        step.expect("the heap has what the groups have",
                    alloc.stats().heap_bytes_live == level.stats().reserved_bytes + sky.stats().reserved_bytes);
        sky.free();
        step.expect("half is gone", counted_object::alive == made / 2);
        level.free();
        step.expect("all is gone", counted_object::alive == 0);
        step.expect("no byte is left", alloc.stats().heap_bytes_live == 0);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(groups_out_of_memory)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_at_any_call_changes_nothing, Alloc, every_assembly)
{
    constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};
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
                BOOST_TEST(counted_object::alive == 0);
                points += result.points;
            }
        }
    };
    run(groups_that_grow<false>{});
    run(groups_that_grow<true>{});
    BOOST_TEST_MESSAGE(points << " points");
    BOOST_TEST(points > 200u);
}

BOOST_AUTO_TEST_SUITE_END()
