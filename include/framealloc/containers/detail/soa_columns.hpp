// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/construct.hpp>
#include <framealloc/handle/relocation.hpp>
#include <framealloc/layout.hpp>

#include <tuple>
#include <utility>

// What columns are made of: where they lie in one buffer, and what happens to the objects in them. Nothing here allocates.

namespace framealloc::inline v0_1::detail {

/// Each column begins on a cache line of its own: no two are written through one line, and a vector register's worth of it
/// straddles none.
template <class Field>
inline constexpr std::size_t soa_column_align = alignof(Field) > cache_line_bytes ? alignof(Field) : cache_line_bytes;

/// Where the columns of a buffer lie. A buffer is counted in units, which are as large as they are aligned, so that any standard
/// allocator can be asked for one.
///
///     [ field 0, field 0, ... | field 1, field 1, ... | field 2, ... ]
///     ^ offsets[0] = 0        ^ offsets[1]            ^ offsets[2]    ^ units
///
/// Offsets grow with the number of rows, each of them: so columns that go apart can be moved one by one, the last one first.
template <class... Fields>
struct soa_shape {
    static constexpr std::size_t unit_bytes = [] {
        std::size_t most = 0;
        ((most = soa_column_align<Fields> > most ? soa_column_align<Fields> : most), ...);
        return most;
    }();
    struct alignas(unit_bytes) unit {
        unsigned char bytes[unit_bytes];
    };

    std::size_t offsets[sizeof...(Fields)]{};
    std::size_t units = 0;  ///< SIZE_MAX where a sum or product overflows: every allocator refuses that

    [[nodiscard]] static constexpr soa_shape of(std::size_t rows) noexcept {
        soa_shape shape;
        layout whole{.bytes = 0, .align = 1};
        std::size_t i = 0;
        ((whole = whole.extend({.bytes = layout::array_of<Fields>(rows).bytes, .align = soa_column_align<Fields>},
                               shape.offsets[i++])),
         ...);
        shape.units = whole.bytes == SIZE_MAX ? SIZE_MAX : whole.bytes / unit_bytes + (whole.bytes % unit_bytes != 0);
        return shape;
    }
};

/// Copies `n` objects to where none are. If a copy throws, nothing is left of them.
template <class T>
void copy_objects(T* to, T const* from, std::size_t n) {
    if constexpr (std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>) {
        if (n != 0) __builtin_memcpy(static_cast<void*>(to), static_cast<void const*>(from), n * sizeof(T));
    } else {
        std::size_t made = 0;
        FRAMEALLOC_TRY {
            for (; made < n; ++made) ::new (static_cast<void*>(to + made)) T(from[made]);
        }
        FRAMEALLOC_CATCH_ALL {
            destroy_backwards(to, made);
            FRAMEALLOC_RETHROW;
        }
    }
}

/// Brings `n` objects to where none are, or down within their own row; where they were there are none afterwards.
template <class T>
void relocate_objects(T* to, T* from, std::size_t n) noexcept {
    static_assert(relocation_of<T> == relocation::bytes || relocation_of<T> == relocation::move);
    if constexpr (relocation_of<T> == relocation::bytes) {
        if (n != 0) __builtin_memmove(static_cast<void*>(to), static_cast<void const*>(from), n * sizeof(T));
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            ::new (static_cast<void*>(to + i)) T(static_cast<T&&>(from[i]));
            destroy_backwards(from + i, 1);
        }
    }
}

/// The columns of a buffer, by where they begin: all null while there is none.
template <class... Fields>
class soa_columns {
    template <class T>
    static constexpr bool is_copied = relocation_of<T> == relocation::copy;

public:
    using shape = soa_shape<Fields...>;
    using unit = typename shape::unit;
    template <std::size_t I>
    using field = std::tuple_element_t<I, std::tuple<Fields...>>;
    static constexpr std::size_t count = sizeof...(Fields);
    /// Whether rows move by their bytes; whether they move without throwing.
    static constexpr bool all_bytes = ((relocation_of<Fields> == relocation::bytes) && ...);
    static constexpr bool all_nothrow = !(is_copied<Fields> || ...);

    soa_columns() noexcept = default;
    soa_columns(unit* buffer, shape const& s) noexcept { lie(buffer, s); }

    template <std::size_t I>
    [[nodiscard]] field<I>* at() const noexcept {
        return std::get<I>(at_);
    }
    [[nodiscard]] std::tuple<Fields*...> const& all() const noexcept { return at_; }
    [[nodiscard]] unit* buffer() const noexcept { return pointer_to<unit>(address_of(std::get<0>(at_))); }

