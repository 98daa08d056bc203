// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/facility.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/group/detail/group_state.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <span>

// The groups of an instance: by name, in the order of their creation, and at the instance's end.

namespace framealloc::inline v0_1::detail {

/// What a report shows of a group, beside the places.
struct group_sites : fault_sites {
    std::string_view name{};
};
FRAMEALLOC_COLD inline void write_group_sites(fault_sites const& of, char* to, std::size_t size) noexcept {
    std::string_view const name = static_cast<group_sites const&>(of).name;
    int const n =
        name.empty() ? 0 : __builtin_snprintf(to, size, "  group: %.*s\n", static_cast<int>(name.size()), name.data());
    std::size_t const used = n > 0 && static_cast<std::size_t>(n) < size ? static_cast<std::size_t>(n) : 0;
    write_fault_places(of, to + used, size - used, "freed at", "created at");
}
template <class A>
[[nodiscard]] void const* address_of_site([[maybe_unused]] site_of<A> at) noexcept {
    if constexpr (wants_sites<A>) {
        return at.address;
    } else {
        return nullptr;
    }
}
template <class A>
[[nodiscard]] group_sites sites_of_group(std::string_view name, site_of<A> mistake, site_of<A> created = {},
                                         site_of<A> freed = {}) noexcept {
    return {{.mistake_at = address_of_site<A>(mistake),
             .allocated_at = address_of_site<A>(created),
             .freed_at = address_of_site<A>(freed),
             .write = &write_group_sites},
            name};
}

// A group is known by a claim, or, by its owner, through a handle.
template <class A>
[[nodiscard]] FRAMEALLOC_HOT group_claim<A> claim_of(group_claim<A> const& known) noexcept {
    return known;
}
template <class A>
[[nodiscard]] FRAMEALLOC_HOT group_claim<A> claim_of(group_handle<A> const& known) noexcept {
    return known.claim;
}
template <class A>
[[nodiscard]] group_sites sites_of_lost(group_claim<A> const&, site_of<A> at) noexcept {
    return sites_of_group<A>({}, at);
}
template <class A>
[[nodiscard]] group_sites sites_of_lost(group_handle<A> const& known, site_of<A> at) noexcept {
    if constexpr (keeps_records<A>) {
        auto const& of = known.epitaph;
        if (known.claim.life != group_claim<A>::nothing)
            return sites_of_group<A>({of.name, of.name_length}, at, of.created_at, of.freed_at);
    }
    return sites_of_group<A>({}, at);
}

/// Calls `f(fault)` with why a use of what is known of a group is refused; `request` is what was asked for, if anything.
template <class A, class Known, class F>
FRAMEALLOC_COLD void with_lost_group(Known const& known, layout const* request, site_of<A> at, F&& f) {
    static constexpr char const* notes[][2] = {
        {"the handle has no group: it was moved from, or none was created",
         "the handle has no group: it was moved from, or none was created; asked for %llu bytes, align %llu"},
        {"the allocator of the group has ended",
         "the allocator of the group has ended; asked for %llu bytes, align %llu"},
        {"the group has been freed", "the group has been freed; asked for %llu bytes, align %llu"},
        {"the group was freed long ago", "the group was freed long ago; asked for %llu bytes, align %llu"},
        {"the group is being freed or rolled back",
         "the group is being freed or rolled back; asked for %llu bytes, align %llu"}};
    fault why{.code = fault_code::group_not_live, .stops = A::diagnostics::stops_on_misuse};
    group_claim<A> const claim = claim_of<A>(known);
    group_sites sites = sites_of_lost<A>(known, at);
    why.sites = &sites;
    if (request != nullptr) why.numbers[0] = request->bytes, why.numbers[1] = request->align;
    auto const note = [&](std::size_t reason) { why.note = notes[reason][request != nullptr]; };
    if (claim.state == nullptr) {
        note(claim.life);
        return f(why);
    }
    group_state<A> const& g = *claim.state;
    unsigned long long const later = g.life.load(order::relaxed) - claim.life;
    note(later == 0 ? 4 : later == 1 ? 2 : 3);
    if (later <= 1) sites = sites_of_group<A>(g.name(), at, g.created_at(), g.freed_at());
    with_place(g.owner(), why, f);
}
/// A use that asks for no memory.
template <class A, class Known>
FRAMEALLOC_COLD void report_lost_group(Known const& known, site_of<A> at) {
    with_lost_group<A>(known, nullptr, at, [](fault& why) { report(why); });
}

/// What neither the hot path of a group nor its present chunk has served. `Known` is a claim, or a handle by reference.
template <class A, bool Throws, class Known>
[[nodiscard]] FRAMEALLOC_COLD void* group_refill(Known known, layout request, std::size_t count,
                                                 site_of<A> at) noexcept(!Throws) {
    [[maybe_unused]] called_at<A> const here{at};
    group_claim<A> const claim = claim_of<A>(known);
    if (claim.is_live() && !claim.state->is_ending()) {
        void* const p = claim.state->template serve<Throws>(request, count, at);
        // The heap path has said why, unless a listener of its budget has freed the group meanwhile.
        if (p != nullptr || (claim_of<A>(known).is_live() && !claim.state->is_ending())) return p;
    }
    with_lost_group<A>(known, &request, at, [&](fault& why) {
        if constexpr (Throws) {
            throw_failure(why, request);
        } else {
            report(why);
        }
    });
    return nullptr;
}
/// What the hot path has missed: all that a shared group is asked for comes by here. Not cold, therefore.
template <class A, bool Throws, class Known>
[[nodiscard, gnu::noinline]] void* group_miss(Known known, layout request, std::size_t count,
                                              site_of<A> at) noexcept(!Throws) {
    group_claim<A> const claim = claim_of<A>(known);
    if (claim.is_live()) {
        if (void* const p = claim.state->serve_beside_others(request, count)) return p;
    }
    return group_refill<A, Throws, Known>(static_cast<Known>(known), request, count, at);
}

/// What a container gives back: room again if it was served last, otherwise the group's, as always. While the group is being
/// freed its containers go with it; after that nothing of it may be touched, and who checks says so.
template <class A>
void give_back_to_group(group_claim<A> claim, void* p, std::size_t bytes, site_of<A> at) noexcept {
    if (!claim.is_live()) {
        if constexpr (A::diagnostics::checks_blocks) report_lost_group<A>(claim, at);
    } else if (!claim.state->try_give_back(address_of(p), bytes)) {
        memory_is_forbidden(p, bytes);
    }
}

struct name_of_group {
    using type = std::string_view;
    template <class State>
    [[nodiscard]] type operator()(State const& g) const noexcept {
        return g.name();
    }
};

/// The groups of an instance. Figures and names are read under its lock, which is held in no call of a user.
///
///   Cost      Creating, finding and freeing are O(log groups). A group that was freed leaves its state to a later one.
///   Threads   Any number.
///   Failure   Creating may be refused, with a fault; then nothing has changed.
template <class A>
class group_table : public facility {
    using state = group_state<A>;

public:
    group_table() noexcept : facility(&end_all) {}

