// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The program's own operators new and delete, which framealloc/testing/contracts_new.hpp brings in.

#include <framealloc/allocation_budget.hpp>

#include <cstdlib>
#include <new>

namespace framealloc::inline v0_1::testing::kit {

[[nodiscard]] inline void* try_new(std::size_t bytes, std::size_t align) noexcept {
    if (bytes == 0) bytes = 1;
    if (align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) return std::malloc(bytes);
    // aligned_alloc wants a multiple of the alignment.
    std::size_t const rounded = (bytes + align - 1) & ~(align - 1);
    return rounded < bytes ? nullptr : std::aligned_alloc(align, rounded);
}
inline void count_new(std::size_t bytes, void const* from) {
    if (framealloc::detail::innermost_contract != nullptr) [[unlikely]]
        framealloc::detail::count_request(1, bytes, contract_intents::global_new(), from);
}
[[nodiscard]] inline void* new_or_throw(std::size_t bytes, std::size_t align, void const* from) {
    count_new(bytes, from);
    while (true) {
        if (void* const p = try_new(bytes, align)) return p;
        std::new_handler const handler = std::get_new_handler();
        if (handler != nullptr) {
            handler();
            continue;
        }
#if FRAMEALLOC_EXCEPTIONS
        throw std::bad_alloc{};
#else
        framealloc::detail::platform::stop();
#endif
    }
}
/// The nothrow forms answer null for whatever the others throw.
[[nodiscard]] inline void* new_or_null(std::size_t bytes, std::size_t align, void const* from) noexcept {
    FRAMEALLOC_TRY { return new_or_throw(bytes, align, from); }
    FRAMEALLOC_CATCH_ALL { return nullptr; }
}

}  // namespace framealloc::testing::kit

#define FRAMEALLOC_DETAIL_USUAL_ALIGN __STDCPP_DEFAULT_NEW_ALIGNMENT__
#define FRAMEALLOC_DETAIL_FROM __builtin_return_address(0)

void* operator new(std::size_t n) {
    return framealloc::testing::kit::new_or_throw(n, FRAMEALLOC_DETAIL_USUAL_ALIGN, FRAMEALLOC_DETAIL_FROM);
}
void* operator new[](std::size_t n) {
    return framealloc::testing::kit::new_or_throw(n, FRAMEALLOC_DETAIL_USUAL_ALIGN, FRAMEALLOC_DETAIL_FROM);
}
void* operator new(std::size_t n, std::align_val_t a) {
    return framealloc::testing::kit::new_or_throw(n, std::size_t(a), FRAMEALLOC_DETAIL_FROM);
}
void* operator new[](std::size_t n, std::align_val_t a) {
    return framealloc::testing::kit::new_or_throw(n, std::size_t(a), FRAMEALLOC_DETAIL_FROM);
}
void* operator new(std::size_t n, std::nothrow_t const&) noexcept {
    return framealloc::testing::kit::new_or_null(n, FRAMEALLOC_DETAIL_USUAL_ALIGN, FRAMEALLOC_DETAIL_FROM);
}
void* operator new[](std::size_t n, std::nothrow_t const&) noexcept {
    return framealloc::testing::kit::new_or_null(n, FRAMEALLOC_DETAIL_USUAL_ALIGN, FRAMEALLOC_DETAIL_FROM);
}
void* operator new(std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
    return framealloc::testing::kit::new_or_null(n, std::size_t(a), FRAMEALLOC_DETAIL_FROM);
}
void* operator new[](std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
    return framealloc::testing::kit::new_or_null(n, std::size_t(a), FRAMEALLOC_DETAIL_FROM);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::nothrow_t const&) noexcept { std::free(p); }
void operator delete[](void* p, std::nothrow_t const&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t, std::nothrow_t const&) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t, std::nothrow_t const&) noexcept { std::free(p); }

#undef FRAMEALLOC_DETAIL_USUAL_ALIGN
#undef FRAMEALLOC_DETAIL_FROM
