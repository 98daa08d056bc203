// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>

// Where a scratch arena's chunks come from, and where they wait between two rounds.

namespace framealloc::inline v0_1::detail {

/// A tag by its number alone, for a scope.
struct scratch_tag {
    tag_id id;
    [[nodiscard]] std::size_t number() const noexcept { return id; }
};

/// What has been served from `begin` to `end` is nobody's any more.
template <class A>
void release_scratch_bytes(std::uintptr_t begin, std::uintptr_t end) noexcept {
    memory_is_left(begin, end);
    if constexpr (A::diagnostics::fills_released) __builtin_memset(pointer_to<void>(begin), 0xCD, end - begin);
    memory_is_forbidden(begin, end);
}

/// The chunk source of one arena: heap blocks, and ranges for arenas that grow in place. What a round gives back waits here for
/// the next one, in the order in which it was taken: rounds that repeat find theirs first, and no round but the largest asks for
/// memory.
///
///   Cost      Giving a chain back is O(1). Taking is O(1) where rounds repeat, otherwise O(chunks that wait).
///   Threads   The arena's user alone; `reserved_bytes` may be read by others.
///   Failure   Null, and `why`. While memory is asked for the window is closed, because users are called who may use the arena.
///   Lifetime  Chunks wait until `give_up`.
template <class A>
class scratch_chunks {
    static constexpr bool has_tags = charges_tags<typename A::budget>;

public:
    scratch_chunks(core<A>& owner, frame_window& window) noexcept : core_(owner), window_(window) {
        if constexpr (has_tags) {
            if (auto* const s = owner.state_if_any()) tag_ = s->tags.tag();
        }
    }
    scratch_chunks(scratch_chunks const&) = delete;
    scratch_chunks& operator=(scratch_chunks const&) = delete;
    ~scratch_chunks() {
    }  // not trivial: engines take what is trivially copyable by value, and compilers differ about this

    // --- what an arena engine asks ------------------------------------------------------------------------------------

    [[nodiscard]] FRAMEALLOC_COLD frame_chunk* take(layout whole) noexcept {
        frame_chunk* chunk = take_kept(whole);
        if (chunk != nullptr) {
            chunk->allow();
            return chunk;
        }
        void* const p = ask_users([&] { return heap_block(whole); });
        if (p == nullptr) return nullptr;
        reserved_.fetch_add(whole.bytes, order::relaxed);
        return new_chunk(p, whole.bytes, whole.align, 0);
    }
    void give_back(chunk_chain chunks) noexcept {
        chunks.forbid();
        kept_.append(chunks);
    }
    [[nodiscard]] FRAMEALLOC_COLD frame_chunk* take_growing(layout whole, std::size_t bytes) noexcept {
        giver_byte giver = 0;
        auto& gate = core_.gate();
        void* const p = gate.take_range(whole, giver);
        if (p == nullptr) {
            why_ = latest_refusal(gate, {.bytes = whole.bytes, .align = whole.align});
            return nullptr;
        }
        if (!commit(p, bytes, giver)) {
            static_cast<void>(gate.give_range(p, whole, 0, giver));
            return nullptr;
        }
        return new_chunk(p, bytes, whole.align, giver);
    }
    [[nodiscard]] FRAMEALLOC_COLD bool grow(frame_chunk& chunk, std::size_t more) noexcept {
        if (!commit(pointer_to<void>(chunk.end()), more, chunk.giver)) return false;
        chunk.bytes += more;
        return true;
    }
    [[nodiscard]] FRAMEALLOC_COLD bool give_back_growing(frame_chunk* chunk, layout whole) noexcept {
        std::size_t const bytes = chunk->bytes;
        if (!core_.gate().give_range(chunk, whole, bytes, chunk->giver)) return false;
        core_.gate().lent_bytes().fetch_sub(bytes, order::relaxed);
        reserved_.fetch_sub(bytes, order::relaxed);
        refund(bytes);
        return true;
    }

    // --- what the arena asks ------------------------------------------------------------------------------------------

