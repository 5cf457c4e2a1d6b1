// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rule files of Prometheus 1.x as files of today, statement by statement, with what was changed and
// what has to be looked at. Nothing is written. Owner: values. Threads: pure functions. Errors:
// InvalidArgument `<file>:<line>:<column>: …` when the file does not read as statements.
// Source: spec/rules.md, 14.
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace narthex::rules::v1 {

enum class NoteKind : std::uint8_t
{
    Information,
    /// To be looked at.
    Warning,
    /// The rule is only a comment in the result.
    Error
};

struct ImportNote
{
    NoteKind kind = NoteKind::Information;
    /// Line of the rule in the old file; 0: the file.
    std::uint32_t line = 0;
    std::string rule;
    std::string text;
};

/// One statement, for a view side by side.
struct ImportedRule
{
    std::uint32_t line = 0;
    std::string name;
    std::string before;
    /// Lines of the new file; comments alone where it could not be converted.
    std::string after;
    bool isConverted = false;
};

struct ImportOptions
{
    /// Windows of up to two of these are reported: they may hold one sample less since 3.0.
    base::Duration scrapeInterval = base::Duration::fromMs(60'000);
};

struct ImportResult
{
    std::string yaml;
    std::vector<ImportedRule> rules;
    std::vector<ImportNote> notes;
    [[nodiscard]] bool hasErrors() const;
};

/// `file` gives the group its name: without folder and extension.
absl::StatusOr<ImportResult> importRules(const std::string& file, std::string_view text,
                                         const ImportOptions& options);

/// `<file>:<line>: "<rule>": <text>`
std::string noteText(const std::string& file, const ImportNote& note);

} // namespace narthex::rules::v1
