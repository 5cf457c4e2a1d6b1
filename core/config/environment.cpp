// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/config/environment.h"

#include <cstdlib>

namespace narthex::config {
namespace {

bool isNameChar(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/// Names of one character: positional and special ones of a shell.
bool isSpecial(char c)
{
    return (c >= '0' && c <= '9') || std::string_view("*#$@!?-").find(c) != std::string_view::npos;
}

/// A name after a dollar: its text and how many characters it takes, 0 when there is none.
struct Reference
{
    std::string_view name;
    std::size_t length = 0;
};

Reference referenceAt(std::string_view text)
{
    if (text.empty()) {
        return {};
    }
    if (text[0] == '{') {
        if (text.size() > 2 && isSpecial(text[1]) && text[2] == '}') {
            return {.name = text.substr(1, 1), .length = 3};
        }
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (text[i] == '}') {
                // "${}" vanishes whole.
                return i == 1 ? Reference{.length = 2}
                              : Reference{.name = text.substr(1, i - 1), .length = i + 1};
            }
        }
        return {.length = 1}; // an open brace without an end vanishes with its dollar
    }
    if (isSpecial(text[0])) {
        return {.name = text.substr(0, 1), .length = 1};
    }
    std::size_t end = 0;
    while (end < text.size() && isNameChar(text[end], end == 0)) {
        ++end;
    }
    return {.name = text.substr(0, end), .length = end};
}

} // namespace

std::string expandEnvironment(std::string_view text, std::vector<std::string>& emptyNames)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$') {
            out += text[i];
            continue;
        }
        const Reference reference = referenceAt(text.substr(i + 1));
        if (reference.length == 0) {
            out += '$';
            continue;
        }
        i += reference.length;
        if (reference.name == "$") {
            out += '$';
            continue;
        }
        if (reference.name.empty()) {
            continue;
        }
        const std::string name(reference.name);
        const char* value =
            std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): nobody sets variables here
        if (value == nullptr || *value == '\0') {
            emptyNames.push_back(name);
        } else {
            out += value;
        }
    }
    return out;
}

} // namespace narthex::config
