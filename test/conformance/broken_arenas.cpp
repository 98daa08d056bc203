// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/testing/arena.hpp>

using namespace framealloc;

namespace {

/// A right arena whose engines `Break` derives from and spoils in one place.
template <template <class, class> class Break>
struct broken {
    using family = arena_family;
    template <class ChunkSource>
    using engine = Break<arena::chunked<4096, 65536>::engine<ChunkSource>, ChunkSource>;
};

/// A rewind that leaves the granule behind the mark in use.
template <class Base, class Source>
struct loses_on_rewind : Base {
    void rewind(frame_window& window, frame_position to, Source& source) noexcept {
        Base::rewind(window, to, source);
        if (window.limit - window.at() >= granule) window.move_to(window.at() + granule);
    }
};
/// A rewind that only moves the cursor.
template <class Base, class Source>
struct keeps_chunks_on_rewind : Base {
    void rewind(frame_window& window, frame_position to, Source& source) noexcept {
        if (to.chunk == this->position(window).chunk && to.large == this->position(window).large)
            Base::rewind(window, to, source);
    }
};
/// Two frames in flight, of which no end ever lets one go.
struct lets_no_frame_go {
    using family = arena_family;
    static constexpr std::size_t frames_in_flight = 2;
    template <class ChunkSource>
    class engine : public arena::chunked<4096, 65536>::engine<ChunkSource> {
    public:
        void open(frame_window& window) noexcept { window.close(); }
        void reset(frame_window& window, ChunkSource&) noexcept { window.close(); }
    };
};
template <class Base, class Source>
struct leaks_on_release : Base {
    void release(frame_window& window, Source& source) noexcept { Base::reset(window, source); }
};
template <class Base, class Source>
struct stays_open_after_reset : Base {
    void reset(frame_window& window, Source& source) noexcept {
        Base::reset(window, source);
        Base::open(window);
    }
};
/// Forgets what lies in earlier chunks.
template <class Base, class Source>
struct counts_one_chunk : Base {
    [[nodiscard]] std::size_t used_bytes(frame_window const& window) const noexcept {
        frame_chunk const* const c = this->position(window).chunk;
        return c != nullptr ? window.at() - c->begin() : 0;
    }
};
template <class Base, class Source>
struct reserves_too_little : Base {
    [[nodiscard]] std::size_t reserved_bytes() const noexcept {
        return Base::reserved_bytes() != 0 ? Base::reserved_bytes() - frame_chunk::head_bytes : 0;
    }
};
/// Leaves out the last granule of each used range.
template <class Base, class Source>
struct covers_too_little : Base {
    template <class F>
    void for_each_used(frame_window const& window, frame_position from, F&& f) const noexcept {
        Base::for_each_used(window, from, [&](std::uintptr_t begin, std::uintptr_t end) {
            f(begin, end - begin >= granule ? end - granule : begin);
        });
    }
};
/// Fills everything since the frame began, whatever it was asked for.
template <class Base, class Source>
struct covers_too_much : Base {
    template <class F>
    void for_each_used(frame_window const& window, frame_position, F&& f) const noexcept {
        Base::for_each_used(window, {}, f);
    }
};
/// Moves the cursor although it refuses.
template <class Base, class Source>
struct moves_on_refusal : Base {
    [[nodiscard]] void* allocate(frame_window& window, layout request, Source& source) noexcept {
        void* const p = Base::allocate(window, request, source);
        if (p == nullptr && window.limit - window.at() >= granule) window.move_to(window.at() + granule);
        return p;
    }
};
/// Leaves the chunk it stands in before it knows whether there is another.
template <class Base, class Source>
struct closes_on_refusal : Base {
    [[nodiscard]] void* allocate(frame_window& window, layout request, Source& source) noexcept {
        frame_window const* const same = &window;
        std::size_t const limit = same->limit;
        void* const p = Base::allocate(window, request, source);
        if (p == nullptr && limit != 0) window.limit = window.at();
        return p;
    }
};
/// Takes alignments above a cache line for an offset, not for an address.
template <class Base, class Source>
struct ignores_alignment : Base {
    [[nodiscard]] void* allocate(frame_window& window, layout request, Source& source) noexcept {
        return Base::allocate(window, {.bytes = request.bytes, .align = request.align > 64 ? 64 : request.align},
                              source);
    }
};
/// Hands out the head of a chunk.
template <class Base, class Source>
struct hands_out_heads : Base {
    [[nodiscard]] void* allocate(frame_window& window, layout request, Source& source) noexcept {
        frame_chunk* const before = this->position(window).chunk;
        void* const p = Base::allocate(window, request, source);
        frame_chunk* const now = this->position(window).chunk;
        return p != nullptr && now != before ? static_cast<void*>(now) : p;
    }
};
/// Answers true without a chunk.
template <class Base, class Source>
struct promises_a_chunk : Base {
    [[nodiscard]] bool prepare(frame_window& window, Source& source) noexcept {
        static_cast<void>(Base::prepare(window, source));
        return true;
    }
};
/// Takes a chunk at the end of each frame and forgets it.
template <class Base, class Source>
struct grows_for_ever : Base {
    void reset(frame_window& window, Source& source) noexcept {
        Base::reset(window, source);
        static_cast<void>(source.take({.bytes = 4096, .align = 64}));
    }
};

template <template <class, class> class Break>
testing::conformance_report verdict()
{
    auto report = testing::check_arena<broken<Break>>();
    BOOST_TEST_MESSAGE(report.text());
    return report;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(broken_arenas)

BOOST_AUTO_TEST_CASE(an_arena_that_loses_bytes_on_rewind_is_found)
{
    BOOST_TEST(verdict<loses_on_rewind>().broke("a rewind takes back exactly what was used since"));
}

BOOST_AUTO_TEST_CASE(an_arena_that_keeps_chunks_on_rewind_is_found)
{
    BOOST_TEST(verdict<keeps_chunks_on_rewind>().broke("a rewind gives the chunks back that were taken since"));
}

BOOST_AUTO_TEST_CASE(an_arena_that_leaks_chunks_is_found)
{
    BOOST_TEST(verdict<leaks_on_release>().broke("a release gives every chunk back"));
    BOOST_TEST(verdict<grows_for_ever>().broke("what is kept between frames does not grow"));
}

BOOST_AUTO_TEST_CASE(a_window_that_is_open_after_the_frame_is_found)
{
    BOOST_TEST(verdict<stays_open_after_reset>().broke("a reset closes the window"));
}

BOOST_AUTO_TEST_CASE(frames_in_flight_that_never_go_are_found)
{
    BOOST_TEST(testing::check_arena<lets_no_frame_go>().broke("what is kept between frames does not grow"));
}

BOOST_AUTO_TEST_CASE(wrong_byte_counts_are_found)
{
    BOOST_TEST(verdict<counts_one_chunk>().broke("used bytes grow by what was asked for"));
    BOOST_TEST(verdict<reserves_too_little>().broke("reserved bytes are those of the chunks that are out"));
}

BOOST_AUTO_TEST_CASE(used_ranges_that_are_too_short_or_too_long_are_found)
{
    BOOST_TEST(verdict<covers_too_little>().broke("the used ranges cover all that was given"));
    BOOST_TEST(verdict<covers_too_much>().broke("the used ranges since a position spare what was given before"));
}

BOOST_AUTO_TEST_CASE(a_refusal_that_changes_something_is_found)
{
    BOOST_TEST(verdict<moves_on_refusal>().broke("a refusal leaves the window as it was"));
    BOOST_TEST(verdict<closes_on_refusal>().broke("a refusal leaves the window as it was"));
}

BOOST_AUTO_TEST_CASE(wrong_addresses_are_found)
{
    BOOST_TEST(verdict<ignores_alignment>().broke("a frame's memory is aligned as asked for"));
    BOOST_TEST(verdict<hands_out_heads>().broke("a frame's memory lies in a chunk that is out, behind its head"));
}

BOOST_AUTO_TEST_CASE(a_prepare_that_promises_what_it_has_not_got_is_found)
{
    BOOST_TEST(verdict<promises_a_chunk>().broke("prepare() says so when it gets no chunk"));
}

BOOST_AUTO_TEST_SUITE_END()
