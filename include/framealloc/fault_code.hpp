// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

// The one table of codes: name, number, level, what was wrong, what usually causes it, and what to do about it. The
// enumeration is made of it, and what reports print; docs/codes is generated from it.
//
// A macro, because from one list it makes both an enumerator and, apart from all others, the texts of a code: a program
// carries the texts of those codes alone that it can report.

// clang-format off
#define FRAMEALLOC_FAULT_CODES(row)                                                                                            \
    row(frame_not_open, 1, error, "frame allocation used outside an active frame",                                             \
        "this allocation was requested when no frame was active",                                                              \
        "call begin_frame() before allocating, hold a frame_scope(), or use pool_alloc() or heap_alloc()")                     \
    row(frame_expired, 2, error, "frame memory used after its frame, scope or roll-back",                                      \
        "a pointer into the frame was kept, and used when the memory was not its own any more",                                \
        "keep what outlives the frame in pool_alloc() or heap_alloc(), or take it anew in each frame")                         \
    row(arena_exhausted, 3, error, "frame arena exhausted",                                                                    \
        "the frame asked for more than the arena's policy lets it hold",                                                       \
        "choose a larger arena::fixed<Bytes>, or arena::chunked, which grows")                                                 \
    row(frame_already_open, 4, error, "begin_frame() while a frame is open",                                                   \
        "a frame was begun twice, or a loop left its frame without ending it",                                                 \
        "end the open frame first; to nest, use frame_scope()")                                                                \
    row(frame_not_begun, 5, error, "end of a frame that was not begun here",                                                   \
        "end_frame() was called once too often, inside a scope, or for a frame of the other kind",                             \
        "pair each begin_frame() with one end_frame() on the same thread, and begin_frame_all() with end_frame_all()")         \
    row(checkpoint_not_live, 6, error, "roll-back to a checkpoint that is not live",                                           \
        "the checkpoint was used before, or its frame or scope has ended",                                                     \
        "roll back once, inside the frame and the scope that took the checkpoint, the newest first")                           \
    row(frame_of_another_thread, 7, error, "frame of one thread used on another",                                              \
        "a checkpoint or a scope was handed to another thread",                                                                \
        "take and roll back checkpoints, and leave scopes, on the thread that made them")                                      \
    row(frame_left_open, 8, warning, "thread ended inside a frame",                                                            \
        "the thread's function returned or threw between begin_frame() and end_frame()",                                       \
        "call end_frame() before the thread ends, or hold a frame_scope()")                                                    \
    row(phase_out_of_order, 9, error, "phase left out of order or on another thread",                                          \
        "a phase was kept in an object that outlives its block, or moved to another thread",                                   \
        "hold each phase() in a block of its thread, and let the newest end first")                                            \
    row(phase_left_open, 10, warning, "phase open at the end of a frame",                                                      \
        "a phase object lives longer than the frame that it was made in",                                                      \
        "let each phase() end in the frame that it began in, or between the same two frames")                                  \
    row(not_promotable, 11, error, "object that cannot be promoted",                                                           \
        "null, no object of this thread's open frame, or not the whole of what frame_new() made was passed",                   \
        "promote what frame_new<T>() answered, as that T, once, on its thread and inside its frame")                           \
    row(promotion_failed, 12, warning, "object lost with its frame that was to be kept",                                       \
        "the pool, heap or group that it was to move to had no room or was freed, or its move constructor threw",              \
        "promote it inside the frame, which loses nothing where it is refused, or leave room in the budget")                   \
    row(adapter_not_registered, 101, error, "the engine's adapter is not registered",                                          \
        "the engine runs, and nobody has connected its frames to an allocator",                                                \
        "register the adapter with the engine before its first frame")                                                         \
    row(frame_hooks_not_run, 102, warning, "the frame hooks did not run this frame",                                           \
        "the engine has begun a new frame, and the allocator still stands in the one before",                                  \
        "let the engine call the adapter's hooks once at each frame's begin and end")                                          \
    row(wrong_thread, 201, error, "memory freed on a thread that may not free it",                                             \
        "the block belongs to a thread, and the assembly's policies let that thread alone free it",                            \
        "free it on the thread that allocated it, or choose a sync policy that takes frees from every thread")                 \
    row(thread_state_gone, 202, warning, "allocator used by a thread that has ended",                                          \
        "something that runs after the thread's last destructors, of another library perhaps, allocates",                      \
        "let nothing that outlives the thread hold memory that it has to give back, or attach the thread anew")                \
    row(tag_scope_out_of_order, 203, error, "tag_scope left out of order or on another thread",                                \
        "a tag_scope was kept beyond its block, or ended by another thread",                                                   \
        "hold tag scopes in blocks of the thread that makes them")                                                             \
    row(instance_not_current, 204, error, "current_instance ended out of order or on another thread",                          \
        "current_instance objects ended in another order than they were made in",                                              \
        "hold each current_instance in a block of the thread that it is for, and let the newest end first")                    \
    row(double_free, 210, error, "block freed twice",                                                                          \
        "two owners hold the same pointer, or an owner frees what was freed by hand",                                          \
        "free each block once; pool_box and heap_box do so by themselves")                                                     \
    row(foreign_pointer, 211, error, "pointer that this allocator did not give out",                                           \
        "the pointer came from another instance, from malloc or new, or from the stack",                                       \
        "free a block through the allocator instance and the family of calls that gave it")                                    \
    row(wrong_size, 212, error, "block freed with another size than it has",                                                   \
        "the block was freed as another type than it was allocated as",                                                        \
        "free with the type or layout that allocated it, or by address alone")                                                 \
    row(write_after_free, 213, error, "block written after it was freed",                                                      \
        "a pointer that outlived its block was written through",                                                               \
        "look for a pointer that outlived the block: drop it where the block is freed")                                        \
    row(overflow, 214, error, "write beyond the end of a block",                                                               \
        "more was written into the block than was asked for",                                                                  \
        "ask for as many bytes as are written; check the count and the last index")                                            \
    row(underflow, 215, error, "write before the begin of a block",                                                            \
        "something was written in front of the block, at a negative index",                                                    \
        "check for a negative index, and for a pointer that was moved back too far")                                           \
    row(live_at_end, 216, error, "allocator destroyed while its objects are alive",                                            \
        "the allocator's destructor ran while blocks of it were still in use",                                                 \
        "free them first, or let the allocator live longer: declare it before what uses it")                                   \
    row(interior_pointer, 217, error, "pointer into a block where its begin is needed",                                        \
        "the pointer was moved, or points to a member or a base class of the object",                                          \
        "keep the pointer that the allocation answered, and free that one")                                                    \
    row(wrong_family, 218, error, "block freed through another family of calls than gave it",                                  \
        "a pool block was given to heap_free(), or a heap or frame block to pool_free()",                                      \
        "pair pool_alloc() with pool_free(), heap_alloc() with heap_free(), and free nothing of a frame")                      \
    row(used_while_ending, 219, error, "allocator used while it is being destroyed",                                           \
        "the destructor ran while another thread had a frame of the allocator open",                                           \
        "join the threads that use it before its destructor runs")                                                             \
    row(contract_broken, 220, error, "allocation where a contract forbids it, or beyond what it allows",                       \
        "code inside a no-allocation scope or an allocation budget allocated more than was agreed",                            \
        "move the allocation out of the scope, or raise the allowance that the scope states")                                  \
    row(record_damaged, 221, error, "the allocator's own record has been overwritten",                                         \
        "something wrote over memory that the allocator keeps its records in",                                                 \
        "look for a wild write: run with an address sanitizer, or with guarded blocks")                                        \
    row(object_not_alive, 222, error, "object used after it was destroyed or moved from",                                      \
        "a checked object was kept beyond its end, or used again after std::move()",                                           \
        "use an object while it lives, and give it a new value after moving from it")                                          \
    row(budget_exceeded, 301, error, "global memory budget exceeded",                                                          \
        "all that the instance holds would come to more than its budget's limit",                                              \
        "raise budget::global's limit, or give memory back first")                                                             \
    row(tag_budget_exceeded, 302, error, "tag's memory budget exceeded",                                                       \
        "what the tag holds would come to more than its hard limit, or that of a tag above it",                                \
        "raise the hard limit with budgets().set(), or give some of its memory back")                                          \
    row(out_of_memory, 303, error, "out of memory: the backend gave none",                                                     \
        "the system, or the buffer that the backend serves from, has no more",                                                 \
        "give memory back and try again, or choose a backend with more")                                                       \
    row(impossible_size, 304, error, "request for more bytes than can exist",                                                  \
        "a count was negative or overflowed before it reached the allocator",                                                  \
        "check the element count: count * sizeof(T) may have overflowed")                                                      \
    row(impossible_alignment, 305, error, "alignment that cannot be honoured",                                                 \
        "the alignment is zero, no power of two, or larger than any that is served",                                           \
        "ask for a power of two, from 1 to 2097152 bytes")                                                                     \
    row(backend_misaligned, 306, error, "the backend gave memory that is not aligned as it was asked",                         \
        "a backend of the program's own does not honour the alignment in its layout",                                          \
        "correct the backend: hold it against framealloc/testing/backend.hpp")                                                 \
    row(giver_unknown, 307, error, "memory from a giver that is no part of this backend",                                      \
        "the record of who gave the memory has been overwritten",                                                              \
        "look for writes beyond a block: the giver is kept below each block, and in each chunk's head")                        \
    row(frame_budget_exceeded, 308, error, "thread's frame budget exceeded",                                                   \
        "the thread's frame would hold more than the limit of the thread's frames",                                            \
        "raise it with budgets().set_frame_limits(), or use pool_alloc() or heap_alloc()")                                     \
    row(too_many_tags, 309, warning, "more allocation tags than a process can tell apart",                                     \
        "254 tags are in use, and another one was used for the first time",                                                    \
        "use fewer, for what has a budget")                                                                                    \
    row(guard_budget_exhausted, 310, warning, "no more blocks can be guarded",                                                 \
        "each guarded block takes mappings, and the system allows a process no more of them",                                  \
        "raise vm.max_map_count or guard fewer: blocks are checked without guard pages now")                                   \
    row(handle_not_live, 401, error, "handle that is invalid or has been freed",                                               \
        "the object behind the handle was freed, or the handle was never given out",                                           \
        "drop the handle where its object is freed, and ask whether it is live before use")                                    \
    row(streaming_budget_exceeded, 402, error, "streaming budget exceeded",                                                    \
        "what is loaded and what is asked for come to more than the budget for streaming",                                     \
        "raise the budget, or let go of what is loaded and farthest from use")                                                 \
    row(stream_wrong_state, 403, error, "streaming asset in a state that does not allow the call",                             \
        "a load was begun twice, finished without being begun, or cancelled by somebody else meanwhile",                       \
        "begin each load once, and let its loader finish or abandon it; ask info() where others may have cancelled it")        \
    row(stream_wrong_size, 404, error, "bytes that a streaming asset cannot have",                                             \
        "nothing was reserved, more was reported than was reserved, or a load was finished short of it",                       \
        "reserve what the asset has, report at most that, and end a load that came short with finish_load(id, bytes)")         \
    row(handle_pinned, 405, error, "object of a handle freed while it is pinned",                                              \
        "somebody who has pinned the object has not unpinned it yet",                                                          \
        "free it after the last unpin(); a pinned_ptr unpins at the end of its block")                                         \
    row(handle_not_pinned, 406, error, "object of a handle unpinned more often than pinned",                                   \
        "unpin() was called twice for one pin(), or without one",                                                              \
        "pair each pin() with one unpin(), or hold a pinned_ptr, which does so by itself")                                     \
    row(handle_moving, 407, error, "object used by its handle while its own constructor moves it",                             \
        "a constructor that moves an object pins or frees that object by its handle",                                           \
        "let constructors and destructors leave the handle of their own object alone")                                         \
    row(handles_exhausted, 408, error, "no more handles can be told apart",                                                    \
        "as many objects live as the heap has slots for, or 1024 heaps of handles are alive",                                  \
        "raise handle_config::most_handles, or share one heap; check for handles that are never freed")                        \
    row(group_name_refused, 410, error, "group with a name that is taken or too long",                                         \
        "a group of this name is alive: it was created twice, or has not been freed",                                          \
        "free the group before one of its name is created anew, find() it, or choose another name")                            \
    row(group_not_live, 411, error, "group used that is not alive",                                                            \
        "the group has been freed, was moved from, or belongs to another allocator",                                           \
        "drop references and allocators of a group where it is freed, and ask is_live() before use")                           \
    row(scratch_name_refused, 412, error, "scratch arena with a name that is taken or too long",                               \
        "an arena of this name is alive: it was made twice, or a function that makes it calls itself",                         \
        "give each arena a name of its own, of at most 63 bytes, or none")                                                     \
    row(scratch_not_usable, 413, error, "scratch arena used when it serves nothing",                                           \
        "its allocator has ended, or a destructor or a listener uses the arena that calls it",                                 \
        "let the allocator outlive the arena, and its destructors and listeners leave it alone")                               \
    row(scratch_scope_open, 414, error, "scratch arena reset or rewound over a scope that is open",                            \
        "reset() was called inside a scope of the arena, or scopes were not ended innermost first",                            \
        "let scopes end with the blocks that they were opened in, and reset outside of them")                                  \
    row(object_pool_exhausted, 501, error, "object pool exhausted",                                                            \
        "as many objects are alive as the pool has slots for, and it may not or cannot grow",                                  \
        "raise the capacity or the maximum, end objects earlier, or use try_ forms and do without")                            \
    row(object_not_live, 502, error, "object of a pool given back that is not alive",                                          \
        "the object was given back before, or never allocated in that slot",                                                   \
        "give each object back once; an owned<> handle does so by itself")                                                     \
    row(object_of_another_pool, 503, error, "object given back to a pool that it is not of",                                   \
        "the pointer came from another pool, from new, or points to a member of the object",                                   \
        "give the pointer that allocate() answered to the pool that answered it")                                              \
    row(object_pool_ended_early, 504, error, "object pool destroyed while its objects are alive",                              \
        "the pool's destructor ran while handles or pointers to its objects were still in use",                                \
        "let objects end first, or the pool live longer: declare it before what uses it")                                      \
    row(object_still_shared, 505, error, "object given back by pointer while it is shared",                                    \
        "shared<> handles own the object, and a pointer to it was handed to free()",                                           \
        "let the last shared<> handle end the object, and free by pointer what was allocated by pointer")                      \
    row(internal, 901, error, "internal error of the allocator",                                                               \
        "an invariant of the allocator does not hold",                                                                         \
        "please report this")                                                                                                  \
    row(bad_configuration, 902, error, "configuration out of range",                                                           \
        "a value lies outside the range that the field's documentation states",                                                \
        "correct the named field")                                                                                             \
    row(bad_tag, 903, error, "allocation tag with a path that is none",                                                        \
        "a tag's path is empty, too long or too deep, or has a character that is not allowed",                                 \
        "write names with one / between them")
