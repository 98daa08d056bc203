// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/streaming/detail/stream_book.hpp>
#include <framealloc/streaming/detail/stream_news.hpp>
#include <framealloc/streaming/detail/stream_refusal.hpp>
#include <framealloc/streaming/stream_lease.hpp>
#include <framealloc/streaming/stream_listener.hpp>
#include <framealloc/streaming/stream_result.hpp>
#include <framealloc/streaming/streaming_totals.hpp>

#include <framealloc/verification.hpp>

namespace framealloc::inline v0_1 {

/// What a `streaming_allocator` is made with.
struct streaming_config {
    /// How many bytes its assets may have together. From 1 to `max_request_bytes`.
    std::size_t budget_bytes = std::size_t{64} << 20;
    /// Who is told of events; null for nobody.
    stream_listener* listener = nullptr;
};

namespace detail {
/// How many streaming allocators the process has had. Statistics: which number is drawn does not matter.
inline constinit atomic<std::uint32_t> streaming_allocators{0};

/// A tag by its number alone, for a scope.
struct numbered_tag {
    tag_id id;
    [[nodiscard]] std::size_t number() const noexcept { return id; }
};
}  // namespace detail

/// Assets that come and go: textures, sounds, pieces of a level, loaded in the background into the heap of the allocator
/// beneath, under a budget of their own. Where a new one finds no room, others leave: those of the lowest priority first, and
/// of one priority those that were used least recently; never one that is being loaded, or that somebody looks at.
///
///     streaming_allocator assets{alloc, {.budget_bytes = 64_MiB}};
///     stream_id const id = assets.reserve(file_size, stream_priority::high).value();
///     // on the loader's thread:
///     std::span<std::byte> const to = assets.begin_load(id).value();   // ... read the file into it ...
///     assets.report_progress(id, to.size());
///     assets.finish_load(id);
///     // anywhere, from then on:
///     if (auto const texture = assets.access(id)) draw(texture->bytes());
///
/// `reserve` takes a share of the budget, and evicts for it; `begin_load` takes the memory. So a queue of a thousand reserved
/// assets holds no memory, a reserve is refused before anything has been done for it, and the bytes of those evicted are back
/// before the new ones are asked for.
///
///   Cost      O(1) each, one uncontended lock: neither an eviction nor a lease searches for anything. A `reserve` that evicts
///             costs O(victims). An asset costs 80 bytes beside its own, from chunks that double.
///   Threads   Any number, every call, also on the same asset, but for the end of the streaming allocator. With
///             sync::single_threaded beneath, one. In the child of a fork, only if no other thread was in a call of it.
///   Failure   What is refused answers a `fault` with its code and numbers, and has changed nothing: no victim, no place in the
///             order of use, no byte. FA402: the budget has no room, and what may be evicted would not make it. FA401: the id
///             leads to no asset. FA403: the asset is in another state. FA404: bytes that the asset cannot have. FA301 to FA305:
///             the allocator beneath, or its budgets, refuse. Only what no other thread can have brought about is a mistake, and
///             reported as well where the assembly is checked: an id that is null, foreign or invented, a load begun twice or
///             ended without being begun, wrong bytes.
///   Lifetime  An asset's bytes lie still from `begin_load` to its eviction, which waits for leases. Its end gives everything
///             back and tells nobody. If assets are being loaded or leased then, that is reported (FA216), and their memory stays
///             with the allocator beneath, until that ends: whoever still writes or reads does so in memory that is nobody
///             else's.
///   Source    The streaming budgets of game engines; the lists are those of every page cache.
template <class Alloc = smart_alloc>
class streaming_allocator {
    using A = typename Alloc::assembly_type;
    using slot = detail::stream_slot;
    using stream_slot_state = detail::stream_slot_state;
    using refusal = detail::stream_refusal;
    using kind = stream_event_kind;
    static constexpr bool has_tags = charges_tags<typename A::budget>;

public:
    using lease = stream_lease<Alloc>;

