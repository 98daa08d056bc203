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

public:
    explicit constexpr pool_cache(thread_record const& owner) noexcept : home_(owner) {}

    /// Another thread takes over.
    void start_thread() noexcept {
        if constexpr (goes_home) home_.open();
    }
    /// Between frames: takes what other threads have brought back.
    void collect([[maybe_unused]] store& shared) noexcept {
        if constexpr (goes_home) home_.collect(shared, emptied_into(shared));
    }

    /// Takes a block, from a magazine refilled where it is empty. Null when no block can be had.
    [[nodiscard]] void* refill(magazine& m, std::size_t c, store& shared) noexcept {
        // The hot path of an instance without a slot of its own misses every time, whatever the magazine holds.
        if (void* const held = pop(m, [](void*) {}, []() -> void* { return nullptr; })) return held;
        if (spare_[c] != nullptr && spare_[c]->count != 0) {
            swap_with_spare(m, c);
        } else if (batch* const full = full_batch(c, shared)) {
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
            std::size_t const n = shared.carve(c, carving_[c], m.bottom, capacity(c), &home_);
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
    FRAMEALLOC_COLD void give_back(hot_state& hot, store& shared) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            batch* const loaded = unload(hot.magazines[c]);
            batch* const spare = spare_[c];
            set_spare(c, nullptr);
            for (batch* b : {loaded, spare}) {
                if (b == nullptr) continue;
                if constexpr (goes_home) {
                    home_.hand_out(c, b, shared, emptied_into(shared));
                    continue;
                }
                if (b->count != 0 && shared.put_full(c, b)) continue;
                shared.settle(c, b->slots, b->count);
                stash(b);
            }
            shared.give_up(carving_[c]);
        }
        if constexpr (goes_home) home_.close(shared, emptied_into(shared));
        while (batch* const b = stash_) {
            stash_ = b->next;
            if (!shared.try_put_empty(b)) {
                b->next = stash_;  // the lock is busy: the next thread that adopts this record finds the rest
                stash_ = b;
                return;
            }
        }
    }

    /// Settles the blocks that the thread holds. The batches stay, empty. Never waits.
    FRAMEALLOC_COLD void settle_magazines(hot_state& hot, store& shared) noexcept {
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
            if constexpr (goes_home) home_.settle_all(c, shared, emptied_into(shared));
        }
    }
    void stop_carving(store& shared) noexcept {
        for (slab_type*& slab : carving_) shared.give_up(slab);
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

    /// A batch that has come home, or one from the depot.
    [[nodiscard]] batch* full_batch(std::size_t c, store& shared) noexcept {
        if constexpr (goes_home) {
            if (batch* const b = home_.next(c, shared)) return b;
        }
        return shared.take_full(c);
    }
    /// What takes an emptied batch that nobody here needs.
    [[nodiscard]] auto emptied_into(store& shared) noexcept {
        return [this, &shared](batch* b) {
            if (!shared.try_put_empty(b)) stash(b);
        };
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
        if constexpr (goes_home) {
            set_spare(c, unload(m));
            home_.hand_out(c, full, shared, emptied_into(shared));
            return load_empty(m, c, shared);
        }
        if (shared.put_full(c, full)) {
            set_spare(c, unload(m));
            return load_empty(m, c, shared);
        }
        settle_one_of_two(m, c, full, shared);
        return true;
    }

    /// The depot is full: its oldest batch is settled, ours takes its place. If it slips away, ours is settled.
    FRAMEALLOC_COLD void settle_one_of_two(magazine& m, std::size_t c, batch* full, store& shared) noexcept {
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

    [[nodiscard]] FRAMEALLOC_COLD void* single(std::size_t c, store& shared) noexcept {
        void* block = nullptr;
        return shared.carve(c, carving_[c], &block, 1, &home_) == 1 ? block : nullptr;
    }

    batch* spare_[class_count]{};
    atomic<std::size_t> spare_count_[class_count]{};
    slab_type* carving_[class_count]{};
    [[no_unique_address]] typename choose_owner_inboxes<A>::type home_;
    batch* stash_ = nullptr;  // empty batches that nobody could take at the time
};

}  // namespace framealloc::detail
