// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The words of machines whose memory lies on several nodes: a set of nodes, a placement, what a topology and a binder
// have to offer, and the system's own.

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/numa.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// The most nodes that a set can name: 0 to 1023, by the system's own numbers.
inline constexpr unsigned max_numa_nodes = detail::platform::numa_most_nodes;

/// A set of nodes. Numbers may be missing in between, as on machines with nodes that have no memory.
class node_set {
public:
    constexpr node_set() noexcept = default;
    constexpr explicit node_set(detail::platform::numa_mask const& mask) noexcept : mask_(mask) {}

    /// The set with `node` in it as well; numbers from `max_numa_nodes` on are left out.
    [[nodiscard]] constexpr node_set with(unsigned node) const noexcept {
        node_set more = *this;
        if (node < max_numa_nodes) more.mask_.words[node / word_bits] |= 1UL << (node % word_bits);
        return more;
    }
    [[nodiscard]] constexpr bool contains(unsigned node) const noexcept {
        return node < max_numa_nodes && (mask_.words[node / word_bits] >> (node % word_bits) & 1) != 0;
    }
    /// How many nodes there are below `node`: its place in the set, counted from 0, if it is a member.
    [[nodiscard]] constexpr unsigned rank(unsigned node) const noexcept {
        unsigned below = 0;
        for (unsigned n = 0; n < node && n < max_numa_nodes; n += word_bits) {
            unsigned long const word = mask_.words[n / word_bits];
            bool const whole = node - n >= word_bits;
            below += static_cast<unsigned>(std::popcount(whole ? word : word & ((1UL << (node - n)) - 1)));
        }
        return below;
    }
    [[nodiscard]] constexpr unsigned count() const noexcept { return rank(max_numa_nodes); }
    /// The member at place `at`, counted from 0; `max_numa_nodes` where there are fewer.
    [[nodiscard]] constexpr unsigned at(unsigned place) const noexcept {
        for (unsigned n = 0; n < max_numa_nodes; ++n) {
            if (contains(n) && place-- == 0) return n;
        }
        return max_numa_nodes;
    }
    /// The highest member; 0 where there is none.
    [[nodiscard]] constexpr unsigned last() const noexcept {
        unsigned const n = count();
        return n != 0 ? at(n - 1) : 0;
    }
    [[nodiscard]] constexpr detail::platform::numa_mask const& mask() const noexcept { return mask_; }

    friend constexpr bool operator==(node_set const& a, node_set const& b) noexcept {
        for (unsigned n = 0; n < max_numa_nodes; n += word_bits) {
            if (a.mask_.words[n / word_bits] != b.mask_.words[n / word_bits]) return false;
        }
        return true;
    }

private:
    static constexpr unsigned word_bits = detail::platform::numa_word_bits;

    detail::platform::numa_mask mask_{};
};

/// Where memory is to lie.
class placement {
public:
    enum class kind : unsigned char { local, interleave, node };

    /// On the node of the thread that needs it first.
    [[nodiscard]] static constexpr placement local() noexcept { return {kind::local, 0}; }
    /// On all nodes in turn, page by page.
    [[nodiscard]] static constexpr placement interleave() noexcept { return {kind::interleave, 0}; }
    /// On this node, by the system's number; on the nearest other one when it is full.
    [[nodiscard]] static constexpr placement on(unsigned node) noexcept { return {kind::node, node}; }

    [[nodiscard]] constexpr kind how() const noexcept { return how_; }
    [[nodiscard]] constexpr unsigned node() const noexcept { return node_; }
    friend constexpr bool operator==(placement, placement) noexcept = default;

private:
    constexpr placement(kind how, unsigned node) noexcept : how_(how), node_(node) {}

    kind how_;
    unsigned node_;
};

/// What is known of a machine's nodes. Any thread may ask at any time.
///
/// `nodes()` are those that have memory which the process may use, at least one, and always the same. `current_node()`
/// is one of them: the nearest to the cpu on which the caller runs.
template <class T>
concept NumaTopology = std::copy_constructible<T> && requires(T const& topology) {
    { topology.nodes() } noexcept -> std::same_as<node_set>;
    { topology.current_node() } noexcept -> std::same_as<unsigned>;
};

/// What tells the system where pages are to lie: `prefer(p, bytes, nodes)`, with one node in the set, and
/// `interleave(p, bytes, nodes)`. They answer false, and change nothing, where they are refused. They are given whole
/// pages that have not been touched yet, on any thread.
template <class B>
concept NumaBinder = std::copy_constructible<B> && requires(B& binder, void* p, std::size_t bytes, node_set const& on) {
    { binder.prefer(p, bytes, on) } noexcept -> std::same_as<bool>;
    { binder.interleave(p, bytes, on) } noexcept -> std::same_as<bool>;
};

