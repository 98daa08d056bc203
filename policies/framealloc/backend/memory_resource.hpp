// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>
#include <framealloc/policy.hpp>

#include <memory_resource>

namespace framealloc::inline v0_1::backend {

/// Backend: a polymorphic memory resource of the program's. `memory_resource` takes a `std::pmr::memory_resource`;
/// `basic_memory_resource<boost::container::pmr::memory_resource>` takes Boost's.
///
/// Choose it to live inside memory that somebody else manages, such as an engine's resource or a test's. Not for speed:
/// every call is virtual.
///
///   Cost      A virtual call per block.
///   Threads   Most resources are not thread-safe, so the framework locks around it.
///   Failure   An exception out of the resource, of whatever type, is answered with null, and nothing has changed. Null
///             in place of a resource is a `configuration_error`.
///   Lifetime  The resource outlives the allocator.
template <class Resource>
class basic_memory_resource {
public:
    using family = backend_family;

    constexpr explicit basic_memory_resource(Resource* resource FRAMEALLOC_LIFETIMEBOUND) : resource_(resource) {
        if (resource == nullptr) {
            framealloc::detail::throw_bad_configuration(
                {.code = fault_code::bad_configuration,
                 .note = "the memory resource is null; expected one that outlives the allocator"});
        }
    }

    [[nodiscard]] void* try_allocate(layout request) noexcept {
        FRAMEALLOC_TRY { return resource_->allocate(request.bytes, request.align); }
        FRAMEALLOC_CATCH_ALL { return nullptr; }
    }
    void deallocate(void* p, layout given) noexcept { resource_->deallocate(p, given.bytes, given.align); }

    [[nodiscard]] Resource* resource() const noexcept { return resource_; }

private:
    Resource* resource_;
};

using memory_resource = basic_memory_resource<std::pmr::memory_resource>;

}  // namespace framealloc::backend
