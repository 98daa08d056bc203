// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::backend {

/// What has been asked of a backend so far.
struct backend_counts {
    std::size_t allocate_calls = 0;
    std::size_t deallocate_calls = 0;
    std::size_t reserve_calls = 0;
    std::size_t commit_calls = 0;
    std::size_t decommit_calls = 0;
    std::size_t release_calls = 0;
    std::size_t discard_calls = 0;
    std::size_t refused_calls = 0;    ///< of all the above, those that answered null or false
    std::size_t block_bytes = 0;      ///< in blocks, now
    std::size_t reserved_bytes = 0;   ///< in reservations, now
    std::size_t committed_bytes = 0;  ///< committed, less decommitted; releasing a reservation ends its commitments

    [[nodiscard]] std::size_t calls() const noexcept {
        return allocate_calls + deallocate_calls + reserve_calls + commit_calls + decommit_calls + release_calls +
               discard_calls;
    }
    friend bool operator==(backend_counts const&, backend_counts const&) noexcept = default;
};

/// Backend: `Inner`, and a count of every call and byte that goes through it.
///
/// Choose it in tests and to prove that steady state is quiet: `alloc.backend().counts()`.
///
///   Cost      Two relaxed atomic additions per call, beside what `Inner` costs.
///   Threads   As `Inner`; the counts may be read at any time.
///   Failure   That of `Inner`.
///   Lifetime  That of `Inner`.
template <class Inner>
class counting {
public:
    using family = backend_family;
    static constexpr bool is_thread_safe = backend_is_thread_safe<Inner>;
    static constexpr unsigned giver_bits = giver_bits_of<Inner>;

    constexpr counting() = default;
    constexpr explicit counting(Inner inner) : inner_(inner) {}

    [[nodiscard]] auto try_allocate(layout request) noexcept {
        return count(allocate_calls_, block_bytes_, inner_.try_allocate(request), request.bytes);
    }
    void deallocate(void* p, layout given, giver_byte giver = 0) noexcept {
        add(deallocate_calls_, 1);
        add(block_bytes_, 0 - given.bytes);
        backend_calls::deallocate(inner_, p, given, giver);
    }

    [[nodiscard]] auto reserve(layout range) noexcept
        requires has_virtual_memory<Inner>
    {
        return count(reserve_calls_, reserved_bytes_, inner_.reserve(range), range.bytes);
    }
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return count(commit_calls_, committed_bytes_, backend_calls::commit(inner_, p, bytes, giver), bytes);
    }
    [[nodiscard]] bool decommit(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return count(decommit_calls_, committed_bytes_, backend_calls::decommit(inner_, p, bytes, giver), 0 - bytes);
    }
    [[nodiscard]] bool release(void* p, layout range, giver_byte giver = 0) noexcept
        requires has_virtual_memory<Inner>
    {
        return count(release_calls_, reserved_bytes_, backend_calls::release(inner_, p, range, giver), 0 - range.bytes);
    }
    [[nodiscard]] bool discard(void* p, std::size_t bytes, giver_byte giver = 0) noexcept
        requires has_discard<Inner>
    {
        add(discard_calls_, 1);
        bool const gone = backend_calls::discard(inner_, p, bytes, giver);
        if (!gone) add(refused_calls_, 1);
        return gone;
    }

    [[nodiscard]] backend_counts counts() const noexcept {
        return {.allocate_calls = get(allocate_calls_),
                .deallocate_calls = get(deallocate_calls_),
                .reserve_calls = get(reserve_calls_),
                .commit_calls = get(commit_calls_),
                .decommit_calls = get(decommit_calls_),
                .release_calls = get(release_calls_),
                .discard_calls = get(discard_calls_),
                .refused_calls = get(refused_calls_),
                .block_bytes = get(block_bytes_),
                .reserved_bytes = get(reserved_bytes_),
                .committed_bytes = get(committed_bytes_)};
    }
    [[nodiscard]] Inner& inner() noexcept { return inner_; }

private:
    using counter = detail::atomic<std::size_t>;

    static void add(counter& c, std::size_t n) noexcept { c.fetch_add(n, detail::order::relaxed); }
    static std::size_t get(counter const& c) noexcept { return c.load(detail::order::relaxed); }

    template <class Answer>
    Answer count(counter& calls, counter& bytes, Answer answer, std::size_t n) noexcept {
        add(calls, 1);
        if (answer) {
            add(bytes, n);
        } else {
            add(refused_calls_, 1);
        }
        return answer;
    }

    [[no_unique_address]] Inner inner_{};
    counter allocate_calls_, deallocate_calls_, reserve_calls_, commit_calls_, decommit_calls_, release_calls_,
        discard_calls_, refused_calls_, block_bytes_, reserved_bytes_, committed_bytes_;
};

}  // namespace framealloc::backend
