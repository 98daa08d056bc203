// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/block_returns.hpp>
#include <framealloc/detail/frame_control.hpp>
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
template <class A>
using pool_store_of = std::conditional_t<A::pool::class_count != 0, pool_store<A>, no_pool_store>;

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
             public frame_control<A>,
             public block_returns<A>,
             public record_keeper_of<A>,
             public choose_observation<A>::type,
             public frame_verbs<core<A>, A>,
             public pool_verbs<core<A>, A>,
             public heap_verbs<core<A>, A> {
    using sync = typename A::sync;
    using state_type = thread_state<A>;
    template <class T>
    using shared_value = typename sync::template atomic<T>;
    static constexpr bool has_pools = A::pool::class_count != 0;
    static constexpr bool checks = A::diagnostics::checks_blocks;
    static constexpr bool has_tags = charges_tags<typename A::budget>;

public:
    using assembly_type = A;

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
        if (sync::one_thread && this->facilities != nullptr) (*this->facilities)(*this);
        if constexpr (!sync::one_thread) thread_registry::leave(*this);
        for_each_state_at_rest([&](state_type& s) FRAMEALLOC_INLINED {
            auto source = chunks();
            if (s.frame.kind() != frame_kind::closed) {
                s.frame.begin_undoing();
                s.finish_frame(source);
            }
            s.frame.close();
            s.frame.records().report_damage(*this);
            s.frame.release(s.window, source);
        });
        if constexpr (observes<A>) this->observe_end();
        if constexpr (keeps_records<A> && !observer_reports_live_blocks<A>) this->report_live_blocks();
        if constexpr (samples_blocks<A>) block_sampler<A>::leave(*this);
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
    [[nodiscard]] chunk_source<A> chunks() noexcept {
        if constexpr (guards_blocks<A>) {
            return {gate_, chunks_, *this, config_.name};
        } else {
            return {gate_, chunks_};
        }
    }

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
            if constexpr (has_tags) {
                std::size_t const tag = tag_of_block<A>(block, c).read();
                if (tag == no_tag) return this->report_double_free(block, c);
                tag_of_block<A>(block, c).write(no_tag);
                gate_.budget().refund(static_cast<tag_id>(tag), allocation_intent::pool, A::pool::class_bytes(c));
            }
            pools_.settle_one(c, block);
        }
    }

    /// `told`, where it is given, becomes the reason of a refusal.
    template <class... Told>
    [[nodiscard]] void* heap_allocate(layout request, site_of<A> at = {}, Told&... told) noexcept {
        [[maybe_unused]] called_at<A> const here{at};
        if constexpr (observes<A>) this->observe_request(request, allocation_intent::heap, at);
        void* p = heap_block(request, told...);
        if constexpr (keeps_records<A>) {
            if (p != nullptr) this->heap_given(p, request, at);
        }
        if constexpr (guards_blocks<A>) {
            if (p != nullptr) p = this->guard_heap_block(p, request, at);
        }
        if constexpr (observes<A>) this->observe_allocation(p, request, allocation_intent::heap, at);
        return p;
    }
    [[nodiscard]] void* heap_allocate_or_throw(layout request, site_of<A> at = {}) {
        [[maybe_unused]] called_at<A> const here{at};
        if constexpr (observes<A>) this->observe_request(request, allocation_intent::heap, at);
        void* p = heap_block_or_throw(request);
        if constexpr (keeps_records<A>) this->heap_given(p, request, at);
        if constexpr (guards_blocks<A>) p = this->guard_heap_block(p, request, at);
        if constexpr (observes<A>) this->observe_allocation(p, request, allocation_intent::heap, at);
        return p;
    }
    template <class... Told>
    [[nodiscard]] FRAMEALLOC_HOT void* heap_block(layout request, Told&... told) noexcept {
        if constexpr (has_tags) {
            fault why;
            void* const p = without_throwing<A>(why, [&] { return serve_charged_heap(*this, request, why); });
            if (p == nullptr) report_refusal(*this, why, told...);
            return p;
        } else {
            void* const p = serve_heap(request);
            if (p == nullptr) [[unlikely]]
                report_refusal(*this, why_no_heap_block(request), told...);
            return p;
        }
    }
    [[nodiscard]] FRAMEALLOC_HOT void* heap_block_or_throw(layout request) {
        if constexpr (has_tags) {
            fault why;
            void* const p = serve_charged_heap(*this, request, why);
            if (p == nullptr) throw_refusal(*this, why, request);
            return p;
        } else {
            void* const p = serve_heap(request);
            if (p == nullptr) [[unlikely]]
                throw_without_heap_block(request);
            return p;
        }
    }
    /// `tag`, where there are tags, is who has been charged for it.
    template <class... Tag>
    [[nodiscard]] FRAMEALLOC_HOT void* serve_heap(layout request, Tag... tag) noexcept {
        if (!request.is_possible()) [[unlikely]]
            return nullptr;
        void* const p = heap_.allocate(request, tag...);
        if constexpr (A::diagnostics::counts_operations) {
            if (p != nullptr) {
                if (state_type* const s = state()) s->counted.on_heap_allocate(request.bytes);
            }
        }
        return p;
    }
    [[noreturn]] FRAMEALLOC_COLD void throw_without_heap_block(layout request) {
        fault why = why_no_heap_block(request);
        throw_refusal(*this, why, request);
    }
    [[noreturn]] FRAMEALLOC_COLD void throw_without_memory(layout request) {
        fault why = latest_refusal(gate_, request);
        throw_refusal(*this, why, request);
    }
    /// Why `serve_heap` has just answered null.
    [[nodiscard]] FRAMEALLOC_COLD fault why_no_heap_block(layout request) noexcept {
        fault why = said();
        if (is_possible(request, why)) why = latest_refusal(gate_, request);
        count_refusal(why.code);
        return why;
    }
    void count_refusal([[maybe_unused]] fault_code why) noexcept {
        if constexpr (A::diagnostics::counts_operations) {
            if (state_type* const s = state()) s->count_refusal(why);
        }
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

    /// The calling thread's state, without making one.
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
    /// What slabs and heap blocks know their instance by.
    [[nodiscard]] constexpr void* handle() noexcept { return static_cast<instance_base*>(this); }
    /// What the registry knows instances of this assembly by.
    [[nodiscard]] static constexpr operations const& registry_operations() noexcept { return operations_; }
    [[nodiscard]] conditional_page_map<A>& map() noexcept { return map_; }
    [[nodiscard]] backend_gate<A>& gate() noexcept { return gate_; }
    [[nodiscard]] metadata<A>& thread_records() noexcept { return records_; }
    [[nodiscard]] chunk_pool<A>& chunk_store() noexcept { return chunks_; }
    [[nodiscard]] auto& pool_part() noexcept { return pools_; }
    [[nodiscard]] heap_store<A>& heap_part() noexcept { return heap_; }
    [[nodiscard]] instance_lock<A>& guard() noexcept { return guard_; }
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

    [[nodiscard]] static constexpr alloc_config const& validated(alloc_config const& config) {
        config.validate();
        return config;
    }

    [[noreturn]] void throw_without_state() {
        throw_without_memory({.bytes = sizeof(state_type), .align = alignof(state_type)});
    }

    FRAMEALLOC_COLD state_type* make_state() noexcept {
        if constexpr (keeps_records<A>) this->report_late_use();
        thread_registry::enroll(*this);
        bool adopted = false;
        if (thread_record* const r = thread_registry::find_or_adopt(*this, adopted)) {
            return adopted ? started(r) : static_cast<state_type*>(r);
        }
        void* place = nullptr;
        {
            locked const guard{guard_};
            place = records_.take(gate_, sizeof(state_type), alignof(state_type));
        }
        if (place == nullptr) return nullptr;
        auto* const s = ::new (place) state_type(*this);
        if (thread_registry::add(*this, *s)) return started(s);
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
            if (r != nullptr) return adopted ? started(r) : static_cast<state_type*>(r);
            state_type* const s = spare_or_new();
            if (s == nullptr) return nullptr;
            if (thread_registry::try_add(*this, *s, attached)) return attached ? started(s) : nullptr;
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
    /// What was trimmed before a thread came is none of its business: it holds nothing yet.
    FRAMEALLOC_COLD state_type* started(thread_record* r) noexcept {
        auto* const s = static_cast<state_type*>(r);
        s->frame.start_thread();
        if constexpr (has_tags) {
            s->frame.charges().start_thread();
            s->tags.current.set(root_tag);
        }
        if constexpr (A::diagnostics::counts_operations) s->journal.start_thread(s->counted.counts());
        s->pools.start_thread();
        s->trims_followed = s->trims_followed_by_frees = trims();
        return s;
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
            site_of<A> begun{};
            if constexpr (keeps_records<A>) begun = {s.frame.epochs().begun_at()};
            [[maybe_unused]] called_at<A> const here{begun};
            report_misuse(c, fault_code::frame_left_open, "frame %llu of thread %llu was open", s.frame.number(),
                          thread_number());
        }
        auto source = c.chunks();
        s.finish_frame(source);
        s.frame.close();
        c.report_open_phases(s);
        s.frame.records().report_damage(c);
    }
    static void give_back(thread_record& r) noexcept {
        if constexpr (has_pools) {
            auto& s = static_cast<state_type&>(r);
            s.pools.give_back(s, s.shared().pools_);
        }
        if constexpr (has_tags) {
            auto& s = static_cast<state_type&>(r);
            static_cast<void>(s.tags.give_back_credit(s.shared().gate_.budget()));
        }
    }
    /// A shared frame may be ended by another thread while its own is ending: only now is its credit nobody else's.
    static void vacated([[maybe_unused]] thread_record& r) noexcept {
        if constexpr (has_tags) {
            auto& s = static_cast<state_type&>(r);
            static_cast<void>(s.frame.charges().give_back_credit(s.window, s.shared().gate_.budget()));
        }
    }
    static bool in_shared_frame(thread_record const& r) noexcept {
        return static_cast<state_type const&>(r).frame.kind() == frame_kind::shared;
    }
    static void describe(instance_base& i, thread_record const& r, fault_place& to) noexcept {
        describe_place(static_cast<core&>(i), &static_cast<state_type const&>(r), to);
    }
    static void lock_for_fork(instance_base& i) {
        auto& c = static_cast<core&>(i);
        c.guard_.lock();
        c.chunks_.lock_for_fork();
        c.gate_.lock_for_fork();
        if constexpr (keeps_records<A>) c.lock_records_for_fork();
        if constexpr (observes<A>) c.lock_observer_for_fork();
        if constexpr (samples_blocks<A>) block_sampler<A>::lock_for_fork();
    }
    static void unlock_after_fork(instance_base& i) {
        auto& c = static_cast<core&>(i);
        if constexpr (samples_blocks<A>) block_sampler<A>::unlock_after_fork();
        if constexpr (observes<A>) c.unlock_observer_after_fork();
        if constexpr (keeps_records<A>) c.unlock_records_after_fork();
        c.gate_.unlock_after_fork();
        c.chunks_.unlock_after_fork();
        c.guard_.unlock_after_fork();
    }
    static constexpr operations operations_{&finish_frames,   &give_back,        &vacated,
                                            &in_shared_frame, &describe,         record_keeper_of<A>::explain_address,
                                            &lock_for_fork,   &unlock_after_fork};

    alloc_config config_;
    instance_lock<A> guard_{};
    backend_gate<A> gate_;
    metadata<A> records_{};
    conditional_page_map<A> map_;
    chunk_pool<A> chunks_{};
    [[no_unique_address]] pool_store_of<A> pools_;
    heap_store<A> heap_;
    shared_value<unsigned> trims_{0};
    shared_value<state_type*> spare_{nullptr};  // records without a thread that were never entered
    [[no_unique_address]] own_state<A> own_;
};

}  // namespace framealloc::detail
