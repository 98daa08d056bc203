// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/object_pool/object_pool_policy.hpp>

// Whether a pool's objects can be shared: a count and a generation behind each, or nothing.

namespace framealloc::inline v0_1 {

namespace detail {

/// What a handle that counts knows of its pool.
struct object_pool_base {
    /// The last one has let go of the object at `p`.
    void (*end_shared)(object_pool_base&, void* p) = nullptr;
};

struct no_object_pool_base {};

/// Behind each object of a pool whose objects can be shared.
template <template <class> class Atomic>
struct object_control {
    /// { generation, handles that own }: one word, so that an upgrade sees both at once.
    Atomic<std::uint64_t> state{0};
    object_pool_base* pool = nullptr;

    static constexpr std::uint64_t one_generation = std::uint64_t{1} << 32;
    /// Of a slot whose generations are used up: no handle has this one, and nobody owns it.
    static constexpr std::uint64_t retired = std::uint64_t{0xFFFF'FFFF} << 32;
    [[nodiscard]] static constexpr std::uint32_t owners(std::uint64_t s) noexcept {
        return static_cast<std::uint32_t>(s);
    }
    [[nodiscard]] static constexpr std::uint32_t generation(std::uint64_t s) noexcept {
        return static_cast<std::uint32_t>(s >> 32);
    }
};

/// Where it lies, from the begin of its object.
template <class T>
inline constexpr std::size_t object_control_at = round_up(sizeof(T), alignof(std::uint64_t));

}  // namespace detail

namespace sharing {

/// Sharing: none. An object has one owner. The default.
struct none {
    using family = object_sharing_family;
    static constexpr bool counts = false;
    static constexpr bool one_thread = false;
};

/// Sharing: a plain count behind each object, for `local_shared` and `local_weak`, on one thread.
///
///   Cost      16 bytes per slot; an addition per copy.
struct local {
    using family = object_sharing_family;
    static constexpr bool counts = true;
    static constexpr bool one_thread = true;
    using control = detail::object_control<detail::plain>;
};

/// Sharing: an atomic count behind each object, for `shared` and `weak`, on any number of threads.
///
///   Cost      16 bytes per slot; a locked addition per copy.
struct atomic {
    using family = object_sharing_family;
    static constexpr bool counts = true;
    static constexpr bool one_thread = false;
    using control = detail::object_control<detail::atomic>;
};

}  // namespace sharing
}  // namespace framealloc
