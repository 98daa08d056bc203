// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/streaming/stream_listener.hpp>

#include <framealloc/detail/platform/compiler.hpp>

#include <exception>

namespace framealloc::inline v0_1::detail {

/// Tells a listener what one call has done, and keeps the first exception that comes back until the call is at its end.
class stream_news {
public:
    explicit stream_news(stream_listener* listener) noexcept : listener_(listener) {}

    [[nodiscard]] bool has_listener() const noexcept { return listener_ != nullptr; }
    void tell(stream_event const& e) noexcept {
        if (listener_ == nullptr) return;
        FRAMEALLOC_TRY { listener_->on_event(e); }
        FRAMEALLOC_CATCH_ALL { keep(); }
    }
    [[nodiscard]] bool has_thrown() const noexcept {
#if FRAMEALLOC_EXCEPTIONS
        return thrown_ != nullptr;
#else
        return false;
#endif
    }
    void throw_if_thrown() const {
#if FRAMEALLOC_EXCEPTIONS
        if (thrown_ != nullptr) [[unlikely]]
            std::rethrow_exception(thrown_);
#endif
    }

private:
    FRAMEALLOC_COLD void keep() noexcept {
#if FRAMEALLOC_EXCEPTIONS
        if (thrown_ == nullptr) thrown_ = std::current_exception();
#endif
    }

    stream_listener* listener_;
#if FRAMEALLOC_EXCEPTIONS
    std::exception_ptr thrown_;
#endif
};

}  // namespace framealloc::detail
