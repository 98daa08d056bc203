// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for arenas:
//
//     #include <framealloc/testing/arena.hpp>
//     auto const report = framealloc::testing::check_arena<my_arena>();
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/testing/detail/arena_user.hpp>

#include <utility>

namespace framealloc::inline v0_1::testing {
namespace kit {

/// What a frame asks for: small ones, over-aligned ones, large ones, and none at all.
[[nodiscard]] inline std::vector<layout> frame_program() {
    std::vector<layout> program;
    for (std::size_t const bytes : {1u, 16u, 0u, 40u, 640u, 17u, 4000u, 8u, 30000u, 100u, 300000u, 64u}) {
        program.push_back({.bytes = bytes, .align = granule});
    }
    for (std::size_t align = 1; align <= max_alignment; align *= 8) program.push_back({.bytes = 24, .align = align});
    for (std::size_t i = 0; i < 24; ++i) program.push_back({.bytes = 1000 * i, .align = std::size_t{1} << i % 8});
    return program;
}

template <class P>
void check_first_chunk(conformance_report& report) {
    {
        arena_user<P> user{report};
        user.expect_books();
        report.expect(user.used_bytes() == 0 && user.engine.reserved_bytes() == 0, "a fresh arena has taken nothing");
        user.engine.open(user.window);
        report.expect(user.window.limit == 0, "a window without a chunk serves nothing",
                      {{"limit", user.window.limit}});
        user.chunks.refuse(1, true);
        bool const refused = !user.engine.prepare(user.window, user.chunks);
        report.expect(refused || user.chunks.refusals() == 0, "prepare() says so when it gets no chunk");
        report.expect(user.engine.reserved_bytes() == user.chunks.bytes_out(), "a refused prepare() reserves nothing");
        report.expect(user.engine.prepare(user.window, user.chunks), "prepare() makes a first chunk ready");
        std::size_t const reserved = user.engine.reserved_bytes();
        report.expect(user.engine.prepare(user.window, user.chunks) && user.engine.reserved_bytes() == reserved,
                      "prepare() is done once", {{"before", reserved}, {"after", user.engine.reserved_bytes()}});
        user.engine.open(user.window);
        report.expect(user.used_bytes() == 0, "a frame begins with nothing used", {{"used", user.used_bytes()}});
        user.expect_books();
        report.expect(user.take({.bytes = 1, .align = 1}), "an arena that is ready serves a byte");
    }
    arena_user<P> user{report};
    user.engine.open(user.window);
    report.expect(user.take({.bytes = 1, .align = 1}), "an arena takes its first chunk when the first request comes");
}

/// One frame after another: the contents stay, the books balance, nothing grows.
template <class P>
void check_frames(conformance_report& report) {
    arena_user<P> user{report};
    std::size_t kept = 0;
    constexpr std::size_t in_flight = frames_in_flight_of<P>;
    std::vector<std::vector<block>> ended;  // frames that are still alive, the oldest first
    for (std::size_t frame = 0; frame < in_flight + 3; ++frame) {
        user.engine.open(user.window);
        for (layout const request : frame_program()) {
            frame_position const from = user.engine.position(user.window);
            std::size_t const used = user.used_bytes(), served = user.served.size();
            static_cast<void>(user.take(request));
            if (from.chunk != nullptr) user.expect_used_ranges(from, used, served);
        }
        user.expect_intact("a frame's memory keeps its content until the frame ends");
        user.expect_used_ranges({}, 0, 0);
        report.expect(!user.served.empty(), "a frame serves something");
        ended.push_back(std::exchange(user.served, {}));
        if (ended.size() == in_flight) ended.erase(ended.begin());
        user.engine.reset(user.window, user.chunks);
        report.expect(user.window.limit == 0 && user.window.at() == 0, "a reset closes the window",
                      {{"limit", user.window.limit}});
        report.expect(user.used_bytes() == 0, "a reset leaves no used bytes", {{"used", user.used_bytes()}});
        user.expect_books();
        for (auto const& blocks : ended) {
            for (block const& b : blocks) {
                report.expect(b.intact(), "a frame in flight keeps its content after its end",
                              {{"bytes", b.given.bytes}});
            }
        }
        if (frame < in_flight) kept = user.chunks.bytes_out();
        // Frames in flight keep all their chunks, of which the most aligned requests need one more or less by where the
        // chunks happen to lie. What leaked would come on top in every frame.
        std::size_t const luck = in_flight > 1 ? in_flight * max_alignment : 0;
        bool const as_before =
            in_flight == 1 ? user.chunks.bytes_out() == kept : user.chunks.bytes_out() <= kept + luck;
        report.expect(as_before, "what is kept between frames does not grow",
                      {{"after the first", kept}, {"now", user.chunks.bytes_out()}});
    }
    user.engine.release(user.window, user.chunks);
    report.expect(user.chunks.chunks_out() == 0, "a release gives every chunk back",
                  {{"still out", user.chunks.chunks_out()}});
    report.expect(user.engine.reserved_bytes() == 0 && user.used_bytes() == 0, "a released arena has nothing",
                  {{"reserved", user.engine.reserved_bytes()}, {"used", user.used_bytes()}});
    report.expect(user.window.limit == 0, "a release closes the window", {{"limit", user.window.limit}});
    user.expect_books();
}

/// Rewinds from every depth of the program to every earlier one.
template <class P>
void check_rewinds(conformance_report& report) {
    std::vector<layout> const program = frame_program();
    for (std::size_t first = 0; first <= program.size(); first += 5) {
        arena_user<P> user{report};
        user.engine.open(user.window);
        for (std::size_t i = 0; i < first; ++i) static_cast<void>(user.take(program[i]));
        frame_position const outer = user.engine.position(user.window);
        std::size_t const outer_used = user.used_bytes(), outer_served = user.served.size();
        std::size_t const outer_chunks = user.chunks.chunks_out();
        auto const back_to_outer = [&] {
            user.served.resize(outer_served);
            user.engine.rewind(user.window, outer, user.chunks);
            report.expect(user.used_bytes() == outer_used, "a rewind takes back exactly what was used since",
                          {{"then", outer_used}, {"now", user.used_bytes()}, {"depth", first}});
            // The arena may keep the chunk that was its first, or one that it has taken for smaller requests.
            report.expect(outer.chunk == nullptr || user.chunks.chunks_out() == outer_chunks,
                          "a rewind gives the chunks back that were taken since",
                          {{"then", outer_chunks}, {"now", user.chunks.chunks_out()}, {"depth", first}});
            frame_position const now = user.engine.position(user.window);
            report.expect(outer.chunk == nullptr ||
                              (now.cursor == outer.cursor && now.chunk == outer.chunk && now.large == outer.large),
                          "after a rewind the position is the one rewound to",
                          {{"then", outer.cursor}, {"now", now.cursor}});
            user.expect_books();
            user.expect_intact("a rewind leaves what was there before it");
        };
        for (std::size_t second = first; second < program.size(); second += 7) {
            for (std::size_t i = first; i < second; ++i) static_cast<void>(user.take(program[i]));
            frame_position const inner = user.engine.position(user.window);
            std::size_t const inner_used = user.used_bytes(), inner_served = user.served.size();
            for (layout const request : program) static_cast<void>(user.take(request));
            user.served.resize(inner_served);
            user.engine.rewind(user.window, inner, user.chunks);
            report.expect(user.used_bytes() == inner_used, "rewinds nest",
                          {{"then", inner_used}, {"now", user.used_bytes()}});
            user.expect_books();
            user.expect_intact("a rewind leaves what was there before it");
            back_to_outer();
        }
        report.expect(user.take({.bytes = 1, .align = 1}) || !user.served.empty(), "a frame goes on after a rewind");
    }
}

/// The source refuses the n-th chunk, once or from then on, for every n until the program passes untouched.
template <class P>
void check_refused_chunks(conformance_report& report) {
    for (bool const once : {true, false}) {
        bool refused = true;
        for (std::size_t n = 1; refused; ++n) {
            arena_user<P> user{report};
            user.chunks.refuse(n, once);
            user.engine.open(user.window);
            for (layout const request : frame_program()) static_cast<void>(user.take(request));
            user.expect_intact("a refused chunk leaves the frame's memory as it was");
            user.expect_used_ranges({}, 0, 0);
            refused = user.chunks.refusals() != 0;
            user.chunks.refuse(0, true);
            user.served.clear();
            user.engine.reset(user.window, user.chunks);
            user.engine.open(user.window);
            report.expect(user.take({.bytes = 8, .align = 8}), "after a frame of refusals the next one works",
                          {{"n", n}});
            if (!report.expect(n < 1000, "a program of a few requests takes a few chunks", {{"n", n}})) return;
        }
    }
}

template <class P>
void check_impossible(conformance_report& report) {
    arena_user<P> user{report};
    user.engine.open(user.window);
    frame_position const start = user.engine.position(user.window);
    static_cast<void>(user.take({.bytes = 100, .align = 16}));
    for (std::size_t const bytes : {counted_chunks::largest_bytes, max_request_bytes}) {
        for (std::size_t const align : {std::size_t{1}, granule, max_alignment}) {
            report.expect(!user.take({.bytes = bytes, .align = align}), "a request that no chunk can hold is refused",
                          {{"bytes", bytes}, {"align", align}});
        }
    }
    user.expect_intact("an impossible request leaves the frame's memory as it was");
    user.served.clear();
    user.engine.rewind(user.window, start, user.chunks);
    report.expect(user.take({.bytes = 1, .align = 1}), "after an impossible request the frame goes on");
}

}  // namespace kit

/// Holds the arena policy `P` to everything that an arena promises. The frames it plays take up to a few MiB; an arena
/// that refuses some of it is none the worse, as long as its refusals change nothing.
template <class P>
[[nodiscard]] conformance_report check_arena() {
    static_assert(ArenaPolicy<P>, "framealloc: not an arena policy; see framealloc::require_arena for what is missing");
    conformance_report report{"arena"};
    kit::check_first_chunk<P>(report);
    kit::check_frames<P>(report);
    kit::check_rewinds<P>(report);
    kit::check_refused_chunks<P>(report);
    kit::check_impossible<P>(report);
    return report;
}

}  // namespace framealloc::testing
