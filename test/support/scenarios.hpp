// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What programs do with an allocator, as rows of steps that may each be refused. Each gives back what it took.

#include "support/process.hpp"

#include <framealloc/allocator.hpp>

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace framealloc::test {

struct counted_object {
    static inline std::atomic<int> alive{0};
    char content[40] = {};
    counted_object() { ++alive; }
    ~counted_object() { --alive; }
};

/// Frames that grow by chunks, and by requests larger than a chunk, with objects to destroy.
struct growing_frames {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        for (int frame = 0; frame < 2; ++frame) {
            step("begin_frame", [&] { return alloc.try_begin_frame(); });
            for (std::size_t const bytes : {16u, 1000u, 50000u, 60000u, 300000u, 700000u, 100u, 40000u}) {
                step("frame_alloc", [&] { return alloc.try_frame_alloc({.bytes = bytes, .align = 16}) != nullptr; });
                step("frame_new", [&] { return alloc.template try_frame_new<counted_object>() != nullptr; });
            }
            step("aligned", [&] { return alloc.try_frame_alloc({.bytes = 5000, .align = 65536}) != nullptr; });
            step("frame_array", [&] { return alloc.template try_frame_array<counted_object>(3000).size() == 3000; });
            step.expect("objects", counted_object::alive == 8 + 3000);
            alloc.end_frame();
            step.expect("all objects are destroyed", counted_object::alive == 0);
        }
    }
};

/// Blocks of every class, and so many of the largest that slabs become empty and regions go back.
struct pools_of_all_classes {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        std::vector<std::pair<void*, layout>> blocks;
        for (std::size_t bytes = 1; bytes <= 8192; bytes *= 2) {
            for (int i = 0; i < 3; ++i) {
                layout const each{.bytes = bytes, .align = 8};
                void* p = nullptr;
                step("pool_alloc", [&] { return (p = alloc.try_pool_alloc(each)) != nullptr; });
                blocks.emplace_back(p, each);
            }
        }
        constexpr int pages = Alloc::assembly_type::pool::class_count != 0 ? 400 : 40;
        for (int i = 0; i < pages; ++i) {
            // Of the largest class, also with a record and a canary.
            layout const each{.bytes = 4000, .align = 8};
            void* p = nullptr;
            step("pool_alloc of nearly a page", [&] { return (p = alloc.try_pool_alloc(each)) != nullptr; });
            blocks.emplace_back(p, each);
        }
        for (auto const& [p, given] : blocks) alloc.pool_free(p, given);
        step.expect("no block is live", alloc.stats().pool_blocks_live == 0);
        counted_object* object = nullptr;
        step("pool_new", [&] { return (object = alloc.template try_pool_new<counted_object>()) != nullptr; });
        alloc.pool_delete(object);
    }
};

/// Heap blocks, more than the first segment of the ledger holds.
struct heap_blocks {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        std::vector<void*> blocks;
        for (std::size_t i = 0; i < 120; ++i) {
            void* p = nullptr;
            layout const each{.bytes = 100 + 333 * i, .align = std::size_t{8} << (i % 10)};
            step("heap_alloc", [&] { return (p = alloc.try_heap_alloc(each)) != nullptr; });
            blocks.push_back(p);
        }
        for (void* p : blocks) alloc.heap_free(p);
        step("heap_array", [&] {
            auto const objects = alloc.template try_heap_array<counted_object>(500);
            alloc.heap_delete(objects);
            return objects.size() == 500;
        });
        step.expect("all objects are destroyed", counted_object::alive == 0);
    }
};

/// Threads that come and go, leave blocks to others, end inside a frame of their own and inside the frame of all.
struct threads_come_and_go {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        constexpr layout small{.bytes = 64, .align = 16};
        std::array<void*, 300> blocks{};
        for (int t = 0; t < 3; ++t) {
            in_another(alloc, [&] {
                step("begin_frame", [&] { return alloc.try_begin_frame(); });
                step("frame_new", [&] { return alloc.template try_frame_new<counted_object>() != nullptr; });
                for (std::size_t i = 0; i < 100; ++i) {
                    void*& p = blocks[static_cast<std::size_t>(t) * 100 + i];
                    step("pool_alloc", [&] { return (p = alloc.try_pool_alloc(small)) != nullptr; });
                }
                if (one_thread<Alloc>) alloc.end_frame();
            });
        }
        step.expect("ended threads' objects are destroyed", counted_object::alive == 0);
        in_another(alloc, [&] {
            for (void* p : blocks) alloc.pool_free(p, small);
        });
        step.expect("no block is live", alloc.stats().pool_blocks_live == 0);
        alloc.begin_frame_all();
        for (int t = 0; t < 3; ++t) {
            in_another(alloc, [&] {
                // Joining is not undone by a refusal: who has asked is in. A scope asks for no memory.
                step("attach_thread", [&] { return alloc.attach_thread(); });
                { auto joined = alloc.frame_scope(); }
                step("frame_new", [&] { return alloc.template try_frame_new<counted_object>() != nullptr; });
                step("growing", [&] { return alloc.try_frame_alloc({.bytes = 90000, .align = 16}) != nullptr; });
            });
        }
        step.expect("joined threads' objects live", counted_object::alive == 3);
        alloc.end_frame_all();
        step.expect("and end with the frame", counted_object::alive == 0);
    }

