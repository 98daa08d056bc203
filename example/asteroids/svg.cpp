// SPDX-License-Identifier: MIT OR Apache-2.0
#include "svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace asteroids {

namespace {

constexpr float picture_width = 1600, margin = 40, head = 96, foot = 84;

// From rest to haste.
constexpr std::array<char const*, 6> rock_colours{"#39435c", "#4a5571", "#606b88", "#7c86a1", "#9fa6bb", "#c9ccd8"};
constexpr float top_speed = 12;

class drawing {
public:
    drawing(picture const& p, level const& of)
        : picture_(p),
          level_(of),
          scale_((picture_width - 2 * margin) / of.width),
          height_(head + of.height * scale_ + foot) {}

    std::string draw() {
        open();
        moons();
        particles();
        rays();
        rocks();
        contacts();
        ships();
        text_ += "</g>\n";
        caption();
        legend();
        return text_ + "</svg>\n";
    }

private:
    template <class... Numbers>
    void add(char const* format, Numbers... numbers) {
        char buffer[512];
        std::snprintf(buffer, sizeof buffer, format, numbers...);
        text_ += buffer;
    }
    [[nodiscard]] double x(float metres) const { return double{margin + (metres + level_.width / 2) * scale_}; }
    [[nodiscard]] double y(float metres) const { return double{head + (level_.height / 2 - metres) * scale_}; }

    void open() {
        double const w = double{picture_width}, h = double{height_}, m = double{margin};
        add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, "
            "sans-serif\">\n",
            w, h);
        text_ +=
            "<defs>\n"
            "<radialGradient id=\"moon\" cx=\"0.36\" cy=\"0.32\" r=\"0.8\"><stop offset=\"0\" stop-color=\"#d9d3c4\"/>"
            "<stop offset=\"0.55\" stop-color=\"#8d8779\"/><stop offset=\"1\" "
            "stop-color=\"#2d2c30\"/></radialGradient>\n"
            "<radialGradient id=\"haze\"><stop offset=\"0.3\" stop-color=\"#b9b08f\" stop-opacity=\"0.16\"/>"
            "<stop offset=\"1\" stop-color=\"#b9b08f\" stop-opacity=\"0\"/></radialGradient>\n"
            "<linearGradient id=\"space\" x2=\"1\" y2=\"1\"><stop offset=\"0\" stop-color=\"#0d1322\"/>"
            "<stop offset=\"1\" stop-color=\"#080b14\"/></linearGradient>\n";
        add("<clipPath id=\"field\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
            "rx=\"6\"/></clipPath>\n</defs>\n",
            m, double{head}, w - 2 * m, h - double{head + foot});
        add("<rect width=\"%.0f\" height=\"%.0f\" fill=\"#070910\"/>\n", w, h);
        add("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"6\" fill=\"url(#space)\" "
            "stroke=\"#222b41\"/>\n",
            m, double{head}, w - 2 * m, h - double{head + foot});
        text_ += "<g clip-path=\"url(#field)\">\n";
    }

