// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/hot_state.hpp>
#include <framealloc/detail/platform/platform.hpp>

// Threads and allocator instances: who has state with whom, in every order of birth and death.
//
// Each instance owns a slot number. Each thread has a small array of slots, and the slot of an instance holds the thread's
// state with that instance, or `closed_state`. So the way from an allocator object to the calling thread's state is two
// loads, without a comparison. A slot belongs to one living instance at a time; the instance that dies clears its slot in
// every thread before the number can be drawn again. Instances beyond the slots share one that stays closed: they work,
// through the slow path.
//
// One lock, the registry's, orders thread exit, instance death and fork. It is taken before any lock of an instance and is
// held in no user callback.

namespace framealloc::inline v0_1 {
struct fault_place;
}

namespace framealloc::inline v0_1 {
struct explanation;
}

namespace framealloc::inline v0_1::detail {

struct thread_block;
struct instance_base;

/// Where a thread's state with an instance is in its life.
enum class record_life : unsigned char {
    live,      ///< its thread runs
    draining,  ///< its thread is ending and gives things back; the instance waits with dying
    orphan,    ///< its thread has ended inside a frame that end_frame_all() will end
    vacant,    ///< free for the next thread that comes, which adopts it with what it still holds
    lost,      ///< its thread did not survive a fork: kept for its memory, never adopted
};

/// One thread's state with one instance, as the registry sees it.
struct thread_record : hot_state {
    instance_base* instance = nullptr;
    thread_block* thread = nullptr;
    thread_record* next_of_thread = nullptr;
    thread_record* next_of_instance = nullptr;  ///< all records ever made for the instance
    thread_record* next_vacant = nullptr;
    atomic<record_life> life{record_life::live};
};

inline constexpr std::size_t slot_count = 16;
inline constexpr std::size_t slot_step =
    sizeof(hot_state*);  ///< slots are named by their offset: no scaling on the way
inline constexpr std::size_t shared_slot =
    (slot_count - 1) * slot_step;  ///< always closed: for instances that found no slot of their own

/// What a thread keeps: constant-initialised and trivially destructible, so that it works at every moment of its life.
struct thread_block {
    atomic<hot_state*> slots[slot_count];
    thread_record* records = nullptr;
    unsigned number = 0;  ///< 1, 2, 3, ... in the order of first use
    bool exit_hooked = false;
    bool has_left = false;       ///< it has ended, as far as we have seen, and has given everything back
    unsigned short refusal = 0;  ///< the fault code of the thread's latest refusal by a backend or budget

    constexpr thread_block() noexcept
        : slots{c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c(), c()} {}

private:
    static constexpr atomic<hot_state*> c() noexcept { return atomic<hot_state*>{&closed_state}; }
};
static_assert(sizeof(thread_block::slots) <= 128 && slot_count == 16);

[[nodiscard]] FRAMEALLOC_HOT atomic<hot_state*>& slot_at(thread_block& block, std::size_t slot) noexcept {
    return *reinterpret_cast<atomic<hot_state*>*>(reinterpret_cast<char*>(block.slots) + slot);
}

FRAMEALLOC_TLS_MODEL inline constinit thread_local thread_block this_thread{};

/// An allocator instance, as the registry sees it.
struct instance_base {
    /// What the registry asks of an instance. No lock of ours is held in the first two.
    struct operations {
        void (*finish_frames)(thread_record&);       ///< ends what the exiting thread left open; runs user finalisers
        void (*give_back)(thread_record&) noexcept;  ///< hands the exiting thread's blocks to the other threads
        void (*vacated)(thread_record&) noexcept;    ///< nobody's any more; with the registry locked
        bool (*in_shared_frame)(thread_record const&) noexcept;
        void (*describe)(instance_base&, thread_record const&, fault_place&) noexcept;  ///< where the thread stands
        /// Whether it knows an address, and what it is then; null where no records are kept. With the registry locked.
        bool (*explain)(instance_base&, explanation&) noexcept;
        void (*lock_for_fork)(instance_base&);
        void (*unlock_after_fork)(instance_base&);
    };

