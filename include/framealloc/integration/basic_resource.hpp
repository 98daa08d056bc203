// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/intent.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// What the memory resources share, over the `memory_resource` of any library that has the standard's.
///
///   Cost      A virtual call, and that of the intent's verb. A block that a frame is given back and that is its last
///             makes room again, because that is one comparison, and scratch containers in a loop then use the same
///             bytes; whatever is not last is the frame's, and giving it back does nothing.
///   Threads   As the intent: a frame's is used on the thread whose frame it is; a pool's and the heap's on any.
///   Failure   `allocate` throws `allocation_failure`, also for an alignment that is no power of two (FA305) and
///             outside a frame (FA001); where exceptions are off it is reported, and the failure handler is called.
///             Zero bytes give a unique address.
///   Lifetime  Holds the instance by address: the instance outlives the resource, and the resource its containers.
///   Equality  Equal to every resource of the same type and instance; without run-time type information, to itself
///             only.
template <class Base, allocation_intent Intent, class A>
class basic_resource : public Base {
public:
    explicit basic_resource(composed_alloc<A>& owner) noexcept : owner_(owner.ref()) {}

    /// The instance that it takes from.
    [[nodiscard]] alloc_ref<A> alloc() const noexcept { return owner_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t align) override {
        layout const request{.bytes = bytes, .align = align};
        if constexpr (Intent == allocation_intent::frame) {
            return owner_.frame_alloc(request);
        } else if constexpr (Intent == allocation_intent::pool) {
            return owner_.pool_alloc(request);
        } else {
            return owner_.heap_alloc(request);
        }
    }
    void do_deallocate(void* p, std::size_t bytes, [[maybe_unused]] std::size_t align) override {
        if constexpr (Intent == allocation_intent::frame) {
            if (!owner_.try_frame_give_back(p, bytes)) detail::memory_is_forbidden(p, bytes);
        } else if constexpr (Intent == allocation_intent::pool) {
            owner_.pool_free(p, layout{.bytes = bytes, .align = align});
        } else {
            owner_.heap_free(p, layout{.bytes = bytes, .align = align});
        }
    }
    [[nodiscard]] bool do_is_equal(Base const& other) const noexcept override {
#if defined(__cpp_rtti)
        auto const* const same = dynamic_cast<basic_resource const*>(&other);
        return same != nullptr && same->owner_ == owner_;
#else
        return this == &other;
#endif
    }

    alloc_ref<A> owner_;
};

}  // namespace framealloc
