// SPDX-License-Identifier: MIT OR Apache-2.0
#include "duel.hpp"

#include "memory.hpp"
#include "replay.hpp"
#include "world.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

namespace asteroids {

namespace {

constexpr unsigned lane_count = 3;

/// The first frames, whose backend calls are not held against anybody: a tenth of all, at most a second's worth.
unsigned warm_up_of(unsigned frames) { return std::min(frames / 10, 60U); }

/// One side of the duel: its game, what it asked for, and how long its frames took.
template <class Memory>
class player {
public:
    player(level const& of, crew& workers, side_results& into)
        : results_(into), log_(workers.size()), game_(of, workers, &log_, 1 + lane_count) {
        results_.name = Memory::name;
        account(false);
    }

    void play(bool warm, picture* copy) {
        log_.clear();
        auto const start = std::chrono::steady_clock::now();
        game_.play(copy);
        auto const took = std::chrono::steady_clock::now() - start;
        if (warm) times_.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
        account(warm);
    }
    /// After the frame's replays, which go to the same memory.
    void account_backend(bool warm) {
        if constexpr (counts_backend_calls) {
            std::uint64_t const calls = game_.memory().backend_calls();
            if (warm) results_.backend_calls_after_warm_up += calls - results_.backend_calls_in_all;
            results_.backend_calls_in_all = calls;
        }
    }
    void unload() {
        log_.clear();
        game_.unload();
    }
    void finish() {
        results_.frame_time = percentiles_of(times_);
        results_.checksum = game_.checksum_value();
    }

    [[nodiscard]] frame_log const& log() const noexcept { return log_; }
    [[nodiscard]] world<Memory>& game() noexcept { return game_; }

private:
    static constexpr bool counts_backend_calls = requires(Memory& m) { m.backend_calls(); };

    void account(bool warm) {
        account(log_.before, warm);
        for (request_log const& w : log_.by_worker) account(w, warm);
        account(log_.after, warm);
    }
    void account(request_log const& part, bool warm) {
        for (request const& r : part) {
            if (r.takes) {
                traffic& t = results_.by_intent[static_cast<std::size_t>(r.route)];
                ++t.allocations;
                t.bytes += r.bytes;
            }
        }
        // With plain new and delete, a request is a call.
        if constexpr (!counts_backend_calls) {
            results_.backend_calls_in_all += part.size();
            if (warm) results_.backend_calls_after_warm_up += part.size();
        }
    }

    side_results& results_;
    frame_log log_;
    world<Memory> game_;
    std::vector<std::int64_t> times_;
};

/// The replays to one side's memory.
template <class Memory>
class bench {
public:
    bench(Memory& memory, crew& workers) {
        for (unsigned i = 0; i < lane_count; ++i) lanes_.emplace_back(memory, workers);
    }
    void play(unsigned lane, frame_script const& script, std::size_t blocks) {
        now_[lane] = lanes_[lane].play(script, blocks);
    }
    void frame_done(bool warm) {
        std::sort(now_.begin(), now_.end());
        nanoseconds const median = now_[lane_count / 2];
        if (warm) {
            times_.push_back(median);
        } else {
            slowest_cold_ = std::max(slowest_cold_, median);
        }
    }
    [[nodiscard]] percentiles times() const { return percentiles_of(times_); }
    [[nodiscard]] nanoseconds slowest_cold() const noexcept { return slowest_cold_; }

private:
    std::vector<replay_lane<Memory>> lanes_;
    std::array<nanoseconds, lane_count> now_{};
    std::vector<nanoseconds> times_;
    nanoseconds slowest_cold_ = 0;
};

class duel {
public:
    duel(level const& of, results& found)
        : found_(found),
          ours_(of, crew_, found.ours),
          theirs_(of, crew_, found.theirs),
          our_bench_(ours_.game().memory(), crew_),
          their_bench_(theirs_.game().memory(), crew_),
          loop_bench_(nothing_, crew_),
          our_script_(crew_.size()),
          their_script_(crew_.size()) {
        found.workers = crew_.size();
        found.asteroids = of.asteroids();
        replay(false);
    }

    void play(unsigned frame, bool warm, picture* copy) {
        bool const ours_first = frame % 2 == 0;
        if (ours_first) ours_.play(warm, copy);
        theirs_.play(warm, nullptr);
        if (!ours_first) ours_.play(warm, copy);
        replay(ours_first);
        our_bench_.frame_done(warm);
        their_bench_.frame_done(warm);
        loop_bench_.frame_done(warm);
        ours_.account_backend(warm);
    }

    void finish() {
        found_.bodies = ours_.game().bodies();
        ours_.unload();
        theirs_.unload();
        replay(false);  // so that the replays give everything back, too
        ours_.finish();
        theirs_.finish();
        found_.ours.allocator_time = our_bench_.times();
        found_.ours.slowest_warm_up_frame = our_bench_.slowest_cold();
        found_.theirs.allocator_time = their_bench_.times();
        found_.theirs.slowest_warm_up_frame = their_bench_.slowest_cold();
        found_.loop_time = loop_bench_.times();
    }

private:
    void replay(bool ours_first) {
        numbers_.translate(ours_.log(), our_script_);
        if (!with_sizes_of(theirs_.log(), our_script_, their_script_)) {
            throw std::logic_error("the two sides asked their memory for different things");
        }
        for (unsigned lane = 0; lane < lane_count; ++lane) {
            bool const ours_now = ours_first == (lane % 2 == 0);
            if (ours_now) our_bench_.play(lane, our_script_, numbers_.count());
            their_bench_.play(lane, their_script_, numbers_.count());
            if (!ours_now) our_bench_.play(lane, our_script_, numbers_.count());
            loop_bench_.play(lane, our_script_, numbers_.count());
        }
    }

    results& found_;
    crew crew_{worker_count};
    player<framealloc_memory> ours_;
    player<std_memory> theirs_;
    no_memory nothing_;
    bench<framealloc_memory> our_bench_;
    bench<std_memory> their_bench_;
    bench<no_memory> loop_bench_;
    block_numbers numbers_;
    frame_script our_script_, their_script_;
};

}  // namespace

void play_duel(level const& of, unsigned frames, results& found, picture* last) {
    found.frames = frames;
    found.warm_up_frames = warm_up_of(frames);
    duel d{of, found};
    for (unsigned frame = 0; frame < frames; ++frame) {
        d.play(frame, frame >= found.warm_up_frames, frame + 1 == frames ? last : nullptr);
    }
    d.finish();
}

}  // namespace asteroids
