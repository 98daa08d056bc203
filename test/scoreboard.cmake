# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The scoreboard: each misuse at each level, in a process of its own. See scoreboard/scoreboard.cpp.
if(FRAMEALLOC_SANITIZE)
    return()
endif()

set(scoreboard ${CMAKE_CURRENT_SOURCE_DIR}/scoreboard)
file(GLOB scoreboard_sources CONFIGURE_DEPENDS ${scoreboard}/*.cpp)

add_executable(scoreboard ${scoreboard_sources})
target_compile_options(scoreboard PRIVATE -O1 -g)
target_link_libraries(scoreboard PRIVATE framealloc_test_support)
add_test(NAME scoreboard/every_misuse_comes_to_what_is_expected COMMAND scoreboard)
