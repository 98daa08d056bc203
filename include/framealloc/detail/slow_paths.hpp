// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/core.hpp>

// What a thread does when a hot path has missed: join a frame, take a chunk, refill a magazine, or say why not.

namespace framealloc::inline v0_1::detail {

template <class A>
chunk_source<A> thread_state<A>::chunks() noexcept {
    return core_->chunks();
}

template <class A>
void thread_state<A>::follow_trim() noexcept {
    unsigned const trims = core_->trims();
    if (trims == trims_followed) return;
    trims_followed = trims;
    trims_followed_by_frees = trims;
    if constexpr (A::pool::class_count != 0) {
        pools.settle_magazines(*this, core_->pools_);
        pools.stop_carving(core_->pools_);
    }
    if constexpr (has_tags) {
        static_cast<void>(tags.give_back_credit(core_->gate().budget()));
        static_cast<void>(frame.charges().give_back_credit(this->window, core_->gate().budget()));
    }
    if (frame.kind() == frame_kind::closed) {
        auto source = chunks();
        frame.trim(this->window, source);
        core_->chunk_store().trim(core_->gate());
    }
}

template <class A>
void* thread_state<A>::serve_frame(layout request, fault& why) noexcept(!has_tags) {
    if (!is_possible(request, why)) return nullptr;
    if (frame.kind() == frame_kind::closed && !core_->join(*this)) {
        say(why, fault_code::frame_not_open, "asked for %llu bytes, align %llu; no frame is open on thread %llu",
            request.bytes, request.align, core<A>::thread_number());
        return nullptr;
    }
    core_->gate().note(fault_code::arena_exhausted);  // unless the gate, if it is asked, says otherwise
    void* p = nullptr;
    if constexpr (has_tags) {
        p = serve_charged(request, whole_of<A>(request), why);
        if (p == nullptr && why.code != fault_code::arena_exhausted) return nullptr;
    } else {
        auto source = chunks();
        p = frame.allocate(this->window, whole_of<A>(request), source);
    }
    if (p == nullptr) {
        if (core_->gate().refusal() != fault_code::arena_exhausted) {
            why = latest_refusal(core_->gate(), request);
        } else {
            say(why, fault_code::arena_exhausted, "asked for %llu bytes, align %llu; %llu bytes of the frame are used",
                request.bytes, request.align, frame.used_bytes(this->window));
        }
    } else if constexpr (A::diagnostics::counts_operations) {
        counted.on_frame_allocate(request.bytes);
    }
    return p;
}

template <class A>
void* thread_state<A>::frame_miss(layout request) noexcept {
    fault why = said();
    void* const p = without_throwing<A>(why, [&] { return serve_frame(request, why); });
    if (p == nullptr) {
        count_refusal(why.code);
        report_refusal(*core_, why);
    }
    return p;
}
template <class A>
void* thread_state<A>::frame_miss_or_throw(layout request) {
    fault why = said();
    void* const p = serve_frame(request, why);
    if (p == nullptr) {
        count_refusal(why.code);
        throw_refusal(*core_, why, request);
    }
    return p;
}

template <class A>
void* thread_state<A>::serve_pool(layout request, std::size_t c) noexcept {
    follow_trim();
    void* const p = pools.refill(this->magazines[c], c, core_->pools_);
    if (p == nullptr) {
        count_refusal(core_->gate().refusal());
        return nullptr;
    }
    return pool_is_served(p, request);
}
template <class A>
void* thread_state<A>::pool_miss(layout request, std::size_t c) noexcept {
    if (c == A::pool::class_count) return core_->heap_allocate(request);
    if constexpr (A::pool::class_count == 0) {
        return nullptr;
    } else if constexpr (has_tags) {
        fault why = said();
        void* const p = without_throwing<A>(why, [&] { return serve_charged_pool(request, c, why); });
        if (p == nullptr) count_refusal(why.code);
        return p;
    } else {
        return serve_pool(request, c);
    }
}
template <class A>
void* thread_state<A>::pool_miss_or_throw(layout request, std::size_t c) {
    if (c == A::pool::class_count) return core_->heap_allocate_or_throw(request);
    if constexpr (A::pool::class_count == 0) {
        return nullptr;
    } else if constexpr (has_tags) {
        fault why = said();
        void* const p = serve_charged_pool(request, c, why);
        if (p == nullptr) {
            count_refusal(why.code);
            throw_refusal(*core_, why, request);
        }
        return p;
    } else {
        void* const p = serve_pool(request, c);
        if (p == nullptr) core_->throw_without_memory(request);
        return p;
    }
}
template <class A>
void thread_state<A>::pool_overflow(void* block, std::size_t c) noexcept {
    if constexpr (A::pool::class_count != 0) {
        if constexpr (has_tags) {
            std::size_t tag = no_tag;
            if (!tags.credit(block, c, tag)) {
                if (tag == no_tag) {
                    tags.make_room(no_tag, 0);
                    return core_->report_double_free(block, c);
                }
                tags.settle(static_cast<tag_id>(tag), A::pool::class_bytes(c), core_->gate().budget());
            }
        }
        if constexpr (A::diagnostics::counts_operations) counted.on_pool_free();
        // The part that waits for nobody; the slabs being carved follow when this thread allocates, or ends its frame.
        if (unsigned const trims = core_->trims(); trims != trims_followed_by_frees) {
            trims_followed_by_frees = trims;
            pools.settle_magazines(*this, core_->pools_);
        }
        pools.overflow(this->magazines[c], c, block, core_->pools_);
    }
}

}  // namespace framealloc::detail
