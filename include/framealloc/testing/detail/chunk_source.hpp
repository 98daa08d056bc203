// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/frame_chunk.hpp>
#include <framealloc/testing/detail/blocks.hpp>

#include <new>
#include <vector>

namespace framealloc::inline v0_1::testing::kit {

/// What the arena kit gives an engine to take chunks from. It knows every chunk that is out, refuses on demand, and
/// overwrites what comes back, so that whoever still uses it is found out.
class counted_chunks {
public:
    /// More than any sensible frame; so that impossible requests are refused without being tried.
    static constexpr std::size_t largest_bytes = std::size_t{64} << 20;

    counted_chunks() = default;
    counted_chunks(counted_chunks const&) = delete;
    counted_chunks& operator=(counted_chunks const&) = delete;
    ~counted_chunks() {
        for (frame_chunk* c : out_) free(c);
    }

    [[nodiscard]] frame_chunk* take(layout whole) noexcept {
        ++takes_;
        odd_layouts_ += !whole.has_valid_align() || whole.align < granule || whole.bytes % granule != 0 ||
                        whole.bytes <= frame_chunk::head_bytes;
        bool const planned = refuse_from_ != 0 && takes_ >= refuse_from_ && (!once_ || takes_ == refuse_from_);
        if (planned || whole.bytes > largest_bytes) {
            ++refusals_;
            return nullptr;
        }
        void* const p = ::operator new(whole.bytes, std::align_val_t{whole.align}, std::nothrow);
        if (p == nullptr) return nullptr;
        auto* const chunk = ::new (p) frame_chunk{};
        chunk->bytes = whole.bytes;
        chunk->align = static_cast<std::uint32_t>(whole.align);
        out_.push_back(chunk);
        bytes_out_ += whole.bytes;
        return chunk;
    }

    void give_back(chunk_chain chunks) noexcept {
        while (frame_chunk* const c = chunks.take_first()) {
            auto const found = std::find(out_.begin(), out_.end(), c);
            if (found == out_.end()) {
                ++strangers_;  // given back twice, or never taken: what follows it cannot be trusted
                return;
            }
            out_.erase(found);
            bytes_out_ -= c->bytes;
            write_pattern(offset(c, frame_chunk::head_bytes), c->bytes - frame_chunk::head_bytes, 0xDEAD);
            free(c);
        }
    }

    [[nodiscard]] frame_chunk* take_growing(layout whole, std::size_t bytes) noexcept {
        frame_chunk* const chunk = take(whole);
        if (chunk == nullptr) return nullptr;
        bytes_out_ -= whole.bytes - bytes;
        chunk->bytes = bytes;
        return chunk;
    }
    [[nodiscard]] bool grow(frame_chunk& chunk, std::size_t more) noexcept {
        ++takes_;
        bool const planned = refuse_from_ != 0 && takes_ >= refuse_from_ && (!once_ || takes_ == refuse_from_);
        refusals_ += planned;
        if (planned) return false;
        chunk.bytes += more;
        bytes_out_ += more;
        return true;
    }
    [[nodiscard]] bool give_back_growing(frame_chunk* chunk, layout) noexcept {
        chunk_chain one;
        one.append(chunk);
        give_back(one);
        return true;
    }

    /// Refuses the `n`-th take or growth from now, the first being 1, and with `only_once == false` all later ones; 0 refuses
    /// none.
    void refuse(std::size_t n, bool only_once) noexcept {
        refuse_from_ = n == 0 ? 0 : takes_ + n;
        once_ = only_once;
    }

    [[nodiscard]] std::size_t bytes_out() const noexcept { return bytes_out_; }
    [[nodiscard]] std::size_t chunks_out() const noexcept { return out_.size(); }
    [[nodiscard]] std::size_t refusals() const noexcept { return refusals_; }
    [[nodiscard]] std::size_t strangers() const noexcept { return strangers_; }
    [[nodiscard]] std::size_t odd_layouts() const noexcept { return odd_layouts_; }
    /// Whether `bytes` from `p` lie in what a frame may use of one of the chunks that are out.
    [[nodiscard]] bool covers(void const* p, std::size_t bytes) const noexcept {
        std::uintptr_t const at = framealloc::detail::address_of(p);
        for (frame_chunk const* c : out_) {
            if (at >= c->begin() && at <= c->end() && bytes <= c->end() - at) return true;
        }
        return false;
    }

private:
    static void free(frame_chunk* c) noexcept { ::operator delete(c, std::align_val_t{c->align}); }

    std::vector<frame_chunk*> out_;
    std::size_t bytes_out_ = 0, takes_ = 0, refusals_ = 0, strangers_ = 0, odd_layouts_ = 0, refuse_from_ = 0;
    bool once_ = true;
};

}  // namespace framealloc::testing::kit
