// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/places.hpp>
#include <framealloc/intent.hpp>

#include <chrono>
#include <cstdio>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace framealloc::inline v0_1 {

/// Which live blocks of a trace count as leaked.
struct leak_query {
    /// Those allocated at least so long ago, by the policy's clock.
    std::chrono::nanoseconds older_than{0};
    /// Those allocated at least so many frames ago: frames of the thread that has begun the most of them.
    unsigned long long older_than_frames = 0;
    /// Those whose call site has at least so many more of them than at the last question. An asset that lives long does not
    /// grow in number. Every site unless it is said.
    long long grown_by = std::numeric_limits<long long>::min();
};

/// What is known of one live allocation.
struct live_allocation {
    void const* object = nullptr;
    std::size_t bytes = 0;
    allocation_intent intent = allocation_intent::heap;
    void const* site = nullptr;
    unsigned long long thread = 0;
    std::string thread_name;             ///< when it allocated for the first time
    unsigned long long nanoseconds = 0;  ///< by the policy's clock
    std::string tag;
    unsigned long long frame = 0;         ///< of the thread, see `frame_number()`
    unsigned long long frames_since = 0;  ///< frames that have ended since, see `leak_query`
    unsigned long long serial = 0;        ///< counts the instance's allocations, from 1
    std::vector<void const*> stack;       ///< return addresses, innermost first; none where no stack was captured
};

/// The live blocks of one call site.
struct leak_group {
    void const* site = nullptr;
    allocation_intent intent = allocation_intent::heap;  ///< of the oldest
    unsigned long long count = 0;
    unsigned long long bytes = 0;
    long long count_growth = 0;  ///< blocks of the site, of every age, more than at the last question
    long long bytes_growth = 0;
    std::chrono::nanoseconds oldest{0};  ///< the age of the oldest
    unsigned long long oldest_frames = 0;
    live_allocation example;  ///< the oldest, or the oldest with a stack
};

/// What `find_leaks` answers: groups by call site, the most bytes first.
struct leak_report {
    std::vector<leak_group> groups;
    unsigned long long count = 0;
    unsigned long long bytes = 0;
    unsigned long long unrecorded = 0;  ///< allocations that the trace had no memory for: they may be missing here
};

namespace detail {

[[nodiscard]] inline char const* name_of_intent(allocation_intent i) noexcept {
    static constexpr char const* names[] = {"frame", "pool", "heap"};
    return names[unsigned(i)];
}
/// The code at an address, as reports show it.
[[nodiscard]] inline std::string name_of_code(void const* address) {
    char text[512];
    text[0] = '\0';
    if (address != nullptr) static_cast<void>(write_code(address, text, sizeof text));
    return text;
}
/// Whether a function, as it is shown, is part of this library: what a stack begins with, and nobody looks for.
[[nodiscard]] inline bool is_ours(std::string_view function) noexcept {
    std::string_view const name = function.substr(0, function.find_first_of("(<"));
    return name.find("framealloc::v0_1::") != name.npos;
}
/// Calls `f(text)` for each function of a stack, from the innermost that is not ours.
template <class F>
void for_each_caller(void const* const* stack, std::size_t count, F&& f) {
    bool inside = true;
    for (std::size_t i = 0; i < count; ++i) {
        std::string const text = name_of_code(stack[i]);
        inside = inside && is_ours(text);
        if (!inside) f(text);
    }
}

inline void append(std::string& to, char const* format, auto... values) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    char text[512];
    int const n = std::snprintf(text, sizeof text, format, values...);
#pragma GCC diagnostic pop
    if (n > 0)
        to.append(text, static_cast<std::size_t>(n) < sizeof text ? static_cast<std::size_t>(n) : sizeof text - 1);
}
inline void append_json(std::string& to, std::string_view text) {
    to += '"';
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            to += '\\';
            to += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            append(to, "\\u%04x", unsigned(static_cast<unsigned char>(c)));
        } else {
            to += c;
        }
    }
    to += '"';
}

}  // namespace detail

/// For people: a line per group with its place, and below it the stack of one of its blocks.
[[nodiscard]] inline std::string to_text(leak_report const& report) {
    std::string text;
    detail::append(text, "%llu blocks, %llu bytes, at %zu places\n", report.count, report.bytes, report.groups.size());
    if (report.unrecorded != 0) {
        detail::append(text, "%llu allocations are missing: the trace had no memory for them\n", report.unrecorded);
    }
    for (leak_group const& g : report.groups) {
        detail::append(text, "%llu blocks, %llu bytes (%+lld, %+lld), %s, oldest %.3f s and %llu frames: ", g.count,
                       g.bytes, g.count_growth, g.bytes_growth, detail::name_of_intent(g.intent),
                       static_cast<double>(g.oldest.count()) * 1e-9, g.oldest_frames);
        text += detail::name_of_code(g.site);
        text += '\n';
        detail::append(text, "    number %llu, thread %llu", g.example.serial, g.example.thread);
        if (!g.example.thread_name.empty()) text += " \"" + g.example.thread_name + '"';
        detail::append(text, ", frame %llu, tag ", g.example.frame);
        text += g.example.tag + '\n';
        detail::for_each_caller(g.example.stack.data(), g.example.stack.size(),
                                [&](std::string const& code) { text += "    " + code + '\n'; });
    }
    return text;
}

/// For programs: JSON whose keys are the members' names.
[[nodiscard]] inline std::string to_json(leak_report const& report) {
    std::string text;
    detail::append(text, "{\"count\":%llu,\"bytes\":%llu,\"unrecorded\":%llu,\"groups\":[", report.count, report.bytes,
                   report.unrecorded);
    bool first = true;
    for (leak_group const& g : report.groups) {
        if (!first) text += ',';
        first = false;
        text += "{\"site\":";
        detail::append_json(text, detail::name_of_code(g.site));
        detail::append(text,
                       ",\"intent\":\"%s\",\"count\":%llu,\"bytes\":%llu,\"count_growth\":%lld,\"bytes_growth\":%lld,"
                       "\"oldest_nanoseconds\":%lld,\"oldest_frames\":%llu,\"example\":{\"serial\":%llu,\"bytes\":%zu,"
                       "\"nanoseconds\":%llu,\"frame\":%llu,\"thread\":%llu,\"thread_name\":",
                       detail::name_of_intent(g.intent), g.count, g.bytes, g.count_growth, g.bytes_growth,
                       static_cast<long long>(g.oldest.count()), g.oldest_frames, g.example.serial, g.example.bytes,
                       g.example.nanoseconds, g.example.frame, g.example.thread);
        detail::append_json(text, g.example.thread_name);
        text += ",\"tag\":";
        detail::append_json(text, g.example.tag);
        text += ",\"stack\":[";
        bool innermost = true;
        detail::for_each_caller(g.example.stack.data(), g.example.stack.size(), [&](std::string const& code) {
            if (!innermost) text += ',';
            innermost = false;
            detail::append_json(text, code);
        });
        text += "]}}";
    }
    return text + "]}";
}

/// Prints `to_text`.
inline std::ostream& operator<<(std::ostream& out, leak_report const& report) { return out << to_text(report); }

}  // namespace framealloc
