// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The six families of policies: what each promises, as a concept of small clauses, and beside it a `require_...` type
// that says in words which clause a policy misses.

#include <framealloc/backend_result.hpp>
#include <framealloc/frame_chunk.hpp>
#include <framealloc/layout.hpp>

#include <concepts>
#include <type_traits>

namespace framealloc::inline v0_1 {

struct backend_family {};
struct arena_family {};
struct pool_family {};
struct sync_family {};
struct budget_family {};
struct diagnostics_family {};

namespace detail {
/// What only a constant can be put into. A function of the same name converts to bool as well, and a variable to a size.
template <std::size_t N>
struct size_constant {};
}  // namespace detail

template <class P>
concept policy = requires { typename P::family; };

template <class P, class Family>
concept in_family = policy<P> && std::same_as<typename P::family, Family>;

// --- backend: where raw memory comes from -----------------------------------------------------------------------------

template <class B>
concept has_try_allocate = requires(B& backend, layout request) {
    { backend.try_allocate(request) } noexcept -> backend_answer;
};
template <class B>
concept has_deallocate = requires(B& backend, void* p, layout given) {
    { backend.deallocate(p, given) } noexcept;
} || requires(B& backend, void* p, layout given, giver_byte giver) {
    { backend.deallocate(p, given, giver) } noexcept;
};
/// Optional: address space first, memory later. All four or none. With givers, the last three take one more argument.
template <class B>
concept has_virtual_memory = requires(B& backend, void* p, std::size_t bytes, layout range) {
    { backend.reserve(range) } noexcept -> backend_answer;
    { backend.commit(p, bytes) } noexcept -> std::same_as<bool>;
    { backend.decommit(p, bytes) } noexcept -> std::same_as<bool>;
    { backend.release(p, range) } noexcept -> std::same_as<bool>;
} || requires(B& backend, void* p, std::size_t bytes, layout range, giver_byte giver) {
    { backend.reserve(range) } noexcept -> backend_answer;
    { backend.commit(p, bytes, giver) } noexcept -> std::same_as<bool>;
    { backend.decommit(p, bytes, giver) } noexcept -> std::same_as<bool>;
    { backend.release(p, range, giver) } noexcept -> std::same_as<bool>;
};
/// Optional: whole pages of committed memory may lose their contents and give their memory back, and stay committed: the
/// next write brings fresh memory. False: unchanged.
template <class B>
concept has_discard = requires(B& backend, void* p, std::size_t bytes) {
    { backend.discard(p, bytes) } noexcept -> std::same_as<bool>;
} || requires(B& backend, void* p, std::size_t bytes, giver_byte giver) {
    { backend.discard(p, bytes, giver) } noexcept -> std::same_as<bool>;
};
/// Optional: `static constexpr bool is_thread_safe = true` frees the heap path of a lock around each call.
template <class B>
concept declares_thread_safety = requires { typename std::bool_constant<B::is_thread_safe>; };
/// Optional: a backend over one buffer says how large it is and, at run time, where it begins.
template <class B>
concept has_bounded_range = requires(B& backend) {
    typename detail::size_constant<B::capacity_bytes>;
    { backend.base() } noexcept -> std::same_as<void*>;
};

/// Where raw memory comes from. `try_allocate` answers memory of at least `request.bytes`, aligned to `request.align`, or
/// null; `deallocate` takes it back with the same layout. `request.bytes` is never zero. Calls may come from any thread,
/// one at a time unless the backend declares itself thread-safe. A backend that passes requests on answers a
/// `backend_result`, and is handed the giver back in front of whatever it gave.
template <class P>
concept BackendPolicy = in_family<P, backend_family> && has_try_allocate<P> && has_deallocate<P>;

template <class B>
inline constexpr bool backend_is_thread_safe = false;
template <declares_thread_safety B>
inline constexpr bool backend_is_thread_safe<B> = B::is_thread_safe;

// --- arena: how a frame grows -----------------------------------------------------------------------------------------

/// What an arena engine is given to get chunks from; offers what is promised and no more.
struct chunk_source_archetype {
    /// A chunk of exactly `whole.bytes` bytes, head included, its head aligned to `whole.align`; null when there is none.
    frame_chunk* take(layout whole) noexcept;
    /// Chunks that the frame no longer needs.
    void give_back(chunk_chain chunks) noexcept;

