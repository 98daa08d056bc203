// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_surroundings.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/detail/thread_state.hpp>

namespace framealloc::inline v0_1::detail {

/// The records of what a thread's frame has served, newest first: each knows the one before it.
///
///   Cost      Some twelve instructions per request; O(requests) at the end of a frame, a scope or a roll-back, where each
///             object's surroundings are looked at.
///   Threads   The owner's, as the frame.
template <class A>
class frame_records<A, true> {
public:
    /// How far the records go, for when the frame is taken back to there.
    using place = block_record*;
    [[nodiscard]] place newest() const noexcept { return newest_; }
    void go_back_to(place r) noexcept { newest_ = r; }

    /// Where the canary of an object ends.
    [[nodiscard]] static constexpr std::uintptr_t canary_end(std::uintptr_t end) noexcept {
        return round_up(end + block_record::canary_bytes, granule);
    }

    /// Enters what has been served at `raw`, and answers the object's address.
    FRAMEALLOC_HOT void* add(void* raw, layout asked, call_site at) noexcept {
        std::uintptr_t const object = address_of(raw) + block_record::offset_for(asked.align);
        block_record& r = block_record::of(pointer_to<void>(object));
        open_surroundings(address_of(raw), object, object + asked.bytes, canary_end(object + asked.bytes));
        r.site = at.address;
        r.shape = block_record::shape_of(asked);
        r.more = address_of(newest_);
        r.guard = r.guard_for(block_record::alive);
        newest_ = &r;
        write_canary(object + asked.bytes, canary_end(object + asked.bytes));
        close(r);
        return known_object(object);
    }
    // --- memory that was taken back and filled, and is given out again -------------------------------------------------

    /// What a frame's end or a roll-back has taken back, up to `end`, lies filled before the cursor now, or will, when the next
    /// frame begins. `cursor` is where that stood: what was filled beyond it still is.
    void filled(std::uintptr_t end, std::uintptr_t cursor) noexcept {
        if (end != cursor || filled_to_ < end) filled_to_ = end;
    }
    /// The frame goes on in another chunk, or the chunk's memory is no more what it was.
    void forget_filled() noexcept { filled_to_ = 0; }
    /// The first byte from `begin` to `end` that was written to since it was filled; 0 where there is none.
    [[nodiscard]] std::uintptr_t find_late_write(std::uintptr_t begin, std::uintptr_t end) const noexcept {
        if (end > filled_to_) end = filled_to_;
        if (begin >= end) return 0;
        std::uintptr_t const wrong = detail::find_late_write(begin, end);
        return wrong != end ? wrong : 0;
    }
    /// The same of all that is filled.
    [[nodiscard]] std::uintptr_t find_late_write(std::uintptr_t begin) const noexcept {
        return find_late_write(begin, filled_to_);
    }
    /// The same of what is given out at `raw`.
    [[nodiscard]] std::uintptr_t find_late_write(void const* raw, layout asked) const noexcept {
        std::uintptr_t const object = address_of(raw) + block_record::offset_for(asked.align);
        return find_late_write(address_of(raw), canary_end(object + asked.bytes));
    }
    static constexpr char const* note_late_write =
        "the byte at 0x%llx of frame memory was written to after that frame, scope or roll-back had ended: it is "
        "0x%02llx";

