// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_seal.hpp>
#include <framealloc/detail/block_surroundings.hpp>
#include <framealloc/detail/core.hpp>
#include <framealloc/detail/frame_epochs.hpp>
#include <framealloc/detail/frame_records.hpp>
#include <framealloc/detail/freed_blocks.hpp>
#include <framealloc/explanation.hpp>

namespace framealloc::inline v0_1::detail {

template <class A>
struct record_machinery {};

/// What an instance does with the records of its pool and heap blocks: writes them, and looks at them when a block comes back.
///
///   Threads   Any; a block's record belongs to who has the block. Of two threads that free one, one finds its bit set.
///   Failure   What is wrong is reported with the places of the allocation and of the mistake. A call that cannot be what was
///             meant changes nothing; where only the surroundings of a block are damaged it is freed all the same.
template <class A>
class record_keeper {
    static constexpr bool has_pools = A::pool::class_count != 0;

public:
    // --- pools --------------------------------------------------------------------------------------------------------

    /// Dresses a block of class `c` for the program: answers the object's address.
    [[nodiscard, gnu::noinline]] void* pool_given(void* raw, layout asked, call_site at) noexcept {
        slab<A>& s = *slab<A>::of(raw);
        std::uintptr_t const end = address_of(raw) + s.shape->block_bytes;
        memory_is_ours(address_of(raw), end);
        auto const& before = *static_cast<block_record const*>(raw);
        if (before.guard != 0) look_for_late_writes(before, end);
        std::uintptr_t const object = address_of(raw) + block_record::offset_for(asked.align);
        write(*pointer_to<block_record>(object - sizeof(block_record)), asked, at);
        write_canary(object + asked.bytes, end);
        s.mark_live(raw);
        close_surroundings(address_of(raw), object, object + asked.bytes, end);
        block_is_given(self().handle(), pointer_to<void>(object), asked.bytes);
        return pointer_to<void>(object);
    }

    /// Takes a block back: answers where it begins, or null, reported, for what cannot be taken. `given` is the layout that
    /// it is freed with, if any.
    [[nodiscard, gnu::noinline]] void* pool_taken(void* object, layout const* given, call_site at) {
        if (object == nullptr || self().map().kind_of(object) != address_kind::slab) {
            return not_a_pool_block(object, at), nullptr;
        }
        slab<A>& s = *slab<A>::of(object);
        if (s.instance != self().handle()) {
            blame(fault_code::foreign_pointer, at, nullptr, nullptr,
                  "the block at 0x%llx belongs to another allocator instance", address_of(object));
            return nullptr;
        }
        std::size_t const into_slab = address_of(object) - address_of(&s);
        if (into_slab < s.shape->first_block || s.index_of(object) >= s.shape->block_count) {
            blame(fault_code::foreign_pointer, at, nullptr, nullptr,
                  "0x%llx is not the start of a block; its slab begins at 0x%llx", address_of(object), address_of(&s));
            return nullptr;
        }
        void* const raw = s.block(s.index_of(object));
        std::uintptr_t const end = address_of(raw) + s.shape->block_bytes;
        // Of two threads that free a block at the same time, the one that finds the bit set looks at what lies there.
        if (!s.mark_free(raw)) {
            freed_twice(static_cast<block_record const*>(raw), object, at);
            return nullptr;
        }
        open(raw, end);
        block_record const* const r = live_record(s, raw, object, at);
        if (r == nullptr || !has_shape(*r, given, at)) {
            s.mark_live(raw);
            return nullptr;
        }
        report_overflow(*r, end, at);
        memory_is_ours(address_of(raw), end);
        leave_freed(raw, *r, s.shape->block_bytes, at);
        block_is_given_back(self().handle(), object, end - address_of(object));
        memory_is_forbidden(address_of(raw), address_of(object));
        return raw;
    }

    /// What the program asked for at `object`; 0 where that is no live block.
    [[nodiscard]] std::size_t bytes_of_pool_block(void const* object) noexcept {
        slab<A>& s = *slab<A>::of(object);
        std::size_t const into_slab = address_of(object) - address_of(&s);
        if (into_slab < s.shape->first_block || s.index_of(object) >= s.shape->block_count) return 0;
        void const* const raw = s.block(s.index_of(object));
        block_record const* const r = !s.is_live(raw) ? nullptr : find_record(raw, s.shape->block_bytes);
        std::size_t const bytes = r != nullptr && r->object() == address_of(object) ? r->bytes() : 0;
        if (r != nullptr) close(*r, raw, s.shape->block_bytes);
        return bytes;
    }

