// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/owner_inboxes.hpp>
#include <framealloc/detail/pool_store.hpp>

namespace framealloc::inline v0_1::detail {

/// One thread's pools. The magazines themselves are in its `hot_state`.
template <class A>
class pool_cache {
    using store = pool_store<A>;
    using slab_type = slab<A>;
    static constexpr std::size_t class_count = A::pool::class_count;
    static constexpr bool goes_home = returns_to_owner<typename A::sync>;
    friend block_seal<A>;

public:
    explicit constexpr pool_cache(thread_record const& owner) noexcept : home_(owner) {}

    /// Another thread takes over.
    void start_thread() noexcept {
        if constexpr (goes_home) home_.open();
        for (std::uint8_t& n : carvings_) n = 0;
    }
    /// Between frames: takes what other threads have brought back.
    void collect([[maybe_unused]] store& shared) noexcept {
        if constexpr (goes_home) home_.collect(shared, emptied_into(shared));
    }

    /// Takes a block, from a magazine refilled where it is empty. Null when no block can be had.
    [[nodiscard]] void* refill(magazine& m, std::size_t c, store& shared) noexcept {
        // The hot path of an instance without a slot of its own misses every time, whatever the magazine holds.
        if (void* const held = take(m, shared)) return held;
        batch* full = take_reserve(c);
        if (full == nullptr) full = full_batch(c, shared);
        if (full != nullptr) {
            if (batch* const emptied = unload(m)) put_empty(emptied, shared);
            load(m, c, full);
            return take(m, shared);
        }
        if (m.top.load(order::relaxed) == nullptr) {
            batch* const first = empties_ != nullptr ? take_empty() : shared.take_empty();
            if (first == nullptr) return single(c, shared);  // no record to be had, but perhaps a block
            first->count = 0;
            load(m, c, first);
        }
        void** const bottom = m.top.load(order::relaxed);
        std::size_t const n = shared.carve(c, carving_[c], bottom, next_carving(c), &home_);
        m.top.store(bottom + n, order::relaxed);
        return n != 0 ? take(m, shared) : nullptr;
    }

    /// Makes room for the block where the magazine is full, or sets its bit. Never waits, never fails.
    void overflow(magazine& m, std::size_t c, void* block, store& shared) noexcept {
        bool stays = true;
        auto const in = [&] { push(m, m.full_bits, shared.seal, block, [] {}, [&] { stays = false; }); };
        in();
        if (stays) return;
        if (!make_room(m, c, shared)) return shared.settle_one(c, block);
        in();
    }

    /// Hands everything to the other threads.
    FRAMEALLOC_COLD void give_back(hot_state& hot, store& shared) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            while (batch* const b = take_any(hot.magazines[c], c)) {
                if constexpr (goes_home) {
                    home_.hand_out(c, b, shared, emptied_into(shared));
                } else if (b->count == 0 || !shared.put_full(c, b)) {
                    settle_batch(c, b, shared);
                }
            }
            shared.give_up(carving_[c]);
        }
        if constexpr (goes_home) home_.close(shared, emptied_into(shared));
        while (empties_ != nullptr) {
            batch* const b = take_empty();
            if (!shared.try_put_empty(b))
                return keep_empty(b);  // the next thread that adopts this record finds the rest
        }
    }

    /// Settles the blocks that the thread holds. Never waits.
    FRAMEALLOC_COLD void settle_magazines(hot_state& hot, store& shared) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            while (batch* const b = take_any(hot.magazines[c], c)) settle_batch(c, b, shared);
            if constexpr (goes_home) home_.settle_all(c, shared, emptied_into(shared));
        }
    }
    void stop_carving(store& shared) noexcept {
        for (slab_type*& slab : carving_) shared.give_up(slab);
    }

    /// Blocks that the thread holds of a class. Exact when the thread is at rest.
    [[nodiscard]] std::size_t held(hot_state const& hot, std::size_t c) const noexcept {
        return magazine_count(hot.magazines[c]) + reserves_[c].blocks.load(order::relaxed);
    }

    [[nodiscard]] slab_type* carving(std::size_t c) const noexcept { return carving_[c]; }

