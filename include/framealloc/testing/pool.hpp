// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The conformance kit for pool policies:
//
//     #include <framealloc/testing/pool.hpp>
//     auto const report = framealloc::testing::check_pool<my_size_classes>();
//     BOOST_TEST(report.passed(), report.text());

#include <framealloc/policy.hpp>
#include <framealloc/testing/conformance_report.hpp>

#include <type_traits>

namespace framealloc::inline v0_1::testing {
namespace kit {

template <class P>
concept knows_classes_at_compile_time = requires {
    typename std::integral_constant<std::size_t, P::class_for(layout{.bytes = 1, .align = 1})>;
    typename std::integral_constant<std::size_t, P::class_bytes(0)>;
};

template <class P>
void check_class_table(conformance_report& report) {
    constexpr std::size_t classes = P::class_count, largest = P::max_bytes, slab = P::slab_bytes;
    report.expect(knows_classes_at_compile_time<P>, "classes are known at compile time");
    report.expect(classes <= max_pool_classes, "there are no more classes than a thread's state has room for",
                  {{"classes", classes}, {"most", max_pool_classes}});
    if constexpr (classes == 0) {
        report.expect(largest == 0, "a pool without classes serves nothing", {{"max_bytes", largest}});
    } else {
        report.expect(framealloc::detail::is_power_of_two(slab), "slabs are a power of two", {{"bytes", slab}});
        for (std::size_t c = 0; c < classes; ++c) {
            std::size_t const bytes = P::class_bytes(c);
            report.expect(bytes >= sizeof(void*) && bytes % sizeof(void*) == 0, "blocks come in words",
                          {{"class", c}, {"bytes", bytes}});
            report.expect(c == 0 || P::class_bytes(c - 1) < bytes, "classes grow", {{"class", c}, {"bytes", bytes}});
            // The slab's head takes its part.
            report.expect(bytes <= slab / 2, "a slab holds a block of every class, beside its head",
                          {{"class", c}, {"bytes", bytes}, {"slab", slab}});
        }
        report.expect(P::class_bytes(classes - 1) == largest, "max_bytes is the largest class",
                      {{"max_bytes", largest}, {"largest class", P::class_bytes(classes - 1)}});
    }
}

template <class P>
[[nodiscard]] bool serves(std::size_t c, layout request) {
    return P::class_bytes(c) >= request.bytes && P::class_bytes(c) % request.align == 0;
}

template <class P>
void check_class_for(conformance_report& report, layout request) {
    constexpr std::size_t classes = P::class_count;
    std::size_t const c = P::class_for(request);
    if (!report.expect(c <= classes, "class_for answers a class, or class_count",
                       {{"bytes", request.bytes}, {"align", request.align}, {"class", c}})) {
        return;
    }
    if constexpr (classes != 0) {
        std::size_t smallest = 0;
        while (smallest < classes && !serves<P>(smallest, request)) ++smallest;
        if (c < classes) {
            report.expect(P::class_bytes(c) >= request.bytes, "a class holds the request",
                          {{"bytes", request.bytes}, {"align", request.align}, {"class bytes", P::class_bytes(c)}});
            report.expect(P::class_bytes(c) % request.align == 0, "a class is a multiple of the request's alignment",
                          {{"bytes", request.bytes}, {"align", request.align}, {"class bytes", P::class_bytes(c)}});
        }
        report.expect(c == smallest, "class_for answers the smallest class that serves",
                      {{"bytes", request.bytes}, {"align", request.align}, {"class", c}, {"smallest", smallest}});
    }
}

}  // namespace kit

/// Holds the pool policy `P` to everything that a table of size classes promises.
template <class P>
[[nodiscard]] conformance_report check_pool() {
    static_assert(PoolPolicy<P>, "framealloc: not a pool policy; see framealloc::require_pool for what is missing");
    conformance_report report{"pool"};
    kit::check_class_table<P>(report);
    constexpr std::size_t most = P::max_bytes + 64;
    constexpr std::size_t step = most / 16384 + 1;
    for (std::size_t align = 1; align <= max_alignment; align *= 2) {
        for (std::size_t bytes = 0; bytes <= most; bytes += step)
            kit::check_class_for<P>(report, {.bytes = bytes, .align = align});
        for (std::size_t c = 0; c < P::class_count; ++c) {
            std::size_t const edge = P::class_bytes(c);
            for (std::size_t bytes : {edge - 1, edge, edge + 1})
                kit::check_class_for<P>(report, {.bytes = bytes, .align = align});
        }
        for (std::size_t bytes : {max_request_bytes, SIZE_MAX - 1, SIZE_MAX}) {
            kit::check_class_for<P>(report, {.bytes = bytes, .align = align});
        }
    }
    return report;
}

}  // namespace framealloc::testing
