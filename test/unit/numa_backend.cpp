// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/numa.hpp>

#if FRAMEALLOC_TEST_HWLOC
#include "support/numa.hpp"
#endif

#include <cstring>
#include <string>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(numa_backend)

BOOST_AUTO_TEST_CASE(a_set_of_nodes_may_have_gaps_and_counts_what_is_there)
{
    constexpr node_set none;
    static_assert(none.count() == 0 && none.last() == 0 && none.at(0) == max_numa_nodes && !none.contains(0));
    constexpr node_set gaps = node_set{}.with(0).with(8).with(63).with(64).with(1023);
    static_assert(gaps.count() == 5 && gaps.last() == 1023);
    unsigned const members[] = {0, 8, 63, 64, 1023};
    for (unsigned place = 0; place < 5; ++place) {
        BOOST_TEST(gaps.at(place) == members[place]);
        BOOST_TEST(gaps.rank(members[place]) == place);
        BOOST_TEST(gaps.contains(members[place]));
        BOOST_TEST(!gaps.contains(members[place] + 2));
    }
    BOOST_TEST(gaps.at(5) == max_numa_nodes);
    BOOST_TEST((gaps == gaps.with(8)));
    BOOST_TEST(!(gaps == gaps.with(9)));
    BOOST_TEST((gaps.with(max_numa_nodes) == gaps));  // beyond what can be named
    BOOST_TEST(!gaps.contains(max_numa_nodes));
}

BOOST_AUTO_TEST_CASE(this_machine_has_a_node_and_the_thread_is_on_one_of_them)
{
    system_numa const here;
    BOOST_TEST(here.nodes().count() >= 1u);
    BOOST_TEST(here.nodes().contains(here.current_node()));
    BOOST_TEST((here.nodes() == system_numa{}.nodes()));
}

BOOST_AUTO_TEST_CASE(a_page_lies_nowhere_until_it_is_touched_and_on_a_node_of_this_machine_then)
{
    basic_smart_alloc<backend::numa> alloc{backend::numa{placement::on(system_numa{}.nodes().at(0))}};
    auto const block = alloc.heap_array_for_overwrite<char>(1_MiB);
    char* const middle = block.data() + 512_KiB;  // its page has nothing of ours in it
    page_home const before = home_of_page(middle);
    if (before.known == page_home::answer::refused) {
        std::printf("numa: this system does not tell where a page lies (move_pages is refused); not looked at\n");
        return;
    }
    BOOST_TEST((before.known == page_home::answer::nowhere));
    *middle = 1;
    page_home const after = home_of_page(middle);
    BOOST_TEST((after.known == page_home::answer::on_node));
    BOOST_TEST(system_numa{}.nodes().contains(after.node));
    if (alloc.backend().is_bound()) BOOST_TEST(after.node == system_numa{}.nodes().at(0));
    if (system_numa{}.nodes().count() == 1) {
        std::printf("numa: one node here; that pages land on a second one is not looked at\n");
        BOOST_TEST(after.node == system_numa{}.nodes().at(0));
        BOOST_TEST(!alloc.backend().is_bound());
        BOOST_TEST(alloc.backend().bound_bytes() == 0u);
        BOOST_TEST(alloc.backend().refused_binds() == 0u);
    }
    alloc.heap_delete(block);
}

BOOST_AUTO_TEST_CASE(the_system_takes_an_order_for_the_node_there_is_or_refuses_it_and_the_memory_stays_good)
{
    backend::virtual_memory pages;
    layout const range{.bytes = 64_KiB, .align = 64_KiB};
    void* const p = pages.try_allocate(range);
    BOOST_TEST_REQUIRE(p != nullptr);
    node_set const nodes = system_numa{}.nodes();
    bool const preferred = system_numa_binder{}.prefer(p, range.bytes, node_set{}.with(nodes.at(0)));
    bool const in_turn = system_numa_binder{}.interleave(p, range.bytes, nodes);
    if (!preferred) std::printf("numa: this system refuses mbind; memory is served unbound\n");
    BOOST_TEST(preferred == in_turn);
    BOOST_TEST(!system_numa_binder{}.prefer(p, range.bytes, node_set{}.with(max_numa_nodes - 1)));  // not there
    std::memset(p, 1, range.bytes);
    pages.deallocate(p, range);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_node_of_this_machine_that_is_not_there_is_refused_when_the_backend_is_made)
{
    unsigned const beyond = system_numa{}.nodes().last() + 1;
    std::string const number = std::to_string(beyond);
    BOOST_CHECK_EXCEPTION(backend::numa{placement::on(beyond)}, configuration_error, [&](configuration_error const& e) {
        std::string const text = e.what();
        return text.find("FA902") != text.npos && text.find("names node " + number) != text.npos &&
               text.find("the highest is " + std::to_string(beyond - 1)) != text.npos;
    });
    BOOST_CHECK_THROW(backend::numa{placement::on(max_numa_nodes)}, configuration_error);
    BOOST_CHECK_THROW(backend::numa{placement::on(~0U)}, configuration_error);
}
#endif

