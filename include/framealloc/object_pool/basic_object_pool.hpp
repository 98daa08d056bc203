// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/construct.hpp>
#include <framealloc/object_pool/detail/object_source.hpp>
#include <framealloc/object_pool/detail/object_assembly.hpp>
#include <framealloc/object_pool/detail/object_records.hpp>
#include <framealloc/object_pool/detail/pending_objects.hpp>
#include <framealloc/object_pool/hooks.hpp>
#include <framealloc/object_pool/object_pool_config.hpp>
#include <framealloc/object_pool/object_pool_stats.hpp>
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
///             handler where exceptions are off: FA501 when there are no more slots, FA302 when the backend refuses. Nothing has
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
    static_assert(alignof(T) <= max_alignment, "framealloc: the type's alignment is larger than any request's may be");

    using slot = detail::object_slot<T, A>;
    using site = detail::site_of<A>;
    using record = detail::object_record<A>;
    using chunk = detail::object_chunk;
    using storage = typename A::storage;
    using initialiser = typename A::initialiser;

    static constexpr bool checks = detail::keeps_records<A>;
    static constexpr bool counts = A::diagnostics::counts_operations;
    static constexpr bool fills = A::diagnostics::fills_released && checks && !initialiser::keeps;
    static constexpr bool defers = A::drop::defers;
    static constexpr bool shares = A::sharing::counts;
    static constexpr bool wants_bits =
        !A::slots::knows_live && (checks || !std::is_trivially_destructible_v<T> || detail::has_release_hook<T>);
    static constexpr bool resets_quietly = [] {
        if constexpr (initialiser::keeps) {
            return initialiser::template resets_quietly<T>();
        } else {
            return true;
        }
    }();
    static constexpr std::size_t record_bytes = checks ? sizeof(record) : 0;
    static constexpr layout slot_layout{.bytes = detail::round_up(slot::bytes, slot::align), .align = slot::align};
    static constexpr detail::chunk_layout within = detail::layout_of_chunk<A, record_bytes>(
        storage::slots_within | (storage::slots_within == 0), slot_layout, wants_bits);
    static_assert(within.is_possible(),
                  "framealloc: storage::in_place<N> comes to more bytes than any object may have");

