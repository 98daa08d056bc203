// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "compare.hpp"

#include <cstddef>
#include <string>

// boost::pool<>, in the shape of pools.hpp, where the build found Boost. It is for one thread and one size, and frees into
// a list that is not kept in order.

#ifdef FRAMEALLOC_PERF_BOOST

#include <boost/pool/pool.hpp>

namespace peers {

template <std::size_t Bytes>
struct boost_pool {
    boost::pool<> memory{Bytes};

    struct from {
        boost::pool<>& memory;
        template <std::size_t Size>
        [[gnu::always_inline]] void* take() {
            static_assert(Size == Bytes);
            return memory.malloc();
        }
        template <std::size_t Size>
        [[gnu::always_inline]] void give(void* p) {
            static_assert(Size == Bytes);
            memory.free(p);
        }
    };
    from source() { return {memory}; }
};

}  // namespace peers

#else

namespace peers {

inline void add_missing_boost(std::string const& workload, char const* contender) {
    compare::add(workload, contender, [](benchmark::State& state) {
        state.SkipWithError(
            "Boost was not there when this was built: install the package libboost1.81-dev and configure "
            "again");
    });
}

}  // namespace peers

#endif
