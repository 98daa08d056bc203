# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Shared libraries that bring the allocator along, in a program that has it, too. How the dynamic linker lets them share data
# depends on how both are built: a library of unique symbols is never unloaded, one of hidden symbols has all data for itself,
# and a program that exports its symbols lends its data to all.
if(FRAMEALLOC_SANITIZE)
    return()
endif()
include(CheckCXXCompilerFlag)
check_cxx_compiler_flag(-fno-gnu-unique FRAMEALLOC_HAS_NO_GNU_UNIQUE)

set(plugin_options_shared "")
set(plugin_options_unloadable $<$<BOOL:${FRAMEALLOC_HAS_NO_GNU_UNIQUE}>:-fno-gnu-unique>)
set(plugin_options_hidden -fvisibility=hidden -fvisibility-inlines-hidden)
set(plugins "")
foreach(kind IN ITEMS shared unloadable hidden)
    # Two libraries of the same code: loaded twice, one would be one.
    add_library(plugin_${kind} OBJECT plugin/plugin.cpp)
    set_target_properties(plugin_${kind} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_compile_options(plugin_${kind} PRIVATE ${plugin_options_${kind}})
    target_link_libraries(plugin_${kind} PRIVATE framealloc_headers framealloc_own_options)
    foreach(which IN ITEMS one other)
        add_library(plugin_${kind}_${which} MODULE $<TARGET_OBJECTS:plugin_${kind}>)
        set_target_properties(plugin_${kind}_${which} PROPERTIES LINKER_LANGUAGE CXX)
    endforeach()
endforeach()

add_library(plugin_host_code OBJECT plugin/host.cpp)
target_link_libraries(plugin_host_code PRIVATE framealloc_headers framealloc_own_options)
foreach(exports IN ITEMS OFF ON)
    if(exports)
        set(host plugin_host_that_exports)
    else()
        set(host plugin_host_alone)
    endif()
    add_executable(${host} $<TARGET_OBJECTS:plugin_host_code>)
    set_target_properties(${host} PROPERTIES ENABLE_EXPORTS ${exports} LINKER_LANGUAGE CXX)
    target_link_libraries(${host} PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
    foreach(kind IN ITEMS shared unloadable hidden)
        add_test(NAME plugin/${kind}_library_in_${host}
            COMMAND ${host} $<TARGET_FILE:plugin_${kind}_one> $<TARGET_FILE:plugin_${kind}_other>)
    endforeach()
endforeach()
