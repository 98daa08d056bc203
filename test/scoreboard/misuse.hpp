// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <string_view>
#include <utility>
#include <vector>

// What the scoreboard is made of: programs that each do one thing wrong, and what is expected of each at each level.

namespace scoreboard {

/// What a misuse came to.
enum class result : unsigned char {
    stopped,  ///< a report, and SIGABRT
    named,    ///< a report, and the program goes on
    refused,  ///< null or an exception, and nothing has changed
    trap,     ///< SIGSEGV at the access itself: a report, or a page that is there and forbidden
    defined,  ///< what a correct program would have got
    shown,    ///< 0xCD where the data was: nobody stops, and who looks sees what happened
    silent,   ///< nothing said, and nothing promised
    crashed,  ///< a signal without a report, which is luck
    tool,     ///< a sanitizer's or Valgrind's report
    hung,     ///< no end
};

/// What the program itself can tell of how it went; the rest, who runs it sees.
enum class answer : unsigned char { silent, refused, defined, shown };

/// Which lines of a report name the misusing function.
struct places {
    bool mistake = false;     ///< `at:`
    bool allocation = false;  ///< `allocated at:` or `created at:`
    bool end = false;         ///< `freed at:`, `ended at:` or `given back at:`
};
inline constexpr places everywhere{.mistake = true, .allocation = true, .end = true};
inline constexpr places mistake_and_allocation{.mistake = true, .allocation = true};
inline constexpr places the_mistake{.mistake = true};
inline constexpr places the_allocation{.allocation = true};
inline constexpr places the_end{.end = true};
inline constexpr places the_block{.allocation = true, .end = true};

struct expectation {
    std::string_view level;
    result wanted = result::silent;
    std::string_view code{};
    places where{};
};

/// The frames that have been ended before a misuse, which happens in the next.
inline constexpr unsigned frames_before = 3;
/// What it allocates under, where the assembly has tags.
inline constexpr char const* tag_of_misuse = "misuse/scoreboard";
inline constexpr char const* name_of_instance = "scoreboard";
/// The function that frees for another one, on a thread of its own.
inline constexpr std::string_view name_of_helper = "free_for_another";

/// One misuse, against one assembly.
struct misuse {
    std::string_view row;   ///< of the scoreboard: R01, ...
    std::string_view name;  ///< of the function
    std::string_view what;  ///< for people
    answer (*run)();
    std::vector<expectation> expected{};
    unsigned frame = frames_before + 1;  ///< that the report names
    bool tells_place = true;             ///< the report has a line `where:`
    bool tells_tag = true;               ///< that names the tag, where there are any

    misuse release(result wanted, std::string_view code = {}) && { return std::move(*this).at("release", wanted, code); }
    misuse checked(result wanted, std::string_view code = {}, places where = {}) && {
        return std::move(*this).at("checked", wanted, code, where);
    }
    misuse hardened(result wanted, std::string_view code = {}) && {
        return std::move(*this).at("hardened", wanted, code);
    }
    misuse guarded(result wanted, std::string_view code = {}, places where = {}) && {
        return std::move(*this).at("guarded", wanted, code, where);
    }
    misuse at(std::string_view level, result wanted, std::string_view code = {}, places where = {}) && {
        expected.push_back({level, wanted, code, where});
        return std::move(*this);
    }
    misuse in_frame(unsigned number) && {
        frame = number;
        return std::move(*this);
    }

    misuse without_place() && {
        tells_place = false;
        return std::move(*this);
    }
    misuse without_tag() && {
        tells_tag = false;
        return std::move(*this);
    }

    /// What is expected at the first of the levels for which anything is said.
    [[nodiscard]] expectation const* expects(std::vector<std::string_view> const& levels) const {
        for (std::string_view const level : levels) {
            for (expectation const& e : expected) {
                if (e.level == level) return &e;
            }
        }
        return nullptr;
    }
};

// One per file.
template <class Alloc>
std::vector<misuse> block_misuses();
template <class Alloc>
std::vector<misuse> frame_misuses();
template <class Alloc>
std::vector<misuse> request_misuses();
template <class Alloc>
std::vector<misuse> instance_misuses();
template <class Alloc>
std::vector<misuse> streaming_misuses();
template <class Alloc>
std::vector<misuse> handle_misuses();
template <class Alloc>
std::vector<misuse> group_misuses();
template <class Alloc>
std::vector<misuse> object_pool_misuses();

}  // namespace scoreboard
