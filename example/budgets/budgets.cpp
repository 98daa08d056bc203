// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/report.hpp>
#include <framealloc/smart_alloc.hpp>
#include <framealloc/tag_budgets.hpp>

#include <cstdio>
#include <vector>

using framealloc::allocation_tag;
using game_alloc = framealloc::basic_smart_alloc<framealloc::budget::per_tag>;
using namespace framealloc::literals;

constexpr allocation_tag world{"world"}, contacts{"world/contacts"}, textures{"textures"}, ui{"ui"};

struct contact {
    int a, b;
    float impulse;
};

// Textures that can be loaded again: when they meet their limit, the oldest goes.
class texture_cache final : public framealloc::budget_listener {
public:
    explicit texture_cache(game_alloc& alloc) : alloc_(alloc) { alloc.budgets().set_listener(this); }
    ~texture_cache() {
        while (!loaded_.empty()) drop_oldest();
        alloc_.budgets().set_listener(nullptr);
    }

    void load(std::size_t bytes) {
        auto const tag = alloc_.tag_scope(textures);
        loaded_.push_back({alloc_.heap_alloc({.bytes = bytes, .align = 64}), bytes});
    }

    void on_event(framealloc::budget_event const& e) override {
        if (e.kind != framealloc::budget_event_kind::soft_limit_exceeded) return;
        std::printf("%s: %zu bytes, more than the %zu it should have\n", e.path, e.used_bytes, e.limit_bytes);
    }
    framealloc::limit_decision on_hard_limit(framealloc::budget_event const& e) override {
        if (loaded_.empty()) return framealloc::limit_decision::refuse;
        std::printf("%s: full, %zu bytes make room for %zu\n", e.path, loaded_.front().bytes, e.requested_bytes);
        drop_oldest();
        return framealloc::limit_decision::retry;
    }

private:
    struct texture {
        void* pixels;
        std::size_t bytes;
    };
    void drop_oldest() {
        alloc_.heap_free(loaded_.front().pixels);
        loaded_.erase(loaded_.begin());
    }

    game_alloc& alloc_;
    std::vector<texture> loaded_;
};

int main() {
    game_alloc alloc;
    alloc.budgets().set(world, {.soft = 40_KiB, .hard = 64_KiB});
    alloc.budgets().set(textures, {.hard = 4_MiB, .at_hard = framealloc::limit_action::ask});
    alloc.budgets().set(ui, {.reserved = 256_KiB});
    texture_cache cache{alloc};

    for (int i = 0; i < 5; ++i) cache.load(1_MiB);

    alloc.begin_frame();
    {
        auto const tag = alloc.tag_scope(contacts);
        int found = 0;
        while (alloc.try_frame_alloc<contact>() != nullptr) ++found;
        std::printf("room for %d contacts\n", found);
    }
    auto* const label = alloc.with_tag(ui, [&] { return alloc.pool_new<int>(42); });
    try {
        auto const tag = alloc.tag_scope(contacts);
        static_cast<void>(alloc.pool_alloc<contact>());
    } catch (framealloc::allocation_failure const& e) {
        std::printf("\n%s\n", e.what());
    }

    framealloc::tag_usage tags[16];
    std::size_t const n = alloc.budgets().table(tags);
    std::printf("%s\n%s\n", framealloc::to_text({tags, n}).c_str(), framealloc::to_line({tags, n}).c_str());
    alloc.end_frame();
    alloc.pool_delete(label);
}
