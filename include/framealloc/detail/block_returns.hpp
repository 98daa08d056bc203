// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/heap_store.hpp>
#include <framealloc/detail/refusals.hpp>
#include <framealloc/detail/thread_state.hpp>

namespace framealloc::inline v0_1::detail {

/// What an instance does with addresses: takes blocks back, by address, by layout, or for an instance that is not known,
/// and says what an address is. The part of `core` that the freeing verbs and their checks stand on.
template <class A>
class block_returns {
    static constexpr bool has_pools = A::pool::class_count != 0;
    static constexpr bool checks = A::diagnostics::checks_blocks;

public:
    void free_by_address(void* p, site_of<A> at = {}) noexcept {
        if (p == nullptr) return;
        if constexpr (has_pools) {
            if (self().map().kind_of(p) == address_kind::slab || guarded_frame<A>::is_pool_block(p)) {
                if constexpr (keeps_records<A>) {
                    void* const block = self().pool_taken(p, nullptr, at);
                    if (block == nullptr) return;
                    if constexpr (observes<A>) self().observe_free(p, allocation_intent::pool, at);
                    return self().give_block(block, slab<A>::of(block)->size_class);
                }
                slab<A>& s = *slab<A>::of(p);
                if (s.instance != self().handle())
                    return report_misuse<A>(fault_code::foreign_pointer, foreign_slab_note, address_of(p));
                std::size_t const c = s.size_class;
                if constexpr (observes<A>)
                    return self().give_sized(p, {.bytes = A::pool::class_bytes(c), .align = 1}, c, at);
                return self().pool_free(p, {.bytes = A::pool::class_bytes(c), .align = 1});
            }
            if constexpr (samples_blocks<A>) {
                if (block_sampler<A>::has(p))
                    return block_sampler<A>::give_back(self(), p, block_sampler<A>::any_class, at);
            }
        }
        free_heap(p, at);
    }

    void free_heap(void* p, [[maybe_unused]] site_of<A> at = {},
                   [[maybe_unused]] layout const* given = nullptr) noexcept {
        [[maybe_unused]] void* const object = p;
        if constexpr (guards_blocks<A>) {
            p = self().heap_block_of(p, given, at);
            if (p == nullptr) return;
        }
        if constexpr (keeps_records<A>) {
            if (!self().may_free_heap(p, at, given)) return;
        }
        switch (self().map().kind_of(p)) {
            case address_kind::heap:
                // Before it is free: another thread may have it the next moment.
                if constexpr (observes<A>) {
                    if (self().heap_part().is_alive(p)) self().observe_free(object, allocation_intent::heap, at);
                }
                if (self().heap_part().free(p)) {
                    if constexpr (A::diagnostics::counts_operations) {
                        if (thread_state<A>* const s = self().state()) s->counted.on_heap_free();
                    }
                    return;
                }
                if (self().heap_part().is_ours(p)) {
                    return report_misuse<A>(fault_code::double_free,
                                            "the block at 0x%llx is not alive: it has been freed", address_of(p));
                }
                return report_misuse<A>(fault_code::foreign_pointer,
                                        "0x%llx is not the start of a block of this instance", address_of(p));
            case address_kind::slab:
                return report_misuse<A>(
                    fault_code::foreign_pointer,
                    "the block at 0x%llx is a pool's; expected a heap block, whose giver is heap_alloc()",
                    address_of(p));
            case address_kind::unknown: break;
        }
        report_misuse<A>(fault_code::foreign_pointer, "0x%llx lies in no slab and no heap block", address_of(p));
    }

    /// The heap's part of a sized free.
    FRAMEALLOC_COLD void free_large(void* p, layout given, site_of<A> at = {}) noexcept {
        if constexpr (checks && !keeps_records<A>) {
            if (self().map().kind_of(p) == address_kind::heap && self().heap_part().is_alive(p) &&
                heap_store<A>::read(p).bytes != given.bytes) {
                return report_misuse<A>(fault_code::wrong_size,
                                        "the block at 0x%llx has %llu bytes; it was freed as %llu", address_of(p),
                                        heap_store<A>::read(p).bytes, given.bytes);
            }
        }
        free_heap(p, at, &given);
    }

