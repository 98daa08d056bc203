// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: `First`, and where it will not serve, `Second`.
///
/// Choose it for a fast or bounded source with something behind it: a buffer before the system, huge pages before ordinary
/// ones. `First` may end the search by answering `backend_result::out_of_memory()`; null and `backend_result::fallback()`
/// mean that `Second` is asked. Nest for more than two. Not to add a source that can say no less than the other.
///
///   Cost      That of the parts asked; one branch on the way back.
///   Threads   Thread-safe when both parts are.
///   Failure   Answers what the last part asked has answered; nothing has changed then.
///   Lifetime  What a part gave goes back to that part, by the giver byte that travels with it: no part is asked what it
///             owns.
///   Source    A. Alexandrescu, "std::allocator Is to Allocation what std::vector Is to Vexation", CppCon 2015, whose
///             fallback asks the first part whether it owns a block.
template <class First, class Second>
class fallback {
    static constexpr unsigned inner_bits =
        giver_bits_of<First> > giver_bits_of<Second> ? giver_bits_of<First> : giver_bits_of<Second>;
    static constexpr bool is_virtual = has_virtual_memory<First> && has_virtual_memory<Second>;

public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<First> && backend_is_thread_safe<Second>;
    static constexpr unsigned giver_bits = inner_bits + 1;

    constexpr fallback() = default;
    constexpr fallback(First first, Second second) : first_(first), second_(second) {}

    [[nodiscard]] backend_result try_allocate(layout request) noexcept {
        backend_result const r = backend_calls::try_allocate(first_, request);
        return r.is_final() ? of_part(r, 0) : of_part(backend_calls::try_allocate(second_, request), 1);
    }
    void deallocate(void* p, layout given, giver_byte giver) noexcept {
        part(giver, [&](auto& b, giver_byte g) { return backend_calls::deallocate(b, p, given, g), true; });
    }

    [[nodiscard]] backend_result reserve(layout range) noexcept
        requires is_virtual
    {
        backend_result const r = backend_calls::reserve(first_, range);
        return r.is_final() ? of_part(r, 0) : of_part(backend_calls::reserve(second_, range), 1);
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver) noexcept
        requires is_virtual
    {
        return part(giver, [&](auto& b, giver_byte g) { return backend_calls::commit(b, p, bytes, g); });
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes, giver_byte giver) noexcept
        requires is_virtual
    {
        return part(giver, [&](auto& b, giver_byte g) { return backend_calls::decommit(b, p, bytes, g); });
    }
    [[nodiscard]] bool release(void* p, layout range, giver_byte giver) noexcept
        requires is_virtual
    {
        return part(giver, [&](auto& b, giver_byte g) { return backend_calls::release(b, p, range, g); });
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes, giver_byte giver) noexcept
        requires is_virtual
    {
        return part(giver, [&](auto& b, giver_byte g) {
            if constexpr (has_discard<std::remove_cvref_t<decltype(b)>>) {
                return backend_calls::discard(b, p, bytes, g);
            } else {
                return false;
            }
        });
    }

    [[nodiscard]] First& first() noexcept { return first_; }
    [[nodiscard]] Second& second() noexcept { return second_; }

private:
    /// The lowest bit says which part; what the part itself has to say stands above it.
    [[nodiscard]] static backend_result of_part(backend_result r, unsigned which) noexcept {
        return r ? backend_result::block(r.address(), static_cast<giver_byte>(unsigned{r.giver()} << 1 | which)) : r;
    }
    template <class F>
    bool part(giver_byte giver, F&& f) noexcept {
        auto const inner = static_cast<giver_byte>(giver >> 1);
        return (giver & 1) == 0 ? f(first_, inner) : f(second_, inner);
    }

    [[no_unique_address]] First first_{};
    [[no_unique_address]] Second second_{};

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(giver_bits <= 8, "framealloc: backend::fallback nests eight deep at most; combine fewer backends");
};

}  // namespace framealloc::backend
