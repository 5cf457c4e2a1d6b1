// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes HTML whose fixed text a template's author wrote and whose values anybody may have sent:
// follows the fixed text to know where a value stands (text, tag, attribute, URL, script, style)
// and escapes it for that place. Comments of the author are left out.
// Owner: one execution. Threads: one. Source: spec/rules.md, 10.14; alertmanager.md, 9.2; the
// documentation of Go's html/template.
#pragma once

#include "core/gotemplate/value.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::gotemplate {

/// Where in a script, or in an attribute that is one.
enum class ScriptState : std::uint8_t
{
    Code,
    DoubleQuoted,
    SingleQuoted,
    Template,
    Regexp,
    LineComment,
    BlockComment
};

enum class StyleState : std::uint8_t
{
    Code,
    DoubleQuoted,
    SingleQuoted,
    /// Inside of `url(`.
    Url,
    Comment
};

class HtmlWriter
{
public:
    /// Appends to `out`, which outlives the writer.
    explicit HtmlWriter(std::string& out) : out_(out) {}

    /// Of the author.
    void text(std::string_view text);
    void value(const Value& value);

private:
    enum class State : std::uint8_t
    {
        Text,
        Comment,
        /// Behind "<".
        TagOpen,
        TagName,
        /// Between attributes.
        Tag,
        AttributeName,
        AfterName,
        BeforeValue,
        AttributeValue,
        /// Inside of script, style, textarea or title.
        Element
    };
    enum class Kind : std::uint8_t
    {
        Plain,
        Url,
        Script,
        Style
    };

    void inText(char c, std::string_view rest);
    void inTag(char c);
    void inName(char c);
    void beforeValue(char c);
    void inValue(char c);
    void inElement(char c, std::string_view rest);
    void beginValue(char delimiter);
    void endTag();
    void script(char c);
    void style(char c);
    void track(char c);
    [[nodiscard]] Kind kindHere() const;
    [[nodiscard]] std::string contentValue(const Value& value);
    [[nodiscard]] std::string urlValue(const Value& value, bool startsHere);

    std::string& out_;
    State state_ = State::Text;
    std::string tag_;
    bool closing_ = false;
    std::string attribute_;
    char delimiter_ = ' ';
    std::string element_;
    // Of the attribute's value or of the element.
    ScriptState script_ = ScriptState::Code;
    StyleState style_ = StyleState::Code;
    bool escaped_ = false;
    /// The last character that counts for what follows.
    char lastOfCode_ = '\0';
    std::string recent_;
    bool urlBegun_ = false;
    bool urlInQuery_ = false;
};

} // namespace narthex::gotemplate
