// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/backend/any.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/guard_pages.hpp>
#include <framealloc/backend/huge_pages.hpp>
#include <framealloc/backend/memory_resource.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/testing/backend.hpp>

using namespace framealloc;

namespace {

template <class B>
void expect_conformance(B& backend, testing::backend_trial const& trial = {})
{
    auto const report = testing::check_backend(backend, trial);
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 1000u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(composed_backend_conformance)

BOOST_AUTO_TEST_CASE(fallbacks_keep_what_a_backend_promises)
{
    static backend::fallback<backend::static_buffer<65536>, backend::system> buffer_first;
    expect_conformance(buffer_first);
    backend::fallback<backend::huge_pages<>, backend::virtual_memory> pages;
    expect_conformance(pages);
}

BOOST_AUTO_TEST_CASE(a_type_erased_backend_keeps_what_the_one_behind_it_promises)
{
    backend::system behind;
    backend::any erased{behind};
    expect_conformance(erased);
    static backend::fallback<backend::static_buffer<4096>, backend::system> two;
    backend::any of_two{two};
    expect_conformance(of_two);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_memory_resource_keeps_what_a_backend_promises)
{
    backend::memory_resource b{std::pmr::new_delete_resource()};
    expect_conformance(b);
}
#endif

BOOST_AUTO_TEST_CASE(huge_pages_keep_what_a_backend_promises)
{
    backend::huge_pages<> b;
    expect_conformance(b);
}

BOOST_AUTO_TEST_CASE(guarded_memory_keeps_what_a_backend_promises)
{
    backend::guard_pages<> b;
    expect_conformance(b);
}

BOOST_AUTO_TEST_SUITE_END()
