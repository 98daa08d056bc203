// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/streaming/stream_asset.hpp>
#include <framealloc/streaming/stream_id.hpp>

#include <boost/intrusive/list.hpp>

namespace framealloc::inline v0_1::detail {

/// What a place is used for; see `stream_state` for what a program sees of it.
enum class stream_slot_state : unsigned char {
    unused,  ///< in the list of free places, or retired
    reserved,
    claimed,  ///< its loader is getting memory for it, outside of the lock
    loading,
    ready,     ///< in the list of its priority while nobody has a lease
    released,  ///< let go while leased: no id leads to it any more, and the last lease takes it along
    leaving,   ///< no id leads to it, and its memory is being given back, outside of the lock
};

using slot_hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

/// An asset, and the place that it has in the table. Under the lock, but for `block` and `progress` of what is leased: those
/// do not change until the last lease has ended.
struct stream_slot : slot_hook {
    void* owner = nullptr;  ///< the streaming allocator; null once it has ended under a lease
    std::byte* block = nullptr;
    void* user = nullptr;
    std::size_t bytes = 0;     ///< as reserved
    std::size_t progress = 0;  ///< loaded so far; all there is, once it is ready
    std::size_t leases = 0;    ///< cannot overflow: each is an object somewhere
    std::uint32_t place = 0;
    std::uint32_t generation = 1;  ///< of the id that leads here; 0 once they are used up
    std::uint32_t align = 1;
    stream_slot_state state = stream_slot_state::unused;
    std::uint8_t level = 0;  ///< its priority
    bool cancelled = false;  ///< while it is claimed or loading
    tag_id tag = root_tag;   ///< who pays for its memory

    void set_block(void* p) noexcept { block = static_cast<std::byte*>(p); }
    [[nodiscard]] layout whole() const noexcept { return {.bytes = bytes, .align = align}; }
    [[nodiscard]] bool is_evictable() const noexcept { return state == stream_slot_state::ready && leases == 0; }
};

using slot_list = boost::intrusive::list<stream_slot, boost::intrusive::constant_time_size<false>>;

}  // namespace framealloc::detail
