// expect: undeclared
// SPDX-License-Identifier: MIT OR Apache-2.0
int main() {
#ifndef FRAMEALLOC_CORRECT
    int const n = undeclared;
    return n + also_undeclared;
#endif
}
