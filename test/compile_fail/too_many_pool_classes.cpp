// expect: framealloc: a pool policy has at most 48 size classes
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>

using namespace framealloc;

template <std::size_t Count>
struct steps {
    using family = pool_family;
    static constexpr std::size_t class_count = Count;
    static constexpr std::size_t max_bytes = 16 * Count;
    static constexpr std::size_t slab_bytes = 65536;
    static constexpr std::size_t class_bytes(std::size_t c) noexcept { return 16 * (c + 1); }
    static constexpr std::size_t class_for(layout request) noexcept {
        std::size_t const need = request.bytes > request.align ? request.bytes : request.align;
        return need > max_bytes ? class_count : (need - 1) / 16;
    }
};

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<steps<48>> alloc;
#else
    basic_smart_alloc<steps<49>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
