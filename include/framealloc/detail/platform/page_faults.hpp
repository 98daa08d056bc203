// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/bits.hpp>
#include <framealloc/detail/platform/platform.hpp>

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

// What guarded memory asks of the system: that it tells when a page is touched that nobody may touch. Only who guards reads
// this.
//
//   most_mappings()              mappings that the system allows the process; a large number where it does not say
//   watch_page_faults(hook)      from now on `hook(address, how, code)` is asked first about an address that could not be
//                                touched. True: it was the hook's, who has reported it, and the program ends of the fault as if
//                                nobody had looked. False: who was asked before gets it. May be called again: where somebody
//                                has put himself in the place since, he is the one who is asked next.
//   prepare_alternate_stack()    a stack for the hook on the calling thread, until that ends, where it has none or a small one
//   has_room_for_names()         whether the hook may do more than a few KiB of stack allow
//   capture_stack(to)            where the calling thread is, innermost first

namespace framealloc::inline v0_1::detail::platform {

enum class access_kind : unsigned char { unknown, read, write };

/// Return addresses, the innermost first.
struct code_stack {
    static constexpr std::size_t most = 24;
    void const* at[most]{};
    std::size_t count = 0;
};

inline std::size_t most_mappings() noexcept {
    constexpr std::size_t unlimited = SIZE_MAX / 4;
    int const file = ::open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (file < 0) return unlimited;
    char digits[24];
    std::ptrdiff_t const n = ::read(file, digits, sizeof digits);
    ::close(file);
    std::size_t most = 0;
    for (std::ptrdiff_t i = 0; i < n && digits[i] >= '0' && digits[i] <= '9'; ++i) {
        most = most * 10 + static_cast<std::size_t>(digits[i] - '0');
    }
    return most != 0 ? most : unlimited;
}

FRAMEALLOC_COLD inline void capture_stack(code_stack& to) noexcept {
    to.count = 0;
    ::_Unwind_Backtrace(
        [](::_Unwind_Context* context, void* into) {
            auto& stack = *static_cast<code_stack*>(into);
            std::uintptr_t const at = ::_Unwind_GetIP(context);
            if (at == 0 || stack.count == code_stack::most) return ::_URC_END_OF_STACK;
            stack.at[stack.count++] = pointer_to<void const>(at);
            return ::_URC_NO_REASON;
        },
        &to);
}

using page_fault_hook = bool (*)(std::uintptr_t address, access_kind how, void const* code) noexcept;

namespace posix {

inline constinit atomic<page_fault_hook> asked_first{nullptr};
inline constinit struct ::sigaction asked_next[2]{};  // for SIGSEGV, SIGBUS
/// Faults that the thread is in. The hook itself may meet one, and who is asked next may ask us.
FRAMEALLOC_TLS_MODEL inline constinit thread_local unsigned char page_faults_open = 0;

/// What an instruction was about to do, and which it was, as far as the system tells.
inline access_kind access_in([[maybe_unused]] void const* context, void const*& code) noexcept {
#if defined(__x86_64__) && defined(__linux__)
    auto const& registers = static_cast<::ucontext_t const*>(context)->uc_mcontext.gregs;
    code = pointer_to<void const>(static_cast<std::uintptr_t>(registers[REG_RIP]));
    return (registers[REG_ERR] & 2) != 0 ? access_kind::write : access_kind::read;
#elif defined(__aarch64__) && defined(__linux__)
    auto const& machine = static_cast<::ucontext_t const*>(context)->uc_mcontext;
    code = pointer_to<void const>(machine.pc);
    return access_kind::unknown;
#else
    code = nullptr;
    return access_kind::unknown;
#endif
}

inline void fault_again(int signal) noexcept {
    struct ::sigaction usual{};
    usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &usual, nullptr);
}

/// Ends by letting the instruction fault again, with nobody to look: so the program ends of the fault, at its place.
inline void on_page_fault(int signal, ::siginfo_t* info, void* context) noexcept {
    int const error = errno;
    struct inside {
        inside() noexcept { ++page_faults_open; }
        ~inside() { --page_faults_open; }
    } const now;
    void const* code = nullptr;
    access_kind const how = access_in(context, code);
    page_fault_hook const hook = asked_first.load(order::acquire);
    // What the hook stumbles over is its own; and who asks us back has nobody else to ask.
    bool const may_ask = page_faults_open <= 2;
    if (!may_ask || info->si_code <= 0 || hook == nullptr || hook(address_of(info->si_addr), how, code)) {
        fault_again(signal);
        if (may_ask && info->si_code <= 0) ::raise(signal);  // somebody has sent it
        errno = error;
        return;
    }
    struct ::sigaction const& next = asked_next[signal == SIGBUS];
    if ((next.sa_flags & SA_SIGINFO) != 0) {
        next.sa_sigaction(signal, info, context);
    } else if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) {
        next.sa_handler(signal);
    } else {
        fault_again(signal);
    }
    errno = error;
}

