// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/detail/frame_state.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The verbs of a region: memory that goes all at once, and objects that are destroyed then, newest first. Mixed into groups and
/// scratch arenas, which say what they cost, who may call them, when they refuse, and when the memory goes.
///
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw `allocation_failure`,
///             or report and call the failure handler where exceptions are off. Nothing has changed afterwards, also when a
///             constructor throws.
///
/// `Self` has, for its friend, `serve<Throws>(layout, objects, site)` and `serve<Throws, layout>(site)`, which answer memory;
/// `undo_point`, made of the region, whose `undo(objects, site)` takes back what came after it; and `add(finaliser&)`.
template <class Self, class A>
class region_verbs {
    using site = detail::site_of<A>;

public:
    /// Raw memory. Zero bytes give a unique address.
    [[nodiscard]] FRAMEALLOC_HOT void* alloc(layout request) {
        return self().template serve<true>(request, 1, detail::here<A>());
    }
    [[nodiscard]] FRAMEALLOC_HOT void* try_alloc(layout request) noexcept {
        return self().template serve<false>(request, 1, detail::here<A>());
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* alloc() {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: alloc<T>() gives raw storage; make objects of this type with make<T>(args...)");
        return static_cast<T*>(self().template serve<true, layout::of<T>()>(detail::here<A>()));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* try_alloc() noexcept {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: try_alloc<T>() gives raw storage; make objects of this type with try_make<T>(args...)");
        return static_cast<T*>(self().template serve<false, layout::of<T>()>(detail::here<A>()));
    }

    /// A new `T`, destroyed when the region goes.
    template <class T, class... Args>
    FRAMEALLOC_HOT T* make(Args&&... args) {
        return make_one<true, T>(detail::here<A>(), static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    FRAMEALLOC_HOT T* try_make(Args&&... args) {
        return make_one<false, T>(detail::here<A>(), static_cast<Args&&>(args)...);
    }

    /// `n` objects in a row, value-initialised. `n` may be zero; a product that overflows is refused (FA304).
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> make_array(std::size_t n) {
        return make_row<true, T, true>(n, detail::here<A>());
    }
    /// The same, default-initialised: what a trivial type leaves indeterminate stays so.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> make_array_for_overwrite(std::size_t n) {
        return make_row<true, T, false>(n, detail::here<A>());
    }
    /// Answers an empty span without an address when it is refused; for `n == 0` the span is empty too.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> try_make_array(std::size_t n) {
        return make_row<false, T, true>(n, detail::here<A>());
    }

private:
    [[nodiscard]] FRAMEALLOC_HOT Self& self() noexcept { return static_cast<Self&>(*this); }

    struct no_undo_point {
        explicit no_undo_point(Self&) noexcept {}
        void undo(std::size_t, site) const noexcept {}
    };

    /// Room for an object and, before it, for what is to destroy it.
    [[nodiscard]] static constexpr layout with_finaliser(layout object, std::size_t& offset) noexcept {
        if (object.align < granule) object.align = granule;
        return layout::of<detail::finaliser>().extend(object, offset);
    }
    template <class T>
    struct finalised {
        static constexpr std::size_t offset = [] {
            std::size_t at = 0;
            static_cast<void>(with_finaliser(layout::of<T>(), at));
            return at;
        }();
        static constexpr layout request = [] {
            std::size_t at = 0;
            return with_finaliser(layout::of<T>(), at);
        }();
    };

    template <bool Throws, class T, class... Args>
    FRAMEALLOC_HOT T* make_one(site at, Args&&... args) {
        constexpr bool can_throw = !std::is_nothrow_constructible_v<T, Args...>;
        std::conditional_t<can_throw, typename Self::undo_point, no_undo_point> const before{self()};
        auto const undo = [&]() FRAMEALLOC_INLINED { before.undo(1, at); };
        if constexpr (std::is_trivially_destructible_v<T>) {
            void* const place = self().template serve<Throws, layout::of<T>()>(at);
            if (place == nullptr) [[unlikely]]
                return nullptr;
            return detail::construct<T>(place, undo, static_cast<Args&&>(args)...);
        } else {
            void* const record = self().template serve<Throws, finalised<T>::request>(at);
            if (record == nullptr) [[unlikely]]
                return nullptr;
            T* const object =
                detail::construct<T>(detail::behind(record, finalised<T>::offset), undo, static_cast<Args&&>(args)...);
            add_finaliser(record, object, 1);
            return object;
        }
    }

    template <bool Throws, class T, bool ValueInitialise>
    std::span<T> make_row(std::size_t n, site at) {
        constexpr bool has_destructor = !std::is_trivially_destructible_v<T>;
        constexpr bool can_throw = !std::is_nothrow_default_constructible_v<T>;
        std::conditional_t<can_throw, typename Self::undo_point, no_undo_point> const before{self()};
        layout request = layout::array_of<T>(n);
        std::size_t offset = 0;
        if constexpr (has_destructor) request = with_finaliser(request, offset);
        void* const start = self().template serve<Throws>(request, n, at);
        if (start == nullptr) [[unlikely]]
            return {};
        T* const first = detail::construct_n<T, ValueInitialise>(detail::behind(start, offset), n,
                                                                 [&]() FRAMEALLOC_INLINED { before.undo(n, at); });
        if constexpr (has_destructor) add_finaliser(start, first, n);
        return {first, n};
    }

    template <class T>
    FRAMEALLOC_HOT void add_finaliser(void* record, T* first, std::size_t n) noexcept {
        static_assert(std::is_nothrow_destructible_v<T>,
                      "framealloc: objects of a group or a scratch arena are destroyed together, where a destructor "
                      "must not throw");
        self().add(detail::make_finaliser(record, first, n));
    }
};

}  // namespace framealloc
