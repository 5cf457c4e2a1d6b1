// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Variables of the environment in values of external labels. Threads: nobody sets variables while
// this runs. Source: spec/config.md, Environment variables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narthex::config {

/// `$name` and `${name}` from the environment, `$$` is a dollar. Names that are empty or not set
/// are appended to `emptyNames`.
std::string expandEnvironment(std::string_view text, std::vector<std::string>& emptyNames);

} // namespace narthex::config
