// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/heap_store.hpp>
#include <framealloc/detail/refusals.hpp>
#include <framealloc/detail/thread_state.hpp>

namespace framealloc::inline v0_1::detail {

/// The policy object of type `P` among those given, or `use_default`.
template <class P>
constexpr use_default pick() noexcept {
    return {};
}
template <class P, class First, class... Rest>
constexpr decltype(auto) pick(First&& first, Rest&&... rest) noexcept {
    if constexpr (std::is_same_v<std::remove_cvref_t<First>, P>) {
        return static_cast<First&&>(first);
    } else {
        return pick<P>(static_cast<Rest&&>(rest)...);
    }
}

struct no_pool_store {
    template <class... Parts>
    constexpr explicit no_pool_store(Parts&&...) noexcept {}
    void release() noexcept {}
};
template <class A, bool HasPools = (A::pool::class_count != 0)>
struct choose_pool_store {
    using type = pool_store<A>;
};
template <class A>
struct choose_pool_store<A, false> {
    using type = no_pool_store;
};

/// The state of the only thread, where there is only one: inside the instance.
template <class A, bool OneThread = A::sync::one_thread>
struct own_state {
    constexpr explicit own_state(core<A>&) noexcept {}
};
template <class A>
struct own_state<A, true> {
    thread_state<A> only;
    constexpr explicit own_state(core<A>& owner) noexcept : only(owner) {}
};

/// An allocator instance: the stores that its threads share, the way to a thread's state, and the answers to everything
/// that the hot paths leave.
template <class A>
class core : public instance_base,
             public frame_verbs<core<A>, A>,
             public pool_verbs<core<A>, A>,
             public heap_verbs<core<A>, A> {
    using sync = typename A::sync;
    using state_type = thread_state<A>;
    template <class T>
    using shared_value = typename sync::template atomic<T>;
    static constexpr bool has_pools = A::pool::class_count != 0;
    static constexpr bool checks = A::diagnostics::checks_blocks;

public:
    template <class... Given>
    constexpr explicit core(alloc_config const& config, Given&&... given)
        : instance_base(operations_),
          config_(validated(config)),
          gate_(pick<typename A::backend>(static_cast<Given&&>(given)...),
                pick<typename A::budget>(static_cast<Given&&>(given)...)),
          map_(gate_.backend()),
          pools_(guard_, gate_, records_, map_, config_, handle()),
          heap_(guard_, gate_, records_, map_, config_, handle()),
          own_(*this) {}

    core(core const&) = delete;
    core& operator=(core const&) = delete;

    FRAMEALLOC_COLD ~core() {
        if constexpr (!sync::one_thread) thread_registry::leave(*this);
        for_each_state_at_rest([&](state_type& s) FRAMEALLOC_INLINED {
            auto source = chunks();
            if (s.frame.kind() != frame_kind::closed) s.frame.end(s.window, source);
            s.frame.close();
            s.frame.release(s.window, source);
        });
        chunks_.release(gate_);
        heap_.release();
        pools_.release();
        records_.release(gate_);
    }

    // --- the way to a thread's state ----------------------------------------------------------------------------------

    [[nodiscard]] FRAMEALLOC_HOT hot_state& hot() noexcept {
        if constexpr (sync::one_thread) {
            return own_.only;
        } else {
            return thread_registry::lookup(*this);
        }
    }
    [[nodiscard]] core& shared() noexcept { return *this; }

    /// The calling thread's state; null when it has none and cannot get one.
    [[nodiscard]] state_type* state() noexcept {
        if constexpr (sync::one_thread) {
            return &own_.only;
        } else {
            hot_state& h = hot();
            if (&h != &closed_state) [[likely]]
                return &static_cast<state_type&>(h);
            return make_state();
        }
    }
    [[nodiscard]] state_type& state_or_throw() {
        state_type* const s = state();
        if (s == nullptr) [[unlikely]]
            throw_without_state();
        return *s;
    }
    [[nodiscard]] chunk_source<A> chunks() noexcept { return {gate_, chunks_}; }

    // --- what the verbs leave -----------------------------------------------------------------------------------------

    FRAMEALLOC_COLD void* frame_miss(layout request) noexcept {
        state_type* const s = state();
        return s != nullptr ? s->frame_miss(request) : nullptr;
    }
    FRAMEALLOC_COLD void* frame_miss_or_throw(layout request) { return state_or_throw().frame_miss_or_throw(request); }
    FRAMEALLOC_COLD void* pool_miss(layout request, std::size_t c) noexcept {
        state_type* const s = state();
        return s != nullptr ? s->pool_miss(request, c) : nullptr;
    }
    FRAMEALLOC_COLD void* pool_miss_or_throw(layout request, std::size_t c) {
        return state_or_throw().pool_miss_or_throw(request, c);
    }
    FRAMEALLOC_COLD void pool_overflow(void* block, std::size_t c) noexcept {
        if constexpr (has_pools) {
            // A thread that has no state and gets none without waiting settles the block where it lies.
            if (state_type* const s = state_without_waiting()) return s->pool_overflow(block, c);
            pools_.settle(c, &block, 1);
        }
    }

    [[nodiscard]] void* heap_allocate(layout request) noexcept {
        fault why;
        void* const p = serve_heap(request, why);
        if (p == nullptr) report_refusal<A>(why);
        return p;
    }
    [[nodiscard]] void* heap_allocate_or_throw(layout request) {
        fault why;
        void* const p = serve_heap(request, why);
        if (p == nullptr) throw_failure(why, request);
        return p;
    }
    [[nodiscard]] void* serve_heap(layout request, fault& why) noexcept {
        if (!is_possible(request, why)) return nullptr;
        void* const p = heap_.allocate(request);
        if (p == nullptr) {
            why = latest_refusal(gate_, request);
        } else if constexpr (A::diagnostics::counts_operations) {
            if (state_type* const s = state()) s->counted.on_heap_allocate(request.bytes);
        }
        return p;
    }

    void free_by_address(void* p) noexcept {
        if (p == nullptr) return;
        if constexpr (has_pools) {
            if (map_.kind_of(p) == address_kind::slab) {
                slab<A>& s = *slab<A>::of(p);
                if (s.instance != handle())
                    return report_misuse<A>(fault_code::foreign_pointer, foreign_slab_note, address_of(p));
                std::size_t const c = s.size_class;
                return this->pool_free(p, {.bytes = A::pool::class_bytes(c), .align = 1});
            }
        }
        free_heap(p);
    }

    void free_heap(void* p) noexcept {
        switch (map_.kind_of(p)) {
            case address_kind::heap:
                if (heap_.free(p)) {
                    if constexpr (A::diagnostics::counts_operations) {
                        if (state_type* const s = state()) s->counted.on_heap_free();
                    }
                    return;
                }
                if (heap_.is_ours(p)) {
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
    FRAMEALLOC_COLD void free_large(void* p, layout given) noexcept {
        if constexpr (checks) {
            if (map_.kind_of(p) == address_kind::heap && heap_.is_alive(p) && heap_prefix::of(p).bytes != given.bytes) {
                return report_misuse<A>(fault_code::wrong_size,
                                        "the block at 0x%llx has %llu bytes; it was freed as %llu", address_of(p),
                                        heap_prefix::of(p).bytes, given.bytes);
            }
        }
        free_heap(p);
    }

    /// With checks: whether `p` may be freed as a block of class `c`. It is marked free and filled then.
    [[nodiscard]] bool check_pool_free(void* p, std::size_t c) noexcept {
        if (p == nullptr || map_.kind_of(p) != address_kind::slab) {
            report_misuse<A>(fault_code::foreign_pointer, "0x%llx lies in no slab of this process", address_of(p));
            return false;
        }
        slab<A>& s = *slab<A>::of(p);
        if (s.instance != handle()) {
            report_misuse<A>(fault_code::foreign_pointer, foreign_slab_note, address_of(p));
        } else if (!s.is_block(p)) {
            report_misuse<A>(fault_code::foreign_pointer,
                             "0x%llx is not the start of a block; its slab begins at 0x%llx", address_of(p),
                             address_of(&s));
        } else if (s.size_class != c) {
            report_misuse<A>(fault_code::wrong_size, "the block at 0x%llx has %llu bytes; it was freed as %llu",
                             address_of(p), s.shape->block_bytes, A::pool::class_bytes(c));
        } else if (!s.mark_free(p)) {
            report_misuse<A>(fault_code::double_free, "the block at 0x%llx, of %llu bytes, is free already",
                             address_of(p), s.shape->block_bytes);
        } else {
            clear_marks(p, s.shape->block_bytes);
            if constexpr (A::diagnostics::fills_released) __builtin_memset(p, 0xCD, s.shape->block_bytes);
            return true;
        }
        return false;
    }

    // --- frees that do not know the instance --------------------------------------------------------------------------

    /// The living instance of this assembly that `p` is a pool or heap block of, as far as can be seen from where it lies
    /// and from what lies below it; null where there is none. A slab answers at once; for anything else the registry is
    /// locked, and asked who lives.
    [[nodiscard]] static core* owner_of(void* p) noexcept {
        using map = conditional_page_map<A>;
        if constexpr (map::knows_all_instances) {
            address_kind const kind = map::kind_of(p);
            void* owner = nullptr;
            if (kind == address_kind::slab) {
                if constexpr (has_pools) {
                    owner = slab<A>::of(p)->instance;  // alive: a slab leaves the map before its instance ends
                    auto* const i = static_cast<instance_base*>(owner);
                    return i->ops == &operations_ ? static_cast<core*>(i) : nullptr;
                }
            }
            if (kind != address_kind::heap || address_of(p) % granule != 0) return nullptr;
            owner = heap_prefix::of(p).instance;  // anything, if `p` is no block
            return static_cast<core*>(thread_registry::find_instance(
                [owner](instance_base& i) { return &i == owner && i.ops == &operations_; }));
        } else {
            return static_cast<core*>(thread_registry::find_instance([p](instance_base& i) {
                return i.ops == &operations_ && static_cast<core&>(i).map_.kind_of(p) != address_kind::unknown;
            }));
        }
    }

    static void free_anywhere(void* p) noexcept {
        if (p == nullptr) return;
        if (core* const owner = owner_of(p)) return owner->free_by_address(p);
        report_misuse<A>(fault_code::foreign_pointer,
                         "0x%llx lies in no slab and no heap block of this kind of allocator", address_of(p));
    }

    /// Frees a block of `pool_alloc(given)` of any instance of this assembly. The slab's head says whose it is.
    FRAMEALLOC_HOT void pool_free_to_owner(void* p, layout given) noexcept {
        if constexpr (has_pools) {
            if (given.has_valid_align() && A::pool::class_for(given) != A::pool::class_count) {
                if constexpr (checks) {
                    core* const owner = owner_of(p);
                    return (owner != nullptr ? owner : this)->pool_free(p, given);  // who is asked in vain says why
                } else {
                    return static_cast<core*>(static_cast<instance_base*>(slab<A>::of(p)->instance))
                        ->pool_free(p, given);
                }
            }
        }
        heap_free_to_owner(p, given);
    }
    /// Frees a block of `heap_alloc(given)` of any instance of this assembly; this one is looked at first.
    void heap_free_to_owner(void* p, layout given) noexcept {
        core* owner = this;
        if (map_.kind_of(p) != address_kind::heap || !heap_.is_ours(p)) owner = owner_of(p);
        (owner != nullptr ? owner : this)->free_large(p, given);
    }

    /// Bytes that a live block has room for; 0 for what is not a live pool or heap block of this instance.
    [[nodiscard]] std::size_t usable_size(void* p) noexcept {
        if (p == nullptr) return 0;
        address_kind const kind = map_.kind_of(p);
        if constexpr (has_pools) {
            if (kind == address_kind::slab) {
                slab<A>& s = *slab<A>::of(p);
                if (s.instance != handle() || !s.is_block(p)) return 0;
                if constexpr (checks) {
                    if (!s.is_live(p)) return 0;
                }
                return s.shape->block_bytes;
            }
        }
        if (kind != address_kind::heap || !heap_.is_alive(p)) return 0;
        heap_prefix const& prefix = heap_prefix::of(p);
        return prefix.whole_bytes - (address_of(p) - address_of(prefix.base));
    }

    /// Whether `p` lies in a slab of this instance, or is a heap block of it, alive or freed: for who has several instances
    /// and an address. Two loads of the page map, and one of what lies at or below the address.
    [[nodiscard]] bool owns(void* p) noexcept {
        address_kind const kind = map_.kind_of(p);
        if constexpr (has_pools) {
            if (kind == address_kind::slab) return slab<A>::of(p)->instance == handle();
        }
        return kind == address_kind::heap && heap_.is_ours(p);
    }

    // --- frames -------------------------------------------------------------------------------------------------------

    [[nodiscard]] bool begin_frame(state_type& s) {
        if (s.frame.kind() != frame_kind::closed) [[unlikely]] {
            report_misuse<A>(fault_code::frame_already_open, "frame %llu of thread %llu is open", s.frame.number(),
                             thread_number());
            return false;
        }
        s.frame.open(s.window, frame_kind::own);
        if constexpr (has_pools && returns_to_owner<sync>) s.pools.collect(pools_);
        return true;
    }

    void end_frame(state_type* s) {
        if (s == nullptr || s->frame.kind() != frame_kind::own) [[unlikely]]
            return no_frame_to_end(s);
        if (s->frame.has_open_scope()) [[unlikely]] {
            return report_misuse<A>(fault_code::frame_not_begun,
                                    "a frame_scope() is still open in frame %llu of thread %llu", s->frame.number(),
                                    thread_number());
        }
        auto source = chunks();
        s->frame.end(s->window, source);
        s->frame.close();
        if (s->trims_followed != trims()) [[unlikely]]
            s->follow_trim();
    }

    void begin_frame_all() {
        if constexpr (!sync::one_thread) thread_registry::enroll(*this);
        unsigned long long closed = 0;
        unsigned long long const number = last_shared_.load(order::relaxed) + 1;
        // release: what the caller prepared for the frame is there for a thread that joins it.
        if (!open_shared_.compare_exchange(closed, number, order::release, order::relaxed)) {
            return report_misuse<A>(fault_code::frame_already_open, "the frame of all threads, number %llu, is open",
                                    closed);
        }
        last_shared_.store(number, order::relaxed);
    }

    void end_frame_all() {
        if (open_shared_.exchange(0, order::acq_rel) == 0) {
            return report_misuse<A>(fault_code::frame_not_begun, "no frame of all threads is open; %llu have been",
                                    last_shared_.load(order::relaxed));
        }
        // acquire: pairs with join; what the threads did since, the caller's sync point has ordered.
        state_type* s = joined_.exchange(nullptr, order::acquire);
        while (s != nullptr) {
            state_type* const next = s->next_joined;
            auto source = chunks();
            s->frame.end(s->window, source);
            if constexpr (sync::one_thread) {
                s->frame.close();
            } else {
                thread_registry::shared_frame_ended(*s, [&] { s->frame.close(); });
            }
            s = next;
        }
    }

    /// Lets a thread without a frame of its own into the frame of all. False where none is open.
    [[nodiscard]] bool join(state_type& s) noexcept {
        if (open_shared_.load(order::acquire) == 0) return false;
        s.frame.open(s.window, frame_kind::shared);
        s.next_joined = joined_.load(order::relaxed);
        while (!joined_.compare_exchange(s.next_joined, &s, order::release, order::relaxed)) {}
        return true;
    }

    // --- giving back -------------------------------------------------------------------------------------------------

    [[nodiscard]] unsigned trims() const noexcept { return trims_.load(order::relaxed); }

    /// Gives back what nobody uses. Answers how many bytes the backend has got.
    std::size_t trim() noexcept {
        std::size_t const before = gate_.taken_bytes();
        trims_.fetch_add(1, order::relaxed);
        if (state_type* const s = state_if_any()) s->follow_trim();
        if constexpr (!sync::one_thread) {
            thread_registry::for_each_vacant(*this, [&](thread_record& r) {
                auto& s = static_cast<state_type&>(r);
                auto source = chunks();
                s.frame.trim(s.window, source);
            });
        }
        chunks_.trim(gate_);
        if constexpr (has_pools) pools_.trim();
        heap_.trim();
        std::size_t const after = gate_.taken_bytes();
        return after < before ? before - after : 0;
    }

    // --- checkpoints and scopes ---------------------------------------------------------------------------------------

    [[nodiscard]] checkpoint make_checkpoint(state_type& s, bool may_throw) {
        frame_position const before = s.frame.position(s.window);
        layout const request = layout::of<frame_mark>();
        void* const p = may_throw ? s.frame_alloc(request) : s.try_frame_alloc(request);
        if (p == nullptr) return {};
        auto* const mark = ::new (p) frame_mark{};
        // From before the mark itself was allocated, so that rolling back takes it back as well.
        s.frame.push_mark_at(*mark, before, false);
        return {&s, mark, mark->sequence};
    }

    /// Whether `mark` may be rolled back by the thread whose state is `s`; reports what is wrong otherwise.
    [[nodiscard]] bool may_roll_back(state_type* s, checkpoint const& c) {
        if (c && c.thread() != s) {
            report_misuse<A>(fault_code::frame_of_another_thread,
                             "checkpoint %llu was taken by another thread than %llu", c.sequence(), thread_number());
        } else if (!c || s->frame.kind() == frame_kind::closed || !s->frame.is_live(c.mark(), c.sequence())) {
            report_misuse<A>(fault_code::checkpoint_not_live,
                             "checkpoint %llu is dead: empty or rolled back already, or its frame or scope has ended, "
                             "or a later scope "
                             "is open",
                             c.sequence());
        } else {
            return true;
        }
        return false;
    }

    bool roll_back(state_type* s, checkpoint const& c) {
        if (!may_roll_back(s, c)) return false;
        auto source = chunks();
        s->frame.rewind(s->window, *c.mark(), source);
        return true;
    }
    bool commit(state_type* s, checkpoint const& c) {
        if (!may_roll_back(s, c)) return false;
        s->frame.commit(*c.mark());
        return true;
    }

    /// What a scope has to remember.
    struct entered_scope {
        state_type* state;
        frame_mark* mark;
        unsigned long long sequence;
        bool opened_frame;
    };
    /// Throws where the thread has no state and cannot get one, and where many scopes are open already and the frame has
    /// no room for one more mark.
    [[nodiscard]] entered_scope enter_scope() {
        state_type& s = state_or_throw();
        bool const opens = s.frame.kind() == frame_kind::closed && !join(s);
        if (opens) static_cast<void>(begin_frame(s));
        frame_position const before = s.frame.position(s.window);
        frame_mark* mark = s.frame.place_for_scope();
        if (mark == nullptr) {
            struct ends_frame {
                core& owner;
                state_type* state;
                ~ends_frame() {
                    if (state != nullptr) owner.end_frame(state);
                }
            } unless_there_is_room{*this, opens ? &s : nullptr};
            mark = ::new (s.frame_alloc(layout::of<frame_mark>())) frame_mark{};
            unless_there_is_room.state = nullptr;
        }
        s.frame.push_mark_at(*mark, before, true);
        return {&s, mark, mark->sequence, opens};
    }

    void leave_scope(state_type& s, frame_mark* mark, unsigned long long sequence, bool opened_frame) {
        if (state_if_any() != &s) {
            s.frame.forget(mark, sequence);
            report_misuse<A>(fault_code::frame_of_another_thread,
                             "a frame_scope() was left on thread %llu, not on its own", thread_number());
        } else if (s.frame.kind() == frame_kind::closed || !s.frame.is_live(mark, sequence)) {
            // What was allocated in it stays until the frame or a scope around it ends.
            s.frame.forget(mark, sequence);
            report_misuse<A>(fault_code::checkpoint_not_live,
                             "scope %llu was left after its frame or a scope around it", sequence);
        } else {
            auto source = chunks();
            if (opened_frame) {
                s.frame.end(s.window, source);
                s.frame.close();
            } else {
                s.frame.rewind(s.window, *mark, source);
            }
        }
        s.frame.vacate(mark);
    }

    [[nodiscard]] state_type* state_if_any() noexcept {
        if constexpr (sync::one_thread) {
            return &own_.only;
        } else {
            return static_cast<state_type*>(thread_registry::find(*this));
        }
    }

    // --- for reports --------------------------------------------------------------------------------------------------

    /// Calls `f(state, whether its thread runs)` for every record, with the registry locked.
    template <class F>
    void for_each_state(F&& f) {
        if constexpr (sync::one_thread) {
            f(own_.only, true);
        } else {
            thread_registry::for_each_record(*this, [&](thread_record& r) {
                f(static_cast<state_type&>(r), r.life.load(order::relaxed) == record_life::live);
            });
        }
    }
    [[nodiscard]] backend_gate<A>& gate() noexcept { return gate_; }
    [[nodiscard]] metadata<A>& thread_records() noexcept { return records_; }
    [[nodiscard]] chunk_pool<A>& chunk_store() noexcept { return chunks_; }
    [[nodiscard]] auto& pool_part() noexcept { return pools_; }
    [[nodiscard]] heap_store<A>& heap_part() noexcept { return heap_; }
    [[nodiscard]] typename sync::mutex& guard() noexcept { return guard_; }
    [[nodiscard]] alloc_config const& config() const noexcept { return config_; }

    [[nodiscard]] static unsigned long long thread_number() noexcept {
        if constexpr (sync::one_thread) {
            return 1;
        } else {
            return thread_registry::thread_number();
        }
    }

private:
    friend class thread_state<A>;

    /// What slabs and heap blocks know their instance by.
    [[nodiscard]] constexpr void* handle() noexcept { return static_cast<instance_base*>(this); }

    static constexpr char const* foreign_slab_note = "the block at 0x%llx belongs to another allocator instance";

    [[nodiscard]] static constexpr alloc_config const& validated(alloc_config const& config) {
        config.validate();
        return config;
    }

    [[noreturn]] FRAMEALLOC_COLD void throw_without_state() {
        throw_failure(latest_refusal(gate_, {.bytes = sizeof(state_type), .align = alignof(state_type)}), {});
    }

    FRAMEALLOC_COLD state_type* make_state() noexcept {
        thread_registry::enroll(*this);
        if (thread_record* const r = thread_registry::find(*this)) return static_cast<state_type*>(r);
        if (thread_record* const r = thread_registry::adopt(*this)) {
            start_thread(static_cast<state_type&>(*r));
            return static_cast<state_type*>(r);
        }
        void* place = nullptr;
        {
            locked const guard{guard_};
            place = records_.take(gate_, sizeof(state_type), alignof(state_type));
        }
        if (place == nullptr) return nullptr;
        auto* const s = ::new (place) state_type(*this);
        if (thread_registry::add(*this, *s)) return s;
        gate_.note(fault_code::out_of_memory);
        return nullptr;
    }

    /// For a free: the calling thread's state, made where that takes neither waiting nor a backend that has to be waited
    /// for.
    [[nodiscard]] FRAMEALLOC_COLD state_type* state_without_waiting() noexcept {
        if constexpr (sync::one_thread) {
            return &own_.only;
        } else {
            hot_state& h = hot();
            if (&h != &closed_state) return &static_cast<state_type&>(h);
            thread_record* r = nullptr;
            bool adopted = false, attached = false;
            if (!thread_registry::try_find_or_adopt(*this, r, adopted)) return nullptr;
            if (adopted) start_thread(static_cast<state_type&>(*r));
            if (r != nullptr) return static_cast<state_type*>(r);
            state_type* const s = spare_or_new();
            if (s == nullptr) return nullptr;
            if (thread_registry::try_add(*this, *s, attached)) return attached ? s : nullptr;
            keep_spare(s);
            return nullptr;
        }
    }
    [[nodiscard]] state_type* spare_or_new() noexcept {
        // All at once, and the rest back, so that none is seen twice.
        if (state_type* const spare = spare_.exchange(nullptr, order::acquire)) {
            for (state_type* rest = spare->next_joined; rest != nullptr;) {
                state_type* const next = rest->next_joined;
                keep_spare(rest);
                rest = next;
            }
            return spare;
        }
        if (!guard_.try_lock()) return nullptr;
        void* const place = records_.try_take(gate_, sizeof(state_type), alignof(state_type));
        guard_.unlock();
        return place != nullptr ? ::new (place) state_type(*this) : nullptr;
    }
    /// A record that was made and could not be entered, for the next one who wants one.
    void keep_spare(state_type* s) noexcept {
        s->next_joined = spare_.load(order::relaxed);
        while (!spare_.compare_exchange(s->next_joined, s, order::release, order::relaxed)) {}
    }
    static void start_thread(state_type& s) noexcept {
        s.frame.start_thread();
        s.pools.start_thread();
    }

    void no_frame_to_end(state_type* s) {
        if (s != nullptr && s->frame.kind() == frame_kind::shared) {
            return report_misuse<A>(fault_code::frame_not_begun,
                                    "thread %llu is in the frame of all threads, which end_frame_all() ends",
                                    thread_number());
        }
        report_misuse<A>(fault_code::frame_not_begun, "no frame is open on thread %llu", thread_number());
    }

    /// Without the registry's lock, for callbacks of users: the instance is nobody else's any more.
    template <class F>
    void for_each_state_at_rest(F&& f) {
        if constexpr (sync::one_thread) {
            f(own_.only);
        } else {
            for (thread_record* r = records; r != nullptr; r = r->next_of_instance) f(static_cast<state_type&>(*r));
        }
    }

    // --- what the registry asks ---------------------------------------------------------------------------------------

    static void finish_frames(thread_record& r) {
        auto& s = static_cast<state_type&>(r);
        if (s.frame.kind() != frame_kind::own) return;
        core& c = s.shared();
        if constexpr (checks) {
            report_misuse<A>(fault_code::frame_left_open, "frame %llu of thread %llu was open", s.frame.number(),
                             thread_number());
        }
        auto source = c.chunks();
        s.frame.end(s.window, source);
        s.frame.close();
    }
    static void give_back(thread_record& r) noexcept {
        if constexpr (has_pools) {
            auto& s = static_cast<state_type&>(r);
            s.pools.give_back(s, s.shared().pools_);
        }
    }
    static bool in_shared_frame(thread_record const& r) noexcept {
        return static_cast<state_type const&>(r).frame.kind() == frame_kind::shared;
    }
    static void lock_for_fork(instance_base& i) {
        auto& c = static_cast<core&>(i);
        c.guard_.lock();
        c.chunks_.lock_for_fork();
        c.gate_.lock_for_fork();
    }
    static void unlock_after_fork(instance_base& i) {
        auto& c = static_cast<core&>(i);
        c.gate_.unlock_after_fork();
        c.chunks_.unlock_after_fork();
        c.guard_.unlock();
    }
    static constexpr operations operations_{&finish_frames, &give_back, &in_shared_frame, &lock_for_fork,
                                            &unlock_after_fork};

    alloc_config config_;
    typename sync::mutex guard_{};  // registry of slabs, records, list of empty batches: cold paths only
    backend_gate<A> gate_;
    metadata<A> records_{};
    conditional_page_map<A> map_;
    chunk_pool<A> chunks_{};
    [[no_unique_address]] typename choose_pool_store<A>::type pools_;
    heap_store<A> heap_;
    shared_value<unsigned long long> open_shared_{0};  // number of the frame of all threads, 0 between frames
    shared_value<unsigned long long> last_shared_{0};
    shared_value<state_type*> joined_{nullptr};
    shared_value<unsigned> trims_{0};
    shared_value<state_type*> spare_{nullptr};  // records without a thread that were never entered
    [[no_unique_address]] own_state<A> own_;
};

}  // namespace framealloc::detail
