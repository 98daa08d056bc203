// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <type_traits>

namespace framealloc::inline v0_1 {

/// One row of columns: a reference to each of its fields, which `auto [x, y] = row` names. A reference like any other: a copy of
/// it refers to the same row. It is not assigned to, so that no algorithm mistakes it for a value; its fields are, or
/// `std::tuple<...>{row}` is the value.
///
///   Cost      None: the references are what the compiler would have computed.
///   Lifetime  As a reference to an element of a vector: until the columns move.
template <class... Fields>
class soa_row {
public:
    using value_type = std::tuple<std::remove_const_t<Fields>...>;

    constexpr explicit soa_row(Fields&... fields) noexcept : fields_(fields...) {}
    soa_row(soa_row const&) = default;
    soa_row& operator=(soa_row const&) = delete;

    template <std::size_t I>
    [[nodiscard]] constexpr auto& get() const noexcept {
        return std::get<I>(fields_);
    }
    [[nodiscard]] constexpr operator value_type() const { return value_type(fields_); }

    friend constexpr bool operator==(soa_row const& a, soa_row const& b) { return a.fields_ == b.fields_; }
    friend constexpr bool operator==(soa_row const& a, value_type const& b) { return a.fields_ == b; }

private:
    std::tuple<Fields&...> fields_;
};

/// Goes through the rows of columns. To ranges it is random access; to algorithms from before C++20 an input iterator, because
/// what it answers is no reference of the language's.
///
/// It knows the columns and not their owner, so that a loop over rows is a loop over pointers: what a body writes cannot change
/// where the columns are, and compilers make vector instructions of it.
template <class... Fields>
class soa_iterator {
public:
    using difference_type = std::ptrdiff_t;
    using value_type = soa_row<Fields...>;
    using reference = soa_row<Fields...>;
    using pointer = void;
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::input_iterator_tag;

    constexpr soa_iterator() noexcept = default;
    constexpr soa_iterator(difference_type at, Fields*... columns) noexcept : at_(at), columns_(columns...) {}
    /// To rows that are not written through.
    constexpr operator soa_iterator<Fields const...>() const noexcept
        requires(!std::is_const_v<Fields> && ...)
    {
        return std::apply([&](Fields*... c) { return soa_iterator<Fields const...>{at_, c...}; }, columns_);
    }

    [[nodiscard]] constexpr reference operator*() const noexcept { return (*this)[0]; }
    [[nodiscard]] constexpr reference operator[](difference_type i) const noexcept {
        return std::apply([&](Fields*... c) { return reference{c[at_ + i]...}; }, columns_);
    }

    constexpr soa_iterator& operator++() noexcept { return *this += 1; }
    constexpr soa_iterator operator++(int) noexcept {
        soa_iterator const before = *this;
        ++at_;
        return before;
    }
    constexpr soa_iterator& operator--() noexcept { return *this -= 1; }
    constexpr soa_iterator operator--(int) noexcept {
        soa_iterator const before = *this;
        --at_;
        return before;
    }
    constexpr soa_iterator& operator+=(difference_type n) noexcept {
        at_ += n;
        return *this;
    }
    constexpr soa_iterator& operator-=(difference_type n) noexcept {
        at_ -= n;
        return *this;
    }
    friend constexpr soa_iterator operator+(soa_iterator i, difference_type n) noexcept { return i += n; }
    friend constexpr soa_iterator operator+(difference_type n, soa_iterator i) noexcept { return i += n; }
    friend constexpr soa_iterator operator-(soa_iterator i, difference_type n) noexcept { return i -= n; }
    friend constexpr difference_type operator-(soa_iterator const& a, soa_iterator const& b) noexcept {
        return a.at_ - b.at_;
    }
    friend constexpr bool operator==(soa_iterator const& a, soa_iterator const& b) noexcept { return a.at_ == b.at_; }
    friend constexpr auto operator<=>(soa_iterator const& a, soa_iterator const& b) noexcept { return a.at_ <=> b.at_; }

private:
    difference_type at_ = 0;
    std::tuple<Fields*...> columns_{};
};

}  // namespace framealloc

// Not by their qualified names: doxygen looks for those in vain.
namespace std {

/// For `auto [x, y] = row`.
template <class... Fields>
struct tuple_size<framealloc::soa_row<Fields...>> : integral_constant<size_t, sizeof...(Fields)> {};
/// For `auto [x, y] = row`.
template <size_t I, class... Fields>
struct tuple_element<I, framealloc::soa_row<Fields...>> {
    using type = tuple_element_t<I, tuple<Fields&...>>;
};

}  // namespace std
