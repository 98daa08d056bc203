// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/faults.hpp"
#include "support/model.hpp"

#include <framealloc/smart_alloc.hpp>

#include <vector>

namespace framealloc::test {

using checked_assembly = smart_alloc_debug::assembly_type;

/// What every library's memory resources promise: sizes from zero, alignments from one, equality by instance and
/// intent.
template <class Base, template <class> class Frame, template <class> class Pool, template <class> class Heap>
void resources_keep_their_promises()
{
    smart_alloc_debug one, two;
    fault_recorder const faults;
    {
        one.begin_frame();
        Frame<checked_assembly> frame{one};
        Pool<checked_assembly> pool{one}, same_pool{one}, other_pool{two};
        Heap<checked_assembly> heap{one};
        Base* const all[] = {&frame, &pool, &heap};

        for (Base* const r : all) {
            BOOST_TEST(r->is_equal(*r));
            BOOST_TEST(!r->is_equal(other_pool));
            for (Base* const other : all) BOOST_TEST(r->is_equal(*other) == (r == other));

            memory_model model;
            std::vector<std::pair<void*, layout>> blocks;
            for (std::size_t const bytes : {0u, 1u, 8u, 100u, 4096u, 4097u, 30000u}) {
                for (std::size_t const align : {1u, 8u, 16u, 64u, 4096u}) {
                    layout const asked{.bytes = bytes, .align = align};
                    void* const p = r->allocate(bytes, align);
                    BOOST_TEST_REQUIRE(model.enter(p, asked));
                    blocks.emplace_back(p, asked);
                }
            }
            // In an order in which none was allocated: odd ones first, the rest from the end.
            for (std::size_t i = 1; i < blocks.size(); i += 2) {
                BOOST_TEST(model.leave(blocks[i].first));
                r->deallocate(blocks[i].first, blocks[i].second.bytes, blocks[i].second.align);
            }
            for (std::size_t i = blocks.size(); i-- > 0;) {
                if (i % 2 == 1) continue;
                BOOST_TEST(model.leave(blocks[i].first));
                r->deallocate(blocks[i].first, blocks[i].second.bytes, blocks[i].second.align);
            }
        }
#if defined(__cpp_rtti)
        BOOST_TEST(pool.is_equal(same_pool));
#else
        BOOST_TEST(!pool.is_equal(same_pool));
#endif
        BOOST_TEST((pool.alloc() == one.ref()));
        one.end_frame();
    }
    BOOST_TEST(one.stats().pool_blocks_live == 0u);
    BOOST_TEST(one.stats().heap_blocks_live == 0u);
    BOOST_TEST(bool(one.verify()));
    BOOST_TEST(faults.count() == 0u);
}

}  // namespace framealloc::test
