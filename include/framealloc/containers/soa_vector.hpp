// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/allocator.hpp>
#include <framealloc/containers/detail/soa_columns.hpp>
#include <framealloc/containers/frame_buffer_allocator.hpp>
#include <framealloc/containers/soa_row.hpp>

#include <cassert>
#include <memory>
#include <span>

// A structure of arrays: the rows of a table, kept column by column, so that a loop which needs two fields of ten reads two
// columns and not ten.
//
//     soa_vector<vec3, vec3, float> particles{alloc};          // position, velocity, age
//     particles.emplace_back(vec3{}, vec3{0, 1, 0}, 0.0F);
//     for (auto [position, velocity, age] : particles) ...     // row by row
//     for (float& age : particles.column<2>()) ...             // a span

namespace framealloc::inline v0_1 {

/// A vector of rows, each field of them in a column of its own. All columns are in one allocation, each begins on a cache line,
/// and all have the same length. `soa_vector` and `frame_soa` are the ready names; `Allocator` is any standard allocator.
///
///   Cost      As a vector: `emplace_back` is amortised O(1), and where it does not grow it stores each field and counts one up.
///             The object is a pointer per column, the two numbers and the allocator; a buffer has up to 63 bytes of padding per
///             column. With a frame allocator, rows that move by bytes grow where they stand while they are the frame's last.
///   Threads   As a vector: any number read, one writes. Columns share no cache line, so each may be written by another thread.
///   Failure   Where memory is refused, or a constructor throws, it is as it was: rows that a growing buffer cannot move without
///             throwing are copied first. Fields that can be neither moved without throwing nor copied are refused by the compiler.
///             A number of rows that nothing can hold is refused by the allocator (FA304).
///   Lifetime  That of its allocator's memory. Spans, rows and iterators are good until the columns move: when it grows beyond its
///             capacity, and where it says so.
///   Source    Structures of arrays are the vector computers'. Moving rows by copies where moving could throw is
///             `std::move_if_noexcept`'s way, by D. Abrahams et al.
template <class Allocator, class... Fields>
class basic_soa_vector {
    static_assert(sizeof...(Fields) != 0, "framealloc: soa_vector<Fields...> wants one field at least");
    static_assert(((std::is_object_v<Fields> && std::is_same_v<Fields, std::remove_cv_t<Fields>> &&
                    !std::is_array_v<Fields>) &&
                   ...),
                  "framealloc: the fields of a soa_vector are objects: no references, no arrays, not const");
    static_assert(
        ((relocation_of<Fields> != relocation::none) && ...),
        "framealloc: the fields of a soa_vector move when it grows: each wants a move constructor that does not "
        "throw, a copy constructor, or a relocation_of that says how");

    using columns_type = detail::soa_columns<Fields...>;
    using shape = detail::soa_shape<Fields...>;
    using unit = typename shape::unit;
    using unit_allocator = typename std::allocator_traits<Allocator>::template rebind_alloc<unit>;
    using traits = std::allocator_traits<unit_allocator>;
    template <std::size_t I>
    using field = typename columns_type::template field<I>;
    template <class T>
    static constexpr std::size_t times = (std::size_t{std::is_same_v<T, Fields>} + ...);
    template <class T>
    static constexpr std::size_t index_of = [] {
        std::size_t i = 0, found = 0;
        ((std::is_same_v<T, Fields> ? void(found = i++) : void(++i)), ...);
        return found;
    }();
    static constexpr bool resizes_in_place =
        columns_type::all_bytes && requires(unit_allocator a, unit* p) { a.try_resize(p, 1, 1); };
    /// A cache line of the largest field, and four rows at least.
    static constexpr std::size_t first_capacity = [] {
        std::size_t largest = 0;
        ((largest = sizeof(Fields) > largest ? sizeof(Fields) : largest), ...);
        return largest >= 16 ? std::size_t{4} : 64 / largest;
    }();

public:
    using allocator_type = Allocator;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using reference = soa_row<Fields...>;
    using const_reference = soa_row<Fields const...>;
    using value_type = std::tuple<Fields...>;
    using iterator = soa_iterator<Fields...>;
    using const_iterator = soa_iterator<Fields const...>;

