// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/tags.hpp"

#include "support/model.hpp"
#include "support/process.hpp"

#include <framealloc/backend/faulting.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/pool/fine_size_class.hpp>

#include <algorithm>
#include <array>
#include <deque>

// Random programs under tags and limits, beside a model that adds up what each tag has: after each step the figures are the
// same, and what the model says has room is served, and nothing else.

using namespace framealloc;
using namespace framealloc::test;

namespace {

// The tree that both know. Parents come before their children.
constexpr std::array tags{world, physics, contacts, joints, sound, ui};
constexpr std::size_t root = 0, node_count = tags.size() + 1;
constexpr std::array<std::size_t, node_count> parents{root, root, 1, 2, 2, root, root};

struct figures {
    std::size_t frame = 0, pool = 0, heap = 0;
    [[nodiscard]] std::size_t sum() const { return frame + pool + heap; }
};

/// What each tag has, and whether it may have more.
struct tree_model {
    std::array<figures, node_count> own{};
    std::array<budget_limits, node_count> limits{};

    [[nodiscard]] std::size_t used(std::size_t n) const {
        std::size_t sum = own[n].sum();
        for (std::size_t i = 1; i < node_count; ++i) {
            if (parents[i] == n && i != n) sum += std::max(used(i), limits[i].reserved);
        }
        return sum;
    }
    [[nodiscard]] bool may_have(std::size_t n, std::size_t more) const {
        for (; more != 0; n = parents[n]) {
            std::size_t const now = used(n);
            if (limits[n].at_hard == limit_action::refuse && (now > limits[n].hard || more > limits[n].hard - now)) {
                return false;
            }
            if (n == root) return true;
            std::size_t const reserved = limits[n].reserved;
            more = std::max(now + more, reserved) - std::max(now, reserved);
        }
        return true;
    }
    [[nodiscard]] bool accepts(std::size_t n, budget_limits const& l) const {
        if (l.reserved > l.hard || (n == root && l.reserved != 0)) return false;
        for (std::size_t at = n; at != root;) {
            at = parents[at];
            if (l.hard != no_limit && l.hard > limits[at].hard) return false;
        }
        for (std::size_t i = 1; i < node_count; ++i) {
            bool beneath = false;
            for (std::size_t at = i; at != root && !beneath;) beneath = (at = parents[at]) == n;
            if (i != n && beneath && limits[i].hard != no_limit && limits[i].hard > l.hard) return false;
        }
        if (n == root || l.reserved <= limits[n].reserved) return true;
        std::size_t const now = used(n);
        return may_have(parents[n], std::max(now, l.reserved) - std::max(now, limits[n].reserved));
    }
};

/// One run of a random program.
template <class Alloc, std::size_t InFlight, std::size_t FixedBytes>
class program {
    using assembly = typename Alloc::assembly_type;
    using pool = typename assembly::pool;
    using charge = charges<assembly>;

    struct block {
        void* address;
        layout request;
        std::size_t node, bytes;
        bool in_pool;
        bool by_pool = true;  ///< allocated by the pool verbs
    };
    struct frame_item {
        std::size_t node, bytes;
        void* address;         // null where it is not to be given back
        std::size_t asked;
        std::size_t align = granule;
    };
    struct mark {
        std::size_t items;
        std::unique_ptr<frame_scope<assembly>> scope;  // or a checkpoint
        checkpoint place;
    };

public:
    explicit program(std::uint64_t seed)
        : random_(seed), alloc_(budget::per_tag{{.credit_bytes = credits[seed % 4]}}, alloc_config{.heap_cache_bytes = 65536}) {
        static_cast<void>(alloc_.attach_thread());
    }
    ~program() {
        while (!scopes_.empty()) leave_tag();
        if (frame_open_) end_frame();
        while (!blocks_.empty()) free_block();
    }

    /// False where program and model differ; then `step` says where.
    bool run(std::size_t steps) {
        for (step = 0; step < steps; ++step) {
            one_step();
            if (!wrong_.empty() || !same_figures(step % 64 == 0)) return false;
            if (step % 8192 == 0 && !alloc_.verify()) return fail("verify");
        }
        return true;
    }
    [[nodiscard]] std::string const& wrong() const { return wrong_; }

    std::size_t step = 0, served = 0, refused = 0, rolled_back = 0, limited = 0;

private:
    static constexpr std::array<std::size_t, 4> credits{65536, 0, 16, 1000};

