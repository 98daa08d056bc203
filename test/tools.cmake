# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What looks at the tree and at the compilers' messages.

# --- programs that must not compile, under both compilers ---
set(compile_fail_gcc ${CMAKE_CXX_COMPILER})
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    find_program(FRAMEALLOC_GXX g++)
    set(compile_fail_gcc ${FRAMEALLOC_GXX})
endif()
find_program(FRAMEALLOC_CLANGXX NAMES clang++-19 clang++)

file(GLOB compile_fail_sources CONFIGURE_DEPENDS compile_fail/*.cpp)
foreach(compiler IN ITEMS gcc clang)
    if(compiler STREQUAL "gcc")
        set(command ${compile_fail_gcc})
    else()
        set(command ${FRAMEALLOC_CLANGXX})
    endif()
    if(NOT command)
        message(STATUS "framealloc: no ${compiler} here; its messages are not tested")
        continue()
    endif()
    foreach(source ${compile_fail_sources})
        get_filename_component(name ${source} NAME_WE)
        add_test(NAME compile_fail/${name}_${compiler}
            COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/compile_fail.sh ${command} ${source}
                -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/policies)
    endforeach()
endforeach()

# What only clang can see: that something ends before what refers to it.
if(FRAMEALLOC_CLANGXX)
    file(GLOB compile_fail_clang_sources CONFIGURE_DEPENDS compile_fail_clang/*.cpp)
    foreach(source ${compile_fail_clang_sources})
        get_filename_component(name ${source} NAME_WE)
        add_test(NAME compile_fail_clang/${name}
            COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/compile_fail.sh ${FRAMEALLOC_CLANGXX} ${source}
                -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/policies)
    endforeach()
endif()

# The checker itself: a file without a mistake, one that is wrong for another reason, and one without a promise.
file(GLOB compile_fail_samples CONFIGURE_DEPENDS tools/samples/*.cpp)
foreach(source ${compile_fail_samples})
    get_filename_component(name ${source} NAME_WE)
    add_test(NAME tools/compile_fail_rejects_${name}
        COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/compile_fail.sh ${CMAKE_CXX_COMPILER} ${source})
    set_tests_properties(tools/compile_fail_rejects_${name} PROPERTIES WILL_FAIL TRUE)
endforeach()

# --- the tree ---
find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
    foreach(lint IN ITEMS include_floors raw_memory spdx links)
        set(command ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/${lint}.py ${PROJECT_SOURCE_DIR})
        add_test(NAME tools/${lint} COMMAND ${command})
        add_test(NAME tools/${lint}_finds_what_is_wrong COMMAND ${command} --self-test)
    endforeach()
    # What the benchmarks' figures become. The figures are made up; nothing is measured.
    add_test(NAME tools/bench_report
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/bench_report.py ${PROJECT_SOURCE_DIR})
else()
    message(STATUS "framealloc: no python3 here; the includes and the use of raw memory are not checked")
endif()
add_test(NAME tools/abi_tag COMMAND ${PROJECT_SOURCE_DIR}/tools/abi_tag.sh --check)
add_test(NAME tools/core_headers
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/core_headers.sh ${CMAKE_CXX_COMPILER} ${PROJECT_SOURCE_DIR})

# --- what the library does to a program ---
# A program of its own, linked by CMake, so that it has all that the library needs.
add_executable(tools_plain_program tools/programs/plain.cpp)
target_link_libraries(tools_plain_program PRIVATE framealloc framealloc_own_options)
add_executable(tools_replacing_program tools/programs/plain.cpp)
target_link_libraries(tools_replacing_program PRIVATE framealloc framealloc_own_options)
target_compile_definitions(tools_replacing_program PRIVATE FRAMEALLOC_TEST_REPLACES_NEW)
add_test(NAME tools/no_global_new
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/no_global_new.sh $<TARGET_FILE:tools_plain_program>)
add_test(NAME tools/no_global_new_finds_what_is_wrong
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/no_global_new.sh $<TARGET_FILE:tools_replacing_program>)
set_tests_properties(tools/no_global_new_finds_what_is_wrong PROPERTIES WILL_FAIL TRUE)

# No heap at all, and none when warm. The program replaces malloc by glibc's other names for it.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles("#include <stdlib.h>\n#ifndef __GLIBC__\n#error\n#endif\nint main() {}" FRAMEALLOC_ON_GLIBC)
if(FRAMEALLOC_ON_GLIBC AND NOT FRAMEALLOC_SANITIZE)
    add_executable(tools_no_heap tools/programs/no_heap.cpp)
    target_link_libraries(tools_no_heap PRIVATE framealloc_headers framealloc_own_options)
    add_test(NAME tools/no_heap COMMAND tools_no_heap)
else()
    message(STATUS "framealloc: calls of the system's heap are not counted in this build")
endif()