    /// Column `I` begins at a multiple of this.
    template <std::size_t I>
    static constexpr std::size_t column_align = detail::soa_column_align<field<I>>;

    basic_soa_vector()
        requires std::is_default_constructible_v<Allocator>
    = default;
    /// Empty, from an allocator or from what one is made of: an instance, a group. With room for `capacity` rows.
    template <class From>
        requires(std::is_constructible_v<Allocator, From> &&
                 !std::is_same_v<std::remove_cvref_t<From>, basic_soa_vector>)
    explicit basic_soa_vector(From&& from FRAMEALLOC_LIFETIMEBOUND, std::size_t capacity = 0)
        : allocator_(Allocator(static_cast<From&&>(from))) {
        reserve(capacity);
    }

    basic_soa_vector(basic_soa_vector const& other)
        : allocator_(traits::select_on_container_copy_construction(other.allocator_)) {
        copy_from(other);
    }
    basic_soa_vector(basic_soa_vector const& other, Allocator const& where) : allocator_(where) { copy_from(other); }
    basic_soa_vector(basic_soa_vector&& other) noexcept : allocator_(other.allocator_) { take_buffer(other); }
    /// Row by row where the allocators are not equal.
    basic_soa_vector(basic_soa_vector&& other, Allocator const& where) : allocator_(where) { take_rows(other); }
    ~basic_soa_vector() { release(); }

    basic_soa_vector& operator=(basic_soa_vector const& other) {
        if (this == &other) return *this;
        constexpr bool follows = traits::propagate_on_container_copy_assignment::value;
        basic_soa_vector copy(other, Allocator(follows ? other.allocator_ : allocator_));
        release();
        if constexpr (follows) allocator_ = copy.allocator_;
        take_buffer(copy);
        return *this;
    }
    basic_soa_vector& operator=(basic_soa_vector&& other) noexcept(
        traits::propagate_on_container_move_assignment::value || traits::is_always_equal::value) {
        if (this == &other) return *this;
        if constexpr (traits::propagate_on_container_move_assignment::value) {
            release();
            allocator_ = other.allocator_;
            take_buffer(other);
        } else {
            basic_soa_vector taken(static_cast<basic_soa_vector&&>(other), Allocator(allocator_));
            release();
            take_buffer(taken);
        }
        return *this;
    }
    friend void swap(basic_soa_vector& a, basic_soa_vector& b) noexcept {
        if constexpr (traits::propagate_on_container_swap::value) std::swap(a.allocator_, b.allocator_);
        std::swap(a.columns_, b.columns_);
        std::swap(a.size_, b.size_);
        std::swap(a.capacity_, b.capacity_);
    }

    // --- what is in it ------------------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] Allocator get_allocator() const noexcept { return Allocator(allocator_); }

    /// A column, by its place or, where there is one of it, by its type.
    template <std::size_t I>
    [[nodiscard]] std::span<field<I>> column() noexcept {
        return {std::assume_aligned<column_align<I>>(columns_.template at<I>()), size_};
    }
    template <std::size_t I>
    [[nodiscard]] std::span<field<I> const> column() const noexcept {
        return {std::assume_aligned<column_align<I>>(columns_.template at<I>()), size_};
    }
    template <class T>
        requires(times<T> == 1)
    [[nodiscard]] std::span<T> column() noexcept {
        return column<index_of<T>>();
    }
    template <class T>
        requires(times<T> == 1)
    [[nodiscard]] std::span<T const> column() const noexcept {
        return column<index_of<T>>();
    }
    /// All of them: `auto [x, y, z] = points.columns();`
    [[nodiscard]] std::tuple<std::span<Fields>...> columns() noexcept {
        return std::apply([&](Fields*... c) { return std::tuple{std::span<Fields>{c, size_}...}; }, columns_.all());
    }
    [[nodiscard]] std::tuple<std::span<Fields const>...> columns() const noexcept {
        return std::apply([&](Fields*... c) { return std::tuple{std::span<Fields const>{c, size_}...}; },
                          columns_.all());
    }

