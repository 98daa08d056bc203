// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/model.hpp"
#include "support/process.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/counters.hpp>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

// Sixteen threads allocate under tags, in frames, pools and heap, and free each other's blocks, at a hard limit. What the
// test has counted by itself is never more than the limit and never refused earlier than the threads' credit explains, and
// when all is quiet the tags' figures are the test's to the byte.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr std::size_t thread_count = 16;
constexpr std::array tags{world, physics, contacts, joints};
constexpr std::size_t hard = std::size_t{4} << 20, hard_of_joints = 300'000;
constexpr std::size_t credit = 1024, largest = 4096;

/// Bytes ever allocated, counted when they are there, and ever freed, counted before they go: so that their difference is
/// never more than what is live.
struct byte_counts {
    std::atomic<std::size_t> allocated{0}, freed{0};
    [[nodiscard]] std::size_t at_least() const {
        std::size_t const a = allocated.load(), f = freed.load();
        return a > f ? a - f : 0;
    }
};

struct block {
    void* address;
    std::size_t bytes, tag;  ///< bytes that are charged
    bool in_pool, by_pool;
};

/// Blocks on their way to another thread.
class mailbox {
public:
    void put(block b) {
        std::scoped_lock const lock{guard_};
        blocks_.push_back(b);
    }
    [[nodiscard]] std::vector<block> take_all() {
        std::scoped_lock const lock{guard_};
        return std::exchange(blocks_, {});
    }

private:
    std::mutex guard_;
    std::vector<block> blocks_;
};

template <class Alloc>
struct churn {
    using charge = charges<typename Alloc::assembly_type>;

