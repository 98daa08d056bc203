// SPDX-License-Identifier: MIT OR Apache-2.0
#include "pairwise/rows.hpp"

#include <array>
#include <string>
#include <vector>

using namespace framealloc;
using namespace framealloc::test;

namespace {

template <class T, class... List>
constexpr std::size_t place_in(std::type_identity<std::tuple<List...>>)
{
    std::size_t place = 0;
    static_cast<void>(((std::is_same_v<T, List> || (++place, false)) || ...));
    return place;
}
template <class T, class List>
constexpr std::size_t place = place_in<T>(std::type_identity<List>{});

constexpr std::size_t families = 6;
constexpr std::array<std::size_t, families> sizes{std::tuple_size_v<backends>, std::tuple_size_v<arenas>,
                                                  std::tuple_size_v<pools>,    std::tuple_size_v<syncs>,
                                                  std::tuple_size_v<budgets>,  std::tuple_size_v<diagnoses>};
constexpr std::array<char const*, families> names{"backend", "arena", "pool", "sync", "budget", "diagnostics"};

using places = std::array<std::size_t, families>;
template <class B, class A, class P, class S, class G, class D>
constexpr places places_of(std::type_identity<row<B, A, P, S, G, D>>)
{
    return {place<B, backends>, place<A, arenas>, place<P, pools>, place<S, syncs>, place<G, budgets>, place<D, diagnoses>};
}
template <class... Rows>
void collect(std::vector<places>& all, std::type_identity<std::tuple<Rows...>>)
{
    (all.push_back(places_of(std::type_identity<Rows>{})), ...);
}

/// Which arenas a backend can serve.
template <class... Backends>
std::vector<bool> can_commit_on_demand(std::type_identity<std::tuple<Backends...>>)
{
    return {has_virtual_memory<Backends>...};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pairwise_coverage)

BOOST_AUTO_TEST_CASE(every_two_policies_that_can_work_together_stand_in_one_row)
{
    std::vector<places> all;
    collect(all, std::type_identity<rows_1>{});
    collect(all, std::type_identity<rows_2>{});
    collect(all, std::type_identity<rows_3>{});
    collect(all, std::type_identity<rows_4>{});
    auto const commits = can_commit_on_demand(std::type_identity<backends>{});
    constexpr std::size_t contiguous = place<contiguous_arena, arenas>;

    std::size_t pairs = 0;
    for (places const& p : all) {
        for (std::size_t f = 0; f < families; ++f) BOOST_TEST_REQUIRE(p[f] < sizes[f], "a row has a " << names[f] << " of no list");
    }
    for (std::size_t f = 0; f < families; ++f) {
        for (std::size_t g = f + 1; g < families; ++g) {
            for (std::size_t i = 0; i < sizes[f]; ++i) {
                for (std::size_t k = 0; k < sizes[g]; ++k) {
                    if (f == 0 && g == 1 && k == contiguous && !commits[i]) continue;  // refused by the compiler
                    ++pairs;
                    bool found = false;
                    for (places const& p : all) found = found || (p[f] == i && p[g] == k);
                    BOOST_TEST(found, "no row has " << names[f] << " " << i << " with " << names[g] << " " << k);
                }
            }
        }
    }
    BOOST_TEST(pairs > 250u);
    BOOST_TEST_MESSAGE(all.size() << " rows for " << pairs << " pairs");
}

BOOST_AUTO_TEST_SUITE_END()
