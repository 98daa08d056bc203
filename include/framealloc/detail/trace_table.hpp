// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/assembly.hpp>
#include <framealloc/detail/bits.hpp>
#include <framealloc/intent.hpp>

#include <boost/intrusive/unordered_set.hpp>

#include <new>

namespace framealloc::inline v0_1::detail {

/// A thread as a trace knows it. It stays for the life of the trace.
struct traced_thread {
    unsigned long long number = 0;
    char name[16]{};  ///< what the system keeps of it
    traced_thread* next = nullptr;
};

/// A stack, innermost first; `count` addresses are behind it.
struct traced_stack {
    std::size_t count = 0;
    [[nodiscard]] void const** frames() noexcept { return pointer_to<void const*>(address_of(this + 1)); }
    [[nodiscard]] void const* const* frames() const noexcept {
        return pointer_to<void const* const>(address_of(this + 1));
    }
};

/// What is written down of one live allocation.
struct trace_record
    : boost::intrusive::unordered_set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
    void const* object = nullptr;
    std::size_t bytes = 0;
    void const* site = nullptr;
    traced_stack* stack = nullptr;
    traced_thread const* thread = nullptr;
    unsigned long long nanoseconds = 0;
    unsigned long long serial = 0;
    unsigned long long frame = 0;         ///< of the thread
    unsigned long long frame_serial = 0;  ///< see `observed_caller`
    unsigned long long frames_ended = 0;  ///< of the instance, at that time
    trace_record* older = nullptr;        ///< in the same thread's frames
    allocation_intent intent = allocation_intent::heap;
    std::uint8_t tag = 0;
};

struct key_of_trace_record {
    using type = void const*;
    [[nodiscard]] type const& operator()(trace_record const& r) const noexcept { return r.object; }
};
[[nodiscard]] inline std::size_t trace_hash(void const* p) noexcept {
    // Fibonacci hashing: the lowest bits of an address say nothing, and the product's upper half says most.
    return (address_of(p) >> 3) * 0x9E3779B97F4A7C15u >> 20;
}
struct hash_of_trace_key {
    [[nodiscard]] std::size_t operator()(void const* p) const noexcept { return trace_hash(p); }
};

/// Memory for many small things of one size, from `Memory`; it goes back with the store.
template <class Memory>
class trace_store {
    static constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
    struct chunk {
        chunk* next;
    };
    struct free_place {
        free_place* next;
    };

public:
    explicit constexpr trace_store(std::size_t bytes) noexcept : bytes_(round_up(bytes, 16)) {}
    trace_store(trace_store const&) = delete;
    trace_store& operator=(trace_store const&) = delete;
    ~trace_store() {
        while (chunks_ != nullptr) {
            chunk* const next = chunks_->next;
            Memory::give_back(chunks_, chunk_bytes);
            chunks_ = next;
        }
    }

    [[nodiscard]] void* try_take() noexcept {
        if (free_ != nullptr) {
            free_place* const p = free_;
            free_ = p->next;
            return p;
        }
        if (left_ < bytes_) {
            auto* const c = static_cast<chunk*>(Memory::try_take(chunk_bytes));
            if (c == nullptr) return nullptr;
            chunks_ = ::new (c) chunk{chunks_};
            place_ = address_of(c) + 16;
            left_ = chunk_bytes - 16;
        }
        void* const p = pointer_to<void>(place_);
        place_ += bytes_;
        left_ -= bytes_;
        return p;
    }
    void put(void* p) noexcept { free_ = ::new (p) free_place{free_}; }

private:
    std::size_t bytes_;
    chunk* chunks_ = nullptr;
    free_place* free_ = nullptr;
    std::uintptr_t place_ = 0;
    std::size_t left_ = 0;
};

