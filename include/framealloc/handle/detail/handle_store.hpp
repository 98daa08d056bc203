// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/handle/detail/handle_blocks.hpp>
#include <framealloc/handle/detail/handle_table.hpp>
#include <framealloc/verification.hpp>

namespace framealloc::inline v0_1::detail {

/// With the machinery of tags: serves what is charged to the calling thread's tag.
template <class A, class Take, class Undo>
[[nodiscard]] void* serve_charged(core<A>& owner, layout request, fault& why, Take&& take, Undo&& undo);

/// The objects of a heap: how they come to be, are pinned, and go.
///
/// Each object has a state, and whoever wants to change where it is, or that it is, exchanges the state first:
///
///     gone --publish--> live, no pins <--pin/unpin--> live, pinned
///       ^                |       ^
///       |<-----free------+       |
///                        +--> moving --+       by defragment alone, and back again when the object has its new place
///
///   Orders    A pin exchanges the state with acquire, an unpin with release; a move claims the state, which must say "no
///             pins", with acquire, and gives it back with release. So:
///             - the mover's claim reads what the last unpin wrote, or a later exchange of a row that begins with it (every
///               change of a live state is an exchange, so the row is a release sequence of each unpin in it): what was done
///               to the object while it was pinned comes before the move;
///             - a pin that comes after a move reads what the mover gave back, or a later exchange of that row: it sees the
///               new address, which is written before, and the object there.
///             A free claims like a move. The generation is in the word: an exchange that succeeds has met the object that was
///             named, and not the slot's next user.
///   Progress  `pin` is lock-free but for an object that is being moved, for which it waits; `unpin` is lock-free.
template <class A>
class handle_store : public handle_table<A> {
    using table = handle_table<A>;
    using phase = slot_state::phase;
    using gate_type = backend_gate<A>;
    static constexpr bool has_tags = charges_tags<typename A::budget>;

public:
    handle_store(core<A>& owner, typename table::shape const& s, handle_salts::taken salt, std::uint32_t uses,
                 std::size_t retained_bytes) noexcept
        : table(owner.gate(), s, salt, uses), core_(owner), blocks_(owner.gate(), retained_bytes) {}
    handle_store(handle_store const&) = delete;
    handle_store& operator=(handle_store const&) = delete;

protected:
    struct placement {
        void* block = nullptr;
        std::uint32_t slot = 0;
        std::uint32_t tag = 0;
        std::size_t bytes = 0;
    };

    // --- coming to be -------------------------------------------------------------------------------------------------

    /// A slot and a block, both nobody's yet.
    [[nodiscard]] placement try_place(handle_operations const& of) noexcept {
        fault why = said();
        placement p;
        void* const block = without_throwing<A>(why, [&] { return serve(of, p, why); });
        if (block == nullptr) {
            report_refusal(core_, why);
            return {};
        }
        return p;
    }
    [[nodiscard]] placement place_or_throw(handle_operations const& of) {
        fault why = said();
        placement p;
        if (serve(of, p, why) == nullptr) throw_refusal(core_, why, {.bytes = of.bytes, .align = of.align});
        return p;
    }
    void give_up(placement const& p) noexcept { give_back(p.block, p.slot, static_cast<std::uint8_t>(p.tag), false); }
    [[nodiscard]] std::uint64_t publish_place(placement const& p) noexcept {
        return this->publish(p.slot, p.block, static_cast<std::uint8_t>(p.tag));
    }

    // --- being used ---------------------------------------------------------------------------------------------------

    [[nodiscard]] void* pin_object(std::uint64_t bits) {
        if (!this->is_ours(bits)) return nullptr;
        std::uint32_t const slot = handle_bits::slot(bits);
        auto& word = this->state(slot);
        // relaxed: a guess, which the exchange verifies.
        std::uint64_t seen = word.load(order::relaxed);
        for (;;) {
            slot_state const s{seen};
            if (!names(bits, s)) return nullptr;
            if (s.now() == phase::moving) {
                if (!may_wait_for_move(bits)) return nullptr;
                seen = word.load(order::relaxed);
            } else if (s.count() == slot_state::most_pins) [[unlikely]] {
                report_misuse(core_, fault_code::handle_pinned, "handle 0x%llx has %llu pins, and can have no more",
                              bits, s.count());
                return nullptr;
            } else if (word.compare_exchange(seen, seen + 1, order::acquire, order::relaxed)) {
                return this->address_in(slot);
            }
        }
    }
    bool unpin_object(std::uint64_t bits) {
        if (!this->is_ours(bits)) return report_not_live(bits);
        auto& word = this->state(handle_bits::slot(bits));
        std::uint64_t seen = word.load(order::relaxed);
        for (;;) {
            slot_state const s{seen};
            if (!names(bits, s)) return report_not_live(bits);
            if (s.count() == 0) {
                report_misuse(core_, fault_code::handle_not_pinned, "handle 0x%llx, slot %llu, has no pins", bits,
                              handle_bits::slot(bits));
                return false;
            }
            if (word.compare_exchange(seen, seen - 1, order::release, order::relaxed)) return true;
        }
    }

