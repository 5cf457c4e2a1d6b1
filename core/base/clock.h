// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The clock as a parameter: everything that asks for the time is given one of these.
// Owner: whoever wires the program; users keep a reference. Threads: any.
#pragma once

#include "core/base/time.h"

#include <atomic>

namespace narthex::base {

class Clock
{
public:
    virtual ~Clock() = default;
    /// Wall-clock time; may jump.
    [[nodiscard]] virtual Timestamp now() const = 0;
    /// Time since an arbitrary start; never goes back. Stands still while the machine sleeps.
    [[nodiscard]] virtual Duration monotonic() const = 0;
};

class SystemClock final : public Clock
{
public:
    [[nodiscard]] Timestamp now() const override;
    [[nodiscard]] Duration monotonic() const override;
};

/// For tests: stands still until told otherwise.
class ManualClock final : public Clock
{
public:
    explicit ManualClock(Timestamp start) : nowMs_(start.ms) {}
    [[nodiscard]] Timestamp now() const override { return {nowMs_.load()}; }
    [[nodiscard]] Duration monotonic() const override { return {monotonicNs_.load()}; }
    void advance(Duration by)
    {
        nowMs_ += by.ms();
        monotonicNs_ += by.ns;
    }
    /// Moves the wall clock alone, as a clock adjustment does.
    void jump(Duration by) { nowMs_ += by.ms(); }

private:
    std::atomic<std::int64_t> nowMs_;
    std::atomic<std::int64_t> monotonicNs_{0};
};

} // namespace narthex::base
