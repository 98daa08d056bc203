// SPDX-License-Identifier: MIT OR Apache-2.0

// Threads of unequal load come and go in phases; most objects live briefly, some until their thread has done, and some are
// exchanged with other threads and survive the phase. After the description of `mstress` in mimalloc's collection of
// benchmarks.
//
// Sizes are 16 to 512 bytes in powers of two; one in 100 is 16 times as large (256 bytes to 8 KiB), and one in 1,000 128
// times (2 to 64 KiB). One object in 20 is kept until the end of its thread; the others go into one of the thread's 2,000
// places, at random, and what stood there is freed. One step in ten exchanges one of its places with one of 1,000 that all
// threads share. The first and the last word of each object are written, and compared when it is freed. An item is one
// allocation; the time is the clock's for all phases, from the first thread's birth to the last one's end.

#include "support/compare.hpp"
#include "support/cores_used.hpp"
#include "support/shared_blocks.hpp"
#include "support/smoke.hpp"
#include "support/thread_random.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t own_places = 2000;
constexpr std::size_t shared_places = 1000;
constexpr std::size_t phases = 4;

/// How an object begins: how large it is, and what also stands at its end.
struct object {
    std::size_t bytes;
};
[[gnu::always_inline]] inline std::size_t& last_word(object* o) {
    return *reinterpret_cast<std::size_t*>(reinterpret_cast<unsigned char*>(o) + o->bytes - sizeof(std::size_t));
}

std::size_t draw_bytes(thread_random& random) {
    std::size_t const small = std::size_t{16} << random.below(6);
    if (!random.one_in(100)) return small;
    return small * (random.one_in(10) ? 128 : 16);
}
template <class Source>
[[gnu::always_inline]] inline object* make(Source& from, thread_random& random) {
    std::size_t const bytes = draw_bytes(random);
    auto* const made = static_cast<object*>(from.take(bytes));
    made->bytes = bytes;
    last_word(made) = bytes;
    return made;
}
template <class Source>
[[gnu::always_inline]] inline void end(Source& from, object* o) {
    if (o == nullptr) return;
    if (last_word(o) != o->bytes) std::abort();  // two objects in one place
    from.give(o, o->bytes);
}

using shared_objects = std::array<std::atomic<object*>, shared_places>;

/// What one thread has, made before its phase so that no other allocator is in the figures.
struct belongings {
    std::vector<object*> places = std::vector<object*>(own_places);
    std::vector<object*> kept;
};

template <class Source>
void one_thread(Source&& from, thread_random random, std::size_t allocations, belongings& mine,
                shared_objects& shared) {
    for (std::size_t i = 0; i < allocations; ++i) {
        object* const made = make(from, random);
        if (random.one_in(20)) {
            mine.kept.push_back(made);
        } else {
            object*& place = mine.places[random.below(own_places)];
            end(from, place);
            place = made;
        }
        if (random.one_in(10)) {
            object*& place = mine.places[random.below(own_places)];
            place = shared[random.below(shared_places)].exchange(place, std::memory_order_acq_rel);
        }
    }
    for (object*& o : mine.places) end(from, o), o = nullptr;
    for (object* const o : mine.kept) end(from, o);
    mine.kept.clear();
}

/// Every other thread has a quarter more to do.
std::size_t load_of(std::size_t thread, std::size_t least) { return least + (thread % 2) * least / 4; }

template <class Blocks>
void mstress(benchmark::State& state, std::size_t threads) {
    std::size_t const least = work(40'000, 1'000);
    auto const blocks = std::make_unique<Blocks>();
    auto const shared = std::make_unique<shared_objects>();
    std::vector<belongings> all(threads);
    std::size_t in_a_phase = 0;
    for (std::size_t i = 0; i < threads; ++i) {
        all[i].kept.reserve(load_of(i, least));
        in_a_phase += load_of(i, least);
    }
    std::size_t seed = 0;
    cores_used const cores;
    for (auto _ : state) {
        auto const begin = std::chrono::steady_clock::now();
        for (std::size_t phase = 0; phase < phases; ++phase) {
            std::vector<std::thread> running;
            for (std::size_t i = 0; i < threads; ++i) {
                running.emplace_back([&, i, random = thread_random{seed++}] {
                    one_thread(blocks->source(), random, load_of(i, least), all[i], *shared);
                });
            }
            for (std::thread& t : running) t.join();
        }
        state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    state.counters["cores_used"] = cores.so_far();
    auto from = blocks->source();
    for (std::atomic<object*>& place : *shared) end(from, place.load());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(phases * in_a_phase));
}

bool add_all() {
    for (std::size_t const threads : {2u, 4u}) {
        std::string const workload = "mstress_" + std::to_string(threads);
        auto const measured_part = [](benchmark::internal::Benchmark* b) { b->UseManualTime(); };
        measured_part(compare::add(workload, "limit",
                                   [=](benchmark::State& state) { mstress<shared_blocks::limit>(state, threads); }));
        measured_part(compare::add(workload, "framealloc_local",
                                   [=](benchmark::State& state) { mstress<shared_blocks::local>(state, threads); }));
        measured_part(compare::add(workload, "framealloc",
                                   [=](benchmark::State& state) { mstress<shared_blocks::object>(state, threads); }));
        compare::add_mallocs(
            workload,
            [=]<class Malloc>(benchmark::State& state) {
                mstress<shared_blocks::through_malloc<Malloc>>(state, threads);
            },
            measured_part);
    }
    return true;
}
[[maybe_unused]] bool const added = add_all();

}  // namespace
