// SPDX-License-Identifier: MIT OR Apache-2.0

// A walk through a house that does not fit into memory: while one room is looked at, a thread loads the next one's files, and
// those of rooms long left make room for them.
//
//     streaming [FOLDER]    the files of a folder; without one, files of its own, which it makes and removes

#include <framealloc/streaming/streaming_allocator.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace fs = std::filesystem;
using framealloc::stream_event_kind, framealloc::stream_id, framealloc::stream_lease, framealloc::stream_state;

struct asset_file {
    fs::path path;
    std::size_t bytes;
    stream_id id{};  // null while it is not here
};

// Reads files on a thread of its own, in the order in which they were asked for.
class loader {
public:
    explicit loader(framealloc::streaming_allocator<>& assets) : assets_(assets) {}

    void load(stream_id id, fs::path const& path) {
        std::scoped_lock const lock{mutex_};
        wanted_.push_back({id, path});
        changed_.notify_one();
    }

private:
    struct request {
        stream_id id;
        fs::path path;
    };

    void run(std::stop_token stop) {
        for (;;) {
            std::unique_lock lock{mutex_};
            if (!changed_.wait(lock, stop, [&] { return !wanted_.empty(); })) return;
            request const next = wanted_.front();
            wanted_.pop_front();
            lock.unlock();
            read(next);
        }
    }
    void read(request const& r) {
        auto const memory = assets_.begin_load(r.id);
        if (!memory) return static_cast<void>(assets_.cancel(r.id));  // it has been reserved, and there is no memory
        std::ifstream file{r.path, std::ios::binary};
        for (std::size_t done = 0; done < memory->size();) {
            std::size_t const step = std::min(memory->size() - done, std::size_t{16} << 10);
            bool const here(file.read(reinterpret_cast<char*>(memory->data()) + done, std::streamsize(step)));
            // Progress is refused where nobody wants the file any more.
            if (!here || !assets_.report_progress(r.id, done += step)) {
                static_cast<void>(assets_.abandon_load(r.id));
                return;
            }
        }
        static_cast<void>(assets_.finish_load(r.id));
    }

    framealloc::streaming_allocator<>& assets_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<request> wanted_;
    std::jthread thread_{[this](std::stop_token stop) { run(stop); }};  // the last to come, the first to go
};

class house : framealloc::stream_listener {
public:
    static constexpr std::size_t files_per_room = 3;

    house(std::vector<asset_file> files, std::size_t budget)
        : files_(std::move(files)), assets_{alloc_, {.budget_bytes = budget, .listener = this}} {}

    [[nodiscard]] std::size_t rooms() const { return (files_.size() + files_per_room - 1) / files_per_room; }

    // Through the rooms in that order. False where one does not fit, or cannot be read.
    bool walk(std::vector<std::size_t> const& way) {
        if (!fetch(way[0])) return false;
        for (std::size_t i = 0; i < way.size(); ++i) {
            if (!wait()) return false;
            std::vector<stream_lease<>> here = enter(way[i]);
            std::size_t const evicted = evicted_;
            bool const more = i + 1 < way.size(), ahead = more && fetch(way[i + 1]);
            std::uint32_t sum = 1;
            for (auto const& lease : here) sum = checksum(sum, lease.bytes());  // while the next room is loaded
            here.clear();
            if (more && !ahead && !fetch(way[i + 1])) return false;  // not beside this room, but after it
            std::printf("room %zu, checksum %08x; %zu files leave for room %zu\n", way[i], unsigned(sum),
                        evicted_ - evicted, more ? way[i + 1] : way[i]);
        }
        return true;
    }
    void report() {
        auto const t = assets_.totals();
        std::printf("%zu files loaded, %zu evicted; %s\n", t.finished.assets, t.evicted.assets,
                    t.peak_bytes <= t.budget_bytes ? "never above the budget" : "above the budget");
    }

private:
    // Called on the thread whose reserve evicts: here that is the one that walks.
    void on_event(framealloc::stream_event const& e) override {
        if (e.kind != stream_event_kind::evicted) return;
        static_cast<asset_file*>(e.user)->id = {};
        ++evicted_;
    }

