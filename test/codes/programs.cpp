// SPDX-License-Identifier: MIT OR Apache-2.0

// A small program for each code, which provokes it through the public interface: what it then writes to standard error is
// compared with golden/<code>.txt, and shown on the code's page in docs/codes.
//
//     programs FA001      runs one
//     programs --table    prints the table of codes, and which of them have a program, as JSON

#include <framealloc/smart_alloc_debug.hpp>

#include <framealloc/allocation_budget.hpp>
#include <framealloc/arena/fixed.hpp>
#include <framealloc/backend/fallback.hpp>
#include <framealloc/backend/static_buffer.hpp>
#include <framealloc/budget/global.hpp>
#include <framealloc/budget/per_tag.hpp>
#include <framealloc/checked.hpp>
#include <framealloc/current_instance.hpp>
#include <framealloc/diagnostics/macros.hpp>
#include <framealloc/frame_ptr.hpp>
#include <framealloc/group/group.hpp>
#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/promotion/promote.hpp>
#include <framealloc/promotion/retained.hpp>
#include <framealloc/scratch/scratch_arena.hpp>
#include <framealloc/smart_alloc_guarded.hpp>
#include <framealloc/streaming/streaming_allocator.hpp>
#include <framealloc/tag.hpp>
#include <framealloc/tag_budgets.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>

using namespace framealloc;

namespace {

constexpr alloc_config named{.name = "level"};

/// A plain form that refuses throws; this is what `main` would print of it.
template <class F>
void refused(F&& f) {
#if FRAMEALLOC_EXCEPTIONS
    try {
        f();
    } catch (std::exception const& e) {
        std::fputs(e.what(), stderr);
    }
#else
    // It would report it, and stop.
    set_fault_handler([](fault const& why) {
        static_cast<void>(report_to_sink(why));
        std::_Exit(0);
        return fault_action::stop;
    });
    f();
#endif
}

/// Writes as a program with a mistake does, where the compiler does not see it.
[[gnu::noinline]] void write_at(void* p, int index) {
    static_cast<char volatile*>(p)[index] = 'x';
}

/// What the allocator keeps below a heap block.
template <class Alloc>
detail::heap_prefix& head_of(Alloc&, void* block) {
    return detail::heap_store<typename Alloc::assembly_type>::prefix_of(block);
}

#define PROGRAM(code) void code()

PROGRAM(FA001) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    alloc.end_frame();
    static_cast<void>(alloc.try_frame_alloc<int>());
}

PROGRAM(FA002) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto const lives = make_frame_ptr<int>(alloc, 3);
    alloc.end_frame();
    ++*lives;
}

PROGRAM(FA003) {
    basic_smart_alloc<arena::fixed<4096>, diagnostics::checked> alloc{named};
    alloc.begin_frame();
    static_cast<void>(alloc.try_frame_alloc<char[3000]>());
    static_cast<void>(alloc.try_frame_alloc<char[3000]>());
}

PROGRAM(FA004) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    alloc.begin_frame();
}

PROGRAM(FA005) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    alloc.end_frame();
    alloc.end_frame();
}

PROGRAM(FA006) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto const mark = alloc.checkpoint();
    alloc.rollback(mark);
    alloc.rollback(mark);
}

PROGRAM(FA007) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto const mark = alloc.checkpoint();
    std::thread{[&] {
        alloc.begin_frame();
        alloc.rollback(mark);
        alloc.end_frame();
    }}.join();
    alloc.end_frame();
}

PROGRAM(FA008) {
    smart_alloc_debug alloc{named};
    std::thread{[&] { alloc.begin_frame(); }}.join();
}

PROGRAM(FA009) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto* const update = new auto(alloc.phase("update"));
    auto* const collide = new auto(alloc.phase("collide"));
    delete update;
    delete collide;
}

PROGRAM(FA010) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto const phase = alloc.phase("update");
    alloc.end_frame();
}

PROGRAM(FA011) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    auto* const name = alloc.frame_new<std::string>("The Long Quiet");
    auto const kept = promote_to_pool(alloc, name);
    auto const again = try_promote_to_pool(alloc, name);
    alloc.end_frame();
}

