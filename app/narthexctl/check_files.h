// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `check config` looks at beyond the text of a configuration: files of credentials and of
// target groups, and the targets that groups make. Threads: main. Errors: InvalidArgument naming
// the file and the job. Source: spec/http-api.md, 16.
#pragma once

#include "core/config/config.h"

namespace narthex::ctl {

/// The files of rule_files that are there. A pattern without a star has to match.
absl::StatusOr<std::vector<std::string>> ruleFilesOf(const config::Config& config);

/// Target groups in the text (always) and in files, credentials (unless `syntaxOnly`). Prints a
/// warning for each pattern of file_sd_configs that matches nothing.
absl::Status checkReferences(const config::Config& config, bool syntaxOnly);

/// Sections that a server without a store cannot have.
absl::Status checkAgentMode(const config::Config& config);

} // namespace narthex::ctl
