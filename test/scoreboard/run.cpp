// SPDX-License-Identifier: MIT OR Apache-2.0
#include "run.hpp"

#include "support/child.hpp"

#include <csignal>
#include <fstream>
#include <iterator>

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

result judged(framealloc::test::child_result const& child, std::string const& text, bool reported)
{
    if (reported && child.aborted()) return result::stopped;
    if (reported && !child.exited && child.signal == SIGSEGV) return result::trap;
    if (reported) return child.exited ? result::named : result::crashed;
    if (is_tool_report(text)) return result::tool;
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
    auto const child = framealloc::test::run_in_child([&] {
        std::signal(SIGALRM, SIG_DFL);
        std::signal(SIGBUS, SIG_DFL);
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
