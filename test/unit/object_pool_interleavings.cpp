// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/process.hpp"

#include <framealloc/object_pool/slots/index_stack.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

// What a lock-free stack has to bear is rare: here it happens, each time. Its atomics let somebody else come between two steps.

using namespace framealloc;
using namespace framealloc::test;

namespace {

/// Called once, in place of the next step of the calling thread that is as far away as `steps` says.
struct meddler {
    int steps = -1;
    std::function<void()> act;

    void step()
    {
        if (steps >= 0 && steps-- == 0) std::exchange(act, nullptr)();
    }
    void after(int how_many, std::function<void()> what)
    {
        steps = how_many;
        act = std::move(what);
    }
};
thread_local meddler between_steps;

template <class T>
class interrupted : public detail::atomic<T> {
    using base = detail::atomic<T>;

public:
    using base::base;
    [[nodiscard]] T load(detail::order o) const noexcept
    {
        between_steps.step();
        return base::load(o);
    }
    bool compare_exchange(T& expected, T desired, detail::order success, detail::order failure) noexcept
    {
        between_steps.step();
        return base::compare_exchange(expected, desired, success, failure);
    }
};

/// An engine over slots of 16 bytes.
template <std::size_t Stacks>
struct slots_of {
    using policy = slots::index_stack<Stacks, interrupted>;
    explicit slots_of(std::size_t count)
        : memory(std::make_unique<std::byte[]>(count * 16)), links(std::make_unique<std::byte[]>(policy::beside(count).bytes))
    {
        chunk.row = detail::slot_row{memory.get(), 16, count};
        chunk.beside = links.get();
        engine.add(chunk, all);
    }
    std::unique_ptr<std::byte[]> memory, links;
    detail::chunk_directory all;
    detail::object_chunk chunk;
    typename policy::template engine<0> engine;
};

/// Runs `f` on another thread that has the same one of two stacks as this one.
template <class F>
void on_a_thread_with_the_same_stack(F&& f)
{
    unsigned const mine = slots::index_stack_detail::this_thread() % 2;
    bool done = false;
    while (!done) {
        on_a_thread([&] {
            if (slots::index_stack_detail::this_thread() % 2 != mine) return;
            f();
            done = true;
        });
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lock_free_stacks_between_two_steps)

BOOST_AUTO_TEST_CASE(a_slot_that_went_and_came_back_meanwhile_is_no_proof_that_nothing_has_changed)
{
    // The stack is first, second, third. A pop has seen first and second; then both go, and first comes back. A pop that went by
    // the first alone would make the second, which has an owner, the top.
    for (int step = 0; step < 3; ++step) {
        slots_of<1> s{3};
        void* const third = s.engine.take();
        void* const second = s.engine.take();
        void* const first = s.engine.take();
        for (void* const slot : {third, second, first}) s.engine.give(slot);
        void* taken = nullptr;
        between_steps.after(step, [&] {
            on_a_thread([&] {
                void* const once = s.engine.take();
                taken = s.engine.take();
                s.engine.give(once);
            });
        });
        void* const mine = s.engine.take();
        BOOST_TEST_REQUIRE((between_steps.act == nullptr));
        void* const next = s.engine.take();
        BOOST_TEST((mine != taken), "after step " << step);
        BOOST_TEST((next != taken), "after step " << step);
        BOOST_TEST((std::set<void*>{mine, next, taken} == std::set<void*>{first, second, third}));
        BOOST_TEST((s.engine.take() == nullptr));
        BOOST_TEST(s.engine.available() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_slot_that_is_given_back_meanwhile_is_kept_whichever_push_comes_first)
{
    for (int step = 0; step < 3; ++step) {
        slots_of<1> s{4};
        void *a = s.engine.take(), *b = s.engine.take(), *c = s.engine.take();
        s.engine.give(c);
        between_steps.after(step, [&] { on_a_thread([&] { s.engine.give(b); }); });
        s.engine.give(a);
        BOOST_TEST_REQUIRE((between_steps.act == nullptr));
        BOOST_TEST(s.engine.available() == 4u);
        std::set<void*> all;
        while (void* const slot = s.engine.take()) BOOST_TEST(all.insert(slot).second);
        BOOST_TEST(all.size() == 4u);
    }
}

BOOST_AUTO_TEST_CASE(a_slot_that_is_handed_past_who_looks_is_found_all_the_same)
{
    // One slot is free, on the other stack. While a taker has seen its own one empty, somebody takes the slot and gives it back to
    // the stack that the taker has looked at.
    int moved = 0;
    for (int step = 0; step < 8; ++step) {
        slots_of<2> s{1};
        void* only = nullptr;
        while (s.engine.available() != 0) only = s.engine.take();
        unsigned const mine = slots::index_stack_detail::this_thread() % 2;
        bool given = false;
        while (!given) {
            on_a_thread([&] {
                if (slots::index_stack_detail::this_thread() % 2 == mine) return;
                s.engine.give(only);
                given = true;
            });
        }
        between_steps.after(step, [&] {
            on_a_thread_with_the_same_stack([&] {
                void* const slot = s.engine.take();
                if (slot == nullptr) return;  // the taker has it by then
                ++moved;
                s.engine.give(slot);
            });
        });
        BOOST_TEST((s.engine.take() == only), "after step " << step);
        between_steps.steps = -1;
    }
    BOOST_TEST(moved > 2);
}

BOOST_AUTO_TEST_SUITE_END()
