// SPDX-License-Identifier: MIT OR Apache-2.0

// The hook on the global operator new: every form of it is counted, gives usable memory, and is refused before anything is
// allocated where the handler throws.

#include "support/test.hpp"

#include "support/faults.hpp"

#include <framealloc/contracts.hpp>
#include <framealloc/testing/contracts_new.hpp>

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

using namespace framealloc;
using test::fault_recorder;

namespace {

struct alignas(128) wide {
    char bytes[256];
};

// Kept from the compiler, which may leave out a pair of new and delete.
template <class T>
T* used(T* p) {
    asm volatile("" : : "r"(p) : "memory");
    return p;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(global_new)

BOOST_AUTO_TEST_CASE(every_form_of_operator_new_is_counted)
{
    allocation_budget const counted{.reports = false};
    unsigned long long expected = 0;
    auto const expect_one_more = [&](unsigned long long bytes) {
        ++expected;
        unsigned long long const count = counted.requested_count();
        static unsigned long long before = 0;
        unsigned long long const grown = counted.requested_bytes() - before;
        BOOST_TEST(count >= expected);  // Boost.Test's own checks allocate, too
        BOOST_TEST(grown >= bytes);
        expected = counted.requested_count();
        before = counted.requested_bytes();
    };
    delete used(new int);
    expect_one_more(sizeof(int));
    delete[] used(new int[10]);
    expect_one_more(10 * sizeof(int));
    wide* const w = used(new wide);
    expect_one_more(sizeof(wide));
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(w) % 128 == 0u);
    delete w;
    delete[] used(new wide[3]);
    expect_one_more(3 * sizeof(wide));
    delete used(new (std::nothrow) int);
    expect_one_more(sizeof(int));
    delete[] used(new (std::nothrow) wide[2]);
    expect_one_more(2 * sizeof(wide));
}

BOOST_AUTO_TEST_CASE(a_container_inside_a_contract_is_reported_with_its_place)
{
    std::size_t breaches = 0;
    std::string text;
    {
        fault_recorder const faults;
        {
            no_allocation_scope const quiet{"audio callback", contract_intents::global_new()};
            std::vector<int> v(100);
            used(v.data());
            breaches = quiet.breaches();
        }
        text = faults.last_text();
        BOOST_TEST(faults.count() == 1u);
    }
    BOOST_TEST(breaches == 1u);
    BOOST_TEST(text.find("\"audio callback\" allows 0 allocations; this is number 1, of 400 bytes") != std::string::npos);
    BOOST_TEST(text.find("\n  at: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_contract_on_frames_does_not_see_operator_new)
{
    fault_recorder const faults;
    no_allocation_scope const frames{"frames", intent::frame};
    delete used(new int);
    BOOST_TEST(frames.breaches() == 0u);
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_handler_that_throws_refuses_operator_new)
{
    auto const before = set_fault_handler([](fault const&) -> fault_action { throw std::bad_alloc{}; });
    bool thrown = false;
    void* nothing = &thrown;
    {
        no_allocation_scope const quiet;
        try {
            delete used(new int);
        } catch (std::bad_alloc const&) {
            thrown = true;
        }
        nothing = used(new (std::nothrow) int);
    }
    set_fault_handler(before);
    BOOST_TEST(thrown);
    BOOST_TEST((nothing == nullptr));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_had_is_refused_as_the_standard_says)
{
    auto volatile huge = static_cast<std::size_t>(PTRDIFF_MAX);
    BOOST_CHECK_THROW(used(static_cast<char*>(::operator new(huge))), std::bad_alloc);
    BOOST_TEST((::operator new(huge, std::nothrow) == nullptr));
    auto volatile wraps = SIZE_MAX - 3;  // when it is rounded up to the alignment
    BOOST_TEST((::operator new(wraps, std::align_val_t{64}, std::nothrow) == nullptr));
    static int asked = 0;
    asked = 0;
    std::set_new_handler([] {
        if (++asked == 3) std::set_new_handler(nullptr);
    });
    BOOST_CHECK_THROW(used(static_cast<char*>(::operator new(huge))), std::bad_alloc);
    BOOST_TEST(asked == 3);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
