// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/html_escapers.h"

#include "core/base/text.h"
#include "core/gotemplate/builtins.h"
#include "core/gotemplate/value_json.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::gotemplate {
namespace {

bool isAlphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool isHexDigit(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

bool isAnyOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

} // namespace

std::string escapeText(std::string_view text)
{
    std::string out = escapeHtml(text);
    for (std::size_t plus = out.find('+'); plus != std::string::npos; plus = out.find('+', plus)) {
        out.replace(plus, 1, "&#43;");
    }
    return out;
}

std::string escapeUnquoted(std::string_view text)
{
    if (text.empty()) {
        return std::string(kUnsafe);
    }
    std::string out;
    for (const char c : text) {
        if (isAnyOf(c, "\t\n\v\f\r \"&'+<=>`")) {
            out += fmt::format("&#{};", static_cast<int>(c));
        } else if (c == '\0') {
            out += "&#xfffd;";
        } else {
            out += c;
        }
    }
    return out;
}

std::string htmlInAttribute(std::string_view html)
{
    std::string out;
    bool inTag = false;
    for (const char c : html) {
        if (inTag) {
            inTag = c != '>';
        } else if (c == '<') {
            inTag = true;
        } else if (c == '"' || c == '\'') {
            out += c == '"' ? "&#34;" : "&#39;";
        } else if (c == '>') {
            out += "&gt;";
        } else {
            out += c;
        }
    }
    return out;
}

std::string safeName(std::string_view text)
{
    const std::string name = base::lowered(text);
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), isAlphanumeric);
    const bool meaning = name.starts_with("on") || name == "style" || name == "href" ||
                         name == "src" || name == "srcset" || name == "action" ||
                         name.find("src") != std::string::npos ||
                         name.find("ur") != std::string::npos;
    return plain && !meaning ? name : std::string(kUnsafe);
}

std::string safeUrl(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos ||
        text.substr(0, colon).find_first_of("/?#") != std::string_view::npos) {
        return std::string(text);
    }
    const std::string scheme = base::lowered(text.substr(0, colon));
    return scheme == "http" || scheme == "https" || scheme == "mailto" ? std::string(text)
                                                                       : "#" + std::string(kUnsafe);
}

std::string encodeUrl(std::string_view text, bool component)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool kept = !component && isAnyOf(c, "!#$&*+,/:;=?@[]");
        const bool escape = !component && c == '%' && i + 2 < text.size() &&
                            isHexDigit(text[i + 1]) && isHexDigit(text[i + 2]);
        if (isAlphanumeric(c) || isAnyOf(c, "-._~") || kept || escape) {
            out += c;
        } else {
            out += fmt::format("%{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

std::string scriptValue(const Value& value)
{
    const std::string json = toJson(value);
    const bool grows = !json.empty() && (isAlphanumeric(json.front()) || json.front() == '-');
    return grows ? " " + json + " " : json;
}

std::string scriptString(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || isAnyOf(c, "\"&'+<>`\\/${}=")) {
            out += c == '\\' || c == '/' ? fmt::format("\\{}", c)
                   : c == '\n'           ? "\\n"
                   : c == '\t'           ? "\\t"
                   : c == '\r'           ? "\\r"
                                         : fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
        } else if (text.substr(i).starts_with("\u2028") || text.substr(i).starts_with("\u2029")) {
            out += text.substr(i).starts_with("\u2028") ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            out += c;
        }
    }
    return out;
}

std::string scriptRegexp(std::string_view text)
{
    if (text.empty()) {
        return "(?:)";
    }
    std::string out;
    for (const char c : text) {
        if (isAnyOf(c, "$()*-.?[]^{|}")) {
            out += '\\';
            out += c;
        } else {
            out += scriptString(std::string_view(&c, 1));
        }
    }
    return out;
}

std::string styleValue(std::string_view text)
{
    std::string letters;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool dashes = c == '-' && i > 0 && text[i - 1] == '-';
        if (isAnyOf(c, "\"'()/;@[\\]`{}<>") || c == '\0' || dashes) {
            return std::string(kUnsafe);
        }
        if (isAlphanumeric(c)) {
            letters += c;
        }
    }
    letters = base::lowered(letters);
    const bool runs = letters.find("expression") != std::string::npos ||
                      letters.find("mozbinding") != std::string::npos;
    return runs ? std::string(kUnsafe) : std::string(text);
}

std::string styleString(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || isAnyOf(c, "\"&'()+/:;<>\\{}")) {
            out += fmt::format("\\{:x} ", static_cast<unsigned>(byte));
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace narthex::gotemplate
