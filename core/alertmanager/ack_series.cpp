// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/ack_series.h"

#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

model::Labels seriesOf(const model::Labels& alert)
{
    return model::LabelsBuilder(alert).set("__name__", "NARTHEX_ALERT_ACK").build();
}

} // namespace

void AckSeries::write(std::vector<model::Labels> alerts, base::Timestamp now)
{
    if (store_ == nullptr || (alerts.empty() && written_.empty())) {
        return;
    }
    std::sort(alerts.begin(), alerts.end());
    if (const absl::Status status = append(alerts, now); !status.ok()) {
        log_->warn("alertmanager: series of acknowledgements are not written error={}",
                   base::messageOf(status));
        return;
    }
    written_ = std::move(alerts);
}

absl::Status AckSeries::append(const std::vector<model::Labels>& alerts, base::Timestamp now)
{
    const std::unique_ptr<storage::Appender> appender = store_->appender();
    // What a store refuses of a single series is no reason to lose the others.
    for (const model::Labels& each : alerts) {
        NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender->seriesFor(seriesOf(each)));
        static_cast<void>(appender->append(ref, now, 1));
    }
    for (const model::Labels& each : written_) {
        if (!std::binary_search(alerts.begin(), alerts.end(), each)) {
            NARTHEX_ASSIGN_OR_RETURN(const storage::SeriesRef ref,
                                     appender->seriesFor(seriesOf(each)));
            static_cast<void>(appender->append(ref, now, model::staleMarker()));
        }
    }
    return appender->commit();
}

} // namespace narthex::alertmanager
