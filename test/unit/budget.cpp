// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <barrier>
#include <mutex>
#include <tuple>

// A hard limit on what an instance takes from its backend: exact, under any number of threads.

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Sync, class Backend = detail::default_policies::backend>
using limited = basic_smart_alloc<Sync, Backend, budget::global>;
using every_sync = std::tuple<sync::single_threaded, sync::mutex<std::mutex>, sync::lock_free>;
using with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free>;

constexpr layout small{.bytes = 64, .align = 16};

/// A backend that watches how much is out at any time, from outside of the budget. Blocks only, so that what is charged
/// is what is asked for.
struct watched {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;
    static inline std::atomic<std::size_t> out{0}, most{0};
    static void reset() { out = most = 0; }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        std::size_t const now = out.fetch_add(request.bytes) + request.bytes;
        for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
        return backend::system{}.try_allocate(request);
    }
    void deallocate(void* p, layout given) noexcept {
        backend::system{}.deallocate(p, given);
        out.fetch_sub(given.bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(budgets)

BOOST_AUTO_TEST_CASE(the_limit_is_exact_to_the_byte)
{
    budget::global b{1000};
    BOOST_TEST(!b.try_charge(1001));
    BOOST_TEST(b.used_bytes() == 0u);
    BOOST_TEST(b.try_charge(999));
    BOOST_TEST(!b.try_charge(2));
    BOOST_TEST(b.try_charge(1));
    BOOST_TEST(b.used_bytes() == 1000u);
    BOOST_TEST(b.try_charge(0));
    BOOST_TEST(!b.try_charge(1));
    b.refund(1);
    BOOST_TEST(b.try_charge(1));
    b.refund(1000);
    BOOST_TEST(!b.try_charge(SIZE_MAX));
    BOOST_TEST(b.used_bytes() == 0u);
    b.set_limit_bytes(SIZE_MAX);
    BOOST_TEST(b.try_charge(SIZE_MAX - 1));
    BOOST_TEST(!b.try_charge(2));  // no sum wraps
    BOOST_TEST(b.try_charge(1));
}

BOOST_AUTO_TEST_CASE(a_limit_lowered_below_use_refuses_until_enough_has_gone_back)
{
    budget::global b{1000};
    BOOST_TEST(b.try_charge(800));
    b.set_limit_bytes(500);
    BOOST_TEST(!b.try_charge(1));
    b.refund(300);
    BOOST_TEST(!b.try_charge(1));
    b.refund(1);
    BOOST_TEST(b.try_charge(1));
    BOOST_TEST(!b.try_charge(1));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_instance_gets_by_with_exactly_what_it_needs_and_not_with_a_byte_less, Sync, every_sync)
{
    // What the work needs, found without a limit.
    auto const work = [](auto& alloc) {
        if (!alloc.try_begin_frame()) return false;
        bool const served = alloc.try_frame_alloc(layout{.bytes = 300000, .align = 16}) != nullptr &&
                            alloc.try_pool_alloc(small) != nullptr &&
                            alloc.try_heap_alloc(layout{.bytes = 70000, .align = 16}) != nullptr;
        alloc.end_frame();
        return served;
    };
    std::size_t need = 0;
    {
        limited<Sync> alloc;
        BOOST_TEST(work(alloc));
        need = alloc.budget().used_bytes();
        BOOST_TEST(need == alloc.stats().backend_bytes);
        BOOST_TEST(need > 370000u);
    }
    for (std::size_t const limit : {need - 1, need, need + 1}) {
        limited<Sync> alloc{budget::global{limit}};
        BOOST_TEST(work(alloc) == (limit >= need));
        BOOST_TEST(alloc.budget().used_bytes() <= limit);
        BOOST_TEST(alloc.budget().used_bytes() == alloc.stats().backend_bytes);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sixteen_threads_never_exceed_the_limit_by_one_byte, Sync, with_threads)
{
    watched::reset();
    // No multiple of anything, and less than the three megabytes that all threads together want at once.
    constexpr std::size_t limit = 2000001;
    constexpr std::size_t rounds = repetitions(200, 60);
    std::barrier together{16};
    {
        limited<Sync, watched> alloc{budget::global{limit},
                                     alloc_config{.heap_cache_bytes = 100000, .retained_slabs = 0}};
        std::atomic<std::size_t> refused{0}, served{0};
        on_threads(16, [&](std::size_t t) {
            for (std::size_t r = 0; r < rounds; ++r) {
                void* const p = alloc.try_heap_alloc(layout{.bytes = 10000 + 37000 * ((r + t) % 11), .align = 16});
                void* q[40];
                layout const small_one{.bytes = std::size_t{16} << (r % 8), .align = 8};
                for (void*& each : q) each = alloc.try_pool_alloc(small_one);
                bool const begun = alloc.try_begin_frame();
                if (begun) refused += alloc.try_frame_alloc(layout{.bytes = 3000 * (r % 50), .align = 16}) == nullptr;
                (p != nullptr ? served : refused) += 1;
                together.arrive_and_wait();
                if (begun) alloc.end_frame();
                for (void* each : q) alloc.pool_free(each);
                alloc.heap_free(p);
            }
        });
        BOOST_TEST(refused > 0u);
        BOOST_TEST(served > 0u);
        BOOST_TEST(watched::most <= limit);
        BOOST_TEST(watched::most > limit / 2);  // there was a crowd
        BOOST_TEST(alloc.budget().used_bytes() == watched::out);
        BOOST_TEST(alloc.stats().pool_blocks_live == 0u);
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
    BOOST_TEST(watched::out == 0u);
}

BOOST_AUTO_TEST_CASE(sixteen_threads_share_the_last_byte)
{
    budget::global b{100000};
    std::atomic<std::size_t> charged{0};
    std::barrier together{16};
    on_threads(16, [&](std::size_t t) {
        together.arrive_and_wait();
        for (int i = 0; i < 20000; ++i) {
            if (b.try_charge(t % 3 + 1)) charged += t % 3 + 1;
        }
    });
    // Whoever wants one byte is served until there is none.
    BOOST_TEST(charged == 100000u);
    BOOST_TEST(b.used_bytes() == 100000u);
}

BOOST_AUTO_TEST_CASE(a_refusal_names_the_request_the_use_and_the_limit)
{
    limited<sync::lock_free> alloc{budget::global{1_MiB}};
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 2_MiB, .align = 16}) == nullptr);
#if FRAMEALLOC_EXCEPTIONS
    for (int form = 0; form < 3; ++form) {
        bool thrown = false;
        try {
            switch (form) {
                case 0: static_cast<void>(alloc.heap_alloc(layout{.bytes = 2_MiB, .align = 16})); break;
                case 1: static_cast<void>(alloc.pool_alloc(layout{.bytes = 2_MiB, .align = 16})); break;
                default:
                    alloc.begin_frame();
                    static_cast<void>(alloc.frame_alloc(layout{.bytes = 2_MiB, .align = 16}));
            }
        } catch (allocation_failure const& failure) {
            thrown = true;
            BOOST_TEST(failure.code() == fault_code::budget_exceeded);
            BOOST_TEST(failure.requested().bytes == 2_MiB);
            std::string const text = failure.what();
            BOOST_TEST(text.find("FA301") != std::string::npos);
            BOOST_TEST(text.find("2097152 bytes") != std::string::npos);
            BOOST_TEST(text.find("1048576") != std::string::npos);
        }
        BOOST_TEST(thrown);
    }
    alloc.end_frame();
    // An exhausted arena is another event, however tight the budget.
    basic_smart_alloc<arena::fixed<1024>, budget::global> tight{budget::global{1_MiB}};
    tight.begin_frame();
    try {
        static_cast<void>(tight.frame_alloc(layout{.bytes = 2000, .align = 16}));
        BOOST_ERROR("2,000 bytes fit into 1,024");
    } catch (allocation_failure const& failure) {
        BOOST_TEST(failure.code() == fault_code::arena_exhausted);
    }
    tight.end_frame();
#endif
}

BOOST_AUTO_TEST_CASE(what_goes_back_to_the_backend_is_refunded)
{
    limited<sync::lock_free> alloc{alloc_config{.heap_cache_bytes = 0, .retained_slabs = 0}};
    static_cast<void>(alloc.attach_thread());
    void* const p = alloc.heap_alloc(layout{.bytes = 1_MiB, .align = 16});
    std::size_t const with = alloc.budget().used_bytes();
    alloc.heap_free(p);
    BOOST_TEST(alloc.budget().used_bytes() <= with - 1_MiB);

    std::vector<void*> blocks(20000);
    for (void*& each : blocks) each = alloc.pool_alloc(small);
    std::size_t const full = alloc.budget().used_bytes();
    for (void* each : blocks) alloc.pool_free(each, small);
    BOOST_TEST(alloc.budget().used_bytes() < full - 500000);
    BOOST_TEST(alloc.budget().used_bytes() == alloc.stats().backend_bytes);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
