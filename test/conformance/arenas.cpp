// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/testing/arena.hpp>

using namespace framealloc;

namespace {

template <class P>
void expect_conformance()
{
    auto const report = testing::check_arena<P>();
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 1000u);
}

/// A user's own, which grows by chunks of one size; what a policy has to write is these two functions.
struct steady {
    using family = arena_family;
    template <class ChunkSource>
    class engine : public chunk_stack {
    public:
        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            if (request.bytes + request.align > 16000 || !grow(window, source)) return nullptr;
            return window.try_serve(request);
        }
        [[nodiscard]] bool prepare(frame_window& window, ChunkSource& source) noexcept {
            return !this->empty() || grow(window, source);
        }

    private:
        bool grow(frame_window& window, ChunkSource& source) noexcept {
            frame_chunk* const chunk = source.take({.bytes = 16384, .align = 64});
            if (chunk != nullptr) this->push(window, chunk);
            return chunk != nullptr;
        }
    };
};

}  // namespace

BOOST_AUTO_TEST_SUITE(arena_conformance)

BOOST_AUTO_TEST_CASE(fixed_arenas_keep_what_an_arena_promises)
{
    expect_conformance<arena::fixed<16>>();
    expect_conformance<arena::fixed<4096>>();
    expect_conformance<arena::fixed<std::size_t{64} << 10>>();
    expect_conformance<arena::fixed<std::size_t{4} << 20, 4096>>();
}

BOOST_AUTO_TEST_CASE(the_default_arena_keeps_what_an_arena_promises)
{
    expect_conformance<arena::chunked<>>();
}

BOOST_AUTO_TEST_CASE(chunked_arenas_of_several_shapes_keep_what_an_arena_promises)
{
    expect_conformance<arena::chunked<1024, 1024>>();
    expect_conformance<arena::chunked<1024, 8192, 16>>();
    expect_conformance<arena::chunked<4096, 65536, 4096>>();
    expect_conformance<arena::chunked<std::size_t{64} << 10, std::size_t{1} << 20, max_alignment>>();
}

BOOST_AUTO_TEST_CASE(arenas_that_commit_on_demand_keep_what_an_arena_promises)
{
    expect_conformance<arena::virtual_memory<std::size_t{32} << 20>>();
    expect_conformance<arena::virtual_memory<std::size_t{64} << 10, 4096>>();
}

BOOST_AUTO_TEST_CASE(frames_in_flight_keep_what_an_arena_promises)
{
    expect_conformance<arena::in_flight<1, arena::chunked<>>>();
    expect_conformance<arena::in_flight<3, arena::chunked<>>>();
    expect_conformance<arena::in_flight<2, arena::fixed<std::size_t{64} << 10>>>();
}

BOOST_AUTO_TEST_CASE(an_arena_of_a_users_own_keeps_what_an_arena_promises)
{
    expect_conformance<steady>();
}

BOOST_AUTO_TEST_SUITE_END()
