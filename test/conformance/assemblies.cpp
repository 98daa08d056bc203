// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>
#include <framealloc/testing/assembly.hpp>

#include <absl/synchronization/mutex.h>

#include <mutex>

using namespace framealloc;

// Policies that each keep their promises, together: each of them at least once, each way for threads to meet with
// several of the others.

namespace {

class basic_lockable {
public:
    void lock() { m_.lock(); }
    void unlock() { m_.unlock(); }

private:
    std::mutex m_;
};

template <class Alloc>
void expect_conformance(Alloc& alloc)
{
    auto const report = testing::check_assembly(alloc);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 500u);
    // A second time over everything that is kept by then.
    auto const again = testing::check_assembly(alloc);
    BOOST_TEST(again.passed(), again.text());
}
template <class... Policies>
void expect_conformance()
{
    basic_smart_alloc<Policies...> alloc;
    expect_conformance(alloc);
}

/// Classes that go by the size alone.
struct careless_classes : pool::size_class<> {
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        return pool::size_class<>::class_for({.bytes = request.bytes, .align = 1});
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(assembly_conformance)

BOOST_AUTO_TEST_CASE(assemblies_whose_threads_meet_without_locks_keep_what_an_allocator_promises)
{
    expect_conformance<sync::lock_free, diagnostics::counters, arena::chunked<1024, 4096>>();
    expect_conformance<arena::fixed<16384>, pool::size_class<8, 65536, 1048576>>();
    expect_conformance<backend::faulting<backend::system>, pool::size_class<8, 2048, 16384>>();
}

BOOST_AUTO_TEST_CASE(assemblies_whose_threads_meet_behind_a_mutex_keep_what_an_allocator_promises)
{
    expect_conformance<sync::mutex<std::mutex>, diagnostics::checked, pool::size_class<16, 1024, 4096>>();
    expect_conformance<sync::mutex<absl::Mutex>, diagnostics::counters>();
    expect_conformance<sync::mutex<basic_lockable>, backend::system>();
    expect_conformance<sync::mutex<std::mutex>, backend::virtual_memory, arena::chunked<4096, 65536, 4096>>();
}

BOOST_AUTO_TEST_CASE(assemblies_of_one_thread_keep_what_an_allocator_promises)
{
    expect_conformance<sync::single_threaded, diagnostics::checked, arena::fixed<16384>>();
    expect_conformance<sync::single_threaded, pool::none, backend::system>();
}

BOOST_AUTO_TEST_CASE(a_counted_backend_ends_with_what_the_budget_says)
{
    using counted = backend::counting<backend::split<backend::virtual_memory, backend::system>>;
    basic_smart_alloc<counted, budget::global> alloc{budget::global{std::size_t{256} << 20}};
    expect_conformance(alloc);
    BOOST_TEST(alloc.backend().counts().calls() == alloc.stats().backend_calls);
    BOOST_TEST(alloc.budget().used_bytes() == alloc.stats().backend_bytes);
}

BOOST_AUTO_TEST_CASE(a_buffer_is_enough_for_one_thread_and_for_many)
{
    using buffer = backend::static_buffer<std::size_t{8} << 20, std::size_t{64} << 10>;
    static basic_smart_alloc<buffer, sync::single_threaded> alloc;
    expect_conformance(alloc);
    static basic_smart_alloc<buffer, arena::fixed<16384>, diagnostics::checked, budget::global> checked{
        budget::global{std::size_t{6} << 20}};
    expect_conformance(checked);
}

BOOST_AUTO_TEST_CASE(an_assembly_with_a_part_that_breaks_its_promise_is_found)
{
    basic_smart_alloc<careless_classes, sync::single_threaded> alloc;
    auto const report = testing::check_assembly(alloc);
    BOOST_TEST(report.broke("aligned as asked for"), report.text());
}

BOOST_AUTO_TEST_CASE(a_budget_of_tags_works_with_each_way_for_threads_to_meet_and_each_arena)
{
    expect_conformance<budget::per_tag>();
    expect_conformance<budget::per_tag, sync::mutex<std::mutex>, arena::virtual_memory<(std::size_t{64} << 20)>,
                       pool::fine_size_class<>, diagnostics::checked>();
    expect_conformance<budget::per_tag, sync::single_threaded, arena::fixed<65536>, pool::none, backend::system>();
    expect_conformance<budget::per_tag, sync::owner_queue, arena::in_flight<2, arena::chunked<>>, diagnostics::counters>();
}

BOOST_AUTO_TEST_SUITE_END()
