// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/hot_state.hpp>
#include <framealloc/detail/instance_lock.hpp>
#include <framealloc/detail/slab_registry.hpp>

// Pools: what the threads of an instance share (`pool_store`) and what one thread holds (`pool_cache`).
//
//     thread: a magazine of each class                       pop, push
//        | full batch for empty, empty for full
//     thread: a reserve of full batches of each class        a list of its own: nothing shared
//        | the same
//     depot of each class: a bounded queue of full batches   one compare-exchange per batch
//        | oldest first, when the depot overflows
//     slabs: a bit per block                                 settled blocks are carved again, empty slabs go back
//
// A free never asks who owns a block, never waits and never needs memory: a full magazine's batch goes to the reserve, one
// too many there to the depot, and where the depot or a batch cannot be had the blocks' bits are set in their slabs.
//
// What a sleeping thread holds back is its magazines and reserves: at most (1 + reserve) x capacity blocks of each class that
// it has used, which keep at most as many slabs from going back. An instance holds depot_depth x capacity more. So
//
//     reserved <= live slabs + sum over classes of ((1 + reserve) x threads + depot_depth) x capacity x slab + retained
//                 + one slab per thread and class that is being carved from.
//
// Where blocks go home, an owner's inbox has 32 batches of a class more, and 32 may be out of it and not used yet.
//
// For a slab with memory is retained, or is carved from, or has a block out, which is live or in one of those places. At rest
// there is no other kind: whoever settles a slab's last block takes it back, or puts it into the line of who has the lock, who
// sees to it on leaving (`take_back`, `serve_line`). A thread inside a call may have one batch more in its hands. Slabs in the
// line are resident with one page, that of the head: the others go before the slab gets there.
//
// Where the backend has to be waited for, or the lock cannot be tried, the line waits for the next slab that is taken; where
// pages cannot be discarded, they wait with it.

namespace framealloc::inline v0_1::detail {

/// A batch of pointers to free blocks: a magazine's, or on the way between threads.
struct alignas(magazine::batch_bytes) batch {
    static constexpr std::size_t slot_count = 126;
    batch* next;  ///< in a list of batches
    void* slots[slot_count];
    std::size_t count;  ///< while it is nobody's magazine
};
static_assert(sizeof(batch) == magazine::batch_bytes && magazine_capacity(1) == batch::slot_count);

inline constexpr std::size_t depot_depth = 16;

/// How a block is written into a batch: as it is. Where the diagnostics want it otherwise, see block_seal.hpp.
template <class A>
class block_seal<A, false> {
public:
    static constexpr bool may_be_broken = false;
    static void draw_key(void*) noexcept {}
    [[nodiscard]] FRAMEALLOC_HOT static void* close(void* block) noexcept { return block; }
    [[nodiscard]] FRAMEALLOC_HOT static void* open(void* sealed) noexcept { return sealed; }
};

/// Full batches of a class that a thread keeps beside its magazine: 64 KiB worth, at least 1, at most 8. So some hundred
/// blocks that are allocated and freed in bulk stay with their thread.
[[nodiscard]] constexpr std::size_t reserve_depth(std::size_t block_bytes) noexcept {
    std::size_t const n = (std::size_t{64} << 10) / (magazine_capacity(block_bytes) * block_bytes);
    return n < 1 ? 1 : n > 8 ? 8 : n;
}

/// How many blocks a magazine holds, from its top alone.
[[nodiscard]] inline std::size_t magazine_count(magazine const& m) noexcept {
    std::size_t const words = (address_of(m.top.load(order::relaxed)) & (sizeof(batch) - 1)) / sizeof(void*);
    return words == 0 ? 0 : words - 1;
}

template <class A>
class pool_store {
public:
    using pool = typename A::pool;
    using slab_type = slab<A>;
    using sync = typename A::sync;
    template <class T>
    using shared = typename sync::template atomic<T>;
    static constexpr std::size_t class_count = pool::class_count;

    struct depot {
        typename sync::template exchange<batch, depot_depth> full;
        shared<std::ptrdiff_t> held{0};  ///< blocks in it
        shared<std::ptrdiff_t> out{0};  ///< blocks of the class that are not in a slab: live, or in a magazine, or here
    };

    constexpr pool_store(instance_lock<A>& guard, backend_gate<A>& gate, metadata<A>& records,
                         conditional_page_map<A>& map, alloc_config const& config, void* instance) noexcept
        : guard_(guard), gate_(gate), records_(records), map_(map), config_(config), instance_(instance) {
        guard.belongs_to(*this);
    }

