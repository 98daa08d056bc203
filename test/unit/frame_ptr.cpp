// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/frame_ptr.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

struct particle {
    float x = 1;
    int id = 0;
};
struct fast_particle : particle {
    float speed = 2;
};

using alloc_type = smart_alloc_debug;
using pointer = alloc_type::frame_ptr<particle>;
using span = alloc_type::frame_span<particle>;

// The three places that a report names. They are out of line, so that each is a function of its own.
template <class From>
[[gnu::noinline]] auto made_here(From& from)
{
    return make_frame_ptr<particle>(from);
}
template <class From>
[[gnu::noinline]] auto row_made_here(From& from, std::size_t n)
{
    return make_frame_span<particle>(from, n);
}
[[gnu::noinline]] void ended_here(alloc_type& alloc) { alloc.end_frame(); }
[[gnu::noinline]] void rolled_back_here(alloc_type& alloc, checkpoint const& to) { alloc.rollback(to); }
template <class Pointer>
[[gnu::noinline]] float used_here(Pointer const& p)
{
    // What has gone is not read after that is told: tools that watch memory would stop us.
    particle const* const object = p.get();
    return p.is_live() ? object->x : 0;
}

/// What became of a program that uses a frame's memory when it has gone.
struct stale_use {
    char const* name;
    void (*run)(alloc_type&);
    char const* ended_in;  ///< the function that ended it; the scopes of `run` itself are ended in a lambda
    char const* says;
};

struct scene {
    pointer leader;
    std::vector<pointer> all;
};
struct cache {
    static inline pointer last;
    static inline std::function<float()> later;
};

pointer find_leader(alloc_type& alloc)
{
    alloc.begin_frame();
    pointer const p = made_here(alloc);
    ended_here(alloc);
    return p;
}

