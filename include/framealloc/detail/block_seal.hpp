// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>
#include <framealloc/detail/platform/entropy.hpp>

namespace framealloc::inline v0_1::detail {

/// How a block is written into a batch where it has to show that the batch has been written over: mixed with a key of the
/// instance's, and multiplied.
///
/// A bit that is flipped in the product changes every bit above it when it is divided again. An address has nothing in its
/// lowest three bits and in its highest sixteen: of any other words one in 2^19 passes for an address, and which ones, nobody
/// knows who does not know the key.
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
    void close_all(void** blocks, std::size_t n) const noexcept {
        for (std::size_t i = 0; i < n; ++i) blocks[i] = close(blocks[i]);
    }

private:
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
