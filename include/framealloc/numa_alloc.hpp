// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/backend/numa.hpp>
#include <framealloc/smart_alloc.hpp>

namespace framealloc::inline v0_1 {

namespace detail {

/// The instance whose node the calling thread was on, of the allocator of many nodes that it used last.
struct thread_home {
    unsigned long long owner = 0;  ///< never drawn twice, so that what is left of a dead allocator matches nobody
    void* instance = nullptr;
};
FRAMEALLOC_TLS_MODEL inline constinit thread_local thread_home home_of_this_thread{};

inline constinit atomic<unsigned long long> last_numa_owner{0};

/// Makes backends the usual way: from a placement, and from the topology where the backend takes one.
template <class Backend, class Topology>
struct usual_numa_backend {
    Topology topology;

    [[nodiscard]] Backend operator()(placement where) const {
        if constexpr (std::is_constructible_v<Backend, placement, Topology>) {
            return Backend{where, topology};
        } else {
            return Backend{where};
        }
    }
};

}  // namespace detail

/// One allocator instance per node of memory, each with its own slabs, chunks, depots and heap blocks, all on its node:
/// `alloc.here().pool_new<T>()`, `alloc.on_node(1).heap_array<float>(n)`.
///
/// A block goes home: `pool_free(p)` and its kin find the instance that gave it, from any thread on any node, and only
/// that instance will give it out again. That is so by construction: the magazine that a thread pushes a block into is
/// one per thread *and instance*, so a thread on another node hands what it frees to the home node's depot and never
/// serves its own requests from it.
///
///   Cost      `here()` is a load and a comparison; the node is looked up at `begin_frame` and where the thread has
///             used another allocator of many nodes in between. A free reads the page map once per node until it has
///             found the home, the thread's own node first. Each node takes one of the 15 slots that make an instance
///             fast; a thread that frees for another node gets state with that node's instance, too.
///   Threads   Any number. A thread that moves to another node is noticed at its next `begin_frame`.
///   Failure   The constructor throws `allocation_failure` or `configuration_error` and leaves nothing behind;
///             `on_node` throws `configuration_error` (FA902) for a node that is not there, `find_node` answers null. A
///             pointer of nobody's is reported (FA211).
///   Lifetime  The instances live as long as this object, each of them in memory of its own node.
///   Source    TCMalloc's NUMA mode keeps its lists per node; a freed block goes back to the allocator that owns it in
///             P. Liétar et al., "snmalloc: a message passing allocator", ISMM 2019.
///
/// `Alloc` is an assembly whose backend places memory; `numa_alloc<Policies...>` names the usual one.
template <class Alloc, NumaTopology Topology = system_numa>
class basic_numa_alloc {
public:
    using alloc_type = Alloc;
    using backend_type = typename Alloc::backend_type;

    explicit basic_numa_alloc(alloc_config const& config = {}, Topology topology = {})
        : basic_numa_alloc(config, topology, detail::usual_numa_backend<backend_type, Topology>{topology}) {}

    /// `make(placement)` answers the backend of a node's instance. `given` are policy objects with state, of which each
    /// instance gets a copy: a budget of so many bytes is a budget per node.
    template <class MakeBackend, class... Given>
    basic_numa_alloc(alloc_config const& config, Topology topology, MakeBackend make, Given const&... given)
        : topology_(topology),
          nodes_(topology_.nodes()),
          id_(detail::last_numa_owner.fetch_add(1, detail::order::relaxed) + 1) {
        layout const table = layout::array_of<station*>(nodes_.count());
        stations_ = static_cast<station**>(detail::platform::block(table.bytes, table.align));
        if (stations_ == nullptr) refuse(table);
        FRAMEALLOC_TRY {
            for (; made_ < nodes_.count(); ++made_) {
                stations_[made_] = make_station(config, make(placement::on(nodes_.at(made_))), given...);
            }
        }
        FRAMEALLOC_CATCH_ALL {
            end();
            FRAMEALLOC_RETHROW;
        }
    }
    ~basic_numa_alloc() { end(); }
    basic_numa_alloc(basic_numa_alloc const&) = delete;
    basic_numa_alloc& operator=(basic_numa_alloc const&) = delete;

