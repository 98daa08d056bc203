// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/chunk_pool.hpp>
#include <framealloc/detail/guard_ranges.hpp>

namespace framealloc::inline v0_1::detail {

/// Whose frame a chunk serves, or has served.
struct chunk_user {
    void const* frame = nullptr;  ///< the thread's, for all its frames
    atomic<unsigned long long> const* begun = nullptr;
    unsigned long long number = 0;  ///< as the thread counts
    instance_base* instance = nullptr;
    char const* instance_name = nullptr;
};

/// Frame chunks that no frame uses, where frames are guarded: they cannot be touched, and come back to a thread only when
/// some more of its frames are over. A chunk has its head on a page of its own, and a page behind it that is never touched.
///
///     base             head's page                data                            guard
///     [ . . . . side | frame_chunk ][ begin() . . . . . . . . . . end() . ][ cannot be touched ]
///
///   Cost      Two system calls per chunk and frame.
///   Threads   Any number, behind the instance's sync mutex.
///   Failure   Where the backend or the budget has no more, chunks come back early, the oldest first.
///   Lifetime  Chunks stay until `trim`, or until the instance ends.
template <class A>
class chunk_pool<A, true> {
    static constexpr auto options = A::diagnostics::guard;

public:
    [[nodiscard]] FRAMEALLOC_COLD frame_chunk* take(backend_gate<A>& gate, layout whole,
                                                    chunk_user const& user) noexcept {
        return take_any(gate, whole, whole.bytes, false, user);
    }
    [[nodiscard]] FRAMEALLOC_COLD frame_chunk* take_growing(backend_gate<A>& gate, layout whole, std::size_t bytes,
                                                            chunk_user const& user) noexcept {
        return take_any(gate, whole, bytes, true, user);
    }
    [[nodiscard]] bool grow(backend_gate<A>& gate, frame_chunk& chunk, std::size_t more) noexcept {
        side& s = side_of(&chunk);
        std::size_t const wanted = round_up(chunk.end() + more, page()) - s.base;
        if (wanted > s.committed) {
            if (!gate.commit(pointer_to<void>(s.base + s.committed), wanted - s.committed, s.giver)) return false;
            taken_.fetch_add(wanted - s.committed, order::relaxed);
            s.committed = wanted;
        }
        chunk.bytes += more;
        if (s.range != nullptr) s.range->end = chunk.end();
        return true;
    }

    void give_back(chunk_chain chunks, chunk_user const& user) noexcept {
        while (frame_chunk* const c = chunks.take_first()) retire(c, user);
    }
    [[nodiscard]] bool give_back_growing(frame_chunk* chunk, chunk_user const& user) noexcept {
        retire(chunk, user);
        return true;
    }
    /// A thread has ended a frame, the `begun`-th of its record: what has waited long enough may be used again.
    void frame_ended(void const* frame, unsigned long long begun) noexcept {
        locked const guard{guard_};
        chunk_chain rest;
        while (frame_chunk* const c = waiting_.take_first()) {
            guarded_range const& r = *side_of(c).range;
            bool const is_due = r.owner == frame && begun >= r.last_frame + options.frames;
            if (is_due) waiting_bytes_ -= c->bytes;
            (is_due ? ready_ : rest).append(c);
        }
        waiting_ = rest;
    }

    [[nodiscard]] std::size_t taken_bytes() const noexcept { return taken_.load(order::relaxed); }

    /// Gives every chunk to the backend; those that it will not take stay.
    FRAMEALLOC_COLD void trim(backend_gate<A>& gate) noexcept {
        chunk_chain all;
        {
            locked const guard{guard_};
            all = ready_;
            all.append(waiting_);
            ready_ = waiting_ = {};
            waiting_bytes_ = 0;
        }
        chunk_chain refused;
        while (frame_chunk* const c = all.take_first()) {
            if (!give_to_backend(gate, c)) refused.append(c);
        }
        locked const guard{guard_};
        ready_.append(refused);
    }
    void release(backend_gate<A>& gate) noexcept { trim(gate); }

