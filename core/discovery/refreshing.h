// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What mechanisms that ask an API again and again have in common: the provider around a refresher,
// and careful reading of lists that come in pages. Threads: pure functions.
// Errors: Unavailable (an answer of another shape), ResourceExhausted (pages without end).
#pragma once

#include "core/discovery/json.h"
#include "core/discovery/provider.h"

#include <vector>

namespace narthex::discovery {

/// The provider of a configuration with a `refreshInterval`; R is made from the environment and it.
template <typename R, typename Config>
Provider refreshing(const ProviderEnvironment& environment, const Config& config)
{
    return Refreshing{.refresher = std::make_unique<R>(environment, config),
                      .interval = config.refreshInterval};
}

/// The list below `name`. Null or missing is an empty one; anything else is no answer of that API.
absl::StatusOr<std::vector<Json>> listIn(const Json& answer, std::string_view name);
/// The answer as a list; null is an empty one.
absl::StatusOr<std::vector<Json>> listIn(const Json& answer);

/// A server that always names one more page must not keep a refresh going for ever: 10,000 pages of
/// 100 are more than any account holds.
class PageCount
{
public:
    static constexpr int kLimit = 10'000;
    /// To be called before each page.
    absl::Status next();

private:
    int pages_ = 0;
};

/// A secret from its value or, if a file is named, from that, read now, without blanks around it.
/// Errors: of the file.
absl::StatusOr<std::string> secretOf(const base::Secret& value, const std::string& file,
                                     std::string_view what);

/// ASCII letters as small ones.
std::string lowerCase(std::string_view text);

/// `application/json`, with nothing but a charset of UTF-8 after it.
bool isJsonType(std::string_view contentType);

/// One group of that source.
inline TargetGroups oneGroup(std::string source, std::vector<model::Labels> entries)
{
    TargetGroups groups;
    groups.push_back({.source = std::move(source), .entries = std::move(entries)});
    return groups;
}

} // namespace narthex::discovery
