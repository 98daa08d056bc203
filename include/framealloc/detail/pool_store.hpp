// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/hot_state.hpp>
#include <framealloc/detail/slab_registry.hpp>

// Pools: what the threads of an instance share (`pool_store`) and what one thread holds (`pool_cache`).
//
//     thread: magazine of each class, a spare beside it      pop, push; a swap when one runs dry or full
//        | full batch for empty, empty for full
//     depot of each class: a bounded queue of full batches   one compare-exchange per batch
//        | oldest first, when the depot overflows
//     slabs: a bit per block                                 settled blocks are carved again, empty slabs go back
//
// A free never asks who owns a block, never waits and never needs memory: a full magazine becomes the spare, a full spare
// goes to the depot, and where the depot or a batch cannot be had the blocks' bits are set in their slabs.
//
// What a sleeping thread holds back is its magazines: at most 2 x capacity(class) blocks of each class that it has used,
// which keep at most as many slabs from going back. An instance holds depot_depth x capacity(class) more. So
//
//     reserved <= live slabs + (2 x threads + depot_depth) x sum over classes of capacity x slab + retained + one slab per
//     thread and class that is being carved from.

namespace framealloc::detail {

/// A batch of pointers to free blocks, aligned to its size, so that the place of a magazine's top says how many there are.
struct alignas(1024) batch {
    static constexpr std::size_t slot_count = 126;
    void* slots[slot_count];
    batch* next;        ///< in a list of empty batches
    std::size_t count;  ///< while it is nobody's magazine
};
static_assert(sizeof(batch) == 1024);

inline constexpr std::size_t depot_depth = 16;

/// Blocks in a magazine of a class: 32 KiB worth, at least 8, at most a batch.
[[nodiscard]] constexpr std::size_t magazine_capacity(std::size_t block_bytes) noexcept {
    std::size_t const n = (std::size_t{32} << 10) / block_bytes;
    return n < 8 ? 8 : n > batch::slot_count ? batch::slot_count : n;
}

/// How many blocks a magazine holds, from its top alone.
[[nodiscard]] inline std::size_t magazine_count(magazine const& m) noexcept {
    return (address_of(m.top.load(order::relaxed)) & (sizeof(batch) - 1)) / sizeof(void*);
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
        shared<std::ptrdiff_t> out{0};   ///< blocks of the class that are not in a slab: live, or in a magazine, or here
    };

    constexpr pool_store(typename sync::mutex& guard, backend_gate<A>& gate, metadata<A>& records,
                         conditional_page_map<A>& map, alloc_config const& config, void* instance) noexcept
        : guard_(guard), gate_(gate), records_(records), map_(map), config_(config), instance_(instance) {}