    // --- the heap -----------------------------------------------------------------------------------------------------

    void heap_given(void* object, layout asked, call_site at) noexcept {
        freed_.forget(address_of(object));
        block_record& r = block_record::of(object);
        std::uintptr_t const begin = address_of(object), end = begin + asked.bytes;
        std::uintptr_t const until = canary_end_of_heap_block(object);
        if constexpr (!memory_tool) {
            // What alignment has left below the head: `look_at_cached` would take an old record there for this one's.
            std::uintptr_t const base = address_of(heap_store<A>::read(object).base);
            __builtin_memset(pointer_to<void>(base), 0, address_of(&heap_store<A>::prefix_of(object)) - base);
        }
        open_surroundings(address_of(&r), begin, end, until);
        write(r, asked, at);
        write_canary(end, until);
        close_surroundings(address_of(&r), begin, end, until);
    }

    /// A freed heap block that is about to be given out again: what was written to it since is reported. Where it began
    /// depends on how it was aligned, and is where its record says that it is one.
    FRAMEALLOC_COLD void look_at_cached(void* base, std::size_t base_align) noexcept {
        constexpr std::size_t head = sizeof(heap_prefix) + sizeof(block_record);
        for (std::size_t align = granule; align <= base_align; align *= 2) {
            block_record const& r = block_record::of(pointer_to<void>(address_of(base) + round_up(head, align)));
            if (r.is(block_record::freed)) return look_for_late_writes(r, r.object(), r.end(), r.object());
        }
    }

    /// Whether a heap block of this instance may be freed. What is damaged around it is reported.
    [[nodiscard]] FRAMEALLOC_COLD bool heap_taken(void* object, layout const* given, call_site at) {
        auto& heap = self().heap_part();
        if (was_freed(object, at)) return false;
        if (!heap.is_ours(object) || !heap.is_alive(object)) {
            // What is found in the ledger is alive, whatever lies below it; else it may lie inside a block.
            void* const around = find_heap_block(object);
            block_record const r = around != nullptr ? read_forbidden(&block_record::of(around)) : block_record{};
            if (around == object) {
                blame(fault_code::underflow, at, nullptr, nullptr,
                      "the heap block at 0x%llx was written before its begin, over all that is known of it",
                      address_of(object));
            } else if (around != nullptr) {
                blame(fault_code::interior_pointer, at,
                      r.guard == r.guard_at(address_of(around) - sizeof r, block_record::alive) ? r.site : nullptr,
                      nullptr, "0x%llx lies %llu bytes into the heap block at 0x%llx, of %llu bytes",
                      address_of(object), address_of(object) - address_of(around), address_of(around),
                      heap_store<A>::read(around).bytes);
            } else if (heap.is_ours(object)) {
                freed_twice(&block_record::of(object), object, at);
            } else {
                blame(fault_code::foreign_pointer, at, nullptr, nullptr,
                      "0x%llx is not the start of a block of this instance", address_of(object));
            }
            return false;
        }
        block_record& r = block_record::of(object);
        block_record const seen = read_forbidden(&r);
        std::size_t const bytes = heap_store<A>::read(object).bytes;
        if (seen.guard == seen.guard_at(address_of(&r), block_record::alive) && seen.bytes() != bytes) {
            blame(fault_code::record_damaged, at, seen.site, nullptr,
                  "the head of the heap block at 0x%llx has %llu for its %llu bytes", address_of(object), bytes,
                  seen.bytes());
            return false;
        }
        std::uintptr_t const begin = address_of(object), until = canary_end_of_heap_block(object);
        std::uintptr_t const end = begin + bytes;
        open_surroundings(address_of(&r), begin, end, until);
        if (!r.is(block_record::alive)) {
            guard_damage const d = look_at_guard(r, block_record::alive);
            blame(fault_code::underflow, at, r.site, nullptr, note_underflow, address_of(object), d.distance, d.found);
        } else {
            if (!has_shape(r, given, at)) return false;
            report_overflow(r, until, at);
        }
        freed_.add({address_of(object), r.bytes(), r.site, at.address});
        r.more = address_of(at.address);
        r.guard = r.guard_for(block_record::freed);
        close_surroundings(address_of(&r), begin, end, until);
        return true;
    }

