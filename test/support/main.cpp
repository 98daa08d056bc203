// SPDX-License-Identifier: MIT OR Apache-2.0
#define BOOST_TEST_MODULE framealloc
#include "support/test.hpp"

// What Boost asks of programs without exceptions.
#include <framealloc/integration/boost_no_exceptions.hpp>
