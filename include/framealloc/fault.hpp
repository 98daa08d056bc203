// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/strictness.hpp>
#include <framealloc/diagnostics/sink.hpp>
#include <framealloc/fault_code.hpp>

namespace framealloc::inline v0_1 {

/// Where a fault happened, as far as somebody has looked: which instance, thread and frame.
struct fault_place {
    /// Writes the lines that a report shows of it. It comes along, so that programs in which nobody looks do without.
    void (*write)(fault_place const&, char* to, std::size_t size) noexcept = nullptr;
    /// The instance's number in the process, drawn at its first use; 0 before it, and where one thread alone uses it.
    unsigned long long instance = 0;
    char const* instance_name = nullptr;  ///< as `alloc_config::name` says; null: it has none
    unsigned long long thread = 0;        ///< 1, 2, 3, ... in the order of first use of any instance; 0 before it
    unsigned long long frame_number = 0;  ///< the instance's newest frame on this thread, which counts from 1
    bool frame_active = false;            ///< that frame is open
    char const* tag_path = nullptr;       ///< what the thread allocates under; null where tags are not charged
    char const* phase = nullptr;          ///< the innermost one; null outside of phases, and where there are none
};

/// Addresses in the code that a report names; null where they are not known.
struct fault_sites {
    void const* mistake_at = nullptr;
    void const* allocated_at = nullptr;
    void const* freed_at = nullptr;
    /// Writes them as lines of the report. It comes with them, so that who has none carries nothing of it.
    void (*write)(fault_sites const&, char* to, std::size_t size) noexcept = nullptr;
};

/// One mistake or refusal: which, and its numbers.
struct fault {
    fault_kind code = fault_code::internal;
    /// A `printf` format for at most four `unsigned long long`, which says what was found and what was expected.
    char const* note = "";
    unsigned long long numbers[4] = {};
    /// What the default handler does after reporting: true stops the program, false goes on with nothing changed.
    bool stops = false;
    /// Which tag it is about, and which one's limit was met, as numbers; 0 where it is about none.
    std::uint8_t tag = 0;
    std::uint8_t limited_by = 0;
    /// Writes which tag that is. It comes with the fault, so that who uses no tags carries no text of them, and no library
    /// that has been unloaded is asked.
    void (*write_subject)(fault const&, char* to, std::size_t size) noexcept = nullptr;
    /// Where it happened, for as long as the handler runs; null where nobody has looked.
    fault_place const* place = nullptr;

    /// Where the mistake was made, and what is known of the block; null where it is not known. Assemblies that keep records
    /// know. Good for as long as the handler runs.
    fault_sites const* sites = nullptr;

    /// The path of the tag that was charged; "(untagged)" for none. It stays readable for good.
    [[nodiscard]] char const* tag_path() const noexcept;
    /// The path of the tag whose limit was met; "(all tags)" for the sum of all.
    [[nodiscard]] char const* limit_path() const noexcept;

