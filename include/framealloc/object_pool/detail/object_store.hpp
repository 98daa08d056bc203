// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/object_pool/detail/object_source.hpp>
#include <framealloc/object_pool/detail/object_traits.hpp>
#include <framealloc/object_pool/detail/pending_objects.hpp>
#include <framealloc/object_pool/object_pool_config.hpp>
#include <framealloc/object_pool/object_pool_stats.hpp>

#include <utility>

namespace framealloc::inline v0_1::detail {

/// The slots of a pool: chunks of the backend, and which of their slots are free.
///
///   Threads   As the sync policy says. The lock is held in no call of a user, be it a growth function, a constructor or a
///             backend.
///   Failure   What refuses says why in a fault, and nothing has changed.
template <class T, class A>
class object_store {
    using traits = object_traits<T, A>;
    using slot = typename traits::slot;
    using record = typename traits::record;
    using chunk = object_chunk;
    using engine = typename A::slots::template engine<slot::link_at>;
    template <class U>
    using atomic = typename A::sync::template atomic<U>;
    struct no_lock {
        void lock() noexcept {}
        void unlock() noexcept {}
    };
    using lock_type = std::conditional_t<A::locks, typename A::sync::mutex, no_lock>;
    using lock_guard = locked<lock_type>;

public:
    using pending = pending_objects<A, slot::link_at>;
    using source_type =
        object_source<A, traits::slots_within == 0 ? 0 : traits::within.whole.bytes, traits::within.whole.align>;

    explicit object_store(object_pool_config&& config) : config_(std::move(config)) { measure(); }
    object_store(object_pool_config&& config, typename A::backend&& backend)
        : source_(static_cast<typename A::backend&&>(backend)), config_(std::move(config)) {
        measure();
    }

    // --- slots --------------------------------------------------------------------------------------------------------

    [[nodiscard]] FRAMEALLOC_HOT void* take() noexcept {
        lock_guard const guard{lock_};
        return engine_.take();
    }
    FRAMEALLOC_HOT void give(void* place) noexcept {
        lock_guard const guard{lock_};
        engine_.give(place);
    }
    /// As many as there are; answers how many.
    [[nodiscard]] std::size_t take_n(std::span<T*> into) noexcept {
        lock_guard const guard{lock_};
        std::size_t taken = 0;
        for (; taken < into.size(); ++taken) {
            void* const place = engine_.take();
            if (place == nullptr) break;
            into[taken] = static_cast<T*>(place);
        }
        return taken;
    }
    /// Gives them back so that they are taken again in the same order.
    void give_n(std::span<T*> places) noexcept {
        lock_guard const guard{lock_};
        for (std::size_t i = places.size(); i > 0; --i) engine_.give(places[i - 1]);
    }
    /// A slot that is not used again.
    void retire() noexcept { retired_.fetch_add(1, order::relaxed); }

    // --- what there is ------------------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_.load(order::relaxed); }
    [[nodiscard]] std::size_t maximum() const noexcept {
        if constexpr (traits::grows) {
            return config_.maximum != 0 ? config_.maximum : object_pool_config::most_slots;
        } else {
            return capacity();
        }
    }
    [[nodiscard]] std::size_t available() const noexcept {
        lock_guard const guard{lock_};
        return engine_.available();
    }
    [[nodiscard]] std::size_t taken() const noexcept {
        lock_guard const guard{lock_};
        return capacity() - engine_.available() - retired();
    }
    [[nodiscard]] std::size_t retired() const noexcept { return retired_.load(order::relaxed); }
    [[nodiscard]] unsigned long long growths() const noexcept { return growths_.load(order::relaxed); }
    [[nodiscard]] std::size_t stride() const noexcept { return stride_; }
    [[nodiscard]] object_pool_config const& config() const noexcept { return config_; }
    [[nodiscard]] source_type& source() noexcept { return source_; }
    /// Into `stats`: how many chunks there are, and their bytes.
    void sum_chunks(object_pool_stats& stats) const noexcept {
        lock_guard const guard{lock_};
        for (chunk const* const c : chunks_.all()) {
            stats.bytes += c->whole.bytes;
            ++stats.chunks;
        }
    }
    /// In the order of their addresses. Nobody else is here.
    [[nodiscard]] std::span<chunk* const> all_chunks() const noexcept { return chunks_.all(); }

