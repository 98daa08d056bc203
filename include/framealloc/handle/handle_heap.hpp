// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/refusals.hpp>
#include <framealloc/handle/defragment.hpp>
#include <framealloc/handle/detail/defragmenter.hpp>
#include <framealloc/handle/handle.hpp>
#include <framealloc/monotonic_clock.hpp>
#include <framealloc/smart_alloc.hpp>

#include <utility>

// Objects that are named by handles, so that they may be moved together when others have gone.
//
//     handle_allocator<> handles{alloc};
//     handle<monster> const h = handles->make<monster>("troll");
//     if (monster* m = handles->resolve(h)) m->act();          // good until the next defragment()
//     handles->defragment(std::chrono::microseconds{200});     // h stays good; m does not
//     handles->free(h);

namespace framealloc::inline v0_1 {

template <class T, class A>
class pinned_ptr;

/// What is fixed when a heap is made.
struct handle_config {
    /// How many objects may live at once, rounded up to a power of two, at most 2^27; 0 stands for a million where addresses
    /// cost nothing, and for 1,024 where the backend has no virtual memory: there all slots are taken at once, 24 bytes each.
    std::size_t most_handles = 0;
    /// Bytes of slabs that hold nothing and are kept for the next one, between calls of `defragment`.
    std::size_t retained_bytes = std::size_t{256} << 10;
    /// How often a slot is used before it is retired, at most 67,108,862 times, which is the default.
    std::size_t uses_per_slot = SIZE_MAX;
};

/// What a heap has. Bytes of slabs include pages that were never touched.
struct handle_stats {
    std::size_t live_handles = 0;
    std::size_t live_bytes = 0;     ///< of objects, as their types have them
    std::size_t held_bytes = 0;     ///< of slabs that take memory, and of large blocks
    std::size_t backend_bytes = 0;  ///< all that the heap has from the backend, table and records included
    std::size_t slots = 0;          ///< that have been used
    std::size_t retired_slots = 0;  ///< whose generations are used up: 24 bytes each
    double fragmentation = 0;       ///< of the held bytes, the share that no live object has

    friend bool operator==(handle_stats const&, handle_stats const&) noexcept = default;
};

/// Objects of any types, each named by a `handle`, in blocks of the heap's own. `handle_allocator` makes and owns one.
///
/// Objects of one size that are moved in one way share slabs of 64 KiB. A new object goes to the fullest slab with room;
/// `defragment` empties the emptiest ones into the fullest, within a budget of time or bytes, and gives their memory back to
/// the system. Objects over 8 KiB have ranges of their own, which go back when they are freed.
///
///   Cost      `resolve` is five instructions and no lock. `pin` and `unpin` are one locked instruction. Making and freeing
///             take the instance's lock, and O(log kinds). An object takes 28 bytes beside its own.
///   Threads   Everything may be called by any thread at any time. What `resolve` answers may be used as long as nobody frees
///             or defragments: between two sync points of the program, such as the ends of frames. Whoever wants to use an
///             object while another thread may defragment pins it.
///   Failure   `try_` forms answer the null handle; plain forms throw `allocation_failure`, or report and call the failure
///             handler where exceptions are off. Nothing has changed afterwards. A handle that is stale, foreign or made up
///             resolves to null, at every level; `at`, `free` and `unpin` report it (FA401).
///   Lifetime  An object lives until it is freed or the heap ends; the heap ends before its allocator.
///   Source    Which slabs are emptied: the sparsest first, as in D. Detlefs et al., "Garbage-first garbage collection",
///             ISMM 2004. Making new ones in the fullest: J. Evans's jemalloc and TCMalloc's page heap.
///
/// Whose bytes: an object is charged to the tag under which it was made, as a heap block of its size, and credited to that
/// tag when it is freed. Slabs and table are the instance's, within `budget::global`.
template <class A>
class handle_heap : public detail::defragmenter<A> {
    using base = detail::defragmenter<A>;
    using core_type = detail::core<A>;

public:
    template <class T>
    using pinned_ptr = framealloc::pinned_ptr<T, A>;

    // --- making -------------------------------------------------------------------------------------------------------

