// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/sync/mutex.hpp>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

using counted_backend = backend::counting<backend::split<backend::virtual_memory, backend::system>>;
using every_assembly =
    std::tuple<smart_alloc, smart_alloc_debug, smart_alloc_single_threaded, smart_alloc_minimal, smart_alloc_guarded,
               basic_smart_alloc<sync::mutex<std::mutex>>, basic_smart_alloc<backend::static_buffer<16_MiB, 65536>>>;

/// Writes its letter when it goes.
struct noted {
    std::string* diary;
    char letter;
    ~noted() { *diary += letter; }
};
static_assert(!std::is_trivially_destructible_v<noted>);

struct alignas(64) line {
    char bytes[64];
};

bool is_aligned(void const* p, std::size_t align) { return reinterpret_cast<std::uintptr_t>(p) % align == 0; }

}  // namespace

BOOST_AUTO_TEST_SUITE(groups)

BOOST_AUTO_TEST_CASE_TEMPLATE(objects_live_until_the_group_is_freed_and_are_destroyed_newest_first, Alloc, every_assembly)
{
    auto const owner = std::make_unique<Alloc>();  // a static buffer is too large for a stack
    Alloc& alloc = *owner;
    for (bool const shared : {false, true}) {
        std::string diary;
        {
            auto level = alloc.groups().create("level_1", {.shared = shared});
            for (char const c : {'a', 'b', 'c'}) level.template make<noted>(&diary, c);
            int* const number = level.template make<int>(42);
            auto* const text = level.template make<std::string>(std::size_t{100}, 'x');
            BOOST_TEST(*number == 42);
            BOOST_TEST(text->size() == 100u);
            level.template make<noted>(&diary, 'd');
            BOOST_TEST(diary == "");
            level.free();
            BOOST_TEST(diary == "dcba");
            BOOST_TEST(!level);
        }
        BOOST_TEST(diary == "dcba");  // and its end does nothing more
        BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
        BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
        BOOST_TEST(alloc.groups().count() == 0u);
        BOOST_TEST(bool(alloc.verify()));
    }
}

