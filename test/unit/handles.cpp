// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/handle/handle_heap.hpp>

#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

using namespace framealloc;

namespace {

using checked_handles = handle_allocator<smart_alloc_debug>;

struct counted {
    static inline int alive = 0;
    int value;
    explicit counted(int v) : value(v) { ++alive; }
    counted(counted&& other) noexcept : value(other.value) { ++alive; }
    ~counted() { --alive; }
};

struct not_movable {
    not_movable* self = this;
    not_movable() = default;
    not_movable(not_movable&&) = delete;
};

template <std::size_t Align>
struct alignas(Align) aligned_to {
    unsigned char bytes[Align > 64 ? 64 : Align];
};

static_assert(sizeof(handle<std::string>) == 8);
static_assert(std::is_trivially_copyable_v<handle<std::string>>);
static_assert(std::is_convertible_v<handle<int>, handle<int const>>);
static_assert(!std::is_convertible_v<handle<int const>, handle<int>>);
static_assert(!std::is_convertible_v<handle<int>, handle<long>>);
static_assert(!std::is_copy_constructible_v<handle_allocator<>> && std::is_nothrow_move_constructible_v<handle_allocator<>>);
static_assert(relocation_of<int> == relocation::bytes && relocation_of<counted> == relocation::move);
static_assert(relocation_of<not_movable> == relocation::none);

}  // namespace

BOOST_AUTO_TEST_SUITE(handles)

BOOST_AUTO_TEST_CASE(an_object_is_found_by_its_handle_until_it_is_freed)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    handle<counted> const h = heap->make<counted>(7);
    BOOST_TEST(bool(h));
    BOOST_TEST(heap->resolve(h)->value == 7);
    BOOST_TEST(heap->at(h)->value == 7);
    heap->resolve(h)->value = 8;
    handle<counted const> const reader = h;
    BOOST_TEST(heap->resolve(reader)->value == 8);
    BOOST_TEST(heap->is_live(h));
    BOOST_TEST(counted::alive == 1);

    BOOST_TEST(heap->free(h));
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(heap->resolve(h) == nullptr);
    BOOST_TEST(!heap->is_live(h));
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE(a_handle_that_has_died_never_comes_back_to_life)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    std::vector<handle<int>> dead;
    for (int i = 0; i < 1000; ++i) {
        handle<int> const h = heap->make<int>(i);
        for (handle<int> const d : dead) BOOST_TEST_REQUIRE(heap->resolve(d) == nullptr);
        BOOST_TEST_REQUIRE(*heap->resolve(h) == i);
        heap->free(h);
        dead.push_back(h);
    }
    BOOST_TEST(heap->stats().slots == 1u);  // one slot has had them all
}

BOOST_AUTO_TEST_CASE(a_slot_whose_generations_are_used_up_is_retired)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc, {.uses_per_slot = 3}};
    std::set<handle<int>> seen;
    for (int i = 0; i < 10; ++i) {
        handle<int> const h = heap->make<int>(i);
        BOOST_TEST(seen.insert(h).second);
        heap->free(h);
    }
    BOOST_TEST(heap->stats().retired_slots == 3u);
    BOOST_TEST(heap->stats().slots == 4u);
    for (handle<int> const h : seen) BOOST_TEST(heap->resolve(h) == nullptr);
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE(a_heap_takes_up_the_generations_where_the_one_before_it_left_off)
{
    smart_alloc alloc;
    std::unordered_set<std::uint64_t> seen;
    // More heaps than there are salts, one after the other.
    for (int i = 0; i < 3000; ++i) {
        handle_allocator<> heap{alloc};
        handle<int> const h = heap->make<int>(i);
        BOOST_TEST_REQUIRE(seen.insert(h.bits()).second);
        heap->free(h);
    }
}

BOOST_AUTO_TEST_CASE(a_handle_of_another_heap_resolves_to_nothing)
{
    smart_alloc alloc;
    handle_allocator<> one{alloc}, two{alloc};
    handle<int> const of_one = one->make<int>(1), of_two = two->make<int>(2);
    BOOST_TEST((of_one != of_two));
    BOOST_TEST(one->resolve(of_two) == nullptr);
    BOOST_TEST(two->resolve(of_one) == nullptr);
    BOOST_TEST(one->pin(of_two) == nullptr);
    BOOST_TEST(*one->resolve(of_one) == 1);
}

