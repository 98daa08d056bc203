// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/config.hpp>
#include <framealloc/detail/block_record.hpp>
#include <framealloc/detail/heap_cache.hpp>
#include <framealloc/detail/heap_ledger.hpp>
#include <framealloc/detail/instance_lock.hpp>
#include <framealloc/detail/page_map.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/thread_registry.hpp>
#include <framealloc/intent.hpp>

namespace framealloc::inline v0_1::detail {

/// The heap path: large or long-lived blocks from the backend, through the cache.
///
///   Cost      A block from the cache: some locked instructions, no call. Otherwise one backend call.
///   Threads   Any number. No lock where the backend is thread-safe.
///   Failure   Null, and nothing has changed.
///   Lifetime  A block lives until it is freed; the end of the instance gives back what is left.
template <class A>
class heap_store {
    template <class T>
    using shared = typename A::sync::template atomic<T>;

public:
    constexpr heap_store(instance_lock<A>& guard, backend_gate<A>& gate, metadata<A>& records,
                         conditional_page_map<A>& map, alloc_config const& config, void* instance) noexcept
        : guard_(guard), gate_(gate), records_(records), map_(map), config_(config), instance_(instance) {}

    /// `request` is possible. `tag`, where there are tags, is who has been charged for it.
    template <class... Tag>
    [[nodiscard]] void* allocate(layout request, Tag... tag) noexcept {
        std::size_t const align = request.align < granule ? granule : request.align;
        std::size_t const head = round_up(sizeof(heap_prefix) + record_bytes, align);
        std::size_t const step = quarter_steps::index(head + request.bytes + tail_bytes + (request.bytes == 0));
        std::size_t whole = quarter_steps::bytes(step);
        std::size_t const usual = usual_align(whole);
        std::size_t base_align = align > usual ? align : usual;

        heap_prefix* const kept = base_align == usual ? cache_.take_step(step) : nullptr;
        giver_byte giver{};
        if (kept != nullptr) {
            whole = kept->whole_bytes;
            base_align = kept->base_align;
            giver = kept->giver;
            if constexpr (keeps_records<A> && !memory_tool) {
                static_cast<core<A>*>(static_cast<instance_base*>(instance_))->look_at_cached(kept->base, base_align);
            }
        }
        void* const base = kept != nullptr ? kept->base : take_fresh({.bytes = whole, .align = base_align}, giver);
        if (base == nullptr) return nullptr;
        void* const block = pointer_to<void>(address_of(base) + head);
        if (std::uint32_t const number = publish(block); number != heap_ledger<A>::none) {
            memory_is_ours(&prefix_of(block), sizeof(heap_prefix));
            ::new (&prefix_of(block)) heap_prefix{.base = base,
                                                  .whole_bytes = whole,
                                                  .bytes = request.bytes,
                                                  .instance = instance_,
                                                  .base_align = static_cast<std::uint32_t>(base_align),
                                                  .number = number,
                                                  .stamp = (std::uint32_t{0} + ... + tag),
                                                  .giver = giver};
            memory_is_forbidden(base, head);
            memory_is_forbidden(behind(block, request.bytes), whole - head - request.bytes);
            block_is_given(this, block, request.bytes);
            live_blocks_.fetch_add(1, order::relaxed);
            raise_to(peak_bytes_, live_bytes_.fetch_add(request.bytes, order::relaxed) + request.bytes);
            return block;
        }
        gate_.give_block(base, {.bytes = whole, .align = base_align}, giver);
        gate_.note(fault_code::out_of_memory);
        return nullptr;
    }

    /// True when `block` was alive and ours; it is freed then. `block` lies where heap blocks are.
    [[nodiscard]] bool free(void* block) noexcept {
        if (!is_ours(block)) return false;
        if (!ledger_.leave(read(block).number, block)) return false;
        auto const& prefix = read(block);
        map_.remove_heap_block(block);
        live_blocks_.fetch_sub(1, order::relaxed);
        live_bytes_.fetch_sub(prefix.bytes, order::relaxed);
        if constexpr (charges_tags<typename A::budget>) {
            gate_.budget().refund(static_cast<std::uint8_t>(prefix.stamp), allocation_intent::heap, prefix.bytes);
        }
        memory_is_left(block, prefix.bytes);
        if constexpr (A::diagnostics::fills_released) __builtin_memset(block, 0xCD, prefix.bytes);
        block_is_given_back(this, block, address_of(prefix.base) + prefix.whole_bytes - address_of(block));

        // The prefix moves to where the cache finds it without knowing the block's alignment.
        memory_is_ours(prefix.base, sizeof(heap_prefix));
        heap_prefix const copy = prefix;
        auto* const freed = ::new (copy.base) heap_prefix(copy);
        give_to_backend(freed->base_align == usual_align(freed->whole_bytes) ? keep(freed) : freed);
        give_to_backend(cache_.take_aged(1, heap_cache<A>::max_age));
        return true;
    }

    /// Whether `block`, which lies where heap blocks are, is a live block of this instance.
    [[nodiscard]] bool is_alive(void* block) noexcept {
        return is_ours(block) && ledger_.is_alive(read(block).number, block);
    }

