// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/child.hpp"
#include "support/test.hpp"

#include <framealloc/backend/counting.hpp>
#include <framealloc/diagnostics/macros.hpp>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

// What reports look like, and where they go.

using namespace framealloc;

namespace {

std::string written;
void write_down(char const* text, std::size_t bytes) noexcept { written.append(text, bytes); }

/// While it lives, the handler in place from the start writes to `written`, and programs go on.
struct captured {
    captured() : handler_(set_fault_handler([](fault const& f) {
                     static_cast<void>(report_to_sink(f));
                     return fault_action::go_on;
                 })),
                 sink_(set_diagnostic_sink(&write_down)) {
        written.clear();
    }
    ~captured() {
        set_diagnostic_sink(sink_);
        set_fault_handler(handler_);
    }

private:
    fault_handler handler_;
    diagnostic_sink sink_;
};

/// The `line` there is, and what follows it.
void expect_line(std::istream& in, std::string const& begin) {
    std::string line;
    BOOST_TEST_REQUIRE(bool(std::getline(in, line)), "expected " << begin);
    BOOST_TEST(line.starts_with(begin), "expected " << begin << "..., found " << line);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(diagnostic_output)

BOOST_AUTO_TEST_CASE(a_release_report_has_the_published_shape)
{
    captured const all;
    smart_alloc alloc;
    static_cast<void>(alloc.try_frame_alloc(layout{.bytes = 10}));
    auto const thread = std::to_string(detail::core<smart_alloc::assembly_type>::thread_number());
    BOOST_TEST(written == "[framealloc][FA001] error: frame allocation used outside an active frame\n"
                          "  note: asked for 10 bytes, align 16; no frame is open on thread " + thread + "\n"
                          "  help: call begin_frame() before allocating, hold a frame_scope(), or use pool_alloc() or "
                          "heap_alloc()\n");
}

BOOST_AUTO_TEST_CASE(null_brings_standard_error_back)
{
    auto const child = test::run_in_child([] {
        set_fault_handler(nullptr);
        set_diagnostic_sink(&write_down);
        smart_alloc alloc;
        alloc.end_frame();
        bool const answered = set_diagnostic_sink(nullptr) == &write_down;
        alloc.end_frame();
        return answered && !written.empty() ? 0 : 1;
    });
    BOOST_TEST(child.succeeded());
    BOOST_TEST(child.error_text.find("[FA005]") != std::string::npos);
    BOOST_TEST(child.error_text.find("[FA005]") == child.error_text.rfind("[FA005]"));
}

BOOST_AUTO_TEST_CASE(reports_of_many_threads_are_never_mixed)
{
    constexpr int threads = 8, each = 250;
    auto const child = test::run_in_child([] {
        set_fault_handler(nullptr);
        smart_alloc alloc;
        std::vector<std::thread> all;
        for (int t = 0; t < threads; ++t) {
            all.emplace_back([&alloc] {
                for (int i = 0; i < each; ++i) alloc.end_frame();
            });
        }
        for (std::thread& t : all) t.join();
        return 0;
    });
    BOOST_TEST_REQUIRE(child.succeeded());
    std::istringstream in{child.error_text};
    for (int i = 0; i < threads * each; ++i) {
        expect_line(in, "[framealloc][FA005] error: end of a frame that was not begun here");
        expect_line(in, "  note: no frame is open on thread ");
        expect_line(in, "  help: pair each begin_frame() with one end_frame()");
    }
    BOOST_TEST(in.peek() == EOF);
}

BOOST_AUTO_TEST_CASE(a_report_takes_nothing_from_the_allocator_that_it_is_about)
{
    captured const all;
    basic_smart_alloc<diagnostics::checked, backend::counting<backend::system>> alloc;
    alloc.begin_frame();
    std::size_t const before = alloc.backend().counts().calls();
    alloc.begin_frame();
    FA_EMIT_CTX(FA102);
    BOOST_TEST(alloc.backend().counts().calls() == before);
    alloc.end_frame();
    BOOST_TEST(written.find("[FA004]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_fault_within_the_handler_is_written_to_standard_error_and_not_handed_to_it_again)
{
    static int calls;
    auto const child = test::run_in_child([] {
        calls = 0;
        set_fault_handler([](fault const&) {
            ++calls;
            smart_alloc another;
            another.end_frame();  // a mistake, each time
            return fault_action::go_on;
        });
        smart_alloc alloc;
        alloc.end_frame();
        alloc.end_frame();
        return calls == 2 ? 0 : 1;
    });
    BOOST_TEST(child.succeeded(), child.error_text);
    std::istringstream in{child.error_text};
    for (int i = 0; i < 2; ++i) {
        expect_line(in, "[framealloc][FA005]");
        expect_line(in, "  note:");
        expect_line(in, "  help:");
    }
    BOOST_TEST(in.peek() == EOF);
}

BOOST_AUTO_TEST_CASE(a_fault_within_the_sink_does_not_come_back_to_the_sink)
{
    auto const child = test::run_in_child([] {
        set_fault_handler(nullptr);
        set_diagnostic_sink([](char const* text, std::size_t bytes) noexcept {
            write_down(text, bytes);
            smart_alloc another;
            another.end_frame();
        });
        written.clear();
        FA_EMIT(FA402);
        return written.starts_with("[framealloc][FA402]") && written.find("FA005") == std::string::npos ? 0 : 1;
    });
    BOOST_TEST(child.succeeded(), child.error_text);
    BOOST_TEST(child.error_text.starts_with("[framealloc][FA005]"));
}

#if FRAMEALLOC_EXCEPTIONS
BOOST_AUTO_TEST_CASE(a_handler_that_has_thrown_gets_the_next_fault)
{
    static int calls;
    calls = 0;
    auto const before = set_fault_handler([](fault const&) -> fault_action {
        ++calls;
        throw 1;
    });
    smart_alloc alloc;
    for (int i = 0; i < 3; ++i) BOOST_CHECK_THROW(alloc.end_frame(), int);
    set_fault_handler(before);
    BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(a_refusal_that_is_thrown_has_tag_and_numbers_as_members)
{
    smart_alloc alloc;
    try {
        static_cast<void>(alloc.heap_alloc(layout{.bytes = SIZE_MAX}));
        BOOST_TEST(false);
    } catch (allocation_failure const& e) {
        BOOST_TEST(e.why().code == fault_code::impossible_size);
        BOOST_TEST(e.why().numbers[0] == SIZE_MAX);
        BOOST_TEST(e.why().numbers[1] == max_request_bytes);
        BOOST_TEST(e.why().tag == 0u);
    }
}

BOOST_AUTO_TEST_CASE(what_a_checked_assembly_throws_says_where_and_keeps_no_pointer_to_it)
{
    smart_alloc_debug alloc{alloc_config{.name = "level"}};
    try {
        static_cast<void>(alloc.frame_alloc(layout{.bytes = 8}));
        BOOST_TEST(false);
    } catch (allocation_failure const& e) {
        BOOST_TEST(std::string{e.what()}.find("\n  where: allocator 'level' (instance ") != std::string::npos);
        BOOST_TEST((e.why().place == nullptr));
    }
}
#endif

static_assert(std::is_trivially_copyable_v<fault>);

BOOST_AUTO_TEST_SUITE_END()