    [[nodiscard]] reference operator[](std::size_t i) noexcept {
        assert(i < size_);
        return begin()[static_cast<difference_type>(i)];
    }
    [[nodiscard]] const_reference operator[](std::size_t i) const noexcept {
        assert(i < size_);
        return begin()[static_cast<difference_type>(i)];
    }
    [[nodiscard]] reference front() noexcept { return (*this)[0]; }
    [[nodiscard]] const_reference front() const noexcept { return (*this)[0]; }
    [[nodiscard]] reference back() noexcept { return (*this)[size_ - 1]; }
    [[nodiscard]] const_reference back() const noexcept { return (*this)[size_ - 1]; }

    [[nodiscard]] iterator begin() noexcept { return iterator_at<iterator>(0); }
    [[nodiscard]] iterator end() noexcept { return iterator_at<iterator>(size_); }
    [[nodiscard]] const_iterator begin() const noexcept { return iterator_at<const_iterator>(0); }
    [[nodiscard]] const_iterator end() const noexcept { return iterator_at<const_iterator>(size_); }
    [[nodiscard]] const_iterator cbegin() const noexcept { return begin(); }
    [[nodiscard]] const_iterator cend() const noexcept { return end(); }

    /// Equal row by row.
    friend bool operator==(basic_soa_vector const& a, basic_soa_vector const& b) {
        if (a.size_ != b.size_) return false;
        for (std::size_t i = 0; i < a.size_; ++i) {
            if (!(a[i] == b[i])) return false;
        }
        return true;
    }

    // --- rows that come -----------------------------------------------------------------------------------------------

    /// A new row, each field made of one argument; without arguments all are value-initialised. They may refer to rows of it.
    template <class... Args>
    reference emplace_back(Args&&... args) {
        static_assert(sizeof...(Args) == sizeof...(Fields) || sizeof...(Args) == 0,
                      "framealloc: emplace_back(args...) wants one argument for each field, or none at all");
        if constexpr (sizeof...(Args) == 0) {
            add<true>(1);
        } else {
            if (size_ == capacity_) [[unlikely]] {
                grow_with(static_cast<Args&&>(args)...);
            } else {
                columns_.make_row(size_, static_cast<Args&&>(args)...);
            }
            ++size_;
        }
        return back();
    }
    reference push_back(Fields... fields) { return emplace_back(static_cast<Fields&&>(fields)...); }

    /// Room for `rows` in all, without moving again. The columns move, unless there is room already.
    void reserve(std::size_t rows) {
        if (rows > capacity_) change_capacity(rows, rows);
    }
    /// The same; false, and it is as it was, where memory is refused.
    [[nodiscard]] bool try_reserve(std::size_t rows) noexcept(columns_type::all_nothrow)
        requires requires(unit_allocator a) { a.try_allocate(1); }
    {
        return rows <= capacity_ || try_change_capacity(rows);
    }
    /// `rows` rows: the last ones are destroyed, or new ones are value-initialised.
    void resize(std::size_t rows) { resize_to<true>(rows); }
    /// The same; what a trivial type leaves indeterminate stays so.
    void resize_for_overwrite(std::size_t rows) { resize_to<false>(rows); }
    /// As much room as there are rows. In a frame, if it is the frame's last; otherwise nothing changes there.
    void shrink_to_fit() {
        if (capacity_ == size_) return;
        if constexpr (resizes_in_place) {
            shrink_in_place();
        } else if (size_ == 0) {
            release();
        } else {
            move_to(buffer_of(allocator_, size_));
        }
    }

    // --- rows that go -------------------------------------------------------------------------------------------------

