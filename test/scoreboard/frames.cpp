// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <memory>

// R12, R13, R24 to R26 and R32: misuses of frames, scopes and marks.

namespace scoreboard {
namespace {

struct particle {
    int id = 7;
};

template <class Alloc>
[[gnu::always_inline]] inline unsigned char* ones_in_frame(Alloc& alloc, std::size_t bytes = 100)
{
    return hidden(static_cast<unsigned char*>(std::memset(alloc.frame_alloc(layout{.bytes = bytes}), 1, bytes)));
}

// Within a frame, a level that guards by pages forbids those that have been given back as a whole.
constexpr std::size_t some_pages = 20'000;

/// A scope that may be ended out of order.
template <class Alloc>
using held_scope = std::unique_ptr<frame_scope<typename Alloc::assembly_type>>;
template <class Alloc>
held_scope<Alloc> hold_scope(Alloc& alloc)
{
    return std::make_unique<frame_scope<typename Alloc::assembly_type>>(alloc.shared());
}

// --- R12: used after the frame ------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_memory_read_after_its_frame(subject<Alloc>& s)
{
    auto* const p = ones_in_frame(s.alloc());
    s.alloc().end_frame();
    return seen_as(*touched(p));
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_written_after_its_frame(subject<Alloc>& s)
{
    auto* const p = ones_in_frame(s.alloc());
    s.alloc().end_frame();
    *touched(p) = 2;
    s.end();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_written_in_the_next_frame(subject<Alloc>& s)
{
    auto* const p = ones_in_frame(s.alloc());
    s.alloc().end_frame();
    s.alloc().begin_frame();
    auto* const q = ones_in_frame(s.alloc());
    *touched(p) = 2;
    return defined_if(*touched(q) == 1);
}

template <class Alloc>
[[gnu::noinline]] answer frame_ptr_used_after_its_frame(subject<Alloc>& s)
{
    auto const p = make_frame_ptr<particle>(s.alloc());
    s.alloc().end_frame();
    return seen_as(static_cast<unsigned char>(*touched(&p->id)));
}

template <class Alloc>
[[gnu::noinline]] answer frame_ptr_used_in_the_next_frame(subject<Alloc>& s)
{
    auto const p = make_frame_ptr<particle>(s.alloc());
    s.alloc().end_frame();
    s.alloc().begin_frame();
    s.alloc().template frame_new<particle>()->id = 8;
    return seen_as(static_cast<unsigned char>(*touched(&p->id)));
}

// --- R13: used after the roll-back or the scope -------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_memory_read_after_a_rollback(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    auto* const p = ones_in_frame(s.alloc(), some_pages);
    s.alloc().rollback(mark);
    return seen_as(*touched(p + some_pages / 2));
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_read_after_its_scope(subject<Alloc>& s)
{
    unsigned char* p = nullptr;
    {
        auto const scope = s.alloc().frame_scope();
        p = ones_in_frame(s.alloc(), some_pages);
    }
    return seen_as(*touched(p + some_pages / 2));
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_written_after_a_rollback(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    auto* const p = ones_in_frame(s.alloc(), some_pages);
    s.alloc().rollback(mark);
    *touched(p + some_pages / 2) = 2;
    static_cast<void>(ones_in_frame(s.alloc(), some_pages));
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_ptr_used_after_a_rollback(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    auto const p = make_frame_ptr<particle>(s.alloc());
    s.alloc().rollback(mark);
    return seen_as(static_cast<unsigned char>(*touched(&p->id)));
}

template <class Alloc>
[[gnu::noinline]] answer frame_ptr_used_after_its_scope(subject<Alloc>& s)
{
    auto* const scope = hold_scope(s.alloc()).release();
    auto const p = make_frame_ptr<particle>(s.alloc());
    delete scope;  // here, and not in the library's deleter
    return seen_as(static_cast<unsigned char>(*touched(&p->id)));
}

// --- R24: ends without a begin, and the reverse -------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_ended_twice(subject<Alloc>& s)
{
    s.alloc().end_frame();
    s.alloc().end_frame();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_memory_asked_for_outside_a_frame(subject<Alloc>& s)
{
    s.alloc().end_frame();
    return s.alloc().try_frame_alloc(layout{.bytes = 100}) == nullptr ? answer::refused : answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer frame_ended_inside_a_scope(subject<Alloc>& s)
{
    auto const scope = s.alloc().frame_scope();
    s.alloc().end_frame();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer thread_that_ends_inside_a_frame(subject<Alloc>& s)
{
    std::thread{[&] {
        s.in_place([&] { static_cast<void>(s.alloc().template frame_new<particle>()); });
    }}.join();
    return defined_if(s.alloc().stats().threads == 1 && s.alloc().verify());
}

// --- R25: frames within frames ------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer frame_begun_inside_a_frame(subject<Alloc>& s)
{
    s.alloc().begin_frame();
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer end_of_an_inner_scope_leaves_the_outer_alone(subject<Alloc>& s)
{
    auto* const outer = ones_in_frame(s.alloc());
    std::size_t const before = s.alloc().stats().frame_bytes_used;
    {
        auto const scope = s.alloc().frame_scope();
        auto* const middle = ones_in_frame(s.alloc());
        {
            auto const inner = s.alloc().frame_scope();
            std::memset(ones_in_frame(s.alloc()), 3, 100);
        }
        if (middle[0] != 1 || middle[99] != 1) return answer::silent;
    }
    return defined_if(outer[0] == 1 && outer[99] == 1 && s.alloc().stats().frame_bytes_used == before);
}

// --- R26: marks out of order --------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer mark_rolled_back_to_twice(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    s.alloc().rollback(mark);
    return s.alloc().rollback(mark) ? answer::silent : answer::refused;
}

template <class Alloc>
[[gnu::noinline]] answer younger_mark_rolled_back_to_after_an_older_one(subject<Alloc>& s)
{
    auto const older = s.alloc().checkpoint();
    auto const younger = s.alloc().checkpoint();
    s.alloc().rollback(older);
    return s.alloc().rollback(younger) ? answer::silent : answer::refused;
}

template <class Alloc>
[[gnu::noinline]] answer mark_rolled_back_to_in_another_frame(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    s.alloc().end_frame();
    s.alloc().begin_frame();
    return s.alloc().rollback(mark) ? answer::silent : answer::refused;
}

template <class Alloc>
[[gnu::noinline]] answer mark_rolled_back_to_on_another_thread(subject<Alloc>& s)
{
    auto const mark = s.alloc().checkpoint();
    s.on_a_thread([&] { s.alloc().rollback(mark); });
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer scopes_ended_out_of_order(subject<Alloc>& s)
{
    held_scope<Alloc> outer = hold_scope(s.alloc());
    held_scope<Alloc> inner = hold_scope(s.alloc());
    outer.reset();
    inner.reset();
    return answer::silent;
}

// --- R32: destructors at the end of a frame -----------------------------------------------------------------------------

template <class Alloc>
struct late_allocator {
    Alloc* alloc;
    bool* worked;
    ~late_allocator()
    {
        auto* const p = static_cast<unsigned char*>(alloc->try_frame_alloc(layout{.bytes = 1000}));
        *worked = p != nullptr;
        if (p != nullptr) std::memset(p, 9, 1000);
        alloc->pool_free(alloc->pool_alloc(layout{.bytes = 100}));
    }
};
template <class Alloc>
[[gnu::noinline]] answer destructor_that_allocates_at_the_end_of_its_frame(subject<Alloc>& s)
{
    bool worked = false;
    static_cast<void>(s.alloc().template frame_new<late_allocator<Alloc>>(&s.alloc(), &worked));
    s.alloc().end_frame();
    return defined_if(worked && s.alloc().stats().frame_bytes_used == 0 && s.alloc().verify());
}

template <class Alloc>
struct late_ender {
    Alloc* alloc;
    ~late_ender() { alloc->end_frame(); }
};
template <class Alloc>
[[gnu::noinline]] answer destructor_that_ends_its_frame_again(subject<Alloc>& s)
{
    static_cast<void>(s.alloc().template frame_new<late_ender<Alloc>>(&s.alloc()));
    s.alloc().end_frame();
    return answer::silent;
}

}  // namespace

template <class Alloc>
std::vector<misuse> frame_misuses()
{
    using enum result;
    auto const refused_by = [](char const* code, misuse m) {
        return std::move(m).release(named, code).hardened(stopped, code).checked(stopped, code);
    };
    auto const by_pointer = [](misuse m) {
        return std::move(m).release(silent).checked(stopped, "FA002", everywhere).without_place();
    };
    auto const by_pattern = [](misuse m) {
        return std::move(m).release(silent).checked(shown).guarded(trap, "FA002", the_mistake).without_tag();
    };
    return {
        by_pattern(FRAMEALLOC_MISUSE("R12", frame_memory_read_after_its_frame, "frame memory is read after its frame")),
        FRAMEALLOC_MISUSE("R12", frame_memory_written_after_its_frame, "frame memory is written to after its frame")
            .release(silent)
            .checked(stopped, "FA002", the_end)
            .guarded(trap, "FA002", the_mistake)
            .without_tag(),
        FRAMEALLOC_MISUSE("R12", frame_memory_written_in_the_next_frame, "in the next frame, where it is another's")
            .release(silent)
            .checked(silent)
            .guarded(trap, "FA002", the_mistake)
            .without_tag(),
        by_pointer(FRAMEALLOC_MISUSE("R12", frame_ptr_used_after_its_frame, "a frame_ptr is used after its frame")),
        by_pointer(FRAMEALLOC_MISUSE("R12", frame_ptr_used_in_the_next_frame, "in the next frame")),

        // Who charges tags has the end of the frame's window for himself, and no part of a frame is forbidden there.
        by_pattern(FRAMEALLOC_MISUSE("R13", frame_memory_read_after_a_rollback, "frame memory is read after a roll-back"))
            .at("guarded, tags", shown),
        by_pattern(FRAMEALLOC_MISUSE("R13", frame_memory_read_after_its_scope, "after its scope")).at("guarded, tags", shown),
        FRAMEALLOC_MISUSE("R13", frame_memory_written_after_a_rollback, "frame memory is written to after a roll-back")
            .release(silent)
            .checked(stopped, "FA002", the_end)
            .guarded(trap, "FA002", the_mistake)
            .at("guarded, tags", stopped, "FA002", the_end)
            .without_tag(),
        by_pointer(FRAMEALLOC_MISUSE("R13", frame_ptr_used_after_a_rollback, "a frame_ptr is used after a roll-back")),
        by_pointer(FRAMEALLOC_MISUSE("R13", frame_ptr_used_after_its_scope, "after its scope")),

        refused_by("FA005", FRAMEALLOC_MISUSE("R24", frame_ended_twice, "a frame is ended twice")),
        refused_by("FA005", FRAMEALLOC_MISUSE("R24", frame_ended_inside_a_scope, "inside a scope")),
        refused_by("FA001", FRAMEALLOC_MISUSE("R24", frame_memory_asked_for_outside_a_frame,
                                              "frame memory is asked for outside a frame")),
        FRAMEALLOC_MISUSE("R24", thread_that_ends_inside_a_frame, "a thread ends inside a frame")
            .release(defined)
            .hardened(stopped, "FA008")
            .checked(stopped, "FA008"),

        refused_by("FA004", FRAMEALLOC_MISUSE("R25", frame_begun_inside_a_frame, "a frame is begun inside a frame")),
        FRAMEALLOC_MISUSE("R25", end_of_an_inner_scope_leaves_the_outer_alone, "scopes within scopes end")
            .release(defined)
            .checked(defined),

        refused_by("FA006", FRAMEALLOC_MISUSE("R26", mark_rolled_back_to_twice, "a mark is rolled back to twice")),
        refused_by("FA006", FRAMEALLOC_MISUSE("R26", younger_mark_rolled_back_to_after_an_older_one, "out of order")),
        refused_by("FA006",
                   FRAMEALLOC_MISUSE("R26", mark_rolled_back_to_in_another_frame, "in another frame")
                       .in_frame(frames_before + 2)),
        refused_by("FA007", FRAMEALLOC_MISUSE("R26", mark_rolled_back_to_on_another_thread, "on another thread")),
        refused_by("FA006", FRAMEALLOC_MISUSE("R26", scopes_ended_out_of_order, "scopes end out of order")),

        FRAMEALLOC_MISUSE("R32", destructor_that_allocates_at_the_end_of_its_frame,
                          "a destructor allocates as its frame ends")
            .release(defined)
            .checked(defined),
        refused_by("FA005",
                   FRAMEALLOC_MISUSE("R32", destructor_that_ends_its_frame_again, "a destructor ends its frame again")),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> frame_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
