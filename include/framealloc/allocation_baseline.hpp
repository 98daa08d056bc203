// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocation_budget.hpp>
#include <framealloc/detail/platform/platform.hpp>

#include <fstream>
#include <istream>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace framealloc::inline v0_1 {

/// What a stretch of work has requested.
struct allocation_totals {
    unsigned long long count = 0;
    unsigned long long bytes = 0;
    friend bool operator==(allocation_totals const&, allocation_totals const&) noexcept = default;
};

/// Calls `f()`, and answers what this thread has requested meanwhile, as an `allocation_budget` counts it.
template <class F>
[[nodiscard]] allocation_totals measure_allocations(F&& f, contract_intents which = {}) {
    allocation_budget const measured{.name = "measure_allocations", .intent = which, .reports = false};
    static_cast<F&&>(f)();
    return {.count = measured.requested_count(), .bytes = measured.requested_bytes()};
}

/// How much named stretches of work may allocate: recorded once, kept in a text file beside the tests, and held against what
/// they allocate from then on. One line each, sorted by name:
///
///     # allocations bytes name
///     12 4096 load level
///     0 0 steady frame
///
///   Threads   One at a time.
///   Failure   Reading and writing answer false, and `error` says why; then nothing has changed.
class allocation_baseline {
public:
    /// What has been recorded under a name; null where nothing has.
    [[nodiscard]] allocation_totals const* find(std::string_view name) const {
        auto const at = recorded_.find(name);
        return at != recorded_.end() ? &at->second : nullptr;
    }
    /// Records, in place of what was recorded before. A name is one line of text.
    void record(std::string_view name, allocation_totals const& seen) {
        recorded_.insert_or_assign(std::string{name}, seen);
    }
    [[nodiscard]] std::size_t size() const noexcept { return recorded_.size(); }

    /// Whether `seen` is no more than what was recorded; otherwise `why` says by how much. A name that is not recorded fails.
    [[nodiscard]] bool allows(std::string_view name, allocation_totals const& seen, std::string& why) const {
        allocation_totals const* const most = find(name);
        if (most == nullptr) {
            why = '"' + std::string{name} + "\" is not in the baseline; it made " + text_of(seen);
            return false;
        }
        if (seen.count <= most->count && seen.bytes <= most->bytes) return true;
        why = '"' + std::string{name} + "\" made " + text_of(seen) + "; the baseline has " + text_of(*most);
        return false;
    }

    [[nodiscard]] bool read(std::istream& from, std::string& error) {
        std::map<std::string, allocation_totals, std::less<>> fresh;
        std::string line;
        for (unsigned long number = 1; std::getline(from, line); ++number) {
            if (line.empty() || line[0] == '#') continue;
            std::istringstream fields{line};
            allocation_totals seen;
            std::string name;
            // Digits first: a stream would take -1 for a very large number.
            bool const whole = line[0] >= '0' && line[0] <= '9' && bool(fields >> seen.count) &&
                               (fields >> std::ws).peek() != '-' && bool(fields >> seen.bytes) &&
                               bool(std::getline(fields >> std::ws, name)) && !name.empty();
            if (!whole) {
                error = "line " + std::to_string(number) + ": expected a count, bytes and a name";
                return false;
            }
            if (!fresh.emplace(name, seen).second) {
                error = "line " + std::to_string(number) + ": \"" + name + "\" is there already";
                return false;
            }
        }
        recorded_ = std::move(fresh);
        return true;
    }
    void write(std::ostream& to) const {
        to << "# allocations bytes name\n";
        for (auto const& [name, seen] : recorded_) to << seen.count << ' ' << seen.bytes << ' ' << name << '\n';
    }

    /// A file that is not there is refused, and so is one that is no baseline.
    [[nodiscard]] bool read_file(std::string const& path, std::string& error) {
        std::ifstream from{path};
        if (!from) {
            error = path + " cannot be read";
            return false;
        }
        if (read(from, error)) return true;
        error = path + ", " + error;
        return false;
    }
    [[nodiscard]] bool write_file(std::string const& path, std::string& error) const {
        std::ofstream to{path};
        write(to);
        to.flush();
        if (to) return true;
        error = path + " cannot be written";
        return false;
    }

    /// Measures `f()` and holds it against the line `name` of the file; empty where it may pass, and otherwise what is wrong.
    /// With FRAMEALLOC_UPDATE_BASELINE=1 in the environment the line is written instead.
    template <class F>
    [[nodiscard]] static std::string check(std::string const& path, std::string_view name, F&& f) {
        allocation_totals const seen = measure_allocations(static_cast<F&&>(f));
        allocation_baseline all;
        std::string wrong;
        bool const there = all.read_file(path, wrong);
        char const* const update = detail::platform::environment_value("FRAMEALLOC_UPDATE_BASELINE");
        if (update != nullptr && std::string_view{update} == "1") {
            if (!there && std::ifstream{path}) return wrong;  // what is no baseline is not written over
            all.record(name, seen);
            return all.write_file(path, wrong) ? std::string{} : wrong;
        }
        return there && all.allows(name, seen, wrong) ? std::string{} : wrong;
    }

private:
    [[nodiscard]] static std::string text_of(allocation_totals const& t) {
        return std::to_string(t.count) + " allocations of " + std::to_string(t.bytes) + " bytes";
    }

    std::map<std::string, allocation_totals, std::less<>> recorded_;
};

}  // namespace framealloc
