// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>
#include <framealloc/group/group_stats.hpp>

#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>

// The machine behind a group: its blocks of memory, and what is served out of them.

namespace framealloc::inline v0_1::detail {

/// What the hot path touches of a group. It is the same type for every assembly, so that one object of it, closed for good,
/// stands in for the group that a handle has not: it refuses by the comparison that is made anyway. A shared group's is
/// closed, too: each of its requests takes the slow path, which serves threads side by side.
struct group_window {
    frame_window window;
    owner_counter objects;
};
/// Never written: nothing is written before a comparison has let it pass, and this one lets nothing pass.
inline constinit group_window closed_group{};

/// A heap block that a group has: a chunk that it serves from, or a block for one large request, whose entry lies in a chunk.
struct alignas(granule) group_block {
    group_block* older;
    void* start;
    std::size_t bytes;  ///< as they were asked for
};

/// The head of a chunk, at its lowest address; what is served follows it.
///
///     taken   63             32 31           0
///             [ objects        | granules    ]       of a shared group: served out of this chunk
struct group_chunk : group_block {
    group_chunk* next_spare = nullptr;
    atomic<std::uint64_t> taken{0};

    static constexpr std::uint64_t one_object = std::uint64_t{1} << 32;
    [[nodiscard]] std::uintptr_t begin() const noexcept { return address_of(this) + sizeof(group_chunk); }
    [[nodiscard]] std::uintptr_t end() const noexcept { return address_of(this) + this->bytes; }
    [[nodiscard]] static std::size_t bytes_of(std::uint64_t taken) noexcept { return (taken % one_object) * granule; }
    [[nodiscard]] static std::size_t objects_of(std::uint64_t taken) noexcept { return taken / one_object; }
};
static_assert(sizeof(group_chunk) == 48);

template <class A>
class group_state;

/// What a reference knows of a group: where its state lies, and which of its lives it is. Where the state is null, the life
/// says why.
template <class A>
struct group_claim {
    static constexpr unsigned long long nothing = 0;
    static constexpr unsigned long long allocator_gone = 1;
    static constexpr unsigned long long freed = 2;

    group_state<A>* state = nullptr;
    unsigned long long life = nothing;

    /// relaxed: who uses a group while another thread frees it races with it anyhow.
    [[nodiscard]] FRAMEALLOC_HOT bool is_live() const noexcept;
    friend bool operator==(group_claim, group_claim) noexcept = default;
};

/// What the owner of a freed group can still say of it: where records are kept. Nothing of it lies in the instance, which may
/// end before the handle does.
template <class A, bool Kept = keeps_records<A>>
struct group_epitaph {
    void write(group_state<A> const&) noexcept {}
};
template <class A>
struct group_epitaph<A, true> {
    call_site created_at{}, freed_at{};
    std::size_t name_length = 0;
    char name[max_group_name + 1]{};

    void write(group_state<A> const& of) noexcept;
};

/// The owner's end of a group. The state knows where it is: whoever ends the group empties it.
template <class A>
struct group_handle {
    group_window* at = &closed_group;
    group_claim<A> claim{};
    [[no_unique_address]] group_epitaph<A> epitaph{};

    [[nodiscard]] FRAMEALLOC_HOT bool has_group() const noexcept { return at != &closed_group; }
    /// The group is gone, for a reason that claims know.
    void forget(unsigned long long why) noexcept {
        epitaph.write(*claim.state);
        at = &closed_group;
        claim = {nullptr, why};
    }
};

/// Where a group stood, for when a constructor throws.
struct group_mark {
    std::uintptr_t cursor, limit;
    group_block* newest;
    finaliser* finalisers;
    unsigned long long objects;
    std::size_t bytes_base, next_bytes;
};

/// A group: chunks to bump from, doubling, blocks of their own for large requests, and a list of what is to be destroyed.
///
///   Cost      A bump. A chunk is one heap block; freeing costs O(blocks), and O(objects that have destructors).
///   Threads   One at a time, or any number where it is shared: then one compare-exchange. Figures may be read by any thread
///             that holds the instance's lock.
///   Failure   Null, and nothing has changed. The heap path has said why.
///   Lifetime  Blocks live until the group is freed. The state is the instance's: it is used again, with another life.
///   Invariant Blocks, and what is to be destroyed in a shared group, are only added while it lives: a push needs no version
///             counter, and a walk no lock.
template <class A>
class group_state : public group_window,
                    public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>,
                    public boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
public:
    explicit group_state(core<A>& owner) noexcept : owner_(&owner) {}

