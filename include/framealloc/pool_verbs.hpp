// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/box.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/detail/hot_state.hpp>
#include <framealloc/detail/pool_watch.hpp>
#include <framealloc/intent.hpp>

#include <span>

namespace framealloc::inline v0_1 {

/// The pool verbs: small objects from thread-local magazines, freed one by one, on any thread.
///
///   Cost      A pop or a push of the thread's magazine, after the way to the thread's state. A dry or full magazine
///             exchanges a batch with the depot. A free by address alone reads the page map and the slab's head first.
///   Threads   Any block may be freed on any thread; that never waits and needs no memory.
///   Failure   `try_` forms answer null, or an empty span, and are noexcept for layouts; plain forms throw
///             `allocation_failure`, or report and call the failure handler where exceptions are off. Nothing has changed
///             afterwards, also when a constructor throws. Freeing cannot fail.
///   Lifetime  Until freed, or until the instance ends. Requests above the largest class are served by the heap path, and
///             every form of free knows it.
template <class Self, class A>
class pool_verbs {
    using pool = typename A::pool;

public:
    /// Raw memory. Zero bytes give a unique address.
    [[nodiscard]] FRAMEALLOC_HOT void* pool_alloc(layout request) {
        return serve<true>(request, class_of(request), detail::here<A>(),
                           [&](std::size_t c) FRAMEALLOC_INLINED { return self().pool_miss_or_throw(request, c); });
    }
    [[nodiscard]] FRAMEALLOC_HOT void* try_pool_alloc(layout request) noexcept {
        return serve<false>(request, class_of(request), detail::here<A>(),
                            [&](std::size_t c) FRAMEALLOC_INLINED { return self().pool_miss(request, c); });
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* pool_alloc() {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: pool_alloc<T>() gives raw storage; make objects of this type with pool_new<T>(args...)");
        return static_cast<T*>(pool_alloc(layout::of<T>()));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* try_pool_alloc() noexcept {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: try_pool_alloc<T>() gives raw storage; make objects of "
                      "this type with try_pool_new<T>(args...)");
        return static_cast<T*>(try_pool_alloc(layout::of<T>()));
    }

    /// Frees by address alone; null is a no-op. For hosts that know neither size nor alignment.
    FRAMEALLOC_HOT void pool_free(void* p) noexcept { self().shared().free_by_address(p, detail::here<A>()); }
    /// Frees what was allocated with this layout; `p` is not null.
    FRAMEALLOC_HOT void pool_free(void* p, layout given) noexcept {
        give_sized(p, given, class_of(given), detail::here<A>());
    }
    /// Frees storage of `pool_alloc<T>()`; `p` is not null.
    template <class T>
    FRAMEALLOC_HOT void pool_free(std::type_identity_t<T>* p) noexcept {
        pool_free(static_cast<void*>(p), layout::of<T>());
    }

    /// A new `T`.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* pool_new(Args&&... args) {
        void* const place = pool_alloc(layout::of<T>());
        return detail::construct<T>(
            place, [&]() FRAMEALLOC_INLINED { pool_free(place, layout::of<T>()); }, static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* try_pool_new(Args&&... args) {
        void* const place = try_pool_alloc(layout::of<T>());
        if (place == nullptr) [[unlikely]]
            return nullptr;
        return detail::construct<T>(
            place, [&]() FRAMEALLOC_INLINED { pool_free(place, layout::of<T>()); }, static_cast<Args&&>(args)...);
    }
    /// Destroys and frees. A polymorphic object may be of a class derived from `T`; otherwise `T` is what was made.
    template <class T>
    FRAMEALLOC_HOT void pool_delete(T* object) noexcept {
        static_assert(std::is_nothrow_destructible_v<T>, "framealloc: destructors must not throw");
        if constexpr (std::is_polymorphic_v<T> && !std::is_final_v<T>) {
            static_assert(std::has_virtual_destructor_v<T>,
                          "framealloc: pool_delete(p) of a polymorphic type needs a virtual destructor");
            if (object == nullptr) return;
            void* const whole = dynamic_cast<void*>(const_cast<std::remove_cv_t<T>*>(object));
            object->~T();
            pool_free(whole);
        } else {
            object->~T();
            pool_free(const_cast<std::remove_cv_t<T>*>(object), layout::of<T>());
        }
    }

    /// `n` objects in a row, value-initialised. `n` may be zero; a product that overflows is refused (FA304).
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> pool_array(std::size_t n) {
        return make_array<T, true>(n, pool_alloc(layout::array_of<T>(n)));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> pool_array_for_overwrite(std::size_t n) {
        return make_array<T, false>(n, pool_alloc(layout::array_of<T>(n)));
    }
    /// Answers an empty span without an address when it is refused.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> try_pool_array(std::size_t n) {
        return make_array<T, true>(n, try_pool_alloc(layout::array_of<T>(n)));
    }
    /// Destroys an array of `pool_array`, the last object first, and frees it. A span without an address is a no-op.
    template <class T>
    FRAMEALLOC_HOT void pool_delete(std::span<T> objects) noexcept {
        if (objects.data() == nullptr) return;
        detail::destroy_backwards(objects.data(), objects.size());
        pool_free(const_cast<std::remove_cv_t<T>*>(objects.data()), layout::array_of<T>(objects.size()));
    }

    /// A new `T` and its only owner.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT pool_ptr<T, A> pool_box(Args&&... args) {
        return pool_ptr<T, A>{pool_new<T>(static_cast<Args&&>(args)...), self().shared()};
    }

    // What a free by address is built on: the block at `p`, of class `c`, has been looked at.
    FRAMEALLOC_HOT void give_block(void* p, std::size_t c) noexcept {
        detail::hot_state& hot = self().hot();
        detail::push(
            hot.magazines[c], full_bits(hot.magazines[c], c), self().shared().pool_part().seal, p,
            [&]() FRAMEALLOC_INLINED {
                if constexpr (charges_tags<typename A::budget>) {
                    auto& s = static_cast<detail::thread_state<A>&>(hot);
                    std::size_t tag;
                    if (!s.tags.credit(p, c, tag)) [[unlikely]]
                        return s.pool_uncredited(p, c, tag);
                }
                if constexpr (A::diagnostics::counts_operations) {
                    static_cast<detail::thread_state<A>&>(hot).counted.on_pool_free();
                }
            },
            [&]() FRAMEALLOC_INLINED { self().pool_overflow(p, c); });
    }

    FRAMEALLOC_HOT void give_sized(void* p, [[maybe_unused]] layout given, std::size_t c,
                                   [[maybe_unused]] detail::site_of<A> at) noexcept {
        if constexpr (pool::class_count == 0) {
            self().shared().free_large(p, given, at);
        } else {
            if (c == pool::class_count) [[unlikely]]
                return self().shared().free_large(p, given, at);
            [[maybe_unused]] void* const object = p;
            if constexpr (detail::samples_blocks<A>) {
                if (detail::block_sampler<A>::has(p)) [[unlikely]]
                    return detail::block_sampler<A>::give_back(self().shared(), p, c, at);
            }
            if constexpr (detail::keeps_records<A>) {
                p = self().shared().pool_taken(p, &given, at);
                if (p == nullptr) return;
            } else if constexpr (A::diagnostics::checks_blocks) {
                if (!self().shared().check_pool_free(p, c)) return;
            } else {
                detail::pool_block_is_given_back<A>(self().shared(), p, c);
            }
            if constexpr (detail::observes<A>) self().shared().observe_free(object, allocation_intent::pool, at);
            give_block(p, c);
        }
    }

private:
    [[nodiscard]] FRAMEALLOC_HOT Self& self() noexcept { return static_cast<Self&>(*this); }

    /// An alignment that is no power of two has no class: the slow path names it.
    [[nodiscard]] FRAMEALLOC_HOT static constexpr std::size_t class_of(layout request) noexcept {
        return request.has_valid_align() ? pool::class_for(detail::whole_of<A>(request)) : pool::class_count;
    }

    /// Where the compiler knows the class it knows this number, too, and need not read it.
    [[nodiscard]] FRAMEALLOC_HOT static std::uintptr_t full_bits(detail::magazine const& m, std::size_t c) noexcept {
        if (__builtin_constant_p(c)) return detail::full_bits_of(detail::magazine_capacity(pool::class_bytes(c)));
        return m.full_bits;
    }

    /// Where blocks are charged to tags: charges one that has just been taken out of the magazine.
    template <bool Throws>
    FRAMEALLOC_HOT static void* charge(detail::thread_state<A>& s, void* block, layout request, std::size_t c) {
        if (!s.tags.charge(block, c, s.tags.current.tag())) [[unlikely]] {
            if constexpr (Throws) {
                return s.pool_uncharged_or_throw(block, request, c);
            } else {
                return s.pool_uncharged(block, request, c);
            }
        }
        return s.pool_is_served(block, request);
    }

    template <bool Throws, class Slow>
    FRAMEALLOC_HOT void* serve([[maybe_unused]] layout request, std::size_t c, [[maybe_unused]] detail::site_of<A> at,
                               Slow&& slow) {
        if constexpr (detail::wants_sites<A>) {
            [[maybe_unused]] detail::called_at<A> const here{at};
            if (c == pool::class_count) {
                if constexpr (Throws) {
                    return self().shared().heap_allocate_or_throw(request, at);
                } else {
                    return self().shared().heap_allocate(request, at);
                }
            }
            if constexpr (detail::observes<A>) self().shared().observe_request(request, allocation_intent::pool, at);
            void* block = serve_block<Throws>(request, c, slow);
            if constexpr (detail::keeps_records<A>) {
                if (block != nullptr) block = self().shared().pool_given(block, request, at);
            }
            if constexpr (detail::observes<A>)
                self().shared().observe_allocation(block, request, allocation_intent::pool, at);
            return block;
        } else {
            return serve_block<Throws>(request, c, slow);
        }
    }
    template <bool Throws, class Slow>
    FRAMEALLOC_HOT void* serve_block([[maybe_unused]] layout request, std::size_t c, Slow&& slow) {
        if constexpr (pool::class_count == 0) {
            return slow(c);
        } else {
            if (c == pool::class_count) [[unlikely]]
                return slow(c);
            detail::hot_state& hot = self().hot();
            return detail::pop(
                hot.magazines[c], self().shared().pool_part().seal,
                [&]([[maybe_unused]] void* block) FRAMEALLOC_INLINED {
                    if constexpr (charges_tags<typename A::budget>) {
                        return charge<Throws>(static_cast<detail::thread_state<A>&>(hot), block, request, c);
                    } else {
                        if constexpr (!detail::keeps_records<A>) {
                            detail::pool_block_is_given<A>(self().shared(), block, request.bytes);
                            if constexpr (A::diagnostics::checks_blocks) detail::slab<A>::of(block)->mark_live(block);
                        }
                        if constexpr (A::diagnostics::counts_operations) {
                            static_cast<detail::thread_state<A>&>(hot).counted.on_pool_allocate(request.bytes);
                        }
                        if constexpr (detail::samples_blocks<A>)
                            return static_cast<detail::thread_state<A>&>(hot).sample(block, request);
                    }
                },
                [&]() FRAMEALLOC_INLINED { return slow(c); });
        }
    }

    template <class T, bool ValueInitialise>
    std::span<T> make_array(std::size_t n, void* place) {
        if (place == nullptr) return {};
        return {detail::construct_n<T, ValueInitialise>(
                    place, n, [&]() FRAMEALLOC_INLINED { pool_free(place, layout::array_of<T>(n)); }),
                n};
    }
};

}  // namespace framealloc
