# SPDX-License-Identifier: MIT OR Apache-2.0
# Every code block of the documents compiles and runs.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB framealloc_documents RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/docs/*.md)
if(framealloc_documents)
    add_test(NAME docs/blocks COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/docs/check_blocks.py
        ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/docs ${CMAKE_CXX_COMPILER}
        -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/policies -- ${framealloc_documents})
endif()
# The reference of the public interface, without a warning.
find_program(FRAMEALLOC_DOXYGEN doxygen)
if(FRAMEALLOC_DOXYGEN)
    set(reference ${CMAKE_CURRENT_SOURCE_DIR}/docs/check_reference.py ${FRAMEALLOC_DOXYGEN} ${PROJECT_SOURCE_DIR})
    add_test(NAME docs/reference
        COMMAND Python3::Interpreter ${reference} ${CMAKE_CURRENT_BINARY_DIR}/docs/reference)
    add_test(NAME docs/reference_finds_what_is_wrong
        COMMAND Python3::Interpreter ${reference} ${CMAKE_CURRENT_BINARY_DIR}/docs/spoiled_reference --self-test)
else()
    message(STATUS "framealloc: no doxygen here; the reference is not made")
endif()
