// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace framealloc::inline v0_1 {

/// Names an asset of a `streaming_allocator`: eight bytes, free to copy, to any thread. It goes stale when the asset is
/// evicted or released, and a stale id is known as such for ever: a place that has had all its generations is not used again.
///
///     | instance, 20 bits | generation, 20 bits | place, 24 bits |        all zero is null
///
/// The instance is what tells a foreign id: 1,048,575 streaming allocators of a process are told apart, and only ids that are
/// as many allocators apart may be taken for each other's.
class stream_id {
public:
    static constexpr unsigned place_bits = 24, generation_bits = 20, instance_bits = 20;
    static constexpr std::uint32_t last_generation = (1u << generation_bits) - 1;
    static constexpr std::uint32_t last_instance = (1u << instance_bits) - 1;

    constexpr stream_id() noexcept = default;
    constexpr stream_id(std::uint32_t instance, std::uint32_t generation, std::uint32_t place) noexcept
        : value_(std::uint64_t{instance} << (generation_bits + place_bits) | std::uint64_t{generation} << place_bits |
                 place) {}
    /// For ids that have been written down as numbers.
    [[nodiscard]] static constexpr stream_id of_value(std::uint64_t value) noexcept {
        stream_id id;
        id.value_ = value;
        return id;
    }

    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return value_ != 0; }
    [[nodiscard]] constexpr std::uint32_t place() const noexcept {
        return static_cast<std::uint32_t>(value_ & ((1u << place_bits) - 1));
    }
    [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
        return static_cast<std::uint32_t>(value_ >> place_bits & last_generation);
    }
    [[nodiscard]] constexpr std::uint32_t instance() const noexcept {
        return static_cast<std::uint32_t>(value_ >> (place_bits + generation_bits));
    }

    friend constexpr bool operator==(stream_id, stream_id) noexcept = default;
    friend constexpr auto operator<=>(stream_id, stream_id) noexcept = default;
    /// For Abseil's tables.
    template <class H>
    friend H AbslHashValue(H state, stream_id id) {
        return H::combine(static_cast<H&&>(state), id.value_);
    }

private:
    std::uint64_t value_ = 0;
};

}  // namespace framealloc

namespace std {
/// For the standard's tables.
template <>
struct hash<framealloc::stream_id> {
    [[nodiscard]] std::size_t operator()(framealloc::stream_id id) const noexcept {
        return hash<std::uint64_t>{}(id.value());
    }
};
}  // namespace std
