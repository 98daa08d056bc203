// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/budget_limits.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/tag_table.hpp>

namespace framealloc::inline v0_1::detail {

/// A limit in bytes. Kept plus one, so that zeroed memory has none.
class stored_limit {
public:
    constexpr stored_limit() noexcept = default;
    constexpr explicit stored_limit(std::size_t bytes) noexcept : plus_one_(bytes + 1) {}
    [[nodiscard]] std::size_t get() const noexcept { return plus_one_.load(order::relaxed) - 1; }
    void set(std::size_t bytes) noexcept { plus_one_.store(bytes + 1, order::relaxed); }

private:
    atomic<std::size_t> plus_one_{0};
};

/// A soft and a hard limit. They change one by one: who charges meanwhile may see one of them changed.
struct limit_pair {
    stored_limit soft{}, hard{};
    atomic<unsigned char> at_hard{0};

    constexpr limit_pair() noexcept = default;
    constexpr explicit limit_pair(std::size_t hard_bytes) noexcept : hard(hard_bytes) {}

    [[nodiscard]] limit_action action() const noexcept { return limit_action{at_hard.load(order::relaxed)}; }
    /// Whether the hard limit refuses, or has it be asked.
    [[nodiscard]] bool binds() const noexcept {
        return action() == limit_action::refuse || action() == limit_action::ask;
    }
    [[nodiscard]] budget_limits limits() const noexcept {
        return {.soft = soft.get(), .hard = hard.get(), .reserved = 0, .at_hard = action()};
    }
    void limit(budget_limits const& l) noexcept {
        soft.set(l.soft);
        hard.set(l.hard);
        at_hard.store(static_cast<unsigned char>(l.at_hard), order::relaxed);
    }
};

/// Bytes used, under a limit.
struct budget_total : limit_pair {
    atomic<std::size_t> used{0};
    atomic<bool> above_soft{false}, above_hard{false};  ///< has been told, and use has not fallen enough since

    using limit_pair::limit_pair;

    /// Relaxed throughout: the number guards itself; no other memory is published with it.
    [[nodiscard]] bool try_add(std::size_t bytes, bool ignore_limit, std::size_t& after) noexcept {
        std::size_t seen = used.load(order::relaxed);
        do {
            std::size_t const most = ignore_limit ? SIZE_MAX : hard.get();
            if (seen > most || bytes > most - seen) return false;
        } while (!used.compare_exchange(seen, seen + bytes, order::relaxed, order::relaxed));
        after = seen + bytes;
        rearm(after);
        return true;
    }
    void subtract(std::size_t bytes) noexcept { rearm(used.fetch_sub(bytes, order::relaxed) - bytes); }

    /// True once per crossing of the soft limit.
    [[nodiscard]] bool note_above_soft(std::size_t now) noexcept {
        return now > soft.get() && !above_soft.load(order::relaxed) && !above_soft.exchange(true, order::relaxed);
    }
    /// True once per crossing of the hard limit, or per series of requests that were refused at it.
    [[nodiscard]] bool note_above_hard() noexcept {
        return !above_hard.load(order::relaxed) && !above_hard.exchange(true, order::relaxed);
    }

private:
    void rearm(std::size_t now) noexcept {
        auto const fell = [now](std::size_t limit) { return now < limit - limit / 8; };
        if (above_soft.load(order::relaxed) && fell(soft.get())) above_soft.store(false, order::relaxed);
        if (above_hard.load(order::relaxed) && fell(hard.get())) above_hard.store(false, order::relaxed);
    }
};

/// One tag of the tree.
///
/// `used` is what has been charged to the tag and to those beneath it, and what these have reserved and do not use. Of it,
/// `passed` has been charged to the tag above; the rest came out of what the tag has reserved there, of which `left` is left.
/// While charges and refunds are under way, more may have been passed on than need be, and never less.
struct budget_node : budget_total {
    atomic<std::size_t> reserved{0}, left{0}, passed{0};
    atomic<std::size_t> peak{0};       ///< of `used`
    atomic<std::size_t> announced{0};  ///< the peak that a listener was told of
    atomic<std::size_t> own[3]{};      ///< charged to this very tag, by intent
    atomic<std::size_t> lent{0};       ///< of the heap's, what facilities have, which give account of it

    [[nodiscard]] atomic<std::size_t>& own_of(allocation_intent intent) noexcept { return own[std::size_t(intent)]; }
    [[nodiscard]] std::size_t own_bytes(allocation_intent intent) const noexcept {
        return own[std::size_t(intent)].load(order::relaxed);
    }
    [[nodiscard]] budget_limits limits() const noexcept {
        budget_limits l = limit_pair::limits();
        l.reserved = reserved.load(order::relaxed);
        return l;
    }

    /// Takes up to `most` of what is reserved, or has been passed on. Answers how much.
    [[nodiscard]] std::size_t take_reserved(std::size_t most) noexcept { return take(left, most); }
    [[nodiscard]] std::size_t take_passed(std::size_t most) noexcept { return take(passed, most); }

private:
    [[nodiscard]] static std::size_t take(atomic<std::size_t>& from, std::size_t most) noexcept {
        std::size_t seen = from.load(order::relaxed);
        for (;;) {
            std::size_t const n = seen < most ? seen : most;
            if (n == 0 || from.compare_exchange(seen, seen - n, order::relaxed, order::relaxed)) return n;
        }
    }
};

/// What one charge has crossed, for who made it to tell.
struct budget_crossings {
    static constexpr std::size_t levels = 9;  ///< of a path, the root's included

    struct crossing {
        budget_event_kind kind;
        tag_id tag;
        std::size_t before = 0;  ///< the peak before, for a new one
    };
    crossing list[3 * levels];
    std::size_t count = 0;
    tag_id limited_by = root_tag;

    void add(crossing c) noexcept {
        if (count < 3 * levels) list[count++] = c;
    }
};

[[nodiscard]] inline char const* name_of(tag_id tag) noexcept {
    return tag != root_tag ? known_tags.path(tag) : "(untagged)";
}
[[nodiscard]] inline char const* limit_name_of(tag_id tag) noexcept {
    return tag != root_tag ? known_tags.path(tag) : "(all tags)";
}

}  // namespace framealloc::inline v0_1::detail