private:
    /// Empty batches of a thread's own, as many as a reserve has full ones: a swing of its load shares nothing.
    static constexpr std::size_t kept_empties = 8;

    /// Full batches of one class.
    struct reserve {
        batch* first = nullptr;
        std::size_t count = 0;
        atomic<std::size_t> blocks{0};  ///< in them; others read it for statistics
    };

    [[nodiscard]] static constexpr std::size_t capacity(std::size_t c) noexcept {
        return magazine_capacity(A::pool::class_bytes(c));
    }
    [[nodiscard]] static void* take(magazine& m, store& shared) noexcept {
        void* block;
        do {
            block = pop(m, shared.seal, [](void*) {}, []() -> void* { return nullptr; });
        } while (seals_blocks<A> && block == nullptr && magazine_count(m) != 0);
        return block;
    }

    static void load(magazine& m, std::size_t c, batch* b) noexcept {
        m.full_bits = full_bits_of(capacity(c));
        m.top.store(b->slots + b->count, order::relaxed);
    }
    static batch* unload(magazine& m) noexcept {
        void** const top = m.top.load(order::relaxed);
        if (top == nullptr) return nullptr;
        auto* const b = pointer_to<batch>(address_of(top) & ~(sizeof(batch) - 1));
        b->count = static_cast<std::size_t>(top - b->slots);
        m.top.store(nullptr, order::relaxed);
        return b;
    }

    void put_reserve(std::size_t c, batch* b) noexcept {
        reserve& r = reserves_[c];
        b->next = r.first;
        r.first = b;
        ++r.count;
        r.blocks.store(r.blocks.load(order::relaxed) + b->count, order::relaxed);
    }
    [[nodiscard]] batch* take_reserve(std::size_t c) noexcept {
        reserve& r = reserves_[c];
        batch* const b = r.first;
        if (b == nullptr) return nullptr;
        r.first = b->next;
        --r.count;
        r.blocks.store(r.blocks.load(order::relaxed) - b->count, order::relaxed);
        return b;
    }

    /// A batch that the thread has of a class, the magazine's first; null when none is left.
    [[nodiscard]] FRAMEALLOC_COLD batch* take_any(magazine& m, std::size_t c) noexcept {
        batch* const loaded = unload(m);
        return loaded != nullptr ? loaded : take_reserve(c);
    }

    /// How many blocks to carve now: few at first and twice as many each time, so that a thread which wants few, or lives
    /// briefly, does not spread them over pages that nobody would have touched.
    [[nodiscard]] std::size_t next_carving(std::size_t c) noexcept {
        std::size_t const n = std::size_t{8} << carvings_[c];
        if (n >= capacity(c)) return capacity(c);
        ++carvings_[c];
        return n;
    }

    /// A batch that has come home, or one from the depot.
    [[nodiscard]] batch* full_batch(std::size_t c, store& shared) noexcept {
        if constexpr (goes_home) {
            if (batch* const b = home_.next(c, shared)) return b;
        }
        return shared.take_full(c);
    }

    /// The magazine is full or has no batch.
    [[nodiscard]] bool make_room(magazine& m, std::size_t c, store& shared) noexcept {
        if (batch* const full = unload(m)) {
            bool const one_too_many = reserves_[c].count == reserve_depth(A::pool::class_bytes(c));
            batch* const older = one_too_many ? take_reserve(c) : nullptr;
            put_reserve(c, full);
            if (older != nullptr) hand_over(c, older, shared);
        }
        batch* const empty = empties_ != nullptr ? take_empty() : shared.try_take_empty();
        if (empty == nullptr) return false;
        empty->count = 0;
        load(m, c, empty);
        return true;
    }

    /// A full batch for the other threads. Where the depot is full its oldest batch is settled and ours takes its place; if
    /// that slips away, ours is settled.
    void hand_over(std::size_t c, batch* full, store& shared) noexcept {
        if constexpr (goes_home) {
            home_.hand_out(c, full, shared, emptied_into(shared));
        } else if (!shared.put_full(c, full)) {
            batch* const oldest = shared.take_full(c);
            bool const placed = oldest != nullptr && shared.put_full(c, full);
            settle_batch(c, placed ? oldest : full, shared);
            if (!placed && oldest != nullptr && !shared.put_full(c, oldest)) settle_batch(c, oldest, shared);
        }
    }
    FRAMEALLOC_COLD void settle_batch(std::size_t c, batch* b, store& shared) noexcept {
        shared.settle(c, b->slots, b->count);
        put_empty(b, shared);
    }

    /// Takes an emptied batch: the thread's own, as long as it has few.
    [[gnu::noinline]] void put_empty(batch* b, store& shared) noexcept {
        if (empty_count_ < kept_empties || !shared.try_put_empty(b)) keep_empty(b);
    }
    [[nodiscard]] auto emptied_into(store& shared) noexcept {
        return [this, &shared](batch* b) { put_empty(b, shared); };
    }
    void keep_empty(batch* b) noexcept {
        b->next = empties_;
        empties_ = b;
        ++empty_count_;
    }
    [[nodiscard]] batch* take_empty() noexcept {
        batch* const b = empties_;
        empties_ = b->next;
        --empty_count_;
        return b;
    }

    [[nodiscard]] FRAMEALLOC_COLD void* single(std::size_t c, store& shared) noexcept {
        void* block = nullptr;
        return shared.carve(c, carving_[c], &block, 1, &home_) == 1 ? shared.seal.open(block) : nullptr;
    }

    reserve reserves_[class_count]{};
    slab_type* carving_[class_count]{};
    std::uint8_t carvings_[class_count]{};  // until they were as large as a batch
    [[no_unique_address]] owner_inboxes_of<A> home_;
    batch* empties_ = nullptr;  // more than kept_empties only where nobody could take them at the time
    std::size_t empty_count_ = 0;
};

}  // namespace framealloc::detail
