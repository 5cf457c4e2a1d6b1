// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "query_features.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <cstdio>

namespace narthex::ctl {

promql::Features queryFeatures(const std::vector<std::string>& lists)
{
    promql::Features features;
    for (const std::string& list : lists) {
        const std::vector<std::string> names = absl::StrSplit(list, ',', absl::SkipEmpty());
        for (const std::string& name : names) {
            // Always on, for who comes from promtool.
            if (name != "promql-duration-expr" && !promql::enableFeature(features, name)) {
                fmt::print(stderr, "unknown name in --enable-feature is ignored: {}\n", name);
            }
        }
    }
    return features;
}

} // namespace narthex::ctl