    /// Gives what waits to the allocator. Answers how many bytes that were. O(chunks).
    FRAMEALLOC_COLD std::size_t give_up(site_of<A> at) noexcept {
        std::size_t bytes = 0;
        while (frame_chunk* const c = kept_.take_first()) {
            c->allow();
            bytes += c->bytes;
            core_.free_heap(c, at);
        }
        reserved_.fetch_sub(bytes, order::relaxed);
        return bytes;
    }
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_.load(order::relaxed); }

    /// Forgets why something was refused, so that afterwards there is a reason only if the allocator gave it.
    void expect_nothing() noexcept { why_.code = fault_code::internal; }
    /// Whether the allocator has refused since, and why.
    [[nodiscard]] bool was_refused() const noexcept { return why_.code != fault_code::internal; }
    [[nodiscard]] fault& why() noexcept { return why_; }
    [[nodiscard]] bool asks() const noexcept { return asks_; }

private:
    [[nodiscard]] static frame_chunk* new_chunk(void* p, std::size_t bytes, std::size_t align,
                                                giver_byte giver) noexcept {
        auto* const chunk = ::new (p) frame_chunk{};
        chunk->bytes = bytes;
        chunk->align = static_cast<std::uint32_t>(align);
        chunk->giver = giver;
        return chunk;
    }

    [[nodiscard]] frame_chunk* take_kept(layout whole) noexcept {
        chunk_chain passed;
        frame_chunk* found = nullptr;
        while (found == nullptr && !kept_.empty()) {
            frame_chunk* const c = kept_.take_first();
            if (c->bytes == whole.bytes && c->align >= whole.align) {
                found = c;
            } else {
                passed.append(c);
            }
        }
        passed.append(kept_);
        kept_ = passed;
        return found;
    }

    /// What `f` answers, under the arena's tag, while nobody is served out of the arena. Null where the thread has no state, and
    /// so could be charged nothing.
    template <class F>
    [[nodiscard]] void* ask_users(F&& f) noexcept {
        std::uintptr_t const cursor = window_.at(), limit = window_.limit;
        window_.close();
        asks_ = true;
        void* p = nullptr;
        if constexpr (has_tags) {
            if (core_.state() != nullptr) {
                framealloc::tag_scope<A> const scope{core_, scratch_tag{tag_}};
                p = f();
            } else {
                why_ = latest_refusal(core_.gate(), {.bytes = 0});
            }
        } else {
            p = f();
        }
        asks_ = false;
        window_.set(cursor, limit);
        return p;
    }
    [[nodiscard]] void* heap_block(layout whole) noexcept { return core_.heap_allocate(whole, here<A>(), why_); }

    /// Memory for a part of a range, charged like a heap block.
    [[nodiscard]] bool commit(void* p, std::size_t bytes, giver_byte giver) noexcept {
        auto& gate = core_.gate();
        layout const request{.bytes = bytes};
        bool done = false;
        if constexpr (has_tags) {
            done = ask_users([&] {
                       return without_throwing<A>(why_, [&] {
                           return serve_charged(
                               core_, request, why_, [&](tag_id) { return gate.commit(p, bytes, giver) ? p : nullptr; },
                               [&](void*) { static_cast<void>(gate.decommit(p, bytes, giver)); });
                       });
                   }) != nullptr;
            if (done) gate.budget().lend(tag_, bytes);
        } else {
            done = gate.commit(p, bytes, giver);
            if (!done) why_ = latest_refusal(gate, request);
        }
        if (!done) return false;
        gate.lent_bytes().fetch_add(bytes, order::relaxed);
        reserved_.fetch_add(bytes, order::relaxed);
        return true;
    }
    void refund([[maybe_unused]] std::size_t bytes) noexcept {
        if constexpr (has_tags) {
            core_.gate().budget().take_back(tag_, bytes);
            core_.gate().budget().refund(tag_, allocation_intent::heap, bytes);
        }
    }

    core<A>& core_;
    frame_window& window_;
    chunk_chain kept_{};
    atomic<std::size_t> reserved_{0};
    tag_id tag_ = root_tag;
    bool asks_ = false;
    fault why_{};
};

}  // namespace framealloc::detail
