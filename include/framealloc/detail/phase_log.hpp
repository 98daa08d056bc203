// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/phase_stats.hpp>

#include <span>

namespace framealloc::inline v0_1::detail {

/// The phases of a thread's present frame, and of the frame before. Figures are differences of running sums, so that
/// nothing is done between entering and leaving: on entering, `total -= now`; on leaving, `total += now`; and `self`
/// likewise whenever another phase becomes the innermost one.
///
///   Cost      O(phases of the frame) to enter, O(1) to leave.
///   Threads   The owner's alone.
///   Failure   The last place is kept for all phases that find no other: "(more)", in which phases do not nest, and which
///             is nobody's child. Its figures are taken out of `self` of the phase around it, and stay in the totals.
///   Invariant The open phases are `innermost_` and its parents, and above those `level_` times "(more)".
class phase_log {
    static constexpr unsigned short none = phase_stats::no_parent;

public:
    static constexpr unsigned short room = 64;

    /// What a phase that has been entered is left by.
    struct entry {
        unsigned long long sequence = 0;
        unsigned short place = 0;
        unsigned level = 0;  ///< in "(more)"
    };
    enum class left : unsigned char {
        in_order,
        out_of_order,  ///< with phases open that were entered later, which have been left as well
        already,       ///< when a phase around it was left, or its frame ended
    };

    [[nodiscard]] entry enter(char const* name, phase_figures const& now) noexcept {
        unsigned short const i = level_ == 0 ? place_of(name) : more;
        phase_stats& p = list()[i];
        ++p.entries;
        ++sequence_;
        if (level_ == 0) {
            if (innermost_ != none) list()[innermost_].self += now;
            p.self -= now;
            p.total -= now;
        }
        if (i == more) {
            p.name = "(more)";
            ++level_;
        } else {
            open_[i] = sequence_;
            innermost_ = i;
        }
        return {sequence_, i, level_};
    }

    [[nodiscard]] left leave(entry const& e, phase_figures const& now) noexcept {
        bool const in_more = e.place == more;
        if (in_more ? e.sequence <= more_left_to_ : e.sequence != open_[e.place]) return left::already;
        bool const in_order = level_ == e.level && (in_more || innermost_ == e.place);
        if (in_more) {
            if (--level_ == 0) leave_place(more, now);
        } else {
            leave_down_to(e.place, now);
        }
        return in_order ? left::in_order : left::out_of_order;
    }

    /// The frame ends, and its phases with it. Answers how many were still open.
    unsigned end_frame(phase_figures const& now) noexcept {
        unsigned open = level_;
        for (unsigned short i = innermost_; i != none; i = list()[i].parent) ++open;
        leave_down_to(none, now);
        last_count_ = count_ == more && list()[more].entries != 0 ? room : count_;
        current_ = !current_;
        clear();
        return open;
    }

    /// The name of the innermost open phase; null where none is open.
    [[nodiscard]] char const* innermost() const noexcept {
        if (level_ != 0) return lists_[current_][more].name;
        return innermost_ != none ? lists_[current_][innermost_].name : nullptr;
    }

    /// Those of the last finished frame.
    [[nodiscard]] std::span<phase_stats const> last() const noexcept { return {lists_[!current_], last_count_}; }

    /// Forgets everything: another thread takes over.
    void start_thread() noexcept {
        leave_down_to(none, {});
        last_count_ = 0;
        clear();
    }

private:
    static constexpr unsigned short more = room - 1;

    [[nodiscard]] phase_stats* list() noexcept { return lists_[current_]; }

    [[nodiscard]] unsigned short place_of(char const* name) noexcept {
        for (unsigned short i = 0; i < count_; ++i) {
            phase_stats const& p = list()[i];
            if (p.parent == innermost_ && (p.name == name || __builtin_strcmp(p.name, name) == 0)) return i;
        }
        if (count_ == more) return more;
        auto const depth = innermost_ == none ? 0 : list()[innermost_].depth + 1;
        list()[count_] = {.name = name, .parent = innermost_, .depth = static_cast<unsigned short>(depth)};
        return count_++;
    }
    /// The phase is the innermost one, or "(more)".
    void leave_place(unsigned short i, phase_figures const& now) noexcept {
        phase_stats& p = list()[i];
        p.total += now;
        p.self += now;
        if (i != more) {
            open_[i] = 0;
            innermost_ = p.parent;
        }
        if (innermost_ != none) list()[innermost_].self -= now;
    }
    /// Leaves the phase at `place` and all that are inside it; `none`: all.
    void leave_down_to(unsigned short place, phase_figures const& now) noexcept {
        if (level_ != 0) leave_place(more, now);
        level_ = 0;
        more_left_to_ = sequence_;
        while (innermost_ != none) {
            unsigned short const i = innermost_;
            leave_place(i, now);
            if (i == place) return;
        }
    }
    void clear() noexcept {
        count_ = 0;
        list()[more] = {};
    }

    phase_stats lists_[2][room]{};
    unsigned long long open_[room]{};      ///< the sequence of the entry by which a phase is open; 0: it is not
    unsigned long long sequence_ = 0;      ///< of the newest entry
    unsigned long long more_left_to_ = 0;  ///< entries of "(more)" up to this one have been left
    unsigned level_ = 0;
    unsigned short innermost_ = none;
    unsigned short count_ = 0;  ///< places in use, without "(more)"
    unsigned short last_count_ = 0;
    bool current_ = false;
};

}  // namespace framealloc::detail
