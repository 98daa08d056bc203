// SPDX-License-Identifier: MIT OR Apache-2.0
#define BOOST_TEST_MODULE framealloc
#include "support/test.hpp"

#if !defined(__cpp_exceptions)
// What Boost asks of programs without exceptions.
namespace boost {
void throw_exception(std::exception const& e) {
    std::fputs(e.what(), stderr);
    std::abort();
}
void throw_exception(std::exception const& e, source_location const&) { throw_exception(e); }
}  // namespace boost
#endif
