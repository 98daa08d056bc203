// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/fault.hpp>
#include <framealloc/streaming/detail/stream_slot.hpp>

namespace framealloc::inline v0_1::detail {

/// Why a call about an asset is refused: noted under the lock, said after it. Nothing of it is written while all is well.
struct stream_refusal {
    char const* note = nullptr;  ///< null: it is not refused
    fault_kind code = fault_code::internal;
    bool is_mistake = false;  ///< the program's, and no other thread's doing
    unsigned long long numbers[3];

    [[nodiscard]] bool refuses() const noexcept { return note != nullptr; }
    void say(fault_kind why, bool mistake, char const* text, unsigned long long first = 0,
             unsigned long long second = 0, unsigned long long third = 0) noexcept {
        note = text, code = why, is_mistake = mistake;
        numbers[0] = first, numbers[1] = second, numbers[2] = third;
    }

    /// The id leads to no asset: null, another allocator's, never given, or of an asset that has gone. The last one is
    /// nobody's mistake, since others evict.
    FRAMEALLOC_COLD void say_where_it_leads(stream_id id, std::uint32_t instance, stream_slot const* place) noexcept {
        if (!id) {
            say(fault_code::handle_not_live, true, "the id is null");
        } else if (id.instance() != instance) {
            say(fault_code::handle_not_live, true, "the id is of streaming allocator %llu; this one is %llu",
                id.instance(), instance);
        } else if (place == nullptr || (place->generation != 0 && id.generation() > place->generation) ||
                   id.generation() == 0) {
            say(fault_code::handle_not_live, true, "the id %llu.%llu was never given out", id.place(), id.generation());
        } else {
            say(fault_code::handle_not_live, false, "asset %llu.%llu has been evicted, released or cancelled",
                id.place(), id.generation());
        }
    }
    /// The asset is not in the state that the call takes.
    FRAMEALLOC_COLD void say_its_state(stream_slot const& s, bool mistake, char const* expected) noexcept {
        say(fault_code::stream_wrong_state, mistake, expected, s.place, s.bytes, state_number(s));
    }

    [[nodiscard]] FRAMEALLOC_COLD fault as_fault() const noexcept {
        fault f{.code = code, .note = note, .numbers = {numbers[0], numbers[1], numbers[2]}};
        if (code == fault_code::stream_wrong_state) f.write_subject = &write_state;
        return f;
    }

private:
    static constexpr char states[][10] = {"reserved", "loading", "cancelled", "ready", "leased"};
    [[nodiscard]] static unsigned state_number(stream_slot const& s) noexcept {
        if (s.cancelled) return 2;
        if (s.state == stream_slot_state::reserved) return 0;
        if (s.state != stream_slot_state::ready) return 1;
        return s.leases != 0 ? 4 : 3;
    }
    static void write_state(fault const& f, char* to, std::size_t size) noexcept {
        __builtin_snprintf(to, size, "asset %llu of %llu bytes is %s; ", f.numbers[0], f.numbers[1],
                           states[f.numbers[2] % 5]);
    }
};

}  // namespace framealloc::detail
