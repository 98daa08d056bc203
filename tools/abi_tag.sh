#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Everything that framealloc defines lies in an inline namespace whose name says the ABI (v0_1, v0_2, ... before 1.0; then v1,
# v2, ...), so that code compiled against another version does not link, instead of running with other layouts.
#   tools/abi_tag.sh            writes the tag that include/framealloc/version.hpp asks for into every file
#   tools/abi_tag.sh --check    fails, and says where, when a file has another one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

number() { sed -nE "s/^#define FRAMEALLOC_VERSION_$1 ([0-9]+)\$/\1/p" include/framealloc/version.hpp; }
major="$(number MAJOR)"
tag="v$major"
[[ "$major" != 0 ]] || tag="v0_$(number MINOR)"

mapfile -d '' files < <(find include policies src \( -name '*.hpp' -o -name '*.cpp' \) -print0)
if [[ "${1:-}" != --check ]]; then
    # What closes a namespace stays the same.
    sed -Ei "s/^namespace framealloc(::inline v[0-9][0-9a-z_]*)?((::[A-Za-z_]+)*) \{/namespace framealloc::inline $tag\2 {/" \
        "${files[@]}"
    # A debugger's names are whole names.
    sed -Ei "s/(Name=\"framealloc::)(v[0-9][0-9a-z_]*::)?/\1$tag::/" tools/framealloc.natvis
fi
if grep -nE '^\s*namespace framealloc\b' "${files[@]}" | grep -vE "namespace framealloc::inline $tag(::[A-Za-z_]+)* \{"; then
    echo "tools/abi_tag.sh: the lines above open the namespace without the tag $tag; run tools/abi_tag.sh" >&2
    exit 1
fi
if grep -nE 'Name="framealloc::' tools/framealloc.natvis | grep -v "Name=\"framealloc::$tag::"; then
    echo "tools/abi_tag.sh: the lines above of tools/framealloc.natvis are without the tag $tag; run tools/abi_tag.sh" >&2
    exit 1
fi
