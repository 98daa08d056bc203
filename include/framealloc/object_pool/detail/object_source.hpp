// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/platform/platform.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/object_pool/detail/chunk_directory.hpp>
#include <framealloc/object_pool/detail/object_slot.hpp>

namespace framealloc::inline v0_1::detail {

/// Where the chunks of a pool come from: the backend, behind a lock where it wants one, or the room within the pool.
///
///   Threads   Any number, as far as the pool's sync policy allows.
///   Failure   Null when the backend refuses.
template <class A, std::size_t BytesWithin, std::size_t AlignWithin>
class object_source {
public:
    using backend = typename A::backend;

    constexpr object_source() = default;
    constexpr explicit object_source(backend b) : backend_(static_cast<backend&&>(b)) {}

    [[nodiscard]] void* take(layout whole, giver_byte& giver) noexcept {
        locked const guard{lock_};
        backend_result const r = backend_calls::try_allocate(backend_, whole);
        giver = r.giver();
        return r.address();
    }
    void give_back(void* p, layout whole, giver_byte giver) noexcept {
        locked const guard{lock_};
        backend_calls::deallocate(backend_, p, whole, giver);
    }
    [[nodiscard]] backend& get() noexcept { return backend_; }

private:
    struct no_lock {
        void lock() noexcept {}
        void unlock() noexcept {}
    };
    [[no_unique_address]] backend backend_{};
    [[no_unique_address]] std::conditional_t<A::one_thread || backend_is_thread_safe<backend>, no_lock, platform::mutex>
        lock_{};
};

template <class A, std::size_t BytesWithin, std::size_t AlignWithin>
    requires(BytesWithin != 0)
class object_source<A, BytesWithin, AlignWithin> {
public:
    [[nodiscard]] void* take(layout, giver_byte&) noexcept { return room_; }
    void give_back(void*, layout, giver_byte) noexcept {}

private:
    alignas(AlignWithin) std::byte room_[BytesWithin];
};

}  // namespace framealloc::detail
