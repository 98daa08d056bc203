// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/group/group_allocator.hpp>

// R41: misuses of groups, and of what lies in them.

namespace scoreboard {
namespace {

template <class Alloc>
[[gnu::noinline]] answer group_freed_twice(subject<Alloc>& s)
{
    auto level = s.alloc().groups().create("level");
    static_cast<void>(level.template make<int>(1));
    level.free();
    level.free();
    return refused_if(s.alloc().groups().count() == 0 && s.alloc().verify());
}

template <class Alloc>
[[gnu::noinline]] answer group_used_after_it_was_freed(subject<Alloc>& s)
{
    auto level = s.alloc().groups().create("level");
    auto const known = level.ref();
    level.free();
    auto next = s.alloc().groups().create("level");  // in its place
    return refused_if(group_ref{known}.template try_make<int>(1) == nullptr && next.stats().objects == 0);
}

template <class Alloc>
[[gnu::noinline]] answer group_freed_through_a_stale_reference(subject<Alloc>& s)
{
    auto level = s.alloc().groups().create("level");
    auto const known = level.ref();
    level.free();
    auto next = s.alloc().groups().create("level");
    s.alloc().groups().free(known);
    return refused_if(next.is_live());
}

template <class Alloc>
[[gnu::noinline]] answer group_freed_to_another_allocator(subject<Alloc>& s)
{
    auto theirs = s.other().groups().create("level");
    s.alloc().groups().free(theirs);
    return refused_if(theirs.is_live() && s.other().verify());
}

template <class Alloc>
[[gnu::noinline]] answer group_created_twice(subject<Alloc>& s)
{
    auto const level = s.alloc().groups().create("level");
    auto const again = s.alloc().groups().try_create("level");
    return refused_if(!again && level.is_live());
}

template <class Alloc>
[[gnu::noinline]] answer member_of_a_group_freed_alone(subject<Alloc>& s)
{
    auto level = s.alloc().groups().create("level");
    static_cast<void>(level.template make_array<int>(10));
    int* const member = level.template make<int>(1);
    s.alloc().heap_free(hidden(member));
    return refused_if(*touched(member) == 1 && level.stats().objects == 11 && s.alloc().verify());
}

template <class Alloc>
[[gnu::noinline]] answer member_of_a_group_read_after_it(subject<Alloc>& s)
{
    auto level = s.alloc().groups().create("level");
    auto const row = level.template make_array<unsigned char>(100);
    std::memset(row.data(), 1, row.size());
    level.free();
    return seen_as(*touched(row.data() + 50));
}

}  // namespace

template <class Alloc>
std::vector<misuse> group_misuses()
{
    using enum result;
    return {
        FRAMEALLOC_MISUSE("R41", group_freed_twice, "a group is freed twice")
            .release(named, "FA411")
            .hardened(stopped, "FA411")
            .checked(stopped, "FA411", everywhere)
            .without_place(),  // its owner remembers names and places, and not the instance
        FRAMEALLOC_MISUSE("R41", group_used_after_it_was_freed, "a group is used after it was freed")
            .release(named, "FA411")
            .hardened(stopped, "FA411")
            .checked(stopped, "FA411", everywhere),
        FRAMEALLOC_MISUSE("R41", group_freed_through_a_stale_reference, "a group is freed through a stale reference")
            .release(named, "FA411")
            .hardened(stopped, "FA411")
            .checked(stopped, "FA411", everywhere),
        FRAMEALLOC_MISUSE("R41", group_freed_to_another_allocator, "a group is freed to another allocator")
            .release(named, "FA411")
            .hardened(stopped, "FA411")
            .checked(stopped, "FA411", mistake_and_allocation),
        FRAMEALLOC_MISUSE("R41", group_created_twice, "a name is given to two groups")
            .release(named, "FA410")
            .hardened(stopped, "FA410")
            .checked(stopped, "FA410", mistake_and_allocation),
        FRAMEALLOC_MISUSE("R41", member_of_a_group_freed_alone, "what lies in a group is freed by itself")
            .release(named, "FA211")
            .hardened(stopped, "FA211")
            .checked(stopped, "FA217", mistake_and_allocation),
        FRAMEALLOC_MISUSE("R41", member_of_a_group_read_after_it, "what lay in a group is read")
            .release(silent)
            .checked(shown)
            .guarded(trap, "FA213", everywhere),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> group_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
