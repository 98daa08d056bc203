// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/facility.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/scratch/detail/scratch_chunks.hpp>
#include <framealloc/scratch/scratch_stats.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/list_hook.hpp>

#include <span>

// The scratch arenas of an instance: for reports, for names that are taken, and for the instance's end.

namespace framealloc::inline v0_1::detail {

/// What a report shows of an arena, beside the places.
struct scratch_sites : fault_sites {
    std::string_view name{};
};
FRAMEALLOC_COLD inline void write_scratch_sites(fault_sites const& of, char* to, std::size_t size) noexcept {
    std::string_view const name = static_cast<scratch_sites const&>(of).name;
    int const n = name.empty() ? 0
                               : __builtin_snprintf(to, size, "  scratch arena: %.*s\n", static_cast<int>(name.size()),
                                                    name.data());
    std::size_t const used = n > 0 && static_cast<std::size_t>(n) < size ? static_cast<std::size_t>(n) : 0;
    write_fault_places(of, to + used, size - used, "freed at", "made at");
}
template <class A>
[[nodiscard]] scratch_sites sites_of_scratch(std::string_view name, site_of<A> mistake, site_of<A> made = {}) noexcept {
    scratch_sites sites{{.write = &write_scratch_sites}, name};
    if constexpr (wants_sites<A>) {
        sites.mistake_at = mistake.address;
        sites.allocated_at = made.address;
    }
    return sites;
}

/// What the instance knows of an arena, of whatever policy.
template <class A>
struct scratch_entry : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    scratch_stats (*figures)(scratch_entry const&) noexcept;
    void (*end_early)(scratch_entry&, site_of<A>) noexcept;  ///< the instance ends: the arena is empty from then on
    [[no_unique_address]] site_of<A> made_at{};
    core<A>* instance = nullptr;  ///< null once that has happened
    std::size_t name_length = 0;
    char name_text[max_scratch_name + 1]{};

    [[nodiscard]] std::string_view name() const noexcept { return {name_text, name_length}; }
    void write_name(scratch_stats& to) const noexcept { __builtin_memcpy(to.name_text, name_text, name_length + 1); }
};

/// The arenas of an instance, in the order in which they were made.
///
///   Cost      Making one is O(arenas), ending one O(1). Each takes the instance's lock, which is held in no call of a user.
///   Threads   Any number.
///   Failure   Entering may be refused, with a fault; then nothing has changed.
template <class A>
class scratch_table : public facility {
    using entry = scratch_entry<A>;

public:
    scratch_table() noexcept : facility(&end_all) {}

    [[nodiscard, gnu::noinline]] static bool enter(core<A>& owner, entry& e, std::string_view name, site_of<A> at,
                                                   fault& why, scratch_sites& sites) noexcept {
        if (name.size() > max_scratch_name) {
            say(why, fault_code::scratch_name_refused, "the name has %llu bytes; expected at most %llu", name.size(),
                max_scratch_name);
            sites = sites_of_scratch<A>(name.substr(0, max_scratch_name), at);
            return false;
        }
        if constexpr (!A::sync::one_thread) thread_registry::enroll(owner);  // before: its lock comes first
        locked const guard{owner.guard()};
        auto* const table = make_facility<scratch_table>(owner);
        if (table == nullptr) {
            why = latest_refusal(owner.gate(), layout::of<scratch_table>());
            return false;
        }
        for (entry const& other : table->live_) {
            if (!name.empty() && other.name() == name) {
                scratch_stats const s = other.figures(other);
                say(why, fault_code::scratch_name_refused,
                    "an arena of this name is alive, with %llu bytes used of %llu", s.used_bytes, s.reserved_bytes);
                sites = sites_of_scratch<A>(other.name(), at, other.made_at);
                return false;
            }
        }
        __builtin_memcpy(e.name_text, name.data(), name.size());
        e.name_length = name.size();
        e.instance = &owner;
        e.made_at = at;
        table->live_.push_back(e);
        return true;
    }
    static void leave(entry& e) noexcept {
        locked const guard{e.instance->guard()};
        auto* const table = find_facility<scratch_table>(*e.instance);
        table->live_.erase(table->live_.iterator_to(e));
    }
    /// Fills `into` in the order in which they were made; answers how many there are.
    [[nodiscard, gnu::noinline]] static std::size_t list(core<A>& owner, std::span<scratch_stats> into) noexcept {
        locked const guard{owner.guard()};
        auto* const table = find_facility<scratch_table>(owner);
        if (table == nullptr) return 0;
        std::size_t n = 0;
        for (entry const& e : table->live_) {
            if (n < into.size()) into[n] = e.figures(e);
            ++n;
        }
        return n;
    }

    /// The instance ends: its arenas are emptied, the newest first, and named where somebody checks.
    FRAMEALLOC_COLD static void end_all(instance_base& i, facility& f) {
        auto& owner = static_cast<core<A>&>(i);
        auto& live = static_cast<scratch_table&>(f).live_;
        site_of<A> at{};
        if constexpr (keeps_records<A>) at = owner.ending_at();
        while (!live.empty()) {
            entry& e = live.back();
            if constexpr (A::diagnostics::checks_blocks) report_live(owner, e, at, &e == &live.front());
            if (live.empty() || &e != &live.back()) continue;  // whoever was told has ended it
            live.pop_back();
            e.end_early(e, at);
            e.instance = nullptr;
        }
    }

private:
    /// The program stops, if it does, at the last one.
    static void report_live(core<A>& owner, entry const& e, site_of<A> at, bool is_last) {
        scratch_stats const s = e.figures(e);
        scratch_sites const sites = sites_of_scratch<A>(e.name(), at, e.made_at);
        fault why{.code = fault_code::live_at_end,
                  .note =
                      "a scratch arena is alive, with %llu bytes used of %llu; it is emptied now, and serves nothing "
                      "any more",
                  .numbers = {s.used_bytes, s.reserved_bytes},
                  .stops = A::diagnostics::stops_on_misuse && is_last,
                  .sites = &sites};
        with_place(owner, why);
    }

    boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>> live_{};
};

}  // namespace framealloc::detail
