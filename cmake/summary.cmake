# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What this build has, and what to do next: once, and again when it changes.
function(framealloc_on_or_off variable text)
    if(${variable})
        set(${variable}_text "${text}" PARENT_SCOPE)
    else()
        set(${variable}_text "no (-D ${variable}=ON)" PARENT_SCOPE)
    endif()
endfunction()

framealloc_on_or_off(FRAMEALLOC_LIBRARY "yes, framealloc::framealloc: reports as text and JSON")
framealloc_on_or_off(FRAMEALLOC_TESTS "yes, run them with ctest")
framealloc_on_or_off(FRAMEALLOC_BENCHMARKS "yes, perf/framealloc_perf")
framealloc_on_or_off(FRAMEALLOC_EXAMPLES "yes, in example/")
framealloc_on_or_off(FRAMEALLOC_INSTALL "yes, below ${CMAKE_INSTALL_PREFIX}")
set(framealloc_numa_text "no (libhwloc-dev, -D FRAMEALLOC_NUMA=ON)")
if(TARGET framealloc_numa)
    set(framealloc_numa_text "yes, framealloc::numa: topologies by hwloc")
endif()
set(framealloc_symbols_text "no (libdw-dev, -D FRAMEALLOC_SYMBOLS=ON): reports name the module and the offset")
if(TARGET framealloc_symbols)
    set(framealloc_symbols_text "yes, framealloc::symbols: reports name functions, files and lines")
endif()
set(framealloc_sanitizers "none (-D FRAMEALLOC_SANITIZE=address,undefined or thread)")
if(FRAMEALLOC_SANITIZE)
    set(framealloc_sanitizers "${FRAMEALLOC_SANITIZE}")
endif()

if(FRAMEALLOC_VALGRIND)
    string(APPEND framealloc_sanitizers "; Valgrind is told what is alive")
endif()

set(framealloc_summary "framealloc ${PROJECT_VERSION}
     headers      framealloc::headers, always
     library      ${FRAMEALLOC_LIBRARY_text}
     numa         ${framealloc_numa_text}
     symbols      ${framealloc_symbols_text}
     tests        ${FRAMEALLOC_TESTS_text}
     benchmarks   ${FRAMEALLOC_BENCHMARKS_text}
     examples     ${FRAMEALLOC_EXAMPLES_text}
     install      ${FRAMEALLOC_INSTALL_text}
     sanitizers   ${framealloc_sanitizers}
   Debugging is chosen by type and not by an option. diagnostics::none (smart_alloc) costs nothing; diagnostics::counters counts,
   by frame and phase; diagnostics::checked (smart_alloc_debug) finds mistakes, names them by code, and stops.
   FRAMEALLOC_STRICT=error in the environment makes errors stop every program. docs/codes explains the codes.
   Next: cmake --build '${CMAKE_BINARY_DIR}'")

string(SHA1 framealloc_summary_hash "${framealloc_summary}")
if(NOT framealloc_summary_hash STREQUAL "${FRAMEALLOC_SUMMARY_SHOWN}")
    message(STATUS "${framealloc_summary}")
    set(FRAMEALLOC_SUMMARY_SHOWN "${framealloc_summary_hash}" CACHE INTERNAL "Which summary was shown last")
endif()