BOOST_AUTO_TEST_CASE(whatever_number_is_taken_for_a_handle_resolves_to_nothing)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    std::unordered_set<std::uint64_t> real;
    for (int i = 0; i < 2000; ++i) real.insert(heap->make<int>(i).bits());
    std::mt19937_64 random{1};
    for (int i = 0; i < 200000; ++i) {
        std::uint64_t const bits = i < 64 ? std::uint64_t{1} << i : random();
        if (real.count(bits) != 0) continue;
        BOOST_TEST_REQUIRE(heap->resolve(handle<int>::from_bits(bits)) == nullptr);
        BOOST_TEST_REQUIRE(heap->pin(handle<int>::from_bits(bits)) == nullptr);
    }
    // One bit away from one that is good.
    for (std::uint64_t const good : real) {
        for (int b = 0; b < 64; ++b) {
            std::uint64_t const bits = good ^ std::uint64_t{1} << b;
            if (real.count(bits) == 0) BOOST_TEST_REQUIRE(heap->resolve(handle<int>::from_bits(bits)) == nullptr);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_stale_null_or_foreign_is_reported_where_it_is_expected_to_be_there)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc}, other{alloc};
    test::fault_recorder const faults;
    handle<int> const stale = heap->make<int>(1), foreign = other->make<int>(2), null;
    heap->free(stale);
    BOOST_TEST(faults.count() == 0u);

    for (handle<int> const h : {stale, foreign, null}) {
        BOOST_TEST(heap->resolve(h) == nullptr);  // asks, and says nothing
        BOOST_TEST(heap->pin(h) == nullptr);
        BOOST_TEST(!heap->pinned(h));
        std::size_t const before = faults.count();
        BOOST_TEST(before == (h == stale ? 0u : h == foreign ? 3u : 6u));
        BOOST_TEST(heap->at(h) == nullptr);
        BOOST_TEST((faults.last() == fault_code::handle_not_live));
        BOOST_TEST(faults.last_would_stop());
        BOOST_TEST(!heap->unpin(h));
        BOOST_TEST((faults.last() == fault_code::handle_not_live));
        if (h != null) BOOST_TEST(!heap->free(h));
        if (h == null) BOOST_TEST(heap->free(h));  // a no-op, as with pointers
    }
    BOOST_TEST(faults.count() == 8u);
    BOOST_TEST(*other->resolve(foreign) == 2);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_report_says_which_use_of_the_slot_the_handle_was)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc};
    test::fault_recorder const faults;
    handle<int> const first = heap->make<int>(1);
    heap->free(first);
    handle<int> const second = heap->make<int>(2);
    BOOST_TEST(heap->at(first) == nullptr);
    unsigned long long const use = first.bits() >> 38;
    BOOST_TEST(faults.last_text().find("is use " + std::to_string(use) + " of its slot, of which use " +
                                       std::to_string(use + 1) + " is the latest") != std::string::npos);
    heap->free(second);
    BOOST_TEST(heap->at(second) == nullptr);
    BOOST_TEST(faults.last_text().find("of which use " + std::to_string(use + 1) + " is the latest") != std::string::npos);
    BOOST_TEST(faults.last_text().find("at: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pins_are_counted)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc};
    test::fault_recorder const faults;
    handle<std::string> const h = heap->make<std::string>("here");
    BOOST_TEST(*heap->pin(h) == "here");
    BOOST_TEST(*heap->pin(h) == "here");
    BOOST_TEST(heap->unpin(h));
    BOOST_TEST(!heap->free(h));  // still pinned once
    BOOST_TEST((faults.last() == fault_code::handle_pinned));
    BOOST_TEST(*heap->resolve(h) == "here");
    BOOST_TEST(heap->unpin(h));
    BOOST_TEST(!heap->unpin(h));
    BOOST_TEST((faults.last() == fault_code::handle_not_pinned));
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(heap->free(h));
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE(a_pinned_ptr_pins_as_long_as_it_lives)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc};
    test::fault_recorder const faults;
    handle<std::string> const h = heap->make<std::string>("x");
    {
        auto first = heap->pinned(h);
        BOOST_TEST(bool(first));
        BOOST_TEST((first.of() == h));
        auto copy = first;
        auto moved = std::move(first);
        BOOST_TEST(!first);
        BOOST_TEST(*copy == "x");
        BOOST_TEST(moved->size() == 1u);
        moved.reset();
        BOOST_TEST(!heap->free(h));
        copy = heap->pinned(h);
        BOOST_TEST(!heap->free(h));
        BOOST_TEST((faults.last() == fault_code::handle_pinned));
    }
    std::size_t const before = faults.count();
    BOOST_TEST(heap->free(h));
    BOOST_TEST(!heap->pinned(h));
    BOOST_TEST(faults.count() == before);
}

