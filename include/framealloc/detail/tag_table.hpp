// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/fault.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1::detail {

inline constexpr std::size_t tag_count = 255;  ///< numbers of tags, the root's included

/// A path, or the first names of one.
struct tag_path {
    char const* text;
    std::size_t bytes;
};

/// What every part of the process knows tags by. Numbers are drawn once and never given back.
///
///   Cost      A find is a probe of an open table; entering a tag copies its path.
///   Threads   Any, without waiting and without a lock, also in a child after fork.
///   Failure   With all numbers drawn a tag is its nearest ancestor (FA309).
///   Invariant A place of the table is 0 or key | number, written once. Keys have their low byte free for that.
class tag_table {
public:
    static constexpr std::size_t max_path_bytes = 95;

    /// FNV-1a over the path, its low byte for the number and the rest never zero. Two paths with the same key would be taken
    /// for one tag: among 254 paths, less than one in 10^12 processes.
    [[nodiscard]] static constexpr std::uint64_t key_of(tag_path path) noexcept {
        std::uint64_t hash = 0xCBF29CE484222325u;
        for (std::size_t i = 0; i < path.bytes; ++i) {
            hash = (hash ^ static_cast<unsigned char>(path.text[i])) * 0x100000001B3u;
        }
        hash &= ~std::uint64_t{0xFF};
        return hash != 0 ? hash : 0x100;
    }

    /// As a number that needs no conversion on the way.
    [[nodiscard]] FRAMEALLOC_HOT std::size_t find_or_enter(std::uint64_t key, tag_path path) noexcept {
        // acquire: pairs with enter; whoever has a number sees its path and parent.
        std::uint64_t const difference = places_[first_place(key)].load(order::acquire) ^ key;
        if (difference > 0xFF) [[unlikely]]
            return search_or_enter(key, path);
        return difference;
    }

    /// The number of a tag that has been used before; `no_tag` where it has not.
    [[nodiscard]] tag_id find(std::uint64_t key) const noexcept {
        for (std::size_t i = first_place(key);; i = next_place(i)) {
            std::uint64_t const seen = places_[i].load(order::acquire);
            if (seen == 0) return no_tag;
            if ((seen ^ key) <= 0xFF) return static_cast<tag_id>(seen ^ key);
        }
    }

    [[nodiscard]] tag_id parent(tag_id id) const noexcept { return nodes_[id].parent; }
    [[nodiscard]] bool is_below(tag_id id, tag_id above) const noexcept {
        while (id != root_tag) {
            id = parent(id);
            if (id == above) return true;
        }
        return false;
    }
    /// Terminated, and there for good. Empty for the root, and for a number that no tag has.
    [[nodiscard]] char const* path(tag_id id) const noexcept {
        return nodes_[id].path != nullptr ? nodes_[id].path : "";
    }

    /// Calls `f(number)` for every tag in use, parents not always before their children, and not for the root.
    template <class F>
    void for_each(F&& f) const {
        for (auto const& place : places_) {
            if (std::uint64_t const seen = place.load(order::acquire)) f(static_cast<tag_id>(seen & 0xFF));
        }
    }

private:
    static constexpr std::size_t place_count = 1024;
    static constexpr std::size_t text_bytes = (tag_count - 1) * (max_path_bytes + 1);

    struct node {
        char const* path = nullptr;
        tag_id parent = root_tag;
    };

    [[nodiscard]] static constexpr std::size_t first_place(std::uint64_t key) noexcept { return key >> 54; }
    [[nodiscard]] static constexpr std::size_t next_place(std::size_t i) noexcept { return (i + 1) % place_count; }

    FRAMEALLOC_COLD tag_id search_or_enter(std::uint64_t key, tag_path path) noexcept {
        tag_id const found = find(key);
        return found != no_tag ? found : enter(path);
    }

    /// Enters what is missing of the path, from the root down.
    [[nodiscard]] tag_id enter(tag_path path) noexcept {
        tag_id parent = root_tag;
        for (std::size_t end = 1; end <= path.bytes; ++end) {
            if (end != path.bytes && path.text[end] != '/') continue;
            tag_path const part{path.text, end};
            tag_id id = find(key_of(part));
            if (id == no_tag) {
                char const* const text = copy(part);
                if (text != nullptr) id = add(key_of(part), {text, parent});
                if (id == no_tag) return full(parent);
            }
            parent = id;
        }
        return parent;
    }

    [[nodiscard]] char const* copy(tag_path path) noexcept {
        std::size_t at = text_used_.load(order::relaxed);
        do {
            if (path.bytes + 1 > text_bytes - at) return nullptr;
        } while (!text_used_.compare_exchange(at, at + path.bytes + 1, order::relaxed, order::relaxed));
        for (std::size_t i = 0; i < path.bytes; ++i) text_[at + i] = path.text[i];
        return text_ + at;
    }

    /// Draws a number and publishes it under the key. Of two threads that enter the same tag one wins, and the number of the
    /// other goes to waste.
    [[nodiscard]] tag_id add(std::uint64_t key, node n) noexcept {
        std::uint32_t drawn = drawn_.load(order::relaxed);
        do {
            if (drawn + 1 >= tag_count) return no_tag;
        } while (!drawn_.compare_exchange(drawn, drawn + 1, order::relaxed, order::relaxed));
        auto const id = static_cast<tag_id>(drawn + 1);
        nodes_[id] = n;
        for (std::size_t i = first_place(key);; i = next_place(i)) {
            std::uint64_t seen = 0;
            // release: the node comes before its number. acquire: of who was first we use the number.
            if (places_[i].compare_exchange(seen, key | id, order::release, order::acquire)) return id;
            if ((seen ^ key) <= 0xFF) return static_cast<tag_id>(seen ^ key);
        }
    }

    /// Reported once, and not at each use of each tag that came too late.
    [[nodiscard]] tag_id full(tag_id nearest) noexcept {
        if (!said_full_.exchange(true, order::relaxed))
            report({.code = fault_code::too_many_tags,
                    .note = "%llu tags are in use; the allocations of this one are charged to the tag above it",
                    .numbers = {tag_count - 1}});
        return nearest;
    }

    atomic<std::uint64_t> places_[place_count]{};
    node nodes_[tag_count]{};
    atomic<std::uint32_t> drawn_{0};
    atomic<std::size_t> text_used_{0};
    atomic<bool> said_full_{false};
    char text_[text_bytes]{};
};

inline constinit tag_table known_tags{};

inline void write_fault_subject(fault const& f, char* to, std::size_t size) noexcept {
    bool const met_a_limit = f.code == fault_code::tag_budget_exceeded;
    if (!met_a_limit && f.tag == root_tag) return;
    bool const two = met_a_limit && f.tag != f.limited_by;
    __builtin_snprintf(to, size, two ? "tag \"%s\" within \"%s\": " : "tag \"%s\": ", f.tag_path(), f.limit_path());
}

}  // namespace framealloc::inline v0_1::detail

namespace framealloc::inline v0_1 {

inline char const* fault::tag_path() const noexcept {
    return tag != detail::root_tag ? detail::known_tags.path(tag) : "(untagged)";
}
inline char const* fault::limit_path() const noexcept {
    return limited_by != detail::root_tag ? detail::known_tags.path(limited_by) : "(all tags)";
}

}  // namespace framealloc::inline v0_1
