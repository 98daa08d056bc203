// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"

#include <framealloc/diagnostics/counters.hpp>

using namespace framealloc;

namespace {

using counting_alloc = basic_smart_alloc<diagnostics::counters>;

struct record {
    int numbers[25];
};

/// The routes taken since `before`: allocations from frame, pool and heap.
struct routes {
    unsigned long long frame, pool, heap;
    friend bool operator==(routes const&, routes const&) = default;
    friend std::ostream& operator<<(std::ostream& out, routes const& r) {
        return out << r.frame << " frame, " << r.pool << " pool, " << r.heap << " heap";
    }
};
template <class F>
routes taken_by(counting_alloc& alloc, F&& f) {
    operation_counts const before = alloc.stats().operations;
    f();
    operation_counts const after = alloc.stats().operations;
    return {after.frame_allocations - before.frame_allocations, after.pool_allocations - before.pool_allocations,
            after.heap_allocations - before.heap_allocations};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(intents)

BOOST_AUTO_TEST_CASE(compile_time_and_run_time_spellings_take_the_same_route)
{
    counting_alloc alloc;
    alloc.begin_frame();
    BOOST_TEST(taken_by(alloc, [&] { static_cast<void>(alloc.allocate<intent::frame, record>()); }) ==
               (routes{1, 0, 0}));
    BOOST_TEST(taken_by(alloc, [&] { static_cast<void>(alloc.allocate<record>(intent::frame)); }) == (routes{1, 0, 0}));
    record* pooled[2];
    BOOST_TEST(taken_by(alloc, [&] { pooled[0] = alloc.allocate<intent::pool, record>(); }) == (routes{0, 1, 0}));
    BOOST_TEST(taken_by(alloc, [&] { pooled[1] = alloc.allocate<record>(intent::pool); }) == (routes{0, 1, 0}));
    record* large[2];
    BOOST_TEST(taken_by(alloc, [&] { large[0] = alloc.allocate<intent::heap, record>(); }) == (routes{0, 0, 1}));
    BOOST_TEST(taken_by(alloc, [&] { large[1] = alloc.allocate<record>(intent::heap); }) == (routes{0, 0, 1}));

    operation_counts const sum = alloc.stats().operations;
    BOOST_TEST(sum.frame_requested_bytes == 2 * sizeof(record));
    BOOST_TEST(sum.pool_requested_bytes == 2 * sizeof(record));
    BOOST_TEST(sum.heap_requested_bytes == 2 * sizeof(record));

    for (record* p : pooled) alloc.pool_free<record>(p);
    for (record* p : large) alloc.heap_free<record>(p);
    BOOST_TEST(alloc.stats().operations.pool_frees == 2u);
    BOOST_TEST(alloc.stats().operations.heap_frees == 2u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(an_intent_chosen_at_run_time_fails_as_its_route_does)
{
    counting_alloc alloc;
    auto const seen = test::how_it_fails([&] { static_cast<void>(alloc.allocate<record>(intent::frame)); });
    BOOST_TEST(seen.code == fault_code::frame_not_open);
}

BOOST_AUTO_TEST_CASE(every_family_has_every_form)
{
    counting_alloc alloc;
    alloc.begin_frame();
    layout const raw{.bytes = 40, .align = 8};

    // raw, raw that may refuse, typed, typed that may refuse, one object, one that may refuse, n objects in three
    // forms, box
    BOOST_TEST(taken_by(alloc, [&] {
        static_cast<void>(alloc.frame_alloc(raw));
        static_cast<void>(alloc.try_frame_alloc(raw));
        static_cast<void>(alloc.frame_alloc<record>());
        static_cast<void>(alloc.try_frame_alloc<record>());
        static_cast<void>(alloc.frame_new<record>());
        static_cast<void>(alloc.try_frame_new<record>());
        static_cast<void>(alloc.frame_array<record>(3));
        static_cast<void>(alloc.frame_array_for_overwrite<record>(3));
        static_cast<void>(alloc.try_frame_array<record>(3));
        static_cast<void>(alloc.frame_box<record>());
    }) == (routes{10, 0, 0}));
    BOOST_TEST(taken_by(alloc, [&] {
        alloc.pool_free(alloc.pool_alloc(raw), raw);
        alloc.pool_free(alloc.try_pool_alloc(raw));
        alloc.pool_free<record>(alloc.pool_alloc<record>());
        alloc.pool_free<record>(alloc.try_pool_alloc<record>());
        alloc.pool_delete(alloc.pool_new<record>());
        alloc.pool_delete(alloc.try_pool_new<record>());
        alloc.pool_delete(alloc.pool_array<record>(3));
        alloc.pool_delete(alloc.pool_array_for_overwrite<record>(3));
        alloc.pool_delete(alloc.try_pool_array<record>(3));
        static_cast<void>(alloc.pool_box<record>());
    }) == (routes{0, 10, 0}));
    BOOST_TEST(taken_by(alloc, [&] {
        alloc.heap_free(alloc.heap_alloc(raw), raw);
        alloc.heap_free(alloc.try_heap_alloc(raw));
        alloc.heap_free<record>(alloc.heap_alloc<record>());
        alloc.heap_free<record>(alloc.try_heap_alloc<record>());
        alloc.heap_delete(alloc.heap_new<record>());
        alloc.heap_delete(alloc.try_heap_new<record>());
        alloc.heap_delete(alloc.heap_array<record>(3));
        alloc.heap_delete(alloc.heap_array_for_overwrite<record>(3));
        alloc.heap_delete(alloc.try_heap_array<record>(3));
        static_cast<void>(alloc.heap_box<record>());
    }) == (routes{0, 0, 10}));
    BOOST_TEST(alloc.stats().operations.pool_frees == 10u);
    BOOST_TEST(alloc.stats().operations.heap_frees == 10u);
    BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_pool_request_takes_the_heap_route_from_one_byte_above_the_largest_class)
{
    counting_alloc alloc;
    void* p = nullptr;
    BOOST_TEST(taken_by(alloc, [&] { p = alloc.pool_alloc(layout{.bytes = 4096}); }) == (routes{0, 1, 0}));
    alloc.pool_free(p);
    BOOST_TEST(taken_by(alloc, [&] { p = alloc.pool_alloc(layout{.bytes = 4097}); }) == (routes{0, 0, 1}));
    alloc.pool_free(p);
    BOOST_TEST(taken_by(alloc, [&] { p = alloc.pool_alloc(layout{.bytes = 8, .align = 8192}); }) == (routes{0, 0, 1}));
    alloc.pool_free(p, layout{.bytes = 8, .align = 8192});
    BOOST_TEST(alloc.stats().operations.pool_frees == 1u);
    BOOST_TEST(alloc.stats().operations.heap_frees == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
