// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/detail/atomic.hpp>
#include <framealloc/detail/platform/platform.hpp>

#include <cstddef>
#include <cstdint>

namespace framealloc::inline v0_1 {

/// What went wrong, by the code that reports show. The hundreds group them: 0 frames, 1 the adapter to an engine, 2 threads,
/// frees and blocks, 3 limits and memory, 4 handles and streaming, 9 the library itself and its configuration.
enum class fault_code : std::uint16_t {
    frame_not_open = 1,
    frame_expired = 2,
    arena_exhausted = 3,
    frame_already_open = 4,
    frame_not_begun = 5,
    checkpoint_not_live = 6,
    frame_of_another_thread = 7,
    frame_left_open = 8,
    phase_out_of_order = 9,
    phase_left_open = 10,
    adapter_not_registered = 101,
    frame_hooks_not_run = 102,
    wrong_thread = 201,
    instance_not_current = 202,
    tag_scope_out_of_order = 203,
    double_free = 210,
    foreign_pointer = 211,
    wrong_size = 212,
    write_after_free = 213,
    overflow = 214,
    underflow = 215,
    live_at_end = 216,
    interior_pointer = 217,
    wrong_family = 218,
    used_while_ending = 219,
    contract_broken = 220,
    record_damaged = 221,
    budget_exceeded = 301,
    tag_budget_exceeded = 302,
    out_of_memory = 303,
    impossible_size = 304,
    impossible_alignment = 305,
    backend_misaligned = 306,
    giver_unknown = 307,
    frame_budget_exceeded = 308,
    too_many_tags = 309,
    guard_budget_exhausted = 310,
    handle_not_live = 401,
    streaming_budget_exceeded = 402,
    internal = 901,
    bad_configuration = 902,
    bad_tag = 903,
};

struct fault;

namespace detail {

struct fault_text {
    fault_code code;
    char const* message;  ///< what was wrong, in general
    char const* help;     ///< what to do about it
};

inline constexpr fault_text fault_table[] = {
    {fault_code::internal, "internal error of the allocator", "please report this"},
    {fault_code::frame_not_open, "frame allocation used outside an active frame",
     "call begin_frame() before allocating, hold a frame_scope(), or use pool_alloc() or heap_alloc()"},
    {fault_code::frame_expired, "frame memory used after its frame, scope or roll-back",
     "keep what outlives the frame in pool_alloc() or heap_alloc(), or take it anew in each frame"},
    {fault_code::arena_exhausted, "frame arena exhausted",
     "choose a larger arena::fixed<Bytes>, or arena::chunked, which grows"},
    {fault_code::frame_already_open, "begin_frame() while a frame is open",
     "end the open frame first; to nest, use frame_scope()"},
    {fault_code::frame_not_begun, "end of a frame that was not begun here",
     "pair each begin_frame() with one end_frame() on the same thread, and begin_frame_all() with end_frame_all()"},
    {fault_code::checkpoint_not_live, "roll-back to a checkpoint that is not live",
     "roll back once, inside the frame and the scope that took the checkpoint, the newest first"},
    {fault_code::frame_of_another_thread, "frame of one thread used on another",
     "take and roll back checkpoints, and leave scopes, on the thread that made them"},
    {fault_code::frame_left_open, "thread ended inside a frame",
     "call end_frame() before the thread ends, or hold a frame_scope()"},
    {fault_code::phase_out_of_order, "phase left out of order or on another thread",
     "hold each phase() in a block of its thread, and let the newest end first"},
    {fault_code::phase_left_open, "phase open at the end of a frame",
     "let each phase() end in the frame that it began in, or between the same two frames"},
    {fault_code::adapter_not_registered, "the engine's adapter is not registered",
     "register the adapter with the engine before its first frame"},
    {fault_code::frame_hooks_not_run, "the frame hooks did not run this frame",
     "let the engine call the adapter's hooks once at each frame's begin and end"},
    {fault_code::wrong_thread, "memory freed on a thread that may not free it",
     "free it on the thread that allocated it, or choose a sync policy that takes frees from every thread"},
    {fault_code::instance_not_current, "current_instance ended out of order or on another thread",
     "hold each current_instance in a block of the thread that it is for, and let the newest end first"},
    {fault_code::tag_scope_out_of_order, "tag_scope left out of order or on another thread",
     "hold tag scopes in blocks of the thread that makes them"},
    {fault_code::double_free, "block freed twice", "free each block once; pool_box and heap_box do so by themselves"},
    {fault_code::foreign_pointer, "pointer that this allocator did not give out",
     "free a block through the allocator instance and the family of calls that gave it"},
    {fault_code::wrong_size, "block freed with another size than it has",
     "free with the type or layout that allocated it, or by address alone"},
    {fault_code::write_after_free, "block written after it was freed",
     "look for a pointer that outlived the block: drop it where the block is freed"},
    {fault_code::overflow, "write beyond the end of a block",
     "ask for as many bytes as are written; check the count and the last index"},
    {fault_code::underflow, "write before the begin of a block",
     "check for a negative index, and for a pointer that was moved back too far"},
    {fault_code::live_at_end, "allocator destroyed while its objects are alive",
     "free them first, or let the allocator live longer: declare it before what uses it"},
    {fault_code::interior_pointer, "pointer into a block where its begin is needed",
     "keep the pointer that the allocation answered, and free that one"},
    {fault_code::wrong_family, "block freed through another family of calls than gave it",
     "pair pool_alloc() with pool_free(), heap_alloc() with heap_free(), and free nothing of a frame"},
    {fault_code::used_while_ending, "allocator used while it is being destroyed",
     "join the threads that use it before its destructor runs"},
    {fault_code::contract_broken, "allocation where a contract forbids it, or beyond what it allows",
     "move the allocation out of the scope, or raise the allowance that the scope states"},
    {fault_code::record_damaged, "the allocator's own record has been overwritten",
     "look for a wild write: run with an address sanitizer, or with guarded blocks"},
    {fault_code::budget_exceeded, "global memory budget exceeded",
     "raise budget::global's limit, or give memory back first"},
    {fault_code::tag_budget_exceeded, "tag's memory budget exceeded",
     "raise the hard limit with budgets().set(), or give some of its memory back"},
    {fault_code::out_of_memory, "out of memory: the backend gave none",
     "give memory back and try again, or choose a backend with more"},
    {fault_code::impossible_size, "request for more bytes than can exist",
     "check the element count: count * sizeof(T) may have overflowed"},
    {fault_code::impossible_alignment, "alignment that cannot be honoured",
     "ask for a power of two, from 1 to 2097152 bytes"},
    {fault_code::backend_misaligned, "the backend gave memory that is not aligned as it was asked",
     "correct the backend: hold it against framealloc/testing/backend.hpp"},
    {fault_code::giver_unknown, "memory from a giver that is no part of this backend",
     "look for writes beyond a block: the giver is kept below each block, and in each chunk's head"},
    {fault_code::frame_budget_exceeded, "thread's frame budget exceeded",
     "raise it with budgets().set_frame_limits(), or use pool_alloc() or heap_alloc()"},
    {fault_code::too_many_tags, "more allocation tags than a process can tell apart",
     "use fewer, for what has a budget"},
    {fault_code::guard_budget_exhausted, "no more blocks can be guarded",
     "raise vm.max_map_count or guard fewer: blocks are checked without guard pages now"},
    {fault_code::handle_not_live, "handle that is invalid or has been freed",
     "drop the handle where its object is freed, and ask whether it is live before use"},
    {fault_code::streaming_budget_exceeded, "streaming budget exceeded",
     "raise the budget, or let go of what is loaded and farthest from use"},
    {fault_code::bad_configuration, "configuration out of range", "correct the named field"},
    {fault_code::bad_tag, "allocation tag with a path that is none", "write names with one / between them"},
};

/// The same texts one behind the other, and where each begins. For the table's pointers the dynamic linker would want
/// records in every program, more bytes of them than the places take.
template <std::size_t Rows, std::size_t Bytes>
struct packed_fault_texts {
    struct row {
        fault_code code;
        std::uint16_t message, help;
    };
    row rows[Rows]{};
    char text[Bytes]{};

