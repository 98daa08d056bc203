// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/faults.hpp"

#include <framealloc/checked.hpp>
#include <framealloc/guarded.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

bool holds(std::string const& text, std::string const& what) { return text.find(what) != std::string::npos; }

struct counted {
    static inline int alive = 0;
    int value;
    explicit counted(int v = 0) : value(v) { ++alive; }
    counted(counted const& o) : value(o.value) { ++alive; }
    counted& operator=(counted const&) = default;
    ~counted() { --alive; }
};

struct alignas(64) wide {
    char bytes[64]{};
};
struct immovable {
    int value = 3;
    immovable() = default;
    explicit immovable(int v) : value(v) {}
    immovable(immovable const&) = delete;
    immovable& operator=(immovable const&) = delete;
};

/// A byte of the memory around an object, by its distance from the object's begin.
template <class T>
unsigned char& byte_at(guarded<T>& g, std::ptrdiff_t distance) {
    return reinterpret_cast<unsigned char*>(&g)[std::max<std::ptrdiff_t>(16, alignof(T)) + distance];
}

// In constant expressions they are what they hold.
constexpr int sum() {
    framealloc::checked<int> a{3}, b{4};
    swap(a, b);
    framealloc::checked<int> c = std::move(a);
    a = 10;
    guarded<int> g{5};
    guarded<int> const h = g;
    *g += 1;
    swap(b, c);
    b.destroy();
    b.emplace(100);
    return *a + *b + *c + *g + *h;
}
static_assert(sum() == 10 + 100 + 3 + 6 + 5);

static_assert(alignof(framealloc::checked<wide>) == 64);
static_assert(alignof(guarded<wide>) == 64);
static_assert(std::is_nothrow_move_constructible_v<framealloc::checked<std::string>>);
static_assert(!std::is_copy_constructible_v<framealloc::checked<immovable>>);
static_assert(!std::is_move_constructible_v<guarded<immovable>>);
static_assert(!std::is_copy_constructible_v<guarded<std::unique_ptr<int>>>);
static_assert(std::is_move_constructible_v<guarded<std::unique_ptr<int>>>);
static_assert(std::is_convertible_v<int, framealloc::checked<int>> && !std::is_convertible_v<int, framealloc::checked<counted>>);
static_assert(sizeof(guarded<int>) <= 48);

}  // namespace

BOOST_AUTO_TEST_SUITE(checked_objects)

