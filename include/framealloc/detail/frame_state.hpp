// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/checkpoint.hpp>
#include <framealloc/chunk_stack.hpp>
#include <framealloc/detail/chunk_pool.hpp>
#include <framealloc/detail/construct.hpp>
#include <framealloc/detail/block_record.hpp>
#include <framealloc/detail/sanitizer.hpp>
#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/fault.hpp>

namespace framealloc::inline v0_1::detail {

/// What has to be destroyed when the frame goes: in the frame itself, before the objects, newest first.
struct finaliser {
    finaliser* older;
    void (*run)(void* objects, std::size_t count) noexcept;
    void* objects;
    std::size_t count;
};

template <class T>
void finalise(void* objects, std::size_t count) noexcept {
    destroy_backwards(static_cast<T*>(objects), count);
}
/// Room for objects and for what is to destroy them: before them, or, where records are kept, behind their canary, so that a
/// write below the first meets its guard.
struct finalised {
    layout request;
    layout object;  ///< what has a canary behind it
    std::size_t record_offset;
    std::size_t object_offset;
};
template <class A>
[[nodiscard]] constexpr finalised with_finaliser(layout object) noexcept {
    if (object.align < granule) object.align = granule;
    if constexpr (keeps_records<A>) {
        if (!object.is_possible()) return {object, object, 0, 0};
        std::size_t const behind = round_up(object.bytes + block_record::canary_bytes, granule);
        return {{.bytes = behind + sizeof(finaliser), .align = object.align}, object, behind, 0};
    } else {
        std::size_t offset = 0;
        layout request = layout::of<finaliser>().extend(object, offset);
        return {request, object, 0, offset};
    }
}
/// Writes down, at `record`, how `n` objects are to be destroyed.
template <class T>
[[nodiscard]] finaliser& make_finaliser(void* record, T* first, std::size_t n) noexcept {
    return *::new (record) finaliser{
        .older = nullptr, .run = &finalise<T>, .objects = const_cast<std::remove_cv_t<T>*>(first), .count = n};
}

enum class frame_kind : unsigned char {
    closed,
    undoing,  ///< destructors of what is taken back are running: of a roll-back, a constructor that threw, an instance's end
    ending,  ///< own, and destructors of what goes are running
    own,     ///< opened by begin_frame() or a scope on this thread
    shared,  ///< opened for every thread by begin_frame_all()
};

/// What the ended frames that are still alive have to destroy when they go.
template <std::size_t Frames>
class ended_finalisers {
public:
    void push(finaliser* newest) noexcept {
        newest_of_[at_] = newest;
        at_ = (at_ + 1) % Frames;
    }
    /// Of the frame that was pushed `Frames - 1` pushes ago; then of the one after it, and so on.
    [[nodiscard]] finaliser* take(std::size_t after_oldest = 0) noexcept {
        finaliser*& f = newest_of_[(at_ + 1 + after_oldest) % Frames];
        finaliser* const taken = f;
        f = nullptr;
        return taken;
    }

private:
    finaliser* newest_of_[Frames]{};
    std::size_t at_ = 0;
};
template <>
class ended_finalisers<1> {};

/// Objects that finalisers have destroyed, where somebody counts.
template <bool Counts>
struct destroyed_objects {
    unsigned long long count = 0;
    void add(std::size_t n) noexcept { count += n; }
    [[nodiscard]] unsigned long long take() noexcept {
        unsigned long long const n = count;
        count = 0;
        return n;
    }
};
template <>
struct destroyed_objects<false> {
    void add(std::size_t) noexcept {}
};

/// One thread's frame: the arena behind its window, what is to be destroyed, and the marks it may be rewound to.
///
///   Cost      Opening and ending are O(1) and O(finalisers); ending a frame takes the same time for one chunk and for ten
///             thousand. With `fills_released`, ending costs O(bytes used).
///   Threads   The owner's alone, but for the statistics, and for a shared frame, which another thread ends when the owner
///             is at rest.
template <class A>
class frame_state {
    using engine = typename A::arena::template engine<chunk_source<A>>;
    static constexpr std::size_t in_flight = frames_in_flight_of<typename A::arena>;
    static constexpr bool has_tags = charges_tags<typename A::budget>;

public:
    using records_place = typename frame_records<A>::place;
    /// Whether what is served is looked at: nobody has written to it since it was taken back and filled. Where pages or a tool
    /// see the access itself, nothing need be looked at; where tags are charged no pages of a frame that is open are forbidden.
    static constexpr bool checks_reuse = keeps_records<A> && A::diagnostics::fills_released &&
                                         (!guards_blocks<A> || has_tags) && !memory_tool && in_flight == 1 &&
                                         requires { requires engine::keeps_contents; };

