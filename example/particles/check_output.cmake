# SPDX-License-Identifier: MIT OR Apache-2.0

# Runs PROGRAM twice in FOLDER, and checks that it says the same both times, and its JSON.

file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
foreach(run IN ITEMS first second)
    execute_process(COMMAND "${PROGRAM}" --particles 9000 --frames 200 --json "the pool.json"
        WORKING_DIRECTORY "${FOLDER}" RESULT_VARIABLE status OUTPUT_VARIABLE ${run} ERROR_VARIABLE complaints)
    message("${${run}}${complaints}")
    if(NOT status EQUAL 0 OR NOT complaints STREQUAL "")
        message(FATAL_ERROR "particles ended with ${status}; expected 0, and nothing on standard error")
    endif()
endforeach()
if(NOT first STREQUAL second OR NOT first MATCHES "\nchecksum [0-9a-f]+\n")
    message(FATAL_ERROR "the second run is not like the first")
endif()

file(READ "${FOLDER}/the pool.json" json)
foreach(figure IN ITEMS name capacity maximum peak growths live allocations frees failures hit_rate)
    string(JSON ${figure} GET "${json}" ${figure})
endforeach()
if(NOT name STREQUAL "sparks" OR NOT capacity EQUAL 9000 OR NOT maximum EQUAL 9000 OR NOT peak EQUAL 9000
   OR NOT growths EQUAL 3)
    message(FATAL_ERROR "the pool was to double three times, up to 9000 sparks, and be full at least once")
endif()
math(EXPR still "${allocations} - ${frees}")
if(NOT live EQUAL still OR NOT failures GREATER 0 OR NOT hit_rate GREATER 0.9 OR NOT hit_rate LESS 1)
    message(FATAL_ERROR "${live} sparks live of ${allocations} thrown and ${frees} gone, at a hit rate of ${hit_rate}")
endif()