    bool fail(std::string const& what) {
        if (wrong_.empty()) wrong_ = what;
        return false;
    }

    // --- what the model says ------------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t node() const { return scopes_.empty() ? root : scope_nodes_.back(); }
    [[nodiscard]] std::size_t frame_bytes() const {
        std::size_t sum = 0;
        for (frame_item const& i : items_) sum += i.bytes;
        return sum;
    }
    [[nodiscard]] bool frame_may_have(std::size_t more) const {
        std::size_t const now = frame_bytes();
        return model_.may_have(node(), more) && (now <= frame_limit_ && more <= frame_limit_ - now);
    }
    [[nodiscard]] bool same_figures(bool all) {
        std::size_t const some = random_.below(node_count);
        for (std::size_t n = 0; n < node_count; ++n) {
            if (!all && n != some) continue;
            tag_usage const u = n == root ? alloc_.budgets().total() : alloc_.budgets().usage(tags[n - 1]);
            figures const& m = model_.own[n];
            std::size_t total = m.sum();
            for (std::size_t i = 1; i < node_count; ++i) {
                for (std::size_t at = i; i != n && at != root;) {
                    if ((at = parents[at]) == n) {
                        total += model_.own[i].sum();
                        break;
                    }
                }
            }
            if (u.frame_bytes != m.frame || u.pool_bytes != m.pool || u.heap_bytes != m.heap || u.total_bytes != total) {
                return fail("figures of node " + std::to_string(n) + ": frame " + std::to_string(u.frame_bytes) + " for " +
                            std::to_string(m.frame) + ", pool " + std::to_string(u.pool_bytes) + " for " +
                            std::to_string(m.pool) + ", heap " + std::to_string(u.heap_bytes) + " for " +
                            std::to_string(m.heap) + ", total " + std::to_string(u.total_bytes) + " for " +
                            std::to_string(total));
            }
        }
        return true;
    }
    /// Whether what has happened is what had to. With a backend that refuses, what might be served need not be.
    bool agree(bool got, bool expected, bool faulty, char const* what) {
        got ? ++served : ++refused;
        if (got == expected || (faulty && !got)) return true;
        return fail(std::string{what} + (got ? " was served above a limit" : " was refused below all limits"));
    }

    // --- steps --------------------------------------------------------------------------------------------------------

    void one_step() {
        last_op_ = random_.below(100);
        bool const faulty = random_.below(16) == 0;
        if (faulty) alloc_.backend().fail_all(fault_plan_);
        if (last_op_ < 22) allocate_block(faulty);
        else if (last_op_ < 40) free_block();
        else if (last_op_ < 62) allocate_in_frame(faulty);
        if (faulty) alloc_.backend().fail_all(backend::fault_plan::never());
        if (last_op_ < 62) return;
        if (last_op_ < 70) enter_tag();
        else if (last_op_ < 78) leave_tag();
        else if (last_op_ < 82) resize_last();
        else if (last_op_ < 86) push_mark();
        else if (last_op_ < 90) pop_mark();
        else if (last_op_ < 92) frame_open_ ? end_frame() : begin_frame();
        else if (last_op_ < 98) change_limits();
        else if (random_.below(40) == 0) others_free();
        else if (random_.below(8) == 0) static_cast<void>(alloc_.trim());
    }

    [[nodiscard]] layout some_layout(std::size_t most) {
        return {.bytes = some_bytes(most), .align = std::size_t{1} << random_.below(8)};
    }
    /// Mostly few.
    [[nodiscard]] std::size_t some_bytes(std::size_t most) { return random_.below((most >> random_.below(8)) + 1); }

