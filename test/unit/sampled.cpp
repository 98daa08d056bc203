// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/forking.hpp"

#include <framealloc/ambient_allocator.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/observer.hpp>
#include <framealloc/smart_alloc_sampled.hpp>
#include <framealloc/tag_budgets.hpp>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

using namespace framealloc;
using test::child_result;
using test::fault_recorder;

namespace {

using sample_all = basic_smart_alloc<diagnostics::sampled<1>>;
using sample_some = basic_smart_alloc<diagnostics::sampled<20>>;

constexpr bool samples = detail::samples_blocks<sample_all::assembly_type>;
struct where_blocks_are_sampled {
    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const { return samples; }
};

bool is_sampled(void const* p) { return detail::block_sampler<sample_all::assembly_type>::has(p); }
[[gnu::noinline]] void write_at(void* p, std::ptrdiff_t offset) { static_cast<char volatile*>(p)[offset] = 7; }

struct item {
    unsigned char bytes[48];
};

template <class Mistake>
void expect_trap(char const* code, char const* text, Mistake&& mistake)
{
    child_result const child = test::run_in_child([&] {
        sample_all alloc{alloc_config{.name = "level"}};
        mistake(alloc);
        return 0;
    });
    BOOST_TEST_CONTEXT(child.error_text) {
        BOOST_TEST((child.signal == SIGSEGV || child.signal == SIGBUS));
        BOOST_TEST(child.says(code));
        BOOST_TEST(child.says(text));
        BOOST_TEST(child.says("allocated at: "));
        BOOST_TEST(child.says("whose: allocator 'level'"));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sampled_level, *boost::unit_test::precondition(where_blocks_are_sampled{}))

BOOST_AUTO_TEST_CASE(a_sampled_block_traps_beyond_its_end_and_after_its_free)
{
    expect_trap("[framealloc][FA214]", "of 48 bytes, was written behind its end: at offset 4096", [](auto& alloc) {
        write_at(alloc.template pool_new<item>(), 4096);
    });
    expect_trap("[framealloc][FA213]", "of 48 bytes, was written after it was freed: at offset 5", [](auto& alloc) {
        item* const p = alloc.template pool_new<item>();
        alloc.pool_delete(p);
        write_at(p, 5);
    });
}

BOOST_AUTO_TEST_CASE(what_traps_nowhere_is_found_at_the_free)
{
    sample_all alloc;
    fault_recorder const faults;
    void* const p = alloc.pool_alloc(layout{.bytes = 41});
    write_at(p, 41);
    alloc.pool_free(p, layout{.bytes = 41});
    BOOST_TEST(faults.last() == fault_code::overflow);
    void* const q = alloc.pool_alloc(layout{.bytes = 48});
    alloc.pool_free(q);
    alloc.pool_free(q, layout{.bytes = 48});
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(faults.last_text().find("freed at: ") != std::string::npos);
    void* const r = alloc.pool_alloc(layout{.bytes = 48});
    alloc.pool_free(r, layout{.bytes = 500});
    BOOST_TEST(faults.last() == fault_code::wrong_size);
    alloc.pool_free(static_cast<char*>(r) + 8);
    BOOST_TEST(faults.last() == fault_code::interior_pointer);
    sample_all other;
    other.pool_free(r);
    BOOST_TEST(faults.last() == fault_code::foreign_pointer);
    BOOST_TEST(faults.count() == 5u);
    BOOST_TEST(!faults.last_would_stop());
    alloc.pool_free(r);
    BOOST_TEST(faults.count() == 5u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(an_interval_of_one_guards_every_block_until_the_slots_run_out_and_again_when_they_are_free)
{
    sample_all alloc;
    for (int round = 0; round < 2; ++round) {
        std::vector<void*> blocks;
        for (int i = 0; i < 300; ++i) {
            blocks.push_back(alloc.pool_alloc(layout{.bytes = 16}));
            std::memset(blocks.back(), i, 16);
        }
        for (std::size_t i = 0; i < 300; ++i) BOOST_TEST(is_sampled(blocks[i]) == (i < 128));
        BOOST_TEST(std::set<void*>(blocks.begin(), blocks.end()).size() == 300u);
        for (std::size_t i = 0; i < 300; ++i) {
            i % 2 == 0 ? alloc.pool_free(blocks[i]) : alloc.pool_free(blocks[i], layout{.bytes = 16});
        }
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    }
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_slot_that_was_freed_waits_for_all_others)
{
    sample_all alloc;
    void* const first = alloc.pool_alloc(layout{.bytes = 16});
    alloc.pool_free(first);
    for (int i = 0; i < 127; ++i) {
        void* const p = alloc.pool_alloc(layout{.bytes = 16});
        BOOST_TEST(detail::address_of(p) / 4096 != detail::address_of(first) / 4096);
        alloc.pool_free(p);
    }
    void* const again = alloc.pool_alloc(layout{.bytes = 16});
    BOOST_TEST(detail::address_of(again) / 4096 == detail::address_of(first) / 4096);
    alloc.pool_free(again);
}

BOOST_AUTO_TEST_CASE(one_block_in_as_many_as_was_asked_for_is_sampled_at_no_fixed_distance)
{
    sample_some alloc;
    constexpr int count = 40'000;
    int sampled = 0, last = 0;
    std::set<int> distances;
    for (int i = 0; i < count; ++i) {
        void* const p = alloc.pool_alloc(layout{.bytes = 16});
        if (is_sampled(p)) {
            ++sampled;
            distances.insert(i - last);
            last = i;
        }
        alloc.pool_free(p, layout{.bytes = 16});
    }
    // 2,000 samples at intervals of 1 to 39: the mean strays by less than 11.3 / sqrt(2000) = 0.25 in two of three runs.
    BOOST_TEST(sampled > count / 22);
    BOOST_TEST(sampled < count / 18);
    BOOST_TEST(distances.size() > 30u);
}

BOOST_AUTO_TEST_CASE(every_way_to_free_knows_sampled_blocks)
{
    sample_all alloc;
    {
        std::vector<int, pool_allocator<int, sample_all>> v{pool_allocator<int, sample_all>{alloc}};
        for (int i = 0; i < 200; ++i) v.push_back(i);
    }
    sample_all::free_anywhere(alloc.pool_new<item>());
    item* const p = alloc.pool_new<item>();
    BOOST_TEST(alloc.owns(p));
    BOOST_TEST(alloc.usable_size(p) == sizeof(item));
    std::thread{[&] { alloc.pool_delete(p); }}.join();
    { auto const box = alloc.pool_box<item>(); }
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_block_is_charged_to_its_tag_wherever_it_lies)
{
    static constexpr allocation_tag tag{"sampled/tag"};
    basic_smart_alloc<diagnostics::sampled<1>, budget::per_tag> alloc;
    auto const scope = alloc.tag_scope(tag);
    void* const p = alloc.pool_alloc(layout{.bytes = 64});
    BOOST_TEST(is_sampled(p));
    BOOST_TEST(alloc.budgets().usage(tag).pool_bytes == 64u);
    alloc.pool_free(p, layout{.bytes = 64});
    BOOST_TEST(alloc.budgets().usage(tag).pool_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

namespace {

/// Counts what it is told of.
struct telling : diagnostics::none {
    static inline int given = 0, taken = 0;
    template <class>
    struct observer {
        template <class Caller>
        void on_allocate(Caller, void* p, layout, allocation_intent, call_site) noexcept { given += is_sampled(p); }
        template <class Caller>
        void on_free(Caller, void* p, allocation_intent, call_site) noexcept { taken += is_sampled(p); }
    };
};

}  // namespace

BOOST_AUTO_TEST_CASE(sampled_composes_with_what_counts_and_what_observes)
{
    basic_smart_alloc<diagnostics::compose<diagnostics::counters, diagnostics::sampled<1>, telling>> alloc;
    telling::given = telling::taken = 0;
    item* const p = alloc.pool_new<item>();
    BOOST_TEST(is_sampled(p));
    alloc.pool_delete(p);
    alloc.pool_free(alloc.pool_alloc(layout{.bytes = 48}));
    BOOST_TEST(telling::given == 2);
    BOOST_TEST(telling::taken == 2);
    BOOST_TEST(alloc.stats().operations.pool_allocations == 2u);
    BOOST_TEST(alloc.stats().operations.pool_frees == 2u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(slots_of_an_instance_that_has_ended_are_used_again)
{
    for (int i = 0; i < 10; ++i) {
        sample_all alloc;
        for (int n = 0; n < 50; ++n) BOOST_TEST(is_sampled(alloc.pool_alloc(layout{.bytes = 16})));
    }
}

BOOST_AUTO_TEST_CASE(children_born_beside_busy_threads_allocate)
{
    test::fork_beside_busy_threads<sample_some>(test::repetitions(5, 2));
}

BOOST_AUTO_TEST_SUITE_END()