    // --- what lies beside a slot --------------------------------------------------------------------------------------

    [[nodiscard]] chunk* chunk_of(void const* place) const noexcept {
        if constexpr (traits::grows) {
            lock_guard const guard{lock_};
            return chunks_.find(place);
        } else {
            return chunks_.find(place);  // there is one, for good
        }
    }
    [[nodiscard]] unsigned char& made_of(void const* place) const noexcept {
        chunk& c = *chunk_of(place);
        return c.made[c.row.index_of(place)];
    }
    [[nodiscard]] record& record_of(void const* place) const noexcept {
        chunk& c = *chunk_of(place);
        return static_cast<record*>(c.records)[c.row.index_of(place)];
    }

    // --- growth -------------------------------------------------------------------------------------------------------

    /// The first chunk.
    [[nodiscard]] bool begin(object_pool_base* of_shared, fault& why) {
        base_ = of_shared;
        return add_chunk(0, config_.capacity, why);
    }
    /// Grows as the configuration says, and by `wanted` slots at least, unless a function says how many; as far as the maximum
    /// allows. True also where somebody else has grown meanwhile. False where it may not, or cannot: `why` says so where the
    /// backend refused. Throws what a growth function throws.
    [[nodiscard]] bool grow(std::size_t have, std::size_t wanted, fault& why) {
        // More than it may have cannot be served: it stays as it is.
        if (have >= maximum() || maximum() - have < wanted) return false;
        std::size_t const step = config_.growth.step(have);
        if (step == 0) return false;
        bool const is_final = step > wanted || config_.growth.which() == growth::kind::custom;
        return grow_by(have, is_final ? step : wanted, why);
    }
    [[nodiscard]] bool grow_by(std::size_t have, std::size_t slots, fault& why) {
        std::size_t const room = have < maximum() ? maximum() - have : 0;
        return room != 0 && add_chunk(have, slots < room ? slots : room, why);
    }
    /// Gives back the chunks without an object, as long as the configuration's capacity stays; answers their bytes.
    std::size_t shrink() noexcept {
        chunk* gone = nullptr;
        {
            lock_guard const guard{lock_};
            engine_.count_free(chunks_);
            std::size_t left = capacity();
            for (chunk* const c : chunks_.all()) {
                c->leaves = c->counted == c->row.count && left - c->row.count >= config_.capacity;
                if (c->leaves) left -= c->row.count;
            }
            engine_.remove(chunks_);
            gone = chunks_.remove_leaving();
            capacity_.store(left, order::relaxed);
        }
        std::size_t bytes = 0;
        while (gone != nullptr) {
            chunk* const next = gone->next;
            bytes += gone->whole.bytes;
            give_chunk_back(*gone);
            gone = next;
        }
        return bytes;
    }

    // --- who is alive -------------------------------------------------------------------------------------------------

    template <class U, class F>
    void visit(F&& f) const {
        // The directory may move meanwhile.
        for (chunk const* c = chunks_.lowest(); c != nullptr; c = chunks_.next_above(*c)) {
            engine::for_each_taken(*c, [&](void* place) FRAMEALLOC_INLINED {
                if constexpr (traits::defers) {
                    if (pending::waits(place)) return;
                }
                if constexpr (traits::shares) {
                    if (!is_owned(place)) return;
                }
                f(*static_cast<U*>(place));
            });
        }
    }

