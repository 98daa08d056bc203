// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/streaming/detail/stream_table.hpp>
#include <framealloc/streaming/streaming_totals.hpp>

namespace framealloc::inline v0_1::detail {

/// The books of a streaming allocator: which assets there are, where each stands, who goes first, and the sums of it all. It
/// allocates nothing and calls nobody.
///
///   Cost      O(1); a choice of victims O(victims), and a look at the priorities.
///   Threads   One at a time: its owner's lock is held.
///   Source    Least recent use in a doubly linked list, as in every page cache; a list per priority, as in the run queues of
///             schedulers.
///   Invariant An asset is in the list of its priority exactly while it is ready and nobody has a lease: a victim is never
///             looked for, it stands in front. `evictable_[p]` is the sum of list p.
class stream_book {
public:
    stream_table table;
    streaming_totals totals;

    // --- who there is -------------------------------------------------------------------------------------------------

    [[nodiscard]] stream_slot* find(stream_id id, std::uint32_t instance) const noexcept {
        if (id.instance() != instance || id.generation() == 0) return nullptr;  // a retired place has 0
        stream_slot* const s = table.find(id.place());
        return s != nullptr && s->generation == id.generation() ? s : nullptr;
    }

    // --- room ---------------------------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t room() const noexcept {
        std::size_t const used = totals.used_bytes();
        return used < totals.budget_bytes ? totals.budget_bytes - used : 0;
    }
    /// How many bytes would have to go, so that `more` have room.
    [[nodiscard]] std::size_t excess(std::size_t more) const noexcept {
        std::size_t const used = totals.used_bytes(), budget = totals.budget_bytes;
        return used > budget || more > budget - used ? used + more - budget : 0;
    }
    /// What can go for the sake of an asset of priority `level`: the same priority's, and those below.
    [[nodiscard]] std::size_t evictable(unsigned level) const noexcept {
        std::size_t sum = 0;
        for (unsigned i = 0; i <= level; ++i) sum += evictable_[i];
        return sum;
    }
    /// Takes victims until `bytes` have gone, or there is none: the lowest priority first, in it who was used least recently.
    void choose_victims(std::size_t bytes, unsigned level, slot_list& into) noexcept {
        for (unsigned i = 0; i <= level; ++i) {
            while (bytes != 0 && !lists_[i].empty()) {
                stream_slot& victim = lists_[i].front();
                bytes -= victim.bytes < bytes ? victim.bytes : bytes;
                evict(victim, into);
            }
        }
    }
    void evict(stream_slot& s, slot_list& into) noexcept {
        unlink(s);
        totals.resident.subtract(s.bytes);
        totals.evicted.add(s.bytes);
        leave(s);
        into.push_back(s);
    }

    // --- from one state to the next -----------------------------------------------------------------------------------

    void reserve(stream_slot& s, stream_request const& r, tag_id tag) noexcept {
        s.user = r.user;
        s.bytes = r.bytes;
        s.progress = 0;
        s.align = static_cast<std::uint32_t>(r.align);
        s.level = static_cast<std::uint8_t>(r.priority);
        s.tag = tag;
        s.state = stream_slot_state::reserved;
        totals.admitted.add(s.bytes);
        totals.reserved.add(s.bytes);
        if (totals.used_bytes() > totals.peak_bytes) totals.peak_bytes = totals.used_bytes();
    }
    void begin_load(stream_slot& s, void* block) noexcept {
        s.set_block(block);
        s.state = stream_slot_state::loading;
        totals.reserved.subtract(s.bytes);
        totals.loading.add(s.bytes);
    }
    /// Back to where it was; the caller has `block`.
    void undo_load(stream_slot& s) noexcept {
        s.block = nullptr;
        s.state = stream_slot_state::reserved;
        totals.progress_bytes -= s.progress;
        s.progress = 0;
        totals.loading.subtract(s.bytes);
        totals.reserved.add(s.bytes);
    }
    void advance(stream_slot& s, std::size_t progress) noexcept {
        totals.progress_bytes += progress - s.progress;
        s.progress = progress;
    }
    void finish_load(stream_slot& s, std::size_t bytes) noexcept {
        totals.progress_bytes -= s.progress;
        s.progress = bytes;
        s.state = stream_slot_state::ready;
        totals.loading.subtract(s.bytes);
        totals.resident.add(s.bytes);
        totals.finished.add(s.bytes);
        link(s);
    }
    /// Before it was ready.
    void cancel(stream_slot& s) noexcept {
        if (s.state == stream_slot_state::loading) {
            totals.progress_bytes -= s.progress;
            totals.loading.subtract(s.bytes);
        } else {
            totals.reserved.subtract(s.bytes);
        }
        totals.cancelled.add(s.bytes);
        leave(s);
    }
    /// Of what is ready. False while it is leased: the last lease takes it along.
    [[nodiscard]] bool release(stream_slot& s) noexcept {
        if (s.leases != 0) {
            s.state = stream_slot_state::released;
            stream_table::end_generation(s);
            return false;
        }
        unlink(s);
        totals.resident.subtract(s.bytes);
        totals.released.add(s.bytes);
        leave(s);
        return true;
    }

