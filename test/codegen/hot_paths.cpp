// SPDX-License-Identifier: MIT OR Apache-2.0

// The hot paths, one function each, for check_hot_paths.py to disassemble. The names say which they are.

#include <framealloc/budget/global.hpp>
#include <framealloc/tag_budgets.hpp>
#include <framealloc/diagnostics/compose.hpp>
#include <framealloc/diagnostics/counters.hpp>
#include <framealloc/handle/handle_heap.hpp>
#include <framealloc/object_pool/fixed_pool.hpp>
#include <framealloc/object_pool/growing_pool.hpp>
#include <framealloc/object_pool/lock_free_pool.hpp>
#include <framealloc/object_pool/slots/bitmap.hpp>
#include <framealloc/object_pool/static_pool.hpp>
#include <framealloc/object_pool/thread_local_pool.hpp>
#include <framealloc/smart_alloc.hpp>

#include <new>

namespace {

using namespace framealloc;

struct item {
    unsigned char bytes[64];
};
struct point {
    float x, y, z;
};
struct alignas(64) line {
    unsigned char bytes[64];
};

using object = smart_alloc;
using single = smart_alloc_single_threaded;
using local = std::remove_reference_t<decltype(std::declval<object&>().local())>;
using scope = decltype(std::declval<object&>().frame_scope());
using ref = decltype(std::declval<object&>().ref());
// The same, with the policies written out that cost nothing, and with a budget.
using spelled_out = basic_smart_alloc<diagnostics::none, budget::none>;
using budgeted = basic_smart_alloc<budget::global>;
using tagged = basic_smart_alloc<budget::per_tag>;

constexpr allocation_tag one_tag{"one"};
using counted = basic_smart_alloc<diagnostics::counters>;
// Diagnostics of several parts, of which those that do nothing are nothing.
using composed = basic_smart_alloc<diagnostics::compose<diagnostics::none>>;
using composed_counted = basic_smart_alloc<diagnostics::compose<diagnostics::none, diagnostics::counters>>;

// Of which nothing is initialised: what is left is the pool's.
struct unit {
    unit() noexcept {}
    unsigned char bytes[64];
};
using fixed_units = fixed_pool<unit>;
using static_units = static_pool<unit, 100>;
using growing_units = growing_pool<unit>;
using bitmap_units = fixed_pool<unit, slots::bitmap>;
using lock_free_units = lock_free_pool<unit>;
using one_stack_units = lock_free_pool<unit, slots::index_stack<1>>;
using shared_units = fixed_pool<unit, sharing::atomic>;
// The same, with the policies written out that are the defaults.
using thread_units = thread_local_pool<unit>;
using spelled_out_units = basic_object_pool<unit, diagnostics::none, slots::stack, sync::single_threaded, storage::fixed,
                                            initialise::on_allocate, sharing::none, drop::now, backend::system>;

}  // namespace

