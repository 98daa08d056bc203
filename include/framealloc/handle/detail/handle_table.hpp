// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/backend_gate.hpp>
#include <framealloc/handle/detail/handle_bits.hpp>

#include <array>

namespace framealloc::inline v0_1::detail {

/// What a heap knows of each handle. It lies at the begin of a range of addresses, and what it tells of each slot behind it,
/// so that whoever has the table's address has the slots' too:
///
///     table ... | entries: handle and address, 16 bytes each | states: 8 bytes each |
///               ^ entries_at                                 ^ entries_at + 16 * most slots
///
/// Slots get memory by doubling. `offset_mask_` is what of a handle can be the offset of an entry: so any number that somebody
/// takes for a handle leads to an entry, whose handle is another one then.
///
///   Threads   `find`, and the states, any; the rest one at a time, with the instance's lock held.
///   Failure   False, and nothing has changed.
template <class A>
class handle_table {
    template <class T>
    using shared = typename A::sync::template atomic<T>;
    using gate_type = backend_gate<A>;

    struct entry {
        shared<std::uint64_t> handle{0};
        shared<void*> address{nullptr};  ///< null in a free slot, so that the null handle leads to null
    };
    static_assert(sizeof(entry) == 1 << handle_bits::slot_shift && sizeof(shared<std::uint64_t>) == 8);

public:
    static constexpr std::uint32_t none = slot_state::most_pins;  ///< no slot
    /// The head has a page of its own, whatever a page is; where memory comes at once there is no page.
    static constexpr std::size_t entries_at = gate_type::is_virtual ? std::size_t{64} << 10 : 1024;
    static constexpr std::size_t least_slots = 512;
    static constexpr std::size_t bytes_per_slot = sizeof(entry) + sizeof(shared<std::uint64_t>);

    struct shape {
        std::size_t most_slots;  ///< a power of two
        layout range;
        giver_byte giver;
    };
    [[nodiscard]] static constexpr layout range_for(std::size_t most_slots) noexcept {
        return {.bytes = entries_at + most_slots * bytes_per_slot, .align = 64};
    }

    handle_table(gate_type& gate, shape const& s, handle_salts::taken salt, std::uint32_t uses) noexcept
        : gate_(gate),
          shape_(s),
          salt_(handle_bits::of_salt(salt.salt)),
          salt_number_(salt.salt),
          first_generation_(salt.first_generation),
          last_generation_(uses <= handle_bits::last_generation - first_generation_ ? first_generation_ + uses - 1
                                                                                    : handle_bits::last_generation),
          newest_generation_(first_generation_ - 1) {}

    /// The address of the object, null where it is not there.
    ///
    ///   Orders    relaxed: whoever was handed the handle was handed what made it valid. What a move changes is seen by who
    ///             comes after it in the program's own order, or who has the object pinned; see `pin`.
    [[nodiscard]] FRAMEALLOC_HOT void* find(std::uint64_t bits) const noexcept {
        std::uint64_t const offset = bits & offset_mask_.load(order::relaxed);
        if (differs_at(offset, bits)) [[unlikely]]
            return nullptr;
        return pointer_to<entry const>(address_of(this) + offset + entries_at)->address.load(order::relaxed);
    }

    /// Whether a handle can be one of this heap's at all.
    [[nodiscard]] bool is_ours(std::uint64_t bits) const noexcept {
        return (bits & handle_bits::salt_mask) == salt_ && handle_bits::slot(bits) < slots_made();
    }
    [[nodiscard]] shared<std::uint64_t>& state(std::uint32_t slot) const noexcept {
        return pointer_to<shared<std::uint64_t>>(address_of(this) + entries_at +
                                                 shape_.most_slots * sizeof(entry))[slot];
    }
    [[nodiscard]] std::uint64_t handle_of(std::uint32_t slot) const noexcept {
        return at(slot).handle.load(order::relaxed);
    }
    [[nodiscard]] void* address_in(std::uint32_t slot) const noexcept { return at(slot).address.load(order::relaxed); }
    void set_address(std::uint32_t slot, void* p) noexcept { at(slot).address.store(p, order::relaxed); }

    /// A free slot, gone until `publish`.
    [[nodiscard]] std::uint32_t take() noexcept {
        std::uint32_t slot = next_free_;
        if (slot != none) {
            next_free_ = slot_state{state(slot).load(order::relaxed)}.count();
        } else {
            slot = slots_made();
            if (slot == slots_with_memory_ && !grow()) return none;
            state(slot).store(slot_state::make(first_generation_, 0, slot_state::phase::gone, 0).word, order::relaxed);
            slots_made_.store(slot + 1, order::release);
        }
        ++used_;
        return slot;
    }
    /// The object is there. The handle is nobody's yet, so nobody looks here meanwhile; whom it is handed to is handed this,
    /// too. The state is released for who finds it by the slab: the thread that moves objects.
    std::uint64_t publish(std::uint32_t slot, void* object, std::uint8_t tag) noexcept {
        std::uint32_t const generation = slot_state{state(slot).load(order::relaxed)}.generation();
        std::uint64_t const bits = handle_bits::make(slot, generation, salt_);
        at(slot).address.store(object, order::relaxed);
        at(slot).handle.store(bits, order::relaxed);
        state(slot).store(slot_state::make(generation, tag, slot_state::phase::live, 0).word, order::release);
        return bits;
    }
    /// Nobody finds the object any more. The slot is the caller's, and gone.
    void withdraw(std::uint32_t slot) noexcept {
        at(slot).handle.store(0, order::relaxed);
        at(slot).address.store(nullptr, order::relaxed);
    }
    /// A slot that is gone is free for its next user, or retired where its generations are used up. `was_used`: a handle to it
    /// has been given out.
    void give(std::uint32_t slot, bool was_used) noexcept {
        slot_state const s{state(slot).load(order::relaxed)};
        std::uint32_t const generation = s.generation() + was_used;
        if (was_used && s.generation() > newest_generation_) newest_generation_ = s.generation();
        --used_;
        if (generation > last_generation_) {
            ++retired_;
            state(slot).store(slot_state::make(generation, 0, slot_state::phase::gone, none).word, order::relaxed);
            return;
        }
        state(slot).store(slot_state::make(generation, 0, slot_state::phase::gone, next_free_).word, order::relaxed);
        next_free_ = slot;
    }

