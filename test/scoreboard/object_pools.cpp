// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/thread_local_pool.hpp>

// R44: misuses of object pools. A pool is of no allocator: it has the level's diagnostics policy, and its reports name the pool.

namespace scoreboard {
namespace {

struct troll {
    unsigned char bytes[64] = {7};
};
/// Tells that it has ended.
struct giant {
    bool* ended;
    explicit giant(bool& told) : ended(&told) {}
    ~giant() { *ended = true; }
};

template <class T, class Alloc, class... Policies>
using pool_of = fixed_pool<T, typename Alloc::assembly_type::diagnostics, Policies...>;

/// What a misuse works on: in a process of its own, it is never ended.
template <class Alloc, class... Policies>
[[nodiscard]] auto& trolls_of(subject<Alloc>&, std::size_t count = 10)
{
    return *new pool_of<troll, Alloc, Policies...>{object_pool_config{.capacity = count, .name = name_of_instance}};
}

template <class Alloc>
[[gnu::noinline]] answer object_given_back_twice(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s);
    troll* const t = trolls.allocate();
    trolls.free(t);
    trolls.free(hidden(t));
    return refused_if(trolls.live() == 0);
}

template <class Alloc>
[[gnu::noinline]] answer object_that_can_be_shared_given_back_twice(subject<Alloc>& s)
{
    auto& trolls = trolls_of<Alloc, sharing::atomic>(s);
    troll* const t = trolls.allocate();
    trolls.free(t);
    trolls.free(hidden(t));
    return refused_if(trolls.live() == 0);
}

template <class Alloc>
[[gnu::noinline]] answer object_given_back_to_another_pool(subject<Alloc>& s)
{
    auto &trolls = trolls_of(s), &others = trolls_of(s);
    troll* const t = trolls.allocate();
    others.free(hidden(t));
    return refused_if(trolls.live() == 1 && others.available() == 10);
}

template <class Alloc>
[[gnu::noinline]] answer object_of_new_given_back_to_a_pool(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s);
    trolls.free(hidden(new troll));
    return refused_if(trolls.available() == 10);
}

template <class Alloc>
[[gnu::noinline]] answer pointer_into_an_object_given_back(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s);
    troll* const t = trolls.allocate();
    trolls.free(reinterpret_cast<troll*>(hidden(t->bytes + 8)));
    return refused_if(trolls.live() == 1);
}

template <class Alloc>
[[gnu::noinline]] answer object_of_a_pool_written_after_its_end(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s);
    troll* const t = trolls.allocate();
    trolls.free(t);
    *touched(t->bytes + 32) = 1;
    static_cast<void>(trolls.allocate());
    return answer::silent;
}

template <class Alloc>
[[gnu::noinline]] answer object_of_a_pool_read_after_its_end(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s);
    troll* const t = trolls.allocate();
    trolls.free(t);
    return seen_as(*touched(t->bytes + 32));
}

template <class Alloc>
[[gnu::noinline]] answer object_pool_ended_before_its_objects(subject<Alloc>&)
{
    static bool ended = false;
    {
        pool_of<giant, Alloc> giants{object_pool_config{.capacity = 10, .name = name_of_instance}};
        static_cast<void>(giants.allocate(ended));
    }
    return defined_if(ended);
}

template <class Alloc>
[[gnu::noinline]] answer shared_object_given_back_by_pointer(subject<Alloc>& s)
{
    auto& trolls = trolls_of<Alloc, sharing::atomic>(s);
    shared<troll> const one = trolls.make_shared(), two = one;
    trolls.free(one.get());
    return refused_if(trolls.live() == 1 && two.use_count() == 2);
}

template <class Alloc>
[[gnu::noinline]] answer weak_handle_upgraded_after_its_object_has_ended(subject<Alloc>& s)
{
    auto& trolls = trolls_of<Alloc, sharing::atomic>(s, 1);
    shared<troll> first = trolls.make_shared();
    weak<troll> const known = first;
    first.reset();
    shared<troll> const next = trolls.make_shared();  // in its place
    return refused_if(!known.lock() && known.expired() && next.use_count() == 1);
}

template <class Alloc>
[[gnu::noinline]] answer more_objects_than_the_pool_has_slots(subject<Alloc>& s)
{
    auto& trolls = trolls_of(s, 1);
    static_cast<void>(trolls.allocate());
    bool const throws_it = throws([&] { static_cast<void>(trolls.allocate()); });
    return refused_if(throws_it && trolls.try_allocate() == nullptr && trolls.live() == 1);
}

template <class Alloc>
[[gnu::noinline]] answer object_given_back_on_another_thread_than_its_own(subject<Alloc>&)
{
    auto& trolls = *new thread_local_pool<troll, typename Alloc::assembly_type::diagnostics>{
        object_pool_config{.capacity = 10, .name = name_of_instance}};
    troll* const t = trolls.allocate();
    bool given_out = false;  // while its pool takes it for alive
    std::thread{[&] {
        trolls.free(t);
        given_out = trolls.allocate() == t;
    }}.join();
    return refused_if(!given_out);
}

}  // namespace

template <class Alloc>
std::vector<misuse> object_pool_misuses()
{
    using enum result;
    return {
        FRAMEALLOC_MISUSE("R44", object_given_back_twice, "an object is given back to its pool twice")
            .release(silent)
            .checked(stopped, "FA502", everywhere)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", object_that_can_be_shared_given_back_twice, "the same, where objects can be shared")
            .release(named, "FA502")
            .hardened(stopped, "FA502")
            .checked(stopped, "FA502", everywhere)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", object_given_back_to_another_pool, "an object is given back to another pool")
            .release(silent)
            .checked(stopped, "FA503", the_mistake)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", object_of_new_given_back_to_a_pool, "an object of new is given back to a pool")
            .release(silent)
            .checked(stopped, "FA503", the_mistake)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", pointer_into_an_object_given_back, "a pointer into an object is given back")
            .release(silent)
            .checked(stopped, "FA503", the_mistake)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", object_of_a_pool_written_after_its_end, "an object of a pool is written to after its end")
            .release(silent)
            .checked(stopped, "FA213", everywhere)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", object_of_a_pool_read_after_its_end, "an object of a pool is read after its end")
            .release(silent)
            .checked(shown),
        FRAMEALLOC_MISUSE("R44", object_pool_ended_before_its_objects, "a pool ends before its objects")
            .release(defined)
            .checked(stopped, "FA504", mistake_and_allocation)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", shared_object_given_back_by_pointer, "an object that handles own is given back by pointer")
            .release(named, "FA505")
            .hardened(stopped, "FA505")
            .checked(stopped, "FA505", mistake_and_allocation)
            .without_place(),
        FRAMEALLOC_MISUSE("R44", weak_handle_upgraded_after_its_object_has_ended, "a weak handle outlives its object")
            .release(refused)
            .checked(refused),
        FRAMEALLOC_MISUSE("R44", more_objects_than_the_pool_has_slots, "more objects than the pool has slots")
            .release(refused)
            .checked(refused),
        FRAMEALLOC_MISUSE("R44", object_given_back_on_another_thread_than_its_own, "an object goes back on another thread")
            .release(silent)
            .checked(stopped, "FA201", the_mistake)
            .without_place(),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> object_pool_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
