// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/model.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>
#include <tuple>

// Random programs against the model, over assemblies that pair each policy with the others. A seed that fails is
// printed; FRAMEALLOC_TEST_SEED=<seed> runs it alone.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using small_buffer = backend::static_buffer<(std::size_t{2} << 20), 65536>;
using small_slabs = pool::size_class<16, 512, 4096>;
using tiny_arena = arena::fixed<65536>;
using small_chunks = arena::chunked<1024, 8192>;

using every_assembly = std::tuple<
    smart_alloc, smart_alloc_debug, smart_alloc_minimal, smart_alloc_single_threaded,
    basic_smart_alloc<sync::mutex<std::mutex>, small_slabs, small_chunks, diagnostics::checked>,
    basic_smart_alloc<sync::lock_free, small_slabs, tiny_arena, backend::system, diagnostics::counters>,
    basic_smart_alloc<sync::single_threaded, small_slabs, small_chunks, backend::virtual_memory, diagnostics::checked>,
    basic_smart_alloc<sync::lock_free, small_buffer, tiny_arena, diagnostics::none>,
    basic_smart_alloc<sync::mutex<std::mutex>, small_buffer, small_chunks, pool::none, diagnostics::counters>,
    basic_smart_alloc<sync::single_threaded, small_buffer, small_slabs, diagnostics::checked>,
    basic_smart_alloc<sync::mutex<std::mutex>, pool::size_class<8, 1024, 16384>, backend::system, budget::global>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(random_programs)

BOOST_AUTO_TEST_CASE_TEMPLATE(an_allocator_does_what_the_model_does, Alloc, every_assembly)
{
    fault_recorder faults;  // threads that end inside frames are reported with checks
    for (std::uint64_t const seed : seeds(repetitions(30, 5))) {
        auto alloc = std::make_unique<Alloc>(alloc_config{.heap_cache_bytes = 200000, .retained_slabs = seed % 4});
        std::string const wrong = random_program<Alloc>{*alloc, seed}.run(4000);
        BOOST_TEST_INFO("FRAMEALLOC_TEST_SEED=" << seed);
        BOOST_TEST(wrong == "");
    }
    for (fault_code const code : faults.codes()) {
        bool const expected = code == fault_code::frame_left_open || code == fault_code::arena_exhausted;
        if (!expected) BOOST_TEST(code == fault_code{});
    }
}

BOOST_AUTO_TEST_CASE(an_allocator_that_is_refused_at_random_does_what_it_can)
{
    using faulty = basic_smart_alloc<backend::faulting<detail::default_policies::backend>, diagnostics::checked>;
    fault_recorder faults;
    for (std::uint64_t const seed : seeds(repetitions(30, 5))) {
        auto alloc = std::make_unique<faulty>(alloc_config{.heap_cache_bytes = 50000, .retained_slabs = 1});
        static_cast<void>(alloc->attach_thread());
        alloc->backend().fail_all(backend::fault_plan::random(0.2, seed));
        alloc->backend().fail(backend::backend_operation::release, backend::fault_plan::never());
        std::string const wrong = random_program<faulty>{*alloc, seed}.run(4000);
        BOOST_TEST_INFO("FRAMEALLOC_TEST_SEED=" << seed);
        BOOST_TEST(wrong == "");
        alloc->backend().fail_all(backend::fault_plan::never());
    }
}

BOOST_AUTO_TEST_SUITE_END()
