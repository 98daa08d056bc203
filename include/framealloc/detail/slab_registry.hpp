// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/config.hpp>
#include <framealloc/detail/metadata.hpp>
#include <framealloc/detail/page_map.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/slab.hpp>

namespace framealloc::inline v0_1::detail {

/// A range of addresses cut into slabs.
struct region {
    region* next = nullptr;
    region* prev = nullptr;
    void* base = nullptr;
    std::uint64_t unused = 0;     ///< a bit per slab that holds nothing
    std::uint64_t committed = 0;  ///< a bit per slab that has memory
    std::uint64_t all = 0;        ///< a bit per slab
    std::size_t slab_count = 0;
    giver_byte giver = 0;
};

/// The slabs of an instance: which are free, which wait to be carved from, which come back.
///
///   Cost      O(1) per slab, apart from system calls.
///   Threads   `put_in_line` and looking whether there is a line any number, lock-free; everything else under the instance's
///             lock.
///   Failure   `take` answers null when neither backend nor budget has a slab left, and changes nothing.
///   Lifetime  An empty slab stays ready up to `retained_slabs`; beyond, its memory goes back to the backend, and a region
///             whose slabs are all unused goes back whole. `trim` gives back everything that holds no block.
template <class A>
class slab_registry {
    using slab_type = slab<A>;
    static constexpr std::size_t slab_bytes = A::pool::slab_bytes;
    static constexpr std::size_t class_count = A::pool::class_count;

    struct shape_table {
        slab_shape shapes[class_count]{};
        constexpr shape_table() noexcept {
            for (std::size_t c = 0; c < class_count; ++c) shapes[c] = slab_type::shape_of(c);
        }
    };
    static constexpr shape_table shapes_{};

    static consteval bool all_divide_exactly() {
        for (slab_shape const& s : shapes_.shapes) {
            if (!s.divides_exactly(slab_bytes)) return false;
        }
        return true;
    }
    static_assert(all_divide_exactly(),
                  "framealloc: a pool policy whose classes are no powers of two wants slab_bytes "
                  "times the largest class within 2^32");

public:
    [[nodiscard]] static constexpr slab_shape const& shape(std::size_t c) noexcept { return shapes_.shapes[c]; }

    /// A slab for the caller to carve from: one that has blocks left, or a fresh one.
    template <class PageMap>
    [[nodiscard]] slab_type* take(std::size_t c, void* instance, alloc_config const& config, backend_gate<A>& gate,
                                  metadata<A>& records, PageMap& map) noexcept {
        look_through_line(config, gate, map);
        while (slab_type* const s = listed_[c]) {
            unlist(s);
            // acquire: what its last owner and its settlers did to it comes before what we do.
            if (take_off_list(s)) return s;
        }
        return fresh(c, instance, config, gate, records, map);
    }

    /// The owner stops carving.
    template <class PageMap>
    void give_up(slab_type* s, alloc_config const& config, backend_gate<A>& gate, PageMap& map) noexcept {
        settle_state(s, slab_word::owned, config, gate, map);
    }

    /// Puts a slab that `settle` told us to queue into the line. Never waits. A Treiber push: no ABA, since the line is
    /// only ever taken whole.
    void put_in_line(slab_type* s) noexcept {
        slab_type* seen = line_.load(order::relaxed);
        do {
            s->next_queued = seen;
            // release: publishes next_queued; the slab's word has published the rest. acquire: for `line_is_empty`.
        } while (!line_.compare_exchange(seen, s, order::acq_rel, order::relaxed));
    }
    [[nodiscard]] bool has_line() const noexcept { return line_.load(order::relaxed) != nullptr; }
    /// The same as a read-modify-write, so that it has a place in the order of everything that comes into the line: what comes
    /// later has acquired what this released.
    [[nodiscard]] bool line_is_empty() noexcept {
        slab_type* none = nullptr;
        return line_.compare_exchange(none, nullptr, order::acq_rel, order::relaxed);
    }

    /// Files what is in the line: empty slabs are given back, others are listed for carving.
    template <class PageMap>
    void look_through_line(alloc_config const& config, backend_gate<A>& gate, PageMap& map) noexcept {
        slab_type* s = line_.exchange(nullptr, order::acquire);
        while (s != nullptr) {
            slab_type* const next = s->next_queued;
            settle_state(s, slab_word::queued, config, gate, map);
            s = next;
        }
    }

    /// Gives back what no block is in: regions, slabs, and whole pages inside slabs that nobody carves from.
    template <class PageMap>
    void trim(alloc_config const& config, backend_gate<A>& gate, PageMap& map) noexcept {
        look_through_line(config, gate, map);
        if constexpr (backend_gate<A>::can_discard) discard_free_pages(config, gate, map);
        for (region* r = open_.first; r != nullptr;) {
            region* const next = r->next;
            if (r->unused != r->all || !give_up_region(r, gate)) give_up_unused_slabs(r, gate);
            r = next;
        }
    }

