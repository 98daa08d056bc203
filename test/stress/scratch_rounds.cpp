// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/scratch/scratch_arena.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

// Random programs of requests, extensions, returns, nested scopes, resets, releases and trims, beside a model that knows what is
// alive: nothing overlaps, everything keeps its content, a scope leaves what was there before it, and the books balance.

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class Arena, class Alloc = smart_alloc_debug>
struct kind {
    using alloc = Alloc;
    using arena = Arena;
};
using every_kind =
    std::tuple<kind<arena::chunked<1024, 4096>>, kind<arena::fixed<1 << 16>>, kind<arena::virtual_memory<(1 << 20), 4096>>,
               kind<arena::in_flight<3, arena::chunked<1024, 4096>>>, kind<arena::chunked<>, smart_alloc>>;

struct block {
    unsigned char* p;
    std::size_t bytes;
    unsigned char content;

    [[nodiscard]] bool is_intact() const {
        return std::all_of(p, p + bytes, [&](unsigned char c) { return c == content; });
    }
};
using blocks = std::vector<block>;

/// Destroyed when the model says so, in its order.
struct member {
    std::vector<int>& gone;
    int number;
    ~member() { gone.push_back(number); }
};

template <class Kind>
class program {
    using arena_type = scratch_arena_of<typename Kind::alloc, typename Kind::arena>;
    static constexpr std::size_t rounds_alive = frames_in_flight_of<typename Kind::arena>;

public:
    explicit program(unsigned seed) : random_(seed) {}

    void run() {
        for (int i = 0; i < 1500; ++i) {
            step(0);
            if (i % 50 == 0) check();
        }
        check();
        BOOST_TEST(scratch_.release());
        earlier_.clear();
        BOOST_TEST(scratch_.stats().reserved_bytes == 0u);
        BOOST_TEST(alloc_.stats().heap_bytes_live == 0u);
        BOOST_TEST(bool(alloc_.verify()));
    }

private:
    [[nodiscard]] std::size_t below(std::size_t n) { return random_() % n; }

