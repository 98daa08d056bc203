// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/group/group_verbs.hpp>

// Memory by name, that is freed all at once: a level, a session, a document.
//
//     auto level = alloc.groups().create("level_1");
//     auto* const boss = level.make<enemy>(100);
//     level.free();                                   // or with its end

namespace framealloc::inline v0_1 {

template <class A>
class group_ref;

/// The owner of a group of objects that live and die together: it frees them when it dies. Movable; empty at first.
///
///   Cost      That of its verbs; freeing is O(blocks of memory), and O(objects that have destructors). Where all are trivial,
///             a million objects are freed by a handful of calls.
///   Threads   One at a time, which need not be the one that made it. The verbs of a shared group are for any number.
///   Failure   A use of what is freed, moved from or never created is refused and reported, at every level (FA411), where
///             records are kept with the places where the group was created and freed.
///   Lifetime  Until `free()`, its destructor, `groups().free(ref)`, or the end of the instance, which frees what is alive, and
///             names it where somebody checks (FA216). What is in a group can be neither freed nor handed on by itself.
///   Source    D. R. Hanson, "Fast allocation and deallocation of memory based on object lifetimes",
///             Software: Practice and Experience 20(1), 1990; the pools of Apache's APR.
template <class A>
class [[nodiscard]] group : public group_verbs<group<A>, A> {
public:
    using assembly_type = A;

    constexpr group() noexcept = default;
    group(group&& other) noexcept : handle_(other.handle_) { take_over(other); }
    FRAMEALLOC_HOT group& operator=(group&& other) noexcept {
        if (this != &other) {
            if (handle_.has_group()) end(detail::here<A>());
            handle_ = other.handle_;
            take_over(other);
        }
        return *this;
    }
    FRAMEALLOC_HOT ~group() {
        if (handle_.has_group()) end(detail::here<A>());
    }

    /// Destroys the objects, newest first, and gives the memory back. Its name is free then.
    FRAMEALLOC_HOT void free() noexcept {
        if (handle_.has_group()) [[likely]]
            return end(detail::here<A>());
        detail::report_lost_group<A>(handle_, detail::here<A>());
    }

    /// A copyable reference with the same verbs, which knows when the group is gone. The instance outlives it.
    [[nodiscard]] group_ref<A> ref() const noexcept { return group_ref<A>{claim()}; }

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT detail::group_window& hot() noexcept { return *handle_.at; }
    [[nodiscard]] FRAMEALLOC_HOT detail::group_claim<A> claim() const noexcept { return handle_.claim; }
    [[nodiscard]] FRAMEALLOC_HOT detail::group_handle<A> const& known() const noexcept { return handle_; }

private:
    template <class>
    friend class group_registry;
    explicit group(detail::group_claim<A> const& given) noexcept {
        if (given.state == nullptr) return;
        handle_.at = given.state;
        handle_.claim = given;
        given.state->handle = &handle_;
    }

    void take_over(group& other) noexcept {
        if (handle_.has_group()) handle_.claim.state->handle = &handle_;
        other.handle_ = {};
    }
    // Not cold: compilers take what leads to a cold call, a whole loading function, for cold as well.
    [[gnu::noinline]] void end(detail::site_of<A> at) noexcept {
        if (!detail::group_table<A>::free(*handle_.claim.state, at)) detail::report_lost_group<A>(handle_, at);
    }

    detail::group_handle<A> handle_{};
};

/// A reference to a group, as large as two pointers, with its verbs. It does not keep the group alive: each call looks whether
/// it lives, two loads and comparisons more than through the group itself.
///
///   Threads   As the group.
///   Failure   Once the group is freed, it refuses and reports (FA411); the group's place is never mistaken for another's.
///   Lifetime  The instance outlives it.
template <class A>
class group_ref : public group_verbs<group_ref<A>, A> {
public:
    using assembly_type = A;

    constexpr group_ref() noexcept = default;
    group_ref(group<A> const& of) noexcept : claim_(of.claim()) {}
    explicit group_ref(detail::group_claim<A> const& claim) noexcept : claim_(claim) {}

    friend bool operator==(group_ref const& a, group_ref const& b) noexcept { return a.claim_ == b.claim_; }

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT detail::group_window& hot() noexcept {
        return claim_.is_live() ? *claim_.state : detail::closed_group;
    }
    [[nodiscard]] FRAMEALLOC_HOT detail::group_claim<A> claim() const noexcept { return claim_; }
    [[nodiscard]] FRAMEALLOC_HOT detail::group_claim<A> known() const noexcept { return claim_; }

private:
    detail::group_claim<A> claim_{};
};

/// The groups of an instance: what `alloc.groups()` answers. A view, as small as a pointer.
///
///   Cost      Creating, finding and freeing are O(log groups), and take the instance's lock; no memory is taken before the
///             first request but for some 300 bytes of the instance's own records.
///   Threads   Any number.
///   Failure   A name that is taken, or longer than `max_group_name`, is refused (FA410): whoever gets a group has one of his
///             own. Nothing has changed then, and the group of that name goes on.
template <class A>
class group_registry {
public:
    explicit group_registry(detail::core<A>& owner) noexcept : core_(&owner) {}

