// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/promotion/detail/promotion_attempt.hpp>

namespace framealloc::inline v0_1::detail {

/// Objects in the calling thread's frame that are about to be moved out of it, and what was to destroy them.
///
/// The finaliser is found where `frame_new` puts it, and not by a walk over all: it is taken for one only if it lies in memory
/// that the frame has served and says, of this type, these objects and this number. That leaves it in the row, with nothing to
/// destroy: marks may refer to it.
///
///   Cost      O(chunks of the frame).
///   Failure   What cannot be the whole of what `frame_new` or `frame_array` made is refused (FA011). A pointer that was kept
///             beyond its frame is seen where ended frames are filled, and through a `frame_ptr`.
template <class A, class T>
class promotion_source {
    static_assert(!std::is_const_v<T>, "framealloc: a constant object cannot be moved from; promote what is not const");
    static_assert(std::is_move_constructible_v<T>,
                  "framealloc: promotion moves the object to its new home; this type can be neither moved nor copied");
    static constexpr bool has_finaliser = !std::is_trivially_destructible_v<T>;

public:
    promotion_source(core<A>& owner, T* first, std::size_t n) noexcept
        : owner_(owner), state_(owner.state_if_any()), first_(first), n_(n) {}

    /// Whether the objects can be promoted; otherwise `why` says what is wrong, and that is counted.
    [[nodiscard, gnu::noinline]] bool look(fault& why) noexcept {
        if (is_sound(why)) return true;
        count_promotion(state_, &promotion_counts::not_promotable);
        return false;
    }
    /// What was moved from is destroyed, here instead of by the frame. Its memory stays the frame's.
    FRAMEALLOC_HOT void destroy() noexcept {
        if constexpr (has_finaliser) {
            memory_is_ours(finaliser_, sizeof *finaliser_);
            finaliser_->count = 0;
            memory_is_forbidden(finaliser_, sizeof *finaliser_);
        }
        destroy_backwards(first_, n_);
        leave(first_, n_);
    }
    /// Nobody has objects there any more.
    static void leave(T* first, std::size_t n) noexcept {
        if constexpr (A::diagnostics::fills_released) __builtin_memset(static_cast<void*>(first), 0xCD, n * sizeof(T));
        memory_is_forbidden(static_cast<void const*>(first), n * sizeof(T));
    }

    [[nodiscard]] thread_state<A>* state() const noexcept { return state_; }
    [[nodiscard]] core<A>& owner() const noexcept { return owner_; }
    [[nodiscard]] T* first() const noexcept { return first_; }
    [[nodiscard]] std::size_t size() const noexcept { return n_; }

private:
    [[nodiscard]] bool is_sound(fault& why) noexcept {
        if (first_ == nullptr) return says(why, "a null pointer was to be promoted");
        frame_kind const kind = state_ != nullptr ? state_->frame.kind() : frame_kind::closed;
        if (kind == frame_kind::closed)
            return says(why, "the object at 0x%llx: no frame is open on thread %llu", core<A>::thread_number());
        if (kind < frame_kind::own) return says(why, "the object at 0x%llx: destructors of its frame are running");
        layout const objects = layout::array_of<T>(n_);
        std::uintptr_t const begin = address_of(first_);
        if (!is_used(begin, begin + objects.bytes))
            return says(why, "the object at 0x%llx is not of the frame that is open on thread %llu",
                        core<A>::thread_number());
        if constexpr (has_finaliser) {
            finalised const parts = with_finaliser<A>(objects);
            std::uintptr_t const record = begin - parts.object_offset + parts.record_offset;
            bool const is_there = is_used(record, record + sizeof(finaliser));
            finaliser_ = pointer_to<finaliser>(record);
            finaliser const f = is_there ? read() : finaliser{};
            bool const is_its = f.objects == first_ && f.run == &finalise<T>;
            if (is_its && f.count == 0) return says(why, "the object at 0x%llx has been promoted already");
            if (!is_its || f.count != n_)
                return says(why,
                            "at 0x%llx lies not the whole of what was made: another type, a part, or one of a row");
        }
        return true;
    }

    [[nodiscard]] bool is_used(std::uintptr_t begin, std::uintptr_t end) const noexcept {
        bool found = false;
        state_->frame.for_each_used(state_->window, [&](std::uintptr_t from, std::uintptr_t to) {
            found = found || (begin >= from && begin < end && end <= to);
        });
        return found;
    }
    [[nodiscard]] finaliser read() const noexcept {
        if constexpr (memory_tool) {
            return read_forbidden(finaliser_);
        } else {
            return *finaliser_;
        }
    }
    [[nodiscard]] FRAMEALLOC_COLD bool says(fault& why, char const* note, unsigned long long more = 0) const noexcept {
        say(why, fault_code::not_promotable, note, address_of(first_), more);
        return false;
    }

    core<A>& owner_;
    thread_state<A>* state_;
    T* first_;
    std::size_t n_;
    finaliser* finaliser_ = nullptr;
};

}  // namespace framealloc::detail