    consteval packed_fault_texts() noexcept {
        std::size_t end = 0;
        auto const add = [&](char const* from) {
            std::size_t const begin = end;
            do text[end++] = *from;
            while (*from++ != '\0');
            return static_cast<std::uint16_t>(begin);
        };
        for (std::size_t i = 0; i < Rows; ++i) {
            rows[i] = {fault_table[i].code, add(fault_table[i].message), add(fault_table[i].help)};
        }
    }
};
consteval std::size_t fault_text_bytes() noexcept {
    std::size_t bytes = 0;
    for (fault_text const& t : fault_table) bytes += __builtin_strlen(t.message) + __builtin_strlen(t.help) + 2;
    return bytes;
}
inline constexpr packed_fault_texts<sizeof fault_table / sizeof *fault_table, fault_text_bytes()> fault_texts{};
static_assert(sizeof fault_texts.text <= UINT16_MAX);

/// A code that is not in the table is told as an internal error, whose row is the first.
[[nodiscard]] FRAMEALLOC_COLD constexpr fault_text text_of(fault_code code) noexcept {
    std::size_t i = sizeof fault_texts.rows / sizeof *fault_texts.rows - 1;
    while (i != 0 && fault_texts.rows[i].code != code) --i;
    auto const& row = fault_texts.rows[i];
    return {row.code, fault_texts.text + row.message, fault_texts.text + row.help};
}

}  // namespace detail

/// One mistake or refusal: which, and its numbers.
struct fault {
    fault_code code = fault_code::internal;
    /// A `printf` format for at most four `unsigned long long`, which says what was found and what was expected.
    char const* note = "";
    unsigned long long numbers[4] = {};
    /// What the default handler does after reporting: true stops the program, false goes on with nothing changed.
    bool stops = false;
    /// Which tag it is about, and which one's limit was met, as numbers; 0 where it is about none.
    std::uint8_t tag = 0;
    std::uint8_t limited_by = 0;
    /// Writes which tag that is. It comes with the fault, so that who uses no tags carries no text of them, and no library
    /// that has been unloaded is asked.
    void (*write_subject)(fault const&, char* to, std::size_t size) noexcept = nullptr;

