// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/block_surroundings.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/detail/platform/page_faults.hpp>
#include <framealloc/detail/thread_registry.hpp>

#include <new>

// The pages that guarded blocks and frames lie on, of all instances of the process, and what is said when one of them is
// touched that nobody may touch.

namespace framealloc::inline v0_1::detail {

enum class range_kind : unsigned char { pool, heap, frame };
enum class range_state : unsigned char {
    unused,
    live,
    ending,  ///< a free is at work on it
    freed,   ///< its pages cannot be touched
};

/// Pages of one block, or of one chunk of a frame, between pages that cannot be touched.
///
///     [ guard | canary . . . | object | canary up to the alignment | guard ]      guarded on the right: flush behind
///     [ guard | object | canary . . . . . . . . . . . . . . . . .  | guard ]      guarded on the left: flush before
struct guarded_range {
    atomic<range_state> state{range_state::unused};
    range_kind kind{};
    std::uintptr_t base = 0;   ///< of the mapping, guards included
    std::size_t whole = 0;     ///< bytes of it
    std::uintptr_t begin = 0;  ///< of what may be touched while it lives
    std::uintptr_t end = 0;
    std::uintptr_t object = 0;
    std::size_t bytes = 0;  ///< asked for
    std::size_t align = 0;
    void* inner = nullptr;  ///< the block that is counted for it, in a slab or in the heap
    instance_base* instance = nullptr;
    unsigned long long instance_number = 0;
    char const* instance_name = nullptr;
    char const* tag_path = nullptr;
    block_holder holder{};
    void const* site = nullptr;
    void const* freed_at = nullptr;
    platform::code_stack allocated{};
    platform::code_stack freed{};
    guarded_range* next = nullptr;  ///< with the same hash, or among those that are not used
    guarded_range* next_freed = nullptr;
    // Of a frame's chunk.
    void const* owner = nullptr;        ///< the thread's frame
    unsigned long long last_frame = 0;  ///< that used it
    atomic<unsigned long long> const* frames_begun = nullptr;

    [[nodiscard]] bool covers(std::uintptr_t address) const noexcept { return address - base < whole; }
};

/// All of them. Places for them are never given back to the system, so that who looks through them needs no lock.
///
///   Cost      A lock and O(1) for each block that is allocated or freed; a look at every range for an address that is none's
///             begin.
///   Threads   Any number. `around` without the lock may see a range half changed: it is for who reports a fault.
///   Failure   Null, where the system has no more mappings, addresses or memory, and nothing has changed.
class guard_ranges {
public:
    static inline constinit platform::mutex lock{};

    /// How many mappings blocks may take, of those that the system allows: the rest of the program wants some, too.
    [[nodiscard]] static std::size_t mapping_limit() noexcept {
        static std::size_t const most = platform::most_mappings();
        return most - most / 8;
    }

    // --- with the lock ------------------------------------------------------------------------------------------------

    [[nodiscard]] static guarded_range* take_place() noexcept {
        if (unused_ == nullptr && !add_places()) return nullptr;
        guarded_range* const r = unused_;
        unused_ = r->next;
        return r;
    }
    static void give_place(guarded_range* r) noexcept {
        r->state.store(range_state::unused, order::release);
        r->next = unused_;
        unused_ = r;
    }

    /// Pages for a block of `asked`, of which at most `most` may be alive; not yet live.
    [[nodiscard]] static guarded_range* map_block(layout asked, bool guard_left, std::size_t most) noexcept {
        // Two mappings each: what may be touched, and what may not.
        std::size_t const limit = mapping_limit() / 2;
        if (live_blocks_ >= (most != 0 && most < limit ? most : limit)) return nullptr;
        std::size_t const page = platform::page_bytes();
        std::size_t const align = asked.align > page ? asked.align : page;
        if (asked.bytes > SIZE_MAX / 4) return nullptr;
        std::size_t const flush = round_up(asked.bytes, asked.align), room = round_up(flush, page);
        guarded_range* const r = take_place();
        if (r == nullptr) return nullptr;
        r->whole = align + room + page;
        void* const base = platform::reserve(r->whole, align);
        if (base == nullptr || (room != 0 && !platform::commit(behind(base, align), room))) {
            if (base != nullptr) static_cast<void>(platform::release(base, r->whole));
            give_place(r);
            return nullptr;
        }
        r->base = address_of(base);
        r->begin = r->base + align;
        r->end = r->begin + room;
        r->object = guard_left ? r->begin : r->end - flush;
        r->bytes = asked.bytes;
        r->align = asked.align;
        write_canary(r->begin, r->object);
        write_canary(r->object + r->bytes, r->end);
        ++live_blocks_;
        enter(r);
        return r;
    }
    /// A block is free: its pages cannot be touched any more, and it waits with the others that are free, of which the oldest
    /// go while there are more than `most_bytes` or `most_blocks`.
    static void retire_block(guarded_range* r, std::size_t most_bytes, std::size_t most_blocks) noexcept {
        std::size_t const room = r->end - r->begin;
        --live_blocks_;
        if (room != 0 && !platform::decommit(pointer_to<void>(r->begin), room) &&
            !platform::forbid(pointer_to<void>(r->begin), room)) {
            return unmap(r);
        }
        r->state.store(range_state::freed, order::release);
        r->next_freed = nullptr;
        (last_freed_ != nullptr ? last_freed_->next_freed : first_freed_) = r;
        last_freed_ = r;
        freed_bytes_ += r->whole;
        ++freed_blocks_;
        while (freed_blocks_ > most_blocks || freed_bytes_ > most_bytes) {
            guarded_range* const oldest = first_freed_;
            first_freed_ = oldest->next_freed;
            if (first_freed_ == nullptr) last_freed_ = nullptr;
            freed_bytes_ -= oldest->whole;
            --freed_blocks_;
            unmap(oldest);
        }
    }

