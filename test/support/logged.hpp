// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace framealloc::test {

enum class backend_call : unsigned char { allocate, deallocate, reserve, commit, decommit, release };

/// Everything that was asked of a backend, kept outside the allocator, so that it can be looked at after the
/// allocator's end: was all given back, and by the layout with which it was taken?
class backend_log {
public:
    struct entry {
        backend_call call;
        layout asked;
    };

    [[nodiscard]] std::size_t count() const { return calls_.size(); }
    [[nodiscard]] std::size_t count(backend_call call) const {
        return static_cast<std::size_t>(
            std::count_if(calls_.begin(), calls_.end(), [call](entry const& e) { return e.call == call; }));
    }
    /// The layouts that `call` was made with, in order.
    [[nodiscard]] std::vector<layout> asked(backend_call call) const {
        std::vector<layout> all;
        for (entry const& e : calls_) {
            if (e.call == call) all.push_back(e.asked);
        }
        return all;
    }
    [[nodiscard]] std::vector<std::size_t> sizes(backend_call call) const {
        std::vector<std::size_t> all;
        for (layout const& l : asked(call)) all.push_back(l.bytes);
        return all;
    }
    void forget_calls() { calls_.clear(); }

    [[nodiscard]] std::size_t bytes_held() const {
        std::size_t sum = 0;
        for (auto const& [p, l] : held_) sum += l.bytes;
        return sum;
    }
    [[nodiscard]] std::size_t pieces_held() const { return held_.size(); }
    /// Pieces given back that were not held, or with another layout than they were taken with.
    [[nodiscard]] std::size_t wrong_returns() const { return wrong_returns_; }
    [[nodiscard]] bool is_balanced() const { return held_.empty() && wrong_returns_ == 0; }

    void made(backend_call call, layout asked) { calls_.push_back({call, asked}); }
    void took(void* p, layout l) { held_.emplace(p, l); }
    void gave(void* p, layout l) {
        auto const found = held_.find(p);
        if (found == held_.end() || found->second != l) ++wrong_returns_;
        if (found != held_.end()) held_.erase(found);
    }

private:
    std::vector<entry> calls_;
    std::map<void*, layout> held_;
    std::size_t wrong_returns_ = 0;
};

/// Backend: `Inner`, with every call written into a log outside. Not thread-safe, so that the framework serialises it.
template <class Inner>
class logged {
public:
    using family = backend_family;

    explicit logged(backend_log& log) : log_(&log) {}

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        log_->made(backend_call::allocate, request);
        void* const p = inner_.try_allocate(request);
        if (p != nullptr) log_->took(p, request);
        return p;
    }
    void deallocate(void* p, layout given) noexcept {
        log_->made(backend_call::deallocate, given);
        log_->gave(p, given);
        inner_.deallocate(p, given);
    }
    [[nodiscard]] void* reserve(layout range) noexcept requires has_virtual_memory<Inner> {
        log_->made(backend_call::reserve, range);
        void* const p = inner_.reserve(range);
        if (p != nullptr) log_->took(p, range);
        return p;
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes) noexcept requires has_virtual_memory<Inner> {
        log_->made(backend_call::commit, {.bytes = bytes});
        return inner_.commit(p, bytes);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes) noexcept requires has_virtual_memory<Inner> {
        log_->made(backend_call::decommit, {.bytes = bytes});
        return inner_.decommit(p, bytes);
    }
    [[nodiscard]] bool release(void* p, layout range) noexcept requires has_virtual_memory<Inner> {
        log_->made(backend_call::release, range);
        if (!inner_.release(p, range)) return false;
        log_->gave(p, range);
        return true;
    }

private:
    [[no_unique_address]] Inner inner_{};
    backend_log* log_;
};

}  // namespace framealloc::test