    [[nodiscard]] bool put_full(std::size_t c, batch* b) noexcept {
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
        batch* const b = empty_under_lock();
        guard_.unlock();
        return b;
    }
    [[nodiscard]] batch* take_empty() noexcept {
        if (batch* const b = empty_.try_take()) return b;
        locked const guard{guard_};
        return empty_under_lock();
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

    /// Carves up to `most` blocks of class `c` into `out`, from `current` or a slab that replaces it. 0: none to be had.
    [[nodiscard]] std::size_t carve(std::size_t c, slab_type*& current, void** out, std::size_t most) noexcept {
        for (;;) {
            if (current != nullptr) {
                if (std::size_t const n = current->carve(out, most)) {
                    depots_[c].out.fetch_add(static_cast<std::ptrdiff_t>(n), order::relaxed);
                    return n;
                }
            }
            locked const guard{guard_};
            if (current != nullptr) registry_.give_up(current, config_, gate_, map_);
            current = registry_.take(c, instance_, config_, gate_, records_, map_);
            if (current == nullptr) return 0;
        }
    }

    void give_up(slab_type*& current) noexcept {
        if (current == nullptr) return;
        locked const guard{guard_};
        registry_.give_up(current, config_, gate_, map_);
        registry_.look_through_line(config_, gate_, map_);
        current = nullptr;
    }

    /// Sets the bits of blocks in their slabs. Never waits.
    void settle(std::size_t c, void* const* blocks, std::size_t n) noexcept {
        depots_[c].out.fetch_sub(static_cast<std::ptrdiff_t>(n), order::relaxed);
        for (std::size_t i = 0; i < n;) {
            slab_type* const s = slab_type::of(blocks[i]);
            std::size_t index = s->index_of(blocks[i]);
            std::size_t const word = index / 64;
            std::uint64_t bits = 0;
            std::uint64_t count = 0;
            // Neighbours in a batch are mostly neighbours in a slab: one exchange for all of a word.
            do {
                bits |= std::uint64_t{1} << (index % 64);
                ++count;
                if (++i == n || slab_type::of(blocks[i]) != s) break;
                index = s->index_of(blocks[i]);
            } while (index / 64 == word);
            if (s->settle(word, bits, count)) registry_.put_in_line(s);
        }
        if (registry_.has_line() && guard_.try_lock()) {
            registry_.look_through_line(config_, gate_, map_);
            guard_.unlock();
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

    [[nodiscard]] std::size_t committed_bytes() const noexcept { return registry_.committed_bytes(); }
    [[nodiscard]] std::ptrdiff_t blocks_out(std::size_t c) const noexcept { return depots_[c].out.load(order::relaxed); }
    [[nodiscard]] std::ptrdiff_t blocks_in_depot(std::size_t c) const noexcept {
        return depots_[c].held.load(order::relaxed);
    }
    [[nodiscard]] static constexpr slab_shape const& shape(std::size_t c) noexcept {
        return slab_registry<A>::shape(c);
    }
    template <class F>
    void for_each_slab(F&& f) {
        registry_.for_each_slab(f);
    }

    void release() noexcept {
        registry_.for_each_slab([this](slab_type& s) { map_.remove_slab(&s); });
        registry_.release(gate_);
    }

private:
    [[nodiscard]] batch* empty_under_lock() noexcept {
        if (batch* const b = empties_) {
            empties_ = b->next;
            return b;
        }
        void* const p = records_.take(gate_, sizeof(batch), alignof(batch));
        return p != nullptr ? ::new (p) batch : nullptr;
    }

    typename sync::mutex& guard_;
    backend_gate<A>& gate_;
    metadata<A>& records_;
    conditional_page_map<A>& map_;
    alloc_config const& config_;
    void* instance_;
    slab_registry<A> registry_{};
    batch* empties_ = nullptr;
    typename sync::template exchange<batch, 64> empty_{};
    depot depots_[class_count]{};
};

/// One thread's pools. The magazines themselves are in its `hot_state`.
template <class A>
class pool_cache {
    using store = pool_store<A>;
    using slab_type = slab<A>;
    static constexpr std::size_t class_count = A::pool::class_count;

public:
    /// Takes a block, from a magazine refilled where it is empty. Null when no block can be had.
    [[nodiscard]] void* refill(magazine& m, std::size_t c, store& shared) noexcept {
        // The hot path of an instance without a slot of its own misses every time, whatever the magazine holds.
        if (void* const held = pop(m, [](void*) {}, []() -> void* { return nullptr; })) return held;
        if (spare_[c] != nullptr && spare_[c]->count != 0) {
            swap_with_spare(m, c);
        } else if (batch* const full = shared.take_full(c)) {
            batch* const before = unload(m);
            if (before != nullptr) put_empty(before, c, shared);
            load(m, c, full);
        } else {
            if (m.bottom == nullptr) {
                batch* const first = stash_ != nullptr ? take_from_stash() : shared.take_empty();
                if (first == nullptr) return single(c, shared);  // no record to be had, but perhaps a block
                first->count = 0;
                load(m, c, first);
            }
            std::size_t const n = shared.carve(c, carving_[c], m.bottom, capacity(c));
            if (n == 0) return nullptr;
            m.top.store(m.bottom + n, order::relaxed);
        }
        return pop(m, [](void*) {}, []() -> void* { return nullptr; });
    }

    /// Makes room for the block where the magazine is full, or sets its bit. Never waits, never fails.
    void overflow(magazine& m, std::size_t c, void* block, store& shared) noexcept {
        if (m.top.load(order::relaxed) == m.full && !make_room(m, c, shared)) return shared.settle(c, &block, 1);
        push(m, block, [] {}, [] {});
    }

    /// Hands everything to the other threads.
    void give_back(hot_state& hot, store& shared) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            batch* const loaded = unload(hot.magazines[c]);
            batch* const spare = spare_[c];
            set_spare(c, nullptr);
            for (batch* b : {loaded, spare}) {
                if (b == nullptr) continue;
                if (b->count != 0 && shared.put_full(c, b)) continue;
                shared.settle(c, b->slots, b->count);
                stash(b);
            }
            shared.give_up(carving_[c]);
        }
        while (batch* const b = stash_) {
            stash_ = b->next;
            if (!shared.try_put_empty(b)) {
                b->next = stash_;  // the lock is busy: the next thread that adopts this record finds the rest
                stash_ = b;
                return;
            }
        }
    }

    /// Settles the blocks that the thread holds, and stops carving. The batches stay, empty.
    void settle_all(hot_state& hot, store& shared) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            if (batch* const loaded = unload(hot.magazines[c])) {
                shared.settle(c, loaded->slots, loaded->count);
                loaded->count = 0;
                load(hot.magazines[c], c, loaded);
            }
            if (batch* const spare = spare_[c]) {
                shared.settle(c, spare->slots, spare->count);
                spare->count = 0;
                set_spare(c, spare);
            }
            shared.give_up(carving_[c]);
        }
    }

    /// Blocks that the thread holds of a class. Exact when the thread is at rest.
    [[nodiscard]] std::size_t held(hot_state const& hot, std::size_t c) const noexcept {
        return magazine_count(hot.magazines[c]) + spare_count_[c].load(order::relaxed);
    }

    [[nodiscard]] slab_type* carving(std::size_t c) const noexcept { return carving_[c]; }