    /// Whether `block`, which lies where heap blocks are, is or was a block of this instance, as far as can be seen from
    /// what lies below it.
    [[nodiscard]] bool is_ours(void* block) const noexcept {
        return may_be_block(block) && read(block).instance == instance_;
    }
    /// Whether what lies below `block`, which may be anybody's, can be a head. Where frees are checked nothing is read that is
    /// not there: a page may begin at `block`, and be the first.
    [[nodiscard]] static bool may_be_block(void* block) noexcept {
        if (address_of(block) % granule != 0) return false;
        if constexpr (seals_blocks<A>) {
            return block_seal<A>::can_read_below(block, sizeof(heap_prefix) + record_bytes);
        } else {
            return true;
        }
    }

    /// The head of a block, below its record where there is one.
    [[nodiscard]] static heap_prefix& prefix_of(void* block) noexcept {
        return heap_prefix::of(pointer_to<void>(address_of(block) - record_bytes));
    }
    [[nodiscard]] static decltype(auto) read(void* block) noexcept {
        return heap_prefix::read(pointer_to<void>(address_of(block) - record_bytes));
    }
    /// Bytes that a block has room for.
    [[nodiscard]] static std::size_t room_of(void* block) noexcept {
        heap_prefix const& prefix = read(block);
        return prefix.whole_bytes - (address_of(block) - address_of(prefix.base));
    }

    /// Calls `f(block)` for each live block. The instance is at rest.
    template <class F>
    void for_each_live_block(F&& f) {
        ledger_.for_each(f);
    }

    FRAMEALLOC_COLD void release() noexcept {
        ledger_.for_each([&](void* block) { static_cast<void>(free(block)); });
        owner_ends(this);
        trim();
    }
    /// Gives all that is kept to the backend.
    void trim() noexcept {
        while (heap_prefix* const b = cache_.take_any()) give_to_backend(b);
    }

    [[nodiscard]] std::size_t live_blocks() const noexcept { return live_blocks_.load(order::relaxed); }
    [[nodiscard]] std::size_t live_bytes() const noexcept { return live_bytes_.load(order::relaxed); }
    [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_bytes_.load(order::relaxed); }
    [[nodiscard]] std::size_t cached_bytes() const noexcept { return cache_.bytes(); }

    /// Calls `f(tag, bytes asked for)` for each live block. The instance is at rest.
    template <class F>
    void for_each_live(F&& f) {
        ledger_.for_each([&](void* block) { f(static_cast<std::uint8_t>(read(block).stamp), read(block).bytes); });
    }

    /// What the live blocks' heads say, one by one.
    struct census {
        std::size_t blocks = 0;
        std::size_t bytes = 0;        ///< as requested
        std::size_t whole_bytes = 0;  ///< as the backend counts them
        bool sound = true;            ///< every head is as it should be
    };
    /// O(blocks). The instance is at rest.
    [[nodiscard]] census take_census() noexcept {
        census c;
        ledger_.for_each([&](void* block) {
            heap_prefix const& prefix = read(block);
            c.sound = c.sound && prefix.instance == instance_ && prefix.bytes <= prefix.whole_bytes;
            c.blocks += 1;
            c.bytes += prefix.bytes;
            c.whole_bytes += prefix.whole_bytes;
        });
        return c;
    }

private:
    static constexpr std::size_t record_bytes = keeps_records<A> ? sizeof(block_record) : 0;
    static constexpr std::size_t tail_bytes = keeps_records<A> ? block_record::canary_bytes : 0;

    /// Blocks of a page and more are aligned to a cache line, smaller ones as the system does, so that equal sizes are
    /// equally aligned and can take each other's place.
    [[nodiscard]] static constexpr std::size_t usual_align(std::size_t whole) noexcept {
        return whole >= 4096 ? 64 : granule;
    }

    [[nodiscard]] void* take_fresh(layout whole, giver_byte& giver) noexcept {
        // Whoever frees the block may have to look for the instance. What the cache has was taken here before.
        if constexpr (!A::sync::one_thread) thread_registry::enroll(*static_cast<instance_base*>(instance_));
        return gate_.take_block(whole, giver);
    }

    [[nodiscard]] std::uint32_t publish(void* block) noexcept {
        if (!map_.add_heap_block(block)) return heap_ledger<A>::none;
        std::uint32_t const number = ledger_.enter(block, guard_, gate_, records_);
        if (number == heap_ledger<A>::none) map_.remove_heap_block(block);
        return number;
    }

    /// Keeps a block; what has to leave for it, itself perhaps, is the answer.
    [[nodiscard]] heap_prefix* keep(heap_prefix* b) noexcept {
        std::size_t const limit = config_.heap_cache_bytes;
        heap_prefix* const left = cache_.keep(b, limit);
        if (left != b || b->whole_bytes > limit) return left;
        heap_prefix* const victim = cache_.take_aged(heap_cache<A>::slot_total(), heap_cache<A>::min_age);
        if (victim == nullptr) return b;
        give_to_backend(victim);
        return cache_.keep(b, limit);
    }

    void give_to_backend(heap_prefix* b) noexcept {
        if (b != nullptr) gate_.give_block(b->base, {.bytes = b->whole_bytes, .align = b->base_align}, b->giver);
    }

    instance_lock<A>& guard_;
    backend_gate<A>& gate_;
    metadata<A>& records_;
    conditional_page_map<A>& map_;
    alloc_config const& config_;
    void* instance_;
    heap_cache<A> cache_{};
    heap_ledger<A> ledger_{};
    shared<std::size_t> live_blocks_{0};
    shared<std::size_t> live_bytes_{0};
    shared<std::size_t> peak_bytes_{0};  // the most that live_bytes_ has been
};

}  // namespace framealloc::detail
