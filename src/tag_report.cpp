// SPDX-License-Identifier: MIT OR Apache-2.0
#include "figures.hpp"

// Reports of tags: who has how much, and who may.

namespace framealloc::inline v0_1 {

using namespace figures;

namespace {

constexpr char const* action_names[] = {"refuse", "warn", "allow", "ask"};

[[nodiscard]] std::string kib(std::size_t bytes) { return absl::StrFormat("%.1f", static_cast<double>(bytes) / 1024); }
[[nodiscard]] std::string limit_in_kib(std::size_t bytes) { return bytes == no_limit ? "-" : kib(bytes); }

/// The last name of a path, as far to the right as the path is deep.
[[nodiscard]] std::string set_in(tag_usage const& u) {
    std::string_view const path = u.path;
    std::size_t const slash = u.depth > 1 ? path.rfind('/') : std::string_view::npos;
    std::string_view const name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    return std::string(u.depth > 1 ? 2 * (u.depth - 1) : 0, ' ') + std::string(name);
}

[[nodiscard]] bool is_almost_full(tag_usage const& u) {
    return u.limits.hard != no_limit && u.total_bytes >= u.limits.hard - u.limits.hard / 10;
}

[[nodiscard]] json limit_of(std::size_t bytes) { return bytes == no_limit ? json(nullptr) : json(bytes); }
[[nodiscard]] json json_of(budget_limits const& l) {
    return {{"soft", limit_of(l.soft)},
            {"hard", limit_of(l.hard)},
            {"reserved", l.reserved},
            {"at_hard", action_names[static_cast<std::size_t>(l.at_hard)]}};
}

void read_limit(json_reader& in, char const* name, std::size_t& into) {
    json const* const found = in.member(name);
    if (found != nullptr && found->is_null()) {
        into = no_limit;
    } else {
        in(name, into);
    }
}
void read_action(json_reader& in, limit_action& into) {
    json const* const found = in.member("at_hard");
    for (std::size_t i = 0; i < std::size(action_names); ++i) {
        if (found != nullptr && *found == action_names[i]) {
            into = static_cast<limit_action>(i);
            return;
        }
    }
    in.want("refuse, warn, allow or ask", "at_hard");
}
[[nodiscard]] bool read_limits(json const& row, budget_limits& into, std::string& error) {
    static json const nothing;
    json_reader const outer{row, "tags", error};
    json const* const limits = outer.member("limits");
    json_reader in{limits != nullptr ? *limits : nothing, "limits of tags", error};
    read_limit(in, "soft", into.soft);
    read_limit(in, "hard", into.hard);
    in("reserved", into.reserved);
    read_action(in, into.at_hard);
    return in.complete();
}
[[nodiscard]] bool read_tag(json const& row, read_tags& into, std::string& error) {
    tag_usage u;
    json_reader in{row, "tags", error};
    json const* const path = in.member("path");
    if (path == nullptr || !path->is_string()) in.want("a text", "path");
    for_each_figure(u, in);
    if (!in.complete() || !read_limits(row, u.limits, error)) return false;
    u.path = into.paths.emplace_back(path->get<std::string>()).c_str();
    into.tags.push_back(u);
    return true;
}

}  // namespace

std::string to_text(std::span<tag_usage const> tags) {
    std::string text = absl::StrFormat("%-28s %10s %10s %10s %10s %10s %10s %10s %10s\n", "KiB", "frame", "pool",
                                       "heap", "in all", "peak", "soft", "hard", "reserved");
    for (tag_usage const& u : tags) {
        absl::StrAppendFormat(&text, "%-28s %10s %10s %10s %10s %10s %10s %10s %10s\n", set_in(u), kib(u.frame_bytes),
                              kib(u.pool_bytes), kib(u.heap_bytes), kib(u.total_bytes), kib(u.peak_bytes),
                              limit_in_kib(u.limits.soft), limit_in_kib(u.limits.hard),
                              u.limits.reserved == 0 ? "-" : kib(u.limits.reserved));
    }
    return text;
}

std::string to_line(std::span<tag_usage const> tags) {
    std::size_t const total = tags.empty() ? 0 : tags.front().total_bytes;
    std::string full;
    for (tag_usage const& u : tags) {
        if (!is_almost_full(u)) continue;
        absl::StrAppendFormat(&full, "%s %s at %d of %d bytes", full.empty() ? "; almost full:" : ",", u.path,
                              u.total_bytes, u.limits.hard);
    }
    return absl::StrFormat("%d tags, %d bytes", tags.empty() ? 0 : tags.size() - 1, total) + full;
}

std::string to_key_values(std::span<tag_usage const> tags) {
    std::string text;
    for (tag_usage const& u : tags) {
        // A path has neither space nor `=`.
        key_values out{text, std::string(u.path) + "."};
        for_each_figure(u, out);
        if (u.limits.soft != no_limit) out("soft", u.limits.soft);
        if (u.limits.hard != no_limit) out("hard", u.limits.hard);
        out("reserved", u.limits.reserved);
    }
    return text;
}

std::string to_json(std::span<tag_usage const> tags) {
    json document = json::array();
    for (tag_usage const& u : tags) {
        json row;
        row["path"] = u.path;
        row.update(figures::json_of(u));
        row["limits"] = json_of(u.limits);
        document.push_back(row);
    }
    return written(document);
}

bool tags_from_json(std::string_view text, read_tags& tags, std::string& error) {
    json const document = parsed(text);
    if (!document.is_array()) {
        error = "framealloc: tags want an array";
        return false;
    }
    read_tags read;
    for (json const& row : document) {
        if (!read_tag(row, read, error)) return false;
    }
    tags = std::move(read);
    return true;
}

}  // namespace framealloc