    void lock_for_fork() { guard_.lock(); }
    void unlock_after_fork() { guard_.unlock(); }

private:
    /// What is to be known of a chunk beside its head, right below it.
    struct side {
        guarded_range* range;  ///< null: there was no memory to keep one
        std::uintptr_t base;
        layout given;  ///< as the backend knows it
        layout asked;
        std::size_t committed;
        giver_byte giver;
        bool grows;
    };
    [[nodiscard]] static side& side_of(frame_chunk* c) noexcept {
        return *pointer_to<side>(address_of(c) - sizeof(side));
    }
    [[nodiscard]] static std::size_t page() noexcept { return platform::page_bytes(); }
    /// Where the head lies: what follows it begins with a page, which is more than most alignments that a chunk is asked for
    /// with; an arena pads for those that are larger.
    [[nodiscard]] static std::size_t head_offset() noexcept { return page() - frame_chunk::head_bytes; }
    static_assert(sizeof(side) <= 128);

    [[nodiscard]] frame_chunk* take_any(backend_gate<A>& gate, layout asked, std::size_t bytes, bool grows,
                                        chunk_user const& user) noexcept {
        if (!watches_.exchange(true, order::relaxed)) guard_ranges::watch();
        platform::prepare_alternate_stack();
        frame_chunk* c = take_kept(ready_, asked, grows);
        if (c == nullptr) c = fresh(gate, asked, bytes, grows);
        if (c == nullptr) c = take_kept(waiting_, asked, grows);
        if (c == nullptr) {
            trim(gate);
            c = fresh(gate, asked, bytes, grows);
        }
        if (c == nullptr) return nullptr;
        c->bytes = bytes;
        if (guarded_range* const r = side_of(c).range) describe(*r, *c, user);
        return c;
    }

    [[nodiscard]] frame_chunk* take_kept(chunk_chain& from, layout asked, bool grows) noexcept {
        frame_chunk* found = nullptr;
        {
            locked const guard{guard_};
            chunk_chain rest;
            while (frame_chunk* const c = from.take_first()) {
                side const& s = side_of(c);
                bool const suits = found == nullptr && s.grows == grows && s.asked.bytes == asked.bytes &&
                                   s.asked.align == asked.align;
                if (suits && &from == &waiting_) waiting_bytes_ -= c->bytes;
                if (suits) {
                    found = c;
                } else {
                    rest.append(c);
                }
            }
            from = rest;
        }
        if (found == nullptr) return nullptr;
        if (!allow(found)) {
            locked const guard{guard_};
            from.append(found);
            return nullptr;
        }
        __builtin_memset(pointer_to<void>(found->begin()), freed_byte, found->end() - found->begin());
        return found;
    }

    [[nodiscard]] frame_chunk* fresh(backend_gate<A>& gate, layout asked, std::size_t bytes, bool grows) noexcept {
        std::size_t const head = head_offset();
        layout const given{.bytes = round_up(head + asked.bytes, page()) + page(), .align = page()};
        std::size_t const committed = grows ? round_up(head + bytes, page()) : given.bytes;
        giver_byte giver = 0;
        void* const base = grows ? gate.take_range(given, giver) : gate.take_whole(given, giver);
        if (base == nullptr) return nullptr;
        if (grows && !gate.commit(base, committed, giver)) {
            static_cast<void>(gate.give_range(base, given, 0, giver));
            return nullptr;
        }
        taken_.fetch_add(committed, order::relaxed);
        auto* const c = ::new (behind(base, head)) frame_chunk{};
        c->bytes = bytes;
        c->align = static_cast<std::uint32_t>(asked.align);
        c->giver = giver;
        guarded_range* range = nullptr;
        {
            locked const guard{guard_ranges::lock};
            range = guard_ranges::take_place();
        }
        ::new (static_cast<void*>(&side_of(c))) side{range, address_of(base), given, asked, committed, giver, grows};
        if (range != nullptr) {
            range->kind = range_kind::frame;
            range->base = c->begin();
            range->whole = address_of(base) + given.bytes - c->begin();
        }
        // Best effort: without it the end of the chunk is seen by the canary alone.
        if (!grows) static_cast<void>(platform::forbid(behind(base, given.bytes - page()), page()));
        return c;
    }

