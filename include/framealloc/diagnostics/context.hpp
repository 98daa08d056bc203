// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/fault_place.hpp>
#include <framealloc/detail/platform/thread_identity.hpp>
#include <framealloc/detail/thread_registry.hpp>

namespace framealloc::inline v0_1 {

namespace detail {
inline constinit atomic<bool> engine_is_active{false};
}

/// Says whether an engine runs that drives the frames; answers what was said before. Its adapter says so, or whoever plays its
/// part. Thread-safe.
inline bool set_engine_active(bool active) noexcept {
    return detail::engine_is_active.exchange(active, detail::order::acq_rel);
}

/// While it lives an engine is active, and then it is what it was before.
class [[nodiscard]] engine_active_scope {
public:
    engine_active_scope() noexcept : before_(set_engine_active(true)) {}
    ~engine_active_scope() { set_engine_active(before_); }
    engine_active_scope(engine_active_scope const&) = delete;
    engine_active_scope& operator=(engine_active_scope const&) = delete;

private:
    bool before_;
};

/// Where a program stands: the calling thread, and its frame in an instance.
///
///   Cost      One system call, and a walk over the thread's instances. Nothing is allocated.
///   Threads   Each captures its own. An instance that others use at the same time may be captured.
///   Lifetime  The names in it are those that the program gave: they stay readable as long as the program keeps them.
struct diag_context : fault_place {
    bool engine_active = false;  ///< as `set_engine_active` says
    bool main_thread = false;    ///< the process's first thread
    unsigned long long system_thread = 0;
    char thread_name[16] = {};

    /// Of the instances that the thread has used, those of one thread left out: the one that it came to last of those whose
    /// frame is open here, or else the one that it came to last. Where there is none, that part is empty.
    [[nodiscard]] static diag_context capture() noexcept {
        diag_context now = of_thread();
        detail::thread_registry::for_each_record_of_this_thread([&](detail::thread_record& r) {
            if (now.frame_active) return;
            fault_place here;
            r.instance->ops->describe(*r.instance, r, here);
            if (now.instance == 0 || here.frame_active) static_cast<fault_place&>(now) = here;
        });
        now.write = &write_lines;
        return now;
    }

    /// With an instance: an allocator, or a reference to one.
    template <class Alloc>
    [[nodiscard]] static diag_context capture(Alloc& alloc) noexcept {
        diag_context now = of_thread();
        auto& core = alloc.shared();
        detail::describe_place(core, core.state_if_any(), now);
        return now;
    }

private:
    [[nodiscard]] static diag_context of_thread() noexcept {
        diag_context now;
        now.write = &write_lines;
        now.thread = detail::thread_registry::thread_number();
        now.engine_active = detail::engine_is_active.load(detail::order::acquire);
        now.main_thread = detail::platform::is_main_thread();
        now.system_thread = detail::platform::system_thread_id();
        detail::platform::thread_name(now.thread_name, sizeof now.thread_name);
        return now;
    }
    static void write_lines(fault_place const& place, char* to, std::size_t size) noexcept {
        auto const& c = static_cast<diag_context const&>(place);
        detail::write_place(place, to, size);
        std::size_t const written = __builtin_strlen(to);
        if (written == 0 || (!c.engine_active && !c.main_thread)) return;
        __builtin_snprintf(to + written - 1, size - (written - 1), "%s%s\n", c.main_thread ? ", main thread" : "",
                           c.engine_active ? ", engine active" : "");
    }
};

}  // namespace framealloc