private:
    [[nodiscard]] static constexpr std::size_t capacity(std::size_t c) noexcept {
        return magazine_capacity(A::pool::class_bytes(c));
    }

    static void load(magazine& m, std::size_t c, batch* b) noexcept {
        m.bottom = b->slots;
        m.full = b->slots + capacity(c);
        m.top.store(b->slots + b->count, order::relaxed);
    }
    static batch* unload(magazine& m) noexcept {
        if (m.bottom == nullptr) return nullptr;
        auto* const b = pointer_to<batch>(address_of(m.bottom));
        b->count = static_cast<std::size_t>(m.top.load(order::relaxed) - m.bottom);
        m.bottom = m.full = nullptr;
        m.top.store(nullptr, order::relaxed);
        return b;
    }
    void set_spare(std::size_t c, batch* b) noexcept {
        spare_[c] = b;
        spare_count_[c].store(b != nullptr ? b->count : 0, order::relaxed);
    }
    void swap_with_spare(magazine& m, std::size_t c) noexcept {
        batch* const other = spare_[c];
        set_spare(c, unload(m));
        load(m, c, other);
    }

    [[nodiscard]] bool make_room(magazine& m, std::size_t c, store& shared) noexcept {
        if (m.bottom == nullptr) return load_empty(m, c, shared);
        if (spare_[c] != nullptr && spare_[c]->count < capacity(c)) {
            // Partly filled is as good as empty, as long as there is room.
            swap_with_spare(m, c);
            return true;
        }
        if (spare_[c] == nullptr) {
            set_spare(c, unload(m));
            return load_empty(m, c, shared);
        }
        batch* const full = spare_[c];
        if (shared.put_full(c, full)) {
            set_spare(c, unload(m));
            return load_empty(m, c, shared);
        }
        // The depot is full: the oldest batch is settled, ours takes its place. If it slips away, ours is settled.
        batch* const oldest = shared.take_full(c);
        bool const placed = oldest != nullptr && shared.put_full(c, full);
        batch* const emptied = placed ? oldest : full;
        shared.settle(c, emptied->slots, emptied->count);
        if (!placed && oldest != nullptr && !shared.put_full(c, oldest)) {
            shared.settle(c, oldest->slots, oldest->count);
            stash(oldest);
        }
        emptied->count = 0;
        set_spare(c, unload(m));
        load(m, c, emptied);
        return true;
    }

    [[nodiscard]] bool load_empty(magazine& m, std::size_t c, store& shared) noexcept {
        batch* const b = stash_ != nullptr ? take_from_stash() : shared.try_take_empty();
        if (b == nullptr) return false;
        b->count = 0;
        load(m, c, b);
        return true;
    }

    /// An empty batch that we do not need.
    void put_empty(batch* b, std::size_t c, store& shared) noexcept {
        b->count = 0;
        if (spare_[c] == nullptr) {
            set_spare(c, b);
        } else if (!shared.try_put_empty(b)) {
            stash(b);
        }
    }
    void stash(batch* b) noexcept {
        b->next = stash_;
        stash_ = b;
    }
    [[nodiscard]] batch* take_from_stash() noexcept {
        batch* const b = stash_;
        stash_ = b->next;
        return b;
    }

    [[nodiscard]] void* single(std::size_t c, store& shared) noexcept {
        void* block = nullptr;
        return shared.carve(c, carving_[c], &block, 1) == 1 ? block : nullptr;
    }

    batch* spare_[class_count]{};
    atomic<std::size_t> spare_count_[class_count]{};
    slab_type* carving_[class_count]{};
    batch* stash_ = nullptr;  // empty batches that nobody could take at the time
};

}  // namespace framealloc::detail