    Alloc alloc{budget::per_tag{{.credit_bytes = credit}}, alloc_config{.heap_cache_bytes = 100'000}};
    byte_counts all;
    std::array<std::atomic<std::size_t>, tags.size()> pool_bytes{}, heap_bytes{};
    std::array<mailbox, thread_count> boxes;
    std::atomic<std::size_t> refusals{0}, served{0}, too_early{0}, above{0};

    void free(block const& b) {
        all.freed += b.bytes;
        (b.in_pool ? pool_bytes : heap_bytes)[b.tag] -= b.bytes;
        b.by_pool ? alloc.pool_free(b.address) : alloc.heap_free(b.address);
    }

    /// A refusal at the limit of them all is right where what is used, what threads may hold ahead and what was on its way
    /// while we asked add up to the limit.
    void judge_refusal(std::size_t need, std::size_t freed_before) {
        ++refusals;
        std::size_t const most_used = all.allocated - freed_before;
        constexpr std::size_t ahead = (thread_count - 1) * 3 * credit * tags.size();
        constexpr std::size_t under_way = thread_count * largest;
        too_early += most_used + ahead + under_way + need <= hard;
    }

    void work(std::size_t me, std::size_t rounds) {
        random_numbers random{me + 1};
        std::vector<block> mine;
        for (std::size_t r = 0; r < rounds; ++r) {
            std::size_t const t = random.below(tags.size());
            auto const scope = alloc.tag_scope(tags[t]);
            bool const framed = random.below(2) == 0;
            std::size_t in_frame = 0;
            if (framed) alloc.begin_frame();
            for (std::size_t i = 0, n = random.below(60); i < n; ++i) {
                layout const request{.bytes = std::size_t{16} << random.below(9), .align = 16};
                std::size_t const freed = all.freed;
                std::size_t const route = random.below(framed ? 3 : 2);
                bool const in_pool = route == 0 && charge::class_of(request) != charge::pool::class_count;
                std::size_t const bytes = in_pool      ? charge::pool_bytes(request)
                                          : route == 2 ? charge::frame_bytes(request)
                                                       : request.bytes;
                void* const p = route == 0   ? alloc.try_pool_alloc(request)
                                : route == 1 ? alloc.try_heap_alloc(request)
                                             : alloc.try_frame_alloc(request);
                if (p == nullptr) {
                    // Joints have a limit of their own.
                    if (t != 3) judge_refusal(bytes, freed);
                    break;
                }
                ++served;
                all.allocated += bytes;
                if (route == 2) {
                    in_frame += bytes;
                } else {
                    (in_pool ? pool_bytes : heap_bytes)[t] += bytes;
                    mine.push_back({p, bytes, t, in_pool, route == 0});
                }
            }
            if (framed) {
                auto const other = alloc.tag_scope(world);
                {
                    auto const inner = alloc.frame_scope();
                    static_cast<void>(alloc.try_frame_alloc(layout{.bytes = 2000, .align = 64}));
                }
                all.freed += in_frame;
                alloc.end_frame();
            }
            for (block const& b : boxes[me].take_all()) free(b);
            for (std::size_t i = 0, n = random.below(40); i < n && !mine.empty(); ++i) {
                std::swap(mine[random.below(mine.size())], mine.back());
                if (random.below(2) == 0) free(mine.back());
                else boxes[random.below(thread_count)].put(mine.back());
                mine.pop_back();
            }
        }
        // The rest is left to whoever comes.
        for (block const& b : mine) boxes[random.below(thread_count)].put(b);
    }

    void watch(std::atomic<bool> const& stop) {
        auto const used = [&](detail::tag_id t) { return alloc.budget().node(t).used.load(detail::order::relaxed); };
        for (std::size_t i = 0; !stop; ++i) {
            above += used(world.id()) > hard;
            above += used(joints.id()) > hard_of_joints;
            above += all.at_least() > hard;
            if (i % 64 == 0) {
                static_cast<void>(alloc.budgets().usage(physics));
                alloc.budgets().set(contacts, {.soft = 1000 * (i % 7), .hard = hard - i % 3});
            }
        }
    }
};

template <class... Policies>
void churns_exactly()
{
    using alloc_type = tagged<backend::counting<backend::system>, arena::chunked<4096, 65536>, Policies...>;
    auto const c = std::make_unique<churn<alloc_type>>();
    auto budgets = c->alloc.budgets();
    budgets.set(world, {.hard = hard});
    budgets.set(joints, {.hard = hard_of_joints, .reserved = 10'000});
    std::atomic<bool> stop{false};
    std::thread watcher{[&] { c->watch(stop); }};
    on_threads(thread_count, [&](std::size_t i) { c->work(i, repetitions(1500, 200)); });
    stop = true;
    watcher.join();

    BOOST_TEST(c->above == 0u);
    BOOST_TEST(c->too_early == 0u);
    // All have been at the limit, and below it again.
    BOOST_TEST(c->refusals > 0u);
    BOOST_TEST(c->served > c->refusals);

    // Leaves are the root, and both are what the test has counted: all threads have ended, and given their credit back.
    std::size_t sum = 0;
    for (std::size_t t = 0; t < tags.size(); ++t) {
        tag_usage const u = budgets.usage(tags[t]);
        BOOST_TEST(u.pool_bytes == c->pool_bytes[t].load());
        BOOST_TEST(u.heap_bytes == c->heap_bytes[t].load());
        BOOST_TEST(u.frame_bytes == 0u);
        BOOST_TEST(u.credited_bytes == 0u);
        sum += u.own_bytes();
    }
    BOOST_TEST(budgets.total().total_bytes == sum);
    BOOST_TEST(budgets.usage(world).total_bytes == sum);
    BOOST_TEST(sum == c->all.at_least());
    // And with the overhead, which verify() adds up, they are the backend's.
    BOOST_TEST(c->alloc.backend().counts().block_bytes == c->alloc.stats().backend_bytes);
    BOOST_TEST(c->alloc.budget().used_bytes() == c->alloc.stats().backend_bytes);
    verification const sound = c->alloc.verify();
    char text[640] = "";
    if (!sound) sound.first.write(text, sizeof text);
    BOOST_TEST(bool(sound), text);

    for (mailbox& box : c->boxes) {
        for (block const& b : box.take_all()) c->free(b);
    }
    static_cast<void>(c->alloc.trim());
    BOOST_TEST(budgets.total().total_bytes == 0u);
    // What is left is reserved.
    BOOST_TEST(c->alloc.budget().node(detail::root_tag).used.load(detail::order::relaxed) == 10'000u);
    BOOST_TEST(bool(c->alloc.verify()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_churn)

BOOST_AUTO_TEST_CASE(sixteen_threads_keep_a_hard_limit_and_add_up)
{
    churns_exactly<>();
}

BOOST_AUTO_TEST_CASE(the_same_behind_a_mutex_with_checks)
{
    churns_exactly<sync::mutex<std::mutex>, diagnostics::checked>();
}

BOOST_AUTO_TEST_CASE(the_same_where_blocks_go_home)
{
    churns_exactly<sync::owner_queue>();
}

BOOST_AUTO_TEST_SUITE_END()