    void describe(guarded_range& r, frame_chunk const& c, chunk_user const& user) noexcept {
        r.begin = c.begin();
        r.end = c.end();
        r.object = 0;
        r.instance = user.instance;
        r.instance_number = user.instance != nullptr ? user.instance->id.load(order::relaxed) : 0;
        r.instance_name = user.instance_name;
        r.tag_path = nullptr;
        unsigned const thread = A::sync::one_thread ? 1 : thread_registry::thread_number();
        r.holder = block_holder::of(thread, 0, user.number);
        r.freed_at = nullptr;
        r.freed.count = 0;
        r.state.store(range_state::live, order::release);
    }

    /// The pages of the data, of which nobody else has a part.
    struct pages {
        void* begin;
        std::size_t bytes;
    };
    [[nodiscard]] static pages pages_of(frame_chunk* c) noexcept {
        std::uintptr_t const begin = round_up(c->begin(), page()), end = round_up(c->end(), page());
        return {pointer_to<void>(begin), end > begin ? end - begin : 0};
    }
    [[nodiscard]] static bool allow(frame_chunk* c) noexcept {
        pages const p = pages_of(c);
        return p.bytes == 0 || platform::commit(p.begin, p.bytes);
    }

    void retire(frame_chunk* c, chunk_user const& user) noexcept {
        guarded_range* const r = side_of(c).range;
        pages const p = pages_of(c);
        bool const waits = r != nullptr && p.bytes != 0 && platform::forbid(p.begin, p.bytes);
        if (waits) {
            platform::capture_stack(r->freed);
            r->freed_at = nullptr;
            r->owner = user.frame;
            r->frames_begun = user.begun;
            r->last_frame = user.begun != nullptr ? user.begun->load(order::relaxed) : 0;
            // One that was prepared beforehand had no frame yet.
            if (r->holder.frame() == 0) r->holder = block_holder::of(r->holder.thread(), 0, user.number);
            r->state.store(range_state::freed, order::release);
        } else if (r != nullptr) {
            r->state.store(range_state::ending, order::release);
        }
        locked const guard{guard_};
        if (!waits) return ready_.append(c);
        waiting_.append(c);
        waiting_bytes_ += c->bytes;
        while (waiting_bytes_ > options.quarantine_bytes) {
            frame_chunk* const oldest = waiting_.take_first();
            waiting_bytes_ -= oldest->bytes;
            ready_.append(oldest);
        }
    }

    [[nodiscard]] bool give_to_backend(backend_gate<A>& gate, frame_chunk* c) noexcept {
        side const s = side_of(c);
        // As it came: the backend may give it to somebody else.
        static_cast<void>(allow(c));
        if (!s.grows) static_cast<void>(platform::commit(pointer_to<void>(s.base + s.given.bytes - page()), page()));
        if (s.range != nullptr) {
            locked const guard{guard_ranges::lock};
            guard_ranges::give_place(s.range);
        }
        if (!gate.give_range(pointer_to<void>(s.base), s.given, s.committed, s.giver)) {
            side_of(c).range = nullptr;
            return false;
        }
        taken_.fetch_sub(s.committed, order::relaxed);
        return true;
    }

    typename A::sync::mutex guard_{};
    chunk_chain waiting_{};  // the oldest first
    chunk_chain ready_{};
    std::size_t waiting_bytes_ = 0;
    typename A::sync::template atomic<std::size_t> taken_{0};
    typename A::sync::template atomic<bool> watches_{false};
};

/// What an arena engine sees of the pool. It knows whose frame it serves, where somebody has said so.
template <class A>
class chunk_source<A, true> {
public:
    chunk_source(backend_gate<A>& gate, chunk_pool<A>& pool, instance_base& instance, char const* name) noexcept
        : gate_(gate), pool_(pool) {
        user_.instance = &instance;
        user_.instance_name = name;
    }
    void is_for(void const* frame, atomic<unsigned long long> const& begun, unsigned long long number) noexcept {
        user_.frame = frame;
        user_.begun = &begun;
        user_.number = number;
    }
    void frame_ended() noexcept { pool_.frame_ended(user_.frame, user_.begun->load(order::relaxed)); }

