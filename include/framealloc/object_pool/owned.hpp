// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/platform/compiler.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace framealloc::inline v0_1 {

namespace detail {

/// The pool of an object: beside the pointer, or behind the object where it is known there.
template <class Pool, bool Known = Pool::knows_pool_of_object>
class pool_of_owned {
public:
    constexpr pool_of_owned() noexcept = default;
    constexpr explicit pool_of_owned(Pool* p) noexcept : pool_(p) {}
    [[nodiscard]] Pool& of(typename Pool::value_type*) const noexcept { return *pool_; }

private:
    Pool* pool_ = nullptr;
};
/// One that is a variable of static storage is known by its name.
template <auto& Variable>
class named_pool {
public:
    constexpr named_pool() noexcept = default;
    template <class Pool>
    constexpr explicit named_pool(Pool*) noexcept {}
    template <class T>
    [[nodiscard]] auto& of(T*) const noexcept {
        return Variable;
    }
};
template <class Pool>
class pool_of_owned<Pool, true> {
public:
    constexpr pool_of_owned() noexcept = default;
    constexpr explicit pool_of_owned(Pool*) noexcept {}
    [[nodiscard]] Pool& of(typename Pool::value_type* object) const noexcept { return Pool::pool_of(object); }
};

}  // namespace detail

/// The one owner of an object of a pool: `pool.make(...)` answers it, and its end gives the object back.
///
///   Cost      A pointer, and another one to the pool unless the pool shares objects, and so is known behind each, or is a
///             variable, and the handle an `owned_of` it. To look through it costs what a pointer costs.
///   Threads   As a pointer. It may end on any thread where the pool is thread-safe.
///   Failure   Empty where `try_make` was refused. Its end throws what `on_release` throws.
///   Lifetime  The pool outlives it. Where that is checked, the pool's end names each object that is still owned (FA504).
template <class Pool, class KnownBy = void>
class [[nodiscard]] owned {
public:
    using pool_type = Pool;
    using element_type = typename Pool::value_type;

    constexpr owned() noexcept = default;
    constexpr owned(std::nullptr_t) noexcept {}
    /// Takes over `object`, which `pool` has allocated and nobody else owns; or null.
    owned(element_type* object, Pool& pool FRAMEALLOC_LIFETIMEBOUND) noexcept : object_(object), pool_(&pool) {}
    /// The same owner, with the pool known in another way.
    template <class Other>
    explicit owned(owned<Pool, Other>&& other) noexcept : pool_(other ? &other.pool() : nullptr) {
        object_ = other.release();
    }
    owned(owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)), pool_(other.pool_) {}
    FRAMEALLOC_HOT owned& operator=(owned&& other) noexcept(Pool::releases_quietly) {
        owned taken{std::move(other)};
        swap(taken);
        return *this;
    }
    owned(owned const&) = delete;
    owned& operator=(owned const&) = delete;
    FRAMEALLOC_HOT ~owned() noexcept(Pool::releases_quietly) {
        if (object_ != nullptr) pool_.of(object_).free(object_);
    }

    [[nodiscard]] element_type* get() const noexcept { return object_; }
    [[nodiscard]] element_type& operator*() const noexcept { return *object_; }
    [[nodiscard]] element_type* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    /// The pool of the object; there is one.
    [[nodiscard]] Pool& pool() const noexcept { return pool_.of(object_); }
    /// Gives the object back, and is empty.
    FRAMEALLOC_HOT void reset() noexcept(Pool::releases_quietly) { static_cast<void>(owned{std::move(*this)}); }
    /// Lets go without giving back: whoever has the pointer now hands it to `free`.
    [[nodiscard]] element_type* release() noexcept { return std::exchange(object_, nullptr); }
    void swap(owned& other) noexcept {
        std::swap(object_, other.object_);
        std::swap(pool_, other.pool_);
    }
    friend void swap(owned& a, owned& b) noexcept { a.swap(b); }
    friend bool operator==(owned const& a, owned const& b) noexcept { return a.object_ == b.object_; }
    friend bool operator==(owned const& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

private:
    element_type* object_ = nullptr;
    [[no_unique_address]] std::conditional_t<std::is_void_v<KnownBy>, detail::pool_of_owned<Pool>, KnownBy> pool_{};
};

/// The owner of an object of a pool that is a variable of static storage, in one pointer:
///
///     static fixed_pool<enemy> enemies{1000};
///     owned_of<enemies> boss{enemies.make("boss")};
template <auto& Variable>
using owned_of = owned<std::remove_reference_t<decltype(Variable)>, detail::named_pool<Variable>>;

}  // namespace framealloc