    // --- its life -----------------------------------------------------------------------------------------------------

    /// A new life begins. The instance's lock is held.
    void begin(std::string_view name, group_config const& config, site_of<A> at) noexcept {
        life.store(life.load(order::relaxed) + 1, order::relaxed);
        __builtin_memcpy(name_, name.data(), name.size());
        name_[name.size()] = '\0';
        name_length_ = name.size();
        config_ = config;
        next_bytes_.store(config.first_block_bytes, order::relaxed);
        ending_.store(false, order::relaxed);
        created_at_ = at;
        freed_at_ = {};
    }
    /// Nothing is served any more. False where somebody else has begun to end it.
    [[nodiscard]] bool begin_to_end(site_of<A> at) noexcept {
        if (ending_.exchange(true, order::relaxed)) return false;
        freed_at_ = at;
        bytes_base_.fetch_add(this->window.at(), order::relaxed);
        this->window.close();
        current_.store(nullptr, order::relaxed);
        return true;
    }
    /// Destroys what has a destructor, newest first. What they ask of the group is refused.
    void destroy_objects(finaliser* until = nullptr) noexcept {
        // acquire: pairs with the release in `add_beside_others`, whose thread need not be this one.
        while (finaliser* const newest = finalisers_.load(order::acquire)) {
            if (newest == until) return;
            memory_is_ours(newest, sizeof *newest);
            finaliser const f = *newest;
            finalisers_.store(f.older, order::relaxed);
            f.run(f.objects, f.count);
        }
    }
    /// Ends this life; nobody finds the group by a claim or in the list any more. The instance's lock is held.
    void end_life(unsigned long long why) noexcept {
        life.store(life.load(order::relaxed) + 1, order::relaxed);
        if (handle != nullptr) handle->forget(why);
        handle = nullptr;
    }
    /// Gives its memory back. O(blocks).
    void give_back_blocks(site_of<A> at) noexcept {
        // acquire: pairs with the release in `push`.
        give_back_blocks_until(nullptr, newest_.load(order::acquire), at);
        newest_.store(nullptr, order::relaxed);
        spares_.store(nullptr, order::relaxed);
        this->objects.set(0);
        for (auto* const figure : {&bytes_base_, &reserved_, &blocks_, &other_objects_})
            figure->store(0, order::relaxed);
    }

    // --- serving ------------------------------------------------------------------------------------------------------

    /// A request of a shared group that its present chunk has room for. Null for any other, and for a group of one thread.
    [[nodiscard]] FRAMEALLOC_HOT void* serve_beside_others(layout request, std::size_t count) noexcept {
        group_chunk* const c = current_.load(order::acquire);  // pairs with the release in `install_spare`
        return c != nullptr && request.is_possible() ? serve_from(c, request, count) : nullptr;
    }

    /// What the hot path has missed; `count` objects are in it. Null, or with `Throws` an exception, where the heap path has
    /// refused, or the group is being freed: then it is for the caller to say so.
    template <bool Throws>
    [[nodiscard]] void* serve(layout request, std::size_t count, site_of<A> at) {
        // What is impossible is refused where everything large is.
        if (!request.is_possible() || request.bytes + request.align > config_.block_bytes / 4)
            return serve_alone<Throws>(request, count, at);
        for (;;) {
            if (is_ending()) return nullptr;
            group_chunk* const seen = current_.load(order::acquire);  // pairs with the release in `install_spare`
            if (void* const p = config_.shared ? serve_from(seen, request, count) : serve_from_window(request, count)) {
                return p;
            }
            if (install_spare(request, seen)) continue;
            if (!add_spare<Throws>(request, at)) return nullptr;
        }
    }

    /// Writes down what is to be destroyed.
    FRAMEALLOC_HOT void add(finaliser& f) noexcept {
        if (config_.shared) [[unlikely]]
            return add_beside_others(f);
        f.older = finalisers_.load(order::relaxed);
        finalisers_.store(&f, order::relaxed);
    }

    /// Takes `bytes` at `begin` back if they were served last. A shared group takes nothing back.
    [[nodiscard]] bool try_give_back(std::uintptr_t begin, std::size_t bytes) noexcept {
        if (config_.shared || is_ending() || !this->window.is_last(begin, bytes)) return false;
        memory_is_left(begin, this->window.at());
        memory_is_forbidden(begin, this->window.at());
        this->window.move_to(begin);
        this->objects.subtract(1);
        return true;
    }

