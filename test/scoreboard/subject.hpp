// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "levels.hpp"

#include <framealloc/failure.hpp>
#include <framealloc/frame_ptr.hpp>

#include <cstring>
#include <new>
#include <optional>
#include <thread>

// Not in the library's namespace: what stands in there a report does not take for the program.
namespace scoreboard {

using namespace framealloc;

/// The allocator that is misused. It lives until it is ended or the process is gone.
template <class Alloc>
class subject {
public:
    static constexpr bool has_tags = charges_tags<typename Alloc::assembly_type::budget>;

    [[nodiscard]] Alloc& alloc() { return *place_; }
    /// A second one, in no frame.
    [[nodiscard]] Alloc& other() {
        if (!other_) other_.emplace(alloc_config{.name = "other"});
        return *other_;
    }
    void end() { place_.reset(); }

    /// Runs `body` as a misuse is to run on any thread: under its tag, in its frame.
    template <class F>
    auto in_place(F&& body) {
        for (unsigned i = 0; i < frames_before; ++i) {
            alloc().begin_frame();
            alloc().end_frame();
        }
        alloc().begin_frame();
        if constexpr (has_tags) {
            // It is never left: the misuse may have ended the allocator.
            alignas(tag_guard) static thread_local unsigned char room[sizeof(tag_guard)];
            ::new (room) tag_guard{alloc().shared(), allocation_tag{tag_of_misuse}};
        }
        return body();
    }
    /// The same on a thread of its own, which ends its frame.
    template <class F>
    void on_a_thread(F&& body) {
        std::thread{[&] {
            in_place(body);
            alloc().end_frame();
        }}.join();
    }

private:
    template <bool Tags, class A>
    struct guard_of {
        using type = int;
    };
    template <class A>
    struct guard_of<true, A> {
        using type = tag_scope<typename A::assembly_type>;
    };
    using tag_guard = typename guard_of<has_tags, Alloc>::type;

    std::optional<Alloc> place_{std::in_place, alloc_config{.name = name_of_instance}};
    std::optional<Alloc> other_;
};

template <class Alloc, auto Misuse>
answer run_in_place()
{
    alignas(subject<Alloc>) static unsigned char room[sizeof(subject<Alloc>)];
    auto& s = *::new (room) subject<Alloc>;
    return s.in_place([&] { return Misuse(s); });
}

#define FRAMEALLOC_MISUSE(row, name, what) misuse{row, #name, what, &run_in_place<Alloc, &name<Alloc>>}

// What the compiler does not see through.
template <class T>
[[gnu::always_inline]] inline T* hidden(T* p) {
    __asm__ volatile("" : "+r"(p));
    return p;
}
/// For an access that is there whatever the compiler thinks of it, in the function that makes it.
template <class T>
[[gnu::always_inline]] inline T volatile* touched(T* p) {
    return hidden(p);
}

/// What was read through a stale pointer.
[[nodiscard]] inline answer seen_as(unsigned char byte) { return byte == 0xCD ? answer::shown : answer::silent; }
[[nodiscard]] inline answer defined_if(bool right) { return right ? answer::defined : answer::silent; }
[[nodiscard]] inline answer refused_if(bool refused) { return refused ? answer::refused : answer::silent; }

/// Whether a plain form refuses, by an exception.
template <class F>
[[nodiscard]] bool throws(F&& request) {
    try {
        request();
    } catch (std::bad_alloc const&) {
        return true;
    }
    return false;
}

}  // namespace scoreboard
