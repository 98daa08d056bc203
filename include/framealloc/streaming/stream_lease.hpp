// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/smart_alloc.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace framealloc::inline v0_1 {

namespace detail {
struct stream_slot;
}
template <class Alloc>
class streaming_allocator;

/// While it lives, the asset stays where it is: nothing evicts it, and if it is released, it goes with its last lease. What
/// `access` answers.
///
///   Cost      Its end takes the lock, once, and makes the asset the one used most recently.
///   Threads   One lease is one thread's at a time; it may end on any thread. Any number may look at one asset.
///   Lifetime  It ends before its streaming allocator. If it does not, that is reported there (FA216), the bytes stay until
///             the allocator beneath ends, and the lease ends quietly.
template <class Alloc = smart_alloc>
class [[nodiscard]] stream_lease {
public:
    stream_lease() noexcept = default;
    stream_lease(stream_lease&& other) noexcept
        : slot_(std::exchange(other.slot_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
    stream_lease& operator=(stream_lease&& other) noexcept {
        if (this != &other) {
            reset();
            slot_ = std::exchange(other.slot_, nullptr);
            bytes_ = std::exchange(other.bytes_, {});
        }
        return *this;
    }
    ~stream_lease() { reset(); }

    /// What has been loaded.
    [[nodiscard]] std::span<std::byte const> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::byte const* data() const noexcept { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }

    /// Ends it now.
    void reset() noexcept {
        if (slot_ == nullptr) return;
        bytes_ = {};
        streaming_allocator<Alloc>::end_lease(*std::exchange(slot_, nullptr));
    }

private:
    friend class streaming_allocator<Alloc>;
    stream_lease(detail::stream_slot& slot, std::span<std::byte const> bytes) noexcept : slot_(&slot), bytes_(bytes) {}

    detail::stream_slot* slot_ = nullptr;
    std::span<std::byte const> bytes_;
};

}  // namespace framealloc
