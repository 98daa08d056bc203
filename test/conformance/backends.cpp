// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/testing/backend.hpp>

using namespace framealloc;

namespace {

/// A user's own: blocks from one arena of theirs, handed to the constructor; memory comes back when all of it has.
class bump_backend {
public:
    using family = backend_family;
    struct state {
        alignas(64) unsigned char bytes[std::size_t{1} << 20];
        std::size_t used = 0;
        std::size_t alive = 0;
    };
    explicit bump_backend(state& s) noexcept : state_(&s) {}

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        std::size_t const begin = (state_->used + request.align - 1) & (0 - request.align);
        if (request.align > 64 || begin > sizeof state_->bytes || request.bytes > sizeof state_->bytes - begin)
            return nullptr;
        state_->used = begin + request.bytes;
        ++state_->alive;
        return state_->bytes + begin;
    }
    void deallocate(void*, layout) noexcept {
        if (--state_->alive == 0) state_->used = 0;
    }

private:
    state* state_;
};

template <class B>
void expect_conformance(B& backend)
{
    auto const report = testing::check_backend(backend);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 1000u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(backend_conformance)

BOOST_AUTO_TEST_CASE(the_system_heap_keeps_what_a_backend_promises)
{
    backend::system b;
    expect_conformance(b);
}

BOOST_AUTO_TEST_CASE(virtual_memory_keeps_what_a_backend_promises)
{
    backend::virtual_memory b;
    expect_conformance(b);
}

BOOST_AUTO_TEST_CASE(a_split_keeps_what_a_backend_promises)
{
    backend::split<backend::virtual_memory, backend::system> b;
    expect_conformance(b);
}

BOOST_AUTO_TEST_CASE(static_buffers_of_several_sizes_keep_what_a_backend_promises)
{
    static backend::static_buffer<4096> small;
    expect_conformance(small);
    static backend::static_buffer<std::size_t{3} << 16, 4096> aligned;
    expect_conformance(aligned);
    static backend::static_buffer<std::size_t{8} << 20, 16> large;
    expect_conformance(large);
}

BOOST_AUTO_TEST_CASE(a_counted_backend_keeps_what_its_inner_one_promises_and_ends_with_nothing_taken)
{
    backend::counting<backend::split<backend::virtual_memory, backend::system>> b;
    expect_conformance(b);
    BOOST_TEST(b.counts().block_bytes == 0u);
    BOOST_TEST(b.counts().reserved_bytes == 0u);
    BOOST_TEST(b.counts().allocate_calls - b.counts().deallocate_calls <= b.counts().refused_calls);
    backend::counting<backend::static_buffer<65536>> buffer;
    expect_conformance(buffer);
}

BOOST_AUTO_TEST_CASE(a_faulting_backend_without_a_plan_keeps_what_its_inner_one_promises)
{
    backend::faulting<backend::virtual_memory> b;
    expect_conformance(b);
    backend::faulting<backend::counting<backend::system>> counted;
    expect_conformance(counted);
}

BOOST_AUTO_TEST_CASE(a_backend_of_a_users_own_keeps_what_a_backend_promises)
{
    static bump_backend::state state;
    bump_backend b{state};
    expect_conformance(b);
}

BOOST_AUTO_TEST_SUITE_END()
