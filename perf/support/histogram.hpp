// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>

/// How often which value occurred, in buckets whose width grows with the value: 64 to each doubling, so that a value is known
/// to within one part in 64, and below 64 exactly. Values from 2^40 on count as the largest.
///
///   Cost      a few instructions and one write per value; nothing is allocated. 18 KB, fixed.
///   Threads   One.
///   Source    G. Tene's HdrHistogram.
class histogram {
    static constexpr unsigned precision = 6;  ///< doublings that are exact, and the power of two of buckets to each
    static constexpr unsigned doublings = 40;
    static constexpr std::size_t to_each = std::size_t{1} << precision;
    static constexpr std::size_t bucket_count = (doublings - precision + 1) * to_each;
    static constexpr std::uint64_t largest = (std::uint64_t{1} << doublings) - 1;

public:
    void record(std::uint64_t value) {
        ++counts_[index_of(std::min(value, largest))];
        ++total_;
        if (value > max_) max_ = value;
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }  ///< exact

    /// A value that `share` of all values do not exceed: the upper end of its bucket. 0 where there is none.
    [[nodiscard]] std::uint64_t at(double share) const {
        auto const wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            seen += counts_[i];
            if (counts_[i] != 0 && seen >= wanted) return std::min(last_of(i), max_);
        }
        return max_;
    }

    /// One line per bucket that is not empty: from, to, how many, and the share of all that does not exceed it. `unit` is the
    /// length of one step, for `unit_name`.
    void print(std::FILE* to, char const* title, double unit, char const* unit_name) const {
        std::fprintf(to, "# %s: %llu values; from, to (%s), count, share up to here\n", title,
                     static_cast<unsigned long long>(total_), unit_name);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            if (counts_[i] == 0) continue;
            seen += counts_[i];
            std::fprintf(to, "%12.1f %12.1f %12llu %10.6f\n", static_cast<double>(first_of(i)) * unit,
                         static_cast<double>(last_of(i) + 1) * unit, static_cast<unsigned long long>(counts_[i]),
                         static_cast<double>(seen) / static_cast<double>(total_));
        }
    }

private:
    /// Bucket i < 64 is the value i. From there on the upper bits of the value are its place in its doubling.
    [[nodiscard]] static std::size_t index_of(std::uint64_t value) {
        if (value < to_each) return static_cast<std::size_t>(value);
        auto const doubling = static_cast<unsigned>(std::bit_width(value)) - 1 - precision;
        return doubling * to_each + static_cast<std::size_t>(value >> doubling);
    }
    [[nodiscard]] static std::uint64_t first_of(std::size_t i) {
        if (i < 2 * to_each) return i;
        std::size_t const doubling = i / to_each - 1;
        return static_cast<std::uint64_t>(to_each + i % to_each) << doubling;
    }
    [[nodiscard]] static std::uint64_t last_of(std::size_t i) { return first_of(i + 1) - 1; }

    std::uint64_t counts_[bucket_count]{};
    std::uint64_t total_ = 0;
    std::uint64_t max_ = 0;
};