    /// With checks: whether `p` may be freed as a block of class `c`. It is marked free and filled then.
    [[nodiscard]] bool check_pool_free(void* p, std::size_t c) noexcept {
        bool freed_twice = false;
        if (self().map().kind_of(p) == address_kind::slab) [[likely]] {
            slab<A>& s = *slab<A>::of(p);
            if (s.instance == self().handle() && s.size_class == c && s.is_block(p)) [[likely]] {
                if (s.mark_free(p)) [[likely]] {
                    memory_is_left(p, A::pool::class_bytes(c));
                    if constexpr (A::diagnostics::fills_released) __builtin_memset(p, 0xCD, A::pool::class_bytes(c));
                    block_is_given_back(self().handle(), p, A::pool::class_bytes(c));
                    return true;
                }
                freed_twice = true;
            }
        }
        freed_twice ? report_double_free(p, c) : report_bad_free(p, c);
        return false;
    }

    FRAMEALLOC_COLD void report_bad_free(void* p, std::size_t c) noexcept {
        if (self().map().kind_of(p) != address_kind::slab) {
            return report_misuse<A>(fault_code::foreign_pointer, "0x%llx lies in no slab of this process",
                                    address_of(p));
        }
        slab<A>& s = *slab<A>::of(p);
        if (s.instance != self().handle()) {
            report_misuse<A>(fault_code::foreign_pointer, foreign_slab_note, address_of(p));
        } else if (!s.is_block(p)) {
            std::size_t const i = s.index_of(p);
            if (address_of(p) - address_of(&s) < s.shape->first_block || i >= s.shape->block_count) {
                return report_misuse<A>(fault_code::foreign_pointer,
                                        "0x%llx lies beside the blocks of the slab at 0x%llx", address_of(p),
                                        address_of(&s));
            }
            report_misuse<A>(fault_code::interior_pointer, "0x%llx lies %llu bytes into the block at 0x%llx",
                             address_of(p), address_of(p) - address_of(s.block(i)), address_of(s.block(i)));
        } else {
            report_misuse<A>(fault_code::wrong_size, "the block at 0x%llx has %llu bytes; it was freed as %llu",
                             address_of(p), s.shape->block_bytes, A::pool::class_bytes(c));
        }
    }

    FRAMEALLOC_COLD void report_double_free(void* p, std::size_t c) {
        report_misuse<A>(fault_code::double_free, "the block at 0x%llx, of %llu bytes, is free already", address_of(p),
                         A::pool::class_bytes(c));
    }

    // --- frees that do not know the instance --------------------------------------------------------------------------

    /// The living instance of this assembly that `p` is a pool or heap block of, as far as can be seen from where it lies
    /// and from what lies below it; null where there is none. A slab answers at once; for anything else the registry is
    /// locked, and asked who lives.
    [[nodiscard]] static core<A>* owner_of(void* p) noexcept {
        using map = conditional_page_map<A>;
        if constexpr (map::knows_all_instances) {
            if constexpr (guards_blocks<A>) {
                if (core<A>* const c = core<A>::owner_of_guarded(p)) return c;
            }
            if constexpr (samples_blocks<A>) {
                if (block_sampler<A>::has(p)) return block_sampler<A>::owner_of(p);
            }
            address_kind const kind = map::kind_of(p);
            void* owner = nullptr;
            if (kind == address_kind::slab) {
                if constexpr (has_pools) {
                    owner = slab<A>::of(p)->instance;  // alive: a slab leaves the map before its instance ends
                    auto* const i = static_cast<instance_base*>(owner);
                    return i->ops == &core<A>::registry_operations() ? static_cast<core<A>*>(i) : nullptr;
                }
            }
            if (kind != address_kind::heap || !heap_store<A>::may_be_block(p)) return nullptr;
            owner = heap_store<A>::read(p).instance;  // anything, if `p` is no block
            return static_cast<core<A>*>(thread_registry::find_instance(
                [owner](instance_base& i) { return &i == owner && i.ops == &core<A>::registry_operations(); }));
        } else {
            return static_cast<core<A>*>(thread_registry::find_instance([p](instance_base& i) {
                return i.ops == &core<A>::registry_operations() &&
                       static_cast<core<A>&>(i).map().kind_of(p) != address_kind::unknown;
            }));
        }
    }