    explicit constexpr instance_base(operations const& what) noexcept : ops(&what) {}

    operations const* ops;
    atomic<std::size_t> slot{shared_slot};
    atomic<unsigned long long> id{0};  ///< 0 until the first use; never drawn twice
    thread_record* records = nullptr;
    thread_record* vacant = nullptr;
    instance_base* next_instance = nullptr;
    instance_base* prev_instance = nullptr;
    /// The newest facility, which begins with how all of them end.
    void (**facilities)(instance_base&) noexcept = nullptr;
};

class thread_registry {
public:
    /// The calling thread's state with `i`, or `closed_state`.
    [[nodiscard]] FRAMEALLOC_HOT static hot_state& lookup(instance_base const& i) noexcept {
        hot_state* const h = slot_at(this_thread, i.slot.load(order::relaxed)).load(order::relaxed);
        if (h == nullptr) __builtin_unreachable();
        return *h;
    }

    /// The calling thread's record with `i`; null where there is none.
    [[nodiscard]] static thread_record* find(instance_base& i) noexcept {
        hot_state& hot = lookup(i);
        if (&hot != &closed_state) return static_cast<thread_record*>(&hot);
        if (this_thread.records == nullptr) return nullptr;  // only its own thread adds to the list
        locked const guard{lock_};
        for (thread_record* r = this_thread.records; r != nullptr; r = r->next_of_thread) {
            if (r->instance == &i) return r;
        }
        return nullptr;
    }

    /// Draws the id at the first use of an instance, by which the registry knows it from then on. The slot is drawn for its
    /// first thread: an instance that only has heap blocks needs none.
    static void enroll(instance_base& i) noexcept {
        if (i.id.load(order::acquire) != 0) return;
        locked const guard{lock_};
        if (i.id.load(order::relaxed) != 0) return;
        if (!fork_hooked_) {
            hooks_.call_around_fork();
            fork_hooked_ = true;
        }
        i.next_instance = instances_;
        if (instances_ != nullptr) instances_->prev_instance = &i;
        instances_ = &i;
        i.id.store(++last_id_, order::release);
    }

    /// The calling thread's record, or one that an earlier thread has left and that is its own now: then `adopted`. Null where
    /// there is none, or where the system refuses to tell us when the thread ends.
    [[nodiscard]] FRAMEALLOC_COLD static thread_record* find_or_adopt(instance_base& i, bool& adopted) noexcept {
        locked const guard{lock_};
        return find_or_adopt_under_lock(i, adopted);
    }
    /// The same where nobody has to be waited for. False: nobody knows, the lock is held.
    [[nodiscard]] FRAMEALLOC_COLD static bool try_find_or_adopt(instance_base& i, thread_record*& found,
                                                                bool& adopted) noexcept {
        if (!lock_.try_lock()) return false;
        found = find_or_adopt_under_lock(i, adopted);
        lock_.unlock();
        return true;
    }
    /// The same as `add`, where nobody has to be waited for. False: nothing has been done, the lock is held.
    [[nodiscard]] FRAMEALLOC_COLD static bool try_add(instance_base& i, thread_record& r, bool& attached) noexcept {
        if (!lock_.try_lock()) return false;
        attached = enter(i, r);
        lock_.unlock();
        return true;
    }

    /// Enters a new record, and makes it the calling thread's. False where the system refuses: then it waits for the next
    /// thread.
    [[nodiscard]] FRAMEALLOC_COLD static bool add(instance_base& i, thread_record& r) noexcept {
        locked const guard{lock_};
        return enter(i, r);
    }

