// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// What an address is.
enum class address_state : unsigned char {
    null,          ///< the null pointer
    live_block,    ///< in a block of a pool that the program holds
    free_block,    ///< in a block of a pool that is free
    slab_head,     ///< in the head of a slab: no block
    heap_block,    ///< in a heap block that the program holds
    freed_heap,    ///< where a heap block was that has been freed, one of the last 64
    frame_object,  ///< in an object of the calling thread's open frame
    frame_memory,  ///< in the calling thread's frame, where no object is now
    stack,         ///< on the calling thread's stack
    program,       ///< in the program or a library: code, constants, static objects
    mapped,        ///< in memory that is none of ours
    unmapped,      ///< nothing is there
};

/// What `explain` says of an address. Numbers and places are zero or null where they do not apply or are not known.
struct explanation {
    address_state state = address_state::unmapped;
    std::uintptr_t address = 0;
    unsigned long long instance = 0;      ///< whose it is
    char const* instance_name = nullptr;  ///< as its configuration says
    std::uintptr_t object = 0;            ///< where the object begins that it lies in or beside
    std::size_t bytes = 0;                ///< that the program asked for there
    unsigned long long thread = 0;        ///< that allocated it
    unsigned long long frame = 0;         ///< in which of its frames
    char const* tag_path = nullptr;       ///< under which tag
    void const* allocated_at = nullptr;   ///< by which code
    void const* freed_at = nullptr;       ///< freed by which
    bool is_damaged = false;              ///< what surrounds it has been overwritten

    /// Writes it as a sentence and its places as lines into `to`, cut to `size` and terminated; answers the bytes written.
    /// Allocates nothing of ours.
    std::size_t write(char* to, std::size_t size) const noexcept;
};

}  // namespace framealloc
