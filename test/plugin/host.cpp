// SPDX-License-Identifier: MIT OR Apache-2.0
// A program that has an allocator of its own and loads libraries that have theirs, again and again, while its threads go on.
//
//   host PLUGIN OTHER_PLUGIN     exit code 0, or a line for each promise that was not kept
#include <framealloc/smart_alloc.hpp>
#include <framealloc/tag_budgets.hpp>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace {

framealloc::smart_alloc own;
framealloc::basic_smart_alloc<framealloc::budget::per_tag> tagged;
constexpr framealloc::allocation_tag tag{"host/plugin"};
int failures = 0;

void expect(bool kept, char const* promise) {
    if (kept) return;
    std::printf("not kept: %s\n", promise);
    ++failures;
}

bool work() {
    own.begin_frame();
    int* const in_frame = own.frame_new<int>(40);
    int* const in_pool = own.pool_new<int>(2);
    bool const right = *in_frame + *in_pool == 42;
    own.pool_delete(in_pool);
    own.end_frame();
    return right;
}

class library {
public:
    explicit library(char const* path) : handle_(::dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) {
            std::printf("%s\n", ::dlerror());
            ::_exit(2);
        }
        work_ = reinterpret_cast<int (*)(int)>(::dlsym(handle_, "plugin_work"));
        threads_ = reinterpret_cast<unsigned long (*)()>(::dlsym(handle_, "plugin_threads"));
        charge_ = reinterpret_cast<int (*)(framealloc::allocation_tag const*)>(::dlsym(handle_, "plugin_charge"));
        tag_number_ = reinterpret_cast<unsigned (*)()>(::dlsym(handle_, "plugin_tag_number"));
        tag_numbers_ = reinterpret_cast<void const* (*)()>(::dlsym(handle_, "plugin_tag_numbers"));
    }
    ~library() { ::dlclose(handle_); }
    library(library const&) = delete;
    library& operator=(library const&) = delete;

    [[nodiscard]] bool works(bool leave_open = false) const { return work_(leave_open) == 0; }
    [[nodiscard]] unsigned long threads() const { return threads_(); }
    [[nodiscard]] bool charges(framealloc::allocation_tag const& t) const { return charge_(&t) == 0; }
    [[nodiscard]] unsigned tag_number() const { return tag_number_(); }
    [[nodiscard]] void const* tag_numbers() const { return tag_numbers_(); }

private:
    void* handle_;
    int (*work_)(int) = nullptr;
    unsigned long (*threads_)() = nullptr;
    int (*charge_)(framealloc::allocation_tag const*) = nullptr;
    unsigned (*tag_number_)() = nullptr;
    void const* (*tag_numbers_)() = nullptr;
};

/// A thread that does what it is told, one thing after the other.
class worker {
public:
    worker() : thread_([this] { run(); }) {}
    ~worker() { end(); }
    worker(worker const&) = delete;
    worker& operator=(worker const&) = delete;

    void does(std::function<void()> what) {
        std::unique_lock lock{guard_};
        job_ = std::move(what);
        changed_.notify_all();
        changed_.wait(lock, [this] { return !job_; });
    }
    void end() {
        if (!thread_.joinable()) return;
        {
            std::lock_guard const lock{guard_};
            over_ = true;
            changed_.notify_all();
        }
        thread_.join();
    }

private:
    void run() {
        std::unique_lock lock{guard_};
        for (;;) {
            changed_.wait(lock, [this] { return over_ || job_; });
            if (!job_) return;
            job_();
            job_ = nullptr;
            changed_.notify_all();
        }
    }

    std::mutex guard_;
    std::condition_variable changed_;
    std::function<void()> job_;
    bool over_ = false;
    std::thread thread_;
};

void loaded_and_unloaded_while_a_thread_goes_on(char const* path) {
    worker w;
    for (int i = 0; i < 30; ++i) {
        library const plugin{path};
        expect(plugin.works() && work(), "library and program work on the program's thread");
        w.does([&] { expect(plugin.works(i % 2 != 0) && work(), "library and program work on another thread"); });
        worker{}.does([&] { expect(plugin.works(), "the library works on a thread that ends before the library does"); });
    }
    w.does([] { expect(work(), "the program works when the library is gone"); });
}  // here the thread ends, which the library knew

void one_unloaded_while_another_stays(char const* path, char const* other_path) {
    library const stays{other_path};
    unsigned long const before = stays.threads();
    worker first, second;
    {
        library const goes{path};
        first.does([&] { expect(goes.works() && stays.works(), "two libraries work on one thread"); });
        second.does([&] { expect(stays.works() && goes.works(), "two libraries work on one thread, the other first"); });
    }
    expect(stays.threads() == before + 2, "a library sees the threads that use it");
    first.does([&] { expect(stays.works(), "the library that stays works"); });
    first.end();
    second.end();
    expect(stays.threads() == before, "the library that stays sees threads end after the other has gone");
    worker late;
    late.does([&] { expect(stays.works(), "and new threads come"); });
    late.end();
    expect(stays.threads() == before, "and new threads end");
}

/// The same path is the same tag, whoever wrote it; and where program and libraries share data, it has one number.
void tags_in_program_and_libraries(char const* path, char const* other_path) {
    // Refusals of the program, also when a library that knew tags before is gone.
    auto const refusal = [] {
        tagged.budgets().set(tag, {.hard = 100});
        auto const scope = tagged.tag_scope(tag);
        char text[640] = "";
        try {
            static_cast<void>(tagged.heap_alloc(framealloc::layout{.bytes = 101, .align = 16}));
        } catch (framealloc::allocation_failure const& e) {
            std::snprintf(text, sizeof text, "%s", e.what());
        }
        return std::string{text};
    };
    {
        library const one{path};
        expect(one.charges(tag), "a library charges the program's tag, and knows it as its own");
        library const other{other_path};
        expect(other.charges(tag), "and so does another");
        if (one.tag_numbers() == other.tag_numbers()) {
            expect(one.tag_number() == other.tag_number(), "libraries that share data know a tag by the same number");
        }
        if (one.tag_numbers() == &framealloc::detail::known_tags) {
            expect(one.tag_number() == tag.number(), "program and library that share data know a tag by the same number");
        }
        expect(refusal().find("tag \"host/plugin\"") != std::string::npos, "a refusal names the tag");
    }
    expect(refusal().find("tag \"host/plugin\"") != std::string::npos, "and when the library is gone, too");
    expect(static_cast<bool>(tagged.verify()), "the program's tags add up");
}

void fork_when_a_library_is_gone(char const* path) {
    { expect(library{path}.works(), "the library works before the fork"); }
    ::pid_t const child = ::fork();
    if (child == 0) ::_exit(work() && own.verify() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child process works after the library is gone");
    expect(work(), "the parent works after the fork");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::printf("usage: host PLUGIN OTHER_PLUGIN\n");
        return 2;
    }
    // The library first: what it leaves behind must not be what the program relies on.
    loaded_and_unloaded_while_a_thread_goes_on(arguments[1]);
    one_unloaded_while_another_stays(arguments[1], arguments[2]);
    one_unloaded_while_another_stays(arguments[2], arguments[1]);
    tags_in_program_and_libraries(arguments[1], arguments[2]);
    fork_when_a_library_is_gone(arguments[1]);
    expect(own.stats().threads == 1, "of the program's threads one is left");
    expect(static_cast<bool>(own.verify()), "the program's allocator is sound");
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
}
