// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/group/detail/group_table.hpp>
#include <framealloc/region_verbs.hpp>

namespace framealloc::inline v0_1 {

/// The verbs of a group: memory that is gone when the group is freed. Mixed into `group` and `group_ref`.
///
///   Cost      Load, add, compare, branch, store, and one addition to the count of objects; the worst case takes a heap
///             block. Objects with a destructor cost 32 bytes and a few stores more, and their destructor at the end. In a
///             shared group a call and one compare-exchange.
///   Threads   One at a time; any number at the same time where the group is shared.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw
///             `allocation_failure`, or report and call the failure handler where exceptions are off. A group that is freed,
///             empty or being freed refuses both (FA411). Nothing has changed afterwards, also when a constructor throws; in a
///             shared group that object's memory then stays unused until the group is freed.
///   Lifetime  Until the group is freed. Objects are destroyed then, newest first.
template <class Self, class A>
class group_verbs : public region_verbs<Self, A> {
public:
    /// Takes raw memory of `bytes` back before the group does, if nothing has been allocated since. Otherwise, and in a shared
    /// group, false: then the memory is the group's, as always. O(1).
    bool try_give_back(void* p, std::size_t bytes) noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() && g.state->try_give_back(detail::address_of(p), bytes);
    }

    /// What the group has; all zero where it is not alive. O(1), O(blocks) of a shared group. On its own thread: `list()` may
    /// be called by any.
    [[nodiscard]] group_stats stats() const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() ? g.state->figures() : group_stats{};
    }
    /// Good until the group is freed; empty where it has none, or is not alive.
    [[nodiscard]] std::string_view name() const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() ? g.state->name() : std::string_view{};
    }
    /// Whether `p` lies in the group's memory. O(blocks).
    [[nodiscard]] bool owns(void const* p) const noexcept {
        detail::group_claim<A> const g = self().claim();
        return g.is_live() && g.state->owns(p);
    }
    /// Whether it can be allocated from, as far as the calling thread can know.
    [[nodiscard]] bool is_live() const noexcept { return self().claim().is_live(); }
    [[nodiscard]] explicit operator bool() const noexcept { return is_live(); }

private:
    friend class region_verbs<Self, A>;

    [[nodiscard]] FRAMEALLOC_HOT Self& self() noexcept { return static_cast<Self&>(*this); }
    [[nodiscard]] FRAMEALLOC_HOT Self const& self() const noexcept { return static_cast<Self const&>(*this); }

    template <bool Throws>
    FRAMEALLOC_HOT void* miss(layout request, std::size_t count, detail::site_of<A> at) noexcept(!Throws) {
        return detail::group_miss<A, Throws, decltype(self().known())>(self().known(), request, count, at);
    }
    template <bool Throws>
    FRAMEALLOC_HOT void* serve(layout request, std::size_t count, detail::site_of<A> at) noexcept(!Throws) {
        detail::group_window& g = self().hot();
        return detail::bump(
            g.window, request.bytes, request.align, [&]() FRAMEALLOC_INLINED { g.objects.add(count); },
            [&]() FRAMEALLOC_INLINED { return miss<Throws>(request, count, at); });
    }
    template <bool Throws, layout Request>
    FRAMEALLOC_HOT void* serve(detail::site_of<A> at) noexcept(!Throws) {
        detail::group_window& g = self().hot();
        return detail::bump<Request.bytes, Request.align>(
            g.window, [&]() FRAMEALLOC_INLINED { g.objects.add(1); },
            [&]() FRAMEALLOC_INLINED { return miss<Throws>(Request, 1, at); });
    }

    /// Where the group stood, for when a constructor throws.
    class undo_point {
    public:
        explicit undo_point(Self& s) noexcept : claim_(s.claim()) {
            if (claim_.is_live()) mark_ = claim_.state->mark();  // otherwise the request will be refused
        }
        void undo(std::size_t count, detail::site_of<A> at) const noexcept { claim_.state->undo(mark_, count, at); }

    private:
        detail::group_claim<A> claim_;
        detail::group_mark mark_{};
    };

    FRAMEALLOC_HOT void add(detail::finaliser& f) noexcept { self().claim().state->add(f); }
};

}  // namespace framealloc
