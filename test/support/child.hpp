// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

namespace framealloc::test {

/// How a child process ended, and what it wrote to standard error.
struct child_result {
    bool exited = false;    ///< by itself, with `status`
    int status = -1;
    int signal = 0;         ///< otherwise, by this signal
    std::string error_text;
    int process = 0;        ///< its number

    [[nodiscard]] bool succeeded() const { return exited && status == 0; }
    [[nodiscard]] bool aborted() const { return !exited && signal == SIGABRT; }
    [[nodiscard]] bool says(char const* text) const { return error_text.find(text) != std::string::npos; }
};

/// Runs `body` in a forked child, for what must not happen to the test program itself: stops, exhaustion, limits. `body`
/// answers the exit status. The child leaves by _exit, without static destructors.
template <class F>
child_result run_in_child(F&& body) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    std::fflush(nullptr);
    pid_t const child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        std::signal(SIGABRT, SIG_DFL);
        std::signal(SIGSEGV, SIG_DFL);
        ::_exit(body());
    }
    ::close(ends[1]);
    child_result result;
    result.process = child;
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        result.error_text.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    result.exited = WIFEXITED(status);
    result.status = result.exited ? WEXITSTATUS(status) : -1;
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return result;
}

}  // namespace framealloc::test