    // Only over backends with virtual memory, for an arena that says `needs_virtual_memory`:
    /// A chunk in `whole.bytes` of address space, of which the first `bytes` have memory; null when there is none.
    frame_chunk* take_growing(layout whole, std::size_t bytes) noexcept;
    /// Memory for `more` bytes behind those that the chunk has. False: none, and nothing has changed.
    bool grow(frame_chunk& chunk, std::size_t more) noexcept;
    /// Gives such a chunk back, with its address space. False: the backend would not take it.
    bool give_back_growing(frame_chunk* chunk, layout whole) noexcept;
};

namespace detail {
struct used_range_archetype {
    void operator()(std::uintptr_t, std::uintptr_t) const noexcept {}
};
template <class P>
using arena_engine_of = typename P::template engine<chunk_source_archetype>;
}  // namespace detail

template <class P>
concept has_arena_engine = requires { typename detail::arena_engine_of<P>; };
template <class E>
concept has_allocate = requires(E& engine, frame_window& window, layout request, chunk_source_archetype& source) {
    { engine.allocate(window, request, source) } noexcept -> std::same_as<void*>;
};
template <class E>
concept has_prepare = requires(E& engine, frame_window& window, chunk_source_archetype& source) {
    { engine.prepare(window, source) } noexcept -> std::same_as<bool>;
};
template <class E>
concept has_open = requires(E& engine, frame_window& window) {
    { engine.open(window) } noexcept;
};
template <class E>
concept has_position = requires(E const& engine, frame_window const& window) {
    { engine.position(window) } noexcept -> std::same_as<frame_position>;
};
template <class E>
concept has_rewind = requires(E& engine, frame_window& window, frame_position to, chunk_source_archetype& source) {
    { engine.rewind(window, to, source) } noexcept;
};
template <class E>
concept has_reset = requires(E& engine, frame_window& window, chunk_source_archetype& source) {
    { engine.reset(window, source) } noexcept;
};
template <class E>
concept has_release = requires(E& engine, frame_window& window, chunk_source_archetype& source) {
    { engine.release(window, source) } noexcept;
};
template <class E>
concept has_byte_counts = requires(E const& engine, frame_window const& window) {
    { engine.used_bytes(window) } noexcept -> std::same_as<std::size_t>;
    { engine.reserved_bytes() } noexcept -> std::same_as<std::size_t>;
    { engine.wasted_bytes() } noexcept -> std::same_as<std::size_t>;
};
template <class E>
concept has_for_each_used = requires(E const& engine, frame_window const& window, frame_position from) {
    engine.for_each_used(window, from, detail::used_range_archetype{});
};

/// How a frame grows. The hot path is `frame_window`'s and the same for every arena; an engine, one per thread and
/// instance, serves what the window cannot: `allocate` makes room and serves the request, or answers null with nothing
/// changed. `chunk_stack` has everything but `allocate` and `prepare`. A policy may say more:
///
///     static constexpr std::size_t max_frame_bytes         the most that one frame can use
///     static constexpr bool needs_virtual_memory = true    it grows chunks in place
///     static constexpr std::size_t frames_in_flight = n    the last n frames stay alive; `reset` ends the oldest
template <class P>
concept ArenaPolicy = in_family<P, arena_family> && has_arena_engine<P> && has_allocate<detail::arena_engine_of<P>> &&
                      has_prepare<detail::arena_engine_of<P>> && has_open<detail::arena_engine_of<P>> &&
                      has_position<detail::arena_engine_of<P>> && has_rewind<detail::arena_engine_of<P>> &&
                      has_reset<detail::arena_engine_of<P>> && has_release<detail::arena_engine_of<P>> &&
                      has_byte_counts<detail::arena_engine_of<P>> && has_for_each_used<detail::arena_engine_of<P>>;

/// How many of a thread's latest frames an arena keeps alive, the current one included: 1 unless the policy says more.
template <class P>
inline constexpr std::size_t frames_in_flight_of = 1;
template <class P>
    requires requires { typename detail::size_constant<P::frames_in_flight>; }
inline constexpr std::size_t frames_in_flight_of<P> = P::frames_in_flight;

// --- pool: size classes and slab shape --------------------------------------------------------------------------------

/// The most size classes that a pool policy may have.
inline constexpr std::size_t max_pool_classes = 48;

template <class P>
concept has_class_table = requires(std::size_t c) {
    typename detail::size_constant<P::class_count>;
    typename detail::size_constant<P::max_bytes>;
    typename detail::size_constant<P::slab_bytes>;
    { P::class_bytes(c) } noexcept -> std::same_as<std::size_t>;
};
template <class P>
concept has_class_for = requires(layout request) {
    { P::class_for(request) } noexcept -> std::same_as<std::size_t>;
};

/// Size classes. `class_for(request)` is `constexpr` and answers the smallest class whose bytes hold the request and are a
/// multiple of its alignment, or `class_count` when the heap has to serve it. `slab_bytes` is a power of two.
template <class P>
concept PoolPolicy = in_family<P, pool_family> && has_class_table<P> && has_class_for<P>;

// --- sync: where thread state lives, how threads meet -----------------------------------------------------------------

template <class P>
concept declares_one_thread = requires { typename std::bool_constant<P::one_thread>; };
template <class P>
concept has_atomic = requires { typename P::template atomic<std::size_t>; };
template <class P>
concept has_mutex = requires(typename P::mutex& m) {
    m.lock();
    m.unlock();
    { m.try_lock() } -> std::same_as<bool>;
};
template <class P>
concept has_exchange = requires(typename P::template exchange<int, 4>& e, int* item) {
    { e.try_put(item) } noexcept -> std::same_as<bool>;
    { e.try_take() } noexcept -> std::same_as<int*>;
};

/// Optional: `static constexpr bool returns_to_owner = true` sends full batches of freed blocks home, through
/// `template <class T, std::size_t Depth> class inbox`.
template <class P>
inline constexpr bool returns_to_owner = false;
template <class P>
    requires requires { requires P::returns_to_owner; }
inline constexpr bool returns_to_owner<P> = true;

/// How threads meet. `exchange<T, Depth>` is a first-in first-out queue of at most `Depth` pointers whose two operations
/// never wait: they answer false or null instead. `mutex` guards cold paths only. With `one_thread` the state lives inside
/// the allocator object.
template <class P>
concept SyncPolicy =
    in_family<P, sync_family> && declares_one_thread<P> && has_atomic<P> && has_mutex<P> && has_exchange<P>;

// --- budget: limits ---------------------------------------------------------------------------------------------------

template <class P>
concept has_charge = requires(P& budget, std::size_t bytes) {
    { budget.try_charge(bytes) } noexcept -> std::same_as<bool>;
    { budget.refund(bytes) } noexcept;
};
template <class P>
concept has_budget_figures = requires(P const& budget) {
    { budget.used_bytes() } noexcept -> std::same_as<std::size_t>;
    { budget.limit_bytes() } noexcept -> std::same_as<std::size_t>;
};

/// Optional: `static constexpr bool charges_tags = true` has every request charged to the tag that it is made under, through
/// what `budget::per_tag` shows under "what the framework asks".
template <class P>
inline constexpr bool charges_tags = false;
template <class P>
    requires requires { requires P::charges_tags; }
inline constexpr bool charges_tags<P> = true;

/// Limits. `try_charge` is asked before memory is taken from the backend, `refund` is told when it goes back.
template <class P>
concept BudgetPolicy = in_family<P, budget_family> && has_charge<P> && has_budget_figures<P>;

// --- diagnostics: what is observed and checked ------------------------------------------------------------------------

/// Operation counts and requested bytes of one thread or of many.
struct operation_counts {
    unsigned long long frame_allocations = 0;
    unsigned long long frame_requested_bytes = 0;
    unsigned long long pool_allocations = 0;
    unsigned long long pool_frees = 0;
    unsigned long long pool_requested_bytes = 0;
    unsigned long long heap_allocations = 0;
    unsigned long long heap_frees = 0;
    unsigned long long heap_requested_bytes = 0;

