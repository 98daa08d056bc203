// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "give_back.hpp"
#include "mallocs.hpp"

#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/smart_alloc.hpp>

#include <cstddef>
#include <type_traits>

// One shape for everything whose blocks one thread takes and another frees. There is one object for all threads, and each
// thread has a `source()` of its own: `take<Bytes>()` and `give<Bytes>(p)` with a size that the compiler knows, `take(bytes)`
// and `give(p, bytes)` with one that it does not.

namespace shared_blocks {

template <std::size_t Bytes>
struct alignas(16) storage {
    unsigned char bytes[Bytes];
};

/// The library's verbs, through whatever has them.
template <class Verbs>
struct verbs {
    Verbs& through;
    template <std::size_t Bytes>
    [[gnu::always_inline]] void* take() {
        return through.template pool_alloc<storage<Bytes>>();
    }
    template <std::size_t Bytes>
    [[gnu::always_inline]] void give(void* p) {
        through.template pool_free<storage<Bytes>>(static_cast<storage<Bytes>*>(p));
    }
    [[gnu::always_inline]] void* take(std::size_t bytes) { return through.pool_alloc(layout_of(bytes)); }
    [[gnu::always_inline]] void give(void* p, std::size_t bytes) { through.pool_free(p, layout_of(bytes)); }

    static framealloc::layout layout_of(std::size_t bytes) { return {.bytes = bytes, .align = 16}; }
};

template <class Alloc>
struct through_object {
    Alloc alloc;
    verbs<Alloc> source() { return {alloc}; }
    /// What a program does that wants to give memory back.
    void trim() { alloc.trim(); }
};
using object = through_object<framealloc::smart_alloc>;
using fine = through_object<framealloc::basic_smart_alloc<framealloc::pool::fine_size_class<>>>;
using checked = through_object<framealloc::smart_alloc_debug>;

/// The same without the look-up of the thread's state.
struct local {
    framealloc::smart_alloc alloc;
    auto source() {
        auto& state = alloc.local();
        return verbs<std::remove_reference_t<decltype(state)>>{state};
    }
};

template <class Malloc>
struct through_malloc {
    struct from {
        template <std::size_t Bytes>
        void* take() {
            return take(Bytes);
        }
        template <std::size_t>
        void give(void* p) {
            Malloc::free(p);
        }
        void* take(std::size_t bytes) {
            void* const p = Malloc::allocate(bytes);
            // Compilers know malloc, and remove a pair of malloc and free that nobody else sees.
            asm volatile("" : : "r"(p) : "memory");
            return p;
        }
        void give(void* p, std::size_t) { Malloc::free(p); }
    };
    from source() { return {}; }
    void trim() { give_back::all<Malloc>(); }
};

}  // namespace shared_blocks
