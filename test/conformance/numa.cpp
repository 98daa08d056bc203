// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/numa_alloc.hpp>
#include <framealloc/testing/assembly.hpp>
#include <framealloc/testing/backend.hpp>

#if FRAMEALLOC_TEST_HWLOC
#include "support/numa.hpp"
#include "support/process.hpp"
#endif

using namespace framealloc;

namespace {

template <class B>
void expect_conformance(B& backend)
{
    auto const report = testing::check_backend(backend);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 1000u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(numa_conformance)

BOOST_AUTO_TEST_CASE(memory_on_the_nodes_of_this_machine_keeps_what_a_backend_promises)
{
    backend::numa b{placement::on(system_numa{}.nodes().last())};
    expect_conformance(b);
    BOOST_TEST((b.is_bound() || b.refused_binds() > 0u || system_numa{}.nodes().count() == 1u));
}

BOOST_AUTO_TEST_CASE(an_allocator_of_a_node_keeps_what_an_allocator_promises)
{
    numa_alloc<> alloc;
    auto const report = testing::check_assembly(alloc.here());
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 500u);
}

#if FRAMEALLOC_TEST_HWLOC
namespace {

/// A binder that asks nobody; every third order is refused.
struct moody_binder {
    std::atomic<unsigned>* calls;

    [[nodiscard]] bool prefer(void*, std::size_t, node_set const& nodes) const noexcept {
        return nodes.count() == 1 && calls->fetch_add(1) % 3 != 0;
    }
    [[nodiscard]] bool interleave(void*, std::size_t, node_set const& nodes) const noexcept {
        return nodes.count() > 1 && calls->fetch_add(1) % 3 != 0;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_placement_on_eight_nodes_keeps_what_a_backend_promises_though_orders_are_refused)
{
    auto const machine = hwloc_machine::synthetic(test::eight_nodes);
    std::atomic<unsigned> calls{0};
    for (placement const where : {placement::local(), placement::interleave(), placement::on(7)}) {
        if (test::under_thread_sanitizer && where != placement::local()) continue;  // the threads are the same
        backend::basic_numa<test::pretended_machine, moody_binder> b{where, test::pretended_machine{machine}, {&calls}};
        unsigned const before = calls;
        expect_conformance(b);
        BOOST_TEST(calls > before + 1000u);
        BOOST_TEST(b.refused_binds() > 300u);
        BOOST_TEST(b.bound_bytes() > 0u);
    }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