    [[nodiscard]] std::uint32_t slots_made() const noexcept { return slots_made_.load(order::acquire); }
    [[nodiscard]] std::size_t slots_used() const noexcept { return used_; }
    [[nodiscard]] std::size_t slots_retired() const noexcept { return retired_; }
    [[nodiscard]] std::size_t most_slots() const noexcept { return shape_.most_slots; }
    [[nodiscard]] std::uint64_t salt() const noexcept { return salt_; }

    /// Bytes taken for a table with `slots` slots, head included.
    [[nodiscard]] static std::size_t head_bytes() noexcept {
        return gate_type::is_virtual ? platform::page_bytes() : entries_at;
    }
    [[nodiscard]] std::size_t table_bytes() const noexcept { return head_bytes() + entries_taken_ + states_taken_; }

    /// Where it has memory: the head, the entries and the states.
    struct part {
        std::uintptr_t at;
        std::size_t bytes;
    };
    [[nodiscard]] std::array<part, 3> parts() const noexcept {
        std::uintptr_t const begin = address_of(this), entries = begin + entries_at;
        return {{{begin, head_bytes()},
                 {entries, entries_taken_},
                 {entries + shape_.most_slots * sizeof(entry), states_taken_}}};
    }
    /// Memory for the first slots.
    [[nodiscard]] bool start() noexcept { return grow(); }
    /// The salt's next heap begins behind the newest generation.
    [[nodiscard]] unsigned salt_number() const noexcept { return salt_number_; }
    [[nodiscard]] std::uint32_t newest_generation() const noexcept { return newest_generation_; }
    [[nodiscard]] shape const& range_shape() const noexcept { return shape_; }

    [[nodiscard]] gate_type& gate() noexcept { return gate_; }

private:
    /// Whether another handle, or none, is in the entry at `offset`. A load and a comparison in one instruction, which compilers
    /// do not make of an atomic load: what is read is all that lies behind the head.
    [[nodiscard]] FRAMEALLOC_HOT bool differs_at(std::uint64_t offset, std::uint64_t bits) const noexcept {
#if defined(__x86_64__) && !FRAMEALLOC_THREAD_SANITIZER
        bool differs;
        __asm__("cmpq %[bits], %c[at](%[table],%[offset])"
                : "=@ccne"(differs)
                : [bits] "r"(bits), [table] "r"(this), [offset] "r"(offset), [at] "i"(entries_at),
                  "m"(*reinterpret_cast<char const(*)[std::size_t{1} << 40]>(this)));
        return differs;
#else
        return pointer_to<entry const>(address_of(this) + offset + entries_at)->handle.load(order::relaxed) != bits;
#endif
    }

    [[nodiscard]] entry& at(std::uint32_t slot) const noexcept {
        return pointer_to<entry>(address_of(this) + entries_at)[slot];
    }

    /// Twice as many slots. A part that was refused is asked for again the next time.
    [[nodiscard]] bool grow() noexcept {
        std::size_t const wanted = slots_with_memory_ != 0 ? 2 * std::size_t{slots_with_memory_}
                                   : gate_type::is_virtual ? platform::page_bytes() / sizeof(shared<std::uint64_t>)
                                                           : shape_.most_slots;
        if (slots_with_memory_ == shape_.most_slots) {
            gate_.note(fault_code::handles_exhausted);
            return false;
        }
        std::size_t const slots = wanted < shape_.most_slots ? wanted : shape_.most_slots;
        if (!extend(entries_at, entries_taken_, slots * sizeof(entry))) return false;
        if (!extend(entries_at + shape_.most_slots * sizeof(entry), states_taken_,
                    slots * sizeof(shared<std::uint64_t>))) {
            return false;
        }
        slots_with_memory_ = static_cast<std::uint32_t>(slots);
        // relaxed: who has a handle to the new half was handed this with it.
        offset_mask_.store((std::uint64_t{slots} - 1) << handle_bits::slot_shift, order::relaxed);
        return true;
    }
    [[nodiscard]] bool extend(std::size_t part_at, std::size_t& taken, std::size_t bytes) noexcept {
        void* const more = pointer_to<void>(address_of(this) + part_at + taken);
        if (bytes == taken) return true;
        if constexpr (gate_type::is_virtual) {
            if (!gate_.commit(more, bytes - taken, shape_.giver)) return false;
            memory_is_ours(more, bytes - taken);
        } else {
            __builtin_memset(more, 0, bytes - taken);
        }
        taken = bytes;
        return true;
    }

    shared<std::uint64_t> offset_mask_{0};  // first: the hot part
    gate_type& gate_;
    shape shape_;
    std::uint64_t salt_;
    unsigned salt_number_;
    std::uint32_t first_generation_, last_generation_, newest_generation_;
    std::uint32_t next_free_ = none;
    std::uint32_t slots_with_memory_ = 0;
    shared<std::uint32_t> slots_made_{0};
    std::size_t used_ = 0, retired_ = 0;
    std::size_t entries_taken_ = 0, states_taken_ = 0;
};

}  // namespace framealloc::detail