BOOST_AUTO_TEST_CASE(every_alignment_is_honoured_also_after_moves)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    auto const try_alignment = [&]<std::size_t Align>() {
        using type = aligned_to<Align>;
        std::vector<handle<type>> all;
        std::size_t const n = Align > 4096 ? 3 : 500;
        for (std::size_t i = 0; i < n; ++i) all.push_back(heap->make<type>());
        for (std::size_t i = 0; i < n; i += 2) heap->free(all[i]);
        heap->defragment();
        for (std::size_t i = 1; i < n; i += 2) {
            type* const p = heap->resolve(all[i]);
            BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(p) % Align == 0u);
            std::memset(p, 1, sizeof(type));
            heap->free(all[i]);
        }
        BOOST_TEST_REQUIRE(bool(heap->verify()));
    };
    [&]<std::size_t... Power>(std::index_sequence<Power...>) {
        (try_alignment.template operator()<(std::size_t{1} << Power)>(), ...);
    }(std::make_index_sequence<17>{});
    // Up to the largest that there is.
    for (std::size_t align = 1; align <= max_alignment; align *= 2) {
        handle<std::byte> const h = heap->alloc({.bytes = 100, .align = align});
        BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(heap->resolve(h)) % align == 0u);
        std::memset(heap->resolve(h), 1, 100);
        heap->free(h);
    }
    BOOST_TEST(heap->stats().live_bytes == 0u);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(every_size_is_served_and_no_two_objects_meet)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc};
    std::vector<std::pair<handle<std::byte>, std::size_t>> all;
    for (std::size_t const bytes : {0u, 1u, 7u, 8u, 15u, 16u, 17u, 100u, 128u, 129u, 1000u, 4096u, 8192u, 8193u, 65536u, 300000u}) {
        for (int i = 0; i < 5; ++i) all.emplace_back(heap->alloc({.bytes = bytes, .align = 8}), bytes);
    }
    for (std::size_t i = 0; i < all.size(); ++i) std::memset(heap->resolve(all[i].first), int(i + 1), all[i].second);
    for (std::size_t i = 0; i < all.size(); i += 3) heap->free(all[i].first);
    heap->defragment();
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::byte const* const p = heap->resolve(all[i].first);
        BOOST_TEST_REQUIRE((p == nullptr) == (i % 3 == 0));
        for (std::size_t b = 0; p != nullptr && b < all[i].second; ++b) BOOST_TEST_REQUIRE((p[b] == std::byte(i + 1)));
    }
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_request_that_nothing_could_honour_is_refused)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    BOOST_TEST(!heap->try_alloc({.bytes = SIZE_MAX, .align = 16}));
    BOOST_TEST(!heap->try_alloc({.bytes = max_request_bytes + 1, .align = 16}));
    BOOST_TEST(!heap->try_alloc({.bytes = 16, .align = 0}));
    BOOST_TEST(!heap->try_alloc({.bytes = 16, .align = 3}));
    BOOST_TEST(!heap->try_alloc({.bytes = 16, .align = 2 * max_alignment}));
    auto const seen = test::how_it_fails([&] { static_cast<void>(heap->alloc({.bytes = SIZE_MAX, .align = 16})); });
    BOOST_TEST(seen.failed);
    BOOST_TEST((seen.code == fault_code::impossible_size));
    BOOST_TEST(heap->stats().live_handles == 0u);
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE(raw_storage_is_for_types_whose_lifetime_begins_with_it)
{
    struct point {
        float x, y;
    };
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    handle<point> const h = heap->alloc<point>();
    *heap->resolve(h) = {1, 2};
    BOOST_TEST(heap->resolve(h)->y == 2);
    BOOST_TEST(bool(heap->try_alloc<point>()));
}

