# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What is installed: include/ and policies/ in one framealloc/ folder, the library, the files that find_package and
# pkg-config read, the debuggers' files and the licences. Included from the top, after all targets are there.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(framealloc_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/framealloc")

# framealloc_component(NAME TARGETS <target>... [NEEDS <line>...])
#
# Makes targets of ours a component that find_package(framealloc COMPONENTS NAME) can ask for. NEEDS are lines of CMake
# that the installed file runs before it defines the targets: `find_dependency(absl)`.
function(framealloc_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "TARGETS;NEEDS")
    if(NOT arg_TARGETS OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "framealloc_component(${ARGV}): expected NAME TARGETS <target>... [NEEDS <line>...]")
    endif()
    install(TARGETS ${arg_TARGETS} EXPORT framealloc-${name}-targets
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT framealloc-${name}-targets NAMESPACE framealloc:: DESTINATION "${framealloc_package_dir}")
    list(JOIN arg_NEEDS "\n" needs)
    if(needs)
        string(APPEND needs "\n")
    endif()
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-${name}.cmake"
        "${needs}include(\"\${CMAKE_CURRENT_LIST_DIR}/framealloc-${name}-targets.cmake\")\n")
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-${name}.cmake" DESTINATION "${framealloc_package_dir}")
endfunction()

# framealloc_pkg_config(NAME [STATIC_NEEDS <module>...]): NAME.pc from cmake/NAME.pc.in. Who links a static library links what it
# needs, too; a shared one has its own list.
function(framealloc_pkg_config name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "STATIC_NEEDS")
    # The prefix is told from where the file lies, so that an installation can be moved.
    cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE library_dir)
    cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE include_dir)
    file(RELATIVE_PATH up "${library_dir}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
    string(REGEX REPLACE "/$" "" up "${up}")
    file(RELATIVE_PATH library_dir "${CMAKE_INSTALL_PREFIX}" "${library_dir}")
    file(RELATIVE_PATH include_dir "${CMAKE_INSTALL_PREFIX}" "${include_dir}")
    list(JOIN arg_STATIC_NEEDS ", " requires)
    if(requires)
        string(PREPEND requires ", ")
    endif()
    configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${CMAKE_CURRENT_BINARY_DIR}/package/${name}.pc" @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/package/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

framealloc_component(headers TARGETS framealloc_headers NEEDS "find_dependency(Threads)")
framealloc_pkg_config(framealloc-headers)
# What their neighbour includes is not checked by itself, and so is no part of the targets' own set.
foreach(header IN LISTS framealloc_platform_headers)
    cmake_path(GET header PARENT_PATH folder)
    file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}/include" "${folder}")
    install(FILES "${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}")
endforeach()

if(TARGET framealloc)
    get_target_property(framealloc_type framealloc TYPE)
    set(framealloc_needs "")
    set(framealloc_modules "")
    if(framealloc_type STREQUAL "STATIC_LIBRARY")
        set(framealloc_needs "find_dependency(absl)")
        set(framealloc_modules absl_str_format)
    endif()
    framealloc_component(framealloc TARGETS framealloc NEEDS ${framealloc_needs})
    framealloc_pkg_config(framealloc STATIC_NEEDS ${framealloc_modules})
endif()

if(TARGET framealloc_numa)
    framealloc_component(numa TARGETS framealloc_numa)
    framealloc_pkg_config(framealloc-numa STATIC_NEEDS hwloc)
endif()

if(TARGET framealloc_symbols)
    framealloc_component(symbols TARGETS framealloc_symbols)
    framealloc_pkg_config(framealloc-symbols STATIC_NEEDS dw)
endif()

configure_file("${PROJECT_SOURCE_DIR}/cmake/framealloc-config.cmake.in"
    "${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-config.cmake" @ONLY)
# Before 1.0 every minor version may break; afterwards only a major one.
set(framealloc_compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(framealloc_compatibility SameMinorVersion)
endif()
set(framealloc_any_machine "")
if(NOT TARGET framealloc AND NOT TARGET framealloc_numa AND NOT TARGET framealloc_symbols)
    set(framealloc_any_machine ARCH_INDEPENDENT)
endif()
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-config-version.cmake"
    VERSION ${PROJECT_VERSION} COMPATIBILITY ${framealloc_compatibility} ${framealloc_any_machine})
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/package/framealloc-config-version.cmake" DESTINATION "${framealloc_package_dir}")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE-MIT" "${PROJECT_SOURCE_DIR}/LICENSE-APACHE"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/framealloc")
install(FILES "${PROJECT_SOURCE_DIR}/tools/gdb/framealloc_printers.py" "${PROJECT_SOURCE_DIR}/tools/framealloc.natvis"
    DESTINATION "${CMAKE_INSTALL_DATADIR}/framealloc")