    /// The block that begins at an address; null where none does.
    [[nodiscard]] static guarded_range* find(std::uintptr_t object) noexcept {
        guarded_range* r = buckets_[bucket_of(object)].load(order::relaxed);
        while (r != nullptr && r->object != object) r = r->next;
        return r;
    }

    /// Calls `f(range)` for all that are in use. With the lock, or at rest.
    template <class F>
    static void for_each(F&& f) noexcept {
        for (place_chunk* c = chunks_.load(order::acquire); c != nullptr; c = c->next) {
            for (guarded_range& r : c->ranges) {
                if (r.state.load(order::acquire) != range_state::unused) f(r);
            }
        }
    }

    // --- also without it ----------------------------------------------------------------------------------------------

    /// The range that an address lies in, guards included; of two that have a guard between them, the nearer one.
    [[nodiscard]] static guarded_range* around(std::uintptr_t address) noexcept {
        guarded_range* found = nullptr;
        std::size_t nearest = SIZE_MAX;
        for_each([&](guarded_range& r) {
            if (!r.covers(address)) return;
            std::size_t const distance = address < r.begin ? r.begin - address : address < r.end ? 0 : address - r.end;
            if (distance < nearest) found = &r, nearest = distance;
        });
        return found;
    }

    [[nodiscard]] static std::size_t live_blocks() noexcept { return live_blocks_; }
    [[nodiscard]] static std::size_t freed_blocks() noexcept { return freed_blocks_; }

    /// Forking is one thread's, with the registry locked: of several instances the first one locks.
    static void lock_for_fork() noexcept {
        if (forks_++ == 0) lock.lock();
    }
    static void unlock_after_fork() noexcept {
        if (--forks_ == 0) lock.unlock();
    }

    /// What surrounds a live block, as far as it may be touched.
    [[nodiscard]] static bool is_whole(guarded_range const& r) noexcept {
        return find_overflow(r.begin, r.object) == r.object && find_overflow(r.object + r.bytes, r.end) == r.end;
    }
    /// False where what surrounds a live block is damaged, which is in `what` then.
    [[nodiscard]] static bool is_whole(guarded_range const& r, fault& what) noexcept {
        using ull = unsigned long long;
        std::uintptr_t const over = r.object + r.bytes < r.end ? find_overflow(r.object + r.bytes, r.end) : r.end;
        std::uintptr_t const under = find_overflow(r.begin, r.object);
        if (over == r.end && under == r.object) return true;
        bool const is_over = over != r.end;
        what = {.code = fault_code::underflow};
        if (is_over) what.code = fault_code::overflow;
        what.note = is_over ? note_overflow : note_underflow;
        if (is_over) {
            ull const numbers[] = {r.object, r.bytes, over - r.object, *pointer_to<unsigned char const>(over)};
            __builtin_memcpy(what.numbers, numbers, sizeof numbers);
        } else {
            // The damaged byte that is nearest to the object.
            std::uintptr_t at = r.object - 1;
            while (*pointer_to<unsigned char const>(at) == block_record::canary_at(at - r.begin)) --at;
            ull const numbers[] = {r.object, r.object - at, *pointer_to<unsigned char const>(at), 0};
            __builtin_memcpy(what.numbers, numbers, sizeof numbers);
        }
        return false;
    }

