# SPDX-License-Identifier: MIT OR Apache-2.0

# Every code has a program that provokes it, and a page that shows what the program reports.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
if(NOT FRAMEALLOC_SANITIZE)
    add_executable(codes_programs codes/programs.cpp)
    target_link_libraries(codes_programs PRIVATE framealloc_headers framealloc_own_options)
    # Reports name lines where there is libdw; elsewhere lines are not compared.
    target_compile_options(codes_programs PRIVATE -g)
    if(TARGET framealloc_symbols)
        target_link_libraries(codes_programs PRIVATE framealloc_symbols)
    endif()
    set(check_codes ${CMAKE_CURRENT_SOURCE_DIR}/codes/check.py $<TARGET_FILE:codes_programs> ${PROJECT_SOURCE_DIR})
    add_test(NAME codes/every_code_is_provoked_and_documented COMMAND Python3::Interpreter ${check_codes})
    add_test(NAME codes/stale_pages_and_texts_are_found COMMAND Python3::Interpreter ${check_codes} --self-test)
endif()
