// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/backend/memory_resource.hpp>

#include <atomic>
#include <memory_resource>

// R22, R23, R30, R39 and R43: misuses of allocators as a whole, of their call-backs and of their records.

namespace scoreboard {
namespace {

// --- R22: ended before its objects --------------------------------------------------------------------------------------

/// Counts what is out.
struct counting_resource : std::pmr::memory_resource {
    std::atomic<std::size_t> bytes_out{0};

private:
    void* do_allocate(std::size_t bytes, std::size_t align) override
    {
        bytes_out += bytes;
        return std::pmr::new_delete_resource()->allocate(bytes, align);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t align) override
    {
        bytes_out -= bytes;
        std::pmr::new_delete_resource()->deallocate(p, bytes, align);
    }
    bool do_is_equal(memory_resource const& other) const noexcept override { return this == &other; }
};

template <class Alloc>
[[gnu::noinline]] answer allocator_ended_before_its_objects(subject<Alloc>&)
{
    using assembly = typename Alloc::assembly_type;
    using counted = basic_smart_alloc<backend::memory_resource, typename assembly::budget, typename assembly::diagnostics>;
    counting_resource memory;
    {
        counted alloc{alloc_config{.name = name_of_instance}, backend::memory_resource{&memory}};
        for (unsigned i = 0; i <= frames_before; ++i) {
            alloc.begin_frame();
            if (i != frames_before) alloc.end_frame();
        }
        static_cast<void>(alloc.pool_alloc(layout{.bytes = 100}));
        static_cast<void>(alloc.heap_alloc(layout{.bytes = 10'000}));
        alloc.end_frame();
    }
    return defined_if(memory.bytes_out == 0);
}

// --- R23: ended while another thread uses it ----------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer allocator_ended_inside_a_frame_of_another_thread(subject<Alloc>& s)
{
    std::atomic<int> step{0};
    std::thread other{[&] {
        s.in_place([&] {
            auto& local = s.alloc().local();
            static_cast<void>(local.frame_alloc(layout{.bytes = 100}));
            step = 1;
            step.notify_one();
            step.wait(1);
            *touched(static_cast<unsigned char*>(local.frame_alloc(layout{.bytes = 100}))) = 1;
        });
    }};
    step.wait(0);
    s.alloc().end_frame();
    s.end();
    step = 2;
    step.notify_one();
    other.join();
    return answer::silent;
}

// --- R30: call-backs ----------------------------------------------------------------------------------------------------

template <class Alloc>
subject<Alloc>* subject_of_handler = nullptr;
bool handler_has_worked = false;

template <class Alloc>
fault_action handler_that_allocates(fault const&)
{
    Alloc& a = subject_of_handler<Alloc>->alloc();
    void* const p = a.pool_alloc(layout{.bytes = 100});
    void* const h = a.heap_alloc(layout{.bytes = 10'000});
    handler_has_worked = a.try_frame_alloc(layout{.bytes = 100}) != nullptr;
    a.pool_free(p);
    a.heap_free(h);
    return fault_action::go_on;
}

template <class Alloc>
[[gnu::noinline]] answer fault_handler_that_allocates(subject<Alloc>& s)
{
    subject_of_handler<Alloc> = &s;
    set_fault_handler(&handler_that_allocates<Alloc>);
    s.alloc().begin_frame();  // a mistake
    set_fault_handler(nullptr);
    return defined_if(handler_has_worked && s.alloc().verify());
}

template <class Alloc>
fault_action handler_at_fault(fault const&)
{
    int on_the_stack = 0;
    subject_of_handler<Alloc>->alloc().heap_free(hidden(&on_the_stack));
    return fault_action::go_on;
}

template <class Alloc>
[[gnu::noinline]] answer fault_handler_that_makes_a_mistake(subject<Alloc>& s)
{
    subject_of_handler<Alloc> = &s;
    set_fault_handler(&handler_at_fault<Alloc>);
    s.alloc().begin_frame();
    return answer::silent;
}

struct thrown_by_handler {};
template <class Alloc>
[[gnu::noinline]] answer fault_handler_that_throws(subject<Alloc>& s)
{
    set_fault_handler([](fault const&) -> fault_action { throw thrown_by_handler{}; });
    bool caught = false;
    try {
        s.alloc().begin_frame();
    } catch (thrown_by_handler const&) {
        caught = true;
    }
    set_fault_handler(nullptr);
    void* const p = s.alloc().pool_alloc(layout{.bytes = 100});
    s.alloc().pool_free(p);
    s.alloc().end_frame();
    return defined_if(caught && s.alloc().verify());
}

// --- R39: two instances on a thread -------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_of_another_instance_ended(subject<Alloc>& s)
{
    auto* const mine = static_cast<unsigned char*>(std::memset(s.alloc().frame_alloc(layout{.bytes = 100}), 1, 100));
    s.other().begin_frame();
    auto* const theirs = static_cast<unsigned char*>(std::memset(s.other().frame_alloc(layout{.bytes = 100}), 2, 100));
    bool const apart = mine[0] == 1 && mine[99] == 1 && theirs[0] == 2;
    s.other().end_frame();
    std::size_t const used = s.alloc().stats().frame_bytes_used;
    bool const kept = mine[0] == 1 && mine[99] == 1 && used >= 100;
    return defined_if(apart && kept && s.other().stats().frame_bytes_used == 0 && s.alloc().verify());
}

// --- R43: the allocator's own records -----------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer bit_flipped_in_the_list_of_free_blocks(subject<Alloc>& s)
{
    layout const l{.bytes = 100};
    auto* const p = hidden(static_cast<unsigned char*>(s.alloc().pool_alloc(l)));
    s.alloc().pool_free(s.alloc().pool_alloc(l));
    s.alloc().pool_free(p);
    // The link, if there is one, is at the begin of a free block: of its room, which is no larger than a power of two.
    auto* const room = reinterpret_cast<unsigned char*>(reinterpret_cast<std::uintptr_t>(p) & ~std::uintptr_t{31});
    for (int i = -32; i < 16; ++i) *touched(room + i) = *touched(room + i) ^ 0x20;
    static_cast<void>(s.alloc().pool_alloc(l));
    static_cast<void>(s.alloc().pool_alloc(l));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer bit_flipped_in_a_magazine(subject<Alloc>& s)
{
    layout const l{.bytes = 100};
    s.alloc().pool_free(hidden(s.alloc().pool_alloc(l)));
    for (detail::magazine const& m : s.alloc().shared().state_if_any()->magazines) {
        if (detail::magazine_count(m) == 0) continue;
        auto* const entry = static_cast<unsigned char*>(static_cast<void*>(m.top.load(detail::order::relaxed) - 1));
        *touched(entry) = *touched(entry) ^ 0x20;
    }
    static_cast<void>(s.alloc().pool_alloc(l));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer bit_flipped_in_the_record_of_a_heap_block(subject<Alloc>& s)
{
    auto* const p = hidden(static_cast<unsigned char*>(s.alloc().heap_alloc(layout{.bytes = 10'000})));
    *touched(p - 20) = *touched(p - 20) ^ 0x20;
    s.alloc().heap_free(p);
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer size_in_the_head_of_a_heap_block_overwritten(subject<Alloc>& s)
{
    using store = detail::heap_store<typename Alloc::assembly_type>;
    void* const p = hidden(s.alloc().heap_alloc(layout{.bytes = 10'000}));
    *touched(&store::prefix_of(p).bytes) = 11'000;
    s.alloc().heap_free(p);
    return answer::silent;
}

}  // namespace

template <class Alloc>
std::vector<misuse> instance_misuses()
{
    using enum result;
    auto const right = [](misuse m) { return std::move(m).release(defined).checked(defined); };
    return {
        FRAMEALLOC_MISUSE("R22", allocator_ended_before_its_objects, "an allocator ends before its objects")
            .release(defined)
            .checked(stopped, "FA216", the_allocation)
            .without_tag(),
        FRAMEALLOC_MISUSE("R23", allocator_ended_inside_a_frame_of_another_thread,
                          "an allocator ends while another thread uses it")
            .release(silent)
            .checked(stopped, "FA219"),

        right(FRAMEALLOC_MISUSE("R30", fault_handler_that_allocates, "the fault handler allocates and frees")),
        right(FRAMEALLOC_MISUSE("R30", fault_handler_that_throws, "it throws")),
        FRAMEALLOC_MISUSE("R30", fault_handler_that_makes_a_mistake, "it makes a mistake itself")
            .release(named, "FA211")
            .hardened(stopped, "FA211")
            .checked(stopped, "FA211"),

        right(FRAMEALLOC_MISUSE("R39", frame_of_another_instance_ended, "another instance on the thread ends its frame")),

        FRAMEALLOC_MISUSE("R43", bit_flipped_in_the_list_of_free_blocks, "bits flip in the list of free blocks")
            .release(silent)
            .hardened(trap)
            .checked(stopped, "FA213")
            .guarded(trap, "FA213", everywhere),
        FRAMEALLOC_MISUSE("R43", bit_flipped_in_a_magazine, "a bit flips in a thread's magazine of free blocks")
            .release(silent)
            .hardened(stopped, "FA221")
            .checked(stopped, "FA221", the_mistake),
        FRAMEALLOC_MISUSE("R43", bit_flipped_in_the_record_of_a_heap_block, "a bit flips below a heap block")
            .release(named, "FA211")
            .hardened(stopped, "FA211")
            .checked(stopped, "FA215", the_mistake),
        FRAMEALLOC_MISUSE("R43", size_in_the_head_of_a_heap_block_overwritten, "the size of a heap block is overwritten")
            .release(silent)
            .checked(stopped, "FA221", the_mistake)
            .guarded(stopped, "FA215", the_mistake),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> instance_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