    // --- instances ---------------------------------------------------------------------------------------------------

    /// The nodes that have an instance.
    [[nodiscard]] node_set const& nodes() const noexcept { return nodes_; }
    [[nodiscard]] unsigned node_count() const noexcept { return made_; }
    [[nodiscard]] Topology const& topology() const noexcept { return topology_; }

    /// The instance of a node, by the system's number.
    [[nodiscard]] Alloc& on_node(unsigned node) {
        Alloc* const found = find_node(node);
        if (found == nullptr) {
            detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration,
                 .note = "on_node() was asked for node %llu; expected a node with memory: there are %llu, the highest "
                         "is %llu",
                 .numbers = {node, nodes_.count(), nodes_.last()}});
        }
        return *found;
    }
    /// The same; null for a node that is not there.
    [[nodiscard]] Alloc* find_node(unsigned node) noexcept {
        return nodes_.contains(node) ? &stations_[nodes_.rank(node)]->alloc : nullptr;
    }

    /// The instance of the calling thread's node. It stays the same from one `begin_frame` to the next.
    [[nodiscard]] Alloc& here() noexcept {
        detail::thread_home const& mine = detail::home_of_this_thread;
        if (mine.owner == id_) [[likely]]
            return *static_cast<Alloc*>(mine.instance);
        return look_around();
    }
    /// Notices that the calling thread has moved to another node, unless it has a frame open here. `begin_frame` and
    /// `frame_scope` do it; threads that only join frames of all, or open none, may want to.
    Alloc& refresh() noexcept {
        Alloc& mine = here();
        return mine.frame_is_open() ? mine : settle_on(instance_of_current_node());
    }

    /// The instance that gave `p`; null where none did. Any thread.
    [[nodiscard]] Alloc* owner_of(void* p) noexcept {
        Alloc& mine = here();
        if (mine.owns(p)) return &mine;
        for (unsigned i = 0; i < made_; ++i) {
            if (stations_[i]->alloc.owns(p)) return &stations_[i]->alloc;
        }
        return nullptr;
    }

    // --- frames ------------------------------------------------------------------------------------------------------

    /// Opens the calling thread's frame on the node that it is on now.
    void begin_frame() { refresh().begin_frame(); }
    /// Ends the frame that `begin_frame` opened, whatever node the thread is on by now.
    void end_frame() { here().end_frame(); }
    /// A scope of the calling thread's frame, which it opens, on the thread's node, if none is open.
    [[nodiscard]] auto frame_scope() { return refresh().frame_scope(); }
    /// Opens, and ends, the frame of all threads in every instance; a thread joins that of the node it is on.
    void begin_frame_all() {
        for (unsigned i = 0; i < made_; ++i) stations_[i]->alloc.begin_frame_all();
    }
    void end_frame_all() {
        for (unsigned i = 0; i < made_; ++i) stations_[i]->alloc.end_frame_all();
    }

    // --- what goes home ----------------------------------------------------------------------------------------------

    /// As the verbs of the same names, for blocks of any of the instances. A pointer that none of them gave is reported at
    /// every level (FA211), and nothing is done with it.
    void pool_free(void* p) noexcept {
        send_home(p, [&](Alloc& to) { to.pool_free(p); });
    }
    void pool_free(void* p, layout given) noexcept {
        send_home(p, [&](Alloc& to) { to.pool_free(p, given); });
    }
    void heap_free(void* p) noexcept {
        send_home(p, [&](Alloc& to) { to.heap_free(p); });
    }
    void heap_free(void* p, layout given) noexcept {
        send_home(p, [&](Alloc& to) { to.heap_free(p, given); });
    }
    template <class T>
    void pool_delete(T* object) noexcept {
        send_home(whole(object), [&](Alloc& to) { to.pool_delete(object); });
    }
    template <class T>
    void pool_delete(std::span<T> objects) noexcept {
        send_home(whole(objects.data()), [&](Alloc& to) { to.pool_delete(objects); });
    }
    template <class T>
    void heap_delete(T* object) noexcept {
        send_home(whole(object), [&](Alloc& to) { to.heap_delete(object); });
    }
    template <class T>
    void heap_delete(std::span<T> objects) noexcept {
        send_home(whole(objects.data()), [&](Alloc& to) { to.heap_delete(objects); });
    }

    /// As `trim` of an instance, for all of them; the bytes are those of all nodes.
    std::size_t trim() noexcept {
        std::size_t bytes = 0;
        for (unsigned i = 0; i < made_; ++i) bytes += stations_[i]->alloc.trim();
        return bytes;
    }

    // --- reports -----------------------------------------------------------------------------------------------------

    /// All nodes together; those of one are `on_node(n).stats()`.
    [[nodiscard]] alloc_stats stats() {
        alloc_stats sum;
        for (unsigned i = 0; i < made_; ++i) sum += stations_[i]->alloc.stats();
        return sum;
    }
    /// As `verify` of an instance: the first thing that is wrong in any of them.
    [[nodiscard]] verification verify() {
        for (unsigned i = 0; i < made_; ++i) {
            if (verification const v = stations_[i]->alloc.verify(); !v) return v;
        }
        return {};
    }
    [[nodiscard]] std::size_t usable_size(void* p) noexcept {
        Alloc* const found = owner_of(p);
        return found != nullptr ? found->usable_size(p) : 0;
    }