    /// A new group, or a claim on nothing, with `why` and what goes with it filled in.
    [[nodiscard, gnu::noinline]] static group_claim<A> create(core<A>& owner, std::string_view name,
                                                              group_config const& config, site_of<A> at, fault& why,
                                                              group_sites& sites) noexcept {
        if (!config.is_valid(why)) return {};
        if (name.size() > max_group_name) {
            say(why, fault_code::group_name_refused, "the name has %llu bytes; expected at most %llu", name.size(),
                max_group_name);
            sites = sites_of_group<A>(name.substr(0, max_group_name), at);
            return {};
        }
        if constexpr (!A::sync::one_thread) thread_registry::enroll(owner);  // before: its lock comes first
        locked const guard{owner.guard()};
        group_table* const table = make_facility<group_table>(owner);
        typename names::insert_commit_data place;
        if (table != nullptr && !name.empty()) {
            auto const [found, is_free] = table->names_.insert_check(name, place);
            if (!is_free) {
                group_stats const s = found->figures();
                say(why, fault_code::group_name_refused,
                    "a group of this name is alive, with %llu objects in %llu bytes", s.objects, s.bytes);
                sites = sites_of_group<A>(found->name(), at, found->created_at());
                return {};
            }
        }
        state* const g = table != nullptr ? table->take_state(owner) : nullptr;
        if (g == nullptr) {
            why = latest_refusal(owner.gate(), layout::of<state>());
            return {};
        }
        g->begin(name, config, at);
        table->live_.push_back(*g);
        if (!name.empty()) table->names_.insert_commit(*g, place);
        return {g, g->life.load(order::relaxed)};
    }

