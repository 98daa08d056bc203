// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/charged_tag_scope.hpp>
#include <framealloc/tag_usage.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The tags of an instance whose budget charges them: what `alloc.budgets()` answers. A view, as small as a pointer.
///
///   Threads   Any number. Figures are exact when the instance's threads are at rest.
///   Failure   As `budget::per_tag` says.
template <class A>
class tag_budgets {
    static_assert(charges_tags<typename A::budget>,
                  "framealloc: budgets() is for a budget that charges tags; choose budget::per_tag");

public:
    explicit tag_budgets(detail::core<A>& owner) noexcept : core_(&owner) {}

    void set(allocation_tag const& tag, budget_limits const& limits) { policy().set(tag, limits); }
    void set_total(budget_limits const& limits) { policy().set_total(limits); }
    void set_global(budget_limits const& limits) { policy().set_global(limits); }
    void set_frames(budget_limits const& limits) { policy().set_frames(limits); }
    /// Limits the calling thread's frames, from its next one on, instead of what `set_frames` says. Throws
    /// `configuration_error` as that does, and `allocation_failure` when the thread has no state and cannot get one.
    void set_frame_limits(budget_limits const& limits) {
        policy().check_alone(limits);
        core_->state_or_throw().frame.charges().set_own_limits(limits);
    }
    [[nodiscard]] budget_limits limits(allocation_tag const& tag) const noexcept { return policy().limits(tag); }
    [[nodiscard]] std::size_t credit_bytes(allocation_tag const& tag) const noexcept {
        return policy().credit_bytes(tag);
    }
    void set_listener(budget_listener* listener) noexcept { policy().set_listener(listener); }

    /// The path of the tag that the calling thread allocates under now; "(untagged)" where there is none.
    [[nodiscard]] char const* current() const noexcept {
        auto* const s = core_->state_if_any();
        return detail::name_of(s != nullptr ? s->tags.tag() : detail::root_tag);
    }

    /// What a tag has. O(tags + threads).
    [[nodiscard]] tag_usage usage(allocation_tag const& tag) const { return usage_of(tag.id(), sums()); }
    /// What the whole tree has: under any tag or none.
    [[nodiscard]] tag_usage total() const {
        tag_usage u = usage_of(detail::root_tag, sums());
        u.path = detail::limit_name_of(detail::root_tag);
        return u;
    }
    /// Fills `out` with every tag that has been used or limited in this process, a tag before those beneath it and else by
    /// path, beginning with what is allocated under none. Answers how many there are, of which `out.size()` are filled in.
    /// O(tags log tags + threads), without allocation.
    [[nodiscard]] std::size_t table(std::span<tag_usage> out) const {
        detail::tag_id ids[detail::tag_count];
        std::size_t const n = sorted(ids);
        thread_sums const all = sums();
        for (std::size_t i = 0; i < n && i < out.size(); ++i) out[i] = usage_of(ids[i], all);
        return n;
    }

    /// Fills `out` with what the calling thread's last finished frame used, by tag, in the order of `table()`; together it is
    /// what `frame_stats().bytes_used` says. Answers how many tags used any, of which `out.size()` are filled in.
    [[nodiscard]] std::size_t last_frame(std::span<frame_tag> out) const {
        auto* const s = core_->state_if_any();
        if (s == nullptr) return 0;
        detail::tag_id ids[detail::tag_count];
        std::size_t const n = sorted(ids);
        std::size_t used = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::size_t const bytes = s->frame.charges().last_used(ids[i]);
            if (bytes == 0) continue;
            if (used < out.size()) out[used] = {detail::name_of(ids[i]), bytes};
            ++used;
        }
        return used;
    }

private:
    /// What threads have been credited and have not spent, by tag.
    struct thread_sums {
        std::size_t frame[detail::tag_count]{};
        std::size_t pool[detail::tag_count]{};
    };

    [[nodiscard]] auto& policy() const noexcept { return core_->gate().budget(); }

    [[nodiscard]] thread_sums sums() const {
        thread_sums all;
        core_->for_each_state([&](detail::thread_state<A>& s, bool) {
            for (std::size_t i = 0; i < detail::tag_count; ++i) {
                auto const t = static_cast<detail::tag_id>(i);
                all.frame[i] += s.frame.charges().unspent(s.window, t);
                all.pool[i] += s.tags.unspent(t);
            }
        });
        return all;
    }

    /// Neither is less than nothing while threads run.
    [[nodiscard]] static std::size_t less(std::size_t charged, std::size_t unspent) noexcept {
        return charged > unspent ? charged - unspent : 0;
    }
    [[nodiscard]] std::size_t own_bytes(detail::tag_id t, thread_sums const& all) const noexcept {
        auto const& node = policy().node(t);
        return less(node.own_bytes(allocation_intent::frame), all.frame[t]) +
               less(node.own_bytes(allocation_intent::pool), all.pool[t]) + node.own_bytes(allocation_intent::heap);
    }

    [[nodiscard]] tag_usage usage_of(detail::tag_id t, thread_sums const& all) const {
        auto const& node = policy().node(t);
        tag_usage u{.path = detail::name_of(t),
                    .depth = depth_of(t),
                    .frame_bytes = less(node.own_bytes(allocation_intent::frame), all.frame[t]),
                    .pool_bytes = less(node.own_bytes(allocation_intent::pool), all.pool[t]),
                    .heap_bytes = node.own_bytes(allocation_intent::heap),
                    .total_bytes = own_bytes(t, all),
                    .peak_bytes = node.peak.load(detail::order::relaxed),
                    .credited_bytes = all.frame[t] + all.pool[t],
                    .limits = policy().limits(t)};
        detail::known_tags.for_each([&](detail::tag_id other) {
            if (detail::known_tags.is_below(other, t)) u.total_bytes += own_bytes(other, all);
        });
        return u;
    }

    [[nodiscard]] static std::size_t depth_of(detail::tag_id t) noexcept {
        std::size_t depth = 0;
        for (; t != detail::root_tag; t = detail::known_tags.parent(t)) ++depth;
        return depth;
    }
    [[nodiscard]] bool is_in_use(detail::tag_id t) const noexcept {
        auto const& node = policy().node(t);
        return node.peak.load(detail::order::relaxed) != 0 || !(policy().limits(t) == budget_limits{});
    }

    /// The numbers of the tags that this instance knows something about, in the order of their paths. Answers how many.
    [[nodiscard]] std::size_t sorted(detail::tag_id* ids) const {
        std::size_t n = 0;
        ids[n++] = detail::root_tag;
        detail::known_tags.for_each([&](detail::tag_id t) {
            if (!is_in_use(t)) return;
            std::size_t i = n++;
            for (; i > 1 && comes_before(detail::known_tags.path(t), detail::known_tags.path(ids[i - 1])); --i) {
                ids[i] = ids[i - 1];
            }
            ids[i] = t;
        });
        return n;
    }
    /// `/` sorts before every other character, so that what is beneath a tag follows it.
    [[nodiscard]] static bool comes_before(char const* a, char const* b) noexcept {
        auto const rank = [](char c) { return c == '\0' ? 0 : c == '/' ? 1 : 2 + static_cast<unsigned char>(c); };
        while (*a != '\0' && *a == *b) ++a, ++b;
        return rank(*a) < rank(*b);
    }

    detail::core<A>* core_;
};

}  // namespace framealloc