PROGRAM(FA012) {
    smart_alloc_debug alloc{named};
    auto level = alloc.groups().create("level_1");
    alloc.begin_frame();
    auto const name = frame_retained<std::string>(alloc, level, "The Long Quiet");
    level.free();
    alloc.end_frame();
}

PROGRAM(FA101) {
    bool const registered = false;  // what an engine's adapter would know
    FA_ASSERT(registered, FA101);
}

PROGRAM(FA102) {
    smart_alloc alloc{named};
    unsigned long long const frame_of_engine = 1;
    FA_ASSERT(diag_context::capture(alloc).frame_number == frame_of_engine, FA102, diag_context::capture(alloc));
}

PROGRAM(FA201) {
    smart_alloc_debug alloc{named};
    alloc.begin_frame();
    int* const lives = alloc.frame_alloc<int>();
    std::thread{[&] { alloc.pool_free(lives); }}.join();
}

PROGRAM(FA202) {
    static pthread_key_t at_end;
    // Another library that cleans up once more when a thread has ended, after everybody else.
    static constexpr auto clean_up = [](void* alloc) {
        static thread_local bool is_late = false;
        if (std::exchange(is_late, true)) {
            auto* const late = static_cast<smart_alloc_debug*>(alloc)->pool_new<int>(3);
            static_cast<smart_alloc_debug*>(alloc)->pool_delete(late);
        } else {
            pthread_setspecific(at_end, alloc);
        }
    };
    pthread_key_create(&at_end, clean_up);
    smart_alloc_debug alloc{named};
    std::thread{[&] {
        alloc.attach_thread();
        pthread_setspecific(at_end, &alloc);
    }}.join();
}

PROGRAM(FA204) {
    smart_alloc_debug first{named}, second;
    auto* const outer = new current_instance{first};
    auto* const inner = new current_instance{second};
    delete outer;
    delete inner;
}

constexpr allocation_tag physics{"world/physics"};
using tagged_alloc = basic_smart_alloc<budget::per_tag, diagnostics::checked>;

PROGRAM(FA203) {
    tagged_alloc alloc{named};
    auto* const outer = new auto(alloc.tag_scope(physics));
    auto* const inner = new auto(alloc.tag_scope(physics));
    delete outer;
    delete inner;
}

PROGRAM(FA210) {
    smart_alloc_debug alloc{named};
    int* const block = alloc.pool_alloc<int>();
    alloc.pool_free(block);
    alloc.pool_free(block);
}

PROGRAM(FA211) {
    smart_alloc_debug alloc{named};
    alloc.heap_free(std::malloc(100));
}

PROGRAM(FA212) {
    smart_alloc_debug alloc{named};
    void* const block = alloc.pool_alloc(layout{.bytes = 64});
    alloc.pool_free(block, layout{.bytes = 640});
}

PROGRAM(FA213) {
    smart_alloc_debug alloc{named};
    void* const block = alloc.pool_alloc(layout{.bytes = 64});
    alloc.pool_free(block);
    write_at(block, 40);
    static_cast<void>(alloc.pool_alloc(layout{.bytes = 64}));
}

PROGRAM(FA214) {
    smart_alloc_debug alloc{named};
    void* const letters = alloc.pool_alloc(layout{.bytes = 9});
    write_at(letters, 9);
    alloc.pool_free(letters);
}

PROGRAM(FA215) {
    smart_alloc_debug alloc{named};
    void* const letters = alloc.pool_alloc(layout{.bytes = 9});
    write_at(letters, -1);
    alloc.pool_free(letters);
}

PROGRAM(FA216) {
    smart_alloc_debug alloc{named};
    static_cast<void>(alloc.pool_new<int>(3));
}

PROGRAM(FA217) {
    smart_alloc_debug alloc{named};
    auto* const row = static_cast<char*>(alloc.heap_alloc(layout{.bytes = 100}));
    alloc.heap_free(row + 8);
}

PROGRAM(FA218) {
    smart_alloc_debug alloc{named};
    int* const lives = alloc.pool_alloc<int>();
    alloc.heap_free(lives);
}

PROGRAM(FA219) {
    auto* const alloc = new smart_alloc_debug{named};
    std::promise<void> begun, ended;
    std::thread loader{[&] {
        alloc->begin_frame();
        begun.set_value();
        ended.get_future().wait();
    }};
    begun.get_future().wait();
    delete alloc;
    ended.set_value();
    loader.join();
}

