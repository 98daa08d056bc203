// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/describe.hpp>
#include <framealloc/detail/frame_epochs.hpp>
#include <framealloc/detail/places.hpp>

#include <compare>
#include <span>

// Pointers into a frame that never own, and that know, where records are kept, when what they point to has gone: with the end
// of the frame or of a scope, by a roll-back, or with the allocator. Elsewhere they are plain pointers, and as fast.
//
//     auto p = make_frame_ptr<particle>(alloc, 1.0f);     // smart_alloc_debug::frame_ptr<particle>
//     alloc.end_frame();
//     p->x;                                               // FA002, with where it was made and where the frame was ended

namespace framealloc::inline v0_1 {

namespace detail {

struct no_claim {};
template <class A, bool Kept = keeps_records<A>>
struct choose_claim {
    using type = no_claim;
};
template <class A>
struct choose_claim<A, true> {
    using type = frame_claim;
};

/// Reports that what `claim` was made for has gone.
template <class A, class T>
FRAMEALLOC_COLD void report_expired(frame_claim const& claim, void const* object, call_site at) {
    frame_epoch const& e = *claim.epoch;
    // acquire: how it ended was written before.
    unsigned long long const life = e.life.load(order::acquire);
    bool const is_told = life == claim.life + 1;
    frame_end const how = e.how.load(order::relaxed);
    unsigned long long const frame = e.home->frame.load(order::relaxed);
    static constexpr char const* notes[] = {
        "the object at 0x%llx was made in frame %llu, which has ended; frames begun since: %llu",
        "the object at 0x%llx was made in frame %llu, in a scope that has ended; frames begun since: %llu",
        "the object at 0x%llx was made in frame %llu and has been rolled back; frames begun since: %llu",
        "the object at 0x%llx was made in frame %llu of an allocator that has ended"};
    fault_sites const sites{.mistake_at = at.address,
                            .allocated_at = claim.made_at,
                            .freed_at = is_told ? e.ended_at.load(order::relaxed) : nullptr,
                            .write = [](fault_sites const& of, char* to, std::size_t size) noexcept {
                                write_fault_places(of, to, size, "ended at");
                            }};
    fault f{
        .code = fault_code::frame_expired,
        .note = is_told ? notes[unsigned(how)] : "the object at 0x%llx was made in frame %llu, which ended long ago",
        .numbers = {address_of(object), claim.frame, frame - claim.frame},
        .stops = A::diagnostics::stops_on_misuse,
        .sites = &sites};
    f.write_subject = [](fault const&, char* to, std::size_t size) noexcept {
        constexpr std::string_view type = type_text<T>();
        __builtin_snprintf(to, size, "%.*s: ", int(type.size()), type.data());
    };
    report(f);
}

/// What the three pointers share: a claim, and a look at it before each use.
template <class A>
class claimed {
public:
    /// Whether what it points to is still there, as far as can be known: always true where no records are kept. Any thread.
    [[nodiscard]] FRAMEALLOC_HOT bool is_live() const noexcept {
        if constexpr (keeps_records<A>) {
            return claim_.is_live();
        } else {
            return true;
        }
    }

protected:
    using claim_type = typename choose_claim<A>::type;
    constexpr claimed() noexcept = default;
    constexpr explicit claimed(claim_type const& claim) noexcept : claim_(claim) {}

    template <class T>
    FRAMEALLOC_HOT void look([[maybe_unused]] void const* object) const {
        if constexpr (keeps_records<A>) {
            if (!claim_.is_live()) [[unlikely]]
                report_expired<A, T>(claim_, object, here<A>());
        }
    }
    [[no_unique_address]] claim_type claim_{};
};

/// A claim on what the calling thread's frame has just served through `from`.
template <class A, class From>
FRAMEALLOC_HOT auto claim_of([[maybe_unused]] From& from, [[maybe_unused]] site_of<A> at) noexcept ->
    typename choose_claim<A>::type {
    if constexpr (keeps_records<A>) {
        thread_state<A>* const s = from.shared().state_if_any();
        return s != nullptr && s->frame.kind() != frame_kind::closed ? s->frame.claim(at) : frame_claim{};
    } else {
        return {};
    }
}
template <class From>
using assembly_of = typename std::remove_reference_t<decltype(std::declval<From&>().shared())>::assembly_type;

}  // namespace detail

/// A pointer to an object in a frame, which does not own it. Copies are free.
///
///   Cost      That of a `T*` where no records are kept, which has the same code; else a load and a comparison per use.
///   Threads   May be copied to, and looked through on, any thread.
///   Failure   A use of what has gone is reported (FA002), with the type, where it was made and where its part of the frame
///             was ended, and how many frames ago; then, if the program goes on, memory is read that is somebody else's.
///   Source    The lifetimes of LLVM's handles with epochs, and google/sanitizers#191, which asks where memory was poisoned.
template <class T, class A>
class frame_ptr : public detail::claimed<A> {
    using base = detail::claimed<A>;

public:
    constexpr frame_ptr() noexcept = default;
    constexpr frame_ptr(std::nullptr_t) noexcept {}
    constexpr frame_ptr(T* object, typename base::claim_type const& claim) noexcept : base(claim), object_(object) {}
    template <class U>
        requires(std::is_convertible_v<U*, T*> && !std::is_same_v<U, T>)
    constexpr frame_ptr(frame_ptr<U, A> const& other) noexcept : base(other.claim()), object_(other.unchecked()) {}

