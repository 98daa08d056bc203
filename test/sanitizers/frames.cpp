// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cases.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/containers/frame_vector.hpp>
#include <framealloc/integration/pmr.hpp>

#include <cstring>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace framealloc::sanitizer_cases {
namespace {

// --- wrong --------------------------------------------------------------------------------------------------------------

template <class Alloc>
[[gnu::noinline]] void read_after_the_frame()
{
    Alloc alloc;
    alloc.begin_frame();
    int* const p = alloc.template frame_new<int>(7);
    alloc.end_frame();
    read(p);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void write_after_the_frame()
{
    Alloc alloc;
    alloc.begin_frame();
    std::span<long> const row = alloc.template frame_array<long>(100);
    alloc.end_frame();
    alloc.begin_frame();
    write(&row[50], 1L);  //! asan: use-after-poison | valgrind: Invalid write of size 8
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void read_after_the_scope()
{
    Alloc alloc;
    alloc.begin_frame();
    int* p = nullptr;
    {
        auto scope = alloc.frame_scope();
        p = scope.template frame_new<int>(7);
    }
    read(p);  //! asan: use-after-poison | valgrind: Invalid read of size 4
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void write_after_the_roll_back()
{
    Alloc alloc;
    alloc.begin_frame();
    auto const mark = alloc.checkpoint();
    char* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 40}));
    alloc.rollback(mark);
    write(p + 3, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void overflow_between_two_requests_of_a_frame()
{
    Alloc alloc;
    alloc.begin_frame();
    char* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 20}));
    std::memset(p, 0, 20);
    std::memset(alloc.frame_alloc(layout{.bytes = 20}), 0, 20);
    write(p + 20, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void overflow_past_the_frames_newest()
{
    Alloc alloc;
    alloc.begin_frame();
    std::span<int> const row = alloc.template frame_array<int>(8);
    int* const end = row.data() + row.size();
    read(end);  //! asan: use-after-poison | valgrind: Invalid read of size 4
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void overflow_of_a_request_with_a_chunk_of_its_own()
{
    Alloc alloc;
    alloc.begin_frame();
    char* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 3'000'001}));
    write(p + 3'000'001, 'x');  //! asan: use-after-poison | valgrind: Invalid write of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void underflow_of_an_object_with_a_destructor()
{
    Alloc alloc;
    alloc.begin_frame();
    auto* const text = alloc.template frame_new<std::string>("a text that is long enough for a block of its own");
    char* const before = reinterpret_cast<char*>(text) - 1;
    read(before);  //! asan: use-after-poison | valgrind: Invalid read of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void use_of_what_has_been_shortened()
{
    Alloc alloc;
    alloc.begin_frame();
    char* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 100}));
    std::memset(p, 0, 100);
    static_cast<void>(alloc.try_frame_extend(p, 100, 37));
    read(p + 37);  //! asan: use-after-poison | valgrind: Invalid read of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void use_after_it_was_given_back()
{
    Alloc alloc;
    alloc.begin_frame();
    int* const p = static_cast<int*>(alloc.frame_alloc(layout::of<int>()));
    alloc.try_frame_give_back(p, sizeof *p);
    write(p, 1);  //! asan: use-after-poison | valgrind: Invalid write of size 4
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void iterator_after_a_vector_has_grown()
{
    Alloc alloc;
    alloc.begin_frame();
    {
        std::vector<int, frame_allocator<int, Alloc>> row{frame_allocator<int, Alloc>{alloc}};
        row.assign(10, 1);
        auto const first = row.begin();
        row.resize(1000);
        read(&*first);  //! asan: use-after-poison | valgrind: Invalid read of size 4
    }
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void reference_after_a_frame_vector_has_moved()
{
    Alloc alloc;
    alloc.begin_frame();
    {
        frame_vector<int, Alloc> row{alloc};
        row.push_back(1);
        int& first = row.front();
        write(alloc.template frame_new<int>(), 7);  // now it cannot grow where it stands
        for (int i = 0; i < 1000; ++i) row.push_back(i);
        write(&first, 2);  //! asan: use-after-poison | valgrind: Invalid write of size 4
    }
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void pmr_container_that_outlives_its_frame()
{
    Alloc alloc;
    frame_resource resource{alloc};
    alloc.begin_frame();
    std::pmr::list<int> row{{1, 2, 3}, &resource};
    alloc.end_frame();
    read(&row.front());  //! asan: use-after-poison | valgrind: Invalid read of size
    std::_Exit(0);     // its destructor would be the next mistake
}

template <class Alloc>
[[gnu::noinline]] void use_of_a_box_that_has_gone()
{
    Alloc alloc;
    alloc.begin_frame();
    std::string* p = nullptr;
    {
        auto const box = alloc.template frame_box<std::string>("a text that is long enough for a block of its own");
        p = hidden(box.get());
    }
    read(reinterpret_cast<char*>(p));  //! asan: use-after-poison | valgrind: Invalid read of size 1
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void use_after_the_last_frame_in_flight()
{
    basic_smart_alloc<arena::in_flight<2, arena::chunked<>>, typename Alloc::assembly_type::sync> alloc;
    alloc.begin_frame();
    int* const p = alloc.template frame_new<int>(7);
    alloc.end_frame();
    read(p);  // still there
    alloc.begin_frame();
    alloc.end_frame();
    read(p);  //! asan: use-after-poison | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void use_of_a_frame_that_was_trimmed()
{
    Alloc alloc;
    alloc.begin_frame();
    int* const p = alloc.template frame_new<int>(7);
    alloc.end_frame();
    alloc.trim();
    read(p);  //! asan: SEGV | valgrind: Invalid read of size 4
}

template <class Alloc>
[[gnu::noinline]] void frame_memory_that_nobody_has_written()
{
    Alloc alloc;
    alloc.begin_frame();
    int* const p = static_cast<int*>(alloc.frame_alloc(layout::of<int>()));
    write(p, 1);
    alloc.end_frame();
    alloc.begin_frame();
    int* const q = static_cast<int*>(alloc.frame_alloc(layout::of<int>()));
    if (read(q) == 1) alloc.trim();  //! asan: silent | valgrind: uninitialised value
    alloc.end_frame();
}

// --- right --------------------------------------------------------------------------------------------------------------

template <class Alloc>
void fill(Alloc& alloc, layout request)
{
    std::memset(alloc.frame_alloc(request), 1, request.bytes);
}

template <class Alloc>
[[gnu::noinline]] void frames_of_all_sizes()
{
    Alloc alloc;
    for (int frame = 0; frame < 3; ++frame) {
        alloc.begin_frame();
        for (std::size_t bytes = 0; bytes < 500; bytes += 3) {
            for (std::size_t align = 1; align <= 4096; align *= 4) fill(alloc, {.bytes = bytes, .align = align});
        }
        for (std::size_t bytes = 1000; bytes < 3'000'000; bytes *= 3) fill(alloc, {.bytes = bytes});
        alloc.end_frame();
        if (frame == 1) alloc.trim();
    }
}

template <class Alloc>
[[gnu::noinline]] void scopes_and_roll_backs()
{
    Alloc alloc;
    for (int frame = 0; frame < 3; ++frame) {
        auto outer = alloc.frame_scope();
        auto* const kept = outer.template frame_new<std::string>("kept, and long enough for a block of its own");
        for (int round = 0; round < 20; ++round) {
            [[maybe_unused]] auto const mark = alloc.checkpoint();
            auto scope = alloc.frame_scope();
            for (int i = 0; i < 50; ++i) {
                scope.template frame_new<std::string>(*kept);
                fill(scope, {.bytes = static_cast<std::size_t>(i * round)});
            }
            fill(scope, {.bytes = 200'000});
            if (round % 2 == 0) {
                auto const inner = alloc.checkpoint();
                fill(alloc, {.bytes = 100'000});
                alloc.rollback(inner);
            }
        }
        {
            auto guard = alloc.rollback_guard();
            fill(alloc, {.bytes = 1000});
            if (frame == 1) guard.commit();
        }
        read(kept->data());
    }
}

template <class Alloc>
void enter_scopes(Alloc& alloc, int depth)
{
    auto scope = alloc.frame_scope();
    scope.template frame_new<std::string>("long enough for a block of its own, at every depth");
    if (depth > 0) enter_scopes(alloc, depth - 1);
    fill(scope, {.bytes = 33});
}
template <class Alloc>
[[gnu::noinline]] void deep_scopes()
{
    Alloc alloc;
    enter_scopes(alloc, 40);
}

template <class Alloc>
[[gnu::noinline]] void constructors_that_throw()
{
    struct thrower {
        explicit thrower(Alloc& alloc) : text(*alloc.template frame_new<std::string>("thrown away, together with me")) {
            throw 7;
        }
        std::string text;
    };
    Alloc alloc;
    alloc.begin_frame();
    for (int i = 0; i < 100; ++i) {
        try {
            alloc.template frame_new<thrower>(alloc);
        } catch (int) {
            fill(alloc, {.bytes = static_cast<std::size_t>(i)});
        }
    }
    alloc.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void blocks_that_grow_and_shrink()
{
    Alloc alloc;
    alloc.begin_frame();
    auto* const p = static_cast<char*>(alloc.frame_alloc(layout{.bytes = 1}));
    std::size_t bytes = 1;
    for (std::size_t next : {3, 17, 16, 100, 99, 5, 1000, 0, 1, 33}) {
        if (alloc.try_frame_extend(p, bytes, next)) bytes = next;
        std::memset(p, 1, bytes);
    }
    for (std::size_t i = 0; i < bytes; ++i) {
        if (read(p + i) != 1) std::abort();
    }
    static_cast<void>(alloc.try_frame_give_back(p, bytes));
    fill(alloc, {.bytes = 77});
    alloc.end_frame();

    basic_smart_alloc<arena::virtual_memory<(std::size_t{16} << 20)>, typename Alloc::assembly_type::sync> one_piece;
    one_piece.begin_frame();
    auto* const q = static_cast<char*>(one_piece.frame_alloc(layout{.bytes = 10}));
    std::memset(q, 1, 10);
    std::size_t had = 10;
    for (std::size_t next = 11; next < 5'000'000; next = next * 3 / 2) {
        if (!one_piece.try_frame_extend(q, had, next)) std::abort();
        if (read(q + had - 1) != 1) std::abort();
        std::memset(q, 1, next);
        had = next;
    }
    one_piece.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void containers_in_frames()
{
    Alloc alloc;
    frame_resource resource{alloc};
    for (int frame = 0; frame < 3; ++frame) {
        alloc.begin_frame();
        {
            std::vector<std::string, frame_allocator<std::string, Alloc>> texts{frame_allocator<std::string, Alloc>{alloc}};
            frame_vector<std::string, Alloc> more{alloc};
            std::pmr::map<int, std::pmr::string> names{&resource};
            for (int i = 0; i < 300; ++i) {
                texts.emplace_back(static_cast<std::size_t>(i), 'a');
                more.emplace_back(static_cast<std::size_t>(i), 'b');
                names[i % 50] = std::pmr::string(static_cast<std::size_t>(i), 'c', &resource);
            }
            texts.shrink_to_fit();
            more.resize(10);
            more.shrink_to_fit();
            names.clear();
        }
        alloc.end_frame();
    }
}

template <class Alloc>
[[gnu::noinline]] void frames_in_flight_and_warm_ones()
{
    using sync = typename Alloc::assembly_type::sync;
    basic_smart_alloc<arena::in_flight<3, arena::chunked<1024, 65536>>, sync> alloc;
    static_cast<void>(alloc.attach_thread({.frame_bytes = 4000}));
    for (int frame = 0; frame < 10; ++frame) {
        alloc.begin_frame();
        for (std::size_t bytes = 0; bytes < 3000; bytes += 100) fill(alloc, {.bytes = bytes});
        alloc.template frame_new<std::string>("long enough for a block of its own, and it stays for a while");
        alloc.end_frame();
    }
    basic_smart_alloc<arena::fixed<65536>, sync> small;
    static_cast<void>(small.attach_thread({.frame_bytes = 65536}));
    small.begin_frame();
    while (char* const p = static_cast<char*>(small.try_frame_alloc(layout{.bytes = 1000}))) std::memset(p, 1, 1000);
    small.end_frame();
}

template <class Alloc>
[[gnu::noinline]] void a_frame_that_is_open_at_the_end()
{
    Alloc& alloc = immortal<Alloc>();
    alloc.begin_frame();
    auto scope = alloc.frame_scope();
    scope.template frame_new<std::string>("whose destructor nobody waits for");
    std::exit(0);
}

template <class Alloc>
constexpr named_case all_frame_cases[] = {
    FRAMEALLOC_CASE(read_after_the_frame),
    FRAMEALLOC_CASE(write_after_the_frame),
    FRAMEALLOC_CASE(read_after_the_scope),
    FRAMEALLOC_CASE(write_after_the_roll_back),
    FRAMEALLOC_CASE(overflow_between_two_requests_of_a_frame),
    FRAMEALLOC_CASE(overflow_past_the_frames_newest),
    FRAMEALLOC_CASE(overflow_of_a_request_with_a_chunk_of_its_own),
    FRAMEALLOC_CASE(underflow_of_an_object_with_a_destructor),
    FRAMEALLOC_CASE(use_of_what_has_been_shortened),
    FRAMEALLOC_CASE(use_after_it_was_given_back),
    FRAMEALLOC_CASE(iterator_after_a_vector_has_grown),
    FRAMEALLOC_CASE(reference_after_a_frame_vector_has_moved),
    FRAMEALLOC_CASE(pmr_container_that_outlives_its_frame),
    FRAMEALLOC_CASE(use_of_a_box_that_has_gone),
    FRAMEALLOC_CASE(use_after_the_last_frame_in_flight),
    FRAMEALLOC_CASE(use_of_a_frame_that_was_trimmed),
    FRAMEALLOC_CASE(frame_memory_that_nobody_has_written),
    FRAMEALLOC_CASE(frames_of_all_sizes),
    FRAMEALLOC_CASE(scopes_and_roll_backs),
    FRAMEALLOC_CASE(deep_scopes),
    FRAMEALLOC_CASE(constructors_that_throw),
    FRAMEALLOC_CASE(blocks_that_grow_and_shrink),
    FRAMEALLOC_CASE(containers_in_frames),
    FRAMEALLOC_CASE(frames_in_flight_and_warm_ones),
    FRAMEALLOC_CASE(a_frame_that_is_open_at_the_end),
};

}  // namespace

template <class Alloc>
std::span<named_case const> frame_cases()
{
    return all_frame_cases<Alloc>;
}
FRAMEALLOC_FOR_ALL_ASSEMBLIES(frame_cases);

}  // namespace framealloc::sanitizer_cases
