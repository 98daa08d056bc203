// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/failing.hpp"
#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/ambient_allocator.hpp>
#include <framealloc/backend/static_buffer.hpp>

#include <cstdlib>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

// Current instances, ambient allocators, and frees that find the instance by themselves.

using namespace framealloc;

namespace {

using checked_alloc = smart_alloc_debug;
template <class T>
using in_pool = ambient_pool_allocator<T, checked_alloc>;
template <class T>
using on_heap = ambient_heap_allocator<T, checked_alloc>;
template <class T>
using in_frame = ambient_frame_allocator<T, checked_alloc>;

/// A small slab in a buffer, whose map knows no other instance.
using in_buffer = basic_smart_alloc<backend::static_buffer<(std::size_t{1} << 20), 65536>, diagnostics::checked>;
/// Slabs of other sizes in the same address space.
using small_slabs = basic_smart_alloc<pool::size_class<8, 512, 4096>, diagnostics::checked>;
using large_slabs = basic_smart_alloc<pool::size_class<8, 4096, (std::size_t{1} << 20)>, diagnostics::checked>;

using text = std::basic_string<char, std::char_traits<char>, ambient_pool_allocator<char>>;
using text_map = std::map<int, text, std::less<>, ambient_pool_allocator<std::pair<int const, text>>>;

/// Destroyed after the tests, when all threads' state has been given back.
text_map made_before_main = [] {
    text_map texts;
    for (int i = 0; i < 100; ++i) texts[i] = "a text that is longer than what fits into the string itself";
    return texts;
}();

template <class Alloc>
std::size_t live(Alloc& alloc) {
    return alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live;
}

/// What a library does that makes an allocator by itself whenever it needs one.
template <template <class> class Allocator>
struct anew_each_time {
    static long* make(std::size_t n) { return Allocator<long>{}.allocate(n); }
    static void end(long* p, std::size_t n) { Allocator<long>{}.deallocate(p, n); }
};

template <template <class> class Allocator>
void frees_go_home(std::size_t n)
{
    test::fault_recorder const faults;
    checked_alloc one, two;
    long *first, *second;
    {
        current_instance const here{one};
        first = anew_each_time<Allocator>::make(n);
    }
    BOOST_TEST(live(one) == 1u);
    {
        current_instance const here{two};
        second = anew_each_time<Allocator>::make(n);
        anew_each_time<Allocator>::end(first, n);
        BOOST_TEST(live(one) == 0u);
        BOOST_TEST(live(two) == 1u);
    }
    anew_each_time<Allocator>::end(second, n);  // through the default instance
    BOOST_TEST(live(two) == 0u);
    BOOST_TEST(live(default_instance<checked_alloc>()) == 0u);
    BOOST_TEST(faults.count() == 0u);
    BOOST_TEST(bool(one.verify()));
    BOOST_TEST(bool(two.verify()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ambient)

BOOST_AUTO_TEST_CASE(what_is_made_by_default_binds_to_the_current_instance_and_keeps_to_it)
{
    smart_alloc level, menu;
    BOOST_TEST((current_alloc() == default_instance().ref()));
    std::size_t const before = live(default_instance());
    std::vector<int, ambient_pool_allocator<int>> at_default;
    std::vector<int, ambient_pool_allocator<int>> in_level{ambient_pool_allocator<int>{level}};
    {
        current_instance const outer{level};
        BOOST_TEST((current_alloc() == level.ref()));
        std::vector<int, ambient_pool_allocator<int>> numbers;
        BOOST_TEST((numbers.get_allocator() == in_level.get_allocator()));
        {
            current_instance const inner{menu};
            BOOST_TEST((current_alloc() == menu.ref()));
            BOOST_TEST((ambient_pool_allocator<int>{} == ambient_pool_allocator<long>{menu}));
            numbers.assign(100, 1);
            at_default.assign(100, 2);
            BOOST_TEST(live(menu) == 0u);
            BOOST_TEST(live(level) == 1u);
            BOOST_TEST(live(default_instance()) == before + 1);
        }
        BOOST_TEST((current_alloc() == level.ref()));
    }
    BOOST_TEST((current_alloc() == default_instance().ref()));
    BOOST_TEST(live(level) == 0u);
}

BOOST_AUTO_TEST_CASE(packs_that_mean_the_same_have_one_current_instance_and_others_have_their_own)
{
    basic_smart_alloc<diagnostics::checked> alloc;
    current_instance const here{alloc};
    using allocator = ambient_heap_allocator<int, smart_alloc_debug>;
    BOOST_TEST((allocator{} == allocator{alloc}));
    BOOST_TEST((current_alloc() == default_instance().ref()));
}

BOOST_AUTO_TEST_CASE(a_current_instance_is_this_threads_alone)
{
    smart_alloc alloc;
    current_instance const here{alloc};
    bool default_there = false;
    std::vector<int, ambient_pool_allocator<int>> numbers;  // bound here, used there
    test::on_a_thread([&] {
        default_there = current_alloc() == default_instance().ref();
        numbers.assign(50, 7);
    });
    BOOST_TEST(default_there);
    BOOST_TEST(live(alloc) == 1u);
}

BOOST_AUTO_TEST_CASE(an_end_out_of_order_is_named_and_changes_nothing)
{
    // On a thread of its own, because what is out of order stays so.
    test::on_a_thread([] {
        smart_alloc one, two;
        auto outer = std::make_unique<current_instance<smart_alloc>>(one);
        {
            current_instance const inner{two};
            test::fault_recorder const faults;
            outer.reset();
            BOOST_TEST(faults.last() == fault_code::instance_not_current);
            BOOST_TEST(!faults.last_would_stop());
            BOOST_TEST((current_alloc() == two.ref()));
        }
        BOOST_TEST((current_alloc() == one.ref()));  // what the inner one had found
    });
    // On another thread than its own it is out of order, too.
    checked_alloc alloc;
    test::fault_recorder const faults;
    auto made_there = std::unique_ptr<current_instance<checked_alloc>>{};
    test::on_a_thread([&] { made_there = std::make_unique<current_instance<checked_alloc>>(alloc); });
    made_there.reset();
    BOOST_TEST(faults.last() == fault_code::instance_not_current);
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST((current_alloc<checked_alloc>() == default_instance<checked_alloc>().ref()));
}

BOOST_AUTO_TEST_CASE(a_block_goes_back_to_its_own_instance_whichever_allocator_frees_it)
{
    frees_go_home<in_pool>(1);
    frees_go_home<in_pool>(100);
    frees_go_home<in_pool>(5000);  // larger than any class: on the heap
    frees_go_home<on_heap>(1);
    frees_go_home<on_heap>(100'000);
}

BOOST_AUTO_TEST_CASE(the_same_without_checks_with_small_slabs_and_in_buffers)
{
    auto const go = []<class Alloc>(std::type_identity<Alloc>) {
        auto const one = std::make_unique<Alloc>(), two = std::make_unique<Alloc>();
        for (std::size_t const n : {std::size_t{1}, std::size_t{200}, std::size_t{5000}}) {
            ambient_pool_allocator<long, Alloc> of_one{*one}, of_two{*two};
            ambient_heap_allocator<long, Alloc> heap_of_one{*one}, heap_of_two{*two};
            long* const p = of_one.allocate(n);
            long* const q = heap_of_one.allocate(n);
            BOOST_TEST(live(*one) == 2u);
            of_two.deallocate(p, n);
            heap_of_two.deallocate(q, n);
            BOOST_TEST(live(*one) == 0u);
            for (void* const r : {one->pool_alloc(layout{.bytes = n}), two->heap_alloc(layout{.bytes = n})}) {
                Alloc::free_anywhere(r);
            }
            BOOST_TEST(live(*one) == 0u);
            BOOST_TEST(live(*two) == 0u);
        }
        Alloc::free_anywhere(nullptr);
    };
    test::fault_recorder const faults;
    go(std::type_identity<smart_alloc>{});
    go(std::type_identity<small_slabs>{});
    go(std::type_identity<in_buffer>{});
    go(std::type_identity<smart_alloc_minimal>{});
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(what_belongs_to_no_living_instance_of_the_assembly_is_named)
{
    checked_alloc alloc;
    smart_alloc stranger;
    small_slabs other_slabs;
    std::vector<void*> foreign{stranger.pool_alloc(layout{.bytes = 64}), stranger.heap_alloc(layout{.bytes = 64}),
                               std::malloc(64), &alloc};
    // Slabs of 4 KiB: at every place of a unit of the map.
    for (int i = 0; i < 200; ++i) foreign.push_back(other_slabs.pool_alloc(layout{.bytes = 512}));
    void* const mine = alloc.pool_alloc(layout{.bytes = 64});
    void* const block = alloc.heap_alloc(layout{.bytes = 64});
    foreign.push_back(static_cast<char*>(mine) + 8);
    foreign.push_back(static_cast<char*>(block) + 8);
    foreign.push_back(static_cast<char*>(block) + 48);
    auto const is_named = [](fault_code code) {
        // What lies in a block of ours is named so, and what another family of calls gave.
        return code == fault_code::foreign_pointer || code == fault_code::interior_pointer ||
               code == fault_code::wrong_family;
    };
    for (void* const p : foreign) {
        test::fault_recorder const faults;
        checked_alloc::free_anywhere(p);
        BOOST_TEST_REQUIRE(faults.count() == 1u);
        BOOST_TEST(is_named(faults.last()));
        BOOST_TEST(faults.last_would_stop());
        in_pool<char>{}.deallocate(static_cast<char*>(p), 64);
        BOOST_TEST_REQUIRE(faults.count() == 2u);
        BOOST_TEST(is_named(faults.last()));
        on_heap<char>{}.deallocate(static_cast<char*>(p), 64);
        BOOST_TEST_REQUIRE(faults.count() == 3u);
        BOOST_TEST(is_named(faults.last()));
    }
    std::free(foreign[2]);
    // Twice is seen where it is freed twice, by the instance whose block it was.
    test::fault_recorder const faults;
    checked_alloc::free_anywhere(mine);
    checked_alloc::free_anywhere(block);
    BOOST_TEST(faults.count() == 0u);
    checked_alloc::free_anywhere(mine);
    BOOST_TEST(faults.last() == fault_code::double_free);
    checked_alloc::free_anywhere(block);
    BOOST_TEST(faults.count() == 2u);
    BOOST_TEST(live(alloc) == 0u);
    BOOST_TEST(bool(alloc.verify()));
    for (std::size_t i = 4; i < 204; ++i) other_slabs.pool_free(foreign[i]);
}

BOOST_AUTO_TEST_CASE(a_slab_is_not_looked_for_outside_of_what_is_ours)
{
    // By the size of large slabs, these would begin anywhere below: mostly where nothing is.
    std::vector<std::unique_ptr<checked_alloc>> many;
    large_slabs stranger;
    test::fault_recorder const faults;
    for (std::size_t i = 1; i <= 12; ++i) {
        many.push_back(std::make_unique<checked_alloc>(alloc_config{.region_bytes = 64_KiB}));
        void* const p = many.back()->pool_alloc(layout{.bytes = 64});
        large_slabs::free_anywhere(p);
        BOOST_TEST(faults.count() == i * 3 - 2);
        BOOST_TEST(faults.last() == fault_code::foreign_pointer);
        stranger.pool_free(p);
        BOOST_TEST(faults.count() == i * 3 - 1);
        stranger.pool_free(p, layout{.bytes = 64});
        BOOST_TEST(faults.count() == i * 3);
        BOOST_TEST(stranger.usable_size(p) == 0u);
        many.back()->pool_free(p);
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_named_by_the_instance_of_the_block)
{
    checked_alloc one, two;
    int* const p = in_pool<int>{one}.allocate(10);
    test::fault_recorder const faults;
    in_pool<int>{two}.deallocate(p, 1000);
    BOOST_TEST(faults.last() == fault_code::wrong_size);
    in_pool<int>{two}.deallocate(p, 10);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(live(one) == 0u);
}

BOOST_AUTO_TEST_CASE(a_copy_goes_where_the_copier_is_and_a_move_stays)
{
    checked_alloc one, two;
    current_instance const outer{one};
    std::vector<int, in_pool<int>> const original(100, 3);
    current_instance const inner{two};
    auto const copy = original;
    BOOST_TEST((copy.get_allocator() == in_pool<int>{two}));
    std::vector<int, in_pool<int>> moved(original, in_pool<int>{one});
    int const* const data = moved.data();
    auto const kept = std::move(moved);
    BOOST_TEST((kept.get_allocator() == in_pool<int>{one}));
    BOOST_TEST(kept.data() == data);
}

BOOST_AUTO_TEST_CASE(a_frame_is_the_one_of_the_bound_instance)
{
    checked_alloc one;
    current_instance const here{one};
    one.begin_frame();
    std::list<int, in_frame<int>> numbers;
    for (int i = 0; i < 100; ++i) numbers.push_back(i);
    BOOST_TEST(one.stats().operations.frame_allocations == 100u);
    BOOST_TEST(numbers.back() == 99);
    numbers.clear();
    one.end_frame();
    auto const seen = test::how_it_fails([&] { numbers.push_back(1); });
    BOOST_TEST(seen.code == fault_code::frame_not_open);
}

BOOST_AUTO_TEST_CASE(the_default_instance_works_before_main_and_after_it)
{
    BOOST_TEST(made_before_main.size() == 100u);
    BOOST_TEST(live(default_instance()) == 200u);
    made_before_main.erase(7);
    BOOST_TEST(live(default_instance()) == 198u);
}

BOOST_AUTO_TEST_SUITE_END()
