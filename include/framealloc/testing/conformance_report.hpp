// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the conformance kit answers: which promises of a family a policy breaks. Knows no test framework.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace framealloc::inline v0_1::testing {

/// A number that says under which circumstances a promise was broken.
struct figure {
    char const* name;
    unsigned long long value;
};

/// The promises that were looked at, and those that were not kept. A promise broken many times is told once, with the
/// numbers of the first time.
///
///     auto const report = framealloc::testing::check_backend(my_backend);
///     if (!report.passed()) std::puts(report.text().c_str());
///
///   Threads   One at a time: the kit's own threads count by themselves and report when they have been joined.
///   Lifetime  Promises and names of figures are string literals.
class conformance_report {
public:
    explicit conformance_report(char const* subject) : subject_(subject) {}

    /// Notes that a promise was looked at, and `figures` if it was broken. Answers `kept`, so that a check can give up
    /// where nothing sensible can follow.
    [[gnu::noinline]] bool expect(bool kept, char const* promise, std::initializer_list<figure> figures = {}) {
        ++looked_at_;
        if (kept) return true;
        for (broken& b : broken_) {
            if (b.promise == promise) return ++b.times, false;
        }
        broken_.push_back({promise, numbers_of(figures), 1});
        return false;
    }

    /// Takes over what another report found.
    void add(conformance_report const& other) {
        looked_at_ += other.looked_at_;
        broken_.insert(broken_.end(), other.broken_.begin(), other.broken_.end());
    }

    [[nodiscard]] bool passed() const noexcept { return looked_at_ != 0 && broken_.empty(); }
    /// How often a promise was looked at: zero means that nothing was tested.
    [[nodiscard]] std::size_t looked_at() const noexcept { return looked_at_; }
    /// How many different promises were broken.
    [[nodiscard]] std::size_t broken_promises() const noexcept { return broken_.size(); }
    /// Whether a promise whose text contains `words` was broken.
    [[nodiscard]] bool broke(char const* words) const {
        for (broken const& b : broken_) {
            if (b.promise.find(words) != std::string::npos) return true;
        }
        return false;
    }

    /// A line per broken promise; for a policy that keeps them all, one line that says so.
    [[nodiscard]] std::string text() const {
        std::string out = std::string{subject_} + ": " + std::to_string(looked_at_) + " checks, " +
                          std::to_string(broken_.size()) + " promises broken\n";
        for (broken const& b : broken_) {
            out += "  broken: " + b.promise + b.numbers;
            if (b.times > 1) out += ", and " + std::to_string(b.times - 1) + " times more";
            out += '\n';
        }
        return out;
    }

private:
    struct broken {
        std::string promise;
        std::string numbers;
        std::size_t times;
    };

    static std::string numbers_of(std::initializer_list<figure> figures) {
        std::string out;
        for (figure const& f : figures) {
            out += (out.empty() ? " (" : ", ") + std::string{f.name} + ' ' + std::to_string(f.value);
        }
        return out.empty() ? out : out + ')';
    }

    char const* subject_;
    std::size_t looked_at_ = 0;
    std::vector<broken> broken_;
};

}  // namespace framealloc::testing
