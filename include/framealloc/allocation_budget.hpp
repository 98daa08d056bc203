// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/call_site.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/fault.hpp>
#include <framealloc/intent.hpp>

namespace framealloc::inline v0_1 {

struct allocation_budget;

/// Which requests a contract is about: those of one intent, those that reach the global `operator new` (see
/// framealloc/testing/contracts_new.hpp), or all.
class contract_intents {
public:
    constexpr contract_intents() noexcept = default;
    constexpr contract_intents(allocation_intent only) noexcept : bits_(1u << unsigned(only)) {}
    [[nodiscard]] static constexpr contract_intents global_new() noexcept {
        contract_intents only;
        only.bits_ = 1u << 3;
        return only;
    }
    [[nodiscard]] friend constexpr contract_intents operator|(contract_intents a, contract_intents b) noexcept {
        a.bits_ |= b.bits_;
        return a;
    }
    [[nodiscard]] constexpr bool have(contract_intents other) const noexcept { return (bits_ & other.bits_) != 0; }

private:
    unsigned bits_ = 0xF;
};

namespace detail {

/// A contract among those that are open on its thread, the innermost first.
class contract_link {
public:
    FRAMEALLOC_HOT explicit contract_link(allocation_budget const& terms) noexcept : terms_(&terms) {
        FRAMEALLOC_READ_PROGRAM_COUNTER(opened_at_);
        enter();
    }
    contract_link(contract_link const&) = delete;
    contract_link& operator=(contract_link const&) = delete;
    ~contract_link() { leave(); }

    unsigned long long count = 0;
    unsigned long long bytes = 0;
    unsigned long long breaches = 0;
    void const* first_breach_at = nullptr;

    [[nodiscard]] allocation_budget const& terms() const noexcept { return *terms_; }
    [[nodiscard]] void const* opened_at() const noexcept { return opened_at_; }
    [[nodiscard]] contract_link* outer() const noexcept { return outer_; }

private:
    inline void enter() noexcept;
    inline void leave();

    allocation_budget const* terms_;
    void const* opened_at_ = nullptr;
    contract_link* outer_ = nullptr;
};

/// The innermost contract of the thread.
FRAMEALLOC_TLS_MODEL inline constinit thread_local contract_link* innermost_contract = nullptr;

/// What is being reported on this thread, for who writes it; whoever reports may allocate.
struct contract_breach {
    contract_link const* contract = nullptr;
    unsigned long long bytes = 0;  ///< of the request
    bool is_growth = false;        ///< of what was requested before
};
FRAMEALLOC_TLS_MODEL inline constinit thread_local contract_breach const* reported_breach = nullptr;

}  // namespace detail

/// A contract on what the calling thread requests while it lives: from every allocator whose diagnostics keep contracts
/// (`diagnostics::checked`, `diagnostics::contracts`), and from `operator new` where that is hooked.
///
///     allocation_budget const per_frame{.name = "frame", .count = 0, .intent = intent::heap};
///
/// A request beyond it is reported (FA220) with its place, the contract's, and the excess; the fault handler decides. It is
/// reported before it is served: where the handler throws, nothing has been allocated. Refused requests count as well; memory
/// that is freed is not taken off.
///
/// Contracts nest: a request counts in all that are open. They end in the opposite order, on their own thread, as the blocks
/// do that hold them, by an exception too; one that does not is reported, and stops the program on another thread, since the
/// first still counts into it. So none lives across a `co_await`: a coroutine that is suspended leaves its contract open on
/// the thread, and may end it on another.
///
///   Cost      O(1) to open and to end; a request costs O(contracts open).
struct [[nodiscard]] allocation_budget {
    static constexpr unsigned long long unlimited = ~0ull;

    char const* name = "allocation_budget";  ///< for reports; it outlives the contract
    unsigned long long count = unlimited;    ///< requests that are allowed
    unsigned long long bytes = unlimited;    ///< and bytes, as requested
    contract_intents intent{};               ///< which requests; others are free
    bool reports = true;  ///< false counts breaches and tells nobody: for tests, which look afterwards
    detail::contract_link link{*this};

    /// What has been requested since it was opened.
    [[nodiscard]] unsigned long long requested_count() const noexcept { return link.count; }
    [[nodiscard]] unsigned long long requested_bytes() const noexcept { return link.bytes; }
    /// How many requests it did not allow, and where the first of them was made.
    [[nodiscard]] unsigned long long breaches() const noexcept { return link.breaches; }
    [[nodiscard]] void const* first_breach_at() const noexcept { return link.first_breach_at; }
};

/// A contract that allows nothing: `no_allocation_scope const quiet{"audio callback"};`. As `allocation_budget{.count = 0}`.
class [[nodiscard]] no_allocation_scope {
public:
    FRAMEALLOC_HOT explicit no_allocation_scope(char const* name = "no_allocation_scope",
                                                contract_intents forbidden = {}) noexcept
        : terms_{.name = name, .count = 0, .intent = forbidden} {}