    static constexpr char const* note_underflow =
        "the block at 0x%llx was written before its begin: the byte %llu below it is 0x%02llx";
    static constexpr char const* note_overflow =
        "the block at 0x%llx was written behind its %llu bytes: the byte at offset %llu is 0x%02llx";

    // --- reports ------------------------------------------------------------------------------------------------------

    /// Reports come from page faults from now on; see `platform::watch_page_faults`.
    static void watch() noexcept {
        locked const guard{lock};
        platform::watch_page_faults(&report_fault);
    }

    /// The places of a fault that is about a block, and the calls that led to them, as far as there is room.
    struct block_sites : fault_sites {
        std::uintptr_t object = 0;
    };
    [[nodiscard]] static block_sites sites_of(std::uintptr_t object, void const* mistake_at) noexcept {
        block_sites s;
        s.mistake_at = mistake_at;
        s.write = &write_places;
        s.object = object;
        return s;
    }
    static void write_places(fault_sites const& f, char* to, std::size_t size) noexcept {
        guarded_range const* about = nullptr;
        for_each([&](guarded_range& r) {
            if (r.kind != range_kind::frame && r.object == static_cast<block_sites const&>(f).object) about = &r;
        });
        // Both places matter more than who called whom.
        text_in text{to, size, true, 2, 112};
        text.code("at", f.mistake_at);
        if (about != nullptr) text.places(*about);
    }

private:
    struct place_chunk {
        static constexpr std::size_t bytes = std::size_t{64} << 10;
        place_chunk* next;
        guarded_range ranges[(bytes - sizeof(void*)) / sizeof(guarded_range)];
    };

    [[nodiscard]] static bool add_places() noexcept {
        static_assert(sizeof(place_chunk) <= place_chunk::bytes);
        void* const p = platform::reserve(place_chunk::bytes, platform::page_bytes());
        if (p == nullptr) return false;
        if (!platform::commit(p, place_chunk::bytes)) {
            static_cast<void>(platform::release(p, place_chunk::bytes));
            return false;
        }
        auto* const c = ::new (p) place_chunk{};
        for (guarded_range& r : c->ranges) give_place(&r);
        c->next = chunks_.load(order::relaxed);
        chunks_.store(c, order::release);  // publishes the ranges
        return true;
    }

    static constexpr std::size_t bucket_count = std::size_t{1} << 14;
    [[nodiscard]] static std::size_t bucket_of(std::uintptr_t object) noexcept {
        return (object >> 12) * 0x9E3779B97F4A7C15 >> 50;
    }
    static void enter(guarded_range* r) noexcept {
        atomic<guarded_range*>& bucket = buckets_[bucket_of(r->object)];
        r->next = bucket.load(order::relaxed);
        bucket.store(r, order::relaxed);
    }
    static void unmap(guarded_range* r) noexcept {
        atomic<guarded_range*>& bucket = buckets_[bucket_of(r->object)];
        if (bucket.load(order::relaxed) == r) {
            bucket.store(r->next, order::relaxed);
        } else {
            guarded_range* before = bucket.load(order::relaxed);
            while (before->next != r) before = before->next;
            before->next = r->next;
        }
        static_cast<void>(platform::release(pointer_to<void>(r->base), r->whole));
        give_place(r);
    }

    /// Text that is added to in its place, without allocating.
    class text_in {
    public:
        text_in(char* to, std::size_t size, bool names, std::size_t deep = 6, std::size_t wide = 192) noexcept
            : to_(to), size_(size), names_(names), deep_(deep), wide_(wide) {
            *to = '\0';
        }
        template <class... Part>
        FRAMEALLOC_COLD void add(char const* format, Part... part) noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
            int const n = __builtin_snprintf(to_ + used_, size_ - used_, format, part...);
#pragma GCC diagnostic pop
            // A line that does not fit is left out.
            if (n > 0 && static_cast<std::size_t>(n) < size_ - used_) used_ += static_cast<std::size_t>(n);
            to_[used_] = '\0';
        }
        void code(char const* what, void const* address) noexcept {
            char name[192];
            if (address != nullptr && name_of(address, name, wide_)) add("  %s: %s\n", what, name);
        }
        void places(guarded_range const& r) noexcept {
            stack("allocated at", r.site, r.allocated);
            if (r.state.load(order::relaxed) == range_state::freed || r.freed_at != nullptr)
                stack("freed at", r.freed_at, r.freed);
        }
        /// The program's own part of a stack, or the place alone.
        void stack(char const* what, void const* place, platform::code_stack const& s) noexcept {
            std::size_t shown = 0;
            for (std::size_t i = 0; i < s.count && shown < deep_; ++i) {
                char name[192];
                if (!name_of(s.at[i], name, wide_)) continue;
                // Ours, up to the program's code that called it.
                if (shown == 0 && is_ours(name)) continue;
                if (is_before_main(name)) break;
                add(shown == 0 ? "  %s: %s\n" : "  %scalled by: %s\n", shown == 0 ? what : "  ", name);
                ++shown;
            }
            if (shown == 0) code(what, place);
        }
        [[nodiscard]] std::size_t used() const noexcept { return used_; }

