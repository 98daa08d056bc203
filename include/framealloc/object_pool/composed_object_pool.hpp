// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/construct.hpp>
#include <framealloc/object_pool/detail/object_checks.hpp>
#include <framealloc/object_pool/detail/object_store.hpp>
#include <framealloc/object_pool/owned.hpp>
#include <framealloc/object_pool/shared.hpp>

#include <chrono>

namespace framealloc::inline v0_1 {

/// A pool of objects of one type, in slots of one size that stay where they are. It is assembled of policies, in any order, each
/// with a default:
///
///     storage     storage::fixed, storage::in_place<N>, storage::growing
///     slots       slots::stack, slots::free_list, slots::bitmap, slots::index_stack, or one of your own: `SlotAllocator`
///     sync        sync::single_threaded, sync::mutex<M>, sync::lock_free
///     initialiser initialise::on_allocate, initialise::kept<Init, Reset>
///     sharing     sharing::none, sharing::local, sharing::atomic
///     drop        drop::now, drop::deferred
///     diagnostics diagnostics::none, diagnostics::counters, diagnostics::checked
///     backend     any backend of allocators
///
/// `fixed_pool`, `static_pool`, `growing_pool`, `concurrent_pool` and `lock_free_pool` are ready names for the usual ones, and take
/// further policies.
///
/// Order of events: a slot is taken, the object constructed there of the arguments, `on_acquire` called. On its end `on_release`
/// is called, the object destroyed, and the slot free. User code runs while no lock is held, and may use the pool.
///
///   Cost      A pair is some ten instructions with `slots::stack`, and no call; growth and refusals are out of line.
///   Threads   As the sync policy says; see `is_thread_safe_v`. Making, ending, `for_each` and `shrink` are for one thread while no
///             other uses the pool.
///   Failure   `try_` forms answer null, empty or false; plain forms throw `allocation_failure`, or report and call the failure
///             handler where exceptions are off: FA501 when there are no more slots, FA303 when the backend refuses. Nothing has
///             changed afterwards, also when a constructor or a hook throws. `diagnostics::checked` finds what is given back
///             twice (FA502), or to another pool (FA503), written to after its end (FA213), and alive at the pool's end (FA504).
///   Lifetime  Objects live until they are given back, or the pool ends, which ends them. Handles do not outlive the pool.
///   Source    J. Bonwick, "The slab allocator", USENIX 1994, for objects that stay constructed; Boost.Pool; the Rust crate
///             fastalloc for the facility's outline.
template <class T, class A>
class composed_object_pool
    : private std::conditional_t<A::sharing::counts, detail::object_pool_base, detail::no_object_pool_base> {
    static_assert(std::is_object_v<T> && !std::is_array_v<T>,
                  "framealloc: an object pool is of objects, not arrays or references");
    static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                  "framealloc: an object pool is of objects that are not const");
    static_assert(!std::is_abstract_v<T>, "framealloc: objects of an abstract class cannot be made");
    static_assert(std::is_nothrow_destructible_v<T>, "framealloc: destructors must not throw");
    static_assert(!A::sharing::counts || detail::object_traits<T, A>::resets_quietly,
                  "framealloc: the Reset of objects that are shared must not throw: handles end in destructors");
    static_assert(alignof(T) <= max_alignment, "framealloc: the type's alignment is larger than any request's may be");

    using traits = detail::object_traits<T, A>;
    using store = detail::object_store<T, A>;
    using look = detail::object_checks<T, A>;
    using site = detail::site_of<A>;
    using initialiser = typename A::initialiser;

public:
    using value_type = T;
    using assembly_type = A;
    using owned_type = owned<composed_object_pool>;
    using shared_type = basic_shared<T, typename A::sharing>;
    using weak_type = basic_weak<T, typename A::sharing>;

