// SPDX-License-Identifier: MIT OR Apache-2.0
#include "options.hpp"

#include "accounts.hpp"
#include "bad_input.hpp"

#include <charconv>

#ifndef ASTEROIDS_LEVEL
#define ASTEROIDS_LEVEL "example/asteroids/field.level"  // from the project's folder; the builds give the whole path
#endif

namespace asteroids {

namespace {

unsigned read_frames(std::string_view word) {
    constexpr unsigned least = 10, most = 1000000;
    unsigned value = 0;
    auto const [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || stop != word.data() + word.size() || value < least || value > most) {
        throw bad_input("--frames is '" + std::string(word) + "'; expected a whole number from 10 to 1000000");
    }
    return value;
}

std::string read_side(std::string_view word) {
    if (word != "framealloc" && word != "std") {
        throw bad_input("--only is '" + std::string(word) + "'; expected 'framealloc' or 'std'");
    }
    return std::string(word);
}

/// A number of bytes, or with KiB or MiB behind it of those.
std::size_t read_size(std::string_view option, std::string_view word) {
    constexpr std::size_t most = std::size_t{1} << 40;
    std::size_t value = 0, unit = 1;
    auto const [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    std::string_view const behind = word.substr(static_cast<std::size_t>(stop - word.data()));
    bool known = error == std::errc{};
    if (behind == "KiB") {
        unit = 1024;
    } else if (behind == "MiB") {
        unit = 1024 * 1024;
    } else {
        known = known && behind.empty();
    }
    if (!known || value > most / unit) {
        throw bad_input(std::string(option) + " has the size '" + std::string(word) +
                        "'; expected a whole number of bytes up to 1 TiB, or of KiB or MiB, such as 64KiB");
    }
    return value * unit;
}

budget_wish read_budget(std::string_view word) {
    std::size_t const equals = word.find('=');
    if (equals == std::string_view::npos) {
        throw bad_input("--budget is '" + std::string(word) + "'; expected SYSTEM=SIZE, such as physics=64KiB");
    }
    std::string_view const system = word.substr(0, equals);
    std::string known;
    for (framealloc::allocation_tag const& a : account::all) {
        if (a.path() == system) return {std::string(system), read_size("--budget", word.substr(equals + 1))};
        known += (known.empty() ? "" : ", ") + std::string(a.path());
    }
    throw bad_input("--budget names the system '" + std::string(system) + "'; expected one of " + known);
}

std::string read_file_name(std::string_view option, std::string_view word) {
    if (word.empty()) throw bad_input(std::string(option) + " is empty; expected the name of a file");
    return std::string(word);
}

}  // namespace

options read_options(std::span<char const* const> words) {
    options chosen;
    chosen.level_file = ASTEROIDS_LEVEL;
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
        } else if (option == "--frames") {
            chosen.frames = read_frames(value());
        } else if (option == "--level") {
            chosen.level_file = read_file_name(option, value());
        } else if (option == "--json") {
            chosen.json_file = read_file_name(option, value());
        } else if (option == "--svg") {
            chosen.svg_file = read_file_name(option, value());
        } else if (option == "--budget") {
            chosen.budgets.push_back(read_budget(value()));
        } else if (option == "--only") {
            chosen.only = read_side(value());
        } else {
            throw bad_input("'" + std::string(option) +
                            "' is no option; expected --frames, --level, --json, --svg, --budget, "
                            "--only or --help");
        }
    }
    return chosen;
}

std::string_view usage() noexcept {
    return "usage: asteroids [options]\n"
           "\n"
           "Plays a field of asteroids, a Box2D world, without a window: once with framealloc and once with the\n"
           "standard library's memory, frame by frame in turn, and compares what the memory cost.\n"
           "\n"
           "  --frames N     how many frames, from 10 to 1000000; 600 unless told\n"
           "  --level FILE   the field to play; the one that came with the program unless told\n"
           "  --json FILE    writes everything that was measured\n"
           "  --svg FILE     draws the last frame\n"
           "  --budget S=N   gives one of the game's systems N bytes, or KiB or MiB: physics=64KiB. May be repeated\n"
           "  --only SIDE    plays 'framealloc' or 'std' alone, unmeasured, and prints one line of JSON with its\n"
           "                 resident memory; the comparison runs itself so for each side\n"
           "  --help         prints this\n"
           "\n"
           "Ends with 0 when both sides played the same game and framealloc's backend was not called after the\n"
           "warm-up, with 1 when that does not hold or something failed, and with 2 for options or files that cannot\n"
           "be used.\n";
}

}  // namespace asteroids