    [[nodiscard, gnu::noinline]] bool put_full(std::size_t c, batch* b) noexcept {
        auto const n = static_cast<std::ptrdiff_t>(b->count);
        depots_[c].held.fetch_add(n, order::relaxed);
        if (depots_[c].full.try_put(b)) return true;
        depots_[c].held.fetch_sub(n, order::relaxed);
        return false;
    }
    [[nodiscard]] batch* take_full(std::size_t c) noexcept {
        batch* const b = depots_[c].full.try_take();
        if (b != nullptr) depots_[c].held.fetch_sub(static_cast<std::ptrdiff_t>(b->count), order::relaxed);
        return b;
    }

    /// An empty batch for a free: whatever can be had without waiting.
    [[nodiscard]] batch* try_take_empty() noexcept {
        if (batch* const b = empty_.try_take()) return b;
        if (!guard_.try_lock()) return nullptr;
        batch* const b = empty_under_lock([&] { return records_.try_take(gate_, sizeof(batch), alignof(batch)); });
        guard_.unlock();
        return b;
    }
    [[nodiscard]] batch* take_empty() noexcept {
        if (batch* const b = empty_.try_take()) return b;
        locked const guard{guard_};
        return empty_under_lock([&] { return records_.take(gate_, sizeof(batch), alignof(batch)); });
    }
    /// False where it can only be had by waiting; the caller keeps the batch.
    [[nodiscard]] bool try_put_empty(batch* b) noexcept {
        if (empty_.try_put(b)) return true;
        if (!guard_.try_lock()) return false;
        b->next = empties_;
        empties_ = b;
        guard_.unlock();
        return true;
    }

    /// Blocks that have come into an inbox, or left it. They are free.
    void note_waiting(std::size_t c, std::ptrdiff_t n) noexcept { depots_[c].held.fetch_add(n, order::relaxed); }

    /// Carves up to `most` blocks of class `c` into `out`, from `current` or a slab that replaces it, whose owner is then
    /// `owner`. 0: none to be had.
    [[nodiscard]] std::size_t carve(std::size_t c, slab_type*& current, void** out, std::size_t most,
                                    void* owner = nullptr) noexcept {
        for (;;) {
            if (current != nullptr) {
                if (std::size_t const n = current->carve(out, most)) {
                    if constexpr (seals_blocks<A>) seal.close_all(out, n);
                    depots_[c].out.fetch_add(static_cast<std::ptrdiff_t>(n), order::relaxed);
                    note_out(n * current->shape->block_bytes);
                    return n;
                }
            }
            locked const guard{guard_};
            seal.draw_key(instance_);
            if (current != nullptr) registry_.give_up(current, config_, gate_, map_);
            current = registry_.take(c, instance_, config_, gate_, records_, map_);
            if (current == nullptr) return 0;
            current->owner.set(owner);
        }
    }

    void give_up(slab_type*& current) noexcept {
        if (current == nullptr) return;
        locked const guard{guard_};
        registry_.give_up(current, config_, gate_, map_);
        if constexpr (!asks_backend) registry_.look_through_line(config_, gate_, map_);  // here it may be waited for
        current = nullptr;
    }

    /// Sets the bits of blocks in their slabs. Never waits. A block whose seal is broken stays out.
    void settle(std::size_t c, void* const* sealed, std::size_t n) noexcept {
        depots_[c].out.fetch_sub(static_cast<std::ptrdiff_t>(n), order::relaxed);
        out_bytes_.fetch_sub(n * pool::class_bytes(c), order::relaxed);
        for (std::size_t i = 0; i < n;) {
            void* block = seal.open(sealed[i]);
            if (seals_blocks<A> && block == nullptr) {
                ++i;
                continue;
            }
            slab_type* const s = slab_type::of(block);
            std::size_t index = s->index_of(block);
            std::size_t const word = index / 64;
            std::uint64_t bits = 0;
            std::uint64_t count = 0;
            // Neighbours in a batch are mostly neighbours in a slab: one exchange for all of a word.
            do {
                bits |= std::uint64_t{1} << (index % 64);
                ++count;
                if (++i == n) break;
                block = seal.open(sealed[i]);
                if (slab_type::of(block) != s) break;
                index = s->index_of(block);
            } while (index / 64 == word);
            after_settling const next = s->settle(word, bits, count);
            if (next != after_settling::nothing) take_back(s, next);
        }
        if (registry_.has_line()) guard_.serve_line();
    }

    void settle_one(std::size_t c, void* block) noexcept {
        void* const sealed = seal.close(block);
        settle(c, &sealed, 1);
    }

