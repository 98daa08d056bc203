// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>

#include <compare>
#include <cstddef>
#include <iterator>
#include <span>

// Work in batches: so many items, handed out so many at a time.
//
//     for (std::span<particle> batch : frame_batches<particle>(alloc, 10'000, 256)) simulate(batch);

namespace framealloc::inline v0_1 {

/// A row of `T` cut into spans of equal length, of which the last may be shorter. A view: as cheap to copy as a span, and random
/// access, so that a job system may ask for the i-th batch.
///
///   Cost      Nothing is stored per batch.
///   Threads   As a span. Batches do not overlap, so that each may be another thread's.
///   Failure   A size of zero is refused (FA902).
///   Lifetime  That of the memory.
template <class T>
class batches {
public:
    /// Goes through the batches: random access to ranges, an input iterator to algorithms from before C++20, because it answers no
    /// reference of the language's.
    class iterator {
    public:
        using value_type = std::span<T>;
        using reference = std::span<T>;
        using pointer = void;
        using difference_type = std::ptrdiff_t;
        using iterator_concept = std::random_access_iterator_tag;
        using iterator_category = std::input_iterator_tag;

        constexpr iterator() noexcept = default;
        constexpr iterator(batches of, difference_type at) noexcept : of_(of), at_(at) {}

        [[nodiscard]] constexpr reference operator*() const noexcept { return (*this)[0]; }
        [[nodiscard]] constexpr reference operator[](difference_type i) const noexcept {
            return of_[static_cast<std::size_t>(at_ + i)];
        }
        constexpr iterator& operator++() noexcept { return *this += 1; }
        constexpr iterator operator++(int) noexcept { return {of_, at_++}; }
        constexpr iterator& operator--() noexcept { return *this -= 1; }
        constexpr iterator operator--(int) noexcept { return {of_, at_--}; }
        constexpr iterator& operator+=(difference_type n) noexcept {
            at_ += n;
            return *this;
        }
        constexpr iterator& operator-=(difference_type n) noexcept { return *this += -n; }
        friend constexpr iterator operator+(iterator i, difference_type n) noexcept { return i += n; }
        friend constexpr iterator operator+(difference_type n, iterator i) noexcept { return i += n; }
        friend constexpr iterator operator-(iterator i, difference_type n) noexcept { return i -= n; }
        friend constexpr difference_type operator-(iterator const& a, iterator const& b) noexcept {
            return a.at_ - b.at_;
        }
        friend constexpr bool operator==(iterator const& a, iterator const& b) noexcept { return a.at_ == b.at_; }
        friend constexpr auto operator<=>(iterator const& a, iterator const& b) noexcept { return a.at_ <=> b.at_; }

    private:
        batches of_{};
        difference_type at_ = 0;
    };

    constexpr batches() noexcept = default;
    /// `items`, `size` at a time. Throws `configuration_error` (FA902) for a size of zero.
    constexpr batches(std::span<T> items, std::size_t size) : items_(items), batch_(expect_some(size)) {}

    /// How many batches there are: none, where there are no items.
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        return items_.size() / batch_ + (items_.size() % batch_ != 0);
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] constexpr std::span<T> operator[](std::size_t i) const noexcept {
        std::size_t const first = i * batch_, left = items_.size() - first;
        return items_.subspan(first, left < batch_ ? left : batch_);
    }
    [[nodiscard]] constexpr iterator begin() const noexcept { return {*this, 0}; }
    [[nodiscard]] constexpr iterator end() const noexcept { return {*this, static_cast<std::ptrdiff_t>(size())}; }
    /// All of them in one piece.
    [[nodiscard]] constexpr std::span<T> items() const noexcept { return items_; }

    [[nodiscard]] static constexpr std::size_t expect_some(std::size_t size) {
        if (size == 0) [[unlikely]]
            detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration, .note = "a batch has 0 items; expected 1 or more"});
        return size;
    }

private:
    std::span<T> items_{};
    std::size_t batch_ = 1;
};

/// `n` new items in the frame, value-initialised, `size` at a time. `frame` is an instance, its `ref()` or `local()`, or a frame
/// scope. They are in one piece, and gone with the frame.
///
///   Cost      One `frame_array<T>(n)`.
///   Threads   On the thread whose frame it is; others may work on batches meanwhile, until the frame ends.
///   Failure   As `frame_array`; a size of zero is refused (FA902). Nothing has been allocated then.
///   Lifetime  Until the frame, the enclosing scope or a roll-back ends it; items with a destructor are destroyed then.
template <class T, class Frame>
[[nodiscard]] batches<T> frame_batches(Frame&& frame, std::size_t n, std::size_t size) {
    static_cast<void>(batches<T>::expect_some(size));
    return {frame.template frame_array<T>(n), size};
}

}  // namespace framealloc
