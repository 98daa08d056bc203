// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <type_traits>
#include <version>

namespace framealloc::inline v0_1 {

/// How an object of a `handle_heap` gets to another place.
enum class relocation : unsigned char {
    none,   ///< not at all: it stays where it was made
    copy,   ///< a copy is made and the object destroyed; a copy that throws leaves the object as it is, where it is
    move,   ///< the move constructor, which does not throw, and the destructor of what is left
    bytes,  ///< its bytes are copied and the old place is forgotten: neither constructor nor destructor runs
};

/// How objects of type `T` are moved, to be specialised where the type knows better:
///
///     template <>
///     inline constexpr relocation framealloc::relocation_of<my_string> = relocation::bytes;   // points nowhere into itself
///     template <>
///     inline constexpr relocation framealloc::relocation_of<node> = relocation::none;         // others point at it
///
/// The default takes bytes for what is trivially copyable (or trivially relocatable, where the library can tell); the move
/// constructor where it cannot throw; the copy constructor where it can, so that nothing is lost half-way; and leaves all
/// other types where they are. An object that is trivially copyable and yet points into itself has to say `none`: no
/// compiler can see that.
///
///   Source    P1144, "std::is_trivially_relocatable", by A. O'Dwyer; the choice between move and copy is
///             `std::move_if_noexcept`'s, by D. Abrahams et al.
template <class T>
inline constexpr relocation relocation_of =
#if defined(__cpp_lib_trivially_relocatable)
    std::is_trivially_relocatable_v<T>
        ? relocation::bytes
        :
#endif
        // A type that deletes both its constructors is trivially copyable to g++ 12 (CWG 1734), and wants to stay.
        std::is_trivially_copyable_v<T> && std::is_move_constructible_v<T> ? relocation::bytes
    : std::is_nothrow_move_constructible_v<T>                              ? relocation::move
    : std::is_copy_constructible_v<T>                                      ? relocation::copy
                                                                           : relocation::none;

}  // namespace framealloc