    [[nodiscard]] group_mark mark() const noexcept {
        return {.cursor = this->window.at(),
                .limit = this->window.limit,
                .newest = newest_.load(order::relaxed),
                .finalisers = finalisers_.load(order::relaxed),
                .objects = this->objects.read(),
                .bytes_base = bytes_base_.load(order::relaxed),
                .next_bytes = next_bytes_.load(order::relaxed)};
    }
    /// A constructor of `count` objects has thrown. A group of one thread is as it was at the mark; in a shared one the memory
    /// stays where it is, and the objects are not counted. Destructors and hooks that run meanwhile are refused.
    FRAMEALLOC_COLD void undo(group_mark const& to, std::size_t count, site_of<A> at) noexcept {
        if (config_.shared) {
            other_objects_.fetch_sub(count, order::relaxed);
            return;
        }
        ending_.store(true, order::relaxed);
        std::uintptr_t const used = this->window.limit == to.limit ? this->window.at() : to.limit;
        this->window.close();
        destroy_objects(to.finalisers);
        give_back_blocks_until(to.newest, newest_.load(order::relaxed), at);
        newest_.store(to.newest, order::relaxed);
        spares_.store(nullptr, order::relaxed);
        if (to.cursor != used) {
            memory_is_left(to.cursor, used);
            if constexpr (A::diagnostics::fills_released)
                __builtin_memset(pointer_to<void>(to.cursor), 0xCD, used - to.cursor);
            memory_is_forbidden(to.cursor, used);
        }
        this->objects.set(to.objects);
        bytes_base_.store(to.bytes_base, order::relaxed);
        next_bytes_.store(to.next_bytes, order::relaxed);
        this->window.set(to.cursor, to.limit);
        ending_.store(false, order::relaxed);
    }

    // --- what it is and has -------------------------------------------------------------------------------------------

    [[nodiscard]] core<A>& owner() const noexcept { return *owner_; }
    [[nodiscard]] bool is_ending() const noexcept { return ending_.load(order::relaxed); }
    [[nodiscard]] std::string_view name() const noexcept { return {name_, name_length_}; }
    [[nodiscard]] site_of<A> created_at() const noexcept { return created_at_; }
    [[nodiscard]] site_of<A> freed_at() const noexcept { return freed_at_; }

    /// O(1), or O(blocks) of a shared group. By the group's user, or with the instance's lock held.
    [[nodiscard]] group_stats figures() const noexcept {
        group_stats s{.objects = this->objects.read() + other_objects_.load(order::relaxed),
                      .bytes = bytes_base_.load(order::relaxed) + this->window.at(),
                      .reserved_bytes = reserved_.load(order::relaxed),
                      .blocks = blocks_.load(order::relaxed),
                      .shared = config_.shared};
        if (config_.shared) {
            for_each_chunk([&](group_chunk const& c) {
                std::uint64_t const taken = c.taken.load(order::relaxed);
                s.objects += group_chunk::objects_of(taken);
                s.bytes += group_chunk::bytes_of(taken);
            });
        }
        // Two numbers that are read while their owner changes both may be of different moments.
        if (s.bytes > s.reserved_bytes) s.bytes = s.reserved_bytes;
        __builtin_memcpy(s.name_text, name_, name_length_ + 1);
        return s;
    }
    /// Whether `p` lies in a block of it. O(blocks).
    [[nodiscard]] bool owns(void const* p) const noexcept {
        for (group_block const* b = newest_.load(order::acquire); b != nullptr; b = b->older) {
            if (address_of(p) >= address_of(b->start) && address_of(p) < address_of(b->start) + b->bytes) return true;
        }
        return false;
    }

    atomic<unsigned long long> life{0};  ///< odd while it lives
    group_handle<A>* handle = nullptr;
    group_state* next_dead = nullptr;

private:
    /// The heap path's head, record and canary, so that a block with them is as large as it was wanted.
    static constexpr std::size_t beside_block = 128;

    FRAMEALLOC_COLD void add_beside_others(finaliser& f) noexcept {
        f.older = finalisers_.load(order::relaxed);
        // release: publishes the entry, and the object. No ABA: entries are taken out when nobody adds any more.
        while (!finalisers_.compare_exchange(f.older, &f, order::release, order::relaxed)) {}
    }

