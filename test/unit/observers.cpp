// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/ambient_allocator.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/integration/pmr.hpp>
#include <framealloc/observer.hpp>

#include <map>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

/// What an observer has been told, by all instances of this file.
struct told {
    std::string what;
    void const* object = nullptr;
    std::size_t bytes = 0;
    allocation_intent intent = allocation_intent::heap;
};
std::vector<told>& log() {
    static std::vector<told> l;
    return l;
}
std::string words() {
    std::string all;
    for (told const& t : log()) all += (all.empty() ? "" : " ") + t.what;
    return all;
}
bool refuses = false;

/// Says everything that an observer may say, and keeps the objects of each frame.
struct watching : diagnostics::none {
    template <class A>
    class observer {
    public:
        struct frame_part {
            struct {
                void const* at[256];
                std::size_t count;
                std::size_t size() const { return count; }
                bool empty() const { return count == 0; }
                void const* back() const { return at[count - 1]; }
                void push_back(void const* p) { at[count++] = p; }
                void pop_back() { --count; }
                void clear() { count = 0; }
            } objects{};
            template <class F>
            void on_rewind(observer&, F const& is_gone) noexcept {
                log().push_back({.what = "rewind"});
                while (!objects.empty() && is_gone(objects.back())) objects.pop_back();
            }
        };
        template <class Caller>
        void on_request(Caller, layout asked, allocation_intent i, call_site) {
            log().push_back({.what = "request", .bytes = asked.bytes, .intent = i});
#if FRAMEALLOC_EXCEPTIONS
            if (refuses) throw std::runtime_error("not now");
#endif
        }
        template <class Caller>
        void on_allocate(Caller who, void* p, layout asked, allocation_intent i, call_site at) noexcept {
            log().push_back({.what = at.address != nullptr ? "allocate" : "allocate-nowhere", .object = p,
                             .bytes = asked.bytes, .intent = i});
            if (i == allocation_intent::frame) who.frame_part()->objects.push_back(p);
        }
        template <class Caller>
        void on_extend(Caller, void* p, std::size_t, std::size_t bytes, call_site) noexcept {
            log().push_back({.what = "extend", .object = p, .bytes = bytes});
        }
        template <class Caller>
        void on_free(Caller who, void* p, allocation_intent i, call_site at) noexcept {
            log().push_back({.what = at.address != nullptr ? "free" : "free-nowhere", .object = p, .intent = i});
            if (i == allocation_intent::frame) who.frame_part()->objects.pop_back();
        }
        template <class Caller>
        void on_frame_end(Caller who, unsigned long long last_gone) noexcept {
            if (last_gone == who.frame_serial()) who.frame_part()->objects.clear();
            log().push_back({.what = "end"});
        }
        template <class Instance>
        void on_instance_end(Instance&) noexcept {
            log().push_back({.what = "over"});
        }
    };
};

struct fresh_log {
    fresh_log() {
        log().clear();
        refuses = false;
    }
};

template <class Alloc>
std::size_t objects_in_frame(Alloc& alloc) {
    auto& part = alloc.local().frame.observed().part();
    if constexpr (requires { part.objects; }) {
        return part.objects.size();
    } else {
        using mine = watching::observer<typename Alloc::assembly_type>;
        return static_cast<detail::frame_part_of<mine>&>(part).of.objects.size();
    }
}

using watched_alloc = basic_smart_alloc<watching>;
using checked_and_watched = basic_smart_alloc<diagnostics::compose<diagnostics::checked, watching>>;
using watched_variants = std::tuple<watched_alloc, checked_and_watched, basic_smart_alloc<watching, sync::single_threaded>,
                                    basic_smart_alloc<watching, pool::none>>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(observers, fresh_log)