    void moons() {
        for (level::moon const& m : level_.moons) {
            double const r = double{m.radius * scale_};
            add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"url(#haze)\"/>\n", x(m.x), y(m.y), 3.4 * r);
            add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"url(#moon)\"/>\n", x(m.x), y(m.y), r);
        }
    }

    void outline(picture::shape const& s) {
        char const* command = "M";
        for (b2Vec2 const corner : s.outline) {
            add("%s%.1f %.1f", command, x(corner.x), y(corner.y));
            command = "L";
        }
        text_ += "Z";
    }

    void rocks() {
        std::array<std::vector<picture::shape const*>, rock_colours.size()> by_speed;
        for (picture::shape const& a : picture_.asteroids) {
            float const share = std::min(a.speed / top_speed, 0.999F);
            by_speed[static_cast<std::size_t>(share * float{rock_colours.size()})].push_back(&a);
        }
        for (std::size_t i = 0; i < by_speed.size(); ++i) {
            if (by_speed[i].empty()) continue;
            add("<path fill=\"%s\" d=\"", rock_colours[i]);
            for (picture::shape const* a : by_speed[i]) outline(*a);
            text_ += "\"/>\n";
        }
    }

    /// A dot is a line of no length with a round end: the shortest way to say it.
    void dot(b2Vec2 at) { add("M%.1f %.1fh0", x(at.x), y(at.y)); }

    void particles() {
        constexpr int steps = 4;
        for (int step = 0; step < steps; ++step) {
            float const low = float(step) / steps, high = low + 1.0F / steps;
            add("<path fill=\"none\" stroke=\"#e8a25c\" stroke-opacity=\"%.2f\" stroke-width=\"%.1f\" "
                "stroke-linecap=\"round\" d=\"",
                0.4 + 0.18 * step, 1.7 + 0.5 * step);
            for (picture::dot const& p : picture_.particles) {
                if (p.freshness >= low && (p.freshness < high || step + 1 == steps)) dot(p.at);
            }
            text_ += "\"/>\n";
        }
    }

    void rays() {
        text_ += "<path fill=\"none\" stroke=\"#58c4b8\" stroke-opacity=\"0.34\" stroke-width=\"0.9\" d=\"";
        for (picture::ray const& r : picture_.rays) {
            add("M%.1f %.1fL%.1f %.1f", x(r.from.x), y(r.from.y), x(r.to.x), y(r.to.y));
        }
        text_ +=
            "\"/>\n<path fill=\"none\" stroke=\"#8fe6da\" stroke-opacity=\"0.8\" stroke-width=\"3\" "
            "stroke-linecap=\"round\" d=\"";
        for (picture::ray const& r : picture_.rays) dot(r.to);
        text_ += "\"/>\n";
    }

    void contacts() {
        constexpr std::array<float, 3> least{0, 1, 4};
        for (std::size_t i = 0; i < least.size(); ++i) {
            add("<path fill=\"none\" stroke=\"#ff6b57\" stroke-opacity=\"%.2f\" stroke-width=\"%.1f\" "
                "stroke-linecap=\"round\" d=\"",
                0.7 + 0.1 * double(i), 2.6 + 1.9 * double(i));
            for (picture::contact const& c : picture_.contacts) {
                bool const below_next = i + 1 == least.size() || c.impulse < least[i + 1];
                if (c.impulse >= least[i] && below_next) dot(c.at);
            }
            text_ += "\"/>\n";
        }
    }

    void ships() {
        text_ += "<path fill=\"#f4f7fb\" stroke=\"#58c4b8\" stroke-width=\"1.4\" stroke-linejoin=\"round\" d=\"";
        for (picture::shape const& s : picture_.ships) outline(s);
        text_ += "\"/>\n";
    }

    static std::string escaped(std::string const& text) {
        std::string result;
        for (char const c : text) {
            switch (c) {
                case '&': result += "&amp;"; break;
                case '<': result += "&lt;"; break;
                case '>': result += "&gt;"; break;
                default: result += c;
            }
        }
        return result;
    }

    void caption() {
        add("<text x=\"%.1f\" y=\"50\" font-size=\"30\" fill=\"#eef1f7\">", double{margin});
        text_ += escaped(level_.title) + "</text>\n";
        add("<text x=\"%.1f\" y=\"77\" font-size=\"16\" fill=\"#8790a6\">frame %u, %.2f seconds into the game</text>\n",
            double{margin}, picture_.frame, double(picture_.frame) / 60);
        add("<text x=\"%.1f\" y=\"77\" font-size=\"16\" fill=\"#8790a6\" text-anchor=\"end\">%.0f by %.0f "
            "metres</text>\n",
            double{picture_width - margin}, double{level_.width}, double{level_.height});
    }

    void legend() {
        float const row = height_ - foot / 2;
        float at = margin;
        auto const entry = [&](char const* symbol, char const* what, std::size_t n) {
            add("<g transform=\"translate(%.1f %.1f)\">", double{at}, double{row});
            text_ += symbol;
            add("<text x=\"34\" y=\"6\" font-size=\"17\" fill=\"#b4bccd\">%zu %s</text></g>\n", n, what);
            at += (picture_width - 2 * margin) / 5.2F;
        };
        entry("<path d=\"M4 -6L16 -9L24 0L18 9L6 8L0 1Z\" fill=\"#7c86a1\"/>", "asteroids, faster is lighter",
              picture_.asteroids.size());
        at += 60;
        entry("<path d=\"M24 0L2 8L8 0L2 -8Z\" fill=\"#f4f7fb\" stroke=\"#58c4b8\" stroke-width=\"1.4\"/>", "ships",
              picture_.ships.size());
        entry(
            "<path d=\"M2 0H22\" stroke=\"#58c4b8\" stroke-width=\"1.2\"/><circle cx=\"23\" r=\"2.6\" "
            "fill=\"#8fe6da\"/>",
            "radar hits", picture_.rays.size());
        entry(
            "<circle cx=\"7\" r=\"2\" fill=\"#ff6b57\" fill-opacity=\"0.6\"/><circle cx=\"19\" r=\"4\" "
            "fill=\"#ff6b57\"/>",
            "contacts", picture_.contacts.size());
        entry(
            "<circle cx=\"3\" r=\"1.2\" fill=\"#e8a25c\"/><circle cx=\"12\" r=\"1.6\" fill=\"#e8a25c\"/><circle "
            "cx=\"22\" r=\"2\" fill=\"#e8a25c\"/>",
            "particles", picture_.particles.size());
    }

    picture const& picture_;
    level const& level_;
    float scale_, height_;
    std::string text_;
};

}  // namespace

std::string to_svg(picture const& p, level const& of) { return drawing{p, of}.draw(); }

}  // namespace asteroids