// --- checked<T> ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_checked_object_is_its_value_while_it_lives)
{
    fault_recorder const faults;
    {
        framealloc::checked<std::string> text{"a text that is too long for the string itself to hold"};
        framealloc::checked<std::string> const copy = text;
        BOOST_TEST(text->size() == copy->size());
        *text += "!";
        BOOST_TEST(text->back() == '!');
        framealloc::checked<std::vector<int>> const list{std::in_place, 3u, 7};
        BOOST_TEST(list->size() == 3u);
        framealloc::checked<immovable> fixed{std::in_place, 9};
        BOOST_TEST(fixed->value == 9);
        framealloc::checked<counted> one{std::in_place, 1}, two{std::in_place, 2};
        swap(one, two);
        BOOST_TEST(one->value == 2);
        BOOST_TEST(counted::alive == 2);
        BOOST_TEST(one.is_alive());
    }
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(faults.count() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_used_after_destroy_is_reported_with_its_place)
{
    fault_recorder const faults;
    framealloc::checked<counted> object{std::in_place, 5};
    object.destroy();
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(!object.is_alive());
    static_cast<void>(object.get());
    BOOST_TEST(faults.last() == fault_code::object_not_alive);
    BOOST_TEST(faults.last_would_stop());
    BOOST_TEST(holds(faults.last_text(), "has been destroyed"));
    BOOST_TEST(holds(faults.last_text(), "\n  at: "));
#ifdef FRAMEALLOC_TEST_SYMBOLS
    BOOST_TEST(holds(faults.last_text(), "what_is_used_after_destroy_is_reported"));
#endif
    static_cast<void>(*std::as_const(object));
    object.destroy();
    BOOST_TEST(faults.count() == 3u);
    object.emplace(6);
    BOOST_TEST(object->value == 6);
    BOOST_TEST(faults.count() == 3u);
}

BOOST_AUTO_TEST_CASE(destruction_fills_the_object_with_cd)
{
    alignas(framealloc::checked<counted>) unsigned char memory[sizeof(framealloc::checked<counted>)];
    auto* const object = ::new (static_cast<void*>(memory)) framealloc::checked<counted>{std::in_place, 5};
    object->~checked();
    BOOST_TEST(std::count(std::begin(memory), std::end(memory), 0xCD) == std::ptrdiff_t{sizeof memory});
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(the_program_stops_at_a_use_after_the_end)
{
    for (int what = 0; what < 3; ++what) {
        auto const child = test::run_in_child([what] {
            alignas(framealloc::checked<int>) static unsigned char memory[sizeof(framealloc::checked<int>)];
            auto* const object = ::new (static_cast<void*>(memory)) framealloc::checked<int>{5};
            if (what == 2) {
                framealloc::checked<int> const other = std::move(*object);
                return **object;
            }
            object->~checked();
            if (what == 0) return **object;
            object->~checked();
            return 0;
        });
        BOOST_TEST_CONTEXT(child.error_text) {
            BOOST_TEST(child.aborted());
            BOOST_TEST(child.says("FA222"));
            BOOST_TEST(child.says(what == 2 ? "has been moved from" : "has been destroyed"));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_used_after_it_was_moved_from_is_reported_until_it_has_a_value_again)
{
    fault_recorder const faults;
    framealloc::checked<std::string> from{"text"};
    framealloc::checked<std::string> to = std::move(from);
    BOOST_TEST(from.is_moved_from());
    BOOST_TEST(faults.count() == 0u);
    static_cast<void>(from->size());
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(holds(faults.last_text(), "has been moved from"));
    from = framealloc::checked<std::string>{"new"};
    BOOST_TEST(*from == "new");
    to = std::move(from);
    BOOST_TEST(*to == "new");
    from = to;
    BOOST_TEST(*from == "new");
    BOOST_TEST(faults.count() == 1u);
    auto& same = to;
    to = std::move(same);
    BOOST_TEST(*to == "new");
}

BOOST_AUTO_TEST_CASE(memory_that_holds_no_checked_object_is_told_apart)
{
    fault_recorder const faults;
    framealloc::checked<int> object{5};
    std::memset(static_cast<void*>(&object), 0x11, sizeof object);
    static_cast<void>(object.get());
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(holds(faults.last_text(), "its state word was written over: it is 0x1111111111111111"));
    object.emplace(5);
}

// --- guarded<T> ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_guarded_object_is_its_value)
{
    fault_recorder const faults;
    {
        guarded<std::string> text{"a text that is too long for the string itself to hold"};
        guarded<std::string> const copy = text;
        *text += "!";
        BOOST_TEST(text->size() == copy->size() + 1);
        guarded<std::string> moved = std::move(text);
        BOOST_TEST(moved->back() == '!');
        text = copy;
        BOOST_TEST(*text == *copy);
        guarded<std::unique_ptr<int>> a{std::make_unique<int>(1)}, b{std::make_unique<int>(2)};
        swap(a, b);
        BOOST_TEST(**a == 2);
        b = std::move(a);
        BOOST_TEST(**b == 2);
        guarded<immovable> const fixed{std::in_place, 7};
        BOOST_TEST(fixed->value == 7);
        guarded<counted> one{std::in_place, 1};
        BOOST_TEST(one.verify());
        guarded<wide> aligned;
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(aligned.operator->()) % 64 == 0u);
        BOOST_TEST(reinterpret_cast<unsigned char*>(aligned.operator->()) == &byte_at(aligned, 0));
    }
    BOOST_TEST(counted::alive == 0);
    BOOST_TEST(faults.count() == 0u);
}

template <class T>
void expect_every_byte_beside_it_is_guarded()
{
    auto const bytes = static_cast<std::ptrdiff_t>(sizeof(T));
    std::ptrdiff_t const below = std::max<std::ptrdiff_t>(16, alignof(T));
    guarded<T> g;
    for (std::ptrdiff_t at = -below; at < bytes + 16; ++at) {
        if (at >= 0 && at < bytes) continue;
        fault_recorder const faults;
        unsigned char& byte = byte_at(g, at);
        unsigned char const before = byte;
        byte = static_cast<unsigned char>(before + 1);
        static_cast<void>(g.get());
        BOOST_TEST(faults.count() == 1u);
        char value[8];
        std::snprintf(value, sizeof value, "0x%02x", byte);
        if (at < 0) {
            BOOST_TEST(faults.last() == fault_code::underflow);
            BOOST_TEST(holds(faults.last_text(), "the byte " + std::to_string(-at) + " below it is " + value));
        } else {
            BOOST_TEST(faults.last() == fault_code::overflow);
            BOOST_TEST(holds(faults.last_text(), "behind its " + std::to_string(bytes) + " bytes: the byte at offset " +
                                                     std::to_string(at) + " is " + value));
        }
        BOOST_TEST(faults.last_would_stop());
        BOOST_TEST(!g.verify());
        static_cast<void>(*std::as_const(g));
        BOOST_TEST(faults.count() == 3u);
        byte = before;
        BOOST_TEST(g.verify());
    }
}

BOOST_AUTO_TEST_CASE(a_write_of_one_byte_beside_it_is_reported_with_offset_and_value_at_every_alignment)
{
    expect_every_byte_beside_it_is_guarded<char>();
    expect_every_byte_beside_it_is_guarded<std::array<char, 3>>();
    expect_every_byte_beside_it_is_guarded<int>();
    expect_every_byte_beside_it_is_guarded<std::array<double, 5>>();
    expect_every_byte_beside_it_is_guarded<long double>();
    expect_every_byte_beside_it_is_guarded<wide>();
}

BOOST_AUTO_TEST_CASE(damage_on_both_sides_is_two_reports)
{
    fault_recorder const faults;
    guarded<int> g{1};
    byte_at(g, -3) = 0;
    byte_at(g, 9) = 0;
    BOOST_TEST(!g.verify());
    BOOST_TEST((faults.codes() == std::vector{fault_code::underflow, fault_code::overflow}));
    g.restore();
    BOOST_TEST(g.verify());
    BOOST_TEST(*g == 1);
}

BOOST_AUTO_TEST_CASE(damage_is_found_when_the_object_is_destroyed)
{
    fault_recorder const faults;
    {
        guarded<counted> g{std::in_place, 1};
        byte_at(g, sizeof(counted)) = 0;
    }
    BOOST_TEST(faults.count() == 1u);
    BOOST_TEST(faults.last() == fault_code::overflow);
    BOOST_TEST(counted::alive == 0);
}

BOOST_AUTO_TEST_CASE(the_program_stops_with_another_message_for_each_side)
{
    for (bool const below : {true, false}) {
        auto const child = test::run_in_child([below] {
            guarded<int> g{1};
            byte_at(g, below ? -1 : 4) = 7;
            return *g;
        });
        BOOST_TEST(child.aborted());
        BOOST_TEST(child.says(below ? "[framealloc][FA215] error: write before the begin of a block"
                                    : "[framealloc][FA214] error: write beyond the end of a block"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