    std::span<asset_file> files_of(std::size_t room) {
        std::size_t const first = room * files_per_room;
        return std::span{files_}.subspan(first, std::min(files_per_room, files_.size() - first));
    }
    // What of the room is not here, nor on its way. False where there is no room for it.
    bool fetch(std::size_t room) {
        for (asset_file& f : files_of(room)) {
            if (f.id) static_cast<void>(assets_.touch(f.id));  // so that it does not leave for its neighbours
        }
        for (asset_file& f : files_of(room)) {
            if (f.id) continue;
            auto const id = assets_.reserve({.bytes = f.bytes, .align = 64, .user = &f});
            if (!id) return false;
            f.id = *id;
            loader_.load(f.id, f.path);
        }
        return true;
    }
    // Until all that is on its way has come.
    bool wait() {
        bool const shown = ::isatty(STDERR_FILENO) != 0;
        for (;;) {
            auto const t = assets_.totals();
            std::size_t const all = t.reserved.bytes + t.loading.bytes;
            if (shown) draw(all != 0 ? 40 * t.progress_bytes / all : 40, all);
            if (all == 0) return t.cancelled.assets == 0;
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }
    static void draw(std::size_t of_40, std::size_t bytes) {
        std::fprintf(stderr, "\r[%s%s] %9zu bytes to come", std::string(of_40, '#').c_str(),
                     std::string(40 - of_40, '.').c_str(), bytes);
        if (bytes == 0) std::fputs("\r\033[K", stderr);
    }
    std::vector<stream_lease<>> enter(std::size_t room) {
        std::vector<stream_lease<>> leases;
        for (asset_file const& f : files_of(room)) leases.push_back(assets_.access(f.id).value());
        return leases;
    }
    static std::uint32_t checksum(std::uint32_t sum, std::span<std::byte const> bytes) {
        for (std::byte const b : bytes) sum = (sum ^ std::uint32_t(b)) * 16777619u;
        return sum;
    }

    std::vector<asset_file> files_;
    framealloc::smart_alloc alloc_;
    framealloc::streaming_allocator<> assets_;
    loader loader_{assets_};
    std::size_t evicted_ = 0;
};

// Files to walk through, and their end.
class files_of_our_own {
public:
    files_of_our_own() {
        std::string name = (fs::temp_directory_path() / "framealloc-streaming-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no folder for files can be made: " + name};
        folder = name;
        std::uint32_t word = 1;
        for (int i = 0; i < 15; ++i) {
            std::vector<char> bytes(std::size_t(40 + 16 * (i * 7 % 11)) << 10);
            for (char& b : bytes) b = char((word = word * 1664525u + 1013904223u) >> 24);
            std::ofstream file{folder / (std::string{"asset_"} + char('a' + i) + ".bin"), std::ios::binary};
            if (!file.write(bytes.data(), std::streamsize(bytes.size()))) {
                throw std::runtime_error{"a file cannot be written in " + name};
            }
        }
    }
    ~files_of_our_own() {
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    }
    fs::path folder;
};

std::vector<asset_file> files_in(fs::path const& folder) {
    std::vector<asset_file> files;
    for (auto const& entry : fs::directory_iterator{folder}) {
        if (entry.is_regular_file() && entry.file_size() != 0) files.push_back({entry.path(), entry.file_size()});
    }
    std::sort(files.begin(), files.end(), [](auto const& a, auto const& b) { return a.path < b.path; });
    return files;
}

int main(int count, char** arguments) try {
    if (count > 2) throw std::runtime_error{"expected one folder, or none"};
    std::optional<files_of_our_own> const ours =
        count < 2 ? std::optional<files_of_our_own>{std::in_place} : std::nullopt;
    auto files = files_in(ours ? ours->folder : fs::path{arguments[1]});
    if (files.empty()) throw std::runtime_error{"there is no file with anything in it"};
    std::size_t all = 0;
    for (asset_file const& f : files) all += f.bytes;
    std::size_t const budget = all / 2 + 1;
    std::printf("%zu files of %zu bytes, in a budget of %zu\n", files.size(), all, budget);

    house home{std::move(files), budget};
    std::vector<std::size_t> way;
    for (std::size_t room = 0; room < home.rooms(); ++room) way.push_back(room);
    for (std::size_t room = home.rooms() - 1; room-- > 0;) way.push_back(room);
    bool const arrived = home.walk(way);
    home.report();
    if (!arrived) throw std::runtime_error{"a room cannot be read, or is larger than the budget"};
    return 0;
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