    private:
        [[nodiscard]] bool name_of(void const* address, char* to, std::size_t size) const noexcept {
            return (names_ ? write_code(address, to, size) : platform::write_code_address(address, to, size)) != 0;
        }
        [[nodiscard]] static bool is_before_main(char const* name) noexcept {
            return __builtin_strncmp(name, "__libc_start", 12) == 0 || __builtin_strncmp(name, "_start", 6) == 0;
        }
        /// By what the function itself is called: among its arguments the program's functions may have types of ours.
        [[nodiscard]] static bool is_ours(char const* name) noexcept {
            char const* const arguments = name + __builtin_strcspn(name, "<(");
            char const* const spelled = __builtin_strstr(name, "framealloc::v0_1::");
            return (spelled != nullptr && spelled < arguments) ||
                   __builtin_strstr(name, "_ZN10framealloc4v0_1") != nullptr ||
                   __builtin_strstr(name, "_ZNK10framealloc4v0_1") != nullptr;
        }

        char* to_;
        std::size_t size_;
        std::size_t used_ = 0;
        bool names_;
        std::size_t deep_;  // calls of a stack that are shown
        std::size_t wide_;  // bytes of a name
    };

    /// Asked about an address that could not be touched: on the thread that has touched it, in a signal handler. It takes no
    /// lock of ours and allocates nothing; what names code allocates, and where that goes wrong, this is called once more,
    /// and names none.
    [[nodiscard]] FRAMEALLOC_COLD static bool report_fault(std::uintptr_t address, platform::access_kind how,
                                                           void const* code) noexcept {
        guarded_range const* const r = around(address);
        static constinit atomic<unsigned> reporting{0};
        unsigned const me = 1 + thread_registry::thread_number();
        unsigned nobody = 0;
        bool first = true;
        if (r == nullptr) {
            if (reporting.load(order::relaxed) != me) return false;
            // The report itself has run into something.
            first = false;
        }
        if (first && !reporting.compare_exchange(nobody, me, order::acq_rel, order::relaxed)) {
            first = false;
            // Another thread's report ends the program; should it hang, this one does.
            for (unsigned i = 0; nobody != me && i < 1'000'000; ++i) platform::yield();
        }
        static char lines[6144];
        static guarded_range const* subject = nullptr;
        static std::uintptr_t touched = 0;
        static platform::access_kind did{};
        static void const* place = nullptr;
        // Names are looked up for what lies before an address, as return addresses want it.
        if (first) subject = r, touched = address, did = how, place = behind(code, code != nullptr ? 1 : 0);
        if (subject == nullptr) return false;
        text_in text{lines, sizeof lines, first && platform::has_room_for_names()};
        write_report(text, *subject, touched, did, place);
        installed_diagnostic_sink.load(order::acquire)(lines, text.used());
        return true;
    }

