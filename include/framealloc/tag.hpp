// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/tag_table.hpp>
#include <framealloc/failure.hpp>

#include <cstddef>
#include <string_view>

namespace framealloc::inline v0_1 {

/// What memory is for, as the people who pay for it name it: a path such as `world/physics/contacts`. Tags form a tree: what
/// is charged to one is charged to all above it. A constant, equal wherever the same path is written, in other translation
/// units and shared libraries too; the path's characters outlive it, as a literal's do.
///
///     constexpr framealloc::allocation_tag contacts{"world/physics/contacts"};
///
/// A path has one to eight names with `/` between them, at most 95 bytes in all, of printable characters but for space, `"`,
/// `=` and `\`. A wrong one is a compile error in a constant, and otherwise throws `configuration_error` (FA903). A process
/// tells 254 tags apart, those above the ones used included.
class allocation_tag {
public:
    static constexpr std::size_t max_depth = 8;
    static constexpr std::size_t max_bytes = detail::tag_table::max_path_bytes;

    constexpr explicit allocation_tag(std::string_view path)
        : path_(path), key_(detail::tag_table::key_of({path.data(), path.size()})) {
        check();
    }

    [[nodiscard]] constexpr std::string_view path() const noexcept { return path_; }
    /// How many names the path has.
    [[nodiscard]] constexpr std::size_t depth() const noexcept {
        std::size_t names = 1;
        for (char const c : path_) names += c == '/';
        return names;
    }
    friend constexpr bool operator==(allocation_tag const& a, allocation_tag const& b) noexcept {
        return a.key_ == b.key_ && a.path_ == b.path_;
    }

    /// The tag's number in this process, drawn at the first use. The tags above it get theirs first. Where all numbers are
    /// drawn, that of the nearest tag above it that has one, and that is reported (FA309).
    ///
    ///   Cost      O(1): a probe of a table, 8 instructions where the first place is the right one.
    ///   Threads   Any; never waits.
    [[nodiscard]] detail::tag_id id() const noexcept { return static_cast<detail::tag_id>(number()); }
    [[nodiscard]] FRAMEALLOC_HOT std::size_t number() const noexcept {
        return detail::known_tags.find_or_enter(key_, {path_.data(), path_.size()});
    }

private:
    constexpr void check() const {
        if (path_.empty()) wrong_tag_path("a tag's path is empty; expected 1 to %llu bytes", max_bytes);
        if (path_.size() > max_bytes) {
            wrong_tag_path("a tag's path has %llu bytes; expected 1 to %llu", path_.size(), max_bytes);
        }
        if (depth() > max_depth) wrong_tag_path("a tag's path has %llu names; expected 1 to %llu", depth(), max_depth);
        char before = '/';
        for (std::size_t i = 0; i <= path_.size(); ++i) {
            char const c = i < path_.size() ? path_[i] : '/';
            if (c == '/' && before == '/') wrong_tag_path("a name in a tag's path is empty, at byte %llu", i);
            auto const byte = static_cast<unsigned char>(c);
            if (byte <= ' ' || byte == 0x7F || c == '"' || c == '=' || c == '\\') {
                wrong_tag_path(
                    "a tag's path has byte %llu at place %llu; expected printable characters without space, \", = "
                    "and \\",
                    byte, i);
            }
            before = c;
        }
    }
    /// Not constexpr: a constant with a wrong path does not compile, and the compiler shows the call.
    template <class... Numbers>
    [[noreturn]] static void wrong_tag_path(char const* note, Numbers... numbers) {
        detail::throw_bad_configuration(
            {.code = fault_code::bad_tag, .note = note, .numbers = {static_cast<unsigned long long>(numbers)...}});
    }

    std::string_view path_;
    std::uint64_t key_;
};

}  // namespace framealloc
