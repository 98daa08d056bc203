// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/failure.hpp>
#include <framealloc/object_pool/growth.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace framealloc::inline v0_1 {

/// When objects that are kept between uses are made: see `initialise::kept`.
enum class initialisation : unsigned char {
    lazy,   ///< each when its slot is first given out
    eager,  ///< all of them when their memory comes
};

/// What of an object pool is only known at run time. Everything else is a policy.
///
///     fixed_pool<enemy> enemies{{.capacity = 1000, .alignment = 64}};
struct object_pool_config {
    /// The most slots of any pool.
    static constexpr std::size_t most_slots = 0xFFFF'FFFE;

    /// Slots that it has from the start. From 1 to `most_slots`; pools in place have what their type says, and read no config.
    std::size_t capacity = 64;
    /// Slots that it may have once it has grown; 0: no bound but `most_slots`. At least `capacity`. Pools that do not grow take 0
    /// or their capacity.
    std::size_t maximum = 0;
    /// How it grows; the last step is cut so that `maximum` is reached and not passed. For pools that grow.
    framealloc::growth growth = {};
    /// Of each object's address, and of the distance between two, in bytes; 0, or less than the type's own: the type's own. A
    /// power of two up to `max_alignment`. 64 keeps objects of different threads on different cache lines.
    std::size_t alignment = 0;
    /// For pools that keep objects between uses.
    framealloc::initialisation initialisation = framealloc::initialisation::lazy;
    /// What reports call the pool; null: nothing. The text outlives it, as a literal's does.
    char const* name = nullptr;
};

/// The same, made step by step:
/// `object_pool_builder{}.capacity(1000).maximum(10'000).growth(growth::linear(100)).build()`.
class object_pool_builder {
public:
    object_pool_builder& capacity(std::size_t slots) noexcept { return config_.capacity = slots, *this; }
    object_pool_builder& maximum(std::size_t slots) noexcept { return config_.maximum = slots, *this; }
    object_pool_builder& growth(framealloc::growth how) { return config_.growth = std::move(how), *this; }
    object_pool_builder& alignment(std::size_t bytes) noexcept { return config_.alignment = bytes, *this; }
    object_pool_builder& initialisation(framealloc::initialisation when) noexcept {
        return config_.initialisation = when, *this;
    }
    object_pool_builder& name(char const* text) noexcept { return config_.name = text, *this; }
    /// It is checked by the pool that is made of it, which knows how large its objects are.
    [[nodiscard]] object_pool_config build() const { return config_; }

private:
    object_pool_config config_;
};

namespace detail {

/// What a pool can do, against which its configuration is read.
struct object_pool_abilities {
    bool grows;
    bool keeps;
    layout slot;                     ///< of its type, before the configuration's alignment
    std::size_t bytes_beside_slots;  ///< at most, per slot
};

/// Writes a line for each thing that is wrong with a configuration, terminated; answers how many that are.
class config_violations {
public:
    config_violations(object_pool_config const& c, object_pool_abilities can) noexcept {
        if (c.capacity < 1 || c.capacity > object_pool_config::most_slots) {
            add("capacity is %llu; expected 1 to %llu", c.capacity, object_pool_config::most_slots);
        }
        if (c.maximum > object_pool_config::most_slots) {
            add("maximum is %llu; expected at most %llu", c.maximum, object_pool_config::most_slots);
        } else if (c.maximum != 0 && c.maximum < c.capacity) {
            add("maximum is %llu; expected 0, or at least the capacity, %llu", c.maximum, c.capacity);
        } else if (c.maximum > c.capacity && !can.grows) {
            add("maximum is %llu; expected 0 or the capacity, %llu, of a pool that does not grow", c.maximum,
                c.capacity);
        }
        check_growth(c.growth);
        bool const aligns = layout{.bytes = 0, .align = c.alignment}.has_valid_align();
        if (c.alignment != 0 && !aligns) {
            add("alignment is %llu; expected 0, or a power of two up to %llu", c.alignment, max_alignment);
        } else {
            check_bytes(c, can);
        }
        if (c.initialisation != initialisation::lazy && !can.keeps) {
            add("initialisation is eager; expected lazy of a pool that keeps no objects (see initialise::kept)");
        }
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] char const* text() const noexcept { return text_; }

private:
    template <class... Numbers>
    void add(char const* format, Numbers... numbers) noexcept {
        ++count_;
        char line[160];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        __builtin_snprintf(line, sizeof line, format, widened(numbers)...);
#pragma GCC diagnostic pop
        int const n = __builtin_snprintf(text_ + used_, sizeof text_ - used_, "  wrong: %s\n", line);
        if (n > 0 && static_cast<std::size_t>(n) < sizeof text_ - used_) used_ += static_cast<std::size_t>(n);
        text_[used_] = '\0';
    }
    [[nodiscard]] static constexpr unsigned long long widened(std::size_t n) noexcept { return n; }
    [[nodiscard]] static constexpr double widened(double n) noexcept { return n; }

    void check_growth(growth const& g) noexcept {
        if (g.which() == growth::kind::linear && g.slots() == 0) add("growth is linear(0); expected at least 1");
        if (g.which() == growth::kind::exponential && !(g.factor() > 1.0 && std::isfinite(g.factor()))) {
            add("growth is exponential(%g); expected a finite factor of more than 1", g.factor());
        }
        if (g.which() == growth::kind::custom && !g.is_callable()) {
            add("growth is custom of nothing; expected a function");
        }
    }
    void check_bytes(object_pool_config const& c, object_pool_abilities can) noexcept {
        std::size_t const align = c.alignment < can.slot.align ? can.slot.align : c.alignment;
        std::size_t const each = round_up(can.slot.bytes, align) + can.bytes_beside_slots;
        std::size_t const slots = c.capacity;
        if (slots > object_pool_config::most_slots || each > max_request_bytes / (slots + 1)) {
            add("%llu slots of %llu bytes each come to more than the %llu that can be asked for", slots, each,
                max_request_bytes);
        }
    }

    std::size_t count_ = 0;
    std::size_t used_ = 0;
    char text_[768] = "";
};

struct config_sites : fault_sites {
    char const* text = "";
};

/// Throws `configuration_error`, naming all that is wrong, if anything is.
FRAMEALLOC_COLD inline void check_object_pool_config(object_pool_config const& c, object_pool_abilities can) {
    config_violations const wrong{c, can};
    if (wrong.count() == 0) return;
    config_sites sites{{.write =
                            [](fault_sites const& s, char* to, std::size_t size) noexcept {
                                __builtin_snprintf(to, size, "%s", static_cast<config_sites const&>(s).text);
                            }},
                       wrong.text()};
    fault f =
        said(fault_code::bad_configuration, "%llu fields of an object_pool_config are out of range", wrong.count());
    f.sites = &sites;
    throw_bad_configuration(f);
}

}  // namespace detail
}  // namespace framealloc