    /// Throws `configuration_error` (FA902) for a budget out of range. Allocates nothing.
    explicit streaming_allocator(typename Alloc::canonical& beneath FRAMEALLOC_LIFETIMEBOUND,
                                 streaming_config const& config = {})
        : core_(&beneath.shared()),
          listener_(config.listener),
          instance_(detail::streaming_allocators.fetch_add(1, detail::order::relaxed) % stream_id::last_instance + 1) {
        check_budget(config.budget_bytes);
        book_.totals.budget_bytes = config.budget_bytes;
    }
    streaming_allocator(streaming_allocator const&) = delete;
    streaming_allocator& operator=(streaming_allocator const&) = delete;
    ~streaming_allocator() { end(); }

    // --- a share of the budget ----------------------------------------------------------------------------------------

    /// A share of the budget for an asset, and an id for it. Where there is no room, assets of the same priority and of lower
    /// ones are evicted, no more than needed; where even that would not do, none is.
    ///
    /// Its memory is charged, from `begin_load` on, to the tag under which the calling thread allocates now.
    [[nodiscard]] FRAMEALLOC_HOT stream_result<stream_id> reserve(std::size_t bytes,
                                                                  stream_priority priority = stream_priority::normal) {
        return reserve(stream_request{.bytes = bytes, .priority = priority});
    }
    [[nodiscard]] FRAMEALLOC_HOT stream_result<stream_id> reserve(stream_request const& request) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return reserve_asset(request);
    }

    // --- loading ------------------------------------------------------------------------------------------------------

