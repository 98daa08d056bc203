// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/guard_ranges.hpp>
#include <framealloc/detail/guarded_chunks.hpp>
#include <framealloc/detail/record_keeper.hpp>

namespace framealloc::inline v0_1::detail {

template <class A>
struct guard_machinery {};

/// What an instance does where its blocks are guarded. A block of a slab or of the heap is taken as with records, and counted,
/// charged and freed as any other; the program gets pages elsewhere instead of it. So there is nothing to do where there are
/// no more pages: the program gets the block itself, checked.
///
///   Threads   Any. Of two threads that free a block, one finds it freed.
///   Failure   As `record_keeper`.
template <class A>
class guard_keeper : public record_keeper<A> {
    using records = record_keeper<A>;
    static constexpr auto options = A::diagnostics::guard;

public:
    [[nodiscard]] FRAMEALLOC_COLD void* pool_given(void* raw, layout asked, call_site at) noexcept {
        return guard_block(records::pool_given(raw, asked, at), asked, at, range_kind::pool);
    }
    [[nodiscard]] FRAMEALLOC_COLD void* pool_taken(void* object, layout const* given, call_site at) {
        guarded_range* r = nullptr;
        if (!begin_free(object, given, at, range_kind::pool, r)) return nullptr;
        if (r == nullptr) return records::pool_taken(object, given, at);
        void* const raw = records::pool_taken(r->inner, nullptr, at);
        end_free(*r);
        return raw;
    }

    /// For a heap block that has records: what the program gets.
    [[nodiscard]] FRAMEALLOC_COLD void* guard_heap_block(void* block, layout asked, call_site at) noexcept {
        return guard_block(block, asked, at, range_kind::heap);
    }
    /// The heap block that the program knows as `object`; null, reported, where it may not be freed.
    [[nodiscard]] FRAMEALLOC_COLD void* heap_block_of(void* object, layout const* given, call_site at) {
        guarded_range* r = nullptr;
        if (!begin_free(object, given, at, range_kind::heap, r)) return nullptr;
        if (r == nullptr) return object;
        void* const block = r->inner;
        end_free(*r);
        return block;
    }

    // --- what an address is -------------------------------------------------------------------------------------------

    /// Bytes of a live block of this instance; `none` where it is not guarded.
    static constexpr std::size_t none = SIZE_MAX;
    [[nodiscard]] std::size_t guarded_bytes(void const* object) noexcept {
        locked const guard{guard_ranges::lock};
        guarded_range const* const r = guard_ranges::find(address_of(object));
        if (r == nullptr) return none;
        return r->instance == &self() && r->state.load(order::relaxed) == range_state::live ? r->bytes : 0;
    }
    [[nodiscard]] bool owns_guarded(void const* p) noexcept {
        locked const guard{guard_ranges::lock};
        guarded_range const* const r = guard_ranges::around(address_of(p));
        return r != nullptr && r->kind != range_kind::frame && r->instance == &self();
    }
    /// Whose guarded block it is; null where it is none, or its instance is gone.
    [[nodiscard]] static core<A>* owner_of_guarded(void const* object) noexcept {
        locked const guard{guard_ranges::lock};
        guarded_range const* const r = guard_ranges::find(address_of(object));
        bool const ours = r != nullptr && r->instance != nullptr && r->instance->ops == &core<A>::registry_operations();
        return ours ? static_cast<core<A>*>(r->instance) : nullptr;
    }

    static bool explain_address(instance_base& i, explanation& e) noexcept {
        {
            locked const guard{guard_ranges::lock};
            guarded_range const* const r = guard_ranges::around(e.address);
            bool const freed = r != nullptr && r->state.load(order::relaxed) == range_state::freed;
            if (r == nullptr || r->instance != &i) {
            } else if (r->kind == range_kind::frame) {
                // What can be touched of a frame is known by its records.
                if (freed) return explain_chunk(*r, e), true;
            } else {
                e.state = r->kind == range_kind::pool ? (freed ? address_state::free_block : address_state::live_block)
                                                      : (freed ? address_state::freed_heap : address_state::heap_block);
                e.object = r->object, e.bytes = r->bytes, e.allocated_at = r->site;
                if (freed) e.freed_at = r->freed_at;
                e.is_damaged = !freed && !guard_ranges::is_whole(*r);
                e.thread = r->holder.thread(), e.frame = r->holder.frame(), e.tag_path = r->tag_path;
                e.instance = r->instance_number, e.instance_name = r->instance_name;
                return true;
            }
        }
        return records::explain_address(i, e);
    }