stale_use const corpus[] = {
    {"kept in a local", [](alloc_type& a) {
         a.begin_frame();
         auto const p = made_here(a);
         ended_here(a);
         used_here(p);
     }, "ended_here", "which has ended; frames begun since: 0"},
    {"returned from a function", [](alloc_type& a) { used_here(find_leader(a)); }, "ended_here", "which has ended"},
    {"kept in a member", [](alloc_type& a) {
         scene s;
         a.begin_frame();
         s.leader = made_here(a);
         ended_here(a);
         used_here(s.leader);
     }, "ended_here", "which has ended"},
    {"kept in a static", [](alloc_type& a) {
         a.begin_frame();
         cache::last = made_here(a);
         ended_here(a);
         used_here(cache::last);
     }, "ended_here", "which has ended"},
    {"captured by a lambda", [](alloc_type& a) {
         a.begin_frame();
         auto const later = [p = made_here(a)] { return used_here(p); };
         ended_here(a);
         later();
     }, "ended_here", "which has ended"},
    {"captured by a function that is called in the next frame", [](alloc_type& a) {
         a.begin_frame();
         cache::later = [p = made_here(a)] { return used_here(p); };
         ended_here(a);
         a.begin_frame();
         cache::later();
         a.end_frame();
     }, "ended_here", "frames begun since: 1"},
    {"kept in a vector", [](alloc_type& a) {
         std::vector<pointer> all;
         a.begin_frame();
         for (int i = 0; i < 10; ++i) all.push_back(made_here(a));
         ended_here(a);
         used_here(all[7]);
     }, "ended_here", "which has ended"},
    {"kept in a map", [](alloc_type& a) {
         std::map<int, pointer> all;
         a.begin_frame();
         all[3] = made_here(a);
         ended_here(a);
         used_here(all.at(3));
     }, "ended_here", "which has ended"},
    {"kept in a hash map", [](alloc_type& a) {
         std::unordered_map<std::string, pointer> all;
         a.begin_frame();
         all.emplace("leader", made_here(a));
         ended_here(a);
         used_here(all.begin()->second);
     }, "ended_here", "which has ended"},
    {"kept in a pair in a deque", [](alloc_type& a) {
         std::deque<std::pair<int, pointer>> all;
         a.begin_frame();
         all.emplace_back(1, made_here(a));
         ended_here(a);
         used_here(all.front().second);
     }, "ended_here", "which has ended"},
    {"kept in an optional", [](alloc_type& a) {
         std::optional<pointer> kept;
         a.begin_frame();
         kept = made_here(a);
         ended_here(a);
         used_here(*kept);
     }, "ended_here", "which has ended"},
    {"kept in an object of a pool", [](alloc_type& a) {
         auto s = a.pool_box<scene>();
         a.begin_frame();
         s->leader = made_here(a);
         ended_here(a);
         used_here(s->leader);
     }, "ended_here", "which has ended"},
    {"three frames ago", [](alloc_type& a) {
         a.begin_frame();
         auto const p = made_here(a);
         ended_here(a);
         for (int i = 0; i < 3; ++i) a.begin_frame(), a.end_frame();
         used_here(p);
     }, "ended_here", "made in frame 1, which has ended; frames begun since: 3"},
    {"where the same address is served again", [](alloc_type& a) {
         a.begin_frame();
         auto const p = made_here(a);
         ended_here(a);
         a.begin_frame();
         auto const q = made_here(a);
         BOOST_TEST(static_cast<void*>(p.unchecked()) == static_cast<void*>(q.unchecked()));
         BOOST_TEST(used_here(q) == 1.0f);
         used_here(p);
         a.end_frame();
     }, "ended_here", "frames begun since: 1"},
    {"beyond a scope", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto const scope = a.frame_scope();
             p = made_here(a);
         }
         used_here(p);
         a.end_frame();
     }, "corpus", "in a scope that has ended; frames begun since: 0"},
    {"beyond a scope that served it itself", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto scope = a.frame_scope();
             p = made_here(scope);
         }
         used_here(p);
         a.end_frame();
     }, "corpus", "in a scope that has ended"},
    {"beyond the inner of two scopes", [](alloc_type& a) {
         a.begin_frame();
         auto const outer = a.frame_scope();
         auto const kept = made_here(a);
         pointer p;
         {
             auto const inner = a.frame_scope();
             p = made_here(a);
         }
         BOOST_TEST(used_here(kept) == 1.0f);
         used_here(p);
     }, "corpus", "in a scope that has ended"},
    {"from an inner scope, beyond both", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto const outer = a.frame_scope();
             auto const inner = a.frame_scope();
             p = made_here(a);
         }
         used_here(p);
         a.end_frame();
     }, "corpus", "in a scope that has ended"},
    {"beyond a scope that opened the frame", [](alloc_type& a) {
         pointer p;
         {
             auto const scope = a.frame_scope();
             p = made_here(a);
         }
         used_here(p);
     }, "corpus", "made in frame 1"},
    {"beyond twenty scopes", [](alloc_type& a) {
         a.begin_frame();
         std::function<pointer(int)> const deep = [&](int n) {
             auto const scope = a.frame_scope();
             return n == 0 ? made_here(a) : deep(n - 1);
         };
         used_here(deep(20));
         a.end_frame();
     }, "corpus", "in a scope that has ended"},
    {"beyond a roll-back", [](alloc_type& a) {
         a.begin_frame();
         auto const mark = a.checkpoint();
         auto const p = made_here(a);
         rolled_back_here(a, mark);
         used_here(p);
         a.end_frame();
     }, "rolled_back_here", "has been rolled back; frames begun since: 0"},
    {"beyond the roll-back of an earlier mark", [](alloc_type& a) {
         a.begin_frame();
         auto const first = a.checkpoint();
         auto const second = a.checkpoint();
         auto const p = made_here(a);
         BOOST_TEST(bool(second));
         rolled_back_here(a, first);
         used_here(p);
         a.end_frame();
     }, "rolled_back_here", "has been rolled back"},
    {"beyond a guard that was not committed", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto const guard = a.rollback_guard();
             p = made_here(a);
         }
         used_here(p);
         a.end_frame();
     }, "corpus", "has been rolled back"},
    {"of a guard that was committed, beyond the frame", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto guard = a.rollback_guard();
             p = made_here(a);
             BOOST_TEST(guard.commit());
         }
         BOOST_TEST(used_here(p) == 1.0f);
         ended_here(a);
         used_here(p);
     }, "ended_here", "which has ended"},
    {"of a guard that was committed, beyond the scope around it", [](alloc_type& a) {
         a.begin_frame();
         pointer p;
         {
             auto const scope = a.frame_scope();
             auto guard = a.rollback_guard();
             p = made_here(a);
             BOOST_TEST(guard.commit());
         }
         used_here(p);
         a.end_frame();
     }, "corpus", "in a scope that has ended"},
    {"in another chunk", [](alloc_type& a) {
         a.begin_frame();
         static_cast<void>(a.frame_alloc(layout{.bytes = 60'000}));
         static_cast<void>(a.frame_alloc(layout{.bytes = 60'000}));
         auto const p = made_here(a);
         ended_here(a);
         used_here(p);
     }, "ended_here", "which has ended"},
    {"in a chunk that another frame has used since", [](alloc_type& a) {
         a.begin_frame();
         for (int i = 0; i < 4; ++i) static_cast<void>(a.frame_alloc(layout{.bytes = 60'000}));
         auto const p = made_here(a);
         ended_here(a);
         a.begin_frame();
         for (int i = 0; i < 4; ++i) static_cast<void>(a.frame_alloc(layout{.bytes = 60'000}));
         used_here(p);
         a.end_frame();
     }, "ended_here", "frames begun since: 1"},
    {"in memory that has been trimmed", [](alloc_type& a) {
         a.begin_frame();
         auto const p = made_here(a);
         ended_here(a);
         a.trim();
         BOOST_TEST(!p.is_live());
         fault_recorder const quiet;  // the memory is no more: who goes on would read nothing
     }, nullptr, nullptr},
    {"on another thread", [](alloc_type& a) {
         a.begin_frame();
         auto const p = made_here(a);
         ended_here(a);
         std::thread{[p] { used_here(p); }}.join();
     }, "ended_here", "which has ended"},
    {"of a thread that is no more", [](alloc_type& a) {
         pointer p;
         std::thread{[&] {
             a.begin_frame();
             p = made_here(a);
             ended_here(a);
         }}.join();
         used_here(p);
     }, "ended_here", "which has ended"},
    {"of the frame of all threads", [](alloc_type& a) {
         a.begin_frame_all();
         auto const p = made_here(a);
         a.end_frame_all();
         used_here(p);
     }, "corpus", "which has ended"},
    {"as a row", [](alloc_type& a) {
         a.begin_frame();
         auto const row = row_made_here(a, 8);
         ended_here(a);
         static_cast<void>(row[3]);
     }, "ended_here", "which has ended"},
    {"as a range", [](alloc_type& a) {
         a.begin_frame();
         auto const row = row_made_here(a, 8);
         ended_here(a);
         static_cast<void>(row.begin());
     }, "ended_here", "which has ended"},
    {"as a reference", [](alloc_type& a) {
         a.begin_frame();
         alloc_type::frame_ref<particle> const r{made_here(a)};
         BOOST_TEST(r.get().x == 1.0f);
         ended_here(a);
         static_cast<void>(r.get());
     }, "ended_here", "which has ended"},
    {"as a base class", [](alloc_type& a) {
         a.begin_frame();
         pointer const p = make_frame_ptr<fast_particle>(a);
         ended_here(a);
         used_here(p);
     }, "ended_here", "which has ended"},
    {"of what was watched later", [](alloc_type& a) {
         a.begin_frame();
         particle* const raw = a.frame_new<particle>();
         auto const p = watch_frame(a, raw);
         ended_here(a);
         used_here(p);
     }, "ended_here", "which has ended"},
    {"copied before it went", [](alloc_type& a) {
         a.begin_frame();
         pointer const p = made_here(a);
         pointer copy;
         copy = p;
         ended_here(a);
         used_here(copy);
     }, "ended_here", "which has ended"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_pointers)

BOOST_AUTO_TEST_CASE(every_stale_use_of_the_corpus_is_found_with_both_places)
{
    std::size_t programs = 0;
    for (stale_use const& program : corpus) {
        BOOST_TEST_CONTEXT(program.name) {
            fault_recorder const faults;
            {
                alloc_type alloc;
                program.run(alloc);
                ++programs;
                if (program.says == nullptr) continue;
                BOOST_TEST_CONTEXT(faults.last_text()) {
                    BOOST_TEST(faults.count() == 1u);
                    BOOST_TEST(faults.last() == fault_code::frame_expired);
                    BOOST_TEST(faults.last_would_stop());
                    BOOST_TEST(faults.last_text().find("particle") != std::string::npos);
                    BOOST_TEST(faults.last_text().find(program.says) != std::string::npos);
                    BOOST_TEST(faults.last_text().find("\n  ended at: ") != std::string::npos);
#if FRAMEALLOC_TEST_SYMBOLS
                    auto const names = [&](char const* line, char const* function) {
                        std::string const text = faults.last_text();
                        std::size_t const at = text.find(line);
                        return at != std::string::npos &&
                               text.substr(at, text.find('\n', at + 1) - at).find(function) != std::string::npos;
                    };
                    if (std::string{program.ended_in} != "corpus") BOOST_TEST(names("\n  ended at: ", program.ended_in));
                    BOOST_TEST(faults.last_text().find("(frame_ptr.cpp:") != std::string::npos);
#endif
                }
            }
            cache::last = nullptr;
            cache::later = nullptr;
        }
    }
    BOOST_TEST(programs >= 35u);
}

#if FRAMEALLOC_TEST_SYMBOLS
BOOST_AUTO_TEST_CASE(a_report_names_the_functions_and_the_lines_of_all_three_places)
{
    alloc_type alloc;
    alloc.begin_frame();
    auto const p = made_here(alloc);
    ended_here(alloc);
    fault_recorder const faults;
    used_here(p);
    std::string const text = faults.last_text();
    BOOST_TEST_CONTEXT(text) {
        auto const at = [&](char const* what) { return text.find(what); };
        BOOST_TEST(at("  at: ") < at("used_here"));
        BOOST_TEST(at("  allocated at: ") < at("made_here"));
        BOOST_TEST(at("  ended at: ") < at("ended_here"));
        BOOST_TEST(at("used_here") < at("  allocated at: "));
        BOOST_TEST(at("made_here") < at("  ended at: "));
        BOOST_TEST(at("ended_here") != std::string::npos);
    }
}
#endif

BOOST_AUTO_TEST_CASE(what_is_alive_is_used_in_silence)
{
    fault_recorder const faults;
    alloc_type alloc;
    for (int frame = 0; frame < 3; ++frame) {
        alloc.begin_frame();
        auto const outer = made_here(alloc);
        for (int i = 0; i < 100; ++i) {
            auto const scope = alloc.frame_scope();
            auto const inner = made_here(alloc);
            BOOST_TEST(used_here(outer) + used_here(inner) == 2.0f);
            auto guard = alloc.rollback_guard();
            auto const kept = made_here(alloc);
            BOOST_TEST(guard.commit());
            BOOST_TEST(used_here(kept) == 1.0f);
            auto const mark = alloc.checkpoint();
            auto const gone = made_here(alloc);
            BOOST_TEST(alloc.rollback(mark));
            BOOST_TEST(!gone.is_live());
            BOOST_TEST((inner.is_live() && kept.is_live() && outer.is_live()));
        }
        auto const row = row_made_here(alloc, 100);
        float sum = 0;
        for (particle const& p : row) sum += p.x;
        BOOST_TEST(sum == 100.0f);
        BOOST_TEST(used_here(outer) == 1.0f);
        alloc.end_frame();
    }
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(frames_in_flight_live_as_long_as_their_memory)
{
    using two_alive = basic_smart_alloc<arena::in_flight<2, arena::fixed<65536>>, diagnostics::checked>;
    two_alive alloc;
    alloc.begin_frame();
    auto const p = made_here(alloc);
    alloc.end_frame();
    BOOST_TEST(p.is_live());
    alloc.begin_frame();
    auto const q = made_here(alloc);
    BOOST_TEST(p.is_live());
    alloc.end_frame();
    BOOST_TEST(!p.is_live());
    BOOST_TEST(q.is_live());
}

BOOST_AUTO_TEST_CASE(pointers_outlive_the_allocator_and_know_it)
{
    pointer p;
    {
        alloc_type alloc;
        alloc.begin_frame();
        p = made_here(alloc);
    }
    BOOST_TEST(!p.is_live());
}

BOOST_AUTO_TEST_CASE(a_pointer_of_many_lives_ago_is_still_known_to_be_dead)
{
    alloc_type alloc;
    alloc.begin_frame();
    auto const p = made_here(alloc);
    alloc.end_frame();
    for (int i = 0; i < 10'000; ++i) {
        alloc.begin_frame();
        BOOST_TEST_REQUIRE(made_here(alloc).is_live());
        alloc.end_frame();
        BOOST_TEST_REQUIRE(!p.is_live());
    }
    fault_recorder const faults;
    static_cast<void>(used_here(p));
    BOOST_TEST(faults.last() == fault_code::frame_expired);
    BOOST_TEST(faults.last_text().find("which ended long ago") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_no_records_are_kept_it_is_a_plain_pointer)
{
    using plain = smart_alloc::frame_ptr<particle>;
    static_assert(sizeof(plain) == sizeof(particle*));
    static_assert(sizeof(smart_alloc::frame_ref<particle>) == sizeof(particle*));
    static_assert(sizeof(smart_alloc::frame_span<particle>) == sizeof(std::span<particle>));
    static_assert(std::is_trivially_copyable_v<plain> && std::is_trivially_copyable_v<pointer>);
    smart_alloc alloc;
    alloc.begin_frame();
    auto const p = make_frame_ptr<particle>(alloc, 3.0f, 4);
    BOOST_TEST(p->x == 3.0f);
    BOOST_TEST(p.is_live());
    alloc.end_frame();
    BOOST_TEST(p.is_live());  // nobody knows better
}

BOOST_AUTO_TEST_SUITE_END()