    /// Whether what is to be freed as a heap block is one.
    [[nodiscard]] bool may_free_heap(void* p, call_site at, layout const* given) {
        switch (self().map().kind_of(p)) {
            case address_kind::heap: return heap_taken(p, given, at);
            case address_kind::slab: a_pools_block(p, at); break;
            case address_kind::unknown: not_a_block(p, at); break;
        }
        return false;
    }

    /// A pointer that is no pool block of this process: says what it is.
    FRAMEALLOC_COLD void not_a_pool_block(void* p, call_site at) {
        if (p != nullptr && self().map().kind_of(p) == address_kind::heap && self().heap_part().is_ours(p)) {
            return blame(fault_code::wrong_family, at, read_forbidden(&block_record::of(p)).site, nullptr,
                         "0x%llx is a heap block; expected a pool's", address_of(p));
        }
        not_a_block(p, at, "lies in no slab of this process");
    }
    [[nodiscard]] static unsigned long long number_of_thread(thread_state<A> const& s) noexcept {
        if constexpr (A::sync::one_thread) {
            return 1;
        } else {
            return s.thread != nullptr ? s.thread->number : 0;
        }
    }
    /// The same for what is no heap block either.
    FRAMEALLOC_COLD void not_a_block(void* p, call_site at) {
        if (!was_freed(p, at)) not_a_block(p, at, "lies in no slab and no heap block");
    }

    FRAMEALLOC_COLD void a_pools_block(void* p, call_site at) {
        explanation e{.address = address_of(p)};
        bool const known = explain_pool_block(p, e) && e.state == address_state::live_block;
        blame(fault_code::wrong_family, at, known ? e.allocated_at : nullptr, nullptr,
              "the block at 0x%llx is a pool's; expected a heap block, whose giver is heap_alloc()", address_of(p));
    }

    /// For a thread that is given a state: whether it had one, and has ended, but for what runs after us.
    FRAMEALLOC_COLD void report_late_use() {
        if (!this_thread.has_left) return;
        fault f{.code = fault_code::thread_state_gone,
                .note = "thread %llu has given back what it held; it is served, by a state made anew",
                .numbers = {core<A>::thread_number()}};
        with_place(self(), f);
    }
    /// The address that the program knows a block by; guarded, it is another one.
    [[nodiscard]] static std::uintptr_t shown(std::uintptr_t object) noexcept { return object; }

    // --- frames --------------------------------------------------------------------------------------------------------

    /// The byte at `at` was written to after the frame, scope or roll-back that it was of. Who did is not known; where that
    /// ended is.
    FRAMEALLOC_COLD void frame_written_late(thread_state<A>& s, std::uintptr_t at) {
        fault_sites const sites = sites_of_late_write(s);
        fault f = late_write(at);
        f.stops = A::diagnostics::stops_on_misuse;
        f.sites = &sites;
        with_place(self(), f);
    }

    // --- the instance's end -------------------------------------------------------------------------------------------

    /// The instance's destructor begins, at `at`. A thread that has a frame open uses the instance, and is named; of what it
    /// does between frames nothing is known. The frame of all threads is nobody's: who joined it may be at rest.
    FRAMEALLOC_COLD void instance_ends(call_site at) {
        ending_at_ = at;
        thread_state<A>* written = nullptr;
        self().for_each_state([&](thread_state<A>& s, bool) {
            if (s.frame.find_late_write(s.window) != 0) written = &s;
        });
        if (written != nullptr) frame_written_late(*written, written->frame.find_late_write(written->window));
        if constexpr (!A::sync::one_thread) {
            struct user {
                unsigned long long thread, frame;
                void const* begun_at;
            };
            user users[8]{};
            std::size_t count = 0;
            // Without a report, which calls the program: the registry is locked.
            self().for_each_state([&](thread_state<A>& s, bool lives) {
                frame_kind const kind = s.frame.kind();
                bool const in_frame = kind != frame_kind::closed && kind != frame_kind::shared;
                if (!lives || !in_frame || s.thread == &this_thread || count == 8) return;
                users[count++] = {number_of_thread(s), s.frame.number(), s.frame.epochs().begun_at()};
            });
            for (std::size_t i = 0; i < count; ++i) report_user(users[i].thread, users[i].frame, users[i].begun_at);
        }
    }

    [[nodiscard]] call_site ending_at() const noexcept { return ending_at_; }

