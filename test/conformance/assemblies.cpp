// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/testing/assembly.hpp>

#include <absl/synchronization/mutex.h>

#include <mutex>

using namespace framealloc;

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

}  // namespace

BOOST_AUTO_TEST_SUITE(assembly_conformance)

BOOST_AUTO_TEST_CASE(the_ready_assemblies_keep_what_an_allocator_promises)
{
    expect_conformance<>();
    smart_alloc_minimal minimal;
    expect_conformance(minimal);
    smart_alloc_debug debug;
    expect_conformance(debug);
    smart_alloc_single_threaded single;
    expect_conformance(single);
}

BOOST_AUTO_TEST_CASE(every_way_for_threads_to_meet_keeps_the_same_promises)
{
    expect_conformance<sync::lock_free, diagnostics::counters>();
    expect_conformance<sync::mutex<std::mutex>>();
    expect_conformance<sync::mutex<std::mutex>, diagnostics::checked>();
    expect_conformance<sync::mutex<absl::Mutex>, diagnostics::counters>();
    expect_conformance<sync::mutex<basic_lockable>>();
    expect_conformance<sync::single_threaded, diagnostics::checked>();
}

BOOST_AUTO_TEST_CASE(every_arena_keeps_the_same_promises)
{
    expect_conformance<arena::fixed<std::size_t{16} << 10>>();
    expect_conformance<arena::fixed<std::size_t{16} << 10>, sync::single_threaded, diagnostics::counters>();
    expect_conformance<arena::chunked<1024, 4096>, diagnostics::checked>();
    expect_conformance<arena::chunked<4096, 65536, 4096>, sync::mutex<std::mutex>>();
}

BOOST_AUTO_TEST_CASE(every_pool_keeps_the_same_promises)
{
    expect_conformance<pool::none, sync::single_threaded>();
    expect_conformance<pool::none, diagnostics::checked>();
    expect_conformance<pool::size_class<16, 1024, 4096>>();
    expect_conformance<pool::size_class<16, 1024, 4096>, diagnostics::checked, sync::single_threaded>();
    expect_conformance<pool::size_class<8, 65536, (std::size_t{1} << 20)>, sync::mutex<std::mutex>>();
}

BOOST_AUTO_TEST_CASE(every_backend_keeps_the_same_promises)
{
    expect_conformance<backend::system>();
    expect_conformance<backend::system, sync::single_threaded, diagnostics::checked>();
    expect_conformance<backend::virtual_memory, sync::mutex<std::mutex>>();
    expect_conformance<backend::split<backend::virtual_memory, backend::system>, diagnostics::counters>();
    expect_conformance<backend::faulting<backend::system>, pool::size_class<8, 2048, 16384>>();
}

BOOST_AUTO_TEST_CASE(a_counted_backend_ends_with_nothing_taken)
{
    using counted = backend::counting<backend::split<backend::virtual_memory, backend::system>>;
    basic_smart_alloc<counted, budget::global> alloc{budget::global{std::size_t{256} << 20}};
    expect_conformance(alloc);
    BOOST_TEST(alloc.backend().counts().calls() != 0u);
    BOOST_TEST(alloc.budget().used_bytes() == alloc.stats().backend_bytes);
}

BOOST_AUTO_TEST_CASE(a_buffer_and_one_thread_are_enough)
{
    using buffer = backend::static_buffer<std::size_t{8} << 20, std::size_t{64} << 10>;
    static basic_smart_alloc<buffer, sync::single_threaded> alloc;
    expect_conformance(alloc);
    static basic_smart_alloc<buffer, arena::fixed<std::size_t{16} << 10>, diagnostics::checked, budget::global> checked{
        budget::global{std::size_t{6} << 20}};
    expect_conformance(checked);
}

BOOST_AUTO_TEST_SUITE_END()
