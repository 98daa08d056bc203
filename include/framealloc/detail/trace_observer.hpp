// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/budget_node.hpp>
#include <framealloc/detail/call_stack.hpp>
#include <framealloc/detail/places.hpp>
#include <framealloc/detail/trace_table.hpp>
#include <framealloc/leak_report.hpp>
#include <framealloc/observer.hpp>
#include <framealloc/trace_options.hpp>

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <vector>

namespace framealloc::inline v0_1 {

/// What a trace knows of itself.
struct trace_figures {
    unsigned long long live = 0;           ///< allocations that are written down now
    unsigned long long recorded = 0;       ///< all that have been written down
    unsigned long long unrecorded = 0;     ///< those that there was no memory for
    unsigned long long unknown_frees = 0;  ///< frees of what was not written down
};

namespace detail {

/// Tells the traces of a process apart, the ended ones too.
inline constinit atomic<unsigned long long> last_trace_number{0};

/// The thread as the trace that it has come by last knows it.
struct latest_traced_thread {
    unsigned long long trace = 0;
    traced_thread* thread = nullptr;
};
FRAMEALLOC_TLS_MODEL inline constinit thread_local latest_traced_thread latest_thread{};
/// Capturing a stack may allocate, from the allocator under trace if it is everybody's.
FRAMEALLOC_TLS_MODEL inline constinit thread_local bool captures_stack = false;

/// The observer behind `diagnostics::trace`.
template <class A, class Policy>
class trace_observer {
    using sync = typename A::sync;
    using mutex = typename sync::mutex;
    using clock = typename Policy::clock;
    using memory = typename Policy::memory;
    template <class T>
    using shared_value = typename sync::template atomic<T>;
    using shard = trace_shard<mutex, memory, Policy::options.depth>;
    static constexpr std::size_t shard_count = sync::one_thread ? 1 : 16;

public:
    /// Says that the instance's own report of live blocks is not wanted besides.
    static constexpr bool reports_live_blocks = true;

    /// A thread's live frame objects, the newest first: the owner's, as the frame.
    class frame_part {
    public:
        template <class F>
        void on_rewind(trace_observer& o, F const& is_gone) noexcept {
            while (newest_ != nullptr && is_gone(newest_->object)) o.forget(pop());
        }

    private:
        friend trace_observer;
        [[nodiscard]] trace_record& pop() noexcept {
            trace_record& r = *newest_;
            newest_ = r.older;
            return r;
        }
        trace_record* newest_ = nullptr;
    };

    constexpr trace_observer() noexcept = default;

    template <class Caller>
    FRAMEALLOC_COLD void on_allocate(Caller who, void* object, layout asked, allocation_intent intent,
                                     call_site at) noexcept {
        unsigned long long const serial = serial_.fetch_add(1, order::relaxed) + 1;
        void const* frames[Policy::options.depth];
        std::size_t const depth = capture(frames, asked.bytes);
        traced_thread const* const thread = this_threads_entry(who.thread());
        shard& s = shard_of(object);
        bool entered = false;
        if (thread != nullptr) {
            locked const guard{s.guard};
            // What is at the address already was freed by a call that had no answer, such as one of an unchecked double free.
            trace_record* const stale = s.find(object);
            bool const held_by_frame = stale != nullptr && stale->intent == allocation_intent::frame;
            if (stale != nullptr && !held_by_frame) s.remove(*stale);
            if (trace_record* const r = held_by_frame ? nullptr : s.try_make()) {
                r->object = object;
                r->bytes = asked.bytes;
                r->site = at.address;
                r->thread = thread;
                r->nanoseconds = clock::nanoseconds();
                r->serial = serial;
                r->frame = who.frame();
                r->frame_serial = who.frame_serial();
                r->frames_ended = frames_.load(order::relaxed);
                r->intent = intent;
                r->tag = static_cast<std::uint8_t>(who.tag());
                if (depth != 0) {
                    if ((r->stack = s.try_make_stack()) != nullptr) {
                        r->stack->count = depth;
                        std::copy_n(frames, depth, r->stack->frames());
                    }
                }
                s.enter(*r);
                if (intent == allocation_intent::frame) {
                    auto* const part = who.frame_part();
                    r->older = part->newest_;
                    part->newest_ = r;
                }
                entered = true;
            }
        }
        if (entered) {
            recorded_.fetch_add(1, order::relaxed);
        } else {
            note_unrecorded(who.instance());
        }
    }

