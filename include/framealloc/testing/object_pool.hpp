// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for the slot allocators of object pools, and for pools of whatever policies:
//
//     #include <framealloc/testing/object_pool.hpp>
//     auto const report = framealloc::testing::check_slots<my_slots>();
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/object_pool/basic_object_pool.hpp>
#include <framealloc/testing/conformance_report.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace framealloc::inline v0_1::testing {
namespace kit {

/// The memory of a chunk, and beside it bytes that nobody may write.
template <class S>
class slots_memory {
public:
    slots_memory(std::size_t count, std::size_t slot_bytes, std::size_t align) {
        layout const beside = S::beside(count);
        beside_.resize(beside.bytes + beside.align + fence);
        slots_.resize(count * slot_bytes + align + fence);
        chunk_.beside = aligned(beside_, beside.align);
        chunk_.row = detail::slot_row{aligned(slots_, align), slot_bytes, count};
        guard(chunk_.beside, beside.bytes);
        guard(chunk_.row.base, count * slot_bytes);
        fences_[0] = detail::bytes_behind(chunk_.beside, beside.bytes);
        fences_[1] = detail::bytes_behind(chunk_.row.base, count * slot_bytes);
    }
    slots_memory(slots_memory const&) = delete;
    slots_memory& operator=(slots_memory const&) = delete;

    [[nodiscard]] detail::object_chunk& chunk() noexcept { return chunk_; }
    /// Nothing was written behind what the slots, and what lies beside them, asked for.
    [[nodiscard]] bool is_whole() const noexcept {
        for (unsigned char const* const at : fences_) {
            if (std::any_of(at, at + guarded, [](unsigned char c) { return c != filler; })) return false;
        }
        return true;
    }

private:
    static constexpr std::size_t fence = 64, guarded = 16;
    static constexpr unsigned char filler = 0xA7;

    static void* aligned(std::vector<unsigned char>& bytes, std::size_t align) noexcept {
        std::uintptr_t const at = detail::address_of(bytes.data());
        return bytes.data() + ((0 - at) & (align - 1));
    }
    static void guard(void* begin, std::size_t bytes) noexcept {
        detail::fill_bytes(detail::behind(begin, bytes), guarded, filler);
    }

    std::vector<unsigned char> beside_, slots_;
    detail::object_chunk chunk_{};
    unsigned char* fences_[2];
};

/// A slot allocator as a pool holds it: its chunks, their directory, and the engine over them.
template <class S>
struct slots_under_test {
    using engine_type = typename S::template engine<0>;

    detail::chunk_directory directory{};
    engine_type engine{};
    std::vector<std::unique_ptr<slots_memory<S>>> memory{};

