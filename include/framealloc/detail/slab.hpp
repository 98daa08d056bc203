// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/block_record.hpp>
#include <framealloc/policy.hpp>

#include <bit>

namespace framealloc::inline v0_1::detail {

struct region;

/// The shape of a slab of one class: how many blocks, and where they begin.
///
///     [ slab | a bit per block: settled | (checked) a bit per block: live | (tags) a byte per block | pad | block 0 | ... ]
///
/// A block's tag is found by a shift instead of a division: there is a byte for every 2^tag_shift bytes of the slab, as many
/// as a block has at least, so that no two blocks share one.
struct slab_shape {
    std::size_t block_bytes = 0;
    std::size_t first_block = 0;  ///< offset from the slab's address, a multiple of block_bytes' alignment
    std::size_t block_count = 0;
    std::size_t bit_words = 0;     ///< words of 64 bits in one set of bits
    std::uint64_t reciprocal = 0;  ///< 2^32 / block_bytes, rounded up; see `divides_exactly`

    [[nodiscard]] constexpr std::size_t index_at(std::size_t offset_in_blocks) const noexcept {
        return (offset_in_blocks * reciprocal) >> 32;
    }
    /// The error of the reciprocal is below block_bytes / 2^32 and none for powers of two; times the largest offset it must
    /// stay below one part of block_bytes.
    [[nodiscard]] constexpr bool divides_exactly(std::size_t slab_bytes) const noexcept {
        return is_power_of_two(block_bytes) || slab_bytes * block_bytes <= std::uint64_t{1} << 32;
    }
};

/// A slab's life is one word, so that every decision about it is one compare-exchange.
///
///     63                32 31                      8 7        4    3        2        1       0
///     [ blocks settled    | blocks ever carved      |  unused  | emptied | queued | listed | owned ]
///
/// carved    blocks that have been given out since the slab was made; the rest was never touched.
/// settled   blocks that have come back: their bits are set. carved - settled are out: live, in a magazine or a depot.
/// owned     one thread carves from it now.
/// listed    it waits in its class's list for a thread to carve from it.
/// queued    it is on the way to the registry, which looks at it at its next opportunity.
/// emptied   the thread that has settled its last block has it in hand: nobody else touches its memory, or decides about it.
struct slab_word {
    static constexpr std::uint64_t owned = 1, listed = 2, queued = 4, emptied = 8;
    static constexpr std::uint64_t one_carved = std::uint64_t{1} << 8, one_settled = std::uint64_t{1} << 32;

    std::uint64_t bits;

    [[nodiscard]] std::size_t carved() const noexcept { return (bits >> 8) & 0xFFFFFF; }
    /// May be negative for a moment: an owner takes a block's bit before its settler has counted it.
    [[nodiscard]] std::int32_t settled() const noexcept { return static_cast<std::int32_t>(bits >> 32); }
    [[nodiscard]] bool has(std::uint64_t flag) const noexcept { return (bits & flag) != 0; }
    [[nodiscard]] bool is_empty() const noexcept { return settled() == static_cast<std::int32_t>(carved()); }
};

template <class A>
struct slab;
/// What lies between a slab's head and its blocks, and behind them: nothing. Where the diagnostics want more, see
/// slab_guards.hpp; a slab that is small, or made of few blocks, has no room for it.
template <class A>
inline constexpr bool separates_heads = requires {
    requires A::pool::slab_bytes >= 8 * A::diagnostics::head_guard_bytes&& A::pool::max_bytes <=
                 A::pool::slab_bytes / 4;
} && has_virtual_memory<typename A::backend>;
template <class A, bool Separate = separates_heads<A>>
struct slab_guards;
template <class A>
struct slab_guards<A, false> {
    [[nodiscard]] static constexpr std::size_t behind_head(std::size_t head_bytes) noexcept { return head_bytes; }
    static constexpr std::size_t behind_blocks = 0;
    static void raise(slab<A>&) noexcept {}
    static void lower(slab<A>&) noexcept {}
};

/// What a settler has to do with a slab.
enum class after_settling : unsigned char {
    nothing,   ///< it may be gone
    to_queue,  ///< put it into the line to the registry, and touch it no more then
    emptied,   ///< it is the settler's own, until `pool_store::take_back`
};

/// Whose inbox a slab's blocks go home to: the thread that took the slab last. Nothing where nothing goes home.
template <class Sync, bool Returns = returns_to_owner<Sync>>
struct slab_owner {
    void set(void*) noexcept {}
};
template <class Sync>
struct slab_owner<Sync, true> {
    void set(void* owner) noexcept { address.store(owner, order::relaxed); }
    typename Sync::template atomic<void*> address{nullptr};
};

/// The head of a slab, found by masking the address of any of its blocks.
template <class A>
struct slab {
    template <class T>
    using shared = typename A::sync::template atomic<T>;
    using bit_word = shared<std::uint64_t>;

