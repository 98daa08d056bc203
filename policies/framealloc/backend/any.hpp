// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// A backend as a plain table of functions: what a plugin hands over, in C if it likes. `allocate` answers memory of at
/// least `bytes`, aligned to `align`, or null, and may leave a number up to 127 in `*giver`, which comes back with the block.
struct backend_table {
    void* self = nullptr;
    void* (*allocate)(void* self, std::size_t bytes, std::size_t align, unsigned char* giver) = nullptr;
    void (*deallocate)(void* self, void* p, std::size_t bytes, std::size_t align, unsigned char giver) = nullptr;
};

/// Backend: one that is chosen at run time, behind a table of functions.
///
/// Choose it for plugins, and where one instance type has to serve several backends. Not otherwise: a backend that is
/// named in the type is called directly.
///
///   Cost      One indirect call per block.
///   Threads   The framework locks around it.
///   Failure   That of the backend behind it. A table without its two functions is a `configuration_error`. An answer that
///             is not aligned as it was asked is given back and refused (FA306); so is one with a giver above 127.
///   Lifetime  The backend behind it outlives the allocator.
class any {
public:
    using family = backend_family;
    static constexpr unsigned giver_bits = 7;  ///< whatever the backend behind it uses

    constexpr explicit any(backend_table const& table) : table_(table) {
        if (table.allocate == nullptr || table.deallocate == nullptr) {
            framealloc::detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration,
                 .note = "the backend's table has %llu of its 2 functions, allocate and deallocate",
                 .numbers = {static_cast<unsigned long long>(table.allocate != nullptr) +
                             (table.deallocate != nullptr)}});
        }
    }
    /// Over any backend policy, which stays the caller's.
    template <class B>
        requires(BackendPolicy<B> && !std::is_same_v<B, any>)
    constexpr explicit any(B& behind FRAMEALLOC_LIFETIMEBOUND) noexcept
        : table_{.self = &behind, .allocate = &allocate_from<B>, .deallocate = &deallocate_to<B>} {}

    [[nodiscard]] backend_result try_allocate(layout request) noexcept {
        giver_byte giver = 0;
        void* const p = table_.allocate(table_.self, request.bytes, request.align, &giver);
        if (p == nullptr) return backend_result::fallback();
        if (knows_giver<any>(giver)) return backend_result::block(p, giver);
        table_.deallocate(table_.self, p, request.bytes, request.align, giver);
        return backend_result::fallback();
    }
    void deallocate(void* p, layout given, giver_byte giver) noexcept {
        table_.deallocate(table_.self, p, given.bytes, given.align, giver);
    }

private:
    template <class B>
    static void* allocate_from(void* self, std::size_t bytes, std::size_t align, unsigned char* giver) {
        backend_result const r = backend_calls::try_allocate(*static_cast<B*>(self), {.bytes = bytes, .align = align});
        *giver = r.giver();
        return r.address();
    }
    template <class B>
    static void deallocate_to(void* self, void* p, std::size_t bytes, std::size_t align, unsigned char giver) {
        backend_calls::deallocate(*static_cast<B*>(self), p, {.bytes = bytes, .align = align}, giver);
    }

    backend_table table_;
};

}  // namespace framealloc::backend
