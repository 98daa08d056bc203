// SPDX-License-Identifier: MIT OR Apache-2.0

// A game without a window: asteroids in orbit, ships among them, on a Box2D world of some thousand bodies. It plays the
// same frames with framealloc and with the standard library's memory, compares what the memory cost, and draws the last
// frame.

#include "alone.hpp"
#include "bad_input.hpp"
#include "duel.hpp"
#include "options.hpp"
#include "report.hpp"
#include "svg.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>

namespace {

using namespace asteroids;

/// A file to write to, opened before the work so that a name that cannot be written to is known at once.
class output {
public:
    output(char const* option, std::string const& name) : option_(option), name_(name) {
        if (name.empty()) return;
        errno = 0;
        out_.open(name);
        if (!out_) complain(errno);
    }
    [[nodiscard]] bool wanted() const noexcept { return !name_.empty(); }
    void write(std::string const& text) {
        if (!wanted()) return;
        errno = 0;
        if (!(out_ << text << std::flush)) complain(errno);
        std::cout << option_ << ": " << name_ << "\n";
    }

private:
    [[noreturn]] void complain(int error) const {
        throw bad_input("the file '" + name_ + "' of " + option_ + " cannot be written (" + std::strerror(error) +
                        "); give a name in a folder that exists and is yours");
    }

    char const* option_;
    std::string name_;
    std::ofstream out_;
};

results compare(options const& chosen, level const& of, picture* last) {
    results found;
    found.level_file = chosen.level_file;
    found.level_title = of.title;
    for (auto const& [name, side] : {std::pair{"framealloc", &found.ours}, std::pair{"std", &found.theirs}}) {
        alone_results const alone = run_alone(name, chosen);
        side->resident = alone.resident;
        side->checksum_alone = alone.checksum;
    }
    play_duel(of, chosen.frames, found, last);
    found.has_budgets = !chosen.budgets.empty();
    found.accounts = play_with_budgets(of, chosen.frames, chosen.budgets);
    return found;
}

int judge(results const& found) {
    if (!found.same_simulation()) std::cerr << "asteroids: the simulations differ; both must have the same checksum\n";
    if (!found.quiet()) {
        std::cerr << "asteroids: framealloc's backend was called " << found.ours.backend_calls_after_warm_up
                  << " times after the warm-up; expected 0: raise 'frame_kib' or 'particles' in the level\n";
    }
    if (!found.accounts.balanced) {
        std::cerr << "asteroids: the accounts do not add up to what the backend has given; see verify()\n";
    }
    return found.passed() ? 0 : 1;
}

int run(options const& chosen) {
    if (chosen.help) {
        std::cout << usage();
        return 0;
    }
    level const of = read_level_file(chosen.level_file);
    if (!chosen.only.empty()) {
        std::cout << to_line(play_alone(chosen.only, of, chosen.frames)) << std::endl;
        return 0;
    }
    output json{"--json", chosen.json_file}, svg{"--svg", chosen.svg_file};
    picture last;
    results const found = compare(chosen, of, svg.wanted() ? &last : nullptr);
    std::cout << to_table(found) << "\n";
    json.write(to_json(found));
    if (svg.wanted()) svg.write(to_svg(last, of));
    return judge(found);
}

}  // namespace

int main(int count, char** words) {
    try {
        return run(read_options({words + 1, static_cast<std::size_t>(count > 0 ? count - 1 : 0)}));
    } catch (bad_input const& e) {
        std::cerr << "asteroids: " << e.what() << "\n";
        return 2;
    } catch (std::exception const& e) {
        std::cerr << "asteroids: " << e.what() << "\n";
        return 1;
    }
}
