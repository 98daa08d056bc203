// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/diagnostics/guarded.hpp>
#include <framealloc/pool/fine_size_class.hpp>
#include <framealloc/testing/budget.hpp>
#include <framealloc/testing/diagnostics.hpp>
#include <framealloc/testing/pool.hpp>

using namespace framealloc;

namespace {

void expect_conformance(testing::conformance_report const& report)
{
    BOOST_TEST(report.passed(), report.text());
}

/// A user's own: steps of 48 bytes.
struct forty_eights {
    using family = pool_family;
    static constexpr std::size_t class_count = 20;
    static constexpr std::size_t max_bytes = 48 * class_count;
    static constexpr std::size_t slab_bytes = std::size_t{64} << 10;
    [[nodiscard]] static constexpr std::size_t class_bytes(std::size_t c) noexcept { return 48 * (c + 1); }
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        for (std::size_t c = 0; c < class_count; ++c) {
            if (class_bytes(c) >= request.bytes && class_bytes(c) % request.align == 0) return c;
        }
        return class_count;
    }
};

// --- tables that break one promise each ---

/// The natural mistake: the class that holds the bytes, whatever the alignment.
struct unaligned_classes : forty_eights {
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        return request.bytes > max_bytes ? class_count : request.bytes == 0 ? 0 : (request.bytes - 1) / 48;
    }
};
struct one_class_too_large : pool::size_class<8, 4096> {
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        std::size_t const c = pool::size_class<8, 4096>::class_for(request);
        return c + 1 < class_count && request.bytes == 64 ? c + 1 : c;
    }
};
struct one_byte_short : pool::size_class<8, 4096> {
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        return pool::size_class<8, 4096>::class_for(
            {.bytes = request.bytes == 129 ? 128 : request.bytes, .align = request.align});
    }
};
struct beyond_the_end : pool::size_class<8, 4096> {
    [[nodiscard]] static constexpr std::size_t class_for(layout request) noexcept {
        return request.bytes > 4096 ? class_count + 1 : pool::size_class<8, 4096>::class_for(request);
    }
};
struct shrinking : forty_eights {
    [[nodiscard]] static constexpr std::size_t class_bytes(std::size_t c) noexcept { return 48 * (class_count - c); }
};
struct odd_slabs : forty_eights {
    static constexpr std::size_t slab_bytes = 65000;
};
struct not_constant : forty_eights {
    [[nodiscard]] static std::size_t class_for(layout request) noexcept { return forty_eights::class_for(request); }
};

// --- budgets ---

/// Lets one byte more through than it says.
struct one_byte_over : budget::global {
    using budget::global::global;
    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        return budget::global::try_charge(bytes) || (bytes == limit_bytes() - used_bytes() + 1 && bytes <= 2001);
    }
};
struct one_byte_under : budget::global {
    using budget::global::global;
    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        return bytes < limit_bytes() - used_bytes() && budget::global::try_charge(bytes);
    }
};
struct wrapping {
    using family = budget_family;
    std::size_t used = 0;
    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        if (used + bytes > limit_bytes()) return false;
        used += bytes;
        return true;
    }
    void refund(std::size_t bytes) noexcept { used -= bytes; }
    [[nodiscard]] std::size_t used_bytes() const noexcept { return used; }
    [[nodiscard]] std::size_t limit_bytes() const noexcept { return 2000; }
};
struct keeps_refunds : budget::global {
    using budget::global::global;
    void refund(std::size_t) noexcept {}
};
struct charges_refusals : budget::global {
    using budget::global::global;
    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        if (budget::global::try_charge(bytes)) return true;
        static_cast<void>(budget::global::try_charge(bytes / 2));
        return false;
    }
};
/// Looks first and adds later, on atomics, so that no tool but the kit complains.
struct racing_budget {
    using family = budget_family;
    detail::atomic<std::size_t> used{0};
    [[nodiscard]] bool try_charge(std::size_t bytes) noexcept {
        std::size_t const seen = used_bytes();
        if (seen > limit_bytes() || bytes > limit_bytes() - seen) return false;
        detail::platform::yield();
        used.store(seen + bytes, detail::order::relaxed);
        return true;
    }
    void refund(std::size_t bytes) noexcept { used.fetch_sub(bytes, detail::order::relaxed); }
    [[nodiscard]] std::size_t used_bytes() const noexcept { return used.load(detail::order::relaxed); }
    [[nodiscard]] std::size_t limit_bytes() const noexcept { return 1'000'000; }
};

// --- diagnostics ---

struct forgets_bytes : diagnostics::counters {
    struct thread_part : operation_counters {
        void on_pool_allocate(std::size_t) noexcept { operation_counters::on_pool_allocate(0); }
    };
};
struct mixes_up : diagnostics::counters {
    struct thread_part : operation_counters {
        void on_heap_free() noexcept { operation_counters::on_pool_free(); }
    };
};
struct counts_in_secret : diagnostics::counters {
    static constexpr bool counts_operations = false;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_budget_and_diagnostics_conformance)

