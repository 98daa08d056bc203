// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#if FRAMEALLOC_TEST_HWLOC
#include "support/numa.hpp"

#include <framealloc/numa_alloc.hpp>
#endif

#include <thread>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(numa_hwloc)

#if FRAMEALLOC_TEST_HWLOC

BOOST_AUTO_TEST_CASE(a_machine_that_is_not_there_has_the_nodes_and_cpus_of_its_description)
{
    auto const two = hwloc_machine::synthetic(test::two_nodes);
    BOOST_TEST_REQUIRE(bool(two));
    BOOST_TEST(!two.is_this_system());
    BOOST_TEST(two.nodes().count() == 2u);
    for (unsigned cpu = 0; cpu < 4; ++cpu) BOOST_TEST(two.node_of_cpu(cpu) == cpu / 2);
    BOOST_TEST(two.node_of_cpu(4) == 0u);  // not there
    auto const eight = hwloc_machine::synthetic(test::eight_nodes);
    BOOST_TEST_REQUIRE(bool(eight));
    BOOST_TEST(eight.nodes().count() == 8u);
    for (unsigned cpu = 0; cpu < 16; ++cpu) BOOST_TEST(eight.node_of_cpu(cpu) == cpu / 2);
}

BOOST_AUTO_TEST_CASE(nodes_without_memory_are_left_out_and_their_cpus_use_the_nearest_other)
{
    // Node 0 of each package has its memory at the package, node 1 has none.
    auto const machine = hwloc_machine::synthetic("package:2 [numa(memory=1GB indexes=0,2)] core:2 [numa(memory=0)] pu:1");
    BOOST_TEST_REQUIRE(bool(machine));
    BOOST_TEST(machine.nodes().count() == 2u);
    for (unsigned cpu = 0; cpu < 4; ++cpu) {
        BOOST_TEST(machine.nodes().contains(machine.node_of_cpu(cpu)));
        BOOST_TEST(machine.nodes().rank(machine.node_of_cpu(cpu)) == cpu / 2);
    }
}

BOOST_AUTO_TEST_CASE(a_description_that_describes_nothing_makes_an_empty_machine_of_one_node)
{
    for (char const* const description : {static_cast<char const*>(nullptr), "", "package", "nonsense:2", "package:-1"}) {
        auto const machine = hwloc_machine::synthetic(description);
        BOOST_TEST(!machine);
        BOOST_TEST((machine.nodes() == node_set{}.with(0)));
        BOOST_TEST(machine.node_of_cpu(3) == 0u);
        BOOST_TEST(machine.current_node() == 0u);
        BOOST_TEST(!machine.bind_this_thread(0));
    }
}

BOOST_AUTO_TEST_CASE(a_machine_moves_and_leaves_an_empty_one)
{
    auto machine = hwloc_machine::synthetic(test::two_nodes);
    hwloc_machine taken{std::move(machine)};
    BOOST_TEST(taken.nodes().count() == 2u);
    BOOST_TEST(machine.nodes().count() == 1u);  // NOLINT: what is left is promised
    machine = std::move(taken);
    BOOST_TEST(machine.nodes().count() == 2u);
    BOOST_TEST(!machine.bind_this_thread(0));  // not the one that the program runs on
}

BOOST_AUTO_TEST_CASE(hwloc_and_the_system_call_the_nodes_of_this_machine_by_the_same_numbers)
{
    auto const machine = hwloc_machine::discover();
    BOOST_TEST_REQUIRE(bool(machine));
    if (!machine.is_this_system()) {
        std::printf("numa: hwloc has been told to look at another machine; not compared\n");
        return;
    }
    BOOST_TEST((machine.nodes() == system_numa{}.nodes()));
    BOOST_TEST(machine.nodes().contains(machine.current_node()));
}

BOOST_AUTO_TEST_CASE(a_thread_bound_to_a_node_uses_the_instance_of_that_node)
{
    auto const machine = hwloc_machine::discover();
    BOOST_TEST_REQUIRE(bool(machine));
    numa_alloc<> alloc;
    for (unsigned place = 0; place < alloc.node_count(); ++place) {
        unsigned const node = alloc.nodes().at(place);
        std::thread{[&] {
            if (!machine.bind_this_thread(node)) {
                std::printf("numa: threads cannot be bound to node %u here; not looked at\n", node);
                return;
            }
            BOOST_TEST(system_numa{}.current_node() == node);
            BOOST_TEST(machine.current_node() == node);
            alloc.begin_frame();
            BOOST_TEST(&alloc.here() == alloc.find_node(node));
            char* const p = alloc.here().heap_array<char>(100000).data();
            page_home const home = home_of_page(p + 50000);
            if (alloc.here().backend().is_bound() && home.known == page_home::answer::on_node) BOOST_TEST(home.node == node);
            alloc.heap_free(p);
            alloc.end_frame();
        }}.join();
    }
    BOOST_TEST(!machine.bind_this_thread(max_numa_nodes));
}

#else

BOOST_AUTO_TEST_CASE(hwloc_is_not_tested_here)
{
    std::printf("numa: no hwloc in this build; topologies by hwloc are not looked at\n");
    BOOST_TEST(true);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
