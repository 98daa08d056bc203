// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

/// What the command line asks for.
struct options {
    std::size_t particles = 1'000'000;
    unsigned frames = 120;
    std::string json_file;  ///< empty: none
    bool help = false;
};

/// An option that the program cannot use. The text says which, its value, and what was expected.
class bad_input : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads the command line. Throws `bad_input` for what it does not know.
[[nodiscard]] options read_options(std::span<char const* const> words);

[[nodiscard]] char const* usage() noexcept;