    /// The asset's memory, for its loader to write to; its contents are indeterminate. Once per asset. Where there is no memory
    /// it stays reserved, and may be tried again.
    [[nodiscard]] FRAMEALLOC_HOT stream_result<std::span<std::byte>> begin_load(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return load_asset(id);
    }
    /// So many bytes of the asset are loaded. Less than was said before changes nothing: reporters may overtake each other.
    /// Refused while the asset is cancelled (FA403), which is how its loader hears of that.
    ///
    ///   Threads   Any: also helpers of the loader. What they wrote before is seen by whoever accesses the asset, if the loader
    ///             has learnt of their reports, from `info` or its own ways, before it finishes.
    FRAMEALLOC_HOT stream_result<void> report_progress(stream_id id, std::size_t bytes_so_far) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return advance(id, bytes_so_far, false);
    }
    /// So many more bytes are loaded: for loaders that share an asset.
    FRAMEALLOC_HOT stream_result<void> add_progress(stream_id id, std::size_t more_bytes) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return advance(id, more_bytes, true);
    }
    /// The asset is ready: it can be accessed, and evicted. All of it has been reported; where it came out shorter than it was
    /// reserved, say so with `bytes`, from what has been reported up to the size. Refused (FA404) it is still being loaded.
    ///
    /// If the asset was cancelled meanwhile, it goes now, and the answer is FA403: the loader is done with it either way.
    ///
    ///   Threads   Releases what the loader wrote to every thread that accesses the asset: the lock that both take is released
    ///             here and acquired there.
    FRAMEALLOC_HOT stream_result<void> finish_load(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return finish(id, nullptr);
    }
    FRAMEALLOC_HOT stream_result<void> finish_load(stream_id id, std::size_t bytes) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return finish(id, &bytes);
    }
    /// The loader gives up, because its file cannot be read, or because it was cancelled: the asset and its memory go.
    FRAMEALLOC_HOT stream_result<void> abandon_load(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return abandon(id);
    }

    // --- letting go ---------------------------------------------------------------------------------------------------

    /// Nobody wants the asset any more. Reserved, it goes now. While it is loaded, its memory is its loader's: it goes when that
    /// hears of it, by the answer of `report_progress`, and finishes or abandons it; until then it has its share of the budget.
    /// Once it is ready it is refused (FA403): `release` is for that.
    FRAMEALLOC_HOT stream_result<void> cancel(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return let_go(id, false);
    }
    /// The same in any state. Ready, it goes now, or with its last lease; its id is stale at once.
    FRAMEALLOC_HOT stream_result<void> release(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return let_go(id, true);
    }
    /// Evicts one asset that is ready. Refused (FA403) while somebody has a lease.
    FRAMEALLOC_HOT stream_result<void> evict(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return evict_one(id);
    }
    /// Evicts, in the order in which a reserve would, until `bytes` have gone or nothing more of that priority or below can.
    /// Answers how many bytes have. For when memory is short elsewhere.
    std::size_t evict_bytes(std::size_t bytes, stream_priority up_to = stream_priority::highest) {
        return evict_some([&] { return bytes; }, up_to);
    }
    /// Another budget. What is above it is evicted as far as it can be; answers how many bytes are still above, for which the
    /// next reserves have to wait. Throws `configuration_error` (FA902) for a budget out of range.
    std::size_t set_budget(std::size_t bytes) {
        check_budget(bytes);
        std::size_t above = 0;
        evict_some(
            [&] {
                book_.totals.budget_bytes = bytes;
                return book_.excess(0);
            },
            stream_priority::highest, &above);
        return above;
    }

    // --- use ----------------------------------------------------------------------------------------------------------

    /// A look at an asset that is ready, for as long as the lease lives; its end counts as the asset's last use. Answers FA401
    /// where the asset has gone, and FA403 where it is not ready yet: both are what a program has to expect.
    [[nodiscard]] FRAMEALLOC_HOT stream_result<lease> access(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return lease_asset(id);
    }
    /// Counts as a use of an asset that is ready.
    FRAMEALLOC_HOT stream_result<void> touch(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return touch_asset(id);
    }
    /// From now on. An asset that changes its priority comes into the new one as the one used most recently.
    FRAMEALLOC_HOT stream_result<void> set_priority(stream_id id, stream_priority priority) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return change_priority(id, priority);
    }

    // --- what there is ------------------------------------------------------------------------------------------------

    [[nodiscard]] FRAMEALLOC_HOT stream_result<stream_info> info(stream_id id) {
        [[maybe_unused]] detail::called_at<A> const here{detail::here<A>()};
        return describe(id);
    }
    [[nodiscard]] bool is_live(stream_id id) {
        locked_books const guard{mutex_};
        return book_.find(id, instance_) != nullptr;
    }
    /// All figures, of one moment. O(1).
    [[nodiscard]] streaming_totals totals() {
        locked_books const guard{mutex_};
        streaming_totals t = book_.totals;
        t.evictable_bytes = book_.evictable(stream_priority_count - 1);
        t.retired_places = book_.table.retired();
        return t;
    }
    /// Counts everything anew and compares. O(assets).
    [[nodiscard]] verification verify() {
        locked_books const guard{mutex_};
        if (book_.is_sound()) return {};
        return {.sound = false,
                .first = {.code = fault_code::internal,
                          .note = "the books of streaming allocator %llu do not agree with its assets",
                          .numbers = {instance_}}};
    }
    /// Who is told from now on; null for nobody. Calls that have begun may still tell the one before it, which outlives them.
    void set_listener(stream_listener* listener) noexcept { listener_.store(listener, detail::order::release); }

