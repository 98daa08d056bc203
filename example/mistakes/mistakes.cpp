// SPDX-License-Identifier: MIT OR Apache-2.0

// Six mistakes that a game might make with its memory, and what the debug assembly says of each. A program that is not this one
// stops at the first.

#include <framealloc/diagnostics/sink.hpp>
#include <framealloc/explain.hpp>
#include <framealloc/frame_ptr.hpp>
#include <framealloc/smart_alloc_debug.hpp>

#include <cstdio>
#include <cstring>
#include <string_view>

using namespace framealloc;

using alloc_type = smart_alloc_debug;

struct particle {
    float x = 0, y = 0;
};

/// Prints without the addresses, which are others in each run.
static void print(char const* text, std::size_t bytes) noexcept {
    std::string_view rest{text, bytes};
    for (std::size_t at; (at = rest.find("0x7")) != rest.npos || (at = rest.find("0x5")) != rest.npos;) {
        std::printf("%.*s0x..", int(at), rest.data());
        rest.remove_prefix(at + 2);
        rest.remove_prefix(rest.find_first_not_of("0123456789abcdef"));
    }
    std::printf("%.*s\n", int(rest.size()), rest.data());
}

/// A ship's name, in as many bytes as it has letters: somebody forgot the zero behind them.
[[gnu::noinline]] static void name_ship(alloc_type& alloc, char const* name) {
    auto* const letters = static_cast<char*>(alloc.frame_alloc(layout{.bytes = std::strlen(name), .align = 1}));
    // The compiler sees the mistake, too, where it may look.
    auto* volatile const to = letters;
    std::memcpy(to, name, std::strlen(name) + 1);
}

[[gnu::noinline]] static alloc_type::frame_ptr<particle> spawn(alloc_type& alloc) {
    return make_frame_ptr<particle>(alloc, 1.0f, 2.0f);
}

[[gnu::noinline]] static void play_a_frame(alloc_type& alloc, alloc_type::frame_ptr<particle>& leader) {
    alloc.begin_frame();
    leader = spawn(alloc);
    alloc.end_frame();
}

int main() {
    set_diagnostic_sink(&print);
    // Reports go on to the next mistake; without this the first would stop the program.
    set_fault_handler([](fault const& f) {
        static_cast<void>(report_to_sink(f));
        return fault_action::go_on;
    });
    alloc_type alloc{alloc_config{.name = "level"}};

    alloc.begin_frame();
    name_ship(alloc, "Rocinante");
    alloc.end_frame();

    alloc_type::frame_ptr<particle> leader;
    play_a_frame(alloc, leader);
    static_cast<void>(leader.get());  // its frame is over

    auto* const shot = alloc.pool_new<particle>();
    alloc.pool_delete(shot);
    alloc.pool_delete(shot);

    auto* const hull = static_cast<char*>(alloc.pool_alloc(layout{.bytes = 100}));
    alloc.pool_free(hull + 8);
    alloc.pool_free(hull, layout{.bytes = 64});

    char text[1024];
    print(text, explain(hull + 8).write(text, sizeof text));

    alloc.begin_frame();
    alloc.pool_free(alloc.frame_new<particle>());
    alloc.end_frame();
    alloc.pool_free(hull);
}