    void step(int depth) {
        switch (below(depth < 4 ? 24 : 20)) {
            case 0: case 1: object(); break;
            case 2: case 3: extend(); break;
            case 4: give_back(); break;
            case 5: static_cast<void>(scratch_.trim()); break;
            case 20: case 21: case 22: scope(depth); break;
            case 23: if (depth == 0) reset(); break;
            default: request(); break;
        }
    }
    void request() {
        std::size_t const bytes = below(20) == 0 ? below(10'000) : below(300);
        std::size_t const align = std::size_t{1} << below(8);
        auto* const p = static_cast<unsigned char*>(scratch_.try_alloc({.bytes = bytes, .align = align}));
        if (p == nullptr) return;  // one of a fixed size is full
        BOOST_TEST_REQUIRE(reinterpret_cast<std::uintptr_t>(p) % align == 0u);
        auto const content = static_cast<unsigned char>(below(256));
        std::memset(p, content, bytes);
        alive_.push_back({p, bytes, content});
        newest_is_block_ = true;
    }
    void object() {
        if (scratch_.template try_make<member>(gone_, next_) == nullptr) return;
        members_.push_back(next_++);
        newest_is_block_ = false;
    }
    void extend() {
        if (!newest_is_block_ || alive_.empty()) return;
        block& last = alive_.back();
        std::size_t const bytes = below(2000);
        if (!scratch_.try_extend(last.p, last.bytes, bytes)) return;
        if (bytes > last.bytes) std::memset(last.p + last.bytes, last.content, bytes - last.bytes);
        last.bytes = bytes;
    }
    void give_back() {
        if (!newest_is_block_ || alive_.size() <= floor_) return;
        if (!scratch_.try_give_back(alive_.back().p, alive_.back().bytes)) return;
        alive_.pop_back();
        newest_is_block_ = false;
    }
    void scope(int depth) {
        std::size_t const used = scratch_.stats().used_bytes, floor = floor_, size = alive_.size(), objects = members_.size();
        std::size_t last_bytes = alive_.empty() ? 0 : alive_.back().bytes;
        {
            auto const scope = scratch_.scope();
            floor_ = size;
            newest_is_block_ = false;
            for (std::size_t n = below(30); n > 0; --n) step(depth + 1);
        }
        floor_ = floor;
        newest_is_block_ = false;
        alive_.resize(size);
        if (size != 0) BOOST_TEST_REQUIRE(alive_.back().bytes == last_bytes);
        BOOST_TEST_REQUIRE(scratch_.stats().used_bytes == used);
        expect_gone(objects);
    }
    void reset() {
        BOOST_TEST_REQUIRE(scratch_.reset());
        earlier_.push_back({alive_, members_.size()});
        alive_.clear();
        newest_is_block_ = false;
        if (earlier_.size() == rounds_alive) {
            std::size_t const objects = earlier_.front().second;
            // Its objects, the newest first; those of later rounds are alive.
            std::vector<int> expected(members_.begin(), members_.begin() + std::ptrdiff_t(objects));
            std::reverse(expected.begin(), expected.end());
            BOOST_TEST_REQUIRE(gone_ == expected);
            gone_.clear();
            members_.erase(members_.begin(), members_.begin() + std::ptrdiff_t(objects));
            earlier_.pop_front();
            for (auto& [of_round, count] : earlier_) count -= objects;
        }
        BOOST_TEST_REQUIRE(scratch_.stats().used_bytes == 0u);
    }
    void expect_gone(std::size_t kept) {
        std::vector<int> expected(members_.begin() + std::ptrdiff_t(kept), members_.end());
        std::reverse(expected.begin(), expected.end());
        BOOST_TEST_REQUIRE(gone_ == expected);
        gone_.clear();
        members_.resize(kept);
    }
    void check() {
        blocks all = alive_;
        for (auto const& [of_round, count] : earlier_) all.insert(all.end(), of_round.begin(), of_round.end());
        for (block const& b : all) BOOST_TEST_REQUIRE(b.is_intact());
        std::sort(all.begin(), all.end(), [](block const& a, block const& b) { return a.p < b.p; });
        for (std::size_t i = 1; i < all.size(); ++i) BOOST_TEST_REQUIRE(all[i - 1].p + all[i - 1].bytes <= all[i].p);
        scratch_stats const s = scratch_.stats();
        BOOST_TEST_REQUIRE(s.used_bytes <= s.reserved_bytes);
        BOOST_TEST_REQUIRE(s.used_bytes <= s.peak_bytes);
        BOOST_TEST_REQUIRE(bool(alloc_.verify()));
    }

    std::mt19937 random_;
    std::vector<int> gone_;  // before the arena: its objects write here
    typename Kind::alloc alloc_;
    arena_type scratch_{alloc_, "stress"};
    blocks alive_;
    std::deque<std::pair<blocks, std::size_t>> earlier_;  // rounds in flight, and how many objects there were then
    std::vector<int> members_;
    std::size_t floor_ = 0;
    bool newest_is_block_ = false;
    int next_ = 0;
};

/// Refusals of a full arena are reported where somebody checks, and are no mistakes.
fault_action ignore(fault const& why) {
    if (why.code != fault_code::arena_exhausted) BOOST_ERROR("FA" << unsigned(why.code.code()));
    return fault_action::go_on;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scratch_rounds)

BOOST_AUTO_TEST_CASE_TEMPLATE(random_programs_agree_with_their_model, Kind, every_kind)
{
    auto const before = set_fault_handler(&ignore);
    for (unsigned seed = 1; seed <= 12; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) { program<Kind>{seed}.run(); }
    }
    set_fault_handler(before);
}

BOOST_AUTO_TEST_SUITE_END()
