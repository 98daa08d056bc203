// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/handle/handle_heap.hpp>

// R27 to R30: misuses of handles, and of the objects that they name. To ask whether a handle is good is no mistake, and answers
// null; to expect it is.

namespace scoreboard {
namespace {

struct body {
    unsigned char mass = 7;
};
/// Large enough that its neighbours leave its block alone.
struct cargo {
    unsigned char crate[1000];
};
struct rider {
    handle<rider> self{};
    void (*moved)(handle<rider>) = nullptr;
    rider() = default;
    rider(rider&& other) noexcept : self(other.self), moved(other.moved) {
        if (moved != nullptr) moved(self);
    }
};

/// What a misuse works on: in a process of its own, it is never ended.
template <class Alloc>
[[nodiscard]] handle_allocator<Alloc>& handles_of(subject<Alloc>& s, handle_config const& config = {})
{
    return *new handle_allocator<Alloc>{s.alloc(), config};
}

// --- R27: handles of what is not there ----------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer stale_handle_resolved(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const old = handles->template make<body>();
    handles->free(old);
    auto const next = handles->template make<body>();
    return refused_if(handles->resolve(old) == nullptr && handles->resolve(next) != nullptr && handles->verify());
}

template <class Alloc>
[[gnu::noinline]] answer stale_handle_expected_to_be_good(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const old = handles->template make<body>();
    handles->free(old);
    static_cast<void>(handles->template make<body>());
    return refused_if(handles->at(old) == nullptr);
}

template <class Alloc>
[[gnu::noinline]] answer handle_freed_twice(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const h = handles->template make<body>();
    handles->free(h);
    auto const next = handles->template make<body>();
    return refused_if(!handles->free(h) && handles->is_live(next) && handles->verify());
}

template <class Alloc>
[[gnu::noinline]] answer forged_handle_resolved(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const h = handles->template make<body>();
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (handles->resolve(handle<body>::from_bits(h.bits() ^ (std::uint64_t{1} << bit))) != nullptr) return answer::silent;
    }
    return refused_if(handles->resolve(handle<body>::from_bits(~std::uint64_t{0})) == nullptr);
}

template <class Alloc>
[[gnu::noinline]] answer forged_handle_freed(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const h = handles->template make<body>();
    bool const refused = !handles->free(handle<body>::from_bits(h.bits() + (std::uint64_t{1} << 40)));
    return refused_if(refused && handles->is_live(h) && handles->verify());
}

template <class Alloc>
[[gnu::noinline]] answer handle_of_another_heap_resolved(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto& others = *new handle_allocator<Alloc>{s.other()};
    auto const theirs = others->template make<body>();
    static_cast<void>(handles->template make<body>());
    return refused_if(handles->resolve(theirs) == nullptr && others->resolve(theirs) != nullptr);
}

template <class Alloc>
[[gnu::noinline]] answer handle_freed_to_another_heap(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto& others = *new handle_allocator<Alloc>{s.other()};
    auto const theirs = others->template make<body>();
    return refused_if(!handles->free(theirs) && others->is_live(theirs) && others->verify());
}

// --- R28: a slot that has had all its users -----------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer slot_used_more_often_than_it_has_generations(subject<Alloc>& s)
{
    auto& handles = handles_of(s, {.uses_per_slot = 3});
    auto const first = handles->template make<body>();
    handles->free(first);
    for (int use = 0; use < 100; ++use) {
        auto const h = handles->template make<body>();
        if (h == first || handles->is_live(first)) return answer::silent;
        handles->free(h);
    }
    return defined_if(handles->stats().retired_slots == 33 && handles->verify());
}

// --- R29: pins, and objects that move -----------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer pinned_object_defragmented(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const gap = handles->template make<cargo>();
    auto const h = handles->template make<cargo>();
    cargo const* const where = handles->pin(h);
    static_cast<void>(handles->pin(h));
    handles->unpin(h);  // one is left
    handles->free(gap);
    auto const kept = handles->defragment();
    bool const stayed = kept.moves == 0 && kept.kept_by_pins == 1 && handles->resolve(h) == where;
    handles->unpin(h);
    return defined_if(stayed && handles->defragment().moves == 1 && handles->resolve(h) != where);
}

template <class Alloc>
[[gnu::noinline]] answer object_unpinned_too_often(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const h = handles->template make<body>();
    static_cast<void>(handles->pin(h));
    handles->unpin(h);
    return refused_if(!handles->unpin(h) && handles->pin(h) != nullptr);
}