    void allocate_block(bool faulty) {
        if (blocks_.size() > 2000) return free_block();
        bool const wants_pool = random_.below(3) != 0;
        layout const request = some_layout(wants_pool ? 700 : 6000);
        std::size_t const c = wants_pool ? charge::class_of(request) : pool::class_count;
        bool const in_pool = c != pool::class_count;
        std::size_t const bytes = in_pool ? pool::class_bytes(c) : request.bytes;
        bool const expected = model_.may_have(node(), bytes);
        void* const p = wants_pool ? alloc_.try_pool_alloc(request) : alloc_.try_heap_alloc(request);
        if (!agree(p != nullptr, expected, faulty, wants_pool ? "a pool block" : "a heap block") || p == nullptr) return;
        std::memset(p, 0x5A, request.bytes);
        auto& own = model_.own[node()];
        (in_pool ? own.pool : own.heap) += bytes;
        blocks_.push_back({p, request, node(), bytes, in_pool, wants_pool});
    }
    /// Under whatever tag the program stands in.
    void free_block() {
        if (blocks_.empty()) return;
        std::swap(blocks_[random_.below(blocks_.size())], blocks_.back());
        block const b = blocks_.back();
        blocks_.pop_back();
        forget(b);
        give_back(b);
    }
    void give_back(block const& b) {
        bool const by_address = random_.below(2) == 0;
        if (b.by_pool) by_address ? alloc_.pool_free(b.address) : alloc_.pool_free(b.address, b.request);
        else by_address ? alloc_.heap_free(b.address) : alloc_.heap_free(b.address, b.request);
    }
    void forget(block const& b) {
        auto& own = model_.own[b.node];
        (b.in_pool ? own.pool : own.heap) -= b.bytes;
    }
    /// On a thread that comes and goes, which allocates, too.
    void others_free() {
        if constexpr (!assembly::sync::one_thread) {
            static_cast<void>(alloc_.trim());  // what this thread has been credited must not be in the way of that one
            std::vector<block> mine;
            for (int i = 0; i < 20 && !blocks_.empty(); ++i) {
                mine.push_back(blocks_.back());
                blocks_.pop_back();
                forget(mine.back());
            }
            bool const expected = model_.may_have(1, 64);
            on_a_thread([&] {
                for (block const& b : mine) give_back(b);
                auto const scope = alloc_.tag_scope(world);
                layout const small{.bytes = 50, .align = 8};
                constexpr std::size_t bytes = pool::class_count != 0 ? 64 : 50;
                if (pool::class_count == 0 || charge::class_of(small) == pool::class_count ||
                    charge::pool_bytes(small) != bytes) {
                    return;
                }
                void* const p = alloc_.try_pool_alloc(small);
                agree(p != nullptr, expected, false, "another thread's block");
                if (p == nullptr) return;
                model_.own[1].pool += bytes;
                blocks_.push_back({p, small, 1, bytes, true});
            });
        }
    }

    void allocate_in_frame(bool faulty) {
        if (!frame_open_) {
            alloc_.backend().fail_all(backend::fault_plan::never());
            return begin_frame();
        }
        layout request = some_layout(random_.below(20) == 0 ? 9000 : 900);
        std::size_t const least = charge::frame_bytes(request);
        std::size_t const padding = request.align > granule ? request.align - granule : 0;
        std::size_t const before = alloc_.stats().frame_bytes_used;
        if (before != frame_bytes()) return void(fail("bytes of the frame"));
        bool const may = frame_may_have(least), must = frame_may_have(least + padding);
        bool const fits = FixedBytes == 0 || before + least + padding <= FixedBytes;
        void* const p = alloc_.try_frame_alloc(request);
        // Only where the padding decides does the model not know.
        if (!agree(p != nullptr, p != nullptr ? may : must && fits, faulty, "a frame request") || p == nullptr) return;
        std::memset(p, 0xA5, request.bytes);
        std::size_t const bytes = alloc_.stats().frame_bytes_used - before;
        if (bytes < least || bytes > least + padding) return void(fail("padding"));
        model_.own[node()].frame += bytes;
        items_.push_back({node(), bytes, bytes == least ? p : nullptr, request.bytes, request.align});
        can_resize_ = true;
    }
    /// What was served last grows, shrinks or goes.
    void resize_last() {
        if (!frame_open_ || items_.empty() || !can_resize_ || items_.back().address == nullptr) return;
        if (!marks_.empty() && marks_.back().items == items_.size()) return;
        frame_item& last = items_.back();
        std::size_t const wanted = random_.below(3) == 0 ? 0 : some_bytes(random_.below(4) == 0 ? 5000 : 500);
        if (wanted == 0 && random_.below(2) == 0) {
            bool const gone = alloc_.try_frame_give_back(last.address, last.asked);
            if (!gone && last.bytes <= 512) return void(fail("the last block was not taken back"));
            if (!gone) return;
            model_.own[last.node].frame -= last.bytes;
            items_.pop_back();
            can_resize_ = false;
            return;
        }
        std::size_t const bytes = charge::frame_bytes({.bytes = wanted, .align = last.align});
        bool const may = bytes <= last.bytes || frame_may_have(bytes - last.bytes);
        bool const done = alloc_.try_frame_extend(last.address, last.asked, wanted);
        if (done && !may) return void(fail("the last block has grown above a limit"));
        if (!done && bytes <= last.bytes && last.bytes <= 512) return void(fail("the last block did not shrink"));
        if (!done) return;
        model_.own[last.node].frame += bytes - last.bytes;
        last.bytes = bytes;
        last.asked = wanted;
    }

