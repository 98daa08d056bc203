// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/scenario.hpp"
#include "support/scenarios.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

#include <optional>
#include <tuple>

// Making an arena has no form that answers null: so this is for programs with exceptions.
#if FRAMEALLOC_EXCEPTIONS

// Out of memory at every call of the backend: an arena, and the list of arenas, are as before, and the next attempt is served.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

/// Two rounds, of small and of large requests, with and without destructors, inside of scopes.
template <class Arena>
struct rounds_that_grow {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        using arena_type = scratch_arena_of<Alloc, Arena>;
        constexpr bool in_one_piece = requires { requires Arena::needs_virtual_memory; };
        std::optional<arena_type> held;
        step("make", [&] {
            try {
                held.emplace(alloc, "parser");
            } catch (allocation_failure const&) {
                step.expect("the list", arena_type::list(alloc, {}) == 0);
                return false;
            }
            return true;
        });
        arena_type& scratch = *held;
        // What a refused request leaves is what was there.
        auto const take = [&](char const* name, auto&& attempt) {
            step(name, [&] {
                scratch_stats const before = scratch.stats();
                if (attempt()) return true;
                scratch_stats const after = scratch.stats();
                step.expect("bytes", after.used_bytes == before.used_bytes);
                // One in one piece may have got its range, and no more than that.
                step.expect("reserved", after.reserved_bytes <= before.reserved_bytes + (in_one_piece ? 4096 : 0));
                return false;
            });
        };
        for (int round = 0; round < 2; ++round) {
            for (int i = 0; i < 8; ++i) {
                auto const scope = scratch.scope();
                take("raw", [&] { return scratch.try_alloc({.bytes = 1000, .align = 16}) != nullptr; });
                take("object", [&] { return scratch.template try_make<counted_object>() != nullptr; });
                take("large", [&] { return scratch.try_alloc({.bytes = 50'000, .align = 256}) != nullptr; });
                take("array", [&] { return scratch.template try_make_array<counted_object>(500).size() == 500; });
                step.expect("objects", counted_object::alive == 501);
            }
            step.expect("all objects are destroyed", counted_object::alive == 0);
            step.expect("the scopes are empty", scratch.stats().used_bytes == 0);
            if (round == 0) scratch.release();
        }
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(out_of_memory_in_scratch_arenas)

using every_arena = std::tuple<arena::chunked<1024, 65536>, arena::fixed<1 << 20>, arena::virtual_memory<(1 << 24), 4096>>;

BOOST_AUTO_TEST_CASE_TEMPLATE(at_every_call_nothing_is_lost_and_the_next_attempt_is_served, Arena, every_arena)
{
    using plain = basic_smart_alloc<split_backend>;
    using checked = basic_smart_alloc<split_backend, diagnostics::checked>;
    constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};
    std::size_t points = 0;
    auto const run = [&]<class Alloc>(std::type_identity<Alloc>) {
        for (auto const operation : {backend_operation::allocate, backend_operation::reserve, backend_operation::commit}) {
            for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
                auto const result = inject<Alloc>(rounds_that_grow<Arena>{}, keep_nothing, operation, mode);
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
    run(std::type_identity<plain>{});
    run(std::type_identity<checked>{});
    BOOST_TEST_MESSAGE(points << " points");
    BOOST_TEST(points > 10u);
}

BOOST_AUTO_TEST_SUITE_END()

#endif
