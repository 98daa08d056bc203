// SPDX-License-Identifier: MIT OR Apache-2.0
#include "report.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace asteroids {

namespace {

constexpr char const* intents[] = {"frame", "pool", "heap"};

std::string with_commas(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
    return text;
}
std::string decimal(double value, int digits) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
    return buffer;
}
std::string microseconds(std::int64_t nanoseconds) { return decimal(static_cast<double>(nanoseconds) / 1000, 1); }
std::string mebibytes(std::optional<std::size_t> bytes) {
    return bytes ? decimal(static_cast<double>(*bytes) / 1048576, 2) : "unknown";
}
std::string hexadecimal(std::uint64_t n) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "0x%016llx", static_cast<unsigned long long>(n));
    return buffer;
}

/// Theirs by ours; nothing where ours is nothing.
std::optional<double> ratio(double ours, double theirs) {
    return ours > 0 ? std::optional(theirs / ours) : std::nullopt;
}
std::optional<double> ratio(std::int64_t ours, std::int64_t theirs) {
    return ratio(static_cast<double>(ours), static_cast<double>(theirs));
}
std::optional<double> peak_ratio(results const& r) {
    if (!r.ours.resident.peak || !r.theirs.resident.peak) return std::nullopt;
    return ratio(static_cast<double>(*r.ours.resident.peak), static_cast<double>(*r.theirs.resident.peak));
}

class table {
public:
    void heading(std::string const& text) { text_ += text + "\n"; }
    void row(std::string const& what, std::string const& ours, std::string const& theirs,
             std::string const& third = "") {
        char buffer[256];
        std::snprintf(buffer, sizeof buffer, "  %-38s %20s %20s %12s", what.c_str(), ours.c_str(), theirs.c_str(),
                      third.c_str());
        text_ += buffer;
        text_.erase(text_.find_last_not_of(' ') + 1);
        text_ += "\n";
    }
    void time(std::string const& what, std::int64_t ours, std::int64_t theirs) {
        auto const by = ratio(ours, theirs);
        row(what, microseconds(ours), microseconds(theirs), by ? decimal(*by, 1) : "-");
    }
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

private:
    std::string text_;
};

void add_requests(table& t, results const& r) {
    double const frames = r.frames;
    std::uint64_t all = 0;
    for (traffic const& one : r.ours.by_intent) all += one.allocations;
    t.heading("allocations");
    for (std::size_t i = 0; i < 3; ++i) {
        auto const ours = static_cast<double>(r.ours.by_intent[i].allocations);
        t.row(intents[i], with_commas(r.ours.by_intent[i].allocations), with_commas(r.theirs.by_intent[i].allocations),
              decimal(ours / frames, 1) + " a frame, " +
                  (all != 0 ? decimal(ours / static_cast<double>(all) * 100, 1) : "0") + " %");
    }
    t.heading("KiB asked for");
    for (std::size_t i = 0; i < 3; ++i) {
        t.row(intents[i], with_commas(r.ours.by_intent[i].bytes / 1024),
              with_commas(r.theirs.by_intent[i].bytes / 1024),
              decimal(static_cast<double>(r.ours.by_intent[i].bytes) / 1024 / frames, 1) + " a frame");
    }
}

void add_times(table& t, std::string const& heading, percentiles const& ours, percentiles const& theirs) {
    t.heading(heading);
    t.time("p50", ours.p50, theirs.p50);
    t.time("p99", ours.p99, theirs.p99);
    t.time("p99.9", ours.p999, theirs.p999);
    t.time("maximum", ours.max, theirs.max);
}

/// Each system's memory, those beneath it set in.
std::string accounts_of(ledger const& found) {
    char buffer[256];
    std::string text = "who has the memory, in KiB as the last frame ends (5)\n";
    auto const add = [&](char const* name, std::array<std::string, 6> const& columns) {
        std::snprintf(buffer, sizeof buffer, "  %-18s %10s %10s %10s %10s %10s %10s\n", name, columns[0].c_str(),
                      columns[1].c_str(), columns[2].c_str(), columns[3].c_str(), columns[4].c_str(),
                      columns[5].c_str());
        text += buffer;
    };
    add("", {"frame", "pool", "heap", "in all", "peak", "limit"});
    auto const kib = [](std::size_t bytes) { return decimal(static_cast<double>(bytes) / 1024, 1); };
    for (account_row const& r : found.rows) {
        add(r.path.c_str(), {kib(r.frame_bytes), kib(r.pool_bytes), kib(r.heap_bytes), kib(r.total_bytes),
                             kib(r.peak_bytes), r.limit_bytes ? kib(*r.limit_bytes) : "-"});
    }
    if (found.refused_findings != 0) {
        text += "  physics was refused memory for " + with_commas(found.refused_findings) +
                " contacts and sweeps, and went on without\n";
    }
    return text;
}

nlohmann::json json_of(ledger const& found) {
    nlohmann::json rows = nlohmann::json::array();
    for (account_row const& r : found.rows) {
        rows.push_back({{"system", r.path},
                        {"frame_bytes", r.frame_bytes},
                        {"pool_bytes", r.pool_bytes},
                        {"heap_bytes", r.heap_bytes},
                        {"total_bytes", r.total_bytes},
                        {"peak_bytes", r.peak_bytes},
                        {"limit_bytes", r.limit_bytes ? nlohmann::json(*r.limit_bytes) : nlohmann::json(nullptr)}});
    }
    return {{"rows", rows},
            {"refused_findings", found.refused_findings},
            {"balanced", found.balanced},
            {"checksum", hexadecimal(found.checksum)}};
}