    // --- at rest ------------------------------------------------------------------------------------------------------

    /// The address that the program knows a block by.
    [[nodiscard]] std::uintptr_t shown(std::uintptr_t inner) noexcept {
        guarded_range const* const r = range_of(inner);
        return r != nullptr ? r->object : inner;
    }

    FRAMEALLOC_COLD void report_live_blocks() {
        records::report_live_blocks();
        // What the program still touches of them it is told by the fault.
        locked const guard{guard_ranges::lock};
        guard_ranges::for_each([&](guarded_range& r) {
            if (r.instance != &self() || r.kind == range_kind::frame) return;
            r.instance = nullptr;
            if (r.state.load(order::relaxed) != range_state::live) return;
            platform::capture_stack(r.freed);
            r.freed_at = r.freed.at[0];
            guard_ranges::retire_block(&r, options.quarantine_bytes, options.quarantine_blocks);
        });
    }

    [[nodiscard]] FRAMEALLOC_COLD bool has_sound_records(fault& what) {
        if (!records::has_sound_records(what)) return false;
        bool sound = true;
        locked const guard{guard_ranges::lock};
        guard_ranges::for_each([&](guarded_range& r) {
            bool const is_live = r.state.load(order::relaxed) == range_state::live;
            if (!sound || !is_live || r.instance != &self() || r.kind == range_kind::frame) return;
            sound = guard_ranges::is_whole(r, what);
            if (sound) return;
            damaged_ = guard_ranges::sites_of(r.object, nullptr);
            what.sites = &damaged_;
        });
        return sound;
    }

    void lock_records_for_fork() {
        records::lock_records_for_fork();
        guard_ranges::lock_for_fork();
    }
    void unlock_records_after_fork() {
        guard_ranges::unlock_after_fork();
        records::unlock_records_after_fork();
    }

private:
    [[nodiscard]] core<A>& self() noexcept { return static_cast<core<A>&>(*this); }

    [[nodiscard]] void* guard_block(void* inner, layout asked, call_site at, range_kind kind) noexcept {
        begin_watching();
        platform::prepare_alternate_stack();
        guarded_range* r = nullptr;
        {
            locked const guard{guard_ranges::lock};
            r = guard_ranges::map_block(asked, options.guard_left, options.most_blocks);
            if (r != nullptr) {
                describe(*r, inner, at, kind);
                r->state.store(range_state::live, order::release);
            }
        }
        if (r == nullptr) {
            tell_exhausted(at);
            return inner;
        }
        return pointer_to<void>(r->object);
    }
    void describe(guarded_range& r, void* inner, call_site at, range_kind kind) noexcept {
        block_record const& known = block_record::of(inner);
        memory_is_ours(&known, sizeof known);
        r.kind = kind;
        r.inner = inner;
        r.instance = &self();
        r.instance_number = self().id.load(order::relaxed);
        r.instance_name = self().config().name;
        r.holder = block_holder{known.more};
        r.tag_path = nullptr;
        if constexpr (charges_tags<typename A::budget>) r.tag_path = fault{.tag = r.holder.tag()}.tag_path();
        memory_is_forbidden(&known, sizeof known);
        r.site = at.address;
        r.freed_at = nullptr;
        r.freed.count = 0;
        platform::capture_stack(r.allocated);
    }
    /// Once per instance: somebody may have put another handler into our place since the last one began.
    void begin_watching() noexcept {
        if (watches_.exchange(true, order::relaxed)) return;
        guard_ranges::watch();
    }
    FRAMEALLOC_COLD void tell_exhausted(call_site at) {
        if (has_told_.exchange(true, order::relaxed)) return;
        fault_sites const sites{.mistake_at = at.address, .write = &write_places_of_block};
        fault f{.code = fault_code::guard_budget_exhausted,
                .note = "%llu blocks are guarded; what is allocated from now on is checked",
                .numbers = {guard_ranges::live_blocks()},
                .sites = &sites};
        with_place(self(), f);
    }