    /// Ends what is built on the instance, and takes it out of every thread. Afterwards no thread reaches it, and its records
    /// are the caller's alone.
    FRAMEALLOC_COLD static void leave(instance_base& i) noexcept {
        if (i.id.load(order::acquire) == 0) return;
        if (i.facilities != nullptr) (*i.facilities)(i);
        lock_.lock();
        while (is_draining_elsewhere(i)) {
            lock_.unlock();
            platform::yield();
            lock_.lock();
        }
        std::size_t const slot = i.slot.load(order::relaxed);
        for (thread_record* r = i.records; r != nullptr; r = r->next_of_instance) {
            if (r->thread != nullptr) detach(slot, *r);
        }
        slot_taken_[slot / slot_step] = false;  // of the shared slot nobody asks
        (i.prev_instance != nullptr ? i.prev_instance->next_instance : instances_) = i.next_instance;
        if (i.next_instance != nullptr) i.next_instance->prev_instance = i.prev_instance;
        lock_.unlock();
    }

    /// Ends what is left of a record whose thread has gone, now that the shared frame which kept it has ended. `close`
    /// marks the frame as ended and runs under the registry's lock, so that thread exit sees it before or after.
    template <class Close>
    static void shared_frame_ended(thread_record& r, Close&& close) noexcept {
        locked const guard{lock_};
        close();
        if (r.life.load(order::relaxed) == record_life::orphan) vacate(r);
    }

    /// Calls `f(record)` for the records that no thread has, without the lock: no thread can adopt them meanwhile.
    template <class F>
    static void for_each_vacant(instance_base& i, F&& f) {
        lock_.lock();
        thread_record* first = i.vacant;
        i.vacant = nullptr;
        lock_.unlock();
        thread_record* last = nullptr;
        for (thread_record* r = first; r != nullptr; r = r->next_vacant) {
            f(*r);
            last = r;
        }
        if (last == nullptr) return;
        locked const guard{lock_};
        last->next_vacant = i.vacant;
        i.vacant = first;
    }

    /// Calls `f(record)` for the calling thread's records, the newest first, with the registry locked.
    template <class F>
    static void for_each_record_of_this_thread(F&& f) {
        locked const guard{lock_};
        for (thread_record* r = this_thread.records; r != nullptr; r = r->next_of_thread) f(*r);
    }

    /// Calls `f(record)` for all records of an instance, with the registry locked.
    template <class F>
    static void for_each_record(instance_base& i, F&& f) {
        locked const guard{lock_};
        for (thread_record* r = i.records; r != nullptr; r = r->next_of_instance) f(*r);
    }

    /// The first living instance that `wanted(instance)` answers true for; null where there is none. Instances are known
    /// from their first request on. `wanted` runs with the registry locked. O(living instances).
    template <class F>
    [[nodiscard]] static instance_base* find_instance(F&& wanted) noexcept {
        locked const guard{lock_};
        instance_base* i = instances_;
        while (i != nullptr && !wanted(*i)) i = i->next_instance;
        return i;
    }

    [[nodiscard]] static unsigned thread_number() noexcept { return this_thread.number; }

private:
    FRAMEALLOC_COLD static thread_record* find_or_adopt_under_lock(instance_base& i, bool& adopted) noexcept {
        thread_record* r = this_thread.records;
        while (r != nullptr && r->instance != &i) r = r->next_of_thread;
        adopted = r == nullptr && i.vacant != nullptr && hook_exit();
        if (adopted) {
            r = i.vacant;
            i.vacant = r->next_vacant;
            attach(i, *r);
        }
        return r;
    }

    FRAMEALLOC_COLD static bool enter(instance_base& i, thread_record& r) noexcept {
        if (i.records == nullptr) draw_slot(i);
        r.instance = &i;
        r.next_of_instance = i.records;
        i.records = &r;
        bool const hooked = hook_exit();
        hooked ? attach(i, r) : vacate(r);
        return hooked;
    }

    FRAMEALLOC_COLD static void draw_slot(instance_base& i) noexcept {
        for (std::size_t s = 0; s < shared_slot; s += slot_step) {
            if (slot_taken_[s / slot_step]) continue;
            slot_taken_[s / slot_step] = true;
            i.slot.store(s, order::relaxed);
            return;
        }
    }

    static void attach(instance_base& i, thread_record& r) noexcept {
        thread_block& me = this_thread;
        if (me.number == 0) me.number = ++last_thread_;
        r.thread = &me;
        r.next_of_thread = me.records;
        me.records = &r;
        r.life.store(record_life::live, order::relaxed);
        std::size_t const slot = i.slot.load(order::relaxed);
        if (slot != shared_slot) slot_at(me, slot).store(&r, order::relaxed);
    }