nlohmann::json json_of(percentiles const& p) {
    return {{"p50", p.p50}, {"p99", p.p99}, {"p999", p.p999}, {"max", p.max}};
}
nlohmann::json json_of(std::optional<std::size_t> n) { return n ? nlohmann::json(*n) : nlohmann::json(nullptr); }
nlohmann::json json_of(std::optional<double> n) { return n ? nlohmann::json(*n) : nlohmann::json(nullptr); }

nlohmann::json json_of(side_results const& s) {
    nlohmann::json allocations, bytes;
    for (std::size_t i = 0; i < 3; ++i) {
        allocations[intents[i]] = s.by_intent[i].allocations;
        bytes[intents[i]] = s.by_intent[i].bytes;
    }
    return {{"allocations", allocations},
            {"bytes", bytes},
            {"allocator_ns", json_of(s.allocator_time)},
            {"allocator_ns_slowest_warm_up_frame", s.slowest_warm_up_frame},
            {"frame_ns", json_of(s.frame_time)},
            {"resident_bytes_before_first_frame", json_of(s.resident.before_first_frame)},
            {"resident_bytes_peak", json_of(s.resident.peak)},
            {"backend_calls", s.backend_calls_in_all},
            {"backend_calls_after_warm_up", s.backend_calls_after_warm_up},
            {"checksum", hexadecimal(s.checksum)},
            {"checksum_alone", hexadecimal(s.checksum_alone)}};
}

}  // namespace

std::string to_table(results const& r) {
    table t;
    t.heading("asteroids: \"" + r.level_title + "\", " + with_commas(r.frames) + " frames of " +
              with_commas(static_cast<std::uint64_t>(r.bodies)) + " Box2D bodies, " + std::to_string(r.workers) +
              " workers; warm-up " + std::to_string(r.warm_up_frames) + " frames\n");
    t.row("", r.ours.name, r.theirs.name, r.theirs.name + " / ours");
    add_requests(t, r);
    add_times(t, "allocator time per frame, in microseconds (1)", r.ours.allocator_time, r.theirs.allocator_time);
    t.time("slowest warm-up frame", r.ours.slowest_warm_up_frame, r.theirs.slowest_warm_up_frame);
    t.row("of which the replay's loop, p50", microseconds(r.loop_time.p50), microseconds(r.loop_time.p50));
    t.time("p50 without the loop", r.ours.allocator_time.p50 - r.loop_time.p50,
           r.theirs.allocator_time.p50 - r.loop_time.p50);
    add_times(t, "whole frame as played, in microseconds (2)", r.ours.frame_time, r.theirs.frame_time);
    t.heading("resident memory, in MiB (3)");
    t.row("before the first frame", mebibytes(r.ours.resident.before_first_frame),
          mebibytes(r.theirs.resident.before_first_frame));
    auto const peak = peak_ratio(r);
    t.row("peak", mebibytes(r.ours.resident.peak), mebibytes(r.theirs.resident.peak), peak ? decimal(*peak, 2) : "-");
    t.heading("backend calls (4)");
    t.row("in all", with_commas(r.ours.backend_calls_in_all), with_commas(r.theirs.backend_calls_in_all));
    t.row("after the warm-up", with_commas(r.ours.backend_calls_after_warm_up),
          with_commas(r.theirs.backend_calls_after_warm_up));
    t.heading("checksum of the simulation");
    t.row("", hexadecimal(r.ours.checksum), hexadecimal(r.theirs.checksum), r.same_simulation() ? "same" : "DIFFERENT");
    t.heading(accounts_of(r.accounts));
    t.heading(
        "(1) After each frame its requests are replayed, on the threads that made them, by one loop for both sides:\n"
        "    the time of that loop, summed over the threads, median of three replays. Both columns contain the loop.\n"
        "    Percentiles are by nearest rank: with fewer than 1,000 frames, p99.9 is the slowest of them.\n"
        "(2) Physics, game and draw lists, with the noting of requests for (1). Physics is most of it.\n"
        "(3) Of a process that plays this side alone. Box2D's own memory is in it, the same for both.\n"
        "(4) framealloc: calls of its backend. std: calls of operator new and delete.\n"
        "(5) Of the same game played once more over budget::per_tag. \"In all\" and the peak are with what is "
        "beneath.");
    return t.text();
}

std::string to_json(results const& r) {
    nlohmann::json const ratios{{"p50", json_of(ratio(r.ours.allocator_time.p50, r.theirs.allocator_time.p50))},
                                {"p99", json_of(ratio(r.ours.allocator_time.p99, r.theirs.allocator_time.p99))},
                                {"p999", json_of(ratio(r.ours.allocator_time.p999, r.theirs.allocator_time.p999))},
                                {"max", json_of(ratio(r.ours.allocator_time.max, r.theirs.allocator_time.max))},
                                {"resident_bytes_peak", json_of(peak_ratio(r))}};
    nlohmann::json const j{{"schema", 1},
                           {"program", "asteroids"},
                           {"level_file", r.level_file},
                           {"level_title", r.level_title},
                           {"frames", r.frames},
                           {"warm_up_frames", r.warm_up_frames},
                           {"workers", r.workers},
                           {"asteroids", r.asteroids},
                           {"bodies", r.bodies},
                           {"sides", {{"framealloc", json_of(r.ours)}, {"std", json_of(r.theirs)}}},
                           {"replay_loop_ns", json_of(r.loop_time)},
                           {"std_by_framealloc", ratios},
                           {"accounts", json_of(r.accounts)},
                           {"same_simulation", r.same_simulation()},
                           {"passed", r.passed()}};
    return j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace asteroids
