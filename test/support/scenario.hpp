// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// Exhaustive failure injection: a scenario is a row of steps, each of which may be refused. It is run again and again,
// with the first, the second, the third ... call of the backend refused, until it passes untouched.

#include <framealloc/backend/faulting.hpp>
#include <framealloc/stats.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace framealloc::test {

/// Counts what is out, from outside of the allocator and beyond its end. The figures belong to the type.
template <class Inner>
class tracked {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Inner>;

    static inline std::atomic<long long> bytes_out{0};
    static inline std::atomic<long long> pieces_out{0};

    [[nodiscard]] void* try_allocate(layout request) noexcept { return out(inner_.try_allocate(request), request); }
    void deallocate(void* p, layout given) noexcept {
        back(given);
        inner_.deallocate(p, given);
    }
    [[nodiscard]] void* reserve(layout range) noexcept requires has_virtual_memory<Inner> {
        return out(inner_.reserve(range), range);
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept requires has_virtual_memory<Inner> {
        return inner_.commit(p, bytes);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept requires has_virtual_memory<Inner> {
        return inner_.decommit(p, bytes);
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept requires has_virtual_memory<Inner> {
        bool const gone = inner_.release(p, range);
        if (gone) back(range);
        return gone;
    }

private:
    static void* out(void* p, layout given) {
        if (p != nullptr) {
            bytes_out += static_cast<long long>(given.bytes);
            ++pieces_out;
        }
        return p;
    }
    static void back(layout given) {
        bytes_out -= static_cast<long long>(given.bytes);
        --pieces_out;
    }

    [[no_unique_address]] Inner inner_{};
};

/// What a program sees of an instance, and what a refused call must leave as it was. Not in it: memory that is kept for
/// later, such as a thread's record or an empty slab, which the next attempt finds ready.
struct visible_figures {
    std::size_t frame_bytes_used, pool_blocks_live, pool_bytes_live, heap_blocks_live, heap_bytes_live;
    unsigned long long frames_begun, frame_bytes_total;
    operation_counts operations;

    explicit visible_figures(alloc_stats const& s)
        : frame_bytes_used(s.frame_bytes_used), pool_blocks_live(s.pool_blocks_live),
          pool_bytes_live(s.pool_bytes_live), heap_blocks_live(s.heap_blocks_live), heap_bytes_live(s.heap_bytes_live),
          frames_begun(s.frames_begun), frame_bytes_total(s.frame_bytes_total), operations(s.operations) {}
    friend bool operator==(visible_figures const&, visible_figures const&) = default;
};

/// One run of a scenario: watches its steps. The steps follow each other, on whatever threads.
template <class Alloc, class Lift>
class watched_run {
public:
    watched_run(Alloc& alloc, Lift lift) : alloc_(alloc), lift_(lift) {}

    /// `attempt()` answers whether it was served. Refused, it must have changed nothing, and be served as soon as
    /// memory is there again: the first refusal lifts the plan.
    template <class F>
    void operator()(char const* name, F&& attempt) {
        visible_figures const before{alloc_.stats()};
        if (attempt()) return;
        if (lifted_) return complain(name, "refused after the plan was lifted");
        if (!(visible_figures{alloc_.stats()} == before)) complain(name, "statistics changed by a refusal");
        check(name);
        lift_();
        lifted_ = true;
        if (!attempt()) complain(name, "refused again");
    }

    /// For what is to be true in any case.
    void expect(char const* name, bool holds) {
        if (!holds) complain(name, "does not hold");
    }
    void check(char const* name) {
        if (verification const v = alloc_.verify(); !v) {
            char text[640];
            v.first.write(text, sizeof text);
            complain(name, text);
        }
    }

    [[nodiscard]] bool was_refused() const { return lifted_; }
    [[nodiscard]] std::vector<std::string> const& complaints() const { return complaints_; }

private:
    void complain(char const* name, char const* what) { complaints_.push_back(std::string{name} + ": " + what); }

    Alloc& alloc_;
    Lift lift_;
    bool lifted_ = false;
    std::vector<std::string> complaints_;
};

/// The points at which a scenario was hit, and what it said.
struct injection_result {
    std::size_t points = 0;
    std::vector<std::string> complaints;
};

/// Runs `scenario(alloc, run)` with call 1, 2, 3, ... of `operation` refused, alone or with all that follow, until it
/// passes untouched.
template <class Alloc, class Scenario>
injection_result inject(Scenario scenario, alloc_config const& config, backend::backend_operation operation,
                        backend::fault_plan (*mode)(std::uint64_t)) {
    injection_result result;
    for (std::uint64_t n = 1;; ++n) {
        auto alloc = std::make_unique<Alloc>(config);
        auto const lift = [&a = *alloc, operation] { a.backend().fail(operation, backend::fault_plan::never()); };
        watched_run<Alloc, decltype(lift)> run{*alloc, lift};
        alloc->backend().fail(operation, mode(n));
        scenario(*alloc, run);
        bool const was_hit = run.was_refused() || alloc->backend().calls(operation) >= n;
        lift();
        run.check("at the end");
        void* const one_more = alloc->try_heap_alloc({.bytes = 100, .align = 16});
        run.expect("another allocation", one_more != nullptr);
        alloc->heap_free(one_more);
        for (std::string const& each : run.complaints()) {
            result.complaints.push_back("call " + std::to_string(n) + ": " + each);
        }
        if (!was_hit) return result;
        ++result.points;
        if (result.complaints.size() > 5) return result;
    }
}

}  // namespace framealloc::test
