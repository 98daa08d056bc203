// SPDX-License-Identifier: MIT OR Apache-2.0
#include "alone.hpp"

#include "memory.hpp"
#include "world.hpp"

#include <nlohmann/json.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace asteroids {

namespace {

/// A line of the system's account of this process, in bytes; nothing where there is no such account.
std::optional<std::size_t> status_bytes(std::string const& key) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(key + ":")) return std::stoull(line.substr(key.size() + 1)) * 1024;
    }
    return std::nullopt;
}

template <class Memory>
alone_results play_with(level const& of, unsigned frames) {
    crew hands{worker_count};
    world<Memory> game{of, hands, nullptr, 1};
    alone_results result;
    result.resident.before_first_frame = status_bytes("VmRSS");
    for (unsigned i = 0; i < frames; ++i) game.play(nullptr);
    result.resident.peak = status_bytes("VmHWM");
    result.checksum = game.checksum_value();
    game.unload();
    return result;
}

nlohmann::json to_json(std::optional<std::size_t> n) { return n ? nlohmann::json(*n) : nlohmann::json(nullptr); }
std::optional<std::size_t> from_json(nlohmann::json const& j) {
    return j.is_null() ? std::nullopt : std::optional(j.get<std::size_t>());
}

[[noreturn]] void fail(std::string const& what, int error) {
    throw std::runtime_error("the program cannot run itself to measure its memory: " + what + ": " +
                             std::strerror(error));
}

/// The child's process number; `out` receives the reading end of its standard output.
pid_t start(std::vector<std::string> words, int& out) {
    int ends[2];
    if (::pipe(ends) != 0) fail("pipe", errno);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, ends[0]);
    ::posix_spawn_file_actions_addclose(&actions, ends[1]);
    std::vector<char*> raw;
    for (std::string& w : words) raw.push_back(w.data());
    raw.push_back(nullptr);
    pid_t child = 0;
    int const error = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, raw.data(), ::environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (error != 0) {
        ::close(ends[0]);
        fail("posix_spawn", error);
    }
    out = ends[0];
    return child;
}

std::string read_all(int from) {
    std::string text;
    char buffer[512];
    for (;;) {
        ssize_t const n = ::read(from, buffer, sizeof buffer);
        if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
        if (n == 0 || (n < 0 && errno != EINTR)) break;
    }
    ::close(from);
    return text;
}

}  // namespace

alone_results play_alone(std::string const& side, level const& of, unsigned frames) {
    return side == framealloc_memory::name ? play_with<framealloc_memory>(of, frames)
                                           : play_with<std_memory>(of, frames);
}

std::string to_line(alone_results const& r) {
    nlohmann::json const j{{"resident_before_first_frame", to_json(r.resident.before_first_frame)},
                           {"resident_peak", to_json(r.resident.peak)},
                           {"checksum", r.checksum}};
    return j.dump();
}

alone_results run_alone(std::string const& side, options const& chosen) {
    int out = -1;
    pid_t const child = start(
        {"asteroids", "--only", side, "--frames", std::to_string(chosen.frames), "--level", chosen.level_file}, out);
    std::string const line = read_all(out);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    auto const j = nlohmann::json::parse(line, nullptr, false);
    if (status != 0 || !j.is_object()) {
        throw std::runtime_error("the run of '" + side + "' alone failed with status " + std::to_string(status));
    }
    return {{from_json(j.at("resident_before_first_frame")), from_json(j.at("resident_peak"))}, j.at("checksum")};
}

}  // namespace asteroids
