// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/model.hpp"
#include "support/process.hpp"

#include <atomic>
#include <barrier>
#include <tuple>

// What the threads of an instance share, by itself and under fire: slabs, the ledger of heap blocks, the cache of heap
// blocks. Every piece has a flag of its own that says who holds it, so that two holders are seen at once.

using namespace framealloc;
using namespace framealloc::test;

namespace {

/// Small slabs, so that they fill, empty and change hands all the time: of a page, and of several, whose pages may go alone.
using slabs_of_a_page = pool::size_class<64, 512, 4096>;
using slabs_of_pages = pool::size_class<512, 4096, 16384>;

/// A store and what it is built on, without the rest of an instance.
template <class... Policies>
struct ground {
    using assembly = typename basic_smart_alloc<Policies...>::assembly_type;
    alloc_config config{.retained_slabs = 2};
    detail::instance_lock<assembly> guard;
    detail::backend_gate<assembly> gate{detail::use_default{}, detail::use_default{}};
    detail::metadata<assembly> records;
    detail::conditional_page_map<assembly> map{gate.backend()};
    detail::pool_store<assembly> store{guard, gate, records, map, config, this};

    ~ground() { records.release(gate); }
};
using assembly = ground<slabs_of_a_page>::assembly;

/// A flag in the first word of a block.
std::atomic_ref<std::uint64_t> flag_of(void* block) { return std::atomic_ref{*static_cast<std::uint64_t*>(block)}; }
constexpr std::uint64_t held = 0x5EA1ED;

}  // namespace

BOOST_AUTO_TEST_SUITE(shared_structures)

using both_kinds_of_slabs = std::tuple<slabs_of_a_page, slabs_of_pages>;

