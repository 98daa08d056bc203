// expect: framealloc: sync::mutex<M> wants a type with lock() and unlock(), or Lock() and Unlock()
// SPDX-License-Identifier: MIT OR Apache-2.0
#include <framealloc/smart_alloc.hpp>
#include <framealloc/sync/mutex.hpp>

using namespace framealloc;

int main() {
#ifdef FRAMEALLOC_CORRECT
    basic_smart_alloc<sync::mutex<detail::platform::mutex>> alloc;
#else
    basic_smart_alloc<sync::mutex<int>> alloc;
#endif
    return alloc.id() == 0 ? 0 : 1;
}
