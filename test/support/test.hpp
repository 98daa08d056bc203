// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What every test file includes first: Boost.Test, and the doubles that watch the library from outside.

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <cstdlib>

#include <framealloc/smart_alloc_debug.hpp>

#include <ostream>

namespace framealloc {

// Boost.Test prints what it compares.
inline std::ostream& operator<<(std::ostream& out, fault_code code) { return out << "FA" << unsigned(code); }

}  // namespace framealloc
