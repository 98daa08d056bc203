// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>

namespace framealloc::inline v0_1 {

/// Names an object in a `handle_heap`, wherever that has moved it: 64 bits, copied like a number. It does not own, and it
/// knows no address: `resolve` answers that, and null once the object has gone, for good.
///
///     63            38 37       32 31          4 3        0
///     [ generation   | salt, high | slot       | salt, low ]
///
/// The slot is a place in the heap's table, and lies where its distance in bytes from the table's begin is read off. The
/// generation tells the slot's users apart, and the salt the heaps of the process: so a handle of another heap is none of
/// this one's, and no two handles of a process are ever equal, until the generations of a slot are used up; then the slot
/// is. A default-made handle is null: it names nothing.
///
///   Cost      That of a 64-bit integer.
///   Threads   As an integer.
///   Failure   None.
///   Lifetime  Any; it may outlive its object, its heap, and, as `bits()`, the process.
///   Source    Index and generation as in the handles of Molecular Matters and of A. Weissflog, "Handles are the better
///             pointers", 2018.
template <class T>
class handle {
public:
    using element_type = T;

    constexpr handle() noexcept = default;
    /// Null.
    constexpr handle(std::nullptr_t) noexcept {}
    /// One that may only read.
    template <class U>
        requires(!std::same_as<U, T> && std::same_as<U const, T>)
    constexpr handle(handle<U> other) noexcept : bits_(other.bits()) {}

    /// As a number and back, for a save file or a script. What no heap has given out is as good as null.
    [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
    [[nodiscard]] static constexpr handle from_bits(std::uint64_t bits) noexcept {
        handle h;
        h.bits_ = bits;
        return h;
    }

    /// Whether it is not null. Whether its object is there, the heap knows.
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return bits_ != 0; }

    friend constexpr auto operator<=>(handle, handle) noexcept = default;

    /// For `absl::Hash` and for Boost.
    template <class H>
    friend H AbslHashValue(H state, handle h) {
        return H::combine(static_cast<H&&>(state), h.bits_);
    }
    friend std::size_t hash_value(handle h) noexcept { return std::hash<handle>{}(h); }

private:
    std::uint64_t bits_ = 0;
};

static_assert(sizeof(handle<int>) == 8 && std::is_trivially_copyable_v<handle<int>>);

}  // namespace framealloc

namespace std {
/// Spread over all bits: a table may take whichever it likes.
template <class T>
struct hash<framealloc::handle<T>> {
    [[nodiscard]] std::size_t operator()(framealloc::handle<T> h) const noexcept {
        std::uint64_t const mixed = (h.bits() ^ h.bits() >> 32) * 0x9E3779B97F4A7C15u;
        return static_cast<std::size_t>(mixed ^ mixed >> 29);
    }
};
}  // namespace std