    /// The newest one has another size now.
    void resize_newest(std::size_t bytes) noexcept {
        block_record& r = *newest_;
        open(r);
        memory_is_ours(r.raw(), canary_end(r.object() + bytes));
        r.shape = bytes << 8 | (r.shape & 0xFF);
        r.guard = r.guard_for(block_record::alive);
        write_canary(r.end(), canary_end(r.end()));
        close(r);
    }
    /// All beyond `cursor` has been taken back, and with it what the newest object was extended by since.
    void cut_off(std::uintptr_t cursor) noexcept {
        if (newest_ == nullptr) return;
        open(*newest_);
        bool const is_cut = newest_->object() < cursor && canary_end(newest_->end()) > cursor;
        if (is_cut) {
            resize_newest(cursor - block_record::canary_bytes - newest_->object());
        } else {
            close(*newest_);
        }
    }
    /// What the newest one is; a null address where there is none.
    struct last {
        std::uintptr_t raw = 0;
        std::uintptr_t object = 0;
        std::size_t bytes = 0;
    };
    [[nodiscard]] last newest_block() const noexcept {
        if (newest_ == nullptr) return {};
        open(*newest_);
        last const l{newest_->raw(), newest_->object(), newest_->bytes()};
        close(*newest_);
        return l;
    }
    void drop_newest() noexcept {
        open(*newest_);
        newest_ = pointer_to<block_record>(newest_->more);
    }

    /// Looks at all records down to `until`; true where all are sound, otherwise the first damage is in `what`.
    template <class Frame>
    [[nodiscard]] FRAMEALLOC_COLD bool check(block_record const* until, Frame const& frame, frame_window const& window,
                                             fault& what) const noexcept {
        for (block_record const* r = newest_; r != until;) {
            open(*r);
            if (!is_sound(*r, frame, window, what)) return false;
            auto const* const older = pointer_to<block_record const>(r->more);
            close(*r);
            r = older;
        }
        return true;
    }

    template <class Frame>
    [[nodiscard]] bool check_newest(Frame const& frame, frame_window const& window, fault& what) const noexcept {
        open(*newest_);
        bool const sound = is_sound(*newest_, frame, window, what);
        if (sound) close(*newest_);
        return sound;
    }

    /// The first damage that the end of a frame or of a part of it has found is told once that is over.
    template <class Frame>
    FRAMEALLOC_COLD void check_and_go_back_to(place until, Frame const& frame, frame_window const& window) noexcept {
        if (!has_damage_) has_damage_ = !check(until, frame, window, damage_);
        newest_ = until;
    }
    [[nodiscard]] bool take_damage(fault& what) noexcept {
        if (!has_damage_) [[likely]]
            return false;
        what = damage_;
        has_damage_ = false;
        return true;
    }

    void report_damage(core<A>& owner) {
        if (fault what; take_damage(what)) with_place(owner, what);
    }

    /// The record of the object that `at` lies in or beside, open; null where there is none.
    [[nodiscard]] FRAMEALLOC_COLD block_record const* find(std::uintptr_t at) const noexcept {
        for (block_record const* r = newest_; r != nullptr;) {
            open(*r);
            if (!r->is(block_record::alive)) return nullptr;
            if (at >= r->raw() && at < canary_end(r->end())) return r;
            auto const* const older = pointer_to<block_record const>(r->more);
            close(*r);
            r = older;
        }
        return nullptr;
    }

    static constexpr char const* note_underflow =
        "the object at 0x%llx in the frame was written before its begin: the byte %llu below it is 0x%02llx";
    static constexpr char const* note_overflow =
        "the object at 0x%llx in the frame was written behind its %llu bytes: the byte at offset %llu is 0x%02llx";

private:
    /// A record says itself how far its surroundings go.
    static void open(block_record const& r) noexcept {
        memory_is_ours(&r, sizeof r);
        if constexpr (memory_tool) {
            if (r.is(block_record::alive)) open_surroundings(r.raw(), r.object(), r.end(), canary_end(r.end()));
        }
    }
    FRAMEALLOC_HOT static void close(block_record const& r) noexcept {
        if constexpr (memory_tool) close_surroundings(r.raw(), r.object(), r.end(), canary_end(r.end()));
    }

