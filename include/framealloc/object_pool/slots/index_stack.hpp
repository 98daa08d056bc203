// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/object_pool/object_pool_policy.hpp>

namespace framealloc::inline v0_1::slots {

namespace index_stack_detail {

inline constinit detail::atomic<unsigned> threads_seen{0};
FRAMEALLOC_TLS_MODEL inline constinit thread_local unsigned number_of_thread = 0;

/// 1, 2, 3, ... in the order in which threads come here first.
FRAMEALLOC_HOT unsigned this_thread() noexcept {
    unsigned const known = number_of_thread;
    if (known != 0) [[likely]]
        return known;
    return number_of_thread = threads_seen.fetch_add(1, detail::order::relaxed) + 1;
}

}  // namespace index_stack_detail

/// Slots: the numbers of the free ones on stacks that any number of threads push to and pop from without a lock. Each thread has
/// one of `Stacks` of them as its own, and goes to the others when that is empty, so that threads seldom meet.
///
///   Cost      8 bytes per slot, a cache line per stack. One compare-exchange to take a slot, one to give it back; never a lock,
///             and no system call. `take` that finds nothing is O(Stacks).
///   Threads   Any number. Lock-free: a thread that is suspended anywhere in here keeps nobody else from going on.
///   Failure   `take` answers null when there was an instant during the call at which no slot was free.
///   Lifetime  That of the memory it was given. Links are read while others write them, which is why they lie beside the slots,
///             and are atomic: what was read too late is thrown away with the compare-exchange that fails.
///   Source    R. K. Treiber, "Systems programming: coping with parallelism", IBM RJ 5118, 1986; the tag against ABA is of the
///             IBM System/370's Principles of Operation.
///
/// Why the orders suffice. A head is { tag, number + 1 }, and each change of it raises the tag by one: an exchange that succeeds
/// has seen no change since its load, for as long as fewer than 2^32 changes came in between. A push writes the link, and then
/// releases the head; a pop acquires the head, so that it reads that link or, where the slot was popped and pushed since, a newer
/// one, and then the tag differs and the exchange fails. The object's bytes ride along: whoever pops a slot has acquired, by the
/// head or by the chain of read-modify-writes on it, which is a release sequence, what its last user did before the push.
///
/// `Atomic` is for tests, which come between two steps of a call with it.
template <std::size_t Stacks = 8, template <class> class Atomic = detail::atomic>
struct index_stack {
    using family = object_slots_family;
    static constexpr bool links_slots = false;
    static constexpr bool grows = false;
    static constexpr bool knows_live = false;
    static constexpr bool is_lock_free = true;

    /// { how many are on the stack from here down, number of the next + 1 }
    using link = Atomic<std::uint64_t>;

    [[nodiscard]] static constexpr layout beside(std::size_t count) noexcept { return layout::array_of<link>(count); }

    template <std::size_t LinkAt>
    class engine {
    public:
        void add(detail::object_chunk& c, detail::chunk_directory const&) noexcept {
            row_ = c.row;
            links_ = static_cast<link*>(c.beside);
            for (std::size_t i = 0; i < row_.count; ++i) ::new (static_cast<void*>(links_ + i)) link{0};
        }

        [[nodiscard]] void* take() noexcept {
            std::size_t const own = own_stack();
            if (std::uint64_t const number = pop(heads_[own].value)) [[likely]]
                return slot_of(number);
            return take_elsewhere(own);
        }
        void give(void* slot) noexcept {
            std::size_t const own = own_stack();
            push(heads_[own].value, row_.index_of(slot) + 1);
        }

        /// Exact while nobody takes or gives.
        [[nodiscard]] std::size_t available() const noexcept {
            std::uint64_t const fresh = fresh_.load(detail::order::relaxed);
            std::size_t sum = fresh < row_.count ? row_.count - fresh : 0;
            for (head const& h : heads_) {
                std::uint64_t const number = low(h.value.load(detail::order::acquire));
                if (number != 0) sum += high(links_[number - 1].load(detail::order::relaxed));
            }
            return sum < row_.count ? sum : row_.count;
        }
        /// How many slots were ever given out: the first ones.
        [[nodiscard]] std::size_t carved(detail::object_chunk const&) const noexcept {
            std::uint64_t const fresh = fresh_.load(detail::order::relaxed);
            return fresh < row_.count ? fresh : row_.count;
        }
        /// Calls `f(slot)` for each free one among them. Nobody else is here.
        template <class F>
        void for_each_free(F&& f) const noexcept {
            for (head const& h : heads_) {
                std::uint64_t number = low(h.value.load(detail::order::acquire));
                for (; number != 0; number = low(links_[number - 1].load(detail::order::relaxed))) f(slot_of(number));
            }
        }

