// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// What the headers of all systems say of nodes, and how Linux writes them down.

namespace framealloc::inline v0_1::detail::platform {

/// What Linux can count up to on any of its processors.
inline constexpr unsigned numa_most_nodes = 1024;
inline constexpr unsigned numa_word_bits = 8 * sizeof(unsigned long);

struct numa_mask {
    unsigned long words[numa_most_nodes / numa_word_bits]{};
};

inline constexpr int numa_no_page = -1;   ///< no memory there: never touched, or nobody's address
inline constexpr int numa_not_told = -2;  ///< the system refuses to answer

/// Reads "0-3,8", as Linux lists nodes, into `mask`. False where the text is no such list; numbers too large are left
/// out.
inline bool numa_read_list(char const* text, numa_mask& mask) noexcept {
    auto const number = [&text](unsigned& n) {
        if (*text < '0' || *text > '9') return false;
        for (n = 0; *text >= '0' && *text <= '9'; ++text) {
            if (n < numa_most_nodes) n = n * 10 + static_cast<unsigned>(*text - '0');
        }
        return true;
    };
    for (;;) {
        unsigned first = 0, last = 0;
        if (!number(first)) return false;
        last = first;
        if (*text == '-') {
            ++text;
            if (!number(last) || last < first) return false;
        }
        for (unsigned n = first; n <= last && n < numa_most_nodes; ++n) {
            mask.words[n / numa_word_bits] |= 1UL << (n % numa_word_bits);
        }
        if (*text == '\n' || *text == '\0') return true;
        if (*text++ != ',') return false;
    }
}

/// Reads "10 21 31": a distance for each node of `online`, in order.
template <class F>
void numa_read_distances(char const* text, numa_mask const& online, F&& f) noexcept {
    for (unsigned n = 0; n < numa_most_nodes; ++n) {
        if ((online.words[n / numa_word_bits] >> (n % numa_word_bits) & 1) == 0) continue;
        while (*text == ' ') ++text;
        if (*text < '0' || *text > '9') return;
        unsigned distance = 0;
        for (; *text >= '0' && *text <= '9'; ++text) distance = distance * 10 + static_cast<unsigned>(*text - '0');
        f(n, distance);
    }
}

}  // namespace framealloc::detail::platform
