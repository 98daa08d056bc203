// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>
#include <framealloc/sizes.hpp>

namespace framealloc::inline v0_1 {

/// What is only known at run time. Everything else is a policy.
struct alloc_config {
    /// Bytes of freed heap blocks kept for reuse, at most. 0 keeps none. From 0 to 1 TiB.
    std::size_t heap_cache_bytes = std::size_t{8} << 20;
    /// Empty slabs kept ready, at most; more go back to the backend. From 0 to 65536.
    std::size_t retained_slabs = 16;
    /// Bytes of address space reserved at a time for slabs, in whole slabs, at most 64 of them. From 64 KiB to 64 MiB.
    std::size_t region_bytes = std::size_t{1} << 20;
    /// What reports call the instance; null: by its number alone. The text outlives it, as a literal's does.
    char const* name = nullptr;

    /// Throws `configuration_error`, naming the field, its value and the allowed range, if a field is out of range.
    constexpr void validate() const {
        check("heap_cache_bytes is %llu; expected %llu to %llu", heap_cache_bytes, 0, std::size_t{1} << 40);
        check("retained_slabs is %llu; expected %llu to %llu", retained_slabs, 0, 65536);
        check("region_bytes is %llu; expected %llu to %llu", region_bytes, std::size_t{64} << 10,
              std::size_t{64} << 20);
    }

private:
    static constexpr void check(char const* note, std::size_t value, std::size_t least, std::size_t most) {
        if (value < least || value > most) {
            detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration, .note = note, .numbers = {value, least, most}});
        }
    }
};

}  // namespace framealloc
