// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/streaming.hpp"

#include "support/faults.hpp"
#include "support/model.hpp"
#include "support/process.hpp"

#include <framealloc/sync/single_threaded.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <map>

// Random programs on a streaming allocator and on a model of it, which looks for its victims the slow way: both have the same
// assets in the same states, evict the same ones in the same order, and have the same figures after each step.

using namespace framealloc;
using namespace framealloc::test;

namespace {

struct model_asset {
    std::size_t bytes = 0, progress = 0, leases = 0;
    unsigned priority = 0;
    stream_state state = stream_state::reserved;
    bool released = false;  ///< let go while leased
    unsigned long long used_at = 0;
    unsigned char mark = 0;
};

class model {
public:
    explicit model(std::size_t budget) : budget_(budget) {}

    std::map<std::uint64_t, model_asset> assets;  ///< by the value of their ids; those that are gone are not there
    streaming_totals ever;                        ///< its counts of all times
    std::vector<stream_id> evicted;               ///< by the last call

    [[nodiscard]] std::size_t used() const
    {
        std::size_t sum = 0;
        for (auto const& [id, a] : assets) sum += a.bytes;
        return sum;
    }
    /// Everybody who may go, in the order in which they would.
    [[nodiscard]] std::vector<std::uint64_t> in_line(unsigned priority) const
    {
        std::vector<std::uint64_t> line;
        for (auto const& [id, a] : assets) {
            if (a.state == stream_state::ready && !a.released && a.leases == 0 && a.priority <= priority) {
                line.push_back(id);
            }
        }
        std::sort(line.begin(), line.end(), [&](std::uint64_t a, std::uint64_t b) {
            model_asset const &x = assets.at(a), &y = assets.at(b);
            return x.priority != y.priority ? x.priority < y.priority : x.used_at < y.used_at;
        });
        return line;
    }
    std::size_t evict(std::size_t bytes, unsigned priority)
    {
        evicted.clear();
        std::size_t gone = 0;
        for (std::uint64_t const id : in_line(priority)) {
            if (gone >= bytes) break;
            gone += assets.at(id).bytes;
            evict_one(id);
        }
        return gone;
    }
    void evict_one(std::uint64_t id)
    {
        ever.evicted.add(assets.at(id).bytes);
        evicted.push_back(stream_id::of_value(id));
        assets.erase(id);
    }
    /// Whether a reserve would be served; it evicts then.
    bool make_room(std::size_t bytes, unsigned priority)
    {
        evicted.clear();
        std::size_t can_go = 0;
        for (std::uint64_t const id : in_line(priority)) can_go += assets.at(id).bytes;
        if (used() + bytes > budget_ + can_go) {
            ++ever.refused;
            return false;
        }
        if (used() + bytes > budget_) evict(used() + bytes - budget_, priority);
        return true;
    }
    void set_budget(std::size_t bytes)
    {
        budget_ = bytes;
        evicted.clear();
        if (used() > bytes) evict(used() - bytes, stream_priority_count - 1);
    }
    [[nodiscard]] std::size_t budget() const { return budget_; }
    void use(model_asset& a) { a.used_at = ++clock_; }
    void end_load(std::uint64_t id)
    {
        ever.cancelled.add(assets.at(id).bytes);
        assets.erase(id);
    }
    void end_lease(std::uint64_t id)
    {
        model_asset& a = assets.at(id);
        --a.leases;
        use(a);
        if (a.leases != 0 || !a.released) return;
        ever.released.add(a.bytes);
        assets.erase(id);
    }

