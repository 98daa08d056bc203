// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// A reference model of an allocator, and random programs that are run on both.

#include "support/charges.hpp"
#include "support/process.hpp"

#include <framealloc/smart_alloc.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace framealloc::test {

/// The same numbers for the same seed, everywhere (SplitMix64).
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t x = state_ += 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return x ^ (x >> 31);
    }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
    /// Mostly small, sometimes up to `most`.
    std::size_t size(std::size_t most) { return below(most >> below(12)) + (below(20) != 0); }

private:
    std::uint64_t state_;
};

/// The seeds to run: 1 to `count`, or the one in the environment as FRAMEALLOC_TEST_SEED.
inline std::vector<std::uint64_t> seeds(std::size_t count) {
    std::vector<std::uint64_t> all;
    if (char const* const given = std::getenv("FRAMEALLOC_TEST_SEED")) {
        all.push_back(std::strtoull(given, nullptr, 0));
    } else {
        for (std::size_t i = 1; i <= count; ++i) all.push_back(i);
    }
    std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(all.front()),
                static_cast<unsigned long long>(all.back()));
    return all;
}

/// What must be true of memory that has been given out: it overlaps nothing, it is aligned, and nobody else writes to
/// it.
class memory_model {
public:
    struct block {
        std::size_t bytes;
        layout given;
        unsigned char mark;
        bool from_heap;
    };

    /// Enters a block and fills it. False where it overlaps another or is not aligned as asked.
    bool enter(void* p, layout given, bool from_heap = false) {
        std::size_t const bytes = given.bytes != 0 ? given.bytes : 1;  // an address of its own, even without bytes
        auto const at = reinterpret_cast<std::uintptr_t>(p);
        if (at % given.align != 0) return false;
        auto const next = blocks_.lower_bound(at);
        if (next != blocks_.end() && next->first < at + bytes) return false;
        if (next != blocks_.begin()) {
            auto const& [before, b] = *std::prev(next);
            if (before + b.bytes > at) return false;
        }
        auto const mark = static_cast<unsigned char>(++marks_ % 251 + 1);
        std::memset(p, mark, given.bytes);
        blocks_.emplace_hint(next, at, block{bytes, given, mark, from_heap});
        return true;
    }
    /// Takes a block out. False where it is not there, or its content has changed.
    bool leave(void* p) {
        auto const found = blocks_.find(reinterpret_cast<std::uintptr_t>(p));
        if (found == blocks_.end()) return false;
        bool const intact = is_intact(*found);
        blocks_.erase(found);
        return intact;
    }
    [[nodiscard]] bool all_intact() const {
        for (auto const& each : blocks_) {
            if (!is_intact(each)) return false;
        }
        return true;
    }

private:
    static bool is_intact(std::pair<std::uintptr_t const, block> const& each) {
        auto const* const bytes = reinterpret_cast<unsigned char const*>(each.first);
        for (std::size_t i = 0; i < each.second.given.bytes; ++i) {
            if (bytes[i] != each.second.mark) return false;
        }
        return true;
    }

    std::map<std::uintptr_t, block> blocks_;
    std::uint64_t marks_ = 0;
};

/// A random program on an allocator, and the model beside it. `run` answers what went wrong first, or an empty text.
template <class Alloc>
class random_program {
    using assembly = typename Alloc::assembly_type;
    using pool = typename assembly::pool;
    using charge = charges<assembly>;
    static constexpr bool has_threads = !assembly::sync::one_thread;

public:
    random_program(Alloc& alloc, std::uint64_t seed) : alloc_(alloc), random_(seed) {}

    std::string run(std::size_t steps) {
        for (std::size_t i = 0; i < steps && wrong_.empty(); ++i) {
            step();
            if (i % 100 == 99) check();
        }
        while (!marks_.empty()) leave_newest();
        if (in_frame_) end_frame();
        while (!blocks_.empty()) free_one(blocks_.size() - 1);
        check();
        return wrong_;
    }

private:
    struct block {
        void* p;
        layout given;
        bool by_heap;   ///< allocated by the heap verbs
        bool in_heap;   ///< served by the heap path
    };
    struct noted_end {
        random_program* program;
        std::size_t number;
        ~noted_end() { program->on_end(number); }
    };
    /// A scope, or a checkpoint, or a guard, in the order in which they were made.
    struct mark {
        std::unique_ptr<decltype(std::declval<Alloc&>().frame_scope())> scope;
        checkpoint point;
        std::size_t blocks_before, objects_before, used_before;
    };

