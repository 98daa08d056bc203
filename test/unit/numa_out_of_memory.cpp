// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"
#include "support/scenario.hpp"
#include "support/scenarios.hpp"

#include <framealloc/backend/numa.hpp>

// Out of memory at every call of a backend that places memory, while the system refuses some placements as well.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

struct two_nodes_at_hand {
    [[nodiscard]] node_set nodes() const noexcept { return node_set{}.with(0).with(1); }
    [[nodiscard]] unsigned current_node() const noexcept { return 1; }
};
struct every_other_time {
    static inline std::atomic<unsigned> calls{0};

    [[nodiscard]] bool prefer(void*, std::size_t, node_set const&) const noexcept {
        return calls.fetch_add(1) % 2 == 0;
    }
    [[nodiscard]] bool interleave(void*, std::size_t, node_set const&) const noexcept { return prefer(nullptr, 0, {}); }
};

using pages = tracked<backend::virtual_memory>;
using placed = backend::faulting<backend::basic_numa<two_nodes_at_hand, every_other_time, pages>>;

constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};

}  // namespace

BOOST_AUTO_TEST_SUITE(numa_out_of_memory)

BOOST_AUTO_TEST_CASE(a_refusal_at_any_call_changes_nothing)
{
    std::size_t points = 0;
    auto const run = [&](auto scenario) {
        for (auto const operation : {backend_operation::allocate, backend_operation::reserve, backend_operation::commit,
                                     backend_operation::decommit, backend_operation::release}) {
            for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
                auto const result = inject<basic_smart_alloc<placed>>(scenario, keep_nothing, operation, mode);
                for (std::string const& each : result.complaints) BOOST_ERROR(each);
                BOOST_TEST(pages::bytes_out == 0);
                points += result.points;
            }
        }
    };
    run(heap_blocks{});
    if constexpr (!under_thread_sanitizer) {  // which has nothing to say of one thread
        run(pools_of_all_classes{});
        run(growing_frames{});
    }
    BOOST_TEST(points > (under_thread_sanitizer ? 5u : 50u));
    BOOST_TEST(every_other_time::calls > 20u);
    std::printf("out of memory on nodes: %zu points\n", points);
}

BOOST_AUTO_TEST_SUITE_END()
