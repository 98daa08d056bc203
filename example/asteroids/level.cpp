// SPDX-License-Identifier: MIT OR Apache-2.0
#include "level.hpp"

#include "bad_input.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

namespace asteroids {

namespace {

constexpr unsigned most_asteroids = 10000;

/// One statement of a level file, its words taken one by one.
class statement {
public:
    statement(std::string const& file, unsigned line, std::string text)
        : file_(file), line_(line), words_(std::move(text)) {
        words_ >> keyword_;
    }

    [[nodiscard]] std::string const& keyword() const noexcept { return keyword_; }

    [[noreturn]] void refuse(std::string const& what) const {
        throw bad_input(file_ + ":" + std::to_string(line_) + ": " + what);
    }

    float number(char const* name, float least, float most) {
        float value = 0;
        std::string const word = next(name, least, most);
        char const* const end = word.data() + word.size();
        auto const [stop, error] = std::from_chars(word.data(), end, value);
        // Written so that a value that is not a number is refused, too.
        if (error != std::errc{} || stop != end || !(value >= least && value <= most)) {
            refuse_value(name, word, "a number", least, most);
        }
        return value;
    }

    template <class Integer>
    Integer whole(char const* name, Integer least, Integer most) {
        Integer value = 0;
        std::string const word = next(name, least, most);
        char const* const end = word.data() + word.size();
        auto const [stop, error] = std::from_chars(word.data(), end, value);
        if (error != std::errc{} || stop != end || value < least || value > most) {
            refuse_value(name, word, "a whole number", least, most);
        }
        return value;
    }

    std::string rest(char const* name) {
        std::string text;
        std::getline(words_ >> std::ws, text);
        while (!text.empty() && std::strchr(" \t\r", text.back()) != nullptr) text.pop_back();
        if (text.empty()) refuse("'" + keyword_ + "' has no " + name + "; write it after the keyword");
        return text;
    }

    void done() {
        std::string extra;
        if (words_ >> extra) {
            refuse("'" + extra + "' is too much after '" + keyword_ + "'; remove it, or start a comment with '#'");
        }
    }

private:
    template <class Number>
    static std::string range(Number least, Number most) {
        std::ostringstream text;
        text << " from " << least << " to " << most;
        return text.str();
    }
    template <class Number>
    std::string next(char const* name, Number least, Number most) {
        std::string word;
        if (!(words_ >> word)) {
            refuse("'" + keyword_ + "' has no " + name + "; write a number" + range(least, most));
        }
        return word;
    }
    template <class Number>
    [[noreturn]] void refuse_value(char const* name, std::string const& word, char const* kind, Number least,
                                   Number most) const {
        refuse("the " + std::string(name) + " of '" + keyword_ + "' is '" + word + "'; expected " + kind +
               range(least, most));
    }

    std::string const& file_;
    unsigned line_;
    std::istringstream words_;
    std::string keyword_;
};

level::moon read_moon(statement& s) {
    level::moon m;
    m.x = s.number("x", -1000, 1000);
    m.y = s.number("y", -1000, 1000);
    m.radius = s.number("radius", 1, 100);
    m.pull = s.number("pull", 0, 100);
    return m;
}

level::belt read_belt(statement& s, level const& so_far) {
    if (so_far.moons.empty()) s.refuse("'belt' stands before any 'moon'; write the moon first");
    level::belt b;
    b.moon = s.whole("moon", 1U, static_cast<unsigned>(so_far.moons.size())) - 1;
    float const ground = so_far.moons[b.moon].radius;
    b.nearest = s.number("nearest distance", ground, 1000);
    b.farthest = s.number("farthest distance", b.nearest, 1000);
    b.count = s.whole("count", 0U, most_asteroids);
    return b;
}

void read_into(level& l, statement& s) {
    std::string const& what = s.keyword();
    if (what == "title") {
        l.title = s.rest("text");
    } else if (what == "seed") {
        l.seed = s.whole("seed", std::uint64_t{0}, ~std::uint64_t{0});
    } else if (what == "size") {
        l.width = s.number("width", 20, 2000);
        l.height = s.number("height", 20, 2000);
    } else if (what == "radius") {
        l.radius_least = s.number("smallest", 0.1F, 10);
        l.radius_most = s.number("largest", l.radius_least, 10);
    } else if (what == "moon") {
        l.moons.push_back(read_moon(s));
    } else if (what == "belt") {
        l.belts.push_back(read_belt(s, l));
    } else if (what == "scatter") {
        l.scattered = s.whole("count", 0U, most_asteroids);
    } else if (what == "gate") {
        level::gate g;
        g.x = s.number("x", -1000, 1000);
        g.y = s.number("y", -1000, 1000);
        l.gates.push_back(g);
    } else if (what == "waves") {
        l.wave_frames = s.whole("interval", 1U, 100000U);
        l.wave_ships = s.whole("count", 1U, 256U);
    } else if (what == "ships") {
        l.ships = s.whole("count", 0U, 256U);
    } else if (what == "radar") {
        l.radar_rays = s.whole("count of rays", 0U, 64U);
        l.radar_reach = s.number("reach", 1, 200);
    } else if (what == "particles") {
        l.particles = s.whole("count", 0U, 65536U);
    } else if (what == "frame_kib") {
        l.frame_kib = s.whole("size", 16U, 65536U);
    } else {
        s.refuse("'" + what +
                 "' is no statement; expected title, seed, size, radius, moon, belt, scatter, gate, waves, "
                 "ships, radar, particles or frame_kib");
    }
    s.done();
}

void check_whole(level const& l, std::string const& name) {
    if (!(l.width > 0)) throw bad_input(name + ": there is no 'size' statement; add one, such as 'size 320 200'");
    if (l.asteroids() == 0 || l.asteroids() > most_asteroids) {
        throw bad_input(name + ": the field has " + std::to_string(l.asteroids()) + " asteroids; expected 1 to " +
                        std::to_string(most_asteroids) + " in all 'belt' and 'scatter' statements");
    }
    if (l.ships > 0 && l.gates.empty()) {
        throw bad_input(name + ": there are ships but no 'gate' statement; add one, such as 'gate 0 0'");
    }
    auto const inside = [&](float x, float y) { return std::abs(x) < l.width / 2 && std::abs(y) < l.height / 2; };
    for (level::gate const& g : l.gates) {
        if (!inside(g.x, g.y)) throw bad_input(name + ": a gate lies outside the field; move it, or enlarge 'size'");
    }
    for (level::moon const& m : l.moons) {
        if (!inside(m.x, m.y)) throw bad_input(name + ": a moon lies outside the field; move it, or enlarge 'size'");
    }
}

}  // namespace

level read_level(std::istream& in, std::string const& name) {
    level result;
    std::string text;
    for (unsigned line = 1; std::getline(in, text); ++line) {
        text = text.substr(0, text.find('#'));
        if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
        statement s{name, line, text};
        read_into(result, s);
    }
    if (in.bad()) throw bad_input(name + ": cannot be read; check the file and give another with --level FILE");
    check_whole(result, name);
    return result;
}

level read_level_file(std::string const& path) {
    errno = 0;
    std::ifstream in(path);
    // A folder opens like a file; the first look at its contents fails.
    if (!in || (in.peek(), in.bad())) {
        std::string const why = errno != 0 ? std::strerror(errno) : "it is no file";
        throw bad_input("the level '" + path + "' cannot be read (" + why +
                        "); expected a level file: give one with --level FILE");
    }
    return read_level(in, path);
}

}  // namespace asteroids