    void add(std::size_t count, std::size_t slot_bytes, std::size_t align) {
        memory.push_back(std::make_unique<slots_memory<S>>(count, slot_bytes, align));
        directory.add(memory.back()->chunk());
        engine.add(memory.back()->chunk(), directory);
    }
    [[nodiscard]] bool has(void const* slot) const noexcept {
        for (auto const& m : memory) {
            detail::slot_row const& row = m->chunk().row;
            if (row.spans(slot) && row.index_of(slot) < row.count) return true;
        }
        return false;
    }
    [[nodiscard]] bool is_whole() const noexcept {
        return std::all_of(memory.begin(), memory.end(), [](auto const& m) { return m->is_whole(); });
    }
    /// Slots that were given out and are not free, as the engine tells it when a pool ends.
    [[nodiscard]] std::vector<void*> known_taken() const {
        std::vector<void*> taken;
        for (auto const& m : memory) {
            detail::object_chunk const& c = m->chunk();
            for (std::size_t i = 0; i < engine.carved(c); ++i) taken.push_back(c.row.slot(i));
        }
        engine.for_each_free([&](void* slot) { std::erase(taken, slot); });
        std::sort(taken.begin(), taken.end());
        return taken;
    }
};

template <class S>
void check_filling(conformance_report& report, std::size_t count, std::size_t slot_bytes, std::size_t align) {
    slots_under_test<S> s;
    s.add(count, slot_bytes, align);
    std::initializer_list<figure> const at{{"slots", count}, {"slot_bytes", slot_bytes}};
    std::vector<void*> all;
    for (std::size_t i = 0; i < count; ++i) {
        report.expect(s.engine.available() == count - i, "available() is exact",
                      {{"slots", count}, {"taken", i}, {"available", s.engine.available()}});
        void* const slot = s.engine.take();
        if (!report.expect(slot != nullptr, "there are as many slots as were added", at)) return;
        report.expect(s.has(slot), "what is taken is a slot", at);
        report.expect(detail::address_of(slot) % align == 0, "slots are aligned", at);
        report.expect(all.empty() || all.back() < slot, "the first slots ascend", at);
        all.push_back(slot);
    }
    for (int i = 0; i < 3; ++i) {
        report.expect(s.engine.take() == nullptr, "take() answers null when all slots are taken", at);
    }
    report.expect(s.engine.available() == 0, "nothing is available when all slots are taken", at);
    // What is given back, and nothing else, is given out again.
    for (std::size_t i = 0; i < count; i += 2) s.engine.give(all[i]);
    std::vector<void*> again;
    while (void* const slot = s.engine.take()) again.push_back(slot);
    std::sort(again.begin(), again.end());
    std::vector<void*> expected;
    for (std::size_t i = 0; i < count; i += 2) expected.push_back(all[i]);
    report.expect(again == expected, "what was given back is given out again, once each, and nothing else", at);
    report.expect(s.known_taken() == all, "what is taken is known as the pool ends", at);
    for (std::size_t i = count; i > 0; --i) s.engine.give(all[i - 1]);
    report.expect(s.engine.available() == count, "available() is exact when all has come back", at);
    report.expect(s.known_taken().empty(), "nothing is taken when all has come back", at);
    report.expect(s.is_whole(), "nothing is written behind the slots, or behind what lies beside them", at);
}

/// A random program against a model: which slots are taken, and by what they were marked.
template <class S>
void check_model(conformance_report& report, unsigned seed) {
    std::mt19937 random{seed};
    slots_under_test<S> s;
    std::size_t capacity = 1 + random() % 300;
    constexpr std::size_t slot_bytes = 24, align = 8;
    s.add(capacity, slot_bytes, align);
    std::vector<void*> taken;
    for (unsigned step = 0; step < 3000; ++step) {
        std::initializer_list<figure> const at{{"seed", seed}, {"step", step}};
        bool const filling = step / 500 % 2 == 0;
        if (random() % 10 < (filling ? 7u : 3u)) {
            void* const slot = s.engine.take();
            if (slot == nullptr) {
                report.expect(taken.size() == capacity, "take() refuses only when all slots are taken", at);
                if constexpr (S::grows) {
                    std::size_t const more = 1 + random() % 100;
                    if (s.memory.size() < detail::chunk_directory::at_first) {
                        s.add(more, slot_bytes, align);
                        capacity += more;
                    }
                }
            } else {
                if (!report.expect(s.has(slot), "what is taken is a slot", at)) return;
                if (!report.expect(std::find(taken.begin(), taken.end(), slot) == taken.end(),
                                   "a slot is given out once until it comes back", at)) {
                    return;
                }
                detail::fill_bytes(slot, slot_bytes, static_cast<unsigned char>(step));
                taken.push_back(slot);
            }
        } else if (!taken.empty()) {
            std::swap(taken[random() % taken.size()], taken.back());
            s.engine.give(taken.back());
            taken.pop_back();
        }
        report.expect(s.engine.available() == capacity - taken.size(), "available() is exact",
                      {{"seed", seed}, {"step", step}, {"available", s.engine.available()}});
    }
    std::sort(taken.begin(), taken.end());
    report.expect(s.known_taken() == taken, "what is taken is known as the pool ends", {{"seed", seed}});
    if constexpr (S::knows_live) {
        std::vector<void*> visited;
        for (detail::object_chunk* const c : s.directory.all()) {
            S::template engine<0>::for_each_taken(*c, [&](void* slot) { visited.push_back(slot); });
        }
        report.expect(visited == taken, "what is alive is visited in the order of addresses", {{"seed", seed}});
    }
    report.expect(s.is_whole(), "nothing is written behind the slots, or behind what lies beside them",
                  {{"seed", seed}});
}

/// An object that knows whether it is one.
struct counted_object {
    static inline std::size_t made = 0, ended = 0;
    counted_object* self = this;
    std::uint64_t value = 0;
    counted_object() { ++made; }
    counted_object(counted_object const&) = delete;
    counted_object& operator=(counted_object const&) = delete;
    ~counted_object() { ++ended; }
};

}  // namespace kit

