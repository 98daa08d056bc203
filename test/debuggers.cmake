# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What debuggers show of our types.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(check ${CMAKE_CURRENT_SOURCE_DIR}/debuggers/check_natvis.py)
add_test(NAME debuggers/natvis COMMAND Python3::Interpreter ${check} ${PROJECT_SOURCE_DIR})
add_test(NAME debuggers/natvis_finds_what_is_wrong COMMAND Python3::Interpreter ${check} ${PROJECT_SOURCE_DIR} --self-test)

find_program(FRAMEALLOC_GDB gdb)
if(FRAMEALLOC_GDB AND NOT FRAMEALLOC_SANITIZE)
    add_executable(debuggers_program debuggers/program.cpp)
    # Whatever the build does, a debugger wants everything.
    target_compile_options(debuggers_program PRIVATE -g -O0)
    target_link_libraries(debuggers_program PRIVATE framealloc_headers framealloc_own_options)
    add_test(NAME debuggers/gdb COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/debuggers/check_gdb.py
        ${FRAMEALLOC_GDB} ${PROJECT_SOURCE_DIR}/tools/gdb/framealloc_printers.py
        ${CMAKE_CURRENT_SOURCE_DIR}/debuggers/program.cpp $<TARGET_FILE:debuggers_program>)
    set_tests_properties(debuggers/gdb PROPERTIES SKIP_RETURN_CODE 77)
else()
    message(STATUS "framealloc: gdb's printers are not tested in this build (gdb: ${FRAMEALLOC_GDB})")
endif()
