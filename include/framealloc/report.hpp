// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Statistics as people and programs read them. Part of the compiled library, `framealloc::framealloc`.
//
//   to_text          a table for people, with units
//   to_line          one line without an end, for a log or a corner of the screen
//   to_key_values    a line `name=value` for each figure, for scripts
//   to_json          JSON; its keys are the members' names
//   ..._from_json    reads what to_json wrote. False for text that is no such thing: then nothing has changed, and `error`
//                    says what was wanted

#include <framealloc/frame_summary.hpp>
#include <framealloc/object_pool/object_pool_stats.hpp>
#include <framealloc/performance_metrics.hpp>
#include <framealloc/size_class_stats.hpp>
#include <framealloc/stats.hpp>
#include <framealloc/tag_usage.hpp>
#include <framealloc/thread_stats.hpp>

#include <deque>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace framealloc::inline v0_1 {

/// Phases that were read, with their names, which they point to.
struct read_phases {
    std::vector<phase_stats> phases;
    std::deque<std::string> names;

    read_phases() = default;
    read_phases(read_phases&&) = default;
    read_phases& operator=(read_phases&&) = default;
};

/// Tags that were read, with their paths, which they point to.
struct read_tags {
    std::vector<tag_usage> tags;
    std::deque<std::string> paths;

    read_tags() = default;
    read_tags(read_tags&&) = default;
    read_tags& operator=(read_tags&&) = default;
};

/// An instance. The text has the share of each intent, where operations are counted; JSON has them under `operations`.
[[nodiscard]] std::string to_text(alloc_stats const& stats);
[[nodiscard]] std::string to_line(alloc_stats const& stats);
[[nodiscard]] std::string to_key_values(alloc_stats const& stats);
[[nodiscard]] std::string to_json(alloc_stats const& stats);
[[nodiscard]] bool stats_from_json(std::string_view json, alloc_stats& stats, std::string& error);
/// Prints `to_text`.
std::ostream& operator<<(std::ostream& out, alloc_stats const& stats);

/// A frame.
[[nodiscard]] std::string to_text(frame_stats const& frame);
[[nodiscard]] std::string to_line(frame_stats const& frame);
[[nodiscard]] std::string to_key_values(frame_stats const& frame);
[[nodiscard]] std::string to_json(frame_stats const& frame);
[[nodiscard]] bool frame_stats_from_json(std::string_view json, frame_stats& frame, std::string& error);

/// A frame and its phases. The phases that are read are `owner`'s.
[[nodiscard]] std::string to_text(frame_summary const& summary);
[[nodiscard]] std::string to_line(frame_summary const& summary);
[[nodiscard]] std::string to_key_values(frame_summary const& summary);
[[nodiscard]] std::string to_json(frame_summary const& summary);
[[nodiscard]] bool frame_summary_from_json(std::string_view json, frame_summary& summary, read_phases& owner,
                                           std::string& error);

/// The phases of a frame; the text is a tree.
[[nodiscard]] std::string to_text(std::span<phase_stats const> phases);
[[nodiscard]] std::string to_line(std::span<phase_stats const> phases);
[[nodiscard]] std::string to_key_values(std::span<phase_stats const> phases);
[[nodiscard]] std::string to_json(std::span<phase_stats const> phases);
[[nodiscard]] bool phases_from_json(std::string_view json, read_phases& phases, std::string& error);

/// The size classes of an instance; the text leaves those without slabs out.
[[nodiscard]] std::string to_text(std::span<size_class_stats const> classes);
[[nodiscard]] std::string to_line(std::span<size_class_stats const> classes);
[[nodiscard]] std::string to_key_values(std::span<size_class_stats const> classes);
[[nodiscard]] std::string to_json(std::span<size_class_stats const> classes);
[[nodiscard]] bool size_classes_from_json(std::string_view json, std::vector<size_class_stats>& classes,
                                          std::string& error);

/// The threads of an instance.
[[nodiscard]] std::string to_text(std::span<thread_stats const> threads);
[[nodiscard]] std::string to_line(std::span<thread_stats const> threads);
[[nodiscard]] std::string to_key_values(std::span<thread_stats const> threads);
[[nodiscard]] std::string to_json(std::span<thread_stats const> threads);
[[nodiscard]] bool threads_from_json(std::string_view json, std::vector<thread_stats>& threads, std::string& error);

/// The tags of an instance, as `budgets().table()` fills them in; the text is a tree, in KiB. In the line are those that have
/// used nine tenths of a hard limit.
[[nodiscard]] std::string to_text(std::span<tag_usage const> tags);
[[nodiscard]] std::string to_line(std::span<tag_usage const> tags);
[[nodiscard]] std::string to_key_values(std::span<tag_usage const> tags);
[[nodiscard]] std::string to_json(std::span<tag_usage const> tags);
[[nodiscard]] bool tags_from_json(std::string_view json, read_tags& tags, std::string& error);

/// An object pool; what is not counted is left out. The name that is read is `name`'s.
[[nodiscard]] std::string to_text(object_pool_stats const& pool);
[[nodiscard]] std::string to_line(object_pool_stats const& pool);
[[nodiscard]] std::string to_key_values(object_pool_stats const& pool);
[[nodiscard]] std::string to_json(object_pool_stats const& pool);
[[nodiscard]] bool object_pool_from_json(std::string_view json, object_pool_stats& pool, std::string& name,
                                         std::string& error);

/// The frames in a window. The page is whole by itself, and asks for nothing outside.
[[nodiscard]] std::string to_text(performance_report const& report);
[[nodiscard]] std::string to_line(performance_report const& report);
[[nodiscard]] std::string to_key_values(performance_report const& report);
[[nodiscard]] std::string to_json(performance_report const& report);
[[nodiscard]] std::string to_html(performance_report const& report);
[[nodiscard]] bool performance_from_json(std::string_view json, performance_report& report, std::string& error);

}  // namespace framealloc