PROGRAM(FA220) {
    smart_alloc_debug alloc{named};
    no_allocation_scope const quiet{"audio callback"};
    alloc.pool_free<int>(alloc.pool_alloc<int>());
}

PROGRAM(FA221) {
    smart_alloc_debug alloc{named};
    void* const block = alloc.heap_alloc(layout{.bytes = 1000});
    // Something writes below its block, where the allocator keeps how large it is.
    head_of(alloc, block).bytes = 77;
    alloc.heap_free(block);
}

PROGRAM(FA222) {
    checked<int> score{3};
    score.destroy();
    ++*score;
}

PROGRAM(FA301) {
    basic_smart_alloc<budget::global, diagnostics::checked> alloc{named, budget::global{1 << 20}};
    refused([&] { static_cast<void>(alloc.heap_alloc(layout{.bytes = 2 << 20})); });
}

PROGRAM(FA302) {
    tagged_alloc alloc{named};
    alloc.budgets().set(physics, {.hard = 4096});
    auto const tag = alloc.tag_scope(physics);
    refused([&] { static_cast<void>(alloc.heap_alloc(layout{.bytes = 5000})); });
}

PROGRAM(FA303) {
    basic_smart_alloc<backend::static_buffer<(1 << 20)>, diagnostics::checked> alloc{named};
    refused([&] { static_cast<void>(alloc.heap_alloc(layout{.bytes = 2 << 20})); });
}

PROGRAM(FA304) {
    smart_alloc_debug alloc{named};
    int const wanted = -1;
    refused([&] { static_cast<void>(alloc.heap_alloc(layout::array_of<int>(static_cast<std::size_t>(wanted)))); });
}

PROGRAM(FA305) {
    smart_alloc_debug alloc{named};
    static_cast<void>(alloc.try_heap_alloc(layout{.bytes = 100, .align = 24}));
}

/// A backend that adds a header of its own, and forgets the alignment over it.
struct with_header {
    using family = backend_family;
    [[nodiscard]] void* try_allocate(layout request) noexcept {
        auto* const p = static_cast<char*>(std::malloc(request.bytes + 8));
        return p != nullptr ? p + 8 : nullptr;
    }
    void deallocate(void* p, layout) noexcept { std::free(static_cast<char*>(p) - 8); }
};

PROGRAM(FA306) {
    basic_smart_alloc<with_header, diagnostics::checked> alloc{named};
    static_cast<void>(alloc.try_heap_alloc(layout{.bytes = 100}));
}

PROGRAM(FA307) {
    basic_smart_alloc<backend::fallback<backend::system, backend::system>, diagnostics::checked> alloc{
        alloc_config{.heap_cache_bytes = 0, .name = "level"}};
    void* const block = alloc.heap_alloc(layout{.bytes = 100});
    // Something writes below its block, where it is kept who gave it.
    head_of(alloc, block).giver = 77;
    alloc.heap_free(block);
}

PROGRAM(FA308) {
    tagged_alloc alloc{named};
    alloc.budgets().set_frame_limits({.hard = 4096});
    alloc.begin_frame();
    refused([&] { static_cast<void>(alloc.frame_alloc(layout{.bytes = 5000})); });
    alloc.end_frame();
}

PROGRAM(FA309) {
    static std::string paths[300];
    for (int i = 0; i < 300; ++i) {
        paths[i] = "texture_" + std::to_string(i);
        static_cast<void>(allocation_tag{paths[i]}.id());
    }
}

PROGRAM(FA310) {
    // As few as that show what the system's limit does with some 28,600.
    using few = diagnostics::basic_guarded<diagnostics::guard_options{.most_blocks = 2}>;
    basic_smart_alloc<few> alloc{named};
    int* lives[3];
    for (int*& p : lives) p = alloc.pool_new<int>(3);
    for (int* const p : lives) alloc.pool_delete(p);
}

PROGRAM(FA401) {
    smart_alloc_debug alloc{named};
    handle_allocator<smart_alloc_debug> handles{alloc};
    handle<int> const troll = handles->make<int>(7);
    handles->free(troll);
    static_cast<void>(handles->at(troll));
}