/// For the handlers of a thread, where it has no stack for them or one that is too small to name code on.
class alternate_stack {
public:
    alternate_stack() noexcept = default;
    alternate_stack(alternate_stack const&) = delete;
    alternate_stack& operator=(alternate_stack const&) = delete;
    ~alternate_stack() {
        if (mine_ == nullptr) return;
        ::stack_t present{};
        if (::sigaltstack(nullptr, &present) == 0 && present.ss_sp == mine_) ::sigaltstack(&before_, nullptr);
        static_cast<void>(release(mine_, bytes));
    }
    void prepare() noexcept {
        // Each time: others come and go with stacks of their own.
        ::stack_t present{};
        if (::sigaltstack(nullptr, &present) != 0 || is_roomy(present)) return;
        if (mine_ == nullptr) {
            void* const fresh = reserve(bytes, page_bytes());
            if (fresh == nullptr) return;
            if (!commit(fresh, bytes)) {
                static_cast<void>(release(fresh, bytes));
                return;
            }
            mine_ = fresh;
        }
        ::stack_t ours{};
        ours.ss_sp = mine_;
        ours.ss_size = bytes;
        if (::sigaltstack(&ours, nullptr) == 0) before_ = present;
    }
    [[nodiscard]] static bool is_roomy(::stack_t const& s) noexcept {
        return (s.ss_flags & SS_DISABLE) == 0 && s.ss_size >= bytes / 2;
    }

private:
    static constexpr std::size_t bytes = std::size_t{256} << 10;  // of which the pages count that are touched
    void* mine_ = nullptr;
    ::stack_t before_{};
};
inline thread_local alternate_stack alternate_stack_of_thread;

}  // namespace posix

inline void prepare_alternate_stack() noexcept { posix::alternate_stack_of_thread.prepare(); }

/// Whether the calling handler's stack has room to look names up. On a thread's own stack there is.
inline bool has_room_for_names() noexcept {
    ::stack_t present{};
    return ::sigaltstack(nullptr, &present) == 0 &&
           ((present.ss_flags & SS_ONSTACK) == 0 || posix::alternate_stack::is_roomy(present));
}

/// One caller at a time.
inline void watch_page_faults(page_fault_hook hook) noexcept {
    posix::asked_first.store(hook, order::release);
    int const signals[] = {SIGSEGV, SIGBUS};
    for (int const signal : signals) {
        struct ::sigaction present{};
        if (::sigaction(signal, nullptr, &present) != 0) continue;
        if ((present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == &posix::on_page_fault) continue;
        posix::asked_next[signal == SIGBUS] = present;
        struct ::sigaction ours{};
        ours.sa_sigaction = &posix::on_page_fault;
        // Not masked meanwhile: a fault of the report itself has to come to us, not end the program before anything is said.
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        ::sigemptyset(&ours.sa_mask);
        ::sigaction(signal, &ours, nullptr);
    }
}

}  // namespace framealloc::detail::platform
