// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>
#include <framealloc/testing/detail/chunk_source.hpp>

namespace framealloc::inline v0_1::testing::kit {

/// An engine and its window, used as the framework does: a request that does not fit the window is the engine's. Keeps
/// a list of what has been served, and compares.
template <class P>
class arena_user {
public:
    using engine_type = typename P::template engine<counted_chunks>;

    explicit arena_user(conformance_report& report) : report_(report) {}
    ~arena_user() { engine.release(window, chunks); }
    arena_user(arena_user const&) = delete;
    arena_user& operator=(arena_user const&) = delete;

    /// False when the arena refuses; then nothing has changed.
    bool take(layout request) {
        std::uintptr_t const cursor = window.at();
        std::uintptr_t const limit = window.limit;
        std::size_t const used = used_bytes();
        std::size_t const reserved = engine.reserved_bytes();
        frame_position const place = engine.position(window);
        void* p = window.try_serve(request);
        if (p == nullptr) p = engine.allocate(window, request, chunks);
        expect_books();
        if (p == nullptr) {
            frame_position const now = engine.position(window);
            bool const is_open_now =
                cursor == 0 && window.at() != 0;  // a first chunk that came, too small for the request
            report_.expect(is_open_now || (window.at() == cursor && window.limit == limit),
                           "a refusal leaves the window as it was",
                           {{"bytes", request.bytes}, {"align", request.align}});
            report_.expect(used_bytes() == used, "a refusal changes no count of used bytes",
                           {{"before", used}, {"after", used_bytes()}});
            report_.expect(is_open_now || engine.reserved_bytes() == reserved, "a refusal keeps no chunk",
                           {{"before", reserved}, {"after", engine.reserved_bytes()}, {"bytes", request.bytes}});
            report_.expect(
                is_open_now || (now.cursor == place.cursor && now.chunk == place.chunk && now.large == place.large),
                "a refusal leaves the position as it was", {{"bytes", request.bytes}});
            return false;
        }
        report_.expect(
            is_aligned(p, request.align) && is_aligned(p, granule), "a frame's memory is aligned as asked for",
            {{"bytes", request.bytes}, {"align", request.align}, {"address", framealloc::detail::address_of(p)}});
        std::size_t const bytes = request.bytes + (request.bytes == 0);
        if (!report_.expect(chunks.covers(p, bytes), "a frame's memory lies in a chunk that is out, behind its head",
                            {{"bytes", request.bytes}, {"align", request.align}})) {
            return false;
        }
        served.push_back({p, {.bytes = bytes, .align = request.align}, ++seed_});
        if (!report_.expect(!overlap(served), "what a frame has given does not overlap", {{"bytes", request.bytes}})) {
            served.pop_back();
            return false;
        }
        report_.expect(used_bytes() >= used + bytes, "used bytes grow by what was asked for, at least",
                       {{"asked for", bytes}, {"before", used}, {"after", used_bytes()}});
        framealloc::detail::memory_is_given(p, bytes);  // of a request for no bytes as well
        write_pattern(p, bytes, seed_);
        return true;
    }

    /// What holds at any time inside a frame.
    void expect_books() {
        report_.expect(window.at() % granule == 0 && window.limit % granule == 0 && window.at() <= window.limit,
                       "cursor and limit are multiples of the granule, in order",
                       {{"cursor", window.at()}, {"limit", window.limit}});
        report_.expect(engine.reserved_bytes() == chunks.bytes_out(),
                       "reserved bytes are those of the chunks that are out",
                       {{"reserved", engine.reserved_bytes()}, {"out", chunks.bytes_out()}});
        report_.expect(used_bytes() <= engine.reserved_bytes(), "a frame uses no more than it has reserved",
                       {{"used", used_bytes()}, {"reserved", engine.reserved_bytes()}});
        report_.expect(
            engine.wasted_bytes() <= engine.reserved_bytes() - used_bytes(),
            "what a frame has wasted it has reserved and not used",
            {{"wasted", engine.wasted_bytes()}, {"used", used_bytes()}, {"reserved", engine.reserved_bytes()}});
        report_.expect(engine.position(window).cursor == window.at(), "a position names the cursor",
                       {{"position", engine.position(window).cursor}, {"cursor", window.at()}});
        report_.expect(chunks.strangers() == 0, "only chunks that are out are given back, once each");
        report_.expect(chunks.odd_layouts() == 0, "chunks are asked for in granules, larger than their head");
    }
    void expect_intact(char const* promise) {
        for (block const& b : served) report_.expect(b.intact(), promise, {{"bytes", b.given.bytes}});
    }
    [[nodiscard]] std::size_t used_bytes() const { return engine.used_bytes(window); }

    /// `for_each_used` from a position: exactly the bytes that were used since, and every block taken since in one
    /// piece.
    void expect_used_ranges(frame_position from, std::size_t used_then, std::size_t served_then) {
        std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
        std::size_t sum = 0;
        engine.for_each_used(window, from, [&](std::uintptr_t begin, std::uintptr_t end) {
            report_.expect(begin <= end, "a used range ends where it begins or later",
                           {{"begin", begin}, {"end", end}});
            ranges.emplace_back(begin, end);
            sum += end - begin;
        });
        report_.expect(sum == used_bytes() - used_then, "the used ranges are as long as the used bytes",
                       {{"ranges", sum}, {"used", used_bytes() - used_then}});
        for (std::size_t i = 0; i < served.size(); ++i) {
            std::uintptr_t const begin = framealloc::detail::address_of(served[i].p);
            std::uintptr_t const end = begin + served[i].given.bytes;
            bool inside = false, touched = false;
            for (auto const& [first, last] : ranges) {
                inside = inside || (begin >= first && end <= last);
                touched = touched || (begin < last && end > first);
            }
            if (i >= served_then) {
                report_.expect(inside, "the used ranges cover all that was given", {{"bytes", served[i].given.bytes}});
            } else {
                report_.expect(!touched, "the used ranges since a position spare what was given before",
                               {{"bytes", served[i].given.bytes}});
            }
        }
    }

    frame_window window{};
    counted_chunks chunks;
    engine_type engine{};
    std::vector<block> served;

private:
    conformance_report& report_;
    std::size_t seed_ = 0;
};

}  // namespace framealloc::testing::kit
