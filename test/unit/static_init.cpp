// SPDX-License-Identifier: MIT OR Apache-2.0
#include "support/test.hpp"

#include "support/child.hpp"
#include "support/process.hpp"

#include <framealloc/shared_alloc.hpp>

#include <cstring>

// Use before main, in static destructors, and in whatever order both come. Priorities stand for translation units: the
// object with the lower number is made first and destroyed last.

using namespace framealloc;
using namespace framealloc::test;

namespace {

constexpr layout small{.bytes = 64, .align = 16};

/// Constant-initialised: there before any constructor runs. This one is made last of all, if anything is left to make.
extern constinit smart_alloc shared_by_all;

/// Uses an allocator in its constructor, and again in its destructor, where it frees what the constructor took.
class early_and_late {
public:
    explicit early_and_late(smart_alloc& alloc) : alloc_(alloc) {
        block_ = static_cast<unsigned char*>(alloc_.pool_alloc(small));
        std::memset(block_, 0x3C, small.bytes);
        large_ = alloc_.heap_alloc(layout{.bytes = 20000, .align = 16});
        served_ = frame_works();
    }
    ~early_and_late() {
        bool right = served_ && block_[0] == 0x3C && block_[63] == 0x3C;
        alloc_.pool_free(block_, small);
        alloc_.heap_free(large_);
        right = right && frame_works();
        void* const p = alloc_.try_pool_alloc(small);
        alloc_.pool_free(p);
        // The tests are over: the way to say that something is wrong is the program's status.
        if (!right || p == nullptr) ::_exit(97);
    }
    [[nodiscard]] bool was_served() const { return served_; }
    void spoil() { block_[0] = 0; }
    [[nodiscard]] bool kept() const { return block_[0] == 0x3C && block_[63] == 0x3C; }

private:
    bool frame_works() {
        bool right = true;
        for (int i = 0; i < 3; ++i) {
            alloc_.begin_frame();
            right = right && alloc_.try_frame_alloc(layout{.bytes = 100000, .align = 16}) != nullptr;
            alloc_.end_frame();
        }
        return right;
    }

    smart_alloc& alloc_;
    unsigned char* block_ = nullptr;
    void* large_ = nullptr;
    bool served_ = false;
};

/// Of the same kind, for memory that a destroyed instance must not be asked for.
template <class T>
union never_destroyed {
    T value;
    constexpr never_destroyed() : value{} {}
    ~never_destroyed() {}
};
constinit never_destroyed<smart_alloc> immortal;

[[gnu::init_priority(1001)]] early_and_late made_first{immortal.value};
[[gnu::init_priority(1002)]] early_and_late made_first_over_the_other{shared_by_all};
// An instance that is made by a constructor, and used by the next one.
[[gnu::init_priority(1003)]] shared_alloc<smart_alloc> handle =
    shared_alloc<smart_alloc>::create(alloc_config{.retained_slabs = 2});
[[gnu::init_priority(1004)]] early_and_late over_a_handle{*handle};
early_and_late made_last{immortal.value};

[[gnu::init_priority(900)]] constinit smart_alloc shared_by_all;

}  // namespace

BOOST_AUTO_TEST_SUITE(static_init)

BOOST_AUTO_TEST_CASE(an_instance_works_before_main)
{
    for (early_and_late const* each : {&made_first, &made_first_over_the_other, &over_a_handle, &made_last}) {
        BOOST_TEST(each->was_served());
        BOOST_TEST(each->kept());
    }
    BOOST_TEST(immortal.value.stats().pool_blocks_live == 2u);
    BOOST_TEST(shared_by_all.stats().pool_blocks_live == 1u);
    BOOST_TEST(handle->stats().pool_blocks_live == 1u);
    BOOST_TEST(shared_by_all.stats().frames_begun == 3u);
    BOOST_TEST(bool(immortal.value.verify()));
    BOOST_TEST(bool(shared_by_all.verify()));
}

BOOST_AUTO_TEST_CASE(it_works_in_static_destructors_after_main)
{
    // The child ends as programs do. Its destructors check, and end it with 97 when something is wrong.
    auto const child = run_in_child([] {
        std::exit(0);
        return 1;
    });
    BOOST_TEST(child.exited);
    BOOST_TEST(child.status == 0);
    BOOST_TEST(child.error_text == "");
}

BOOST_AUTO_TEST_CASE(destructors_would_notice)
{
    // The check of the case above is worth something: a block that has changed ends the child with 97.
    auto const child = run_in_child([] {
        made_last.spoil();
        std::exit(0);
        return 1;
    });
    BOOST_TEST(child.status == 97);
}

BOOST_AUTO_TEST_CASE(a_thread_may_outlive_main)
{
    // exit() from a worker, while another thread goes on allocating: nothing hangs, nothing crashes.
    if (under_thread_sanitizer) return;  // which refuses threads in a child
    auto const child = run_in_child([] {
        ::alarm(20);
        std::thread{[] {
            for (;;) immortal.value.pool_free(immortal.value.pool_alloc(small), small);
        }}.detach();
        std::thread{[] { std::exit(0); }}.join();
        return 1;
    });
    BOOST_TEST(child.exited);
    BOOST_TEST(child.status == 0);
}

BOOST_AUTO_TEST_SUITE_END()
