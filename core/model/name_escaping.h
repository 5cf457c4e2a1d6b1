// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names beyond letters, digits and underscores, written with those alone: "my.name" is
// "U__my_2e_name". For places that take no others: paths, old clients. Threads: pure functions.
// Format: spec/pushgateway.md, 2.2; prometheus/proposals 0028-utf8.
#pragma once

#include <string>
#include <string_view>

namespace narthex::model {

/// What an escaped name stands for; the text itself if it is none, or a wrong one.
std::string unescapeName(std::string_view text);

} // namespace narthex::model
