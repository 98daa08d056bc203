// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/concurrent_pool.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>
#include <framealloc/testing/object_pool.hpp>

using namespace framealloc;

namespace {

void expect_conformance(testing::conformance_report const& report)
{
    BOOST_TEST(report.passed(), report.text());
}

// --- slots that break one promise each ---

/// Says that the last slot is taken already.
struct one_too_few : slots::stack {
    template <std::size_t LinkAt>
    class engine : public slots::stack::engine<LinkAt> {
        using base = slots::stack::engine<LinkAt>;

    public:
        [[nodiscard]] void* take() noexcept { return base::available() > 1 ? base::take() : nullptr; }
    };
};
/// Gives out the same slot again now and then.
struct forgetful : slots::stack {
    template <std::size_t LinkAt>
    class engine : public slots::stack::engine<LinkAt> {
        using base = slots::stack::engine<LinkAt>;

    public:
        [[nodiscard]] void* take() noexcept
        {
            void* const slot = base::take();
            if (slot != nullptr && ++taken_ % 100 == 0) base::give(slot);
            return slot;
        }

    private:
        unsigned taken_ = 0;
    };
};
/// Loses what is given back to it now and then.
struct leaking : slots::free_list {
    static constexpr bool grows = false;
    template <std::size_t LinkAt>
    class engine : public slots::free_list::engine<LinkAt> {
        using base = slots::free_list::engine<LinkAt>;

    public:
        void give(void* slot) noexcept
        {
            if (++given_ % 10 != 0) base::give(slot);
        }

    private:
        unsigned given_ = 0;
    };
};
/// Asks for less room beside the slots than it uses.
struct short_of_room : slots::stack {
    [[nodiscard]] static constexpr layout beside(std::size_t count) noexcept { return layout::array_of<void*>(count - 1); }
};
/// Forgets which slots are free when it is asked.
struct secretive : slots::stack {
    template <std::size_t LinkAt>
    class engine : public slots::stack::engine<LinkAt> {
    public:
        template <class F>
        void for_each_free(F&&) const noexcept {}
    };
};

}  // namespace

BOOST_AUTO_TEST_SUITE(object_pool_conformance)

BOOST_AUTO_TEST_CASE(each_slot_allocator_keeps_its_promises)
{
    expect_conformance(testing::check_slots<slots::stack>());
    expect_conformance(testing::check_slots<slots::free_list>());
    expect_conformance(testing::check_slots<slots::bitmap>());
    expect_conformance(testing::check_slots<slots::index_stack<>>());
    expect_conformance(testing::check_slots<slots::index_stack<1>>());
    expect_conformance(testing::check_slots<slots::index_stack<64>>());
}

BOOST_AUTO_TEST_CASE(slots_that_break_a_promise_are_found)
{
    BOOST_TEST(testing::check_slots<one_too_few>().broke("there are as many slots as were added"));
    BOOST_TEST(testing::check_slots<forgetful>().broke("a slot is given out once"));
    BOOST_TEST(testing::check_slots<leaking>().broke("what was given back is given out again"));
    BOOST_TEST(testing::check_slots<short_of_room>().broke("nothing is written behind"));
    BOOST_TEST(testing::check_slots<secretive>().broke("what is taken is known"));
}

BOOST_AUTO_TEST_CASE(pools_of_fixed_size_keep_their_promises)
{
    expect_conformance(testing::check_object_pool<>());
    expect_conformance(testing::check_object_pool<slots::bitmap>());
    expect_conformance(testing::check_object_pool<slots::free_list>());
    expect_conformance(testing::check_object_pool<storage::in_place<40>>());
    expect_conformance(testing::check_object_pool<storage::in_place<40>, slots::bitmap, sharing::local>());
    expect_conformance(testing::check_object_pool<sharing::local>());
    expect_conformance(testing::check_object_pool<initialise::kept<>>());
    expect_conformance(testing::check_object_pool<initialise::kept<>>({.capacity = 50, .initialisation = initialisation::eager}));
    expect_conformance(testing::check_object_pool<drop::deferred>());
    expect_conformance(testing::check_object_pool<diagnostics::checked>());
    expect_conformance(testing::check_object_pool<diagnostics::counters>());
    expect_conformance(testing::check_object_pool<sharing::atomic, drop::deferred, diagnostics::checked, slots::free_list>());
    expect_conformance(testing::check_object_pool<initialise::kept<>, drop::deferred, sharing::local, slots::bitmap>());
}

BOOST_AUTO_TEST_CASE(pools_that_grow_keep_their_promises)
{
    object_pool_config const config{.capacity = 3, .maximum = 200, .growth = growth::linear(5)};
    using storage::growing;
    expect_conformance(testing::check_object_pool<growing>(config));
    expect_conformance(testing::check_object_pool<growing, slots::bitmap>(config));
    expect_conformance(testing::check_object_pool<growing, sharing::atomic>(config));
    expect_conformance(testing::check_object_pool<growing, initialise::kept<>>(config));
    expect_conformance(testing::check_object_pool<growing, drop::deferred, diagnostics::checked>(config));
    expect_conformance(testing::check_object_pool<growing, slots::bitmap, drop::deferred, initialise::kept<>>(config));
    expect_conformance(testing::check_object_pool<growing, diagnostics::counters, sharing::local>(config));
}

BOOST_AUTO_TEST_CASE(pools_for_several_threads_keep_their_promises)
{
    object_pool_config const config{.capacity = 20, .maximum = 200};
    using locked = sync::mutex<std::mutex>;
    expect_conformance(testing::check_object_pool<locked>());
    expect_conformance(testing::check_object_pool<locked, storage::growing>(config));
    expect_conformance(testing::check_object_pool<locked, storage::growing, slots::bitmap, diagnostics::checked>(config));
    expect_conformance(testing::check_object_pool<locked, storage::growing, sharing::atomic, drop::deferred>(config));
    expect_conformance(testing::check_object_pool<locked, storage::growing, initialise::kept<>>(config));
    expect_conformance(testing::check_object_pool<sync::lock_free>());
    expect_conformance(testing::check_object_pool<sync::lock_free, slots::index_stack<1>>());
    expect_conformance(testing::check_object_pool<sync::lock_free, sharing::atomic, diagnostics::checked>());
    expect_conformance(testing::check_object_pool<sync::lock_free, initialise::kept<>, drop::deferred>());
    expect_conformance(testing::check_object_pool<sync::lock_free, storage::in_place<30>>());
}

BOOST_AUTO_TEST_SUITE_END()