private:
    friend class stream_lease<Alloc>;
    using locked_books = detail::locked<typename A::sync::mutex>;

    /// Assets whose ids are stale, and whose memory is to be given back once the lock has been left.
    struct departure {
        detail::slot_list assets;
        kind what = kind::evicted;
        unsigned long long number = 0;  ///< of the event before the first one
        std::size_t used = 0;           ///< of the budget, before
        std::size_t budget = 0;
    };

    // --- reserving ----------------------------------------------------------------------------------------------------

    stream_result<stream_id> reserve_asset(stream_request const& request) {
        if (refusal no; !is_possible(request, no)) return refused(no);
        detail::tag_id const tag = tag_of_caller();
        departure victims;
        stream_event made;
        fault why = detail::said();
        for (;;) {
            unsigned chunks = 0;
            if (try_reserve(request, tag, victims, made, chunks, why)) {
                detail::stream_news news{listener()};
                see_off(victims, news);
                news.tell(made);
                if (news.has_thrown()) undo_reserve(made.id);
                news.throw_if_thrown();
                return made.id;
            }
            if (why.code == fault_code::streaming_budget_exceeded) {
                detail::stream_news news{listener()};
                news.tell(made);
                news.throw_if_thrown();
                return why;
            }
            if (!grow(chunks, why)) return why;
        }
    }
    [[nodiscard]] static bool is_possible(stream_request const& r, refusal& no) noexcept {
        layout const whole{.bytes = r.bytes, .align = r.align};
        if (r.bytes == 0) {
            no.say(fault_code::stream_wrong_size, true, "asked for 0 bytes; expected 1 to %llu", max_request_bytes);
        } else if (!whole.has_valid_align()) {
            no.say(fault_code::impossible_alignment, true,
                   "asked for alignment %llu (and %llu bytes); expected a power of two from 1 to %llu", r.align,
                   r.bytes, max_alignment);
        } else if (!whole.is_possible()) {
            no.say(fault_code::impossible_size, true, "asked for %llu bytes; expected at most %llu", r.bytes,
                   max_request_bytes);
        } else {
            is_priority(r.priority, no);
        }
        return !no.refuses();
    }
    static void is_priority(stream_priority p, refusal& no) noexcept {
        if (unsigned(p) >= stream_priority_count) {
            no.say(fault_code::bad_configuration, true, "priority is %llu; expected 0 to %llu", unsigned(p),
                   stream_priority_count - 1);
        }
    }
    /// False where there is no room, with `why`, or no place, with how many chunks there are.
    [[nodiscard]] bool try_reserve(stream_request const& r, detail::tag_id tag, departure& victims, stream_event& made,
                                   unsigned& chunks, fault& why) {
        locked_books const guard{mutex_};
        auto const level = static_cast<unsigned>(r.priority);
        std::size_t const excess = book_.excess(r.bytes);
        if (excess != 0 && excess > book_.evictable(level)) {
            auto const& t = book_.totals;
            ++book_.totals.refused;
            made = {.kind = kind::refused,
                    .number = ++events_,
                    .priority = r.priority,
                    .bytes = r.bytes,
                    .used_bytes = t.used_bytes(),
                    .budget_bytes = t.budget_bytes,
                    .user = r.user};
            why = {.code = fault_code::streaming_budget_exceeded,
                   .note = "asked for %llu bytes; %llu of %llu are used, and %llu of those could be evicted for it",
                   .numbers = {r.bytes, t.used_bytes(), t.budget_bytes, book_.evictable(level)}};
            return false;
        }
        slot* const s = book_.table.take();
        if (s == nullptr) {
            chunks = book_.table.chunks();
            return false;
        }
        set_out(victims, kind::evicted);
        if (excess != 0) book_.choose_victims(excess, level, victims.assets);
        events_ += victims.assets.size();
        book_.reserve(*s, r, tag);
        s->owner = this;
        made = event_of(*s, kind::reserved);
        return true;
    }
    /// Its id has not been answered, and nobody else has it who could not do without.
    FRAMEALLOC_COLD void undo_reserve(stream_id id) noexcept {
        departure gone;
        {
            locked_books const guard{mutex_};
            slot* const s = book_.find(id, instance_);
            if (s == nullptr || s->state != stream_slot_state::reserved)
                return;  // the listener has taken the id, and gone on
            book_.cancel(*s);
            gone.assets.push_back(*s);
        }
        detail::stream_news nobody{nullptr};
        see_off(gone, nobody);
    }
    /// Memory for more places.
    FRAMEALLOC_COLD bool grow(unsigned chunks, fault& why) noexcept {
        if (chunks == detail::stream_table::chunk_count) {
            why = detail::said(fault_code::out_of_memory, "all %llu places for assets are in use, or retired",
                               detail::stream_table::most_places);
            return false;
        }
        layout const wanted = detail::stream_table::chunk_layout(chunks);
        void* memory = take(wanted, detail::root_tag, why);
        if (memory == nullptr) return false;
        {
            locked_books const guard{mutex_};
            if (book_.table.chunks() == chunks) {
                book_.table.add_chunk(memory);
                return true;
            }
        }
        core_->heap_free(memory, wanted);  // another thread was faster
        return true;
    }

    // --- loading ------------------------------------------------------------------------------------------------------

    stream_result<std::span<std::byte>> load_asset(stream_id id) {
        refusal no;
        slot* const s = claim(id, no);
        if (s == nullptr) return refused(no);
        fault why = detail::said();
        void* const block = take(s->whole(), s->tag, why);

        departure gone;
        stream_event begun;
        std::span<std::byte> bytes;
        {
            locked_books const guard{mutex_};
            s->state = stream_slot_state::reserved;
            if (s->cancelled) {
                no.say_its_state(*s, false, "it was cancelled before begin_load() had memory for it");
                set_out(gone, kind::cancelled);
                book_.cancel(*s);
                s->set_block(block);
                gone.assets.push_back(*s);
                ++events_;
            } else if (block != nullptr) {
                book_.begin_load(*s, block);
                begun = event_of(*s, kind::load_begun);
                bytes = {s->block, s->bytes};
            }
        }
        detail::stream_news news{listener()};
        if (no.refuses()) {
            see_off(gone, news);
            news.throw_if_thrown();
            return refused(no);
        }
        if (block == nullptr) return why;
        news.tell(begun);
        if (news.has_thrown()) undo_load(id);
        news.throw_if_thrown();
        return bytes;
    }
    /// From here on it is the calling thread's, which may leave the lock.
    [[nodiscard]] slot* claim(stream_id id, refusal& no) {
        locked_books const guard{mutex_};
        slot* const s = look_up(id, no);
        if (s == nullptr) return nullptr;
        if (s->state != stream_slot_state::reserved) {
            no.say_its_state(*s, true, "begin_load() takes one that is reserved");
            return nullptr;
        }
        s->state = stream_slot_state::claimed;
        return s;
    }
    FRAMEALLOC_COLD void undo_load(stream_id id) noexcept {
        departure gone;
        void* block = nullptr;
        layout given;
        {
            locked_books const guard{mutex_};
            slot* const s = book_.find(id, instance_);
            if (s == nullptr || s->state != stream_slot_state::loading) return;  // the listener has seen to it
            if (s->cancelled) {
                book_.cancel(*s);
                gone.assets.push_back(*s);
            } else {
                block = s->block;
                given = s->whole();
                book_.undo_load(*s);
            }
        }
        if (block != nullptr) core_->heap_free(block, given);
        detail::stream_news nobody{nullptr};
        see_off(gone, nobody);
    }

    stream_result<void> advance(stream_id id, std::size_t bytes, bool more) {
        refusal no;
        stream_event moved;
        bool has_moved = false;
        {
            locked_books const guard{mutex_};
            if (slot* const s = loading(id, no, "progress is of one that is being loaded")) {
                std::size_t const before = s->progress, left = s->bytes - before;
                if (more ? bytes > left : bytes > s->bytes) {
                    no.say(fault_code::stream_wrong_size, true,
                           more ? "%llu bytes more, after %llu of %llu" : "progress of %llu bytes, after %llu of %llu",
                           bytes, before, s->bytes);
                } else if (std::size_t const now = more ? before + bytes : bytes; now > before) {
                    book_.advance(*s, now);
                    moved = event_of(*s, kind::progress);
                    has_moved = true;
                }
            }
        }
        if (no.refuses()) return refused(no);
        if (has_moved) tell(moved);
        return {};
    }

    stream_result<void> finish(stream_id id, std::size_t const* bytes) {
        refusal no;
        departure gone;
        stream_event done;
        {
            locked_books const guard{mutex_};
            if (slot* const s = in_load(id, no, "finish_load() takes one that is being loaded")) {
                std::size_t const all = bytes != nullptr ? *bytes : s->progress;
                if (s->cancelled) {
                    no.say_its_state(*s, false, "finish_load() has let it go");
                    depart(*s, kind::cancelled, gone);
                } else if (all > s->bytes || all < s->progress || (bytes == nullptr && all != s->bytes) || all == 0) {
                    no.say(fault_code::stream_wrong_size, true,
                           "finished at %llu of %llu bytes, after progress of %llu", all, s->bytes, s->progress);
                } else {
                    book_.finish_load(*s, all);
                    done = event_of(*s, kind::ready);
                }
            }
        }
        if (!gone.assets.empty()) {
            detail::stream_news news{listener()};
            see_off(gone, news);
            news.throw_if_thrown();
        }
        if (no.refuses()) return refused(no);
        tell(done);
        return {};
    }

    stream_result<void> abandon(stream_id id) {
        refusal no;
        departure gone;
        {
            locked_books const guard{mutex_};
            if (slot* const s = in_load(id, no, "abandon_load() takes one that is being loaded")) {
                depart(*s, kind::cancelled, gone);
            }
        }
        return departed(no, gone);
    }

    // --- letting go ---------------------------------------------------------------------------------------------------

    stream_result<void> let_go(stream_id id, bool in_any_state) {
        refusal no;
        departure gone;
        {
            locked_books const guard{mutex_};
            slot* const s = look_up(id, no);
            if (s == nullptr) {
            } else if (s->state == stream_slot_state::reserved) {
                depart(*s, kind::cancelled, gone);
            } else if (s->state != stream_slot_state::ready) {
                s->cancelled = true;  // its loader lets go
            } else if (!in_any_state) {
                no.say_its_state(*s, false, "cancel() takes one that is not ready; there is release()");
            } else {
                depart(*s, kind::released, gone);
            }
        }
        return departed(no, gone);
    }
    stream_result<void> evict_one(stream_id id) {
        refusal no;
        departure gone;
        {
            locked_books const guard{mutex_};
            slot* const s = look_up(id, no);
            if (s == nullptr) {
            } else if (!s->is_evictable()) {
                no.say_its_state(*s, false, "evict() takes one that is ready, while nobody has a lease");
            } else {
                depart(*s, kind::evicted, gone);
            }
        }
        return departed(no, gone);
    }
    /// `how_much` is asked under the lock; `still_above`, where somebody wants it, is what is left of it.
    template <class HowMuch>
    std::size_t evict_some(HowMuch&& how_much, stream_priority up_to, std::size_t* still_above = nullptr) {
        departure gone;
        std::size_t evicted = 0;
        {
            locked_books const guard{mutex_};
            auto const level = static_cast<unsigned>(up_to);
            std::size_t const bytes = how_much();
            set_out(gone, kind::evicted);
            book_.choose_victims(bytes, level < stream_priority_count ? level : stream_priority_count - 1, gone.assets);
            events_ += gone.assets.size();
            evicted = gone.used - book_.totals.used_bytes();
            if (still_above != nullptr) *still_above = book_.excess(0);
        }
        detail::stream_news news{listener()};
        see_off(gone, news);
        news.throw_if_thrown();
        return evicted;
    }

    // --- use ----------------------------------------------------------------------------------------------------------

    stream_result<lease> lease_asset(stream_id id) {
        refusal no;
        {
            locked_books const guard{mutex_};
            if (slot* const s = ready(id, no, "access() takes one that is ready")) {
                book_.lease(*s);
                return lease{*s, {s->block, s->progress}};
            }
        }
        return refused(no);
    }
    /// Of a lease that ends.
    static void end_lease(slot& s) noexcept {
        if (s.owner != nullptr) static_cast<streaming_allocator*>(s.owner)->take_back(s);
    }
    void take_back(slot& s) noexcept {
        departure gone;
        {
            locked_books const guard{mutex_};
            if (!book_.end_lease(s)) return;
            set_out(gone, kind::released);
            gone.used += s.bytes;
            gone.assets.push_back(s);
            ++events_;
        }
        detail::stream_news news{listener()};
        see_off(gone, news);
    }
    stream_result<void> touch_asset(stream_id id) {
        refusal no;
        {
            locked_books const guard{mutex_};
            if (slot* const s = ready(id, no, "touch() takes one that is ready"); s != nullptr && s->leases == 0) {
                book_.touch(*s);
            }
        }
        if (no.refuses()) return refused(no);
        return {};
    }
    stream_result<void> change_priority(stream_id id, stream_priority priority) {
        refusal no;
        is_priority(priority, no);
        if (!no.refuses()) {
            locked_books const guard{mutex_};
            if (slot* const s = look_up(id, no)) book_.set_level(*s, static_cast<unsigned>(priority));
        }
        if (no.refuses()) return refused(no);
        return {};
    }
    stream_result<stream_info> describe(stream_id id) {
        refusal no;
        {
            locked_books const guard{mutex_};
            if (slot const* const s = look_up(id, no)) {
                return stream_info{.state = seen_state(*s),
                                   .priority = stream_priority(s->level),
                                   .bytes = s->bytes,
                                   .progress_bytes = s->progress,
                                   .leases = s->leases,
                                   .user = s->user};
            }
        }
        return refused(no);
    }
    [[nodiscard]] static stream_state seen_state(slot const& s) noexcept {
        if (s.cancelled) return stream_state::cancelled;
        switch (s.state) {
            case stream_slot_state::loading: return stream_state::loading;
            case stream_slot_state::ready: return stream_state::ready;
            default: return stream_state::reserved;
        }
    }

    // --- under the lock -----------------------------------------------------------------------------------------------

    [[nodiscard]] slot* look_up(stream_id id, refusal& no) const noexcept {
        slot* const s = book_.find(id, instance_);
        if (s == nullptr) no.say_where_it_leads(id, instance_, book_.table.find(id.place()));
        return s;
    }
    [[nodiscard]] slot* ready(stream_id id, refusal& no, char const* expected) const noexcept {
        slot* const s = look_up(id, no);
        if (s == nullptr || s->state == stream_slot_state::ready) return s;
        no.say_its_state(*s, false, expected);
        return nullptr;
    }
    /// An asset that has a loader. An id that leads nowhere is the loader's mistake: nobody else could end its load.
    [[nodiscard]] slot* in_load(stream_id id, refusal& no, char const* expected) const noexcept {
        slot* const s = look_up(id, no);
        no.is_mistake = true;
        if (s == nullptr || s->state == stream_slot_state::loading) return s;
        no.say_its_state(*s, true, expected);
        return nullptr;
    }
    /// The same, and somebody wants it.
    [[nodiscard]] slot* loading(stream_id id, refusal& no, char const* expected) const noexcept {
        slot* const s = in_load(id, no, expected);
        if (s == nullptr || !s->cancelled) return s;
        no.say_its_state(*s, false, "its loader is asked to abandon or finish it");
        return nullptr;
    }

    void set_out(departure& d, kind what) const noexcept {
        d.what = what;
        d.number = events_;
        d.used = book_.totals.used_bytes();
        d.budget = book_.totals.budget_bytes;
    }
    void depart(slot& s, kind what, departure& d) noexcept {
        set_out(d, what);
        if (what == kind::evicted) {
            book_.evict(s, d.assets);
        } else {
            if (what == kind::cancelled) {
                book_.cancel(s);
            } else if (!book_.release(s)) {
                return;
            }
            d.assets.push_back(s);
        }
        ++events_;
    }
    [[nodiscard]] stream_id id_of(slot const& s) const noexcept { return {instance_, s.generation, s.place}; }
    [[nodiscard]] stream_event event_of(slot const& s, kind what) noexcept {
        return {.kind = what,
                .number = ++events_,
                .id = id_of(s),
                .priority = stream_priority(s.level),
                .bytes = s.bytes,
                .progress_bytes = s.progress,
                .used_bytes = book_.totals.used_bytes(),
                .budget_bytes = book_.totals.budget_bytes,
                .user = s.user};
    }

    // --- outside of it ------------------------------------------------------------------------------------------------

    [[nodiscard]] stream_listener* listener() const noexcept { return listener_.load(detail::order::acquire); }
    void tell(stream_event const& e) {
        if (stream_listener* const to = listener()) to->on_event(e);
    }

    /// Tells of each, gives its memory back, and then its place.
    void see_off(departure& d, detail::stream_news& news) noexcept {
        if (d.assets.empty()) return;
        for (slot& s : d.assets) {
            d.used -= s.bytes;
            ++d.number;
            if (news.has_listener()) {
                std::uint32_t const ended = s.generation == 0 ? stream_id::last_generation : s.generation - 1;
                news.tell({.kind = d.what,
                           .number = d.number,
                           .id = {instance_, ended, s.place},
                           .priority = stream_priority(s.level),
                           .bytes = s.bytes,
                           .progress_bytes = s.progress,
                           .used_bytes = d.used,
                           .budget_bytes = d.budget,
                           .user = s.user,
                           .contents = d.what == kind::cancelled ? std::span<std::byte const>{}
                                                                 : std::span<std::byte const>{s.block, s.progress}});
            }
            if (s.block != nullptr) core_->heap_free(s.block, s.whole());
        }
        locked_books const guard{mutex_};
        while (!d.assets.empty()) {
            slot& s = d.assets.front();
            d.assets.pop_front();
            book_.table.put_back(s);
        }
    }
    stream_result<void> departed(refusal const& no, departure& gone) {
        if (no.refuses()) return refused(no);
        detail::stream_news news{listener()};
        see_off(gone, news);
        news.throw_if_thrown();
        return {};
    }

    /// What is nobody's mistake is answered; what is, is reported as well where somebody checks.
    FRAMEALLOC_COLD fault refused(refusal const& no) {
        fault const why = no.as_fault();
        if constexpr (A::diagnostics::checks_blocks) {
            if (no.is_mistake) {
                fault f = why;
                f.stops = A::diagnostics::stops_on_misuse;
                detail::with_place(*core_, f);
            }
        }
        return why;
    }
    static void check_budget(std::size_t bytes) {
        if (bytes != 0 && bytes <= max_request_bytes) return;
        detail::throw_bad_configuration({.code = fault_code::bad_configuration,
                                         .note = "budget_bytes is %llu; expected 1 to %llu",
                                         .numbers = {bytes, max_request_bytes}});
    }

    [[nodiscard]] detail::tag_id tag_of_caller() noexcept {
        if constexpr (has_tags) {
            auto* const s = core_->state_if_any();
            return s != nullptr ? s->tags.tag() : detail::root_tag;
        } else {
            return detail::root_tag;
        }
    }
    /// A heap block, charged to `tag`; null, with the reason.
    [[nodiscard]] void* take(layout wanted, [[maybe_unused]] detail::tag_id tag, fault& why) noexcept {
        if constexpr (has_tags) {
            if (core_->state() == nullptr) {  // a scope would throw
                why = detail::latest_refusal(core_->gate(), wanted);
                return nullptr;
            }
            framealloc::tag_scope<A> const scope{*core_, detail::numbered_tag{tag}};
            return core_->heap_allocate(wanted, detail::here<A>(), why);
        } else {
            return core_->heap_allocate(wanted, detail::here<A>(), why);
        }
    }

    void end() {
        streaming_totals const& t = book_.totals;
        bool const in_use = t.loading.assets != 0 || t.leased.assets != 0;
        if (in_use) {
            detail::report_misuse(*core_, fault_code::live_at_end,
                                  "%llu assets are being loaded and %llu are leased; their memory stays until the "
                                  "allocator beneath ends",
                                  t.loading.assets, t.leased.assets);
        }
        book_.table.for_each([&](slot& s) {
            if (s.leases != 0) {
                s.owner = nullptr;
            } else if (s.state == stream_slot_state::ready) {
                core_->heap_free(s.block, s.whole());
            }
        });
        if (in_use) return;
        for (unsigned i = 0; i < book_.table.chunks(); ++i) {
            core_->heap_free(book_.table.chunk(i), detail::stream_table::chunk_layout(i));
        }
    }

    detail::core<A>* core_;
    typename A::sync::mutex mutex_{};
    typename A::sync::template atomic<stream_listener*> listener_;
    std::uint32_t const instance_;
    detail::stream_book book_;
    unsigned long long events_ = 0;
};

template <class Alloc>
streaming_allocator(Alloc&, streaming_config const&) -> streaming_allocator<Alloc>;
template <class Alloc>
streaming_allocator(Alloc&) -> streaming_allocator<Alloc>;

}  // namespace framealloc
