# SPDX-License-Identifier: MIT OR Apache-2.0
#
# framealloc_read_version(VARIABLE): MAJOR.MINOR.PATCH, as include/framealloc/version.hpp says it.
function(framealloc_read_version variable)
    set(header "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../include/framealloc/version.hpp")
    file(READ "${header}" text)
    set(numbers "")
    foreach(part IN ITEMS MAJOR MINOR PATCH)
        if(NOT text MATCHES "#define FRAMEALLOC_VERSION_${part} ([0-9]+)\n")
            message(FATAL_ERROR "framealloc: ${header} has no line '#define FRAMEALLOC_VERSION_${part} <number>'")
        endif()
        list(APPEND numbers "${CMAKE_MATCH_1}")
    endforeach()
    list(JOIN numbers "." text)
    set(${variable} "${text}" PARENT_SCOPE)
    # Another version is another configuration.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${header}")
endfunction()