    template <class Caller>
    void on_extend(Caller, void* object, std::size_t, std::size_t new_bytes, call_site) noexcept {
        shard& s = shard_of(object);
        locked const guard{s.guard};
        if (trace_record* const r = s.find(object)) r->bytes = new_bytes;
    }

    template <class Caller>
    FRAMEALLOC_COLD void on_free(Caller who, void* object, allocation_intent intent, call_site) noexcept {
        if (intent == allocation_intent::frame) {
            auto* const part = who.frame_part();
            // Only what was served last can be given back.
            if (part != nullptr && part->newest_ != nullptr && part->newest_->object == object) {
                return forget(part->pop());
            }
        } else {
            shard& s = shard_of(object);
            locked const guard{s.guard};
            if (trace_record* const r = s.find(object)) return s.remove(*r);
        }
        unknown_frees_.fetch_add(1, order::relaxed);
    }

    template <class Caller>
    void on_frame_end(Caller who, unsigned long long last_gone) noexcept {
        auto& newest = who.frame_part()->newest_;
        trace_record** link = &newest;
        while (*link != nullptr && (*link)->frame_serial > last_gone) link = &(*link)->older;
        trace_record* r = *link;
        *link = nullptr;
        while (r != nullptr) {
            trace_record* const older = r->older;
            forget(*r);
            r = older;
        }
        unsigned long long const ended = who.frame();
        unsigned long long most = frames_.load(order::relaxed);
        while (most < ended && !frames_.compare_exchange(most, ended, order::relaxed, order::relaxed)) {}
    }

    /// Names the places of the blocks that the instance takes with it.
    template <class Instance>
    FRAMEALLOC_COLD void on_instance_end(Instance& instance) noexcept {
        leak_report const left = find_leaks({});
        if (left.count == 0) return;
        std::size_t told = 0;
        for (leak_group const& g : left.groups) {
            if (++told > most_told) break;
            sites_and_stack sites{};
            sites.allocated_at = g.site;
            sites.write = &write_places_and_stack;
            sites.stack = &g.example.stack;
            fault f{.code = fault_code::live_at_end,
                    .note = "%llu blocks of %llu bytes from one place are alive; the oldest is allocation number %llu",
                    .numbers = {g.count, g.bytes, g.example.serial},
                    .sites = &sites};
            report(f);
        }
        report({.code = fault_code::live_at_end,
                .note = "instance %llu ended with %llu of its blocks alive, of %llu bytes, from %llu places",
                .numbers = {instance.id.load(order::relaxed), left.count, left.bytes, left.groups.size()},
                .stops = A::diagnostics::stops_on_misuse});
    }

    void lock_for_fork() {
        threads_guard_.lock();
        for (shard& s : shards_) s.guard.lock();
    }
    void unlock_after_fork() {
        for (shard& s : shards_) s.guard.unlock();
        threads_guard_.unlock();
    }

    // --- questions ----------------------------------------------------------------------------------------------------

    [[nodiscard]] trace_figures figures() noexcept {
        trace_figures f{.recorded = recorded_.load(order::relaxed),
                        .unrecorded = unrecorded_.load(order::relaxed),
                        .unknown_frees = unknown_frees_.load(order::relaxed)};
        for (shard& s : shards_) {
            locked const guard{s.guard};
            f.live += s.size();
        }
        return f;
    }

    [[nodiscard]] std::vector<live_allocation> live_allocations() {
        std::vector<live_allocation> all;
        for (copied const& c : copy_of_all()) all.push_back(describe(c));
        std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.serial < b.serial; });
        return all;
    }

