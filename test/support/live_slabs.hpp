// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace framealloc::test {

/// How many slabs hold a block of the program, counted from outside: blocks that its threads take and give are told to it. A
/// free block of a slab can be had again; as long as one of its blocks is held, the slab cannot go.
///
///   Cost      A table of 64 Ki slabs in 1 MiB, touched at once; one or two atomic additions per block.
///   Threads   Any number. A thread in the middle of `taken` may have one slab that is not counted yet.
///   Failure   Stops the program when blocks of more than 64 Ki different slabs have been told.
class live_slabs {
public:
    explicit live_slabs(std::size_t slab_bytes) : slab_bytes_(slab_bytes) {}

    /// After the block has been allocated.
    void taken(void const* block) {
        if (entry_of(block).blocks.fetch_add(1) == 0) became_live_.fetch_add(1);
    }
    /// After the block has been freed, which does not mean that anybody reads it.
    void given(void const* block) {
        if (entry_of(block).blocks.fetch_sub(1) == 1) became_dead_.fetch_add(1);
    }

    /// For a look at the program that takes its time: `since` is asked before it begins. `at_most(since)` afterwards is no less
    /// than the slabs that were live at any moment between, each one that became live meanwhile included.
    [[nodiscard]] std::size_t since() const { return became_dead_.load(); }
    [[nodiscard]] std::size_t at_most(std::size_t since) const { return became_live_.load() - since; }

private:
    struct entry {
        std::atomic<std::uintptr_t> slab{0};
        std::atomic<std::size_t> blocks{0};
    };
    static constexpr std::size_t room = std::size_t{1} << 16;

    entry& entry_of(void const* block) {
        std::uintptr_t const number = reinterpret_cast<std::uintptr_t>(block) / slab_bytes_;
        // Neighbours side by side; ranges that are far apart meet now and then.
        for (std::size_t n = 0, at = number % room; n < room; ++n, at = (at + 1) % room) {
            std::uintptr_t there = entries_[at].slab.load();
            if (there == 0 && entries_[at].slab.compare_exchange_strong(there, number)) return entries_[at];
            if (there == number) return entries_[at];
        }
        std::abort();
    }

    std::size_t slab_bytes_;
    std::unique_ptr<entry[]> entries_ = std::make_unique<entry[]>(room);
    alignas(64) std::atomic<std::size_t> became_live_{0};
    alignas(64) std::atomic<std::size_t> became_dead_{0};
};

}  // namespace framealloc::test
