// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace framealloc::test {

/// While it lives, faults are written down instead of printed, and the program goes on. One at a time; any thread may be
/// at fault.
class fault_recorder {
public:
    fault_recorder() : before_(set_fault_handler(&record)) {
        std::scoped_lock const guard{mutex()};
        seen().clear();
        texts().clear();
    }
    ~fault_recorder() { set_fault_handler(before_); }
    fault_recorder(fault_recorder const&) = delete;
    fault_recorder& operator=(fault_recorder const&) = delete;

    [[nodiscard]] std::vector<fault_code> codes() const {
        std::scoped_lock const guard{mutex()};
        return seen();
    }
    [[nodiscard]] std::size_t count() const { return codes().size(); }
    /// The newest fault's code; `fault_code{}` where there was none.
    [[nodiscard]] fault_code last() const {
        auto const all = codes();
        return all.empty() ? fault_code{} : all.back();
    }
    /// The newest fault's whole report.
    [[nodiscard]] std::string last_text() const {
        std::scoped_lock const guard{mutex()};
        return texts().empty() ? std::string{} : texts().back();
    }
    /// Whether the newest fault would have stopped the program.
    [[nodiscard]] bool last_would_stop() const { return would_stop().load(); }

private:
    static std::mutex& mutex() {
        static std::mutex m;
        return m;
    }
    static std::vector<fault_code>& seen() {
        static std::vector<fault_code> v;
        return v;
    }
    static std::vector<std::string>& texts() {
        static std::vector<std::string> v;
        return v;
    }
    static std::atomic<bool>& would_stop() {
        static std::atomic<bool> b{false};
        return b;
    }
    static fault_action record(fault const& f) {
        char text[1280];
        f.write(text, sizeof text);
        std::scoped_lock const guard{mutex()};
        seen().push_back(f.code);
        texts().emplace_back(text);
        would_stop().store(f.stops);
        return fault_action::go_on;
    }

    fault_handler before_;
};

}  // namespace framealloc::test
