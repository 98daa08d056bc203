# SPDX-License-Identifier: MIT OR Apache-2.0

# Contracts in the frameworks that people test with, and on the global operator new: a program each.
add_executable(contracts_catch2 contracts/catch2.cpp)
target_link_libraries(contracts_catch2 PRIVATE framealloc_test_support)
add_test(NAME contracts/catch2 COMMAND contracts_catch2)

add_executable(contracts_global_new contracts/global_new.cpp)
target_link_libraries(contracts_global_new PRIVATE framealloc_test_main framealloc_test_support)
add_test(NAME contracts/global_new COMMAND contracts_global_new)

find_package(GTest QUIET)
if(TARGET GTest::gtest)
    add_executable(contracts_googletest contracts/googletest.cpp)
    target_link_libraries(contracts_googletest PRIVATE GTest::gtest framealloc_test_support)
    add_test(NAME contracts/googletest COMMAND contracts_googletest)
else()
    message(STATUS "framealloc: no GoogleTest here (Debian: libgtest-dev); its checks of contracts are not tested")
endif()
