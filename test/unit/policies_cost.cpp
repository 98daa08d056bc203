// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>
#include <type_traits>

using namespace framealloc;

namespace {

// --- what is empty costs no byte -------------------------------------------------------------------------------------

/// Policies that differ from the empty ones by state alone: exactly that state is what an allocator grows by, so the
/// empty ones take nothing.
template <std::size_t Bytes>
struct fat_budget : budget::none {
    alignas(8) unsigned char state[Bytes] = {};
};
template <std::size_t Bytes>
struct fat_backend : backend::system {
    alignas(8) unsigned char state[Bytes] = {};
};

// One thread, no pools: nothing in it is aligned to more than 8 bytes, so that no padding hides a byte.
template <class... P>
using plain = basic_smart_alloc<sync::single_threaded, pool::none, P...>;
template <class... P>
constexpr std::size_t size_of = sizeof(plain<P...>);
static_assert(alignof(plain<backend::system>) == 8);

constexpr std::size_t empty_backend = size_of<backend::system>;
static_assert(size_of<fat_backend<8>> == empty_backend + 8);
static_assert(size_of<fat_backend<64>> == empty_backend + 64);
static_assert(size_of<backend::system, fat_budget<8>> == empty_backend + 8);
static_assert(size_of<backend::system, fat_budget<64>> == empty_backend + 64);
static_assert(size_of<fat_backend<8>, fat_budget<8>> == empty_backend + 16);
static_assert(size_of<backend::virtual_memory> == empty_backend);
static_assert(size_of<> == empty_backend);  // the default backend: two empty ones in one
static_assert(size_of<backend::counting<backend::system>> ==
              empty_backend + sizeof(backend::counting<backend::system>));
static_assert(size_of<backend::system, budget::global> == empty_backend + sizeof(budget::global));

// What one thread counts, and writes down of its frames and phases, is the only thing that counting costs; checking adds
// nothing to that.
using counting_assembly = plain<diagnostics::counters>::assembly_type;
static_assert(size_of<diagnostics::counters> ==
              size_of<diagnostics::none> + sizeof(operation_counters) + sizeof(detail::frame_journal<counting_assembly>) +
                  sizeof(detail::destroyed_objects<true>));
static_assert(sizeof(detail::frame_journal<counting_assembly>) <= std::size_t{34} << 10);
static_assert(std::is_empty_v<detail::frame_journal<plain<>::assembly_type>>);
static_assert(std::is_empty_v<phase_scope<plain<>::assembly_type>>);
// The heap blocks that were freed last are remembered where records are kept.
static_assert(size_of<diagnostics::checked> - size_of<diagnostics::counters> <= (std::size_t{4} << 10));
static_assert(sizeof(operation_counters) == 64);

// Where no tags are charged, nothing of them is there: neither in a scope, nor in a thread's state, nor beside a block.
template <class Alloc>
using assembly_of = typename Alloc::assembly_type;
static_assert(std::is_empty_v<tag_scope<assembly_of<smart_alloc>>>);
static_assert(std::is_empty_v<detail::frame_charges_of<assembly_of<smart_alloc>>>);
static_assert(std::is_empty_v<detail::tag_state_of<assembly_of<smart_alloc>>>);
static_assert(sizeof(detail::thread_state<assembly_of<basic_smart_alloc<budget::global>>>) ==
              sizeof(detail::thread_state<assembly_of<smart_alloc>>));
static_assert(sizeof(detail::thread_state<assembly_of<smart_alloc>>) <
              sizeof(detail::thread_state<assembly_of<basic_smart_alloc<budget::per_tag>>>));
static_assert(detail::slab<assembly_of<smart_alloc>>::tag_place_of(0).bytes == 0);
static_assert(detail::slab<assembly_of<basic_smart_alloc<budget::per_tag>>>::tag_place_of(0).bytes == 65536 / 8);
// What its documents say it costs.
static_assert(sizeof(budget::per_tag) <= (std::size_t{28} << 10));
static_assert(sizeof(detail::thread_state<assembly_of<basic_smart_alloc<budget::per_tag>>>) -
                  sizeof(detail::thread_state<assembly_of<smart_alloc>>) <= (std::size_t{10} << 10));

// Pool machinery is only there with pools.
static_assert(size_of<> < sizeof(smart_alloc_single_threaded));
static_assert(sizeof(smart_alloc_minimal) < sizeof(smart_alloc));

static_assert(sizeof(backend::split<backend::virtual_memory, backend::system>) == 1);
static_assert(sizeof(alloc_ref<smart_alloc::assembly_type>) == sizeof(void*));
static_assert(sizeof(frame_box<int>) == sizeof(void*));
static_assert(sizeof(pool_ptr<int, smart_alloc::assembly_type>) == 2 * sizeof(void*));

// --- one implementation whatever the order ---------------------------------------------------------------------------

template <class... P>
using canonical = typename basic_smart_alloc<P...>::canonical;

static_assert(std::is_same_v<canonical<arena::fixed<4096>, sync::single_threaded, diagnostics::checked>,
                             canonical<diagnostics::checked, arena::fixed<4096>, sync::single_threaded>>);
static_assert(std::is_same_v<canonical<arena::fixed<4096>, sync::single_threaded, diagnostics::checked>,
                             canonical<sync::single_threaded, diagnostics::checked, arena::fixed<4096>>>);
static_assert(std::is_same_v<canonical<backend::system, budget::global, pool::none, sync::lock_free>,
                             canonical<sync::lock_free, pool::none, budget::global, backend::system>>);
// A default that is written out is the default.
static_assert(std::is_same_v<smart_alloc::canonical, canonical<budget::none, diagnostics::none>>);
static_assert(std::is_same_v<smart_alloc::canonical, canonical<pool::size_class<8, 4096>, arena::chunked<>>>);
static_assert(std::is_same_v<smart_alloc_debug::canonical, canonical<sync::lock_free, diagnostics::checked>>);
// And different policies are different types.
static_assert(!std::is_same_v<canonical<arena::fixed<4096>>, canonical<arena::fixed<8192>>>);
static_assert(!std::is_same_v<smart_alloc::canonical, smart_alloc_debug::canonical>);

static_assert(std::is_base_of_v<smart_alloc::canonical, smart_alloc>);
static_assert(sizeof(smart_alloc) == sizeof(smart_alloc::canonical));

// Nothing of an instance is initialised at run time.
[[maybe_unused]] constinit smart_alloc one;
[[maybe_unused]] constinit smart_alloc_minimal two;
[[maybe_unused]] constinit smart_alloc_debug three;
[[maybe_unused]] constinit smart_alloc_single_threaded four;
[[maybe_unused]] constinit basic_smart_alloc<sync::mutex<std::mutex>, budget::global, diagnostics::counters> five;

int length_of_a_frame(smart_alloc::canonical& alloc) {
    alloc.begin_frame();
    int const value = *alloc.frame_new<int>(3);
    alloc.end_frame();
    return value;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(policies_cost)

BOOST_AUTO_TEST_CASE(packs_that_mean_the_same_are_used_through_one_type)
{
    smart_alloc defaults;
    basic_smart_alloc<diagnostics::none, budget::none, sync::lock_free> written_out;
    BOOST_TEST(length_of_a_frame(defaults) == 3);
    BOOST_TEST(length_of_a_frame(written_out) == 3);
    pool_allocator<int> a{defaults};
    pool_allocator<int, basic_smart_alloc<budget::none>> b{written_out};
    BOOST_TEST(&a.instance() != &b.instance());
}

BOOST_AUTO_TEST_CASE(constant_initialised_instances_of_every_kind_work)
{
    auto const use = [](auto& alloc) {
        alloc.begin_frame();
        BOOST_TEST(*alloc.template frame_new<int>(1) == 1);
        alloc.end_frame();
        alloc.pool_delete(alloc.template pool_new<int>(2));
        alloc.heap_delete(alloc.template heap_new<int>(3));
        BOOST_TEST(bool(alloc.verify()));
    };
    use(one);
    use(two);
    use(three);
    use(four);
    use(five);
}

BOOST_AUTO_TEST_SUITE_END()
