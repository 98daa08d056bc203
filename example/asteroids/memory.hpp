// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "accounts.hpp"
#include "request_log.hpp"

#include <framealloc/allocator.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/tag_budgets.hpp>

#include <memory>
#include <new>
#include <span>
#include <vector>

// The memory policies that the program is written over. They offer the same:
//
//   frame_list<T>()                a vector that is gone by the end of the frame
//   lasting_list<T>()              a vector that lives on
//   spawn<T>(...), remove(p)       an object of a pool
//   block<T>(n), drop(span)        n objects in a heap block
//   begin_frame(), end_frame()     around each frame
//   prepare_thread(bytes)          once on each thread
//   charge_to(account)             whom the memory is for while the result lives
//   take(), give()                 the same routes for raw memory, which the replay uses

namespace asteroids {

/// A standard allocator that notes each request for whoever listens.
template <class Base, intent Route>
class noted : public Base {
public:
    using value_type = typename Base::value_type;
    template <class U>
    struct rebind {
        using other = noted<typename std::allocator_traits<Base>::template rebind_alloc<U>, Route>;
    };

    using Base::Base;
    template <class Other>
    noted(noted<Other, Route> const& other) noexcept : Base(static_cast<Other const&>(other)) {}

    [[nodiscard]] value_type* allocate(std::size_t n) {
        value_type* const p = Base::allocate(n);
        note(true, Route, n * sizeof(value_type), alignof(value_type), p);
        return p;
    }
    void deallocate(value_type* p, std::size_t n) noexcept {
        note(false, Route, n * sizeof(value_type), alignof(value_type), p);
        Base::deallocate(p, n);
    }

    friend bool operator==(noted const& a, noted const& b) noexcept {
        return static_cast<Base const&>(a) == static_cast<Base const&>(b);
    }
};

/// Memory by framealloc: the default assembly, its backend counted, with a budget policy.
template <class Budget>
class basic_framealloc_memory {
public:
    using default_backend =
        framealloc::backend::split<framealloc::backend::virtual_memory, framealloc::backend::system>;
    using allocator = framealloc::basic_smart_alloc<framealloc::backend::counting<default_backend>, Budget>;
    template <class T>
    using frame_vector = std::vector<T, noted<framealloc::frame_allocator<T, allocator>, intent::frame>>;
    template <class T>
    using lasting_vector = std::vector<T, noted<framealloc::heap_allocator<T, allocator>, intent::heap>>;

    static constexpr char const* name = "framealloc";

    template <class T>
    [[nodiscard]] frame_vector<T> frame_list() {
        return frame_vector<T>{typename frame_vector<T>::allocator_type{alloc_}};
    }
    template <class T>
    [[nodiscard]] lasting_vector<T> lasting_list() {
        return lasting_vector<T>{typename lasting_vector<T>::allocator_type{alloc_}};
    }

    template <class T, class... Args>
    [[nodiscard]] T* spawn(Args&&... args) {
        T* const object = alloc_.template pool_new<T>(static_cast<Args&&>(args)...);
        note(true, intent::pool, sizeof(T), alignof(T), object);
        return object;
    }
    template <class T>
    void remove(T* object) noexcept {
        note(false, intent::pool, sizeof(T), alignof(T), object);
        alloc_.pool_delete(object);
    }

    template <class T>
    [[nodiscard]] std::span<T> block(std::size_t n) {
        std::span<T> const made = alloc_.template heap_array<T>(n);
        note(true, intent::heap, made.size_bytes(), alignof(T), made.data());
        return made;
    }
    template <class T>
    void drop(std::span<T> made) noexcept {
        if (made.data() == nullptr) return;
        note(false, intent::heap, made.size_bytes(), alignof(T), made.data());
        alloc_.heap_delete(made);
    }

    /// Costs nothing where the budget policy keeps no accounts.
    [[nodiscard]] auto charge_to(framealloc::allocation_tag const& account) { return alloc_.tag_scope(account); }
    [[nodiscard]] auto budgets() { return alloc_.budgets(); }
    [[nodiscard]] framealloc::verification verify() { return alloc_.verify(); }

    void begin_frame() { alloc_.begin_frame_all(); }
    void end_frame() { alloc_.end_frame_all(); }

    /// One frame as large as the largest expected, so that its chunks are there from then on. Inside a frame.
    void prepare_thread(std::size_t frame_bytes) {
        constexpr std::size_t piece = 16 * 1024;
        for (std::size_t taken = 0; taken < frame_bytes; taken += piece) {
            static_cast<void>(alloc_.frame_alloc({.bytes = piece, .align = 16}));
        }
    }

    [[nodiscard]] void* take(intent route, framealloc::layout request) {
        switch (route) {
            case intent::frame: return alloc_.frame_alloc(request);
            case intent::pool: return alloc_.pool_alloc(request);
            case intent::heap: break;
        }
        return alloc_.heap_alloc(request);
    }
    void give(intent route, void* p, framealloc::layout given) noexcept {
        switch (route) {
            case intent::frame: return;
            case intent::pool: return alloc_.pool_free(p, given);
            case intent::heap: return alloc_.heap_free(p, given);
        }
    }

    [[nodiscard]] std::size_t backend_calls() noexcept { return alloc_.backend().counts().calls(); }

private:
    allocator alloc_;
};
using framealloc_memory = basic_framealloc_memory<framealloc::budget::none>;
using budgeted_memory = basic_framealloc_memory<framealloc::budget::per_tag>;

/// Memory by the standard library: `std::allocator`, `new` and `delete` in every place.
class std_memory {
public:
    template <class T>
    using frame_vector = std::vector<T, noted<std::allocator<T>, intent::frame>>;
    template <class T>
    using lasting_vector = std::vector<T, noted<std::allocator<T>, intent::heap>>;

    static constexpr char const* name = "std";

    template <class T>
    [[nodiscard]] frame_vector<T> frame_list() {
        return {};
    }
    template <class T>
    [[nodiscard]] lasting_vector<T> lasting_list() {
        return {};
    }

    template <class T, class... Args>
    [[nodiscard]] T* spawn(Args&&... args) {
        T* const object = new T(static_cast<Args&&>(args)...);
        note(true, intent::pool, sizeof(T), alignof(T), object);
        return object;
    }
    template <class T>
    void remove(T* object) noexcept {
        note(false, intent::pool, sizeof(T), alignof(T), object);
        delete object;
    }

    template <class T>
    [[nodiscard]] std::span<T> block(std::size_t n) {
        std::span<T> const made{new T[n](), n};
        note(true, intent::heap, made.size_bytes(), alignof(T), made.data());
        return made;
    }
    template <class T>
    void drop(std::span<T> made) noexcept {
        if (made.data() == nullptr) return;
        note(false, intent::heap, made.size_bytes(), alignof(T), made.data());
        delete[] made.data();
    }

    struct no_account {
        ~no_account() {}
    };
    [[nodiscard]] no_account charge_to(framealloc::allocation_tag const&) { return {}; }

    void begin_frame() {}
    void end_frame() {}
    void prepare_thread(std::size_t) {}

    // No request of the program is aligned beyond what plain `new` gives: whoever replays makes sure of it.
    [[nodiscard]] void* take(intent, framealloc::layout request) { return ::operator new(request.bytes); }
    void give(intent, void* p, framealloc::layout given) noexcept { ::operator delete(p, given.bytes); }
};

}  // namespace asteroids