    [[nodiscard]] frame_kind kind() const noexcept { return kind_.load(order::relaxed); }
    /// Frames begun with this record, by all its threads.
    [[nodiscard]] unsigned long long begun() const noexcept { return number_.load(order::relaxed); }
    /// Frames begun by its present thread.
    [[nodiscard]] unsigned long long number() const noexcept { return begun() - before_thread_; }
    void start_thread() noexcept { before_thread_ = begun(); }
    [[nodiscard]] FRAMEALLOC_COLD bool has_open_scope() const noexcept {
        for (frame_mark const* m = marks_; m != nullptr; m = m->older) {
            if (m->is_scope) return true;
        }
        return false;
    }

    void open(frame_window& window, frame_kind kind, [[maybe_unused]] chunk_source<A> source) noexcept {
        number_.store(begun() + 1, order::relaxed);
        kind_.store(kind, order::relaxed);
        if constexpr (keeps_records<A>) epochs_.frame_begins(number());
        engine_.open(window);
        if constexpr (has_tags) charges_.opened(window, source.budget());
    }

    /// Destroys what is to be destroyed, which may use the frame while it lasts, calls `note(bytes used)`, and ends it. The
    /// kind stays, for the caller to change at the right moment.
    template <class Note>
    void end(frame_window& window, chunk_source<A>& source, Note&& note) noexcept {
        if constexpr (in_flight == 1) {
            if (finalisers_ != nullptr) [[unlikely]]
                run_finalisers<frame_kind::ending>(nullptr);
        } else {
            // While this frame is still open, and has its own row, for destructors that allocate.
            run(ended_.take());
            ended_.push(finalisers_);
            finalisers_ = nullptr;
        }
        if constexpr (keeps_records<A>) {
            records_.check_and_go_back_to(nullptr, *this, window);
            epochs_.frame_ends(frame_end::frame);
        }
        if constexpr (guards_blocks<A>) guarded_.open_all(window), source.is_for(this, number_, number());
        std::size_t const used = used_by_owner(window);
        note(used);
        last_bytes_.store(used, order::relaxed);
        if (peak_bytes_.load(order::relaxed) < used) peak_bytes_.store(used, order::relaxed);
        total_bytes_.store(total_bytes_.load(order::relaxed) + used, order::relaxed);
        if constexpr (!guards_blocks<A>) {
            fill_oldest(window);
        } else if constexpr (checks_reuse) {
            records_.forget_filled();
        }
        if constexpr (has_tags) charges_.ending(window, source);
        engine_.reset(window, source);
        if constexpr (guards_blocks<A>) guarded_.let_go(engine_, window, source);
        if (marks_ != nullptr)
            marks_ = nullptr;  // a load that always hits for a store: stores are what a frame's end waits for
    }
    void close() noexcept { kind_.store(frame_kind::closed, order::relaxed); }
    /// Nothing of the frame has a future: the instance ends.
    void begin_undoing() noexcept { kind_.store(frame_kind::undoing, order::relaxed); }

    /// Serves a request that did not fit the window, which is the engine's. The frame is open, the request possible.
    [[nodiscard]] void* allocate(frame_window& window, layout request, chunk_source<A>& source) noexcept {
        if constexpr (guards_blocks<A>) guarded_.open(window, request);
        if (void* const p = window.try_serve(request)) return p;
        if constexpr (guards_blocks<A>) guarded_.open_all(window), source.is_for(this, number_, number());
        [[maybe_unused]] std::uintptr_t const chunk = begin_of_chunk();
        void* const p = engine_.allocate(window, request, source);
        if constexpr (checks_reuse) {
            if (begin_of_chunk() != chunk) records_.forget_filled();
        }
        if (p != nullptr) memory_is_given(p, request.bytes);  // an arena of the program's may have places of its own
        return p;
    }

    /// The first chunk, and `bytes` of it touched so that its pages are there. Between frames only.
    [[nodiscard]] bool warm(frame_window& window, std::size_t bytes, chunk_source<A>& source) noexcept {
        if (guards_blocks<A> && in_flight != 1 && begun() != 0) return true;  // the next frame has other memory
        if constexpr (checks_reuse) records_.forget_filled();
        if (!engine_.prepare(window, source)) {
            if (begun() == 0) engine_.reset(window, source);
            return false;
        }
        if (in_flight != 1 && begun() != 0) return true;  // touched already, and perhaps alive
        for (std::size_t i = 0; i < in_flight; ++i) {
            engine_.open(window);
            std::uintptr_t const begin = window.at(), end = window.limit;
            memory_is_ours(begin, end);
            __builtin_memset(pointer_to<void>(begin), 0, bytes < end - begin ? bytes : end - begin);
            memory_is_forbidden(begin, end);
            engine_.reset(window, source);
        }
        return true;
    }

