// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>

using namespace framealloc;

// Beside each concept a type that meets it, and for each of its clauses one that misses that clause alone. A concept
// that accepts everything looks exactly like one that works.

namespace {

// --- backend ---

struct right_backend {
    using family = backend_family;
    void* try_allocate(layout) noexcept { return nullptr; }
    void deallocate(void*, layout) noexcept {}
};
struct backend_of_no_family {
    void* try_allocate(layout) noexcept { return nullptr; }
    void deallocate(void*, layout) noexcept {}
};
struct backend_of_another_family : right_backend {
    using family = arena_family;
};
struct backend_that_takes_a_size : right_backend {
    void* try_allocate(void*) noexcept { return nullptr; }
};
struct backend_that_may_throw : right_backend {
    void* try_allocate(layout) { return nullptr; }
};
struct backend_of_chars : right_backend {
    char* try_allocate(layout) noexcept { return nullptr; }
};
struct backend_without_layout_at_the_end : right_backend {
    void deallocate(void*) noexcept {}
};
struct backend_whose_end_may_throw : right_backend {
    void deallocate(void*, layout) {}
};
static_assert(BackendPolicy<right_backend>);
static_assert(!BackendPolicy<int>);
static_assert(!BackendPolicy<backend_of_no_family>);
static_assert(!BackendPolicy<backend_of_another_family>);
static_assert(!BackendPolicy<backend_that_takes_a_size> && !BackendPolicy<backend_that_may_throw> &&
              !BackendPolicy<backend_of_chars>);
static_assert(!BackendPolicy<backend_without_layout_at_the_end> && !BackendPolicy<backend_whose_end_may_throw>);
static_assert(BackendPolicy<backend::system> && BackendPolicy<backend::virtual_memory> &&
              BackendPolicy<backend::static_buffer<65536>> && BackendPolicy<backend::counting<backend::system>> &&
              BackendPolicy<backend::faulting<backend::virtual_memory>> &&
              BackendPolicy<backend::split<backend::virtual_memory, backend::system>>);

/// All four members or none.
template <int Missing>
struct paged : right_backend {
    void* reserve(layout) noexcept requires(Missing != 1) { return nullptr; }
    bool commit(void*, std::size_t) noexcept requires(Missing != 2) { return false; }
    bool decommit(void*, std::size_t) noexcept requires(Missing != 3) { return false; }
    bool release(void*, layout) noexcept requires(Missing != 4) { return false; }
};
static_assert(has_virtual_memory<paged<0>> && BackendPolicy<paged<0>>);
static_assert(!has_virtual_memory<paged<1>> && !has_virtual_memory<paged<2>> && !has_virtual_memory<paged<3>> &&
              !has_virtual_memory<paged<4>> && BackendPolicy<paged<1>>);
static_assert(has_virtual_memory<backend::virtual_memory> && !has_virtual_memory<backend::system>);
// A wrapper has what it wraps has.
static_assert(has_virtual_memory<backend::counting<backend::virtual_memory>> &&
              !has_virtual_memory<backend::counting<backend::system>>);
static_assert(has_virtual_memory<backend::faulting<backend::virtual_memory>> &&
              !has_virtual_memory<backend::faulting<backend::system>>);

static_assert(has_bounded_range<backend::static_buffer<65536>> && !has_bounded_range<backend::system>);
static_assert(backend_is_thread_safe<backend::system> && backend_is_thread_safe<backend::virtual_memory>);
static_assert(!backend_is_thread_safe<right_backend> && !backend_is_thread_safe<backend::static_buffer<65536>>);
static_assert(!backend_is_thread_safe<backend::counting<right_backend>> &&
              backend_is_thread_safe<backend::counting<backend::system>>);
static_assert(!backend_is_thread_safe<backend::split<backend::virtual_memory, right_backend>>);

// --- arena ---

template <template <class> class Engine>
struct arena_with {
    using family = arena_family;
    template <class ChunkSource>
    using engine = Engine<ChunkSource>;
};
template <class Source>
struct right_engine : arena::chunked<>::engine<Source> {};
struct arena_without_engine {
    using family = arena_family;
};
// Each hides one member of a right engine behind one of the wrong shape.
template <class Source>
struct no_allocate : right_engine<Source> {
    void* allocate(frame_window&, layout) noexcept { return nullptr; }
};
template <class Source>
struct no_prepare : right_engine<Source> {
    void prepare(frame_window&, Source&) noexcept {}
};
template <class Source>
struct no_open : right_engine<Source> {
    void open(frame_window&) {}
};
template <class Source>
struct no_position : right_engine<Source> {
    std::uintptr_t position(frame_window const&) const noexcept { return 0; }
};
template <class Source>
struct no_rewind : right_engine<Source> {
    void rewind(frame_window&, frame_position) noexcept {}
};
template <class Source>
struct no_reset : right_engine<Source> {
    void reset(frame_window&) noexcept {}
};
template <class Source>
struct no_release : right_engine<Source> {
    void release(frame_window&, Source&) {}
};
template <class Source>
struct no_used_bytes : right_engine<Source> {
    std::size_t used_bytes(frame_window const&) noexcept { return 0; }
};
template <class Source>
struct no_reserved_bytes : right_engine<Source> {
    int reserved_bytes() const noexcept { return 0; }
};
template <class Source>
struct no_wasted_bytes : right_engine<Source> {
    void wasted_bytes() const noexcept {}
};
template <class Source>
struct no_used_ranges : right_engine<Source> {
    void for_each_used(frame_window const&) const noexcept {}
};
static_assert(ArenaPolicy<arena_with<right_engine>>);
static_assert(!ArenaPolicy<int> && !ArenaPolicy<right_backend> && !ArenaPolicy<arena_without_engine>);
static_assert(!ArenaPolicy<arena_with<no_allocate>> && !ArenaPolicy<arena_with<no_prepare>> &&
              !ArenaPolicy<arena_with<no_open>> && !ArenaPolicy<arena_with<no_position>> &&
              !ArenaPolicy<arena_with<no_rewind>> && !ArenaPolicy<arena_with<no_reset>> &&
              !ArenaPolicy<arena_with<no_release>> && !ArenaPolicy<arena_with<no_used_bytes>> &&
              !ArenaPolicy<arena_with<no_reserved_bytes>> && !ArenaPolicy<arena_with<no_wasted_bytes>> &&
              !ArenaPolicy<arena_with<no_used_ranges>>);
static_assert(ArenaPolicy<arena::fixed<4096>> && ArenaPolicy<arena::chunked<>>);

// --- pool ---

using right_pool = pool::size_class<8, 1024>;
struct pool_without_count : right_pool {
    static void class_count() {}
};
struct pool_without_slabs : right_pool {
    static void slab_bytes() {}
};
struct pool_without_largest : right_pool {
    static void max_bytes() {}
};
struct pool_without_class_bytes : right_pool {
    static int class_bytes(std::size_t) noexcept { return 0; }
};
struct pool_without_class_for : right_pool {
    static std::size_t class_for(layout) { return 0; }
};
static_assert(PoolPolicy<right_pool> && PoolPolicy<pool::none>);
static_assert(!PoolPolicy<int> && !PoolPolicy<right_backend>);
static_assert(!PoolPolicy<pool_without_count> && !PoolPolicy<pool_without_slabs> && !PoolPolicy<pool_without_largest> &&
              !PoolPolicy<pool_without_class_bytes> && !PoolPolicy<pool_without_class_for>);

// --- sync ---

struct sync_without_one_thread : sync::lock_free {
    static void one_thread() {}
};
struct sync_that_is_known_too_late : sync::lock_free {
    inline static bool one_thread = false;
};
struct sync_without_atomic : sync::lock_free {
    using atomic = int;
};
struct sync_without_try_lock : sync::lock_free {
    struct mutex {
        void lock() {}
        void unlock() {}
    };
};
struct sync_with_a_shared_answer : sync::lock_free {
    struct mutex {
        void lock() {}
        void unlock() {}
        int try_lock() { return 1; }
    };
};
struct sync_without_put : sync::lock_free {
    template <class T, std::size_t>
    struct exchange {
        T* try_take() noexcept { return nullptr; }
    };
};
struct sync_whose_take_may_throw : sync::lock_free {
    template <class T, std::size_t>
    struct exchange {
        bool try_put(T*) noexcept { return false; }
        T* try_take() { return nullptr; }
    };
};
static_assert(SyncPolicy<sync::lock_free> && SyncPolicy<sync::single_threaded> && SyncPolicy<sync::mutex<std::mutex>>);
static_assert(!SyncPolicy<int> && !SyncPolicy<right_backend> && !SyncPolicy<std::mutex>);
static_assert(!SyncPolicy<sync_without_one_thread> && !SyncPolicy<sync_that_is_known_too_late> &&
              !SyncPolicy<sync_without_atomic> && !SyncPolicy<sync_without_try_lock> &&
              !SyncPolicy<sync_with_a_shared_answer> && !SyncPolicy<sync_without_put> &&
              !SyncPolicy<sync_whose_take_may_throw>);

// --- budget ---

struct budget_without_charge : budget::none {
    void try_charge(std::size_t) noexcept {}
};
struct budget_without_refund : budget::none {
    void refund(std::size_t) {}
};
struct budget_without_used : budget::none {
    std::size_t used_bytes() noexcept { return 0; }
};
struct budget_without_limit : budget::none {
    int limit_bytes() const noexcept { return 0; }
};
static_assert(BudgetPolicy<budget::none> && BudgetPolicy<budget::global>);
static_assert(!BudgetPolicy<int> && !BudgetPolicy<right_backend>);
static_assert(!BudgetPolicy<budget_without_charge> && !BudgetPolicy<budget_without_refund> &&
              !BudgetPolicy<budget_without_used> && !BudgetPolicy<budget_without_limit>);

// --- diagnostics ---

struct diagnostics_without_a_flag : diagnostics::none {
    static void checks_blocks() {}
};
struct diagnostics_with_a_flag_of_run_time : diagnostics::none {
    inline static bool fills_released = false;
};
struct diagnostics_without_a_part {
    using family = diagnostics_family;
    static constexpr bool counts_operations = false, checks_blocks = false, fills_released = false,
                          stops_on_misuse = false;
};
struct diagnostics_that_miss_a_free : diagnostics::none {
    struct thread_part : diagnostics::none::thread_part {
        void on_heap_free(int) noexcept {}
    };
};
struct diagnostics_that_do_not_tell : diagnostics::none {
    struct thread_part : diagnostics::none::thread_part {
        int counts() const noexcept { return 0; }
    };
};
static_assert(DiagnosticsPolicy<diagnostics::none> && DiagnosticsPolicy<diagnostics::counters> &&
              DiagnosticsPolicy<diagnostics::checked>);
static_assert(!DiagnosticsPolicy<int> && !DiagnosticsPolicy<right_backend>);
static_assert(!DiagnosticsPolicy<diagnostics_without_a_flag> && !DiagnosticsPolicy<diagnostics_without_a_part> &&
              !DiagnosticsPolicy<diagnostics_that_miss_a_free> &&
              !DiagnosticsPolicy<diagnostics_with_a_flag_of_run_time> &&
              !DiagnosticsPolicy<diagnostics_that_do_not_tell>);

// --- the pack ---

template <class... P>
using canonical = typename basic_smart_alloc<P...>::canonical;

// Any order, and defaults written or left out: one implementation.
static_assert(std::is_same_v<canonical<sync::single_threaded, arena::fixed<4096>, backend::system>,
                             canonical<backend::system, sync::single_threaded, arena::fixed<4096>>>);
static_assert(std::is_same_v<canonical<arena::fixed<4096>, backend::system, sync::single_threaded>,
                             canonical<backend::system, sync::single_threaded, arena::fixed<4096>>>);
static_assert(std::is_same_v<canonical<>, canonical<sync::lock_free>>);
static_assert(
    std::is_same_v<canonical<>, canonical<diagnostics::none, budget::none, sync::lock_free, pool::size_class<8, 4096>,
                                          arena::chunked<>, backend::split<backend::virtual_memory, backend::system>>>);
static_assert(!std::is_same_v<canonical<>, canonical<diagnostics::counters>>);
static_assert(!std::is_same_v<canonical<arena::fixed<4096>>, canonical<arena::fixed<8192>>>);
static_assert(std::is_same_v<canonical<backend::system>::assembly_type::backend, backend::system>);

// What may be given to a constructor: a configuration and policies of the pack, each once, in any order.
using budgeted = basic_smart_alloc<budget::global, backend::system>;
static_assert(std::is_constructible_v<budgeted>);
static_assert(std::is_constructible_v<budgeted, budget::global> && std::is_constructible_v<budgeted, alloc_config>);
static_assert(std::is_constructible_v<budgeted, budget::global, alloc_config, backend::system> &&
              std::is_constructible_v<budgeted, backend::system, budget::global, alloc_config>);
static_assert(!std::is_constructible_v<budgeted, int> && !std::is_constructible_v<budgeted, backend::virtual_memory>);
static_assert(!std::is_constructible_v<budgeted, budget::global, budget::global> &&
              !std::is_constructible_v<budgeted, alloc_config, alloc_config>);
static_assert(!std::is_copy_constructible_v<smart_alloc> && !std::is_move_constructible_v<smart_alloc> &&
              !std::is_copy_assignable_v<smart_alloc> && !std::is_move_assignable_v<smart_alloc>);
static_assert(!std::is_convertible_v<budget::global, budgeted>);

}  // namespace

BOOST_AUTO_TEST_SUITE(policy_concepts)

BOOST_AUTO_TEST_CASE(packs_that_mean_the_same_can_be_passed_for_one_another)
{
    basic_smart_alloc<sync::single_threaded, arena::fixed<4096>> alloc;
    basic_smart_alloc<arena::fixed<4096>, sync::single_threaded>::canonical& same = alloc;
    same.begin_frame();
    BOOST_TEST(same.try_frame_alloc<int>() != nullptr);
    alloc.end_frame();
}

BOOST_AUTO_TEST_CASE(a_policy_object_reaches_its_place_whatever_the_order)
{
    basic_smart_alloc<budget::global, backend::system> first{budget::global{1000}, backend::system{}};
    basic_smart_alloc<backend::system, budget::global> second{alloc_config{.heap_cache_bytes = 4096},
                                                              budget::global{2000}};
    BOOST_TEST(first.budget().limit_bytes() == 1000u);
    BOOST_TEST(second.budget().limit_bytes() == 2000u);
    BOOST_TEST(second.config().heap_cache_bytes == 4096u);
}

BOOST_AUTO_TEST_SUITE_END()
