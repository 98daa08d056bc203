// SPDX-License-Identifier: MIT OR Apache-2.0
#include "run.hpp"

#include "support/child.hpp"

#include <framealloc/detail/memory_tools.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace scoreboard {
namespace {

constexpr unsigned seconds_to_live = 60;  // Valgrind is slow, and a loop is endless

bool is_tool_report(std::string const& text)
{
    for (char const* words : {"ERROR: AddressSanitizer", "Invalid read", "Invalid write", "Invalid free()",
                              "uninitialised value", "Mismatched free()"}) {
        if (text.find(words) != std::string::npos) return true;
    }
    return false;
}

/// A fault at a page that is there and that nobody may touch is what guard pages are for; at one that is not there, it is luck.
constexpr char forbidden_page[] = "touched a page that is forbidden\n";
void tell_forbidden(int, siginfo_t* info, void*)
{
    if (info->si_code == SEGV_ACCERR) static_cast<void>(!::write(STDERR_FILENO, forbidden_page, sizeof forbidden_page - 1));
}
void watch_forbidden_pages()
{
    struct sigaction action {};
    action.sa_sigaction = &tell_forbidden;
    action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND);  // the access is made again, and ends the process
    ::sigaction(SIGSEGV, &action, nullptr);
}

result judged(framealloc::test::child_result const& child, std::string const& text, bool reported)
{
    if (reported && child.aborted()) return result::stopped;
    if (reported && !child.exited && child.signal == SIGSEGV) return result::trap;
    if (reported) return child.exited ? result::named : result::crashed;
    if (is_tool_report(text)) return result::tool;
    if (child.signal == SIGSEGV && text.find(forbidden_page) != std::string::npos) return result::trap;
    if (!child.exited) return child.signal == SIGALRM ? result::hung : result::crashed;
    switch (answer(child.status)) {
        case answer::refused: return result::refused;
        case answer::defined: return result::defined;
        case answer::shown: return result::shown;
        case answer::silent: return result::silent;
    }
    return result::crashed;
}

}  // namespace

std::string outcome::line(std::string_view label) const
{
    std::string const begin = "\n  " + std::string{label} + " ";
    std::size_t const at = text.find(begin);
    return at == std::string::npos ? std::string{} : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

outcome run(misuse const& m, std::string const& tool_logs)
{
    constexpr bool watches = !FRAMEALLOC_VALGRIND;  // which has a handler of its own
    auto const child = framealloc::test::run_in_child([&] {
        std::signal(SIGALRM, SIG_DFL);
        std::signal(SIGBUS, SIG_DFL);
        if (watches) watch_forbidden_pages();
        ::alarm(seconds_to_live);
        return int(m.run());
    });
    outcome o;
    o.text = child.error_text;
    o.signal = child.signal;
    if (!tool_logs.empty()) {
        std::ifstream log{tool_logs + "/" + std::to_string(child.process) + ".log"};
        o.text.append(std::istreambuf_iterator<char>{log}, {});
    }
    constexpr std::string_view begin = "[framealloc][";
    std::size_t const at = o.text.find(begin);
    bool const reported = at != std::string::npos;
    if (reported) o.code = o.text.substr(at + begin.size(), 5);
    o.how = judged(child, o.text, reported);
    return o;
}

char const* name_of(result how)
{
    switch (how) {
        case result::stopped: return "stopped";
        case result::named: return "named";
        case result::refused: return "refused";
        case result::trap: return "trap";
        case result::defined: return "defined";
        case result::shown: return "shown";
        case result::silent: return "silent";
        case result::crashed: return "crashed";
        case result::tool: return "tool";
        case result::hung: return "hung";
    }
    return "?";
}

}  // namespace scoreboard