    /// Names the blocks that are alive, the first eight one by one.
    FRAMEALLOC_COLD void report_live_blocks() {
        std::size_t blocks = 0, bytes = 0;
        auto const one = [&](block_record const* r) {
            ++blocks;
            if (r == nullptr) return;
            bytes += r->bytes();
            if (blocks > 8) return;
            block_holder const holder{r->more};
            fault_sites const sites{
                .mistake_at = ending_at_.address, .allocated_at = r->site, .write = &write_places_of_block};
            fault f{.code = fault_code::live_at_end,
                    .note = holder.frame() == 0
                                ? "the block at 0x%llx, of %llu bytes, is alive: thread %llu allocated it"
                                : "the block at 0x%llx, of %llu bytes, is alive: thread %llu allocated it in its frame "
                                  "%llu or after it",
                    .numbers = {self().shown(r->object()), r->bytes(), holder.thread(), holder.frame()},
                    .sites = &sites};
            with_place(self(), f);
        };
        for_each_live_pool_block([&](block_record const* r, void*, std::uintptr_t) { one(r); });
        self().heap_part().for_each_live_block([&](void* object) {
            block_record const& r = block_record::of(object);
            memory_is_ours(&r, sizeof r);
            one(r.is(block_record::alive) ? &r : nullptr);
            memory_is_forbidden(&r, sizeof r);
        });
        if (blocks == 0) return;
        blame(fault_code::live_at_end, ending_at_, nullptr, nullptr,
              "instance %llu ended with %llu of its blocks alive, of %llu bytes", self().id.load(order::relaxed),
              blocks, bytes);
    }

    /// Whether what surrounds the live blocks and the objects of open frames is whole, and no free block was written to; the
    /// first that is not is in `what`. O(blocks). The instance is at rest.
    [[nodiscard]] FRAMEALLOC_COLD bool has_sound_records(fault& what) {
        bool sound = true;
        auto const found = [&](fault_kind code, void const* allocated_at, void const* freed_at, char const* note,
                               auto... numbers) {
            if (!sound) return;
            sound = false;
            what = {.code = code,
                    .note = note,
                    .numbers = {static_cast<unsigned long long>(numbers)...},
                    .sites = &verified_};
            verified_ = {.allocated_at = allocated_at, .freed_at = freed_at, .write = &write_places_of_block};
        };
        auto const look_behind = [&](block_record const& r, std::uintptr_t until) {
            std::uintptr_t const wrong = find_overflow(r.end(), until);
            if (wrong == until) return;
            found(fault_code::overflow, r.site, nullptr, note_overflow, r.object(), r.bytes(), wrong - r.object(),
                  *pointer_to<unsigned char const>(wrong));
        };
        // In the order of addresses, so that who ran over is found before whose record he ran over.
        for_each_live_pool_block([&](block_record const* r, void* raw, std::uintptr_t end) {
            if (r != nullptr) return look_behind(*r, end);
            found(fault_code::record_damaged, nullptr, nullptr,
                  "the record of the live block that begins at 0x%llx, with %llu bytes in all, was overwritten",
                  address_of(raw), end - address_of(raw));
        });
        self().heap_part().for_each_live_block([&](void* object) {
            block_record const& r = block_record::of(object);
            std::uintptr_t const begin = address_of(object), until = canary_end_of_heap_block(object);
            std::uintptr_t const end = begin + heap_store<A>::read(object).bytes;
            open_surroundings(address_of(&r), begin, end, until);
            if (r.is(block_record::alive)) {
                look_behind(r, until);
            } else {
                guard_damage const d = look_at_guard(r, block_record::alive);
                found(fault_code::underflow, r.site, nullptr, note_underflow, begin, d.distance, d.found);
            }
            close_surroundings(address_of(&r), begin, end, until);
        });
        self().for_each_state([&](thread_state<A>& s, bool) {
            if (sound && s.frame.kind() != frame_kind::closed)
                sound = s.frame.records().check(nullptr, s.frame, s.window, what);
            std::uintptr_t const late = sound ? s.frame.find_late_write(s.window) : 0;
            if (late == 0) return;
            sound = false;
            what = late_write(late);
            verified_ = sites_of_late_write(s);
            what.sites = &verified_;
        });
        return sound;
    }

    // --- at rest ------------------------------------------------------------------------------------------------------

    /// Calls `f(record, raw, end of its canary)` for each live pool block; a damaged record is handed over as it is.
    template <class F>
    void for_each_live_pool_block(F&& f) {
        if constexpr (has_pools) {
            self().pool_part().for_each_slab([&](slab<A>& s) {
                for (std::size_t i = 0; i < s.shape->block_count; ++i) {
                    void* const raw = s.block(i);
                    if (!s.is_live(raw)) continue;
                    std::size_t const bytes = s.shape->block_bytes;
                    block_record const* const r = find_record(raw, bytes);
                    f(r, raw, address_of(raw) + bytes);
                    if (r != nullptr) close(*r, raw, bytes);
                }
            });
        }
    }