    /// A place for the mark of a scope; null while as many are open as there are places. The mark is not in the scope's
    /// own object, because the compiler keeps in registers only what nobody else has the address of.
    [[nodiscard]] frame_mark* place_for_scope() noexcept {
        for (frame_mark& m : scope_marks_) {
            if (!m.is_scope) return &m;
        }
        return nullptr;
    }
    /// The scope of the mark is no more: its place is free. A mark that was elsewhere has gone with its memory.
    void vacate(frame_mark* m) noexcept {
        if (address_of(m) - address_of(scope_marks_) < sizeof scope_marks_) m->is_scope = false;
    }

    void push_mark_at(frame_mark& m, frame_position at, [[maybe_unused]] records_place records,
                      bool is_scope) noexcept {
        m.older = marks_;
        m.position = at;
        m.finalisers = finalisers_;
        m.sequence = ++sequence_;
        m.is_scope = is_scope;
        if constexpr (keeps_records<A>) m.records = records;
        marks_ = &m;
    }
    [[nodiscard]] frame_position position(frame_window const& window) const noexcept {
        return engine_.position(window);
    }

    /// Whether the frame may be rewound to a mark: it is alive, and no scope that was opened later is still open.
    [[nodiscard]] bool is_live(frame_mark const* wanted, unsigned long long sequence) const noexcept {
        for (frame_mark const* m = marks_; m != nullptr; m = m->older) {
            if (m == wanted) return m->sequence == sequence;
            if (m->is_scope) return false;
        }
        return false;
    }

    /// Rewinds to a live mark, which dies: a scope has ended, or with `undoing` what came after it is taken back.
    template <frame_kind Meanwhile = frame_kind::ending>
    void rewind(frame_window& window, frame_mark const& to, chunk_source<A>& source) noexcept {
        frame_mark const target = to;  // a checkpoint's mark lies in the memory that goes
        run_finalisers<Meanwhile>(target.finalisers);
        if constexpr (keeps_records<A>) {
            records_.check_and_go_back_to(static_cast<block_record*>(target.records), *this, window);
            epochs_.part_ends(target.sequence, target.is_scope ? frame_end::scope : frame_end::rollback);
        }
        take_back(window, target.position, target.older, source);
    }

    /// Forgets a mark and keeps what was allocated since; those that came after it die as well.
    void commit(frame_mark const& m) noexcept { marks_ = m.older; }

    /// Takes a mark out of the list, wherever it stands, because its own memory is about to go.
    void forget(frame_mark const* m, unsigned long long sequence) noexcept {
        for (frame_mark** link = &marks_; *link != nullptr; link = &(*link)->older) {
            if (*link != m || m->sequence != sequence) continue;
            *link = m->older;
            return;
        }
    }

    /// Moves the cursor back to `end`, where what was served last is to end. False, and nothing has changed, where a scope
    /// that was opened since begins above `end`: it will rewind to there.
    [[nodiscard]] bool shrink(frame_window& window, std::uintptr_t end) noexcept {
        std::uintptr_t const cursor = window.at();
        // The newest mark is the highest of those in this chunk, and marks in other chunks are not between the two.
        if (marks_ != nullptr && marks_->position.cursor > end && marks_->position.cursor <= cursor) return false;
        // Under another tag than it was allocated, it stays that one's.
        if constexpr (has_tags) {
            if (!charges_.may_shrink_to(end)) return false;
        }
        release_bytes(end, cursor);
        if constexpr (checks_reuse) records_.filled(cursor, cursor);
        window.move_to(end);
        return true;
    }

    /// Moves the window back, and gives every tag its own.
    void rewind_engine(frame_window& window, frame_position to, chunk_source<A>& source) noexcept {
        [[maybe_unused]] std::uintptr_t const cursor = window.at();
        if constexpr (guards_blocks<A>) guarded_.open_all(window), source.is_for(this, number_, number());
        if constexpr (has_tags) {
            std::size_t const open = charges_.open_bytes(window), before = engine_.used_bytes(window);
            charges_.lift(window);
            engine_.rewind(window, to, source);
            std::size_t const used = engine_.used_bytes(window);
            charges_.rewound(window, before - used, open, used, source);
        } else {
            engine_.rewind(window, to, source);
        }
        if constexpr (guards_blocks<A>) guarded_.close(window, cursor);
    }