    // --- going --------------------------------------------------------------------------------------------------------

    bool free_object(std::uint64_t bits) {
        if (!this->is_ours(bits)) return report_not_live(bits);
        auto& word = this->state(handle_bits::slot(bits));
        std::uint64_t seen = word.load(order::relaxed);
        for (;;) {
            slot_state const s{seen};
            if (!names(bits, s)) return report_not_live(bits);
            if (s.now() == phase::moving) {
                if (!may_wait_for_move(bits)) return false;
                seen = word.load(order::relaxed);
            } else if (s.count() != 0) {
                report_misuse(core_, fault_code::handle_pinned, "handle 0x%llx, slot %llu, has %llu pins: it stays",
                              bits, handle_bits::slot(bits), s.count());
                return false;
            } else if (word.compare_exchange(seen, s.in(phase::gone, 0).word, order::acquire, order::relaxed)) {
                end_object(handle_bits::slot(bits), s.tag());
                return true;
            }
        }
    }
    /// Always false.
    FRAMEALLOC_COLD bool report_not_live(std::uint64_t bits) {
        std::uint32_t const slot = handle_bits::slot(bits);
        if (bits == 0) {
            report_misuse(core_, fault_code::handle_not_live, "the handle is null");
        } else if (!this->is_ours(bits)) {
            report_misuse(core_, fault_code::handle_not_live,
                          "handle 0x%llx, slot %llu, was not given out by this heap, which has used %llu slots", bits,
                          slot, this->slots_made());
        } else {
            report_misuse(core_, fault_code::handle_not_live,
                          "handle 0x%llx is use %llu of its slot, of which use %llu is the latest", bits,
                          handle_bits::generation(bits), latest_generation(slot));
        }
        return false;
    }

    // --- the whole ----------------------------------------------------------------------------------------------------

    template <class Heap, class Config>
    [[nodiscard]] FRAMEALLOC_COLD static Heap* create(core<A>& owner, Config const& config, fault& why) noexcept {
        if constexpr (!A::sync::one_thread) thread_registry::enroll(owner);
        handle_salts::taken salt{};
        if (!known_salts.take(salt)) {
            say(why, fault_code::handles_exhausted, "asked for a heap of handles; %llu are alive", handle_salts::count);
            return nullptr;
        }
        locked const guard{owner.guard()};
        gate_type& gate = owner.gate();
        std::size_t most = config.most_handles != 0 ? config.most_handles
                           : gate_type::is_virtual  ? std::size_t{1} << 20
                                                    : 1024;
        std::size_t const least = gate_type::is_virtual ? platform::page_bytes() / 8 : 16;
        std::size_t rounded = least;
        while (rounded < most) rounded *= 2;
        for (;; rounded /= 2) {
            typename table::shape shape{.most_slots = rounded, .range = table::range_for(rounded), .giver = 0};
            if (void* const base = gate.take_range(shape.range, shape.giver)) {
                if (gate.commit(base, table::head_bytes(), shape.giver)) {
                    memory_is_ours(base, sizeof(Heap));
                    static_assert(sizeof(Heap) <= (gate_type::is_virtual ? 4096 : table::entries_at));
                    auto const uses = static_cast<std::uint32_t>(config.uses_per_slot < handle_bits::last_generation
                                                                     ? config.uses_per_slot
                                                                     : handle_bits::last_generation);
                    auto* const heap = ::new (base) Heap(owner, shape, salt, uses, config.retained_bytes);
                    handle_store& store = *heap;
                    if (store.start()) {
                        store.account();
                        return heap;
                    }
                    gate.lent_bytes().fetch_add(give_range_of(*heap), order::relaxed);
                } else {
                    static_cast<void>(gate.give_range(base, shape.range, 0, shape.giver));
                }
                break;  // no lack of addresses
            }
            // Where a limit is set on addresses fewer will do; where memory is meant they were asked for.
            if (rounded == least || !gate_type::is_virtual) break;
        }
        known_salts.give_back(salt.salt, salt.first_generation - 1);
        why = latest_refusal(gate, table::range_for(rounded));
        return nullptr;
    }
    template <class Heap>
    FRAMEALLOC_COLD static void destroy(Heap& heap) {
        handle_store& store = heap;
        store.end_objects();
        core<A>& owner = store.core_;
        unsigned const salt = store.salt_number();
        std::uint32_t const newest = store.newest_generation();
        {
            locked const guard{owner.guard()};
            std::size_t const accounted = store.accounted_, lost = store.blocks_.release() + give_range_of(heap);
            owner.gate().lent_bytes().fetch_sub(accounted - lost, order::relaxed);
        }
        known_salts.give_back(salt, newest);
    }