    template <class F>
    void for_each_chunk(F&& f) const noexcept {
        for (group_block const* b = newest_.load(order::acquire); b != nullptr; b = b->older) {
            if (b->start == b) f(static_cast<group_chunk const&>(*b));
        }
    }

    void give_back_blocks_until(group_block* until, group_block* newest, [[maybe_unused]] site_of<A> at) noexcept {
        while (newest != until) {
            group_block const b = *newest;
            newest = b.older;
            reserved_.fetch_sub(b.bytes, order::relaxed);
            blocks_.fetch_sub(1, order::relaxed);
            owner_->free_heap(b.start, at);
        }
    }

    [[nodiscard]] void* serve_from_window(layout request, std::size_t count) noexcept {
        void* const p = this->window.try_serve(request);
        if (p != nullptr) this->objects.add(count);
        return p;
    }
    /// One of many threads. A thread that stops half-way has done nothing yet: no other waits for it.
    [[nodiscard]] static void* serve_from(group_chunk* c, layout request, std::size_t count) noexcept {
        if (c == nullptr) return nullptr;
        std::size_t const bytes = round_up(request.bytes + (request.bytes == 0), granule);
        // relaxed, all of it: the chunk itself was published by who installed it, and nothing else is read through what is
        // taken. That each change is one read-modify-write is what keeps two threads from having the same bytes.
        std::uint64_t seen = c->taken.load(order::relaxed);
        for (;;) {
            std::uintptr_t const place = round_up(c->begin() + group_chunk::bytes_of(seen), request.align);
            if (place + bytes > c->end()) return nullptr;
            std::uint64_t const objects = group_chunk::objects_of(seen) + count;
            std::uint64_t const after = objects * group_chunk::one_object + (place + bytes - c->begin()) / granule;
            if (c->taken.compare_exchange(seen, after, order::relaxed, order::relaxed)) {
                memory_is_given(place, place + request.bytes);
                return pointer_to<void>(place);
            }
        }
    }

    /// A block of its own. Its entry comes last, so that a refusal of either leaves nothing behind.
    template <bool Throws>
    [[nodiscard]] FRAMEALLOC_COLD void* serve_alone(layout request, std::size_t count, site_of<A> at) {
        if (is_ending()) return nullptr;
        unsigned long long const mine = life.load(order::relaxed);
        void* const p = take_block<Throws>(request, at);
        if (p == nullptr || !is_still(mine, p, at)) return nullptr;
        void* entry = nullptr;
        FRAMEALLOC_TRY { entry = serve<Throws>(layout::of<group_block>(), 0, at); }
        FRAMEALLOC_CATCH_ALL {
            owner_->free_heap(p, at);
            FRAMEALLOC_RETHROW;
        }
        if (entry == nullptr) {
            owner_->free_heap(p, at);
            return nullptr;
        }
        memory_is_ours(entry, sizeof(group_block));
        push(*::new (entry) group_block{.older = nullptr, .start = p, .bytes = request.bytes});
        bytes_base_.fetch_add(request.bytes, order::relaxed);
        if (config_.shared) {
            other_objects_.fetch_add(count, order::relaxed);
        } else {
            this->objects.add(count);
        }
        return p;
    }

    /// Whether it is the group that it was before `block` was taken for it, or has been freed meanwhile by who was told of
    /// that; then the block goes back.
    [[nodiscard]] bool is_still(unsigned long long mine, void* block, site_of<A> at) noexcept {
        if (life.load(order::relaxed) == mine && !is_ending()) return true;
        owner_->free_heap(block, at);
        return false;
    }

    template <bool Throws>
    [[nodiscard]] void* take_block(layout request, site_of<A> at) {
        if constexpr (Throws) {
            return owner_->heap_allocate_or_throw(request, at);
        } else {
            return owner_->heap_allocate(request, at);
        }
    }