private:
    template <class Alloc>
    static constexpr bool one_thread = Alloc::assembly_type::sync::one_thread;
    template <class Alloc, class F>
    static void in_another(Alloc&, F&& body) {
        if constexpr (one_thread<Alloc>) {
            body();
        } else {
            on_a_thread(body);
        }
    }
};

/// A thread made ready beforehand.
struct attaching {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        step("attach_thread", [&] { return alloc.attach_thread(); });
        step("attach_thread, warm", [&] { return alloc.attach_thread({.frame_bytes = 30000}); });
        step("begin_frame", [&] { return alloc.try_begin_frame(); });
        step("frame_alloc", [&] { return alloc.try_frame_alloc({.bytes = 30000, .align = 16}) != nullptr; });
        alloc.end_frame();
    }
};

#if FRAMEALLOC_EXCEPTIONS

template <class F>
bool served(F&& f) {
    try {
        f();
        return true;
    } catch (std::bad_alloc const&) {
        return false;
    }
}

/// Standard containers over all three allocators; each step is one operation with the strong guarantee.
struct containers {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        step("begin_frame", [&] { return alloc.try_begin_frame(); });
        {
            std::vector<int, frame_allocator<int, Alloc>> in_frame{frame_allocator<int, Alloc>{alloc}};
            std::vector<int, pool_allocator<int, Alloc>> in_pool{pool_allocator<int, Alloc>{alloc}};
            using string = std::basic_string<char, std::char_traits<char>, heap_allocator<char, Alloc>>;
            string in_heap{heap_allocator<char, Alloc>{alloc}};
            using pair = std::pair<int const, int>;
            std::map<int, int, std::less<>, pool_allocator<pair, Alloc>> map{pool_allocator<pair, Alloc>{alloc}};
            for (int i = 0; i < 900; ++i) {
                step("frame vector", [&] { return served([&] { in_frame.push_back(i); }); });
                step("pool vector", [&] { return served([&] { in_pool.push_back(i); }); });
                step("heap string", [&] { return served([&] { in_heap.push_back(char(i % 100)); }); });
                if (i % 30 == 0) step("pool map", [&] { return served([&] { map.emplace(i, i); }); });
            }
            bool right = map.size() == 30;
            for (int i = 0; i < 900; ++i) {
                auto const at = static_cast<std::size_t>(i);
                right = right && in_frame[at] == i && in_pool[at] == i && in_heap[at] == char(i % 100) &&
                        (i % 30 != 0 || map.at(i) == i);
            }
            step.expect("contents", right);
        }
        alloc.end_frame();
        step.expect("no block is live", alloc.stats().pool_blocks_live == 0 && alloc.stats().heap_blocks_live == 0);
    }
};

/// Scopes, checkpoints and roll-backs over chunks that come and go.
struct scopes_and_checkpoints {
    template <class Alloc, class Run>
    void operator()(Alloc& alloc, Run& step) const {
        step("attach_thread", [&] { return alloc.attach_thread(); });
        {
            auto outer = alloc.frame_scope();
            step("in the outer scope", [&] { return outer.try_frame_alloc({.bytes = 50000, .align = 16}) != nullptr; });
            checkpoint mark;
            step("checkpoint", [&] { return served([&] { mark = alloc.checkpoint(); }); });
            std::size_t const at_mark = alloc.stats().frame_bytes_used;
            for (int i = 0; i < 6; ++i) {
                auto inner = alloc.frame_scope();
                step("in a scope", [&] { return inner.try_frame_alloc({.bytes = 40000, .align = 16}) != nullptr; });
                step("an object", [&] { return inner.template try_frame_new<counted_object>() != nullptr; });
                checkpoint nested;
                step("nested checkpoint", [&] { return served([&] { nested = alloc.checkpoint(); }); });
                step("large", [&] { return alloc.try_frame_alloc({.bytes = 400000, .align = 16}) != nullptr; });
                step.expect("nested roll-back", alloc.rollback(nested));
            }
            step.expect("objects are gone", counted_object::alive == 0);
            step.expect("bytes are as they were", alloc.stats().frame_bytes_used == at_mark);
            step.expect("roll-back", alloc.rollback(mark));
        }
        step.expect("the frame has ended", !alloc.frame_is_open());
        step.expect("nothing is used", alloc.stats().frame_bytes_used == 0);
    }
};

#endif

}  // namespace framealloc::test