    /// Writes the report, as `[framealloc][FA001] error: ...` with a `note:` and a `help:` line, and between them `at:` and
    /// `where:` as far as they are known, into `buffer`, cut to its size and always terminated; answers the bytes written
    /// without the terminator. Allocates nothing.
    FRAMEALLOC_COLD std::size_t write(char* buffer, std::size_t size) const noexcept {
        if (size == 0) return 0;
        char said[512], lines[1280];
        said[0] = lines[0] = '\0';
        if (write_subject != nullptr) write_subject(*this, said, 256);
        if (place != nullptr) place->write(*place, lines, 512);
        if (sites != nullptr) sites->write(*sites, lines + __builtin_strlen(lines), 768);
        std::size_t const begun = __builtin_strlen(said);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        __builtin_snprintf(said + begun, sizeof said - begun, note, numbers[0], numbers[1], numbers[2], numbers[3]);
#pragma GCC diagnostic pop
        static constexpr char levels[3][8] = {"note", "warning", "error"};
        int const wanted =
            __builtin_snprintf(buffer, size, "[framealloc][%s] %s: %s\n  note: %s\n%s  help: %s\n", code.id(),
                               levels[unsigned(code.level())], code.message(), said, lines, code.help());
        auto const length = static_cast<std::size_t>(wanted < 0 ? 0 : wanted);
        return length < size ? length : size - 1;
    }
};

/// What a handler decides.
enum class fault_action : unsigned char {
    go_on,  ///< ignore the call that was at fault; nothing has changed
    stop,   ///< end the program
};

/// Called with each mistake and with each refusal that nobody else can report. It may be called on any thread, while no
/// lock of ours is held, and may use the allocator that calls it. It may throw out of calls that are not noexcept.
///
/// A fault that the handler provokes itself, or the sink, is not handed to it again: the handler in place from the start
/// reports that one, to standard error. So there are at most two reports within each other on a thread.
using fault_handler = fault_action (*)(fault const&);

namespace detail {
FRAMEALLOC_COLD inline fault_action report_to(diagnostic_sink sink, fault const& f) noexcept {
    char text[2048];
    sink(text, f.write(text, sizeof text));
    return f.stops ? fault_action::stop : fault_action::go_on;
}
}  // namespace detail

/// The handler in place from the start: writes the report to the sink, which is standard error unless it was replaced, and
/// does what `fault::stops` says.
inline fault_action report_to_sink(fault const& f) {
    return detail::report_to(detail::installed_diagnostic_sink.load(detail::order::acquire), f);
}

namespace detail {
inline constinit atomic<fault_handler> installed_fault_handler{&report_to_sink};
}

/// Replaces the process's fault handler and answers the one before it; null restores the default. Thread-safe.
inline fault_handler set_fault_handler(fault_handler handler) noexcept {
    return detail::installed_fault_handler.exchange(handler != nullptr ? handler : &report_to_sink,
                                                    detail::order::acq_rel);
}

namespace detail {

/// How many reports this thread is in.
FRAMEALLOC_TLS_MODEL inline constinit thread_local unsigned char reports_open = 0;
struct open_report {
    bool const nested = reports_open != 0;
    open_report() noexcept { ++reports_open; }
    ~open_report() { --reports_open; }
};

/// A fault of a code, with its numbers. Out of line: in place each one would be some eighty bytes of code.
[[nodiscard]] FRAMEALLOC_COLD inline fault said(fault_kind code = fault_code::internal, char const* note = "",
                                                unsigned long long first = 0, unsigned long long second = 0,
                                                unsigned long long third = 0) noexcept {
    return {.code = code, .note = note, .numbers = {first, second, third}};
}

FRAMEALLOC_COLD inline strictness strictness_of_environment() {
    char const* const text = platform::environment_value("FRAMEALLOC_STRICT");
    strictness before{strictness_not_set};
    strictness read{text == nullptr || *text == '\0' ? strict_mode::off : strict_mode_named(text)};
    bool const good = read.mode != strictness_not_set;
    if (!good) read.mode = strict_mode::off;
    if (!process_strictness.compare_exchange(before, read, order::relaxed, order::relaxed)) return before;
    if (!good) {
        fault f = said(fault_code::bad_configuration, "expected off, warn, error, warning or all; it is taken as off");
        f.write_subject = [](fault const&, char* to, std::size_t size) noexcept {
            __builtin_snprintf(to, size, "FRAMEALLOC_STRICT is \"%.40s\"; ",
                               platform::environment_value("FRAMEALLOC_STRICT"));
        };
        static_cast<void>(installed_fault_handler.load(order::acquire)(f));
    }
    return read;
}

[[nodiscard]] inline strictness present_strictness() {
    strictness s = thread_strictness;
    if (s.mode == strictness_not_set) s = process_strictness.load(order::relaxed);
    if (s.mode == strictness_not_set) s = strictness_of_environment();
    return s;
}

}  // namespace detail

/// Hands `given` to the installed handler, and stops the program if it says so, or if the strict mode does.
/// `f` itself is changed for the handler: what stops.
FRAMEALLOC_COLD inline void report(fault& f) {
    auto const strict = detail::present_strictness();
    bool const violates = unsigned(f.code.level()) >= unsigned(strict.mode);
    if (strict.mode == strict_mode::warn) f.stops = false;
    if (violates) f.stops = strict.action != strict_action::throw_exception;
    fault_action action = fault_action::go_on;
    {
        detail::open_report const report;
        action = report.nested ? detail::report_to(&detail::platform::write_error, f)
                               : detail::installed_fault_handler.load(detail::order::acquire)(f);
    }
    if (action == fault_action::stop || (violates && strict.action == strict_action::abort)) detail::platform::stop();
    if (violates && strict.action == strict_action::throw_exception) {
        detail::strict_thrower.load(detail::order::acquire)(f);
    }
}
inline void report(fault&& f) { report(f); }

}  // namespace framealloc
