// SPDX-License-Identifier: MIT OR Apache-2.0
#include "options.hpp"

#include <charconv>
#include <string_view>

namespace {

std::size_t read_number(std::string_view option, std::string_view word, std::size_t least, std::size_t most) {
    std::size_t value = 0;
    auto const [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || stop != word.data() + word.size() || value < least || value > most) {
        throw bad_input(std::string(option) + " is '" + std::string(word) + "'; expected a whole number from " +
                        std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

std::string read_file_name(std::string_view option, std::string_view word) {
    if (word.empty()) throw bad_input(std::string(option) + " is empty; expected the name of a file");
    return std::string(word);
}

}  // namespace

options read_options(std::span<char const* const> words) {
    options chosen;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view const option = words[i];
        auto const value = [&]() -> std::string_view {
            if (i + 1 == words.size()) {
                throw bad_input(std::string(option) + " has no value; write one after it, or see --help");
            }
            return words[++i];
        };
        if (option == "--help" || option == "-h") {
            chosen.help = true;
        } else if (option == "--particles") {
            chosen.particles = read_number(option, value(), 1, 50'000'000);
        } else if (option == "--frames") {
            chosen.frames = static_cast<unsigned>(read_number(option, value(), 1, 1'000'000));
        } else if (option == "--json") {
            chosen.json_file = read_file_name(option, value());
        } else {
            throw bad_input("'" + std::string(option) +
                            "' is no option; expected --particles, --frames, --json or --help");
        }
    }
    return chosen;
}

char const* usage() noexcept {
    return "usage: particles [options]\n"
           "\n"
           "Fountains throw sparks, magnets draw them for as long as there are magnets, and each spark dies. All of\n"
           "them live in object pools, about which the program says what they held.\n"
           "\n"
           "  --particles N  how many sparks there may be at once, from 1 to 50000000; 1000000 unless told\n"
           "  --frames N     how many frames, from 1 to 1000000; 120 unless told\n"
           "  --json FILE    writes what is said of the sparks' pool\n"
           "  --help         prints this\n"
           "\n"
           "Ends with 0, with 1 where memory or the file failed, and with 2 for options that cannot be used.\n";
}