    [[nodiscard]] unsigned long long breaches() const noexcept { return terms_.breaches(); }

private:
    allocation_budget terms_;
};

namespace detail {

inline void contract_link::enter() noexcept {
    outer_ = innermost_contract;
    innermost_contract = this;
}

FRAMEALLOC_COLD inline void write_contract_name(fault const&, char* to, std::size_t size) noexcept {
    if (reported_breach == nullptr) return;
    __builtin_snprintf(to, size, "the contract \"%.80s\" ", reported_breach->contract->terms().name);
}
FRAMEALLOC_COLD inline void write_breach(fault const&, char* to, std::size_t size) noexcept {
    if (reported_breach == nullptr) return;
    contract_link const& c = *reported_breach->contract;
    allocation_budget const& t = c.terms();
    if (c.count > t.count && !reported_breach->is_growth) {
        __builtin_snprintf(to, size,
                           "the contract \"%.80s\" allows %llu allocations; this is number %llu, of %llu bytes: %llu "
                           "too many",
                           t.name, t.count, c.count, reported_breach->bytes, c.count - t.count);
    } else {
        __builtin_snprintf(to, size,
                           "the contract \"%.80s\" allows %llu bytes; with this allocation of %llu it has %llu: %llu "
                           "too many",
                           t.name, t.bytes, reported_breach->bytes, c.bytes, c.bytes - t.bytes);
    }
}
FRAMEALLOC_COLD inline void write_contract_places(fault_sites const& f, char* to, std::size_t size) noexcept {
    write_places_of_block(f, to, size);
    if (reported_breach == nullptr) return;
    std::size_t const used = __builtin_strlen(to);
    char where[192];
    static_cast<void>(write_code(reported_breach->contract->opened_at(), where, sizeof where));
    __builtin_snprintf(to + used, size - used, "  contract opened at: %s\n", where);
}

/// Reports with the breach at hand for the writers above, and with nothing that the handler allocates counted.
FRAMEALLOC_COLD inline void report_contract(contract_breach const& breach, fault&& f) {
    struct shown {
        contract_breach const* before = reported_breach;
        explicit shown(contract_breach const& b) noexcept { reported_breach = &b; }
        ~shown() { reported_breach = before; }
    } const while_it_lasts{breach};
    report(f);
}

inline void contract_link::leave() {
    if (innermost_contract == this) [[likely]] {
        innermost_contract = outer_;
        return;
    }
    bool is_this_threads = false;
    for (contract_link* c = innermost_contract; c != nullptr && !is_this_threads; c = c->outer_) {
        if (c->outer_ != this) continue;
        c->outer_ = outer_;
        is_this_threads = true;
    }
    fault_sites const sites{.write = &write_contract_places};
    report_contract({.contract = this}, {.code = fault_code::contract_broken,
                                         .note = is_this_threads ? "ended before one that was opened in it"
                                                                 : "ended on another thread than it was opened on",
                                         .stops = !is_this_threads,
                                         .write_subject = &write_contract_name,
                                         .sites = &sites});
}

/// Whether a request that has just been counted is one too many; the growth of one is where the bytes are.
[[nodiscard]] inline bool is_broken(contract_link const& c, unsigned long long count) noexcept {
    return (count != 0 && c.count > c.terms().count) || c.bytes > c.terms().bytes;
}

/// Counts a request, or with `count` 0 the growth of one, in the contracts of the thread, and reports those that it breaks,
/// the innermost first.
FRAMEALLOC_COLD inline void count_request(unsigned long long count, unsigned long long bytes, contract_intents what,
                                          void const* site) {
    if (reported_breach != nullptr) return;  // by who reports
    for (contract_link* c = innermost_contract; c != nullptr; c = c->outer()) {
        allocation_budget const& t = c->terms();
        if (!t.intent.have(what)) continue;
        c->count += count;
        c->bytes += bytes;
        if (!is_broken(*c, count)) continue;
        if (++c->breaches == 1) c->first_breach_at = site;
    }
    // All have counted, should the handler throw.
    for (contract_link* c = innermost_contract; c != nullptr; c = c->outer()) {
        allocation_budget const& t = c->terms();
        if (!t.reports || !t.intent.have(what) || !is_broken(*c, count)) continue;
        fault_sites const sites{.mistake_at = site, .write = &write_contract_places};
        report_contract({c, bytes, count == 0}, {.code = fault_code::contract_broken,
                                                 .numbers = {c->count, t.count, c->bytes, t.bytes},
                                                 .write_subject = &write_breach,
                                                 .sites = &sites});
    }
}

}  // namespace detail
}  // namespace framealloc