extern "C" {

item* frame_alloc_object(object& a) { return a.frame_alloc<item>(); }
item* frame_alloc_local(local& a) { return a.frame_alloc<item>(); }
item* frame_alloc_scope(scope& a) { return a.frame_alloc<item>(); }
item* frame_alloc_ref(ref a) { return a.frame_alloc<item>(); }
item* frame_alloc_single_threaded(single& a) { return a.frame_alloc<item>(); }
item* frame_alloc_try_object(object& a) { return a.try_frame_alloc<item>(); }
line* frame_alloc_aligned_local(local& a) { return a.frame_alloc<line>(); }
void* frame_alloc_bytes_object(object& a, std::size_t n) { return a.frame_alloc(layout{.bytes = n, .align = 16}); }
void* frame_alloc_layout_object(object& a, layout request) { return a.frame_alloc(request); }

item* pool_alloc_object(object& a) { return a.pool_alloc<item>(); }
item* pool_alloc_local(local& a) { return a.pool_alloc<item>(); }
item* pool_alloc_single_threaded(single& a) { return a.pool_alloc<item>(); }
void pool_free_object(object& a, item* p) { a.pool_free<item>(p); }
void pool_free_local(local& a, item* p) { a.pool_free<item>(p); }
void pool_free_single_threaded(single& a, item* p) { a.pool_free<item>(p); }

// What is counted is counted without a lock.
item* frame_alloc_counted_object(counted& a) { return a.frame_alloc<item>(); }
item* pool_alloc_counted_object(counted& a) { return a.pool_alloc<item>(); }
void pool_free_counted_object(counted& a, item* p) { a.pool_free<item>(p); }

// Pairs whose hot code must be the same: what `same_` functions do, and the function named after it does.
point* same_frame_new_object(object& a) { return a.frame_new<point>(1.0f, 2.0f, 3.0f); }
point* same_frame_new_object_by_hand(object& a) { return ::new (a.frame_alloc<point>()) point{1.0f, 2.0f, 3.0f}; }
point* same_frame_new_local(local& a) { return a.frame_new<point>(1.0f, 2.0f, 3.0f); }
point* same_frame_new_local_by_hand(local& a) { return ::new (a.frame_alloc<point>()) point{1.0f, 2.0f, 3.0f}; }
item* spelled_out_frame_alloc_object(spelled_out& a) { return a.frame_alloc<item>(); }
item* spelled_out_pool_alloc_object(spelled_out& a) { return a.pool_alloc<item>(); }
void spelled_out_pool_free_object(spelled_out& a, item* p) { a.pool_free<item>(p); }
item* composed_frame_alloc_object(composed& a) { return a.frame_alloc<item>(); }
item* composed_pool_alloc_object(composed& a) { return a.pool_alloc<item>(); }
void composed_pool_free_object(composed& a, item* p) { a.pool_free<item>(p); }
item* composed_frame_alloc_counted_object(composed_counted& a) { return a.frame_alloc<item>(); }
item* composed_pool_alloc_counted_object(composed_counted& a) { return a.pool_alloc<item>(); }
void composed_pool_free_counted_object(composed_counted& a, item* p) { a.pool_free<item>(p); }
item* tagged_frame_alloc_object(tagged& a) { return a.frame_alloc<item>(); }
item* budgeted_frame_alloc_object(budgeted& a) { return a.frame_alloc<item>(); }
item* budgeted_pool_alloc_object(budgeted& a) { return a.pool_alloc<item>(); }
item* untagged_frame_alloc_in_a_scope(object& a) {
    auto const scope = a.tag_scope(one_tag);
    return a.frame_alloc<item>();
}
item* pool_alloc_tagged(tagged& a) { return a.pool_alloc<item>(); }
void pool_free_tagged(tagged& a, item* p) { a.pool_free<item>(p); }
void budgeted_pool_free_object(budgeted& a, item* p) { a.pool_free<item>(p); }
// Where operations are not counted a phase is nothing.
item* in_phase_frame_alloc_object(object& a) {
    auto const around = a.phase("around");
    auto const inside = a.phase("inside");
    return a.frame_alloc<item>();
}
void in_phase_pool_free_ref(ref a, item* p) {
    auto const around = a.phase("around");
    a.pool_free<item>(p);
}
void pool_free_ref(ref a, item* p) { a.pool_free<item>(p); }

// A handle is resolved without a call, a lock or a second look, whatever is observed.
item* handle_resolve(handle_allocator<object>::heap_type const& h, handle<item> of) { return h.resolve(of); }
item* handle_resolve_counted(handle_allocator<counted>::heap_type const& h, handle<item> of) { return h.resolve(of); }
item* handle_resolve_single_threaded(handle_allocator<single>::heap_type const& h, handle<item> of) {
    return h.resolve(of);
}
item* handle_at(handle_allocator<object>::heap_type& h, handle<item> of) { return h.at(of); }

// Object pools: a pair calls nobody but where slots have run out.
unit* object_pool_allocate_fixed(fixed_units& p) { return p.allocate(); }
unit* object_pool_try_allocate_fixed(fixed_units& p) { return p.try_allocate(); }
void object_pool_free_fixed(fixed_units& p, unit* u) { p.free(u); }
unit* object_pool_allocate_static(static_units& p) { return p.allocate(); }
void object_pool_free_static(static_units& p, unit* u) { p.free(u); }
unit* object_pool_allocate_growing(growing_units& p) { return p.allocate(); }
void object_pool_free_growing(growing_units& p, unit* u) { p.free(u); }
unit* object_pool_allocate_bitmap(bitmap_units& p) { return p.allocate(); }
void object_pool_free_bitmap(bitmap_units& p, unit* u) { p.free(u); }
unit* object_pool_allocate_thread_local(thread_units& p) { return p.allocate(); }
void object_pool_free_thread_local(thread_units& p, unit* u) { p.free(u); }
unit* object_pool_look_through_owned(fixed_units::owned_type& o) { return o.get(); }
unit* spelled_out_object_pool_allocate(spelled_out_units& p) { return p.allocate(); }
void spelled_out_object_pool_free(spelled_out_units& p, unit* u) { p.free(u); }
// One locked instruction each, and no more.
unit* locked_once_allocate(lock_free_units& p) { return p.allocate(); }
void locked_once_free(lock_free_units& p, unit* u) { p.free(u); }
unit* locked_once_allocate_of_one_stack(one_stack_units& p) { return p.allocate(); }
void locked_once_free_of_one_stack(one_stack_units& p, unit* u) { p.free(u); }
void locked_once_copy_shared(shared_units::shared_type const& of, void* at) { ::new (at) shared_units::shared_type{of}; }

}  // extern "C"
