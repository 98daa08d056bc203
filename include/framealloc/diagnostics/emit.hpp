// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/diagnostics/context.hpp>
#include <framealloc/fault.hpp>

#include <source_location>

namespace framealloc::inline v0_1 {

/// A diagnostic of the program's own. The texts are copied; of each 140 bytes are shown.
struct diagnostic {
    fault_level level = fault_level::error;
    /// What reports show in its place: "GAME001". One of ours, "FA001", makes it a fault of that code with words of its own.
    char const* code = "USER";
    char const* message = "";  ///< what was wrong, in general
    char const* note = "reported by the program itself";
    char const* help = "look at the code that reports it";
};

namespace detail {

/// The last hundred bytes of a path.
[[nodiscard]] inline char const* end_of(char const* path) noexcept {
    std::size_t const bytes = __builtin_strlen(path);
    return bytes > 100 ? path + bytes - 100 : path;
}

/// The place of what a program reports itself: where in its source, and as much as has been captured.
struct emitted_place : fault_place {
    std::source_location site;
    diag_context const* captured;

    emitted_place(std::source_location at, diag_context const* context) noexcept
        : fault_place(context != nullptr ? static_cast<fault_place const&>(*context) : fault_place{}),
          site(at),
          captured(context) {
        write = [](fault_place const& place, char* to, std::size_t size) noexcept {
            auto const& p = static_cast<emitted_place const&>(place);
            int const wanted = __builtin_snprintf(to, size, "  at: %s:%u, in %.100s\n", end_of(p.site.file_name()),
                                                  unsigned(p.site.line()), p.site.function_name());
            auto const written = static_cast<std::size_t>(wanted);
            if (p.captured != nullptr && written < size) {
                p.captured->write(*p.captured, to + written, size - written);
            }
        };
    }
};

/// A row of the table by what reports call it; null where there is none.
[[nodiscard]] constexpr fault_text const* find_row(char const* id) noexcept {
    if (__builtin_strlen(id) != 5 || id[0] != 'F' || id[1] != 'A') return nullptr;
    unsigned number = 0;
    for (std::size_t i = 2; i < 5; ++i) {
        if (id[i] < '0' || id[i] > '9') return nullptr;
        number = number * 10 + unsigned(id[i] - '0');
    }
    for (fault_text const& row : fault_table) {
        if (unsigned(row.code) == number) return &row;
    }
    return nullptr;
}

/// Copies a text, cut to `most` bytes, for `printf` to print as it is.
inline void copy_as_format(char const* from, char* to, std::size_t most) noexcept {
    for (std::size_t n = 0; n < most && from[n] != '\0'; ++n) {
        *to++ = from[n];
        if (from[n] == '%') *to++ = '%';
    }
    *to = '\0';
}

/// Not constexpr: a code that the table does not have ends the compilation here.
inline void framealloc_has_no_such_code() {}

/// A code that the compiler has looked up, with what usually causes it.
struct known_fault {
    fault_kind kind;
    char const* cause;
    consteval explicit known_fault(char const* id) : kind(code_of(id)), cause(find_row(id)->cause) {}

private:
    static consteval fault_code code_of(char const* id) {
        if (find_row(id) == nullptr) framealloc_has_no_such_code();
        return find_row(id)->code;
    }
};

}  // namespace detail

/// Reports a diagnostic of the program's own, with the place of the call, as the library reports a fault: to the fault
/// handler, and under the strict mode. It does not stop the program by itself. `context`, if there is one, is shown.
///
///   Cost      Some 3 KiB of stack, and what the handler does. Nothing is allocated.
///   Threads   Any; reports of different threads are not mixed.
///   Failure   Throws what the handler throws, and `strict_violation` where a strict mode says so.
FRAMEALLOC_COLD inline void emit(diagnostic const& d, diag_context const* context = nullptr,
                                 std::source_location site = std::source_location::current()) {
    constexpr std::size_t shown = 140;
    char texts[detail::fault_text_head + 3 * (shown + 1)], note[2 * shown + 1];
    auto const* const row = detail::find_row(d.code);
    fault_code const code = row != nullptr ? row->code : fault_code::user_defined;
    detail::pack_fault_text(texts, shown, d.code, {code, d.level, d.message, "", d.help});
    detail::copy_as_format(d.note, note, shown);
    detail::emitted_place const place{site, context};
    report({.code = fault_kind::packed_at(texts), .note = note, .place = &place});
}

/// Reports one of the codes of the table, with what usually causes it. FA_EMIT looks the code up.
FRAMEALLOC_COLD inline void emit(detail::known_fault known, diag_context const* context = nullptr,
                                 std::source_location site = std::source_location::current()) {
    detail::emitted_place const place{site, context};
    report({.code = known.kind, .note = known.cause, .place = &place});
}

}  // namespace framealloc