    /// Frees a group that is alive. False where it is being freed already.
    [[gnu::noinline]] static bool free(state& g, site_of<A> at,
                                       unsigned long long why = group_claim<A>::freed) noexcept {
        if (!g.begin_to_end(at)) return false;
        core<A>& owner = g.owner();
        g.destroy_objects();
        group_table* table = nullptr;
        {
            locked const guard{owner.guard()};
            table = find_facility<group_table>(owner);
            if (!g.name().empty()) table->names_.erase(table->names_.iterator_to(g));
            table->live_.erase(table->live_.iterator_to(g));
            g.end_life(why);
        }
        // Whoever walked its blocks has found it under the lock, and has left it.
        g.give_back_blocks(at);
        locked const guard{owner.guard()};
        table->keep_state(g);
        return true;
    }

    [[nodiscard, gnu::noinline]] static group_claim<A> find(core<A>& owner, std::string_view name) noexcept {
        locked const guard{owner.guard()};
        group_table* const table = find_facility<group_table>(owner);
        if (table == nullptr || name.empty()) return {};
        auto const found = table->names_.find(name);
        if (found == table->names_.end()) return {};
        return {&*found, found->life.load(order::relaxed)};
    }
    /// Fills `into` in the order of creation; answers how many groups are alive.
    [[nodiscard, gnu::noinline]] static std::size_t list(core<A>& owner, std::span<group_stats> into) noexcept {
        locked const guard{owner.guard()};
        group_table* const table = find_facility<group_table>(owner);
        if (table == nullptr) return 0;
        std::size_t n = 0;
        for (state const& g : table->live_) {
            if (n < into.size()) into[n] = g.figures();
            ++n;
        }
        return n;
    }

    /// The instance ends: its groups are freed, the newest first, and named where somebody checks.
    FRAMEALLOC_COLD static void end_all(instance_base& i, facility& f) {
        auto& owner = static_cast<core<A>&>(i);
        auto& table = static_cast<group_table&>(f);
        site_of<A> at{};
        if constexpr (keeps_records<A>) at = owner.ending_at();
        while (!table.live_.empty()) {
            state& g = table.live_.back();
            group_claim<A> const alive{&g, g.life.load(order::relaxed)};
            // Whoever is told may use the groups, and free this one.
            if constexpr (A::diagnostics::checks_blocks) report_live(owner, g, at, &g == &table.live_.front());
            if (alive.is_live()) static_cast<void>(free(g, at, group_claim<A>::allocator_gone));
        }
    }

private:
    using names = boost::intrusive::set<state, boost::intrusive::key_of_value<name_of_group>,
                                        boost::intrusive::constant_time_size<false>>;
    using in_order = boost::intrusive::list<state, boost::intrusive::constant_time_size<false>>;

    /// The program stops, if it does, at the last one.
    static void report_live(core<A>& owner, state const& g, site_of<A> at, bool is_last) {
        group_stats const s = g.figures();
        group_sites const sites = sites_of_group<A>(g.name(), at, g.created_at());
        fault why{
            .code = fault_code::live_at_end,
            .note = "a group is alive, with %llu objects in %llu bytes; it is freed now, and its objects destroyed",
            .numbers = {s.objects, s.bytes},
            .stops = A::diagnostics::stops_on_misuse && is_last,
            .sites = &sites};
        with_place(owner, why);
    }

    /// The one that has been dead for longest, so that what is told of the others stays true.
    [[nodiscard]] state* take_state(core<A>& owner) noexcept {
        if (dead_ <= remembered) {
            void* const place = owner.thread_records().take(owner.gate(), sizeof(state), alignof(state));
            if (place != nullptr) return ::new (place) state(owner);
        }
        state* const g = dead_first_;
        if (g == nullptr) return nullptr;
        dead_first_ = g->next_dead;
        if (dead_first_ == nullptr) dead_last_ = nullptr;
        --dead_;
        return g;
    }
    void keep_state(state& g) noexcept {
        g.next_dead = nullptr;
        (dead_last_ != nullptr ? dead_last_->next_dead : dead_first_) = &g;
        dead_last_ = &g;
        ++dead_;
    }

    /// Of how many groups a stale reference is told by name where they were created and freed: those that were freed last.
    static constexpr std::size_t remembered = keeps_records<A> ? 16 : 0;

    names names_{};  // that have one
    in_order live_{};
    state* dead_first_ = nullptr;
    state* dead_last_ = nullptr;
    std::size_t dead_ = 0;
};

}  // namespace framealloc::detail
