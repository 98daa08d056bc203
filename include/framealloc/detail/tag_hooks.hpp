// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/call_site.hpp>
#include <framealloc/fault.hpp>
#include <framealloc/policy.hpp>

#include <cstdint>

// What the machinery knows of tags before it has to do with any: a budget that charges them brings the rest along, by
// framealloc/tag_budgets.hpp, and who uses none does not even read it.

namespace framealloc::inline v0_1::detail {

/// A tag's number in this process. 0 is the root: what is allocated under no tag.
using tag_id = std::uint8_t;

inline constexpr tag_id root_tag = 0;
inline constexpr tag_id no_tag = 255;  ///< no tag's: says that a block is free

class shared_byte;

/// Defined with the machinery: says that it is there.
template <class A>
struct tag_machinery;
template <class A>
concept has_tag_machinery = !charges_tags<typename A::budget> || requires { sizeof(tag_machinery<A>); };

template <class A>
class frame_charges;
struct no_frame_charges {};
template <class A>
using frame_charges_of = std::conditional_t<charges_tags<typename A::budget>, frame_charges<A>, no_frame_charges>;

template <class A>
class tag_balance;

template <class A>
struct tag_state;
struct no_tag_state {};
template <class A>
using tag_state_of = std::conditional_t<charges_tags<typename A::budget>, tag_state<A>, no_tag_state>;

template <class A>
[[nodiscard]] shared_byte& tag_of_block(void const* block, std::size_t c) noexcept;
template <class A>
[[nodiscard]] void* serve_charged_heap(core<A>& owner, layout request, fault& why);

}  // namespace framealloc::inline v0_1::detail