    template <class... Numbers>
    void blame(fault_kind code, call_site at, void const* allocated_at, void const* freed_at, char const* note,
               Numbers... numbers) {
        fault_sites const sites{.mistake_at = at.address,
                                .allocated_at = allocated_at,
                                .freed_at = freed_at,
                                .write = &write_places_of_block};
        fault f{.code = code,
                .note = note,
                .numbers = {static_cast<unsigned long long>(numbers)...},
                .stops = A::diagnostics::stops_on_misuse,
                .sites = &sites};
        with_place(self(), f);
    }

    static constexpr char const* note_underflow =
        "the block at 0x%llx was written before its begin: the byte %llu below it is 0x%02llx";
    static constexpr char const* note_overflow =
        "the block at 0x%llx was written behind its %llu bytes: the byte at offset %llu is 0x%02llx";

    /// The sound record of a live block that begins at `raw`, whose surroundings are open then; null where it is damaged.
    [[nodiscard]] static block_record const* find_record(void const* raw, std::size_t block_bytes) noexcept {
        open(raw, address_of(raw) + block_bytes);
        for (std::size_t offset = 32; offset < block_bytes; offset *= 2) {
            auto const* const r = pointer_to<block_record const>(address_of(raw) + offset - sizeof(block_record));
            if (r->offset() == offset && r->is(block_record::alive)) return r;
        }
        return nullptr;
    }

    // --- what an address is ---------------------------------------------------------------------------------------------

    /// What the registry asks an instance.
    static bool explain_address(instance_base& i, explanation& e) noexcept {
        auto& c = static_cast<core<A>&>(i);
        void* const p = pointer_to<void>(e.address);
        bool known = false;
        switch (c.map().kind_of(p)) {
            case address_kind::slab: known = c.explain_pool_block(p, e); break;
            case address_kind::heap: known = c.explain_heap_block(p, e); break;
            case address_kind::unknown: break;
        }
        known = known || c.explain_freed(p, e) || c.explain_frame(p, e);
        if (known) e.instance = c.id.load(order::relaxed), e.instance_name = c.config().name;
        return known;
    }

    void lock_records_for_fork() { freed_.lock_for_fork(); }
    void unlock_records_after_fork() { freed_.unlock_after_fork(); }

private:
    /// A live block of a pool, all of which may be looked at until its surroundings are closed.
    static void open(void const* raw, std::uintptr_t end) noexcept { memory_is_ours(address_of(raw), end); }
    static void close(block_record const& r, void const* raw, std::size_t block_bytes) noexcept {
        close_surroundings(address_of(raw), r.object(), r.end(), address_of(raw) + block_bytes);
    }