    [[nodiscard]] streaming_totals totals() const
    {
        streaming_totals t = ever;
        t.budget_bytes = budget_;
        for (auto const& [id, a] : assets) {
            switch (a.state) {
                case stream_state::reserved: t.reserved.add(a.bytes); break;
                case stream_state::loading:
                case stream_state::cancelled:
                    t.loading.add(a.bytes);
                    t.progress_bytes += a.progress;
                    break;
                case stream_state::ready:
                    t.resident.add(a.bytes);
                    if (a.leases != 0) t.leased.add(a.bytes);
                    if (a.leases == 0) t.evictable_bytes += a.bytes;
                    break;
            }
        }
        return t;
    }

private:
    std::size_t budget_;
    unsigned long long clock_ = 0;
};

/// One random program; what went wrong first, or nothing.
template <class Alloc>
class program {
public:
    explicit program(std::uint64_t seed) : random_(seed), expected_(5'000 + random_.below(100'000))
    {
        assets_.set_budget(expected_.budget());
        assets_.set_listener(&told_);
    }
    ~program() { finish_all(); }

    std::string run(std::size_t steps)
    {
        for (std::size_t i = 0; i < steps && wrong_.empty(); ++i) {
            told_.events.clear();
            expected_.evicted.clear();
            step();
            compare();
            if (!wrong_.empty()) wrong_ = "step " + std::to_string(i) + ": " + wrong_;
        }
        return wrong_;
    }

private:
    void step()
    {
        switch (random_.below(24)) {
            case 0: case 1: case 2: case 3: case 4: case 5: return reserve();
            case 6: case 7: case 8: case 9: return begin();
            case 10: return progress();
            case 11: case 12: case 13: case 14: return finish();
            case 15: return drop();
            case 16: case 17: case 18: return access();
            case 19: case 20: return end_lease();
            case 21: return touch();
            case 22: return change_priority();
            default: return rarely();
        }
    }

