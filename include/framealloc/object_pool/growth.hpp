// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace framealloc::inline v0_1 {

/// By how many slots a growing pool grows. What it says is cut to what the pool's `maximum` leaves; 0 refuses to grow.
class growth {
public:
    enum class kind : unsigned char { none, linear, exponential, custom };

    /// Doubling.
    growth() noexcept = default;

    /// Never.
    [[nodiscard]] static growth none() noexcept { return growth{kind::none, 0, 0.0}; }
    /// By `slots` at a time; at least 1.
    [[nodiscard]] static growth linear(std::size_t slots) noexcept { return growth{kind::linear, slots, 0.0}; }
    /// To `factor` times the slots that there are, rounded up; more than 1, and finite.
    [[nodiscard]] static growth exponential(double factor) noexcept { return growth{kind::exponential, 0, factor}; }
    /// By what `step(slots that there are)` says. It is called while no lock is held, and may throw out of the plain forms, which
    /// changes nothing; out of `try_` forms that is a refusal.
    [[nodiscard]] static growth custom(std::function<std::size_t(std::size_t)> step) {
        growth g{kind::custom, 0, 0.0};
        g.custom_ = std::move(step);
        return g;
    }

    [[nodiscard]] kind which() const noexcept { return kind_; }
    [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
    [[nodiscard]] double factor() const noexcept { return factor_; }
    /// Whether `custom` was given something to call.
    [[nodiscard]] bool is_callable() const noexcept { return static_cast<bool>(custom_); }

    /// How many slots more, for a pool that has `capacity`.
    [[nodiscard]] std::size_t step(std::size_t capacity) const {
        switch (kind_) {
            case kind::none: return 0;
            case kind::linear: return slots_;
            case kind::custom: return custom_(capacity);
            case kind::exponential: break;
        }
        double const more = static_cast<double>(capacity) * (factor_ - 1.0);
        if (!(more < 0x1p63)) return SIZE_MAX;
        auto const whole = static_cast<std::size_t>(more);
        return whole + (static_cast<double>(whole) < more);
    }

private:
    growth(kind which, std::size_t slots, double factor) noexcept : kind_(which), slots_(slots), factor_(factor) {}

    kind kind_ = kind::exponential;
    std::size_t slots_ = 0;
    double factor_ = 2.0;
    std::function<std::size_t(std::size_t)> custom_;
};

}  // namespace framealloc