    [[nodiscard]] FRAMEALLOC_HOT T& operator*() const { return *get(); }
    [[nodiscard]] FRAMEALLOC_HOT T* operator->() const { return get(); }
    /// The address, looked at.
    [[nodiscard]] FRAMEALLOC_HOT T* get() const {
        this->template look<T>(object_);
        return object_;
    }
    /// The address as it is.
    [[nodiscard]] constexpr T* unchecked() const noexcept { return object_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return object_ != nullptr; }
    [[nodiscard]] constexpr typename base::claim_type const& claim() const noexcept { return this->claim_; }

    friend constexpr bool operator==(frame_ptr const& a, frame_ptr const& b) noexcept { return a.object_ == b.object_; }
    friend constexpr bool operator==(frame_ptr const& a, std::nullptr_t) noexcept { return a.object_ == nullptr; }

private:
    T* object_ = nullptr;
};

/// The same for an object that is always there, in the place of a `T&`: it can be assigned anew.
template <class T, class A>
class frame_ref : public detail::claimed<A> {
    using base = detail::claimed<A>;

public:
    constexpr frame_ref(T& object, typename base::claim_type const& claim) noexcept : base(claim), object_(&object) {}
    /// `p` is not null.
    constexpr explicit frame_ref(frame_ptr<T, A> const& p) noexcept : base(p.claim()), object_(p.unchecked()) {}

    [[nodiscard]] FRAMEALLOC_HOT T& get() const {
        this->template look<T>(object_);
        return *object_;
    }
    [[nodiscard]] FRAMEALLOC_HOT operator T&() const { return get(); }
    [[nodiscard]] constexpr T* unchecked() const noexcept { return object_; }

private:
    T* object_;
};

/// The same for objects in a row, in the place of a `std::span<T>`. An index is not looked at.
template <class T, class A>
class frame_span : public detail::claimed<A> {
    using base = detail::claimed<A>;

public:
    using element_type = T;
    constexpr frame_span() noexcept = default;
    constexpr frame_span(std::span<T> objects, typename base::claim_type const& claim) noexcept
        : base(claim), objects_(objects) {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return objects_.size(); }
    [[nodiscard]] constexpr bool empty() const noexcept { return objects_.empty(); }
    [[nodiscard]] FRAMEALLOC_HOT T* data() const { return get().data(); }
    [[nodiscard]] FRAMEALLOC_HOT T& operator[](std::size_t i) const { return get()[i]; }
    /// Looked at here, and not again at each step.
    [[nodiscard]] FRAMEALLOC_HOT T* begin() const { return get().data(); }
    [[nodiscard]] FRAMEALLOC_HOT T* end() const { return objects_.data() + objects_.size(); }
    [[nodiscard]] FRAMEALLOC_HOT std::span<T> get() const {
        this->template look<T>(objects_.data());
        return objects_;
    }
    [[nodiscard]] constexpr std::span<T> unchecked() const noexcept { return objects_; }

private:
    std::span<T> objects_;
};

/// A new `T` in the calling thread's frame, as `frame_new`, and a pointer to it that knows when it goes. `from` is an
/// allocator, its handle, a `frame_scope` or `local()`.
template <class T, class From, class... Args>
[[nodiscard]] FRAMEALLOC_HOT auto make_frame_ptr(From& from, Args&&... args) {
    using A = detail::assembly_of<From>;
    T* const object = from.template frame_new<T>(static_cast<Args&&>(args)...);
    return frame_ptr<T, A>{object, detail::claim_of<A>(from, detail::here<A>())};
}
/// `n` value-initialised objects, as `frame_array`.
template <class T, class From>
[[nodiscard]] FRAMEALLOC_HOT auto make_frame_span(From& from, std::size_t n) {
    using A = detail::assembly_of<From>;
    std::span<T> const objects = from.template frame_array<T>(n);
    return frame_span<T, A>{objects, detail::claim_of<A>(from, detail::here<A>())};
}
/// A pointer to what the calling thread's frame already has: it goes with the part of the frame that is the newest now.
template <class From, class T>
[[nodiscard]] FRAMEALLOC_HOT auto watch_frame(From& from, T* object) {
    using A = detail::assembly_of<From>;
    return frame_ptr<T, A>{object, detail::claim_of<A>(from, detail::here<A>())};
}

}  // namespace framealloc
