// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/silence_view.h"

#include "core/alertmanager/alertmanager.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {

std::string_view text(SilenceConcern concern)
{
    switch (concern) {
    case SilenceConcern::MatchesNothing:
        return "matches_nothing";
    case SilenceConcern::Wide:
        return "wide";
    case SilenceConcern::EndsSoon:
        break;
    }
    return "ends_soon";
}

std::vector<SilenceWarning> warningsOf(const Silence& silence, std::size_t matching,
                                       std::size_t wide, base::Timestamp now)
{
    std::vector<SilenceWarning> warnings;
    const SilenceState state = silence.stateAt(now);
    if (state == SilenceState::Expired) {
        return warnings;
    }
    if (matching == 0) {
        warnings.push_back({SilenceConcern::MatchesNothing,
                            "it matches no alert that fires now: check the names and values"});
    }
    if (wide != 0 && matching > wide) {
        warnings.push_back({SilenceConcern::Wide,
                            fmt::format("it matches {} alerts that fire now, more than {}: a "
                                        "further matcher would narrow it down",
                                        matching, wide)});
    }
    if (state == SilenceState::Active && matching != 0 &&
        silence.endsAt <= now + kSilenceEndsSoon) {
        warnings.push_back(
            {SilenceConcern::EndsSoon,
             fmt::format("it ends at {} and still holds {}: extend it, or people "
                         "are told again",
                         base::formatTimestamp(silence.endsAt),
                         matching == 1 ? "an alert" : fmt::format("{} alerts", matching))});
    }
    return warnings;
}

SilencePreview Alertmanager::previewSilence(const Silence& silence) const
{
    SilencePreview preview{.alerts = matching(silence.matcherSets)};
    std::sort(preview.alerts.begin(), preview.alerts.end(),
              [](const auto& a, const auto& b) { return a->fingerprint < b->fingerprint; });
    preview.warnings = warningsOf(silence, preview.alerts.size(), options_.wideSilence, now());
    return preview;
}

absl::StatusOr<SilenceDetail> Alertmanager::silenceDetail(std::string_view id) const
{
    SilenceDetail detail{.silence = silence(id)};
    if (detail.silence == nullptr) {
        return base::notFound("silence not found");
    }
    detail.preview = previewSilence(*detail.silence);
    NARTHEX_ASSIGN_OR_RETURN(
        detail.suppressed,
        history_.suppressedBy(detail.silence->id,
                              detail.silence->startsAt.value_or(base::Timestamp::min())));
    return detail;
}

std::vector<WarnedSilence> Alertmanager::silenceWarnings() const
{
    std::vector<WarnedSilence> warned;
    const base::Timestamp moment = now();
    const absl::MutexLock lock(&mutex_);
    absl::flat_hash_map<std::string, std::size_t> matching;
    for (const auto& [fingerprint, alert] : store_.all()) {
        if (!alert->resolvedAt(moment)) {
            for (const std::string& id : silencingLocked(*alert, moment)) {
                ++matching[id];
            }
        }
    }
    for (const auto& [id, silence] : silences_.all()) {
        if (silence->stateAt(moment) != SilenceState::Active) {
            continue;
        }
        const auto count = matching.find(id);
        auto warnings = warningsOf(*silence, count == matching.end() ? 0 : count->second,
                                   options_.wideSilence, moment);
        if (!warnings.empty()) {
            warned.push_back({silence, std::move(warnings)});
        }
    }
    return warned;
}

} // namespace narthex::alertmanager