    static void free_anywhere(void* p, site_of<A> at = {}) noexcept {
        if (p == nullptr) return;
        if (core<A>* const owner = owner_of(p)) return owner->free_by_address(p, at);
        detail::report_misuse<A>(fault_code::foreign_pointer,
                                 "0x%llx lies in no slab and no heap block of this kind of allocator", address_of(p));
    }

    /// Frees a block of `pool_alloc(given)` of any instance of this assembly. The slab's head says whose it is.
    FRAMEALLOC_HOT void pool_free_to_owner(void* p, layout given) noexcept {
        if constexpr (has_pools) {
            if (given.has_valid_align() && A::pool::class_for(whole_of<A>(given)) != A::pool::class_count) {
                if (checks || block_sampler<A>::has(p)) {
                    core<A>* const owner = owner_of(p);
                    return (owner != nullptr ? *owner : self()).pool_free(p, given);  // who is asked in vain says why
                } else {
                    return static_cast<core<A>*>(static_cast<instance_base*>(slab<A>::of(p)->instance))
                        ->pool_free(p, given);
                }
            }
        }
        heap_free_to_owner(p, given, here<A>());
    }
    /// Frees a block of `heap_alloc(given)` of any instance of this assembly; this one is looked at first.
    void heap_free_to_owner(void* p, layout given, site_of<A> at = {}) noexcept {
        core<A>* owner = &self();
        if (self().map().kind_of(p) != address_kind::heap || !self().heap_part().is_ours(p)) owner = owner_of(p);
        (owner != nullptr ? *owner : self()).free_large(p, given, at);
    }

    /// Bytes that a live block has room for; 0 for what is not a live pool or heap block of this instance.
    [[nodiscard]] std::size_t usable_size(void* p) noexcept {
        if (p == nullptr) return 0;
        if constexpr (samples_blocks<A>) {
            if (block_sampler<A>::has(p)) return block_sampler<A>::bytes_of(self(), p);
        }
        if constexpr (guards_blocks<A>) {
            if (std::size_t const bytes = self().guarded_bytes(p); bytes != self().none) return bytes;
        }
        address_kind const kind = self().map().kind_of(p);
        if constexpr (has_pools) {
            if (kind == address_kind::slab) {
                slab<A>& s = *slab<A>::of(p);
                if (s.instance != self().handle()) return 0;
                if constexpr (keeps_records<A>) return self().bytes_of_pool_block(p);
                if (!s.is_block(p)) return 0;
                if constexpr (checks) {
                    if (!s.is_live(p)) return 0;
                }
                block_has(self().handle(), p, s.shape->block_bytes);
                return s.shape->block_bytes;
            }
        }
        if (kind != address_kind::heap || !self().heap_part().is_alive(p)) return 0;
        // What lies behind the bytes that were asked for is a canary, where records are kept.
        if constexpr (keeps_records<A>) return heap_store<A>::read(p).bytes;
        std::size_t const room = heap_store<A>::room_of(p);
        block_has(&self().heap_part(), p, room);
        return room;
    }

    /// Whether `p` lies in a slab of this instance, or is a heap block of it, alive or freed: for who has several instances
    /// and an address. Two loads of the page map, and one of what lies at or below the address.
    [[nodiscard]] bool owns(void* p) noexcept {
        if constexpr (samples_blocks<A>) {
            if (block_sampler<A>::has(p)) return block_sampler<A>::owner_of(p) == &self();
        }
        if constexpr (guards_blocks<A>) {
            if (self().owns_guarded(p)) return true;
        }
        address_kind const kind = self().map().kind_of(p);
        if constexpr (has_pools) {
            if (kind == address_kind::slab) return slab<A>::of(p)->instance == self().handle();
        }
        return kind == address_kind::heap && self().heap_part().is_ours(p);
    }

private:
    static constexpr char const* foreign_slab_note = "the block at 0x%llx belongs to another allocator instance";

    /// The same, of which it is known whose mistake it is.
    template <class, class... Numbers>
    FRAMEALLOC_HOT void report_misuse(fault_kind code, char const* note, Numbers... numbers) {
        detail::report_misuse(self(), code, note, numbers...);
    }

    [[nodiscard]] FRAMEALLOC_HOT core<A>& self() noexcept { return static_cast<core<A>&>(*this); }
};

}  // namespace framealloc::detail