    static void tell_holder(std::uint64_t holder, explanation& e) noexcept {
        block_holder const h{holder};
        e.thread = h.thread();
        e.frame = h.frame();
        if constexpr (charges_tags<typename A::budget>) e.tag_path = fault{.tag = h.tag()}.tag_path();
    }
    [[nodiscard]] bool explain_pool_block(void* p, explanation& e) noexcept {
        if constexpr (has_pools) {
            slab<A>& s = *slab<A>::of(p);
            if (s.instance != self().handle()) return false;
            std::size_t const into_slab = address_of(p) - address_of(&s);
            if (into_slab < s.shape->first_block || s.index_of(p) >= s.shape->block_count) {
                e.state = address_state::slab_head;
                return true;
            }
            void* const raw = s.block(s.index_of(p));
            std::size_t const whole = s.shape->block_bytes;
            if (s.is_live(raw)) {
                e.state = address_state::live_block;
                block_record const* const r = find_record(raw, whole);
                e.is_damaged =
                    r == nullptr || find_overflow(r->end(), address_of(raw) + whole) != address_of(raw) + whole;
                if (r == nullptr) return true;
                e.object = r->object(), e.bytes = r->bytes(), e.allocated_at = r->site;
                tell_holder(r->more, e);
                close(*r, raw, whole);
                return true;
            }
            e.state = address_state::free_block;
            e.object = address_of(raw);
            block_record const r = read_forbidden(static_cast<block_record const*>(raw));
            if (r.guard != r.guard_at(address_of(raw), block_record::freed)) return true;
            e.object += r.offset(), e.bytes = r.bytes(), e.allocated_at = r.site;
            e.freed_at = pointer_to<void const>(r.more);
            return true;
        } else {
            return false;
        }
    }
    [[nodiscard]] bool explain_heap_block(void* p, explanation& e) noexcept {
        void* const object = find_heap_block(p);
        if (object == nullptr) return false;
        block_record const r = read_forbidden(&block_record::of(object));
        e.state = address_state::heap_block;
        e.object = address_of(object);
        e.bytes = heap_store<A>::read(object).bytes;
        e.is_damaged = r.guard != r.guard_at(e.object - sizeof r, block_record::alive);
        if (e.is_damaged) return true;
        e.allocated_at = r.site;
        tell_holder(r.more, e);
        return true;
    }
    [[nodiscard]] bool explain_freed(void* p, explanation& e) noexcept {
        typename freed_blocks<A>::one const b = freed_.find_around(address_of(p));
        if (b.object == 0) return false;
        e.state = address_state::freed_heap;
        e.object = b.object, e.bytes = b.bytes, e.allocated_at = b.allocated_at, e.freed_at = b.freed_at;
        return true;
    }
    [[nodiscard]] bool explain_frame(void* p, explanation& e) noexcept {
        thread_state<A>* const s = state_of_this_thread();
        if (s == nullptr || s->frame.kind() == frame_kind::closed) return false;
        bool used = false;
        s->frame.for_each_used(s->window, [&](std::uintptr_t begin, std::uintptr_t end) {
            used = used || (address_of(p) >= begin && address_of(p) < end);
        });
        if (!used) return false;
        e.state = address_state::frame_memory;
        e.thread = core<A>::thread_number();
        e.frame = s->frame.number();
        if (block_record const* const r = s->frame.records().find(address_of(p))) {
            e.state = address_state::frame_object;
            e.object = r->object(), e.bytes = r->bytes(), e.allocated_at = r->site;
        }
        return true;
    }

    /// Where the canary behind a heap block ends: within 24 bytes.
    [[nodiscard]] static std::uintptr_t canary_end_of_heap_block(void* block) noexcept {
        using store = heap_store<A>;
        std::uintptr_t const end = address_of(block) + store::read(block).bytes;
        std::uintptr_t const last = address_of(block) + store::room_of(block);
        std::uintptr_t const usual = round_up(end + block_record::canary_bytes, granule);
        return usual < last ? usual : last;
    }
    /// The live heap block that `p` lies in or is the address of, or null. O(blocks).
    [[nodiscard]] void* find_heap_block(void const* p) noexcept {
        void* found = nullptr;
        self().heap_part().for_each_live_block([&](void* block) {
            if (p == block) found = block;
            heap_prefix const& prefix = heap_store<A>::read(block);
            if (address_of(p) > address_of(block) && prefix.instance == self().handle() &&
                address_of(p) - address_of(block) < prefix.bytes) {
                found = block;
            }
        });
        return found;
    }
    /// The calling thread's state, found with the registry locked.
    [[nodiscard]] thread_state<A>* state_of_this_thread() noexcept {
        if constexpr (A::sync::one_thread) {
            return self().state_if_any();
        } else {
            thread_record* r = this_thread.records;
            while (r != nullptr && r->instance != &self()) r = r->next_of_thread;
            return static_cast<thread_state<A>*>(r);
        }
    }

    [[nodiscard]] core<A>& self() noexcept { return static_cast<core<A>&>(*this); }

    void write(block_record& r, layout asked, call_site at) noexcept {
        unsigned long long frame = 0;
        std::uint8_t tag = root_tag;
        hot_state& hot = self().hot();
        if (A::sync::one_thread || &hot != &closed_state) {
            auto& s = static_cast<thread_state<A>&>(hot);
            frame = s.frame.number();
            if constexpr (charges_tags<typename A::budget>) tag = s.tags.tag();
        }
        r.site = at.address;
        r.shape = block_record::shape_of(asked);
        r.more = block_holder::of(core<A>::thread_number(), tag, frame).bits;
        r.guard = r.guard_for(block_record::alive);
    }

