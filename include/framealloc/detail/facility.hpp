// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>

namespace framealloc::inline v0_1::detail {

/// What is built on an instance and must end before it, such as its groups: it lies in the instance's own records, and is
/// made at its first use, so that who does not use it has one pointer of it.
struct facility {
    void (*end_facilities)(instance_base&) noexcept;  ///< first: it is all that the instance knows
    void (*end)(instance_base&, facility&);           ///< of its kind, and what the kind is known by
    facility* next = nullptr;

    explicit facility(void (*end_of_kind)(instance_base&, facility&)) noexcept;
    [[nodiscard]] static facility* newest(instance_base const& i) noexcept {
        static_assert(std::is_standard_layout_v<facility>);
        return static_cast<facility*>(static_cast<void*>(i.facilities));
    }
};

/// The newest first: it may stand on those before it.
FRAMEALLOC_COLD inline void end_facilities(instance_base& i) noexcept {
    while (facility* const f = facility::newest(i)) {
        f->end(i, *f);
        i.facilities = f->next != nullptr ? &f->next->end_facilities : nullptr;
    }
}
inline facility::facility(void (*end_of_kind)(instance_base&, facility&)) noexcept
    : end_facilities(&detail::end_facilities), end(end_of_kind) {}

/// The facility `F` of an instance, or null. The instance's lock is held.
template <class F, class A>
[[nodiscard]] F* find_facility(core<A>& owner) noexcept {
    facility* f = facility::newest(owner);
    while (f != nullptr && f->end != &F::end_all) f = f->next;
    return static_cast<F*>(f);
}
/// The same, made where there is none; null where memory is short. The instance's lock is held, and the instance is known to
/// the registry, or nobody would ask it what has to end.
template <class F, class A>
[[nodiscard]] FRAMEALLOC_COLD F* make_facility(core<A>& owner) noexcept {
    if (F* const f = find_facility<F>(owner)) return f;
    void* const place = owner.thread_records().take(owner.gate(), sizeof(F), alignof(F));
    if (place == nullptr) return nullptr;
    F* const f = ::new (place) F;
    f->next = facility::newest(owner);
    owner.facilities = &f->end_facilities;
    return f;
}

}  // namespace framealloc::detail