    template <class Stats>
    [[nodiscard]] Stats figures() {
        locked const guard{core_.guard()};
        return {.live_handles = this->slots_used(),
                .live_bytes = blocks_.live_bytes(),
                .held_bytes = blocks_.held_bytes(),
                .backend_bytes = this->table_bytes() + blocks_.taken_bytes(),
                .slots = this->slots_made(),
                .retired_slots = this->slots_retired(),
                .fragmentation = blocks_.fragmentation()};
    }
    [[nodiscard]] FRAMEALLOC_COLD verification check_all();

    // --- for those that move objects ----------------------------------------------------------------------------------

    [[nodiscard]] static void const* this_thread_mark() noexcept {
        if constexpr (A::sync::one_thread) {
            return &known_salts;
        } else {
            return &this_thread;
        }
    }
    /// What the heap has taken changes under the lock alone.
    void account() noexcept {
        std::size_t const now = this->table_bytes() + blocks_.taken_bytes();
        core_.gate().lent_bytes().fetch_add(now - accounted_, order::relaxed);
        accounted_ = now;
    }

    core<A>& core_;
    handle_blocks<A> blocks_;
    /// Who moves objects now; null: nobody.
    typename A::sync::template atomic<void const*> mover_{nullptr};

private:
    [[nodiscard]] static bool names(std::uint64_t bits, slot_state s) noexcept {
        return s.generation() == handle_bits::generation(bits) && s.now() != phase::gone;
    }
    [[nodiscard]] std::uint32_t latest_generation(std::uint32_t slot) const noexcept {
        slot_state const s{this->state(slot).load(order::relaxed)};
        return s.generation() - (s.now() == phase::gone);
    }

    /// False, and reported, where it would wait for itself: out of the constructor that moves the object.
    [[nodiscard]] bool may_wait_for_move(std::uint64_t bits) {
        if (mover_.load(order::relaxed) == this_thread_mark()) {
            report_misuse(core_, fault_code::handle_moving, "handle 0x%llx, slot %llu, is being moved by this thread",
                          bits, handle_bits::slot(bits));
            return false;
        }
        platform::yield();
        return true;
    }

    [[nodiscard]] void* serve(handle_operations const& of, placement& p, fault& why) {
        layout const request{.bytes = of.bytes, .align = of.align};
        void* block = nullptr;
        if constexpr (has_tags) {
            block = serve_charged(
                core_, request, why, [&](auto tag) { return take(of, p, tag); }, [&](void*) { give_up(p); });
        } else if (request.is_possible()) {
            block = take(of, p, 0);
            if (block == nullptr) why = core_.why_no_heap_block(request);
        } else {
            why = core_.why_no_heap_block(request);
        }
        if (block == nullptr && request.is_possible() && core_.gate().refusal() == fault_code::handles_exhausted) {
            say(why, fault_code::handles_exhausted,
                "asked for %llu bytes; the heap has at most %llu slots, %llu retired", of.bytes, this->most_slots(),
                this->slots_retired());
        }
        return block;
    }
    [[nodiscard]] void* take(handle_operations const& of, placement& p, std::uint8_t tag) noexcept {
        locked const guard{core_.guard()};
        blocks_.note_change();
        std::uint32_t const slot = this->table::take();
        if (slot != table::none) {
            p = {.block = blocks_.take(of, slot), .slot = slot, .tag = tag, .bytes = of.bytes};
            if (p.block == nullptr) this->table::give(slot, false);
        }
        account();
        if constexpr (has_tags) {
            if (p.block != nullptr) core_.gate().budget().lend(tag, of.bytes);
        }
        return p.block;
    }
    /// The slot is gone, and the object no more.
    void give_back(void* block, std::uint32_t slot, [[maybe_unused]] std::uint8_t tag, bool was_used) noexcept {
        std::size_t const bytes = handle_slab::of(block)->kind->of.bytes;
        if constexpr (A::diagnostics::fills_released) __builtin_memset(block, 0xCD, bytes);
        {
            locked const guard{core_.guard()};
            blocks_.note_change();
            blocks_.give(block);
            this->table::give(slot, was_used);
            account();
        }
        if constexpr (has_tags) {
            core_.gate().budget().take_back(tag, bytes);
            core_.gate().budget().refund(tag, allocation_intent::heap, bytes);
        }
    }
    /// The caller has claimed it. Its destructor may use the heap: to it, the object has gone.
    void end_object(std::uint32_t slot, std::uint8_t tag) noexcept {
        void* const object = this->address_in(slot);
        this->withdraw(slot);
        if (auto* const end = handle_slab::of(object)->kind->of.destroy) end(object);
        give_back(object, slot, tag, true);
    }

