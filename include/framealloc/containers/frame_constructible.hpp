// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/smart_alloc.hpp>

#include <type_traits>

// Components that bring their memory along from the frame: a type says so by a constructor that takes the instance first.
//
//     struct trail {
//         frame_vector<vec3> points;
//         explicit trail(smart_alloc& alloc, std::size_t n) : points{alloc, n} {}
//     };
//     trail& t = *make_in_frame<trail>(alloc, 16);

namespace framealloc::inline v0_1 {

/// A type that is made of an instance, to take more from its frame, and of `Args`.
template <class T, class Alloc = smart_alloc, class... Args>
concept frame_constructible = std::is_constructible_v<T, Alloc&, Args...>;

/// A new `T` in the calling thread's frame, destroyed at its end: made of the instance and `args` where it is `frame_constructible`
/// so, and of `args` alone otherwise. One call for components of both kinds.
///
///   Cost      That of `frame_new`.
///   Failure   That of `frame_new`: if the constructor throws, what it has taken from the frame is taken back.
///   Lifetime  Until the frame, the enclosing scope or a roll-back ends it.
template <class T, class Alloc, class... Args>
T* make_in_frame(Alloc& alloc, Args&&... args) {
    if constexpr (frame_constructible<T, Alloc, Args...>) {
        return alloc.template frame_new<T>(alloc, static_cast<Args&&>(args)...);
    } else {
        return alloc.template frame_new<T>(static_cast<Args&&>(args)...);
    }
}

}  // namespace framealloc
