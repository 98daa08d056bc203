// SPDX-License-Identifier: MIT OR Apache-2.0
#include "figures.hpp"

// Reports of frames, of their phases, and of the frames in a window.

namespace framealloc::inline v0_1 {

using namespace figures;

namespace {

/// The phase at `place` and, two columns further right, those inside it.
void add_tree(std::string& text, std::span<phase_stats const> phases, std::size_t place) {
    phase_stats const& p = phases[place];
    std::string const name = std::string(2 * std::size_t{p.depth}, ' ') + p.name;
    absl::StrAppendFormat(&text, "%-24s %8d %12.3f %12.3f %12d %12d %10d %10d %10d\n", name, p.entries,
                          milliseconds(p.total.nanoseconds), milliseconds(p.self.nanoseconds), p.total.frame_bytes,
                          p.self.frame_bytes, p.total.operations.frame_allocations, p.total.operations.pool_allocations,
                          p.total.operations.heap_allocations);
    for (std::size_t i = place + 1; i < phases.size(); ++i) {
        if (phases[i].parent == place) add_tree(text, phases, i);
    }
}

[[nodiscard]] json json_of_phases(std::span<phase_stats const> phases) {
    json document = json::array();
    for (phase_stats const& p : phases) {
        json row;
        row["name"] = p.name;
        row["parent"] = p.parent == phase_stats::no_parent ? json(nullptr) : json(p.parent);
        row.update(json_of(p));
        document.push_back(row);
    }
    return document;
}

[[nodiscard]] bool read_phase(json const& row, std::size_t place, read_phases& into, std::string& error) {
    phase_stats p;
    json_reader in{row, "phases", error};
    json const* const name = in.member("name");
    json const* const parent = in.member("parent");
    if (name == nullptr || !name->is_string()) in.want("a text", "name");
    if (parent != nullptr && parent->is_number_unsigned() && parent->get<std::uint64_t>() < place) {
        parent->get_to(p.parent);
    } else if (parent == nullptr || !parent->is_null()) {
        in.want("the place of an earlier one, or null,", "parent");
    }
    for_each_figure(p, in);
    if (!in.complete()) return false;
    p.name = into.names.emplace_back(name->get<std::string>()).c_str();
    into.phases.push_back(p);
    return true;
}
[[nodiscard]] bool read_all_phases(json const& document, read_phases& into, std::string& error) {
    if (!document.is_array()) {
        error = "framealloc: phases want an array";
        return false;
    }
    read_phases read;
    for (std::size_t i = 0; i < document.size(); ++i) {
        if (!read_phase(document[i], i, read, error)) return false;
    }
    into = std::move(read);
    return true;
}

}  // namespace

// --- a frame ----------------------------------------------------------------------------------------------------------

std::string to_text(frame_stats const& frame) {
    text_rows rows;
    for_each_figure(frame, rows);
    rows("efficiency", frame.efficiency(), "of 1");
    return std::move(rows.text());
}
std::string to_line(frame_stats const& frame) {
    operation_counts const& o = frame.operations;
    return absl::StrFormat("frame %d: %.3f ms, %d of %d bytes used; %d frame, %d pool, %d heap allocations; %d refused",
                           frame.number, milliseconds(frame.nanoseconds), frame.bytes_used, frame.bytes_reserved,
                           o.frame_allocations, o.pool_allocations, o.heap_allocations, frame.refused.total());
}
std::string to_key_values(frame_stats const& frame) { return key_values_of(frame); }
std::string to_json(frame_stats const& frame) { return written(json_of(frame)); }
bool frame_stats_from_json(std::string_view text, frame_stats& frame, std::string& error) {
    return read(parsed(text), "frame statistics", frame, error);
}

// --- its phases -------------------------------------------------------------------------------------------------------

std::string to_text(std::span<phase_stats const> phases) {
    std::string text = absl::StrFormat("%-24s %8s %12s %12s %12s %12s %10s %10s %10s\n", "phase", "entries", "total ms",
                                       "self ms", "total bytes", "self bytes", "frame", "pool", "heap");
    for (std::size_t i = 0; i < phases.size(); ++i) {
        if (phases[i].parent == phase_stats::no_parent) add_tree(text, phases, i);
    }
    return text;
}
std::string to_line(std::span<phase_stats const> phases) {
    std::string text = absl::StrFormat("%d phases", phases.size());
    char const* before = ": ";
    for (phase_stats const& p : phases) {
        if (p.parent != phase_stats::no_parent) continue;
        absl::StrAppendFormat(&text, "%s%s %.3f ms %d bytes", before, p.name, milliseconds(p.total.nanoseconds),
                              p.total.frame_bytes);
        before = ", ";
    }
    return text;
}
std::string to_key_values(std::span<phase_stats const> phases) {
    std::string text;
    for (std::size_t i = 0; i < phases.size(); ++i) {
        key_values out{text, absl::StrFormat("phase.%d.", i)};
        // A name is somebody's text: as in JSON, in quotes, so that no line end in it ends the line.
        out("name", std::string(phases[i].name));
        if (phases[i].parent != phase_stats::no_parent) out("parent", phases[i].parent);
        for_each_figure(phases[i], out);
    }
    return text;
}
std::string to_json(std::span<phase_stats const> phases) { return written(json_of_phases(phases)); }
bool phases_from_json(std::string_view text, read_phases& phases, std::string& error) {
    return read_all_phases(parsed(text), phases, error);
}

// --- both -------------------------------------------------------------------------------------------------------------

std::string to_text(frame_summary const& summary) {
    text_rows rows;
    for_each_figure(summary.frame, rows);
    rows("bytes_discarded", summary.bytes_discarded, "bytes");
    return rows.text() + to_text(summary.phases);
}
std::string to_line(frame_summary const& summary) {
    return absl::StrFormat("%s; %d bytes discarded, %d objects destroyed; %s", to_line(summary.frame),
                           summary.bytes_discarded, summary.frame.objects_destroyed, to_line(summary.phases));
}
std::string to_key_values(frame_summary const& summary) {
    std::string text = key_values_of(summary.frame);
    key_values{text}("bytes_discarded", summary.bytes_discarded);
    return text + to_key_values(summary.phases);
}
std::string to_json(frame_summary const& summary) {
    json document = json_of(summary.frame);
    document["bytes_discarded"] = summary.bytes_discarded;
    document["phases"] = json_of_phases(summary.phases);
    return written(document);
}
bool frame_summary_from_json(std::string_view text, frame_summary& summary, read_phases& owner, std::string& error) {
    json const document = parsed(text);
    frame_summary read_summary;
    json_reader in{document, "frame summaries", error};
    for_each_figure(read_summary.frame, in);
    in("bytes_discarded", read_summary.bytes_discarded);
    json const* const phases = in.member("phases");
    if (phases == nullptr) in.want("an array", "phases");
    if (!in.complete() || !read_all_phases(*phases, owner, error)) return false;
    read_summary.phases = owner.phases;
    summary = read_summary;
    return true;
}

// --- frames in a window -----------------------------------------------------------------------------------------------

std::string to_text(performance_report const& report) { return text_of(report); }
std::string to_line(performance_report const& report) {
    return absl::StrFormat(
        "%d frames in %.1f s: p50 %.3f, p99 %.3f, max %.3f ms; %.1f allocations and %.0f bytes a frame, at most %d; "
        "efficiency %.1f %%",
        report.frames, static_cast<double>(report.span_nanoseconds) / 1e9, milliseconds(report.p50_nanoseconds),
        milliseconds(report.p99_nanoseconds), milliseconds(report.max_nanoseconds), report.average_allocations,
        report.average_bytes_used, report.bytes_used_peak, report.efficiency * 100);
}
std::string to_key_values(performance_report const& report) { return key_values_of(report); }
std::string to_json(performance_report const& report) { return written(json_of(report)); }
bool performance_from_json(std::string_view text, performance_report& report, std::string& error) {
    return read(parsed(text), "performance reports", report, error);
}

namespace {

class html_rows {
public:
    explicit html_rows(std::string& out) : out_(out) {}
    template <class T>
    void operator()(char const* name, T value, char const* unit) {
        told const t{value, unit};
        absl::StrAppendFormat(&out_, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n", name, t.value, t.unit);
    }

private:
    std::string& out_;
};

}  // namespace

std::string to_html(performance_report const& report) {
    std::string page =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Frames</title>\n"
        "<style>td { padding: 0 1em; } td + td { text-align: right; } td + td + td { text-align: left; }</style>\n"
        "</head>\n<body>\n<table>\n";
    html_rows rows{page};
    for_each_figure(report, rows);
    return page + "</table>\n</body>\n</html>\n";
}

}  // namespace framealloc