    void lease(stream_slot& s) noexcept {
        if (s.leases++ != 0) return;
        unlink(s);
        totals.leased.add(s.bytes);
    }
    /// True where the asset goes with its last lease.
    [[nodiscard]] bool end_lease(stream_slot& s) noexcept {
        if (--s.leases != 0) return false;
        totals.leased.subtract(s.bytes);
        if (s.state == stream_slot_state::ready) {
            link(s);
            return false;
        }
        totals.resident.subtract(s.bytes);
        totals.released.add(s.bytes);
        s.state = stream_slot_state::leaving;
        return true;
    }

    /// Of what is in a list: to its end, as used most recently.
    void touch(stream_slot& s) noexcept { lists_[s.level].splice(lists_[s.level].end(), lists_[s.level], place_of(s)); }
    void set_level(stream_slot& s, unsigned level) noexcept {
        if (s.level == level) return;
        bool const listed = s.is_evictable();
        if (listed) unlink(s);
        s.level = static_cast<std::uint8_t>(level);
        if (listed) link(s);
    }

    // --- is it so -----------------------------------------------------------------------------------------------------

    /// Counts everything anew. O(assets).
    [[nodiscard]] bool is_sound() const noexcept {
        streaming_totals seen;
        std::size_t evictable[stream_priority_count]{}, listed[stream_priority_count]{};
        table.for_each([&](stream_slot const& s) {
            switch (s.state) {
                case stream_slot_state::unused:
                case stream_slot_state::leaving: return;
                case stream_slot_state::reserved:
                case stream_slot_state::claimed: return seen.reserved.add(s.bytes);
                case stream_slot_state::loading: seen.progress_bytes += s.progress; return seen.loading.add(s.bytes);
                case stream_slot_state::ready:
                case stream_slot_state::released: break;
            }
            seen.resident.add(s.bytes);
            if (s.leases != 0) seen.leased.add(s.bytes);
            if (s.is_evictable()) evictable[s.level] += s.bytes;
        });
        for (unsigned i = 0; i < stream_priority_count; ++i) {
            for (stream_slot const& s : lists_[i]) {
                if (!s.is_evictable() || s.level != i) return false;
                listed[i] += s.bytes;
            }
            if (evictable[i] != listed[i] || listed[i] != evictable_[i]) return false;
        }
        auto const& t = totals;
        auto const sum = [](std::size_t stream_count::* m, auto const&... counts) { return ((counts.*m) + ...); };
        for (auto const m : {&stream_count::assets, &stream_count::bytes}) {
            if (t.admitted.*m != sum(m, t.reserved, t.loading, t.resident, t.evicted, t.cancelled, t.released))
                return false;
        }
        return t.reserved == seen.reserved && t.loading == seen.loading && t.resident == seen.resident &&
               t.leased == seen.leased && t.progress_bytes == seen.progress_bytes;
    }

private:
    [[nodiscard]] static slot_list::iterator place_of(stream_slot& s) noexcept { return slot_list::s_iterator_to(s); }
    void link(stream_slot& s) noexcept {
        lists_[s.level].push_back(s);
        evictable_[s.level] += s.bytes;
    }
    void unlink(stream_slot& s) noexcept {
        lists_[s.level].erase(place_of(s));
        evictable_[s.level] -= s.bytes;
    }
    void leave(stream_slot& s) noexcept {
        s.state = stream_slot_state::leaving;
        stream_table::end_generation(s);
    }

    slot_list lists_[stream_priority_count];  // the one used least recently in front
    std::size_t evictable_[stream_priority_count]{};
};

}  // namespace framealloc::detail
