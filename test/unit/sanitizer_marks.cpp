// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <cstring>

#if FRAMEALLOC_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

// Containers tell AddressSanitizer which parts of their memory nobody may touch. Whoever gets the memory next may.

using namespace framealloc;

namespace {

constexpr std::size_t bytes = 256;
constexpr layout request{.bytes = bytes, .align = 16};

void mark([[maybe_unused]] void* p) {
#if FRAMEALLOC_ADDRESS_SANITIZER
    __asan_poison_memory_region(p, bytes);
    BOOST_TEST(__asan_region_is_poisoned(p, bytes) != nullptr);
#endif
}
bool is_free_to_use([[maybe_unused]] void* p) {
#if FRAMEALLOC_ADDRESS_SANITIZER
    if (__asan_region_is_poisoned(p, bytes) != nullptr) return false;
#endif
    std::memset(p, 1, bytes);
    return true;
}

template <class Alloc>
void memory_that_comes_back_may_be_used_again()
{
    Alloc alloc;
    void* const in_pool = alloc.pool_alloc(request);
    mark(in_pool);
    alloc.pool_free(in_pool, request);
    BOOST_TEST(alloc.pool_alloc(request) == in_pool);
    BOOST_TEST(is_free_to_use(in_pool));
    mark(in_pool);
    alloc.pool_free(in_pool);

    void* const on_heap = alloc.heap_alloc(request);
    mark(on_heap);
    alloc.heap_free(on_heap);
    BOOST_TEST(alloc.heap_alloc(request) == on_heap);
    BOOST_TEST(is_free_to_use(on_heap));
    alloc.heap_free(on_heap, request);

    for (int round = 0; round < 2; ++round) {
        alloc.begin_frame();
        void* const first = alloc.frame_alloc(request);
        BOOST_TEST(is_free_to_use(first));
        mark(first);
        BOOST_TEST(alloc.try_frame_give_back(first, bytes));
        BOOST_TEST(alloc.frame_alloc(request) == first);
        BOOST_TEST(is_free_to_use(first));
        void* in_scope = nullptr;
        for (int scopes = 0; scopes < 2; ++scopes) {
            auto scope = alloc.frame_scope();
            in_scope = scope.frame_alloc(request);
            BOOST_TEST(is_free_to_use(in_scope));
            mark(in_scope);
        }
        mark(first);
        alloc.end_frame();
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sanitizer_marks)

BOOST_AUTO_TEST_CASE(marks_of_the_program_end_with_its_memory)
{
    memory_that_comes_back_may_be_used_again<smart_alloc>();
    memory_that_comes_back_may_be_used_again<smart_alloc_debug>();
}

BOOST_AUTO_TEST_SUITE_END()
