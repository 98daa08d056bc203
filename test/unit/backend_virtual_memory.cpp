// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/process.hpp"

#include <framealloc/testing/backend.hpp>

#include <sys/resource.h>

#include <cstring>

using namespace framealloc;

namespace {

struct process_bytes {
    std::size_t addresses = 0;
    std::size_t resident = 0;
};

/// What the process has, as the system counts it.
process_bytes bytes_now()
{
    unsigned long long addresses = 0, resident = 0;
    std::FILE* const f = std::fopen("/proc/self/statm", "r");
    if (f == nullptr) return {};
    int const fields = std::fscanf(f, "%llu %llu", &addresses, &resident);
    std::fclose(f);
    auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (fields != 2) return {};
    return {static_cast<std::size_t>(addresses) * page, static_cast<std::size_t>(resident) * page};
}
std::size_t resident_bytes() { return bytes_now().resident; }

/// Lets the process have so many bytes of addresses more than it has.
[[maybe_unused]] bool limit_growth(std::size_t bytes)
{
    std::size_t const most = bytes_now().addresses + bytes;
    rlimit const limit{most, most};
    return ::setrlimit(RLIMIT_AS, &limit) == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_virtual_memory)

BOOST_AUTO_TEST_CASE(what_is_reserved_takes_no_memory_and_what_is_decommitted_gives_it_back)
{
    backend::virtual_memory b;
    layout const range{.bytes = mib(64), .align = mib(2)};
    std::size_t const before = resident_bytes();
    BOOST_TEST_REQUIRE(before != 0u);
    void* const p = b.reserve(range);
    BOOST_TEST_REQUIRE(p != nullptr);
    BOOST_TEST_REQUIRE(b.commit(p, mib(32)));
    BOOST_TEST(resident_bytes() < before + mib(8));  // nothing has been touched
    std::memset(p, 1, mib(32));
    std::size_t const full = resident_bytes();
    BOOST_TEST(full >= before + mib(30));
    BOOST_TEST(b.decommit(p, mib(16)));
    BOOST_TEST(resident_bytes() + mib(14) <= full);
    // The other half is as it was, and the first can be had again, zeroed.
    auto* const bytes = static_cast<unsigned char*>(p);
    BOOST_TEST(unsigned(bytes[mib(16)]) == 1u);
    BOOST_TEST(b.commit(p, mib(16)));
    BOOST_TEST(unsigned(bytes[0]) == 0u);
    BOOST_TEST(unsigned(bytes[mib(16) - 1]) == 0u);
    BOOST_TEST(b.release(p, range));
    BOOST_TEST(resident_bytes() < before + mib(8));
}

BOOST_AUTO_TEST_CASE(an_empty_slab_leaves_the_process)
{
    basic_smart_alloc<backend::virtual_memory, sync::single_threaded> alloc{alloc_config{.retained_slabs = 0}};
    std::vector<void*> blocks(mib(32) / 4096);
    for (void*& p : blocks) {
        p = alloc.pool_alloc(layout{.bytes = 4096, .align = 16});
        std::memset(p, 1, 4096);
    }
    std::size_t const full = resident_bytes();
    for (void* const p : blocks) alloc.pool_free(p, layout{.bytes = 4096, .align = 16});
    BOOST_TEST(resident_bytes() + mib(24) < full);
}

BOOST_AUTO_TEST_CASE(memory_that_is_not_committed_cannot_be_touched)
{
    backend::virtual_memory b;
    layout const range{.bytes = 65536, .align = 65536};
    auto const untouched = test::run_in_child([&] {
        auto* const p = static_cast<unsigned char volatile*>(b.reserve(range));
        p[0] = 1;
        return 0;
    });
    BOOST_TEST(!untouched.succeeded());
    auto const taken_back = test::run_in_child([&] {
        void* const p = b.reserve(range);
        if (!b.commit(p, range.bytes)) return 1;
        auto* const bytes = static_cast<unsigned char volatile*>(p);
        bytes[0] = 1;
        if (!b.decommit(p, range.bytes)) return 1;
        bytes[0] = 1;
        return 0;
    });
    BOOST_TEST(!taken_back.succeeded());
    BOOST_TEST(taken_back.status != 1);  // it got as far as the second touch
    auto const committed = test::run_in_child([&] {
        void* const p = b.reserve(range);
        if (!b.commit(p, range.bytes)) return 1;
        *static_cast<unsigned char volatile*>(p) = 1;
        return 0;
    });
    BOOST_TEST(committed.succeeded());
}

BOOST_AUTO_TEST_CASE(reservations_have_every_alignment_up_to_a_huge_page)
{
    backend::virtual_memory b;
    for (std::size_t align = 1; align <= max_alignment; align *= 2) {
        layout const range{.bytes = 65536, .align = align};
        void* const p = b.reserve(range);
        BOOST_TEST_REQUIRE(p != nullptr);
        BOOST_TEST(detail::address_of(p) % align == 0u);
        BOOST_TEST(b.release(p, range));
    }
}

// Sanitizers map more address space than the limit allows.
#if !FRAMEALLOC_TESTING_SANITIZED
BOOST_AUTO_TEST_CASE(a_process_at_its_limit_is_answered_with_null_and_goes_on)
{
    auto const child = test::run_in_child([] {
        backend::virtual_memory b;
        if (!limit_growth(mib(512))) return 2;
        if (b.reserve({.bytes = mib(1024), .align = mib(2)}) != nullptr) return 3;
        if (b.try_allocate({.bytes = mib(1024), .align = 16}) != nullptr) return 4;
        // Up to the limit in steps, then null, then room again.
        void* parts[64];
        std::size_t count = 0;
        while (count < 64 && (parts[count] = b.try_allocate({.bytes = mib(32), .align = 4096})) != nullptr) ++count;
        if (count == 0 || count == 64) return 5;
        if (b.reserve({.bytes = mib(32), .align = 4096}) != nullptr) return 6;
        std::memset(parts[0], 1, mib(32));
        b.deallocate(parts[--count], {.bytes = mib(32), .align = 4096});
        void* const again = b.try_allocate({.bytes = mib(32), .align = 4096});
        if (again == nullptr) return 7;
        return *static_cast<unsigned char*>(parts[0]) == 1 ? 0 : 8;
    });
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.status == 0);
}