    /// From now on `ends_now` tells once of each object that is alive, and no slot is given out. The pool ends, and nobody else is
    /// here.
    void begin_end() noexcept {
        for (chunk* const c : chunks_.all()) {
            std::size_t const used = engine_.carved(*c);
            for (std::size_t at = 0; at < c->row.count; at += 64) {
                std::size_t const left = used > at ? used - at : 0;
                c->bits[at / 64] = left < 64 ? (std::uint64_t{1} << left) - 1 : ~std::uint64_t{0};
            }
        }
        engine_.for_each_free([this](void* place) noexcept { static_cast<void>(ends_now(place)); });
        if constexpr (traits::shares) {
            for_each_marked([this](void* place) {
                if (is_retired(place)) static_cast<void>(ends_now(place));
            });
        }
        config_.maximum = capacity();
        while (engine_.take() != nullptr) {}  // who asks now would leave an object that nobody ends
        ends_ = true;
    }
    [[nodiscard]] FRAMEALLOC_HOT bool ends() const noexcept { return ends_; }
    [[nodiscard]] bool ends_now(void const* place) noexcept {
        chunk& c = *chunks_.find(place);
        std::size_t const i = c.row.index_of(place);
        std::uint64_t const bit = std::uint64_t{1} << i % 64;
        bool const was = (c.bits[i / 64] & bit) != 0;
        c.bits[i / 64] &= ~bit;
        return was;
    }
    /// Calls `f(place)` for each of them, in the order of addresses, until `ends_now` has told of it.
    template <class F>
    void for_each_marked(F&& f) noexcept {
        for (chunk* const c : chunks_.all()) {
            for (std::size_t at = 0; at < c->row.count; at += 64) {
                for (std::uint64_t rest = ~std::uint64_t{0}; (rest &= c->bits[at / 64]) != 0; rest &= rest - 1) {
                    f(c->row.slot(at + static_cast<std::size_t>(std::countr_zero(rest))));
                }
            }
        }
    }
    /// Gives everything back, with the objects that are kept.
    void release() noexcept {
        for (chunk* const each : chunks_.all()) end_kept(*each);
        chunk* c = nullptr;
        for (chunk* const each : chunks_.all()) {
            each->next = c;
            c = each;
        }
        if constexpr (traits::grows) {
            if (chunk** const elsewhere = chunks_.storage_elsewhere()) {
                source_.give_back(elsewhere, directory_.whole, directory_.giver);
            }
        }
        while (c != nullptr) {
            chunk* const next = c->next;
            give_chunk_back(*c);
            c = next;
        }
    }

private:
    struct directory_block {
        layout whole{};
        giver_byte giver = 0;
    };

    void measure() noexcept {
        align_ = config_.alignment > slot::align ? config_.alignment : slot::align;
        stride_ = round_up(slot::bytes, align_);
    }
    [[nodiscard]] static bool is_owned(void* place) noexcept {
        return A::sharing::control::owners(traits::control_of(place).state.load(order::relaxed)) != 0;
    }
    [[nodiscard]] static bool is_retired(void* place) noexcept {
        return traits::control_of(place).state.load(order::relaxed) == A::sharing::control::retired;
    }

