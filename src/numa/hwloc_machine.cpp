// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/integration/hwloc.hpp>

#include <hwloc.h>

namespace framealloc::inline v0_1 {
namespace {

hwloc_topology* loaded(hwloc_topology* t) noexcept {
    if (::hwloc_topology_load(t) == 0) return t;
    ::hwloc_topology_destroy(t);
    return nullptr;
}

/// Calls `f(node)` for every node that has memory.
template <class F>
void for_each_node(hwloc_topology* t, F&& f) noexcept {
    for (hwloc_obj_t n = nullptr; (n = ::hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, n)) != nullptr;) {
        if (n->attr->numanode.local_memory != 0) f(*n);
    }
}

[[nodiscard]] hwloc_obj_t find_node(hwloc_topology* t, unsigned node) noexcept {
    hwloc_obj_t found = nullptr;
    for_each_node(t, [&](hwloc_obj& n) {
        if (n.os_index == node) found = &n;
    });
    return found;
}

}  // namespace

hwloc_machine hwloc_machine::discover() noexcept {
    hwloc_topology* t = nullptr;
    return ::hwloc_topology_init(&t) == 0 ? hwloc_machine{loaded(t)} : hwloc_machine{};
}

hwloc_machine hwloc_machine::synthetic(char const* description) noexcept {
    hwloc_topology* t = nullptr;
    if (description == nullptr || ::hwloc_topology_init(&t) != 0) return {};
    if (::hwloc_topology_set_synthetic(t, description) != 0) {
        ::hwloc_topology_destroy(t);
        return {};
    }
    return hwloc_machine{loaded(t)};
}

hwloc_machine::~hwloc_machine() {
    if (topology_ != nullptr) ::hwloc_topology_destroy(topology_);
}

bool hwloc_machine::is_this_system() const noexcept {
    return topology_ != nullptr && ::hwloc_topology_is_thissystem(topology_) != 0;
}

node_set hwloc_machine::nodes() const noexcept {
    node_set all;
    if (topology_ != nullptr) for_each_node(topology_, [&](hwloc_obj& n) { all = all.with(n.os_index); });
    return all.count() != 0 ? all : node_set{}.with(0);
}

unsigned hwloc_machine::node_of_cpu(unsigned cpu) const noexcept {
    node_set const all = nodes();
    if (topology_ == nullptr) return all.at(0);
    // Upwards from the cpu, until there is a node with memory around it.
    for (hwloc_obj_t at = ::hwloc_get_pu_obj_by_os_index(topology_, cpu); at != nullptr; at = at->parent) {
        int node = -1;
        while ((node = ::hwloc_bitmap_next(at->nodeset, node)) >= 0) {
            if (all.contains(static_cast<unsigned>(node))) return static_cast<unsigned>(node);
        }
    }
    return all.at(0);
}

unsigned hwloc_machine::current_node() const noexcept {
    if (topology_ == nullptr) return nodes().at(0);
    hwloc_bitmap_t const where = ::hwloc_bitmap_alloc();
    if (where == nullptr) return nodes().at(0);
    bool const told = ::hwloc_get_last_cpu_location(topology_, where, HWLOC_CPUBIND_THREAD) == 0;
    int const cpu = told ? ::hwloc_bitmap_first(where) : -1;
    ::hwloc_bitmap_free(where);
    return cpu >= 0 ? node_of_cpu(static_cast<unsigned>(cpu)) : nodes().at(0);
}

bool hwloc_machine::bind_this_thread(unsigned node) const noexcept {
    if (!is_this_system()) return false;
    hwloc_obj_t const n = find_node(topology_, node);
    return n != nullptr && ::hwloc_bitmap_iszero(n->cpuset) == 0 &&
           ::hwloc_set_cpubind(topology_, n->cpuset, HWLOC_CPUBIND_THREAD) == 0;
}

}  // namespace framealloc
