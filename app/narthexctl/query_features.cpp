// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "query_features.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <cstdio>

namespace narthex::ctl {
namespace {

constexpr std::string_view kOption = "--enable-feature";

void enableAll(promql::Features& features, std::string_view list)
{
    const std::vector<std::string> names =
        absl::StrSplit(std::string(list), ',', absl::SkipEmpty());
    for (const std::string& name : names) {
        // Always on, for who comes from promtool.
        if (name != "promql-duration-expr" && !promql::enableFeature(features, name)) {
            fmt::print(stderr, "unknown name in --enable-feature is ignored: {}\n", name);
        }
    }
}

} // namespace

void addFeatureOption(CLI::App& command)
{
    command
        .add_option_function<std::vector<std::string>>(
            std::string(kOption), [](const std::vector<std::string>&) {},
            "Comma list of switches of the query language")
        ->allow_extra_args(false);
}

promql::Features queryFeatures(const CLI::App& command)
{
    promql::Features features;
    for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
        const CLI::Option* option = app->get_option_no_throw(std::string(kOption));
        const std::vector<std::string> lists =
            option == nullptr ? std::vector<std::string>() : option->results();
        for (const std::string& list : lists) {
            enableAll(features, list);
        }
    }
    return features;
}

} // namespace narthex::ctl
