// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"

#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <cstring>

using namespace framealloc;

namespace {

using pages = backend::counting<backend::virtual_memory>;
/// An arena that commits on demand and leaves a gap before each request of its slow path.
struct with_gaps {
    using family = arena_family;
    static constexpr bool needs_virtual_memory = true;
    template <class ChunkSource>
    class engine : public arena::virtual_memory<1_MiB>::engine<ChunkSource> {
    public:
        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            request.bytes += 64;
            request.align = granule;
            void* const p = arena::virtual_memory<1_MiB>::engine<ChunkSource>::allocate(window, request, source);
            return p != nullptr ? static_cast<char*>(p) + 64 : nullptr;
        }
    };
};

template <class... More>
using contiguous = basic_smart_alloc<pages, arena::virtual_memory<256_MiB>, sync::single_threaded, pool::none, More...>;

}  // namespace

BOOST_AUTO_TEST_SUITE(contiguous_frames)

BOOST_AUTO_TEST_CASE(a_frame_lies_in_one_piece_however_large_it_gets)
{
    contiguous<> alloc;
    alloc.begin_frame();
    auto* const first = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 1000}));
    char* expected = first + 1008;
    for (std::size_t bytes : {16u, 100'000u, 64u, 3'000'000u, 16u, 50'000'000u, 32u}) {
        auto* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = bytes}));
        BOOST_TEST(static_cast<void*>(p) == static_cast<void*>(expected));
        std::memset(p, 1, bytes);
        expected = p + bytes;
    }
    BOOST_TEST(alloc.stats().frame_bytes_wasted == 0u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(addresses_are_reserved_once_and_memory_comes_as_it_is_needed)
{
    contiguous<> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 16}));
    BOOST_TEST(alloc.backend().counts().reserve_calls == 1u);
    BOOST_TEST(alloc.backend().counts().reserved_bytes == 256_MiB);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 64_KiB);
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 10_MiB}));
    BOOST_TEST(alloc.stats().frame_bytes_reserved < 12_MiB);
    alloc.end_frame();
    // What a frame has needed is there for the next one.
    backend::backend_counts const before = alloc.backend().counts();
    for (int i = 0; i < 100; ++i) {
        alloc.begin_frame();
        for (int k = 0; k < 100; ++k) static_cast<void>(alloc.frame_alloc(layout{.bytes = 100'000}));
        alloc.end_frame();
    }
    BOOST_TEST((alloc.backend().counts() == before));
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().frame_bytes_reserved == 0u);
    BOOST_TEST(alloc.backend().counts().reserved_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(the_range_is_used_to_its_last_byte_and_then_refuses)
{
    basic_smart_alloc<arena::virtual_memory<1_MiB, 4096>, sync::single_threaded> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 1_MiB - 64 - 16}));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 17}) == nullptr);
    auto const failure = test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 17})); });
    BOOST_TEST((failure.code == fault_code::arena_exhausted));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 16}) != nullptr);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1}) == nullptr);
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 2_MiB}) == nullptr);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_refused_commit_changes_nothing_and_what_is_needed_is_tried_when_more_is_refused)
{
    basic_smart_alloc<backend::faulting<pages>, arena::virtual_memory<64_MiB>, sync::single_threaded, pool::none> alloc;
    using backend::backend_operation;
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 60'000}));
    alloc_stats const before = alloc.stats();
    alloc.backend().fail(backend_operation::commit, backend::fault_plan::from(1));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 100'000}) == nullptr);
    BOOST_TEST(alloc.stats().frame_bytes_used == before.frame_bytes_used);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == before.frame_bytes_reserved);
    alloc.backend().fail(backend_operation::commit, backend::fault_plan::never());
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 900'000}));
    std::size_t const reserved = alloc.stats().frame_bytes_reserved;
    // The arena would like as much again as it has; a budget that has only the next step left gets the request served.
    alloc.backend().fail(backend_operation::commit, backend::fault_plan::once(1));
    while (alloc.stats().frame_bytes_reserved == reserved) static_cast<void>(alloc.frame_alloc(layout{.bytes = 4096}));
    BOOST_TEST(alloc.stats().frame_bytes_reserved == reserved + 64_KiB);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_budget_counts_what_is_committed_and_not_what_is_reserved)
{
    contiguous<budget::global> alloc{budget::global{8_MiB}};
    alloc.begin_frame();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 6_MiB}));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 3_MiB}) == nullptr);
    auto const failure = test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 3_MiB})); });
    BOOST_TEST((failure.code == fault_code::budget_exceeded));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1_MiB}) != nullptr);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(the_last_request_grows_in_place_to_the_end_of_the_range)
{
    contiguous<diagnostics::counters> alloc;
    alloc.begin_frame();
    auto* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 1000}));
    std::size_t bytes = 1000;
    for (std::size_t const more : {70'000u, 70'001u, 5'000'000u, 200'000'000u}) {
        BOOST_TEST(alloc.try_frame_extend(p, bytes, more));
        bytes = more;
        p[bytes - 1] = 1;
        BOOST_TEST(alloc.stats().frame_bytes_used == (bytes + 15) / 16 * 16);
    }
    BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
    BOOST_TEST(!alloc.try_frame_extend(p, bytes, 256_MiB));  // the chunk's head is in the range, too
    BOOST_TEST(!alloc.try_frame_extend(p, bytes, SIZE_MAX));
    BOOST_TEST(alloc.try_frame_extend(p, bytes, 256_MiB - 64));
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 1}) == nullptr);
    BOOST_TEST(alloc.try_frame_give_back(p, 256_MiB - 64));
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(growth_in_place_that_is_refused_changes_nothing)
{
    basic_smart_alloc<backend::faulting<pages>, arena::virtual_memory<64_MiB>, sync::single_threaded, pool::none> alloc;
    alloc.begin_frame();
    void* const p = alloc.frame_alloc(layout{.bytes = 1000});
    alloc_stats const before = alloc.stats();
    alloc.backend().fail(backend::backend_operation::commit, backend::fault_plan::from(1));
    BOOST_TEST(!alloc.try_frame_extend(p, 1000, 100'000));
    BOOST_TEST(alloc.stats().frame_bytes_used == before.frame_bytes_used);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == before.frame_bytes_reserved);
    alloc.backend().fail(backend::backend_operation::commit, backend::fault_plan::never());
    BOOST_TEST(alloc.try_frame_extend(p, 1000, 100'000));
    alloc.end_frame();

    basic_smart_alloc<with_gaps, sync::single_threaded> gaps;
    gaps.begin_frame();
    void* const q = gaps.frame_alloc(layout{.bytes = 60'000});
    std::size_t const used = gaps.stats().frame_bytes_used;
    BOOST_TEST(!gaps.try_frame_extend(q, 60'000, 100'000));
    BOOST_TEST(gaps.stats().frame_bytes_used == used);
    BOOST_TEST(gaps.try_frame_extend(q, 60'000, 60'016));
    gaps.end_frame();
}

BOOST_AUTO_TEST_CASE(more_addresses_than_the_process_has_are_refused_by_name)
{
    // 64 TiB twice is what no process here has.
    using vast = basic_smart_alloc<arena::virtual_memory<(std::size_t{1} << 46)>, sync::single_threaded>;
    vast alloc[2];
    int refused = 0;
    for (vast& a : alloc) {
        a.begin_frame();
        if (a.try_frame_alloc(layout{.bytes = 64}) == nullptr) {
            ++refused;
            auto const failure = test::how_it_fails([&] { static_cast<void>(a.frame_alloc(layout{.bytes = 64})); });
            BOOST_TEST((failure.code == fault_code::out_of_memory));
        }
        a.end_frame();
    }
    BOOST_TEST(refused >= 1);
}

BOOST_AUTO_TEST_CASE(scopes_and_checkpoints_rewind_and_keep_the_memory)
{
    contiguous<> alloc;
    auto scope = alloc.frame_scope();
    static_cast<void>(alloc.frame_alloc(layout{.bytes = 1000}));
    auto const mark = alloc.checkpoint();
    void* const p = alloc.frame_alloc(layout{.bytes = 5_MiB});
    std::size_t const reserved = alloc.stats().frame_bytes_reserved;
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(alloc.stats().frame_bytes_used == 1008u);
    BOOST_TEST(alloc.stats().frame_bytes_reserved == reserved);
    std::size_t const calls = alloc.stats().backend_calls;
    BOOST_TEST(alloc.frame_alloc(layout{.bytes = 5_MiB}) <= p);
    BOOST_TEST(alloc.stats().backend_calls == calls);
}

BOOST_AUTO_TEST_SUITE_END()
