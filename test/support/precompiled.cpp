// SPDX-License-Identifier: MIT OR Apache-2.0
// Nothing: the file that the precompiled header of the tests is made with.
#include "support/test.hpp"
