// SPDX-License-Identifier: MIT OR Apache-2.0

// A table by columns and by rows: 1,000 rows, which fit the caches next to the core, and 1,000,000, which do not. A row has ten
// fields, twenty floats, 80 bytes. An item is one row.
//
//   soa_two_fields_of_N   a loop that moves positions by velocities: two of the ten fields
//   soa_all_fields_of_N   a loop that reads all twenty floats of each row: where rows lie together and columns have nothing to gain
//   soa_fill_of_N         N rows put in one by one, nothing reserved, and all gone again
//
// `framealloc_rows` loops over rows, `framealloc_columns` over spans. The limit is columns by hand, each a vector that has
// reserved what it needs in the end. `vector_of_columns` is the same without reserving; `vector_of_rows` one of structures.

#include "support/compare.hpp"
#include "support/smoke.hpp"

#include <framealloc/containers/soa_vector.hpp>

#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace {

struct vec3 {
    float x, y, z;
};
struct vec4 {
    float x, y, z, w;
};
/// What a loop needs most comes first, as whoever writes the structure would have it.
struct body {
    vec3 position, velocity, force;
    vec4 rotation;
    vec3 spin;
    float mass, drag, age, heat;
};
static_assert(sizeof(body) == 80);
constexpr float step = 0.016F;

[[gnu::always_inline]] inline void move(vec3& position, vec3 const& velocity) {
    position.x += velocity.x * step;
    position.y += velocity.y * step;
    position.z += velocity.z * step;
}
[[gnu::always_inline]] inline float sum(vec3 const& v) { return v.x + v.y + v.z; }
[[gnu::always_inline]] inline float sum(vec4 const& v) { return v.x + v.y + v.z + v.w; }
[[gnu::always_inline]] inline float sum(float v) { return v; }

/// Calls `add(field...)` for `rows` rows.
template <class Add>
void fill(std::size_t rows, Add&& add) {
    for (std::size_t i = 0; i < rows; ++i) {
        auto const f = static_cast<float>(i);
        add(vec3{f, 1, 2}, vec3{1, f, 3}, vec3{}, vec4{0, 0, 0, 1}, vec3{}, 1.0F, f, 0.0F, 300.0F);
    }
}

template <template <class...> class Table>
using table_of = Table<vec3, vec3, vec3, vec4, vec3, float, float, float, float>;

struct ours {
    framealloc::smart_alloc alloc;
    table_of<framealloc::soa_vector> table{alloc};

    void fill_all(std::size_t rows) {
        fill(rows, [&](auto const&... fields) { table.emplace_back(fields...); });
    }
    void drop() { table = table_of<framealloc::soa_vector>{alloc}; }
};
struct ours_by_rows : ours {
    void two() {
        for (auto [position, velocity, f, r, s, m, d, a, h] : table) move(position, velocity);
    }
    float all() {
        float total = 0;
        for (auto [p, v, f, r, s, m, d, a, h] : table)
            total += sum(p) + sum(v) + sum(f) + sum(r) + sum(s) + sum(m) + sum(d) + sum(a) + sum(h);
        return total;
    }
};
struct ours_by_columns : ours {
    void two() {
        auto const positions = table.column<0>();
        auto const velocities = std::as_const(table).column<1>();
        for (std::size_t i = 0; i < positions.size(); ++i) move(positions[i], velocities[i]);
    }
    float all() {
        float total = 0;
        std::apply([&](auto... column) { ((total += total_of(column)), ...); }, std::as_const(table).columns());
        return total;
    }
    template <class Span>
    static float total_of(Span column) {
        float total = 0;
        for (auto const& field : column) total += sum(field);
        return total;
    }
};
struct ours_in_a_frame {
    framealloc::smart_alloc alloc;
    void fill_all(std::size_t rows) {
        alloc.begin_frame();
        table_of<framealloc::frame_soa> table{alloc};
        fill(rows, [&](auto const&... fields) { table.emplace_back(fields...); });
        benchmark::DoNotOptimize(table.column<0>().data());
    }
    void drop() { alloc.end_frame(); }
};

template <bool Reserves, class... Fields>
struct by_hand {
    std::tuple<std::vector<Fields>...> columns;

    void fill_all(std::size_t rows) {
        if constexpr (Reserves) std::apply([&](auto&... c) { (c.reserve(rows), ...); }, columns);
        fill(rows,
             [&](auto const&... fields) { std::apply([&](auto&... c) { (c.push_back(fields), ...); }, columns); });
    }
    void drop() { columns = {}; }
    void two() {
        vec3* const positions = std::get<0>(columns).data();
        vec3 const* const velocities = std::get<1>(columns).data();
        for (std::size_t i = 0, n = std::get<0>(columns).size(); i < n; ++i) move(positions[i], velocities[i]);
    }
    float all() {
        float total = 0;
        std::apply([&](auto const&... c) { ((total += ours_by_columns::total_of(std::span{c})), ...); }, columns);
        return total;
    }
};
template <class... Fields>
using limit_of = by_hand<true, Fields...>;
template <class... Fields>
using vectors_of = by_hand<false, Fields...>;

struct vector_of_rows {
    std::vector<body> table;
    void fill_all(std::size_t rows) {
        fill(rows, [&](auto const&... fields) { table.push_back({fields...}); });
    }
    void drop() { table = {}; }
    void two() {
        for (body& b : table) move(b.position, b.velocity);
    }
    float all() {
        float total = 0;
        for (body const& b : table)
            total += sum(b.position) + sum(b.velocity) + sum(b.force) + sum(b.rotation) + sum(b.spin) + b.mass +
                     b.drag + b.age + b.heat;
        return total;
    }
};

template <class Table, class Body>
void measure(benchmark::State& state, std::size_t rows, bool is_filled, Body&& body) {
    auto const table = std::make_unique<Table>();
    if (is_filled) table->fill_all(rows);
    for (auto _ : state) {
        body(*table);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}

template <class Table, bool Loops = true>
void add(char const* contender) {
    for (std::size_t const wanted : {std::size_t{1'000}, std::size_t{1'000'000}}) {
        std::string const of = "_of_" + std::to_string(wanted);
        std::size_t const rows = work(wanted, 1'000);
        if constexpr (Loops) {
            compare::add("soa_two_fields" + of, contender, [rows](benchmark::State& state) {
                measure<Table>(state, rows, true, [](Table& t) { t.two(); });
            });
            compare::add("soa_all_fields" + of, contender, [rows](benchmark::State& state) {
                measure<Table>(state, rows, true, [](Table& t) { benchmark::DoNotOptimize(t.all()); });
            });
        }
        compare::add("soa_fill" + of, contender, [rows](benchmark::State& state) {
            measure<Table>(state, rows, false, [rows](Table& t) {
                t.fill_all(rows);
                benchmark::DoNotOptimize(t);
                t.drop();
            });
        });
    }
}

[[maybe_unused]] bool const registered = [] {
    add<table_of<limit_of>>("limit");
    add<ours_by_rows>("framealloc_rows");
    add<ours_by_columns>("framealloc_columns");
    add<ours_in_a_frame, false>("framealloc_frame");
    add<table_of<vectors_of>>("vector_of_columns");
    add<vector_of_rows>("vector_of_rows");
    return true;
}();

}  // namespace