    private:
        [[nodiscard]] FRAMEALLOC_HOT static std::size_t own_stack() noexcept {
            return Stacks == 1 ? 0 : index_stack_detail::this_thread() % Stacks;
        }
        struct alignas(detail::cache_line_bytes) head {
            Atomic<std::uint64_t> value{0};
        };

        [[nodiscard]] static constexpr std::uint64_t low(std::uint64_t w) noexcept { return w & 0xFFFF'FFFF; }
        [[nodiscard]] static constexpr std::uint64_t high(std::uint64_t w) noexcept { return w >> 32; }
        [[nodiscard]] static constexpr std::uint64_t pack(std::uint64_t above, std::uint64_t number) noexcept {
            return above << 32 | number;
        }
        [[nodiscard]] void* slot_of(std::uint64_t number) const noexcept {
            void* const slot = row_.slot(number - 1);
            if (slot == nullptr) __builtin_unreachable();  // so that the pool does not look again
            return slot;
        }

        /// The number of a slot, or 0.
        [[nodiscard]] std::uint64_t pop(Atomic<std::uint64_t>& top) noexcept {
            std::uint64_t seen = top.load(detail::order::acquire);
            while (std::uint64_t const number = low(seen)) {
                std::uint64_t const next = low(links_[number - 1].load(detail::order::relaxed));
                if (top.compare_exchange(seen, pack(high(seen) + 1, next), detail::order::acquire,
                                         detail::order::acquire)) {
                    return number;
                }
            }
            return 0;
        }
        void push(Atomic<std::uint64_t>& top, std::uint64_t number) noexcept {
            // Acquire, for the depth of the one below, which another thread has written.
            std::uint64_t seen = top.load(detail::order::acquire);
            for (;;) {
                std::uint64_t const below = low(seen);
                std::uint64_t const depth = below == 0 ? 1 : high(links_[below - 1].load(detail::order::relaxed)) + 1;
                links_[number - 1].store(pack(depth, below), detail::order::relaxed);
                if (top.compare_exchange(seen, pack(high(seen) + 1, number), detail::order::acq_rel,
                                         detail::order::acquire)) {
                    return;
                }
            }
        }

        /// One that was never used, one of the others' stacks, or none. That there is none is said only if no stack has changed
        /// while all were looked at: otherwise a slot might have been handed past us, and there was always one.
        [[gnu::noinline]] void* take_elsewhere(std::size_t own) noexcept {
            for (;;) {
                if (fresh_.load(detail::order::relaxed) < row_.count) {
                    std::uint64_t const number = fresh_.fetch_add(1, detail::order::relaxed);
                    if (number < row_.count) return row_.slot(number);
                }
                // A thread that only takes finds what it takes where another one gives back: there as a rule, as the last time.
                std::size_t const before = found_at_.load(detail::order::relaxed);
                if (std::uint64_t const number = pop(heads_[before].value)) return slot_of(number);
                std::uint64_t seen[Stacks];
                for (std::size_t i = 0; i < Stacks; ++i) {
                    std::size_t const at = (own + i) % Stacks;
                    seen[i] = heads_[at].value.load(detail::order::acquire);
                    if (low(seen[i]) == 0) continue;
                    if (std::uint64_t const number = pop(heads_[at].value)) {
                        if (at != own) found_at_.store(at, detail::order::relaxed);
                        return slot_of(number);
                    }
                }
                bool same = true;
                for (std::size_t i = 0; i < Stacks; ++i) {
                    same = same && heads_[(own + i) % Stacks].value.load(detail::order::acquire) == seen[i];
                }
                if (same) return nullptr;
            }
        }

        head heads_[Stacks];
        link* links_ = nullptr;
        detail::slot_row row_{};
        alignas(detail::cache_line_bytes) Atomic<std::uint64_t> fresh_{0};
        Atomic<std::size_t> found_at_{0};
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(Stacks >= 1 && Stacks <= 64 && detail::is_power_of_two(Stacks),
                  "framealloc: slots::index_stack<Stacks> wants a power of two from 1 to 64");
};

}  // namespace framealloc::slots