    FRAMEALLOC_COLD void release(backend_gate<A>& gate) noexcept {
        for (region_list* list : {&open_, &full_}) {
            while (region* const r = list->first) {
                list->remove(r);
                static_cast<void>(give_region(r, gate));
            }
        }
        committed_slabs_ = 0;
    }

    [[nodiscard]] std::size_t committed_bytes() const noexcept { return committed_slabs_ * slab_bytes; }

    /// Calls `f(slab)` for every slab that holds blocks.
    template <class F>
    FRAMEALLOC_COLD void for_each_slab(F&& f) {
        for (region_list* list : {&open_, &full_}) {
            for (region* r = list->first; r != nullptr; r = r->next) {
                for (std::uint64_t used = r->all & ~r->unused; used != 0; used &= used - 1) {
                    f(*pointer_to<slab_type>(place(r, used)));
                }
            }
        }
    }

private:
    struct region_list {
        region* first = nullptr;
        void add(region* r) noexcept {
            r->prev = nullptr;
            r->next = first;
            if (first != nullptr) first->prev = r;
            first = r;
        }
        void remove(region* r) noexcept {
            (r->prev != nullptr ? r->prev->next : first) = r->next;
            if (r->next != nullptr) r->next->prev = r->prev;
        }
    };

    [[nodiscard]] static std::uintptr_t place(region* r, std::uint64_t bits) noexcept {
        return address_of(r->base) + static_cast<std::size_t>(std::countr_zero(bits)) * slab_bytes;
    }

    template <class Next>
    static slab_word change(slab_type* s, Next&& next) noexcept {
        std::uint64_t seen = s->word.load(order::relaxed);
        while (!s->word.compare_exchange(seen, next(slab_word{seen}), order::acq_rel, order::relaxed)) {}
        return slab_word{seen};
    }

    /// Drops `flag` from a slab that is in our hands and files it by what it holds then.
    template <class PageMap>
    FRAMEALLOC_COLD void settle_state(slab_type* s, std::uint64_t flag, alloc_config const& config,
                                      backend_gate<A>& gate, PageMap& map) noexcept {
        bool empty = false, list = false;
        slab_word const before = change(s, [&](slab_word w) {
            w.bits &= ~flag;
            // Whoever owns it, has emptied it, or finds it in the line later, decides then.
            bool const ours = !w.has(slab_word::owned | slab_word::emptied | slab_word::queued);
            empty = ours && w.is_empty();
            bool const more = w.settled() > 0 || w.carved() < s->shape->block_count;
            list = ours && !empty && more && !w.has(slab_word::listed);
            // An empty slab has no block out, so that nobody else can reach it; the flag keeps the word closed all the same.
            return w.bits | (empty ? slab_word::owned : 0) | (list ? slab_word::listed : 0);
        });
        if (list) enlist(s);
        if (!empty) return;
        if (before.has(slab_word::listed)) unlist(s);
        discard(s, config, gate, map);
    }

    /// Makes a listed slab the caller's own. False where somebody has emptied it, who will bring it to the registry.
    [[nodiscard]] static bool take_off_list(slab_type* s) noexcept {
        slab_word const before = change(s, [](slab_word w) {
            return (w.bits & ~slab_word::listed) | (w.has(slab_word::emptied) ? 0 : slab_word::owned);
        });
        return !before.has(slab_word::emptied);
    }

    void enlist(slab_type* s) noexcept {
        slab_type*& head = listed_[s->size_class];
        s->prev = nullptr;
        s->next = head;
        if (head != nullptr) head->prev = s;
        head = s;
    }
    void unlist(slab_type* s) noexcept {
        (s->prev != nullptr ? s->prev->next : listed_[s->size_class]) = s->next;
        if (s->next != nullptr) s->next->prev = s->prev;
    }

    template <class PageMap>
    [[nodiscard]] FRAMEALLOC_COLD slab_type* fresh(std::size_t c, void* instance, alloc_config const& config,
                                                   backend_gate<A>& gate, metadata<A>& records, PageMap& map) noexcept {
        if (open_.first == nullptr && !grow(config, gate, records)) return nullptr;
        region* const r = open_.first;
        bool const kept = (r->unused & r->committed) != 0;
        std::uint64_t const from = kept ? r->unused & r->committed : r->unused;
        std::uint64_t const bit = from & (0 - from);
        void* const p = pointer_to<void>(place(r, bit));
        if (!kept) {
            if (!gate.commit(p, slab_bytes, r->giver)) return nullptr;
            r->committed |= bit;
            ++committed_slabs_;
            ++retained_;
        }
        if (!map.add_slab(p)) {
            gate.note(fault_code::out_of_memory);
            return nullptr;  // the slab stays unused, with its memory
        }
        --retained_;
        r->unused &= ~bit;
        if (r->unused == 0) {
            open_.remove(r);
            full_.add(r);
        }
        memory_is_ours(p, shape(c).first_block);
        memory_is_forbidden(behind(p, shape(c).first_block), slab_bytes - shape(c).first_block);
        auto* const s = ::new (p) slab_type(instance, r, c, &shape(c));
        slab_guards<A>::raise(*s);
        s->word.store(slab_word::owned, order::relaxed);
        return s;
    }

