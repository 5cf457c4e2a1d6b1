// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/aws_profiles.h"

#include "core/base/text.h"

#include <absl/strings/ascii.h>

#include <algorithm>

namespace narthex::discovery {
namespace {

std::string trimmed(std::string_view text)
{
    std::string result(text);
    absl::StripAsciiWhitespace(&result);
    return result;
}

/// The profile that a heading begins; empty: something else ("sso-session x", "services y").
std::string profileOf(std::string_view heading, bool isConfig)
{
    std::string name = trimmed(heading.substr(0, heading.find(']')));
    constexpr std::string_view kPrefix = "profile ";
    if (name.starts_with(kPrefix)) {
        return trimmed(name.substr(kPrefix.size()));
    }
    return isConfig && name != "default" ? std::string() : name;
}

} // namespace

AwsProfiles::AwsProfiles(std::string_view configText, std::string_view credentialsText)
{
    read(configText, true);
    read(credentialsText, false);
}

void AwsProfiles::read(std::string_view text, bool isConfig)
{
    std::string profile;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::string content = trimmed(line);
        if (content.empty() || content[0] == '#' || content[0] == ';') {
            continue;
        }
        if (content[0] == '[') {
            profile = profileOf(std::string_view(content).substr(1), isConfig);
            continue;
        }
        const std::size_t equal = content.find('=');
        const bool nested = line[0] == ' ' || line[0] == '\t'; // settings of one service
        if (profile.empty() || nested || equal == std::string::npos) {
            continue;
        }
        std::string value = content.substr(equal + 1);
        value = trimmed(value.substr(0, std::min(value.find(" #"), value.find(" ;"))));
        profiles_[profile][base::lowered(trimmed(content.substr(0, equal)))] = std::move(value);
    }
}

const AwsProfiles::Settings* AwsProfiles::find(const std::string& name) const
{
    const auto found = profiles_.find(name);
    return found == profiles_.end() ? nullptr : &found->second;
}

} // namespace narthex::discovery
