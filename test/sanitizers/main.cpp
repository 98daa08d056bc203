// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// Runs the cases of an assembly, each in a process of its own, and prints for each its name, the process and how that ended:
// its status, or the signal that ended it as a negative number. What it writes to standard error is in DIRECTORY/PROCESS.err.
//
//     program ASSEMBLY DIRECTORY [CASE...]
//     program --list

using namespace framealloc::sanitizer_cases;

namespace {

template <class Alloc>
std::vector<named_case> cases_of()
{
    std::vector<named_case> all;
    for (auto const& family : {
#ifndef FRAMEALLOC_THREAD_CASES_ONLY
             frame_cases<Alloc>(), pool_cases<Alloc>(), heap_cases<Alloc>(), leak_cases<Alloc>(),
#endif
             thread_cases<Alloc>()}) {
        all.insert(all.end(), family.begin(), family.end());
    }
    return all;
}

struct assembly {
    std::string_view name;
    std::vector<named_case> (*cases)();
};
constexpr assembly assemblies[] = {
    {"lock_free", &cases_of<lock_free_alloc>},
    {"single_threaded", &cases_of<single_threaded_alloc>},
    {"mutex", &cases_of<mutex_alloc>},
    {"tags", &cases_of<tags_alloc>},
};

void run_in_child(named_case const& c, std::string const& directory)
{
    std::fflush(nullptr);
    pid_t const child = ::fork();
    if (child == 0) {
        std::string const errors = directory + "/" + std::to_string(::getpid()) + ".err";
        int const file = ::open(errors.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
        ::dup2(file, STDERR_FILENO);
        ::close(file);
        c.run();
        std::exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    int const code = WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? -WTERMSIG(status) : 255;
    std::printf("%s %d %d\n", c.name, static_cast<int>(child), code);
}

}  // namespace

int main(int argc, char** argv)
{
    std::vector<std::string_view> const arguments(argv + 1, argv + argc);
    if (arguments.size() == 1 && arguments[0] == "--list") {
        for (assembly const& a : assemblies) std::printf("%s\n", a.name.data());
        return 0;
    }
    if (arguments.size() < 2) return 2;
    for (assembly const& a : assemblies) {
        if (a.name != arguments[0]) continue;
        for (named_case const& c : a.cases()) {
            bool wanted = arguments.size() == 2;
            for (std::size_t i = 2; i < arguments.size(); ++i) wanted = wanted || arguments[i] == c.name;
            if (wanted) run_in_child(c, std::string{arguments[1]});
        }
        return 0;
    }
    return 2;
}
