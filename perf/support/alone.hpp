// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

// Memory is measured in a process of its own for each contender, in which nothing else has run: what an earlier workload has
// left in an allocator's caches would serve this one for nothing. The program starts itself again with a filter for the one
// benchmark, and is told by FRAMEALLOC_PERF_ALONE where to write its figures to.

namespace alone {

/// What a measurement answers: counters by name. `items` and `seconds` make up its line's rate, where there is one.
struct figures {
    std::vector<std::pair<std::string, double>> counters{};
    double items = 0;
    double seconds = 0;
};

namespace detail {

inline constexpr char variable[] = "FRAMEALLOC_PERF_ALONE";
inline constexpr int answers_to = 3;  ///< the file descriptor, in the new process

template <class Measure>
void answer(Measure&& measure) {
    std::FILE* const out = ::fdopen(answers_to, "w");
    if (out == nullptr) std::_Exit(1);
    try {
        figures const found = measure();
        std::fprintf(out, "items %.17g\nseconds %.17g\n", found.items, found.seconds);
        for (auto const& [name, value] : found.counters) std::fprintf(out, "%s %.17g\n", name.c_str(), value);
        std::fprintf(out, "done 1\n");
    } catch (std::exception const& e) {
        std::fprintf(stderr, "%s\n", e.what());
    }
    std::fclose(out);
    std::_Exit(0);  // what is left of the program has nothing to do here
}

/// Starts the program again. Answers what it wrote, or an empty text.
[[nodiscard]] inline std::string run_again(std::string const& name) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {};
    std::string filter = "--benchmark_filter=^" + name + "(/|$)";
    char program[] = "/proc/self/exe";
    char quietly[] = "--benchmark_format=json";
    char* arguments[] = {program, filter.data(), quietly, nullptr};
    std::string told = std::string{variable} + "=1";
    std::vector<char*> environment{told.data()};
    for (char** e = environ; *e != nullptr; ++e) environment.push_back(*e);
    environment.push_back(nullptr);

    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, ends[1], answers_to);
    pid_t child = 0;
    int const refused = ::posix_spawn(&child, program, &files, nullptr, arguments, environment.data());
    ::posix_spawn_file_actions_destroy(&files);
    ::close(ends[1]);
    std::string text;
    char piece[512];
    for (ssize_t n; refused == 0 && (n = ::read(ends[0], piece, sizeof piece)) > 0;) {
        text.append(piece, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    if (refused == 0) ::waitpid(child, nullptr, 0);
    return text;
}

inline void report(benchmark::State& state, std::string const& text) {
    if (text.find("\ndone 1\n") == std::string::npos) {
        return state.SkipWithError(
            "its own process ended without figures: run it under a debugger with the filter of "
            "this benchmark and FRAMEALLOC_PERF_ALONE=1");
    }
    for (auto _ : state) {}
    double items = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t const blank = text.find(' ', at), line_end = text.find('\n', at);
        std::string const name = text.substr(at, blank - at);
        double const value = std::strtod(text.c_str() + blank, nullptr);
        at = line_end + 1;
        if (name == "done") continue;
        if (name == "items") {
            items = value;
        } else if (name == "seconds") {
            state.SetIterationTime(value);
        } else {
            state.counters[name] = value;
        }
    }
    if (items > 0) state.SetItemsProcessed(static_cast<std::int64_t>(items));
}

}  // namespace detail

/// One line of a benchmark: the measurement itself in the process that was started for it, its figures in the one before.
template <class Measure>
void run(benchmark::State& state, std::string const& name, Measure& measure) {
    if (std::getenv(detail::variable) != nullptr) detail::answer(measure);
    detail::report(state, detail::run_again(name));
}
inline void once(benchmark::internal::Benchmark* b) { b->Iterations(1)->UseManualTime(); }

/// Registers a contender of a workload that is measured in a process of its own. `measure()` answers `figures`.
template <class Measure>
void add(std::string const& workload, std::string const& contender, Measure measure) {
    once(compare::add(workload, contender,
                      [=, name = workload + "/" + contender](benchmark::State& state) { run(state, name, measure); }));
}

/// The same for each general allocator: `measure.template operator()<Malloc>()`.
template <class Measure>
void add_mallocs(std::string const& workload, Measure measure) {
    compare::add_mallocs(
        workload,
        [=]<class Malloc>(benchmark::State& state) {
            auto const of_malloc = [=] { return measure.template operator()<Malloc>(); };
            run(state, workload + "/" + Malloc::name, of_malloc);
        },
        once);
}

}  // namespace alone