BOOST_AUTO_TEST_CASE(an_allocator_over_nodes_may_be_constant_initialised)
{
    static constinit basic_smart_alloc<backend::numa> alloc;
    int* const p = alloc.pool_new<int>(7);
    BOOST_TEST(*p == 7);
    alloc.pool_delete(p);
}

#if FRAMEALLOC_TEST_HWLOC

namespace {

using test::bind_log;
using test::pretended_cpu;
using placed = backend::basic_numa<test::pretended_machine, test::recording_binder>;

/// A machine, a backend for it, and what the backend asks for.
struct bench {
    bind_log log;
    hwloc_machine machine;

    explicit bench(char const* description) : machine(hwloc_machine::synthetic(description)) {
        BOOST_TEST_REQUIRE(bool(machine));
        pretended_cpu = 0;
    }
    [[nodiscard]] placed backend(placement where) {
        return placed{where, test::pretended_machine{machine}, test::recording_binder{&log}};
    }
};

constexpr layout two_pages{.bytes = 8192, .align = 4096};

}  // namespace

BOOST_AUTO_TEST_CASE(every_byte_that_a_bound_backend_hands_out_was_asked_for_on_its_node_before_it_was_touched)
{
    for (char const* const description : {test::two_nodes, test::eight_nodes}) {
        bench on{description};
        for (unsigned node = 0; node < on.machine.nodes().count(); ++node) {
            placed b = on.backend(placement::on(node));
            layout const range{.bytes = 1_MiB, .align = 64_KiB};
            char* const region = static_cast<char*>(b.reserve(range));
            BOOST_TEST_REQUIRE(region != nullptr);
            BOOST_TEST(on.log.latest(region).nodes.count() == 0u);  // address space has no node
            BOOST_TEST_REQUIRE(b.commit(region + 64_KiB, 128_KiB));
            BOOST_TEST(on.log.was_for(region + 64_KiB, node));
            BOOST_TEST(on.log.was_for(region + 192_KiB - 1, node));
            BOOST_TEST(on.log.latest(region + 192_KiB).nodes.count() == 0u);
            std::memset(region + 64_KiB, 1, 128_KiB);

            char* const block = static_cast<char*>(b.try_allocate({.bytes = 5000, .align = 64}));
            BOOST_TEST_REQUIRE(block != nullptr);
            BOOST_TEST(on.log.was_for(block, node));
            BOOST_TEST(on.log.was_for(block + 4999, node));
            std::memset(block, 1, 5000);
            BOOST_TEST(b.bound_bytes() == 128_KiB + 8_KiB);  // whole pages
            BOOST_TEST(b.is_bound());
            b.deallocate(block, {.bytes = 5000, .align = 64});
            BOOST_TEST(b.release(region, range));
        }
        for (test::bind_request const& r : on.log.all()) BOOST_TEST(!r.was_touched);
    }
}

BOOST_AUTO_TEST_CASE(memory_that_was_decommitted_is_placed_anew)
{
    bench on{test::two_nodes};
    placed b = on.backend(placement::on(1));
    void* const p = b.try_allocate(two_pages);
    std::memset(p, 1, two_pages.bytes);
    BOOST_TEST_REQUIRE(b.decommit(p, two_pages.bytes));
    std::size_t const before = on.log.count();
    BOOST_TEST_REQUIRE(b.commit(p, two_pages.bytes));
    BOOST_TEST(on.log.count() == before + 1);
    BOOST_TEST(!on.log.latest(p).was_touched);
    b.deallocate(p, two_pages);
}

