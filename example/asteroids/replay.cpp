// SPDX-License-Identifier: MIT OR Apache-2.0
#include "replay.hpp"

#include <stdexcept>

namespace asteroids {

std::uint32_t block_numbers::fresh() {
    if (free_.empty()) return used_++;
    std::uint32_t const number = free_.back();
    free_.pop_back();
    return number;
}

void block_numbers::translate(request_log const& log, replay_script& script) {
    script.clear();
    for (request const& r : log) {
        if (r.align > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
            throw std::logic_error("the replay knows no over-aligned requests");
        }
        replay_step step{r.takes, r.route, 0, {.bytes = r.bytes, .align = r.align}};
        if (r.takes) {
            step.block = fresh();
            live_[r.address] = step.block;
        } else {
            auto const known = live_.find(r.address);
            if (known == live_.end()) throw std::logic_error("a block was given back that was never taken");
            step.block = known->second;
            freed_in_this_frame_.push_back(step.block);
            live_.erase(known);
        }
        script.push_back(step);
    }
}

void block_numbers::translate(frame_log const& log, frame_script& script) {
    translate(log.before, script.before);
    for (std::size_t i = 0; i < log.by_worker.size(); ++i) translate(log.by_worker[i], script.by_worker[i]);
    translate(log.after, script.after);
    free_.insert(free_.end(), freed_in_this_frame_.begin(), freed_in_this_frame_.end());
    freed_in_this_frame_.clear();
}

namespace {

bool take_sizes(request_log const& log, replay_script const& script, replay_script& into) {
    if (log.size() != script.size()) return false;
    into = script;
    for (std::size_t i = 0; i < log.size(); ++i) {
        if (log[i].takes != script[i].takes || log[i].route != script[i].route) return false;
        into[i].what = {.bytes = log[i].bytes, .align = log[i].align};
    }
    return true;
}

}  // namespace

bool with_sizes_of(frame_log const& log, frame_script const& script, frame_script& into) {
    if (!take_sizes(log.before, script.before, into.before)) return false;
    if (!take_sizes(log.after, script.after, into.after)) return false;
    for (std::size_t i = 0; i < log.by_worker.size(); ++i) {
        if (!take_sizes(log.by_worker[i], script.by_worker[i], into.by_worker[i])) return false;
    }
    return true;
}

}  // namespace asteroids