template <class Alloc>
[[gnu::noinline]] answer pinned_object_freed(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const h = handles->template make<body>();
    body const* const where = handles->pin(h);
    return refused_if(!handles->free(h) && handles->resolve(h) == where && where->mass == 7);
}

template <class Alloc>
[[gnu::noinline]] answer address_read_after_the_object_has_moved(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    auto const gap = handles->template make<cargo>();
    auto const h = handles->template make<cargo>();
    unsigned char* const old = handles->resolve(h)->crate;
    std::memset(old, 1, sizeof(cargo));
    handles->free(gap);
    if (handles->defragment().moves != 1) return answer::defined;
    return seen_as(*touched(old + 500));
}

template <class Alloc>
[[gnu::noinline]] answer address_read_after_its_slab_has_gone(subject<Alloc>& s)
{
    auto& handles = handles_of(s);
    std::vector<handle<cargo>> all;
    for (int i = 0; i < 128; ++i) all.push_back(handles->template make<cargo>());
    unsigned char* const old = handles->resolve(all.back())->crate;
    for (int i = 1; i < 127; ++i) handles->free(all[std::size_t(i)]);
    handles->defragment();
    return seen_as(*touched(old + 500));
}

// --- R30: while an object is moved --------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] answer object_freed_by_the_constructor_that_moves_it(subject<Alloc>& s)
{
    static handle_allocator<Alloc>* handles = &handles_of(s);
    static bool refused = false;
    auto const gap = (*handles)->template make<rider>();
    auto const h = (*handles)->template make<rider>();
    rider& object = *(*handles)->at(h);
    object.self = h;
    object.moved = [](handle<rider> self) { refused = !(*handles)->free(self); };
    (*handles)->free(gap);
    auto const r = (*handles)->defragment();
    return refused_if(refused && r.moves == 1 && (*handles)->is_live(h) && (*handles)->verify());
}

}  // namespace

template <class Alloc>
std::vector<misuse> handle_misuses()
{
    using enum result;
    return {
        FRAMEALLOC_MISUSE("R27", stale_handle_resolved, "a stale handle is resolved").release(refused).checked(refused),
        FRAMEALLOC_MISUSE("R27", stale_handle_expected_to_be_good, "a stale handle is expected to be good")
            .release(named, "FA401")
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
        FRAMEALLOC_MISUSE("R27", handle_freed_twice, "a handle is freed twice")
            .release(named, "FA401")
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
        FRAMEALLOC_MISUSE("R27", forged_handle_resolved, "a number is taken for a handle").release(refused).checked(refused),
        FRAMEALLOC_MISUSE("R27", forged_handle_freed, "a number is freed as a handle")
            .release(named, "FA401")
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
        FRAMEALLOC_MISUSE("R27", handle_of_another_heap_resolved, "another instance's handle is resolved")
            .release(refused)
            .checked(refused),
        FRAMEALLOC_MISUSE("R27", handle_freed_to_another_heap, "another instance's handle is freed")
            .release(named, "FA401")
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
        FRAMEALLOC_MISUSE("R28", slot_used_more_often_than_it_has_generations, "a slot's generations are used up")
            .release(defined)
            .checked(defined),
        FRAMEALLOC_MISUSE("R29", pinned_object_defragmented, "a pinned object is defragmented").release(defined).checked(defined),
        FRAMEALLOC_MISUSE("R29", object_unpinned_too_often, "an object is unpinned too often")
            .release(named, "FA406")
            .hardened(stopped, "FA406")
            .checked(stopped, "FA406", the_mistake),
        FRAMEALLOC_MISUSE("R29", pinned_object_freed, "a pinned object is freed")
            .release(named, "FA405")
            .hardened(stopped, "FA405")
            .checked(stopped, "FA405", the_mistake),
        FRAMEALLOC_MISUSE("R29", address_read_after_the_object_has_moved, "an address is read after its object has moved")
            .release(silent)
            .checked(shown)
            .guarded(trap),
        FRAMEALLOC_MISUSE("R29", address_read_after_its_slab_has_gone, "the same, when its slab has gone")
            .release(trap)
            .checked(trap),
        FRAMEALLOC_MISUSE("R30", object_freed_by_the_constructor_that_moves_it, "an object is freed while it is moved")
            .release(named, "FA407")
            .hardened(stopped, "FA407")
            .checked(stopped, "FA407", the_mistake),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> handle_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
