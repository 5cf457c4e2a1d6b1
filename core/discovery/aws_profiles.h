// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The shared files of Amazon's tools (~/.aws/config, ~/.aws/credentials): named profiles with
// settings. Threads: a value. Errors: none; a file that is not there has no profiles.
// Source: spec/discovery.md, section 7.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace narthex::discovery {

class AwsProfiles
{
public:
    using Settings = std::map<std::string, std::string>;

    /// The texts of both files; settings of the second go before those of the first.
    AwsProfiles(std::string_view configText, std::string_view credentialsText);

    /// Null when no file has it.
    [[nodiscard]] const Settings* find(const std::string& name) const;

private:
    void read(std::string_view text, bool isConfig);

    std::map<std::string, Settings> profiles_;
};

} // namespace narthex::discovery
