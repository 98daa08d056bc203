#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Checks that a program with one mistake is refused, and why:
#
#   compile_fail.sh COMPILER SOURCE FLAGS...
#
# The first line of SOURCE says what the compiler has to say: `// expect: <words>`. The second may give limits for errors
# and for lines of output, where the usual ones (one error, 40 lines) cannot be kept: `// limits: errors 2, lines 60`.
# With FRAMEALLOC_CORRECT defined the mistake is not there, and the same program has to compile: so no test passes because
# of a misspelt name.
set -u
compiler=$1
source=$2
shift 2

expected=$(sed -n '1s|^// expect: ||p' "$source")
if [ -z "$expected" ]; then
    echo "$source: the first line is not '// expect: <words>'"
    exit 1
fi
limits=$(sed -n '2s|^// limits: ||p' "$source")
most_errors=$(printf '%s' "$limits" | sed -n 's/.*errors \([0-9]*\).*/\1/p')
most_lines=$(printf '%s' "$limits" | sed -n 's/.*lines \([0-9]*\).*/\1/p')
most_errors=${most_errors:-1}
most_lines=${most_lines:-40}

options=(-std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "$@")
if ! right=$(LC_ALL=C "$compiler" "${options[@]}" -DFRAMEALLOC_CORRECT "$source" 2>&1); then
    echo "$source: without its mistake it should compile, and does not:"
    printf '%s\n' "$right"
    exit 1
fi
if said=$(LC_ALL=C "$compiler" "${options[@]}" "$source" 2>&1); then
    echo "$source: it should not compile, and does; expected: $expected"
    exit 1
fi

errors=$(printf '%s\n' "$said" | grep -cE '(^|[^-[:alnum:]])(fatal )?error: ')
lines=$(printf '%s\n' "$said" | wc -l)
# Where a compiler has words of its own for the error, ours are in the note below it.
matching=$(printf '%s\n' "$said" | grep -E '(error|note): ' | grep -cF -- "$expected")
status=0
if [ "$matching" -eq 0 ]; then
    echo "$source: no error says: $expected"
    status=1
fi
if [ "$errors" -gt "$most_errors" ]; then
    echo "$source: $errors errors for one mistake; expected at most $most_errors"
    status=1
fi
if [ "$lines" -gt "$most_lines" ]; then
    echo "$source: $lines lines of output; expected at most $most_lines"
    status=1
fi
if [ "$status" -ne 0 ]; then
    printf '%s\n' "$said"
else
    echo "$(basename "$source"): $errors error(s) in $lines lines of $(basename "$compiler")"
fi
exit "$status"
