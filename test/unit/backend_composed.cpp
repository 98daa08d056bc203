// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/failing.hpp"
#include "support/faults.hpp"

#include <framealloc/backend/any.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/faulting.hpp>
#include <framealloc/backend/memory_resource.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

using namespace framealloc;

namespace {

/// Serves nothing, and says which kind of nothing.
struct refusing {
    using family = backend_family;
    bool final_answer = false;
    backend_result try_allocate(layout) noexcept {
        return final_answer ? backend_result::out_of_memory() : backend_result::fallback();
    }
    void deallocate(void*, layout) noexcept {}
};

/// A plugin, as C would write it: remembers what is out, and may be told to lie.
struct plugin {
    std::size_t blocks_out = 0;
    std::size_t wrong_givers = 0;
    std::size_t misaligned_by = 0;
    unsigned char giver = 5;

    static void* allocate(void* self, std::size_t bytes, std::size_t align, unsigned char* giver) {
        auto& p = *static_cast<plugin*>(self);
        auto* const whole = static_cast<unsigned char*>(backend::system{}.try_allocate({.bytes = bytes + 64, .align = align}));
        if (whole == nullptr) return nullptr;
        ++p.blocks_out;
        *giver = p.giver;
        return whole + p.misaligned_by;
    }
    static void deallocate(void* self, void* block, std::size_t bytes, std::size_t align, unsigned char giver) {
        auto& p = *static_cast<plugin*>(self);
        --p.blocks_out;
        p.wrong_givers += giver != p.giver;
        backend::system{}.deallocate(static_cast<unsigned char*>(block) - p.misaligned_by, {.bytes = bytes + 64, .align = align});
    }
    [[nodiscard]] backend::backend_table table() {
        return {.self = this, .allocate = &plugin::allocate, .deallocate = &plugin::deallocate};
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(composed_backends)

BOOST_AUTO_TEST_CASE(each_block_goes_back_to_the_backend_that_gave_it)
{
    // Neither part can say what it owns: both take from the same heap.
    using counted = backend::counting<backend::system>;
    using limited = backend::faulting<counted>;
    using both = backend::fallback<limited, backend::fallback<limited, counted>>;
    basic_smart_alloc<both, sync::single_threaded> alloc{alloc_config{.heap_cache_bytes = 0}};
    both& b = alloc.backend();
    b.first().fail(backend::backend_operation::allocate, backend::fault_plan::random(0.5, 1));
    b.second().first().fail(backend::backend_operation::allocate, backend::fault_plan::random(0.5, 2));
    auto const parts = [&] {
        return std::vector<backend::backend_counts>{b.first().inner().counts(), b.second().first().inner().counts(),
                                                    b.second().second().counts()};
    };

    std::minstd_rand random{7};
    std::vector<void*> blocks;
    for (int i = 0; i < 3000; ++i) {
        if (random() % 2 == 0 || blocks.empty()) {
            blocks.push_back(alloc.heap_alloc(layout{.bytes = random() % 5000}));
        } else {
            std::size_t const k = random() % blocks.size();
            alloc.heap_free(blocks[k]);
            blocks[k] = blocks.back();
            blocks.pop_back();
        }
    }
    alloc.begin_frame();
    static_cast<void>(alloc.frame_array<char>(3'000'000));
    alloc.end_frame();
    for (auto const& part : parts()) BOOST_TEST(part.allocate_calls > 100u);  // all three have served
    for (void* const p : blocks) alloc.heap_free(p);
    // What is left is what the instance itself holds, to the byte, wherever it came from.
    std::size_t out = 0;
    for (auto const& part : parts()) out += part.block_bytes;
    BOOST_TEST(out == alloc.stats().backend_bytes);
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(after_out_of_memory_nobody_else_is_asked_and_after_fallback_the_next_one_is)
{
    backend::fallback<refusing, backend::system> passing{refusing{false}, {}};
    backend_result const served = passing.try_allocate({.bytes = 100, .align = 16});
    BOOST_TEST_REQUIRE(bool(served));
    BOOST_TEST(served.giver() == 1);
    passing.deallocate(served.address(), {.bytes = 100, .align = 16}, served.giver());

    backend::fallback<refusing, backend::system> final{refusing{true}, {}};
    backend_result const refused = final.try_allocate({.bytes = 100, .align = 16});
    BOOST_TEST(!refused);
    BOOST_TEST(refused.is_final());

    backend::fallback<refusing, refusing> nobody;
    BOOST_TEST(!nobody.try_allocate({.bytes = 1, .align = 1}).is_final());
}

BOOST_AUTO_TEST_CASE(a_buffer_with_the_system_behind_it_is_used_up_first)
{
    static basic_smart_alloc<backend::fallback<backend::static_buffer<262144>, backend::counting<backend::system>>,
                             sync::single_threaded, pool::none, arena::chunked<4096, 4096>>
        alloc;
    auto const spilled = [] { return alloc.backend().second().counts().block_bytes; };
    alloc.begin_frame();
    while (alloc.stats().frame_bytes_reserved < 131072) static_cast<void>(alloc.frame_alloc<char[1024]>());
    BOOST_TEST(spilled() == 0u);
    while (alloc.stats().frame_bytes_reserved < 524288) static_cast<void>(alloc.frame_alloc<char[1024]>());
    BOOST_TEST(spilled() >= 262144u);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_plugin_serves_through_its_table_and_gets_its_givers_back)
{
    plugin p;
    {
        basic_smart_alloc<backend::any> alloc{backend::any{p.table()}};
        auto const boxed = alloc.pool_box<int>(3);
        void* const block = alloc.heap_alloc(layout{.bytes = 100'000, .align = 4096});
        std::memset(block, 1, 100'000);
        alloc.begin_frame();
        static_cast<void>(alloc.frame_array<int>(1000));
        alloc.end_frame();
        BOOST_TEST(p.blocks_out > 2u);
    }
    BOOST_TEST(p.blocks_out == 0u);
    BOOST_TEST(p.wrong_givers == 0u);
}

BOOST_AUTO_TEST_CASE(a_plugin_that_lies_about_alignment_is_named_and_gets_everything_back)
{
    plugin p;
    p.misaligned_by = 8;
    basic_smart_alloc<backend::any, sync::single_threaded> alloc{backend::any{p.table()}};
    alloc.begin_frame();
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 64}) == nullptr);
    BOOST_TEST(alloc.try_pool_alloc(layout{.bytes = 64}) == nullptr);
    BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 64}) == nullptr);
    BOOST_TEST((test::how_it_fails([&] { static_cast<void>(alloc.heap_alloc(layout{.bytes = 64})); }).code ==
                fault_code::backend_misaligned));
    BOOST_TEST((test::how_it_fails([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 64})); }).code ==
                fault_code::backend_misaligned));
    BOOST_TEST(p.blocks_out == 0u);
    p.misaligned_by = 0;  // nothing was lost: it goes on as if it had not been
    BOOST_TEST(alloc.try_frame_alloc(layout{.bytes = 64}) != nullptr);
    alloc.end_frame();
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE(a_giver_that_does_not_exist_is_refused_at_the_door_and_named_on_the_way_back)
{
    plugin p;
    p.giver = 200;
    backend::any erased{p.table()};
    BOOST_TEST(!erased.try_allocate({.bytes = 10, .align = 16}));
    BOOST_TEST(p.blocks_out == 0u);

    test::fault_recorder faults;
    basic_smart_alloc<backend::fallback<backend::system, backend::system>, sync::single_threaded> alloc{
        alloc_config{.heap_cache_bytes = 0}};
    void* const block = alloc.heap_alloc(layout{.bytes = 100});
    detail::memory_is_ours(&detail::heap_prefix::of(block), sizeof(detail::heap_prefix));
    giver_byte& kept = detail::heap_prefix::of(block).giver;
    giver_byte const right = kept;
    kept = 77;  // something wrote below its block
    alloc.heap_free(block);
    BOOST_TEST((faults.codes() == std::vector<fault_code>{fault_code::giver_unknown}));
    kept = right;  // the memory was left where it is
    backend::system{}.deallocate(detail::heap_prefix::of(block).base, {});
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(tables_and_resources_that_are_missing_are_refused_by_name)
{
    plugin p;
    backend::backend_table half = p.table();
    half.deallocate = nullptr;
    BOOST_CHECK_EXCEPTION(backend::any{half}, configuration_error, [](configuration_error const& e) {
        return std::strstr(e.what(), "has 1 of its 2 functions") != nullptr;
    });
    BOOST_CHECK_EXCEPTION(backend::memory_resource{nullptr}, configuration_error, [](configuration_error const& e) {
        return std::strstr(e.what(), "memory resource is null") != nullptr;
    });
}

BOOST_AUTO_TEST_CASE(whatever_a_resource_throws_is_a_refusal_and_nothing_changes)
{
    struct throwing : std::pmr::memory_resource {
        bool throws = true;
        std::size_t out = 0;
        void* do_allocate(std::size_t bytes, std::size_t align) override {
            if (throws) throw 42;  // not even an exception of the standard's
            ++out;
            return std::pmr::new_delete_resource()->allocate(bytes, align);
        }
        void do_deallocate(void* p, std::size_t bytes, std::size_t align) override {
            --out;
            std::pmr::new_delete_resource()->deallocate(p, bytes, align);
        }
        bool do_is_equal(memory_resource const& other) const noexcept override { return this == &other; }
    } resource;
    {
        basic_smart_alloc<backend::memory_resource> alloc{backend::memory_resource{&resource}};
        BOOST_TEST(alloc.try_heap_alloc(layout{.bytes = 1000}) == nullptr);
        BOOST_CHECK_THROW(alloc.begin_frame(), allocation_failure);
        BOOST_TEST(alloc.stats().backend_bytes == 0u);
        resource.throws = false;
        alloc.begin_frame();
        BOOST_TEST(alloc.frame_alloc<int>() != nullptr);
        auto const owner = alloc.pool_box<int>(4);
        alloc.end_frame();
        BOOST_TEST(resource.out > 0u);
    }
    BOOST_TEST(resource.out == 0u);
}

#endif

BOOST_AUTO_TEST_SUITE_END()