    /// An open region; smaller than configured where the backend has no more.
    [[nodiscard]] bool grow(alloc_config const& config, backend_gate<A>& gate, metadata<A>& records) noexcept {
        region* r = spare_records_;
        if (r != nullptr) {
            spare_records_ = r->next;
        } else {
            void* const p = records.take(gate, sizeof(region), alignof(region));
            if (p == nullptr) return false;
            r = ::new (p) region{};
        }
        std::size_t const least = least_slabs;
        std::size_t count = config.region_bytes / slab_bytes / least * least;
        count = count > 64 ? 64 : count < least ? least : count;
        for (;; count = count / 2 > least ? count / 2 : least) {
            if (void* const base = gate.take_range({.bytes = count * slab_bytes, .align = range_align}, r->giver)) {
                r->base = base;
                r->slab_count = count;
                r->all = r->unused = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
                r->committed = backend_gate<A>::is_virtual ? 0 : r->all;
                if (!backend_gate<A>::is_virtual) {
                    committed_slabs_ += count;
                    retained_ += count;
                }
                open_.add(r);
                return true;
            }
            if (count == least) break;
        }
        r->next = spare_records_;
        spare_records_ = r;
        return false;
    }

    /// An empty slab: kept ready, or its memory given back, or its whole region.
    template <class PageMap>
    void discard(slab_type* s, alloc_config const& config, backend_gate<A>& gate, PageMap& map) noexcept {
        region* const r = s->home;
        std::uint64_t const bit = std::uint64_t{1} << ((address_of(s) - address_of(r->base)) / slab_bytes);
        map.remove_slab(s);
        slab_guards<A>::lower(*s);
        if (r->unused == 0) {
            full_.remove(r);
            open_.add(r);
        }
        r->unused |= bit;
        ++retained_;
        if (retained_ <= config.retained_slabs) return;
        if (r->unused == r->all && give_up_region(r, gate)) return;
        static_cast<void>(give_up_slab(r, bit, gate));
    }

    /// A region of unused slabs goes back whole. False where the backend will not take it.
    [[nodiscard]] bool give_up_region(region* r, backend_gate<A>& gate) noexcept {
        std::size_t const with_memory = static_cast<std::size_t>(std::popcount(r->committed));
        if (!give_region(r, gate)) return false;
        open_.remove(r);
        retained_ -= with_memory;
        committed_slabs_ -= with_memory;
        r->next = spare_records_;
        spare_records_ = r;
        return true;
    }
    /// The memory of one unused slab. False where the backend keeps it.
    [[nodiscard]] bool give_up_slab(region* r, std::uint64_t bit, backend_gate<A>& gate) noexcept {
        if (!gate.decommit(pointer_to<void>(place(r, bit)), slab_bytes, r->giver)) return false;
        r->committed &= ~bit;
        --retained_;
        --committed_slabs_;
        return true;
    }
    void give_up_unused_slabs(region* r, backend_gate<A>& gate) noexcept {
        for (std::uint64_t left = r->unused & r->committed; left != 0; left &= left - 1) {
            if (!give_up_slab(r, left & (0 - left), gate)) return;
        }
    }

    /// Owned for the moment, so that no thread carves from a slab while its free pages go.
    template <class PageMap>
    void discard_free_pages(alloc_config const& config, backend_gate<A>& gate, PageMap& map) noexcept {
        std::size_t const page = platform::page_bytes();
        for (slab_type*& head : listed_) {
            slab_type* s = head;
            head = nullptr;
            while (s != nullptr) {
                slab_type* const next = s->next;
                if (take_off_list(s)) {
                    s->for_each_free_run_of_pages(
                        page, [&](void* p, std::size_t bytes) { gate.discard(p, bytes, s->home->giver); });
                    settle_state(s, slab_word::owned, config, gate, map);
                }
                s = next;
            }
        }
    }

    [[nodiscard]] static bool give_region(region* r, backend_gate<A>& gate) noexcept {
        return gate.give_range(r->base, {.bytes = r->slab_count * slab_bytes, .align = range_align},
                               static_cast<std::size_t>(std::popcount(r->committed)) * slab_bytes, r->giver);
    }

    using page_map = conditional_page_map<A>;
    static constexpr std::size_t range_align = page_map::range_align > slab_bytes ? page_map::range_align : slab_bytes;
    static constexpr std::size_t least_slabs = range_align / slab_bytes;

    region_list open_{};  // with unused slabs
    region_list full_{};
    region* spare_records_ = nullptr;
    slab_type* listed_[class_count]{};
    std::size_t retained_ = 0;         // unused slabs with memory
    std::size_t committed_slabs_ = 0;  // all slabs with memory
    alignas(cache_line_bytes) typename A::sync::template atomic<slab_type*> line_{nullptr};
};

}  // namespace framealloc::detail