BOOST_AUTO_TEST_CASE(slots_are_counted_and_more_than_agreed_are_refused)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc, {.most_handles = 1}};
    test::fault_recorder const faults;
    std::vector<handle<int>> all;
    for (;;) {
        handle<int> const h = heap->try_make<int>(int(all.size()));
        if (!h) break;
        all.push_back(h);
        BOOST_TEST_REQUIRE(all.size() < 100000u);
    }
    BOOST_TEST((faults.last() == fault_code::handles_exhausted));
    BOOST_TEST(heap->stats().live_handles == all.size());
    auto const seen = test::how_it_fails([&] { static_cast<void>(heap->make<int>(1)); });
    BOOST_TEST((seen.code == fault_code::handles_exhausted));
    heap->free(all.back());
    BOOST_TEST(bool(heap->try_make<int>(1)));
    for (std::size_t i = 0; i + 1 < all.size(); ++i) BOOST_TEST_REQUIRE(*heap->resolve(all[i]) == int(i));
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE(the_table_grows_under_the_handles_that_it_has)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    std::vector<handle<int>> all;
    for (int i = 0; i < 100000; ++i) all.push_back(heap->make<int>(i));
    for (int i = 0; i < 100000; ++i) BOOST_TEST_REQUIRE(*heap->resolve(all[std::size_t(i)]) == i);
    BOOST_TEST(heap->stats().slots == 100000u);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(no_more_heaps_live_at_once_than_can_be_told_apart)
{
    smart_alloc alloc;
    std::vector<handle_allocator<>> heaps;
    for (;;) {
        auto heap = handle_allocator<>::try_create(alloc, {.most_handles = 512});
        if (!heap) break;
        heaps.push_back(std::move(heap));
        BOOST_TEST_REQUIRE(heaps.size() <= 1024u);
    }
    BOOST_TEST(heaps.size() > 1000u);  // other tests of this program may have some
    auto const seen = test::how_it_fails([&] { handle_allocator<> one_more{alloc}; });
    BOOST_TEST((seen.code == fault_code::handles_exhausted));
    BOOST_TEST(bool(alloc.verify()));
    heaps.pop_back();
    BOOST_TEST(bool(handle_allocator<>::try_create(alloc)));
}

BOOST_AUTO_TEST_CASE(a_configuration_out_of_range_builds_nothing)
{
#if FRAMEALLOC_EXCEPTIONS
    smart_alloc alloc;
    BOOST_CHECK_THROW(handle_allocator<>(alloc, {.most_handles = (std::size_t{1} << 27) + 1}), configuration_error);
    BOOST_CHECK_THROW(handle_allocator<>(alloc, {.uses_per_slot = 0}), configuration_error);
    BOOST_TEST(alloc.stats().backend_bytes == 0u);
#endif
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_constructor_that_throws_leaves_nothing_behind)
{
    struct refuses {
        explicit refuses(int) { throw 42; }
    };
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    handle<int> const before = heap->make<int>(1);
    auto const stats = heap->stats();
    BOOST_CHECK_THROW(static_cast<void>(heap->make<refuses>(1)), int);
    BOOST_CHECK_THROW(static_cast<void>(heap->try_make<refuses>(1)), int);
    BOOST_TEST(heap->stats().live_handles == stats.live_handles);
    BOOST_TEST(heap->stats().live_bytes == stats.live_bytes);
    BOOST_TEST(*heap->resolve(before) == 1);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}
#endif

