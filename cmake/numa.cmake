# SPDX-License-Identifier: MIT OR Apache-2.0
# Topologies by hwloc, in a part of its own, so that nobody else links hwloc. backend::numa needs nothing of it.
find_path(FRAMEALLOC_HWLOC_INCLUDE_DIR hwloc.h)
find_library(FRAMEALLOC_HWLOC_LIBRARY hwloc)
mark_as_advanced(FRAMEALLOC_HWLOC_INCLUDE_DIR FRAMEALLOC_HWLOC_LIBRARY)
if(FRAMEALLOC_HWLOC_INCLUDE_DIR AND FRAMEALLOC_HWLOC_LIBRARY)
    file(GLOB framealloc_numa_sources CONFIGURE_DEPENDS src/numa/*.cpp)
    add_library(framealloc_numa ${framealloc_numa_sources})
    add_library(framealloc::numa ALIAS framealloc_numa)
    set_target_properties(framealloc_numa PROPERTIES CXX_EXTENSIONS OFF EXPORT_NAME numa VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_include_directories(framealloc_numa SYSTEM PRIVATE ${FRAMEALLOC_HWLOC_INCLUDE_DIR})
    target_link_libraries(framealloc_numa PUBLIC framealloc_headers
        PRIVATE $<BUILD_INTERFACE:${FRAMEALLOC_HWLOC_LIBRARY}> $<INSTALL_INTERFACE:hwloc>
            $<BUILD_INTERFACE:framealloc_own_options>)
elseif(FRAMEALLOC_NUMA STREQUAL "AUTO")
    message(STATUS "framealloc: no hwloc here; framealloc::numa is not built")
else()
    message(FATAL_ERROR "framealloc: FRAMEALLOC_NUMA is ${FRAMEALLOC_NUMA}, and hwloc.h or libhwloc is not found; "
        "install it (libhwloc-dev), set FRAMEALLOC_HWLOC_INCLUDE_DIR and FRAMEALLOC_HWLOC_LIBRARY, or use AUTO or OFF")
endif()
