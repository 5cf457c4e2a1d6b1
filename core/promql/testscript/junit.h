// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reports of scripts as the XML that build servers read: a suite for each file, a case for each
// evaluation. Threads: pure functions. Format: JUnit's testsuites.
#pragma once

#include "core/promql/testscript/runner.h"

#include <span>
#include <string>
#include <string_view>

namespace narthex::promql::testscript {

struct FileReport
{
    std::string file;
    Report report;
};

/// For text and attributes; what XML cannot hold becomes a question mark.
std::string escapedXml(std::string_view text);

std::string junitXml(std::span<const FileReport> files);

} // namespace narthex::promql::testscript
