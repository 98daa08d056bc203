// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/pool_store.hpp>
#include <framealloc/detail/thread_registry.hpp>

// Blocks that go home, for sync policies that say `returns_to_owner`: a full batch is sorted by the threads whose slabs its
// blocks came from. Correctness does not rest on it: any thread may use any block, so a slab that changes hands meanwhile,
// or a record that another thread has adopted, only makes a block take another way.

namespace framealloc::inline v0_1::detail {

/// What other threads have handed back to one thread, by class. `empty` is what takes a batch that has been emptied.
///
///   Threads   `hand_out` gives to the inboxes of others; everything else is for the owner alone.
template <class A>
class owner_inboxes {
    using store = pool_store<A>;
    static constexpr std::size_t class_count = A::pool::class_count;
    static constexpr std::size_t depth = 32;  ///< batches of a class that wait for their owner, at most
    static constexpr std::size_t kept_batches = 4;

public:
    explicit constexpr owner_inboxes(thread_record const& owner) noexcept : owner_(owner) {}

    /// A batch that has come back, or null. It is the caller's.
    [[nodiscard]] batch* next(std::size_t c, store& shared) noexcept {
        if (returned_[c] == nullptr) returned_[c] = inboxes_[c].take_all();
        batch* const b = returned_[c];
        if (b == nullptr) return nullptr;
        returned_[c] = b->next;
        shared.note_waiting(c, -static_cast<std::ptrdiff_t>(b->count));
        return b;
    }
    /// Takes all that has come in, and sets the bits of what is more than a thread will soon use.
    template <class Empty>
    void collect(store& shared, Empty&& empty) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            batch* kept = nullptr;
            for (std::size_t n = 0; n < kept_batches; ++n) {
                batch* const b = next(c, shared);
                if (b == nullptr) break;
                b->next = kept;
                kept = b;
                shared.note_waiting(c, static_cast<std::ptrdiff_t>(b->count));
            }
            settle_all(c, shared, empty);
            returned_[c] = kept;
        }
    }
    /// Sets the bits of everything that has come back.
    template <class Empty>
    void settle_all(std::size_t c, store& shared, Empty&& empty) noexcept {
        while (batch* const b = next(c, shared)) {
            shared.settle(c, b->slots, b->count);
            empty(b);
        }
    }
    /// At the end of the thread: what comes now goes to the slabs.
    template <class Empty>
    void close(store& shared, Empty&& empty) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            batch* const last = inboxes_[c].close();
            settle_all(c, shared, empty);
            returned_[c] = last;
            settle_all(c, shared, empty);
        }
    }
    void open() noexcept {
        for (auto& i : inboxes_) i.open();
    }

    /// Hands the blocks of `full` to their owners, and what has none, or is the caller's own, to everybody. Where there is
    /// no way the blocks' bits are set. The batch is used up.
    template <class Empty>
    void hand_out(std::size_t c, batch* full, store& shared, Empty&& empty) noexcept {
        void* blocks[batch::slot_count];
        std::size_t left = full->count;
        for (std::size_t i = 0; i < left; ++i) blocks[i] = full->slots[i];
        batch* to_fill = full;
        while (left != 0) {
            void* const owner = owner_of(blocks[0], shared);
            void* group[batch::slot_count];
            std::size_t n = 0, others = 0;
            for (std::size_t i = 0; i < left; ++i) {
                (owner_of(blocks[i], shared) == owner ? group[n++] : blocks[others++]) = blocks[i];
            }
            left = others;
            if (to_fill == nullptr) to_fill = shared.try_take_empty();
            if (to_fill != nullptr && send(c, owner, group, n, to_fill, shared)) {
                to_fill = nullptr;
            } else {
                shared.settle(c, group, n);
            }
        }
        if (to_fill != nullptr) empty(to_fill);
    }

private:
    [[nodiscard]] static void* owner_of(void* sealed, store& shared) noexcept {
        void* const block = shared.seal.open(sealed);
        if (seals_blocks<A> && block == nullptr) return nullptr;
        return slab<A>::of(block)->owner.address.load(order::relaxed);
    }

    [[nodiscard]] bool send(std::size_t c, void* owner, void* const* blocks, std::size_t n, batch* b,
                            store& shared) noexcept {
        for (std::size_t i = 0; i < n; ++i) b->slots[i] = blocks[i];
        b->count = n;
        if (owner == this || owner == nullptr) return shared.put_full(c, b);
        auto& to = *static_cast<owner_inboxes*>(owner);
        // After a fork the threads of the parent are nobody's owners in the child.
        if (to.owner_.life.load(order::relaxed) == record_life::lost) return false;
        shared.note_waiting(c, static_cast<std::ptrdiff_t>(n));
        if (to.inboxes_[c].try_give(b)) return true;
        shared.note_waiting(c, -static_cast<std::ptrdiff_t>(n));
        return false;
    }

    thread_record const& owner_;
    typename A::sync::template inbox<batch, depth> inboxes_[class_count]{};
    batch* returned_[class_count]{};  // the owner's alone
};

/// Where nothing goes home.
struct no_owner_inboxes {
    explicit constexpr no_owner_inboxes(thread_record const&) noexcept {}
};
template <class A>
using owner_inboxes_of = std::conditional_t<returns_to_owner<typename A::sync>, owner_inboxes<A>, no_owner_inboxes>;

}  // namespace framealloc::detail