    void step() {
        switch (random_.below(24)) {
            case 0: case 1: case 2: case 3: case 4: case 5: return allocate(false);
            case 6: case 7: return allocate(true);
            case 8: case 9: case 10: case 11: case 12: case 13:
                if (!blocks_.empty()) free_one(random_.below(blocks_.size()));
                return;
            case 14:
                if (!in_frame_) return begin_frame();
                if (marks_.empty() && random_.below(4) == 0) end_frame();
                return;
            case 15: case 16: case 17: return allocate_in_frame();
            case 18: return make_in_frame();
            case 19: return random_.below(2) != 0 ? enter_scope() : take_checkpoint();
            case 20: if (!marks_.empty()) leave_newest(); return;
            case 21: if (random_.below(10) == 0) hand_to_thread(); return;
            case 22: if (random_.below(10) == 0) share_a_frame(); return;
            default: if (random_.below(10) == 0) free_many(); return;
        }
    }

    layout any_layout(std::size_t most) {
        return {.bytes = random_.size(most), .align = std::size_t{1} << random_.below(random_.below(8) == 0 ? 14 : 5)};
    }

    void allocate(bool by_heap) {
        layout const given = any_layout(by_heap ? 60000 : 6000);
        void* const p = by_heap ? alloc_.try_heap_alloc(given) : alloc_.try_pool_alloc(given);
        if (p == nullptr) return;
        bool const in_heap = by_heap || charge::class_of(given) == pool::class_count;
        if (!memory_.enter(p, given, in_heap)) return complain("a block overlaps another or is not aligned");
        if (alloc_.usable_size(p) < given.bytes) complain("a block has less room than asked for");
        blocks_.push_back({p, given, by_heap, in_heap});
    }
    void free_one(std::size_t i) {
        block const b = blocks_[i];
        blocks_[i] = blocks_.back();
        blocks_.pop_back();
        if (!memory_.leave(b.p)) complain("a block was written to by somebody else");
        free_in_some_form(alloc_, b, random_.below(2) != 0);
    }
    static void free_in_some_form(Alloc& alloc, block const& b, bool sized) {
        if (b.by_heap) {
            sized ? alloc.heap_free(b.p, b.given) : alloc.heap_free(b.p);
        } else {
            sized ? alloc.pool_free(b.p, b.given) : alloc.pool_free(b.p);
        }
    }
    void free_many() {
        for (std::size_t n = blocks_.size() / 2; n > 0; --n) free_one(random_.below(blocks_.size()));
    }

    // --- frames ------------------------------------------------------------------------------------------------------

    void begin_frame() {
        if (!alloc_.try_begin_frame()) return;
        in_frame_ = true;
        if (alloc_.stats().frame_bytes_used != 0) complain("a new frame is not empty");
    }
    void end_frame() {
        forget_frame_blocks(0);
        expect_ends(0);
        alloc_.end_frame();
        check_ends();
        in_frame_ = false;
        if (alloc_.stats().frame_bytes_used != 0) complain("an ended frame is not empty");
    }
    void allocate_in_frame() {
        if (!in_frame_) return;
        layout const given = any_layout(random_.below(10) == 0 ? 300000 : 4000);
        void* const p = alloc_.try_frame_alloc(given);
        if (p == nullptr) return;
        if (!memory_.enter(p, given)) return complain("frame memory overlaps other memory or is not aligned");
        frame_blocks_.push_back(p);
    }
    void make_in_frame() {
        if (!in_frame_) return;
        if (alloc_.template try_frame_new<noted_end>(this, objects_) != nullptr) ++objects_;
    }
    void enter_scope() {
        if (!in_frame_ || marks_.size() > 5) return;
        std::size_t const used = alloc_.stats().frame_bytes_used;
        using scope_type = decltype(alloc_.frame_scope());
        std::unique_ptr<scope_type> scope{new scope_type(alloc_.shared())};
        marks_.push_back({std::move(scope), {}, frame_blocks_.size(), objects_, used});
    }
    void take_checkpoint() {
        if (!in_frame_ || marks_.size() > 5) return;
        std::size_t const used = alloc_.stats().frame_bytes_used;
        auto point = alloc_.shared().make_checkpoint(*alloc_.state(), false);
        if (point) marks_.push_back({nullptr, std::move(point), frame_blocks_.size(), objects_, used});
    }
    void leave_newest() {
        mark const newest = std::move(marks_.back());
        marks_.pop_back();
        forget_frame_blocks(newest.blocks_before);
        expect_ends(newest.objects_before);
        if (newest.scope != nullptr) {
            const_cast<mark&>(newest).scope.reset();
        } else if (!alloc_.rollback(newest.point)) {
            complain("a live checkpoint was refused");
        }
        check_ends();
        if (alloc_.stats().frame_bytes_used != newest.used_before) complain("a roll-back came to another place");
    }
    void forget_frame_blocks(std::size_t keep) {
        for (; frame_blocks_.size() > keep; frame_blocks_.pop_back()) {
            if (!memory_.leave(frame_blocks_.back())) complain("frame memory was written to by somebody else");
        }
    }
    /// From now on, objects are destroyed down to number `keep`, the newest first.
    void expect_ends(std::size_t keep) { objects_to_keep_ = keep; }
    void on_end(std::size_t number) {
        if (objects_ <= objects_to_keep_ || number != objects_ - 1) complain("an object was destroyed out of order");
        objects_ = number;
    }
    void check_ends() {
        if (objects_ != objects_to_keep_) complain("an object was not destroyed");
        objects_to_keep_ = SIZE_MAX;
    }

