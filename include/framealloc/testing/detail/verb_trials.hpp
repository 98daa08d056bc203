// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The three intents in all their forms, for everything that has the verbs: an allocator, its handle, `local()`, and,
// for frames, a scope.

#include <framealloc/smart_alloc.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/blocks.hpp>

namespace framealloc::inline v0_1::testing::kit {

/// Says when it is made and unmade, and in which order.
struct witness {
    explicit witness(int& alive, int value = 7) noexcept : alive_(alive), value_(value) { ++alive_; }
    witness(witness const&) = delete;
    witness& operator=(witness const&) = delete;
    ~witness() {
        --alive_;
        value_ = -1;
    }
    int& alive_;
    int value_;
};
struct default_witness {
    inline static thread_local int alive = 0;
    default_witness() noexcept { ++alive; }
    default_witness(default_witness const&) = delete;
    default_witness& operator=(default_witness const&) = delete;
    ~default_witness() { --alive; }
    int value = 3;
};
struct alignas(64) wide {
    unsigned char bytes[64];
};

/// About 3 KiB of the open frame. Answers how many objects with a destructor it left in it.
template <class Verbs>
int try_frame_verbs(Verbs& verbs, conformance_report& report, int& alive) {
    int const before = alive;
    std::vector<block> blocks;
    auto const note = [&](void* p, layout given) {
        if (!report.expect(p != nullptr, "an open frame serves a small request",
                           {{"bytes", given.bytes}, {"align", given.align}}))
            return;
        report.expect(is_aligned(p, given.align), "a frame's memory is aligned as asked for", {{"align", given.align}});
        blocks.push_back({p, given, blocks.size() + 1});
    };
    for (std::size_t const bytes : {1u, 16u, 100u}) {
        for (std::size_t const align : {1u, 8u, 16u, 64u}) {
            note(verbs.frame_alloc(layout{.bytes = bytes, .align = align}), {.bytes = bytes, .align = align});
            note(verbs.try_frame_alloc(layout{.bytes = bytes, .align = align}), {.bytes = bytes, .align = align});
        }
    }
    note(verbs.template frame_alloc<wide>(), layout::of<wide>());
    note(verbs.template try_frame_alloc<int>(), layout::of<int>());
    std::span<int> const ints = verbs.template frame_array<int>(10);
    report.expect(ints.size() == 10 && ints[0] == 0 && ints[9] == 0, "frame_array begins with zeros");
    note(ints.data(), layout::array_of<int>(10));
    note(verbs.template frame_array_for_overwrite<int>(3).data(), layout::array_of<int>(3));
    note(verbs.template try_frame_array<int>(4).data(), layout::array_of<int>(4));
    report.expect(!overlap(blocks), "what a frame has given does not overlap", {{"blocks", blocks.size()}});
    for (block const& b : blocks) write_pattern(b.p, b.given.bytes, b.seed);

    witness* const one = verbs.template frame_new<witness>(alive, 11);
    witness* const other = verbs.template try_frame_new<witness>(alive, 12);
    int const witnesses_before = default_witness::alive;
    std::span<default_witness> const row = verbs.template frame_array<default_witness>(5);
    report.expect(one != nullptr && other != nullptr && one->value_ == 11 && other->value_ == 12 && row[4].value == 3,
                  "frame_new and frame_array make objects");
    report.expect(alive == before + 2 && default_witness::alive == witnesses_before + 5,
                  "objects of a frame live in it", {{"alive", static_cast<unsigned long long>(alive - before)}});
    {
        auto const box = verbs.template frame_box<witness>(alive, 13);
        report.expect(box->value_ == 13 && (*box).value_ == 13 && box.get() != nullptr && alive == before + 3,
                      "a frame_box holds its object");
    }
    report.expect(alive == before + 2, "a frame_box destroys its object at the end of its block");
    report.expect(verbs.try_frame_alloc(layout{.bytes = SIZE_MAX, .align = 16}) == nullptr &&
                      verbs.try_frame_alloc(layout{.bytes = 8, .align = 3}) == nullptr &&
                      verbs.template try_frame_array<int>(SIZE_MAX / 2).data() == nullptr,
                  "a frame refuses what cannot be");
    for (block const& b : blocks)
        report.expect(b.intact(), "a frame's memory keeps its content", {{"bytes", b.given.bytes}});
    return 2;
}

/// Pool and heap have the same forms under other names. Out of line, so that each verb is compiled once, and not at
/// each use.
struct pool_names {
    [[gnu::noinline]] static void* alloc(auto& v, layout l) { return v.pool_alloc(l); }
    [[gnu::noinline]] static void* try_alloc(auto& v, layout l) { return v.try_pool_alloc(l); }
    [[gnu::noinline]] static void free(auto& v, void* p) { v.pool_free(p); }
    [[gnu::noinline]] static void free(auto& v, void* p, layout l) { v.pool_free(p, l); }
    template <class T>
    [[gnu::noinline]] static T* alloc(auto& v) {
        return v.template pool_alloc<T>();
    }
    template <class T>
    [[gnu::noinline]] static T* try_alloc(auto& v) {
        return v.template try_pool_alloc<T>();
    }
    template <class T>
    [[gnu::noinline]] static void free(auto& v, T* p) {
        v.template pool_free<T>(p);
    }
    template <class T>
    [[gnu::noinline]] static T* make(auto& v, auto&&... a) {
        return v.template pool_new<T>(a...);
    }
    template <class T>
    [[gnu::noinline]] static T* try_make(auto& v, auto&&... a) {
        return v.template try_pool_new<T>(a...);
    }
    template <class T>
    [[gnu::noinline]] static auto array(auto& v, std::size_t n) {
        return v.template pool_array<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto raw_array(auto& v, std::size_t n) {
        return v.template pool_array_for_overwrite<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto try_array(auto& v, std::size_t n) {
        return v.template try_pool_array<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto box(auto& v, auto&&... a) {
        return v.template pool_box<T>(a...);
    }
    [[gnu::noinline]] static void destroy(auto& v, auto p) { v.pool_delete(p); }
};
struct heap_names {
    [[gnu::noinline]] static void* alloc(auto& v, layout l) { return v.heap_alloc(l); }
    [[gnu::noinline]] static void* try_alloc(auto& v, layout l) { return v.try_heap_alloc(l); }
    [[gnu::noinline]] static void free(auto& v, void* p) { v.heap_free(p); }
    [[gnu::noinline]] static void free(auto& v, void* p, layout l) { v.heap_free(p, l); }
    template <class T>
    [[gnu::noinline]] static T* alloc(auto& v) {
        return v.template heap_alloc<T>();
    }
    template <class T>
    [[gnu::noinline]] static T* try_alloc(auto& v) {
        return v.template try_heap_alloc<T>();
    }
    template <class T>
    [[gnu::noinline]] static void free(auto& v, T* p) {
        v.template heap_free<T>(p);
    }
    template <class T>
    [[gnu::noinline]] static T* make(auto& v, auto&&... a) {
        return v.template heap_new<T>(a...);
    }
    template <class T>
    [[gnu::noinline]] static T* try_make(auto& v, auto&&... a) {
        return v.template try_heap_new<T>(a...);
    }
    template <class T>
    [[gnu::noinline]] static auto array(auto& v, std::size_t n) {
        return v.template heap_array<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto raw_array(auto& v, std::size_t n) {
        return v.template heap_array_for_overwrite<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto try_array(auto& v, std::size_t n) {
        return v.template try_heap_array<T>(n);
    }
    template <class T>
    [[gnu::noinline]] static auto box(auto& v, auto&&... a) {
        return v.template heap_box<T>(a...);
    }
    [[gnu::noinline]] static void destroy(auto& v, auto p) { v.heap_delete(p); }
};

/// Everything that these take they give back. `usable` answers what a block has room for.
template <class Names, class Verbs, class Usable>
void try_raw_blocks(Verbs& verbs, conformance_report& report, Usable&& usable) {
    std::vector<block> blocks;
    auto const note = [&](void* p, layout given) {
        if (!report.expect(p != nullptr, "a block can be had", {{"bytes", given.bytes}, {"align", given.align}}))
            return;
        report.expect(is_aligned(p, given.align), "a block is aligned as asked for",
                      {{"bytes", given.bytes}, {"align", given.align}, {"address", framealloc::detail::address_of(p)}});
        report.expect(usable(p) >= given.bytes, "a block has room for what was asked for",
                      {{"bytes", given.bytes}, {"align", given.align}, {"usable", usable(p)}});
        blocks.push_back({p, given, blocks.size() + 1});
        write_pattern(p, given.bytes, blocks.size());
    };
    for (std::size_t const bytes : {0u, 1u, 8u, 24u, 100u, 1024u, 4096u, 5000u, 20000u}) {
        for (std::size_t const align : {1u, 16u, 64u, 512u}) {
            note(Names::alloc(verbs, layout{.bytes = bytes, .align = align}), {.bytes = bytes, .align = align});
            note(Names::try_alloc(verbs, layout{.bytes = bytes, .align = align}), {.bytes = bytes, .align = align});
        }
    }
    report.expect(!overlap(blocks), "blocks that are alive do not overlap", {{"blocks", blocks.size()}});
    kit::shuffle(blocks, 3);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        report.expect(blocks[i].intact(), "a block keeps its content until it is freed",
                      {{"bytes", blocks[i].given.bytes}});
        if (i % 2 != 0) {
            Names::free(verbs, blocks[i].p);
        } else {
            Names::free(verbs, blocks[i].p, blocks[i].given);
        }
    }
    Names::free(verbs, static_cast<void*>(nullptr));
    report.expect(Names::try_alloc(verbs, layout{.bytes = SIZE_MAX, .align = 16}) == nullptr &&
                      Names::try_alloc(verbs, layout{.bytes = 8, .align = 3}) == nullptr,
                  "what cannot be is refused");
}

template <class Names, class Verbs>
void try_objects(Verbs& verbs, conformance_report& report) {
    wide* const raw = Names::template alloc<wide>(verbs);
    int* const number = Names::template try_alloc<int>(verbs);
    report.expect(is_aligned(raw, 64) && number != nullptr, "typed storage is aligned for its type");
    Names::template free<wide>(verbs, raw);
    Names::template free<int>(verbs, number);

    int alive = 0;
    witness* const one = Names::template make<witness>(verbs, alive);
    witness* const other = Names::template try_make<witness>(verbs, alive);
    report.expect(one->value_ == 7 && other != nullptr && alive == 2, "new makes objects");
    {
        auto box = Names::template box<witness>(verbs, alive);
        auto second = std::move(box);
        report.expect(second && !box && second->value_ == 7 && alive == 3, "a box owns its object, and can be moved");
        box = std::move(second);
        Names::destroy(verbs, box.release());
        report.expect(alive == 2 && !box, "what a box has released is freed by hand");
        box = Names::template box<witness>(verbs, alive);
        box.reset();
        box = Names::template box<witness>(verbs, alive);
    }
    report.expect(alive == 2, "a box destroys its object");
    Names::destroy(verbs, one);
    Names::destroy(verbs, other);
    report.expect(alive == 0, "delete destroys objects");
}

template <class Names, class Verbs>
void try_arrays(Verbs& verbs, conformance_report& report) {
    int const before = default_witness::alive;
    std::span<int> const ints = Names::template array<int>(verbs, 100);
    std::span<int> const overwritten = Names::template raw_array<int>(verbs, 5);
    std::span<default_witness> const row = Names::template try_array<default_witness>(verbs, 5);
    report.expect(ints.size() == 100 && ints[99] == 0 && overwritten.size() == 5 && row.size() == 5 &&
                      row[4].value == 3 && default_witness::alive == before + 5,
                  "arrays are made whole");
    Names::destroy(verbs, ints);
    Names::destroy(verbs, overwritten);
    Names::destroy(verbs, row);
    report.expect(default_witness::alive == before, "delete destroys arrays");
    report.expect(Names::template try_array<int>(verbs, SIZE_MAX / 2).data() == nullptr, "what cannot be is refused");
}

template <class Names, class Verbs, class Usable>
void try_block_verbs(Verbs& verbs, conformance_report& report, Usable&& usable) {
    try_raw_blocks<Names>(verbs, report, usable);
    try_objects<Names>(verbs, report);
    try_arrays<Names>(verbs, report);
}

}  // namespace framealloc::testing::kit
