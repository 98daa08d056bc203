// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/detail/object_store.hpp>

namespace framealloc::inline v0_1::detail {

/// What a pool looks at where somebody checks, and how it tells. All of it is out of line, or not there.
template <class T, class A>
struct object_checks {
    using traits = object_traits<T, A>;
    using store = object_store<T, A>;
    using site = site_of<A>;
    using record = typename traits::record;

    [[nodiscard]] static object_pool_sites sites(store const& s, site at, record const* r = nullptr) noexcept {
        object_pool_sites to{{.write = &write_object_pool_sites}, s.config().name};
        to.mistake_at = address(at);
        if (r != nullptr) {
            to.allocated_at = r->allocated_at.load(order::relaxed);
            if (r->seen() != object_slot_state::live) to.freed_at = r->freed_at.load(order::relaxed);
        }
        return to;
    }
    FRAMEALLOC_COLD static void blame(store const& s, fault_kind code, site at, record const* r, char const* note,
                                      unsigned long long first, unsigned long long second = 0,
                                      unsigned long long third = 0) {
        fault f = said(code, note, first, second, third);
        f.stops = A::diagnostics::stops_on_misuse;
        object_pool_sites const where = sites(s, at, r);
        f.sites = &where;
        report(f);
    }

    /// A slot is given out: it is as it was left, and has an object from now on.
    static void note_allocation(store const& s, void* place, site at) noexcept {
        record& r = s.record_of(place);
        constexpr std::size_t used = traits::slot::used_while_free;
        if constexpr (traits::fills && sizeof(T) > used) {
            std::uintptr_t const begin = address_of(place), end = begin + sizeof(T);
            std::uintptr_t const wrong = r.seen() == object_slot_state::free ? find_late_write(begin + used, end) : end;
            if (wrong != end) {
                blame(s, fault_code::write_after_free, at, &r,
                      "byte %llu of the %llu of the object's slot is 0x%llx; expected 0xcd", wrong - begin, sizeof(T),
                      *pointer_to<unsigned char const>(wrong));
            }
        }
        r.allocated_at.store(address(at), order::relaxed);
        r.become(object_slot_state::live);
    }
    /// An object is given back. False: it is none, which has been reported.
    [[nodiscard]] static bool note_free(store const& s, T* object, site at) {
        object_chunk* const c = s.chunk_of(object);
        if (c == nullptr) {
            blame(s, fault_code::object_of_another_pool, at, nullptr,
                  "0x%llx lies in none of the %llu slots of the pool", address_of(object), s.capacity());
            return false;
        }
        std::size_t const index = c->row.index_of(object);
        if (index >= c->row.count) {
            blame(s, fault_code::object_of_another_pool, at, nullptr,
                  "0x%llx lies %llu bytes behind the begin of a slot; expected the begin", address_of(object),
                  (address_of(object) - address_of(c->row.base)) % s.stride());
            return false;
        }
        record& r = static_cast<record*>(c->records)[index];
        if (r.become(object_slot_state::live, traits::defers ? object_slot_state::pending : object_slot_state::free)) {
            r.freed_at.store(address(at), order::relaxed);
            return true;
        }
        blame(s, fault_code::object_not_live, at, &r, "slot %llu of the pool, at 0x%llx, has no object that is alive",
              index, address_of(object));
        return false;
    }
    /// An object is given back by pointer that has `owners` handles, which are not one.
    FRAMEALLOC_COLD static void refuse_free(store const& s, T* object, unsigned long long owners, site at) {
        if (owners == 0) {
            return blame(s, fault_code::object_not_live, at, nullptr, "the slot at 0x%llx has no object that is alive",
                         address_of(object));
        }
        record const* r = nullptr;
        if constexpr (traits::checks) {
            record& its = s.record_of(object);
            its.become(object_slot_state::live);
            r = &its;
        }
        blame(s, fault_code::object_still_shared, at, r, "%llu handles own the object at 0x%llx", owners,
              address_of(object));
    }
    /// The pool ends: names each object that is alive, and then how many there are.
    FRAMEALLOC_COLD static void report_live(store const& s, site at) {
        unsigned long long alive = 0;
        for (object_chunk const* const c : s.all_chunks()) {
            auto const* const records = static_cast<record const*>(c->records);
            for (std::size_t i = 0; i < c->row.count; ++i) {
                if (records[i].seen() != object_slot_state::live) continue;
                ++alive;
                fault f = said(fault_code::object_pool_ended_early, "the object at 0x%llx, in slot %llu, is alive",
                               address_of(c->row.slot(i)), i);
                object_pool_sites const where = sites(s, at, &records[i]);
                f.sites = &where;
                report(f);
            }
        }
        if (alive == 0) return;
        blame(s, fault_code::object_pool_ended_early, at, nullptr, "%llu of the pool's objects are alive as it ends",
              alive);
    }

private:
    [[nodiscard]] static void const* address(site at) noexcept {
        if constexpr (wants_sites<A>) {
            return at.address;
        } else {
            return nullptr;
        }
    }
};

}  // namespace framealloc::detail
