// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "give_back.hpp"
#include "limits.hpp"
#include "mallocs.hpp"

#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/smart_alloc_debug.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <type_traits>
#include <utility>

#include <sys/mman.h>

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

/// The limit where blocks of any size wander between threads: a free list per power of two and thread, filled by cutting up a
/// piece of address space that is large enough for the whole run. A thread leaves its lists to the next one. Nothing is ever
/// shared or given back, which no allocator could afford.
class limit {
    static constexpr std::size_t lists = 13;  // 16 bytes to 64 KiB
    static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
    static constexpr std::size_t room = std::size_t{8} << 30;

    struct alignas(64) heads {
        limits::free_list list[lists];
        unsigned char* cursor = nullptr;
        unsigned char* end = nullptr;
        heads* next = nullptr;
    };

public:
    limit()
        : memory_(static_cast<unsigned char*>(
              ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
        if (memory_ == MAP_FAILED) limits::used_up();
    }
    ~limit() {
        while (heads* const h = left_) {
            left_ = h->next;
            delete h;
        }
        ::munmap(memory_, room);
    }
    limit(limit const&) = delete;
    limit& operator=(limit const&) = delete;

    class from {
    public:
        explicit from(limit& all) : all_(all), mine_(all.take_heads()) {}
        ~from() { all_.leave(mine_); }
        from(from const&) = delete;
        from& operator=(from const&) = delete;

        [[gnu::always_inline]] void* take(std::size_t bytes) {
            std::size_t const c = class_of(bytes);
            limits::free_list& list = mine_->list[c];
            return list.head != nullptr ? list.take() : cut(std::size_t{16} << c);
        }
        [[gnu::always_inline]] void give(void* p, std::size_t bytes) { mine_->list[class_of(bytes)].give(p); }

    private:
        [[nodiscard]] static std::size_t class_of(std::size_t bytes) {
            return static_cast<std::size_t>(60 - __builtin_clzll((bytes - 1) | 15));
        }
        [[gnu::noinline]] void* cut(std::size_t bytes) {
            if (static_cast<std::size_t>(mine_->end - mine_->cursor) < bytes) {
                std::size_t const at = all_.used_.fetch_add(piece_bytes);
                if (at + piece_bytes > room) limits::used_up();
                mine_->cursor = all_.memory_ + at;
                mine_->end = mine_->cursor + piece_bytes;
            }
            return std::exchange(mine_->cursor, mine_->cursor + bytes);
        }
        limit& all_;
        heads* mine_;
    };
    from source() { return from{*this}; }

private:
    heads* take_heads() {
        std::lock_guard const guard{guard_};
        return left_ != nullptr ? std::exchange(left_, left_->next) : new heads;
    }
    void leave(heads* h) {
        std::lock_guard const guard{guard_};
        h->next = std::exchange(left_, h);
    }

    unsigned char* memory_;
    std::atomic<std::size_t> used_{0};
    std::mutex guard_{};
    heads* left_ = nullptr;
};

}  // namespace shared_blocks
