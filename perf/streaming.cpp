// SPDX-License-Identifier: MIT OR Apache-2.0

// What it costs to keep books about assets that are loaded and evicted: 10, 1,000 and 100,000 of them, 256 bytes each, all
// resident, under a budget that is full. An item is one call, of an asset chosen at random.
//
//   streaming_access_of_N    a look at an asset: access and the end of the lease
//   streaming_touch_of_N     a use of it, without a look
//   streaming_turnover_of_N  reserve, which evicts one; begin_load; finish_load. Nothing is read from a file.
//
// Against what a program writes for itself: a std::map from numbers to assets, a std::list in the order of use, malloc, and a
// std::mutex around it all. It knows no priorities, counts no figures, and does not tell a stale number from a wrong one.

#include "support/compare.hpp"
#include "support/random.hpp"
#include "support/smoke.hpp"

#include <framealloc/streaming/streaming_allocator.hpp>

#include <list>
#include <map>
#include <mutex>
#include <vector>

namespace {

constexpr std::size_t asset_bytes = 256;

class ours {
public:
    using id = framealloc::stream_id;
    explicit ours(std::size_t assets) : assets_{alloc_, {.budget_bytes = assets * asset_bytes}} {}

    id load() {
        id const made = *assets_.reserve(asset_bytes);
        benchmark::DoNotOptimize(assets_.begin_load(made)->data());
        static_cast<void>(assets_.finish_load(made, asset_bytes));
        return made;
    }
    void touch(id which) { static_cast<void>(assets_.touch(which)); }
    void look(id which) {
        auto const lease = assets_.access(which);
        benchmark::DoNotOptimize(lease->data());
    }

private:
    framealloc::smart_alloc alloc_{framealloc::alloc_config{.heap_cache_bytes = std::size_t{64} << 20}};
    framealloc::streaming_allocator<> assets_;
};

class map_and_list {
public:
    using id = unsigned long long;
    explicit map_and_list(std::size_t assets) : most_(assets * asset_bytes) {}
    ~map_and_list() {
        for (auto const& [name, a] : assets_) std::free(a.bytes);
    }

    id load() {
        std::scoped_lock const lock{mutex_};
        while (used_ + asset_bytes > most_) {
            auto const victim = assets_.find(by_use_.front());
            std::free(victim->second.bytes);
            by_use_.pop_front();
            assets_.erase(victim);
            used_ -= asset_bytes;
        }
        id const name = ++names_;
        assets_.emplace(name, asset{std::malloc(asset_bytes), 0, by_use_.insert(by_use_.end(), name)});
        used_ += asset_bytes;
        return name;
    }
    void touch(id which) {
        std::scoped_lock const lock{mutex_};
        auto const found = assets_.find(which);
        if (found != assets_.end()) by_use_.splice(by_use_.end(), by_use_, found->second.place);
    }
    void look(id which) {
        asset* found = nullptr;
        {
            std::scoped_lock const lock{mutex_};
            found = &assets_.find(which)->second;
            ++found->users;
        }
        benchmark::DoNotOptimize(found->bytes);
        std::scoped_lock const lock{mutex_};
        --found->users;
        by_use_.splice(by_use_.end(), by_use_, found->place);
    }

private:
    struct asset {
        void* bytes;
        unsigned users;
        std::list<id>::iterator place;
    };
    std::mutex mutex_;
    std::map<id, asset> assets_;
    std::list<id> by_use_;
    std::size_t most_, used_ = 0;
    id names_ = 0;
};

enum class call { look, touch, turn_over };

template <class Books, call Call>
void books_of(benchmark::State& state, std::size_t assets) {
    Books books{assets};
    std::vector<typename Books::id> ids;
    for (std::size_t i = 0; i < assets; ++i) ids.push_back(books.load());
    fixed_random random;
    for (auto _ : state) {
        if constexpr (Call == call::turn_over) {
            benchmark::DoNotOptimize(books.load());
        } else {
            auto const which = ids[random.between(0, assets - 1)];
            Call == call::look ? books.look(which) : books.touch(which);
        }
    }
    state.SetItemsProcessed(state.iterations());
}

template <call Call>
void add(char const* name) {
    for (std::size_t const assets : {std::size_t{10}, std::size_t{1000}, work(100'000, 5'000)}) {
        std::string const workload = name + std::to_string(assets);
        compare::add(workload, "framealloc", [=](benchmark::State& state) { books_of<ours, Call>(state, assets); });
        compare::add(workload, "std::map and std::list",
                     [=](benchmark::State& state) { books_of<map_and_list, Call>(state, assets); });
    }
}

[[maybe_unused]] bool const registered = [] {
    add<call::look>("streaming_access_of_");
    add<call::touch>("streaming_touch_of_");
    add<call::turn_over>("streaming_turnover_of_");
    return true;
}();

}  // namespace
