// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

/// An allocator instance that lives as long as anybody holds it: a copyable, counted handle. The last handle to go ends
/// the instance, on whatever thread that is.
///
///   Cost      One block of the system heap at creation; one locked instruction per copy and per destruction.
///   Threads   Each thread holds a handle of its own; one handle object is one thread's.
///   Failure   `create` throws `allocation_failure`, or `configuration_error`, and leaves nothing behind.
template <class Alloc = smart_alloc>
class shared_alloc {
public:
    /// `given` is what `Alloc`'s constructor takes.
    template <class... Given>
    [[nodiscard]] static shared_alloc create(Given&&... given) {
        layout const request = layout::of<block>();
        void* const place = detail::platform::block(request.bytes, request.align);
        if (place == nullptr) {
            detail::throw_failure({.code = fault_code::out_of_memory,
                                   .note = "asked for %llu bytes, align %llu, for a shared allocator",
                                   .numbers = {request.bytes, request.align}},
                                  request);
        }
        return shared_alloc{detail::construct<block>(
            place, [&] { detail::platform::release_block(place); }, static_cast<Given&&>(given)...)};
    }

    shared_alloc(shared_alloc const& other) noexcept : block_(other.block_) {
        // relaxed: who copies a handle holds one, so the count cannot reach zero meanwhile.
        if (block_ != nullptr) block_->holders.fetch_add(1, detail::order::relaxed);
    }
    shared_alloc(shared_alloc&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
    shared_alloc& operator=(shared_alloc other) noexcept {
        block* const mine = block_;
        block_ = other.block_;
        other.block_ = mine;
        return *this;
    }
    ~shared_alloc() {
        // acq_rel: what every holder did with the instance comes before its end.
        if (block_ == nullptr || block_->holders.fetch_sub(1, detail::order::acq_rel) != 1) return;
        block_->~block();
        detail::platform::release_block(block_);
    }

    [[nodiscard]] Alloc& operator*() const noexcept { return block_->alloc; }
    [[nodiscard]] Alloc* operator->() const noexcept { return &block_->alloc; }
    [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }

private:
    struct block {
        template <class... Given>
        explicit block(Given&&... given) : alloc{static_cast<Given&&>(given)...} {}
        Alloc alloc;
        detail::atomic<std::size_t> holders{1};
    };

    explicit shared_alloc(block* b) noexcept : block_(b) {}

    block* block_;
};

}  // namespace framealloc