    [[nodiscard]] FRAMEALLOC_HOT static void* known_object(std::uintptr_t object) noexcept {
        if (object == 0) __builtin_unreachable();
        return pointer_to<void>(object);
    }
    template <class Frame>
    [[nodiscard]] bool is_sound(block_record const& r, Frame const& frame, frame_window const& window,
                                fault& what) const noexcept {
        if (r.is(block_record::alive)) {
            if (is_canary_whole(r)) return true;
            what = overflow_of(r);
            return false;
        }
        // What lies below may have run over into it.
        std::uintptr_t lowest = address_of(&r);
        frame.for_each_used(window, [&](std::uintptr_t begin, std::uintptr_t end) {
            if (address_of(&r) >= begin && address_of(&r) < end) lowest = begin;
        });
        block_record const* const below = find_below(r, lowest);
        if (below != nullptr && !is_canary_whole(*below)) {
            what = overflow_of(*below);
        } else {
            guard_damage const d = look_at_guard(r, block_record::alive);
            what = damage(fault_code::underflow, r.site, note_underflow, {{r.object(), d.distance, d.found, 0}});
        }
        return false;
    }
    [[nodiscard]] static bool is_canary_whole(block_record const& r) noexcept {
        return find_overflow(r.end(), canary_end(r.end())) == canary_end(r.end());
    }
    struct four {
        unsigned long long of[4];
    };
    [[nodiscard]] fault damage(fault_kind code, void const* allocated_at, char const* note,
                               four numbers) const noexcept {
        sites_ = {.allocated_at = allocated_at, .write = &write_places_of_block};
        return {.code = code,
                .note = note,
                .numbers = {numbers.of[0], numbers.of[1], numbers.of[2], numbers.of[3]},
                .stops = A::diagnostics::stops_on_misuse,
                .sites = &sites_};
    }
    [[nodiscard]] fault overflow_of(block_record const& r) const noexcept {
        std::uintptr_t const at = find_overflow(r.end(), canary_end(r.end()));
        return damage(fault_code::overflow, r.site, note_overflow,
                      {{r.object(), r.bytes(), at - r.object(), *pointer_to<unsigned char const>(at)}});
    }
    /// The nearest sound record below one whose link cannot be believed.
    [[nodiscard]] static block_record const* find_below(block_record const& r, std::uintptr_t lowest) noexcept {
        for (std::uintptr_t at = address_of(&r); at >= lowest + granule;) {
            at -= granule;
            auto const* const candidate = pointer_to<block_record const>(at);
            block_record const seen = read_forbidden(candidate);
            if (seen.guard != seen.guard_at(at, block_record::alive)) continue;
            if (at + sizeof seen + seen.bytes() > address_of(&r)) continue;
            open(*candidate);
            return candidate;
        }
        return nullptr;
    }

    block_record* newest_ = nullptr;
    std::uintptr_t filled_to_ = 0;  // from the cursor, or the begin of the next frame, to here all bytes are 0xCD
    fault damage_{};
    mutable fault_sites sites_{};  // of what was found last
    bool has_damage_ = false;
};

template <class A>
void add_calling_site(fault& why, fault_sites& sites) noexcept {
    if (why.sites != nullptr || calling_site == nullptr) return;
    sites = {.mistake_at = calling_site, .write = &write_places_of_block};
    why.sites = &sites;
}

/// Whether the object at `begin`, of `bytes`, is what the calling thread's frame served last; then `begin` is where its block
/// begins, and `beside` how many bytes of that are not the program's. Somebody who has written there is told so.
template <class A>
[[nodiscard]] bool look_at_last(core<A>& owner, std::uintptr_t& begin, std::size_t& beside,
                                std::size_t bytes) noexcept {
    thread_state<A>* const s = owner.state_if_any();
    if (s == nullptr) return false;
    auto& records = s->frame.records();
    auto const last = records.newest_block();
    if (last.object != begin || last.bytes != bytes || begin == 0) return false;
    if (fault what; !records.check_newest(s->frame, s->window, what)) {
        with_place(owner, what);
        return false;
    }
    begin = last.raw;
    beside = last.object - last.raw + block_record::canary_bytes;
    return true;
}

}  // namespace framealloc::detail
