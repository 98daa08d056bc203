# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What sanitizers and Valgrind say of programs that misuse our memory, and that they say nothing of those that do not. The
# programs are built here for each tool, whatever the rest of the build is for.
if(FRAMEALLOC_SANITIZE)
    return()
endif()
# clang's runtime wants a symbolizer of its own version beside it, which is another package; g++'s has one inside.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    message(STATUS "framealloc: what sanitizers report is tested where the compiler is g++")
    return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(sanitizers ${CMAKE_CURRENT_SOURCE_DIR}/sanitizers)
set(sanitizer_cases ${sanitizers}/frames.cpp ${sanitizers}/pools.cpp ${sanitizers}/heap.cpp ${sanitizers}/leaks.cpp
    ${sanitizers}/threads.cpp)

add_test(NAME sanitizers/reports_finds_what_is_wrong
    COMMAND Python3::Interpreter ${sanitizers}/check_reports.py --self-test)

# Builds the cases of the files with the options, and compares what the tool reports.
function(framealloc_test_reports name tool options files)
    set(program sanitizers_${name})
    add_executable(${program} ${files} ${sanitizers}/main.cpp)
    target_compile_options(${program} PRIVATE -O1 -g -fno-omit-frame-pointer ${options})
    target_link_options(${program} PRIVATE ${options})
    target_link_libraries(${program} PRIVATE framealloc_headers framealloc_own_options)
    add_test(NAME sanitizers/${name}
        COMMAND Python3::Interpreter ${sanitizers}/check_reports.py ${tool} $<TARGET_FILE:${program}>
            ${CMAKE_CURRENT_BINARY_DIR}/sanitizers/${name} ${files})
endfunction()

framealloc_test_reports(asan asan -fsanitize=address "${sanitizer_cases}")
framealloc_test_reports(tsan tsan -fsanitize=thread ${sanitizers}/threads.cpp)
target_compile_definitions(sanitizers_tsan PRIVATE FRAMEALLOC_THREAD_CASES_ONLY)

find_program(FRAMEALLOC_VALGRIND_PROGRAM valgrind)
include(CheckIncludeFileCXX)
check_include_file_cxx(valgrind/memcheck.h FRAMEALLOC_HAS_MEMCHECK_HEADER)
if(FRAMEALLOC_VALGRIND_PROGRAM AND FRAMEALLOC_HAS_MEMCHECK_HEADER)
    framealloc_test_reports(valgrind ${FRAMEALLOC_VALGRIND_PROGRAM} -DFRAMEALLOC_VALGRIND=1 "${sanitizer_cases}")
else()
    message(STATUS "framealloc: no valgrind here; what it reports is not tested")
endif()