    [[nodiscard]] leak_report find_leaks(leak_query const& query) {
        unsigned long long const now = clock::nanoseconds();
        unsigned long long const frames = frames_.load(order::relaxed);
        std::vector<copied> const all = copy_of_all();
        struct group {
            sum every, old;
            copied const* oldest = nullptr;
            copied const* with_stack = nullptr;
        };
        std::unordered_map<void const*, group> sites;
        for (copied const& c : all) {
            if (c.record.intent == allocation_intent::frame) continue;  // it ends by itself
            group& g = sites[c.record.site];
            g.every.add(c.record);
            auto const age = static_cast<long long>(now - c.record.nanoseconds);
            if (age < query.older_than.count() || frames - c.record.frames_ended < query.older_than_frames) continue;
            g.old.add(c.record);
            auto const is_older = [&](copied const* than) {
                return than == nullptr || c.record.serial < than->record.serial;
            };
            if (is_older(g.oldest)) g.oldest = &c;
            if (c.depth != 0 && is_older(g.with_stack)) g.with_stack = &c;
        }
        leak_report report;
        report.unrecorded = unrecorded_.load(order::relaxed);
        std::unordered_map<void const*, sum> counted;
        locked const guard{questions_guard_};
        for (auto const& [site, g] : sites) {
            counted.emplace(site, g.every);
            sum before;
            if (before_ != nullptr) {
                if (auto const at = before_->find(site); at != before_->end()) before = at->second;
            }
            auto const grown = static_cast<long long>(g.every.count - before.count);
            if (g.old.count == 0 || grown < query.grown_by) continue;
            leak_group answer;
            answer.site = site;
            answer.intent = g.oldest->record.intent;
            answer.count = g.old.count;
            answer.bytes = g.old.bytes;
            answer.count_growth = grown;
            answer.bytes_growth = static_cast<long long>(g.every.bytes - before.bytes);
            answer.oldest = std::chrono::nanoseconds{static_cast<long long>(now - g.oldest->record.nanoseconds)};
            answer.oldest_frames = frames - g.oldest->record.frames_ended;
            answer.example = describe(g.with_stack != nullptr ? *g.with_stack : *g.oldest);
            report.count += answer.count;
            report.bytes += answer.bytes;
            report.groups.push_back(std::move(answer));
        }
        before_ = std::make_unique<std::unordered_map<void const*, sum>>(std::move(counted));
        std::sort(report.groups.begin(), report.groups.end(), [](leak_group const& a, leak_group const& b) {
            return a.bytes != b.bytes ? a.bytes > b.bytes : a.example.serial < b.example.serial;
        });
        return report;
    }

private:
    static constexpr std::size_t most_told = 8;

    struct sum {
        unsigned long long count = 0;
        unsigned long long bytes = 0;
        void add(trace_record const& r) noexcept {
            ++count;
            bytes += r.bytes;
        }
    };
    /// A record as it was, with its stack.
    struct copied {
        trace_record record;
        std::size_t depth = 0;
        void const* frames[Policy::options.depth]{};
    };

    [[nodiscard]] shard& shard_of(void const* object) noexcept { return shards_[trace_hash(object) % shard_count]; }

    void forget(trace_record& r) noexcept {
        shard& s = shard_of(r.object);
        locked const guard{s.guard};
        s.remove(r);
    }

    [[nodiscard]] std::size_t capture([[maybe_unused]] void const** to, [[maybe_unused]] std::size_t bytes) noexcept {
        if constexpr (Policy::options.stacks == stack_capture::never) {
            return 0;
        } else {
            if constexpr (Policy::options.stacks == stack_capture::sampled) {
                unsigned long long const before = sampled_.fetch_add(bytes, order::relaxed);
                constexpr unsigned long long each = Policy::options.sample_bytes;
                if (before / each == (before + bytes) / each) return 0;
            }
            if (captures_stack) return 0;
            captures_stack = true;
            std::size_t const depth = Policy::options.walk == stack_walk::unwind
                                          ? unwind_stack(to, Policy::options.depth)
                                          : walk_frame_pointers(to, Policy::options.depth);
            captures_stack = false;
            return depth;
        }
    }

    /// Null where there is no memory for it.
    [[nodiscard]] traced_thread* this_threads_entry(unsigned long long number) noexcept {
        unsigned long long mine = number_.load(order::relaxed);
        if (mine != 0 && latest_thread.trace == mine && latest_thread.thread->number == number) {
            return latest_thread.thread;
        }
        locked const guard{threads_guard_};
        mine = number_.load(order::relaxed);
        if (mine == 0) {
            mine = last_trace_number.fetch_add(1, order::relaxed) + 1;
            number_.store(mine, order::relaxed);
        }
        traced_thread* t = threads_;
        while (t != nullptr && t->number != number) t = t->next;
        if (t == nullptr) {
            void* const place = thread_store_.try_take();
            if (place == nullptr) return nullptr;
            t = threads_ = ::new (place) traced_thread{.number = number, .next = threads_};
            platform::thread_name(t->name, sizeof t->name);
        }
        latest_thread = {mine, t};
        return t;
    }

