// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/testing/backend.hpp>

using namespace framealloc;

namespace {

/// What the host of a program might give it: a heap with a tally.
struct host_heap {
    std::size_t blocks = 0;
    std::size_t bytes = 0;
    std::size_t most_bytes = SIZE_MAX;
};

// The whole of what a user writes: eighteen lines.
class host_backend {
public:
    using family = backend_family;
    explicit host_backend(host_heap& host) noexcept : host_(&host) {}

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        if (request.bytes > host_->most_bytes - host_->bytes) return nullptr;
        void* const p = ::operator new(request.bytes, std::align_val_t{request.align}, std::nothrow);
        if (p != nullptr) ++host_->blocks, host_->bytes += request.bytes;
        return p;
    }
    void deallocate(void* p, layout given) noexcept {
        --host_->blocks, host_->bytes -= given.bytes;
        ::operator delete(p, std::align_val_t{given.align});
    }

private:
    host_heap* host_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_custom)

BOOST_AUTO_TEST_CASE(a_backend_of_a_users_own_keeps_what_a_backend_promises)
{
    host_heap host;
    host_backend b{host};
    auto const report = testing::check_backend(b);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(host.blocks == 0u);
    BOOST_TEST(host.bytes == 0u);
}

BOOST_AUTO_TEST_CASE(its_state_comes_in_through_the_constructor_and_serves_everything)
{
    host_heap host;
    {
        basic_smart_alloc<host_backend> alloc{host_backend{host}};
        alloc.begin_frame();
        *alloc.frame_alloc<int>() = 1;
        int* const p = alloc.pool_new<int>(2);
        int* const h = alloc.heap_new<int>(3);
        BOOST_TEST((*p == 2 && *h == 3));
        BOOST_TEST(host.blocks >= 3u);
        BOOST_TEST(host.bytes == alloc.stats().backend_bytes);
        alloc.pool_delete(p);
        alloc.heap_delete(h);
        alloc.end_frame();
    }
    BOOST_TEST(host.blocks == 0u);
    BOOST_TEST(host.bytes == 0u);
}

BOOST_AUTO_TEST_CASE(two_instances_have_their_own_state)
{
    host_heap first_host, second_host;
    basic_smart_alloc<host_backend, sync::single_threaded> first{host_backend{first_host}};
    basic_smart_alloc<sync::single_threaded, host_backend> second{alloc_config{.heap_cache_bytes = 0},
                                                                  host_backend{second_host}};
    void* const p = first.heap_alloc(layout{.bytes = 100000, .align = 16});
    BOOST_TEST(first_host.bytes >= 100000u);
    BOOST_TEST(second_host.bytes == 0u);
    first.heap_free(p);
}

BOOST_AUTO_TEST_CASE(its_refusal_is_ours)
{
    host_heap host{.most_bytes = 200000};
    basic_smart_alloc<host_backend, pool::none> alloc{host_backend{host}};
    void* const p = alloc.try_heap_alloc(layout{.bytes = 50000, .align = 16});
    BOOST_TEST(p != nullptr);
    std::size_t const before = host.bytes;
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 500000, .align = 16}) == nullptr);
    BOOST_TEST(host.bytes == before);
    alloc.heap_free(p);
    BOOST_TEST(static_cast<bool>(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
