// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/html_writer.h"

#include "core/gotemplate/html_escapers.h"

#include <algorithm>
#include <array>

namespace narthex::gotemplate {
namespace {

constexpr std::string_view kBlanks = " \t\n\f\r";

bool isBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool isLetter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool isWord(char c) { return isLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '$'; }

bool isUrlAttribute(std::string_view name)
{
    constexpr std::array<std::string_view, 14> kNames{
        "action", "archive",    "background", "cite",     "classid",  "codebase", "data",
        "href",   "formaction", "icon",       "longdesc", "manifest", "poster",   "profile"};
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || name == "usemap" ||
           name.find("src") != std::string_view::npos ||
           name.find("uri") != std::string_view::npos || name.find("url") != std::string_view::npos;
}

bool isRawElement(std::string_view tag)
{
    return tag == "script" || tag == "style" || tag == "textarea" || tag == "title";
}

bool startsWithoutCase(std::string_view text, std::string_view prefix)
{
    return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(),
                                                      [](char a, char b) { return a == lower(b); });
}

} // namespace

void HtmlWriter::text(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        if (state_ == State::Comment) {
            if (rest.starts_with("-->")) {
                state_ = State::Text;
                i += 2;
            }
            continue;
        }
        if (state_ == State::Text && rest.starts_with("<!--")) {
            state_ = State::Comment;
            i += 3;
            continue;
        }
        const char c = text[i];
        switch (state_) {
        case State::Text:
            inText(c, rest);
            break;
        case State::Element:
            inElement(c, rest);
            break;
        case State::AttributeValue:
            inValue(c);
            break;
        case State::BeforeValue:
            beforeValue(c);
            break;
        case State::AttributeName:
        case State::AfterName:
            inName(c);
            break;
        case State::Comment:
        case State::TagOpen:
        case State::TagName:
        case State::Tag:
            inTag(c);
            break;
        }
        out_ += c;
    }
}

void HtmlWriter::inText(char c, std::string_view rest)
{
    if (c == '<' && rest.size() > 1 && (isLetter(rest[1]) || rest[1] == '/')) {
        state_ = State::TagOpen;
        tag_.clear();
        closing_ = false;
    } else if (c == '<' && rest.size() == 1) {
        state_ = State::TagOpen; // a value may follow
        tag_.clear();
        closing_ = false;
    }
}

void HtmlWriter::inTag(char c)
{
    if (c == '>') {
        endTag();
    } else if (state_ == State::TagOpen && c == '/') {
        closing_ = true;
    } else if ((state_ == State::TagOpen || state_ == State::TagName) && !isBlank(c) && c != '/') {
        state_ = State::TagName;
        tag_ += lower(c);
    } else if (isBlank(c) || c == '/') {
        state_ = State::Tag;
    } else {
        state_ = State::AttributeName;
        attribute_ = lower(c);
    }
}

void HtmlWriter::inName(char c)
{
    if (c == '>') {
        endTag();
    } else if (c == '=') {
        state_ = State::BeforeValue;
    } else if (isBlank(c)) {
        state_ = State::AfterName;
    } else if (c == '/') {
        state_ = State::Tag;
    } else if (state_ == State::AfterName) {
        state_ = State::AttributeName;
        attribute_ = lower(c);
    } else {
        attribute_ += lower(c);
    }
}

void HtmlWriter::beginValue(char delimiter)
{
    state_ = State::AttributeValue;
    delimiter_ = delimiter;
    script_ = ScriptState::Code;
    style_ = StyleState::Code;
    escaped_ = false;
    lastOfCode_ = '\0';
    recent_.clear();
    urlBegun_ = false;
    urlInQuery_ = false;
}

void HtmlWriter::beforeValue(char c)
{
    if (isBlank(c)) {
        return;
    }
    if (c == '>') {
        endTag();
    } else if (c == '"' || c == '\'') {
        beginValue(c);
    } else {
        beginValue(' ');
        track(c);
    }
}

void HtmlWriter::inValue(char c)
{
    const bool ends = delimiter_ == ' ' ? isBlank(c) || c == '>' : c == delimiter_;
    if (!ends) {
        track(c);
    } else if (c == '>') {
        endTag();
    } else {
        state_ = State::Tag;
    }
}

