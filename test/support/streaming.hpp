// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/test.hpp"

#include <framealloc/streaming/streaming_allocator.hpp>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace framealloc {

// Boost.Test prints what it compares.
inline std::ostream& operator<<(std::ostream& out, stream_id id)
{
    return out << id.instance() << '.' << id.generation() << '.' << id.place();
}
inline std::ostream& operator<<(std::ostream& out, stream_state s) { return out << unsigned(s); }
inline std::ostream& operator<<(std::ostream& out, stream_priority p) { return out << unsigned(p); }
inline std::ostream& operator<<(std::ostream& out, stream_event_kind k) { return out << unsigned(k); }
inline std::ostream& operator<<(std::ostream& out, stream_count c) { return out << c.assets << '/' << c.bytes; }

}  // namespace framealloc

namespace framealloc::test {

inline std::string text_of(fault const& why)
{
    char text[1024];
    why.write(text, sizeof text);
    return text;
}

/// Brings an asset to where it can be accessed, filled with `mark`.
template <class Streaming>
void load(Streaming& assets, stream_id id, unsigned char mark = 1)
{
    std::span<std::byte> const bytes = assets.begin_load(id).value();
    std::memset(bytes.data(), mark, bytes.size());
    assets.finish_load(id, bytes.size()).value();
}
template <class Streaming>
[[nodiscard]] stream_id make_ready(Streaming& assets, stream_request const& request, unsigned char mark = 1)
{
    stream_id const id = assets.reserve(request).value();
    load(assets, id, mark);
    return id;
}

/// Everything that a refused call must leave as it was, the order of use included: that shows in who would be evicted, one
/// after the other, which is found out by a copy of the order that the test keeps. Refusals are counted, and nothing else.
template <class Streaming>
[[nodiscard]] streaming_totals figures(Streaming& assets)
{
    streaming_totals t = assets.totals();
    t.refused = 0;
    return t;
}

/// Writes events down, and does what it has been asked to.
struct recording_stream_listener : stream_listener {
    std::vector<stream_event> events;
    std::function<void(stream_event const&)> reaction;

    void on_event(stream_event const& e) override
    {
        events.push_back(e);
        if (reaction) reaction(e);
    }
    [[nodiscard]] std::vector<stream_id> ids_of(stream_event_kind kind) const
    {
        std::vector<stream_id> ids;
        for (stream_event const& e : events) {
            if (e.kind == kind) ids.push_back(e.id);
        }
        return ids;
    }
};

}  // namespace framealloc::test
