# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Each way to get framealloc into a program: installed, as a part of another build, as one file.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME package/recipes COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/package/check_recipes.py
    ${PROJECT_SOURCE_DIR})

if(FRAMEALLOC_INSTALL AND NOT FRAMEALLOC_SANITIZE)
    set(ways install find_package headers_alone find_package_refuses add_subdirectory fetch_content pkg_config b2_install
        single_header)
    if(TARGET framealloc_numa)
        list(APPEND ways numa_component)
    endif()
    foreach(way IN LISTS ways)
        add_test(NAME package/${way} COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/package/ways.py ${way}
            --source ${PROJECT_SOURCE_DIR} --build ${PROJECT_BINARY_DIR} --compiler ${CMAKE_CXX_COMPILER}
            --generator ${CMAKE_GENERATOR} --work "${CMAKE_CURRENT_BINARY_DIR}/package with a space")
        set_tests_properties(package/${way} PROPERTIES SKIP_RETURN_CODE 77 FIXTURES_REQUIRED installed_package)
    endforeach()
    set_tests_properties(package/install PROPERTIES FIXTURES_REQUIRED "" FIXTURES_SETUP installed_package)
else()
    message(STATUS "framealloc: the package is not tested in this build (FRAMEALLOC_INSTALL is OFF, or sanitizers are on)")
endif()