PROGRAM(FA402) {
    smart_alloc_debug alloc{named};
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const reserved = assets.reserve(900).value();
    refused([&] { static_cast<void>(assets.reserve(200).value()); });
    assets.cancel(reserved).value();
}

PROGRAM(FA403) {
    smart_alloc_debug alloc{named};
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = assets.reserve(900).value();
    static_cast<void>(assets.finish_load(id));
    assets.cancel(id).value();
}

PROGRAM(FA404) {
    smart_alloc_debug alloc{named};
    streaming_allocator assets{alloc, {.budget_bytes = 1000}};
    stream_id const id = assets.reserve(900).value();
    static_cast<void>(assets.begin_load(id).value());
    static_cast<void>(assets.report_progress(id, 901));
    assets.abandon_load(id).value();
}

PROGRAM(FA410) {
    smart_alloc_debug alloc{named};
    auto level = alloc.groups().create("level_1");
    level.make<int>(3);
    auto const again = alloc.groups().try_create("level_1");
}

PROGRAM(FA411) {
    smart_alloc_debug alloc{named};
    auto level = alloc.groups().create("level_1");
    level.free();
    static_cast<void>(level.try_make<int>(3));
}

PROGRAM(FA412) {
    smart_alloc_debug alloc{named};
    scratch_arena parser{alloc, "parser"};
    parser.make<int>(3);
    refused([&] { scratch_arena const again{alloc, "parser"}; });
}

PROGRAM(FA413) {
    std::optional<smart_alloc> alloc{named};
    scratch_arena parser{*alloc, "parser"};
    alloc.reset();
    static_cast<void>(parser.try_make<int>(3));
}

PROGRAM(FA414) {
    smart_alloc_debug alloc{named};
    scratch_arena parser{alloc, "parser"};
    auto const round = parser.scope();
    parser.make<int>(3);
    parser.reset();
}

PROGRAM(FA405) {
    smart_alloc_debug alloc{named};
    handle_allocator<smart_alloc_debug> handles{alloc};
    handle<int> const troll = handles->make<int>(7);
    auto const pinned = handles->pinned(troll);
    handles->free(troll);
}

PROGRAM(FA406) {
    smart_alloc_debug alloc{named};
    handle_allocator<smart_alloc_debug> handles{alloc};
    handle<int> const troll = handles->make<int>(7);
    static_cast<void>(handles->pin(troll));
    handles->unpin(troll);
    handles->unpin(troll);
}

PROGRAM(FA407) {
    using heap = handle_allocator<smart_alloc_debug>::heap_type;
    struct reluctant {  // wants to stay where it is, and says so too late
        heap* where;
        handle<reluctant> self{};
        explicit reluctant(heap& h) : where(&h) {}
        reluctant(reluctant&& other) noexcept : where(other.where), self(other.self) {
            static_cast<void>(where->pin(self));
        }
        ~reluctant() = default;
    };
    smart_alloc_debug alloc{named};
    handle_allocator<smart_alloc_debug> handles{alloc};
    auto const first = handles->make<reluctant>(*handles), second = handles->make<reluctant>(*handles);
    handles->resolve(second)->self = second;
    handles->free(first);
    handles->defragment();
}

PROGRAM(FA408) {
    smart_alloc_debug alloc{named};
    handle_allocator<smart_alloc_debug> handles{alloc, {.most_handles = 512}};
    for (handle<int> h; (h = handles->try_make<int>(7));) {}
}

PROGRAM(FA501) {
    fixed_pool<float, diagnostics::checked> trolls{{.capacity = 2, .name = "trolls"}};
    auto const first = trolls.make(100.0F), second = trolls.make(80.0F);
    refused([&] { auto const third = trolls.make(60.0F); });
}

PROGRAM(FA502) {
    fixed_pool<float, diagnostics::checked> trolls{{.capacity = 2, .name = "trolls"}};
    float* const troll = trolls.allocate(100.0F);
    trolls.free(troll);
    trolls.free(troll);
}

PROGRAM(FA503) {
    fixed_pool<float, diagnostics::checked> trolls{{.capacity = 2, .name = "trolls"}};
    fixed_pool<float, diagnostics::checked> giants{{.capacity = 2, .name = "giants"}};
    float* const troll = trolls.allocate(100.0F);
    giants.free(troll);
}

