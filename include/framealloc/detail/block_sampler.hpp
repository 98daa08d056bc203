// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/detail/guard_ranges.hpp>

namespace framealloc::inline v0_1::detail {

/// Where the sampled blocks of the process are; no address is among them before the first.
inline constexpr std::size_t sampled_bytes = std::size_t{17} << 16;
inline constinit atomic<std::uintptr_t> sampled_begin{~std::uintptr_t{0}};

/// The slots of the process: pages with a page that cannot be touched before and behind each.
///
///     base [ guard | slot 0 | guard | slot 1 | ... | guard ]
class sample_slots {
public:
    static constexpr std::size_t count = 128;

    // --- with the lock of `guard_ranges` ------------------------------------------------------------------------------

    /// A slot that may be touched, and has waited the longest; null where all are taken, or there is no memory.
    [[nodiscard]] static guarded_range* take() noexcept {
        if (free_ == 0 && !(is_new_ && begin())) return nullptr;
        guarded_range* const r = line_[first_];
        std::size_t const page = platform::page_bytes();
        if (!platform::commit(pointer_to<void>(r->begin), page)) return nullptr;
        first_ = (first_ + 1) % count;
        --free_;
        return r;
    }
    /// Nobody may touch it any more, until its turn comes.
    static void retire(guarded_range* r) noexcept {
        std::size_t const page = platform::page_bytes();
        void* const p = pointer_to<void>(r->begin);
        if (!platform::decommit(p, page)) static_cast<void>(platform::forbid(p, page));
        r->state.store(range_state::freed, order::release);
        line_[(first_ + free_++) % count] = r;
    }
    [[nodiscard]] static guarded_range* find(void const* p) noexcept {
        std::size_t const page = platform::page_bytes();
        std::size_t const at = (address_of(p) - sampled_begin.load(order::relaxed)) / page;
        std::size_t const slot = at == 0 ? 0 : (at - 1) / 2;
        return all_[slot < count ? slot : count - 1];
    }
    template <class F>
    static void for_each(F&& f) noexcept {
        for (guarded_range* const r : all_) {
            if (r != nullptr && r->state.load(order::relaxed) == range_state::live) f(*r);
        }
    }

private:
    [[nodiscard]] static bool begin() noexcept {
        is_new_ = false;
        std::size_t const page = platform::page_bytes();
        if ((2 * count + 1) * page > sampled_bytes) return false;  // pages of more than 4 KiB: nothing is sampled
        void* const base = platform::reserve(sampled_bytes, page);
        if (base == nullptr) return false;
        for (std::size_t i = 0; i < count; ++i) {
            guarded_range* const r = guard_ranges::take_place();
            if (r == nullptr) break;
            r->base = address_of(base) + 2 * i * page;
            r->whole = 3 * page;  // the guard behind is the next one's, too
            r->begin = r->base + page;
            r->end = r->begin + page;
            all_[i] = line_[free_++] = r;
        }
        if (free_ < count) {  // all or none
            while (free_ != 0) guard_ranges::give_place(line_[--free_]);
            static_cast<void>(platform::release(base, sampled_bytes));
            return false;
        }
        sampled_begin.store(address_of(base), order::release);
        return true;
    }

    static inline constinit bool is_new_ = true;
    static inline constinit guarded_range* all_[count]{};
    static inline constinit guarded_range* line_[count]{};  // of those that are free, the oldest first
    static inline constinit std::size_t first_ = 0;
    static inline constinit std::size_t free_ = 0;
};

/// When a thread's next sample is due.
template <class A>
class sample_countdown<A, true> {
public:
    [[nodiscard]] FRAMEALLOC_HOT bool is_due() noexcept { return --left_ < 0; }

    /// Draws the next interval: of random length, so that a loop which allocates the same blocks in the same order does not
    /// have the same one sampled each time. False where this is the first, which is no sample.
    [[nodiscard]] FRAMEALLOC_COLD bool begin_next() noexcept {
        constexpr std::uint64_t n = A::diagnostics::sample_interval;
        bool const is_first = random_ == 0;
        if (is_first) {
            // Another one for each thread and each run.
            random_ = (address_of(this) ^ platform::monotonic_nanoseconds()) * 0x9E3779B97F4A7C15 | 1;
        }
        // G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003.
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        // Uniform from 1 to 2n - 1, which is n on average; counted from the allocation after this one.
        left_ = static_cast<std::int64_t>(random_ % (2 * n - 1));
        return !is_first || n == 1;
    }

private:
    std::int64_t left_ = 0;
    std::uint64_t random_ = 0;
};

/// What an instance does with sampled blocks. The block that was taken from the pools stays taken, and is counted and charged;
/// the program gets a slot instead of it.
template <class A>
class block_sampler<A, true> {
public:
    [[nodiscard]] FRAMEALLOC_HOT static bool has(void const* p) noexcept {
        return address_of(p) - sampled_begin.load(order::relaxed) < sampled_bytes;
    }

