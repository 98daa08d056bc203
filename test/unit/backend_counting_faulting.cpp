// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>

#include <vector>

using namespace framealloc;
using backend::backend_operation;
using backend::fault_plan;

namespace {

constexpr layout range{.bytes = 65536, .align = 65536};
constexpr layout small{.bytes = 100, .align = 16};

/// The numbers of the calls, of the first `calls`, that a plan refuses.
std::vector<std::uint64_t> refused(fault_plan plan, std::uint64_t calls = 20)
{
    std::vector<std::uint64_t> all;
    for (std::uint64_t n = 1; n <= calls; ++n) {
        if (plan.refuses(n)) all.push_back(n);
    }
    return all;
}

using numbers = std::vector<std::uint64_t>;

/// Counts that outlive the allocator, and a backend that lends them out.
backend::counting<backend::split<backend::virtual_memory, backend::system>> shared;
struct lent {
    using family = backend_family;
    static constexpr bool is_thread_safe = true;
    [[nodiscard]] void* try_allocate(layout r) noexcept { return shared.try_allocate(r); }
    void deallocate(void* p, layout r) noexcept { shared.deallocate(p, r); }
    [[nodiscard]] void* reserve(layout r) noexcept { return shared.reserve(r); }
    [[nodiscard]] bool commit(void* p, std::size_t n) noexcept { return shared.commit(p, n); }
    [[nodiscard]] bool decommit(void* p, std::size_t n) noexcept { return shared.decommit(p, n); }
    [[nodiscard]] bool release(void* p, layout r) noexcept { return shared.release(p, r); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_counting_faulting)

BOOST_AUTO_TEST_CASE(every_call_and_every_byte_is_counted)
{
    backend::counting<backend::virtual_memory> b;
    BOOST_TEST((b.counts() == backend::backend_counts{}));
    void* const block = b.try_allocate(small);
    void* const other = b.try_allocate({.bytes = 5000, .align = 16});
    BOOST_TEST(b.counts().allocate_calls == 2u);
    BOOST_TEST(b.counts().block_bytes == 5100u);
    b.deallocate(block, small);
    BOOST_TEST(b.counts().deallocate_calls == 1u);
    BOOST_TEST(b.counts().block_bytes == 5000u);
    void* const p = b.reserve(range);
    BOOST_TEST(b.counts().reserve_calls == 1u);
    BOOST_TEST(b.counts().reserved_bytes == 65536u);
    BOOST_TEST(b.commit(p, 8192));
    BOOST_TEST(b.counts().committed_bytes == 8192u);
    BOOST_TEST(b.decommit(p, 4096));
    BOOST_TEST(b.counts().committed_bytes == 4096u);
    BOOST_TEST(b.release(p, range));
    BOOST_TEST(b.counts().reserved_bytes == 0u);
    b.deallocate(other, {.bytes = 5000, .align = 16});
    auto const all = b.counts();
    BOOST_TEST(
        (all.commit_calls == 1 && all.decommit_calls == 1 && all.release_calls == 1 && all.deallocate_calls == 2));
    BOOST_TEST(all.refused_calls == 0u);
    BOOST_TEST(all.calls() == 8u);
}

BOOST_AUTO_TEST_CASE(a_refused_call_is_counted_and_its_bytes_are_not)
{
    backend::counting<backend::faulting<backend::virtual_memory>> b;
    b.inner().fail_all(fault_plan::from(1));
    BOOST_TEST(b.try_allocate(small) == nullptr);
    BOOST_TEST(b.reserve(range) == nullptr);
    BOOST_TEST(!b.commit(nullptr, 4096));
    BOOST_TEST(!b.decommit(nullptr, 4096));
    BOOST_TEST(!b.release(nullptr, range));
    auto const c = b.counts();
    BOOST_TEST(c.refused_calls == 5u);
    BOOST_TEST(c.calls() == 5u);
    BOOST_TEST((c.block_bytes == 0 && c.reserved_bytes == 0 && c.committed_bytes == 0));
}

BOOST_AUTO_TEST_CASE(plans_refuse_the_calls_that_they_name)
{
    BOOST_TEST(refused(fault_plan::never()).empty());
    BOOST_TEST((refused(fault_plan::once(3)) == numbers{3}));
    BOOST_TEST((refused(fault_plan::from(18)) == numbers{18, 19, 20}));
    BOOST_TEST((refused(fault_plan::every(6)) == numbers{6, 12, 18}));
    BOOST_TEST((refused(fault_plan::every(1)).size() == 20));
    BOOST_TEST(refused(fault_plan::once(0)).empty());
    BOOST_TEST(refused(fault_plan::every(0)).empty());
    static_assert(fault_plan::once(2).refuses(2) && !fault_plan::once(2).refuses(3));
}

BOOST_AUTO_TEST_CASE(chance_is_the_same_for_the_same_seed_and_as_likely_as_was_said)
{
    BOOST_TEST((refused(fault_plan::random(0.3, 7), 1000) == refused(fault_plan::random(0.3, 7), 1000)));
    BOOST_TEST((refused(fault_plan::random(0.3, 7), 1000) != refused(fault_plan::random(0.3, 8), 1000)));
    BOOST_TEST(refused(fault_plan::random(0.0, 7), 1000).empty());
    BOOST_TEST(refused(fault_plan::random(1.0, 7), 1000).size() == 1000u);
    std::size_t const hits = refused(fault_plan::random(0.3, 7), 100000).size();
    BOOST_TEST((hits > 29000 && hits < 31000), hits);
}

BOOST_AUTO_TEST_CASE(each_operation_has_a_plan_and_a_count_of_its_own)
{
    backend::faulting<backend::virtual_memory> b;
    b.fail(backend_operation::reserve, fault_plan::once(2));
    b.fail(backend_operation::commit, fault_plan::every(2));
    b.fail(backend_operation::decommit, fault_plan::from(1));
    b.fail(backend_operation::release, fault_plan::once(1));
    void* const first = b.reserve(range);
    BOOST_TEST_REQUIRE(first != nullptr);
    BOOST_TEST(b.reserve(range) == nullptr);
    void* const second = b.reserve(range);
    BOOST_TEST(second != nullptr);
    BOOST_TEST(b.commit(first, 4096));
    BOOST_TEST(!b.commit(second, 4096));
    BOOST_TEST(b.commit(second, 4096));
    BOOST_TEST(!b.decommit(first, 4096));
    *static_cast<int*>(first) = 1;  // a refusal is without effect: the memory is still there
    BOOST_TEST(!b.release(first, range));
    *static_cast<int*>(first) = 2;
    BOOST_TEST(b.release(first, range));
    BOOST_TEST(b.release(second, range));
    BOOST_TEST(b.calls(backend_operation::reserve) == 3u);
    BOOST_TEST(b.calls(backend_operation::commit) == 3u);
    BOOST_TEST(b.calls(backend_operation::release) == 3u);
    BOOST_TEST(b.calls(backend_operation::allocate) == 0u);
    void* const block = b.try_allocate(small);  // no plan: never refused
    BOOST_TEST(block != nullptr);
    b.deallocate(block, small);
}

BOOST_AUTO_TEST_CASE(a_new_plan_counts_from_one)
{
    backend::faulting<backend::system> b;
    b.fail(backend_operation::allocate, fault_plan::once(1));
    for (int round = 0; round < 3; ++round) {
        BOOST_TEST(b.try_allocate(small) == nullptr);
        void* const p = b.try_allocate(small);
        BOOST_TEST(p != nullptr);
        b.deallocate(p, small);
        b.fail(backend_operation::allocate, fault_plan::once(1));
        BOOST_TEST(b.calls(backend_operation::allocate) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(an_allocator_gives_back_exactly_what_it_has_taken)
{
    {
        basic_smart_alloc<lent> alloc;
        alloc.begin_frame();
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 300000, .align = 16}));
        static_cast<void>(alloc.pool_alloc(layout{.bytes = 100, .align = 16}));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 100000, .align = 16}));
        BOOST_TEST(alloc.stats().backend_calls == shared.counts().calls());
        BOOST_TEST(alloc.stats().backend_bytes == shared.counts().block_bytes + shared.counts().committed_bytes);
        alloc.end_frame();
    }
    auto const c = shared.counts();
    BOOST_TEST(c.allocate_calls == c.deallocate_calls);
    BOOST_TEST(c.reserve_calls == c.release_calls);
    BOOST_TEST(c.block_bytes == 0u);
    BOOST_TEST(c.reserved_bytes == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
