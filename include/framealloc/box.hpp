// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/detail/sanitizer.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
template <class A>
class thread_state;
template <class A>
struct slab;
}  // namespace detail

/// Owns a `T` in a frame: destroys it at the end of the enclosing block, while the memory is the frame's. It can neither
/// be copied nor moved, so that it cannot leave its scope. Declared after the frame or scope that it lives in, it dies
/// before it.
template <class T>
class [[nodiscard]] frame_box {
public:
    /// `object` is not null.
    explicit frame_box(T* object) noexcept : object_(object) {
        if (object == nullptr) __builtin_unreachable();
    }
    ~frame_box() {
        if (object_ == nullptr) return;  // known to the compiler wherever nobody has called release()
        detail::destroy_backwards(object_, 1);
        detail::memory_is_forbidden(object_, sizeof(T));
    }
    frame_box(frame_box const&) = delete;
    frame_box& operator=(frame_box const&) = delete;

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    /// Gives up the object, which the caller destroys before the frame ends. The box is empty then.
    [[nodiscard]] T* release() noexcept {
        T* const object = object_;
        object_ = nullptr;
        return object;
    }

private:
    T* object_;
};

namespace detail {

/// What `pool_ptr` and `heap_ptr` share: one owner, an object, and the instance that it came from.
template <class T, class A, class Give>
class [[nodiscard]] owning_ptr {
public:
    constexpr owning_ptr() noexcept = default;
    owning_ptr(T* object, core<A>& owner) noexcept : object_(object), owner_(&owner) {}
    owning_ptr(owning_ptr&& other) noexcept : object_(other.release()), owner_(other.owner_) {}
    owning_ptr& operator=(owning_ptr&& other) noexcept {
        if (this != &other) {
            reset();
            object_ = other.release();
            owner_ = other.owner_;
        }
        return *this;
    }
    ~owning_ptr() { reset(); }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    /// Destroys and frees the object now. On any thread.
    void reset() noexcept {
        if (object_ != nullptr) Give::give(*owner_, release());
    }
    /// Gives up ownership: the caller frees the object, with the verb that matches.
    [[nodiscard]] T* release() noexcept {
        T* const object = object_;
        object_ = nullptr;
        return object;
    }

private:
    T* object_ = nullptr;
    core<A>* owner_ = nullptr;
};

struct give_to_pool {
    template <class A, class T>
    static void give(core<A>& owner, T* object) noexcept {
        owner.pool_delete(object);
    }
};
struct give_to_heap {
    template <class A, class T>
    static void give(core<A>& owner, T* object) noexcept {
        owner.heap_delete(object);
    }
};

}  // namespace detail

/// The only owner of an object in a pool. Movable; may be released on any thread, while the instance lives.
template <class T, class A>
using pool_ptr = detail::owning_ptr<T, A, detail::give_to_pool>;

/// The only owner of an object in a heap block.
template <class T, class A>
using heap_ptr = detail::owning_ptr<T, A, detail::give_to_heap>;

}  // namespace framealloc
