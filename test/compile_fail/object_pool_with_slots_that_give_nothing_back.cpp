// expect: framealloc: this slot allocator misses a member that the concept SlotAllocator asks for
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/object_pool/fixed_pool.hpp>

using namespace framealloc;

struct one_way : slots::stack {
    template <std::size_t LinkAt>
    class engine : public slots::stack::engine<LinkAt> {
#ifndef FRAMEALLOC_CORRECT
        void give(void*) noexcept = delete;
#endif
    };
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    fixed_pool<int, one_way> pool{4};
    static_cast<void>(pool);
#else
    fixed_pool<int, one_way> pool{4};
    static_cast<void>(pool);
#endif
}