/// One part of the table of live allocations, by address.
///
///   Cost      O(1); growing it is O(live).
///   Threads   One at a time, by `guard`.
template <class Mutex, class Memory, std::size_t StackDepth>
class trace_shard {
    using set = boost::intrusive::unordered_set<
        trace_record, boost::intrusive::key_of_value<key_of_trace_record>, boost::intrusive::hash<hash_of_trace_key>,
        boost::intrusive::power_2_buckets<true>, boost::intrusive::constant_time_size<true>>;
    using bucket = typename set::bucket_type;
    static constexpr std::size_t first_bytes = 4096;

public:
    constexpr trace_shard() noexcept = default;
    trace_shard(trace_shard const&) = delete;
    trace_shard& operator=(trace_shard const&) = delete;
    ~trace_shard() {
        if (live_ == nullptr) return;
        live_->clear();
        live_->~set();
        Memory::give_back(buckets_, bucket_bytes_);
    }

    /// A record to fill and to enter; null where memory is refused.
    [[nodiscard]] trace_record* try_make() noexcept {
        if (live_ == nullptr && !make_set()) return nullptr;
        void* const p = records_.try_take();
        return p != nullptr ? ::new (p) trace_record{} : nullptr;
    }
    [[nodiscard]] traced_stack* try_make_stack() noexcept {
        void* const p = stacks_.try_take();
        return p != nullptr ? ::new (p) traced_stack{} : nullptr;
    }
    /// What is written down of the same address already is no more.
    void enter(trace_record& r) noexcept {
        grow_if_full();
        static_cast<void>(live_->insert(r));
    }
    [[nodiscard]] trace_record* find(void const* object) noexcept {
        if (live_ == nullptr) return nullptr;
        auto const at = live_->find(object);
        return at != live_->end() ? &*at : nullptr;
    }
    void remove(trace_record& r) noexcept {
        live_->erase(live_->iterator_to(r));
        if (r.stack != nullptr) stacks_.put(r.stack);
        records_.put(&r);
    }
    template <class F>
    void for_each(F&& f) {
        if (live_ == nullptr) return;
        for (trace_record const& r : *live_) f(r);
    }
    [[nodiscard]] std::size_t size() const noexcept { return live_ != nullptr ? live_->size() : 0; }

    Mutex guard{};

private:
    [[nodiscard]] static bucket* make_buckets(std::size_t bytes) noexcept {
        auto* const b = static_cast<bucket*>(Memory::try_take(bytes));
        if (b == nullptr) return nullptr;
        for (std::size_t i = 0; i < bytes / sizeof(bucket); ++i) ::new (b + i) bucket{};
        return b;
    }
    [[nodiscard]] bool make_set() noexcept {
        buckets_ = make_buckets(first_bytes);
        if (buckets_ == nullptr) return false;
        bucket_bytes_ = first_bytes;
        live_ = ::new (static_cast<void*>(place_)) set{typename set::bucket_traits{buckets_, buckets_in(first_bytes)}};
        return true;
    }
    [[nodiscard]] static std::size_t buckets_in(std::size_t bytes) noexcept { return bytes / sizeof(bucket); }
    /// Where memory is refused the table goes on with longer ways.
    void grow_if_full() noexcept {
        if (live_->size() < buckets_in(bucket_bytes_) || live_->size() < grow_again_at_) return;
        std::size_t const bytes = 2 * bucket_bytes_;
        bucket* const more = make_buckets(bytes);
        grow_again_at_ = 2 * live_->size();
        if (more == nullptr) return;
        live_->rehash(typename set::bucket_traits{more, buckets_in(bytes)});
        Memory::give_back(buckets_, bucket_bytes_);
        buckets_ = more;
        bucket_bytes_ = bytes;
    }

    set* live_ = nullptr;
    bucket* buckets_ = nullptr;
    std::size_t bucket_bytes_ = 0;
    std::size_t grow_again_at_ = 0;
    trace_store<Memory> records_{sizeof(trace_record)};
    trace_store<Memory> stacks_{sizeof(traced_stack) + StackDepth * sizeof(void*)};
    alignas(set) unsigned char place_[sizeof(set)]{};
};

}  // namespace framealloc::detail