    void pop_back() noexcept {
        assert(size_ != 0);
        columns_.destroy_rows(size_ - 1, size_);
        --size_;
    }
    void clear() noexcept {
        columns_.destroy_rows(0, size_);
        size_ = 0;
    }
    /// Takes row `i` out and puts the last one in its place: O(1).
    void erase_unordered(std::size_t i) noexcept
        requires(columns_type::all_nothrow)
    {
        assert(i < size_);
        columns_.destroy_rows(i, i + 1);
        --size_;
        if (i != size_) columns_.relocate_rows(i, columns_, size_, 1);
    }
    /// Takes rows `from` up to `to` out; those behind them close the gap: O(rows behind).
    void erase(std::size_t from, std::size_t to) noexcept
        requires(columns_type::all_nothrow)
    {
        assert(from <= to && to <= size_);
        if (from == to) return;  // nothing is brought to where it is
        columns_.destroy_rows(from, to);
        columns_.relocate_rows(from, columns_, to, size_ - to);
        size_ -= to - from;
    }
    void erase(std::size_t i) noexcept
        requires(columns_type::all_nothrow)
    {
        erase(i, i + 1);
    }

private:
    /// A buffer that nobody has yet.
    struct buffer_of {
        unit_allocator& allocator;
        shape s;
        std::size_t capacity;
        unit* p;

        buffer_of(unit_allocator& from, std::size_t rows) : buffer_of(from, rows, nullptr) {
            p = std::to_address(traits::allocate(from, s.units));
        }
        buffer_of(unit_allocator& from, std::size_t rows, unit* given) noexcept
            : allocator(from), s(shape::of(rows)), capacity(rows), p(given) {}
        buffer_of(buffer_of const&) = delete;
        buffer_of& operator=(buffer_of const&) = delete;
        ~buffer_of() {
            if (p != nullptr) traits::deallocate(allocator, p, s.units);
        }
        [[nodiscard]] columns_type columns() const noexcept { return {p, s}; }
    };

    template <class Iterator>
    [[nodiscard]] Iterator iterator_at(std::size_t i) const noexcept {
        return std::apply([&](Fields*... c) { return Iterator{static_cast<difference_type>(i), c...}; },
                          columns_.all());
    }

    void own(buffer_of& b) noexcept {
        columns_ = b.columns();
        capacity_ = b.capacity;
        b.p = nullptr;
    }
    void give_back_buffer() noexcept {
        if (capacity_ != 0) traits::deallocate(allocator_, columns_.buffer(), shape::of(capacity_).units);
        columns_ = {};
        capacity_ = 0;
    }
    void release() noexcept {
        clear();
        give_back_buffer();
    }
    void take_buffer(basic_soa_vector& other) noexcept {
        columns_ = std::exchange(other.columns_, columns_type{});
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
    }
    void take_rows(basic_soa_vector& other) {
        if (allocator_ == other.allocator_) return take_buffer(other);
        if (other.empty()) return;
        buffer_of fresh(allocator_, other.size_);
        fresh.columns().relocate_rows(other.columns_, other.size_);
        own(fresh);
        size_ = std::exchange(other.size_, 0);
    }
    void copy_from(basic_soa_vector const& other) {
        if (other.empty()) return;
        buffer_of fresh(allocator_, other.size_);
        fresh.columns().copy_rows(other.columns_, other.size_);
        own(fresh);
        size_ = other.size_;
    }
    /// The rows move to `fresh`; if one throws, they stay.
    void move_to(buffer_of&& fresh) noexcept(columns_type::all_nothrow) {
        fresh.columns().relocate_rows(columns_, size_);
        give_back_buffer();
        own(fresh);
    }

