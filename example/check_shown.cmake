# SPDX-License-Identifier: MIT OR Apache-2.0

# Runs PROGRAM and checks that DOCUMENT shows what it prints, whole and to the letter, in a block of text.

execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE status OUTPUT_VARIABLE printed ERROR_VARIABLE complaints)
message("${printed}${complaints}")
if(NOT status EQUAL 0 OR NOT complaints STREQUAL "" OR printed STREQUAL "")
    message(FATAL_ERROR "the program ended with ${status}; expected 0, some output, and nothing on standard error")
endif()
file(READ "${DOCUMENT}" text)
string(FIND "${text}" "```text\n${printed}```\n" place)
if(place EQUAL -1)
    message(FATAL_ERROR "${DOCUMENT} does not show what the program prints")
endif()