BOOST_AUTO_TEST_CASE_TEMPLATE(blocks_that_are_carved_and_settled_by_all_have_one_holder_each, Pool, both_kinds_of_slabs)
{
    // No magazines here: each block goes through its slab's bits and word. Threads carve, hand over, settle what others
    // carved, give slabs up and take them over.
    ground<Pool> g;
    using slab = detail::slab<typename ground<Pool>::assembly>;
    auto& store = g.store;
    constexpr std::size_t threads = 4, rounds = repetitions(300000, 10000), hands = 256;
    std::atomic<void*> in_hands[2][hands]{};  // blocks that wait for whoever comes
    std::atomic<std::size_t> wrong{0}, refused{0};
    auto const settle = [&](std::size_t c, void* p) {
        std::uint64_t expected = held;
        wrong += !flag_of(p).compare_exchange_strong(expected, 0);
        store.settle(c, &p, 1);
    };
    on_threads(threads, [&](std::size_t t) {
        random_numbers random{t + 1};
        slab* carving[2] = {};
        for (std::size_t r = 0; r < rounds; ++r) {
            std::size_t const c = random.below(2);
            void* got[20];
            std::size_t const n = store.carve(c, carving[c], got, 1 + random.below(20));
            refused += n == 0;
            for (std::size_t i = 0; i < n; ++i) {
                detail::memory_is_ours(got[i], sizeof(std::uint64_t));
                // A fresh block has any content but ours; one that was settled has been cleared.
                wrong += flag_of(got[i]).exchange(held) == held;
                wrong += slab::of(got[i])->size_class != c;
                void* const before = in_hands[c][random.below(hands)].exchange(got[i]);
                if (before != nullptr) settle(c, before);
            }
            if (random.below(50) == 0) store.give_up(carving[c]);
        }
        for (slab*& s : carving) store.give_up(s);
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(refused == 0u);
    std::size_t left = 0;
    for (std::size_t c = 0; c < 2; ++c) {
        std::size_t of_class = 0;
        for (auto& p : in_hands[c]) of_class += p != nullptr;
        BOOST_TEST(store.blocks_out(c) == std::ptrdiff_t(of_class));
        left += of_class;
    }
    BOOST_TEST(left > hands);
    for (std::size_t c = 0; c < 2; ++c) {
        for (auto& p : in_hands[c]) {
            if (p != nullptr) settle(c, p);
        }
        BOOST_TEST(store.blocks_out(c) == 0);
    }
    BOOST_TEST(wrong == 0u);
    // Whatever order it happened in: all slabs are empty and have been taken out of use.
    std::size_t in_use = 0;
    store.for_each_slab([&](slab&) { ++in_use; });
    BOOST_TEST(in_use == 0u);
    BOOST_TEST(store.committed_bytes() <= 2 * Pool::slab_bytes);
    store.release();
    BOOST_TEST(g.gate.taken_bytes() == g.records.taken_bytes());
}

namespace {

/// Stops a thread that lets pages go, until it may go on.
struct slow_to_discard : backend::virtual_memory {
    static inline std::atomic<bool> holds{false}, is_inside{false};

    bool discard(void* p, std::size_t bytes) noexcept {
        is_inside = holds.load();
        while (holds) std::this_thread::yield();
        return virtual_memory::discard(p, bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_slab_whose_pages_are_about_to_go_serves_nobody)
{
    ground<slabs_of_pages, slow_to_discard> g;
    using slab = detail::slab<decltype(g)::assembly>;
    constexpr std::size_t c = slabs_of_pages::class_count - 1;
    std::size_t const count = g.store.shape(c).block_count;
    std::vector<void*> blocks(count);
    slab* carving = nullptr;
    BOOST_TEST_REQUIRE(g.store.carve(c, carving, blocks.data(), count) == count);
    g.store.give_up(carving);
    g.store.settle(c, blocks.data(), 1);  // listed for who carves next

    slow_to_discard::holds = true;
    g.guard.lock();
    std::thread settler{[&] { g.store.settle(c, blocks.data() + 1, count - 1); }};
    while (!slow_to_discard::is_inside) std::this_thread::yield();
    g.guard.unlock();
    void* other = nullptr;
    BOOST_TEST(g.store.carve(c, carving, &other, 1) == 1u);
    BOOST_TEST(slab::of(other) != slab::of(blocks[0]));
    slow_to_discard::holds = false;
    settler.join();

    // It has come back meanwhile: the next one is not a third.
    slab* next = nullptr;
    void* another = nullptr;
    BOOST_TEST(g.store.carve(c, next, &another, 1) == 1u);
    BOOST_TEST(slab::of(another) == slab::of(blocks[0]));
    g.store.settle(c, &other, 1);
    g.store.settle(c, &another, 1);
    g.store.give_up(carving);
    g.store.give_up(next);
    BOOST_TEST(g.store.blocks_out(c) == 0);
    g.store.release();
}

BOOST_AUTO_TEST_CASE(of_two_that_race_for_a_number_in_the_ledger_one_gets_it)
{
    ground<slabs_of_a_page> g;
    detail::heap_ledger<assembly> ledger;
    constexpr std::size_t threads = 4, rounds = repetitions(300000, 20000), places = 64, numbers = 4096;
    struct entry {
        alignas(16) std::uint32_t number;  // an even address
    };
    std::vector<entry> blocks(threads * rounds);
    std::atomic<entry*> shared[places]{};
    std::vector<std::atomic<int>> holders(numbers);
    std::atomic<std::size_t> wrong{0}, entered{0}, gone{0};
    auto const leave = [&](entry* e) {
        std::uint32_t const number = e->number;
        if (!ledger.is_alive(number, e)) return;
        if (ledger.leave(number, e)) {
            ++gone;
            wrong += ledger.is_alive(number, e);
            wrong += ledger.leave(number, e);
        }
    };
    on_threads(threads, [&](std::size_t t) {
        random_numbers random{t + 1};
        for (std::size_t r = 0; r < rounds; ++r) {
            entry* const mine = &blocks[t * rounds + r];
            std::uint32_t const number = ledger.enter(mine, g.guard, g.gate, g.records);
            if (number >= numbers) {
                ++wrong;
                return;
            }
            mine->number = number;
            ++entered;
            wrong += !ledger.is_alive(number, mine);
            // Left in a place where two may find it, and both try to end it.
            std::atomic<entry*>& place = shared[random.below(places)];
            entry* const theirs = place.exchange(mine, std::memory_order_acq_rel);
            if (theirs != nullptr) leave(theirs);
            entry* const also = place.load(std::memory_order_acquire);
            if (also != nullptr && random.below(3) == 0) leave(also);
        }
    });
    BOOST_TEST(wrong == 0u);
    std::size_t alive = 0;
    ledger.for_each([&](void* p) {
        ++alive;
        wrong += ++holders[static_cast<entry*>(p)->number] != 1;  // no number has two blocks
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(entered == threads * rounds);
    BOOST_TEST(alive == entered - gone);
    BOOST_TEST(alive <= places);
}

BOOST_AUTO_TEST_CASE(a_block_in_the_cache_is_taken_once_and_its_bytes_are_counted)
{
    detail::heap_cache<assembly> cache;
    constexpr std::size_t threads = 4, rounds = repetitions(300000, 20000), blocks_each = 40, limit = 150000;
    struct place {
        alignas(16) unsigned char memory[sizeof(detail::heap_prefix) + 16];
        std::atomic<bool> in_use{false};
    };
    std::vector<place> places(threads * blocks_each);
    std::vector<std::vector<detail::heap_prefix*>> of_thread(threads);
    for (std::size_t i = 0; i < places.size(); ++i) {
        std::size_t const bytes = detail::quarter_steps::round(1000 + i * 150);
        auto* const b = ::new (places[i].memory) detail::heap_prefix{};
        b->base = b;
        b->whole_bytes = bytes;
        of_thread[i / blocks_each].push_back(b);
    }
    auto const place_of = [](detail::heap_prefix* b) { return reinterpret_cast<place*>(b); };
    std::atomic<std::size_t> wrong{0}, hits{0};
    on_threads(threads, [&](std::size_t t) {
        random_numbers random{t + 1};
        auto& mine = of_thread[t];
        for (detail::heap_prefix* b : mine) place_of(b)->in_use = true;
        auto const take = [&](detail::heap_prefix* b) {
            if (b == nullptr) return;
            wrong += place_of(b)->in_use.exchange(true);
            mine.push_back(b);
        };
        for (std::size_t r = 0; r < rounds; ++r) {
            if (!mine.empty() && random.below(2) == 0) {
                std::size_t const i = random.below(mine.size());
                detail::heap_prefix* const b = mine[i];
                mine[i] = mine.back();
                mine.pop_back();
                place_of(b)->in_use = false;
                take(cache.keep(b, limit));
            } else if (random.below(8) == 0) {
                take(cache.take_aged(3, 100));
            } else {
                std::size_t const step = detail::quarter_steps::index(1000 + random.below(places.size()) * 150);
                std::size_t const wanted = detail::quarter_steps::bytes(step);
                detail::heap_prefix* const b = cache.take_step(step);
                // Of the step that was asked for, or of one of the next two.
                if (b != nullptr) wrong += b->whole_bytes < wanted || b->whole_bytes > wanted + wanted / 2;
                hits += b != nullptr;
                take(b);
            }
            wrong += cache.bytes() > limit + threads * detail::quarter_steps::round(1000 + places.size() * 150);
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(hits > 0u);
    std::size_t bytes = 0, kept = 0, held_by_threads = 0;
    std::size_t const counted = cache.bytes();
    while (detail::heap_prefix* const b = cache.take_any()) {
        bytes += b->whole_bytes;
        ++kept;
    }
    for (auto const& mine : of_thread) held_by_threads += mine.size();
    BOOST_TEST(bytes == counted);
    BOOST_TEST(counted <= limit);
    BOOST_TEST(cache.bytes() == 0u);
    BOOST_TEST(kept + held_by_threads == places.size());
}

BOOST_AUTO_TEST_SUITE_END()
