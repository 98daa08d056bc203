// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/faults.hpp"
#include "support/model.hpp"
#include "support/process.hpp"

#include <framealloc/sync/mutex.hpp>
#include <framealloc/sync/owner_queue.hpp>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <tuple>

// Threads that reserve, load, look, cancel and evict at once. They pass ids to each other by relaxed atomics, which order
// nothing: what one has loaded and another one sees, it sees by finish_load() and access() alone, and ThreadSanitizer says if
// that is not enough.

using namespace framealloc;
using namespace framealloc::test;

namespace {

using assemblies = std::tuple<smart_alloc, basic_smart_alloc<sync::mutex<std::mutex>>, basic_smart_alloc<sync::owner_queue>>;

/// Ids in no order.
class board {
public:
    /// Answers the one that nobody finds any more.
    [[nodiscard]] stream_id put(random_numbers& random, stream_id id)
    {
        auto& place = ids_[random.below(ids_.size())];
        return stream_id::of_value(place.exchange(id.value(), std::memory_order_relaxed));
    }
    [[nodiscard]] stream_id any(random_numbers& random) const
    {
        return stream_id::of_value(ids_[random.below(ids_.size())].load(std::memory_order_relaxed));
    }

private:
    std::array<std::atomic<std::uint64_t>, 32> ids_{};
};

/// What an asset has to contain: of its id, so that one asset's bytes are not another's.
std::byte mark_of(stream_id id) { return std::byte(id.value() * 0x9E3779B97F4A7C15u >> 56); }

/// Counts by itself what it is told.
struct counting_listener : stream_listener {
    std::array<std::atomic<std::size_t>, 8> count{}, bytes{};
    std::atomic<std::size_t> wrong{0};
    void on_event(stream_event const& e) override
    {
        ++count[std::size_t(e.kind)];
        bytes[std::size_t(e.kind)] += e.bytes;
        if (e.used_bytes > e.budget_bytes) ++wrong;
        for (std::byte const b : e.contents) wrong += b != mark_of(e.id);
    }
    [[nodiscard]] stream_count of(stream_event_kind kind) const
    {
        return {count[std::size_t(kind)].load(), bytes[std::size_t(kind)].load()};
    }
};

template <class Alloc>
struct crowd {
    static constexpr std::size_t budget = 40'000;
    counting_listener told;
    Alloc alloc;
    streaming_allocator<Alloc> assets{alloc, {.budget_bytes = budget, .listener = &told}};
    board ids;
    std::atomic<std::size_t> wrong{0}, seen{0};

    void expect(bool holds) { wrong += !holds; }