    /// Whether any number of threads may allocate and give back.
    static constexpr bool is_thread_safe = !A::one_thread;
    /// Whether giving back cannot throw.
    static constexpr bool releases_quietly = traits::defers || traits::ends_quietly;
    /// Whether ending an object cannot throw.
    static constexpr bool ends_quietly = traits::ends_quietly;
    /// Whether objects that are given back wait for `drop_pending()`.
    static constexpr bool defers_drop = traits::defers;
    static constexpr bool knows_pool_of_object = traits::shares;

    // --- beginning and end --------------------------------------------------------------------------------------------

    /// Throws `configuration_error`, which names all fields that are out of range, and `allocation_failure`.
    explicit composed_object_pool(object_pool_config config = {})
        requires(traits::slots_within == 0)
        : store_(checked(std::move(config))) {
        begin();
    }
    /// The same over `backend`, which is moved in.
    composed_object_pool(object_pool_config config, typename A::backend backend)
        requires(traits::slots_within == 0)
        : store_(checked(std::move(config)), static_cast<typename A::backend&&>(backend)) {
        begin();
    }
    /// The same for who does not throw: where the backend refuses, `made` is false, and the pool may only be destroyed.
    composed_object_pool(object_pool_config config, bool& made)
        requires(traits::slots_within == 0)
        : store_(checked(std::move(config))) {
        fault why;
        made = try_begin(why);
    }
    /// The same, with `capacity` slots and all else as it is by default.
    explicit composed_object_pool(std::size_t capacity)
        requires(traits::slots_within == 0)
        : composed_object_pool(object_pool_config{.capacity = capacity}) {}
    composed_object_pool(std::size_t capacity, typename A::backend backend)
        requires(traits::slots_within == 0)
        : composed_object_pool(object_pool_config{.capacity = capacity}, static_cast<typename A::backend&&>(backend)) {}
    /// Its objects are kept: they are made as `when` says.
    explicit composed_object_pool(initialisation when = initialisation::lazy, char const* name = nullptr)
        requires(traits::slots_within != 0)
        : store_(checked({.capacity = traits::slots_within, .initialisation = when, .name = name})) {
        begin();
    }
    composed_object_pool(composed_object_pool const&) = delete;
    composed_object_pool& operator=(composed_object_pool const&) = delete;
    /// Ends what is still alive, in the order of addresses.
    FRAMEALLOC_HOT ~composed_object_pool() { end(detail::here<A>()); }

    /// Throws `configuration_error`, which names all fields that are out of range for a pool of this type.
    static void check(object_pool_config const& config) {
        detail::check_object_pool_config(config, {.grows = traits::grows,
                                                  .keeps = traits::keeps,
                                                  .slot = traits::slot_layout,
                                                  .bytes_beside_slots = 16 + traits::record_bytes});
    }

    // --- objects ------------------------------------------------------------------------------------------------------

    /// An object constructed of `args`, as `T(args...)` or `T{args...}`; where objects are kept, without arguments, the one that
    /// is there.
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* allocate(Args&&... args) {
        return serve<true>(detail::here<A>(), static_cast<Args&&>(args)...);
    }
    /// The same; null where it is refused. Throws what the constructor throws.
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* try_allocate(Args&&... args) {
        return serve<false>(detail::here<A>(), static_cast<Args&&>(args)...);
    }
    /// Ends `object`, which this pool has allocated, and frees its slot. It is not null.
    FRAMEALLOC_HOT void free(T* object) noexcept(releases_quietly) { give(object, detail::here<A>()); }

