// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/sample.h"

#include <array>

namespace narthex::model {
namespace {

constexpr std::array<std::string_view, 8> kTypeTexts = {
    "unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"};

} // namespace

std::string_view metricTypeText(MetricType type)
{
    return kTypeTexts[static_cast<std::size_t>(type)];
}

std::optional<MetricType> parseMetricType(std::string_view text)
{
    for (std::size_t i = 0; i < kTypeTexts.size(); ++i) {
        if (kTypeTexts[i] == text) {
            return static_cast<MetricType>(i);
        }
    }
    return std::nullopt;
}

} // namespace narthex::model