    static void write_report(text_in& text, guarded_range const& r, std::uintptr_t address, platform::access_kind how,
                             void const* code) noexcept {
        using ull = unsigned long long;
        char const* const verb = how == platform::access_kind::write  ? "written"
                                 : how == platform::access_kind::read ? "read"
                                                                      : "touched";
        auto const head = [&](fault_kind k) {
            text.add("[framealloc][%s] %s: %s\n", k.id(), "error", k.message());
            return k.help();
        };
        char const* help = "";
        if (r.kind == range_kind::frame) {
            help = write_about_frame(text, r, address, verb, code);
        } else {
            bool const is_freed = r.state.load(order::relaxed) == range_state::freed;
            char const* const heap = r.kind == range_kind::heap ? "heap " : "";
            if (is_freed) {
                help = head(fault_code::write_after_free);
                text.add("  note: the %sblock at 0x%llx, of %llu bytes, was %s after it was freed: at offset %lld\n",
                         heap, ull{r.object}, ull{r.bytes}, verb,
                         static_cast<long long>(address) - static_cast<long long>(r.object));
            } else if (address < r.object) {
                help = head(fault_code::underflow);
                text.add("  note: the %sblock at 0x%llx, of %llu bytes, was %s %llu bytes before its begin\n", heap,
                         ull{r.object}, ull{r.bytes}, verb, ull{r.object - address});
            } else {
                help = head(fault_code::overflow);
                text.add("  note: the %sblock at 0x%llx, of %llu bytes, was %s behind its end: at offset %llu\n", heap,
                         ull{r.object}, ull{r.bytes}, verb, ull{address - r.object});
            }
        }
        if (r.kind != range_kind::frame) {
            text.code("at", code);
            text.places(r);
        }
        write_whose(text, r);
        text.add("  help: %s\n", help);
    }
    /// Who had it, and who has touched it now.
    static void write_whose(text_in& text, guarded_range const& r) noexcept {
        char name[16] = "";
        platform::thread_name(name, sizeof name);
        bool const named = r.instance_name != nullptr, tagged = r.tag_path != nullptr;
        text.add("  whose: allocator%s%.60s%s (instance %llu), thread %llu, frame %llu%s%.60s\n", named ? " '" : "",
                 named ? r.instance_name : "", named ? "'" : "", r.instance_number, r.holder.thread(), r.holder.frame(),
                 tagged ? ", tag " : "", tagged ? r.tag_path : "");
        text.add("  where: thread %u '%s'\n", thread_registry::thread_number(), name);
    }
    /// The memory of a frame, or of a part of one, that has ended. The records of its objects are there still, below pages
    /// that cannot be touched: they are made readable for a moment, and the fault comes again afterwards.
    static char const* write_about_frame(text_in& text, guarded_range const& r, std::uintptr_t address,
                                         char const* verb, void const* code) noexcept {
        using ull = unsigned long long;
        bool const is_freed = r.state.load(order::relaxed) == range_state::freed;
        bool const beyond = address >= r.end || address < r.begin;
        fault_kind const k =
            beyond && !is_freed ? fault_kind{fault_code::overflow} : fault_kind{fault_code::frame_expired};
        text.add("[framealloc][%s] %s: %s\n", k.id(), "error", k.message());
        if (beyond && !is_freed) {
            text.add("  note: 0x%llx was %s beside the frame's memory, which is 0x%llx to 0x%llx\n", ull{address}, verb,
                     ull{r.begin}, ull{r.end});
        } else if (!is_freed) {
            text.add(
                "  note: 0x%llx was %s in a part of frame %llu of thread %llu that a scope or a roll-back has ended\n",
                ull{address}, verb, r.holder.frame(), r.holder.thread());
        } else {
            unsigned long long const begun = r.frames_begun != nullptr ? r.frames_begun->load(order::relaxed) : 0;
            text.add(
                "  note: 0x%llx was %s when its frame was over: it lies in frame %llu of thread %llu, and %llu have "
                "begun since\n",
                ull{address}, verb, r.holder.frame(), r.holder.thread(),
                begun > r.last_frame ? begun - r.last_frame : 0);
        }
        text.code("at", code);
        if (is_freed) {
            write_object(text, r, address);
            text.stack("ended at", r.freed_at, r.freed);
        }
        return k.help();
    }
    static void write_object(text_in& text, guarded_range const& r, std::uintptr_t address) noexcept {
        std::size_t const page = platform::page_bytes();
        std::uintptr_t const begin = round_up(r.begin, page), end = r.end & ~(page - 1);
        if (address < begin || address >= end) return;
        if (!platform::commit(pointer_to<void>(begin), end - begin)) return;
        for (std::uintptr_t at = address & ~(granule - 1); at >= begin + granule; at -= granule) {
            auto const& candidate = *pointer_to<block_record const>(at - sizeof(block_record));
            if (at - sizeof(block_record) < begin) break;
            if (!candidate.is(block_record::alive) || candidate.object() != at) continue;
            if (address - at > candidate.bytes()) break;
            text.add("  object: at 0x%llx, of %llu bytes; the address is %llu bytes into it\n",
                     static_cast<unsigned long long>(at), static_cast<unsigned long long>(candidate.bytes()),
                     static_cast<unsigned long long>(address - at));
            text.code("allocated at", candidate.site);
            break;
        }
        static_cast<void>(platform::forbid(pointer_to<void>(begin), end - begin));
    }

    static inline constinit atomic<place_chunk*> chunks_{nullptr};
    static inline constinit guarded_range* unused_ = nullptr;
    static inline constinit atomic<guarded_range*> buckets_[bucket_count]{};
    static inline constinit guarded_range* first_freed_ = nullptr;
    static inline constinit guarded_range* last_freed_ = nullptr;
    static inline constinit std::size_t freed_bytes_ = 0;
    static inline constinit std::size_t freed_blocks_ = 0;
    static inline constinit std::size_t live_blocks_ = 0;
    static inline constinit unsigned forks_ = 0;
};

}  // namespace framealloc::detail
