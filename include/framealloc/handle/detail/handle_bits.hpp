// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>

#include <cstddef>
#include <cstdint>

// What is in a handle, and in the word that says how a slot stands.

namespace framealloc::inline v0_1::detail {

struct handle_bits {
    static constexpr unsigned slot_bits = 28, salt_bits = 10, generation_bits = 26;
    static constexpr unsigned slot_shift = 4, generation_shift = 64 - generation_bits;
    static constexpr std::size_t slot_count = std::size_t{1} << slot_bits;
    static constexpr std::uint64_t slot_mask = (std::uint64_t{slot_count} - 1) << slot_shift;
    static constexpr std::uint64_t salt_mask = std::uint64_t{0x3F} << 32 | 0xF;
    /// One more fits, which a retired slot has.
    static constexpr std::uint32_t last_generation = (std::uint32_t{1} << generation_bits) - 2;

    [[nodiscard]] static constexpr std::uint64_t of_salt(unsigned salt) noexcept {
        return std::uint64_t{salt >> 4} << 32 | (salt & 0xF);
    }
    [[nodiscard]] static constexpr std::uint64_t make(std::uint32_t slot, std::uint32_t generation,
                                                      std::uint64_t salt) noexcept {
        return std::uint64_t{generation} << generation_shift | salt | std::uint64_t{slot} << slot_shift;
    }
    [[nodiscard]] static constexpr std::uint32_t slot(std::uint64_t bits) noexcept {
        return static_cast<std::uint32_t>((bits & slot_mask) >> slot_shift);
    }
    [[nodiscard]] static constexpr std::uint32_t generation(std::uint64_t bits) noexcept {
        return static_cast<std::uint32_t>(bits >> generation_shift);
    }
};
static_assert(handle_bits::of_salt(1023) == handle_bits::salt_mask);

/// How a slot stands:
///
///     63            38 37    30 29  28 27                                       0
///     [ generation   | tag    | phase | pins; in a free slot, the next free one ]
///
/// The generation is part of the word that is exchanged, so whoever has found the object that he names there has found that
/// one: no slot is mistaken for its next user.
struct slot_state {
    enum class phase : unsigned { live, moving, gone };

    static constexpr std::uint64_t count_mask = (std::uint64_t{1} << 28) - 1;
    static constexpr std::uint32_t most_pins = count_mask;

    std::uint64_t word;

    [[nodiscard]] static constexpr slot_state make(std::uint32_t generation, std::uint8_t tag, phase p,
                                                   std::uint32_t count) noexcept {
        return {std::uint64_t{generation} << handle_bits::generation_shift | std::uint64_t{tag} << 30 |
                std::uint64_t(p) << 28 | count};
    }
    [[nodiscard]] constexpr std::uint32_t generation() const noexcept { return handle_bits::generation(word); }
    [[nodiscard]] constexpr std::uint8_t tag() const noexcept { return static_cast<std::uint8_t>(word >> 30); }
    [[nodiscard]] constexpr phase now() const noexcept { return phase(word >> 28 & 3); }
    [[nodiscard]] constexpr std::uint32_t count() const noexcept {
        return static_cast<std::uint32_t>(word & count_mask);
    }
    [[nodiscard]] constexpr slot_state in(phase p, std::uint32_t count) const noexcept {
        return make(generation(), tag(), p, count);
    }
};

/// The salts of the process: each belongs to one living heap. The next one that has it begins with the generation after the
/// last that was given out under it.
///
///   Cost      4 KiB of zeroes per process; O(heaps) to take one.
///   Threads   Any number.
///   Failure   `take` answers false: 1,024 heaps are alive, or all generations of all salts are used up.
class handle_salts {
public:
    static constexpr std::size_t count = std::size_t{1} << handle_bits::salt_bits;

    struct taken {
        unsigned salt;
        std::uint32_t first_generation;
    };
    [[nodiscard]] bool take(taken& to) noexcept {
        for (unsigned n = 0; n < count; ++n) {
            unsigned const salt = (next_.load(order::relaxed) + n) % count;
            std::uint32_t used = used_[salt].load(order::relaxed);
            if ((used & busy) != 0 || used >= handle_bits::last_generation) continue;
            // acquire: pairs with the release of the heap that had it, though all that it tells is in the number itself.
            if (!used_[salt].compare_exchange(used, used | busy, order::acquire, order::relaxed)) continue;
            next_.store(salt + 1, order::relaxed);
            to = {salt, used + 1};
            return true;
        }
        return false;
    }
    void give_back(unsigned salt, std::uint32_t last_used) noexcept { used_[salt].store(last_used, order::release); }

private:
    static constexpr std::uint32_t busy = std::uint32_t{1} << 31;
    atomic<std::uint32_t> used_[count]{};  ///< the last generation that was given out
    atomic<unsigned> next_{0};             ///< a hint: where to look first
};
inline constinit handle_salts known_salts{};

}  // namespace framealloc::detail
