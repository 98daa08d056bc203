# SPDX-License-Identifier: MIT OR Apache-2.0

if(TARGET first_frame)
    add_test(NAME example/first_frame COMMAND first_frame)
    set_tests_properties(example/first_frame PROPERTIES
        PASS_REGULAR_EXPRESSION "^600 frames took 2400000 bytes, and hold 0; the boss has 40 of 100\n$")
endif()

if(TARGET statistics)
    add_test(NAME example/statistics COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:statistics>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/statistics.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
endif()

if(TARGET budgets)
    add_test(NAME example/budgets COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:budgets>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/budgets.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
endif()

if(TARGET level)
    add_test(NAME example/level COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:level>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/groups.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
endif()

if(TARGET promotion)
    add_test(NAME example/promotion COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:promotion>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/promotion.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
endif()

if(TARGET particles)
    add_test(NAME example/particles COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:particles>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/object_pools.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
    # What it writes of a show that fills its pool, into a folder and a file that have spaces in them.
    add_test(NAME example/particles_as_json COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:particles>
        "-DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/particles output"
        -P ${CMAKE_CURRENT_SOURCE_DIR}/particles/check_output.cmake)

    # Bad input: status 2, one line on standard error that says what, the value, what was expected.
    function(particles_refuses name message)
        add_test(NAME example/particles_refuses_${name} COMMAND ${CMAKE_COMMAND}
            -D PROGRAM=$<TARGET_FILE:particles> "-DARGUMENTS=${ARGN}" "-DMESSAGE=${message}"
            -P ${CMAKE_CURRENT_SOURCE_DIR}/check_refusal.cmake)
    endfunction()
    particles_refuses(an_unknown_option "'--fames' is no option; expected --particles, --frames," --fames 10)
    particles_refuses(an_option_without_value "--frames has no value" --frames)
    particles_refuses(no_particles "--particles is '0'; expected a whole number from 1 to 50000000" --particles 0)
    particles_refuses(fewer_particles_than_none "--particles is '-1'; expected" --particles -1)
    particles_refuses(particles_that_are_no_number "--particles is '1e6'; expected" --particles 1e6)
    particles_refuses(too_many_particles
        "--particles is '99999999999999999999'; expected" --particles 99999999999999999999)
    particles_refuses(no_frames "--frames is '0'; expected a whole number from 1 to 1000000" --frames 0)
    particles_refuses(a_json_file_in_no_folder
        "'/no/such/a.json' of --json cannot be written \\(No such file or directory\\)" --json /no/such/a.json)
endif()

if(TARGET streaming)
    add_test(NAME example/streaming COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:streaming>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/streaming.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
    # Files of another folder than its own, and bad input.
    add_test(NAME example/streaming_of_a_folder COMMAND streaming ${PROJECT_SOURCE_DIR}/include/framealloc)
    set_tests_properties(example/streaming_of_a_folder PROPERTIES
        PASS_REGULAR_EXPRESSION "files loaded, [1-9][0-9]* evicted; never above the budget\n$")
    add_test(NAME example/streaming_refuses_a_folder_that_is_not_there COMMAND streaming /no/such/folder)
    add_test(NAME example/streaming_refuses_two_folders COMMAND streaming a b)
    set_tests_properties(example/streaming_refuses_a_folder_that_is_not_there example/streaming_refuses_two_folders
        PROPERTIES WILL_FAIL TRUE)
endif()

if(TARGET framealloc_symbols AND NOT FRAMEALLOC_SANITIZE)  # a sanitizer stops it at the first mistake
    add_test(NAME example/mistakes COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:mistakes>
        -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/checked.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
endif()
# With functions and lines: where the library that names them is there, and as g++ writes them down. clang counts the line of a
# default member initializer where g++ counts that of the object.
if(TARGET framealloc_symbols AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    foreach(name tracing contracts)
        add_test(NAME example/${name} COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${name}>
            -D DOCUMENT=${PROJECT_SOURCE_DIR}/docs/${name}.md -P ${CMAKE_CURRENT_SOURCE_DIR}/check_shown.cmake)
    endforeach()
endif()

if(NOT TARGET asteroids)
    return()
endif()

# Plays, and looks at what it wrote: with a folder and file names that have spaces in them.
add_test(NAME example/asteroids COMMAND ${CMAKE_COMMAND}
    -D PROGRAM=$<TARGET_FILE:asteroids> "-DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/asteroids output"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/asteroids/check_output.cmake)
set_tests_properties(example/asteroids PROPERTIES TIMEOUT 300)

# Bad input: status 2, one line on standard error that says what, the value, what was expected.
function(asteroids_refuses name message)
    add_test(NAME example/asteroids_refuses_${name} COMMAND ${CMAKE_COMMAND}
        -D PROGRAM=$<TARGET_FILE:asteroids> "-DARGUMENTS=${ARGN}" "-DMESSAGE=${message}"
        -P ${CMAKE_CURRENT_SOURCE_DIR}/check_refusal.cmake)
endfunction()

# A level of one statement or a few, given as the arguments.
function(asteroids_refuses_level name message)
    string(JOIN "\n" text ${ARGN})
    set(file "${CMAKE_CURRENT_BINARY_DIR}/levels/${name}.level")
    file(WRITE "${file}" "${text}\n")
    asteroids_refuses(${name} "${name}.level${message}" --level "${file}")
endfunction()

asteroids_refuses(an_unknown_option "'--fames' is no option; expected --frames, --level," --fames 10)
asteroids_refuses(an_option_without_value "--frames has no value" --frames)
asteroids_refuses(frames_that_are_no_number
    "--frames is '12x'; expected a whole number from 10 to 1000000"
    --frames 12x)
asteroids_refuses(too_few_frames "--frames is '9'; expected" --frames 9)
asteroids_refuses(too_many_frames
    "--frames is '99999999999999999999'; expected" --frames 99999999999999999999)
asteroids_refuses(a_budget_for_nobody
    "--budget names the system 'phisics'; expected one of level, physics, physics/contacts" --budget phisics=64KiB)
asteroids_refuses(a_budget_of_odd_size "--budget has the size '64KB'; expected a whole number of bytes" --budget physics=64KB)
asteroids_refuses(a_budget_without_size "--budget is 'physics'; expected SYSTEM=SIZE" --budget physics)
asteroids_refuses(an_unknown_side "--only is 'ours'; expected 'framealloc' or 'std'" --only ours)
asteroids_refuses(a_level_that_is_not_there "'/no/such.level' cannot be read \\(No such file or directory\\)"
    --level /no/such.level)
asteroids_refuses(a_folder_as_level "cannot be read" --level ${CMAKE_CURRENT_SOURCE_DIR})
asteroids_refuses(a_json_file_in_no_folder
    "'/no/such/a.json' of --json cannot be written \\(No such file or directory\\)"
    --frames 10 --json /no/such/a.json)
asteroids_refuses(an_svg_file_in_no_folder
    "'/no/such/a.svg' of --svg cannot be written" --frames 10 --svg /no/such/a.svg)

asteroids_refuses_level(an_unknown_statement
    ":2: 'sice' is no statement; expected title, seed, size" "# a field" "sice 10 20")
asteroids_refuses_level(a_number_that_is_none
    ":1: the width of 'size' is 'wide'; expected a number from 20 to 2000" "size wide 200")
asteroids_refuses_level(a_number_out_of_range
    ":2: the count of 'scatter' is '10001'; expected a whole number from 0 to 10000" "size 320 200" "scatter 10001")
asteroids_refuses_level(a_size_that_is_not_a_number ":1: the width of 'size' is 'nan'; expected" "size nan 200")
asteroids_refuses_level(a_number_that_is_missing ":1: 'size' has no height; write a number from 20 to 2000" "size 320")
asteroids_refuses_level(a_word_too_many ":1: '5' is too much after 'seed'" "seed 4 5")
asteroids_refuses_level(a_belt_without_moon ":1: 'belt' stands before any 'moon'" "belt 1 20 30 100")
asteroids_refuses_level(a_level_without_size ": there is no 'size' statement" "scatter 10")
asteroids_refuses_level(a_level_without_asteroids ": the field has 0 asteroids; expected 1 to 10000" "size 320 200")
asteroids_refuses_level(ships_without_gate
    ": there are ships but no 'gate' statement" "size 320 200" "scatter 10" "ships 3")
asteroids_refuses_level(a_gate_outside ": a gate lies outside the field" "size 320 200" "scatter 10" "gate 500 0")
