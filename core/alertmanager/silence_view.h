// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a silence does or would do: the alerts that it holds, those that it held, and what speaks
// against it. Threads: values. Source: spec/alertmanager.md, 6 (additions of Narthex).
#pragma once

#include "core/alertmanager/alert.h"
#include "core/alertmanager/silences.h"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

enum class SilenceConcern : std::uint8_t
{
    MatchesNothing,
    Wide,
    /// It holds alerts that people will be told of again soon.
    EndsSoon
};
/// "matches_nothing", "wide", "ends_soon"
std::string_view text(SilenceConcern concern);

struct SilenceWarning
{
    SilenceConcern concern = SilenceConcern::MatchesNothing;
    std::string message;
};

struct SilencePreview
{
    /// Firing ones that it matches, by fingerprint.
    std::vector<AlertPtr> alerts;
    std::vector<SilenceWarning> warnings;
};

/// An alert that a silence kept from being told.
struct SuppressedAlert
{
    Fingerprint fingerprint = 0;
    model::Labels labels;
    /// When it first did so, and when anew the last time.
    base::Timestamp first;
    base::Timestamp last;
};

struct SilenceDetail
{
    SilencePtr silence;
    SilencePreview preview;
    /// Oldest first, as far back as the history goes.
    std::vector<SuppressedAlert> suppressed;
};

struct WarnedSilence
{
    SilencePtr silence;
    std::vector<SilenceWarning> warnings;
};

/// `matching`: how many firing alerts it matches; `wide`: more are many, 0: never.
std::vector<SilenceWarning> warningsOf(const Silence& silence, std::size_t matching,
                                       std::size_t wide, base::Timestamp now);

/// A silence this close to its end that still holds something is worth a warning.
inline constexpr base::Duration kSilenceEndsSoon = 1_h;

} // namespace narthex::alertmanager
