// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

namespace detail {

/// Which instance an ambient allocator binds to when it is made.
template <class A>
struct ambience {
    static_assert(!A::sync::one_thread,
                  "framealloc: an ambient allocator has a default instance, which all threads share; choose "
                  "sync::lock_free or sync::mutex");
    static_assert(std::is_default_constructible_v<typename A::backend> &&
                      std::is_default_constructible_v<typename A::budget>,
                  "framealloc: an ambient allocator has a default instance, and a policy of this assembly cannot be "
                  "made without arguments; use frame_allocator, pool_allocator or heap_allocator");

    /// Constant-initialised and never destroyed (its destructor does nothing): it works before `main`, and in
    /// destructors after it.
    union immortal {
        composed_alloc<A> alloc;
        constexpr immortal() : alloc(alloc_config{}) {}
        constexpr ~immortal() {}
    };

    static inline constinit immortal fallback{};
    FRAMEALLOC_TLS_MODEL static inline constinit thread_local core<A>* current = nullptr;

    [[nodiscard]] static core<A>& instance() noexcept {
        return current != nullptr ? *current : fallback.alloc.shared();
    }
};

}  // namespace detail

/// Makes an instance the calling thread's current one while it lives: what ambient allocators bind to that are made
/// meanwhile. It nests, and brings the one before it back at its end.
///
///   Cost      Two stores.
///   Threads   Each thread has a current instance of its own, for each assembly; a new thread has none, and then the
///             default instance is bound to. It ends on the thread that made it.
///   Failure   None. Ended out of order or on another thread, it is reported (FA204) and changes nothing.
///   Lifetime  The instance outlives it. What has been bound stays bound.
template <class Alloc>
class [[nodiscard]] current_instance {
    using assembly = typename Alloc::assembly_type;
    using ambience = detail::ambience<assembly>;

public:
    explicit current_instance(Alloc& alloc FRAMEALLOC_LIFETIMEBOUND) noexcept
        : mine_(&alloc.shared()), before_(ambience::current) {
        ambience::current = mine_;
    }
    FRAMEALLOC_HOT ~current_instance() {
        if (ambience::current == mine_) {
            ambience::current = before_;
        } else {
            leave_askew(*mine_, detail::here<assembly>());
        }
    }
    current_instance(current_instance const&) = delete;
    current_instance& operator=(current_instance const&) = delete;

private:
    FRAMEALLOC_COLD static void leave_askew(detail::core<assembly>& mine, detail::site_of<assembly> at) {
        [[maybe_unused]] detail::called_at<assembly> const here{at};
        detail::report_misuse(mine, fault_code::instance_not_current,
                              "the instance is not the one that this thread has made current last");
    }

    detail::core<assembly>* mine_;
    detail::core<assembly>* before_;
};

/// The instance that ambient allocators bind to on this thread now: the current one, or else the default one.
template <class Alloc = smart_alloc>
[[nodiscard]] alloc_ref<typename Alloc::assembly_type> current_alloc() noexcept {
    return alloc_ref<typename Alloc::assembly_type>{detail::ambience<typename Alloc::assembly_type>::instance()};
}

/// The default instance of an assembly: made by the compiler, never destroyed, shared by all threads.
template <class Alloc = smart_alloc>
[[nodiscard]] typename Alloc::canonical& default_instance() noexcept {
    return detail::ambience<typename Alloc::assembly_type>::fallback.alloc;
}

}  // namespace framealloc