namespace detail {

/// The process's view of its nodes, read once: nodes and what a control group allows are taken as they were then.
class known_nodes {
public:
    [[nodiscard]] node_set all() noexcept {
        platform::numa_mask mask;
        // acquire: pairs with the release below, so that the words are there.
        if (!are_known_.load(order::acquire)) {
            if (!platform::numa_usable_nodes(mask) || node_set{mask}.count() == 0) mask = node_set{}.with(0).mask();
            // Threads that come here together read the same and write the same.
            for (unsigned i = 0; i < words; ++i) mask_[i].store(mask.words[i], order::relaxed);
            are_known_.store(true, order::release);
        }
        for (unsigned i = 0; i < words; ++i) mask.words[i] = mask_[i].load(order::relaxed);
        return node_set{mask};
    }

    /// `node`, or the nearest one that has memory. A file is read the first time that a node without memory is met.
    [[nodiscard]] unsigned nearest_to(unsigned node) noexcept {
        node_set const usable = all();
        if (usable.contains(node)) return node;
        unsigned const fallback = usable.at(0);
        if (node >= max_numa_nodes) return fallback;
        if (unsigned const seen = nearest_[node].load(order::relaxed); seen != 0) return seen - 1;
        unsigned best = fallback, best_distance = ~0U;
        platform::numa_distances(node, [&](unsigned other, unsigned distance) {
            if (!usable.contains(other) || distance >= best_distance) return;
            best = other;
            best_distance = distance;
        });
        nearest_[node].store(static_cast<std::uint16_t>(best + 1), order::relaxed);
        return best;
    }

private:
    static constexpr unsigned words = max_numa_nodes / platform::numa_word_bits;

    atomic<unsigned long> mask_[words]{};
    atomic<bool> are_known_{false};
    atomic<std::uint16_t> nearest_[max_numa_nodes]{};  // the node plus one; 0 until it is asked for
};

inline constinit known_nodes nodes_of_process{};

}  // namespace detail

/// Topology: the machine that the program runs on, as the system tells it without any library.
///
///   Cost      `nodes()` reads sixteen words, after one system call in the life of the process; `current_node()` is a
///             call that does not enter the kernel.
///   Threads   Any number.
///   Failure   None. Where the system tells nothing there is one node, 0.
///   Lifetime  Empty: copies are the same machine. Nodes that come or go later are not noticed.
struct system_numa {
    [[nodiscard]] node_set nodes() const noexcept { return detail::nodes_of_process.all(); }
    [[nodiscard]] unsigned current_node() const noexcept {
        return detail::nodes_of_process.nearest_to(detail::platform::numa_current_node());
    }
};

/// Binder: the system.
///
///   Cost      One system call.
///   Threads   Any number.
///   Failure   False where the system refuses, as containers do, and where there are no nodes.
///   Lifetime  What has been said of a page holds until its address is decommitted or released.
struct system_numa_binder {
    [[nodiscard]] bool prefer(void* p, std::size_t bytes, node_set const& node) const noexcept {
        return detail::platform::numa_prefer(p, bytes, node.mask());
    }
    [[nodiscard]] bool interleave(void* p, std::size_t bytes, node_set const& nodes) const noexcept {
        return detail::platform::numa_interleave(p, bytes, nodes.mask());
    }
};

static_assert(NumaTopology<system_numa> && !NumaTopology<system_numa_binder> && !NumaTopology<int>);
static_assert(NumaBinder<system_numa_binder> && !NumaBinder<system_numa> && !NumaBinder<int>);

/// Where the page at an address lies.
struct page_home {
    enum class answer : unsigned char {
        on_node,  ///< on `node`
        nowhere,  ///< no memory there: never touched, or nobody's address
        refused,  ///< the system does not tell
    };
    answer known = answer::refused;
    unsigned node = 0;
};

/// Asks the system on which node the page at `p` lies. One system call; moves nothing. Any thread.
[[nodiscard]] inline page_home home_of_page(void const* p) noexcept {
    int const seen = detail::platform::numa_node_of_page(p);
    if (seen >= 0) return {page_home::answer::on_node, static_cast<unsigned>(seen)};
    return {seen == detail::platform::numa_no_page ? page_home::answer::nowhere : page_home::answer::refused, 0};
}

}  // namespace framealloc