/// Holds the slot allocator `S` to everything that a pool expects of one, on one thread.
template <class S>
[[nodiscard]] conformance_report check_slots() {
    static_assert(SlotAllocator<S>, "framealloc: not a slot allocator; see framealloc::SlotAllocator");
    conformance_report report{"slot allocator"};
    for (std::size_t const count : {1u, 2u, 63u, 64u, 65u, 100u, 4095u, 4096u, 4097u}) {
        kit::check_filling<S>(report, count, 8, 8);
        kit::check_filling<S>(report, count, 48, 16);
    }
    for (std::size_t const count : {1u, 70u}) kit::check_filling<S>(report, count, 4096, 4096);
    for (unsigned seed = 1; seed <= 20; ++seed) kit::check_model<S>(report, seed);
    return report;
}

/// Holds pools of `Policies` to what every pool promises, on one thread.
template <class... Policies>
[[nodiscard]] conformance_report check_object_pool(object_pool_config const& config = {.capacity = 50}) {
    using object = kit::counted_object;
    using pool_type = basic_object_pool<object, Policies...>;
    conformance_report report{"object pool"};
    object::made = object::ended = 0;
    auto const end_all = []([[maybe_unused]] auto& pool) {
        if constexpr (pool_type::defers_drop) static_cast<void>(pool.drop_pending());
    };
    for (unsigned seed = 1; seed <= 5; ++seed) {
        auto const run = [&](auto&& pool) {
            std::mt19937 random{seed};
            std::vector<std::pair<object*, std::uint64_t>> live;
            for (std::uint64_t step = 0; step < 2000; ++step) {
                std::initializer_list<figure> const at{{"seed", seed}, {"step", step}};
                if (random() % 10 < (step / 300 % 2 == 0 ? 7u : 3u)) {
                    object* const o = pool.try_allocate();
                    if (o == nullptr) {
                        report.expect(live.size() >= pool.maximum(), "a pool refuses only when it is full", at);
                        continue;
                    }
                    report.expect(pool.owns(o), "a pool owns what it allocates", at);
                    report.expect(o->self == o, "an object is constructed where it stays", at);
                    report.expect(std::none_of(live.begin(), live.end(), [&](auto const& l) { return l.first == o; }),
                                  "a slot has one object at a time", at);
                    o->value = step;
                    live.emplace_back(o, step);
                } else if (!live.empty()) {
                    std::swap(live[random() % live.size()], live.back());
                    report.expect(
                        live.back().first->self == live.back().first && live.back().first->value == live.back().second,
                        "an object is as it was left", at);
                    pool.free(live.back().first);
                    live.pop_back();
                    end_all(pool);
                }
                report.expect(pool.live() == live.size(), "live() is exact", at);
                report.expect(pool.available() == pool.capacity() - live.size(), "available() is exact", at);
            }
            for (auto const& [o, value] : live) pool.free(o);
            end_all(pool);
            report.expect(pool.live() == 0, "nothing is alive when all was given back", {{"seed", seed}});
        };
        if constexpr (std::is_constructible_v<pool_type, object_pool_config>) {
            run(pool_type{config});
        } else {
            run(pool_type{});
        }
        report.expect(object::made == object::ended, "each object ends once",
                      {{"made", object::made}, {"ended", object::ended}});
    }
    return report;
}

}  // namespace framealloc::testing
