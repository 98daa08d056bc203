// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/containers/frame_buffer_allocator.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace framealloc::inline v0_1 {

/// A string in the calling thread's frame: the standard's, over the frame. Short ones lie in the object itself.
///
///     frame_string label{alloc, "score: "};
///     label += std::to_string(score);
///
///   Cost      As `std::basic_string`. It cannot grow where it stands, so each time it grows the old buffer is the frame's: give it
///             a capacity where you can. If the buffer is the frame's last when it goes, it is room again at once.
///   Threads   Used on the thread that made it.
///   Failure   `allocation_failure`, and it is as before. Where exceptions are off, reported, and the failure handler is called.
///   Lifetime  Ends before the frame or scope in which it was made, and grows only in the scope in which it was made. So does a
///             view of it.
template <class Char, class Alloc = smart_alloc>
class basic_frame_string : public std::basic_string<Char, std::char_traits<Char>, frame_buffer_allocator<Char, Alloc>> {
    using base = std::basic_string<Char, std::char_traits<Char>, frame_buffer_allocator<Char, Alloc>>;

public:
    using allocator_type = typename base::allocator_type;
    using base::base;
    using base::operator=;

    explicit basic_frame_string(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND) noexcept
        : base(allocator_type{owner}) {}
    basic_frame_string(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND, std::basic_string_view<Char> text)
        : base(text, allocator_type{owner}) {}
    /// Empty, with room for `capacity` characters: it does not grow below that.
    basic_frame_string(typename Alloc::canonical& owner FRAMEALLOC_LIFETIMEBOUND, std::size_t capacity)
        : base(allocator_type{owner}) {
        this->reserve(capacity);
    }
    /// In the same frame. The standard's would want an allocator that it can make by itself.
    [[nodiscard]] basic_frame_string substr(std::size_t from = 0, std::size_t n = base::npos) const {
        return base(*this, from, n, this->get_allocator());
    }
    /// What `a + b` answers.
    basic_frame_string(base&& other) noexcept : base(static_cast<base&&>(other)) {}
};

using frame_string = basic_frame_string<char>;

}  // namespace framealloc

// Not by its qualified name: doxygen looks for that in vain.
namespace std {

/// Hashed as a view of it is.
template <class Char, class Alloc>
struct hash<framealloc::basic_frame_string<Char, Alloc>> : hash<basic_string_view<Char>> {};

}  // namespace std
