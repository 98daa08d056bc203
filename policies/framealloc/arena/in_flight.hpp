// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/policy.hpp>

namespace framealloc::inline v0_1::arena {

/// Arena: `N` frames alive at once, each in an `Arena` of its own. What a frame has allocated lasts through the `N - 1`
/// frames that the thread ends after it, and goes when the last of them ends.
///
/// Choose it where somebody reads a frame's memory after its end: a GPU, a disk, a thread that runs one frame behind. Not
/// otherwise: it holds `N` times the memory.
///
///   Cost      That of `Arena`.
///   Threads   One at a time; the sync policy gives each thread its engine. A thread that begins no frame ends none.
///   Failure   That of `Arena`.
///   Lifetime  Pointers die with the `N`-th end of a frame on their thread, their own included, or with the engine. Objects
///             are destroyed then, newest first, the oldest frame first.
///   Source    The frames in flight of graphics interfaces: a ring of buffers, each reused when its fence is passed.
template <std::size_t N, class Arena>
struct in_flight {
    using family = arena_family;
    static constexpr std::size_t frames_in_flight = N;
    static constexpr bool needs_virtual_memory = requires { requires Arena::needs_virtual_memory; };

    template <class ChunkSource>
    class engine {
    public:
        [[nodiscard]] void* allocate(frame_window& window, layout request, ChunkSource& source) noexcept {
            return current().allocate(window, request, source);
        }
        /// Makes the first chunks of all `N` frames ready.
        [[nodiscard]] bool prepare(frame_window& window, ChunkSource& source) noexcept {
            bool ready = current().prepare(window, source);
            for (std::size_t i = 1; i < N && ready; ++i) {
                frame_window& at = ended_[nth(i)];
                ready = frames_[nth(i)].prepare(at, source);
            }
            return ready;
        }
        void open(frame_window& window) noexcept { current().open(window); }
        [[nodiscard]] frame_position position(frame_window const& window) const noexcept {
            return current().position(window);
        }
        void rewind(frame_window& window, frame_position to, ChunkSource& source) noexcept {
            current().rewind(window, to, source);
        }

        /// Ends the frame, which stays alive, and lets the oldest go.
        void reset(frame_window& window, ChunkSource& source) noexcept {
            ended_[at_].set(window.at(), window.limit);
            window.close();
            at_ = nth(1);
            current().reset(ended_[at_], source);
        }
        /// Gives the memory back of the frame that the last `reset` has let go.
        void release_oldest(ChunkSource& source) noexcept { current().release(ended_[at_], source); }
        /// Lets all frames go and gives all memory back.
        void release(frame_window& window, ChunkSource& source) noexcept {
            current().release(window, source);
            for (std::size_t i = 1; i < N; ++i) frames_[nth(i)].release(ended_[nth(i)], source);
        }

        /// Of the current frame.
        [[nodiscard]] std::size_t used_bytes(frame_window const& window) const noexcept {
            return current().used_bytes(window);
        }
        [[nodiscard]] std::size_t wasted_bytes() const noexcept { return current().wasted_bytes(); }
        /// Of all frames.
        [[nodiscard]] std::size_t reserved_bytes() const noexcept {
            std::size_t sum = 0;
            for (auto const& f : frames_) sum += f.reserved_bytes();
            return sum;
        }
        template <class F>
        void for_each_used(frame_window const& window, frame_position from, F&& f) const noexcept {
            current().for_each_used(window, from, f);
        }
        /// The same for the frame that the next `reset` lets go.
        template <class F>
        void for_each_used_in_oldest(frame_window const& window, F&& f) const noexcept {
            if constexpr (N == 1) {
                current().for_each_used(window, {}, f);
            } else {
                frames_[nth(1)].for_each_used(ended_[nth(1)], {}, f);
            }
        }

    private:
        using inner = typename Arena::template engine<ChunkSource>;

        [[nodiscard]] std::size_t nth(std::size_t i) const noexcept { return (at_ + i) % N; }
        [[nodiscard]] inner& current() noexcept { return frames_[at_]; }
        [[nodiscard]] inner const& current() const noexcept { return frames_[at_]; }

        inner frames_[N]{};
        frame_window ended_[N]{};  // where the ended frames stand
        std::size_t at_ = 0;
    };

    // Last, so that a compiler that stops reading a class at a failed assertion has seen the rest and says no more.
    static_assert(N >= 1 && N <= 16, "framealloc: arena::in_flight<N, Arena> keeps 1 to 16 frames");
    static_assert(ArenaPolicy<Arena>, "framealloc: arena::in_flight<N, Arena> wants an arena policy for its frames");
};

}  // namespace framealloc::arena
