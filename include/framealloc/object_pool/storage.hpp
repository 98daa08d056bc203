// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/object_pool_policy.hpp>

// Where the slots of an object pool lie.

namespace framealloc::inline v0_1::storage {

/// Storage: as many slots as the configuration's `capacity`, in one block of the backend, taken by the constructor. Nothing is
/// asked of the backend afterwards.
struct fixed {
    using family = object_storage_family;
    static constexpr bool grows = false;
    static constexpr std::size_t slots_within = 0;
};

/// Storage: `N` slots within the pool itself: no backend is asked, ever. For pools of static storage, and of the stack.
template <std::size_t N>
struct in_place {
    using family = object_storage_family;
    static constexpr bool grows = false;
    static constexpr std::size_t slots_within = N;

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(N > 0 && N <= 0xFFFF'FFFE, "framealloc: storage::in_place<N> has from 1 to 2^32 - 2 slots");
};

/// Storage: chunks, of which the first has `capacity` slots, and the further ones what the configuration's `growth` says, up to
/// `maximum` in all. Objects stay where they are when the pool grows. `shrink()` gives chunks back.
struct growing {
    using family = object_storage_family;
    static constexpr bool grows = true;
    static constexpr std::size_t slots_within = 0;
};

}  // namespace framealloc::storage