public:
    using value_type = T;
    using assembly_type = A;
    using owned_type = owned<composed_object_pool>;
    using shared_type = basic_shared<T, typename A::sharing>;
    using weak_type = basic_weak<T, typename A::sharing>;

    /// Whether any number of threads may allocate and give back.
    static constexpr bool is_thread_safe = !A::one_thread;
    /// Whether giving back cannot throw.
    static constexpr bool releases_quietly = defers || (detail::releases_quietly<T> && resets_quietly);
    /// Whether ending an object cannot throw.
    static constexpr bool ends_quietly = detail::releases_quietly<T> && resets_quietly;
    /// Whether objects that are given back wait for `drop_pending()`.
    static constexpr bool defers_drop = defers;
    static constexpr bool knows_pool_of_object = shares;

    // --- beginning and end --------------------------------------------------------------------------------------------

    /// Throws `configuration_error`, which names all fields that are out of range, and `allocation_failure`.
    explicit composed_object_pool(object_pool_config config = default_config())
        requires(storage::slots_within == 0)
        : config_(std::move(config)) {
        check(config_);
        begin(config_.capacity);
    }
    /// The same with a backend that is moved in.
    composed_object_pool(object_pool_config config, typename A::backend backend)
        requires(storage::slots_within == 0)
        : source_(static_cast<typename A::backend&&>(backend)), config_(std::move(config)) {
        check(config_);
        begin(config_.capacity);
    }
    /// The same, with `capacity` slots and all else as it is by default.
    explicit composed_object_pool(std::size_t capacity)
        requires(storage::slots_within == 0)
        : composed_object_pool(object_pool_config{.capacity = capacity}) {}
    composed_object_pool(std::size_t capacity, typename A::backend backend)
        requires(storage::slots_within == 0)
        : composed_object_pool(object_pool_config{.capacity = capacity}, static_cast<typename A::backend&&>(backend)) {}
    /// Its objects are kept: they are made as `when` says.
    explicit composed_object_pool(initialisation when = initialisation::lazy, char const* name = nullptr)
        requires(storage::slots_within != 0)
        : config_{.capacity = storage::slots_within, .initialisation = when, .name = name} {
        check(config_);
        begin(storage::slots_within);
    }
    composed_object_pool(composed_object_pool const&) = delete;
    composed_object_pool& operator=(composed_object_pool const&) = delete;
    /// Ends what is still alive, in the order of addresses.
    ~composed_object_pool() { end(detail::here<A>()); }

    /// Throws `configuration_error`, which names all fields that are out of range for a pool of this type.
    static void check(object_pool_config const& config) {
        detail::check_object_pool_config(config, {.grows = storage::grows,
                                                  .keeps = initialiser::keeps,
                                                  .slot = slot_layout,
                                                  .bytes_beside_slots = 16 + record_bytes});
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
        requires shares
    {
        return shared_type::adopt(serve<true>(detail::here<A>(), static_cast<Args&&>(args)...));
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT shared_type try_make_shared(Args&&... args) FRAMEALLOC_LIFETIMEBOUND
        requires shares
    {
        return shared_type::adopt(serve<false>(detail::here<A>(), static_cast<Args&&>(args)...));
    }
    /// From one owner to any number.
    [[nodiscard]] static shared_type share(owned_type object) noexcept
        requires shares
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

    /// Calls `f(object)` for each that is alive, in the order of their addresses within each chunk, and of the chunks. `f` may give
    /// back the object that it is called with, or others, and allocate: what is allocated meanwhile may be visited or not.
    /// O(slots / 64 + live). While it runs no other thread uses the pool.
    template <class F>
    void for_each(F&& f) {
        static_assert(A::slots::knows_live,
                      "framealloc: which objects are alive is known to slots::bitmap; give the pool that policy");
        visit_live<T>(f);
    }
    template <class F>
    void for_each(F&& f) const {
        static_assert(A::slots::knows_live,
                      "framealloc: which objects are alive is known to slots::bitmap; give the pool that policy");
        visit_live<T const>(f);
    }

    // --- room ---------------------------------------------------------------------------------------------------------

    /// Sees to slots for `objects` in all, so that as many are served without asking the backend. False where the backend
    /// refuses, or the maximum is less; what has been added stays.
    bool try_reserve(std::size_t objects)
        requires(storage::grows)
    {
        for (std::size_t have = capacity(); have < objects; have = capacity()) {
            fault why;
            if (!grow_by(have, objects - have, why)) return false;
        }
        return true;
    }
    /// Gives the chunks back that have no object, as long as `config.capacity` slots stay; answers the bytes. O(free slots).
    std::size_t shrink() noexcept
        requires(storage::grows)
    {
        chunk* gone = nullptr;
        {
            lock_guard const guard{lock_};
            engine_.count_free(chunks_);
            std::size_t left = capacity_.load(detail::order::relaxed);
            for (chunk* const c : chunks_.all()) {
                c->leaves = c->counted == c->row.count && left - c->row.count >= config_.capacity;
                if (c->leaves) left -= c->row.count;
            }
            engine_.remove(chunks_);
            gone = chunks_.remove_leaving();
            capacity_.store(left, detail::order::relaxed);
        }
        std::size_t bytes = 0;
        while (gone != nullptr) {
            chunk* const next = gone->next;
            bytes += gone->whole.bytes;
            give_chunk_back(*gone);
            gone = next;
        }
        return bytes;
    }

    // --- what waits for its end ---------------------------------------------------------------------------------------

    /// Ends what has been given back, the oldest first; answers how many. Where two threads call it, one of them does it, and the
    /// other answers 0.
    std::size_t drop_pending()
        requires defers
    {
        return pending_.drop([this](void* object) { end_life(static_cast<T*>(object)); }, [] { return true; });
    }
    /// The same for as long as `budget` lasts: the clock is read after each object. At least one ends where any waits.
    template <class Clock = std::chrono::steady_clock>
    std::size_t drop_pending(std::chrono::nanoseconds budget)
        requires defers
    {
        auto const begun = Clock::now();
        return pending_.drop([this](void* object) { end_life(static_cast<T*>(object)); },
                             [begun, budget] { return Clock::now() - begun < budget; });
    }
    /// How many wait.
    [[nodiscard]] std::size_t pending() const noexcept
        requires defers
    {
        return pending_.count();
    }

    // --- what it has --------------------------------------------------------------------------------------------------

    /// Slots that there are.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_.load(detail::order::relaxed); }
    /// Slots that there may be.
    [[nodiscard]] std::size_t maximum() const noexcept {
        if constexpr (storage::grows) {
            return config_.maximum != 0 ? config_.maximum : object_pool_config::most_slots;
        } else {
            return capacity();
        }
    }
    /// Slots that are free now. Exact while nobody else uses the pool. O(1).
    [[nodiscard]] std::size_t available() const noexcept {
        lock_guard const guard{lock_};
        return engine_.available();
    }
    /// Objects that are allocated, those that wait for their end included.
    [[nodiscard]] std::size_t live() const noexcept {
        lock_guard const guard{lock_};
        std::size_t const taken =
            capacity_.load(detail::order::relaxed) - engine_.available() - retired_.load(detail::order::relaxed);
        return taken;
    }
    /// Bytes from one object to the next.
    [[nodiscard]] std::size_t slot_bytes() const noexcept { return stride_; }
    /// Whether `object` points to one of its slots. O(log chunks).
    [[nodiscard]] bool owns(T const* object) const noexcept {
        lock_guard const guard{lock_};
        chunk const* const c = chunks_.find(object);
        return c != nullptr && c->row.index_of(object) < c->row.count;
    }
    [[nodiscard]] object_pool_config const& config() const noexcept { return config_; }
    [[nodiscard]] auto& backend() noexcept
        requires(storage::slots_within == 0)
    {
        return source_.get();
    }
    [[nodiscard]] object_pool_stats stats() const noexcept {
        object_pool_stats s{.name = config_.name,
                            .capacity = capacity(),
                            .maximum = maximum(),
                            .live = live(),
                            .retired = retired_.load(detail::order::relaxed),
                            .slot_bytes = stride_};
        if constexpr (defers) s.pending = pending_.count();
        {
            lock_guard const guard{lock_};
            for (chunk const* const c : chunks_.all()) {
                s.bytes += c->whole.bytes;
                ++s.chunks;
            }
        }
        if constexpr (counts) {
            s.counted = true;
            s.peak = counters_.peak.load(detail::order::relaxed);
            s.allocations = counters_.allocations.load(detail::order::relaxed);
            s.frees = counters_.frees.load(detail::order::relaxed);
            s.failures = counters_.failures.load(detail::order::relaxed);
            s.growths = counters_.growths.load(detail::order::relaxed);
        }
        return s;
    }

    /// The pool of an object of it: it is noted behind each that can be shared.
    [[nodiscard]] static composed_object_pool& pool_of(T* object) noexcept
        requires shares
    {
        return static_cast<composed_object_pool&>(*control_of(object).pool);
    }

private:
    template <class U>
    using atomic = typename A::sync::template atomic<U>;
    struct no_lock {
        void lock() noexcept {}
        void unlock() noexcept {}
    };
    using lock_type = std::conditional_t<A::locks, typename A::sync::mutex, no_lock>;
    using lock_guard = detail::locked<lock_type>;

    // --- into service -------------------------------------------------------------------------------------------------

    [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
        lock_guard const guard{lock_};
        return engine_.take();
    }
    FRAMEALLOC_HOT void put_back(void* at) noexcept {
        lock_guard const guard{lock_};
        engine_.give(at);
    }

    template <bool Throws, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* serve(site at, Args&&... args) {
        static_assert(!initialiser::keeps || sizeof...(Args) == 0,
                      "framealloc: an object that is kept between uses takes no arguments; it is there already");
        void* place = take();
        if (place == nullptr) [[unlikely]] {
            place = take_more<Throws>(1, at);
            if (place == nullptr) return nullptr;
        }
        return begin_life(place, at, [&]([[maybe_unused]] auto&& undo) FRAMEALLOC_INLINED -> T* {
            if constexpr (initialiser::keeps) {
                return static_cast<T*>(place);
            } else {
                return detail::construct<T>(place, undo, static_cast<Args&&>(args)...);
            }
        });
    }

    /// Makes the object in a slot that was taken, by `make(undo)`; the slot is free again where that throws.
    template <class Make>
    [[nodiscard]] FRAMEALLOC_HOT T* begin_life(void* place, site at, Make&& make) {
        if constexpr (initialiser::keeps) {
            detail::memory_is_ours(place, sizeof(T));
            if (unsigned char& made = made_of(place); made == 0) [[unlikely]]
                make_kept(place, made);
        } else {
            detail::memory_is_given(place, sizeof(T));
        }
        if constexpr (checks) look_at_slot(place, at);
        T* const object = make([&]() FRAMEALLOC_INLINED { was_not_made(place); });
        if constexpr (shares) {
            auto& state = control_of(object).state;
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
        if constexpr (counts) {
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
        if constexpr (checks) record_of(place).become(detail::object_slot_state::free);
        if constexpr (fills) __builtin_memset(place, detail::freed_byte, sizeof(T));
        forbid(place);
        put_back(place);
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
                if constexpr (initialiser::keeps) {
                    return static_cast<T*>(place);
                } else if constexpr (std::is_same_v<std::remove_cvref_t<Generator>, std::nullptr_t>) {
                    return detail::construct<T>(place, not_made);
                } else {
                    FRAMEALLOC_TRY { return ::new (place) T(generator(made)); }
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
            for (std::size_t i = made + 1; i < into.size(); ++i) pool.put_back(into[i]);
            if constexpr (counts) pool.counters_.frees.fetch_add(made, detail::order::relaxed);
            while (made > 0) {
                slot_return const back{pool, into[--made], false};
                // What is thrown already goes on.
                FRAMEALLOC_TRY { detail::hooks::release(*back.object); }
                FRAMEALLOC_CATCH_ALL {}
            }
        }
    };
    /// Slots for all of `into`, or none.
    template <bool Throws>
    [[nodiscard]] bool take_n(std::span<T*> into, site at) {
        std::size_t taken = 0;
        {
            lock_guard const guard{lock_};
            while (taken < into.size()) {
                void* const place = engine_.take();
                if (place == nullptr) break;
                into[taken++] = static_cast<T*>(place);
            }
        }
        while (taken < into.size()) {
            void* place = nullptr;
            FRAMEALLOC_TRY { place = take_more<Throws>(into.size() - taken, at, taken); }
            FRAMEALLOC_CATCH_ALL {
                give_back_n(into.first(taken));
                FRAMEALLOC_RETHROW;
            }
            if (place == nullptr) {
                give_back_n(into.first(taken));
                return false;
            }
            into[taken++] = static_cast<T*>(place);
            while (taken < into.size() && (place = take()) != nullptr) into[taken++] = static_cast<T*>(place);
        }
        return true;
    }
    void give_back_n(std::span<T*> places) noexcept {
        lock_guard const guard{lock_};
        for (std::size_t i = places.size(); i > 0; --i) engine_.give(places[i - 1]);
    }

    // --- out of service -----------------------------------------------------------------------------------------------

    FRAMEALLOC_HOT void give(T* object, site at) noexcept(releases_quietly) {
        if constexpr (checks) {
            if (!may_be_freed(object, at)) [[unlikely]]
                return;
        }
        if constexpr (shares) {
            using control = typename A::sharing::control;
            auto& state = control_of(object).state;
            std::uint64_t const seen = state.load(detail::order::acquire);
            if (control::owners(seen) != 1) [[unlikely]]
                return refuse_free(object, control::owners(seen), at);
            state.store(seen - 1, detail::order::relaxed);
        }
        finish(object);
    }
    FRAMEALLOC_HOT void finish(T* object) noexcept(releases_quietly) {
        if constexpr (counts) counters_.frees.fetch_add(1, detail::order::relaxed);
        if constexpr (defers) {
            pending_.add(object);
        } else {
            end_life(object);
        }
    }
    FRAMEALLOC_HOT void end_life(T* object) noexcept(ends_quietly) {
        slot_return back{*this, object, initialiser::keeps};
        if constexpr (initialiser::keeps && !ends_quietly) {
            back.keeps = false;
            detail::hooks::release(*object);
            initialiser::reset(*object);
            back.keeps = true;
        } else {
            detail::hooks::release(*object);
            if constexpr (initialiser::keeps) initialiser::reset(*object);
        }
    }
    /// Destroys the object, unless it is kept, and frees its slot: also when a hook throws.
    struct slot_return {
        composed_object_pool& pool;
        T* object;
        bool keeps;
        FRAMEALLOC_HOT ~slot_return() {
            if constexpr (initialiser::keeps) {
                if (!keeps) {
                    object->~T();
                    pool.made_of(object) = 0;
                }
            } else {
                object->~T();
            }
            pool.free_slot(object);
        }
    };
    FRAMEALLOC_HOT void free_slot(void* place) noexcept {
        if constexpr (shares) {
            using control = typename A::sharing::control;
            auto& state = control_of(place).state;
            std::uint64_t const next =
                (state.load(detail::order::relaxed) & ~(control::one_generation - 1)) + control::one_generation;
            state.store(next, detail::order::release);
            if (next == 0) [[unlikely]]
                return retire(place);
        }
        if constexpr (fills) __builtin_memset(place, detail::freed_byte, sizeof(T));
        if constexpr (checks) record_of(place).become(detail::object_slot_state::free);
        forbid(place);
        put_back(place);
    }
    /// All generations of the slot are used up: handles to its objects could not be told apart any more.
    FRAMEALLOC_COLD void retire(void* place) noexcept {
        if constexpr (checks) record_of(place).become(detail::object_slot_state::free);
        retired_.fetch_add(1, detail::order::relaxed);
        lock_guard const guard{lock_};
        if constexpr (shares) {
            // No generation is this one's: a count that nobody owns, and nobody takes.
            control_of(place).state.store(0, detail::order::release);
        }
    }
    FRAMEALLOC_HOT static void forbid(void* place) noexcept {
        if constexpr (!initialiser::keeps && sizeof(T) > slot::used_while_free) {
            detail::memory_is_forbidden(detail::behind(place, slot::used_while_free),
                                        sizeof(T) - slot::used_while_free);
        }
    }
    static void end_shared_object(detail::object_pool_base& base, void* object) {
        static_cast<composed_object_pool&>(base).end_shared_here(static_cast<T*>(object));
    }
    void end_shared_here(T* object) noexcept(releases_quietly) {
        if constexpr (checks) {
            record& r = record_of(object);
            r.become(defers ? detail::object_slot_state::pending : detail::object_slot_state::free);
        }
        finish(object);
    }

    [[nodiscard]] static auto& control_of(void* object) noexcept
        requires shares
    {
        return *static_cast<typename A::sharing::control*>(detail::behind(object, detail::object_control_at<T>));
    }

    // --- what lies beside a slot --------------------------------------------------------------------------------------

    [[nodiscard]] chunk* chunk_of(void const* place) const noexcept {
        if constexpr (storage::grows) {
            lock_guard const guard{lock_};
            return chunks_.find(place);
        } else {
            return chunks_.find(place);  // it never changes
        }
    }
    [[nodiscard]] unsigned char& made_of(void const* place) const noexcept {
        chunk& c = *chunk_of(place);
        return c.made[c.row.index_of(place)];
    }
    [[nodiscard]] record& record_of(void const* place) const noexcept {
        chunk& c = *chunk_of(place);
        return static_cast<record*>(c.records)[c.row.index_of(place)];
    }

    // --- growth -------------------------------------------------------------------------------------------------------

    static object_pool_config default_config() { return {}; }
    void begin(std::size_t capacity) {
        std::size_t const align = config_.alignment > slot::align ? config_.alignment : slot::align;
        align_ = align;
        stride_ = detail::round_up(slot::bytes, align);
        if constexpr (shares) this->end_shared = &end_shared_object;
        fault why;
        if (add_chunk(0, capacity, why)) return;
        throw_refusal(why, detail::here<A>());
    }

    /// A slot where there was none: grows, or ends what waits. Null, or a throw, where that is of no use. `besides` slots are
    /// taken for the same request.
    template <bool Throws>
    FRAMEALLOC_COLD void* take_more(std::size_t wanted, site at,
                                    [[maybe_unused]] std::size_t besides = 0) noexcept(!Throws) {
        fault why = detail::said(fault_code::object_pool_exhausted);
        for (;;) {
            std::size_t const have = capacity();
            bool grown = false;
            if constexpr (storage::grows) {
                if constexpr (Throws) {
                    grown = grow(have, wanted, why);
                } else {
                    FRAMEALLOC_TRY { grown = grow(have, wanted, why); }
                    FRAMEALLOC_CATCH_ALL {}
                }
            }
            bool dropped = false;
            if constexpr (defers) {
                if (!grown) {
                    FRAMEALLOC_TRY { dropped = drop_pending() != 0; }
                    FRAMEALLOC_CATCH_ALL { dropped = true; }
                }
            }
            if (void* const place = take()) return place;
            if (!grown && !dropped) break;
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
        detail::object_pool_sites const sites = sites_of(at);
        why.sites = &sites;
        detail::throw_failure(why, slot_layout);
    }
    /// Grows as the configuration says. False where it may not, or cannot: `why` says which.
    [[nodiscard]] bool grow(std::size_t have, std::size_t wanted, fault& why)
        requires(storage::grows)
    {
        // More than it may have cannot be served: it stays as it is.
        if (have >= maximum() || maximum() - have < wanted) return false;
        std::size_t const step = config_.growth.step(have);
        if (step == 0) return false;
        return grow_by(have, step > wanted || config_.growth.which() == growth::kind::custom ? step : wanted, why);
    }
    [[nodiscard]] bool grow_by(std::size_t have, std::size_t slots, fault& why) {
        std::size_t const room = have < maximum() ? maximum() - have : 0;
        if (room == 0) return false;
        return add_chunk(have, slots < room ? slots : room, why);
    }
    /// Adds a chunk where the capacity is still `have`; where it is not, somebody else has grown. What may fail comes first, while
    /// no lock is held.
    [[nodiscard]] bool add_chunk(std::size_t have, std::size_t slots, fault& why) {
        if (!widen_directory(why)) return false;
        chunk* const c = make_chunk(slots, why);
        if (c == nullptr) return false;
        if constexpr (initialiser::keeps) {
            if (config_.initialisation == initialisation::eager) make_all(*c);
        }
        bool added = false;
        {
            lock_guard const guard{lock_};
            if (capacity_.load(detail::order::relaxed) == have && chunks_.has_room()) {
                chunks_.add(*c);
                engine_.add(*c, chunks_);
                capacity_.store(have + slots, detail::order::relaxed);
                added = true;
            }
        }
        if (!added) {
            give_chunk_back(*c);
        } else if constexpr (counts) {
            if (have != 0) counters_.growths.fetch_add(1, detail::order::relaxed);
        }
        return true;
    }
    [[nodiscard]] bool widen_directory([[maybe_unused]] fault& why) noexcept {
        if constexpr (storage::grows) {
            std::size_t room = 0;
            {
                lock_guard const guard{lock_};
                if (chunks_.has_room()) return true;
                room = chunks_.room() * 2;
            }
            directory_block b{.whole = layout::array_of<chunk*>(room)};
            void* const place = source_.take(b.whole, b.giver);
            if (place == nullptr) return refused(b.whole, why);
            chunk** before = nullptr;
            {
                lock_guard const guard{lock_};
                if (chunks_.room() >= room) {
                    before = static_cast<chunk**>(place);  // somebody else was there first
                } else {
                    before = chunks_.move_to(static_cast<chunk**>(place), room);
                    std::swap(directory_, b);
                }
            }
            if (before != nullptr) source_.give_back(before, b.whole, b.giver);
        }
        return true;
    }
    static bool refused(layout request, fault& why) noexcept {
        why = detail::said(fault_code::out_of_memory, "asked for %llu bytes, align %llu, for an object pool",
                           request.bytes, request.align);
        return false;
    }
    [[nodiscard]] chunk* make_chunk(std::size_t slots, fault& why) noexcept {
        detail::chunk_layout const l =
            detail::layout_of_chunk<A, record_bytes>(slots, {.bytes = stride_, .align = align_}, wants_bits);
        giver_byte giver = 0;
        void* const place = l.is_possible() ? source_.take(l.whole, giver) : nullptr;
        if (place == nullptr) return refused(l.whole, why), nullptr;
        chunk* const c = ::new (place) chunk{};
        c->whole = l.whole;
        c->giver = giver;
        c->row = detail::slot_row{detail::behind(place, l.slots), stride_, slots};
        c->beside = detail::behind(place, l.beside);
        if constexpr (A::slots::is_lock_free) {
            auto* const links = static_cast<typename A::slots::link*>(c->beside);
            for (std::size_t i = 0; i < slots; ++i) ::new (static_cast<void*>(links + i)) typename A::slots::link{0};
        }
        if constexpr (wants_bits) c->bits = static_cast<std::uint64_t*>(detail::behind(place, l.bits));
        if constexpr (initialiser::keeps) {
            c->made = static_cast<unsigned char*>(__builtin_memset(detail::behind(place, l.made), 0, slots));
        }
        if constexpr (checks) {
            auto* const records = static_cast<record*>(detail::behind(place, l.records));
            for (std::size_t i = 0; i < slots; ++i) ::new (static_cast<void*>(records + i)) record{};
            c->records = records;
        }
        for (std::size_t i = 0; (shares || defers) && i < slots; ++i) {
            if constexpr (shares) {
                using control = typename A::sharing::control;
                ::new (static_cast<void*>(&control_of(c->row.slot(i)))) control{.pool = this};
            }
            if constexpr (defers) pending_.ready(c->row.slot(i));
        }
        if constexpr (!shares && !slot::links_behind) {
            detail::memory_is_forbidden(c->row.base, slots * stride_);
        } else {
            for (std::size_t i = 0; detail::memory_tool && i < slots; ++i) forbid(c->row.slot(i));
        }
        return c;
    }
    void make_all(chunk& c) {
        std::size_t i = 0;
        FRAMEALLOC_TRY {
            for (; i < c.row.count; ++i) {
                detail::memory_is_ours(c.row.slot(i), sizeof(T));
                initialiser::template make<T>(c.row.slot(i));
                c.made[i] = 1;
            }
        }
        FRAMEALLOC_CATCH_ALL {
            give_chunk_back(c);
            FRAMEALLOC_RETHROW;
        }
    }
    /// With what is kept in it.
    void give_chunk_back(chunk& c) noexcept {
        if constexpr (initialiser::keeps) {
            for (std::size_t i = 0; i < c.row.count; ++i) {
                if (c.made[i] != 0) static_cast<T*>(c.row.slot(i))->~T();
            }
        }
        layout const whole = c.whole;
        giver_byte const giver = c.giver;
        detail::memory_is_left(&c, whole.bytes);
        source_.give_back(&c, whole, giver);
    }

    // --- who is alive -------------------------------------------------------------------------------------------------

    template <class U, class F>
    void visit_live(F&& f) const {
        // The directory may move meanwhile.
        for (chunk const* c = chunks_.lowest(); c != nullptr; c = chunks_.next_above(*c)) {
            engine::for_each_taken(*c, [&](void* place) FRAMEALLOC_INLINED {
                if constexpr (defers) {
                    if (pending_.waits(place)) return;
                }
                if constexpr (shares) {
                    if (A::sharing::control::owners(control_of(place).state.load(detail::order::relaxed)) == 0) return;
                }
                f(*static_cast<U*>(place));
            });
        }
    }

    /// Calls `f(object)` for each that is alive as the pool ends. Objects that `f` ends besides are not visited.
    template <class F>
    void visit_last(F&& f) noexcept {
        if constexpr (A::slots::knows_live) {
            visit_live<T>(f);
        } else if constexpr (wants_bits) {
            auto const mark_free = [&](void* place) noexcept {
                chunk& c = *chunks_.find(place);
                std::size_t const i = c.row.index_of(place);
                c.bits[i / 64] &= ~(std::uint64_t{1} << i % 64);
            };
            for (chunk* const c : chunks_.all()) note_used(*c);
            engine_.drain(mark_free);
            for (chunk* const c : chunks_.all()) {
                for (std::size_t at = 0; at < c->row.count; at += 64) {
                    for (std::uint64_t todo = ~std::uint64_t{0}; (todo &= c->bits[at / 64]) != 0;) {
                        auto const bit = static_cast<std::size_t>(std::countr_zero(todo));
                        todo &= todo - 1;
                        void* const place = c->row.slot(at + bit);
                        bool retired = false;
                        if constexpr (shares) {
                            retired =
                                A::sharing::control::owners(control_of(place).state.load(detail::order::relaxed)) == 0;
                        }
                        if (!retired) f(*static_cast<T*>(place));
                        engine_.drain(mark_free);
                    }
                }
            }
        }
    }
    /// Sets the bits of all slots that were ever given out.
    void note_used(chunk& c) noexcept {
        std::size_t const used = engine_.carved(c);
        for (std::size_t at = 0; at < c.row.count; at += 64) {
            std::size_t const left = used > at ? used - at : 0;
            c.bits[at / 64] = left < 64 ? (std::uint64_t{1} << left) - 1 : ~std::uint64_t{0};
        }
    }

    void end(site at) noexcept {
        if constexpr (defers) static_cast<void>(drop_pending());
        if constexpr (storage::grows) config_.maximum = capacity();
        if constexpr (checks) report_live(at);
        if constexpr (!std::is_trivially_destructible_v<T> || detail::has_release_hook<T>) {
            visit_last([](T& object) noexcept {
                detail::hooks::release(object);
                if constexpr (!initialiser::keeps) object.~T();
            });
        }
        chunk* c = nullptr;
        for (chunk* const each : chunks_.all()) {
            each->next = c;
            c = each;
        }
        if constexpr (storage::grows) {
            if (chunk** const elsewhere = chunks_.storage_elsewhere()) {
                source_.give_back(elsewhere, directory_.whole, directory_.giver);
            }
        }
        while (c != nullptr) {
            chunk* const next = c->next;
            give_chunk_back(*c);
            c = next;
        }
    }

    // --- what is checked ----------------------------------------------------------------------------------------------

    [[nodiscard]] detail::object_pool_sites sites_of(site at, record const* r = nullptr) const noexcept {
        detail::object_pool_sites sites{{.write = &detail::write_object_pool_sites}, config_.name};
        if constexpr (detail::wants_sites<A>) sites.mistake_at = at.address;
        if (r != nullptr) {
            sites.allocated_at = r->allocated_at.load(detail::order::relaxed);
            if (r->seen() != detail::object_slot_state::live) sites.freed_at = r->freed_at.load(detail::order::relaxed);
        }
        return sites;
    }
    FRAMEALLOC_COLD void blame(fault_kind code, site at, record const* r, char const* note, unsigned long long first,
                               unsigned long long second = 0, unsigned long long third = 0) const {
        fault f = detail::said(code, note, first, second, third);
        f.stops = A::diagnostics::stops_on_misuse;
        detail::object_pool_sites const sites = sites_of(at, r);
        f.sites = &sites;
        report(f);
    }
    void look_at_slot(void* place, site at) noexcept {
        record& r = record_of(place);
        if constexpr (fills && sizeof(T) > slot::used_while_free) {
            std::uintptr_t const begin = detail::address_of(place), end = begin + sizeof(T);
            if (r.seen() == detail::object_slot_state::free) {
                std::uintptr_t const wrong = detail::find_late_write(begin + slot::used_while_free, end);
                if (wrong != end) {
                    blame(fault_code::write_after_free, at, &r,
                          "byte %llu of the %llu of the object's slot is 0x%llx; expected 0xcd", wrong - begin,
                          sizeof(T), *detail::pointer_to<unsigned char const>(wrong));
                }
            }
        }
        r.allocated_at.store(address_of_site(at), detail::order::relaxed);
        r.become(detail::object_slot_state::live);
    }
    [[nodiscard]] static void const* address_of_site(site at) noexcept {
        if constexpr (detail::wants_sites<A>) {
            return at.address;
        } else {
            return nullptr;
        }
    }
    [[nodiscard]] bool may_be_freed(T* object, site at) {
        chunk* const c = chunk_of(object);
        std::size_t const index = c != nullptr ? c->row.index_of(object) : 0;
        if (c == nullptr) {
            blame(fault_code::object_of_another_pool, at, nullptr, "0x%llx lies in none of the %llu slots of the pool",
                  detail::address_of(object), capacity());
            return false;
        }
        if (index >= c->row.count) {
            std::uintptr_t const offset = detail::address_of(object) - detail::address_of(c->row.base);
            blame(fault_code::object_of_another_pool, at, nullptr,
                  "0x%llx lies %llu bytes behind the begin of a slot; expected the begin", detail::address_of(object),
                  offset % stride_);
            return false;
        }
        record& r = static_cast<record*>(c->records)[index];
        auto const to = defers ? detail::object_slot_state::pending : detail::object_slot_state::free;
        if (r.become(detail::object_slot_state::live, to)) {
            r.freed_at.store(address_of_site(at), detail::order::relaxed);
            return true;
        }
        blame(fault_code::object_not_live, at, &r, "slot %llu of the pool, at 0x%llx, has no object that is alive",
              index, detail::address_of(object));
        return false;
    }
    FRAMEALLOC_COLD void refuse_free(T* object, unsigned long long owners, site at) {
        if (owners == 0) {
            return blame(fault_code::object_not_live, at, nullptr, "the slot at 0x%llx has no object that is alive",
                         detail::address_of(object));
        }
        if constexpr (checks) record_of(object).become(detail::object_slot_state::live);
        blame(fault_code::object_still_shared, at, nullptr, "%llu handles own the object at 0x%llx", owners,
              detail::address_of(object));
    }
    /// Names the first few, and how many they are in all.
    FRAMEALLOC_COLD void report_live(site at) noexcept {
        static constexpr unsigned long long most_named = 8;
        unsigned long long alive = 0;
        for (chunk* const c : chunks_.all()) {
            auto* const records = static_cast<record*>(c->records);
            for (std::size_t i = 0; i < c->row.count; ++i) {
                if (records[i].seen() != detail::object_slot_state::live || ++alive > most_named) continue;
                fault f =
                    detail::said(fault_code::object_pool_ended_early, "the object at 0x%llx, in slot %llu, is alive",
                                 detail::address_of(c->row.slot(i)), i);
                detail::object_pool_sites const sites = sites_of(at, &records[i]);
                f.sites = &sites;
                report(f);
            }
        }
        if (alive == 0) return;
        blame(fault_code::object_pool_ended_early, at, nullptr, "%llu objects of the pool are alive as it ends", alive);
    }

    // --- what is counted ----------------------------------------------------------------------------------------------

    struct operation_counts_of_pool {
        atomic<std::size_t> peak{0};
        atomic<std::size_t> live{0};
        atomic<unsigned long long> allocations{0};
        atomic<unsigned long long> frees{0};
        atomic<unsigned long long> failures{0};
        atomic<unsigned long long> growths{0};
    };
    struct no_counts {};

    void count_failure() noexcept {
        if constexpr (counts) counters_.failures.fetch_add(1, detail::order::relaxed);
    }
    void raise_peak() noexcept {
        unsigned long long const given = counters_.allocations.load(detail::order::relaxed);
        unsigned long long const back = counters_.frees.load(detail::order::relaxed);
        if (given > back) detail::raise_to(counters_.peak, static_cast<std::size_t>(given - back));
    }

    using engine = typename A::slots::template engine<slot::link_at>;
    struct directory_block {
        layout whole{};
        giver_byte giver = 0;
    };

    engine engine_{};
    [[no_unique_address]] mutable lock_type lock_{};
    [[no_unique_address]] std::conditional_t<counts, operation_counts_of_pool, no_counts> counters_{};
    [[no_unique_address]] std::conditional_t<defers, detail::pending_objects<A, slot::link_at>,
                                             detail::no_pending_objects> pending_{};
    detail::chunk_directory chunks_{};
    atomic<std::size_t> capacity_{0};
    atomic<std::size_t> retired_{0};
    std::size_t stride_ = 0;
    std::size_t align_ = 0;
    directory_block directory_{};
    detail::object_source<A, storage::slots_within == 0 ? 0 : within.whole.bytes, within.whole.align> source_{};
    object_pool_config config_{};
};

/// An object pool of policies in any order; see `composed_object_pool`.
template <class T, class... Policies>
using basic_object_pool = composed_object_pool<T, typename decltype(detail::assemble_objects<Policies...>())::type>;

/// Whether any number of threads may use pools of this type.
template <class Pool>
inline constexpr bool is_thread_safe_v = Pool::is_thread_safe;

}  // namespace framealloc
