// SPDX-License-Identifier: MIT OR Apache-2.0
#include "options.hpp"

#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>
#include <framealloc/report.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>

// Fountains throw sparks by the thousand in each frame. A magnet draws those that were thrown while it was there; when it goes,
// they fall. Lengths are in 1/256 of a pixel, and whole numbers: each machine counts the same.

namespace diagnostics = framealloc::diagnostics;
namespace sharing = framealloc::sharing;
namespace slots = framealloc::slots;

struct magnet {
    int x, y;
};
struct spark {
    int x, y, dx, dy;
    unsigned frames_left;
    framealloc::local_weak<magnet> drawn_to;  // does not keep the magnet: it may go, and its slot be another one's
};
struct fountain {
    int x, y;
    framealloc::local_shared<magnet> aims_at;  // the last fountain that lets go ends the magnet
};

// The bits of slots::bitmap say which sparks live: a frame visits them in the order in which they lie.
using spark_pool = framealloc::growing_pool<spark, slots::bitmap, diagnostics::counters>;
using magnet_pool = framealloc::static_pool<magnet, 8, sharing::local, diagnostics::counters>;
using fountain_pool = framealloc::static_pool<fountain, 8, slots::bitmap>;

class random_numbers {
public:
    int from_to(int least, int most) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return least + static_cast<int>((state_ >> 33) % static_cast<unsigned>(most - least + 1));
    }

private:
    std::uint64_t state_ = 2026;
};

class show {
public:
    explicit show(std::size_t sparks)
        : sparks_({.capacity = (sparks + 7) / 8, .maximum = sparks, .name = "sparks"}), per_frame_(sparks / 48 + 1) {
        for (int i = 0; i < 8; i += 2) {
            auto const shared = new_magnet();
            for (int at : {i, i + 1}) static_cast<void>(fountains_.allocate(at * 60 * 256, 0, shared));
        }
    }

    void frame(unsigned number) {
        if (number % 10 == 0) move_a_magnet(number / 10 % 4);
        throw_sparks();
        drawn_ = 0;
        sparks_.for_each([&](spark& s) {
            if (--s.frames_left == 0) return sparks_.free(&s);  // the slot is the next frame's
            if (auto const m = s.drawn_to.lock()) {
                s.dx += (m->x - s.x) / 512;
                s.dy += (m->y - s.y) / 512;
                ++drawn_;
            } else {
                s.dy -= 64;
            }
            s.x += s.dx;
            s.y += s.dy;
        });
    }

    [[nodiscard]] spark_pool const& sparks() const { return sparks_; }
    [[nodiscard]] magnet_pool const& magnets() const { return magnets_; }
    [[nodiscard]] std::size_t drawn() const { return drawn_; }
    /// Of what lives, in any order.
    [[nodiscard]] std::uint64_t checksum() const {
        std::uint64_t sum = 0;
        sparks_.for_each([&](spark const& s) {
            std::uint64_t mixed = 14695981039346656037u;
            for (int const n : {s.x, s.y, s.dx, s.dy}) mixed = (mixed ^ static_cast<std::uint32_t>(n)) * 1099511628211u;
            sum += mixed ^ mixed >> 32;
        });
        return sum;
    }

private:
    framealloc::local_shared<magnet> new_magnet() {
        int const x = random_.from_to(0, 480 * 256), y = random_.from_to(200 * 256, 400 * 256);
        return magnets_.make_shared(x, y);
    }
    /// Two fountains aim at it. When both have let go there is none to draw the sparks.
    void move_a_magnet(unsigned pair) {
        auto const another = new_magnet();
        unsigned number = 0;
        fountains_.for_each([&](fountain& f) {
            if (number++ / 2 == pair) f.aims_at = another;
        });
    }
    void throw_sparks() {
        std::size_t left = per_frame_;
        while (left > 0) {
            fountains_.for_each([&](fountain const& f) {
                if (left == 0) return;
                --left;
                int const dx = random_.from_to(-1024, 1024), dy = random_.from_to(1024, 3072);
                auto const frames = static_cast<unsigned>(random_.from_to(20, 80));
                // Null when as many live as may: then it is not thrown.
                static_cast<void>(sparks_.try_allocate(f.x, f.y, dx, dy, frames, f.aims_at));
            });
        }
    }

    magnet_pool magnets_{framealloc::initialisation::lazy, "magnets"};  // outlives the handles to its objects
    fountain_pool fountains_;
    spark_pool sparks_;
    std::size_t per_frame_;
    std::size_t drawn_ = 0;
    random_numbers random_;
};

void play(options const& chosen) {
    std::ofstream json;
    if (!chosen.json_file.empty()) {
        json.open(chosen.json_file);
        if (!json) {
            throw bad_input("'" + chosen.json_file + "' of --json cannot be written (" + std::strerror(errno) + ")");
        }
    }

    show night{chosen.particles};
    unsigned const shown = (chosen.frames + 5) / 6;
    for (unsigned frame = 1; frame <= chosen.frames; ++frame) {
        night.frame(frame);
        if (frame % shown != 0 && frame != chosen.frames) continue;
        std::printf("frame %u: %zu sparks, %zu of them drawn by a magnet\n", frame, night.sparks().live(),
                    night.drawn());
    }
    std::printf("checksum %016llx\n\n", static_cast<unsigned long long>(night.checksum()));

    framealloc::object_pool_stats const sparks = night.sparks().stats();
    std::printf("%s\n", to_text(sparks).c_str());
    std::printf("%s\n", to_line(sparks).c_str());
    std::printf("%s\n\n", to_line(night.magnets().stats()).c_str());
    std::printf("%s\n", to_key_values(sparks).c_str());
    std::printf("%s\n", to_json(sparks).c_str());
    if (json.is_open() && !(json << to_json(sparks) << std::flush)) {
        throw std::runtime_error("'" + chosen.json_file + "' of --json could not be written");
    }
}

int main(int count, char** words) {
    try {
        options const chosen = read_options({words + 1, words + count});
        if (chosen.help) {
            std::fputs(usage(), stdout);
        } else {
            play(chosen);
        }
        return 0;
    } catch (bad_input const& e) {
        std::fprintf(stderr, "particles: %s\n", e.what());
        return 2;
    } catch (std::exception const& e) {
        std::fprintf(stderr, "particles: %s\n", e.what());
        return 1;
    }
}
