// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/frame_journal.hpp>
#include <framealloc/detail/frame_state.hpp>
#include <framealloc/detail/pool_cache.hpp>
#include <framealloc/detail/pool_watch.hpp>
#include <framealloc/detail/tag_hooks.hpp>
#include <framealloc/detail/thread_registry.hpp>
#include <framealloc/frame_verbs.hpp>
#include <framealloc/heap_verbs.hpp>
#include <framealloc/pool_verbs.hpp>

namespace framealloc::inline v0_1::detail {

struct no_pool_cache {
    explicit constexpr no_pool_cache(thread_record const&) noexcept {}
    void start_thread() noexcept {}
};
template <class A>
using pool_cache_of = std::conditional_t<A::pool::class_count != 0, pool_cache<A>, no_pool_cache>;

/// One thread's state with one instance. What `local()` answers: the allocator's verbs without the look-up.
template <class A>
class thread_state : public thread_record,
                     public frame_verbs<thread_state<A>, A>,
                     public pool_verbs<thread_state<A>, A>,
                     public heap_verbs<thread_state<A>, A> {
    static constexpr bool counts = A::diagnostics::counts_operations;

public:
    explicit constexpr thread_state(core<A>& owner) noexcept : pools(*this), core_(&owner) {}
    thread_state(thread_state const&) = delete;
    thread_state& operator=(thread_state const&) = delete;

    // What the verbs are built on.
    [[nodiscard]] FRAMEALLOC_HOT hot_state& hot() noexcept { return *this; }
    [[nodiscard]] core<A>& shared() noexcept { return *core_; }
    [[nodiscard]] thread_state* state() noexcept { return this; }
    [[nodiscard]] chunk_source<A> chunks() noexcept;
    [[nodiscard]] FRAMEALLOC_HOT bool is_this_threads() const noexcept {
        if constexpr (A::sync::one_thread) {
            return true;
        } else {
            return this->thread == &this_thread;
        }
    }

    /// Gives back what the thread holds and does not use, if `trim()` has been called since the last time.
    FRAMEALLOC_COLD void follow_trim() noexcept;

    void open_frame(frame_kind kind) noexcept {
        if constexpr (counts) journal.begin_frame();
        frame.open(this->window, kind, chunks());
    }
    /// Ends the frame, and writes down what it was where that is done. The kind stays, for the caller to change.
    void finish_frame(chunk_source<A>& source) noexcept {
        frame.end(this->window, source, [&]([[maybe_unused]] std::size_t used) FRAMEALLOC_INLINED {
            if constexpr (counts) {
                journal.end_frame({.number = frame.number(),
                                   .bytes_used = used,
                                   .bytes_reserved = frame.reserved_bytes(),
                                   .bytes_wasted = frame.wasted_bytes(),
                                   .objects_destroyed = frame.destroyed().take()},
                                  figures());
            }
        });
        if constexpr (observes<A>) core_->observe_frame_end(*this);
    }
    /// How the thread stands now, for differences.
    [[nodiscard]] phase_figures figures() const noexcept {
        return {.frame_bytes = static_cast<long long>(frame.used_bytes(this->window)),
                .nanoseconds = journal.now(),
                .operations = counted.counts()};
    }
    /// The last finished frames, the newest first; the last one alone where none are written down.
    std::size_t frame_history(std::span<frame_stats> into) const noexcept {
        if constexpr (counts) {
            return journal.copy_to(into);
        } else {
            unsigned long long const finished = frame.number() - (frame.kind() != frame_kind::closed);
            if (into.empty() || finished == 0) return 0;
            into[0] = {.number = finished, .bytes_used = frame.last_bytes()};
            return 1;
        }
    }
    void count_refusal([[maybe_unused]] fault_code why) noexcept {
        if constexpr (counts) journal.refuse(why);
    }

    FRAMEALLOC_COLD void* frame_miss(layout request) noexcept;
    FRAMEALLOC_COLD void* frame_miss_or_throw(layout request);
    FRAMEALLOC_COLD void* pool_miss(layout request, std::size_t c) noexcept;
    FRAMEALLOC_COLD void* pool_miss_or_throw(layout request, std::size_t c);
    FRAMEALLOC_COLD void pool_overflow(void* block, std::size_t c) noexcept;

    // With a budget that charges tags.
    /// Chunk-sized work between frames' ends: credit and window for `bytes` more of the frame. False where a limit is in the way.
    [[nodiscard]] FRAMEALLOC_COLD bool get_frame_credit(std::size_t bytes) noexcept;
    FRAMEALLOC_COLD void* pool_uncharged(void* block, layout request, std::size_t c) noexcept;
    FRAMEALLOC_COLD void* pool_uncharged_or_throw(void* block, layout request, std::size_t c);
    [[nodiscard]] bool pool_charged_by_surplus(void* block, std::size_t c) noexcept;
    /// Marks and counts a block that the program gets.
    FRAMEALLOC_HOT void* pool_is_served(void* block, [[maybe_unused]] layout request) noexcept {
        if constexpr (!keeps_records<A>) {
            pool_block_is_given<A>(*core_, block, request.bytes);
            if constexpr (A::diagnostics::checks_blocks) slab<A>::of(block)->mark_live(block);
        }
        if constexpr (A::diagnostics::counts_operations) counted.on_pool_allocate(request.bytes);
        return known_pointer(sample(block, request));
    }
    /// What the program gets of a block: itself, or where a sample is due a guarded one.
    FRAMEALLOC_HOT void* sample(void* block, [[maybe_unused]] layout request) noexcept {
        if constexpr (samples_blocks<A>) {
            if (sampling.is_due()) [[unlikely]]
                return block_sampler<A>::take(*this, block, request);
        }
        return block;
    }
    FRAMEALLOC_COLD void pool_uncredited(void* block, std::size_t c, std::size_t tag) noexcept;
    [[nodiscard]] void* serve_more(layout request) noexcept;
    /// What is allocated from now on is for tag `to`, which is in `word`, too.
    FRAMEALLOC_HOT void switch_tag(unsigned word, std::size_t to) noexcept {
        tags.current.set(word);
        if (frame.is_watched()) [[unlikely]] {
            switch_watched(to);
        } else {
            frame.charges().switch_to(this->window, to);
        }
    }
    FRAMEALLOC_COLD void switch_watched(std::size_t to) noexcept {
        auto source = chunks();
        frame.charges().switch_watched(this->window, static_cast<std::uint8_t>(to), source);
    }

    frame_state<A> frame{};
    [[no_unique_address]] pool_cache_of<A> pools;
    [[no_unique_address]] typename A::diagnostics::thread_part counted{};
    [[no_unique_address]] tag_state_of<A> tags{};
    [[no_unique_address]] frame_journal<A> journal{};
    [[no_unique_address]] sample_countdown<A> sampling{};
    thread_state* next_joined = nullptr;

    unsigned trims_followed = 0;
    unsigned trims_followed_by_frees = 0;

private:
    static constexpr bool has_tags = charges_tags<typename A::budget>;

    /// Serves, or answers null with `why` filled in. A listener of the budget may throw.
    [[nodiscard]] void* serve_frame(layout request, fault& why) noexcept(!has_tags);
    [[nodiscard]] void* serve_pool(layout request, std::size_t c) noexcept;
    [[nodiscard]] void* serve_charged(layout request, layout whole, fault& why);
    [[nodiscard]] void* serve_charged_pool(layout request, std::size_t c, fault& why);
    [[nodiscard]] bool may_use(std::size_t bytes, layout request, fault& why);

    core<A>* core_;
};

}  // namespace framealloc::detail
