// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/budget/global.hpp>
#include <framealloc/numa_alloc.hpp>

#if FRAMEALLOC_TEST_HWLOC
#include "support/numa.hpp"
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

using namespace framealloc;

BOOST_AUTO_TEST_SUITE(several_nodes)

BOOST_AUTO_TEST_CASE(this_machine_has_an_instance_per_node_and_the_thread_uses_its_own)
{
    numa_alloc<> alloc;
    BOOST_TEST(alloc.node_count() == system_numa{}.nodes().count());
    auto scope = alloc.frame_scope();
    BOOST_TEST(alloc.here().frame_is_open());
    int* const p = alloc.here().pool_new<int>(3);
    BOOST_TEST(alloc.owner_of(p) == &alloc.here());
    alloc.pool_delete(p);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

// Where every figure is a word, so that one that is forgotten can be seen.
#if SIZE_MAX == ULLONG_MAX
BOOST_AUTO_TEST_CASE(the_statistics_of_two_instances_add_up_figure_by_figure)
{
    using words = std::array<unsigned long long, sizeof(alloc_stats) / sizeof(unsigned long long)>;
    words ones;
    ones.fill(1);
    auto sum = std::bit_cast<alloc_stats>(ones);
    sum += std::bit_cast<alloc_stats>(ones);
    auto const got = std::bit_cast<words>(sum);
    for (unsigned long long const word : got) BOOST_TEST(word == 2u);
}
#endif

#if FRAMEALLOC_TEST_HWLOC

namespace {

using test::bind_log;
using test::pretended_cpu;
using test::pretended_machine;

/// Pages of which only so many may be out: to see constructors fail half-way.
struct rationed_pages : backend::virtual_memory {
    static inline std::atomic<long> out{0}, most{1000000};

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (out >= most) return nullptr;
        void* const p = backend::virtual_memory::try_allocate(request);
        if (p != nullptr) ++out;
        return p;
    }
    void deallocate(void* p, layout given) noexcept {
        --out;
        backend::virtual_memory::deallocate(p, given);
    }
};

using placed = backend::basic_numa<pretended_machine, test::recording_binder, rationed_pages>;
template <class... Policies>
using many = basic_numa_alloc<basic_smart_alloc<placed, Policies...>, pretended_machine>;

/// An allocator over a machine that is not there. Cpus 2n and 2n + 1 are on node n.
template <class Alloc = many<>>
struct bench {
    bind_log log;
    hwloc_machine machine;
    Alloc alloc;

    explicit bench(char const* description)
        : machine(hwloc_machine::synthetic(description)),
          alloc({}, pretended_machine{machine}, [this](placement where) {
              return placed{where, pretended_machine{machine}, test::recording_binder{&log}};
          }) {
        go_to_node(0);
    }
    static void go_to_node(unsigned node) { pretended_cpu = 2 * node; }
};

/// Runs `body` on a thread of that node.
template <class F>
void on_a_thread_of_node(unsigned node, F&& body) {
    std::thread{[&] {
        pretended_cpu = 2 * node + 1;
        body();
    }}.join();
}

constexpr layout small{.bytes = 64, .align = 16};
constexpr layout large{.bytes = 100000, .align = 16};

}  // namespace

