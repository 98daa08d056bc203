// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/hooks.hpp>
#include <framealloc/object_pool/sharing.hpp>

#include <functional>

namespace framealloc::inline v0_1 {

template <class T, class Sharing>
class basic_weak;

/// One of the owners of an object of a pool that shares: the last one's end gives the object back. `pool.make_shared(...)`
/// answers it, and so does `share(...)` of an `owned`.
///
///   Cost      A pointer. A copy and an end are an addition, locked where `Sharing` is `sharing::atomic`; to look through it
///             costs what a pointer costs. At most 2^32 - 1 owners of one object.
///   Threads   `shared`: several threads may each have their own; `local_shared`: one thread. The object's last owner may end on
///             any thread where the pool is thread-safe.
///   Failure   Empty where `try_make_shared`, or `lock()` of a weak one, has nothing to give. Its end throws what `on_release`
///             throws.
///   Lifetime  The pool outlives it.
template <class T, class Sharing>
class [[nodiscard]] basic_shared {
    using control_type = typename Sharing::control;
    static constexpr bool quiet = detail::releases_quietly<T>;

public:
    using element_type = T;

    constexpr basic_shared() noexcept = default;
    constexpr basic_shared(std::nullptr_t) noexcept {}
    basic_shared(basic_shared const& other) noexcept : object_(other.object_) {
        // Relaxed: who copies has a handle, so that the count cannot reach zero meanwhile.
        if (object_ != nullptr) control().state.fetch_add(1, detail::order::relaxed);
    }
    basic_shared(basic_shared&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    basic_shared& operator=(basic_shared other) noexcept(quiet) {
        swap(other);
        return *this;
    }
    ~basic_shared() noexcept(quiet) {
        if (object_ != nullptr) let_go();
    }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
    /// How many own it now; 0 for none. A hint where other threads copy and end.
    [[nodiscard]] std::size_t use_count() const noexcept {
        return object_ == nullptr ? 0 : control_type::owners(control().state.load(detail::order::relaxed));
    }
    void reset() noexcept(quiet) { static_cast<void>(basic_shared{std::move(*this)}); }
    void swap(basic_shared& other) noexcept { std::swap(object_, other.object_); }
    friend void swap(basic_shared& a, basic_shared& b) noexcept { a.swap(b); }
    friend bool operator==(basic_shared const& a, basic_shared const& b) noexcept { return a.object_ == b.object_; }
    friend bool operator==(basic_shared const& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

    /// Takes over a count that `object` has already: for pools.
    [[nodiscard]] static basic_shared adopt(T* object) noexcept {
        basic_shared s;
        s.object_ = object;
        return s;
    }

private:
    friend class basic_weak<T, Sharing>;
    [[nodiscard]] control_type& control() const noexcept {
        return *static_cast<control_type*>(detail::behind(object_, detail::object_control_at<T>));
    }
    void let_go() noexcept(quiet) {
        // Release, so that what this thread did to the object comes before its end; acquire, so that its end comes after what
        // all others did.
        control_type& c = control();
        if (control_type::owners(c.state.fetch_sub(1, detail::order::acq_rel)) == 1)
            c.pool->end_shared(*c.pool, object_);
    }

    T* object_ = nullptr;
};

/// Remembers an object that others share, and does not keep it: its slot may be used anew, and the generation, which is counted
/// up when an object ends, tells.
///
///   Cost      A pointer and a number. `lock` is a load, and a compare-exchange where `Sharing` is `sharing::atomic`.
///   Threads   As `basic_shared`. An upgrade races with the last owner's end: one of the two wins, and nobody gets half an object.
///   Failure   `lock` answers empty when the object has ended.
///   Lifetime  The pool outlives its use. A slot whose generations are used up, 2^32 of them, is not used again.
template <class T, class Sharing>
class basic_weak {
    using control_type = typename Sharing::control;

public:
    constexpr basic_weak() noexcept = default;
    basic_weak(basic_shared<T, Sharing> const& of) noexcept : object_(of.object_) {
        if (object_ != nullptr) {
            generation_ = control_type::generation(of.control().state.load(detail::order::relaxed));
        }
    }

    /// An owner, or empty where the object has ended.
    [[nodiscard]] basic_shared<T, Sharing> lock() const noexcept {
        if (object_ == nullptr) return {};
        auto& state = control().state;
        std::uint64_t seen = state.load(detail::order::relaxed);
        while (control_type::generation(seen) == generation_ && control_type::owners(seen) != 0) {
            // Acquire: what made the object, and what its owners released, is seen.
            if (state.compare_exchange(seen, seen + 1, detail::order::acquire, detail::order::relaxed)) {
                return basic_shared<T, Sharing>::adopt(object_);
            }
        }
        return {};
    }
    /// Whether the object has ended, or there was none.
    [[nodiscard]] bool expired() const noexcept {
        if (object_ == nullptr) return true;
        std::uint64_t const seen = control().state.load(detail::order::acquire);
        return control_type::generation(seen) != generation_ || control_type::owners(seen) == 0;
    }
    void reset() noexcept { *this = basic_weak{}; }
    /// The same object of the same generation.
    friend bool operator==(basic_weak const&, basic_weak const&) noexcept = default;

private:
    [[nodiscard]] control_type& control() const noexcept {
        return *static_cast<control_type*>(detail::behind(object_, detail::object_control_at<T>));
    }

    T* object_ = nullptr;
    std::uint32_t generation_ = 0;
};

template <class T>
using shared = basic_shared<T, sharing::atomic>;
template <class T>
using local_shared = basic_shared<T, sharing::local>;
template <class T>
using weak = basic_weak<T, sharing::atomic>;
template <class T>
using local_weak = basic_weak<T, sharing::local>;

}  // namespace framealloc

template <class T, class Sharing>
struct std::hash<framealloc::basic_shared<T, Sharing>> {
    [[nodiscard]] std::size_t operator()(framealloc::basic_shared<T, Sharing> const& s) const noexcept {
        return std::hash<T*>{}(s.get());
    }
};
