// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/container_proof.hpp"

#include <framealloc/ambient_allocator.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <vector>

// Hosts that take the type of an allocator and make their own: nlohmann's json, which makes one at each call, to free
// as well, and component registries, which make one and convert it for everything they hold.

using namespace framealloc;

namespace {

template <class T>
using in_pool = ambient_pool_allocator<T, smart_alloc_debug>;
using json =
    nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, double, in_pool>;

constexpr char const* level = R"({"name": "The Long Quiet",
                                  "bodies": [1, 2.5, {"kind": "ship", "tags": ["a", "b", null]}],
                                  "more": {"deep": {"deeper": [[], [[]], {}]}}, "flag": true})";

template <class Alloc>
std::size_t live(Alloc& alloc) {
    return alloc.stats().pool_blocks_live + alloc.stats().heap_blocks_live;
}

/// As a component registry is made: a sparse set whose parts take allocators rebound from one, which is made by
/// default.
template <class Component, class Allocator = std::allocator<Component>>
class component_storage {
    using traits = std::allocator_traits<Allocator>;
    template <class T>
    using rebound = typename traits::template rebind_alloc<T>;
    static constexpr std::size_t page = 64;

public:
    using allocator_type = Allocator;

    component_storage() : component_storage(allocator_type{}) {}
    explicit component_storage(allocator_type const& a) : pages_(a), dense_(a), sparse_(a) {}
    component_storage(component_storage&&) noexcept = default;
    component_storage& operator=(component_storage&&) noexcept = default;
    ~component_storage() {
        Allocator a(pages_.get_allocator());
        for (Component* p : pages_) traits::deallocate(a, p, page);
    }

    Component& emplace(std::size_t entity, Component const& value) {
        if (sparse_.size() <= entity) sparse_.resize(entity + 1);
        if (dense_.size() % page == 0) {
            Allocator a(pages_.get_allocator());
            pages_.push_back(traits::allocate(a, page));
        }
        sparse_[entity] = dense_.size();
        Component& place = pages_[dense_.size() / page][dense_.size() % page];
        dense_.push_back(entity);
        return *std::construct_at(&place, value);
    }
    Component& get(std::size_t entity) { return pages_[sparse_[entity] / page][sparse_[entity] % page]; }

private:
    std::vector<Component*, rebound<Component*>> pages_;
    std::vector<std::size_t, rebound<std::size_t>> dense_;
    std::vector<std::size_t, rebound<std::size_t>> sparse_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(containers_json)

BOOST_AUTO_TEST_CASE(a_document_goes_back_to_where_it_came_from_whatever_is_current)
{
    smart_alloc_debug one, two;
    test::fault_recorder const faults;
    {
        json first, second;
        {
            current_instance const here{one};
            first = json::parse(level);
        }
        std::size_t const whole = live(one);
        BOOST_TEST(whole > 15u);
        {
            current_instance const here{two};
            second = first;
            BOOST_TEST(live(one) == whole);
            BOOST_TEST(live(two) == whole);
            first["more"]["deep"].push_back({"grown", "here"});
            first["bodies"].erase(2);
            BOOST_TEST(live(one) < whole);
        }
        BOOST_TEST(second.dump() == json::parse(level).dump());
        std::swap(first, second);
        BOOST_TEST(first["name"] == "The Long Quiet");
        second = std::move(first);
        BOOST_TEST(live(one) == 0u);
        BOOST_TEST(live(two) == whole);
        BOOST_TEST(second["bodies"][2]["tags"].size() == 3u);
    }
    BOOST_TEST(live(one) == 0u);
    BOOST_TEST(live(two) == 0u);
    BOOST_TEST(live(default_instance<smart_alloc_debug>()) == 0u);
    BOOST_TEST(faults.count() == 0u);
}

#if FRAMEALLOC_EXCEPTIONS

BOOST_AUTO_TEST_CASE(a_document_with_a_mistake_leaves_nothing)
{
    smart_alloc_debug alloc;
    current_instance const here{alloc};
    std::string const text = level;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        BOOST_CHECK_THROW(json const half = json::parse(text.substr(0, cut)), json::parse_error);
        BOOST_TEST_REQUIRE(live(alloc) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_document_that_finds_no_memory_half_way_leaves_nothing)
{
    using refusing = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t, double,
                                          test::homing_allocator>;
    test::proof_alloc alloc{alloc_config{.heap_cache_bytes = 0}};
    test::fault_recorder const faults;
    current_instance const here{alloc};
    {
        refusing const original = refusing::parse(level);
        std::size_t const whole = live(alloc);
        int refusals = 0;
        for (std::uint64_t n = 1;; ++n) {
            alloc.backend().fail(backend::backend_operation::allocate, backend::fault_plan::once(n));
            bool refused = false;
            try {
                refusing const copy = original;
                BOOST_TEST((copy == original));
            } catch (std::bad_alloc const&) {
                refused = true;
            }
            BOOST_TEST_REQUIRE(live(alloc) == whole);
            refusals += refused;
            // A refusal that the allocator met for its own records, and made do with less, is none of the document's.
            if (!refused && alloc.backend().calls(backend::backend_operation::allocate) < n) {
                BOOST_TEST(refusals > 15);
                break;
            }
        }
    }
    BOOST_TEST(live(alloc) == 0u);
    BOOST_TEST(faults.count() == 0u);
}

#endif

BOOST_AUTO_TEST_CASE(a_component_registry_makes_its_allocators_by_itself)
{
    smart_alloc_debug game, editor;
    test::fault_recorder const faults;
    {
        current_instance const here{game};
        component_storage<double, in_pool<double>> speeds;
        component_storage<long, in_pool<long>> healths{in_pool<long>{editor}};
        {
            current_instance const elsewhere{editor};
            for (std::size_t e = 0; e < 1000; ++e) {
                speeds.emplace(e * 3, double(e));
                healths.emplace(e, long(e));
            }
        }
        std::size_t const of_game = live(game), of_editor = live(editor);
        BOOST_TEST(of_game == 16u + 3u);  // pages, and three arrays
        BOOST_TEST(of_editor == 16u + 3u);
        BOOST_TEST(speeds.get(2997) == 999.0);
        auto const moved = std::move(speeds);
        BOOST_TEST(live(game) == of_game);
    }
    BOOST_TEST(live(game) == 0u);
    BOOST_TEST(live(editor) == 0u);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