    /// An object with one owner, which gives it back.
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT owned_type make(Args&&... args) FRAMEALLOC_LIFETIMEBOUND {
        return owned_type{serve<true>(detail::here<A>(), static_cast<Args&&>(args)...), *this};
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT owned_type try_make(Args&&... args) FRAMEALLOC_LIFETIMEBOUND {
        return owned_type{serve<false>(detail::here<A>(), static_cast<Args&&>(args)...), *this};
    }
    /// An object with any number of owners, the last of which gives it back.
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT shared_type make_shared(Args&&... args) FRAMEALLOC_LIFETIMEBOUND
        requires(traits::shares)
    {
        return shared_type::adopt(serve<true>(detail::here<A>(), static_cast<Args&&>(args)...));
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT shared_type try_make_shared(Args&&... args) FRAMEALLOC_LIFETIMEBOUND
        requires(traits::shares)
    {
        return shared_type::adopt(serve<false>(detail::here<A>(), static_cast<Args&&>(args)...));
    }
    /// From one owner to any number.
    [[nodiscard]] static shared_type share(owned_type object) noexcept
        requires(traits::shares)
    {
        return shared_type::adopt(object.release());
    }

    // --- many at once -------------------------------------------------------------------------------------------------

    /// Fills `into` with objects constructed of `generator(i)`, where they stand, for i = 0, 1, ...; all or none. Where one of them
    /// throws, those before it are ended, the last first.
    template <class Generator>
    FRAMEALLOC_HOT void allocate_n(std::span<T*> into, Generator&& generator) {
        static_cast<void>(serve_n<true>(into, generator, detail::here<A>()));
    }
    /// The same; false, and nothing has changed, where they are refused.
    template <class Generator>
    [[nodiscard]] FRAMEALLOC_HOT bool try_allocate_n(std::span<T*> into, Generator&& generator) {
        return serve_n<false>(into, generator, detail::here<A>());
    }
    /// The same with `T()`, or with what is kept.
    FRAMEALLOC_HOT void allocate_n(std::span<T*> into) {
        static_cast<void>(serve_n<true>(into, nullptr, detail::here<A>()));
    }
    [[nodiscard]] FRAMEALLOC_HOT bool try_allocate_n(std::span<T*> into) {
        return serve_n<false>(into, nullptr, detail::here<A>());
    }
    /// Gives each of them back, in their order.
    FRAMEALLOC_HOT void free_n(std::span<T* const> objects) noexcept(releases_quietly) {
        for (T* const object : objects) give(object, detail::here<A>());
    }

    /// Calls `f(object)` for each that is alive, in the order of their addresses. `f` may give back the object that it is called
    /// with, or others, and allocate: what is allocated meanwhile may be visited or not. O(slots / 64 + live). While it runs no
    /// other thread uses the pool.
    template <class F>
    void for_each(F&& f) {
        static_assert(A::slots::knows_live,
                      "framealloc: which objects are alive is known to slots::bitmap; give the pool that policy");
        if constexpr (A::slots::knows_live) store_.template visit<T>(f);
    }
    template <class F>
    void for_each(F&& f) const {
        static_assert(A::slots::knows_live,
                      "framealloc: which objects are alive is known to slots::bitmap; give the pool that policy");
        if constexpr (A::slots::knows_live) store_.template visit<T const>(f);
    }

    // --- room ---------------------------------------------------------------------------------------------------------

    /// Sees to slots for `objects` in all, so that as many are served without asking the backend. False where the backend
    /// refuses, or the maximum is less; what has been added stays.
    bool try_reserve(std::size_t objects)
        requires(traits::grows)
    {
        for (std::size_t have = capacity(); have < objects; have = capacity()) {
            fault why;
            if (!store_.grow_by(have, objects - have, why)) return false;
        }
        return true;
    }
    /// Gives the chunks back that have no object, as long as `config().capacity` slots stay; answers the bytes. O(free slots).
    std::size_t shrink() noexcept
        requires(traits::grows)
    {
        return store_.shrink();
    }

    // --- what waits for its end ---------------------------------------------------------------------------------------

    /// Ends what has been given back, the oldest first; answers how many. Where two threads call it, one of them does it, and the
    /// other answers 0.
    std::size_t drop_pending()
        requires(traits::defers)
    {
        return pending_.drop([this](void* object) { end_life(static_cast<T*>(object)); }, [] { return true; });
    }
    /// The same for as long as `budget` lasts: the clock is read after each object. At least one ends where any waits.
    template <class Clock = std::chrono::steady_clock>
    std::size_t drop_pending(std::chrono::nanoseconds budget)
        requires(traits::defers)
    {
        auto const begun = Clock::now();
        return pending_.drop([this](void* object) { end_life(static_cast<T*>(object)); },
                             [begun, budget] { return Clock::now() - begun < budget; });
    }
    /// How many wait.
    [[nodiscard]] std::size_t pending() const noexcept
        requires(traits::defers)
    {
        return pending_.count();
    }

    // --- what it has --------------------------------------------------------------------------------------------------

    /// Slots that there are.
    [[nodiscard]] std::size_t capacity() const noexcept { return store_.capacity(); }
    /// Slots that there may be.
    [[nodiscard]] std::size_t maximum() const noexcept { return store_.maximum(); }
    /// Slots that are free now. Exact while nobody else uses the pool. O(1).
    [[nodiscard]] std::size_t available() const noexcept { return store_.available(); }
    /// Objects that are allocated, those that wait for their end included. As exact. O(1).
    [[nodiscard]] std::size_t live() const noexcept { return store_.taken(); }
    /// Bytes from one object to the next.
    [[nodiscard]] std::size_t slot_bytes() const noexcept { return store_.stride(); }
    /// Whether `object` points to one of its slots. O(log chunks).
    [[nodiscard]] bool owns(T const* object) const noexcept {
        detail::object_chunk const* const c = store_.chunk_of(object);
        return c != nullptr && c->row.index_of(object) < c->row.count;
    }
    [[nodiscard]] object_pool_config const& config() const noexcept { return store_.config(); }
    [[nodiscard]] auto& backend() noexcept
        requires(traits::slots_within == 0)
    {
        return store_.source().get();
    }
    [[nodiscard]] object_pool_stats stats() const noexcept {
        object_pool_stats s{.name = config().name,
                            .capacity = capacity(),
                            .maximum = maximum(),
                            .live = live(),
                            .retired = store_.retired(),
                            .slot_bytes = slot_bytes()};
        store_.sum_chunks(s);
        if constexpr (traits::defers) s.pending = pending_.count();
        if constexpr (traits::counts) {
            s.counted = true;
            s.peak = counters_.peak.load(detail::order::relaxed);
            s.allocations = counters_.allocations.load(detail::order::relaxed);
            s.frees = counters_.frees.load(detail::order::relaxed);
            s.failures = counters_.failures.load(detail::order::relaxed);
            s.growths = store_.growths();
        }
        return s;
    }

    /// The pool of an object of it: it is noted behind each that can be shared.
    [[nodiscard]] static composed_object_pool& pool_of(T* object) noexcept
        requires(traits::shares)
    {
        return static_cast<composed_object_pool&>(*traits::control_of(object).pool);
    }

private:
    // --- into service -------------------------------------------------------------------------------------------------

    template <bool Throws, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* serve(site at, Args&&... args) {
        static_assert(!traits::keeps || sizeof...(Args) == 0,
                      "framealloc: an object that is kept between uses takes no arguments; it is there already");
        void* place = store_.take();
        if (place == nullptr) [[unlikely]] {
            place = take_more<Throws>(1, at);
            if (place == nullptr) return nullptr;
        }
        return begin_life(place, at, [&]([[maybe_unused]] auto&& undo) FRAMEALLOC_INLINED -> T* {
            if constexpr (traits::keeps) {
                return static_cast<T*>(place);
            } else {
                return detail::construct<T>(place, undo, static_cast<Args&&>(args)...);
            }
        });
    }

    /// Makes the object in a slot that was taken, by `make(undo)`; the slot is free again where that throws.
    template <class Make>
    [[nodiscard]] FRAMEALLOC_HOT T* begin_life(void* place, site at, Make&& make) {
        if constexpr (traits::keeps) {
            detail::memory_is_ours(place, sizeof(T));
            if (unsigned char& made = store_.made_of(place); made == 0) [[unlikely]]
                make_kept(place, made);
        } else {
            detail::memory_is_given(place, sizeof(T));
        }
        if constexpr (traits::checks) look::note_allocation(store_, place, at);
        T* const object = make([&]() FRAMEALLOC_INLINED { was_not_made(place); });
        if constexpr (traits::shares) {
            auto& state = traits::control_of(object).state;
            // Nobody else writes it while it has no owner; release, so that who upgrades sees the object.
            state.store(state.load(detail::order::relaxed) | 1, detail::order::release);
        }
        if constexpr (detail::acquires_quietly<T>) {
            detail::hooks::acquire(*object);
        } else {
            FRAMEALLOC_TRY { detail::hooks::acquire(*object); }
            FRAMEALLOC_CATCH_ALL {
                static_cast<void>(slot_return{*this, object, false});
                count_failure();
                FRAMEALLOC_RETHROW;
            }
        }
        if constexpr (traits::counts) {
            counters_.allocations.fetch_add(1, detail::order::relaxed);
            raise_peak();
        }
        return object;
    }
    FRAMEALLOC_COLD void make_kept(void* place, unsigned char& made) {
        FRAMEALLOC_TRY { initialiser::template make<T>(place); }
        FRAMEALLOC_CATCH_ALL {
            was_not_made(place);
            FRAMEALLOC_RETHROW;
        }
        made = 1;
    }
    FRAMEALLOC_COLD void was_not_made(void* place) noexcept {
        if constexpr (traits::checks) store_.record_of(place).become(detail::object_slot_state::free);
        traits::fill(place);
        traits::forbid(place);
        store_.give(place);
        count_failure();
    }

    template <bool Throws, class Generator>
    [[nodiscard]] bool serve_n(std::span<T*> into, [[maybe_unused]] Generator&& generator, site at) {
        if (!take_n<Throws>(into, at)) return false;
        std::size_t made = 0;
        batch_undo undo{*this, into, made};
        for (; made < into.size(); ++made) {
            void* const place = into[made];
            into[made] = nullptr;  // who throws gives it back itself
            into[made] = begin_life(place, at, [&]([[maybe_unused]] auto&& not_made) FRAMEALLOC_INLINED -> T* {
                if constexpr (traits::keeps) {
                    return static_cast<T*>(place);
                } else if constexpr (std::is_same_v<std::remove_cvref_t<Generator>, std::nullptr_t>) {
                    return detail::construct<T>(place, not_made);
                } else {
                    FRAMEALLOC_TRY {
                        return detail::begin_at<T>(
                            place, [&]() FRAMEALLOC_INLINED -> decltype(auto) { return generator(made); });
                    }
                    FRAMEALLOC_CATCH_ALL {
                        not_made();
                        FRAMEALLOC_RETHROW;
                    }
                    __builtin_unreachable();
                }
            });
        }
        undo.done = true;
        return true;
    }
    struct batch_undo {
        composed_object_pool& pool;
        std::span<T*> into;
        std::size_t& made;
        bool done = false;
        ~batch_undo() {
            if (done) return;
            pool.store_.give_n(into.subspan(made + 1));
            while (made > 0) {
                if constexpr (traits::counts) pool.counters_.frees.fetch_add(1, detail::order::relaxed);
                FRAMEALLOC_TRY { pool.end_life(into[--made]); }
                FRAMEALLOC_CATCH_ALL {}  // what was thrown first goes on
            }
        }
    };
    /// Slots for all of `into`, or none.
    template <bool Throws>
    [[nodiscard]] bool take_n(std::span<T*> into, site at) {
        std::size_t taken = store_.take_n(into);
        while (taken < into.size()) {
            void* place = nullptr;
            FRAMEALLOC_TRY { place = take_more<Throws>(into.size() - taken, at, taken); }
            FRAMEALLOC_CATCH_ALL {
                store_.give_n(into.first(taken));
                FRAMEALLOC_RETHROW;
            }
            if (place == nullptr) {
                store_.give_n(into.first(taken));
                return false;
            }
            into[taken++] = static_cast<T*>(place);
            while (taken < into.size() && (place = store_.take()) != nullptr) {
                into[taken++] = static_cast<T*>(place);
            }
        }
        return true;
    }

    /// A slot where there was none: grows, or ends what waits. Null, or a throw, where that is of no use. `besides` slots are
    /// taken for the same request.
    template <bool Throws>
    FRAMEALLOC_COLD void* take_more(std::size_t wanted, site at,
                                    [[maybe_unused]] std::size_t besides = 0) noexcept(!Throws) {
        fault why = detail::said(fault_code::object_pool_exhausted);
        for (bool go_on = true; go_on;) {
            go_on = false;
            if constexpr (traits::grows) {
                if constexpr (Throws) {
                    go_on = store_.grow(capacity(), wanted, why);
                } else {
                    FRAMEALLOC_TRY { go_on = store_.grow(capacity(), wanted, why); }
                    FRAMEALLOC_CATCH_ALL {}
                }
            }
            if constexpr (traits::defers) {
                if (!go_on) {
                    FRAMEALLOC_TRY { go_on = drop_pending() != 0; }
                    FRAMEALLOC_CATCH_ALL { go_on = true; }  // its slot is free
                }
            }
            if (void* const place = store_.take()) return place;
        }
        count_failure();
        if constexpr (Throws) {
            say_exhausted(why, wanted, besides);
            throw_refusal(why, at);
        }
        return nullptr;
    }
    void say_exhausted(fault& why, std::size_t wanted, std::size_t besides) const noexcept {
        if (why.code != fault_code::object_pool_exhausted) return;
        why.note = "asked for %llu; %llu of %llu slots are taken, and it may have %llu";
        std::size_t const taken = live();
        unsigned long long const numbers[] = {wanted + besides, taken > besides ? taken - besides : 0, capacity(),
                                              maximum()};
        for (std::size_t i = 0; i < 4; ++i) why.numbers[i] = numbers[i];
    }
    [[noreturn]] FRAMEALLOC_COLD void throw_refusal(fault why, site at) const {
        detail::object_pool_sites const sites = look::sites(store_, at);
        why.sites = &sites;
        detail::throw_failure(why, traits::slot_layout);
    }

    // --- out of service -----------------------------------------------------------------------------------------------

    FRAMEALLOC_HOT void give(T* object, site at) noexcept(releases_quietly) {
        if constexpr (traits::ends_objects) {
            if (store_.ends()) [[unlikely]]
                return end_with_pool(object);
        }
        if constexpr (traits::checks) {
            if (!look::note_free(store_, object, at)) [[unlikely]]
                return;
        }
        if constexpr (traits::shares) {
            using control = typename A::sharing::control;
            auto& state = traits::control_of(object).state;
            std::uint64_t const seen = state.load(detail::order::acquire);
            if (control::owners(seen) != 1) [[unlikely]]
                return look::refuse_free(store_, object, control::owners(seen), at);
            state.store(seen - 1, detail::order::relaxed);
        }
        finish(object);
    }
    FRAMEALLOC_HOT void finish(T* object) noexcept(releases_quietly) {
        if constexpr (traits::counts) counters_.frees.fetch_add(1, detail::order::relaxed);
        if constexpr (traits::defers) {
            pending_.add(object);
        } else {
            end_life(object);
        }
    }
    FRAMEALLOC_HOT void end_life(T* object) noexcept(ends_quietly) {
        slot_return back{*this, object, traits::keeps};
        if constexpr (traits::keeps && !ends_quietly) {
            back.keeps = false;
            detail::hooks::release(*object);
            initialiser::reset(*object);
            back.keeps = true;
        } else {
            detail::hooks::release(*object);
            if constexpr (traits::keeps) initialiser::reset(*object);
        }
    }
    /// Destroys the object, unless it is kept, and frees its slot: also when a hook throws.
    struct slot_return {
        composed_object_pool& pool;
        T* object;
        bool keeps;
        FRAMEALLOC_HOT ~slot_return() {
            if constexpr (traits::keeps) {
                if (!keeps) {
                    detail::end_object(*object);
                    pool.store_.made_of(object) = 0;
                }
            } else {
                detail::end_object(*object);
            }
            pool.free_slot(object);
        }
    };
    FRAMEALLOC_HOT void free_slot(void* place) noexcept {
        if constexpr (traits::shares) {
            using control = typename A::sharing::control;
            auto& state = traits::control_of(place).state;
            std::uint64_t const next =
                (state.load(detail::order::relaxed) & ~(control::one_generation - 1)) + control::one_generation;
            state.store(next, detail::order::release);
            if (next == control::retired) [[unlikely]]
                return retire(place);
        }
        traits::fill(place);
        if constexpr (traits::checks) store_.record_of(place).become(detail::object_slot_state::free);
        traits::forbid(place);
        store_.give(place);
    }
    /// All generations of the slot are used up: handles to its objects could not be told apart any more.
    FRAMEALLOC_COLD void retire(void* place) noexcept {
        if constexpr (traits::checks) store_.record_of(place).become(detail::object_slot_state::free);
        store_.retire();
    }

    static void end_shared_object(detail::object_pool_base& base, void* object) {
        static_cast<composed_object_pool&>(base).end_last_owner(static_cast<T*>(object));
    }
    void end_last_owner(T* object) noexcept(releases_quietly) {
        if constexpr (traits::ends_objects) {
            if (store_.ends()) [[unlikely]]
                return end_with_pool(object);
        }
        if constexpr (traits::checks) {
            store_.record_of(object).become(traits::defers ? detail::object_slot_state::pending
                                                           : detail::object_slot_state::free);
        }
        finish(object);
    }

    // --- beginning and end --------------------------------------------------------------------------------------------

    [[nodiscard]] static object_pool_config checked(object_pool_config config) {
        check(config);
        return config;
    }
    [[nodiscard]] bool try_begin(fault& why) {
        detail::object_pool_base* base = nullptr;
        if constexpr (traits::shares) {
            this->end_shared = &end_shared_object;
            base = this;
        }
        return store_.begin(base, why);
    }
    void begin() {
        fault why;
        if (!try_begin(why)) throw_refusal(why, detail::here<A>());
    }
    void end(site at) noexcept {
        if (capacity() == 0) return;  // it was not made
        if constexpr (traits::defers) static_cast<void>(drop_pending());
        if constexpr (traits::checks) look::report_live(store_, at);
        if constexpr (traits::ends_objects) {
            store_.begin_end();
            store_.for_each_marked([this](void* object) { end_with_pool(static_cast<T*>(object)); });
        }
        store_.release();
    }
    /// The pool ends. Objects that own others of the same pool may do so before or after the pool has come to those.
    FRAMEALLOC_COLD void end_with_pool(T* object) noexcept {
        if (!store_.ends_now(object)) return;
        detail::hooks::release(*object);
        if constexpr (!traits::keeps) detail::end_object(*object);
    }

    // --- what is counted ----------------------------------------------------------------------------------------------

    template <class U>
    using atomic = typename A::sync::template atomic<U>;
    struct operation_counters {
        atomic<std::size_t> peak{0};
        atomic<unsigned long long> allocations{0};
        atomic<unsigned long long> frees{0};
        atomic<unsigned long long> failures{0};
    };
    struct no_counters {};

    void count_failure() noexcept {
        if constexpr (traits::counts) counters_.failures.fetch_add(1, detail::order::relaxed);
    }
    void raise_peak() noexcept {
        unsigned long long const given = counters_.allocations.load(detail::order::relaxed);
        unsigned long long const back = counters_.frees.load(detail::order::relaxed);
        if (given > back) detail::raise_to(counters_.peak, static_cast<std::size_t>(given - back));
    }

    store store_;
    [[no_unique_address]] std::conditional_t<traits::counts, operation_counters, no_counters> counters_{};
    [[no_unique_address]] std::conditional_t<traits::defers, typename store::pending, detail::no_pending_objects>
        pending_{};
};

}  // namespace framealloc
