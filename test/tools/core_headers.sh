#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The core needs none of the optional libraries, and none of the heavy headers of the standard one:
#
#   core_headers.sh COMPILER ROOT
#
# Preprocesses smart_alloc.hpp, and then every header outside integration/, containers/, group/, handle/, scratch/ and streaming/,
# and looks at what was read. A trace, groups, handles and scratch arenas are kept in tables and lists of Boost.Intrusive, and so are
# streamed assets; what is retained may move to a group.
set -u
compiler=$1
root=$2
includes=(-std=c++20 -I"$root/include" -I"$root/policies")
status=0

# Every file that a header brings in, one to a line.
files_of() { "$compiler" "${includes[@]}" -M -x c++ - <<<"#include <$1>" | tr ' \\' '\n\n' | grep '/' | sort -u; }
foreign='/(boost|absl|nlohmann|benchmark)/'
heavy='/c\+\+/(v1|[0-9.]+)/(memory|string|functional|mutex|thread|atomic|memory_resource|iostream|vector|map|shared_mutex|condition_variable|future)$'

# The patterns must be able to find something, or this test would pass on an empty tree.
if ! files_of vector | grep -qE "$heavy" || ! grep -qE "$foreign" <<<'/usr/include/boost/version.hpp'; then
    echo "the compiler's own headers are not where they were looked for"
    exit 1
fi

read=$(files_of framealloc/smart_alloc.hpp)
if ! grep -q 'framealloc/basic_smart_alloc.hpp' <<<"$read"; then
    echo "smart_alloc.hpp cannot be read"
    exit 1
fi
if found=$(grep -E "$foreign|$heavy" <<<"$read"); then
    printf 'smart_alloc.hpp brings in:\n%s\n' "$found"
    status=1
fi

count=0
while IFS= read -r header; do
    case $header in framealloc/integration/* | framealloc/containers/* | framealloc/group/* | framealloc/handle/* | framealloc/promotion/retained.hpp | framealloc/scratch/* | framealloc/streaming/* | framealloc/trace.hpp | framealloc/detail/trace_*) continue ;; esac
    count=$((count + 1))
    if found=$(files_of "$header" | grep -E "$foreign"); then
        printf '%s brings in:\n%s\n' "$header" "$found"
        status=1
    fi
done < <(cd "$root" && for base in include policies; do (cd "$base" && find framealloc -name '*.hpp' ! -name posix.hpp); done)

[ "$count" -ge 50 ] || { echo "only $count headers found under $root"; status=1; }
[ "$status" -ne 0 ] || echo "$count headers: the core stands alone"
exit "$status"
