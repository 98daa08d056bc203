// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/intent.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asteroids {

using framealloc::intent;

/// One request that the program made of its memory: a block taken or given back.
struct request {
    bool takes = true;
    intent route = intent::frame;
    std::uint32_t align = 1;
    std::size_t bytes = 0;
    void const* address = nullptr;
};

/// What one thread asked for in one stretch of a frame, in order.
using request_log = std::vector<request>;

/// What everybody asked for in one frame: the main thread before the workers ran, each worker, the main thread
/// afterwards.
struct frame_log {
    explicit frame_log(unsigned workers) : by_worker(workers) {}

    request_log before;
    std::vector<request_log> by_worker;
    request_log after;

    void clear() {
        before.clear();
        for (request_log& w : by_worker) w.clear();
        after.clear();
    }
};

/// Where the calling thread's requests are noted; null when nobody listens.
inline thread_local request_log* listening_log = nullptr;

/// Listens to the calling thread's requests for the enclosing block.
class listen {
public:
    explicit listen(request_log* to) noexcept : before_(listening_log) { listening_log = to; }
    ~listen() { listening_log = before_; }
    listen(listen const&) = delete;
    listen& operator=(listen const&) = delete;

private:
    request_log* before_;
};

inline void note(bool takes, intent route, std::size_t bytes, std::size_t align, void const* address) {
    if (listening_log == nullptr) return;
    listening_log->push_back({takes, route, static_cast<std::uint32_t>(align), bytes, address});
}

}  // namespace asteroids
