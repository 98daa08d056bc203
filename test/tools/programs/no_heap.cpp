// SPDX-License-Identifier: MIT OR Apache-2.0

// Counts every call of the system's heap and of its memory management, and runs whole allocators: one in a buffer,
// which must make no such call at all, and the default one, which must make none once it is warm. A program of its own,
// because it replaces malloc and its kin for the process; on glibc, whose other names for them it calls.

#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/counting.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/smart_alloc_debug.hpp>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace {
framealloc::detail::atomic<unsigned long> heap_calls{0}, system_calls{0};
void count(framealloc::detail::atomic<unsigned long>& calls) { calls.fetch_add(1, framealloc::detail::order::relaxed); }
unsigned long all_calls() {
    return heap_calls.load(framealloc::detail::order::relaxed) + system_calls.load(framealloc::detail::order::relaxed);
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) noexcept { return count(heap_calls), __libc_malloc(n); }
void* calloc(std::size_t n, std::size_t m) noexcept { return count(heap_calls), __libc_calloc(n, m); }
void* realloc(void* p, std::size_t n) noexcept { return count(heap_calls), __libc_realloc(p, n); }
void* memalign(std::size_t a, std::size_t n) noexcept { return count(heap_calls), __libc_memalign(a, n); }
void* aligned_alloc(std::size_t a, std::size_t n) noexcept { return count(heap_calls), __libc_memalign(a, n); }
int posix_memalign(void** p, std::size_t a, std::size_t n) noexcept {
    count(heap_calls);
    *p = __libc_memalign(a, n);
    return *p != nullptr ? 0 : 12;
}
void free(void* p) noexcept {
    if (p != nullptr) count(heap_calls);
    __libc_free(p);
}
// The numbers of the calls are the kernel's; a call answers -1 as MAP_FAILED.
void* mmap(void* at, std::size_t n, int prot, int flags, int fd, off_t offset) noexcept {
    count(system_calls);
    return reinterpret_cast<void*>(::syscall(SYS_mmap, at, n, prot, flags, fd, offset));
}
int munmap(void* p, std::size_t n) noexcept {
    return count(system_calls), static_cast<int>(::syscall(SYS_munmap, p, n));
}
int mprotect(void* p, std::size_t n, int prot) noexcept {
    return count(system_calls), static_cast<int>(::syscall(SYS_mprotect, p, n, prot));
}
}

namespace {

using namespace framealloc;

struct thing {
    explicit thing(int n) noexcept : number(n) {}
    ~thing() { number = 0; }
    int number;
};

/// One frame of a program: frame memory, pool objects that come and go, a large block. False when something was
/// refused.
template <class Alloc>
bool frame(Alloc& alloc, bool large) {
    alloc.begin_frame();
    bool good = true;
    for (int i = 0; i < 200; ++i) good = good && alloc.try_frame_alloc(layout{.bytes = 100, .align = 16}) != nullptr;
    good = good && alloc.template frame_new<thing>(1)->number == 1;
    thing* kept[50];
    for (thing*& t : kept) t = alloc.template pool_new<thing>(2);
    for (thing* t : kept) alloc.pool_delete(t);
    std::size_t const bytes = large ? std::size_t{1} << 20 : 4000;
    void* const block = alloc.heap_alloc(layout{.bytes = bytes, .align = 16});
    std::memset(block, 1, bytes);
    alloc.heap_free(block, {.bytes = bytes, .align = 16});
    alloc.end_frame();
    return good && static_cast<bool>(alloc.verify());
}

using buffer = backend::static_buffer<std::size_t{8} << 20, std::size_t{64} << 10>;

/// In static storage, for one thread and for many: from the constructor to the destructor, no call at all.
template <class... Policies>
int check_buffer(char const* name) {
    alignas(64) static unsigned char place[sizeof(basic_smart_alloc<buffer, Policies...>)];
    unsigned long const before = all_calls();
    auto* const alloc = ::new (static_cast<void*>(place)) basic_smart_alloc<buffer, Policies...>;
    bool good = true;
    for (int i = 0; i < 100; ++i) good = good && frame(*alloc, true);
    alloc->~basic_smart_alloc();
    unsigned long const calls = all_calls() - before;
    std::printf("%s: %lu calls\n", name, calls);
    return good && calls == 0 ? 0 : 1;
}

/// After two frames nothing more is asked of anybody; the backend's own count agrees.
template <class... Policies>
int check_steady_state(char const* name) {
    using counted = backend::counting<backend::split<backend::virtual_memory, backend::system>>;
    static basic_smart_alloc<counted, Policies...> alloc;
    bool good = frame(alloc, true) && frame(alloc, true);
    unsigned long const before = all_calls();
    std::size_t const asked = alloc.backend().counts().calls();
    for (int i = 0; i < 1000; ++i) good = good && frame(alloc, true);
    unsigned long const calls = all_calls() - before;
    std::printf("%s, 1000 frames when warm: %lu calls of the system, %zu of the backend\n", name, calls,
                alloc.backend().counts().calls() - asked);
    return good && calls == 0 && alloc.backend().counts().calls() == asked ? 0 : 1;
}

}  // namespace

int main() {
    // The counters must be able to count.
    unsigned long const before = all_calls();
    { basic_smart_alloc<backend::system> warm; static_cast<void>(frame(warm, false)); }
    { basic_smart_alloc<backend::virtual_memory> warm; static_cast<void>(frame(warm, false)); }
    if (all_calls() < before + 8) return std::puts("the calls are not seen"), 1;
    std::printf("warm\n");  // the stream's own buffer
    return check_buffer<sync::single_threaded>("a buffer and one thread") +
           check_buffer<sync::lock_free, diagnostics::checked>("a buffer, checked, lock-free") +
           check_buffer<arena::fixed<std::size_t{64} << 10>, pool::none>("a buffer without pools") +
           check_steady_state<>("the default assembly") +
           check_steady_state<sync::single_threaded, diagnostics::counters>("one thread");
}