BOOST_AUTO_TEST_CASE(the_end_of_its_owner_frees_a_group)
{
    smart_alloc alloc;
    std::string diary;
    {
        auto const level = alloc.groups().create("level_1");
        group_ref{level}.make<noted>(&diary, 'x');
    }
    BOOST_TEST(diary == "x");
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_object_made_by_anothers_constructor_outlives_it)
{
    struct child {
        std::string& diary;
        ~child() { diary += 'c'; }
    };
    struct parent {
        child* mine;
        std::string& diary;
        parent(group_of<smart_alloc>& g, std::string& d) : mine(g.make<child>(d)), diary(d) {}
        ~parent() { mine->diary += 'p'; }
    };
    smart_alloc alloc;
    std::string diary;
    auto level = alloc.groups().create();
    level.make<parent>(level, diary);
    level.free();
    BOOST_TEST(diary == "pc");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(arrays_are_initialised_aligned_and_destroyed_from_the_back, Alloc, every_assembly)
{
    auto const owner = std::make_unique<Alloc>();  // a static buffer is too large for a stack
    Alloc& alloc = *owner;
    std::string diary;
    for (bool const shared : {false, true}) {
        diary.clear();
        auto level = alloc.groups().create({}, {.shared = shared});
        auto const zeros = level.template make_array<int>(1000);
        BOOST_TEST(zeros.size() == 1000u);
        for (int const z : zeros) BOOST_TEST_REQUIRE(z == 0);
        auto const lines = level.template make_array_for_overwrite<line>(3);
        BOOST_TEST(is_aligned(lines.data(), 64));
        auto const words = level.template make_array<std::string>(50);
        for (std::string& w : words) w.assign(100, 'w');
        auto const none = level.template make_array<std::string>(0);
        BOOST_TEST(none.empty());
        BOOST_TEST(level.template try_make_array<int>(7).size() == 7u);
        auto const two = level.template make_array_for_overwrite<std::array<noted, 0>>(2);
        BOOST_TEST(two.size() == 2u);
        level.template make<noted>(&diary, 'l');
        BOOST_TEST(level.stats().objects == 1000u + 3 + 50 + 0 + 7 + 2 + 1);
        level.free();
        BOOST_TEST(diary == "l");
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(raw_memory_has_every_alignment_and_no_byte_twice, Alloc, every_assembly)
{
    auto const owner = std::make_unique<Alloc>();  // a static buffer is too large for a stack
    Alloc& alloc = *owner;
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create({}, {.shared = shared});
        std::map<char*, std::size_t> given;
        auto const take = [&](layout request) {
            auto* const p = static_cast<char*>(level.alloc(request));
            BOOST_TEST_REQUIRE(is_aligned(p, request.align));
            BOOST_TEST_REQUIRE(level.owns(p));
            std::size_t const bytes = request.bytes + (request.bytes == 0);
            std::memset(p, 0x5A, request.bytes);
            auto const next = given.lower_bound(p);
            if (next != given.end()) BOOST_REQUIRE_LE(static_cast<void*>(p + bytes), static_cast<void*>(next->first));
            if (next != given.begin()) {
                auto const& [before, its_bytes] = *std::prev(next);
                BOOST_REQUIRE_LE(static_cast<void*>(before + its_bytes), static_cast<void*>(p));
            }
            given[p] = bytes;
        };
        for (std::size_t align = 1; align <= 65536; align *= 2) {
            for (std::size_t const bytes : {0u, 1u, 16u, 17u, 1000u, 5000u, 300000u}) {
                take({.bytes = bytes, .align = align});
            }
        }
        for (int i = 0; i < 2000; ++i) take({.bytes = std::size_t(i) % 200, .align = std::size_t{1} << (i % 8)});
        int const on_the_stack = 0;
        BOOST_TEST(!level.owns(&on_the_stack));
        group_stats const s = level.stats();
        BOOST_TEST(s.objects == given.size());
        std::size_t sum = 0;
        for (auto const& [p, bytes] : given) sum += bytes;
        BOOST_TEST(s.bytes >= sum);
        BOOST_TEST(s.reserved_bytes >= s.bytes);
        BOOST_TEST(bool(alloc.verify()));
    }
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(freeing_takes_as_many_calls_as_there_are_blocks_and_not_as_there_are_objects)
{
    basic_smart_alloc<counted_backend> alloc{alloc_config{.heap_cache_bytes = 0}};
    std::size_t calls[2] = {};
    for (std::size_t const objects : {1000u, 100000u}) {
        auto level = alloc.groups().create();
        std::size_t const before = alloc.stats().heap_blocks_live;
        for (std::size_t i = 0; i < objects; ++i) level.make<std::size_t>(i);
        std::size_t const blocks = level.stats().blocks;
        BOOST_TEST(alloc.stats().heap_blocks_live - before == blocks);
        auto const freed = alloc.backend().counts().deallocate_calls;
        level.free();
        BOOST_TEST(alloc.backend().counts().deallocate_calls - freed == blocks);
        calls[objects == 100000] = blocks;
    }
    // 16 bytes each: 16 KB and 1.6 MB in blocks of 4 KiB, doubling.
    BOOST_TEST(calls[0] == 3u);
    BOOST_TEST(calls[1] == 9u);
}

BOOST_AUTO_TEST_CASE(blocks_double_up_to_the_largest_and_are_as_large_as_the_configuration_says)
{
    basic_smart_alloc<counted_backend> alloc{alloc_config{.heap_cache_bytes = 0}};
    auto level = alloc.groups().create({}, {.first_block_bytes = 1024, .block_bytes = 8192});
    BOOST_TEST(level.stats().blocks == 0u);  // nothing is taken before the first request
    std::size_t before = alloc.stats().backend_bytes;
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 3000; ++i) {
        level.make<std::array<char, 16>>();
        if (level.stats().blocks == sizes.size()) continue;
        sizes.push_back(alloc.stats().backend_bytes - before);
        before = alloc.stats().backend_bytes;
    }
    // The first also brings what the instance needs for its first heap block.
    BOOST_TEST_REQUIRE(sizes.size() > 6u);
    BOOST_TEST(sizes[1] == 2048u);
    BOOST_TEST(sizes[2] == 4096u);
    for (std::size_t i = 3; i < sizes.size(); ++i) BOOST_TEST(sizes[i] == 8192u);
}

BOOST_AUTO_TEST_CASE(a_large_request_has_a_block_of_its_own_and_the_chunk_goes_on)
{
    smart_alloc alloc;
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create({}, {.shared = shared});
        auto* const first = level.make<std::array<char, 16>>();
        void* const large = level.alloc({.bytes = 1_MiB, .align = 4096});
        auto* const second = level.make<std::array<char, 16>>();
        std::memset(large, 1, 1_MiB);
        BOOST_TEST(level.stats().blocks == 2u);
        BOOST_TEST(level.owns(large));
        BOOST_TEST(second->data() - first->data() <= 64);
        BOOST_TEST(level.stats().bytes >= 1_MiB + 32);
        BOOST_TEST(level.stats().objects == 3u);
    }
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(what_was_served_last_may_be_given_back)
{
    smart_alloc alloc;
    auto level = alloc.groups().create();
    void* const kept = level.alloc({.bytes = 100, .align = 16});
    group_stats const before = level.stats();
    void* const last = level.alloc({.bytes = 1000, .align = 16});
    BOOST_TEST(!level.try_give_back(kept, 100));
    BOOST_TEST(!level.try_give_back(last, 999 - 16));
    BOOST_TEST(level.try_give_back(last, 1000));
    BOOST_TEST(!level.try_give_back(last, 1000));
    BOOST_TEST(level.stats().bytes == before.bytes);
    BOOST_TEST(level.stats().objects == before.objects);
    BOOST_TEST(level.alloc({.bytes = 10, .align = 16}) == last);

    auto shared = alloc.groups().create({}, {.shared = true});
    void* const p = shared.alloc({.bytes = 64, .align = 16});
    BOOST_TEST(!shared.try_give_back(p, 64));
}

BOOST_AUTO_TEST_CASE(an_impossible_request_is_refused_and_the_group_goes_on)
{
    smart_alloc alloc;
    for (bool const shared : {false, true}) {
        auto level = alloc.groups().create("level_1", {.shared = shared});
        level.make<int>(1);
        group_stats const before = level.stats();
        BOOST_TEST(level.try_make_array<int>(SIZE_MAX / 2).data() == nullptr);
        BOOST_TEST(level.try_make_array<std::string>(SIZE_MAX / 2).data() == nullptr);
        BOOST_TEST(level.try_make_array<std::string>(SIZE_MAX / sizeof(std::string)).data() == nullptr);
        BOOST_TEST(level.try_alloc({.bytes = SIZE_MAX, .align = 16}) == nullptr);
        for (std::size_t const align : {0u, 3u, 24u, 4194304u}) {
            BOOST_TEST(level.try_alloc({.bytes = 16, .align = align}) == nullptr);
        }
        auto const huge = how_it_fails([&] { static_cast<void>(level.make_array<int>(SIZE_MAX / 2)); });
        BOOST_TEST(huge.failed);
        BOOST_TEST(huge.code == fault_code::impossible_size);
        auto const odd = how_it_fails([&] { static_cast<void>(level.alloc({.bytes = 1, .align = 12})); });
        BOOST_TEST(odd.code == fault_code::impossible_alignment);
        BOOST_TEST(level.stats().bytes == before.bytes);
        BOOST_TEST(level.stats().objects == before.objects);
        BOOST_TEST(level.stats().blocks == before.blocks);
        BOOST_TEST(*level.make<int>(2) == 2);
    }
}

#if FRAMEALLOC_EXCEPTIONS
namespace {

struct fragile {
    static inline int until_it_breaks = 0;
    static inline int alive = 0;
    std::string content = "something that is too long for the string itself";
    fragile() {
        if (until_it_breaks-- == 0) throw 7;
        ++alive;
    }
    fragile(fragile const&) = delete;
    fragile& operator=(fragile const&) = delete;
    ~fragile() { --alive; }
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_constructor_that_throws_leaves_the_group_as_it_was, Alloc, every_assembly)
{
    auto const owner = std::make_unique<Alloc>();  // a static buffer is too large for a stack
    Alloc& alloc = *owner;
    auto level = alloc.groups().create();
    level.template make<int>(1);
    group_stats const before = level.stats();
    auto const is_as_before = [&] {
        group_stats const s = level.stats();
        return s.objects == before.objects && s.bytes == before.bytes && s.blocks == before.blocks &&
               s.reserved_bytes == before.reserved_bytes && fragile::alive == 0;
    };
    fragile::until_it_breaks = 0;
    BOOST_CHECK_THROW(level.template make<fragile>(), int);
    BOOST_TEST(is_as_before());
    for (int const n : {1, 2, 5, 1000, 20000}) {
        for (int const k : {0, n / 2, n - 1}) {
            fragile::until_it_breaks = k;
            BOOST_CHECK_THROW(static_cast<void>(level.template make_array<fragile>(std::size_t(n))), int);
            BOOST_TEST(is_as_before());
        }
    }
    // One that has made others in the group: these go with it, in reverse order, and the blocks they took.
    struct nest {
        explicit nest(group_of<Alloc>& g) {
            for (int i = 0; i < 1000; ++i) g.template make<std::string>(std::size_t{100}, 'n');
            static_cast<void>(g.alloc({.bytes = 1_MiB, .align = 16}));
            throw 8;
        }
        ~nest() = default;
    };
    BOOST_CHECK_THROW(level.template make<nest>(level), int);
    BOOST_TEST(is_as_before());

    fragile::until_it_breaks = 100;
    level.template make<fragile>();
    static_cast<void>(level.template make_array<fragile>(10));
    BOOST_TEST(fragile::alive == 11);
    level.free();
    BOOST_TEST(fragile::alive == 0);
    BOOST_TEST(bool(alloc.verify()));
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(in_a_shared_group_an_object_that_did_not_come_to_be_is_neither_counted_nor_destroyed)
{
    smart_alloc alloc;
    auto level = alloc.groups().create({}, {.shared = true});
    level.make<int>(1);
    fragile::until_it_breaks = 0;
    BOOST_CHECK_THROW(level.make<fragile>(), int);
    fragile::until_it_breaks = 3;
    BOOST_CHECK_THROW(static_cast<void>(level.make_array<fragile>(5)), int);
    BOOST_TEST(level.stats().objects == 1u);
    level.free();
    BOOST_TEST(fragile::alive == 0);
}
#endif

BOOST_AUTO_TEST_CASE(a_group_is_moved_with_all_that_is_in_it)
{
    smart_alloc alloc;
    std::string diary;
    auto first = alloc.groups().create("first");
    first.make<noted>(&diary, '1');
    group_of<smart_alloc> owner = std::move(first);
    BOOST_TEST(!first);
    BOOST_TEST(owner.name() == "first");
    owner.make<noted>(&diary, '2');

    auto second = alloc.groups().create("second");
    second.make<noted>(&diary, 's');
    owner = std::move(second);  // what it owned goes
    BOOST_TEST(diary == "21");
    BOOST_TEST(owner.name() == "second");
    auto& alias = owner;
    owner = std::move(alias);
    BOOST_TEST(owner.is_live());
    owner = {};
    BOOST_TEST(diary == "21s");
    BOOST_TEST(!owner);
    BOOST_TEST(alloc.groups().count() == 0u);

    std::vector<group_of<smart_alloc>> many;  // moved as it grows
    for (int i = 0; i < 100; ++i) {
        many.push_back(alloc.groups().create("group " + std::to_string(i)));
        many.back().make<int>(i);
    }
    many.erase(many.begin() + 1, many.begin() + 99);
    BOOST_TEST(alloc.groups().count() == 2u);
    BOOST_TEST(alloc.groups().find("group 99").is_live());
    BOOST_TEST(!alloc.groups().find("group 50").is_live());
}

BOOST_AUTO_TEST_CASE(groups_are_found_by_name_and_listed_in_the_order_of_their_creation)
{
    smart_alloc alloc;
    auto registry = alloc.groups();
    BOOST_TEST(registry.count() == 0u);
    BOOST_TEST(!registry.find("level_1"));
    auto sky = registry.create("sky");
    auto level = registry.create("level_1", {.shared = true});
    auto unnamed = registry.create(), also_unnamed = registry.create("");
    level.make<int>(1);
    static_cast<void>(sky.alloc({.bytes = 1000, .align = 16}));

    BOOST_TEST((registry.find("sky") == sky.ref()));
    BOOST_TEST((registry.find("level_1") == level.ref()));
    BOOST_TEST(!registry.find(""));
    BOOST_TEST(!registry.find("level_"));

    group_stats seen[8];
    BOOST_TEST_REQUIRE(registry.list(seen) == 4u);
    BOOST_TEST(seen[0].name() == "sky");
    BOOST_TEST(seen[0].objects == 1u);
    BOOST_TEST(seen[0].bytes == 1008u);
    BOOST_TEST(seen[0].blocks == 1u);
    BOOST_TEST(seen[0].reserved_bytes == 4096u - 128);
    BOOST_TEST(!seen[0].shared);
    BOOST_TEST(seen[1].name() == "level_1");
    BOOST_TEST(seen[1].objects == 1u);
    BOOST_TEST(seen[1].bytes == 16u);
    BOOST_TEST(seen[1].shared);
    BOOST_TEST(seen[2].name() == "");
    BOOST_TEST(seen[2].reserved_bytes == 0u);

    seen[1] = {};
    BOOST_TEST(registry.list({seen, 1}) == 4u);  // as many as there is room for
    BOOST_TEST(seen[1].name() == "");
    sky.free();
    BOOST_TEST_REQUIRE(registry.list(seen) == 3u);
    BOOST_TEST(seen[0].name() == "level_1");
}

BOOST_AUTO_TEST_CASE(a_name_is_free_again_when_its_group_is_freed)
{
    smart_alloc alloc;
    std::size_t first = 0;
    for (int i = 0; i < 1000; ++i) {
        auto level = alloc.groups().create("level_1");
        level.make<int>(i);
        if (i == 0) first = alloc.stats().backend_bytes;
    }
    // The state of a freed group is used again: as much is there as is alive at the same time.
    BOOST_TEST(alloc.stats().backend_bytes == first);
}

BOOST_AUTO_TEST_CASE(a_group_may_be_freed_by_reference_and_leaves_its_owner_empty)
{
    smart_alloc alloc;
    std::string diary;
    auto level = alloc.groups().create("level_1");
    level.make<noted>(&diary, 'x');
    alloc.groups().free(alloc.groups().find("level_1"));
    BOOST_TEST(diary == "x");
    BOOST_TEST(!level);
    level = alloc.groups().create("level_1");
    BOOST_TEST(level.is_live());
}

BOOST_AUTO_TEST_CASE(two_instances_have_groups_of_their_own)
{
    smart_alloc first, second;
    auto const one = first.groups().create("level_1");
    auto const other = second.groups().create("level_1");
    BOOST_TEST(!(one.ref() == other.ref()));
    BOOST_TEST(first.groups().count() == 1u);
    BOOST_TEST(second.groups().count() == 1u);
}

BOOST_AUTO_TEST_CASE(a_group_may_be_filled_on_one_thread_and_freed_on_another)
{
    smart_alloc alloc;
    auto level = alloc.groups().create("level_1");
    std::thread{[&] {
        for (int i = 0; i < 10000; ++i) level.make<std::string>(std::size_t{50}, 'x');
    }}.join();
    BOOST_TEST(level.stats().objects == 10000u);
    std::thread{[moved = std::move(level)]() mutable { moved.free(); }}.join();
    BOOST_TEST(alloc.stats().heap_bytes_live == 0u);
}

BOOST_AUTO_TEST_CASE(an_empty_group_costs_the_instance_no_block)
{
    basic_smart_alloc<counted_backend> alloc;
    auto const level = alloc.groups().create("level_1");
    BOOST_TEST(alloc.stats().heap_blocks_live == 0u);
    BOOST_TEST(sizeof level == 3 * sizeof(void*));
    BOOST_TEST(sizeof(group_ref{level}) == 2 * sizeof(void*));
}

BOOST_AUTO_TEST_SUITE_END()
