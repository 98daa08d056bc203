// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "limits.hpp"

#include <framealloc/smart_alloc_debug.hpp>

#include <cstddef>
#include <memory_resource>
#include <vector>

// One shape for everything that can serve a frame. `frame(body)` opens a frame, hands `body` what it allocates from, and
// ends the frame. `take<Bytes, Align>()` is a request that the compiler knows, `take(bytes, align)` one that it does not.

namespace frames {

inline constexpr std::size_t room = std::size_t{4} << 20;  ///< bytes that the largest frame here needs, with a margin

template <std::size_t Bytes, std::size_t Align>
struct alignas(Align) storage {
    unsigned char bytes[Bytes];
};

/// The library's verbs, through whatever has them.
template <class Verbs>
struct verbs {
    Verbs& source;
    template <std::size_t Bytes, std::size_t Align>
    [[gnu::always_inline]] void* take() {
        return source.template frame_alloc<storage<Bytes, Align>>();
    }
    [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
        return source.frame_alloc(framealloc::layout{.bytes = bytes, .align = align});
    }
    template <std::size_t Bytes>
    [[gnu::always_inline]] void* take_array(std::size_t n) {
        return source.template frame_array_for_overwrite<storage<Bytes, 16>>(n).data();
    }
};

/// `n` objects of `Bytes` bytes in a row: through the verb that is there for it, or as one request.
template <std::size_t Bytes, class Source>
[[gnu::always_inline]] inline void* take_array(Source& from, std::size_t n) {
    if constexpr (requires { from.template take_array<Bytes>(n); }) {
        return from.template take_array<Bytes>(n);
    } else {
        return from.take(n * Bytes, 16);
    }
}

template <class Alloc>
struct through_object {
    Alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        alloc.begin_frame();
        verbs<Alloc> from{alloc};
        body(from);
        alloc.end_frame();
    }
};
using object = through_object<framealloc::smart_alloc>;
using single_threaded = through_object<framealloc::smart_alloc_single_threaded>;
using checked = through_object<framealloc::smart_alloc_debug>;

struct local {
    framealloc::smart_alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        alloc.begin_frame();
        auto& state = alloc.local();
        verbs<std::remove_reference_t<decltype(state)>> from{state};
        body(from);
        alloc.end_frame();
    }
};

struct scope {
    framealloc::smart_alloc alloc;
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        auto inside = alloc.frame_scope();
        verbs<decltype(inside)> from{inside};
        body(from);
    }
};

/// The limit: a bump pointer in a local variable.
struct limit {
    limits::bump memory;
    limit() { memory.reserve(room); }
    ~limit() { memory.release(); }
    limit(limit const&) = delete;
    limit& operator=(limit const&) = delete;

    struct source {
        limits::bump_in_registers bump;
        template <std::size_t Bytes, std::size_t Align>
        [[gnu::always_inline]] void* take() {
            return bump.take(Bytes, Align);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) { return bump.take(bytes, align); }
    };
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        source from{{memory}};
        body(from);
    }
};

/// The same behind a thread_local.
struct thread_limit {
    thread_limit() { limits::thread_bump.reserve(room); }
    ~thread_limit() { limits::thread_bump.release(); }
    thread_limit(thread_limit const&) = delete;
    thread_limit& operator=(thread_limit const&) = delete;

    struct source {
        template <std::size_t Bytes, std::size_t Align>
        [[gnu::always_inline]] void* take() {
            return limits::thread_bump.take(Bytes, Align);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
            return limits::thread_bump.take(bytes, align);
        }
    };
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        source from;
        body(from);
        limits::thread_bump.reset();
    }
};

struct pmr_monotonic {
    std::vector<std::byte> memory = std::vector<std::byte>(room);
    std::pmr::monotonic_buffer_resource resource{memory.data(), memory.size(), std::pmr::null_memory_resource()};

    struct source {
        std::pmr::monotonic_buffer_resource& resource;
        template <std::size_t Bytes, std::size_t Align>
        [[gnu::always_inline]] void* take() {
            return resource.allocate(Bytes, Align);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
            return resource.allocate(bytes, align);
        }
    };
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        source from{resource};
        body(from);
        resource.release();
    }
};

/// General allocators end a frame by freeing each block.
template <class Malloc>
struct freed_one_by_one {
    std::vector<void*> blocks;
    freed_one_by_one() { blocks.reserve(1 << 16); }

    struct source {
        std::vector<void*>& blocks;
        template <std::size_t Bytes, std::size_t Align>
        [[gnu::always_inline]] void* take() {
            return take(Bytes, Align);
        }
        [[gnu::always_inline]] void* take(std::size_t bytes, std::size_t align) {
            void* const p = align <= 16 ? Malloc::allocate(bytes) : Malloc::allocate_aligned(bytes, align);
            blocks.push_back(p);
            return p;
        }
    };
    template <class Body>
    [[gnu::always_inline]] void frame(Body&& body) {
        source from{blocks};
        body(from);
        for (void* const p : blocks) Malloc::free(p);
        blocks.clear();
    }
};

}  // namespace frames
