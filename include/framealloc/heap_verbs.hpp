// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/box.hpp>
#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/layout.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The heap verbs: large or long-lived blocks from the backend.
///
///   Cost      A cached block costs a few locked instructions; otherwise one call of the backend. 48 bytes per block, and
///             up to a fifth in rounding.
///   Threads   Any number; a block may be freed on any thread.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw
///             `allocation_failure`, or report and call the failure handler where exceptions are off. Nothing has changed
///             afterwards. A block that is not alive is reported at its free (FA210, FA211), at every level.
///   Lifetime  Until freed, or until the instance ends.
template <class Self, class A>
class heap_verbs {
public:
    /// Raw memory. Zero bytes give a unique address.
    [[nodiscard]] FRAMEALLOC_HOT void* heap_alloc(layout request) {
        return self().shared().heap_allocate_or_throw(request, detail::here<A>());
    }
    [[nodiscard]] FRAMEALLOC_HOT void* try_heap_alloc(layout request) noexcept {
        return self().shared().heap_allocate(request, detail::here<A>());
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* heap_alloc() {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: heap_alloc<T>() gives raw storage; make objects of this type with heap_new<T>(args...)");
        return static_cast<T*>(heap_alloc(layout::of<T>()));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* try_heap_alloc() noexcept {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: try_heap_alloc<T>() gives raw storage; make objects of "
                      "this type with try_heap_new<T>(args...)");
        return static_cast<T*>(try_heap_alloc(layout::of<T>()));
    }

    /// Frees by address alone; null is a no-op.
    FRAMEALLOC_HOT void heap_free(void* p) noexcept {
        if (p != nullptr) self().shared().free_heap(p, detail::here<A>());
    }
    /// Frees what was allocated with this layout; `p` is not null.
    FRAMEALLOC_HOT void heap_free(void* p, layout given) noexcept {
        self().shared().free_large(p, given, detail::here<A>());
    }
    template <class T>
    FRAMEALLOC_HOT void heap_free(std::type_identity_t<T>* p) noexcept {
        heap_free(static_cast<void*>(p), layout::of<T>());
    }

    /// A new `T`.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* heap_new(Args&&... args) {
        void* const place = heap_alloc(layout::of<T>());
        return detail::construct<T>(place, [&] { heap_free(place, layout::of<T>()); }, static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* try_heap_new(Args&&... args) {
        void* const place = try_heap_alloc(layout::of<T>());
        if (place == nullptr) return nullptr;
        return detail::construct<T>(place, [&] { heap_free(place, layout::of<T>()); }, static_cast<Args&&>(args)...);
    }
    /// Destroys and frees; null is a no-op. A polymorphic object may be of a class derived from `T`.
    template <class T>
    FRAMEALLOC_HOT void heap_delete(T* object) noexcept {
        static_assert(std::is_nothrow_destructible_v<T>, "framealloc: destructors must not throw");
        if (object == nullptr) return;
        void* whole = const_cast<std::remove_cv_t<T>*>(object);
        if constexpr (std::is_polymorphic_v<T> && !std::is_final_v<T>) {
            static_assert(std::has_virtual_destructor_v<T>,
                          "framealloc: heap_delete(p) of a polymorphic type needs a virtual destructor");
            whole = dynamic_cast<void*>(const_cast<std::remove_cv_t<T>*>(object));
        }
        object->~T();
        heap_free(whole);
    }

    /// `n` objects in a row, value-initialised. `n` may be zero; a product that overflows is refused (FA304).
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> heap_array(std::size_t n) {
        return make_array<T, true>(n, heap_alloc(layout::array_of<T>(n)));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> heap_array_for_overwrite(std::size_t n) {
        return make_array<T, false>(n, heap_alloc(layout::array_of<T>(n)));
    }
    /// Answers an empty span without an address when it is refused.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> try_heap_array(std::size_t n) {
        return make_array<T, true>(n, try_heap_alloc(layout::array_of<T>(n)));
    }
    /// Destroys an array of `heap_array`, the last object first, and frees it. A span without an address is a no-op.
    template <class T>
    FRAMEALLOC_HOT void heap_delete(std::span<T> objects) noexcept {
        if (objects.data() == nullptr) return;
        detail::destroy_backwards(objects.data(), objects.size());
        heap_free(const_cast<std::remove_cv_t<T>*>(objects.data()), layout::array_of<T>(objects.size()));
    }

    /// A new `T` and its only owner.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT heap_ptr<T, A> heap_box(Args&&... args) {
        return heap_ptr<T, A>{heap_new<T>(static_cast<Args&&>(args)...), self().shared()};
    }

private:
    [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }

    template <class T, bool ValueInitialise>
    std::span<T> make_array(std::size_t n, void* place) {
        if (place == nullptr) return {};
        return {detail::construct_n<T, ValueInitialise>(place, n, [&] { heap_free(place, layout::array_of<T>(n)); }),
                n};
    }
};

}  // namespace framealloc
