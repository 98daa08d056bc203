// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/basic_object_pool.hpp>
#include <framealloc/object_pool/detail/thread_pools.hpp>
#include <framealloc/sync/mutex.hpp>

#include <mutex>

namespace framealloc::inline v0_1 {

namespace detail {
/// The pool of one thread: growing, unless the policies say otherwise. Where it is checked it has a lock, so that another thread
/// may be told whose an object is.
template <class T, bool SaysStorage, class... Policies>
struct pool_of_thread {
    using type = basic_object_pool<T, Policies...>;
};
template <class T, class... Policies>
struct pool_of_thread<T, false, Policies...> {
    using type = basic_object_pool<T, storage::growing, Policies...>;
};
template <class P>
inline constexpr bool policy_keeps_records = requires { requires P::keeps_records; };
/// With a sync policy, which is complained about, it is any one.
template <class T, class... Policies>
using choose_pool_of_thread = typename std::conditional_t<
    count_of<sync_family, Policies...> != 0, pool_of_thread<T, false>,
    std::conditional_t<
        (policy_keeps_records<Policies> || ...),
        pool_of_thread<T, count_of<object_storage_family, Policies...> != 0, sync::mutex<std::mutex>, Policies...>,
        pool_of_thread<T, count_of<object_storage_family, Policies...> != 0, Policies...>>>::type;
}  // namespace detail

/// A pool for each thread that uses it: made at the thread's first use, of one configuration, and gone when the thread ends. There
/// is no synchronisation. An object goes back on the thread that allocated it.
///
///   Cost      That of the thread's pool, and a look at a thread-local variable. A program that uses several of one type in turn on
///             a thread searches the parts of all threads each time.
///   Threads   Any number, each with its own objects. Making and ending are for one thread, when no other uses it.
///   Failure   As the pools' policies say; and a thread's first use may be refused for want of memory (FA303). With
///             `diagnostics::checked`, an object that is given back on another thread than its own is reported (FA201), and stays.
///   Lifetime  Objects that live when their thread ends stay where they are, and end with the pool: no other thread may give them
///             back. The thread's own last destructors may.
template <class T, class... Policies>
class thread_local_pool {
    static_assert(detail::count_of<sync_family, Policies...> == 0,
                  "framealloc: a thread_local_pool has a pool per thread; it takes no sync policy");

public:
    using pool_type = detail::choose_pool_of_thread<T, Policies...>;
    using assembly_type = typename pool_type::assembly_type;
    using value_type = T;
    using owned_type = owned<thread_local_pool>;
    static constexpr bool releases_quietly = pool_type::releases_quietly;
    static constexpr bool knows_pool_of_object = false;
    /// Its objects may not go back on any thread.
    static constexpr bool is_thread_safe = false;

    /// Takes no memory: each thread does at its first use. Throws `configuration_error`.
    explicit thread_local_pool(object_pool_config config = {})
        : config_(std::move(config)), id_(detail::thread_local_pools_made.fetch_add(1, detail::order::relaxed) + 1) {
        pool_type::check(config_);
    }
    explicit thread_local_pool(std::size_t capacity) : thread_local_pool(object_pool_config{.capacity = capacity}) {}
    thread_local_pool(thread_local_pool const&) = delete;
    thread_local_pool& operator=(thread_local_pool const&) = delete;
    ~thread_local_pool() {
        {
            detail::locked const guard{detail::thread_pools_guard};
            for (auto* n = first_; n != nullptr; n = n->next) n->leave_thread();
        }
        while (first_ != nullptr) {
            auto* const n = static_cast<node*>(first_);
            first_ = n->next;
            delete n;
        }
    }