    /// Twice as many, or as many as are wanted.
    [[nodiscard]] std::size_t capacity_for(std::size_t rows) const noexcept {
        std::size_t const twice = capacity_ <= SIZE_MAX / 2 ? capacity_ * 2 : SIZE_MAX;
        std::size_t const turn = twice > first_capacity ? twice : first_capacity;
        return rows > turn ? rows : turn;
    }
    void change_capacity(std::size_t least, std::size_t wanted) {
        if constexpr (resizes_in_place) {
            if (capacity_ != 0 && grow_in_place(least, wanted)) return;
        }
        static_cast<void>(least);
        move_to(buffer_of(allocator_, wanted));
    }
    [[nodiscard]] bool try_change_capacity(std::size_t rows) noexcept(columns_type::all_nothrow) {
        if constexpr (resizes_in_place) {
            if (capacity_ != 0 && grow_in_place(rows, rows)) return true;
        }
        unit* const p = allocator_.try_allocate(shape::of(rows).units);
        if (p != nullptr) move_to(buffer_of(allocator_, rows, p));
        return p != nullptr;
    }
    /// To `wanted`, or to as much as half, a quarter, ... of the way there, but not to fewer than `least`: near the end of a chunk,
    /// so that the rest of it is used and not a step for each row.
    [[nodiscard]] bool grow_in_place(std::size_t least, std::size_t wanted) noexcept {
        shape const now = shape::of(capacity_);
        for (std::size_t more = wanted - least;; more /= 2) {
            shape const next = shape::of(least + more);
            if (allocator_.try_resize(columns_.buffer(), now.units, next.units)) {
                columns_.reshape(now, next, size_);
                capacity_ = least + more;
                return true;
            }
            if (more == 0) return false;
        }
    }
    void shrink_in_place() noexcept {
        shape const now = shape::of(capacity_);
        if (size_ == 0) {
            if (allocator_.try_resize(columns_.buffer(), now.units, now.units)) give_back_buffer();
            return;
        }
        // Whether it is the last is known before anything moves; whether it may shrink so far, afterwards.
        if (!allocator_.try_resize(columns_.buffer(), now.units, now.units)) return;
        shape const next = shape::of(size_);
        columns_.reshape(now, next, size_);
        if (allocator_.try_resize(columns_.buffer(), now.units, next.units)) {
            capacity_ = size_;
        } else {
            columns_.reshape(next, now, size_);
        }
    }

    /// Makes row `size_`, for which there is no room. What it is made of may lie in the columns: so it is made before they move.
    template <class... Args>
    [[gnu::noinline]] void grow_with(Args&&... args) {
        if constexpr (resizes_in_place) {
            detail::soa_waiting_row<Fields...> waiting(static_cast<Args&&>(args)...);
            change_capacity(size_ + 1, capacity_for(size_ + 1));
            waiting.goes_to(columns_, size_);
        } else {
            buffer_of fresh(allocator_, capacity_for(size_ + 1));
            columns_type const columns = fresh.columns();
            columns.make_row(size_, static_cast<Args&&>(args)...);
            FRAMEALLOC_TRY { columns.relocate_rows(columns_, size_); }
            FRAMEALLOC_CATCH_ALL {
                columns.destroy_rows(size_, size_ + 1);
                FRAMEALLOC_RETHROW;
            }
            give_back_buffer();
            own(fresh);
        }
    }
    /// `more` rows of their default; if one throws, there are as many as before.
    template <bool ValueInitialise>
    void add(std::size_t more) {
        if (more > capacity_ - size_) {
            std::size_t const rows = more <= SIZE_MAX - size_ ? size_ + more : SIZE_MAX;  // which is refused
            change_capacity(rows, capacity_for(rows));
        }
        columns_.template make_rows<ValueInitialise>(size_, size_ + more);
        size_ += more;
    }
    template <bool ValueInitialise>
    void resize_to(std::size_t rows) {
        if (rows > size_) return add<ValueInitialise>(rows - size_);
        columns_.destroy_rows(rows, size_);
        size_ = rows;
    }

    [[no_unique_address]] unit_allocator allocator_{};
    columns_type columns_{};
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// In the pools of a `smart_alloc` while it is small, and on its heap: `soa_vector<float, int> v{alloc};`. For another assembly,
/// `basic_soa_vector<pool_allocator<std::byte, Alloc>, float, int>`.
template <class... Fields>
using soa_vector = basic_soa_vector<pool_allocator<std::byte>, Fields...>;

/// In the calling thread's frame: it is gone by the end of the frame, and grows in the scope in which it was made.
template <class... Fields>
using frame_soa = basic_soa_vector<frame_buffer_allocator<std::byte>, Fields...>;

}  // namespace framealloc
