// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/virtual_memory.hpp>
#include <framealloc/detail/atomic.hpp>
#include <framealloc/failure.hpp>
#include <framealloc/numa.hpp>

namespace framealloc::inline v0_1::backend {

/// Backend: pages from `Pages`, and a word to the system, before anything touches them, on which node they are to lie.
///
/// Choose it on machines of several nodes: `placement::local()` where each thread works on what it allocates,
/// `interleave()` for what all threads read, `on(n)` for a part of the program that is pinned to a node. On a machine
/// of one node, and where the system refuses to bind (containers do), memory is served all the same, unbound:
/// `is_bound()` tells.
///
/// A full node is no failure: pages come from the nearest other one then. A strict binding would have the system end
/// the program at a page fault, where no allocator can report it.
///
///   Cost      That of `Pages`, and one system call per commit where there are several nodes. Neighbours that lie on
///             different nodes are separate mappings to the system, of which it allows 65,530 by default.
///   Threads   Any number, as `Pages`, `Topology` and `Binder`.
///   Failure   That of `Pages`. The constructor throws `configuration_error` for a node that `Topology` does not have.
///   Lifetime  That of `Pages`. What was said of a page is forgotten when it is decommitted, and said anew at the
///             commit.
///   Source    The placements are those of Linux's memory policies: A. Kleen, "A NUMA API for Linux", SUSE Labs, 2004.
template <NumaTopology Topology = system_numa, NumaBinder Binder = system_numa_binder, class Pages = virtual_memory>
class basic_numa {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Pages>;

    /// Memory on the node of the thread that commits it.
    constexpr basic_numa() = default;
    /// Throws `configuration_error` (FA902) for a node that is not there.
    constexpr explicit basic_numa(placement where, Topology topology = {}, Binder binder = {})
        : where_(where), topology_(topology), binder_(binder) {
        if (where.how() == placement::kind::node) check(where.node(), topology_.nodes());
    }
    /// The same placement; what has been bound is counted anew.
    constexpr basic_numa(basic_numa const& other)
        : where_(other.where_), topology_(other.topology_), binder_(other.binder_), pages_(other.pages_) {}
    basic_numa& operator=(basic_numa const&) = delete;

    [[nodiscard]] void* reserve(layout range) noexcept { return pages_.reserve(range); }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept {
        if (!pages_.commit(p, bytes)) return false;
        place(p, bytes);
        return true;
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept { return pages_.decommit(p, bytes); }
    [[nodiscard]] bool release(void* p, layout range) noexcept { return pages_.release(p, range); }
    /// What was said of the pages still holds for the memory that the next write brings.
    [[nodiscard]] bool discard(void* p, std::size_t bytes) noexcept
        requires has_discard<Pages>
    {
        return pages_.discard(p, bytes);
    }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        void* const p = pages_.try_allocate(request);
        if (p != nullptr) place(p, request.bytes);
        return p;
    }
    void deallocate(void* p, layout given) noexcept { pages_.deallocate(p, given); }

    [[nodiscard]] constexpr placement where() const noexcept { return where_; }
    [[nodiscard]] constexpr Topology const& topology() const noexcept { return topology_; }
    /// Whether memory is bound: there are several nodes, and the system has refused nothing so far.
    [[nodiscard]] bool is_bound() const noexcept { return topology_.nodes().count() > 1 && refused_binds() == 0; }
    /// Bytes of all commits and blocks that have been bound, in whole pages. It does not fall when memory goes back.
    [[nodiscard]] std::size_t bound_bytes() const noexcept { return bound_bytes_.load(detail::order::relaxed); }
    /// Commits and blocks whose placement the system refused. They have been served, unbound.
    [[nodiscard]] std::size_t refused_binds() const noexcept { return refused_.load(detail::order::relaxed); }

private:
    static constexpr void check(unsigned node, node_set const& nodes) {
        if (nodes.contains(node)) return;
        detail::throw_bad_configuration(
            {.code = fault_code::bad_configuration,
             .note = "placement::on() names node %llu; expected a node with memory: there are %llu, the highest "
                     "is %llu",
             .numbers = {node, nodes.count(), nodes.last()}});
    }

    void place(void* p, std::size_t bytes) noexcept {
        node_set const all = topology_.nodes();
        if (all.count() < 2) return;
        std::size_t const whole = detail::round_up(bytes, detail::platform::page_bytes());
        if (tell(p, whole, all)) {
            bound_bytes_.fetch_add(whole, detail::order::relaxed);
        } else {
            refused_.fetch_add(1, detail::order::relaxed);
        }
    }
    [[nodiscard]] bool tell(void* p, std::size_t bytes, node_set const& all) noexcept {
        switch (where_.how()) {
            case placement::kind::interleave: return binder_.interleave(p, bytes, all);
            case placement::kind::node: return binder_.prefer(p, bytes, node_set{}.with(where_.node()));
            case placement::kind::local: break;
        }
        // Said of this node, instead of leaving it to the first touch: memory is committed by the thread that needs it,
        // but another one may be the first to write to it.
        return binder_.prefer(p, bytes, node_set{}.with(topology_.current_node()));
    }

    placement where_ = placement::local();
    [[no_unique_address]] Topology topology_{};
    [[no_unique_address]] Binder binder_{};
    [[no_unique_address]] Pages pages_{};
    detail::atomic<std::size_t> bound_bytes_{0};
    detail::atomic<std::size_t> refused_{0};

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(has_virtual_memory<Pages>,
                  "framealloc: backend::basic_numa<Topology, Binder, Pages> wants a backend of pages, which reserves, "
                  "commits, decommits and releases");
};

/// The machine that the program runs on.
using numa = basic_numa<>;

}  // namespace framealloc::backend