    [[nodiscard]] frame_chunk* take(layout whole) noexcept { return pool_.take(gate_, whole, user_); }
    void give_back(chunk_chain chunks) noexcept {
        if (!chunks.empty()) pool_.give_back(chunks, user_);
    }
    [[nodiscard]] frame_chunk* take_growing(layout whole, std::size_t bytes) noexcept {
        return pool_.take_growing(gate_, whole, bytes, user_);
    }
    [[nodiscard]] bool grow(frame_chunk& chunk, std::size_t more) noexcept { return pool_.grow(gate_, chunk, more); }
    [[nodiscard]] bool give_back_growing(frame_chunk* chunk, layout) noexcept {
        return pool_.give_back_growing(chunk, user_);
    }

    [[nodiscard]] typename A::budget& budget() noexcept { return gate_.budget(); }

private:
    backend_gate<A>& gate_;
    chunk_pool<A>& pool_;
    chunk_user user_{};
};

/// The pages of a thread's frame that cannot be touched though the frame goes on: whole pages of its present chunk that a
/// scope or a roll-back has given back. The window ends before them, so that the next request which needs them comes here.
template <class A>
class guarded_frame<A, true> {
public:
    /// Whether a guarded block of a pool begins at an address.
    [[nodiscard]] static bool is_pool_block(void const* p) noexcept {
        locked const guard{guard_ranges::lock};
        guarded_range const* const r = guard_ranges::find(address_of(p));
        return r != nullptr && r->kind == range_kind::pool;
    }
    /// The thread's frame at `frame` has ended, and its window been closed: it goes on in other chunks.
    template <class Engine>
    static void let_go(Engine& engine, frame_window& window, chunk_source<A>& source) noexcept {
        if constexpr (frames_in_flight_of<typename A::arena> == 1) {
            engine.release(window, source);
        } else {
            engine.release_oldest(source);
        }
        source.frame_ended();
    }
    /// The window has been taken back from `used`.
    void close(frame_window& window, std::uintptr_t used) noexcept {
        // Who charges tags has the window's limit for himself.
        if constexpr (!charges_tags<typename A::budget>) {
            std::size_t const page = platform::page_bytes();
            std::uintptr_t const cursor = window.at();
            if (cursor == 0) return;
            std::uintptr_t const begin = round_up(cursor, page), end = round_up(window.limit, page);
            bool const same_chunk = used >= cursor && used <= window.limit;
            if (begin >= window.limit || (same_chunk && begin >= round_up(used, page))) return;
            if (!platform::forbid(pointer_to<void>(begin), end - begin)) return;
            begin_ = begin;
            end_ = window.limit;
            window.limit = begin;
        }
    }
    /// Room for a request, as far as there are closed pages.
    void open(frame_window& window, layout request) noexcept {
        if (begin_ == 0 || window.limit != begin_) return;
        std::size_t const page = platform::page_bytes();
        std::size_t const most = request.bytes + request.align + granule;
        std::uintptr_t const end =
            most < end_ - window.at() ? round_up(window.at() + most, page) : round_up(end_, page);
        if (!platform::commit(pointer_to<void>(begin_), end - begin_)) return;
        begin_ = end < end_ ? end : 0;
        window.limit = end < end_ ? end : end_;
    }
    void open_all(frame_window& window) noexcept {
        if (begin_ == 0) return;
        std::size_t const bytes = round_up(end_, platform::page_bytes()) - begin_;
        if (!platform::commit(pointer_to<void>(begin_), bytes)) return;
        if (window.limit == begin_) window.limit = end_;
        begin_ = 0;
    }

private:
    std::uintptr_t begin_ = 0;  // 0: none are closed
    std::uintptr_t end_ = 0;    // where the window ended before
};

}  // namespace framealloc::detail
