// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/thread_registry.hpp>
#include <framealloc/fault.hpp>

#include <new>

namespace framealloc::inline v0_1::detail {

/// Stands for a policy object that was not given: the policy's default is made in place, without a copy.
struct use_default {};

template <class P>
struct held {
    [[no_unique_address]] P value;
    constexpr explicit held(use_default) : value{} {}
    template <class Given>
    constexpr explicit held(Given&& given) : value(static_cast<Given&&>(given)) {}
};

/// The one door between an instance and its backend: locks where the backend is not thread-safe, charges the budget before
/// it asks and refunds what was not given, and notes why a request was refused.
///
///   Cost      What the backend costs, two relaxed additions, and a lock only for a backend that is not thread-safe.
///   Threads   Any number.
///   Failure   Null or false; budget and sums are as they were. `refusal()` tells the calling thread why.
///   Lifetime  With the instance. Everything goes back by the kind of call that brought it, blocks as blocks, ranges as
///             ranges, with the giver that came along.
template <class A>
class backend_gate {
    using backend_type = typename A::backend;
    using budget_type = typename A::budget;
    using sync = typename A::sync;
    template <class T>
    using shared = typename sync::template atomic<T>;

public:
    static constexpr bool is_virtual = has_virtual_memory<backend_type>;
    static constexpr bool waits_for_nobody = backend_is_thread_safe<backend_type> || sync::one_thread;
    static constexpr bool can_discard = is_virtual && has_discard<backend_type>;

    template <class Backend, class Budget>
    constexpr backend_gate(Backend&& backend, Budget&& budget)
        : backend_(static_cast<Backend&&>(backend)), budget_(static_cast<Budget&&>(budget)) {}

    /// A block; `giver` receives what is to come back with it.
    [[nodiscard]] FRAMEALLOC_COLD void* take_block(layout request, giver_byte& giver) noexcept {
        if (!charge(request.bytes)) return nullptr;
        backend_result const r = ask([&] { return backend_calls::try_allocate(backend_.value, request); });
        if (!r) return undo_charge(request.bytes);
        if (!is_aligned(r.address(), request.align)) {
            ask([&] { return backend_calls::deallocate(backend_.value, r.address(), request, r.giver()), true; });
            return undo_charge(request.bytes, fault_code::backend_misaligned);
        }
        note_peak();
        giver = r.giver();
        return r.address();
    }
    /// False for a giver that is no part of the backend: something has written over our records. The block stays where
    /// it is.
    FRAMEALLOC_COLD bool give_block(void* p, layout given, giver_byte giver) noexcept {
        if (!is_known(giver, p)) return false;
        memory_is_left(p, given.bytes);
        ask([&] { return backend_calls::deallocate(backend_.value, p, given, giver), true; });
        refund(given.bytes);
        return true;
    }

