// SPDX-License-Identifier: MIT OR Apache-2.0
#include "figures.hpp"

#include <ostream>

// Reports of an instance: the whole, its size classes, its threads.

namespace framealloc::inline v0_1 {

using namespace figures;

std::string to_text(alloc_stats const& stats) {
    text_rows rows;
    for_each_figure(stats, rows);
    rows("efficiency", stats.efficiency(), "of 1");
    if (intent_shares const shares = shares_of(stats.operations); shares != intent_shares{}) {
        rows("frame_share", shares.frame, "of 1");
        rows("pool_share", shares.pool, "of 1");
        rows("heap_share", shares.heap, "of 1");
    }
    return std::move(rows.text());
}
std::string to_line(alloc_stats const& stats) {
    return absl::StrFormat(
        "%d of %d bytes live (%.1f %%): frame %d, pool %d, heap %d; backend peak %d bytes, %d calls; %d threads",
        stats.live_bytes(), stats.backend_bytes, stats.efficiency() * 100, stats.frame_bytes_used,
        stats.pool_bytes_live, stats.heap_bytes_live, stats.backend_bytes_peak, stats.backend_calls, stats.threads);
}
std::string to_key_values(alloc_stats const& stats) { return key_values_of(stats); }
std::string to_json(alloc_stats const& stats) { return written(json_of(stats)); }
bool stats_from_json(std::string_view text, alloc_stats& stats, std::string& error) {
    return read(parsed(text), "statistics", stats, error);
}
std::ostream& operator<<(std::ostream& out, alloc_stats const& stats) { return out << to_text(stats); }

std::string to_text(std::span<size_class_stats const> classes) {
    std::string text = absl::StrFormat("%11s %10s %10s %10s %7s %14s %16s %13s\n", "block bytes", "live", "cached",
                                       "room", "slabs", "bytes reserved", "largest free run", "fragmentation");
    for (size_class_stats const& c : classes) {
        if (c.slabs == 0) continue;
        absl::StrAppendFormat(&text, "%11d %10d %10d %10d %7d %14d %16d %11.1f %%\n", c.block_bytes, c.blocks_live,
                              c.blocks_cached, c.block_count, c.slabs, c.bytes_reserved, c.largest_free_run_bytes,
                              c.fragmentation() * 100);
    }
    return text;
}
std::string to_line(std::span<size_class_stats const> classes) {
    std::size_t in_use = 0, live = 0, room = 0, slabs = 0, reserved = 0;
    for (size_class_stats const& c : classes) {
        in_use += c.slabs != 0;
        live += c.blocks_live * c.block_bytes;
        room += c.block_count * c.block_bytes;
        slabs += c.slabs;
        reserved += c.bytes_reserved;
    }
    double const fragmentation =
        room == 0 || live >= room ? 0 : static_cast<double>(room - live) / static_cast<double>(room);
    return absl::StrFormat("%d of %d size classes in use: %d slabs, %d bytes reserved, %d live, fragmentation %.1f %%",
                           in_use, classes.size(), slabs, reserved, live, fragmentation * 100);
}
std::string to_key_values(std::span<size_class_stats const> classes) { return key_values_of("class", classes); }
std::string to_json(std::span<size_class_stats const> classes) { return written(json_of_rows(classes)); }
bool size_classes_from_json(std::string_view text, std::vector<size_class_stats>& classes, std::string& error) {
    return read_rows(parsed(text), "size classes", classes, error);
}

std::string to_text(std::span<thread_stats const> threads) {
    std::string text =
        absl::StrFormat("%6s %10s %14s %14s %14s %16s %12s %12s %12s\n", "thread", "frames", "bytes used",
                        "in the last", "in the largest", "in all", "frame calls", "pool calls", "heap calls");
    for (thread_stats const& t : threads) {
        absl::StrAppendFormat(
            &text, "%6s %10d %14d %14d %14d %16d %12d %12d %12d\n", t.is_live() ? std::to_string(t.number) : "ended",
            t.frames_begun, t.frame_bytes_used, t.frame_bytes_last, t.frame_bytes_peak, t.frame_bytes_total,
            t.operations.frame_allocations, t.operations.pool_allocations, t.operations.heap_allocations);
    }
    return text;
}
std::string to_line(std::span<thread_stats const> threads) {
    std::size_t live = 0, used = 0;
    unsigned long long frames = 0;
    for (thread_stats const& t : threads) {
        live += t.is_live();
        used += t.frame_bytes_used;
        frames += t.frames_begun;
    }
    return absl::StrFormat("%d threads, %d ended: %d frames begun, %d bytes used in open ones", live,
                           threads.size() - live, frames, used);
}
std::string to_key_values(std::span<thread_stats const> threads) { return key_values_of("thread", threads); }
std::string to_json(std::span<thread_stats const> threads) { return written(json_of_rows(threads)); }
bool threads_from_json(std::string_view text, std::vector<thread_stats>& threads, std::string& error) {
    return read_rows(parsed(text), "threads", threads, error);
}

}  // namespace framealloc
