// SPDX-License-Identifier: MIT OR Apache-2.0

// What an address is: the instances are asked, and then the system.

#include <framealloc/detail/places.hpp>
#include <framealloc/detail/platform/memory_map.hpp>
#include <framealloc/detail/thread_registry.hpp>
#include <framealloc/explain.hpp>

#include <cstdarg>
#include <cstdio>

namespace framealloc::inline v0_1 {

explanation explain(void const* address) noexcept {
    explanation e;
    e.address = detail::address_of(address);
    if (address == nullptr) {
        e.state = address_state::null;
        return e;
    }
    detail::instance_base* const owner = detail::thread_registry::find_instance(
        [&e](detail::instance_base& i) { return i.ops->explain != nullptr && i.ops->explain(i, e); });
    if (owner != nullptr) return e;
    switch (detail::platform::kind_of_mapping(address)) {
        case detail::platform::mapping_kind::none: e.state = address_state::unmapped; break;
        case detail::platform::mapping_kind::stack: e.state = address_state::stack; break;
        case detail::platform::mapping_kind::file: e.state = address_state::program; break;
        case detail::platform::mapping_kind::other: e.state = address_state::mapped; break;
    }
    return e;
}

namespace {

/// Text that is added to, in a place that is given.
class text_in {
public:
    text_in(char* to, std::size_t size) noexcept : to_(to), size_(size) {
        if (size != 0) *to = '\0';
    }
    [[gnu::format(printf, 2, 3)]] void add(char const* format, ...) noexcept {
        if (used_ + 1 >= size_) return;
        std::va_list arguments;
        va_start(arguments, format);
        int const n = std::vsnprintf(to_ + used_, size_ - used_, format, arguments);
        va_end(arguments);
        if (n > 0)
            used_ = used_ + static_cast<std::size_t>(n) < size_ ? used_ + static_cast<std::size_t>(n) : size_ - 1;
    }
    void add_code(char const* what, void const* address) noexcept {
        if (address == nullptr) return;
        char name[256];
        static_cast<void>(detail::write_code(address, name, sizeof name));
        add("  %s: %s\n", what, name);
    }
    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    char* to_;
    std::size_t size_;
    std::size_t used_ = 0;
};

char const* name_of(address_state s) noexcept {
    switch (s) {
        case address_state::null: return "the null pointer";
        case address_state::live_block: return "a live pool block";
        case address_state::free_block: return "a free pool block";
        case address_state::slab_head: return "the head of a slab, where no block is";
        case address_state::heap_block: return "a live heap block";
        case address_state::freed_heap: return "a heap block that has been freed";
        case address_state::frame_object: return "an object in this thread's frame";
        case address_state::frame_memory: return "this thread's frame, where no object is";
        case address_state::stack: return "the stack of a thread";
        case address_state::program: return "the program, or a library or file that it has mapped";
        case address_state::mapped: return "memory that no instance with records knows";
        case address_state::unmapped: break;
    }
    return "no memory at all";
}

}  // namespace

std::size_t explanation::write(char* to, std::size_t size) const noexcept {
    text_in text{to, size};
    if (state == address_state::null) {
        text.add("%s\n", name_of(state));
        return text.used();
    }
    text.add("0x%llx is in %s", static_cast<unsigned long long>(address), name_of(state));
    if (object != 0) {
        auto const into = static_cast<long long>(address) - static_cast<long long>(object);
        if (bytes != 0) text.add(" of %zu bytes", bytes);
        if (into == 0) {
            text.add(", at its begin");
        } else if (into < 0) {
            text.add(", %lld bytes before its begin at 0x%llx", -into, static_cast<unsigned long long>(object));
        } else if (static_cast<std::size_t>(into) >= bytes && bytes != 0) {
            text.add(", %llu bytes behind its end", static_cast<unsigned long long>(into) - bytes);
        } else {
            text.add(", %lld bytes into it", into);
        }
    }
    if (instance != 0) {
        text.add("\n  whose: allocator%s%s%s (instance %llu)", instance_name != nullptr ? " '" : "",
                 instance_name != nullptr ? instance_name : "", instance_name != nullptr ? "'" : "", instance);
        if (thread != 0) text.add(", thread %llu, frame %llu", thread, frame);
        if (tag_path != nullptr) text.add(", tag %s", tag_path);
    }
    text.add("\n");
    if (is_damaged) text.add("  damaged: something was written beside it\n");
    text.add_code("allocated at", allocated_at);
    text.add_code("freed at", freed_at);
    return text.used();
}

}  // namespace framealloc

extern "C" void framealloc_explain(void const* address) noexcept {
    char text[1024];
    framealloc::detail::platform::write_error(text, framealloc::explain(address).write(text, sizeof text));
}
