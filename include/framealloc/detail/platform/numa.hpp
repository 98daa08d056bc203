// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The contract with the operating system on nodes of memory: a part of platform.hpp's, in a room of its own because the
// core does not need it. The same rules hold: `noexcept`, allocates nothing from us.
//
//   numa_mask                        a bit per node, bit n for the node that the system calls n
//   numa_usable_nodes(mask)          the nodes that have memory which this process may use. False: the system does not
//                                    tell, and `mask` is as it was
//   numa_current_node()              the node of the cpu on which the caller runs; 0 where the system does not tell
//   numa_distances(node, f)          calls f(other, distance) for every node of the machine, as seen from `node`;
//                                    nothing is called where the system does not tell
//   numa_prefer(p, bytes, mask)      pages that whole pages will get come from the one node of `mask`; from the nearest
//                                    other one when it is full. False: refused, and nothing has changed
//   numa_interleave(p, bytes, mask)  the same in turn from all nodes of `mask`
//   numa_node_of_page(p)             the node on which the page at `p` lies; numa_no_page, numa_not_told

#if defined(__linux__)
#include <framealloc/detail/platform/numa_linux.hpp>
#else
#include <framealloc/detail/platform/numa_none.hpp>
#endif