BOOST_AUTO_TEST_CASE(each_node_has_an_instance_whose_memory_and_self_lie_on_it)
{
    char const* const more_nodes_than_slots = "package:20 numa:1 core:2 pu:1";
    for (char const* const description :
         {test::one_node, test::two_nodes, test::eight_nodes, more_nodes_than_slots}) {
        bench on{description};
        unsigned const count = on.machine.nodes().count();
        BOOST_TEST(on.alloc.node_count() == count);
        for (unsigned node = 0; node < count; ++node) {
            auto& instance = on.alloc.on_node(node);
            BOOST_TEST(on.alloc.find_node(node) == &instance);
            instance.begin_frame();
            void* const blocks[] = {instance.pool_alloc(small), instance.heap_alloc(large),
                                    instance.frame_alloc(small)};
            for (void* const p : blocks) {
                if (count > 1) BOOST_TEST(on.log.was_for(p, node));
                BOOST_TEST((p == blocks[2] || on.alloc.owner_of(p) == &instance));
            }
            if (count > 1) BOOST_TEST(on.log.was_for(&instance, node));
            BOOST_TEST(instance.backend().is_bound() == (count > 1));
            instance.end_frame();
            on.alloc.pool_free(blocks[0]);
            on.alloc.heap_free(blocks[1]);
        }
        BOOST_TEST(on.alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(on.alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(on.alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(a_thread_uses_the_instance_of_its_node)
{
    bench on{test::eight_nodes};
    for (unsigned node = 0; node < 8; ++node) {
        on_a_thread_of_node(node, [&] {
            BOOST_TEST(&on.alloc.here() == on.alloc.find_node(node));
            void* const p = on.alloc.here().pool_alloc(small);
            BOOST_TEST(on.log.was_for(p, node));
            on.alloc.pool_free(p, small);
        });
    }
}

BOOST_AUTO_TEST_CASE(a_block_freed_on_another_node_goes_home_and_is_never_handed_out_there)
{
    bench on{test::two_nodes};
    auto& home = on.alloc.on_node(0);
    auto& other = on.alloc.on_node(1);
    std::vector<void*> blocks(5000);
    for (void*& p : blocks) p = home.pool_alloc(small);
    std::vector<void*> const sorted = [&] {
        auto copy = blocks;
        std::sort(copy.begin(), copy.end());
        return copy;
    }();
    auto const is_one_of_them = [&](void* p) { return std::binary_search(sorted.begin(), sorted.end(), p); };

    on_a_thread_of_node(1, [&] {
        std::size_t i = 0;
        for (void* const p : blocks) ++i % 2 == 0 ? on.alloc.pool_free(p) : on.alloc.pool_free(p, small);
        BOOST_TEST(home.stats().pool_blocks_live == 0u);
        BOOST_TEST(other.stats().pool_bytes_cached == 0u);
        std::size_t strangers = 0;
        std::vector<void*> mine(5000);
        for (void*& p : mine) strangers += is_one_of_them(p = on.alloc.here().pool_alloc(small));
        BOOST_TEST(strangers == 0u);
        for (void* const p : mine) {
            strangers += !on.log.was_for(p, 1);
            on.alloc.pool_free(p, small);
        }
        BOOST_TEST(strangers == 0u);
    });
    // The first node's thread gets back what was its own: no slab is added for it.
    std::size_t const reserved = home.stats().pool_bytes_reserved;
    std::size_t again = 0;
    for (void*& p : blocks) again += is_one_of_them(p = on.alloc.here().pool_alloc(small));
    BOOST_TEST(again > 4500u);  // the rest were fresh ones, carved with them
    BOOST_TEST(home.stats().pool_bytes_reserved == reserved);
    for (void* const p : blocks) on.alloc.pool_free(p);
    BOOST_TEST(bool(on.alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_heap_block_freed_on_another_node_is_kept_by_its_own)
{
    bench on{test::two_nodes};
    auto& home = on.alloc.on_node(0);
    void* const p = home.heap_alloc(large);
    void* const from_pool = home.pool_alloc(large);  // beyond the largest class: a heap block, too
    on_a_thread_of_node(1, [&] {
        on.alloc.heap_free(p);
        on.alloc.pool_free(from_pool, large);
    });
    BOOST_TEST(home.stats().heap_blocks_live == 0u);
    BOOST_TEST(home.stats().heap_bytes_cached >= 2 * large.bytes);
    BOOST_TEST(on.alloc.on_node(1).stats().heap_bytes_cached == 0u);
    void* const next = on.alloc.on_node(1).heap_alloc(large);
    BOOST_TEST(on.log.was_for(next, 1));
    on.alloc.heap_free(next, large);
}

namespace {

struct first_base {
    virtual ~first_base() = default;
    int a = 1;
};
struct second_base {
    virtual ~second_base() = default;
    int b = 2;
};
struct both : first_base, second_base {
    static inline int alive = 0;
    both() { ++alive; }
    ~both() override { --alive; }
    both(both const&) = delete;
    char filling[100] = {};
};

}  // namespace

BOOST_AUTO_TEST_CASE(objects_and_arrays_are_destroyed_and_go_home)
{
    bench on{test::two_nodes};
    auto& home = on.alloc.on_node(0);
    auto* const pooled = home.pool_new<both>();
    second_base* const by_its_second_base = home.pool_new<both>();
    second_base* const in_heap = home.heap_new<both>();
    auto const row = home.pool_array<both>(5);
    auto const long_row = home.heap_array<both>(500);
    BOOST_TEST(both::alive == 508);
    on_a_thread_of_node(1, [&] {
        on.alloc.pool_delete(pooled);
        on.alloc.pool_delete(by_its_second_base);
        on.alloc.heap_delete(in_heap);
        on.alloc.pool_delete(row);
        on.alloc.heap_delete(long_row);
        on.alloc.pool_delete(static_cast<both*>(nullptr));
        on.alloc.heap_delete(std::span<both>{});
        on.alloc.pool_free(nullptr);
        on.alloc.heap_free(nullptr);
    });
    BOOST_TEST(both::alive == 0);
    BOOST_TEST(home.stats().pool_blocks_live == 0u);
    BOOST_TEST(home.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(on.alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_frame_stays_on_its_node_when_the_thread_moves_and_the_next_one_follows)
{
    bench on{test::two_nodes};
    on.alloc.begin_frame();
    BOOST_TEST(&on.alloc.here() == on.alloc.find_node(0));
    on.go_to_node(1);
    BOOST_TEST(&on.alloc.refresh() == on.alloc.find_node(0));
    void* const p = on.alloc.here().frame_alloc(small);
    BOOST_TEST(on.log.was_for(p, 0));
    on.alloc.end_frame();
    BOOST_TEST(!on.alloc.on_node(0).frame_is_open());
    BOOST_TEST(&on.alloc.here() == on.alloc.find_node(0));  // known from one frame to the next
    {
        auto scope = on.alloc.frame_scope();
        BOOST_TEST(&on.alloc.here() == on.alloc.find_node(1));
        BOOST_TEST(on.log.was_for(scope.frame_alloc(small), 1));
        on.go_to_node(0);
        auto inner = on.alloc.frame_scope();
        BOOST_TEST(on.log.was_for(inner.frame_alloc(small), 1));
    }
    BOOST_TEST(!on.alloc.on_node(1).frame_is_open());
    on.alloc.begin_frame();
    BOOST_TEST(on.log.was_for(on.alloc.here().frame_alloc(small), 0));
    on.alloc.end_frame();
    on.go_to_node(1);
    BOOST_TEST(&on.alloc.refresh() == on.alloc.find_node(1));
}

BOOST_AUTO_TEST_CASE(another_allocator_used_meanwhile_does_not_move_an_open_frame)
{
    bench on{test::two_nodes};
    bench more{test::eight_nodes};
    on.go_to_node(1);
    on.alloc.begin_frame();
    on.go_to_node(0);
    more.alloc.begin_frame();
    BOOST_TEST(&more.alloc.here() == more.alloc.find_node(0));
    BOOST_TEST(&on.alloc.here() == on.alloc.find_node(1));
    more.go_to_node(6);
    BOOST_TEST(&more.alloc.here() == more.alloc.find_node(0));
    on.alloc.end_frame();
    more.alloc.end_frame();
    BOOST_TEST(!on.alloc.on_node(1).frame_is_open());
    BOOST_TEST(!more.alloc.on_node(0).frame_is_open());
}

BOOST_AUTO_TEST_CASE(what_a_thread_remembers_of_a_dead_allocator_is_not_used)
{
    for (unsigned node : {0u, 1u, 0u}) {
        auto const on = std::make_unique<bench<>>(test::two_nodes);  // likely where the one before was
        on->go_to_node(node);
        BOOST_TEST(&on->alloc.here() == on->alloc.find_node(node));
        on->go_to_node(1 - node);
        BOOST_TEST(&on->alloc.here() == on->alloc.find_node(node));
    }
}

BOOST_AUTO_TEST_CASE(a_frame_of_all_is_joined_on_the_node_of_each_thread)
{
    bench on{test::two_nodes};
    for (int round = 0; round < 2; ++round) {
        on.alloc.begin_frame_all();
        for (unsigned const node : {0u, 1u}) {
            on_a_thread_of_node(node, [&] { BOOST_TEST(on.log.was_for(on.alloc.here().frame_alloc(small), node)); });
            BOOST_TEST(on.alloc.on_node(node).stats().frame_bytes_used == 64u);
        }
        on.alloc.end_frame_all();
        BOOST_TEST(on.alloc.stats().frame_bytes_used == 0u);
    }
}

BOOST_AUTO_TEST_CASE(statistics_are_those_of_the_nodes_together)
{
    bench on{test::two_nodes};
    void* const a = on.alloc.on_node(0).pool_alloc(small);
    void* const b = on.alloc.on_node(1).pool_alloc(small);
    void* const c = on.alloc.on_node(1).heap_alloc(large);
    alloc_stats const sum = on.alloc.stats();
    alloc_stats expected = on.alloc.on_node(0).stats();
    expected += on.alloc.on_node(1).stats();
    BOOST_TEST((sum == expected));
    BOOST_TEST(sum.pool_blocks_live == 2u);
    BOOST_TEST(sum.heap_blocks_live == 1u);
    BOOST_TEST(on.alloc.on_node(0).stats().pool_blocks_live == 1u);
    BOOST_TEST(on.alloc.on_node(0).stats().heap_blocks_live == 0u);
    BOOST_TEST(on.alloc.usable_size(c) >= large.bytes);
    BOOST_TEST(on.alloc.usable_size(&on) == 0u);
    on.alloc.pool_free(a);
    on.alloc.pool_free(b);
    on.alloc.heap_free(c);
}

BOOST_AUTO_TEST_CASE(what_is_empty_goes_back_on_all_nodes_and_what_comes_again_is_placed_again)
{
    bench on{test::two_nodes};
    std::size_t reserved[2];
    for (unsigned const node : {0u, 1u}) {
        auto& instance = on.alloc.on_node(node);
        std::vector<void*> blocks(5000);
        for (void*& p : blocks) p = instance.pool_alloc(small);
        for (void* const p : blocks) on.alloc.pool_free(p);
        reserved[node] = instance.stats().backend_bytes;
    }
    std::size_t const bytes = on.alloc.trim();
    for (unsigned const node : {0u, 1u}) {
        auto& instance = on.alloc.on_node(node);
        BOOST_TEST(instance.stats().backend_bytes < reserved[node]);
        reserved[node] -= instance.stats().backend_bytes;
        void* const p = instance.pool_alloc(small);
        BOOST_TEST(on.log.was_for(p, node));
        on.alloc.pool_free(p);
    }
    BOOST_TEST(bytes == reserved[0] + reserved[1]);
    for (test::bind_request const& r : on.log.all()) BOOST_TEST(!r.was_touched);
}

BOOST_AUTO_TEST_CASE(where_binding_is_refused_each_node_serves_unbound)
{
    bench on{test::two_nodes};
    on.log.refuses = true;
    for (unsigned node : {0u, 1u}) {
        auto& instance = on.alloc.on_node(node);
        void* const p = instance.pool_alloc(small);
        std::memset(p, 1, small.bytes);
        BOOST_TEST(!instance.backend().is_bound());
        BOOST_TEST(instance.backend().refused_binds() > 0u);
        on.alloc.pool_free(p);
    }
}

BOOST_AUTO_TEST_CASE(a_pointer_of_nobodys_is_named_by_every_form_and_stays_as_it_is)
{
    bench on{test::two_nodes};
    smart_alloc stranger;
    void* const theirs = stranger.pool_alloc(small);
    both* const object = stranger.pool_new<both>();
    auto const row = stranger.pool_array<both>(2);
    {
        test::fault_recorder faults;
        on.alloc.pool_free(theirs);
        on.alloc.pool_free(theirs, small);
        on.alloc.heap_free(theirs);
        on.alloc.heap_free(theirs, small);
        on.alloc.heap_free(&on);
        on.alloc.pool_delete(object);
        on.alloc.heap_delete(object);
        on.alloc.pool_delete(row);
        on.alloc.heap_delete(row);
        BOOST_TEST(faults.count() == 9u);
        for (fault_code const code : faults.codes()) BOOST_TEST(code == fault_code::foreign_pointer);
    }
    BOOST_TEST(both::alive == 3);
    BOOST_TEST(on.alloc.on_node(0).pool_alloc(small) != theirs);
    stranger.pool_delete(object);
    stranger.pool_delete(row);
    stranger.pool_free(theirs);
    BOOST_TEST(stranger.stats().pool_blocks_live == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_free_and_a_wrong_size_are_named_at_the_checked_level)
{
    bench<many<diagnostics::checked>> on{test::two_nodes};
    test::fault_recorder faults;
    void* const p = on.alloc.on_node(1).pool_alloc(small);
    on.alloc.pool_free(p, {.bytes = 500, .align = 16});
    BOOST_TEST(faults.last() == fault_code::wrong_size);
    on.alloc.pool_free(p);
    BOOST_TEST(faults.count() == 1u);
    on.alloc.pool_free(p);
    BOOST_TEST(faults.last() == fault_code::double_free);
    on.alloc.on_node(0).pool_free(p, small);  // past the allocator of many nodes, to the wrong one
    BOOST_TEST(faults.last() == fault_code::foreign_pointer);
}

BOOST_AUTO_TEST_CASE(policy_objects_are_each_nodes_own)
{
    bench<many<budget::global>> unlimited{test::two_nodes};
    BOOST_TEST(unlimited.alloc.on_node(0).budget().limit_bytes() == SIZE_MAX);
    bind_log log;
    auto const machine = hwloc_machine::synthetic(test::two_nodes);
    auto const make = [&](placement where) { return placed{where, pretended_machine{machine}, {&log}}; };
    many<budget::global> alloc{alloc_config{.retained_slabs = 3}, pretended_machine{machine}, make,
                               budget::global{4_MiB}};
    for (unsigned node : {0u, 1u}) {
        auto& instance = alloc.on_node(node);
        BOOST_TEST(instance.config().retained_slabs == 3u);
        BOOST_TEST(instance.try_heap_alloc({.bytes = 5_MiB, .align = 16}) == nullptr);
        void* const p = instance.try_heap_alloc({.bytes = 3_MiB, .align = 16});
        BOOST_TEST(p != nullptr);  // the other node's budget is another one
    }
}

BOOST_AUTO_TEST_CASE(threads_of_all_nodes_free_each_others_blocks)
{
    bench on{test::two_nodes};
    constexpr std::size_t threads = 4, rounds = 20, per_round = 200;
    std::array<std::vector<void*>, threads> hands;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<std::thread> crew;
        std::atomic<std::size_t> misplaced{0};
        for (std::size_t t = 0; t < threads; ++t) {
            crew.emplace_back([&, t] {
                auto const node = static_cast<unsigned>(t % 2);
                pretended_cpu = 2 * node;
                on.alloc.begin_frame();
                for (void* const p : hands[t]) on.alloc.pool_free(p);
                hands[t].clear();
                for (std::size_t i = 0; i < per_round; ++i) {
                    void* const p = on.alloc.here().pool_alloc({.bytes = 8 + 8 * (i % 40), .align = 8});
                    std::memset(p, int(t), 8);
                    if (on.alloc.owner_of(p) != on.alloc.find_node(node)) ++misplaced;
                    hands[t].push_back(p);
                }
                on.alloc.end_frame();
            });
        }
        for (std::thread& each : crew) each.join();
        BOOST_TEST(misplaced == 0u);
        std::rotate(hands.begin(), hands.begin() + 1, hands.end());
    }
    for (auto const& hand : hands) {
        for (void* const p : hand) on.alloc.pool_free(p);
    }
    BOOST_TEST(on.alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(on.alloc.verify()));
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_node_that_is_not_there_is_named_with_what_there_is)
{
    bench on{test::eight_nodes};
    BOOST_TEST(on.alloc.find_node(8) == nullptr);
    BOOST_TEST(on.alloc.find_node(~0U) == nullptr);
    BOOST_CHECK_EXCEPTION(static_cast<void>(on.alloc.on_node(8)), configuration_error, [](auto const& e) {
        std::string const text = e.what();
        return text.find("FA902") != text.npos && text.find("asked for node 8") != text.npos &&
               text.find("there are 8, the highest is 7") != text.npos;
    });
}

BOOST_AUTO_TEST_CASE(a_constructor_that_fails_half_way_leaves_nothing_behind)
{
    long const before = rationed_pages::out;
    std::size_t refusals = 0;
    for (long room = 0; room < 8; ++room) {
        rationed_pages::most = before + room;
        BOOST_CHECK_THROW(bench{test::eight_nodes}, allocation_failure);
        BOOST_TEST(rationed_pages::out == before);
        ++refusals;
    }
    BOOST_TEST(refusals == 8u);
    rationed_pages::most = before + 8;
    BOOST_CHECK_NO_THROW(bench{test::eight_nodes});
    BOOST_TEST(rationed_pages::out == before);
    rationed_pages::most = 1000000;

    bind_log log;
    auto const machine = hwloc_machine::synthetic(test::two_nodes);
    auto const make = [&](placement where) { return placed{where, pretended_machine{machine}, {&log}}; };
    auto const wrong = [&] { many<> alloc{alloc_config{.region_bytes = 1}, pretended_machine{machine}, make}; };
    BOOST_CHECK_THROW(wrong(), configuration_error);
    BOOST_TEST(rationed_pages::out == before);
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