    static void detach(std::size_t slot, thread_record& r) noexcept {
        thread_block& owner = *r.thread;
        thread_record** link = &owner.records;
        while (*link != &r) link = &(*link)->next_of_thread;
        *link = r.next_of_thread;
        // relaxed: a thread that still used this instance while it dies would be wrong in any order, and for all others
        // the slot is not theirs to read before its number is drawn again, under the lock that we hold.
        if (slot != shared_slot) slot_at(owner, slot).store(&closed_state, order::relaxed);
        r.thread = nullptr;
    }

    static void vacate(thread_record& r) noexcept {
        r.instance->ops->vacated(r);
        r.life.store(record_life::vacant, order::relaxed);
        r.next_vacant = r.instance->vacant;
        r.instance->vacant = &r;
    }

    [[nodiscard]] static bool hook_exit() noexcept {
        if (!this_thread.exit_hooked) this_thread.exit_hooked = platform::call_at_thread_exit(hooks_.on_thread_exit);
        return this_thread.exit_hooked;
    }

    [[nodiscard]] static bool is_draining_elsewhere(instance_base const& i) noexcept {
        for (thread_record* r = i.records; r != nullptr; r = r->next_of_instance) {
            if (r->life.load(order::relaxed) == record_life::draining && r->thread != &this_thread) return true;
        }
        return false;
    }

    static void on_thread_exit() noexcept {
        thread_block& me = this_thread;
        me.exit_hooked = false;  // what the finalisers below may make anew asks for another round
        for (;;) {
            lock_.lock();
            thread_record* const r = me.records;
            if (r != nullptr) r->life.store(record_life::draining, order::relaxed);
            lock_.unlock();
            me.has_left = r == nullptr;
            if (r == nullptr) return;

            r->instance->ops->finish_frames(*r);
            r->instance->ops->give_back(*r);

            locked const guard{lock_};
            detach(r->instance->slot.load(order::relaxed), *r);
            if (r->instance->ops->in_shared_frame(*r)) {
                r->life.store(record_life::orphan, order::relaxed);
            } else {
                vacate(*r);
            }
        }
    }

    static void before_fork() {
        lock_.lock();
        for (instance_base* i = instances_; i != nullptr; i = i->next_instance) i->ops->lock_for_fork(*i);
    }
    static void after_fork_in_parent() {
        for (instance_base* i = instances_; i != nullptr; i = i->next_instance) i->ops->unlock_after_fork(*i);
        lock_.unlock();
    }
    static void after_fork_in_child() {
        for (instance_base* i = instances_; i != nullptr; i = i->next_instance) {
            i->ops->unlock_after_fork(*i);
            for (thread_record* r = i->records; r != nullptr; r = r->next_of_instance) {
                if (r->thread == &this_thread || r->life.load(order::relaxed) == record_life::vacant) continue;
                r->life.store(record_life::lost, order::relaxed);
                r->thread = nullptr;
            }
        }
        lock_.unlock();
    }

    static void call_around_fork() noexcept {
        platform::call_around_fork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
    }

    /// What the system is told to call. Where several shared libraries have a copy of this code and share the data below, the
    /// copy must be the one that is unloaded with the data and not before: whose addresses lie in it from the start. Not
    /// const, or the compiler would take the copy at hand instead of reading them.
    struct system_hooks {
        void (*on_thread_exit)();
        void (*call_around_fork)();
    };
    static inline constinit system_hooks hooks_{&on_thread_exit, &call_around_fork};

    static inline constinit platform::mutex lock_{};
    static inline constinit instance_base* instances_ = nullptr;
    static inline constinit unsigned long long last_id_ = 0;
    static inline constinit unsigned last_thread_ = 0;
    static inline constinit bool fork_hooked_ = false;
    static inline constinit bool slot_taken_[slot_count] = {};
};

}  // namespace framealloc::detail