    void* instance;  ///< whose it is
    region* home;
    slab* next_queued = nullptr;  ///< in the line to the registry
    slab* next = nullptr;         ///< in its class's list
    slab* prev = nullptr;
    shared<std::uint64_t> word{0};
    std::uint32_t size_class;
    std::uint32_t scan_from = 0;  ///< the owner's: the word of bits to look at next
    slab_shape const* shape;
    [[no_unique_address]] slab_owner<typename A::sync> owner{};

    slab(void* whose, region* where, std::size_t c, slab_shape const* s) noexcept
        : instance(whose), home(where), size_class(static_cast<std::uint32_t>(c)), shape(s) {
        for (std::size_t i = 0, n = s->bit_words * bit_sets; i < n; ++i) ::new (settled_bits() + i) bit_word{};
        if constexpr (has_tags) {
            // Every block is free.
            tag_place const tags = tag_place_of(c);
            __builtin_memset(pointer_to<void>(address_of(this) + tags.offset), 0xFF, tags.bytes);
        }
    }

    /// With checks, a second set of bits says which blocks the program holds.
    static constexpr std::size_t bit_sets = A::diagnostics::checks_blocks ? 2 : 1;

    static constexpr bool has_tags = charges_tags<typename A::budget>;
    /// Where the bytes for tags of a class are.
    struct tag_place {
        std::size_t offset;
        std::size_t bytes;
        unsigned shift;
    };
    [[nodiscard]] static constexpr tag_place tag_place_of(std::size_t c) noexcept {
        std::size_t const bytes = A::pool::class_bytes(c);
        unsigned const shift = log2_floor(bytes);
        return {.offset = sizeof(slab) + words_of_bits(bytes) * 8 * bit_sets,
                .bytes = has_tags ? A::pool::slab_bytes >> shift : 0,
                .shift = shift};
    }
    /// As if blocks could begin at once: at most a word too many.
    [[nodiscard]] static constexpr std::size_t words_of_bits(std::size_t block_bytes) noexcept {
        return (A::pool::slab_bytes / block_bytes + 63) / 64;
    }

    [[nodiscard]] static slab* of(void const* block) noexcept {
        return pointer_to<slab>(address_of(block) & ~(A::pool::slab_bytes - 1));
    }
    [[nodiscard]] static constexpr std::size_t head_bytes(std::size_t c) noexcept {
        tag_place const tags = tag_place_of(c);
        return tags.offset + tags.bytes;
    }
    [[nodiscard]] static constexpr slab_shape shape_of(std::size_t c) noexcept {
        std::size_t const bytes = A::pool::class_bytes(c);
        std::size_t const natural =
            bytes & (0 - bytes);  // every block is aligned to the largest power of two in its size
        std::size_t const first = round_up(slab_guards<A>::behind_head(head_bytes(c)), natural);
        std::size_t const count = (A::pool::slab_bytes - slab_guards<A>::behind_blocks - first) / bytes;
        return {.block_bytes = bytes,
                .first_block = first,
                .block_count = count,
                .bit_words = words_of_bits(bytes),
                .reciprocal = ((std::uint64_t{1} << 32) + bytes - 1) / bytes};
    }

