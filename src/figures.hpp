// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The lists of figures that every form of a report is made from, and the forms. `for_each_figure(s, f)` calls
// `f(name, member, unit)` for each member of `s`, and `f.group(name, g)` for members that have members, which `g(f)` lists.

#include <framealloc/report.hpp>

#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <type_traits>
#include <utility>

namespace framealloc::inline v0_1::figures {

// --- the lists --------------------------------------------------------------------------------------------------------

template <class T, class Of>
concept is_a = std::is_same_v<std::remove_const_t<T>, Of>;

void for_each_figure(is_a<operation_counts> auto& c, auto&& f) {
    f("frame_allocations", c.frame_allocations, "calls");
    f("frame_requested_bytes", c.frame_requested_bytes, "bytes");
    f("pool_allocations", c.pool_allocations, "calls");
    f("pool_frees", c.pool_frees, "calls");
    f("pool_requested_bytes", c.pool_requested_bytes, "bytes");
    f("heap_allocations", c.heap_allocations, "calls");
    f("heap_frees", c.heap_frees, "calls");
    f("heap_requested_bytes", c.heap_requested_bytes, "bytes");
}

void for_each_figure(is_a<alloc_stats> auto& s, auto&& f) {
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
    f("pool_bytes_out_peak", s.pool_bytes_out_peak, "bytes");
    f("heap_blocks_live", s.heap_blocks_live, "blocks");
    f("heap_bytes_live", s.heap_bytes_live, "bytes");
    f("heap_bytes_live_peak", s.heap_bytes_live_peak, "bytes");
    f("heap_bytes_cached", s.heap_bytes_cached, "bytes");
    f("backend_bytes", s.backend_bytes, "bytes");
    f("backend_bytes_peak", s.backend_bytes_peak, "bytes");
    f("backend_calls", s.backend_calls, "calls");
    f("threads", s.threads, "threads");
    f.group("operations", [&](auto& g) { for_each_figure(s.operations, g); });
}

void for_each_figure(is_a<refusal_counts> auto& r, auto&& f) {
    f("frame_not_open", r.frame_not_open, "calls");
    f("arena_exhausted", r.arena_exhausted, "calls");
    f("over_budget", r.over_budget, "calls");
    f("out_of_memory", r.out_of_memory, "calls");
    f("impossible", r.impossible, "calls");
}

void for_each_figure(is_a<frame_stats> auto& s, auto&& f) {
    f("number", s.number, "");
    f("bytes_used", s.bytes_used, "bytes");
    f("bytes_reserved", s.bytes_reserved, "bytes");
    f("bytes_wasted", s.bytes_wasted, "bytes");
    f("nanoseconds", s.nanoseconds, "ns");
    f("ended_at_nanoseconds", s.ended_at_nanoseconds, "ns");
    f("objects_destroyed", s.objects_destroyed, "objects");
    f.group("refused", [&](auto& g) { for_each_figure(s.refused, g); });
    f.group("operations", [&](auto& g) { for_each_figure(s.operations, g); });
}

void for_each_figure(is_a<phase_figures> auto& p, auto&& f) {
    f("frame_bytes", p.frame_bytes, "bytes");
    f("nanoseconds", p.nanoseconds, "ns");
    f.group("operations", [&](auto& g) { for_each_figure(p.operations, g); });
}

/// Without the name, which is no number, and the parent, which may be none.
void for_each_figure(is_a<phase_stats> auto& p, auto&& f) {
    f("depth", p.depth, "");
    f("entries", p.entries, "times");
    f.group("total", [&](auto& g) { for_each_figure(p.total, g); });
    f.group("self", [&](auto& g) { for_each_figure(p.self, g); });
}

void for_each_figure(is_a<size_class_stats> auto& c, auto&& f) {
    f("block_bytes", c.block_bytes, "bytes");
    f("blocks_live", c.blocks_live, "blocks");
    f("blocks_cached", c.blocks_cached, "blocks");
    f("block_count", c.block_count, "blocks");
    f("slabs", c.slabs, "slabs");
    f("bytes_reserved", c.bytes_reserved, "bytes");
    f("largest_free_run_bytes", c.largest_free_run_bytes, "bytes");
}

void for_each_figure(is_a<thread_stats> auto& t, auto&& f) {
    f("number", t.number, "");
    f("frames_begun", t.frames_begun, "frames");
    f("frame_bytes_used", t.frame_bytes_used, "bytes");
    f("frame_bytes_last", t.frame_bytes_last, "bytes");
    f("frame_bytes_peak", t.frame_bytes_peak, "bytes");
    f("frame_bytes_total", t.frame_bytes_total, "bytes");
    f.group("operations", [&](auto& g) { for_each_figure(t.operations, g); });
}

/// Without the path, which is no number, and the limits, of which there may be none.
void for_each_figure(is_a<tag_usage> auto& u, auto&& f) {
    f("depth", u.depth, "");
    f("frame_bytes", u.frame_bytes, "bytes");
    f("pool_bytes", u.pool_bytes, "bytes");
    f("heap_bytes", u.heap_bytes, "bytes");
    f("total_bytes", u.total_bytes, "bytes");
    f("peak_bytes", u.peak_bytes, "bytes");
    f("credited_bytes", u.credited_bytes, "bytes");
}

/// Without the name, which is no number, and what is counted, which may not be.
void for_each_figure(is_a<object_pool_stats> auto& s, auto&& f) {
    f("capacity", s.capacity, "slots");
    f("maximum", s.maximum, "slots");
    f("slot_bytes", s.slot_bytes, "bytes");
    f("chunks", s.chunks, "chunks");
    f("bytes", s.bytes, "bytes");
    f("live", s.live, "objects");
    f("pending", s.pending, "objects");
    f("retired", s.retired, "slots");
}
void for_each_counted_figure(is_a<object_pool_stats> auto& s, auto&& f) {
    f("peak", s.peak, "objects");
    f("allocations", s.allocations, "objects");
    f("frees", s.frees, "objects");
    f("failures", s.failures, "requests");
    f("growths", s.growths, "chunks");
}

void for_each_figure(is_a<performance_report> auto& r, auto&& f) {
    f("frames", r.frames, "frames");
    f("span_nanoseconds", r.span_nanoseconds, "ns");
    f("average_nanoseconds", r.average_nanoseconds, "ns");
    f("p50_nanoseconds", r.p50_nanoseconds, "ns");
    f("p99_nanoseconds", r.p99_nanoseconds, "ns");
    f("max_nanoseconds", r.max_nanoseconds, "ns");
    f("average_allocations", r.average_allocations, "calls");
    f("average_bytes_requested", r.average_bytes_requested, "bytes");
    f("average_bytes_used", r.average_bytes_used, "bytes");
    f("bytes_used_peak", r.bytes_used_peak, "bytes");
    f("efficiency", r.efficiency, "of 1");
    f("frame_share", r.shares.frame, "of 1");
    f("pool_share", r.shares.pool, "of 1");
    f("heap_share", r.shares.heap, "of 1");
}

// A figure added to one of them and not here would be missing from every report.
static_assert(sizeof(operation_counts) == 8 * 8);
static_assert(sizeof(alloc_stats) == 20 * 8 + sizeof(operation_counts));
static_assert(sizeof(refusal_counts) == 5 * 8);
static_assert(sizeof(frame_stats) == 7 * 8 + sizeof(refusal_counts) + sizeof(operation_counts));
static_assert(sizeof(phase_figures) == 2 * 8 + sizeof(operation_counts));
static_assert(sizeof(phase_stats) == 2 * 8 + 2 * sizeof(phase_figures));
static_assert(sizeof(size_class_stats) == 7 * 8);
static_assert(sizeof(tag_usage) == 8 * 8 + sizeof(budget_limits) && sizeof(budget_limits) == 4 * 8);
static_assert(sizeof(thread_stats) == 6 * 8 + sizeof(operation_counts));
static_assert(sizeof(object_pool_stats) == 15 * 8);
static_assert(sizeof(performance_report) == 14 * 8);

// --- the forms --------------------------------------------------------------------------------------------------------

using json = nlohmann::ordered_json;

/// Names of phases are anybody's bytes: what is no UTF-8 in them is replaced, where the library would throw.
[[nodiscard]] inline std::string written(json const& document, int indent = 2) {
    return document.dump(indent, ' ', false, json::error_handler_t::replace);
}

/// How people are told a value: fractions with the unit "of 1" in per cent.
struct told {
    std::string value;
    char const* unit;

