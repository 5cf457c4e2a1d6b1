// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The built-in templates, under the names that configurations refer to. Threads: constants.
// Source: spec/alertmanager.md, 9.3; spec/acknowledge.md, 4.3 and 4.5.
#pragma once

#include <string_view>

namespace narthex::alertmanager {

extern const std::string_view kDefaultTemplates;
/// `email.default.html`: reads well in light and dark mail programs, with and without style sheets.
extern const std::string_view kDefaultMailTemplate;

} // namespace narthex::alertmanager
