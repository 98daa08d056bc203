// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Machines of several nodes that are not there: hwloc's synthetic ones, with a cpu that each thread chooses for itself,
// and a binder that writes down what it is asked for.

#include <framealloc/integration/hwloc.hpp>
#include <framealloc/numa.hpp>

#include <atomic>
#include <mutex>
#include <vector>

namespace framealloc::test {

/// The cpu on which the calling thread pretends to run.
inline thread_local unsigned pretended_cpu = 0;

/// A topology of a machine that is not there.
class pretended_machine {
public:
    explicit pretended_machine(hwloc_machine const& machine) noexcept : machine_(&machine) {}
    [[nodiscard]] node_set nodes() const noexcept { return machine_->nodes(); }
    [[nodiscard]] unsigned current_node() const noexcept { return machine_->node_of_cpu(pretended_cpu); }

private:
    hwloc_machine const* machine_;
};

/// One request to place memory.
struct bind_request {
    std::uintptr_t begin, end;
    bool in_turn;
    node_set nodes;
    bool was_touched;  ///< a page was there before it was placed, which is too late
};

/// All requests, in order; any thread.
class bind_log {
public:
    bool refuses = false;

    bool add(void* p, std::size_t bytes, bool in_turn, node_set const& nodes) {
        auto const begin = reinterpret_cast<std::uintptr_t>(p);
        bool touched = false;
        for (std::size_t at = 0; at < bytes; at += 4096) {
            touched = touched || home_of_page(static_cast<char*>(p) + at).known == page_home::answer::on_node;
        }
        std::scoped_lock const guard{mutex_};
        requests_.push_back({begin, begin + bytes, in_turn, nodes, touched});
        return !refuses;
    }
    [[nodiscard]] std::vector<bind_request> all() const {
        std::scoped_lock const guard{mutex_};
        return requests_;
    }
    [[nodiscard]] std::size_t count() const { return all().size(); }
    /// What was last said of the byte at `p`; no nodes where nothing was.
    [[nodiscard]] bind_request latest(void const* p) const {
        auto const at = reinterpret_cast<std::uintptr_t>(p);
        bind_request found{0, 0, false, {}, false};
        for (bind_request const& r : all()) {
            if (r.begin <= at && at < r.end) found = r;
        }
        return found;
    }
    [[nodiscard]] bool was_for(void const* p, unsigned node) const {
        bind_request const r = latest(p);
        return !r.in_turn && r.nodes == node_set{}.with(node);
    }

private:
    mutable std::mutex mutex_;
    std::vector<bind_request> requests_;
};

/// A binder that asks nobody.
struct recording_binder {
    bind_log* log;

    [[nodiscard]] bool prefer(void* p, std::size_t bytes, node_set const& node) const noexcept {
        return log->add(p, bytes, false, node);
    }
    [[nodiscard]] bool interleave(void* p, std::size_t bytes, node_set const& nodes) const noexcept {
        return log->add(p, bytes, true, nodes);
    }
};

/// Two nodes of two cpus each, and eight of two.
inline constexpr char const* two_nodes = "package:2 numa:1 core:2 pu:1";
inline constexpr char const* eight_nodes = "package:4 die:2 numa:1 core:2 pu:1";
inline constexpr char const* one_node = "package:1 numa:1 core:4 pu:1";

}  // namespace framealloc::test
