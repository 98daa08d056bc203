// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/detail/platform/entropy.hpp>
#include <framealloc/detail/platform/readable.hpp>
#include <framealloc/detail/reports.hpp>

namespace framealloc::inline v0_1::detail {

/// How a block is written into a batch where it has to show that the batch has been written over: mixed with a key of the
/// instance's, and multiplied.
///
/// A bit that is flipped in the product changes many above it when it is divided again. An address has nothing in its lowest
/// three bits and in its highest sixteen: where one byte reads otherwise, that is always found; of any other words one in 2^19
/// passes for an address, and which ones, nobody knows who does not know the key.
///
///   Cost      Two instructions and a constant to close, five to open.
///   Threads   The key is drawn once, under the instance's lock, before the first block leaves its slab.
///   Failure   A broken seal is reported (FA221); the entry is passed over, and its block stays out for good.
///   Source    The encoded free lists of mimalloc (D. Leijen) and of Linux's SLUB; multiplying by an odd number, so that
///             one wrong bit shows in the others, is ours.
template <class A>
class block_seal<A, true> {
public:
    static constexpr bool may_be_broken = true;

    void draw_key(void* instance) noexcept {
        if (instance_ != nullptr) return;
        key_ = platform::random_number();
        instance_ = instance;
    }

    [[nodiscard]] FRAMEALLOC_HOT void* close(void* block) const noexcept {
        return pointer_to<void>((address_of(block) ^ key_) * factor);
    }
    /// Null where it is broken, which is reported.
    [[nodiscard]] FRAMEALLOC_HOT void* open(void* sealed) const noexcept {
        std::uintptr_t const block = (address_of(sealed) * inverse) ^ key_;
        if ((block & ~addresses) != 0) [[unlikely]]
            return broken(sealed);
        return pointer_to<void>(block);
    }
    /// Looks at every block that the instance's threads and depots hold, at rest; what waits in an owner's inbox is looked at
    /// when it is fetched.
    [[nodiscard]] verification verify(core<A>& c) {
        verification found;
        if (instance_ == nullptr) return found;
        auto const look_at = [&](std::size_t size_class, void** slots, std::size_t n) {
            for (std::size_t i = 0; i < n && found; ++i) found = verify_entry(c, size_class, slots[i]);
        };
        c.for_each_state([&](thread_state<A>& s, bool) {
            for (std::size_t i = 0; i < A::pool::class_count; ++i) {
                magazine const& m = s.magazines[i];
                std::size_t const n = magazine_count(m);
                if (n != 0) look_at(i, m.top.load(order::relaxed) - n, n);
                for (batch* b = s.pools.reserves_[i].first; b != nullptr; b = b->next) look_at(i, b->slots, b->count);
            }
        });
        for (std::size_t i = 0; i < A::pool::class_count; ++i) {
            batch* held[depot_depth];
            std::size_t n = 0;
            while (n < depot_depth && (held[n] = c.pool_part().take_full(i)) != nullptr) ++n;
            while (n != 0) {
                batch* const b = held[--n];
                look_at(i, b->slots, b->count);
                static_cast<void>(c.pool_part().put_full(i, b));  // at rest there is the room that it had
            }
        }
        return found;
    }
    void close_all(void** blocks, std::size_t n) const noexcept {
        for (std::size_t i = 0; i < n; ++i) blocks[i] = close(blocks[i]);
    }

    /// Whether the `bytes` below an address that somebody frees can be read; they are, where they lie in its page.
    [[nodiscard]] static bool can_read_below(void const* p, std::size_t bytes) noexcept {
        std::uintptr_t const begin = address_of(p) - bytes;
        return begin / smallest_page == address_of(p) / smallest_page ||
               platform::is_readable(pointer_to<void const>(begin));
    }

private:
    static constexpr std::size_t smallest_page = 4096;
    /// Blocks are aligned to 8 bytes at least, and lie below 2^48.
    static constexpr std::uintptr_t addresses = ((std::uintptr_t{1} << 48) - 1) & ~std::uintptr_t{7};
    static constexpr std::uintptr_t factor = 0x9E3779B97F4A7C15;

    static consteval std::uintptr_t inverse_of(std::uintptr_t odd) noexcept {
        std::uintptr_t x = odd;                        // right in the lowest three bits
        for (int i = 0; i < 5; ++i) x *= 2 - odd * x;  // Newton: twice as many each time
        return x;
    }
    static constexpr std::uintptr_t inverse = inverse_of(factor);
    static_assert(factor * inverse == 1);
    /// What one byte that reads otherwise, by whatever amount, adds to the word that is opened: never an address less an
    /// address.
    static consteval bool finds_any_byte() noexcept {
        for (unsigned at = 0; at < 64; at += 8) {
            for (std::uintptr_t by = 1; by < 256; ++by) {
                for (std::uintptr_t const added : {(by << at) * inverse, 0 - (by << at) * inverse}) {
                    std::uintptr_t const highest = added >> 48;
                    if ((added & 7) == 0 && (highest == 0 || highest == 0xFFFF)) return false;
                }
            }
        }
        return true;
    }
    static_assert(finds_any_byte());

    [[nodiscard]] verification verify_entry(core<A>& c, std::size_t size_class, void* sealed) const {
        std::uintptr_t const address = (address_of(sealed) * inverse) ^ key_;
        void* const block = pointer_to<void>(address);
        if ((address & ~addresses) == 0 && c.map().kind_of(block) == address_kind::slab) {
            slab<A>& s = *slab<A>::of(block);
            if (s.instance == c.handle() && s.size_class == size_class && s.is_block(block)) return {};
        }
        return unsound(
            "an entry of a magazine of free blocks of class %llu reads 0x%llx, which is the address of no block",
            size_class, address_of(sealed));
    }

    FRAMEALLOC_COLD void* broken(void* sealed) const noexcept {
        report_misuse(*static_cast<core<A>*>(static_cast<instance_base*>(instance_)), fault_code::record_damaged,
                      "an entry of a magazine of free blocks reads 0x%llx, which is the address of no block",
                      address_of(sealed));
        return nullptr;
    }

    std::uintptr_t key_ = 0;
    void* instance_ = nullptr;
};

}  // namespace framealloc::detail
