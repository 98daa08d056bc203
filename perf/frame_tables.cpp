// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame that fills a hash table and drops it, with 1,000 and with 30 entries; keys are drawn at random. An item is one entry.
// Beside them 100 strings of 40 characters, which fit into no string object.
//
//   frame_map_reserved_of_N    with room for all entries from the start
//   frame_map_growing_of_N     without
//   frame_strings              100 strings, made and dropped
//
// `framealloc` is `frame_flat_map` and `frame_string`; `framealloc_nodes` is std::unordered_map over a frame. `boost`, `absl` and
// `std` are the libraries' own tables and strings over std::allocator: `boost` is the same table as ours, so that what lies between
// the two is the allocator.

#include "support/compare.hpp"
#include "support/random.hpp"

#include <framealloc/allocator.hpp>

#ifdef FRAMEALLOC_PERF_BOOST
#include <framealloc/containers/frame_flat_map.hpp>
#endif
#include <framealloc/containers/frame_string.hpp>
#ifdef FRAMEALLOC_PERF_ABSL
#include <absl/container/flat_hash_map.h>
#endif

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using framealloc::smart_alloc;
using number = std::uint64_t;
using entry = std::pair<number const, number>;

/// Different keys, with the bits of a pointer or a hash.
std::vector<number> const random_keys = [] {
    fixed_random random;
    std::vector<number> keys(1'000);
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = (random.between(0, 1U << 30) << 20) + i;
    return keys;
}();

void fill(auto&& table, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) table.emplace(random_keys[i], i);
    benchmark::DoNotOptimize(table.size());
}

struct in_frame {
    smart_alloc alloc;
    void begin() { alloc.begin_frame(); }
    void end() { alloc.end_frame(); }
};
struct nowhere {
    void begin() {}
    void end() {}
};

#ifdef FRAMEALLOC_PERF_BOOST
struct ours : in_frame {
    void frame(std::size_t n, bool reserves) {
        framealloc::frame_flat_map<number, number> table{alloc, reserves ? n : 0};
        fill(table, n);
    }
};
struct of_boost : nowhere {
    void frame(std::size_t n, bool reserves) {
        boost::unordered_flat_map<number, number> table;
        if (reserves) table.reserve(n);
        fill(table, n);
    }
};
#endif
struct nodes_in_frame : in_frame {
    void frame(std::size_t n, bool reserves) {
        std::unordered_map<number, number, std::hash<number>, std::equal_to<number>, framealloc::frame_allocator<entry>>
            table{framealloc::frame_allocator<entry>{alloc}};
        if (reserves) table.reserve(n);
        fill(table, n);
    }
};
#ifdef FRAMEALLOC_PERF_ABSL
struct of_absl : nowhere {
    void frame(std::size_t n, bool reserves) {
        absl::flat_hash_map<number, number> table;
        if (reserves) table.reserve(n);
        fill(table, n);
    }
};
#endif
struct of_std : nowhere {
    void frame(std::size_t n, bool reserves) {
        std::unordered_map<number, number> table;
        if (reserves) table.reserve(n);
        fill(table, n);
    }
};

template <class Contender>
void add_tables(char const* contender) {
    for (std::size_t const n : {std::size_t{30}, std::size_t{1'000}}) {
        for (bool const reserves : {true, false}) {
            std::string const workload =
                std::string("frame_map_") + (reserves ? "reserved" : "growing") + "_of_" + std::to_string(n);
            compare::add(workload, contender, [n, reserves](benchmark::State& state) {
                Contender c;
                for (auto _ : state) {
                    c.begin();
                    c.frame(n, reserves);
                    c.end();
                }
                state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n));
            });
        }
    }
}

constexpr std::string_view text = "forty characters, which no string keeps.";
static_assert(text.size() == 40);
constexpr std::size_t strings = 100;

void strings_in_a_frame(benchmark::State& state) {
    smart_alloc alloc;
    for (auto _ : state) {
        alloc.begin_frame();
        for (std::size_t i = 0; i < strings; ++i) {
            framealloc::frame_string const s{alloc, text};
            benchmark::DoNotOptimize(s.data());
        }
        alloc.end_frame();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(strings));
}
void strings_of_std(benchmark::State& state) {
    for (auto _ : state) {
        for (std::size_t i = 0; i < strings; ++i) {
            std::string const s{text};
            benchmark::DoNotOptimize(s.data());
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(strings));
}

[[maybe_unused]] bool const registered = [] {
#ifdef FRAMEALLOC_PERF_BOOST
    add_tables<ours>("framealloc");
    add_tables<of_boost>("boost");
#endif
    add_tables<nodes_in_frame>("framealloc_nodes");
#ifdef FRAMEALLOC_PERF_ABSL
    add_tables<of_absl>("absl");
#endif
    add_tables<of_std>("std");
    compare::add("frame_strings", "framealloc", strings_in_a_frame);
    compare::add("frame_strings", "std", strings_of_std);
    return true;
}();

}  // namespace