    operation_counts& operator+=(operation_counts const& other) noexcept {
        frame_allocations += other.frame_allocations;
        frame_requested_bytes += other.frame_requested_bytes;
        pool_allocations += other.pool_allocations;
        pool_frees += other.pool_frees;
        pool_requested_bytes += other.pool_requested_bytes;
        heap_allocations += other.heap_allocations;
        heap_frees += other.heap_frees;
        heap_requested_bytes += other.heap_requested_bytes;
        return *this;
    }
    operation_counts& operator-=(operation_counts const& other) noexcept {
        frame_allocations -= other.frame_allocations;
        frame_requested_bytes -= other.frame_requested_bytes;
        pool_allocations -= other.pool_allocations;
        pool_frees -= other.pool_frees;
        pool_requested_bytes -= other.pool_requested_bytes;
        heap_allocations -= other.heap_allocations;
        heap_frees -= other.heap_frees;
        heap_requested_bytes -= other.heap_requested_bytes;
        return *this;
    }
    friend bool operator==(operation_counts const&, operation_counts const&) noexcept = default;
};

template <class P>
concept has_levels = requires {
    typename std::bool_constant<P::counts_operations>;
    typename std::bool_constant<P::checks_blocks>;
    typename std::bool_constant<P::fills_released>;
    typename std::bool_constant<P::stops_on_misuse>;
};
template <class P>
concept has_thread_part = requires(typename P::thread_part& part, typename P::thread_part const& read, std::size_t n) {
    { part.on_frame_allocate(n) } noexcept;
    { part.on_pool_allocate(n) } noexcept;
    { part.on_pool_free() } noexcept;
    { part.on_heap_allocate(n) } noexcept;
    { part.on_heap_free() } noexcept;
    { read.counts() } noexcept -> std::same_as<operation_counts>;
};

/// What is observed and checked. The four flags are compile-time switches of the framework's own checks; `thread_part`
/// holds what one thread counts, and an empty one costs nothing. A policy that counts operations may say more:
///
///     using clock = type          what frames and phases are timed by; `monotonic_clock` where it does not say
template <class P>
concept DiagnosticsPolicy = in_family<P, diagnostics_family> && has_levels<P> && has_thread_part<P>;

// --- the same, in words -----------------------------------------------------------------------------------------------

/// One type per family that states the missing clause. Instantiated only for a policy that fails its concept.
template <class P>
struct require_backend {
    static_assert(has_try_allocate<P>,
                  "framealloc: a backend policy needs `void* try_allocate(framealloc::layout) noexcept`");
    static_assert(has_deallocate<P>,
                  "framealloc: a backend policy needs `void deallocate(void*, framealloc::layout) noexcept`");
};
template <class P>
struct require_arena {
    static_assert(has_arena_engine<P>, "framealloc: an arena policy needs `template <class ChunkSource> class engine`");
};
template <has_arena_engine P>
struct require_arena<P> {
    using E = detail::arena_engine_of<P>;
    static_assert(has_allocate<E>,
                  "framealloc: an arena engine needs "
                  "`void* allocate(frame_window&, layout, ChunkSource&) noexcept`");
    static_assert(has_prepare<E>,
                  "framealloc: an arena engine needs `bool prepare(frame_window&, ChunkSource&) noexcept`");
    static_assert(has_open<E>, "framealloc: an arena engine needs `void open(frame_window&) noexcept`");
    static_assert(has_position<E>,
                  "framealloc: an arena engine needs `frame_position position(frame_window const&) const noexcept`");
    static_assert(has_rewind<E>,
                  "framealloc: an arena engine needs "
                  "`void rewind(frame_window&, frame_position, ChunkSource&) noexcept`");
    static_assert(has_reset<E>, "framealloc: an arena engine needs `void reset(frame_window&, ChunkSource&) noexcept`");
    static_assert(has_release<E>,
                  "framealloc: an arena engine needs `void release(frame_window&, ChunkSource&) noexcept`");
    static_assert(has_byte_counts<E>,
                  "framealloc: an arena engine needs `std::size_t used_bytes(frame_window const&) "
                  "const noexcept`, `std::size_t reserved_bytes() const noexcept` and "
                  "`std::size_t wasted_bytes() const noexcept`");
    static_assert(has_for_each_used<E>,
                  "framealloc: an arena engine needs "
                  "`void for_each_used(frame_window const&, frame_position, F) const noexcept`");
};
template <class P>
struct require_pool {
    static_assert(has_class_table<P>,
                  "framealloc: a pool policy needs `class_count`, `max_bytes`, `slab_bytes` and "
                  "`static constexpr std::size_t class_bytes(std::size_t) noexcept`");
    static_assert(
        has_class_for<P>,
        "framealloc: a pool policy needs `static constexpr std::size_t class_for(framealloc::layout) noexcept`");
};
template <class P>
struct require_sync {
    static_assert(declares_one_thread<P>, "framealloc: a sync policy needs `static constexpr bool one_thread`");
    static_assert(has_atomic<P>, "framealloc: a sync policy needs `template <class T> using atomic`");
    static_assert(has_mutex<P>, "framealloc: a sync policy needs a type `mutex` with lock(), unlock() and try_lock()");
    static_assert(has_exchange<P>,
                  "framealloc: a sync policy needs `template <class T, std::size_t Depth> class exchange` "
                  "with `bool try_put(T*) noexcept` and `T* try_take() noexcept`");
};
template <class P>
struct require_budget {
    static_assert(has_charge<P>,
                  "framealloc: a budget policy needs `bool try_charge(std::size_t) noexcept` and "
                  "`void refund(std::size_t) noexcept`");
    static_assert(has_budget_figures<P>,
                  "framealloc: a budget policy needs `std::size_t used_bytes() const noexcept` and "
                  "`std::size_t limit_bytes() const noexcept`");
};
template <class P>
struct require_diagnostics {
    static_assert(has_levels<P>,
                  "framealloc: a diagnostics policy needs the flags `counts_operations`, `checks_blocks`, "
                  "`fills_released` and `stops_on_misuse`, each `static constexpr bool`");
    static_assert(
        has_thread_part<P>,
        "framealloc: a diagnostics policy needs a type `thread_part` with on_frame_allocate(n), "
        "on_pool_allocate(n), on_pool_free(), on_heap_allocate(n), on_heap_free() and counts(), all noexcept");
};

}  // namespace framealloc