    /// A new `T`. What its constructor throws goes on, and leaves nothing behind.
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT handle<T> make(Args&&... args) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return make_in<T>(this->place_or_throw(detail::operations_of<T>()), static_cast<Args&&>(args)...);
    }
    template <class T, class... Args>
    [[nodiscard]] FRAMEALLOC_HOT handle<T> try_make(Args&&... args) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        auto const place = this->try_place(detail::operations_of<T>());
        return place.block != nullptr ? make_in<T>(place, static_cast<Args&&>(args)...) : handle<T>{};
    }

    /// Uninitialised storage for one `T`, which must be a type whose lifetime begins with its storage.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT handle<T> alloc() {
        static_assert(detail::implicit_lifetime<T>,
                      "framealloc: alloc<T>() gives raw storage; make objects of this type with make<T>(args...)");
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return handle<T>::from_bits(this->publish_place(this->place_or_throw(detail::operations_of<T>())));
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT handle<T> try_alloc() noexcept {
        static_assert(
            detail::implicit_lifetime<T>,
            "framealloc: try_alloc<T>() gives raw storage; make objects of this type with try_make<T>(args...)");
        return raw<T>(detail::operations_of<T>());
    }
    /// Raw memory, which is moved by its bytes. Zero bytes are one.
    [[nodiscard]] FRAMEALLOC_HOT handle<std::byte> alloc(layout request) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return handle<std::byte>::from_bits(this->publish_place(this->place_or_throw(raw_operations(request))));
    }
    [[nodiscard]] FRAMEALLOC_HOT handle<std::byte> try_alloc(layout request) noexcept {
        return raw<std::byte>(raw_operations(request));
    }

    // --- using --------------------------------------------------------------------------------------------------------

    /// The object; null where the handle is null, stale, of another heap, or made up. Good until somebody frees or defragments.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* resolve(handle<T> h) const noexcept {
        return static_cast<T*>(this->find(h.bits()));
    }
    /// The same, where the object is expected to be there: where it is not, that is reported (FA401), and null answered if the
    /// program goes on.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* at(handle<T> h) {
        void* const object = this->find(h.bits());
        if (object == nullptr) [[unlikely]] {
            [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
            this->report_not_live(h.bits());
        }
        return static_cast<T*>(object);
    }
    template <class T>
    [[nodiscard]] bool is_live(handle<T> h) const noexcept {
        return resolve(h) != nullptr;
    }

    /// The object, which stays where it is until `unpin` has been called as often as this; null as `resolve`. It waits while
    /// the object is being moved, which is one constructor's time.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT T* pin(handle<T> h) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return static_cast<T*>(this->pin_object(h.bits()));
    }
    /// False, and reported, where the object is not pinned (FA406) or not there (FA401); nothing has changed then.
    template <class T>
    FRAMEALLOC_HOT bool unpin(handle<T> h) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return this->unpin_object(h.bits());
    }
    /// The object, pinned as long as the answer lives; an empty one where `pin` answers null.
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT pinned_ptr<T> pinned(handle<T> h) FRAMEALLOC_LIFETIMEBOUND {
        return pinned_ptr<T>{*this, h, pin(h)};
    }

    // --- ending -------------------------------------------------------------------------------------------------------

    /// Destroys the object and frees its memory. Null is a no-op. False, and reported, where it is not there (FA401) or pinned
    /// (FA405); nothing has changed then.
    template <class T>
    FRAMEALLOC_HOT bool free(handle<T> h) {
        if (!h) return true;
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return this->free_object(h.bits());
    }

    /// Moves objects together and gives pages back to the system, within `budget`. Handles stay good; addresses of objects that
    /// are not pinned do not. Once it has nothing left to do, another call moves nothing.
    ///
    /// No lock is held while a constructor or destructor runs, which may use the heap. Of two calls at a time one does nothing:
    /// so does one out of a constructor that moves an object.
    ///
    ///   Cost      O(what it moves); a slab's pages go back by one call of the system. `Clock` is read once per step.
    template <class Clock = monotonic_clock>
    defragment_result defragment(defragment_budget const& budget = {}) {
        return this->template run_defragmentation<Clock>(budget);
    }
    /// The same for a duration of the standard library; a negative one is zero.
    template <class Clock = monotonic_clock, class Duration>
        requires requires(Duration d) {
            d.count();
            Duration::period::num;
        }
    defragment_result defragment(Duration time) {
        double const ns = static_cast<double>(time.count()) * 1e9 * static_cast<double>(Duration::period::num) /
                          static_cast<double>(Duration::period::den);
        return defragment<Clock>(defragment_budget{.nanoseconds = ns <= 0     ? 0
                                                                  : ns > 1e18 ? UINT64_MAX
                                                                              : static_cast<unsigned long long>(ns)});
    }

    // --- reports ------------------------------------------------------------------------------------------------------

    /// O(1).
    [[nodiscard]] handle_stats stats() { return this->template figures<handle_stats>(); }
    /// Checks every slot and slab, while the heap is at rest. O(slots).
    [[nodiscard]] verification verify() { return this->check_all(); }

private:
    using base::base;
    template <class>
    friend class handle_allocator;

    /// In steps of 16 bytes, and of an eighth above 128, so that sizes meet in a kind. What is impossible stays so.
    [[nodiscard]] static detail::handle_operations raw_operations(layout request) noexcept {
        std::size_t const n = request.bytes + (request.bytes == 0);
        std::size_t const step =
            n <= 128 || n > max_request_bytes ? 16 : std::size_t{1} << (detail::log2_floor(n - 1) - 3);
        return {.bytes = n > max_request_bytes ? n : detail::round_up(n, step),
                .align = request.align,
                .relocate = &detail::relocate_bytes,
                .destroy = nullptr};
    }
    template <class T>
    [[nodiscard]] FRAMEALLOC_HOT handle<T> raw(detail::handle_operations const& of) noexcept {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        auto const place = this->try_place(of);
        return place.block != nullptr ? handle<T>::from_bits(this->publish_place(place)) : handle<T>{};
    }
    template <class T, class Place, class... Args>
    [[nodiscard]] handle<T> make_in(Place const& place, Args&&... args) {
        static_assert(!std::is_array_v<T>, "framealloc: a handle names one object; wrap the array in a std::array");
        detail::construct<T>(place.block, [&] { this->give_up(place); }, static_cast<Args&&>(args)...);
        return handle<T>::from_bits(this->publish_place(place));
    }
};