    /// The same for what has just been served and not been charged.
    void rewind_uncharged(frame_window& window, frame_position to, chunk_source<A>& source) noexcept {
        fill(window, to);
        engine_.rewind(window, to, source);
        charges_.lower(window, engine_.used_bytes(window));
    }

    /// Whether something may be rolled back to: then what goes to which tag has to be written down.
    [[nodiscard]] bool is_watched() const noexcept { return marks_ != nullptr; }
    [[nodiscard]] auto& charges() noexcept { return charges_; }
    [[nodiscard]] auto const& charges() const noexcept { return charges_; }

    [[nodiscard]] finaliser* finalisers() const noexcept { return finalisers_; }
    [[nodiscard]] frame_mark* marks() const noexcept { return marks_; }
    /// Takes back what came after a place, marks included: what a constructor that threw had allocated, for instance.
    void undo(frame_window& window, frame_position to, finaliser* newest_kept, frame_mark* newest_mark,
              [[maybe_unused]] records_place newest_record, chunk_source<A>& source) noexcept {
        run_finalisers<frame_kind::undoing>(newest_kept);
        records_.go_back_to(newest_record);
        take_back(window, to, newest_mark, source);
    }
    void add(finaliser& f) noexcept {
        f.older = finalisers_;
        finalisers_ = &f;
        memory_is_forbidden(&f, sizeof f);  // an object's underflow would run into it
    }

    /// Destroys what ended frames still hold, the oldest first, and gives all memory back.
    void release(frame_window& window, chunk_source<A>& source) noexcept {
        if constexpr (in_flight != 1) {
            for (std::size_t i = 0; i < in_flight; ++i) run(ended_.take(i));
        }
        if constexpr (has_tags) charges_.release(source);
        if constexpr (keeps_records<A>) epochs_.release(frame_end::instance);
        if constexpr (checks_reuse) records_.forget_filled();
        engine_.release(window, source);
    }
    /// Gives the memory of frames that are over back; between frames.
    void trim(frame_window& window, chunk_source<A>& source) noexcept {
        if constexpr (in_flight == 1) {
            if constexpr (has_tags) charges_.release(source);
            if constexpr (checks_reuse) records_.forget_filled();
            engine_.release(window, source);
        }
    }

    /// The first byte that was written to after the frame, or the part of it, that it was of; 0 where there is none.
    [[nodiscard]] std::uintptr_t find_late_write(frame_window const& window) const noexcept {
        if constexpr (checks_reuse) {
            std::uintptr_t const cursor = window.at();
            return records_.find_late_write(cursor != 0 ? cursor : begin_of_chunk());
        } else {
            return 0;
        }
    }

    [[nodiscard]] std::size_t used_bytes(frame_window const& window) const noexcept {
        return engine_.used_bytes(window);
    }
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return engine_.reserved_bytes(); }
    [[nodiscard]] std::size_t wasted_bytes() const noexcept { return engine_.wasted_bytes(); }
    [[nodiscard]] std::size_t last_bytes() const noexcept { return last_bytes_.load(order::relaxed); }
    [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_bytes_.load(order::relaxed); }
    [[nodiscard]] unsigned long long total_bytes() const noexcept { return total_bytes_.load(order::relaxed); }
    [[nodiscard]] auto& destroyed() noexcept { return destroyed_; }
    [[nodiscard]] auto& records() noexcept { return records_; }
    [[nodiscard]] auto& epochs() noexcept { return epochs_; }
    /// For a pointer that is made now.
    [[nodiscard]] auto claim(site_of<A> at) noexcept {
        return epochs_.claim(marks_ != nullptr ? marks_->sequence : 0, number(), at);
    }
    [[nodiscard]] auto& observed() noexcept { return observed_; }

    [[nodiscard]] engine const& arena() const noexcept { return engine_; }
    /// Calls `f(begin, end)` for each stretch that the frame has used.
    template <class F>
    void for_each_used(frame_window const& window, F&& f) const noexcept {
        engine_.for_each_used(window, {}, f);
    }
    /// The same of what is given out at `raw`, which may lie in a chunk of its own.
    [[nodiscard]] std::uintptr_t find_late_write(void const* raw, layout asked) const noexcept {
        return address_of(raw) >= begin_of_chunk() ? records_.find_late_write(raw, asked) : 0;
    }

private:
    void take_back(frame_window& window, frame_position to, frame_mark* newest_mark, chunk_source<A>& source) noexcept {
        if constexpr (observes<A>) {
            observed_.rewound([&](void const* p) {
                bool gone = false;
                engine_.for_each_used(window, to, [&](std::uintptr_t begin, std::uintptr_t end) {
                    gone = gone || (address_of(p) >= begin && address_of(p) < end);
                });
                return gone;
            });
        }
        fill(window, to);
        rewind_engine(window, to, source);
        if constexpr (keeps_records<A>) records_.cut_off(window.at());
        marks_ = newest_mark;
    }