    /// What was allocated and freed where stays to be read at the block's begin; the rest is filled.
    static void leave_freed(void* raw, block_record const& r, std::size_t block_bytes, call_site at) noexcept {
        std::uint64_t const words[] = {address_of(r.site), r.shape, address_of(at.address)};
        auto& place = *static_cast<block_record*>(raw);
        // Atomic, because who frees it a second time at this moment reads them; what he sees is whole once the guard is there.
        __atomic_store_n(&place.site, pointer_to<void const>(words[0]), __ATOMIC_RELAXED);
        __atomic_store_n(&place.shape, words[1], __ATOMIC_RELAXED);
        __atomic_store_n(&place.more, words[2], __ATOMIC_RELAXED);
        __atomic_store_n(&place.guard, block_record::freed ^ words[1] ^ words[2] ^ address_of(raw), __ATOMIC_RELEASE);
        __builtin_memset(&place + 1, freed_byte, block_bytes - sizeof(block_record));
    }

    /// The report has no place of the mistake: it was made some time between the free and now.
    void look_for_late_writes(block_record const& before, std::uintptr_t end) noexcept {
        std::uintptr_t const raw = address_of(&before);
        if (!before.is(block_record::freed)) {
            return blame(fault_code::write_after_free, {}, nullptr, nullptr,
                         "the free block at 0x%llx, of %llu bytes, was written to within its first %llu bytes", raw,
                         end - raw, sizeof(block_record));
        }
        look_for_late_writes(before, raw + sizeof(block_record), end, raw + before.offset());
    }
    /// The same for what lies from `begin` to `end`.
    void look_for_late_writes(block_record const& before, std::uintptr_t begin, std::uintptr_t end,
                              std::uintptr_t object) noexcept {
        std::uintptr_t const late = find_late_write(begin, end);
        if (late == end) return;
        blame(fault_code::write_after_free, {}, before.site, pointer_to<void const>(before.more),
              "the block at 0x%llx, of %llu bytes, was written to after it was freed: the byte at offset %llu is "
              "0x%02llx",
              object, before.bytes(), late - object, *pointer_to<unsigned char const>(late));
    }

    /// Whether `object` is a heap block that is free: told then.
    [[nodiscard]] bool was_freed(void* object, call_site at) {
        typename freed_blocks<A>::one const last = freed_.find(address_of(object));
        if (last.object == 0) return false;
        blame(fault_code::double_free, at, last.allocated_at, last.freed_at,
              "the heap block at 0x%llx, of %llu bytes, is free already", last.object, last.bytes);
        return true;
    }
    /// `r` is what a free left of the block, if anything.
    void freed_twice(block_record const* at_begin, void const* object, call_site at) {
        memory_is_ours(at_begin, sizeof *at_begin);
        block_record r{};
        r.guard = __atomic_load_n(&at_begin->guard, __ATOMIC_ACQUIRE);
        r.site = __atomic_load_n(&at_begin->site, __ATOMIC_RELAXED);
        r.shape = __atomic_load_n(&at_begin->shape, __ATOMIC_RELAXED);
        r.more = __atomic_load_n(&at_begin->more, __ATOMIC_RELAXED);
        memory_is_forbidden(at_begin, sizeof *at_begin);
        bool const known = r.guard == r.guard_at(address_of(at_begin), block_record::freed);
        blame(fault_code::double_free, at, known ? r.site : nullptr, known ? pointer_to<void const>(r.more) : nullptr,
              known ? "the block at 0x%llx, of %llu bytes, is free already" : "the block at 0x%llx is free already",
              address_of(object), known ? r.bytes() : 0);
    }

    /// The record of the live block that `object` is the address of; null, reported, where it is not to be believed.
    [[nodiscard]] block_record const* live_record(slab<A>& s, void* raw, void* object, call_site at) {
        std::size_t const offset = address_of(object) - address_of(raw);
        bool const may_begin = offset >= sizeof(block_record) && is_power_of_two(offset);
        // What is no address of an object is not aligned as a record is.
        block_record const& r =
            may_begin ? block_record::of(object) : *static_cast<block_record const*>(static_cast<void const*>(raw));
        if (may_begin && r.raw() == address_of(raw) && r.is(block_record::alive)) return &r;
        if (block_record const* const sound = find_record(raw, s.shape->block_bytes)) {
            blame(fault_code::interior_pointer, at, sound->site, nullptr,
                  "0x%llx lies %lld bytes into the block at 0x%llx, of %llu bytes", address_of(object),
                  address_of(object) - sound->object(), sound->object(), sound->bytes());
            return nullptr;
        }
        // Damaged: by the block below, perhaps.
        std::size_t const i = s.index_of(raw);
        void* const below = i != 0 ? s.block(i - 1) : nullptr;
        if (below != nullptr && s.is_live(below)) {
            block_record const* const culprit = find_record(below, s.shape->block_bytes);
            if (culprit != nullptr && report_overflow(*culprit, address_of(raw), at)) return nullptr;
        }
        guard_damage const d = look_at_guard(r, block_record::alive);
        // Where only the guard is damaged the rest can be believed, and the block be freed.
        bool const shape_is_whole = may_begin && r.raw() == address_of(raw) &&
                                    r.bytes() <= s.shape->block_bytes - offset - block_record::canary_bytes;
        blame(fault_code::underflow, at, shape_is_whole ? r.site : nullptr, nullptr, note_underflow, address_of(object),
              d.distance, d.found);
        return shape_is_whole ? &r : nullptr;
    }

