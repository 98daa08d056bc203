# SPDX-License-Identifier: MIT OR Apache-2.0

# What the compilers make of the hot paths. The programs here are compiled by the tests themselves, with options of their
# own, so once is enough: in builds with sanitizers or with merged tests they would only be repeated.
if(FRAMEALLOC_SANITIZE OR FRAMEALLOC_MERGED_TESTS)
    return()
endif()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(FRAMEALLOC_GCC NAMES g++-12 g++ REQUIRED)
find_program(FRAMEALLOC_CLANG NAMES clang++-19)
set(codegen_compilers ${FRAMEALLOC_GCC})
if(FRAMEALLOC_CLANG)
    list(APPEND codegen_compilers ${FRAMEALLOC_CLANG})
else()
    message(STATUS "clang++-19 is not installed: its code is not checked")
endif()

set(codegen ${CMAKE_CURRENT_LIST_DIR}/codegen)
set(codegen_build ${CMAKE_CURRENT_BINARY_DIR}/codegen)
set(codegen_includes --include ${PROJECT_SOURCE_DIR}/include --include ${PROJECT_SOURCE_DIR}/policies)

add_test(NAME codegen/hot_paths_have_no_call_lock_or_frame_and_stay_short
    COMMAND Python3::Interpreter ${codegen}/check_hot_paths.py --source ${codegen}/hot_paths.cpp
        --golden ${codegen}/golden.txt --build ${codegen_build} ${codegen_includes} ${codegen_compilers})

# The instructions that the documents show are those that the compiler makes.
file(GLOB framealloc_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/*.md)
add_test(NAME codegen/documents_show_the_instructions_that_are_made
    COMMAND Python3::Interpreter ${codegen}/check_assembly.py --source ${codegen}/hot_paths.cpp --build ${codegen_build}
        ${codegen_includes} --compiler ${FRAMEALLOC_GCC} ${framealloc_pages})
set_tests_properties(codegen/documents_show_the_instructions_that_are_made PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME codegen/documents_finds_what_is_wrong
    COMMAND Python3::Interpreter ${codegen}/check_assembly.py --self-test)

# 24 KiB of code. The second limit is what `size` calls text, fault texts and unwind tables included.
add_test(NAME codegen/all_intents_add_at_most_24_kib_of_code
    COMMAND Python3::Interpreter ${codegen}/check_size.py --source ${codegen}/all_intents.cpp --code 24576 --text 39424
        --build ${codegen_build} ${codegen_includes} ${codegen_compilers})

add_test(NAME codegen/smart_alloc_header_is_light
    COMMAND Python3::Interpreter ${codegen}/check_front_end.py --lines 20250 --header framealloc/smart_alloc.hpp
        --without memory,string,string_view,functional,memory_resource,mutex,thread,atomic,chrono,vector,map,algorithm,stdexcept,iostream,ostream,sstream,boost/,absl/
        ${codegen_includes} ${FRAMEALLOC_GCC})

add_test(NAME codegen/operations_take_no_more_instructions_than_pinned
    COMMAND Python3::Interpreter ${codegen}/check_instructions.py ${PROJECT_SOURCE_DIR}/tools/instructions.sh
        ${codegen}/instructions_limits.txt)
set_tests_properties(codegen/operations_take_no_more_instructions_than_pinned PROPERTIES
    SKIP_RETURN_CODE 77 ENVIRONMENT CXX=${FRAMEALLOC_GCC})