    [[nodiscard]] std::size_t used_by_owner(frame_window const& window) const noexcept {
        // An engine that counts by itself is asked, also where it inherits the shorter way.
        if constexpr (requires {
                          requires std::is_same_v<decltype(&engine::used_bytes), decltype(&chunk_stack::used_bytes)>;
                      }) {
            return engine_.used_bytes_of_owner(window);
        } else {
            return engine_.used_bytes(window);
        }
    }

    /// While destructors run the frame can neither be ended by them nor rolled back. A frame of all threads that ends stays
    /// what it is: others look at that. What is rolled back meanwhile by a destructor is undone, too.
    template <frame_kind Meanwhile>
    frame_kind begin_destructors() noexcept {
        frame_kind const before = kind();
        if (before == frame_kind::own || Meanwhile == frame_kind::undoing) kind_.store(Meanwhile, order::relaxed);
        return before;
    }

    /// One at a time, newest first: a destructor may allocate, and register more, while this runs.
    template <frame_kind Meanwhile>
    FRAMEALLOC_COLD void run_finalisers(finaliser* until) noexcept {
        frame_kind const before = begin_destructors<Meanwhile>();
        while (finalisers_ != until) {
            memory_is_ours(finalisers_, sizeof *finalisers_);
            finaliser const f = *finalisers_;
            finalisers_ = f.older;
            destroyed_.add(f.count);
            f.run(f.objects, f.count);
        }
        kind_.store(before, order::relaxed);
    }

    /// The same for a row that nothing is added to.
    void run(finaliser* newest) noexcept {
        frame_kind const before = begin_destructors<frame_kind::ending>();
        while (newest != nullptr) {
            memory_is_ours(newest, sizeof *newest);
            finaliser const f = *newest;
            newest = f.older;
            destroyed_.add(f.count);
            f.run(f.objects, f.count);
        }
        kind_.store(before, order::relaxed);
    }

    static constexpr bool looks_at_released = A::diagnostics::fills_released || memory_tool;

    static void release_bytes(std::uintptr_t begin, std::uintptr_t end) noexcept {
        memory_is_left(begin, end);
        if constexpr (A::diagnostics::fills_released) __builtin_memset(pointer_to<void>(begin), 0xCD, end - begin);
        memory_is_forbidden(begin, end);
    }
    void fill_oldest(frame_window const& window) noexcept {
        if constexpr (in_flight == 1) {
            fill(window, {});
        } else if constexpr (looks_at_released) {
            engine_.for_each_used_in_oldest(window, &release_bytes);
        }
    }
    void fill(frame_window const& window, frame_position from) noexcept {
        if constexpr (checks_reuse) {
            // The stretch before all others is where the frame, or the next one, goes on; a large request's is not.
            bool is_first = window.at() != 0;
            engine_.for_each_used(window, from, [&](std::uintptr_t begin, std::uintptr_t end) {
                release_bytes(begin, end);
                if (is_first) records_.filled(end, window.at());
                is_first = false;
            });
        } else if constexpr (looks_at_released) {
            engine_.for_each_used(window, from, &release_bytes);
        }
    }
    [[nodiscard]] std::uintptr_t begin_of_chunk() const noexcept {
        if constexpr (checks_reuse) return engine_.begin_of_current();
        return 0;
    }

    engine engine_{};
    [[no_unique_address]] frame_charges_of<A> charges_{};
    finaliser* finalisers_ = nullptr;
    [[no_unique_address]] ended_finalisers<in_flight> ended_{};
    [[no_unique_address]] destroyed_objects<A::diagnostics::counts_operations> destroyed_{};
    [[no_unique_address]] frame_records<A> records_{};
    [[no_unique_address]] frame_epochs<A> epochs_{};
    [[no_unique_address]] guarded_frame<A> guarded_{};
    [[no_unique_address]] typename choose_observation<A>::frame observed_{};
    frame_mark* marks_ = nullptr;
    frame_mark scope_marks_[8]{};
    unsigned long long sequence_ = 0;
    unsigned long long before_thread_ = 0;
    atomic<frame_kind> kind_{frame_kind::closed};
    atomic<unsigned long long> number_{0};
    atomic<std::size_t> last_bytes_{0};
    atomic<std::size_t> peak_bytes_{0};
    atomic<unsigned long long> total_bytes_{0};
};

}  // namespace framealloc::detail