    template <class T>
    told(T v, char const* u) : unit(u) {
        if constexpr (std::is_floating_point_v<T>) {
            bool const per_cent = std::string_view{u} == "of 1";
            value = absl::StrFormat("%.3f", per_cent ? v * 100 : v);
            if (per_cent) unit = "%";
        } else {
            value = absl::StrFormat("%d", v);
        }
    }
};

/// A line for each figure: its name, its value, its unit. Groups are for those that read by key.
class text_rows {
public:
    template <class T>
    void operator()(char const* name, T value, char const* unit) {
        told const t{value, unit};
        absl::StrAppendFormat(&text_, "%-24s %16s %s", name, t.value, t.unit);
        text_.erase(text_.find_last_not_of(' ') + 1);
        text_ += '\n';
    }
    void group(char const*, auto&& list) { list(*this); }

    [[nodiscard]] std::string& text() noexcept { return text_; }

private:
    std::string text_;
};

/// `name=value`, the groups' names before it with a dot. Fractions in as many digits as it takes to read the same number.
class key_values {
public:
    explicit key_values(std::string& out, std::string prefix = "") : out_(out), prefix_(std::move(prefix)) {}
    template <class T>
    void operator()(char const* name, T const& value, char const* = "") {
        (out_ += prefix_) += name;
        (out_ += '=') += written(json(value), -1);
        out_ += '\n';
    }
    void group(std::string const& name, auto&& list) {
        key_values inner{out_, prefix_ + name + "."};
        list(inner);
    }

private:
    std::string& out_;
    std::string prefix_;
};

class json_writer {
public:
    explicit json_writer(json& out) : out_(out) {}
    template <class T>
    void operator()(char const* name, T const& value, char const* = "") {
        out_[name] = value;
    }
    void group(char const* name, auto&& list) {
        json_writer inner{out_[name]};
        list(inner);
    }

private:
    json& out_;
};

/// Reads until something is missing; what it was is the first thing that `error` is told.
class json_reader {
public:
    json_reader(json const& in, char const* what, std::string& error) : in_(in), what_(what), error_(error) {}