    /// What is to be freed. False, reported, where it may not be. `r` is null for what is not guarded; else it is the
    /// caller's, until `end_free`.
    [[nodiscard]] bool begin_free(void* object, layout const* given, call_site at, range_kind kind, guarded_range*& r) {
        std::uintptr_t const address = address_of(object);
        guarded_range* found = nullptr;
        bool begins = false, ours = false;
        range_state was{};
        {
            locked const guard{guard_ranges::lock};
            found = guard_ranges::find(address);
            begins = found != nullptr;
            // A block that is not guarded: units of slabs hold nothing else.
            if (!begins && self().map().kind_of(object) == address_kind::slab) return true;
            // O(ranges), for a mistake, or a heap block that is not guarded.
            if (!begins) found = guard_ranges::around(address);
            if (found == nullptr || found->kind == range_kind::frame) return true;
            was = found->state.load(order::relaxed);
            ours = found->instance == &self();
            bool const right_shape = given == nullptr || (given->bytes == found->bytes && has_align(*found, *given));
            if (begins && ours && was == range_state::live && found->kind == kind && right_shape) {
                found->state.store(range_state::ending, order::relaxed);
                platform::capture_stack(found->freed);
                found->freed_at = at.address;
                r = found;
            }
        }
        if (r != nullptr) {
            fault damage;
            if (!guard_ranges::is_whole(*r, damage)) {
                damage.stops = A::diagnostics::stops_on_misuse;
                guard_ranges::block_sites const sites = guard_ranges::sites_of(r->object, at.address);
                damage.sites = &sites;
                with_place(self(), damage);
            }
            return true;
        }
        refuse(*found, address, begins, ours, was, given, at, kind);
        return false;
    }
    void refuse(guarded_range const& r, std::uintptr_t address, bool begins, bool ours, range_state was,
                layout const* given, call_site at, range_kind kind) {
        if (!ours && r.instance != nullptr) {
            blame(fault_code::foreign_pointer, at, "the block at 0x%llx belongs to another allocator instance",
                  r.object);
        } else if (was != range_state::live) {
            blame(fault_code::double_free, at, "the block at 0x%llx, of %llu bytes, is free already", r.object,
                  r.bytes);
        } else if (!begins) {
            blame(fault_code::interior_pointer, at,
                  "of the block at 0x%llx, of %llu bytes: 0x%llx lies %lld bytes into it", r.object, r.bytes, address,
                  address - r.object);
        } else if (r.kind != kind) {
            blame(fault_code::wrong_family, at,
                  kind == range_kind::pool ? "0x%llx is a heap block; expected a pool's"
                                           : "the block at 0x%llx is a pool's; expected a heap block, whose giver is "
                                             "heap_alloc()",
                  r.object);
        } else if (r.bytes != given->bytes) {
            blame(fault_code::wrong_size, at, "the block at 0x%llx has %llu bytes; it was freed as %llu", r.object,
                  r.bytes, given->bytes);
        } else {
            blame(fault_code::wrong_size, at,
                  "the block at 0x%llx was aligned for up to %llu bytes; it was freed as aligned to %llu", r.object,
                  block_record::offset_for(r.align), given->align);
        }
    }
    [[nodiscard]] static bool has_align(guarded_range const& r, layout given) noexcept {
        return block_record::offset_for(r.align) == block_record::offset_for(given.align);
    }
    void end_free(guarded_range& r) noexcept {
        locked const guard{guard_ranges::lock};
        guard_ranges::retire_block(&r, options.quarantine_bytes, options.quarantine_blocks);
    }

    template <class... Numbers>
    void blame(fault_kind code, call_site at, char const* note, Numbers... numbers) {
        // The first number is the object that it is about.
        unsigned long long const all[] = {static_cast<unsigned long long>(numbers)...};
        guard_ranges::block_sites const sites = guard_ranges::sites_of(all[0], at.address);
        fault f{.code = code,
                .note = note,
                .numbers = {static_cast<unsigned long long>(numbers)...},
                .stops = A::diagnostics::stops_on_misuse,
                .sites = &sites};
        with_place(self(), f);
    }

    [[nodiscard]] static guarded_range* range_of(std::uintptr_t inner) noexcept {
        guarded_range* found = nullptr;
        locked const guard{guard_ranges::lock};
        guard_ranges::for_each([&](guarded_range& r) {
            bool const live = r.kind != range_kind::frame && r.state.load(order::relaxed) == range_state::live;
            if (live && address_of(r.inner) == inner) found = &r;
        });
        return found;
    }
    static void explain_chunk(guarded_range const& r, explanation& e) noexcept {
        e.state = address_state::frame_memory;
        e.thread = r.holder.thread(), e.frame = r.holder.frame();
        e.freed_at = r.freed_at;
        e.instance = r.instance_number, e.instance_name = r.instance_name;
    }

    typename A::sync::template atomic<bool> watches_{false};
    typename A::sync::template atomic<bool> has_told_{false};
    guard_ranges::block_sites damaged_{};  // of what verify() has found last
};

}  // namespace framealloc::detail
