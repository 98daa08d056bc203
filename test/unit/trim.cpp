// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

using namespace framealloc;

namespace {

constexpr layout small{.bytes = 64, .align = 16};

template <class Alloc>
void use_everything(Alloc& alloc)
{
    alloc.begin_frame();
    static_cast<void>(alloc.template frame_array<char>(5'000'000));
    for (int i = 0; i < 1000; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 4000}));
    alloc.end_frame();
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 20'000; ++i) blocks.push_back(alloc.pool_alloc(layout{.bytes = 1 + i % 4096}));
    for (std::size_t i = 0; i < blocks.size(); ++i) alloc.pool_free(blocks[i], layout{.bytes = 1 + i % 4096});
    for (std::size_t bytes = 5000; bytes < 2'000'000; bytes *= 2) alloc.heap_free(alloc.heap_alloc(layout{.bytes = bytes}));
}

template <class Alloc>
void expect_nothing_kept(Alloc& alloc)
{
    alloc_stats const s = alloc.stats();
    BOOST_TEST(s.frame_bytes_reserved == 0u);
    BOOST_TEST(s.pool_bytes_cached == 0u);
    BOOST_TEST(s.pool_bytes_reserved == 0u);
    BOOST_TEST(s.heap_bytes_cached == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trim)

BOOST_AUTO_TEST_CASE(everything_that_is_empty_goes_back)
{
    basic_smart_alloc<backend::counting<backend::split<backend::virtual_memory, backend::system>>> alloc;
    use_everything(alloc);
    std::size_t const before = alloc.stats().backend_bytes;
    std::size_t const gone = alloc.trim();
    expect_nothing_kept(alloc);
    BOOST_TEST(gone > 10'000'000u);
    BOOST_TEST(alloc.stats().backend_bytes == before - gone);
    BOOST_TEST(alloc.stats().backend_bytes < 200'000u);  // records of threads and batches
    BOOST_TEST(alloc.backend().counts().block_bytes == 0u);
    BOOST_TEST(alloc.trim() == 0u);
    use_everything(alloc);  // and it goes on
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(what_is_alive_stays_as_it_is)
{
    smart_alloc alloc;
    use_everything(alloc);
    alloc.begin_frame();
    auto const in_frame = alloc.frame_array<unsigned>(100'000);
    auto const on_heap = alloc.heap_array<unsigned>(100'000);
    std::vector<unsigned*> in_pool;
    for (unsigned i = 0; i < 1000; ++i) in_pool.push_back(alloc.pool_new<unsigned>(i));
    for (unsigned i = 0; i < 100'000; ++i) in_frame[i] = on_heap[i] = i;
    for (int times = 0; times < 3; ++times) static_cast<void>(alloc.trim());
    for (unsigned i = 0; i < 100'000; ++i) BOOST_TEST_REQUIRE((in_frame[i] == i && on_heap[i] == i));
    for (unsigned i = 0; i < 1000; ++i) BOOST_TEST_REQUIRE(*in_pool[i] == i);
    static_cast<void>(alloc.frame_array<char>(1'000'000));
    alloc.end_frame();
    for (unsigned* p : in_pool) alloc.pool_delete(p);
    alloc.heap_delete(on_heap);
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

#if !FRAMEALLOC_ADDRESS_SANITIZER && !FRAMEALLOC_THREAD_SANITIZER
BOOST_AUTO_TEST_CASE(whole_pages_inside_slabs_leave_the_process)
{
    smart_alloc alloc;
    constexpr std::size_t count = 500'000;  // 32 MB
    std::vector<void*> blocks(count);
    for (void*& p : blocks) std::memset(p = alloc.pool_alloc(small), 7, small.bytes);
    std::size_t const full = test::resident_bytes();
    // One block in a thousand lives on: every slab has one, so no slab is empty.
    for (std::size_t i = 0; i < count; ++i) {
        if (i % 1000 != 0) alloc.pool_free(blocks[i], small);
    }
    std::size_t const reserved = alloc.stats().pool_bytes_reserved;
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved > reserved / 2);
    BOOST_TEST(test::resident_bytes() + 24'000'000 < full);
    for (std::size_t i = 0; i < count; i += 1000) {
        auto const* const bytes = static_cast<unsigned char const*>(blocks[i]);
        for (std::size_t k = 0; k < small.bytes; ++k) BOOST_TEST_REQUIRE(bytes[k] == 7);
    }
    // What was discarded is memory again when it is wanted.
    for (std::size_t i = 0; i < count; ++i) {
        if (i % 1000 != 0) std::memset(blocks[i] = alloc.pool_alloc(small), 9, small.bytes);
    }
    for (void* p : blocks) alloc.pool_free(p, small);
    BOOST_TEST(bool(alloc.verify()));
}
#endif

BOOST_AUTO_TEST_CASE(a_backend_without_virtual_memory_gets_whole_regions)
{
    basic_smart_alloc<backend::counting<backend::system>, sync::single_threaded> alloc;
    use_everything(alloc);
    void* const alive = alloc.pool_alloc(small);
    static_cast<void>(alloc.trim());
    BOOST_TEST(alloc.stats().pool_bytes_reserved == alloc.config().region_bytes);  // the one that the block is in
    alloc.pool_free(alive, small);
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

BOOST_AUTO_TEST_CASE(other_threads_follow_at_the_end_of_their_frame_or_when_a_magazine_is_dry)
{
    smart_alloc alloc;
    std::atomic<int> step{0};
    auto const wait_for = [&](int n) {
        while (step.load() < n) std::this_thread::yield();
    };
    auto const work = [&](auto&& follow) {
        std::thread other{[&] {
            use_everything(alloc);
            step = 1;
            wait_for(2);
            follow();
            step = 3;
            wait_for(4);
        }};
        wait_for(1);
        static_cast<void>(alloc.trim());
        std::size_t const held = alloc.stats().pool_bytes_cached;
        BOOST_TEST(held > 0u);
        step = 2;
        wait_for(3);
        static_cast<void>(alloc.trim());
        BOOST_TEST(alloc.stats().pool_bytes_cached < held / 4);
        step = 4;
        other.join();
        step = 0;
    };
    work([&] {
        alloc.begin_frame();
        alloc.end_frame();
    });
    // Of one class a magazine runs dry; all the others follow.
    work([&] {
        std::vector<void*> blocks;
        for (int i = 0; i < 300; ++i) blocks.push_back(alloc.pool_alloc(small));
        for (void* p : blocks) alloc.pool_free(p, small);
    });
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

BOOST_AUTO_TEST_CASE(a_thread_that_comes_after_a_trim_has_nothing_to_follow)
{
    basic_smart_alloc<backend::counting<backend::split<backend::virtual_memory, backend::system>>> alloc;
    auto const large_frame = [&] {
        alloc.begin_frame();
        for (int i = 0; i < 1000; ++i) static_cast<void>(alloc.frame_alloc(layout{.bytes = 4000}));
        alloc.end_frame();
    };
    test::on_a_thread([&] { large_frame(); });
    static_cast<void>(alloc.trim());
    large_frame();  // its chunks are the pool's from here on
    for (int fresh = 0; fresh < 2; ++fresh) {  // one that takes over the ended thread's record, and a new one beside it
        test::on_threads(2, [&](std::size_t) {
            alloc.begin_frame();
            static_cast<void>(alloc.frame_alloc<int>());
            alloc.end_frame();
        });
    }
    std::size_t const calls = alloc.backend().counts().calls();
    large_frame();
    BOOST_TEST(alloc.backend().counts().calls() == calls);
}

BOOST_AUTO_TEST_CASE(what_ended_threads_have_left_goes_back)
{
    smart_alloc alloc;
    test::on_threads(8, [&](std::size_t) { use_everything(alloc); });
    BOOST_TEST(alloc.stats().frame_bytes_reserved > 0u);
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

BOOST_AUTO_TEST_CASE(a_refused_return_loses_nothing)
{
    using namespace backend;
    basic_smart_alloc<faulting<split<backend::virtual_memory, backend::system>>, arena::virtual_memory<16_MiB>> alloc;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        use_everything(alloc);
        for (backend_operation const o : {backend_operation::decommit, backend_operation::release, backend_operation::discard}) {
            alloc.backend().fail(o, fault_plan::random(0.5, seed));
        }
        static_cast<void>(alloc.trim());
        BOOST_TEST(bool(alloc.verify()));
    }
    alloc.backend().fail_all(fault_plan::never());
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

BOOST_AUTO_TEST_CASE(frames_in_flight_are_alive_and_stay)
{
    basic_smart_alloc<arena::in_flight<3, arena::chunked<>>, sync::single_threaded> alloc;
    alloc.begin_frame();
    auto const data = alloc.frame_array<unsigned>(100'000);
    data[99'999] = 5;
    alloc.end_frame();
    static_cast<void>(alloc.trim());
    alloc.begin_frame();
    BOOST_TEST(data[99'999] == 5u);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(threads_may_allocate_and_free_while_one_trims)
{
    smart_alloc alloc;
    std::atomic<bool> done{false};
    std::atomic<unsigned> spoiled{0};
    std::thread trimmer{[&] {
        while (!done) static_cast<void>(alloc.trim());
    }};
    test::on_threads(3, [&](std::size_t thread) {
        std::vector<std::pair<unsigned char*, unsigned char>> blocks;
        for (unsigned i = 0; i < 30'000; ++i) {
            auto* const p = static_cast<unsigned char*>(alloc.pool_alloc(small));
            auto const mark = static_cast<unsigned char>(i + thread);
            std::memset(p, mark, small.bytes);
            blocks.emplace_back(p, mark);
            if (blocks.size() > 2000) {
                for (auto const& [block, wrote] : blocks) {
                    spoiled += block[0] != wrote || block[small.bytes - 1] != wrote;
                    alloc.pool_free(block, small);
                }
                blocks.clear();
                alloc.begin_frame();
                std::memset(alloc.frame_alloc(layout{.bytes = 100'000}), 1, 100'000);
                alloc.end_frame();
            }
        }
        for (auto const& [block, wrote] : blocks) alloc.pool_free(block, small);
    });
    done = true;
    trimmer.join();
    BOOST_TEST(spoiled.load() == 0u);
    static_cast<void>(alloc.trim());
    expect_nothing_kept(alloc);
}

BOOST_AUTO_TEST_SUITE_END()
