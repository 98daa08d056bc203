// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/size_class_stats.hpp>
#include <framealloc/stats.hpp>
#include <framealloc/thread_stats.hpp>
#include <framealloc/verification.hpp>

#include <array>
#include <span>

// What an instance tells of itself: sums over its threads and stores, and whether everything is as it should be.

namespace framealloc::inline v0_1::detail {

template <class A>
void add_thread(alloc_stats& sum, thread_state<A>& s, bool live) noexcept {
    sum.frame_bytes_used += s.frame.used_bytes(s.window);
    sum.frame_bytes_reserved += s.frame.reserved_bytes();
    sum.frame_bytes_wasted += s.frame.wasted_bytes();
    sum.frame_bytes_last += s.frame.last_bytes();
    sum.frame_bytes_peak += s.frame.peak_bytes();
    sum.frames_begun += s.frame.begun();
    sum.frame_bytes_total += s.frame.total_bytes();
    sum.threads += live;
    sum.operations += s.counted.counts();
}

struct blocks_of_class {
    std::size_t live;
    std::size_t cached;
};
template <class A>
[[nodiscard]] blocks_of_class count_blocks(core<A>& c, std::size_t size_class) {
    std::ptrdiff_t cached = c.pool_part().blocks_in_depot(size_class);
    c.for_each_state(
        [&](thread_state<A>& s, bool) { cached += static_cast<std::ptrdiff_t>(s.pools.held(s, size_class)); });
    // While threads run, blocks on their way between the counts may make either negative for a moment.
    std::ptrdiff_t const live = c.pool_part().blocks_out(size_class) - cached;
    return {.live = live > 0 ? static_cast<std::size_t>(live) : 0,
            .cached = cached > 0 ? static_cast<std::size_t>(cached) : 0};
}

template <class A>
void add_pools(alloc_stats& sum, core<A>& c) {
    for (std::size_t size_class = 0; size_class < A::pool::class_count; ++size_class) {
        auto const [live, cached] = count_blocks(c, size_class);
        std::size_t const bytes = A::pool::class_bytes(size_class);
        sum.pool_blocks_live += live;
        sum.pool_bytes_live += live * bytes;
        sum.pool_bytes_cached += cached * bytes;
    }
    locked const guard{c.guard()};
    sum.pool_bytes_reserved = c.pool_part().committed_bytes();
    sum.pool_bytes_out_peak = c.pool_part().peak_bytes_out();
}

template <class A>
[[nodiscard]] alloc_stats collect_stats(core<A>& c) {
    alloc_stats sum;
    c.for_each_state([&](thread_state<A>& s, bool live) { add_thread(sum, s, live); });
    if constexpr (A::pool::class_count != 0) add_pools(sum, c);
    sum.heap_blocks_live = c.heap_part().live_blocks();
    sum.heap_bytes_live = c.heap_part().live_bytes();
    sum.heap_bytes_live_peak = c.heap_part().peak_bytes();
    sum.heap_bytes_cached = c.heap_part().cached_bytes();
    sum.backend_bytes = c.gate().taken_bytes();
    sum.backend_bytes_peak = c.gate().peak_bytes();
    sum.backend_calls = c.gate().calls();
    return sum;
}

template <class A>
std::size_t collect_threads(core<A>& c, std::span<thread_stats> into) {
    std::size_t count = 0;
    c.for_each_state([&](thread_state<A>& s, bool live) {
        if (count++ >= into.size()) return;
        into[count - 1] = {.number = !live                 ? 0
                                     : s.thread != nullptr ? s.thread->number
                                                           : core<A>::thread_number(),
                           .frames_begun = s.frame.begun(),
                           .frame_bytes_used = s.frame.used_bytes(s.window),
                           .frame_bytes_last = s.frame.last_bytes(),
                           .frame_bytes_peak = s.frame.peak_bytes(),
                           .frame_bytes_total = s.frame.total_bytes(),
                           .operations = s.counted.counts()};
    });
    return count;
}

/// Bytes in the longest row of blocks that are in the slab.
template <class A>
[[nodiscard]] std::size_t largest_free_run(slab<A>& s) noexcept {
    std::size_t const carved = slab_word{s.word.load(order::relaxed)}.carved();
    std::size_t longest = 0, run = 0;
    for (std::size_t i = 0; i < s.shape->block_count; ++i) {
        bool const in_slab = i >= carved || (s.settled_bits()[i / 64].load(order::relaxed) >> (i % 64) & 1) != 0;
        run = in_slab ? run + 1 : 0;
        longest = longest < run ? run : longest;
    }
    return longest * s.shape->block_bytes;
}

template <class A>
[[nodiscard]] auto collect_size_classes(core<A>& c) {
    std::array<size_class_stats, A::pool::class_count> classes;
    if constexpr (A::pool::class_count != 0) {
        for (std::size_t i = 0; i < classes.size(); ++i) {
            blocks_of_class const blocks = count_blocks(c, i);
            classes[i] = {
                .block_bytes = A::pool::class_bytes(i), .blocks_live = blocks.live, .blocks_cached = blocks.cached};
        }
        locked const guard{c.guard()};
        c.pool_part().for_each_slab([&](slab<A>& s) {
            size_class_stats& of = classes[s.size_class];
            std::size_t const run = largest_free_run(s);
            of.block_count += s.shape->block_count;
            of.bytes_reserved += A::pool::slab_bytes;
            of.slabs += 1;
            of.largest_free_run_bytes = of.largest_free_run_bytes < run ? run : of.largest_free_run_bytes;
        });
    }
    return classes;
}

template <class... Numbers>
[[nodiscard]] verification unsound(char const* note, Numbers... numbers) noexcept {
    return {.sound = false,
            .first = {
                .code = fault_code::internal, .note = note, .numbers = {static_cast<unsigned long long>(numbers)...}}};
}

/// A slab's count of settled blocks is the number of its bits, and it has given out no more than it has.
template <class A>
[[nodiscard]] verification verify_slab(slab<A>& s, void const* instance) {
    slab_word const word{s.word.load(order::acquire)};
    std::size_t bits = 0;
    for (std::size_t i = 0; i < s.shape->bit_words; ++i) {
        for (std::uint64_t w = s.settled_bits()[i].load(order::relaxed); w != 0; w &= w - 1) ++bits;
    }
    if (s.instance != instance) return unsound("the slab at 0x%llx has another owner", address_of(&s));
    if (word.carved() > s.shape->block_count) {
        return unsound("the slab at 0x%llx has given out %llu blocks of %llu", address_of(&s), word.carved(),
                       s.shape->block_count);
    }
    if (word.settled() < 0 || bits != static_cast<std::size_t>(word.settled())) {
        return unsound("the slab at 0x%llx has %llu blocks settled by its bits, %llu by its count", address_of(&s),
                       bits, word.settled());
    }
    return {};
}

/// The slabs, and whether the running counts of their blocks have drifted from what the slabs say.
template <class A>
[[nodiscard]] verification verify_pools(core<A>& c) {
    verification slabs;
    std::size_t out[A::pool::class_count]{}, bytes_out = 0;
    c.pool_part().for_each_slab([&](slab<A>& s) {
        if (slabs) slabs = verify_slab(s, &c);
        slab_word const word{s.word.load(order::relaxed)};
        out[s.size_class] += word.carved() - static_cast<std::size_t>(word.settled());
    });
    if (!slabs) return slabs;
    for (std::size_t i = 0; i < A::pool::class_count; ++i) {
        auto const counted = static_cast<std::size_t>(c.pool_part().blocks_out(i));
        if (counted != out[i]) {
            return unsound("of class %llu, %llu blocks are out of their slabs, and %llu are counted", i, out[i],
                           counted);
        }
        bytes_out += out[i] * A::pool::class_bytes(i);
    }
    if (bytes_out != c.pool_part().bytes_out() || bytes_out > c.pool_part().peak_bytes_out()) {
        return unsound("%llu bytes are out of their slabs; %llu are counted, at most %llu", bytes_out,
                       c.pool_part().bytes_out(), c.pool_part().peak_bytes_out());
    }
    return {};
}

/// Every byte taken from the backend is accounted for, every slab and heap block is sound, no running count has drifted from
/// what it counts; with a budget that charges tags, each of them has what it has been charged for. The instance is at rest.
template <class A>
[[nodiscard]] verification verify_all(core<A>& c) {
    if constexpr (keeps_records<A>) {
        if (fault what; !c.has_sound_records(what)) return {.sound = false, .first = what};
    }
    if constexpr (seals_blocks<A> && A::pool::class_count != 0) {
        if (verification const seals = c.pool_part().seal.verify(c); !seals) return seals;
    }
    if constexpr (charges_tags<typename A::budget>) {
        if (verification const tags = tag_balance<A>::check(c); !tags) return tags;
    }
    locked const guard{c.guard()};
    auto& heap = c.heap_part();
    std::size_t accounted = c.thread_records().taken_bytes() + c.chunk_store().taken_bytes() + heap.cached_bytes();
    if constexpr (A::pool::class_count != 0) {
        accounted += c.pool_part().committed_bytes();
        if (verification const pools = verify_pools(c); !pools) return pools;
    }
    auto const blocks = heap.take_census();
    if (!blocks.sound) return unsound("a live heap block has a damaged head");
    if (blocks.blocks != heap.live_blocks() || blocks.bytes != heap.live_bytes() || blocks.bytes > heap.peak_bytes()) {
        return unsound("%llu heap blocks of %llu bytes are alive; %llu bytes are counted", blocks.blocks, blocks.bytes,
                       heap.live_bytes());
    }
    accounted += blocks.whole_bytes + c.gate().lent_bytes().load(order::relaxed);
    if (accounted != c.gate().taken_bytes()) {
        return unsound("%llu bytes are accounted for, %llu were taken from the backend", accounted,
                       c.gate().taken_bytes());
    }
    return {};
}

}  // namespace framealloc::detail