    /// For a block that a sample is due for: what the program gets, the block itself where there is no slot.
    [[nodiscard]] FRAMEALLOC_COLD static void* take(thread_state<A>& s, void* block, layout asked) noexcept {
        if (!s.sampling.begin_next()) return block;
        std::size_t const page = platform::page_bytes();
        std::size_t const flush = round_up(asked.bytes, asked.align);
        if (asked.align > page || flush > page || asked.bytes == 0) return block;
        if (!watches_.exchange(true, order::relaxed)) guard_ranges::watch();
        platform::prepare_alternate_stack();
        core<A>& c = s.shared();
        locked const guard{guard_ranges::lock};
        guarded_range* const r = sample_slots::take();
        if (r == nullptr) return block;
        r->kind = range_kind::pool;
        // Either side, in turns: what a page finds on one it does not find on the other.
        r->object = (turn_++ & 3) == 3 ? r->begin : r->end - flush;
        r->bytes = asked.bytes;
        r->align = asked.align;
        r->inner = block;
        r->instance = &c;
        r->instance_number = c.id.load(order::relaxed);
        r->instance_name = c.config().name;
        r->holder = block_holder::of(core<A>::thread_number(), 0, s.frame.number());
        r->tag_path = nullptr;
        if constexpr (charges_tags<typename A::budget>) r->tag_path = fault{.tag = s.tags.tag()}.tag_path();
        r->site = r->freed_at = nullptr;
        r->freed.count = 0;
        platform::capture_stack(r->allocated);
        write_canary(r->begin, r->object);
        write_canary(r->object + r->bytes, r->end);
        r->state.store(range_state::live, order::release);
        return pointer_to<void>(r->object);
    }

    /// Frees what the program knows as `object`, an address among the slots, or reports why it may not be freed. `c` is the
    /// class that it is freed as; `any_class` where it is freed by its address.
    static constexpr std::size_t any_class = SIZE_MAX;
    FRAMEALLOC_COLD static void give_back(core<A>& owner, void* object, std::size_t c, [[maybe_unused]] site_of<A> at) {
        guarded_range* r = nullptr;
        range_state was{};
        bool fits = false;
        {
            locked const guard{guard_ranges::lock};
            r = sample_slots::find(object);
            was = r->state.load(order::relaxed);
            fits = r->object == address_of(object) && r->instance == &owner && was == range_state::live &&
                   (c == any_class || slab<A>::of(r->inner)->size_class == c);
            if (fits) {
                r->state.store(range_state::ending, order::relaxed);
                platform::capture_stack(r->freed);
            }
        }
        if (!fits) return refuse(owner, *r, object, was);
        if (fault damage; !guard_ranges::is_whole(*r, damage)) {
            guard_ranges::block_sites const sites = guard_ranges::sites_of(r->object, nullptr);
            damage.sites = &sites;
            with_place(owner, damage);
        }
        void* const block = r->inner;
        {
            locked const guard{guard_ranges::lock};
            sample_slots::retire(r);
        }
        if constexpr (observes<A>) owner.observe_free(object, allocation_intent::pool, at);
        owner.give_block(block, slab<A>::of(block)->size_class);
    }

    /// Bytes that a live sampled block of this instance has; 0 where it is none.
    [[nodiscard]] static std::size_t bytes_of(core<A>& owner, void const* object) noexcept {
        locked const guard{guard_ranges::lock};
        guarded_range const* const r = sample_slots::find(object);
        bool const is_live = r->state.load(order::relaxed) == range_state::live;
        return is_live && r->instance == &owner && r->object == address_of(object) ? r->bytes : 0;
    }
    /// Whose it is; null where it is none's any more, or that of another kind of allocator.
    [[nodiscard]] static core<A>* owner_of(void const* object) noexcept {
        locked const guard{guard_ranges::lock};
        instance_base* const i = sample_slots::find(object)->instance;
        return i != nullptr && i->ops == &core<A>::registry_operations() ? static_cast<core<A>*>(i) : nullptr;
    }

    /// The instance ends, and its blocks with it.
    FRAMEALLOC_COLD static void leave(core<A>& owner) noexcept {
        locked const guard{guard_ranges::lock};
        sample_slots::for_each([&](guarded_range& r) {
            if (r.instance != &owner) return;
            r.instance = nullptr;
            platform::capture_stack(r.freed);
            sample_slots::retire(&r);
        });
    }
    static void lock_for_fork() noexcept { guard_ranges::lock_for_fork(); }
    static void unlock_after_fork() noexcept { guard_ranges::unlock_after_fork(); }

private:
    static void refuse(core<A>& owner, guarded_range const& r, void* object, range_state was) {
        bool const is_free = was != range_state::live;
        guard_ranges::block_sites const sites = guard_ranges::sites_of(r.object, nullptr);
        fault f{.code = fault_code::wrong_size,
                .note = "the block at 0x%llx has %llu bytes; it was freed as one of another class",
                .numbers = {r.object, r.bytes, address_of(object), address_of(object) - r.object},
                .stops = A::diagnostics::stops_on_misuse,
                .sites = &sites};
        if (r.instance != &owner && !is_free) {
            f.code = fault_code::foreign_pointer;
            f.note = "the block at 0x%llx belongs to another allocator instance";
        } else if (is_free) {
            f.code = fault_code::double_free;
            f.note = "the block at 0x%llx, of %llu bytes, is free already";
        } else if (r.object != address_of(object)) {
            f.code = fault_code::interior_pointer;
            f.note = "of the block at 0x%llx, of %llu bytes: 0x%llx lies %lld bytes into it";
        }
        with_place(owner, f);
    }

    static inline constinit atomic<bool> watches_{false};
    static inline constinit unsigned turn_ = 0;
};

}  // namespace framealloc::detail