    /// A new, empty group. Without a name it is listed, and cannot be found. Throws `allocation_failure` for a name that is
    /// refused and where memory is short, `configuration_error` for a field of `config` out of range.
    [[nodiscard]] FRAMEALLOC_HOT group<A> create(std::string_view name = {}, group_config const& config = {}) {
        return group<A>{create_or_throw(name, config, detail::here<A>())};
    }
    /// The same; an empty handle where it is refused. What is wrong with the name or the configuration is reported.
    [[nodiscard]] FRAMEALLOC_HOT group<A> try_create(std::string_view name = {},
                                                     group_config const& config = {}) noexcept {
        return group<A>{create_or_report(name, config, detail::here<A>())};
    }
    /// The live group of that name; a reference to nothing where there is none.
    [[nodiscard]] group_ref<A> find(std::string_view name) noexcept {
        return group_ref<A>{detail::group_table<A>::find(*core_, name)};
    }
    /// Frees the group that `ref` knows; its owner is left without one. Nobody uses it meanwhile. One that is freed, or belongs
    /// to another instance, is reported (FA411), and nothing has changed.
    FRAMEALLOC_HOT void free(group_ref<A> const& ref) noexcept { free_at(ref.claim(), detail::here<A>()); }

    /// Fills `into` with the live groups, the oldest first. Answers how many there are, of which `into.size()` are filled in.
    /// O(groups), and O(blocks) of shared ones, with the instance's lock held. Allocates nothing.
    std::size_t list(std::span<group_stats> into) const noexcept { return detail::group_table<A>::list(*core_, into); }
    /// How many are alive.
    [[nodiscard]] std::size_t count() const noexcept { return list({}); }

private:
    using claim_type = detail::group_claim<A>;

    [[gnu::noinline]] claim_type create_or_throw(std::string_view name, group_config const& config,
                                                 detail::site_of<A> at) {
        [[maybe_unused]] detail::called_at<A> const here{at};
        fault why;
        detail::group_sites sites;
        claim_type const made = detail::group_table<A>::create(*core_, name, config, at, why, sites);
        if (made.state != nullptr) return made;
        if (why.code == fault_code::bad_configuration) detail::throw_bad_configuration(why);
        if (sites.write != nullptr) why.sites = &sites;
        detail::throw_refusal(*core_, why, layout{.bytes = 0});
    }
    [[gnu::noinline]] claim_type create_or_report(std::string_view name, group_config const& config,
                                                  detail::site_of<A> at) noexcept {
        [[maybe_unused]] detail::called_at<A> const here{at};
        fault why;
        detail::group_sites sites;
        claim_type const made = detail::group_table<A>::create(*core_, name, config, at, why, sites);
        if (made.state != nullptr) return made;
        if (sites.write != nullptr) why.sites = &sites;
        bool const is_mistake = why.code == fault_code::bad_configuration || why.code == fault_code::group_name_refused;
        if (!is_mistake) {
            detail::report_refusal(*core_, why);
        } else {
            why.stops = A::diagnostics::stops_on_misuse;
            detail::with_place(*core_, why);
        }
        return made;
    }
    [[gnu::noinline]] void free_at(claim_type const& claim, detail::site_of<A> at) noexcept {
        if (!claim.is_live()) {
            detail::report_lost_group<A>(claim, at);
        } else if (&claim.state->owner() != core_) {
            detail::group_sites const sites =
                detail::sites_of_group<A>(claim.state->name(), at, claim.state->created_at());
            fault why{.code = fault_code::group_not_live,
                      .note = "the group belongs to instance %llu; expected one of instance %llu",
                      .numbers = {claim.state->owner().id.load(detail::order::relaxed),
                                  core_->id.load(detail::order::relaxed)},
                      .stops = A::diagnostics::stops_on_misuse,
                      .sites = &sites};
            detail::with_place(*core_, why);
        } else if (!detail::group_table<A>::free(*claim.state, at)) {
            detail::report_lost_group<A>(claim, at);
        }
    }

    detail::core<A>* core_;
};

/// The group of an allocator's type, for members and parameters: `group_of<smart_alloc> level_;`.
template <class Alloc>
using group_of = group<typename Alloc::assembly_type>;

}  // namespace framealloc
