// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A script with the values that were found in place of those it expected. What it expects of
// errors, warnings and infos stays. Threads: pure functions. Source: spec/promqltest.md, Reporting.
#pragma once

#include "core/promql/testscript/runner.h"

#include <string>
#include <string_view>

namespace narthex::promql::testscript {

/// `report` is of this script. The text is the same when nothing can be brought up to date.
std::string withFoundValues(std::string_view script, const Report& report);

} // namespace narthex::promql::testscript