    /// Sees to the line, for a thread that has just left the lock, or has it and leaves it now; by `mutex` alone.
    ///
    /// Whoever puts a slab into the line tries the lock afterwards; whoever leaves the lock looks at the line afterwards. Both
    /// are read-modify-writes of the line, so one comes first. If the slab does, it is seen here. If the look does, the other
    /// thread has acquired what the look released, our leaving the lock among it: its try succeeds, or meets a later holder.
    FRAMEALLOC_COLD void serve_line(typename sync::mutex& mutex, bool has_lock) noexcept {
        for (; has_lock || (asks_backend && !registry_.line_is_empty() && mutex.try_lock()); has_lock = false) {
            registry_.look_through_line(config_, gate_, map_);
            mutex.unlock();
        }
    }

    /// Settles what waits in the depots and gives back what is empty then.
    void trim() noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            // As many as fit in, and no more: other threads go on putting.
            for (std::size_t i = 0; i < depot_depth; ++i) {
                batch* const b = take_full(c);
                if (b == nullptr) break;
                settle(c, b->slots, b->count);
                locked const guard{guard_};
                b->next = empties_;
                empties_ = b;
            }
        }
        locked const guard{guard_};
        registry_.trim(config_, gate_, map_);
    }

    /// Of the blocks in batches.
    [[no_unique_address]] block_seal<A> seal{};

    [[nodiscard]] std::size_t committed_bytes() const noexcept { return registry_.committed_bytes(); }
    [[nodiscard]] std::ptrdiff_t blocks_out(std::size_t c) const noexcept {
        return depots_[c].out.load(order::relaxed);
    }
    [[nodiscard]] std::ptrdiff_t blocks_in_depot(std::size_t c) const noexcept {
        return depots_[c].held.load(order::relaxed);
    }
    [[nodiscard]] std::size_t bytes_out() const noexcept { return out_bytes_.load(order::relaxed); }
    [[nodiscard]] std::size_t peak_bytes_out() const noexcept { return out_bytes_peak_.load(order::relaxed); }
    [[nodiscard]] static constexpr slab_shape const& shape(std::size_t c) noexcept {
        return slab_registry<A>::shape(c);
    }
    template <class F>
    void for_each_slab(F&& f) {
        registry_.for_each_slab(f);
    }

    void release() noexcept {
        owner_ends(instance_);
        registry_.for_each_slab([this](slab_type& s) {
            map_.remove_slab(&s);
            slab_guards<A>::lower(s);
        });
        registry_.release(gate_);
    }

private:
    void note_out(std::size_t bytes) noexcept {
        raise_to(out_bytes_peak_, out_bytes_.fetch_add(bytes, order::relaxed) + bytes);
    }

    /// A backend that has to be waited for is asked by who allocates next.
    static constexpr bool asks_backend = backend_gate<A>::waits_for_nobody;

    /// A slab that the caller has settled blocks of goes to the registry. If it is empty and the lock is held, its pages go at
    /// once all the same, but for that of its head, with which it waits in the line.
    FRAMEALLOC_COLD void take_back(slab_type* s, after_settling next) noexcept {
        bool const is_empty = next == after_settling::emptied;
        bool const has_lock = asks_backend && is_empty && guard_.try_lock();
        if constexpr (asks_backend && backend_gate<A>::can_discard) {
            std::uintptr_t const begin = s->pages_behind_head(platform::page_bytes());
            std::uintptr_t const end = address_of(s) + pool::slab_bytes;
            if (is_empty && !has_lock && begin < end)
                gate_.discard(pointer_to<void>(begin), end - begin, s->home->giver);
        }
        if (!is_empty || s->leave_to_registry()) registry_.put_in_line(s);
        if (has_lock) guard_.serve_line(true);
    }

    template <class Take>
    [[nodiscard]] batch* empty_under_lock(Take&& take) noexcept {
        if (batch* const b = empties_) {
            empties_ = b->next;
            return b;
        }
        void* const p = take();
        return p != nullptr ? ::new (p) batch : nullptr;
    }

    instance_lock<A>& guard_;
    backend_gate<A>& gate_;
    metadata<A>& records_;
    conditional_page_map<A>& map_;
    alloc_config const& config_;
    void* instance_;
    slab_registry<A> registry_{};
    batch* empties_ = nullptr;
    typename sync::template exchange<batch, 64> empty_{};
    depot depots_[class_count]{};
    shared<std::size_t> out_bytes_{0};  // of all classes
    shared<std::size_t> out_bytes_peak_{0};
};

}  // namespace framealloc::detail
