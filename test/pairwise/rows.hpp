// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Pairwise testing: rows of policies, one of each family, such that every two policies of different families that can work
// together stand in one row at least. Most mistakes of a combination show in a pair (D. R. Kuhn, D. R. Wallace,
// A. M. Gallo, "Software fault interactions and implications for software testing", IEEE TSE 30(6), 2004). Which rows is
// nobody's choice: coverage.cpp says what is missing when a policy is added here.

#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/backend/any.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/guard_pages.hpp>
#include <framealloc/backend/huge_pages.hpp>
#include <framealloc/backend/memory_resource.hpp>
#include <framealloc/backend/numa.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/describe.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>
#include <framealloc/testing/assembly.hpp>

#include <mutex>
#include <new>
#include <tuple>

namespace framealloc::test {

using split_backend = backend::split<backend::virtual_memory, backend::system>;
using buffer_backend = backend::static_buffer<std::size_t{8} << 20, std::size_t{64} << 10>;
using counting_backend = backend::counting<split_backend>;
using faulting_backend = backend::faulting<backend::system>;
using fallback_backend = backend::fallback<backend::counting<backend::system>, backend::system>;
using contiguous_arena = arena::virtual_memory<std::size_t{64} << 20>;
using in_flight_arena = arena::in_flight<2, arena::chunked<>>;

using backends = std::tuple<split_backend,
                            backend::system,
                            backend::virtual_memory,
                            buffer_backend,
                            counting_backend,
                            faulting_backend,
                            fallback_backend,
                            backend::any,
                            backend::memory_resource,
                            backend::huge_pages<>,
                            backend::guard_pages<>,
                            backend::numa>;
using arenas = std::tuple<arena::chunked<>, arena::fixed<65536>, contiguous_arena, in_flight_arena>;
using pools = std::tuple<pool::size_class<>, pool::fine_size_class<>, pool::none>;
using syncs = std::tuple<sync::lock_free, sync::mutex<std::mutex>, sync::single_threaded, sync::owner_queue>;
using budgets = std::tuple<budget::none, budget::global, budget::per_tag>;
using diagnoses = std::tuple<diagnostics::none, diagnostics::counters, diagnostics::checked>;

template <class Backend, class Arena, class Pool, class Sync, class Budget, class Diagnostics>
struct row {
    using alloc = basic_smart_alloc<Backend, Arena, Pool, Sync, Budget, Diagnostics>;
};

// clang-format off
using rows_1 = std::tuple<
    row<split_backend, arena::chunked<>, pool::size_class<>, sync::lock_free, budget::per_tag, diagnostics::none>,
    row<backend::system, arena::chunked<>, pool::size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::checked>,
    row<backend::virtual_memory, arena::chunked<>, pool::none, sync::mutex<std::mutex>, budget::per_tag, diagnostics::checked>,
    row<buffer_backend, arena::chunked<>, pool::fine_size_class<>, sync::owner_queue, budget::global, diagnostics::checked>,
    row<counting_backend, arena::chunked<>, pool::fine_size_class<>, sync::single_threaded, budget::global, diagnostics::none>,
    row<faulting_backend, arena::chunked<>, pool::size_class<>, sync::lock_free, budget::global, diagnostics::none>,
    row<fallback_backend, arena::chunked<>, pool::none, sync::lock_free, budget::per_tag, diagnostics::counters>,
    row<backend::any, arena::chunked<>, pool::fine_size_class<>, sync::lock_free, budget::global, diagnostics::none>,
    row<backend::memory_resource, arena::chunked<>, pool::none, sync::single_threaded, budget::global, diagnostics::checked>,
    row<backend::huge_pages<>, arena::chunked<>, pool::fine_size_class<>, sync::owner_queue, budget::global, diagnostics::counters>,
    row<backend::guard_pages<>, arena::chunked<>, pool::fine_size_class<>, sync::single_threaded, budget::global, diagnostics::counters>,
    row<backend::numa, arena::chunked<>, pool::fine_size_class<>, sync::owner_queue, budget::none, diagnostics::checked>>;
using rows_2 = std::tuple<
    row<split_backend, arena::fixed<65536>, pool::none, sync::single_threaded, budget::none, diagnostics::none>,
    row<backend::system, arena::fixed<65536>, pool::fine_size_class<>, sync::single_threaded, budget::per_tag, diagnostics::checked>,
    row<backend::virtual_memory, arena::fixed<65536>, pool::none, sync::owner_queue, budget::none, diagnostics::checked>,
    row<buffer_backend, arena::fixed<65536>, pool::size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::none>,
    row<counting_backend, arena::fixed<65536>, pool::size_class<>, sync::lock_free, budget::none, diagnostics::checked>,
    row<faulting_backend, arena::fixed<65536>, pool::fine_size_class<>, sync::owner_queue, budget::none, diagnostics::counters>,
    row<fallback_backend, arena::fixed<65536>, pool::fine_size_class<>, sync::owner_queue, budget::none, diagnostics::none>,
    row<backend::any, arena::fixed<65536>, pool::size_class<>, sync::single_threaded, budget::global, diagnostics::checked>,
    row<backend::memory_resource, arena::fixed<65536>, pool::fine_size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::counters>,
    row<backend::huge_pages<>, arena::fixed<65536>, pool::size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::counters>,
    row<backend::guard_pages<>, arena::fixed<65536>, pool::none, sync::lock_free, budget::global, diagnostics::none>,
    row<backend::numa, arena::fixed<65536>, pool::size_class<>, sync::lock_free, budget::none, diagnostics::counters>>;
using rows_3 = std::tuple<
    row<split_backend, contiguous_arena, pool::size_class<>, sync::owner_queue, budget::global, diagnostics::counters>,
    row<backend::system, arena::fixed<65536>, pool::none, sync::owner_queue, budget::global, diagnostics::counters>,
    row<backend::virtual_memory, contiguous_arena, pool::fine_size_class<>, sync::lock_free, budget::global, diagnostics::none>,
    row<buffer_backend, arena::fixed<65536>, pool::fine_size_class<>, sync::lock_free, budget::per_tag, diagnostics::none>,
    row<counting_backend, contiguous_arena, pool::none, sync::mutex<std::mutex>, budget::global, diagnostics::counters>,
    row<faulting_backend, arena::fixed<65536>, pool::none, sync::single_threaded, budget::none, diagnostics::counters>,
    row<fallback_backend, in_flight_arena, pool::size_class<>, sync::single_threaded, budget::global, diagnostics::checked>,
    row<backend::any, arena::fixed<65536>, pool::size_class<>, sync::owner_queue, budget::per_tag, diagnostics::checked>,
    row<backend::memory_resource, in_flight_arena, pool::size_class<>, sync::owner_queue, budget::per_tag, diagnostics::none>,
    row<backend::huge_pages<>, contiguous_arena, pool::fine_size_class<>, sync::single_threaded, budget::per_tag, diagnostics::checked>,
    row<backend::guard_pages<>, contiguous_arena, pool::size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::none>,
    row<backend::numa, contiguous_arena, pool::none, sync::mutex<std::mutex>, budget::per_tag, diagnostics::none>>;
using rows_4 = std::tuple<
    row<split_backend, in_flight_arena, pool::fine_size_class<>, sync::mutex<std::mutex>, budget::none, diagnostics::checked>,
    row<backend::system, in_flight_arena, pool::fine_size_class<>, sync::lock_free, budget::global, diagnostics::none>,
    row<backend::virtual_memory, in_flight_arena, pool::size_class<>, sync::single_threaded, budget::none, diagnostics::counters>,
    row<buffer_backend, in_flight_arena, pool::none, sync::single_threaded, budget::global, diagnostics::counters>,
    row<counting_backend, in_flight_arena, pool::fine_size_class<>, sync::owner_queue, budget::per_tag, diagnostics::checked>,
    row<faulting_backend, in_flight_arena, pool::none, sync::mutex<std::mutex>, budget::per_tag, diagnostics::checked>,
    row<fallback_backend, in_flight_arena, pool::none, sync::mutex<std::mutex>, budget::none, diagnostics::checked>,
    row<backend::any, in_flight_arena, pool::none, sync::mutex<std::mutex>, budget::none, diagnostics::counters>,
    row<backend::memory_resource, in_flight_arena, pool::none, sync::lock_free, budget::global, diagnostics::none>,
    row<backend::huge_pages<>, in_flight_arena, pool::none, sync::lock_free, budget::global, diagnostics::none>,
    row<backend::guard_pages<>, in_flight_arena, pool::none, sync::owner_queue, budget::per_tag, diagnostics::checked>,
    row<backend::numa, in_flight_arena, pool::size_class<>, sync::single_threaded, budget::global, diagnostics::counters>>;
// clang-format on

/// Runs the whole kit over one row's assembly.
template <class Row>
void check_row()
{
    using alloc_type = typename Row::alloc;
    // In static storage, because a row may have a buffer of megabytes; gone before the next row.
    alignas(alloc_type) static unsigned char storage[sizeof(alloc_type)];
    static backend::system behind;
    using backend_type = typename alloc_type::backend_type;
    using budget_type = typename alloc_type::budget_type;
    constexpr std::size_t limit = std::size_t{256} << 20;
    alloc_type* const alloc = [&] {
        constexpr bool has_budget = !std::is_same_v<budget_type, budget::none>;
        [[maybe_unused]] auto const limited = [] {
            if constexpr (std::is_same_v<budget_type, budget::per_tag>) {
                return budget_type{{.limit_bytes = limit}};
            } else if constexpr (has_budget) {
                return budget_type{limit};
            }
        };
        if constexpr (std::is_same_v<backend_type, backend::any> && has_budget) {
            return ::new (storage) alloc_type{backend::any{behind}, limited()};
        } else if constexpr (std::is_same_v<backend_type, backend::any>) {
            return ::new (storage) alloc_type{backend::any{behind}};
        } else if constexpr (std::is_same_v<backend_type, backend::memory_resource> && has_budget) {
            return ::new (storage) alloc_type{limited(), backend::memory_resource{std::pmr::new_delete_resource()}};
        } else if constexpr (std::is_same_v<backend_type, backend::memory_resource>) {
            return ::new (storage) alloc_type{backend::memory_resource{std::pmr::new_delete_resource()}};
        } else if constexpr (has_budget) {
            return ::new (storage) alloc_type{limited()};
        } else {
            return ::new (storage) alloc_type;
        }
    }();
    auto const report = testing::check_assembly(*alloc);
    BOOST_TEST_INFO(describe<alloc_type>());
    BOOST_TEST(report.passed(), report.text());
    BOOST_TEST(report.looked_at() > 500u);
    alloc->~alloc_type();
}

template <class... Rows>
void check_rows(std::type_identity<std::tuple<Rows...>>)
{
    (check_row<Rows>(), ...);
}

}  // namespace framealloc::test
