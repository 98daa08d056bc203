// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/bits.hpp>

namespace framealloc::inline v0_1::detail {

/// Objects that have been given back and wait for their end, linked behind themselves. Any number of threads add, by one
/// compare-exchange; one at a time ends them.
///
///   Threads   As the sync policy's atomics.
///   Invariant Whoever has set `busy_` alone reads and writes `oldest_`. A link is null while its object is in service, and
///             odd while it waits, the last one included, so that it can be told.
template <class A, std::size_t LinkAt>
class pending_objects {
    using link = typename A::sync::template atomic<std::uintptr_t>;

public:
    /// Of a slot that is new.
    static void ready(void* place) noexcept { ::new (behind(place, LinkAt)) link{0}; }
    [[nodiscard]] static bool waits(void const* place) noexcept { return link_of(place).load(order::relaxed) != 0; }

    void add(void* object) noexcept {
        count_.fetch_add(1, order::relaxed);  // before it can be taken, or the count would pass below zero
        std::uintptr_t seen = newest_.load(order::relaxed);
        do {
            link_of(object).store(seen | 1, order::relaxed);
            // Release, so that what was done to the object, and its link, come before its end.
        } while (!newest_.compare_exchange(seen, address_of(object), order::acq_rel, order::relaxed));
    }
    /// Ends the oldest by `end(object)`, until none waits or `goes_on()` is false; answers how many. 0 where somebody else does.
    template <class End, class GoesOn>
    std::size_t drop(End&& end, GoesOn&& goes_on) {
        if (busy_.exchange(true, order::acq_rel)) return 0;
        struct leave {
            typename A::sync::template atomic<bool>& busy;
            ~leave() { busy.store(false, order::release); }
        } const at_end{busy_};
        std::size_t ended = 0;
        while (void* const object = take_oldest()) {
            ++ended;
            end(object);
            if (!goes_on()) break;
        }
        return ended;
    }
    [[nodiscard]] std::size_t count() const noexcept { return count_.load(order::relaxed); }

private:
    [[nodiscard]] static link& link_of(void const* place) noexcept {
        return *pointer_to<link>(address_of(place) + LinkAt);
    }
    [[nodiscard]] void* take_oldest() noexcept {
        if (oldest_ == 0) {
            // What was added last comes first: the row is turned round.
            for (std::uintptr_t next = newest_.exchange(0, order::acq_rel); next != 0;) {
                std::uintptr_t const object = next;
                link& l = link_of(pointer_to<void>(object));
                next = l.load(order::relaxed) & ~std::uintptr_t{1};
                l.store(oldest_ | 1, order::relaxed);
                oldest_ = object;
            }
            if (oldest_ == 0) return nullptr;
        }
        void* const object = pointer_to<void>(oldest_);
        link& l = link_of(object);
        oldest_ = l.load(order::relaxed) & ~std::uintptr_t{1};
        l.store(0, order::relaxed);
        count_.fetch_sub(1, order::relaxed);
        return object;
    }

    typename A::sync::template atomic<std::uintptr_t> newest_{0};
    typename A::sync::template atomic<std::size_t> count_{0};
    typename A::sync::template atomic<bool> busy_{false};
    std::uintptr_t oldest_ = 0;
};
struct no_pending_objects {};

}  // namespace framealloc::detail