    /// The calling thread's pool. The reference is for this thread, for as long as it runs. Throws `allocation_failure`.
    [[nodiscard]] FRAMEALLOC_HOT pool_type& local() {
        if (latest.id == id_) [[likely]]
            return *latest.pool;
        return find_or_make();
    }

    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* allocate(Args&&... args) {
        return local().allocate(static_cast<Args&&>(args)...);
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT T* try_allocate(Args&&... args) {
        pool_type* const pool = latest.id == id_ ? latest.pool : try_find_or_make();
        return pool != nullptr ? pool->try_allocate(static_cast<Args&&>(args)...) : nullptr;
    }
    /// Ends `object`, which this thread has allocated.
    FRAMEALLOC_HOT void free(T* object) noexcept(releases_quietly) {
        if constexpr (detail::keeps_records<assembly_type>) {
            if (is_of_another_thread(object, detail::here<assembly_type>())) return;
        }
        if (latest.id == id_) [[likely]]
            return latest.pool->free(object);
        if (pool_type* const pool = try_find_or_make()) pool->free(object);
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT owned_type make(Args&&... args) FRAMEALLOC_LIFETIMEBOUND {
        return owned_type{allocate(static_cast<Args&&>(args)...), *this};
    }
    template <class... Args>
    [[nodiscard]] FRAMEALLOC_HOT owned_type try_make(Args&&... args) FRAMEALLOC_LIFETIMEBOUND {
        return owned_type{try_allocate(static_cast<Args&&>(args)...), *this};
    }

    /// How many pools there are: of threads that run, and of those that have ended while objects of theirs were alive.
    [[nodiscard]] std::size_t instances() const noexcept {
        detail::locked const guard{detail::thread_pools_guard};
        std::size_t count = 0;
        for (auto const* n = first_; n != nullptr; n = n->next) ++count;
        return count;
    }
    [[nodiscard]] object_pool_config const& config() const noexcept { return config_; }

private:
    struct node : detail::thread_pool_node {
        template <class... Made>
        explicit node(thread_local_pool& owner, Made&... made) : of(owner), pool(owner.config_, made...) {
            this->thread = detail::pools_of_thread.numbered();
            this->leave = &leave_pool;
            this->destroy = [](detail::thread_pool_node& n) noexcept { delete static_cast<node*>(&n); };
        }
        /// Under the guard, on the thread that ends. What runs on it afterwards looks anew.
        static bool leave_pool(detail::thread_pool_node& n) noexcept {
            node& self = static_cast<node&>(n);
            if (latest.pool == &self.pool) latest = {};
            if (self.pool.live() != 0) return false;
            detail::thread_pool_node** at = &self.of.first_;
            while (*at != &n) at = &(*at)->next;
            *at = n.next;
            return true;
        }

        thread_local_pool& of;
        pool_type pool;
    };
    /// Which pool of this type the thread used last; ids are never used again.
    struct latest_use {
        unsigned long long id = 0;
        pool_type* pool = nullptr;
    };
    FRAMEALLOC_TLS_MODEL static inline constinit thread_local latest_use latest{};

    FRAMEALLOC_COLD pool_type& find_or_make() {
        node* const n = find();
        return use(n != nullptr ? n : enter(new node(*this)));
    }
    FRAMEALLOC_COLD pool_type* try_find_or_make() noexcept {
        FRAMEALLOC_TRY {
            if (node* const n = find()) return &use(n);
            bool made = true;
            node* const n = detail::try_new<node>(*this, made);
            if (n != nullptr && made) return &use(enter(n));
            delete n;
        }
        FRAMEALLOC_CATCH_ALL {}
        return nullptr;
    }
    [[nodiscard]] static pool_type& use(node* n) noexcept {
        detail::end_of_thread_pools.used = true;  // from now on the thread's end comes by
        latest = {.id = n->of.id_, .pool = &n->pool};
        return n->pool;
    }
    /// The thread's own part: also when its destructors have come past those of this library.
    [[nodiscard]] node* find() noexcept {
        unsigned long long const self = detail::pools_of_thread.numbered();
        detail::locked const guard{detail::thread_pools_guard};
        for (auto* n = first_; n != nullptr; n = n->next) {
            if (n->thread == self) return static_cast<node*>(n);
        }
        return nullptr;
    }
    [[nodiscard]] node* enter(node* n) noexcept {
        detail::locked const guard{detail::thread_pools_guard};
        n->next = first_;
        first_ = n;
        detail::pools_of_thread.add(*n);
        return n;
    }

    [[nodiscard]] bool is_of_another_thread(T* object, detail::site_of<assembly_type> at) {
        {
            detail::locked const guard{detail::thread_pools_guard};
            detail::thread_pool_node const* n = first_;
            while (n != nullptr && !static_cast<node const*>(n)->pool.owns(object)) n = n->next;
            if (n == nullptr || n->thread == detail::pools_of_thread.numbered()) return false;
        }
        fault f = detail::said(fault_code::wrong_thread,
                               "the object at 0x%llx is of another thread's pool, or of a thread's that has ended",
                               detail::address_of(object));
        f.stops = assembly_type::diagnostics::stops_on_misuse;
        detail::object_pool_sites sites{{.write = &detail::write_object_pool_sites}, config_.name};
        sites.mistake_at = at.address;
        f.sites = &sites;
        report(f);
        return true;
    }

    object_pool_config config_;
    unsigned long long const id_;
    detail::thread_pool_node* first_ = nullptr;
};

}  // namespace framealloc