void HtmlWriter::endTag()
{
    state_ = State::Text;
    if (!closing_ && isRawElement(tag_)) {
        beginValue(' ');
        state_ = State::Element;
        element_ = tag_;
    }
}

void HtmlWriter::inElement(char c, std::string_view rest)
{
    if (c == '<' && rest.size() > 2 && rest[1] == '/' &&
        startsWithoutCase(rest.substr(2), element_)) {
        state_ = State::TagOpen;
        tag_.clear();
        closing_ = false;
        return;
    }
    track(c);
}

HtmlWriter::Kind HtmlWriter::kindHere() const
{
    if (state_ == State::Element) {
        return element_ == "script"  ? Kind::Script
               : element_ == "style" ? Kind::Style
                                     : Kind::Plain;
    }
    std::string_view name = attribute_;
    if (name.starts_with("data-")) {
        name.remove_prefix(5);
    }
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
        if (name.substr(0, colon) == "xmlns") {
            return Kind::Url;
        }
        name.remove_prefix(colon + 1);
    }
    return name.starts_with("on") ? Kind::Script
           : name == "style"      ? Kind::Style
           : isUrlAttribute(name) ? Kind::Url
                                  : Kind::Plain;
}

/// A character of the author inside of a value or an element.
void HtmlWriter::track(char c)
{
    switch (kindHere()) {
    case Kind::Script:
        return script(c);
    case Kind::Style:
        return style(c);
    case Kind::Url:
        urlBegun_ = true;
        urlInQuery_ = urlInQuery_ || c == '?' || c == '#';
        return;
    case Kind::Plain:
        return;
    }
}

void HtmlWriter::script(char c)
{
    if (escaped_) {
        escaped_ = false;
        return;
    }
    const char before = recent_.empty() ? '\0' : recent_.back();
    recent_.assign(1, c);
    switch (script_) {
    case ScriptState::Code:
        if (c == '"' || c == '\'' || c == '`') {
            script_ = c == '"'    ? ScriptState::DoubleQuoted
                      : c == '\'' ? ScriptState::SingleQuoted
                                  : ScriptState::Template;
        } else if (before == '/' && (c == '/' || c == '*')) {
            script_ = c == '/' ? ScriptState::LineComment : ScriptState::BlockComment;
        } else if (before == '/' && lastOfCode_ == '/') {
            script_ = c == '/' ? ScriptState::Code : ScriptState::Regexp;
        }
        // A slash behind a value divides, elsewhere it opens an expression.
        if (c == '/' && before != '/') {
            lastOfCode_ = isWord(lastOfCode_) || lastOfCode_ == ')' || lastOfCode_ == ']' ||
                                  lastOfCode_ == '}'
                              ? '%'
                              : '/';
        } else if (!isBlank(c)) {
            lastOfCode_ = c;
        }
        return;
    case ScriptState::DoubleQuoted:
    case ScriptState::SingleQuoted:
    case ScriptState::Template:
    case ScriptState::Regexp: {
        const char end = script_ == ScriptState::DoubleQuoted   ? '"'
                         : script_ == ScriptState::SingleQuoted ? '\''
                         : script_ == ScriptState::Template     ? '`'
                                                                : '/';
        escaped_ = c == '\\';
        if (c == end) {
            script_ = ScriptState::Code;
            lastOfCode_ = ')';
            recent_.clear();
        }
        return;
    }
    case ScriptState::LineComment:
        script_ = c == '\n' ? ScriptState::Code : script_;
        return;
    case ScriptState::BlockComment:
        script_ = before == '*' && c == '/' ? ScriptState::Code : script_;
        return;
    }
}

