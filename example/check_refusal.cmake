# SPDX-License-Identifier: MIT OR Apache-2.0

# Runs PROGRAM with ARGUMENTS and expects status 2 and one line on standard error that matches MESSAGE.

get_filename_component(name "${PROGRAM}" NAME)
execute_process(COMMAND "${PROGRAM}" ${ARGUMENTS} RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE complaint)
message("${complaint}")
if(NOT status EQUAL 2)
    message(FATAL_ERROR "${name} ended with '${status}'; expected 2")
endif()
if(NOT said STREQUAL "")
    message(FATAL_ERROR "${name} wrote to standard output: ${said}")
endif()
if(NOT complaint MATCHES "^${name}: [^\n]+\n$")
    message(FATAL_ERROR "expected one line on standard error that begins with '${name}: '")
endif()
if(NOT complaint MATCHES "${MESSAGE}")
    message(FATAL_ERROR "the complaint does not match '${MESSAGE}'")
endif()