    [[nodiscard]] bit_word* settled_bits() noexcept { return reinterpret_cast<bit_word*>(this + 1); }
    [[nodiscard]] bit_word* live_bits() noexcept { return settled_bits() + shape->bit_words; }

    [[nodiscard]] void* block(std::size_t i) noexcept {
        return pointer_to<void>(address_of(this) + shape->first_block + i * shape->block_bytes);
    }
    [[nodiscard]] std::size_t index_of(void const* p) const noexcept {
        return shape->index_at(address_of(p) - address_of(this) - shape->first_block);
    }
    /// True when `p` is the address of one of the blocks.
    [[nodiscard]] bool is_block(void const* p) const noexcept {
        std::size_t const offset = address_of(p) - address_of(this);
        if (offset < shape->first_block) return false;
        std::size_t const i = index_of(p);
        return i < shape->block_count && shape->first_block + i * shape->block_bytes == offset;
    }

    /// Marks a block as held by the program. False if it was already.
    bool mark_live(void const* p) noexcept { return (flip(p, true) & mask(p)) == 0; }
    /// The reverse. False if the program did not hold it: it is being freed twice.
    ///
    /// Between threads the bit is also the order of events: of two frees that race, exactly one sees it set.
    bool mark_free(void const* p) noexcept { return (flip(p, false) & mask(p)) != 0; }
    [[nodiscard]] bool is_live(void const* p) noexcept {
        return (live_bits()[index_of(p) / 64].load(order::relaxed) & mask(p)) != 0;
    }

    /// Takes back `n` blocks of one word of bits. Where nothing is left to do, this was the caller's last look at the slab.
    ///
    ///   Threads   Any number.
    ///   Orders    release on the bits: the last writes to the blocks come before whoever takes the bits (acquire, in
    ///             carve_settled). acq_rel on the word: whoever sees the slab empty, here or in the registry, sees that all
    ///             settlers but itself are done with it, because each other one's last access is this exchange.
    [[nodiscard]] after_settling settle(std::size_t bit_word_index, std::uint64_t blocks, std::uint64_t n) noexcept {
        settled_bits()[bit_word_index].fetch_or(blocks, order::release);
        std::uint64_t seen = word.load(order::relaxed);
        for (;;) {
            slab_word after{seen + n * slab_word::one_settled};
            auto what = after_settling::nothing;
            if (!after.has(slab_word::owned)) {  // its owner sees what has come back
                if (after.is_empty()) {
                    what = after_settling::emptied;
                    after.bits |= slab_word::emptied;
                } else if (!after.has(slab_word::queued | slab_word::listed)) {  // nobody looks after it
                    what = after_settling::to_queue;
                    after.bits |= slab_word::queued;
                }
            }
            if (word.compare_exchange(seen, after.bits, order::acq_rel, order::relaxed)) return what;
        }
    }

    /// For who has emptied it: leaves it to the registry. True when the caller has to put it into the line; otherwise it is
    /// there still. acq_rel: what the caller did to its memory comes before what the registry does.
    [[nodiscard]] bool leave_to_registry() noexcept {
        std::uint64_t seen = word.load(order::relaxed);
        while (!word.compare_exchange(seen, (seen & ~slab_word::emptied) | slab_word::queued, order::acq_rel,
                                      order::relaxed)) {}
        return !slab_word{seen}.has(slab_word::queued);
    }

    /// Where the whole pages behind the head begin.
    [[nodiscard]] std::uintptr_t pages_behind_head(std::size_t page_bytes) const noexcept {
        return round_up(address_of(this) + shape->first_block, page_bytes);
    }

    /// For the owner: takes up to `most` blocks, settled ones first, then fresh ones, into `out`, the last one to be used
    /// first. Answers how many.
    [[nodiscard]] std::size_t carve(void** out, std::size_t most) noexcept {
        // From the end, so that addresses ascend as the blocks are used.
        std::size_t n = carve_settled(out + most, most);
        n += carve_fresh(out + most - n, most - n);
        if (n != 0 && n < most) __builtin_memmove(out, out + most - n, n * sizeof(void*));
        return n;
    }

