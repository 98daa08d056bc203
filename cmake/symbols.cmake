# SPDX-License-Identifier: MIT OR Apache-2.0
# Functions, files and lines in reports, by elfutils' libdw, in a part of its own, so that nobody else links it. Without it a
# report names the module and the offset in it.
find_path(FRAMEALLOC_DW_INCLUDE_DIR elfutils/libdwfl.h)
find_library(FRAMEALLOC_DW_LIBRARY dw)
mark_as_advanced(FRAMEALLOC_DW_INCLUDE_DIR FRAMEALLOC_DW_LIBRARY)
if(FRAMEALLOC_DW_INCLUDE_DIR AND FRAMEALLOC_DW_LIBRARY)
    file(GLOB framealloc_symbols_sources CONFIGURE_DEPENDS src/symbols/*.cpp)
    add_library(framealloc_symbols ${framealloc_symbols_sources})
    add_library(framealloc::symbols ALIAS framealloc_symbols)
    set_target_properties(framealloc_symbols PROPERTIES CXX_EXTENSIONS OFF EXPORT_NAME symbols VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_include_directories(framealloc_symbols SYSTEM PRIVATE ${FRAMEALLOC_DW_INCLUDE_DIR})
    target_link_libraries(framealloc_symbols PUBLIC framealloc_headers
        PRIVATE $<BUILD_INTERFACE:${FRAMEALLOC_DW_LIBRARY}> $<INSTALL_INTERFACE:dw>
            $<BUILD_INTERFACE:framealloc_own_options>)
    # The headers ask for it weakly, which would leave it in the archive.
    target_link_options(framealloc_symbols INTERFACE "LINKER:-u,framealloc_name_of_code")
elseif(FRAMEALLOC_SYMBOLS STREQUAL "AUTO")
    message(STATUS "framealloc: no libdw here; framealloc::symbols is not built")
else()
    message(FATAL_ERROR "framealloc: FRAMEALLOC_SYMBOLS is ${FRAMEALLOC_SYMBOLS}, and elfutils/libdwfl.h or libdw is not found; "
        "install it (libdw-dev), set FRAMEALLOC_DW_INCLUDE_DIR and FRAMEALLOC_DW_LIBRARY, or use AUTO or OFF")
endif()
