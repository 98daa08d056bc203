// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

#include <mutex>
#include <unordered_map>

namespace framealloc::inline v0_1::testing::kit {

/// A backend that deals in givers, seen as one that does not: remembers each giver for the way back, as the framework does
/// beside each block.
template <class B>
class remembering {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<B>;

    explicit remembering(B& backend) : backend_(backend) {}

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        return remember(backend_calls::try_allocate(backend_, request));
    }
    void deallocate(void* p, layout given) noexcept { backend_calls::deallocate(backend_, p, given, forget(p)); }

    [[nodiscard]] void* reserve(layout range) noexcept
        requires has_virtual_memory<B>
    {
        void* const p = remember(backend_calls::reserve(backend_, range));
        std::lock_guard const lock{guard_};
        if (p != nullptr) ranges_[p] = range.bytes;
        return p;
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept
        requires has_virtual_memory<B>
    {
        return backend_calls::commit(backend_, p, bytes, giver_of(p));
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept
        requires has_virtual_memory<B>
    {
        return backend_calls::decommit(backend_, p, bytes, giver_of(p));
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept
        requires has_virtual_memory<B>
    {
        giver_byte const giver = forget(p);
        if (backend_calls::release(backend_, p, range, giver)) return true;
        std::lock_guard const lock{guard_};
        givers_[p] = giver;
        ranges_[p] = range.bytes;
        return false;
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes) noexcept
        requires has_discard<B>
    {
        return backend_calls::discard(backend_, p, bytes, giver_of(p));
    }

private:
    void* remember(backend_result r) {
        if (!r) return nullptr;
        std::lock_guard const lock{guard_};
        givers_[r.address()] = r.giver();
        return r.address();
    }
    giver_byte forget(void* p) {
        std::lock_guard const lock{guard_};
        giver_byte const giver = givers_.at(p);
        givers_.erase(p);
        ranges_.erase(p);
        return giver;
    }
    /// Of the range that `p` lies in.
    giver_byte giver_of(void* p) {
        std::lock_guard const lock{guard_};
        for (auto const& [base, bytes] : ranges_) {
            if (framealloc::detail::address_of(p) - framealloc::detail::address_of(base) < bytes)
                return givers_.at(base);
        }
        return 0;
    }

    B& backend_;
    std::mutex guard_;
    std::unordered_map<void*, giver_byte> givers_;
    std::unordered_map<void*, std::size_t> ranges_;
};

template <class B>
inline constexpr bool deals_in_givers = giver_bits_of<B> != 0 || !requires(B& b, layout l) {
    { b.try_allocate(l) } -> std::same_as<void*>;
};

}  // namespace framealloc::testing::kit
