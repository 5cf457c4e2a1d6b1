// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/code_view.h"

namespace narthex::ui::editors {

CodeView::CodeView(QWidget* parent) : QsciScintilla(parent)
{
    setUtf8(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setWrapMode(QsciScintilla::WrapWord);
    setBraceMatching(QsciScintilla::SloppyBraceMatch);
    setCaretWidth(2);
    setTabIndents(false);
    setEolMode(QsciScintilla::EolUnix);
    for (int margin = 0; margin < 5; ++margin) {
        setMarginWidth(margin, 0);
    }
    SendScintilla(SCI_SETMARGINLEFT, 0UL, 0L);
    // Completion, history and running are the field's own; Tab must leave it when nothing is
    // offered.
    SendScintilla(SCI_CLEARCMDKEY, static_cast<unsigned long>(SCK_TAB));
    for (const int key : {int(SCK_UP), int(SCK_DOWN), int(SCK_RETURN)}) {
        SendScintilla(SCI_CLEARCMDKEY, static_cast<unsigned long>(key + (SCMOD_CTRL << 16)));
    }
}

std::string CodeView::utf8() const { return text().toStdString(); }

std::uint32_t CodeView::cursorByte() const
{
    return std::uint32_t(SendScintilla(SCI_GETCURRENTPOS));
}

void CodeView::setCursorByte(std::uint32_t at)
{
    SendScintilla(SCI_GOTOPOS, static_cast<unsigned long>(at));
}

void CodeView::replaceBytes(std::uint32_t begin, std::uint32_t end, const std::string& text)
{
    SendScintilla(SCI_SETTARGETSTART, static_cast<unsigned long>(begin));
    SendScintilla(SCI_SETTARGETEND, static_cast<unsigned long>(end));
    SendScintilla(SCI_REPLACETARGET, static_cast<unsigned long>(text.size()), text.c_str());
    setCursorByte(begin + std::uint32_t(text.size()));
}

int CodeView::shownLines() const
{
    long total = 0;
    const long count = SendScintilla(SCI_GETLINECOUNT);
    for (long line = 0; line < count; ++line) {
        total += SendScintilla(SCI_WRAPCOUNT, static_cast<unsigned long>(line));
    }
    return int(std::max(1L, total));
}

QPoint CodeView::pointOf(std::uint32_t byte) const
{
    return {int(SendScintilla(SCI_POINTXFROMPOSITION, 0UL, static_cast<long>(byte))),
            int(SendScintilla(SCI_POINTYFROMPOSITION, 0UL, static_cast<long>(byte)))};
}

void CodeView::setLineHeight(int pixels)
{
    SendScintilla(SCI_SETEXTRAASCENT, 0UL);
    SendScintilla(SCI_SETEXTRADESCENT, 0UL);
    const int rest = pixels - int(SendScintilla(SCI_TEXTHEIGHT, 0UL));
    if (rest > 0) {
        SendScintilla(SCI_SETEXTRAASCENT, static_cast<unsigned long>(rest / 2));
        SendScintilla(SCI_SETEXTRADESCENT, static_cast<unsigned long>(rest - rest / 2));
    }
}

} // namespace narthex::ui::editors