    /// Whatever their pins. A destructor may free others meanwhile; what it makes ends as well.
    void end_objects() {
        std::size_t pinned = 0;
        for (bool again = true; again;) {
            again = false;
            for (std::uint32_t slot = 0; slot < this->slots_made(); ++slot) {
                auto& word = this->state(slot);
                std::uint64_t seen = word.load(order::acquire);
                slot_state const s{seen};
                if (s.now() != phase::live) continue;
                pinned += s.count() != 0;
                if (!word.compare_exchange(seen, s.in(phase::gone, 0).word, order::acquire, order::relaxed)) continue;
                end_object(slot, s.tag());
                again = true;
            }
        }
        if (pinned != 0) {
            report_misuse(core_, fault_code::handle_pinned, "%llu objects are pinned while their heap ends", pinned);
        }
    }
    /// The table's own range; the lock is held. Answers the bytes that the backend would not take.
    template <class Heap>
    static std::size_t give_range_of(Heap& heap) noexcept {
        typename table::shape const shape = heap.range_shape();
        gate_type& gate = heap.gate();
        auto const parts = heap.parts();
        std::size_t const taken = heap.table_bytes();
        heap.~Heap();
        if (gate.give_range(&heap, shape.range, taken, shape.giver)) return 0;
        std::size_t lost = taken;
        if constexpr (gate_type::is_virtual) {
            for (auto const& part : parts) {
                void* const p = pointer_to<void>(part.at);
                if (part.bytes != 0 && gate.decommit(p, part.bytes, shape.giver)) lost -= part.bytes;
            }
        }
        return lost;
    }

    std::size_t accounted_ = 0;
};

template <class A>
verification handle_store<A>::check_all() {
    locked const guard{core_.guard()};
    std::size_t live = 0, bytes = 0;
    auto const unsound = [](char const* note, auto... numbers) -> verification {
        return {
            .sound = false,
            .first = {
                .code = fault_code::internal, .note = note, .numbers = {static_cast<unsigned long long>(numbers)...}}};
    };
    for (std::uint32_t slot = 0; slot < this->slots_made(); ++slot) {
        slot_state const s{this->state(slot).load(order::acquire)};
        std::uint64_t const bits = this->handle_of(slot);
        if (s.now() == phase::gone) {
            if (bits != 0 || this->address_in(slot) != nullptr)
                return unsound("slot %llu is free and has a handle", slot);
            continue;
        }
        if (bits != handle_bits::make(slot, s.generation(), this->salt())) {
            return unsound("slot %llu has handle 0x%llx; its state says generation %llu", slot, bits, s.generation());
        }
        void* const object = this->address_in(slot);
        handle_slab& slab = *handle_slab::of(object);
        std::uint32_t const b = slab.number_of(object);
        if (slab.is_free(b) || slab.slots()[b] != slot) {
            return unsound("slot %llu leads to the block at 0x%llx, which is slot %llu's", slot, address_of(object),
                           slab.slots()[b]);
        }
        ++live;
        bytes += slab.kind->of.bytes;
    }
    std::size_t used = 0;
    for (handle_kind const& k : blocks_.kinds()) {
        std::size_t slabs = 0, in_slabs = 0;
        auto const add = [&](handle_slab_list const& list) {
            for (handle_slab const& s : list) {
                ++slabs;
                in_slabs += s.used;
            }
        };
        for (auto const& list : k.by_fill) add(list);
        add(k.full);
        add(k.large);
        if (slabs != k.slabs || in_slabs != k.used) {
            return unsound("of %llu slabs with %llu blocks, %llu slabs are in lists", k.slabs, k.used, slabs);
        }
        used += k.used;
    }
    if (live != used || live != this->slots_used() || bytes != blocks_.live_bytes()) {
        return unsound("%llu objects live in %llu blocks and %llu slots", live, used, this->slots_used());
    }
    std::size_t const taken = this->table_bytes() + blocks_.taken_bytes(), held = blocks_.held_bytes();
    if (accounted_ != taken || held > blocks_.taken_bytes() || bytes > held) {
        return unsound("%llu bytes were taken, %llu are accounted for; slabs hold %llu, objects %llu", taken,
                       accounted_, held, bytes);
    }
    return {};
}

}  // namespace framealloc::detail
