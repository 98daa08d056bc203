// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <cstdlib>
#include <vector>

// R01 to R11: misuses of single blocks.

namespace scoreboard {
namespace {

constexpr layout small{.bytes = 100};
constexpr layout large{.bytes = 10'000};

[[gnu::always_inline]] inline unsigned char* bytes(void* p)
{
    return hidden(static_cast<unsigned char*>(p));
}

// --- R01: freed twice ---------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_twice(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_twice_by_layout(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p, small);
    s.alloc().pool_free(p, small);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_twice_around_another(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    auto* const q = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    s.alloc().pool_free(q);
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_twice_with_200_others_between(subject<Alloc>& s)
{
    std::vector<unsigned char*> others;
    for (int i = 0; i < 200; ++i) others.push_back(bytes(s.alloc().pool_alloc(small)));
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    for (unsigned char* q : others) s.alloc().pool_free(q);
    s.alloc().pool_free(p);
    return answer::silent;
}

struct ship {
    int hull = 3;
    ~ship() { hull = 0; }
};
template <class Alloc>
[[gnu::noinline]] answer object_deleted_twice(subject<Alloc>& s)
{
    ship* const p = s.alloc().template pool_new<ship>();
    s.alloc().pool_delete(p);
    s.alloc().pool_delete(hidden(p));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_freed_twice(subject<Alloc>& s)
{
    // Among others: a map that knows where heap blocks are knows them by 64 KiB.
    unsigned char* all[9];
    for (auto*& one : all) one = bytes(s.alloc().heap_alloc(large));
    auto* const p = all[4];
    s.alloc().heap_free(p);
    s.alloc().heap_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_of_2_MiB_freed_twice(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().heap_alloc(layout{.bytes = 2 << 20}));
    s.alloc().heap_free(p);
    s.alloc().heap_free(p);
    return answer::silent;
}

// --- R02: freed twice, by two threads -----------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void free_for_another(subject<Alloc>& s, void* p)
{
    s.alloc().pool_free(p);
}
template <class Alloc>
[[gnu::noinline]] void free_for_another_from_heap(subject<Alloc>& s, void* p)
{
    s.alloc().heap_free(p);
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_here_and_on_another_thread(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    s.on_a_thread([&] { free_for_another(s, p); });
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_on_another_thread_and_here(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.on_a_thread([&] { free_for_another(s, p); });
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_on_two_other_threads(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.on_a_thread([&] { free_for_another(s, p); });
    s.on_a_thread([&] { free_for_another(s, p); });
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_freed_on_another_thread_and_here(subject<Alloc>& s)
{
    // Among others: a map that knows where heap blocks are knows them by 64 KiB.
    unsigned char* all[9];
    for (auto*& one : all) one = bytes(s.alloc().heap_alloc(large));
    auto* const p = all[4];
    s.on_a_thread([&] { free_for_another_from_heap(s, p); });
    s.alloc().heap_free(p);
    return answer::silent;
}

// --- R03: of somebody else's --------------------------------------------------------------------------------------------

alignas(64) unsigned char in_the_program[4096];

template <class Alloc>
[[gnu::noinline]] answer pointer_to_the_stack_freed(subject<Alloc>& s)
{
    alignas(64) unsigned char on_the_stack[256] = {};
    s.alloc().pool_free(hidden(&on_the_stack[0]));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pointer_to_a_static_object_freed(subject<Alloc>& s)
{
    s.alloc().pool_free(hidden(&in_the_program[0]));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pointer_to_a_static_object_freed_by_layout(subject<Alloc>& s)
{
    s.alloc().pool_free(hidden(&in_the_program[0]), small);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer block_of_malloc_freed(subject<Alloc>& s)
{
    s.alloc().pool_free(hidden(std::malloc(100)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer block_of_malloc_freed_to_the_heap(subject<Alloc>& s)
{
    s.alloc().heap_free(hidden(std::malloc(100'000)));
    return answer::silent;
}

// --- R04: of another instance -------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pool_block_of_another_instance_freed(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.other().pool_alloc(small)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_of_another_instance_freed_by_layout(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.other().pool_alloc(small)), small);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_of_another_instance_freed(subject<Alloc>& s)
{
    s.alloc().heap_free(bytes(s.other().heap_alloc(large)));
    return answer::silent;
}

// --- R05: not the begin of a block --------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pointer_into_a_pool_block_freed(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().pool_alloc(small)) + 16);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer misaligned_pointer_into_a_pool_block_freed(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().pool_alloc(small)) + 1);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pointer_into_a_heap_block_freed(subject<Alloc>& s)
{
    s.alloc().heap_free(bytes(s.alloc().heap_alloc(large)) + 64);
    return answer::silent;
}

// --- R06: of another size -----------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_as_larger(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().pool_alloc(small)), layout{.bytes = 1000});
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_as_one_byte_less(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().pool_alloc(small)), layout{.bytes = 99});
    return answer::defined;  // the same class of sizes: release frees it rightly
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_as_aligned_otherwise(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().pool_alloc(small)), layout{.bytes = 100, .align = 1024});
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_freed_as_smaller(subject<Alloc>& s)
{
    s.alloc().heap_free(bytes(s.alloc().heap_alloc(large)), layout{.bytes = 9'999});
    return defined_if(s.alloc().stats().heap_blocks_live == 0 && s.alloc().verify());
}

// --- R07: of another family of calls ------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_memory_freed_to_the_pool(subject<Alloc>& s)
{
    s.alloc().pool_free(hidden(s.alloc().frame_alloc(small)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_freed_to_the_pool_by_layout(subject<Alloc>& s)
{
    s.alloc().pool_free(hidden(s.alloc().frame_alloc(small)), small);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_freed_to_the_heap(subject<Alloc>& s)
{
    s.alloc().heap_free(hidden(s.alloc().frame_alloc(large)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer pool_block_freed_to_the_heap(subject<Alloc>& s)
{
    s.alloc().heap_free(bytes(s.alloc().pool_alloc(small)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_freed_to_the_pool(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().heap_alloc(large)));
    return defined_if(s.alloc().stats().heap_blocks_live == 0 && s.alloc().verify());
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_freed_to_the_pool_by_layout(subject<Alloc>& s)
{
    s.alloc().pool_free(bytes(s.alloc().heap_alloc(large)), small);
    return answer::silent;
}

// --- R08: beyond the end ------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer one_byte_past_a_pool_block(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    *touched(p + 100) = 'x';
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer sixteen_bytes_past_a_pool_block_of_32(subject<Alloc>& s)
{
    constexpr layout l{.bytes = 32};
    auto* const p = bytes(s.alloc().pool_alloc(l));
    static_cast<void>(bytes(s.alloc().pool_alloc(l)));
    for (int i = 32; i < 48; ++i) *touched(p + i) = 'x';
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer one_byte_past_a_heap_block(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().heap_alloc(layout{.bytes = 10'001}));
    *touched(p + 10'001) = 'x';
    s.alloc().heap_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer one_byte_past_an_object_in_a_frame(subject<Alloc>& s)
{
    auto* const p = static_cast<unsigned char*>(s.alloc().frame_alloc(small));
    *touched(p + 100) = 'x';
    s.alloc().end_frame();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer one_element_past_an_array_in_a_frame(subject<Alloc>& s)
{
    auto const row = s.alloc().template frame_array<int>(10);
    static_cast<void>(s.alloc().template frame_array<int>(10));
    *touched(row.data() + 10) = 77;
    s.alloc().end_frame();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer overflow_looked_for_by_verify(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    *touched(p + 100) = 'x';
    verification v = s.alloc().verify();
    if (!v) report(v.first);
    return answer::silent;
}

// --- R09: before the begin ----------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer one_byte_before_a_pool_block(subject<Alloc>& s)
{
    static_cast<void>(bytes(s.alloc().pool_alloc(small)));
    auto* const p = bytes(s.alloc().pool_alloc(small));
    *touched(p - 1) = 'x';
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer one_byte_before_a_heap_block(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().heap_alloc(large));
    *touched(p - 1) = 'x';
    s.alloc().heap_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer sixteen_bytes_before_a_pool_block(subject<Alloc>& s)
{
    static_cast<void>(bytes(s.alloc().pool_alloc(small)));
    auto* const p = bytes(s.alloc().pool_alloc(small));
    for (int i = 1; i <= 16; ++i) *touched(p - i) = 'x';
    s.alloc().pool_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer one_byte_before_an_object_in_a_frame(subject<Alloc>& s)
{
    static_cast<void>(s.alloc().frame_alloc(small));
    auto* const p = static_cast<unsigned char*>(s.alloc().frame_alloc(small));
    *touched(p - 1) = 'x';
    s.alloc().end_frame();
    return answer::silent;
}

// --- R10: written after the free ----------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pool_block_written_after_its_free(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    *touched(p + 50) = 'x';
    static_cast<void>(bytes(s.alloc().pool_alloc(small)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer link_of_a_free_pool_block_overwritten(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    s.alloc().pool_free(p);
    *touched(p) = 'x';
    static_cast<void>(bytes(s.alloc().pool_alloc(small)));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_written_after_its_free(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().heap_alloc(large));
    s.alloc().heap_free(p);
    *touched(p + 5000) = 'x';
    static_cast<void>(bytes(s.alloc().heap_alloc(large)));
    return answer::silent;
}

// --- R11: read after the free -------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pool_block_read_after_its_free(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().pool_alloc(small));
    std::memset(p, 1, 100);
    s.alloc().pool_free(p);
    return seen_as(*touched(p + 50));
}

template <class Alloc>
[[gnu::noinline]] answer heap_block_read_after_its_free(subject<Alloc>& s)
{
    auto* const p = bytes(s.alloc().heap_alloc(large));
    std::memset(p, 1, 10'000);
    s.alloc().heap_free(p);
    return seen_as(*touched(p + 5000));
}

}  // namespace

template <class Alloc>
std::vector<misuse> block_misuses()
{
    using enum result;
    auto const pool_twice = [](misuse m) {
        return std::move(m).release(silent).hardened(stopped, "FA210").checked(stopped, "FA210", everywhere);
    };
    // A heap block carries a state in every assembly.
    auto const heap_twice = [](misuse m) {
        return std::move(m).release(named, "FA210").hardened(stopped, "FA210").checked(stopped, "FA210", everywhere);
    };
    // By address, the page map knows at every level what is ours; by layout nobody asks it in release, and hardened does.
    auto const by_address = [](misuse m, char const* code, places where) {
        return std::move(m).release(named, "FA211").hardened(stopped, "FA211").checked(stopped, code, where);
    };
    auto const by_layout = [](misuse m, char const* hardened_code, char const* code, places where) {
        return std::move(m).release(silent).hardened(stopped, hardened_code).checked(stopped, code, where);
    };
    auto const unseen = [](misuse m, char const* code, places where) {
        return std::move(m).release(silent).checked(stopped, code, where);
    };
    return {
        pool_twice(FRAMEALLOC_MISUSE("R01", pool_block_freed_twice, "a pool block is freed twice")),
        pool_twice(FRAMEALLOC_MISUSE("R01", pool_block_freed_twice_by_layout, "the same with its layout")),
        pool_twice(FRAMEALLOC_MISUSE("R01", pool_block_freed_twice_around_another, "with another freed between")),
        pool_twice(FRAMEALLOC_MISUSE("R01", pool_block_freed_twice_with_200_others_between, "with 200 freed between")),
        pool_twice(FRAMEALLOC_MISUSE("R01", object_deleted_twice, "an object is deleted twice")),
        heap_twice(FRAMEALLOC_MISUSE("R01", heap_block_freed_twice, "a heap block is freed twice")),
        // The last one in its 64 KiB: release cannot tell that it ever was one.
        FRAMEALLOC_MISUSE("R01", heap_block_of_2_MiB_freed_twice, "one of 2 MiB")
            .release(named, "FA211")
            .hardened(stopped, "FA211")
            .checked(stopped, "FA210", everywhere),

        pool_twice(FRAMEALLOC_MISUSE("R02", pool_block_freed_here_and_on_another_thread,
                                     "a pool block is freed here, then on another thread")),
        pool_twice(FRAMEALLOC_MISUSE("R02", pool_block_freed_on_another_thread_and_here, "there, then here")),
        pool_twice(FRAMEALLOC_MISUSE("R02", pool_block_freed_on_two_other_threads, "on two other threads")),
        heap_twice(FRAMEALLOC_MISUSE("R02", heap_block_freed_on_another_thread_and_here,
                                     "a heap block is freed on another thread, then here")),

        by_address(FRAMEALLOC_MISUSE("R03", pointer_to_the_stack_freed, "a pointer to the stack is freed"), "FA211",
                   the_mistake),
        by_address(FRAMEALLOC_MISUSE("R03", pointer_to_a_static_object_freed, "one to a static object"), "FA211",
                   the_mistake),
        by_layout(FRAMEALLOC_MISUSE("R03", pointer_to_a_static_object_freed_by_layout, "the same with a layout"), "FA211", "FA211",
               the_mistake),
        by_address(FRAMEALLOC_MISUSE("R03", block_of_malloc_freed, "a block of malloc is freed to a pool"), "FA211",
                   the_mistake),
        by_address(FRAMEALLOC_MISUSE("R03", block_of_malloc_freed_to_the_heap, "one to the heap"), "FA211", the_mistake),

        by_address(FRAMEALLOC_MISUSE("R04", pool_block_of_another_instance_freed, "a pool block of another instance is freed"),
                   "FA211", the_mistake),
        by_layout(FRAMEALLOC_MISUSE("R04", pool_block_of_another_instance_freed_by_layout, "the same with its layout"), "FA211", "FA211",
               the_mistake),
        by_address(FRAMEALLOC_MISUSE("R04", heap_block_of_another_instance_freed, "a heap block of another instance is freed"),
                   "FA211", the_mistake),

        by_layout(FRAMEALLOC_MISUSE("R05", pointer_into_a_pool_block_freed, "a pointer into a pool block is freed"), "FA217", "FA217",
               mistake_and_allocation),
        by_layout(FRAMEALLOC_MISUSE("R05", misaligned_pointer_into_a_pool_block_freed, "a misaligned one"), "FA217", "FA217",
               mistake_and_allocation),
        by_address(FRAMEALLOC_MISUSE("R05", pointer_into_a_heap_block_freed, "a pointer into a heap block is freed"), "FA217",
                   mistake_and_allocation),

        by_layout(FRAMEALLOC_MISUSE("R06", pool_block_freed_as_larger, "a pool block is freed as a larger one"), "FA212", "FA212",
               mistake_and_allocation),
        FRAMEALLOC_MISUSE("R06", pool_block_freed_as_one_byte_less, "as one byte less")
            .release(defined)
            .checked(stopped, "FA212", mistake_and_allocation),
        by_layout(FRAMEALLOC_MISUSE("R06", pool_block_freed_as_aligned_otherwise, "as aligned to more"), "FA212", "FA212",
               mistake_and_allocation),
        FRAMEALLOC_MISUSE("R06", heap_block_freed_as_smaller, "a heap block is freed as a smaller one")
            .release(defined)
            .hardened(stopped, "FA212")
            .checked(stopped, "FA212", mistake_and_allocation),

        by_address(FRAMEALLOC_MISUSE("R07", frame_memory_freed_to_the_pool, "frame memory is freed to the pool"), "FA218",
                   mistake_and_allocation),
        by_layout(FRAMEALLOC_MISUSE("R07", frame_memory_freed_to_the_pool_by_layout, "the same with its layout"), "FA211", "FA218",
               mistake_and_allocation),
        by_address(FRAMEALLOC_MISUSE("R07", frame_memory_freed_to_the_heap, "frame memory is freed to the heap"), "FA218",
                   mistake_and_allocation),
        by_address(FRAMEALLOC_MISUSE("R07", pool_block_freed_to_the_heap, "a pool block is freed to the heap"), "FA218",
                   the_mistake),
        // Which is where it came from, had it been too large for the pools.
        FRAMEALLOC_MISUSE("R07", heap_block_freed_to_the_pool, "a heap block is freed to the pool")
            .release(defined)
            .checked(defined),
        by_layout(FRAMEALLOC_MISUSE("R07", heap_block_freed_to_the_pool_by_layout, "with a layout that a pool serves"), "FA211", "FA218",
               mistake_and_allocation),

        unseen(FRAMEALLOC_MISUSE("R08", one_byte_past_a_pool_block, "a byte is written past a pool block"), "FA214",
               mistake_and_allocation),
        unseen(FRAMEALLOC_MISUSE("R08", sixteen_bytes_past_a_pool_block_of_32, "16 bytes past one, into the next"), "FA214",
               mistake_and_allocation)
            .guarded(trap, "FA214", mistake_and_allocation),
        unseen(FRAMEALLOC_MISUSE("R08", one_byte_past_a_heap_block, "a byte past a heap block"), "FA214",
               mistake_and_allocation),
        unseen(FRAMEALLOC_MISUSE("R08", one_byte_past_an_object_in_a_frame, "a byte past an object in a frame"), "FA214",
               the_allocation),
        unseen(FRAMEALLOC_MISUSE("R08", one_element_past_an_array_in_a_frame, "an element past an array in a frame"), "FA214",
               the_allocation),
        FRAMEALLOC_MISUSE("R08", overflow_looked_for_by_verify, "a byte past a pool block; verify() is asked")
            .release(silent)
            .checked(named, "FA214", the_allocation)
            .without_place(),

        unseen(FRAMEALLOC_MISUSE("R09", one_byte_before_a_pool_block, "a byte is written before a pool block"), "FA215",
               mistake_and_allocation),
        unseen(FRAMEALLOC_MISUSE("R09", sixteen_bytes_before_a_pool_block, "16 bytes"), "FA215", the_mistake),
        unseen(FRAMEALLOC_MISUSE("R09", one_byte_before_a_heap_block, "a byte before a heap block"), "FA215",
               mistake_and_allocation),
        unseen(FRAMEALLOC_MISUSE("R09", one_byte_before_an_object_in_a_frame, "a byte before an object in a frame"), "FA215",
               the_allocation),

        unseen(FRAMEALLOC_MISUSE("R10", pool_block_written_after_its_free, "a pool block is written to after its free"),
               "FA213", the_block)
            .guarded(trap, "FA213", everywhere),
        unseen(FRAMEALLOC_MISUSE("R10", link_of_a_free_pool_block_overwritten, "its first byte"), "FA213", the_block)
            .guarded(trap, "FA213", everywhere),
        unseen(FRAMEALLOC_MISUSE("R10", heap_block_written_after_its_free, "a heap block is written to after its free"),
               "FA213", the_block)
            .guarded(trap, "FA213", everywhere),

        FRAMEALLOC_MISUSE("R11", pool_block_read_after_its_free, "a pool block is read after its free")
            .release(silent)
            .checked(shown)
            .guarded(trap, "FA213", everywhere),
        FRAMEALLOC_MISUSE("R11", heap_block_read_after_its_free, "a heap block is read after its free")
            .release(silent)
            .checked(shown)
            .guarded(trap, "FA213", everywhere),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> block_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