    /// A new chunk with room for `request`: as large as is its turn, or, where that is refused, no larger than it needs to be.
    /// Users are called meanwhile, who may use this very group. So nothing of it has been changed before, and what the chunk
    /// is for is looked at anew.
    template <bool Throws>
    [[nodiscard]] FRAMEALLOC_COLD bool add_spare(layout request, site_of<A> at) {
        std::size_t const padding = request.align > granule ? request.align - granule : 0;
        std::size_t const least =
            sizeof(group_chunk) + padding + round_up(request.bytes + (request.bytes == 0), granule);
        std::size_t const turn = next_bytes_.load(order::relaxed);
        std::size_t whole = turn & ~(granule - 1);
        while (whole < least + beside_block) whole *= 2;
        std::size_t bytes = whole - beside_block;
        unsigned long long const mine = life.load(order::relaxed);
        void* p = bytes > least ? owner_->heap_allocate({.bytes = bytes}, at) : nullptr;
        if (p == nullptr) {
            bytes = least;
            p = take_block<Throws>({.bytes = bytes}, at);
        }
        if (p == nullptr || !is_still(mine, p, at)) return false;
        std::size_t const doubled = whole < config_.block_bytes / 2 ? whole * 2 : config_.block_bytes;
        if (doubled > turn) next_bytes_.store(doubled, order::relaxed);
        auto* const chunk = ::new (p) group_chunk{{.older = nullptr, .start = p, .bytes = bytes}};
        memory_is_forbidden(chunk->begin(), chunk->end());
        push(*chunk);
        push_spare(chunk);
        return true;
    }

    void push(group_block& b) noexcept {
        b.older = newest_.load(order::relaxed);
        // release: publishes the block's head. No ABA: nothing is taken out while somebody pushes.
        while (!newest_.compare_exchange(b.older, &b, order::release, order::relaxed)) {}
        reserved_.fetch_add(b.bytes, order::relaxed);
        blocks_.fetch_add(1, order::relaxed);
    }

    void push_spare(group_chunk* c) noexcept {
        c->next_spare = spares_.load(order::relaxed);
        // release: publishes `next_spare` and the head.
        while (!spares_.compare_exchange(c->next_spare, c, order::release, order::relaxed)) {}
    }
    /// Goes on to a chunk that nobody serves from yet and that has room for `request`, if there is one. `seen` is the chunk
    /// that had none: where another thread has gone on before, true, and it is for the caller to look again.
    [[nodiscard]] bool install_spare(layout request, group_chunk* seen) noexcept {
        // All at once are taken, and the rest put back, so that none is seen twice. acquire: pairs with push_spare.
        group_chunk* rest = spares_.exchange(nullptr, order::acquire);
        group_chunk* found = nullptr;
        while (rest != nullptr) {
            group_chunk* const c = rest;
            rest = c->next_spare;
            std::uintptr_t const place = round_up(c->begin(), request.align);
            if (found == nullptr && place < c->end() && request.bytes <= c->end() - place) {
                found = c;
            } else {
                push_spare(c);
            }
        }
        if (found == nullptr) return false;
        if (!config_.shared) {
            bytes_base_.fetch_add(this->window.at() - found->begin(), order::relaxed);
            this->window.set(found->begin(), found->end());
        } else if (!current_.compare_exchange(seen, found, order::release, order::relaxed)) {
            // release: publishes the head to who serves from it.
            push_spare(found);
        }
        return true;
    }

    core<A>* owner_;
    atomic<group_chunk*> current_{nullptr};   // that a shared group serves from
    atomic<group_chunk*> spares_{nullptr};    // that came and were not needed: others had gone on meanwhile
    atomic<group_block*> newest_{nullptr};    // of all blocks
    atomic<finaliser*> finalisers_{nullptr};  // the newest first
    atomic<std::size_t> bytes_base_{0};       // in use outside of chunks; less where the window's cursor began
    atomic<std::size_t> other_objects_{0};    // of a shared group, in blocks of their own; less those that were undone
    atomic<std::size_t> reserved_{0};
    atomic<std::size_t> blocks_{0};
    atomic<std::size_t> next_bytes_{0};  // of the next chunk, with what lies beside it
    atomic<bool> ending_{true};
    group_config config_{};
    [[no_unique_address]] site_of<A> created_at_{};
    [[no_unique_address]] site_of<A> freed_at_{};
    std::size_t name_length_ = 0;
    char name_[max_group_name + 1]{};
};

template <class A>
void group_epitaph<A, true>::write(group_state<A> const& of) noexcept {
    created_at = of.created_at();
    freed_at = of.freed_at();
    name_length = of.name().size();
    __builtin_memcpy(name, of.name().data(), name_length);
}

template <class A>
FRAMEALLOC_HOT bool group_claim<A>::is_live() const noexcept {
    return state != nullptr && state->life.load(order::relaxed) == life;
}

}  // namespace framealloc::detail
