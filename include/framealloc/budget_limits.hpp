// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/intent.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// Stands for a limit that is none.
inline constexpr std::size_t no_limit = SIZE_MAX;

/// What happens to a request that would pass a hard limit.
enum class limit_action : unsigned char {
    refuse,  ///< it is refused, and nothing has changed
    warn,    ///< it is served, and the listener is told
    allow,   ///< it is served
    ask,     ///< the listener decides, and may make room first
};

/// Limits in bytes. The soft one tells, the hard one holds; what is reserved is kept free for nobody else.
struct budget_limits {
    std::size_t soft = no_limit;
    std::size_t hard = no_limit;
    /// Bytes that count as used above this tag even while they are not, so that nobody else gets them. 0 to `hard`.
    std::size_t reserved = 0;
    limit_action at_hard = limit_action::refuse;

    friend bool operator==(budget_limits const&, budget_limits const&) noexcept = default;
};

/// What a listener is told of, once per crossing: after it has been told, use has to fall an eighth below the limit first.
enum class budget_event_kind : unsigned char {
    soft_limit_exceeded,    ///< a tag's, or with an empty path every thread's frames' or the whole instance's
    hard_limit_exceeded,    ///< the same; the request was refused or not as `limit_action` says
    global_limit_exceeded,  ///< the instance's hard limit on what it takes from its backend
    new_peak,               ///< a tag has used more than ever, by at least the configured step
};

/// Whose limit it is.
enum class budget_scope : unsigned char {
    tag,                 ///< a tag's, or with an empty path that of all tags together
    frames_of_a_thread,  ///< each thread's frames
    instance,            ///< what the instance takes from its backend
};

/// One crossing, or one request that meets a hard limit.
struct budget_event {
    budget_event_kind kind;
    budget_scope scope;
    /// Whose limit, or peak; empty for the whole tree, a thread's frames and the instance. Stays readable for good.
    char const* path;
    std::size_t used_bytes;   ///< with what threads have been credited and not spent yet
    std::size_t limit_bytes;  ///< the limit that was passed; for a new peak, the peak before it
    std::size_t requested_bytes;
    allocation_intent intent;
};

/// What a listener answers when it is asked.
enum class limit_decision : unsigned char {
    refuse,  ///< refuse the request
    allow,   ///< serve it, above the limit; what the instance takes from its backend stays below, and this refuses
    retry,   ///< try again: room has been made. Asked sixteen times for one request, it is refused.
};

/// Who is told of events and asked at limits. Called on the thread whose request it is, while no lock of ours is held: it may
/// allocate and free, change limits, and throw out of plain forms; then the request has changed nothing. Out of a `try_` form
/// it makes the request answer null. While a thread is in a listener, its own requests raise no further events, and where the
/// listener would have to be asked again, the request is refused.
class budget_listener {
public:
    virtual void on_event(budget_event const&) {}
    [[nodiscard]] virtual limit_decision on_hard_limit(budget_event const&) { return limit_decision::refuse; }

protected:
    ~budget_listener() = default;
};

}  // namespace framealloc