PROGRAM(FA504) {
    using troll_pool = fixed_pool<float, diagnostics::checked>;
    owned<troll_pool> boss;
    {
        troll_pool trolls{{.capacity = 2, .name = "trolls"}};
        boss = trolls.make(100.0F);
    }
}

PROGRAM(FA505) {
    fixed_pool<float, sharing::local, diagnostics::checked> trolls{{.capacity = 2, .name = "trolls"}};
    auto const troll = trolls.make_shared(100.0F);
    auto const hunted_by_archer = troll;
    trolls.free(troll.get());
}

PROGRAM(FA901) {
    smart_alloc alloc{named};
    void* const block = alloc.heap_alloc(layout{.bytes = 1000});
    head_of(alloc, block).bytes -= 16;  // as a bug of the allocator's might
    verification found = alloc.verify();
    if (!found) report(found.first);
    head_of(alloc, block).bytes += 16;
    alloc.heap_free(block);
}

PROGRAM(FA902) {
    refused([] { smart_alloc alloc{alloc_config{.region_bytes = 1}}; });
}

PROGRAM(FA903) {
    std::string const path = "world//physics";
    refused([&] { static_cast<void>(allocation_tag{path}); });
}

struct program {
    char const* id;
    void (*run)();
};
#define ROW(code) {#code, &code}
constexpr program programs[] = {
    ROW(FA001), ROW(FA002), ROW(FA003), ROW(FA004), ROW(FA005), ROW(FA006), ROW(FA007), ROW(FA008), ROW(FA009), ROW(FA010),
    ROW(FA011), ROW(FA012),
    ROW(FA101), ROW(FA102), ROW(FA201), ROW(FA202), ROW(FA203), ROW(FA204), ROW(FA210), ROW(FA211), ROW(FA212), ROW(FA213),
    ROW(FA214), ROW(FA215), ROW(FA216), ROW(FA217), ROW(FA218), ROW(FA219), ROW(FA220), ROW(FA221), ROW(FA222), ROW(FA301),
    ROW(FA302), ROW(FA303), ROW(FA304), ROW(FA305), ROW(FA306), ROW(FA307), ROW(FA308), ROW(FA309), ROW(FA310), ROW(FA401),
    ROW(FA402), ROW(FA403), ROW(FA404), ROW(FA405), ROW(FA406), ROW(FA407), ROW(FA408), ROW(FA410), ROW(FA411), ROW(FA412),
    ROW(FA413), ROW(FA414), ROW(FA501), ROW(FA502), ROW(FA503), ROW(FA504), ROW(FA505), ROW(FA901), ROW(FA902), ROW(FA903),
};

void print_json_text(char const* text) {
    std::putchar('"');
    for (; *text != '\0'; ++text) {
        if (*text == '"' || *text == '\\') std::putchar('\\');
        std::putchar(*text);
    }
    std::putchar('"');
}

void print_row(fault_kind kind, char const* name, char const* cause) {
    constexpr char const* levels[] = {"note", "warning", "error"};
    bool runs = false;
    for (program const& p : programs) runs |= std::strcmp(p.id, kind.id()) == 0;
    std::printf("  {\"id\": \"%s\", \"name\": \"%s\", \"level\": \"%s\", \"has_program\": %s,\n   \"message\": ",
                kind.id(), name, levels[unsigned(kind.level())], runs ? "true" : "false");
    print_json_text(kind.message());
    std::printf(",\n   \"cause\": ");
    print_json_text(cause);
    std::printf(",\n   \"help\": ");
    print_json_text(kind.help());
    std::putchar('}');
}

void print_table() {
    bool first = true;
    std::puts("[");
#define PRINT(name, number, level, message, cause, help) \
    if (!first) std::puts(",");                          \
    first = false;                                       \
    print_row(fault_code::name, #name, cause);
    FRAMEALLOC_FAULT_CODES(PRINT)
    std::puts("\n]");
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    if (std::strcmp(arguments[1], "--table") == 0) {
        print_table();
        return 0;
    }
    for (program const& p : programs) {
        if (std::strcmp(arguments[1], p.id) != 0) continue;
        p.run();
        return 0;
    }
    std::fprintf(stderr, "no program for %s\n", arguments[1]);
    return 2;
}
