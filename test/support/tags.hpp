// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "support/test.hpp"

#include <framealloc/arena/fixed.hpp>
#include <framealloc/arena/in_flight.hpp>
#include <framealloc/arena/virtual_memory.hpp>
#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>
#include <framealloc/tag_budgets.hpp>

#include <functional>
#include <mutex>
#include <tuple>
#include <vector>

// What tests of tags share. A process has 254 numbers for tags, and a merged program is one process: these tags are enough
// for most tests, and who needs many has a child process.

namespace framealloc::test {

inline constexpr allocation_tag world{"world"};
inline constexpr allocation_tag physics{"world/physics"};
inline constexpr allocation_tag contacts{"world/physics/contacts"};
inline constexpr allocation_tag joints{"world/physics/joints"};
inline constexpr allocation_tag sound{"sound"};
inline constexpr allocation_tag ui{"ui"};

template <class... Policies>
using tagged = basic_smart_alloc<budget::per_tag, Policies...>;

/// One thread with nothing between its requests and the tree: each is charged by itself.
inline budget::per_tag without_credit() { return budget::per_tag{{.credit_bytes = 0}}; }

/// Every policy that says how threads meet.
using every_sync = std::tuple<sync::single_threaded, sync::mutex<std::mutex>, sync::lock_free, sync::owner_queue>;
using syncs_with_threads = std::tuple<sync::mutex<std::mutex>, sync::lock_free, sync::owner_queue>;

/// Writes down what it is told, and decides and does as it has been asked to.
struct recording_listener : budget_listener {
    struct seen {
        budget_event_kind kind;
        budget_scope scope;
        std::string path;
        std::size_t used, limit, requested;
        allocation_intent intent;
    };
    std::vector<seen> events;
    std::vector<seen> questions;
    std::function<void(budget_event const&)> reaction;
    std::function<limit_decision(budget_event const&)> decision;

    void on_event(budget_event const& e) override {
        events.push_back(copy_of(e));
        if (reaction) reaction(e);
    }
    limit_decision on_hard_limit(budget_event const& e) override {
        questions.push_back(copy_of(e));
        return decision ? decision(e) : limit_decision::refuse;
    }
    [[nodiscard]] std::size_t count(budget_event_kind kind) const {
        std::size_t n = 0;
        for (seen const& e : events) n += e.kind == kind;
        return n;
    }

private:
    static seen copy_of(budget_event const& e) {
        return {e.kind, e.scope, e.path, e.used_bytes, e.limit_bytes, e.requested_bytes, e.intent};
    }
};

}  // namespace framealloc::test

namespace framealloc {

inline std::ostream& operator<<(std::ostream& out, budget_event_kind kind) { return out << unsigned(kind); }
inline std::ostream& operator<<(std::ostream& out, budget_scope scope) { return out << unsigned(scope); }

}  // namespace framealloc
