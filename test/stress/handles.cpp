// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"
#include "support/process.hpp"

#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/sync/mutex.hpp>

#include <atomic>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

// Threads that make, pin and free while another one moves everything about: under ThreadSanitizer the protocol of pins has to
// account for every access.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using every_alloc = std::tuple<smart_alloc, basic_smart_alloc<sync::mutex<std::mutex>>>;

/// Its parts belong together, and its address is in it: half-moved ones are seen.
struct watched {
    watched* self = this;
    unsigned a, b;
    char filler[100] = {};
    explicit watched(unsigned n) : a(n), b(~n) {}
    watched(watched&& other) noexcept : a(other.a), b(other.b) {}
    ~watched() { self = nullptr; }
    [[nodiscard]] bool is_whole() const { return self == this && a == ~b; }
};
struct plain_bytes {
    unsigned a, b;
    char filler[56];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(handle_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_pinned_is_whole_while_another_thread_defragments, Alloc, every_alloc)
{
    Alloc alloc;
    handle_allocator<Alloc> heap{alloc, {.retained_bytes = 0}};
    constexpr std::size_t shared_objects = 4000;
    std::vector<handle<watched>> objects;
    std::vector<handle<plain_bytes>> bytes;
    for (unsigned i = 0; i < shared_objects; ++i) {
        objects.push_back(heap->template make<watched>(i));
        bytes.push_back(heap->template make<plain_bytes>(plain_bytes{i, ~i, {}}));
    }
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> moves{0}, broken{0};
    std::thread mover{[&] {
        while (!stop) {
            auto const r = heap->defragment({.bytes = 20'000});
            moves += r.moves;
            if (r.finished) std::this_thread::yield();
        }
    }};
    on_threads(3, [&](std::size_t t) {
        std::mt19937 random{static_cast<unsigned>(t)};
        std::vector<handle<watched>> own;
        bool grows = true;  // and then thins out, so that there is something to move
        for (std::size_t step = 0; step < repetitions(60'000, 8'000); ++step) {
            // Others' objects are read and written under a pin alone. Each thread has its own to write.
            std::size_t const i = random() % shared_objects / 3 * 3 + t;
            if (i < shared_objects) {
                if (auto const p = heap->pinned(objects[i])) {
                    broken += !p->is_whole();
                    p->a = static_cast<unsigned>(step);
                    p->b = ~p->a;
                }
                auto* const q = heap->pin(bytes[i]);
                broken += q->a != ~q->b;
                q->a = static_cast<unsigned>(step);
                q->b = ~q->a;
                broken += !heap->unpin(bytes[i]);
            }
            grows = own.size() < 100 || (grows && own.size() < 2000);
            if (grows) {
                own.push_back(heap->template make<watched>(static_cast<unsigned>(step)));
            } else {
                std::size_t const k = random() % own.size();
                broken += !heap->free(own[k]);
                broken += heap->resolve(own[k]) != nullptr;
                own[k] = own.back();
                own.pop_back();
            }
        }
        for (auto const h : own) heap->free(h);
    });
    stop = true;
    mover.join();
    BOOST_TEST(broken == 0u);
    BOOST_TEST(moves > 100u);
    for (auto const h : objects) BOOST_TEST_REQUIRE(heap->resolve(h)->is_whole());
    BOOST_TEST(heap->stats().live_handles == 2 * shared_objects);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(between_two_defragmentations_objects_are_used_without_pins, Alloc, every_alloc)
{
    // The form of an engine: work on all threads, a sync point, a share of defragmentation, and again.
    Alloc alloc;
    handle_allocator<Alloc> heap{alloc};
    std::vector<handle<watched>> all;
    std::mt19937 random{7};
    std::size_t moves = 0, broken_total = 0;
    for (std::size_t frame = 0; frame < repetitions(60, 15); ++frame) {
        for (unsigned i = 0; i < 1000; ++i) all.push_back(heap->template make<watched>(i));
        for (int i = 0; i < 800; ++i) {
            std::size_t const k = random() % all.size();
            heap->free(all[k]);
            all[k] = all.back();
            all.pop_back();
        }
        std::atomic<std::size_t> broken{0};
        on_threads(3, [&](std::size_t t) {
            for (std::size_t i = t; i < all.size(); i += 3) {
                watched* const w = heap->resolve(all[i]);
                broken += w == nullptr || !w->is_whole();
                w->a = static_cast<unsigned>(frame);
                w->b = ~w->a;
            }
        });
        broken_total += broken;
        moves += heap->defragment({.bytes = 30'000}).moves;
    }
    BOOST_TEST(broken_total == 0u);
    BOOST_TEST(moves > 0u);
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(of_threads_that_free_one_handle_exactly_one_does, Alloc, every_alloc)
{
    Alloc alloc;
    handle_allocator<Alloc> heap{alloc};
    fault_recorder const faults;  // the others are told
    constexpr std::size_t rounds = repetitions(400, 60), each = 100;
    std::size_t freed_twice = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<handle<watched>> all;
        for (unsigned i = 0; i < each; ++i) all.push_back(heap->template make<watched>(i));
        std::atomic<std::size_t> freed{0};
        std::atomic<bool> go{false};
        on_threads(3, [&](std::size_t t) {
            while (!go && t != 0) {}
            go = true;
            for (std::size_t i = 0; i < each; ++i) {
                if (t == 2) {
                    // Slots are taken anew at once: nobody frees their next users.
                    static_cast<void>(heap->pinned(all[i]));
                    handle<watched> const h = heap->template make<watched>(0u);
                    if (!heap->free(h)) ++freed_twice;
                } else {
                    freed += heap->free(all[i]);
                }
            }
        });
        // One that was pinned while the others came by is left.
        for (auto const h : all) {
            if (heap->is_live(h)) freed += heap->free(h);
        }
        BOOST_TEST_REQUIRE(freed == each);
    }
    BOOST_TEST(freed_twice == 0u);
    BOOST_TEST(heap->stats().live_handles == 0u);
    BOOST_TEST(bool(heap->verify()));
}

BOOST_AUTO_TEST_CASE(four_threads_that_make_and_free_never_wait_for_each_other_in_a_circle)
{
    // E-22: upstream hangs for good after some hundred operations.
    smart_alloc alloc;
    handle_allocator<> heap{alloc};
    on_threads(4, [&](std::size_t t) {
        std::vector<handle<std::string>> own;
        for (std::size_t i = 0; i < repetitions(50'000, 5'000); ++i) {
            own.push_back(heap->make<std::string>(std::to_string(i)));
            if (i % 3 != 0) {
                heap->free(own[own.size() / 2]);
                own[own.size() / 2] = own.back();
                own.pop_back();
            }
            if (i % 100 == t) heap->defragment({.bytes = 1000});
            if (i % 1000 == 0) static_cast<void>(heap->verify());
        }
        for (auto const h : own) heap->free(h);
    });
    BOOST_TEST(heap->stats().live_handles == 0u);
    BOOST_TEST(bool(heap->verify()));
    BOOST_TEST(bool(alloc.verify()));
}

BOOST_AUTO_TEST_SUITE_END()
