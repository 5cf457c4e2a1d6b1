// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The encodings of mails. Threads: pure functions. Source: RFC 2045, 6.7; RFC 2047.
#pragma once

#include <string>
#include <string_view>

namespace narthex::alertmanager {

/// A header's value: as it is when it is printable ASCII, else in encoded words of UTF-8.
std::string encodeHeader(std::string_view value);
/// Quoted-printable with lines of at most 76 characters, ends of lines as CRLF.
std::string quotedPrintable(std::string_view text);

} // namespace narthex::alertmanager
