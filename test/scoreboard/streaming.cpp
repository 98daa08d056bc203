// SPDX-License-Identifier: MIT OR Apache-2.0
#include "subject.hpp"

#include <framealloc/streaming/streaming_allocator.hpp>

// R40: misuses of assets that are streamed. What a loader and who evicts can do to each other is no mistake: it is refused.

namespace scoreboard {
namespace {

constexpr std::size_t asset_bytes = 10'000;

template <class Alloc>
[[nodiscard]] bool holds(streaming_allocator<Alloc>& assets, std::size_t used_bytes)
{
    return assets.totals().used_bytes() == used_bytes && assets.verify();
}

template <class Alloc>
[[gnu::noinline]] answer load_cancelled_while_it_is_written_to(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = 2 * asset_bytes}};
    stream_id const id = assets.reserve(asset_bytes).value();
    std::span<std::byte> const to = assets.begin_load(id).value();
    assets.cancel(id).value();
    bool const waits = holds(assets, asset_bytes);
    std::memset(hidden(to.data()), 1, to.size());
    return refused_if(waits && !assets.finish_load(id, to.size()) && !assets.is_live(id) && holds(assets, 0));
}

template <class Alloc>
[[gnu::noinline]] answer asset_evicted_in_use(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = asset_bytes}};
    stream_id const id = assets.reserve(asset_bytes).value();
    std::memset(assets.begin_load(id).value().data(), 7, asset_bytes);
    assets.finish_load(id, asset_bytes).value();
    auto const lease = assets.access(id).value();
    bool const stays = !assets.evict(id) && !assets.reserve(1, stream_priority::highest) && assets.evict_bytes(1) == 0;
    return refused_if(stays && lease.bytes()[asset_bytes - 1] == std::byte{7} && holds(assets, asset_bytes));
}

template <class Alloc>
[[gnu::noinline]] answer load_finished_after_it_was_abandoned(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = asset_bytes}};
    stream_id const id = assets.reserve(asset_bytes).value();
    static_cast<void>(assets.begin_load(id).value());
    assets.abandon_load(id).value();
    return refused_if(!assets.finish_load(id) && holds(assets, 0));
}

template <class Alloc>
[[gnu::noinline]] answer load_begun_by_two(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = asset_bytes}};
    stream_id const id = assets.reserve(asset_bytes).value();
    static_cast<void>(assets.begin_load(id).value());
    bool const refused = !assets.begin_load(id) && holds(assets, asset_bytes);
    assets.abandon_load(id).value();
    return refused_if(refused);
}

template <class Alloc>
[[gnu::noinline]] answer progress_beyond_the_size(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = asset_bytes}};
    stream_id const id = assets.reserve(asset_bytes).value();
    static_cast<void>(assets.begin_load(id).value());
    bool const refused = !assets.report_progress(id, asset_bytes + 1) && holds(assets, asset_bytes);
    assets.abandon_load(id).value();
    return refused_if(refused);
}

template <class Alloc>
[[gnu::noinline]] answer asset_of_another_streaming_allocator(subject<Alloc>& s)
{
    streaming_allocator assets{s.alloc(), {.budget_bytes = asset_bytes}}, others{s.alloc(), {.budget_bytes = asset_bytes}};
    stream_id const mine = assets.reserve(asset_bytes).value(), theirs = others.reserve(asset_bytes).value();
    bool const refused = !assets.release(theirs) && holds(others, asset_bytes) && holds(assets, asset_bytes);
    assets.cancel(mine).value();
    return refused_if(refused);
}

}  // namespace

template <class Alloc>
std::vector<misuse> streaming_misuses()
{
    using enum result;
    return {
        FRAMEALLOC_MISUSE("R40", load_cancelled_while_it_is_written_to, "a load is cancelled, written to and finished")
            .release(refused)
            .checked(refused),
        FRAMEALLOC_MISUSE("R40", asset_evicted_in_use, "an asset is evicted in use").release(refused).checked(refused),
        FRAMEALLOC_MISUSE("R40", load_finished_after_it_was_abandoned, "a load is finished after it was abandoned")
            .release(refused)
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
        FRAMEALLOC_MISUSE("R40", load_begun_by_two, "a load is begun by two")
            .release(refused)
            .hardened(stopped, "FA403")
            .checked(stopped, "FA403", the_mistake),
        FRAMEALLOC_MISUSE("R40", progress_beyond_the_size, "more is reported than the asset has")
            .release(refused)
            .hardened(stopped, "FA404")
            .checked(stopped, "FA404", the_mistake),
        FRAMEALLOC_MISUSE("R40", asset_of_another_streaming_allocator, "an asset is released to another one")
            .release(refused)
            .hardened(stopped, "FA401")
            .checked(stopped, "FA401", the_mistake),
    };
}

#define INSTANTIATE(name, like, ...) template std::vector<misuse> streaming_misuses<__VA_ARGS__>();
FRAMEALLOC_SCOREBOARD_LEVELS(INSTANTIATE)

}  // namespace scoreboard