    void reserve_and_let_go(random_numbers& random)
    {
        if (auto const id = assets.reserve(1 + random.below(6000), stream_priority(random.below(4)))) {
            static_cast<void>(assets.release(ids.put(random, *id)));
        } else {
            expect(id.code() == fault_code::streaming_budget_exceeded);
        }
        if (random.below(8) == 0) static_cast<void>(assets.release(ids.any(random)));
        if (random.below(8) == 0) static_cast<void>(assets.cancel(ids.any(random)));
        if (random.below(8) == 0) static_cast<void>(assets.evict(ids.any(random)));
        if (random.below(100) == 0) static_cast<void>(assets.evict_bytes(random.below(budget)));
    }
    void load(random_numbers& random)
    {
        stream_id const id = ids.any(random);
        auto const bytes = assets.begin_load(id);  // of several, one gets it
        if (!bytes) return;
        std::size_t const half = bytes->size() / 2;
        std::memset(bytes->data(), int(mark_of(id)), half);
        if (!assets.report_progress(id, half)) return expect(bool(assets.abandon_load(id)));
        std::memset(bytes->data() + half, int(mark_of(id)), bytes->size() - half);
        if (random.below(16) == 0) return expect(bool(assets.abandon_load(id)));
        auto const done = assets.finish_load(id, bytes->size());
        expect(done || done.code() == fault_code::stream_wrong_state);  // cancelled meanwhile
    }
    void look(random_numbers& random)
    {
        stream_id const id = ids.any(random);
        auto const lease = assets.access(id);
        if (lease) {
            for (std::byte const b : lease->bytes()) expect(b == mark_of(id));
            ++seen;
            if (random.below(4) == 0) static_cast<void>(assets.release(id));
        }
        static_cast<void>(assets.touch(ids.any(random)));
        static_cast<void>(assets.set_priority(ids.any(random), stream_priority(random.below(4))));
        if (auto const info = assets.info(ids.any(random))) expect(info->progress_bytes <= info->bytes);
        streaming_totals const t = assets.totals();
        expect(t.used_bytes() <= budget);
        expect(t.leased.bytes <= t.resident.bytes);
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming_threads)

BOOST_AUTO_TEST_CASE_TEMPLATE(everybody_at_once_leaves_the_books_exact_and_sees_whole_assets, Alloc, assemblies)
{
    fault_recorder const faults;
    for (std::uint64_t const seed : seeds(3)) {
        crowd<Alloc> all;
        // Until all that matters has happened, often enough.
        auto const is_done = [&] {
            return all.seen > repetitions(4'000, 500) && all.told.of(stream_event_kind::evicted).assets > 200 &&
                   all.told.of(stream_event_kind::cancelled).assets > 200 &&
                   all.told.of(stream_event_kind::released).assets > 100 && all.told.of(stream_event_kind::refused).assets > 10;
        };
        on_threads(7, [&](std::size_t i) {
            random_numbers random{seed * 100 + i};
            while (!is_done()) i < 2 ? all.reserve_and_let_go(random) : i < 5 ? all.load(random) : all.look(random);
        });
        BOOST_TEST(all.wrong == 0u);
        BOOST_TEST(all.told.wrong == 0u);
        BOOST_TEST(bool(all.assets.verify()));

        // Every asset is either there or has gone by exactly one of the three ways, and was told of once.
        streaming_totals const t = all.assets.totals();
        BOOST_TEST(t.leased.assets == 0u);
        BOOST_TEST(t.loading.assets == 0u);
        BOOST_TEST(all.told.of(stream_event_kind::reserved) == t.admitted);
        BOOST_TEST(all.told.of(stream_event_kind::ready) == t.finished);
        BOOST_TEST(all.told.of(stream_event_kind::evicted) == t.evicted);
        BOOST_TEST(all.told.of(stream_event_kind::cancelled) == t.cancelled);
        BOOST_TEST(all.told.of(stream_event_kind::released) == t.released);
        BOOST_TEST(all.told.of(stream_event_kind::refused).assets == t.refused);

        static_cast<void>(all.assets.evict_bytes(SIZE_MAX));
        BOOST_TEST(all.assets.totals().used_bytes() == t.reserved.bytes);
        BOOST_TEST(all.alloc.stats().heap_blocks_live < 10u);  // places, and no asset
    }
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(what_the_helpers_of_a_loader_wrote_is_seen_as_well)
{
    // Each writes its part, and reports it; who sees that all is there finishes. Nothing else orders them.
    constexpr std::size_t helpers = 4, part = 4096;
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = helpers * part}};
    for (std::size_t round = repetitions(300, 60); round > 0; --round) {
        stream_id const id = assets.reserve(helpers * part).value();
        std::byte* const to = assets.begin_load(id).value().data();
        std::atomic<std::size_t> wrong{0};
        on_threads(helpers + 2, [&](std::size_t i) {
            if (i < helpers) {
                std::memset(to + i * part, int(i + 1), part);
                wrong += !assets.add_progress(id, part);
            } else if (i == helpers) {
                while (assets.info(id)->progress_bytes != helpers * part) std::this_thread::yield();
                wrong += !assets.finish_load(id);
            } else {
                auto lease = assets.access(id);
                for (; !lease; lease = assets.access(id)) std::this_thread::yield();
                for (std::size_t at = 0; at < lease->size(); ++at) wrong += lease->bytes()[at] != std::byte(at / part + 1);
            }
        });
        BOOST_TEST(wrong == 0u);
        assets.release(id).value();
    }
}

BOOST_AUTO_TEST_CASE(progress_only_grows_whoever_reports_it)
{
    constexpr std::size_t size = 10'000;
    smart_alloc alloc;
    streaming_allocator assets{alloc, {.budget_bytes = size}};
    struct : stream_listener {
        std::atomic<std::size_t> reports{0};
        void on_event(stream_event const& e) override { reports += e.kind == stream_event_kind::progress; }
    } told;
    assets.set_listener(&told);
    stream_id const id = assets.reserve(size).value();
    static_cast<void>(assets.begin_load(id).value());
    std::atomic<std::size_t> wrong{0};
    on_threads(4, [&](std::size_t i) {
        std::size_t before = 0;
        for (std::size_t n = 1 + i; n <= size; n += 4) {
            wrong += !assets.report_progress(id, n);
            std::size_t const now = assets.info(id)->progress_bytes;
            wrong += now < before || now < n;
            before = now;
        }
    });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(told.reports <= size);  // one per step ahead, and none for those who were overtaken
    BOOST_TEST(assets.info(id)->progress_bytes == size);
    BOOST_TEST(bool(assets.finish_load(id)));
}

BOOST_AUTO_TEST_SUITE_END()