    template <class T>
    void operator()(char const* name, T& value, char const* = "") {
        json const* const found = member(name);
        if constexpr (std::is_floating_point_v<T>) {
            if (found == nullptr || !found->is_number()) return want("a number", name);
            found->get_to(value);
        } else if constexpr (std::is_signed_v<T>) {
            if (found == nullptr || !found->is_number_integer()) return want("a whole number", name);
            found->get_to(value);
        } else {
            if (found == nullptr || !found->is_number_unsigned()) return want("an unsigned number", name);
            auto const n = found->get<unsigned long long>();
            if (n > std::numeric_limits<T>::max()) return want("a smaller number", name);
            value = static_cast<T>(n);
        }
    }
    void group(char const* name, auto&& list) {
        static json const nothing;
        json const* const found = member(name);
        json_reader inner{found != nullptr ? *found : nothing, what_, error_};
        inner.complete_ = complete_;
        list(inner);
        complete_ = inner.complete_;
    }

    [[nodiscard]] json const* member(char const* name) const {
        return in_.is_object() && in_.contains(name) ? &in_[name] : nullptr;
    }
    void want(char const* kind, char const* name) {
        if (complete_) error_ = absl::StrFormat("framealloc: %s want %s under \"%s\"", what_, kind, name);
        complete_ = false;
    }
    [[nodiscard]] bool complete() const noexcept { return complete_; }

private:
    json const& in_;
    char const* what_;
    std::string& error_;
    bool complete_ = true;
};

template <class S>
[[nodiscard]] std::string text_of(S const& s) {
    text_rows rows;
    for_each_figure(s, rows);
    return std::move(rows.text());
}
template <class S>
[[nodiscard]] std::string key_values_of(S const& s) {
    std::string text;
    key_values out{text};
    for_each_figure(s, out);
    return text;
}
/// Of a row of them, with their places.
template <class S>
[[nodiscard]] std::string key_values_of(char const* name, std::span<S const> rows) {
    std::string text;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        key_values out{text, absl::StrFormat("%s.%d.", name, i)};
        for_each_figure(rows[i], out);
    }
    return text;
}
template <class S>
[[nodiscard]] json json_of(S const& s) {
    json document;
    json_writer out{document};
    for_each_figure(s, out);
    return document;
}
template <class S>
[[nodiscard]] json json_of_rows(std::span<S const> rows) {
    json document = json::array();
    for (S const& s : rows) document.push_back(json_of(s));
    return document;
}

/// Text that is no JSON is read as nothing, in which everything is missing.
[[nodiscard]] inline json parsed(std::string_view text) {
    return json::parse(text.begin(), text.end(), nullptr, false);
}
template <class S>
[[nodiscard]] bool read(json const& document, char const* what, S& into, std::string& error) {
    S s;
    json_reader in{document, what, error};
    for_each_figure(s, in);
    if (in.complete()) into = s;
    return in.complete();
}
template <class S>
[[nodiscard]] bool read_rows(json const& document, char const* what, std::vector<S>& into, std::string& error) {
    if (!document.is_array()) {
        error = absl::StrFormat("framealloc: %s want an array", what);
        return false;
    }
    std::vector<S> rows(document.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!read(document[i], what, rows[i], error)) return false;
    }
    into = std::move(rows);
    return true;
}

[[nodiscard]] inline double milliseconds(unsigned long long ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace framealloc::figures
