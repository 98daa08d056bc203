// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// The two limits that everything is measured against: what one writes by hand for one place in one program, and which no
// general allocator can beat. Kept in a local variable, they are registers in a loop; behind a thread_local they are what
// is left when a program calls them from many places.

namespace limits {

/// Where the memory of a limit ends, its program does: sizes are chosen so that it never happens.
[[noreturn, gnu::cold, gnu::noinline]] inline void used_up() { std::abort(); }

/// A bump pointer over one buffer, with the check that it has to make.
struct bump {
    std::uintptr_t cursor = 0;
    std::uintptr_t end = 0;
    std::uintptr_t begin = 0;

    void reserve(std::size_t bytes) {
        if (begin == 0) {
            begin = reinterpret_cast<std::uintptr_t>(std::aligned_alloc(4096, (bytes + 4095) & ~std::size_t{4095}));
            if (begin == 0) std::abort();
            end = begin + bytes;
        }
        cursor = begin;
    }
    void release() {
        std::free(reinterpret_cast<void*>(begin));
        *this = {};
    }
    void reset() { cursor = begin; }

    [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align = 16) {
        std::uintptr_t const place = align <= 16 ? cursor : (cursor + align - 1) & (0 - align);
        std::uintptr_t const next = place + ((bytes + 15) & ~std::size_t{15});
        if (next > end) [[unlikely]]
            used_up();
        cursor = next;
        return reinterpret_cast<void*>(place);
    }
};

/// The same for a loop that keeps it in registers and asks for one size: `end - rounded` is one number for the whole loop.
struct bump_in_registers : bump {
    [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align = 16) {
        std::uintptr_t const place = align <= 16 ? cursor : (cursor + align - 1) & (0 - align);
        std::size_t const rounded = (bytes + 15) & ~std::size_t{15};
        if (place > end - rounded) [[unlikely]]
            used_up();
        cursor = place + rounded;
        return reinterpret_cast<void*>(place);
    }
};

/// A list of free blocks of one size, linked through the blocks themselves.
struct free_list {
    struct node {
        node* next;
    };
    node* head = nullptr;

    [[gnu::always_inline]] void* take() {
        node* const block = head;
        if (block == nullptr) [[unlikely]]
            used_up();
        head = block->next;
        return block;
    }
    [[gnu::always_inline]] void give(void* p) {
        node* const block = static_cast<node*>(p);
        block->next = head;
        head = block;
    }
};

inline thread_local constinit bump thread_bump{};
inline thread_local constinit free_list thread_free_list{};

/// Blocks of one size for a free list, out of one piece of memory.
class blocks {
public:
    blocks(std::size_t count, std::size_t bytes)
        : memory_(std::aligned_alloc(64, (count * bytes + 63) & ~std::size_t{63})) {
        if (memory_ == nullptr) std::abort();
        for (std::size_t i = count; i > 0; --i) list_.give(static_cast<char*>(memory_) + (i - 1) * bytes);
    }
    ~blocks() { std::free(memory_); }
    blocks(blocks const&) = delete;
    blocks& operator=(blocks const&) = delete;
    [[nodiscard]] free_list list() const { return list_; }

private:
    void* memory_;
    free_list list_{};
};

}  // namespace limits
