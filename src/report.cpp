// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/report.hpp>

#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace framealloc::inline v0_1 {
namespace {

/// Every member of the statistics with its name and unit: the one list that text and JSON are made from.
template <class Stats, class F>
void for_each_figure(Stats& s, F&& f) {
    f("frame_bytes_used", s.frame_bytes_used, "bytes");
    f("frame_bytes_reserved", s.frame_bytes_reserved, "bytes");
    f("frame_bytes_wasted", s.frame_bytes_wasted, "bytes");
    f("frame_bytes_last", s.frame_bytes_last, "bytes");
    f("frame_bytes_peak", s.frame_bytes_peak, "bytes");
    f("frames_begun", s.frames_begun, "frames");
    f("frame_bytes_total", s.frame_bytes_total, "bytes");
    f("pool_blocks_live", s.pool_blocks_live, "blocks");
    f("pool_bytes_live", s.pool_bytes_live, "bytes");
    f("pool_bytes_cached", s.pool_bytes_cached, "bytes");
    f("pool_bytes_reserved", s.pool_bytes_reserved, "bytes");
    f("heap_blocks_live", s.heap_blocks_live, "blocks");
    f("heap_bytes_live", s.heap_bytes_live, "bytes");
    f("heap_bytes_cached", s.heap_bytes_cached, "bytes");
    f("backend_bytes", s.backend_bytes, "bytes");
    f("backend_bytes_peak", s.backend_bytes_peak, "bytes");
    f("backend_calls", s.backend_calls, "calls");
    f("threads", s.threads, "threads");
}

template <class Counts, class F>
void for_each_count(Counts& c, F&& f) {
    f("frame_allocations", c.frame_allocations, "calls");
    f("frame_requested_bytes", c.frame_requested_bytes, "bytes");
    f("pool_allocations", c.pool_allocations, "calls");
    f("pool_frees", c.pool_frees, "calls");
    f("pool_requested_bytes", c.pool_requested_bytes, "bytes");
    f("heap_allocations", c.heap_allocations, "calls");
    f("heap_frees", c.heap_frees, "calls");
    f("heap_requested_bytes", c.heap_requested_bytes, "bytes");
}

// A figure added to the statistics and not here would be missing from every report.
static_assert(sizeof(alloc_stats) == 18 * 8 + sizeof(operation_counts) && sizeof(operation_counts) == 8 * 8);

}  // namespace

std::string to_text(alloc_stats const& stats) {
    std::string text;
    auto const line = [&](char const* name, unsigned long long value, char const* unit) {
        absl::StrAppendFormat(&text, "%-22s %16d %s\n", name, value, unit);
    };
    for_each_figure(stats, line);
    for_each_count(stats.operations, line);
    return text;
}

std::string to_json(alloc_stats const& stats) {
    nlohmann::ordered_json document, operations;
    for_each_figure(stats, [&](char const* name, unsigned long long value, char const*) { document[name] = value; });
    for_each_count(stats.operations,
                   [&](char const* name, unsigned long long value, char const*) { operations[name] = value; });
    document["operations"] = operations;
    return document.dump(2);
}

bool stats_from_json(std::string_view json, alloc_stats& stats, std::string& error) {
    auto const document = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
    bool complete = true;
    auto const read_from = [&](nlohmann::json const& object) {
        return [&](char const* name, auto& value, char const*) {
            bool const found = object.is_object() && object.contains(name) && object[name].is_number_unsigned();
            if (found) {
                object[name].get_to(value);
            } else if (complete) {
                error = absl::StrFormat("framealloc: statistics want an unsigned number under \"%s\"", name);
                complete = false;
            }
        };
    };
    alloc_stats read;
    for_each_figure(read, read_from(document));
    bool const has_counts = document.is_object() && document.contains("operations");
    for_each_count(read.operations, read_from(has_counts ? document["operations"] : nlohmann::json{}));
    if (complete) stats = read;
    return complete;
}

std::ostream& operator<<(std::ostream& out, alloc_stats const& stats) { return out << to_text(stats); }

}  // namespace framealloc
