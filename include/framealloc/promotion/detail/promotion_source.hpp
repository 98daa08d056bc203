// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/promotion/detail/promotion_attempt.hpp>

namespace framealloc::inline v0_1::detail {

/// Objects in the calling thread's frame that are about to be moved out of it, and what was to destroy them.
///
/// The finaliser is found where `frame_new` puts it, and not by a walk over all: it is taken for one only if it lies in memory
/// that the frame has served and says, of this type, these objects and this number. That leaves it in the row, with nothing to
/// destroy: marks may refer to it. Where records are kept, an object's says how much was made, and then that it has left.
///
///   Cost      O(chunks of the frame).
///   Failure   What cannot be the whole of what the frame's verbs made is refused (FA011). A pointer that was kept beyond its
///             frame is seen where ended frames are filled, and through a `frame_ptr`. Without records, and without a
///             destructor, there is nothing to tell a part from the whole by.
template <class A, class T, bool Boxed = false>
class promotion_source {
    static_assert(!std::is_const_v<T>, "framealloc: a constant object cannot be moved from; promote what is not const");
    static_assert(std::is_move_constructible_v<T>,
                  "framealloc: promotion moves the object to its new home; this type can be neither moved nor copied");
    static constexpr bool has_finaliser = !Boxed && !std::is_trivially_destructible_v<T>;

public:
    promotion_source(core<A>& owner, T* first, std::size_t n) noexcept
        : state_(owner.state_if_any()), first_(first), n_(n) {}

    /// Null where the objects can be promoted; otherwise what is wrong, and that is counted.
    [[nodiscard, gnu::noinline]] char const* look() noexcept {
        char const* const wrong = find_wrong();
        if (wrong != nullptr) count_promotion(state_, &promotion_counts::not_promotable);
        return wrong;
    }
    /// What was moved from is destroyed, here instead of by the frame. Its memory stays the frame's.
    FRAMEALLOC_HOT void destroy() noexcept {
        if constexpr (has_finaliser) {
            memory_is_ours(finaliser_, sizeof *finaliser_);
            finaliser_->count = 0;
            memory_is_forbidden(finaliser_, sizeof *finaliser_);
        }
        destroy_backwards(first_, n_);
        if constexpr (keeps_records<A>) {
            memory_is_ours(record(), sizeof *record());
            record()->leave();
            memory_is_forbidden(record(), sizeof *record());
        }
        if constexpr (A::diagnostics::fills_released)
            __builtin_memset(static_cast<void*>(first_), 0xCD, n_ * sizeof(T));
        memory_is_forbidden(static_cast<void const*>(first_), n_ * sizeof(T));
    }

    [[nodiscard]] thread_state<A>* state() const noexcept { return state_; }
    [[nodiscard]] T* first() const noexcept { return first_; }

private:
    static constexpr char const* note_already = "the object at 0x%llx has been promoted already";
    static constexpr char const* note_part =
        "at 0x%llx lies not the whole of what was made: another type, a part, or one of a row";

    [[nodiscard]] char const* find_wrong() noexcept {
        if (first_ == nullptr) return "a null pointer was to be promoted";
        frame_kind const kind = state_ != nullptr ? state_->frame.kind() : frame_kind::closed;
        if (kind == frame_kind::closed) return "the object at 0x%llx: no frame is open on thread %llu";
        if (kind < frame_kind::own) return "the object at 0x%llx: destructors of its frame are running";
        layout const objects = layout::array_of<T>(n_);
        std::uintptr_t const begin = address_of(first_);
        if (!is_used(begin, begin + objects.bytes))
            return "the object at 0x%llx is not of the frame that is open on thread %llu";
        if constexpr (keeps_records<A>) {
            if (begin % alignof(block_record) != 0 || !is_used(address_of(record()), begin)) return note_part;
            block_record const r = read(record());
            bool const is_its = r.guard == r.guard_at(address_of(record()), block_record::alive);
            if (is_its && r.has_left()) return note_already;
            if (!is_its || r.bytes() != objects.bytes) return note_part;
        }
        if constexpr (has_finaliser) {
            finalised const parts = with_finaliser<A>(objects);
            std::uintptr_t const at = begin - parts.object_offset + parts.record_offset;
            finaliser_ = pointer_to<finaliser>(at);
            bool const is_there = at % alignof(finaliser) == 0 && is_used(at, at + sizeof(finaliser));
            finaliser const f = is_there ? read(finaliser_) : finaliser{};
            bool const is_its = f.objects == first_ && f.run == &finalise<T>;
            if (is_its && f.count == 0) return note_already;
            if (!is_its || f.count != n_) return note_part;
        }
        return nullptr;
    }
    [[nodiscard]] block_record* record() const noexcept {
        return pointer_to<block_record>(address_of(first_) - sizeof(block_record));
    }

    [[nodiscard]] bool is_used(std::uintptr_t begin, std::uintptr_t end) const noexcept {
        bool found = false;
        state_->frame.for_each_used(state_->window, [&](std::uintptr_t from, std::uintptr_t to) {
            found = found || (begin >= from && begin < end && end <= to);
        });
        return found;
    }
    /// What lies there may be anything.
    template <class Record>
    [[nodiscard]] static Record read(Record const* p) noexcept {
        if constexpr (memory_tool) {
            return read_forbidden(p);
        } else {
            Record copy;
            __builtin_memcpy(static_cast<void*>(&copy), p, sizeof copy);
            return copy;
        }
    }

    thread_state<A>* state_;
    T* first_;
    std::size_t n_;
    finaliser* finaliser_ = nullptr;
};

}  // namespace framealloc::detail