    /// Where the mistake was made, where its block was allocated, and where that was freed before, as addresses in the code;
    /// null where it is not known. Assemblies that keep records know.
    void const* site = nullptr;
    void const* allocated_at = nullptr;
    void const* freed_at = nullptr;
    /// Writes these places as lines of the report; comes with the fault, as `write_subject` does.
    void (*write_places)(fault const&, char* to, std::size_t size) noexcept = nullptr;

    /// The path of the tag that was charged; "(untagged)" for none. It stays readable for good.
    [[nodiscard]] char const* tag_path() const noexcept;
    /// The path of the tag whose limit was met; "(all tags)" for the sum of all.
    [[nodiscard]] char const* limit_path() const noexcept;

    /// Writes the report, as `[framealloc][FA001] error: ...` with a `note:` and a `help:` line, into `buffer`, cut to
    /// its size and always terminated; answers the bytes written without the terminator. Allocates nothing.
    FRAMEALLOC_COLD std::size_t write(char* buffer, std::size_t size) const noexcept {
        if (size == 0) return 0;
        char details[256];
        char subject[256];
        char places[768];
        subject[0] = places[0] = '\0';
        if (write_places != nullptr) write_places(*this, places, sizeof places);
        if (write_subject != nullptr) write_subject(*this, subject, sizeof subject);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        __builtin_snprintf(details, sizeof details, note, numbers[0], numbers[1], numbers[2], numbers[3]);
#pragma GCC diagnostic pop
        auto const text = detail::text_of(code);
        int const wanted =
            __builtin_snprintf(buffer, size, "[framealloc][FA%03u] error: %s\n  note: %s%s\n%s  help: %s\n",
                               unsigned(code), text.message, subject, details, places, text.help);
        auto const length = static_cast<std::size_t>(wanted < 0 ? 0 : wanted);
        return length < size ? length : size - 1;
    }
};

/// What a handler decides.
enum class fault_action : unsigned char {
    go_on,  ///< ignore the call that was at fault; nothing has changed
    stop,   ///< end the program
};

/// Called with each mistake and with each refusal that nobody else can report. It may be called on any thread, while no
/// lock of ours is held, and may use the allocator that calls it. It may throw out of calls that are not noexcept.
using fault_handler = fault_action (*)(fault const&);

/// The handler in place from the start: writes the report to standard error and does what `fault::stops` says.
inline fault_action report_to_standard_error(fault const& f) {
    char text[1536];
    detail::platform::write_error(text, f.write(text, sizeof text));
    return f.stops ? fault_action::stop : fault_action::go_on;
}

namespace detail {
inline constinit atomic<fault_handler> installed_fault_handler{&report_to_standard_error};
}

/// Replaces the process's fault handler and answers the one before it; null restores the default. Thread-safe.
inline fault_handler set_fault_handler(fault_handler handler) noexcept {
    return detail::installed_fault_handler.exchange(handler != nullptr ? handler : &report_to_standard_error,
                                                    detail::order::acq_rel);
}

/// Hands `f` to the installed handler and stops the program if it says so.
FRAMEALLOC_COLD inline void report(fault const& f) {
    if (detail::installed_fault_handler.load(detail::order::acquire)(f) == fault_action::stop) {
        detail::platform::stop();
    }
}

}  // namespace framealloc
