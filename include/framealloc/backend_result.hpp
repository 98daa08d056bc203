// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/layout.hpp>

#include <type_traits>

namespace framealloc::inline v0_1 {

/// Which part of a composed backend gave a block or a range. The framework keeps it beside the memory and hands it back
/// with it, so that parts which cannot say what they own can be combined. Its meaning is the composing backend's alone.
using giver_byte = unsigned char;

/// The answer of a backend that has something to say beyond an address: the block and its giver, or *fallback* (not from
/// me: ask whoever comes next), or *out of memory* (ask nobody else). A backend with nothing to say answers `void*`, where
/// null means fallback.
class [[nodiscard]] backend_result {
public:
    [[nodiscard]] static constexpr backend_result block(void* p, giver_byte giver = 0) noexcept {
        return backend_result{p, giver, false};
    }
    [[nodiscard]] static constexpr backend_result fallback() noexcept { return backend_result{nullptr, 0, false}; }
    [[nodiscard]] static constexpr backend_result out_of_memory() noexcept { return backend_result{nullptr, 0, true}; }

    [[nodiscard]] constexpr explicit operator bool() const noexcept { return address_ != nullptr; }
    [[nodiscard]] constexpr void* address() const noexcept { return address_; }
    [[nodiscard]] constexpr giver_byte giver() const noexcept { return giver_; }
    /// True for an answer that no other backend is to be asked after.
    [[nodiscard]] constexpr bool is_final() const noexcept { return address_ != nullptr || final_; }

private:
    constexpr backend_result(void* address, giver_byte giver, bool final) noexcept
        : address_(address), giver_(giver), final_(final) {}

    void* address_;
    giver_byte giver_;
    bool final_;
};

template <class T>
concept backend_answer = std::is_same_v<T, void*> || std::is_same_v<T, backend_result>;

/// Bits of the giver byte that a backend uses: 0 unless it says so by `static constexpr unsigned giver_bits`.
template <class B>
inline constexpr unsigned giver_bits_of = 0;
template <class B>
    requires requires { typename std::integral_constant<unsigned, B::giver_bits>; }
inline constexpr unsigned giver_bits_of<B> = B::giver_bits;

/// Whether `giver` can have come from a backend of type `B`.
template <class B>
[[nodiscard]] constexpr bool knows_giver(giver_byte giver) noexcept {
    return (giver >> giver_bits_of<B>) == 0;
}

/// A backend's operations in one shape, whether it deals in givers or not. What composes backends asks through these.
namespace backend_calls {

[[nodiscard]] constexpr backend_result as_result(void* p) noexcept { return backend_result::block(p); }
[[nodiscard]] constexpr backend_result as_result(backend_result r) noexcept { return r; }
/// The answer of a backend that will not serve a request, in the shape `Answer`.
template <backend_answer Answer>
[[nodiscard]] constexpr Answer refusal() noexcept {
    if constexpr (std::is_same_v<Answer, void*>) {
        return nullptr;
    } else {
        return backend_result::fallback();
    }
}

template <class B>
backend_result try_allocate(B& b, layout request) noexcept {
    return as_result(b.try_allocate(request));
}
template <class B>
void deallocate(B& b, void* p, layout given, [[maybe_unused]] giver_byte giver) noexcept {
    if constexpr (requires { b.deallocate(p, given, giver); }) {
        b.deallocate(p, given, giver);
    } else {
        b.deallocate(p, given);
    }
}
template <class B>
backend_result reserve(B& b, layout range) noexcept {
    return as_result(b.reserve(range));
}
template <class B>
[[nodiscard]] bool commit(B& b, void* p, std::size_t bytes, [[maybe_unused]] giver_byte giver) noexcept {
    if constexpr (requires { b.commit(p, bytes, giver); }) {
        return b.commit(p, bytes, giver);
    } else {
        return b.commit(p, bytes);
    }
}
template <class B>
[[nodiscard]] bool decommit(B& b, void* p, std::size_t bytes, [[maybe_unused]] giver_byte giver) noexcept {
    if constexpr (requires { b.decommit(p, bytes, giver); }) {
        return b.decommit(p, bytes, giver);
    } else {
        return b.decommit(p, bytes);
    }
}
template <class B>
[[nodiscard]] bool release(B& b, void* p, layout range, [[maybe_unused]] giver_byte giver) noexcept {
    if constexpr (requires { b.release(p, range, giver); }) {
        return b.release(p, range, giver);
    } else {
        return b.release(p, range);
    }
}

template <class B>
[[nodiscard]] bool discard(B& b, void* p, std::size_t bytes, [[maybe_unused]] giver_byte giver) noexcept {
    if constexpr (requires { b.discard(p, bytes, giver); }) {
        return b.discard(p, bytes, giver);
    } else {
        return b.discard(p, bytes);
    }
}

}  // namespace backend_calls

}  // namespace framealloc
