// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/detail/frame_charges.hpp>
#include <framealloc/detail/tag_state.hpp>
#include <framealloc/verification.hpp>

// Whether the tree of a budget that charges tags says what is so: the bytes that it has charged are found again in slabs, in
// the list of heap blocks and under the threads' cursors, and with what the allocator needs for itself they are what the
// backend has given.

namespace framealloc::inline v0_1::detail {

/// The bytes of each tag, as they are found. The instance is at rest.
template <class A>
class tag_balance {
    static constexpr bool has_pools = A::pool::class_count != 0;

public:
    [[nodiscard]] static verification check(core<A>& c) {
        tag_balance found;
        // The registry's lock comes before the instance's.
        c.for_each_state([&](thread_state<A>& s, bool) { found.add_thread(s); });
        locked const guard{c.guard()};
        if constexpr (has_pools) c.pool_part().for_each_slab([&](slab<A>& s) { found.add_slab(s); });
        c.heap_part().for_each_live([&](tag_id t, std::size_t bytes) { found.of_[t].heap += bytes; });
        if (found.first_.sound) found.compare_with_tree(c.gate().budget());
        if (found.first_.sound) found.compare_with_backend(c);
        return found.first_;
    }

private:
    struct bytes {
        std::size_t frame = 0, pool = 0, heap = 0;  ///< in use
        std::size_t frame_credit = 0, pool_credit = 0;
    };

    template <class... Numbers>
    void wrong(tag_id t, char const* note, Numbers... numbers) noexcept {
        if (!first_.sound) return;
        first_ = {.sound = false,
                  .first = {.code = fault_code::internal,
                            .note = note,
                            .numbers = {static_cast<unsigned long long>(numbers)...},
                            .tag = t,
                            .write_subject = &write_fault_subject}};
    }

    void add_thread(thread_state<A>& s) noexcept {
        std::size_t in_frame = 0;
        for (std::size_t i = 0; i < tag_count; ++i) {
            auto const t = static_cast<tag_id>(i);
            auto const& charges = s.frame.charges();
            std::size_t const credit = charges.unspent(s.window, t);
            of_[i].frame += charges.charged(t) - credit;
            of_[i].frame_credit += credit;
            of_[i].pool_credit += s.tags.unspent(t);
            in_frame += charges.used_by(s.window, t);
        }
        bool const is_open = s.frame.kind() != frame_kind::closed;
        std::size_t const used = is_open ? s.frame.used_bytes(s.window) : 0;
        if (in_frame != used) {
            wrong(root_tag, "a thread's frame has %llu bytes; its tags have %llu of them", used, in_frame);
        }
    }
    void add_slab(slab<A>& s) noexcept {
        std::size_t const carved = slab_word{s.word.load(order::acquire)}.carved();
        for (std::size_t i = 0; i < s.shape->block_count; ++i) {
            std::size_t const t = tag_of_block<A>(s.block(i), s.size_class).read();
            if (t == no_tag) continue;
            of_[t].pool += s.shape->block_bytes;
            if (i >= carved)
                wrong(root_tag, "a block at 0x%llx has a tag and was never given out", address_of(s.block(i)));
        }
    }

    template <class Budget>
    void compare_with_tree(Budget& budget) noexcept {
        std::size_t from_below[tag_count] = {};
        known_tags.for_each([&](tag_id t) {
            auto const& n = budget.node(t);
            std::size_t const passed = n.passed.load(order::relaxed), reserved = n.reserved.load(order::relaxed);
            std::size_t const used = n.used.load(order::relaxed), left = n.left.load(order::relaxed);
            from_below[known_tags.parent(t)] += passed + reserved;
            if (used + left != passed + reserved) {
                wrong(t, "%llu bytes are used; %llu are charged above it, of which %llu are reserved and unused", used,
                      passed + reserved, left);
            }
        });
        for (std::size_t i = 0; i < tag_count; ++i) {
            auto const t = static_cast<tag_id>(i);
            bytes const& b = of_[i];
            auto const compare = [&](allocation_intent intent, std::size_t in_use, std::size_t credit,
                                     char const* note) {
                std::size_t const charged = budget.node(t).own_bytes(intent);
                if (charged != in_use + credit) wrong(t, note, charged, in_use, credit);
            };
            compare(allocation_intent::frame, b.frame, b.frame_credit,
                    "%llu bytes are charged for frames; %llu are in frames and %llu threads' credit");
            compare(allocation_intent::pool, b.pool, b.pool_credit,
                    "%llu bytes are charged for pools; %llu are in blocks and %llu threads' credit");
            std::size_t const lent = budget.node(t).lent.load(order::relaxed);
            compare(allocation_intent::heap, b.heap, lent,
                    "%llu bytes are charged for the heap; %llu are in blocks and %llu in handles");
            std::size_t const own = b.frame + b.frame_credit + b.pool + b.pool_credit + b.heap + lent;
            std::size_t const used = budget.node(t).used.load(order::relaxed);
            if (used != own + from_below[i]) {
                wrong(t, "%llu bytes are used; %llu are its own and %llu from beneath it", used, own, from_below[i]);
            }
        }
    }

    /// Tags and overhead are what the backend has given. Overhead is what slabs, heap blocks and chunks have beyond what is
    /// charged, what is kept for the next request, and records.
    void compare_with_backend(core<A>& c) noexcept {
        bytes all;
        for (bytes const& b : of_) {
            all.frame += b.frame;
            all.pool += b.pool;
            all.heap += b.heap;
        }
        std::size_t slabs = 0;
        if constexpr (has_pools) slabs = c.pool_part().committed_bytes();
        std::size_t const chunks = c.chunk_store().taken_bytes(), heap = c.heap_part().take_census().whole_bytes;
        if (all.frame > chunks) wrong(root_tag, "tags have %llu bytes in frames; chunks have %llu", all.frame, chunks);
        if (all.pool > slabs) wrong(root_tag, "tags have %llu bytes in pools; slabs have %llu", all.pool, slabs);
        if (all.heap > heap) wrong(root_tag, "tags have %llu bytes in the heap; its blocks have %llu", all.heap, heap);
        std::size_t const tagged = all.frame + all.pool + all.heap;
        std::size_t const overhead = (chunks - all.frame) + (slabs - all.pool) + (heap - all.heap) +
                                     c.heap_part().cached_bytes() + c.thread_records().taken_bytes() +
                                     c.gate().lent_bytes().load(order::relaxed);
        if (tagged + overhead != c.gate().taken_bytes()) {
            wrong(root_tag, "tags have %llu bytes and overhead is %llu; %llu were taken from the backend", tagged,
                  overhead, c.gate().taken_bytes());
        }
    }

    bytes of_[tag_count]{};
    verification first_{};
};

}  // namespace framealloc::inline v0_1::detail