    void begin_frame() {
        shared_ = random_.below(4) == 0;
        shared_ ? alloc_.begin_frame_all() : alloc_.begin_frame();
        frame_open_ = true;
        frame_limit_ = next_frame_limit_;
        layout const first{.bytes = 16, .align = 16};
        std::size_t const bytes = charge::frame_bytes(first);
        if (shared_ && frame_limit_ >= bytes && model_.may_have(node(), bytes)) {
            // Joined by its first request; before, there is nothing to mark.
            if (alloc_.try_frame_alloc(first) == nullptr) return void(fail("joining"));
            model_.own[node()].frame += bytes;
            items_.push_back({node(), bytes, nullptr, first.bytes});
        } else if (shared_) {
            alloc_.end_frame_all();
            frame_open_ = false;
        }
    }
    void end_frame() {
        while (!marks_.empty()) pop_mark();
        shared_ ? alloc_.end_frame_all() : static_cast<void>(alloc_.end_frame());
        frame_open_ = false;
        std::array<std::size_t, node_count> row{};
        for (frame_item const& i : items_) row[i.node] += i.bytes;
        items_.clear();
        alive_.push_back(row);
        if (alive_.size() < InFlight) return;
        for (std::size_t n = 0; n < node_count; ++n) model_.own[n].frame -= alive_.front()[n];
        alive_.pop_front();
    }
    void push_mark() {
        if (!frame_open_ || marks_.size() == 6) return;
        mark m{items_.size(), nullptr, {}};
        if (random_.below(2) == 0) {
            m.scope.reset(new frame_scope<assembly>(alloc_.shared()));
        } else {
            std::size_t const bytes = charge::frame_bytes(layout::of<detail::frame_mark>());
            if (!frame_may_have(bytes) || (FixedBytes != 0 && frame_bytes() + bytes > FixedBytes)) return;
            m.place = alloc_.checkpoint();
            model_.own[node()].frame += bytes;
            items_.push_back({node(), bytes, nullptr, bytes});
        }
        marks_.push_back(std::move(m));
    }
    void pop_mark() {
        if (marks_.empty()) return;
        mark m = std::move(marks_.back());
        marks_.pop_back();
        rolled_back += items_.size() - m.items;
        if (m.scope == nullptr && !alloc_.rollback(m.place)) fail("a roll-back");
        m.scope.reset();
        for (; items_.size() > m.items; items_.pop_back()) model_.own[items_.back().node].frame -= items_.back().bytes;
        can_resize_ = false;
    }

    void enter_tag() {
        if (scopes_.size() == 8) return leave_tag();
        std::size_t const n = 1 + random_.below(tags.size());
        scopes_.emplace_back(new tag_scope<assembly>(alloc_.shared(), tags[n - 1]));
        scope_nodes_.push_back(n);
        can_resize_ = false;
    }
    void leave_tag() {
        if (scopes_.empty()) return;
        scopes_.pop_back();
        scope_nodes_.pop_back();
        can_resize_ = false;
    }

    void change_limits() {
        if (random_.below(6) == 0) {
            next_frame_limit_ = random_.below(3) == 0 ? no_limit : 16 + random_.below(20000);
            alloc_.budgets().set_frames({.hard = next_frame_limit_});
            return;
        }
        std::size_t const n = random_.below(node_count);
        budget_limits l = model_.limits[n];
        // Around what is used, so that refusals come soon.
        std::size_t const about = model_.used(n) + random_.below(6000);
        l.hard = random_.below(3) == 0 ? no_limit : about - std::min(about, random_.below(3000));
        l.at_hard = random_.below(5) == 0 ? limit_action::allow : limit_action::refuse;
        if (random_.below(3) == 0) l.reserved = random_.below(3) == 0 ? 0 : random_.below(8000);
        // Under a new limit a thread first spends what it has been credited; and what it has been credited, nobody reserves.
        static_cast<void>(alloc_.trim());
        bool const accepted = model_.accepts(n, l);
#if FRAMEALLOC_EXCEPTIONS
        bool thrown = false;
        try {
            n == root ? alloc_.budgets().set_total(l) : alloc_.budgets().set(tags[n - 1], l);
        } catch (configuration_error const& e) {
            thrown = true;
            if (accepted) fail(std::string{"limits were not accepted: "} + e.what());
        }
        if (!thrown && !accepted) fail("limits that cannot be were accepted");
#else
        if (accepted) n == root ? alloc_.budgets().set_total(l) : alloc_.budgets().set(tags[n - 1], l);
#endif
        if (!accepted) return;
        ++limited;
        model_.limits[n] = l;
        if ((n == root ? alloc_.budgets().total().limits : alloc_.budgets().limits(tags[n - 1])) != l) fail("limits");
    }

