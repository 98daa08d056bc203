// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/containers/frame_constructible.hpp>
#include <framealloc/containers/frame_vector.hpp>

using namespace framealloc;

namespace {

struct trail {
    frame_vector<int> points;
    trail(smart_alloc& alloc, std::size_t n) : points{alloc, n} {}
};
struct health {
    int now = 100, most = 100;
};
struct throwing {
    explicit throwing(smart_alloc& alloc) {
        static_cast<void>(alloc.frame_array<int>(100));
#if FRAMEALLOC_EXCEPTIONS
        throw 7;
#endif
    }
};

static_assert(frame_constructible<trail, smart_alloc, std::size_t>);
static_assert(!frame_constructible<trail, smart_alloc>);
static_assert(!frame_constructible<health>);

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_components)

BOOST_AUTO_TEST_CASE(a_component_takes_its_own_memory_from_the_frame_that_it_is_made_in)
{
    smart_alloc alloc;
    alloc.begin_frame();
    trail& t = *make_in_frame<trail>(alloc, std::size_t{16});
    std::size_t const used = alloc.stats().frame_bytes_used;
    for (int i = 0; i < 16; ++i) t.points.push_back(i);
    BOOST_TEST(t.points.back() == 15);
    BOOST_TEST(alloc.stats().frame_bytes_used == used);
    BOOST_TEST(make_in_frame<health>(alloc, 50)->now == 50);
    BOOST_TEST(make_in_frame<health>(alloc)->most == 100);
    alloc.end_frame();
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(what_a_throwing_constructor_has_taken_is_taken_back)
{
    smart_alloc alloc;
    alloc.begin_frame();
    BOOST_CHECK_THROW(make_in_frame<throwing>(alloc), int);
    BOOST_TEST(alloc.stats().frame_bytes_used == 0u);
    alloc.end_frame();
}
#endif

BOOST_AUTO_TEST_SUITE_END()