BOOST_AUTO_TEST_CASE(constructors_and_destructors_may_use_the_heap)
{
    using heap_type = handle_allocator<>::heap_type;
    struct node {
        heap_type& heap;
        handle<node> child;
        node(heap_type& h, int depth) : heap(h), child(depth > 0 ? h.make<node>(h, depth - 1) : handle<node>{}) {}
        node(node&&) = default;
        ~node() { heap.free(child); }
    };
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    handle<node> const root = heap->make<node>(*heap, 100);
    BOOST_TEST(heap->stats().live_handles == 101u);
    heap->defragment();
    heap->free(root);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_heap_destroys_what_lives_and_gives_all_back)
{
    smart_alloc alloc;
    std::size_t const before = (static_cast<void>(alloc.try_begin_frame()), alloc.end_frame(), alloc.trim(), alloc.stats().backend_bytes);
    {
        handle_allocator<> heap{alloc};
        for (int i = 0; i < 10000; ++i) static_cast<void>(heap->make<counted>(i));
        for (int i = 0; i < 10; ++i) static_cast<void>(heap->alloc({.bytes = 100000, .align = 64}));
        BOOST_TEST(counted::alive == 10000);
        BOOST_TEST(alloc.stats().backend_bytes > before + 1000000u);
    }
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(alloc.stats().backend_bytes == before);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(what_is_pinned_when_the_heap_ends_is_reported_and_destroyed)
{
    smart_alloc_debug alloc;
    test::fault_recorder const faults;
    {
        checked_handles heap{alloc};
        static_cast<void>(heap->pin(heap->make<counted>(1)));
        static_cast<void>(heap->make<counted>(2));
    }
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST((faults.last() == fault_code::handle_pinned));
    BOOST_TEST(faults.last_text().find("1 objects are pinned") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(freed_objects_are_filled_where_that_is_asked_for)
{
    smart_alloc_debug alloc;
    checked_handles heap{alloc};
    static_cast<void>(heap->alloc({.bytes = 64, .align = 16}));
    handle<std::byte> const h = heap->alloc({.bytes = 64, .align = 16});
    std::byte* const p = heap->resolve(h);
    std::memset(p, 1, 64);
    heap->free(h);
    detail::memory_is_ours(p, 64);
    BOOST_TEST((p[40] == std::byte{0xCD}));
    detail::memory_is_forbidden(p, 64);
}

BOOST_AUTO_TEST_CASE(handles_hash_and_compare_and_travel_as_numbers)
{
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    std::unordered_set<handle<int>> set;
    for (int i = 0; i < 1000; ++i) set.insert(heap->make<int>(i));
    BOOST_TEST(set.size() == 1000u);
    for (handle<int> const h : set) BOOST_TEST_REQUIRE((handle<int>::from_bits(h.bits()) == h));
    std::set<std::size_t> hashes;
    for (handle<int> const h : set) hashes.insert(std::hash<handle<int>>{}(h) % 1024);
    BOOST_TEST(hashes.size() > 500u);  // 638 where they are spread evenly
    BOOST_TEST((handle<int>{} == handle<int>{nullptr}));
}

BOOST_AUTO_TEST_CASE(an_owner_moves_and_the_heap_stays)
{
    smart_alloc alloc;
    handle_allocator<> first{alloc};
    handle<int> const h = first->make<int>(5);
    auto* const heap = &*first;
    handle_allocator<> second = std::move(first);
    BOOST_TEST(!first);
    BOOST_TEST(&*second == heap);
    BOOST_TEST(*second->resolve(h) == 5);
    second = handle_allocator<>{alloc};
    BOOST_TEST(second->resolve(h) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_backend_without_virtual_memory_serves_handles_as_well)
{
    using small = basic_smart_alloc<backend::static_buffer<(std::size_t{2} << 20), 65536>, sync::single_threaded>;
    auto alloc = std::make_unique<small>(alloc_config{.region_bytes = 256_KiB});
    {
        handle_allocator<small> heap{*alloc};
        std::vector<handle<std::string>> all;
        for (int i = 0; i < 1024; ++i) all.push_back(heap->make<std::string>(std::to_string(i)));
        BOOST_TEST(!heap->try_make<std::string>("one more than the table has"));
        for (std::size_t i = 0; i < all.size(); i += 2) heap->free(all[i]);
        auto const r = heap->defragment();
        BOOST_TEST(r.finished);
        for (std::size_t i = 1; i < all.size(); i += 2) BOOST_TEST_REQUIRE(*heap->resolve(all[i]) == std::to_string(i));
        BOOST_TEST(bool(heap->verify()));
        BOOST_TEST(bool(alloc->verify()));
    }
    BOOST_TEST(bool(alloc->verify()));
}

BOOST_AUTO_TEST_SUITE_END()
