// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/group/group_allocator.hpp>

#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <thread>
#include <vector>

using framealloc::smart_alloc;
using group = framealloc::group_of<smart_alloc>;
using in_group = framealloc::group_allocator<char>;
using text = std::basic_string<char, std::char_traits<char>, in_group>;

struct tile {
    short height, kind;
};
struct enemy {
    float x, y, health;
    enemy* next;
};
/// Has a destructor: the group runs it.
struct script {
    text source;
    script(char const* name, int level, group const& in) : source(name, in_group{in}) {
        source += " of level " + std::to_string(level) + ": open the gate when the last enemy is gone";
    }
};

/// All that a level has lies in its group: nothing in it is freed one by one.
struct level {
    std::span<tile> map;
    enemy* enemies = nullptr;
    script* intro = nullptr;
};

level* load(group& memory, int number) {
    auto* const loaded = memory.make<level>();
    loaded->map = memory.make_array<tile>(std::size_t(256) * 256 * std::size_t(number));
    for (int i = 0; i < 1000 * number; ++i) {
        float const angle = 0.01F * float(i);
        loaded->enemies = memory.make<enemy>(std::cos(angle), std::sin(angle), 100.0F, loaded->enemies);
    }
    loaded->intro = memory.make<script>("The Long Quiet", number, memory);
    return loaded;
}

void play(smart_alloc& alloc, level const& current) {
    for (int frame = 0; frame < 60; ++frame) {
        auto const scope = alloc.frame_scope();
        auto const hits = alloc.frame_array<float>(64);
        for (float& damage : hits) damage = 1.0F;
        for (enemy* e = current.enemies; e != nullptr; e = e->next) e->health -= hits[std::size_t(frame) % 64];
    }
}

void show(smart_alloc& alloc, char const* when) {
    framealloc::group_stats groups[8];
    std::size_t const n = alloc.groups().list(groups);
    std::printf("%s: %zu bytes, heap blocks: %zu\n", when, alloc.stats().heap_bytes_live,
                alloc.stats().heap_blocks_live);
    for (framealloc::group_stats const& g : std::span{groups}.first(n)) {
        std::printf("  %-8s %6zu objects, %6zu bytes of %6zu, blocks: %zu\n", g.name_text, g.objects, g.bytes,
                    g.reserved_bytes, g.blocks);
    }
}

int main() {
    smart_alloc alloc;
    group session = alloc.groups().create("session");  // what outlives a level
    auto& scores = *session.make<std::vector<float, framealloc::group_allocator<float>>>(
        framealloc::group_allocator<float>{session});
    scores.reserve(3);

    for (int number = 1; number <= 3; ++number) {
        std::string const name = "level_" + std::to_string(number);
        group memory = alloc.groups().create(name);
        level* current = nullptr;
        std::thread{[&] { current = load(memory, number); }}.join();  // a loading thread fills it, and hands it over
        std::printf("%s\n", current->intro->source.c_str());
        show(alloc, "  loaded");
        play(alloc, *current);
        scores.push_back(current->enemies->health);
        memory.free();  // or at the end of the block
    }
    show(alloc, "between levels");
    for (float const score : scores) std::printf("  the last enemy had %.0f of 100\n", double(score));

    session.free();
    show(alloc, "at the end");
    return alloc.stats().heap_bytes_live == 0 ? 0 : 1;
}
