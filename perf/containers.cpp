// SPDX-License-Identifier: MIT OR Apache-2.0

// A frame that fills one container with 10,000 entries, none of them reserved beforehand, and ends. An item is one entry.
// Each entry is written by its container, and copied where the container grows.
//
// `containers_vector`: push_back of 8-byte numbers. `containers_unordered_map`: std::unordered_map, keys drawn at random.
// `containers_flat_map`: boost::container::flat_map, keys in ascending order, each put in at the end; elsewhere moving the
// entries behind it would be all that is measured. `containers_flat_hash_map`: absl::flat_hash_map, keys drawn at random.
// Maps hold 8-byte keys and 8-byte values.
//
// std::unordered_map allocates each entry by itself, and the allocator decides. The others allocate a dozen times in a frame:
// their own work is what is measured, within some tenths of how the compiler laid it out around the allocator.

#include "support/compare.hpp"
#include "support/container_frames.hpp"
#include "support/random.hpp"

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#ifdef FRAMEALLOC_PERF_BOOST
// It calls std::pmr::polymorphic_allocator::destroy, which C++20 deprecates, and clang says so.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <boost/container/flat_map.hpp>
#pragma GCC diagnostic pop
#endif
#ifdef FRAMEALLOC_PERF_ABSL
#include <absl/container/flat_hash_map.h>
#endif

namespace {

constexpr std::size_t entries = 10'000;
using number = std::uint64_t;
using entry = std::pair<number const, number>;

/// Different keys, with the bits of a pointer or a hash.
std::vector<number> const random_keys = [] {
    fixed_random random;
    std::vector<number> keys(entries);
    for (std::size_t i = 0; i < entries; ++i) keys[i] = (random.between(0, 1U << 30) << 20) + i;
    return keys;
}();

struct filled_vector {
    static void fill(auto const& allocator_of) {
        auto const allocator = allocator_of.template operator()<number>();
        std::vector<number, std::remove_const_t<decltype(allocator)>> numbers(allocator);
        for (std::size_t i = 0; i < entries; ++i) numbers.push_back(i);
        benchmark::DoNotOptimize(numbers.data());
    }
};

struct filled_unordered_map {
    static void fill(auto const& allocator_of) {
        auto const allocator = allocator_of.template operator()<entry>();
        std::unordered_map<number, number, std::hash<number>, std::equal_to<number>,
                           std::remove_const_t<decltype(allocator)>>
            map(allocator);
        for (number const key : random_keys) map.emplace(key, key);
        benchmark::DoNotOptimize(map.size());
    }
};

#ifdef FRAMEALLOC_PERF_BOOST
struct filled_flat_map {
    static void fill(auto const& allocator_of) {
        auto const allocator = allocator_of.template operator()<std::pair<number, number>>();
        boost::container::flat_map<number, number, std::less<number>, std::remove_const_t<decltype(allocator)>> map(
            allocator);
        for (number i = 0; i < entries; ++i) map.insert(map.end(), {i, i});
        benchmark::DoNotOptimize(map.size());
    }
};
#endif

#ifdef FRAMEALLOC_PERF_ABSL
struct filled_flat_hash_map {
    static void fill(auto const& allocator_of) {
        auto const allocator = allocator_of.template operator()<entry>();
        absl::flat_hash_map<number, number, absl::flat_hash_map<number, number>::hasher, std::equal_to<number>,
                            std::remove_const_t<decltype(allocator)>>
            map(allocator);
        for (number const key : random_keys) map.emplace(key, key);
        benchmark::DoNotOptimize(map.size());
    }
};
#endif

template <class Filled>
void add(char const* workload) {
    container_frames::add_all(workload, []<class Frames>(benchmark::State& state) {
        Frames frames;
        auto const fill = [](auto const& allocator_of) { Filled::fill(allocator_of); };
        for (int warm = 0; warm < 3; ++warm) frames.frame(fill);
        for (auto _ : state) frames.frame(fill);
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
    });
}

[[maybe_unused]] bool const registered = [] {
    add<filled_vector>("containers_vector");
    add<filled_unordered_map>("containers_unordered_map");
#ifdef FRAMEALLOC_PERF_BOOST
    add<filled_flat_map>("containers_flat_map");
#endif
#ifdef FRAMEALLOC_PERF_ABSL
    add<filled_flat_hash_map>("containers_flat_hash_map");
#endif
    return true;
}();

}  // namespace