// clang-format on
#define FRAMEALLOC_FAULT_ENUMERATOR(name, number, level, message, cause, help) name = number,
#define FRAMEALLOC_FAULT_ROW(name, number, level, message, cause, help) \
    {fault_code::name, fault_level::level, message, cause, help},

namespace framealloc::inline v0_1 {

/// What went wrong, by the code that reports show. The hundreds group them: 0 frames, 1 the adapter to an engine, 2 threads,
/// frees and blocks, 3 limits and memory, 4 handles, streaming, groups and scratch arenas, 5 object pools, 9 the library
/// itself and its configuration. Those of 100 are for adapters to report, with FA_EMIT; the library reports the others.
///
/// `user_defined` is what a program has defined itself: see `emit`.
enum class fault_code : std::uint16_t { FRAMEALLOC_FAULT_CODES(FRAMEALLOC_FAULT_ENUMERATOR) user_defined = 0 };

/// How bad it is. A strict mode tells them apart.
enum class fault_level : std::uint8_t { note, warning, error };

namespace detail {

struct fault_text {
    fault_code code;
    fault_level level;
    char const* message;  ///< what was wrong, in general
    char const* cause;    ///< what usually causes it
    char const* help;     ///< what to do about it
};

inline constexpr fault_text fault_table[] = {FRAMEALLOC_FAULT_CODES(FRAMEALLOC_FAULT_ROW)};
inline constexpr std::size_t fault_text_head = 7;
inline constexpr std::size_t fault_count = sizeof fault_table / sizeof *fault_table;

/// Writes what is told of a code: level and number, where message and help begin, and then `id`, message and help, cut to
/// `most` bytes, each with a zero behind it.
///
///     [ level | number, 2 bytes | message at, 2 | help at, 2 | id 0 | message 0 | help 0 ]
constexpr std::size_t pack_fault_text(char* to, std::size_t most, char const* id, fault_text const& t) noexcept {
    auto const put = [&](std::size_t at, std::size_t number) {
        to[at] = static_cast<char>(number & 0xFF);
        to[at + 1] = static_cast<char>(number >> 8);
    };
    to[0] = static_cast<char>(t.level);
    put(1, unsigned(t.code));
    std::size_t end = fault_text_head;
    char const* const texts[] = {id, t.message, t.help};
    for (std::size_t i = 0; i < 3; ++i) {
        if (i != 0) put(1 + 2 * i, end);
        for (std::size_t n = 0; n < most && texts[i][n] != '\0'; ++n) to[end++] = texts[i][n];
        to[end++] = '\0';
    }
    return end;
}

/// One code's texts, one behind the other. For pointers to them the dynamic linker would want records in every program,
/// more bytes of them than the texts have.
template <std::size_t Row>
struct packed_fault_text {
    static constexpr fault_text const& row = fault_table[Row];
    char text[fault_text_head + sizeof "FA000" + __builtin_strlen(row.message) + __builtin_strlen(row.help) + 2]{};
    consteval packed_fault_text() noexcept {
        unsigned const n = unsigned(row.code);
        char const id[] = {'F', 'A', char('0' + n / 100), char('0' + n / 10 % 10), char('0' + n % 10), '\0'};
        pack_fault_text(text, sizeof text, id, row);
    }
};
template <std::size_t Row>
inline constexpr packed_fault_text<Row> fault_text_at{};

/// The texts of a code; those of `internal` for a code that the table does not have.
template <std::size_t Row = 0>
[[nodiscard]] constexpr char const* find_fault_text(fault_code code) noexcept {
    if constexpr (Row < fault_count) {
        return fault_table[Row].code == code ? fault_text_at<Row>.text : find_fault_text<Row + 1>(code);
    } else {
        return find_fault_text(fault_code::internal);
    }
}

}  // namespace detail

/// A code with its level and its texts: made of a `fault_code`, by the compiler, and usable as one.
///
/// It is one pointer, which is why a program has only the texts of the codes that it names. For a code that is known at run
/// time alone there is `of`, which brings all of them in.
class fault_kind {
public:
    consteval fault_kind(fault_code code) noexcept : packed_(detail::find_fault_text(code)) {}
    [[nodiscard]] static constexpr fault_kind of(fault_code code) noexcept {
        return fault_kind{detail::find_fault_text(code)};
    }
    /// The texts of a program's own diagnostic, which `detail::pack_fault_text` has written there and which lie there as long
    /// as this is used.
    [[nodiscard]] static constexpr fault_kind packed_at(char const* packed) noexcept { return fault_kind{packed}; }

    [[nodiscard]] constexpr fault_code code() const noexcept { return fault_code(number_at(1)); }
    [[nodiscard]] constexpr operator fault_code() const noexcept { return code(); }
    [[nodiscard]] constexpr fault_level level() const noexcept { return fault_level(packed_[0]); }
    /// The code as reports show it: "FA001", or what the program's own diagnostic is called.
    [[nodiscard]] constexpr char const* id() const noexcept { return packed_ + detail::fault_text_head; }
    /// What was wrong, in general.
    [[nodiscard]] constexpr char const* message() const noexcept { return packed_ + number_at(3); }
    /// What to do about it.
    [[nodiscard]] constexpr char const* help() const noexcept { return packed_ + number_at(5); }

private:
    constexpr explicit fault_kind(char const* packed) noexcept : packed_(packed) {}
    [[nodiscard]] constexpr unsigned number_at(unsigned at) const noexcept {
        return static_cast<unsigned char>(packed_[at]) + 0x100u * static_cast<unsigned char>(packed_[at + 1]);
    }

    char const* packed_;
};

}  // namespace framealloc