BOOST_AUTO_TEST_CASE(an_allocator_at_the_limit_refuses_and_says_why)
{
    auto const child = test::run_in_child([] {
        basic_smart_alloc<backend::virtual_memory> alloc;
        if (!alloc.attach_thread()) return 2;
        if (!limit_growth(mib(256))) return 3;
        if (alloc.try_heap_alloc(layout{.bytes = mib(512), .align = 16}) != nullptr) return 4;
        alloc.begin_frame();
        std::size_t served = 0;
        while (served < 1000 && alloc.try_frame_alloc(layout{.bytes = mib(1), .align = 16}) != nullptr) ++served;
        alloc.end_frame();
        if (served == 0 || served == 1000) return 5;
        void* const p = alloc.try_pool_alloc(layout{.bytes = 64, .align = 16});
        return alloc.verify() && (p == nullptr || alloc.usable_size(p) >= 64) ? 0 : 6;
    });
    BOOST_TEST(child.status == 0);
}
#endif

BOOST_AUTO_TEST_CASE(a_release_that_the_system_refuses_is_told)
{
    backend::virtual_memory b;
    BOOST_TEST(!b.release(detail::pointer_to<void>(1), {.bytes = 4096, .align = 4096}));  // no page begins there
    BOOST_TEST(!b.commit(detail::pointer_to<void>(1), 4096));
}

BOOST_AUTO_TEST_SUITE_END()
