// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reports of scripts as the XML that build servers read: a suite for each file, a case for each
// evaluation. Threads: pure functions. Format: JUnit's testsuites.
#pragma once

#include "core/promql/testscript/runner.h"

#include <span>
#include <string>

namespace narthex::promql::testscript {

struct FileReport
{
    std::string file;
    Report report;
};

std::string junitXml(std::span<const FileReport> files);

} // namespace narthex::promql::testscript