void HtmlWriter::style(char c)
{
    if (escaped_) {
        escaped_ = false;
        return;
    }
    escaped_ = c == '\\';
    recent_ += lower(c);
    recent_.erase(0, recent_.size() > 8 ? recent_.size() - 8 : 0);
    switch (style_) {
    case StyleState::Code:
        if (c == '"' || c == '\'') {
            style_ = c == '"' ? StyleState::DoubleQuoted : StyleState::SingleQuoted;
        } else if (recent_.ends_with("url(")) {
            style_ = StyleState::Url;
            urlBegun_ = false;
            urlInQuery_ = false;
        } else if (recent_.ends_with("/*")) {
            style_ = StyleState::Comment;
        }
        return;
    case StyleState::DoubleQuoted:
    case StyleState::SingleQuoted:
        if (c == (style_ == StyleState::DoubleQuoted ? '"' : '\'')) {
            style_ = StyleState::Code;
        }
        return;
    case StyleState::Url:
        if (c == ')') {
            style_ = StyleState::Code;
        } else if (!isBlank(c) && c != '"' && c != '\'') {
            urlBegun_ = true;
            urlInQuery_ = urlInQuery_ || c == '?' || c == '#';
        }
        return;
    case StyleState::Comment:
        style_ = recent_.ends_with("*/") ? StyleState::Code : style_;
        return;
    }
}

std::string HtmlWriter::urlValue(const Value& value, bool startsHere)
{
    const std::string text = value.toText();
    urlBegun_ = true;
    if (urlInQuery_) {
        return encodeUrl(text, value.as<Url>() == nullptr);
    }
    const bool trusted = value.as<Url>() != nullptr || !startsHere;
    urlInQuery_ = text.find_first_of("?#") != std::string::npos;
    return encodeUrl(trusted ? text : safeUrl(text), false);
}

/// For the kind of content, before the attribute's own escaping.
std::string HtmlWriter::contentValue(const Value& value)
{
    const std::string text = value.toText();
    switch (kindHere()) {
    case Kind::Plain:
        return text;
    case Kind::Url:
        return urlValue(value, !urlBegun_);
    case Kind::Script:
        if (script_ == ScriptState::Code && lastOfCode_ == '/' && recent_ == "/") {
            script_ = ScriptState::Regexp;
        }
        recent_.assign(1, '0');
        lastOfCode_ = ')';
        switch (script_) {
        case ScriptState::Code:
            return scriptValue(value);
        case ScriptState::Regexp:
            return scriptRegexp(text);
        case ScriptState::LineComment:
        case ScriptState::BlockComment:
            return "";
        case ScriptState::DoubleQuoted:
        case ScriptState::SingleQuoted:
        case ScriptState::Template:
            return scriptString(text);
        }
        return "";
    case Kind::Style:
        recent_.clear();
        switch (style_) {
        case StyleState::Code:
            return styleValue(text);
        case StyleState::Url:
            return styleString(urlValue(value, !urlBegun_));
        case StyleState::Comment:
            return "";
        case StyleState::DoubleQuoted:
        case StyleState::SingleQuoted:
            return styleString(text);
        }
        return "";
    }
    return "";
}

void HtmlWriter::value(const Value& value)
{
    const auto* html = value.as<Html>();
    switch (state_) {
    case State::Comment:
        return;
    case State::Text:
        out_ += html != nullptr ? html->text : escapeText(value.toText());
        return;
    case State::Element: {
        const bool plain = kindHere() == Kind::Plain;
        out_ += plain ? escapeText(value.toText()) : contentValue(value);
        return;
    }
    case State::TagOpen:
    case State::TagName:
        state_ = State::TagName;
        tag_ += '?';
        out_ += safeName(value.toText());
        return;
    case State::Tag:
    case State::AttributeName:
    case State::AfterName: {
        const std::string name = safeName(value.toText());
        attribute_ = state_ == State::AttributeName ? attribute_ + name : name;
        state_ = State::AttributeName;
        out_ += name;
        return;
    }
    case State::BeforeValue:
        beginValue(' ');
        [[fallthrough]];
    case State::AttributeValue: {
        if (html != nullptr && kindHere() == Kind::Plain && delimiter_ != ' ') {
            out_ += htmlInAttribute(html->text);
            return;
        }
        const std::string content = contentValue(value);
        out_ += delimiter_ == ' ' ? escapeUnquoted(content) : escapeText(content);
        return;
    }
    }
}

} // namespace narthex::gotemplate
