// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_surroundings.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/object_pool/detail/slot_row.hpp>

namespace framealloc::inline v0_1::detail {

/// What a report shows of a pool, beside the places.
struct object_pool_sites : fault_sites {
    char const* pool = nullptr;
};
FRAMEALLOC_COLD inline void write_object_pool_sites(fault_sites const& of, char* to, std::size_t size) noexcept {
    char const* const name = static_cast<object_pool_sites const&>(of).pool;
    std::size_t used = 0;
    to[0] = '\0';
    if (name != nullptr) {
        int const n = __builtin_snprintf(to, size, "  pool: %.120s\n", name);
        if (n > 0 && static_cast<std::size_t>(n) < size) used = static_cast<std::size_t>(n);
    }
    write_fault_places(of, to + used, size - used, "given back at");
}

/// Beside each slot of a pool that is checked: whether it has an object, and who allocated it and gave it back where.
template <class A>
struct object_record {
    typename A::sync::template atomic<unsigned char> state{};
    typename A::sync::template atomic<void const*> allocated_at{};
    typename A::sync::template atomic<void const*> freed_at{};

    [[nodiscard]] object_slot_state seen() const noexcept { return object_slot_state{state.load(order::acquire)}; }
    void become(object_slot_state s) noexcept { state.store(static_cast<unsigned char>(s), order::release); }
    /// False, and nothing has changed, where it was not `from`.
    [[nodiscard]] bool become(object_slot_state from, object_slot_state s) noexcept {
        auto expected = static_cast<unsigned char>(from);
        return state.compare_exchange(expected, static_cast<unsigned char>(s), order::acq_rel, order::acquire);
    }
};

}  // namespace framealloc::detail