    /// Addresses for `range`; with virtual memory, no memory yet.
    [[nodiscard]] FRAMEALLOC_COLD void* take_range(layout range, giver_byte& giver) noexcept {
        if constexpr (is_virtual) {
            backend_result const r = ask([&] { return backend_calls::reserve(backend_.value, range); });
            if (!r) {
                note(fault_code::out_of_memory);
                return nullptr;
            }
            if (!is_aligned(r.address(), range.align)) {
                ask([&] { return backend_calls::release(backend_.value, r.address(), range, r.giver()); });
                note(fault_code::backend_misaligned);
                return nullptr;
            }
            giver = r.giver();
            return r.address();
        } else {
            return take_block(range, giver);
        }
    }
    /// Memory for a part of a range.
    [[nodiscard]] FRAMEALLOC_COLD bool commit([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes,
                                              [[maybe_unused]] giver_byte giver) noexcept {
        if constexpr (is_virtual) {
            if (!charge(bytes)) return false;
            if (!ask([&] { return backend_calls::commit(backend_.value, p, bytes, giver); })) {
                return undo_charge(bytes) != nullptr;
            }
            note_peak();
        }
        return true;
    }
    /// False where the backend keeps the memory.
    [[nodiscard]] FRAMEALLOC_COLD bool decommit([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes,
                                                [[maybe_unused]] giver_byte giver) noexcept {
        if constexpr (is_virtual) {
            if (!ask([&] { return backend_calls::decommit(backend_.value, p, bytes, giver); })) return false;
            refund(bytes);
            return true;
        } else {
            return false;
        }
    }
    /// Lets the contents of committed pages go; they stay committed, and charged. False where the backend cannot.
    FRAMEALLOC_COLD bool discard([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes,
                                 [[maybe_unused]] giver_byte giver) noexcept {
        if constexpr (can_discard) {
            return ask([&] { return backend_calls::discard(backend_.value, p, bytes, giver); });
        } else {
            return false;
        }
    }
    /// Gives a range back, of which `committed` bytes are committed. False where the backend would not take it: it is still
    /// there, as it was.
    [[nodiscard]] FRAMEALLOC_COLD bool give_range(void* p, layout range, std::size_t committed,
                                                  giver_byte giver) noexcept {
        if constexpr (is_virtual) {
            if (!is_known(giver, p)) return false;
            memory_is_left(p, range.bytes);
            if (!ask([&] { return backend_calls::release(backend_.value, p, range, giver); })) {
                memory_is_ours(p, range.bytes);  // with what it holds
                return false;
            }
            refund(committed);
            return true;
        } else {
            return give_block(p, range, giver);
        }
    }
    /// A range with all its memory: take and commit in one.
    [[nodiscard]] FRAMEALLOC_COLD void* take_whole(layout range, giver_byte& giver) noexcept {
        void* const p = take_range(range, giver);
        if (p == nullptr || commit(p, range.bytes, giver)) return p;
        static_cast<void>(give_range(p, range, 0, giver));
        return nullptr;
    }

    [[nodiscard]] constexpr backend_type& backend() noexcept { return backend_.value; }
    [[nodiscard]] budget_type& budget() noexcept { return budget_.value; }

    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_.load(order::relaxed); }
    [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_.load(order::relaxed); }
    [[nodiscard]] std::size_t calls() const noexcept { return calls_.load(order::relaxed); }
    /// Bytes that facilities built on the instance have taken for structures of their own, of which they give account.
    [[nodiscard]] shared<std::size_t>& lent_bytes() noexcept { return lent_; }

    /// Why the calling thread's latest request was refused.
    [[nodiscard]] fault_code refusal() const noexcept {
        if constexpr (sync::one_thread) {
            return refusal_;
        } else {
            return fault_code{this_thread.refusal};
        }
    }
    void note(fault_code why) noexcept {
        if constexpr (sync::one_thread) {
            refusal_ = why;
        } else {
            this_thread.refusal = static_cast<unsigned short>(why);
        }
    }

    void lock_for_fork() { guard_.lock(); }
    void unlock_after_fork() { guard_.unlock(); }

private:
    struct no_lock {
        void lock() noexcept {}
        void unlock() noexcept {}
    };
    template <bool ThreadSafe, class Sync>
    struct choose_guard {
        using type = typename Sync::mutex;
    };
    template <class Sync>
    struct choose_guard<true, Sync> {
        using type = no_lock;
    };

    template <class Call>
    auto ask(Call&& call) noexcept {
        calls_.fetch_add(1, order::relaxed);
        locked const guard{guard_};
        return call();
    }
    [[nodiscard]] bool charge(std::size_t bytes) noexcept {
        if (!budget_.value.try_charge(bytes)) {
            note(fault_code::budget_exceeded);
            return false;
        }
        taken_.fetch_add(bytes, order::relaxed);
        return true;
    }
    void refund(std::size_t bytes) noexcept {
        taken_.fetch_sub(bytes, order::relaxed);
        budget_.value.refund(bytes);
    }
    /// Only what was given counts. Of requests under way on other threads, those that will be refused count for a moment.
    void note_peak() noexcept { raise_to(peak_, taken_bytes()); }
    void* undo_charge(std::size_t bytes, fault_code why = fault_code::out_of_memory) noexcept {
        refund(bytes);
        note(why);
        return nullptr;
    }
    [[nodiscard]] static bool is_aligned(void* p, std::size_t align) noexcept {
        return (address_of(p) & (align - 1)) == 0;
    }
    [[nodiscard]] static bool is_known(giver_byte giver, void* p) noexcept {
        if (knows_giver<backend_type>(giver)) [[likely]]
            return true;
        report({.code = fault_code::giver_unknown,
                .note = "memory at 0x%llx came from giver %llu; the backend has %llu",
                .numbers = {address_of(p), giver, 1ull << giver_bits_of<backend_type>},
                .stops = A::diagnostics::stops_on_misuse});
        return false;
    }

    [[no_unique_address]] held<backend_type> backend_;
    [[no_unique_address]] held<budget_type> budget_;
    [[no_unique_address]] typename choose_guard<backend_is_thread_safe<backend_type>, sync>::type guard_{};
    shared<std::size_t> taken_{0};
    shared<std::size_t> peak_{0};
    shared<std::size_t> calls_{0};
    shared<std::size_t> lent_{0};
    fault_code refusal_ = fault_code::out_of_memory;  // with one thread only
};

}  // namespace framealloc::detail