    /// For the owner: calls `f(place, bytes)` for each run of whole pages in which no block is out. Settlers may add to them
    /// meanwhile, and nobody can take from them but the owner.
    template <class F>
    void for_each_free_run_of_pages(std::size_t page_bytes, F&& f) noexcept {
        std::size_t const carved = slab_word{word.load(order::relaxed)}.carved();
        std::size_t run_begin = shape->first_block;
        auto const end_run = [&](std::size_t run_end) {
            std::size_t const begin = round_up(run_begin, page_bytes);
            std::size_t const end = run_end & ~(page_bytes - 1);
            if (begin >= end) return;
            if constexpr (keeps_records<A>) forget_records(begin, end);
            f(pointer_to<void>(address_of(this) + begin), end - begin);
        };
        for (std::size_t i = 0; i < carved; ++i) {
            // acquire: the settler's last writes to the block come before the page goes.
            bool const is_free = (settled_bits()[i / 64].load(order::acquire) >> (i % 64) & 1) != 0;
            if (is_free) continue;
            end_run(shape->first_block + i * shape->block_bytes);
            run_begin = shape->first_block + (i + 1) * shape->block_bytes;
        }
        end_run(A::pool::slab_bytes);
    }

private:
    /// Of free blocks between two places, whose memory is about to become zero in parts: their fill is not looked at again.
    void forget_records(std::size_t begin, std::size_t end) noexcept {
        std::size_t const first = begin <= shape->first_block ? 0 : shape->index_at(begin - shape->first_block);
        for (std::size_t i = first; i < shape->block_count && address_of(block(i)) < address_of(this) + end; ++i) {
            forget_record(address_of(block(i)));
        }
    }
    static void forget_record(std::uintptr_t at) noexcept {
        memory_is_ours(at, at + sizeof(block_record));
        pointer_to<block_record>(at)->guard = 0;
        memory_is_forbidden(at, at + sizeof(block_record));
    }

    [[nodiscard]] std::uint64_t mask(void const* p) const noexcept { return std::uint64_t{1} << (index_of(p) % 64); }
    std::uint64_t flip(void const* p, bool live) noexcept {
        bit_word& w = live_bits()[index_of(p) / 64];
        return live ? w.fetch_or(mask(p), order::acq_rel) : w.fetch_and(~mask(p), order::acq_rel);
    }

    [[nodiscard]] std::size_t carve_settled(void** end, std::size_t most) noexcept {
        if (slab_word{word.load(order::relaxed)}.settled() <= 0) return 0;
        std::size_t n = 0;
        for (std::size_t looked = 0; looked < shape->bit_words && n < most; ++looked) {
            bit_word& w = settled_bits()[scan_from];
            if (w.load(order::relaxed) != 0) {
                // acquire: pairs with the settlers' release, so that their writes to the blocks are over.
                std::uint64_t got = w.exchange(0, order::acquire);
                while (got != 0 && n < most) {
                    *--end = block(scan_from * 64 + static_cast<std::size_t>(std::countr_zero(got)));
                    got &= got - 1;
                    ++n;
                }
                if (got != 0) {
                    w.fetch_or(got, order::release);  // the rest stays, and what we acquired with it stays published
                    break;
                }
            }
            scan_from = scan_from + 1 < shape->bit_words ? scan_from + 1 : 0;
        }
        if (n != 0) word.fetch_sub(n * slab_word::one_settled, order::relaxed);
        return n;
    }

    [[nodiscard]] std::size_t carve_fresh(void** end, std::size_t most) noexcept {
        std::size_t const first = slab_word{word.load(order::relaxed)}.carved();
        std::size_t const left = shape->block_count - first;
        std::size_t const n = left < most ? left : most;
        std::size_t const step = shape->block_bytes;  // which the compiler would read anew for each block
        std::uintptr_t at = address_of(block(first));
        for (std::size_t i = 0; i < n; ++i, at += step) {
            if constexpr (keeps_records<A>) forget_record(at);
            *--end = pointer_to<void>(at);
        }
        if (n != 0) word.fetch_add(n * slab_word::one_carved, order::relaxed);
        return n;
    }
};

}  // namespace framealloc::detail
