#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Whether a program that is linked with the library still has the allocation functions of its system:
#
#   no_global_new.sh PROGRAM
set -u
program=$1
"$program" || { echo "$program does not run"; exit 1; }
# What the program defines itself, of the allocation functions of C++ and of C. Placement new, which gives back the address
# it is given, replaces nothing; it is a function of its own where nothing is inlined.
if found=$(nm --defined-only "$program" | awk '{print $NF}' | sed 's/@.*//' | c++filt |
    grep -E '^(operator (new|delete)|(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|memalign|reallocarray)$)' |
    grep -vE '^operator (new(\[\])?\(unsigned long, void\*\)|delete(\[\])?\(void\*, void\*\))$'); then
    printf 'the program replaces:\n%s\n' "$found"
    exit 1
fi
echo "operator new, malloc and their kin are left alone"
