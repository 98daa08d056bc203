// expect: words that no compiler says of this
// SPDX-License-Identifier: MIT OR Apache-2.0
int main() {
#ifndef FRAMEALLOC_CORRECT
    return undeclared;
#endif
}
