// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Topologies by hwloc: this machine, another one that was written down, or one that does not exist. Compiled, in the
// part `framealloc::numa`; the header needs nothing of hwloc.

#include <framealloc/numa.hpp>

#include <utility>

struct hwloc_topology;

namespace framealloc::inline v0_1 {

/// A machine's nodes and cpus, as hwloc knows them.
///
/// Choose it over `system_numa` where threads are to be bound to nodes, where the system is not Linux, and in tests,
/// which want machines that are not there. It keeps what it found: hand `ref()` to backends and allocators, which it
/// outlives.
///
///   Cost      `discover()` takes milliseconds, the queries O(nodes).
///   Threads   Made and ended on one; queries on any.
///   Failure   The makers answer an empty object where hwloc cannot; its queries know one node, 0.
///   Lifetime  As long as the object, which moves and does not copy.
class hwloc_machine {
public:
    /// The machine that the program runs on; the environment variables of hwloc apply.
    [[nodiscard]] static hwloc_machine discover() noexcept;
    /// A machine that is not there: "package:2 numa:1 core:2 pu:1", as hwloc's manual explains. Null is answered as
    /// empty.
    [[nodiscard]] static hwloc_machine synthetic(char const* description) noexcept;

    hwloc_machine() noexcept = default;
    hwloc_machine(hwloc_machine&& other) noexcept : topology_(std::exchange(other.topology_, nullptr)) {}
    hwloc_machine& operator=(hwloc_machine other) noexcept {
        std::swap(topology_, other.topology_);
        return *this;
    }
    ~hwloc_machine();

    [[nodiscard]] explicit operator bool() const noexcept { return topology_ != nullptr; }
    /// Whether it is the machine that the program runs on: only that one can be bound to.
    [[nodiscard]] bool is_this_system() const noexcept;

    /// The nodes that have memory.
    [[nodiscard]] node_set nodes() const noexcept;
    /// The node with memory that is nearest to a cpu, by the system's number; the first node for a cpu that is not
    /// there.
    [[nodiscard]] unsigned node_of_cpu(unsigned cpu) const noexcept;
    /// The node nearest to the cpu on which the caller runs; to the first cpu where this is not the machine that the
    /// program runs on. It takes some bytes from `malloc` meanwhile.
    [[nodiscard]] unsigned current_node() const noexcept;

    /// Lets the calling thread run on the cpus of a node only. False where the system refuses, where the node has no
    /// cpus or is not there, and where this is not the machine that the program runs on; nothing has changed then.
    [[nodiscard]] bool bind_this_thread(unsigned node) const noexcept;

    /// A topology for backends and allocators: as small as a pointer.
    class ref_type {
    public:
        explicit ref_type(hwloc_machine const& machine) noexcept : machine_(&machine) {}
        [[nodiscard]] node_set nodes() const noexcept { return machine_->nodes(); }
        [[nodiscard]] unsigned current_node() const noexcept { return machine_->current_node(); }

    private:
        hwloc_machine const* machine_;
    };
    [[nodiscard]] ref_type ref() const noexcept { return ref_type{*this}; }

private:
    explicit hwloc_machine(hwloc_topology* loaded) noexcept : topology_(loaded) {}

    hwloc_topology* topology_ = nullptr;
};

static_assert(NumaTopology<hwloc_machine::ref_type>);

}  // namespace framealloc
