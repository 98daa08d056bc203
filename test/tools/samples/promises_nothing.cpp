// SPDX-License-Identifier: MIT OR Apache-2.0
int main() {
#ifndef FRAMEALLOC_CORRECT
    return undeclared;
#endif
}