BOOST_AUTO_TEST_CASE(interleaved_memory_is_asked_for_on_all_nodes)
{
    bench on{test::eight_nodes};
    placed b = on.backend(placement::interleave());
    void* const p = b.try_allocate(two_pages);
    BOOST_TEST_REQUIRE(p != nullptr);
    test::bind_request const r = on.log.latest(p);
    BOOST_TEST(r.in_turn);
    BOOST_TEST(r.nodes.count() == 8u);
    BOOST_TEST((r.nodes == on.machine.nodes()));
    b.deallocate(p, two_pages);
}

BOOST_AUTO_TEST_CASE(local_memory_follows_the_thread)
{
    bench on{test::two_nodes};
    placed b = on.backend(placement::local());
    for (unsigned const cpu : {0u, 3u, 1u, 2u}) {
        pretended_cpu = cpu;
        void* const p = b.try_allocate(two_pages);
        BOOST_TEST_REQUIRE(p != nullptr);
        BOOST_TEST(on.log.was_for(p, cpu / 2));
        b.deallocate(p, two_pages);
    }
    pretended_cpu = 0;
}

BOOST_AUTO_TEST_CASE(on_one_node_nothing_is_asked_and_everything_is_served)
{
    bench on{test::one_node};
    for (placement const where : {placement::local(), placement::interleave(), placement::on(0)}) {
        placed b = on.backend(where);
        void* const p = b.try_allocate(two_pages);
        BOOST_TEST_REQUIRE(p != nullptr);
        std::memset(p, 1, two_pages.bytes);
        BOOST_TEST(!b.is_bound());
        BOOST_TEST(b.bound_bytes() == 0u);
        BOOST_TEST(b.refused_binds() == 0u);
        b.deallocate(p, two_pages);
    }
    BOOST_TEST(on.log.count() == 0u);
}

BOOST_AUTO_TEST_CASE(where_binding_is_refused_memory_is_served_unbound_and_a_query_tells)
{
    bench on{test::two_nodes};
    on.log.refuses = true;
    for (placement const where : {placement::local(), placement::interleave(), placement::on(1)}) {
        placed b = on.backend(where);
        BOOST_TEST(b.is_bound());  // nothing has been refused yet
        void* const p = b.try_allocate(two_pages);
        BOOST_TEST_REQUIRE(p != nullptr);
        std::memset(p, 1, two_pages.bytes);
        BOOST_TEST(!b.is_bound());
        BOOST_TEST(b.bound_bytes() == 0u);
        BOOST_TEST(b.refused_binds() == 1u);
        b.deallocate(p, two_pages);
    }
}

BOOST_AUTO_TEST_CASE(a_copy_has_the_placement_and_counts_for_itself)
{
    bench on{test::two_nodes};
    placed b = on.backend(placement::on(1));
    void* const p = b.try_allocate(two_pages);
    placed copy = b;
    BOOST_TEST((copy.where() == placement::on(1)));
    BOOST_TEST(copy.bound_bytes() == 0u);
    b.deallocate(p, two_pages);
}

BOOST_AUTO_TEST_CASE(frames_pools_and_heap_blocks_of_an_allocator_all_lie_where_its_backend_says)
{
    bench on{test::two_nodes};
    basic_smart_alloc<placed> alloc{on.backend(placement::on(1))};
    alloc.begin_frame();
    void* const in_frame = alloc.frame_alloc({.bytes = 100, .align = 16});
    void* const in_pool = alloc.pool_alloc({.bytes = 100, .align = 16});
    void* const in_heap = alloc.heap_alloc({.bytes = 100000, .align = 16});
    for (void* const p : {in_frame, in_pool, in_heap}) BOOST_TEST(on.log.was_for(p, 1));
    for (test::bind_request const& r : on.log.all()) BOOST_TEST(!r.was_touched);
    BOOST_TEST(alloc.backend().bound_bytes() >= alloc.stats().backend_bytes);
    alloc.pool_free(in_pool);
    alloc.heap_free(in_heap);
    alloc.end_frame();
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_node_beyond_the_last_is_named_with_what_there_is)
{
    bench on{test::eight_nodes};
    BOOST_CHECK_EXCEPTION(static_cast<void>(on.backend(placement::on(8))), configuration_error,
                          [](configuration_error const& e) {
        std::string const text = e.what();
        return text.find("names node 8") != text.npos && text.find("there are 8, the highest is 7") != text.npos;
    });
}
#endif

#else

BOOST_AUTO_TEST_CASE(machines_of_several_nodes_are_not_tested_here)
{
    std::printf("numa: no hwloc in this build; machines of several nodes are not looked at\n");
    BOOST_TEST(true);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