BOOST_AUTO_TEST_CASE_TEMPLATE(every_form_of_allocation_is_told_once_with_the_address_that_the_program_has, Alloc, watched_variants)
{
    struct destroyed {
        std::string text = "some text that is not short enough to be inside the string";
    };
    Alloc alloc;
    auto const expect = [](void const* p, std::size_t bytes, allocation_intent i) {
        BOOST_REQUIRE(log().size() == 2u);
        BOOST_TEST(log()[0].what == "request");
        BOOST_TEST(log()[0].bytes == bytes);
        BOOST_TEST(log()[1].what == "allocate");
        BOOST_TEST(log()[1].object == p);
        BOOST_TEST(log()[1].bytes == bytes);
        BOOST_TEST((log()[1].intent == i));
        BOOST_TEST((log()[0].intent == i));
        log().clear();
    };
    alloc.begin_frame();
    auto const frame = intent::frame;
    expect(alloc.frame_alloc(layout{.bytes = 100}), 100, frame);
    expect(alloc.try_frame_alloc(layout{.bytes = 100, .align = 64}), 100, frame);
    expect(alloc.template frame_alloc<int>(), sizeof(int), frame);
    expect(alloc.template try_frame_alloc<double>(), sizeof(double), frame);
    expect(alloc.template frame_new<int>(3), sizeof(int), frame);
    expect(alloc.template frame_new<destroyed>(), sizeof(destroyed), frame);
    expect(alloc.template try_frame_new<destroyed>(), sizeof(destroyed), frame);
    expect(alloc.template frame_array<int>(5).data(), 5 * sizeof(int), frame);
    expect(alloc.template frame_array<destroyed>(5).data(), 5 * sizeof(destroyed), frame);
    expect(alloc.template frame_array_for_overwrite<int>(7).data(), 7 * sizeof(int), frame);
    {
        auto const box = alloc.template frame_box<int>(3);
        expect(box.get(), sizeof(int), frame);
    }
    expect(alloc.local().frame_alloc(layout{.bytes = 8}), 8, frame);
    expect(alloc.ref().frame_alloc(layout{.bytes = 200'000}), 200'000, frame);  // not from the chunk at hand
    BOOST_TEST(objects_in_frame(alloc) == 13u);
    alloc.end_frame();
    log().clear();

    auto const pool = Alloc::assembly_type::pool::class_count != 0 ? intent::pool : intent::heap;
    std::vector<std::pair<void*, std::size_t>> blocks;
    auto const got = [&](void* p, std::size_t bytes, allocation_intent i) {
        expect(p, bytes, i);
        blocks.emplace_back(p, bytes);
    };
    got(alloc.pool_alloc(layout{.bytes = 100}), 100, pool);
    got(alloc.try_pool_alloc(layout{.bytes = 40}), 40, pool);
    got(alloc.pool_alloc(layout{.bytes = 100'000}), 100'000, intent::heap);
    got(alloc.try_pool_alloc(layout{.bytes = 100'000}), 100'000, intent::heap);
    got(alloc.heap_alloc(layout{.bytes = 50}), 50, intent::heap);
    got(alloc.try_heap_alloc(layout{.bytes = 60}), 60, intent::heap);
    for (auto const& [p, bytes] : blocks) {
        (bytes == 50 || bytes == 60) ? alloc.heap_free(p) : alloc.pool_free(p);
        BOOST_REQUIRE(log().size() == 1u);
        BOOST_TEST(log()[0].what == "free");
        BOOST_TEST(log()[0].object == p);
        log().clear();
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_form_of_free_is_told_once_before_the_memory_is_anybody_elses, Alloc, watched_variants)
{
    Alloc alloc;
    auto const expect = [](char const* what, void const* p) {
        BOOST_TEST(words() == what);
        BOOST_TEST(log().back().object == p);
        log().clear();
    };
    void* p = alloc.pool_alloc(layout{.bytes = 100});
    alloc.pool_free(p, layout{.bytes = 100});
    expect("request allocate free", p);
    p = alloc.pool_alloc(layout{.bytes = 50'000});
    alloc.pool_free(p, layout{.bytes = 50'000});
    expect("request allocate free", p);
    p = alloc.heap_alloc(layout{.bytes = 100});
    alloc.heap_free(p, layout{.bytes = 100});
    expect("request allocate free", p);
    p = alloc.template pool_new<int>(4);
    alloc.pool_delete(static_cast<int*>(p));
    expect("request allocate free", p);
    auto const array = alloc.template heap_array<int>(4);
    alloc.heap_delete(array);
    expect("request allocate free", array.data());
    {
        auto const box = alloc.template pool_box<int>(4);
        p = box.get();
    }
    expect("request allocate free", p);
    {
        pool_resource<typename Alloc::assembly_type> pooled{alloc};
        p = pooled.allocate(24, 8);
        pooled.deallocate(p, 24, 8);
    }
    expect("request allocate free", p);
    {
        std::vector<int, heap_allocator<int, Alloc>> v{heap_allocator<int, Alloc>{alloc}};
        v.push_back(3);
        p = v.data();
    }
    expect("request allocate free", p);
    if constexpr (!Alloc::assembly_type::sync::one_thread) {
        p = alloc.pool_alloc(layout{.bytes = 100});
        Alloc::free_anywhere(p);
        expect("request allocate free", p);
        {
            std::vector<int, ambient_pool_allocator<int, Alloc>> v{ambient_pool_allocator<int, Alloc>{alloc}};
            v.push_back(3);
            p = v.data();
        }
        expect("request allocate free", p);
        {
            std::vector<int, ambient_heap_allocator<int, Alloc>> v{ambient_heap_allocator<int, Alloc>{alloc}};
            v.push_back(3);
            p = v.data();
        }
        expect("request allocate free", p);
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_no_block_is_not_told_as_free, Alloc, watched_variants)
{
    Alloc alloc;
    fault_recorder const faults;
    int on_stack = 0;
    alloc.heap_free(&on_stack);
    void* const p = alloc.heap_alloc(layout{.bytes = 100});
    alloc.heap_free(p);
    alloc.heap_free(p);
    BOOST_TEST(words() == "request allocate free");
    BOOST_TEST(faults.count() == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_frame_is_followed_through_scopes_rollbacks_and_its_end, Alloc, watched_variants)
{
#if FRAMEALLOC_EXCEPTIONS
    struct throws {
        explicit throws(Alloc& alloc) {
            static_cast<void>(alloc.template frame_alloc<int>());
            throw std::runtime_error("no");
        }
        ~throws() {}
    };
#endif
    Alloc alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.template frame_alloc<int>());
    {
        auto scope = alloc.frame_scope();
        for (int i = 0; i < 100; ++i) static_cast<void>(scope.frame_alloc(layout{.bytes = 5'000}));  // several chunks
        static_cast<void>(scope.frame_alloc(layout{.bytes = 3'000'000}));  // one of its own
        static_cast<void>(scope.template frame_alloc<int>());
        BOOST_TEST(objects_in_frame(alloc) == 103u);
    }
    BOOST_TEST(objects_in_frame(alloc) == 1u);
    auto const mark = alloc.checkpoint();
    static_cast<void>(alloc.template frame_alloc<int>());
    BOOST_TEST(alloc.rollback(mark));
    BOOST_TEST(objects_in_frame(alloc) == 1u);
#if FRAMEALLOC_EXCEPTIONS
    BOOST_CHECK_THROW(alloc.template frame_new<throws>(alloc), std::runtime_error);
    BOOST_TEST(objects_in_frame(alloc) == 1u);
#endif

    log().clear();
    void* const p = alloc.frame_alloc(layout{.bytes = 32});
    BOOST_TEST(alloc.try_frame_extend(p, 32, 64));
    BOOST_TEST(!alloc.try_frame_extend(p, 32, 640));
    BOOST_TEST(alloc.try_frame_give_back(p, 64));
    BOOST_TEST(words() == "request allocate extend free");
    BOOST_TEST(objects_in_frame(alloc) == 1u);
    alloc.end_frame();
    BOOST_TEST(objects_in_frame(alloc) == 0u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE_TEMPLATE(a_request_that_its_observer_refuses_by_throwing_has_changed_nothing, Alloc, watched_variants)
{
    Alloc alloc;
    alloc.begin_frame();
    auto const before = alloc.stats();
    refuses = true;
    BOOST_CHECK_THROW(static_cast<void>(alloc.frame_alloc(layout{.bytes = 10})), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(alloc.pool_alloc(layout{.bytes = 10})), std::runtime_error);
    BOOST_CHECK_THROW(static_cast<void>(alloc.heap_alloc(layout{.bytes = 10})), std::runtime_error);
    BOOST_TEST((alloc.stats() == before));
    BOOST_TEST(words() == "request request request");
}
#endif

BOOST_AUTO_TEST_CASE(an_observer_is_told_when_its_instance_ends)
{
    { watched_alloc const alloc; }
    BOOST_TEST(words() == "over");
}

// --- compositions ----------------------------------------------------------------------------------------------------

namespace {

template <class... P>
using plain_alloc = basic_smart_alloc<sync::single_threaded, pool::none, diagnostics::compose<P...>>;
template <class P>
using alone = basic_smart_alloc<sync::single_threaded, pool::none, P>;

// A part that is not there takes no byte, in whatever order they are named.
static_assert(sizeof(plain_alloc<diagnostics::none>) == sizeof(alone<diagnostics::none>));
static_assert(sizeof(plain_alloc<diagnostics::none, diagnostics::counters>) == sizeof(alone<diagnostics::counters>));
static_assert(sizeof(plain_alloc<diagnostics::counters, diagnostics::none>) == sizeof(alone<diagnostics::counters>));
static_assert(sizeof(plain_alloc<diagnostics::checked, diagnostics::counters>) == sizeof(alone<diagnostics::checked>));
static_assert(sizeof(plain_alloc<diagnostics::none, watching>) == sizeof(alone<watching>));
static_assert(sizeof(plain_alloc<diagnostics::compose<diagnostics::none, watching>>) == sizeof(alone<watching>));
static_assert(!detail::observes<plain_alloc<diagnostics::none, diagnostics::counters>::assembly_type>);
static_assert(detail::observes<plain_alloc<diagnostics::none, watching>::assembly_type>);
static_assert(detail::keeps_records<plain_alloc<diagnostics::none, diagnostics::checked>::assembly_type>);
static_assert(!detail::keeps_records<plain_alloc<diagnostics::none, watching>::assembly_type>);

/// Of another type than `watching`, with no frame part, and nothing but frees.
struct counting_frees : diagnostics::none {
    template <class A>
    class observer {
    public:
        unsigned long long frees = 0;
        template <class Caller>
        void on_free(Caller, void*, allocation_intent, call_site) noexcept {
            ++frees;
        }
    };
};
static_assert(sizeof(plain_alloc<diagnostics::none, counting_frees>) == sizeof(alone<diagnostics::none>) + 8);

template <class... P>
void expect_composition()
{
    log().clear();
    basic_smart_alloc<diagnostics::compose<P...>> alloc;
    alloc.begin_frame();
    static_cast<void>(alloc.template frame_alloc<int>());
    alloc.end_frame();
    void* const p = alloc.pool_alloc(layout{.bytes = 24});
    alloc.pool_free(p);
    fault_recorder const faults;
    alloc.pool_free(p);
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::double_free);
    BOOST_TEST(words() == "request allocate end request allocate free");
    using observer = typename std::remove_reference_t<decltype(alloc.shared().observer())>;
    using A = typename decltype(alloc)::assembly_type;
    BOOST_TEST((detail::find_observer<counting_frees::observer<A>, observer>(alloc.shared().observer()).frees == 1u));
    BOOST_TEST(alloc.stats().operations.pool_allocations == 1u);  // counted once
    BOOST_TEST(alloc.stats().operations.pool_frees == 1u);
    BOOST_TEST(alloc.stats().operations.frame_allocations == 1u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_composition_does_what_its_parts_do_in_every_order)
{
    using namespace diagnostics;
    expect_composition<checked, counters, watching, counting_frees, none>();
    expect_composition<none, counting_frees, watching, counters, checked>();
    expect_composition<watching, counting_frees, checked>();
    expect_composition<counting_frees, compose<watching, compose<checked, none>>>();
}

BOOST_AUTO_TEST_SUITE_END()
