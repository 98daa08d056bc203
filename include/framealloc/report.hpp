// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Statistics as people and programs read them. Part of the compiled library, `framealloc::framealloc`.

#include <framealloc/stats.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace framealloc::inline v0_1 {

/// A table for people, one figure to a line, with units.
[[nodiscard]] std::string to_text(alloc_stats const& stats);

/// One JSON object; its keys are the members' names, counts of operations under `operations`.
[[nodiscard]] std::string to_json(alloc_stats const& stats);

/// Reads what `to_json` wrote into `stats`. False for text that is no such object: then `stats` is unchanged and `error` says
/// which key was wanted.
[[nodiscard]] bool stats_from_json(std::string_view json, alloc_stats& stats, std::string& error);

/// Prints `to_text`.
std::ostream& operator<<(std::ostream& out, alloc_stats const& stats);

}  // namespace framealloc