    /// Adds a chunk where the capacity is still `have`; where it is not, somebody else has grown. What may fail comes first.
    [[nodiscard]] bool add_chunk(std::size_t have, std::size_t slots, fault& why) {
        if (!widen_directory(why)) return false;
        chunk* const c = make_chunk(slots, why);
        if (c == nullptr) return false;
        if constexpr (traits::keeps) {
            if (config_.initialisation == initialisation::eager) make_all(*c);
        }
        bool added = false;
        {
            lock_guard const guard{lock_};
            if (capacity() == have && chunks_.has_room()) {
                chunks_.add(*c);
                engine_.add(*c, chunks_);
                capacity_.store(have + slots, order::relaxed);
                added = true;
            }
        }
        if (!added) {
            give_chunk_back(*c);
        } else if (have != 0) {
            growths_.fetch_add(1, order::relaxed);
        }
        return true;
    }
    [[nodiscard]] bool widen_directory([[maybe_unused]] fault& why) noexcept {
        if constexpr (traits::grows) {
            std::size_t room = 0;
            {
                lock_guard const guard{lock_};
                if (chunks_.has_room()) return true;
                room = chunks_.room() * 2;
            }
            directory_block b{.whole = layout::array_of<chunk*>(room)};
            void* const place = source_.take(b.whole, b.giver);
            if (place == nullptr) return refused(b.whole, why);
            chunk** before = nullptr;
            {
                lock_guard const guard{lock_};
                if (chunks_.room() >= room) {
                    before = static_cast<chunk**>(place);  // somebody else was there first
                } else {
                    before = chunks_.move_to(static_cast<chunk**>(place), room);
                    std::swap(directory_, b);
                }
            }
            if (before != nullptr) source_.give_back(before, b.whole, b.giver);
        }
        return true;
    }
    static bool refused(layout request, fault& why) noexcept {
        why = said(fault_code::out_of_memory, "asked for %llu bytes, align %llu, for an object pool", request.bytes,
                   request.align);
        return false;
    }
    [[nodiscard]] chunk* make_chunk(std::size_t slots, fault& why) noexcept {
        chunk_layout const l = traits::chunk_of(slots, {.bytes = stride_, .align = align_});
        giver_byte giver = 0;
        void* const place = l.is_possible() ? source_.take(l.whole, giver) : nullptr;
        if (place == nullptr) return refused(l.whole, why), nullptr;
        chunk* const c = ::new (place) chunk{};
        c->whole = l.whole;
        c->giver = giver;
        c->row = slot_row{behind(place, l.slots), stride_, slots};
        c->beside = behind(place, l.beside);
        if constexpr (traits::ends_objects) c->bits = static_cast<std::uint64_t*>(behind(place, l.bits));
        if constexpr (traits::keeps) {
            c->made = static_cast<unsigned char*>(__builtin_memset(behind(place, l.made), 0, slots));
        }
        if constexpr (traits::checks) {
            auto* const records = static_cast<record*>(behind(place, l.records));
            for (std::size_t i = 0; i < slots; ++i) ::new (static_cast<void*>(records + i)) record{};
            c->records = records;
        }
        if constexpr (traits::shares || traits::defers || memory_tool) {
            for (std::size_t i = 0; i < slots; ++i) ready(c->row.slot(i));
        }
        return c;
    }
    void ready(void* place) noexcept {
        if constexpr (traits::shares) {
            ::new (static_cast<void*>(&traits::control_of(place))) typename A::sharing::control{.pool = base_};
        }
        if constexpr (traits::defers) pending::ready(place);
        traits::forbid(place);
    }
    void make_all(chunk& c) {
        FRAMEALLOC_TRY {
            for (std::size_t i = 0; i < c.row.count; ++i) {
                A::initialiser::template make<T>(c.row.slot(i));
                c.made[i] = 1;
            }
        }
        FRAMEALLOC_CATCH_ALL {
            give_chunk_back(c);
            FRAMEALLOC_RETHROW;
        }
    }
    static void end_kept([[maybe_unused]] chunk& c) noexcept {
        if constexpr (traits::keeps) {
            for (std::size_t i = 0; i < c.row.count; ++i) {
                if (std::exchange(c.made[i], static_cast<unsigned char>(0)) != 0) static_cast<T*>(c.row.slot(i))->~T();
            }
        }
    }
    /// With what is kept in it.
    void give_chunk_back(chunk& c) noexcept {
        end_kept(c);
        layout const whole = c.whole;
        giver_byte const giver = c.giver;
        memory_is_left(&c, whole.bytes);
        source_.give_back(&c, whole, giver);
    }

    engine engine_{};  // first: it is what a pair of calls touches
    bool ends_ = false;
    [[no_unique_address]] mutable lock_type lock_{};
    chunk_directory chunks_{};
    atomic<std::size_t> capacity_{0};
    atomic<std::size_t> retired_{0};
    atomic<unsigned long long> growths_{0};
    object_pool_base* base_ = nullptr;
    std::size_t stride_ = 0;
    std::size_t align_ = 0;
    directory_block directory_{};
    source_type source_{};
    object_pool_config config_;
};

}  // namespace framealloc::detail
