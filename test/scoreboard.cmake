# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The scoreboard: each misuse at each level, in a process of its own; the same under the tools that watch memory; and what other
# allocators make of the misuses that they can meet. See scoreboard/scoreboard.cpp and scoreboard/check.py.
if(FRAMEALLOC_SANITIZE)
    return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(scoreboard ${CMAKE_CURRENT_SOURCE_DIR}/scoreboard)
file(GLOB scoreboard_sources CONFIGURE_DEPENDS ${scoreboard}/*.cpp)

function(framealloc_scoreboard name)
    add_executable(${name} ${scoreboard_sources})
    target_compile_options(${name} PRIVATE -O1 -g -fno-omit-frame-pointer ${ARGN})
    target_link_options(${name} PRIVATE ${ARGN})
    target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE framealloc_headers framealloc_own_options Boost::unit_test_framework)
endfunction()

framealloc_scoreboard(scoreboard)
if(TARGET framealloc_symbols)
    target_link_libraries(scoreboard PRIVATE framealloc_symbols)
    target_compile_definitions(scoreboard PRIVATE FRAMEALLOC_TEST_SYMBOLS=1)
endif()
add_test(NAME scoreboard/every_misuse_comes_to_what_is_expected COMMAND scoreboard)

# The tables in the documents have a column for each tool, and are compared where all tools are.
find_program(FRAMEALLOC_VALGRIND_PROGRAM valgrind)
include(CheckIncludeFileCXX)
check_include_file_cxx(valgrind/memcheck.h FRAMEALLOC_HAS_MEMCHECK_HEADER)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND FRAMEALLOC_VALGRIND_PROGRAM AND FRAMEALLOC_HAS_MEMCHECK_HEADER)
    framealloc_scoreboard(scoreboard_asan -fsanitize=address)
    framealloc_scoreboard(scoreboard_valgrind -DFRAMEALLOC_VALGRIND=1)
    # What README shows of a report: with functions and lines, so only where they can be had.
    if(TARGET framealloc_symbols)
        add_executable(scoreboard_shown ${scoreboard}/shown/fleet.cpp)
        target_compile_options(scoreboard_shown PRIVATE -O0 -g)
        target_link_libraries(scoreboard_shown PRIVATE framealloc_headers framealloc_own_options framealloc_symbols)
        set(shown shown=$<TARGET_FILE:scoreboard_shown>)
    endif()
    set(check_tables ${scoreboard}/check.py tables ${PROJECT_SOURCE_DIR} levels=$<TARGET_FILE:scoreboard>
        asan=$<TARGET_FILE:scoreboard_asan>
        valgrind:${FRAMEALLOC_VALGRIND_PROGRAM}=$<TARGET_FILE:scoreboard_valgrind> ${shown})
    add_test(NAME scoreboard/the_tables_in_the_documents_are_fresh_and_stale_ones_are_found
        COMMAND Python3::Interpreter ${check_tables} --self-test)
    add_custom_target(scoreboard_tables COMMAND Python3::Interpreter ${check_tables} --update VERBATIM)
    add_dependencies(scoreboard_tables scoreboard scoreboard_asan scoreboard_valgrind)
else()
    message(STATUS "framealloc: the tables of misuses are compared where g++, its AddressSanitizer and valgrind are")
endif()

# Other allocators take the place of the system's. Nothing is expected of them but an end.
add_executable(scoreboard_general ${scoreboard}/peers/general.cpp)
set(peers ${scoreboard}/check.py peers ${PROJECT_SOURCE_DIR} $<TARGET_FILE:scoreboard_general>)
find_package(foonathan_memory QUIET)
if(TARGET foonathan_memory)
    add_executable(scoreboard_foonathan ${scoreboard}/peers/foonathan.cpp)
    target_link_libraries(scoreboard_foonathan PRIVATE foonathan_memory)
    list(APPEND peers $<TARGET_FILE:scoreboard_foonathan>)
endif()
foreach(peer IN ITEMS scoreboard_general scoreboard_foonathan)
    if(TARGET ${peer})
        target_compile_features(${peer} PRIVATE cxx_std_20)
        target_compile_options(${peer} PRIVATE -O1)
        target_link_libraries(${peer} PRIVATE framealloc_own_options Threads::Threads)
    endif()
endforeach()
add_test(NAME scoreboard/other_allocators_come_to_an_end COMMAND Python3::Interpreter ${peers})