    FRAMEALLOC_COLD void note_unrecorded(unsigned long long instance) noexcept {
        if (unrecorded_.fetch_add(1, order::relaxed) != 0) return;
        report({.code = fault_code::out_of_memory,
                .note = "the trace of instance %llu has no room for more; it goes on, and counts what it misses",
                .numbers = {instance}});
    }

    /// Nothing is allocated while a part of the table is locked: it might be from the allocator under trace.
    [[nodiscard]] std::vector<copied> copy_of_all() {
        std::vector<copied> all;
        for (shard& s : shards_) {
            std::size_t const before = all.size();
            for (bool whole = false; !whole;) {
                std::size_t wanted = 0;
                {
                    locked const guard{s.guard};
                    wanted = s.size();
                }
                all.resize(before);
                all.reserve(before + wanted + wanted / 8 + 8);
                locked const guard{s.guard};
                whole = s.size() <= all.capacity() - before;
                if (!whole) continue;
                s.for_each([&](trace_record const& r) {
                    copied& c = all.emplace_back();
                    c.record.object = r.object;
                    c.record.bytes = r.bytes;
                    c.record.site = r.site;
                    c.record.thread = r.thread;
                    c.record.nanoseconds = r.nanoseconds;
                    c.record.serial = r.serial;
                    c.record.frame = r.frame;
                    c.record.frames_ended = r.frames_ended;
                    c.record.intent = r.intent;
                    c.record.tag = r.tag;
                    if (r.stack == nullptr) return;
                    c.depth = r.stack->count;
                    std::copy_n(r.stack->frames(), c.depth, c.frames);
                });
            }
        }
        return all;
    }
    [[nodiscard]] live_allocation describe(copied const& c) const {
        trace_record const& r = c.record;
        return {.object = r.object,
                .bytes = r.bytes,
                .intent = r.intent,
                .site = r.site,
                .thread = r.thread->number,
                .thread_name = r.thread->name,
                .nanoseconds = r.nanoseconds,
                .tag = name_of(static_cast<tag_id>(r.tag)),
                .frame = r.frame,
                .frames_since = frames_.load(order::relaxed) - r.frames_ended,
                .serial = r.serial,
                .stack = std::vector<void const*>(c.frames, c.frames + c.depth)};
    }

    struct sites_and_stack : fault_sites {
        std::vector<void const*> const* stack = nullptr;
    };
    static void write_places_and_stack(fault_sites const& f, char* to, std::size_t size) noexcept {
        write_places_of_block(f, to, size);
        std::size_t used = __builtin_strlen(to);
        auto const& stack = *static_cast<sites_and_stack const&>(f).stack;
        bool first = true;
        for_each_caller(stack.data(), stack.size(), [&](std::string const& code) {
            // The innermost is the place itself.
            if (!first && used + code.size() + 16 < size) {
                used += static_cast<std::size_t>(
                    __builtin_snprintf(to + used, size - used, "  called from: %s\n", code.c_str()));
            }
            first = false;
        });
    }

    shard shards_[shard_count]{};
    shared_value<unsigned long long> serial_{0};
    shared_value<unsigned long long> recorded_{0};
    shared_value<unsigned long long> unrecorded_{0};
    shared_value<unsigned long long> unknown_frees_{0};
    shared_value<unsigned long long> sampled_{0};
    shared_value<unsigned long long> frames_{0};  ///< of the thread that has begun the most
    shared_value<unsigned long long> number_{0};
    mutex threads_guard_{};
    traced_thread* threads_ = nullptr;
    trace_store<memory> thread_store_{sizeof(traced_thread)};
    mutex questions_guard_{};
    std::unique_ptr<std::unordered_map<void const*, sum>> before_{};
};

}  // namespace detail
}  // namespace framealloc