    // --- threads -----------------------------------------------------------------------------------------------------

    /// Another thread frees some blocks and allocates some, and ends, inside a frame or not.
    void hand_to_thread() {
        if constexpr (has_threads) {
            std::vector<block> theirs;
            for (std::size_t n = blocks_.size() / 3; n > 0; --n) {
                block const b = blocks_.back();
                blocks_.pop_back();
                if (!memory_.leave(b.p)) complain("a block was written to by somebody else");
                theirs.push_back(b);
            }
            std::uint64_t const seed = random_.next();
            std::vector<block> back;
            on_a_thread([&] {
                random_numbers random{seed};
                bool const begun = random.below(2) != 0 && alloc_.try_begin_frame();
                for (block const& b : theirs) {
                    free_in_some_form(alloc_, b, random.below(2) != 0);
                    layout const given{.bytes = random.size(5000), .align = 16};
                    if (begun) static_cast<void>(alloc_.try_frame_alloc(given));
                    if (random.below(2) != 0) continue;
                    if (void* const p = alloc_.try_pool_alloc(given)) {
                        back.push_back({p, given, false, charge::class_of(given) == pool::class_count});
                    }
                }
                if (begun && random.below(2) != 0) alloc_.end_frame();
            });
            for (block const& b : back) {
                if (!memory_.enter(b.p, b.given, b.in_heap)) return complain("another thread's block overlaps ours");
                blocks_.push_back(b);
            }
        }
    }
    /// A frame for all, which two threads join and leave behind.
    void share_a_frame() {
        if constexpr (has_threads) {
            if (in_frame_) return;
            alloc_.begin_frame_all();
            std::vector<void*> parts;
            for (int t = 0; t < 3; ++t) {
                auto const join = [&] {
                    layout const given = any_layout(100000);
                    if (void* const p = alloc_.try_frame_alloc(given)) {
                        if (!memory_.enter(p, given)) complain("memory of a joined thread overlaps");
                        parts.push_back(p);
                    }
                };
                t == 0 ? join() : on_a_thread(join);
            }
            for (void* const p : parts) {
                if (!memory_.leave(p)) complain("memory of a joined thread was written to");
            }
            alloc_.end_frame_all();
            if (alloc_.stats().frame_bytes_used != 0) complain("the frame of all has not ended everywhere");
        }
    }

    // --- the two compared --------------------------------------------------------------------------------------------

    void check() {
        if (verification const v = alloc_.verify(); !v) {
            char text[640];
            v.first.write(text, sizeof text);
            return complain(text);
        }
        if (!memory_.all_intact()) return complain("memory was written to by somebody else");
        std::size_t in_pool = 0, pool_bytes = 0, in_heap = 0, heap_bytes = 0;
        for (block const& b : blocks_) {
            if (b.in_heap) {
                ++in_heap;
                heap_bytes += b.given.bytes;
            } else {
                ++in_pool;
                pool_bytes += charge::pool_bytes(b.given);
            }
        }
        alloc_stats const stats = alloc_.stats();
        if (stats.pool_blocks_live != in_pool || stats.pool_bytes_live != pool_bytes) complain("pool figures differ");
        if (stats.heap_blocks_live != in_heap || stats.heap_bytes_live != heap_bytes) complain("heap figures differ");
        if (stats.pool_bytes_live + stats.pool_bytes_cached > stats.pool_bytes_reserved) complain("more than there is");
        if (!in_frame_ && stats.frame_bytes_used != 0) complain("bytes of no frame");
    }
    void complain(std::string what) {
        if (wrong_.empty()) wrong_ = std::move(what);
    }

    Alloc& alloc_;
    random_numbers random_;
    memory_model memory_;
    std::vector<block> blocks_;
    std::vector<void*> frame_blocks_;
    std::vector<mark> marks_;
    std::size_t objects_ = 0, objects_to_keep_ = SIZE_MAX;
    bool in_frame_ = false;
    std::string wrong_;
};

}  // namespace framealloc::test