    /// Makes row `i`, each field of one argument. If one throws, nothing is left of the row.
    template <class... Args>
    void make_row(std::size_t i, Args&&... args) const {
        make_fields<0>(i, static_cast<Args&&>(args)...);
    }
    /// Makes rows `from` up to `to`, value-initialised or default-initialised. If one throws, nothing is left of them.
    template <bool ValueInitialise>
    void make_rows(std::size_t from, std::size_t to) const {
        make_columns<0, false>(from, to, [&]<std::size_t I>() {
            construct_n<field<I>, ValueInitialise>(at<I>() + from, to - from, [] {});
        });
    }
    void copy_rows(soa_columns const& other, std::size_t n) const {
        make_columns<0, false>(0, n, [&]<std::size_t I>() { copy_objects<field<I>>(at<I>(), other.at<I>(), n); });
    }
    void destroy_rows(std::size_t from, std::size_t to) const noexcept {
        each([&]<std::size_t I>() { destroy_backwards(at<I>() + from, to - from); });
    }

    /// Brings the `n` rows of `other` here; it has none afterwards. What can throw comes first, and is a copy: if it does, the rows
    /// are there as they were, and none are here.
    void relocate_rows(soa_columns const& other, std::size_t n) const noexcept(all_nothrow) {
        if constexpr (!all_nothrow) {
            make_columns<0, true>(0, n, [&]<std::size_t I>() { copy_objects<field<I>>(at<I>(), other.at<I>(), n); });
        }
        each([&]<std::size_t I>() {
            if constexpr (is_copied<field<I>>) {
                destroy_backwards(other.at<I>(), n);
            } else {
                relocate_objects(at<I>(), other.at<I>(), n);
            }
        });
    }
    /// Brings `n` rows from `from` on, of these columns or others, to `to` on, where none are.
    void relocate_rows(std::size_t to, soa_columns const& other, std::size_t from, std::size_t n) const noexcept
        requires(all_nothrow)
    {
        each([&]<std::size_t I>() { relocate_objects(at<I>() + to, other.at<I>() + from, n); });
    }
    /// Gives `n` rows another shape where they lie: columns go up from the last one on, or down from the first.
    void reshape(shape const& from, shape const& to, std::size_t n) noexcept
        requires(all_bytes)
    {
        unit* const base = buffer();
        auto const move = [&]<std::size_t I>() {
            __builtin_memmove(behind(base, to.offsets[I]), behind(base, from.offsets[I]), n * sizeof(field<I>));
        };
        if (to.units >= from.units) {
            each_backwards(move);
        } else {
            each(move);
        }
        lie(base, to);
    }

private:
    void lie(unit* buffer, shape const& s) noexcept {
        each([&]<std::size_t I>() { std::get<I>(at_) = static_cast<field<I>*>(behind(buffer, s.offsets[I])); });
    }

    template <class F>
    static void each(F&& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f.template operator()<I>(), ...);
        }(std::index_sequence_for<Fields...>{});
    }
    template <class F>
    static void each_backwards(F&& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f.template operator()<count - 1 - I>(), ...);
        }(std::index_sequence_for<Fields...>{});
    }

    template <std::size_t I, class First, class... Rest>
    void make_fields(std::size_t i, First&& first, Rest&&... rest) const {
        field<I>* const made = construct<field<I>>(at<I>() + i, [] {}, static_cast<First&&>(first));
        if constexpr (sizeof...(Rest) != 0) {
            FRAMEALLOC_TRY { make_fields<I + 1>(i, static_cast<Rest&&>(rest)...); }
            FRAMEALLOC_CATCH_ALL {
                destroy_backwards(made, 1);
                FRAMEALLOC_RETHROW;
            }
        }
    }

    /// Calls `make` for one column after the other, or for those that are copied; if one throws, rows `from` up to `to` of those
    /// before it are destroyed.
    template <std::size_t I, bool OnlyCopied, class Make>
    void make_columns(std::size_t from, std::size_t to, Make&& make) const {
        constexpr bool is_made = !OnlyCopied || is_copied<field<I>>;
        if constexpr (is_made) make.template operator()<I>();
        if constexpr (I + 1 < count) {
            FRAMEALLOC_TRY { make_columns<I + 1, OnlyCopied>(from, to, make); }
            FRAMEALLOC_CATCH_ALL {
                if constexpr (is_made) destroy_backwards(at<I>() + from, to - from);
                FRAMEALLOC_RETHROW;
            }
        }
    }

    std::tuple<Fields*...> at_{};
};

/// Room for one row, in which it waits while the columns that it is made from are moved. Only for rows that move by bytes.
template <class... Fields>
struct soa_waiting_row {
    using shape = soa_shape<Fields...>;
    static constexpr shape one = shape::of(1);
    typename shape::unit room[one.units];
    soa_columns<Fields...> row{room, one};
    bool is_made = false;

    template <class... Args>
    explicit soa_waiting_row(Args&&... args) {
        row.make_row(0, static_cast<Args&&>(args)...);
        is_made = true;
    }
    soa_waiting_row(soa_waiting_row const&) = delete;
    soa_waiting_row& operator=(soa_waiting_row const&) = delete;
    ~soa_waiting_row() {
        if (is_made) row.destroy_rows(0, 1);
    }
    void goes_to(soa_columns<Fields...> const& columns, std::size_t i) noexcept {
        columns.relocate_rows(i, row, 0, 1);
        is_made = false;
    }
};

}  // namespace framealloc::detail
