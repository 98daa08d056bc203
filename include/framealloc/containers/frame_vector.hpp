// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocator.hpp>
#include <framealloc/detail/sized_block.hpp>

#include <boost/container/detail/allocation_type.hpp>
#include <boost/container/detail/version_type.hpp>
#include <boost/container/vector.hpp>

// A vector in a frame that grows where it stands. `std::vector` cannot: it has no way to ask for more behind what it
// has, so each time it grows it leaves its old buffer in the frame. Needs Boost.Container, headers only.

namespace framealloc::inline v0_1 {

/// The allocator of `frame_vector`: a frame allocator that can also make its last block larger or smaller, in the form
/// that Boost.Container calls version 2. For its vectors; node containers are served as well by `frame_allocator`.
///
///   Cost      That of `frame_allocator`, and 16 bytes per block (the alignment's, where that is more) for its size.
///   Threads   Used on the thread that fills the container.
///   Failure   `allocate` throws `allocation_failure`. A block that cannot grow where it stands is replaced.
///   Lifetime  The end of the frame or the scope takes the memory, and the container is gone by then.
///   Source    Boost.Container's and Boost.Interprocess's `allocation_command`, by I. Gaztañaga.
template <class T, class Alloc = smart_alloc>
class frame_vector_allocator : public detail::instance_allocator<T, Alloc> {
    using base = detail::instance_allocator<T, Alloc>;
    using block = detail::sized_block<alignof(T)>;

public:
    using version = boost::container::dtl::version_type<frame_vector_allocator, 2>;
    template <class U>
    struct rebind {
        using other = frame_vector_allocator<U, Alloc>;
    };

    explicit frame_vector_allocator(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(owner.shared()) {}
    template <class U>
    frame_vector_allocator(frame_vector_allocator<U, Alloc> const& other) noexcept : base(other.instance()) {}

    [[nodiscard]] T* allocate(std::size_t n) {
        std::size_t const bytes = layout::array_of<T>(n).bytes;
        return static_cast<T*>(block::begin(this->instance().frame_alloc(block::whole(bytes)), bytes));
    }
    /// Gives the block back if it is the frame's last; otherwise it is the frame's, as always.
    void deallocate(T* p, std::size_t) noexcept {
        void* const start = block::start_of(p);
        std::size_t const bytes = whole_bytes(block::size_of(p));
        if (!this->instance().try_frame_give_back(start, bytes)) detail::memory_is_forbidden(start, bytes);
    }
    [[nodiscard]] frame_vector_allocator select_on_container_copy_construction() const noexcept { return *this; }

    /// What Boost.Container asks. `reuse` is the block that it has, or null; it is null afterwards where the answer is
    /// a new one. `count` is how many elements it would like, and then how many there is room for; `least` is how many
    /// it needs.
    T* allocation_command(boost::container::allocation_type command, std::size_t least, std::size_t& count, T*& reuse) {
        using namespace boost::container;
        if (reuse != nullptr) {
            if ((command & (shrink_in_place | try_shrink_in_place)) != 0) {
                if (resize(reuse, count)) return reuse;
            } else if ((command & expand_fwd) != 0 && grow(reuse, least, count)) {
                return reuse;
            }
        }
        reuse = nullptr;
        if ((command & allocate_new) == 0) return nullptr;
        if ((command & nothrow_allocation) == 0) return allocate(count);
        std::size_t const bytes = layout::array_of<T>(count).bytes;
        void* const start = this->instance().try_frame_alloc(block::whole(bytes));
        return start != nullptr ? static_cast<T*>(block::begin(start, bytes)) : nullptr;
    }

    template <class U>
    friend bool operator==(frame_vector_allocator const& a, frame_vector_allocator<U, Alloc> const& b) noexcept {
        return &a.instance() == &b.instance();
    }

private:
    [[nodiscard]] static constexpr std::size_t whole_bytes(std::size_t bytes) noexcept {
        return block::whole(bytes).bytes;
    }

    [[nodiscard]] bool resize(T* p, std::size_t n) noexcept {
        std::size_t const bytes = layout::array_of<T>(n).bytes;
        std::size_t const before = whole_bytes(block::size_of(p));
        if (!this->instance().try_frame_extend(block::start_of(p), before, whole_bytes(bytes))) return false;
        block::size_of(p) = bytes;
        return true;
    }
    /// To `count`, or to as much as half, a quarter, ... of the way there, but not to fewer than `least`: near the end
    /// of a chunk, so that the rest of it is used and not a step for each element.
    [[nodiscard]] bool grow(T* p, std::size_t least, std::size_t& count) noexcept {
        for (std::size_t more = count > least ? count - least : 0;; more /= 2) {
            if (resize(p, least + more)) {
                count = least + more;
                return true;
            }
            if (more == 0) return false;
        }
    }
};

/// A vector in the calling thread's frame, which grows in place while nothing else has been allocated from the frame
/// since, and by moving its elements otherwise. It destroys its elements when it goes; its memory goes with the frame,
/// or at once where it is the last.
///
/// It may be given a capacity at construction, below which it does not move. Like every container in a frame it grows
/// only in the scope in which it was made: what it takes inside an inner scope, that scope's end takes back.
///
///   Cost      `push_back` is amortised O(1); while it is last, no element is ever moved and nothing is left behind.
///   Threads   Used on the thread that made it.
///   Failure   `allocation_failure`, where neither the chunk nor a new one has room: then it is as before. Where
///             exceptions are off, reported, and the failure handler is called.
///   Lifetime  Ends before the frame or scope in which it was made.
///   Source    Boost.Container's `vector`.
template <class T, class Alloc = smart_alloc>
class frame_vector : public boost::container::vector<T, frame_vector_allocator<T, Alloc>> {
    using base = boost::container::vector<T, frame_vector_allocator<T, Alloc>>;

public:
    using allocator_type = frame_vector_allocator<T, Alloc>;

    explicit frame_vector(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(allocator_type{owner}) {}
    /// Empty, with room for `capacity` elements.
    frame_vector(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND, std::size_t capacity)
        : base(allocator_type{owner}) {
        this->reserve(capacity);
    }
    /// With allocators, as other containers have it.
    explicit frame_vector(allocator_type const& where) noexcept : base(where) {}
    frame_vector(std::size_t n, T const& value, allocator_type const& where) : base(n, value, where) {}
    frame_vector(std::initializer_list<T> values, allocator_type const& where) : base(values, where) {}
    template <class Iterator>
        requires requires(Iterator i) {
            *i;
            ++i;
        }
    frame_vector(Iterator first, Iterator last, allocator_type const& where) : base(first, last, where) {}

    frame_vector(frame_vector const&) = default;
    frame_vector(frame_vector&&) = default;
    frame_vector(frame_vector const& other, allocator_type const& where) : base(other, where) {}
    frame_vector(frame_vector&& other, allocator_type const& where) : base(static_cast<base&&>(other), where) {}
    ~frame_vector() = default;

    frame_vector& operator=(frame_vector const& other) {
        base::operator=(static_cast<base const&>(other));
        return *this;
    }
    frame_vector& operator=(frame_vector&& other) noexcept(std::is_nothrow_move_assignable_v<base>) {
        base::operator=(static_cast<base&&>(other));
        return *this;
    }
    frame_vector& operator=(std::initializer_list<T> values) {
        this->assign(values.begin(), values.end());
        return *this;
    }
};

}  // namespace framealloc
