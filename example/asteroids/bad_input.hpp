// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <stdexcept>

namespace asteroids {

/// An option or a file that the program cannot use. The text says what, the value, what was expected and what to do.
class bad_input : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace asteroids
