// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// QScintilla without what a one-line field does not need: no margins, no scroll bars, no lexer of
// its own. Owner: QueryEditor. Threads: GUI thread. Units: bytes, logical pixels.
#pragma once

#include <QRect>
// QScintilla's headers use Qt's keywords, which this project switches off.
#define signals Q_SIGNALS
#define slots Q_SLOTS
#include <Qsci/qsciscintilla.h>
#undef signals
#undef slots

#include <cstdint>
#include <string>

namespace narthex::ui::editors {

class CodeView final : public QsciScintilla
{
    Q_OBJECT

public:
    explicit CodeView(QWidget* parent);

    [[nodiscard]] std::string utf8() const;
    [[nodiscard]] std::uint32_t cursorByte() const;
    void setCursorByte(std::uint32_t at);
    void replaceBytes(std::uint32_t begin, std::uint32_t end, const std::string& text);
    /// Lines as shown, wrapped ones counted.
    [[nodiscard]] int shownLines() const;
    /// Where the character at `byte` stands, in viewport coordinates.
    [[nodiscard]] QPoint pointOf(std::uint32_t byte) const;
    void setLineHeight(int pixels);
};

} // namespace narthex::ui::editors