/// Keeps an object where it is, and lets go of it at the end of its block. Copied it is two pins.
///
///   Cost      Two words and the address; one locked instruction to make, copy and end.
///   Threads   One object is one thread's; it may be ended by another.
///   Failure   Empty where the object was not there.
///   Lifetime  Ends before the heap.
template <class T, class A>
class [[nodiscard]] pinned_ptr {
public:
    constexpr pinned_ptr() noexcept = default;
    pinned_ptr(pinned_ptr const& other)
        : heap_(other.heap_), handle_(other.handle_), object_(other ? other.heap_->pin(other.handle_) : nullptr) {}
    pinned_ptr(pinned_ptr&& other) noexcept
        : heap_(other.heap_), handle_(other.handle_), object_(std::exchange(other.object_, nullptr)) {}
    pinned_ptr& operator=(pinned_ptr other) noexcept {
        std::swap(heap_, other.heap_);
        std::swap(handle_, other.handle_);
        std::swap(object_, other.object_);
        return *this;
    }
    ~pinned_ptr() { reset(); }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
    [[nodiscard]] handle<T> of() const noexcept { return object_ != nullptr ? handle_ : handle<T>{}; }

    /// Lets go of it now.
    void reset() {
        if (std::exchange(object_, nullptr) != nullptr) heap_->unpin(handle_);
    }

private:
    friend class handle_heap<A>;
    pinned_ptr(handle_heap<A>& heap, handle<T> h, T* object) noexcept : heap_(&heap), handle_(h), object_(object) {}

    handle_heap<A>* heap_ = nullptr;
    handle<T> handle_{};
    T* object_ = nullptr;
};

/// Makes a `handle_heap` over an allocator, and owns it: the heap lies in a range of addresses of its own, in front of its
/// table, so that a handle is resolved from its address alone.
///
///     handle_allocator<> handles{alloc};
///     auto& heap = *handles;              // for functions: handle_heap<smart_alloc::assembly_type>&
///
///   Cost      Three pages, and addresses for `most_handles` x 24 bytes.
///   Threads   Made and ended on one thread, when no other uses the heap.
///   Failure   The constructor throws `allocation_failure`, or `configuration_error` for a field out of range; `try_create`
///             answers an empty one.
///   Lifetime  Its end destroys the objects that live, in no order of note, and gives everything back. It ends before the
///             allocator. Objects that are still pinned are reported (FA405).
template <class Alloc = smart_alloc>
class handle_allocator {
    using A = typename Alloc::assembly_type;

public:
    using heap_type = handle_heap<A>;
    template <class T>
    using pinned_ptr = framealloc::pinned_ptr<T, A>;

    /// Without a heap.
    handle_allocator() noexcept = default;
    explicit handle_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND,
                              handle_config const& config = {}) {
        fault why;
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        heap_ = heap_type::template create<heap_type>(owner.shared(), checked(config), why);
        if (heap_ == nullptr) detail::throw_refusal(owner.shared(), why, {.bytes = heap_type::entries_at});
    }
    [[nodiscard]] static handle_allocator try_create(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND,
                                                     handle_config const& config = {}) {
        fault why;
        handle_allocator made;
        made.heap_ = heap_type::template create<heap_type>(owner.shared(), checked(config), why);
        return made;
    }
    handle_allocator(handle_allocator&& other) noexcept : heap_(std::exchange(other.heap_, nullptr)) {}
    handle_allocator& operator=(handle_allocator other) noexcept {
        std::swap(heap_, other.heap_);
        return *this;
    }
    ~handle_allocator() {
        if (heap_ != nullptr) heap_type::destroy(*heap_);
    }

    [[nodiscard]] heap_type& operator*() const noexcept { return *heap_; }
    [[nodiscard]] heap_type* operator->() const noexcept { return heap_; }
    [[nodiscard]] explicit operator bool() const noexcept { return heap_ != nullptr; }

private:
    [[nodiscard]] static handle_config const& checked(handle_config const& c) {
        if (c.most_handles > detail::handle_bits::slot_count / 2) {
            detail::throw_bad_configuration({.code = fault_code::bad_configuration,
                                             .note = "most_handles is %llu; expected 0 to %llu",
                                             .numbers = {c.most_handles, detail::handle_bits::slot_count / 2}});
        }
        if (c.uses_per_slot == 0) {
            detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration, .note = "uses_per_slot is 0; expected at least 1"});
        }
        return c;
    }

    heap_type* heap_ = nullptr;
};

}  // namespace framealloc
