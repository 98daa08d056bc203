// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/platform.hpp>

#include <boost/throw_exception.hpp>

#include <cstring>
#include <exception>

// What Boost asks of a program that is compiled without exceptions: a definition of `boost::throw_exception`, which
// says what was wrong and stops the program. Include it in exactly one .cpp file. With exceptions it does nothing.

#if defined(BOOST_NO_EXCEPTIONS)

namespace boost {

// Declared as not returning by Boost; clang refuses to hear it twice.
void throw_exception(std::exception const& e) {
    ::framealloc::detail::platform::write_error(e.what(), ::std::strlen(e.what()));
    ::framealloc::detail::platform::write_error("\n", 1);
    ::framealloc::detail::platform::stop();
}
void throw_exception(std::exception const& e, boost::source_location const&) { throw_exception(e); }

}  // namespace boost

#endif