    random_numbers random_;
    Alloc alloc_;
    backend::fault_plan fault_plan_ = backend::fault_plan::random(0.5, 7);
    tree_model model_;
    std::vector<block> blocks_;
    std::vector<frame_item> items_;
    std::vector<mark> marks_;
    std::deque<std::array<std::size_t, node_count>> alive_;
    std::vector<std::unique_ptr<tag_scope<assembly>>> scopes_;
    std::vector<std::size_t> scope_nodes_;
    std::size_t frame_limit_ = no_limit, next_frame_limit_ = no_limit, last_op_ = 0;
    bool frame_open_ = false, shared_ = false, can_resize_ = false;
    std::string wrong_;
};

template <std::size_t InFlight = 1, std::size_t FixedBytes = 0, class... Policies>
void same_as_the_model(std::type_identity<std::tuple<Policies...>>)
{
    char const* const more = std::getenv("FRAMEALLOC_TEST_STEPS");
    std::size_t const steps = more != nullptr ? std::strtoull(more, nullptr, 0) : repetitions(15000, 3000);
    std::size_t served = 0, refused = 0, rolled_back = 0, limited = 0;
    for (std::uint64_t const seed : seeds(8)) {
        program<tagged<Policies...>, InFlight, FixedBytes> p{seed};
        BOOST_TEST(p.run(steps), "seed " << seed << ", step " << p.step << ": " << p.wrong());
        served += p.served;
        refused += p.refused;
        rolled_back += p.rolled_back;
        limited += p.limited;
    }
    // Both ways out have been taken often.
    BOOST_TEST_MESSAGE("served " << served << ", refused " << refused << ", rolled back " << rolled_back);
    BOOST_TEST((served > steps / 10 && refused > steps / 100 && rolled_back > steps / 1000 && limited > steps / 1000));
}

template <class... Policies>
constexpr std::type_identity<std::tuple<backend::faulting<backend::system>, Policies...>> over_blocks{};
using virtual_backend = backend::faulting<backend::split<backend::virtual_memory, backend::system>>;
template <class... Policies>
constexpr std::type_identity<std::tuple<virtual_backend, Policies...>> over_ranges{};

}  // namespace

BOOST_AUTO_TEST_SUITE(tag_model)

BOOST_AUTO_TEST_CASE(chunked_frames_pools_and_heap_are_charged_as_the_model_says)
{
    same_as_the_model(over_ranges<arena::chunked<1024, 4096>>);
}

BOOST_AUTO_TEST_CASE(the_same_with_one_thread_and_checks)
{
    same_as_the_model(over_blocks<arena::chunked<2048, 8192>, sync::single_threaded, diagnostics::checked>);
}

BOOST_AUTO_TEST_CASE(the_same_behind_a_mutex_with_fine_classes_and_contiguous_frames)
{
    same_as_the_model(over_ranges<arena::virtual_memory<(std::size_t{1} << 24), 4096>, sync::mutex<std::mutex>,
                                  pool::fine_size_class<>, diagnostics::counters>);
}

BOOST_AUTO_TEST_CASE(the_same_where_blocks_go_home_and_two_frames_are_in_flight)
{
    same_as_the_model<2>(over_blocks<arena::in_flight<2, arena::chunked<1024, 4096>>, sync::owner_queue>);
}

BOOST_AUTO_TEST_CASE(the_same_with_three_frames_in_flight)
{
    same_as_the_model<3>(over_blocks<arena::in_flight<3, arena::chunked<1024, 1024>>, diagnostics::checked>);
}

BOOST_AUTO_TEST_CASE(the_same_with_frames_of_fixed_size)
{
    same_as_the_model<1, 8192>(over_blocks<arena::fixed<8192>>);
}

BOOST_AUTO_TEST_CASE(the_same_without_pools)
{
    same_as_the_model(over_blocks<arena::chunked<1024, 65536>, pool::none>);
}

BOOST_AUTO_TEST_SUITE_END()