private:
    /// An instance, with the backend that its own memory came from.
    struct station {
        backend_type memory;
        Alloc alloc;

        template <class... Given>
        station(alloc_config const& config, backend_type const& from, Given const&... given)
            : memory(from), alloc(config, backend_type(from), given...) {}
    };

    template <class... Given>
    [[nodiscard]] static station* make_station(alloc_config const& config, backend_type from, Given const&... given) {
        layout const request = layout::of<station>();
        void* const place = from.try_allocate(request);
        if (place == nullptr) refuse(request);
        return detail::construct<station>(place, [&] { from.deallocate(place, request); }, config, from, given...);
    }
    [[noreturn]] static void refuse(layout request) {
        detail::throw_failure({.code = fault_code::out_of_memory,
                               .note = "asked for %llu bytes, align %llu, for the instances of the nodes",
                               .numbers = {request.bytes, request.align}},
                              request);
    }
    void end() noexcept {
        while (made_ > 0) {
            station* const last = stations_[--made_];
            backend_type memory = last->memory;
            detail::destroy_backwards(last, 1);
            memory.deallocate(last, layout::of<station>());
        }
        detail::platform::release_block(stations_);
    }

    /// For a thread that comes back from another allocator of many nodes, or is new: to the instance where it has a
    /// frame open, if there is one.
    FRAMEALLOC_COLD Alloc& look_around() noexcept {
        for (unsigned i = 0; i < made_; ++i) {
            if (stations_[i]->alloc.frame_is_open()) return settle_on(stations_[i]->alloc);
        }
        return settle_on(instance_of_current_node());
    }
    [[nodiscard]] Alloc& instance_of_current_node() noexcept {
        return stations_[nodes_.rank(topology_.current_node())]->alloc;
    }
    Alloc& settle_on(Alloc& instance) noexcept {
        detail::home_of_this_thread = {.owner = id_, .instance = &instance};
        return instance;
    }

    template <class Free>
    void send_home(void* p, Free&& free) noexcept {
        if (p == nullptr) return;
        Alloc* const found = owner_of(p);
        // Nobody's: the thread's own instance says so, by address, where it does not know the pointer either.
        found != nullptr ? free(*found) : here().pool_free(p);
    }
    template <class T>
    [[nodiscard]] static void* whole(T* object) noexcept {
        if constexpr (std::is_polymorphic_v<T> && !std::is_final_v<T>) {  // null stays null
            return dynamic_cast<void*>(const_cast<std::remove_cv_t<T>*>(object));
        } else {
            return const_cast<std::remove_cv_t<T>*>(object);
        }
    }

    [[no_unique_address]] Topology topology_;
    node_set nodes_;
    station** stations_ = nullptr;
    unsigned made_ = 0;
    unsigned long long id_;
};

/// One instance per node of the machine that the program runs on, with these policies; the backend is `backend::numa`.
template <class... Policies>
using numa_alloc = basic_numa_alloc<basic_smart_alloc<backend::numa, Policies...>>;

}  // namespace framealloc