    void reserve()
    {
        std::size_t const bytes = 1 + random_.below(expected_.budget() / 4 >> random_.below(8));
        unsigned const priority = static_cast<unsigned>(random_.below(random_.below(2) != 0 ? 3 : 16));
        std::size_t const before = expected_.used();
        bool const served = expected_.make_room(bytes, priority);
        auto const id = assets_.reserve(bytes, stream_priority(priority));
        if (bool(id) != served) return complain("one was refused, and the other was not");
        if (!id) {
            if (id.code() != fault_code::streaming_budget_exceeded || id.error().numbers[1] != before) {
                complain("refused for another reason");
            }
            return;
        }
        model_asset& a = expected_.assets[id->value()];
        a = {.bytes = bytes, .priority = priority, .mark = static_cast<unsigned char>(random_.next())};
        expected_.ever.admitted.add(bytes);
        expected_.ever.peak_bytes = std::max(expected_.ever.peak_bytes, expected_.used());
        known_.push_back(*id);
    }
    void begin()
    {
        auto const [id, a] = any();
        auto const bytes = assets_.begin_load(id);
        expect(bytes, a != nullptr && a->state == stream_state::reserved);
        if (!bytes) return;
        if (bytes->size() != a->bytes) complain("another size");
        std::memset(bytes->data(), a->mark, bytes->size());
        a->state = stream_state::loading;
    }
    void progress()
    {
        auto const [id, a] = any();
        bool const more = random_.below(2) != 0;
        std::size_t const bytes = random_.below(a != nullptr ? a->bytes + 2 : 10);
        auto const answer = more ? assets_.add_progress(id, bytes) : assets_.report_progress(id, bytes);
        bool const good = a != nullptr && a->state == stream_state::loading &&
                          bytes <= (more ? a->bytes - a->progress : a->bytes);
        expect(answer, good);
        if (good) a->progress = more ? a->progress + bytes : std::max(a->progress, bytes);
    }
    void finish()
    {
        auto const [id, a] = any();
        bool const whole = random_.below(2) != 0;
        std::size_t const bytes = a == nullptr ? 1 : whole ? a->bytes : 1 + random_.below(a->bytes);
        auto const answer = assets_.finish_load(id, bytes);
        if (a == nullptr || a->state != stream_state::loading || bytes < a->progress) {
            expect(answer, false);
            if (a != nullptr && a->state == stream_state::cancelled) expected_.end_load(id.value());
            return;
        }
        expect(answer, true);
        a->state = stream_state::ready;
        a->progress = bytes;
        expected_.use(*a);
        expected_.ever.finished.add(a->bytes);
    }
    /// By each of the ways to get rid of an asset.
    void drop()
    {
        auto const [id, a] = any();
        bool const loading = a != nullptr && (a->state == stream_state::loading || a->state == stream_state::cancelled);
        switch (random_.below(4)) {
            case 0:
                expect(assets_.abandon_load(id), loading);
                if (loading) expected_.end_load(id.value());
                return;
            case 1: {
                bool const can = a != nullptr && a->state == stream_state::ready && a->leases == 0;
                expect(assets_.evict(id), can);
                if (can) expected_.evict_one(id.value());
                return;
            }
            case 2: {
                expect(assets_.cancel(id), a != nullptr && a->state != stream_state::ready);
                if (loading) {
                    a->state = stream_state::cancelled;
                } else if (a != nullptr && a->state == stream_state::reserved) {
                    expected_.end_load(id.value());
                }
                return;
            }
            default:
                expect(assets_.release(id), a != nullptr);
                if (a == nullptr) return;
                if (loading) {
                    a->state = stream_state::cancelled;
                } else if (a->state == stream_state::reserved) {
                    expected_.end_load(id.value());
                } else if (a->leases != 0) {
                    a->released = true;
                } else {
                    expected_.ever.released.add(a->bytes);
                    expected_.assets.erase(id.value());
                }
        }
    }
    void access()
    {
        auto const [id, a] = any();
        auto lease = assets_.access(id);
        expect(lease, a != nullptr && a->state == stream_state::ready);
        if (!lease) return;
        ++a->leases;
        if (lease->size() != a->progress || lease->bytes()[0] != std::byte{a->mark} ||
            lease->bytes().back() != std::byte{a->mark}) {
            complain("it is not what was loaded");
        }
        if (random_.below(3) != 0 && leases_.size() < 12) {
            leases_.emplace_back(id, *std::move(lease));
        } else {
            lease->reset();
            expected_.end_lease(id.value());
        }
    }
    void end_lease()
    {
        if (leases_.empty()) return;
        auto const at = leases_.begin() + static_cast<std::ptrdiff_t>(random_.below(leases_.size()));
        expected_.end_lease(at->first.value());
        leases_.erase(at);
    }
    void touch()
    {
        auto const [id, a] = any();
        bool const can = a != nullptr && a->state == stream_state::ready;
        expect(assets_.touch(id), can);
        if (can && a->leases == 0) expected_.use(*a);
    }
    void change_priority()
    {
        auto const [id, a] = any();
        unsigned const priority = static_cast<unsigned>(random_.below(16));
        expect(assets_.set_priority(id, stream_priority(priority)), a != nullptr);
        if (a == nullptr || a->priority == priority) return;
        a->priority = priority;
        if (a->leases == 0) expected_.use(*a);
    }
    void rarely()
    {
        unsigned const priority = static_cast<unsigned>(random_.below(16));
        if (random_.below(2) != 0) {
            std::size_t const bytes = random_.below(expected_.budget());
            if (assets_.evict_bytes(bytes, stream_priority(priority)) != expected_.evict(bytes, priority)) {
                complain("other bytes have gone");
            }
        } else {
            expected_.set_budget(5'000 + random_.below(100'000));
            std::size_t const above = assets_.set_budget(expected_.budget());
            std::size_t const used = expected_.used();
            if (above != (used > expected_.budget() ? used - expected_.budget() : 0)) complain("more is above");
        }
    }

    /// Mostly one that is there.
    std::pair<stream_id, model_asset*> any()
    {
        if (known_.empty()) return {stream_id{}, nullptr};
        stream_id id = known_[random_.below(known_.size())];
        for (int i = 0; i < 3 && !expected_.assets.contains(id.value()); ++i) id = known_[random_.below(known_.size())];
        if (known_.size() > 60) {
            std::erase_if(known_, [&](stream_id k) { return k != id && !expected_.assets.contains(k.value()); });
        }
        auto const found = expected_.assets.find(id.value());
        // One that was released while leased is no asset any more to who has its id.
        return {id, found != expected_.assets.end() && !found->second.released ? &found->second : nullptr};
    }

    template <class Answer>
    void expect(Answer const& answer, bool served)
    {
        if (bool(answer) != served) complain("one was refused, and the other was not");
        if (!answer && answer.code() != fault_code::handle_not_live && answer.code() != fault_code::stream_wrong_state &&
            answer.code() != fault_code::stream_wrong_size) {
            complain("refused by another code");
        }
    }
    void compare()
    {
        if (told_.ids_of(stream_event_kind::evicted) != expected_.evicted) complain("other victims, or in another order");
        if (!(assets_.totals() == expected_.totals())) complain("other figures");
        if (!assets_.verify()) complain("the books are not sound");
        for (std::size_t i = 1; i < told_.events.size(); ++i) {
            if (told_.events[i].number != told_.events[i - 1].number + 1) complain("events out of order");
        }
        for (auto const& [id, lease] : leases_) {
            if (lease.bytes().back() != std::byte{expected_.assets.at(id.value()).mark}) complain("it has changed");
        }
        std::size_t bytes = 0;
        for (auto const& [value, a] : expected_.assets) {
            bytes += a.state != stream_state::reserved ? a.bytes : 0;
            if (a.released) continue;
            auto const info = assets_.info(stream_id::of_value(value));
            if (!info || info->state != a.state || info->bytes != a.bytes || info->leases != a.leases ||
                info->progress_bytes != a.progress || unsigned(info->priority) != a.priority) {
                complain("an asset is in another state");
            }
        }
        auto const live = alloc_.stats().heap_bytes_live;
        if (live < bytes || (live - bytes) % sizeof(void*) != 0 || live - bytes > 200'000) complain("other memory");
        if (places_ == 0 || live - bytes > places_) places_ = live - bytes;
        if (live - bytes != places_) complain("memory has been lost");
    }
    void complain(char const* what)
    {
        if (wrong_.empty()) wrong_ = what;
    }
    void finish_all()
    {
        leases_.clear();
        for (stream_id const id : known_) {
            if (assets_.info(id) && !assets_.cancel(id)) continue;
            if (assets_.is_live(id)) static_cast<void>(assets_.abandon_load(id));
        }
    }

    random_numbers random_;
    model expected_;
    recording_stream_listener told_;
    Alloc alloc_;
    streaming_allocator<Alloc> assets_{alloc_};
    std::vector<stream_id> known_;
    std::vector<std::pair<stream_id, stream_lease<Alloc>>> leases_;
    std::size_t places_ = 0;  ///< bytes of the table of places, which only grows
    std::string wrong_;
};

using assemblies = std::tuple<smart_alloc, smart_alloc_debug, basic_smart_alloc<sync::single_threaded>>;

}  // namespace

BOOST_AUTO_TEST_SUITE(streaming_churn)

BOOST_AUTO_TEST_CASE_TEMPLATE(random_programs_do_what_the_model_does, Alloc, assemblies)
{
    fault_recorder const faults;  // mistakes are part of it
    for (std::uint64_t const seed : seeds(repetitions(60, 10))) {
        program<Alloc> one{seed};
        std::string const wrong = one.run(repetitions(2000, 500));
        BOOST_TEST(wrong == "", "seed " << seed << ": " << wrong);
    }
    for (fault_code const code : faults.codes()) {
        BOOST_TEST((code == fault_code::handle_not_live || code == fault_code::stream_wrong_state ||
                    code == fault_code::stream_wrong_size));
        if (code == fault_code::live_at_end) break;
    }
}

BOOST_AUTO_TEST_SUITE_END()
