// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#if FRAMEALLOC_TEST_HWLOC
#include "support/numa.hpp"

#include <framealloc/numa_alloc.hpp>

#include <hwloc.h>
#endif

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
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
    auto const machine =
        hwloc_machine::synthetic("package:2 [numa(memory=1GB indexes=0,2)] core:2 [numa(memory=0)] pu:1");
    BOOST_TEST_REQUIRE(bool(machine));
    BOOST_TEST(machine.nodes().count() == 2u);
    for (unsigned cpu = 0; cpu < 4; ++cpu) {
        BOOST_TEST(machine.nodes().contains(machine.node_of_cpu(cpu)));
        BOOST_TEST(machine.nodes().rank(machine.node_of_cpu(cpu)) == cpu / 2);
    }
}

BOOST_AUTO_TEST_CASE(a_machine_that_was_written_down_is_read_and_a_cpu_without_memory_nearby_uses_what_there_is)
{
    // Four packages of two nodes, and the last one's memory taken out: what a board with empty slots looks like.
    hwloc_topology_t made = nullptr;
    BOOST_TEST_REQUIRE(::hwloc_topology_init(&made) == 0);
    BOOST_TEST_REQUIRE(::hwloc_topology_set_synthetic(made, test::eight_nodes) == 0);
    BOOST_TEST_REQUIRE(::hwloc_topology_load(made) == 0);
    char* text = nullptr;
    int bytes = 0;
    BOOST_TEST_REQUIRE(::hwloc_topology_export_xmlbuffer(made, &text, &bytes, 0) == 0);
    std::string xml{text};
    ::hwloc_free_xmlbuffer(made, text);
    ::hwloc_topology_destroy(made);
    std::string const memory = "local_memory=\"";
    auto const at = xml.rfind(memory);
    BOOST_TEST_REQUIRE(at != xml.npos);
    BOOST_TEST_REQUIRE(xml.find(memory) != at);
    auto const number = at + memory.size();
    xml.replace(number, xml.find('"', number) - number, "0");

    std::string const file = "framealloc_numa_" + std::to_string(::getpid()) + ".xml";
    std::ofstream{file} << xml;
    ::setenv("HWLOC_XMLFILE", file.c_str(), 1);
    auto const machine = hwloc_machine::discover();
    ::unsetenv("HWLOC_XMLFILE");
    std::remove(file.c_str());
    BOOST_TEST_REQUIRE(bool(machine));
    BOOST_TEST(!machine.is_this_system());
    BOOST_TEST(machine.nodes().count() == 7u);
    BOOST_TEST(!machine.nodes().contains(7));
    for (unsigned cpu = 0; cpu < 14; ++cpu) BOOST_TEST(machine.node_of_cpu(cpu) == cpu / 2);
    for (unsigned cpu = 14; cpu < 16; ++cpu) BOOST_TEST(machine.node_of_cpu(cpu) == 6u);  // in its package
}

BOOST_AUTO_TEST_CASE(a_description_that_describes_nothing_makes_an_empty_machine_of_one_node)
{
    char const* const nothing = nullptr;
    for (char const* const description : {nothing, "", "package", "nonsense:2", "package:-1"}) {
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
            if (alloc.here().backend().is_bound() && home.known == page_home::answer::on_node) {
                BOOST_TEST(home.node == node);
            }
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
