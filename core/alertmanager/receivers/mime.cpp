// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/mime.h"

#include "core/base/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::alertmanager {
namespace {

constexpr std::string_view kOpenWord = "=?utf-8?q?";
constexpr std::string_view kCloseWord = "?=";
constexpr std::size_t kLongestWord = 75;
constexpr std::size_t kLongestLine = 76;

bool isPrintable(char c) { return (c >= ' ' && c <= '~') || c == '\t'; }

std::string hexOf(char c)
{
    return fmt::format("={:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

/// One character in the Q encoding.
std::string encodedRune(std::string_view rune)
{
    if (rune == " ") {
        return "_";
    }
    const char c = rune[0];
    if (rune.size() == 1 && c >= '!' && c <= '~' && c != '=' && c != '?' && c != '_') {
        return std::string(rune);
    }
    std::string out;
    for (const char each : rune) {
        out += hexOf(each);
    }
    return out;
}

} // namespace

std::string encodeHeader(std::string_view value)
{
    if (std::all_of(value.begin(), value.end(), isPrintable)) {
        return std::string(value);
    }
    std::string out(kOpenWord);
    std::size_t length = kOpenWord.size() + kCloseWord.size();
    while (!value.empty()) {
        const std::size_t size = base::firstRune(value).length;
        const std::string encoded = encodedRune(value.substr(0, size));
        value.remove_prefix(size);
        if (length + encoded.size() > kLongestWord) {
            out += kCloseWord;
            out += "\r\n ";
            out += kOpenWord;
            length = kOpenWord.size() + kCloseWord.size();
        }
        out += encoded;
        length += encoded.size();
    }
    return out += kCloseWord;
}

std::string quotedPrintable(std::string_view text)
{
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n')) {
            i += c == '\r' ? 1U : 0U;
            out += "\r\n";
            column = 0;
            continue;
        }
        const char after = i + 1 < text.size() ? text[i + 1] : '\n';
        const bool blankAtEnd = (c == ' ' || c == '\t') && (after == '\n' || after == '\r');
        const std::string encoded =
            isPrintable(c) && c != '=' && !blankAtEnd ? std::string(1, c) : hexOf(c);
        if (column + encoded.size() > kLongestLine - 1) {
            out += "=\r\n";
            column = 0;
        }
        out += encoded;
        column += encoded.size();
    }
    return out;
}

} // namespace narthex::alertmanager
