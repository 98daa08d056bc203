// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include "crew.hpp"
#include "request_log.hpp"

#include <framealloc/layout.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

// How the allocators' time is measured: a clock around each allocation would cost more than the allocation. So the
// requests of a frame are noted while it is played, and right afterwards the same sequence, threads and all, is played
// again to each allocator by one and the same loop, which does nothing else. That loop is timed as a whole.

namespace asteroids {

/// One request as the replay makes it: blocks are known by a number in place of an address.
struct replay_step {
    bool takes = true;
    intent route = intent::frame;
    std::uint32_t block = 0;
    framealloc::layout what;
};
using replay_script = std::vector<replay_step>;

/// A frame log as steps.
struct frame_script {
    explicit frame_script(unsigned workers) : by_worker(workers) {}

    replay_script before;
    std::vector<replay_script> by_worker;
    replay_script after;
};

/// Turns addresses into numbers, frame after frame: a block may live for many.
class block_numbers {
public:
    /// Rewrites `log` into `script`. Throws `std::logic_error` for a block that is given back but was never taken.
    void translate(frame_log const& log, frame_script& script);
    /// How many numbers have been in use at once.
    [[nodiscard]] std::size_t count() const noexcept { return used_; }

private:
    void translate(request_log const& log, replay_script& script);
    [[nodiscard]] std::uint32_t fresh();

    std::unordered_map<void const*, std::uint32_t> live_;
    std::vector<std::uint32_t> free_;
    // Not to be used again in the same frame: in it, two threads might then share a number.
    std::vector<std::uint32_t> freed_in_this_frame_;
    std::uint32_t used_ = 0;
};

/// `script` with the sizes of `log`, which the same program made over another memory: a vector that holds its allocator
/// is larger than one that need not. Answers false where `log` is not the same sequence.
[[nodiscard]] bool with_sizes_of(frame_log const& log, frame_script const& script, frame_script& into);

using nanoseconds = std::int64_t;

/// Takes no memory at all: what the replay's own loop costs.
class no_memory {
public:
    void begin_frame() {}
    void end_frame() {}
    [[nodiscard]] void* take(intent, framealloc::layout) noexcept { return place; }
    void give(intent, void*, framealloc::layout) noexcept {}

private:
    static inline thread_local unsigned char place[64];  // per thread, so that no two write to one cache line
};

/// Frames replayed to the memory that a game is played with, with blocks of the replay's own: what the game's requests
/// have made of the allocator is what the replay meets.
template <class Memory>
class replay_lane {
public:
    replay_lane(Memory& memory, crew& workers) : memory_(memory), crew_(workers), worker_time_(workers.size()) {}

    /// Nanoseconds that the requests of one frame took, on all threads together.
    nanoseconds play(frame_script const& script, std::size_t blocks) {
        if (blocks_.size() < blocks) blocks_.resize(blocks + blocks / 2);
        nanoseconds const first = timed([&] {
            memory_.begin_frame();
            play(script.before);
        });
        crew_.run([&](unsigned i) { worker_time_[i] = timed([&] { play(script.by_worker[i]); }); });
        nanoseconds sum = first + timed([&] {
                              play(script.after);
                              memory_.end_frame();
                          });
        for (nanoseconds const t : worker_time_) sum += t;
        return sum;
    }

private:
    template <class Work>
    static nanoseconds timed(Work&& work) {
        auto const start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
    }

    void play(replay_script const& script) {
        for (replay_step const& s : script) {
            void*& block = blocks_[s.block];
            if (s.takes) {
                block = memory_.take(s.route, s.what);
                // The program would write to it, too; and what is not written to might be optimised away.
                *static_cast<unsigned char volatile*>(block) = 1;
            } else {
                memory_.give(s.route, block, s.what);
            }
        }
    }

    Memory& memory_;
    crew& crew_;
    std::vector<void*> blocks_;
    std::vector<nanoseconds> worker_time_;
};

}  // namespace asteroids
