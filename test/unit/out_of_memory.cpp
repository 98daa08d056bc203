// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"
#include "support/scenario.hpp"
#include "support/scenarios.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <sys/resource.h>

#include <mutex>
#include <tuple>

// Out of memory at every call of the backend: nothing has changed, the next attempt is served, everything goes back.

using namespace framealloc;
using namespace framealloc::test;
using backend::backend_operation;
using backend::fault_plan;

namespace {

using pages = tracked<backend::virtual_memory>;
using system_heap = tracked<backend::system>;
using buffer = tracked<backend::static_buffer<(std::size_t{8} << 20), 65536>>;
using split_backend = backend::faulting<backend::split<pages, system_heap>>;

using every_assembly = std::tuple<
    basic_smart_alloc<split_backend>, basic_smart_alloc<backend::faulting<system_heap>>,
    basic_smart_alloc<backend::faulting<buffer>>, basic_smart_alloc<split_backend, sync::single_threaded>,
    basic_smart_alloc<split_backend, sync::mutex<std::mutex>, diagnostics::checked>,
    basic_smart_alloc<split_backend, pool::none>,
    basic_smart_alloc<split_backend, arena::virtual_memory<64_MiB>, pool::fine_size_class<>, sync::owner_queue>,
    basic_smart_alloc<backend::faulting<backend::fallback<system_heap, system_heap>>,
                      arena::in_flight<1, arena::chunked<>>>>;

using scenarios_with_threads = std::tuple<threads_come_and_go, attaching>;
#if FRAMEALLOC_EXCEPTIONS
using scenarios_of_one_thread =
    std::tuple<growing_frames, pools_of_all_classes, heap_blocks, containers, scopes_and_checkpoints>;
#else
using scenarios_of_one_thread = std::tuple<growing_frames, pools_of_all_classes, heap_blocks>;
#endif

long long bytes_out() { return pages::bytes_out + system_heap::bytes_out + buffer::bytes_out; }

/// Nothing is kept, so that memory goes back while the scenario runs.
constexpr alloc_config keep_nothing{.heap_cache_bytes = 0, .retained_slabs = 0, .region_bytes = 256_KiB};

/// Whether the scenarios of one thread run, too: ThreadSanitizer has nothing to say of them, and takes its time.
constexpr bool with_one_thread = !under_thread_sanitizer;

template <class F>
void for_each_scenario(F&& f) {
    auto const call = [&]<class... S>(std::type_identity<std::tuple<S...>>) { (f(S{}), ...); };
    call(std::type_identity<scenarios_with_threads>{});
    if constexpr (with_one_thread) call(std::type_identity<scenarios_of_one_thread>{});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(out_of_memory)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_refusal_at_any_call_changes_nothing, Alloc, every_assembly)
{
    fault_recorder faults;  // frames left open are reported with checks
    constexpr backend_operation operations[] = {backend_operation::allocate, backend_operation::reserve,
                                                backend_operation::commit, backend_operation::decommit,
                                                backend_operation::release};
    std::size_t points = 0, of_operation[backend::backend_operation_count] = {};
    for_each_scenario([&](auto scenario) {
        std::size_t of_scenario = 0;
        for (backend_operation const operation : operations) {
            for (auto const mode : {&fault_plan::once, &fault_plan::from}) {
                auto const result = inject<Alloc>(scenario, keep_nothing, operation, mode);
                for (std::string const& each : result.complaints) {
                    BOOST_ERROR("operation " << int(operation) << ' ' << (mode == &fault_plan::once ? "once" : "from")
                                             << ", " << each);
                }
                BOOST_TEST(bytes_out() == 0);
                BOOST_TEST(counted_object::alive == 0);
                of_scenario += result.points;
                of_operation[std::size_t(operation)] += result.points;
            }
        }
        BOOST_TEST(of_scenario > 0u);
        points += of_scenario;
    });
    BOOST_TEST_MESSAGE(points << " points");
    std::printf("out of memory: %zu points (allocate %zu, reserve %zu, commit %zu, decommit %zu, release %zu)\n",
                points, of_operation[0], of_operation[1], of_operation[2], of_operation[3], of_operation[4]);
    if constexpr (with_one_thread) BOOST_TEST(of_operation[0] > 0u);  // the others take no block by itself
    if constexpr (has_virtual_memory<typename Alloc::backend_type>) {
        BOOST_TEST(of_operation[1] > 0u);
        BOOST_TEST(of_operation[2] > 0u);
        // Only slabs go back before the end.
        if constexpr (Alloc::assembly_type::pool::class_count != 0 && with_one_thread) {
            BOOST_TEST(of_operation[3] > 0u);
            BOOST_TEST(of_operation[4] > 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_limit_of_a_budget_is_met_in_order)
{
    using limited = basic_smart_alloc<budget::global, backend::split<pages, system_heap>>;
    std::size_t points = 0;
    for_each_scenario([&](auto scenario) {
        std::size_t of_scenario = 0;
        constexpr std::size_t step = repetitions(12345, 123450);  // bytes; no multiple of a page
        for (std::size_t limit = 1;; limit += step) {
            auto alloc = std::make_unique<limited>(keep_nothing, budget::global{limit});
            auto const lift = [&a = *alloc] { a.budget().set_limit_bytes(SIZE_MAX); };
            watched_run<limited, decltype(lift)> run{*alloc, lift};
            scenario(*alloc, run);
            if (!run.was_refused()) run.expect("the limit", alloc->budget().used_bytes() <= limit);
            run.check("at the end");
            run.expect("used", alloc->budget().used_bytes() == alloc->stats().backend_bytes);
            for (std::string const& each : run.complaints()) BOOST_ERROR("limit " << limit << ", " << each);
            alloc.reset();
            BOOST_TEST(bytes_out() == 0);
            if (!run.was_refused() || !run.complaints().empty()) break;
            ++of_scenario;
        }
        BOOST_TEST(of_scenario > 0u);
        points += of_scenario;
    });
    std::printf("out of budget: %zu points\n", points);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(random_refusals_lose_nothing, Alloc, every_assembly)
{
    // All that take memory fail now and then, and steps go on without what they did not get.
    fault_recorder faults;
    for (std::uint64_t seed = 1; seed <= repetitions(30, 5); ++seed) {
        {
            auto alloc = std::make_unique<Alloc>(keep_nothing);
            std::vector<std::pair<void*, layout>> blocks;
            alloc->backend().fail_all(fault_plan::random(0.3, seed));
            // A reservation that can neither be committed nor released is lost; no memory goes with it.
            alloc->backend().fail(backend_operation::release, fault_plan::never());
            for (std::size_t i = 0; i < 3000; ++i) {
                layout const each{.bytes = i * 37 % 5000, .align = 16};
                if (void* const p = alloc->try_pool_alloc(each)) blocks.emplace_back(p, each);
                if (i % 100 == 0 && alloc->try_begin_frame()) {
                    static_cast<void>(alloc->try_frame_alloc({.bytes = i * 100, .align = 16}));
                    alloc->end_frame();
                }
                if (i % 7 == 0 && !blocks.empty()) {
                    alloc->pool_free(blocks.back().first, blocks.back().second);
                    blocks.pop_back();
                }
            }
            BOOST_TEST(bool(alloc->verify()));
            for (auto const& [p, given] : blocks) alloc->pool_free(p, given);
            BOOST_TEST(alloc->stats().pool_blocks_live == 0u);
            BOOST_TEST(alloc->stats().heap_blocks_live == 0u);
            BOOST_TEST(bool(alloc->verify()));
            alloc->backend().fail_all(fault_plan::never());
        }
        BOOST_TEST_INFO("seed " << seed);
        BOOST_TEST(bytes_out() == 0);
        if (bytes_out() != 0) break;
    }
}

BOOST_AUTO_TEST_CASE(a_full_buffer_refuses_and_serves_again)
{
    using buffered = basic_smart_alloc<backend::static_buffer<(std::size_t{1} << 20), 65536>>;
    auto alloc = std::make_unique<buffered>(keep_nothing);
    std::vector<std::pair<void*, layout>> blocks;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t const bytes : {100000u, 4000u, 64u, 8u}) {
            layout const each{.bytes = bytes, .align = 8};
            std::size_t most = bytes > 4096 ? 3 : SIZE_MAX;  // leave something for slabs
            for (; most > 0; --most) {
                void* const p = alloc->try_pool_alloc(each);
                if (p == nullptr) break;
                blocks.emplace_back(p, each);
            }
        }
        BOOST_TEST(blocks.size() > 50u);
        BOOST_TEST(alloc->try_heap_alloc({.bytes = 200000, .align = 16}) == nullptr);
        BOOST_TEST(bool(alloc->verify()));
        for (auto const& [p, given] : blocks) alloc->pool_free(p, given);
        blocks.clear();
        BOOST_TEST(alloc->stats().pool_blocks_live == 0u);
        BOOST_TEST(alloc->stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(alloc->verify()));
    }
}

BOOST_AUTO_TEST_CASE(a_process_without_address_space_is_refused_and_goes_on)
{
    if (under_sanitizer) return;  // their shadow memory needs more than any limit
    auto const child = run_in_child([] {
        smart_alloc alloc;
        if (!alloc.attach_thread()) return 1;
        rlimit limit{};
        ::getrlimit(RLIMIT_AS, &limit);
        std::FILE* const file = std::fopen("/proc/self/statm", "r");
        unsigned long now = 0;
        if (file == nullptr || std::fscanf(file, "%lu", &now) != 1) return 2;
        std::fclose(file);
        limit.rlim_cur = now * static_cast<unsigned long>(::sysconf(_SC_PAGESIZE)) + (std::size_t{64} << 20);
        if (::setrlimit(RLIMIT_AS, &limit) != 0) return 3;

        std::size_t served[3] = {};
        for (int round = 0; round < 2; ++round) {
            std::vector<void*> in_heap;
            std::vector<void*> in_pool;
            in_heap.reserve(1000);
            in_pool.reserve(1000000);
            alloc.begin_frame();
            while (alloc.try_frame_alloc({.bytes = 1_MiB, .align = 16}) != nullptr && served[0] < 32) ++served[0];
            while (void* const p = alloc.try_heap_alloc({.bytes = 1_MiB, .align = 16})) in_heap.push_back(p);
            while (in_pool.size() < 1000000) {
                void* const p = alloc.try_pool_alloc({.bytes = 1000, .align = 16});
                if (p == nullptr) break;
                in_pool.push_back(p);
            }
            if (in_heap.empty() || in_pool.size() == 1000000) return 4;
            if (alloc.try_heap_alloc({.bytes = 8_MiB, .align = 16}) != nullptr) return 5;
            if (!alloc.verify()) return 6;
            for (void* p : in_heap) alloc.heap_free(p);
            for (void* p : in_pool) alloc.pool_free(p, {.bytes = 1000, .align = 16});
            alloc.end_frame();
            if (alloc.stats().pool_blocks_live != 0 || alloc.stats().heap_blocks_live != 0) return 7;
            if (!alloc.verify()) return 8;
            void* const again = alloc.try_heap_alloc({.bytes = 1_MiB, .align = 16});
            if (again == nullptr) return 9;
            alloc.heap_free(again);
        }
        return served[0] > 0 ? 0 : 10;
    });
    BOOST_TEST(child.exited);
    BOOST_TEST(child.status == 0);
}

BOOST_AUTO_TEST_SUITE_END()
