// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scrape/content_type.h"

#include "core/base/status.h"
#include "core/model/labels.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <vector>

namespace narthex::scrape {
namespace {

struct Protocol
{
    std::string_view name;
    std::string_view mediaType;
    PageFormat format;
    bool namesEscaping;
};

constexpr std::array<Protocol, 5> kProtocols{
    {{"PrometheusProto",
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
      PageFormat::Protobuf, false},
     {"OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0", PageFormat::OpenMetrics,
      true},
     {"OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1", PageFormat::OpenMetrics,
      false},
     {"PrometheusText1.0.0", "text/plain;version=1.0.0", PageFormat::Text, true},
     {"PrometheusText0.0.4", "text/plain;version=0.0.4", PageFormat::Text, false}}};

const Protocol* findProtocol(std::string_view name)
{
    for (const Protocol& protocol : kProtocols) {
        if (protocol.name == name) {
            return &protocol;
        }
    }
    return nullptr;
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kBlanks = " \t";
    const std::size_t first = text.find_first_not_of(kBlanks);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string lowerCase(std::string_view text)
{
    std::string lower(text);
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return lower;
}

std::optional<PageFormat> formatOf(std::string_view mediaType)
{
    if (mediaType == "text/plain") {
        return PageFormat::Text;
    }
    if (mediaType == "application/openmetrics-text") {
        return PageFormat::OpenMetrics;
    }
    if (mediaType == "application/vnd.google.protobuf") {
        return PageFormat::Protobuf;
    }
    return std::nullopt;
}

} // namespace

absl::StatusOr<PageFormat> pageFormat(std::string_view contentType,
                                      std::string_view fallbackProtocol)
{
    const std::string media = lowerCase(trimmed(contentType.substr(0, contentType.find(';'))));
    if (const auto format = formatOf(media)) {
        return *format;
    }
    if (const Protocol* fallback = findProtocol(fallbackProtocol)) {
        return fallback->format;
    }
    if (contentType.empty()) {
        return base::invalidArgument(
            "non-compliant scrape target sending blank Content-Type and no "
            "fallback_scrape_protocol specified for target");
    }
    if (media.find('/') == std::string::npos) {
        return base::invalidArgument(
            "cannot parse Content-Type {} and no fallback_scrape_protocol for target",
            model::quote(contentType));
    }
    return base::invalidArgument(
        "received unsupported Content-Type {} and no fallback_scrape_protocol specified for target",
        model::quote(contentType));
}

std::string acceptHeader(const JobConfig& job)
{
    std::vector<std::string_view> names(job.scrapeProtocols.begin(), job.scrapeProtocols.end());
    if (names.empty()) {
        for (const Protocol& protocol : kProtocols) {
            // Native histograms come in protobuf only.
            if (protocol.format != PageFormat::Protobuf || job.scrapeNativeHistograms) {
                names.push_back(protocol.name);
            }
        }
    }
    std::string header;
    int weight = 6; // tenths; protocols are five at most
    for (const std::string_view name : names) {
        const Protocol* protocol = findProtocol(name);
        if (protocol == nullptr) {
            continue;
        }
        header += protocol->mediaType;
        if (protocol->namesEscaping) {
            header += fmt::format(";escaping={}", job.escapingScheme);
        }
        header += fmt::format(";q=0.{},", weight--);
    }
    return header + fmt::format("*/*;q=0.{}", weight);
}

} // namespace narthex::scrape