    [[nodiscard]] bool has_shape(block_record const& r, layout const* given, call_site at) {
        if (given == nullptr || block_record::shape_of(*given) == r.shape) return true;
        if (r.bytes() != given->bytes) {
            blame(fault_code::wrong_size, at, r.site, nullptr,
                  "the block at 0x%llx has %llu bytes; it was freed as %llu", r.object(), r.bytes(), given->bytes);
        } else {
            blame(fault_code::wrong_size, at, r.site, nullptr,
                  "the block at 0x%llx was aligned for up to %llu bytes; it was freed as aligned to %llu", r.object(),
                  r.offset(), given->align);
        }
        return false;
    }

    bool report_overflow(block_record const& r, std::uintptr_t until, call_site at) {
        std::uintptr_t const wrong = find_overflow(r.end(), until);
        if (wrong == until) return false;
        blame(fault_code::overflow, at, r.site, nullptr, note_overflow, r.object(), r.bytes(), wrong - r.object(),
              *pointer_to<unsigned char const>(wrong));
        return true;
    }

    void not_a_block(void* p, call_site at, char const* what) {
        if constexpr (requires(thread_state<A>& s) { s.frame.records().find(std::uintptr_t{}); }) {
            thread_state<A>* const s = self().state_if_any();
            block_record const* const r = s != nullptr ? s->frame.records().find(address_of(p)) : nullptr;
            if (r != nullptr) {
                return blame(
                    fault_code::wrong_family, at, r->site, nullptr,
                    "0x%llx lies in the frame of this thread: the object at 0x%llx, of %llu bytes, goes with it",
                    address_of(p), r->object(), r->bytes());
            }
        }
        unsigned long long owner = 0;
        self().for_each_state([&](thread_state<A>& s, bool lives) {
            if constexpr (requires { s.frame.arena().begin_of_current(); }) {
                // Of its current chunk: what any thread may know.
                bool const has = address_of(p) >= s.frame.arena().begin_of_current() && address_of(p) < s.window.at();
                if (lives && has) owner = number_of_thread(s);
            }
        });
        if (owner != 0) {
            return blame(fault_code::wrong_thread, at, nullptr, nullptr,
                         "0x%llx lies in the frame of thread %llu, and goes with it", address_of(p), owner);
        }
        char note[64] = "0x%llx ";
        __builtin_strcat(note, what);
        blame(fault_code::foreign_pointer, at, nullptr, nullptr, note, address_of(p));
    }

    [[nodiscard]] static fault_sites sites_of_late_write(thread_state<A>& s) noexcept {
        return {.freed_at = s.frame.epochs().ended_at(),
                .write = [](fault_sites const& of, char* to, std::size_t size) noexcept {
                    write_fault_places(of, to, size, "ended at");
                }};
    }
    [[nodiscard]] static fault late_write(std::uintptr_t at) noexcept {
        return {.code = fault_code::frame_expired,
                .note = frame_records<A>::note_late_write,
                .numbers = {at, *pointer_to<unsigned char const>(at)}};
    }

    FRAMEALLOC_COLD void report_user(unsigned long long thread, unsigned long long frame, void const* begun_at) {
        fault_sites const sites{.mistake_at = ending_at_.address,
                                .freed_at = begun_at,
                                .write = [](fault_sites const& of, char* to, std::size_t size) noexcept {
                                    write_fault_places(of, to, size, "frame begun at");
                                }};
        fault f{.code = fault_code::used_while_ending,
                .note = "the destructor runs while thread %llu has its frame %llu open",
                .numbers = {thread, frame},
                .stops = A::diagnostics::stops_on_misuse,
                .sites = &sites};
        with_place(self(), f);
    }

    freed_blocks<A> freed_{};
    call_site ending_at_{};   // where the instance is destroyed
    fault_sites verified_{};  // of what verify() has found last
};

}  // namespace framealloc::detail