BOOST_AUTO_TEST_CASE(pool_policies_keep_what_a_class_table_promises)
{
    expect_conformance(testing::check_pool<pool::size_class<>>());
    expect_conformance(testing::check_pool<pool::size_class<8, 8, 4096>>());
    expect_conformance(testing::check_pool<pool::size_class<16, 1024, 4096>>());
    expect_conformance(testing::check_pool<pool::size_class<64, 65536, (std::size_t{1} << 20)>>());
    expect_conformance(testing::check_pool<pool::none>());
    expect_conformance(testing::check_pool<pool::fine_size_class<>>());
    expect_conformance(testing::check_pool<pool::fine_size_class<1024, 4096>>());
    expect_conformance(testing::check_pool<pool::fine_size_class<65536, (std::size_t{1} << 20)>>());
    expect_conformance(testing::check_pool<forty_eights>());
}

BOOST_AUTO_TEST_CASE(a_class_table_that_breaks_a_promise_is_found)
{
    BOOST_TEST(testing::check_pool<unaligned_classes>().broke("a class is a multiple of the request's alignment"));
    BOOST_TEST(testing::check_pool<one_class_too_large>().broke("class_for answers the smallest class that serves"));
    BOOST_TEST(testing::check_pool<one_byte_short>().broke("a class holds the request"));
    BOOST_TEST(testing::check_pool<beyond_the_end>().broke("class_for answers a class, or class_count"));
    BOOST_TEST(testing::check_pool<shrinking>().broke("classes grow"));
    BOOST_TEST(testing::check_pool<odd_slabs>().broke("slabs are a power of two"));
    BOOST_TEST(testing::check_pool<not_constant>().broke("classes are known at compile time"));
}

BOOST_AUTO_TEST_CASE(budgets_keep_what_a_budget_promises)
{
    budget::none none;
    expect_conformance(testing::check_budget(none));
    budget::global unlimited;
    expect_conformance(testing::check_budget(unlimited));
    for (std::size_t const limit : {std::size_t{1}, std::size_t{4096}, std::size_t{64} << 20, SIZE_MAX - 1}) {
        budget::global global{limit};
        expect_conformance(testing::check_budget(global));
    }
    budget::global part_used{1000};
    BOOST_TEST(part_used.try_charge(400));
    expect_conformance(testing::check_budget(part_used));
    BOOST_TEST(part_used.used_bytes() == 400u);
    budget::per_tag unlimited_tags;
    expect_conformance(testing::check_budget(unlimited_tags));
    for (std::size_t const limit : {std::size_t{1}, std::size_t{4096}, std::size_t{64} << 20, SIZE_MAX - 1}) {
        budget::per_tag per_tag{{.limit_bytes = limit}};
        expect_conformance(testing::check_budget(per_tag));
    }
}

BOOST_AUTO_TEST_CASE(a_budget_that_breaks_a_promise_is_found)
{
    one_byte_over over{2000};
    BOOST_TEST(testing::check_budget(over, 1).broke("a charge one byte above what is left is refused"));
    one_byte_under under{2000};
    BOOST_TEST(testing::check_budget(under, 1).broke("a charge of exactly what is left is granted"));
    wrapping wraps;
    BOOST_TEST(testing::check_budget(wraps, 1).broke("refuses, also where a sum would wrap"));
    keeps_refunds keeps{2000};
    BOOST_TEST(testing::check_budget(keeps, 1).broke("a refund is counted to the byte"));
    charges_refusals charges{2000};
    BOOST_TEST(testing::check_budget(charges, 1).broke("a refused charge changes nothing"));
    racing_budget races;
    BOOST_TEST(testing::check_budget(races, 4).broke("between threads"));
    budget::global full{0};
    BOOST_TEST(testing::check_budget(full).broke("a budget to be checked has room"));
}

BOOST_AUTO_TEST_CASE(diagnostics_keep_what_one_promises)
{
    expect_conformance(testing::check_diagnostics<diagnostics::none>());
    expect_conformance(testing::check_diagnostics<diagnostics::counters>());
    expect_conformance(testing::check_diagnostics<diagnostics::checked>());
    expect_conformance(testing::check_diagnostics<diagnostics::guarded>());
}

BOOST_AUTO_TEST_CASE(diagnostics_that_break_a_promise_are_found)
{
    BOOST_TEST(testing::check_diagnostics<forgets_bytes>(1).broke("a pool allocation is counted, with its bytes"));
    BOOST_TEST(testing::check_diagnostics<mixes_up>(1).broke("a heap free is counted"));
    BOOST_TEST(testing::check_diagnostics<counts_in_secret>(1).broke(
        "a frame allocation is counted, with its bytes, or nothing"));
}

BOOST_AUTO_TEST_CASE(a_report_names_each_broken_promise_once_with_numbers)
{
    testing::conformance_report empty{"nothing"};
    BOOST_TEST(!empty.passed());  // nothing was looked at
    auto const report = testing::check_pool<one_byte_short>();
    BOOST_TEST(!report.passed());
    BOOST_TEST(report.broken_promises() == 2u);
    BOOST_TEST((report.text().find("a class holds the request (bytes 129, align 1, class bytes 128), and ") !=
                std::string::npos),
               report.text());
    testing::conformance_report sum{"both"};
    sum.add(report);
    sum.add(testing::check_pool<pool::none>());
    BOOST_TEST(sum.broken_promises() == 2u);
    BOOST_TEST(sum.looked_at() > report.looked_at());
}

BOOST_AUTO_TEST_SUITE_END()
