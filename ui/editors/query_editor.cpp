// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/query_editor.h"

#include "core/promql/editor.h"
#include "ui/editors/code_view.h"
#include "ui/editors/completion_controller.h"

#include <QKeyEvent>
#include <QLabel>
#include <QPainter>
#include <QVBoxLayout>

namespace narthex::ui::editors {
namespace {

using promql::TokenClass;
using theme::Role;

constexpr int kLineHeight = 20;
constexpr int kMaxLines = 12;
constexpr int kSideMargin = 9;
constexpr int kVerticalPadding = 6;
constexpr int kErrorIndicator = 8;
/// Scintilla's colours are 0xBBGGRR.
long scintillaColour(const QColor& colour)
{
    return colour.red() | (colour.green() << 8) | (colour.blue() << 16);
}

/// "Syntax colours, all taken from the palette" (mockups/README.md).
Role roleOf(TokenClass kind)
{
    switch (kind) {
    case TokenClass::Function:
    case TokenClass::Aggregation:
    case TokenClass::SetOperator:
        return Role::Accent;
    case TokenClass::Modifier:
    case TokenClass::ContextWord:
        return Role::Muted;
    case TokenClass::LabelName:
        return Role::Production;
    case TokenClass::String:
        return Role::Ok;
    case TokenClass::Number:
    case TokenClass::Duration:
        return Role::Warning;
    case TokenClass::Operator:
    case TokenClass::Bracket:
    case TokenClass::Punctuation:
        return Role::Text2;
    case TokenClass::Comment:
        return Role::Text3;
    case TokenClass::Error:
        return Role::Critical;
    case TokenClass::MetricName:
        return Role::Text;
    }
    return Role::Text;
}

constexpr int kStyleCount = int(TokenClass::Error) + 2;
/// Style 0 is plain text; a token class has its number plus one.
int styleOf(TokenClass kind) { return int(kind) + 1; }

} // namespace

QueryEditor::QueryEditor(const theme::Theme& theme, backend::Backend& backend,
                         backend::MetricCatalog& catalog, const QString& name, QWidget* parent)
    : QFrame(parent), theme_(theme)
{
    setupView(name);
    status_ = new QLabel(this);
    status_->setFont(theme.font(theme::TextSize::Axis));
    status_->setProperty("tone", QStringLiteral("3"));
    status_->setAttribute(Qt::WA_TransparentForMouseEvents);
    completion_ = std::make_unique<CompletionController>(theme, backend, catalog, *view_);
    applyColours();
    updateHeight();
}

QueryEditor::~QueryEditor() { view_->removeEventFilter(this); }

void QueryEditor::setupView(const QString& name)
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kSideMargin, kVerticalPadding, kSideMargin, kVerticalPadding);
    view_ = new CodeView(this);
    view_->setObjectName(name);
    view_->setAccessibleName(tr("Query"));
    view_->setAccessibleDescription(tr("PromQL; Ctrl+Enter runs it"));
    view_->installEventFilter(this);
    layout->addWidget(view_);
    setFocusProxy(view_);
    // Lines are wrapped while they are painted: only then is it known how many there are.
    connect(
        view_, &QsciScintillaBase::SCN_PAINTED, this,
        [this] {
            if (view_->shownLines() != shownLines_) {
                updateHeight();
            }
        },
        Qt::QueuedConnection);
    connect(view_, &QsciScintilla::textChanged, this, [this] {
        recolour();
        updateHeight();
        if (!setting_) {
            historyAt_ = -1;
            setError({});
            Q_EMIT textEdited();
            completion_->textTyped();
        }
    });
    connect(view_, &QsciScintilla::cursorPositionChanged, this,
            [this] { completion_->cursorMoved(); });
}

void QueryEditor::applyColours()
{
    const QColor surface = theme_.colour(Role::Surface);
    const QFont font = theme_.codeFont();
    const QByteArray family = font.family().toUtf8();
    const auto set = [&](int style, Role role) {
        const auto number = static_cast<unsigned long>(style);
        view_->SendScintilla(QsciScintillaBase::SCI_STYLESETFONT, number, family.constData());
        view_->SendScintilla(QsciScintillaBase::SCI_STYLESETSIZEFRACTIONAL, number,
                             std::lround(font.pointSizeF() * 100));
        view_->SendScintilla(QsciScintillaBase::SCI_STYLESETFORE, number,
                             scintillaColour(theme_.colour(role)));
        view_->SendScintilla(QsciScintillaBase::SCI_STYLESETBACK, number, scintillaColour(surface));
    };
    set(QsciScintillaBase::STYLE_DEFAULT, Role::Text);
    view_->SendScintilla(QsciScintillaBase::SCI_STYLECLEARALL);
    set(0, Role::Text);
    for (int kind = 0; kind + 1 < kStyleCount; ++kind) {
        set(styleOf(TokenClass(kind)), roleOf(TokenClass(kind)));
    }
    view_->SendScintilla(QsciScintillaBase::SCI_STYLESETITALIC,
                         static_cast<unsigned long>(styleOf(TokenClass::Comment)), 1L);
    view_->setPaper(surface);
    view_->setCaretForegroundColor(theme_.colour(Role::Text));
    view_->setSelectionBackgroundColor(theme_.colour(Role::Selection));
    view_->SendScintilla(QsciScintillaBase::SCI_SETSELFORE, 0UL, 0L);
    view_->setMatchedBraceBackgroundColor(theme_.colour(Role::Selection));
    view_->setMatchedBraceForegroundColor(theme_.colour(Role::Text));
    view_->setUnmatchedBraceBackgroundColor(theme_.colour(Role::CriticalBack));
    view_->setUnmatchedBraceForegroundColor(theme_.colour(Role::Critical));
    view_->indicatorDefine(QsciScintilla::SquiggleIndicator, kErrorIndicator);
    view_->setIndicatorForegroundColor(theme_.colour(Role::Critical), kErrorIndicator);
    view_->setLineHeight(kLineHeight);
    recolour();
}

void QueryEditor::recolour()
{
    const std::string text = view_->utf8();
    const auto paint = [this](std::size_t length, int style) {
        view_->SendScintilla(QsciScintillaBase::SCI_SETSTYLING, static_cast<unsigned long>(length),
                             static_cast<long>(style));
    };
    view_->SendScintilla(QsciScintillaBase::SCI_STARTSTYLING, 0UL, 0L);
    std::size_t at = 0;
    for (const promql::ColouredSpan& span : promql::highlight(text)) {
        if (span.begin < at || span.end > text.size()) {
            continue;
        }
        paint(span.begin - at, 0);
        paint(span.end - span.begin, styleOf(span.kind));
        at = span.end;
    }
    paint(text.size() - at, 0);
}

QString QueryEditor::text() const { return view_->text(); }

void QueryEditor::setText(const QString& text)
{
    if (text == view_->text()) {
        return;
    }
    setting_ = true;
    // One undo step instead of a new document: what was typed can be brought back.
    view_->selectAll();
    view_->replaceSelectedText(text);
    view_->setCursorByte(std::uint32_t(text.toUtf8().size()));
    setting_ = false;
    setError({});
    completion_->close();
}

void QueryEditor::setError(const std::optional<base::Position>& position)
{
    const auto length = static_cast<unsigned long>(view_->length());
    view_->SendScintilla(QsciScintillaBase::SCI_SETINDICATORCURRENT,
                         static_cast<unsigned long>(kErrorIndicator));
    view_->SendScintilla(QsciScintillaBase::SCI_INDICATORCLEARRANGE, 0UL,
                         static_cast<long>(length));
    if (!position || length == 0) {
        return;
    }
    unsigned long begin = position->begin.value_or(0);
    unsigned long end = position->end.value_or(std::uint32_t(length));
    // An error at the very end has nothing to stand under: take the last character.
    end = std::min(std::max(end, begin + 1), length);
    begin = std::min(begin, end - 1);
    view_->SendScintilla(QsciScintillaBase::SCI_INDICATORFILLRANGE, begin,
                         static_cast<long>(end - begin));
}

void QueryEditor::setStatusText(const QString& text)
{
    status_->setText(text);
    placeStatus();
}

void QueryEditor::setHistory(QStringList history) { history_ = std::move(history); }

void QueryEditor::focusText() { view_->setFocus(Qt::ShortcutFocusReason); }

void QueryEditor::updateHeight()
{
    shownLines_ = view_->shownLines();
    const int lines = std::min(shownLines_, kMaxLines);
    setFixedHeight(lines * kLineHeight + 2 * kVerticalPadding);
    view_->setVerticalScrollBarPolicy(view_->shownLines() > kMaxLines ? Qt::ScrollBarAsNeeded
                                                                      : Qt::ScrollBarAlwaysOff);
    placeStatus();
}

void QueryEditor::placeStatus()
{
    status_->adjustSize();
    // The text never runs under the status; a narrow editor has room for the text alone.
    status_->setVisible(!status_->text().isEmpty() && status_->width() < width() / 3);
    const int room = status_->isVisibleTo(this) ? status_->width() + kSideMargin : 0;
    layout()->setContentsMargins(kSideMargin, kVerticalPadding, kSideMargin + room,
                                 kVerticalPadding);
    status_->move(width() - status_->width() - 12, height() - status_->height() - 9);
    status_->raise();
}

void QueryEditor::resizeEvent(QResizeEvent* event)
{
    QFrame::resizeEvent(event);
    updateHeight();
}

void QueryEditor::changeEvent(QEvent* event)
{
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange && completion_ != nullptr) {
        applyColours();
    }
}

void QueryEditor::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool focused = view_->hasFocus();
    const double inset = focused ? 1 : 0.5;
    painter.setPen(
        QPen(theme_.colour(focused ? Role::Accent : Role::ControlBorder), focused ? 2 : 1));
    painter.setBrush(theme_.colour(Role::Surface));
    painter.drawRoundedRect(QRectF(rect()).adjusted(inset, inset, -inset, -inset),
                            theme::metrics::kRadius, theme::metrics::kRadius);
}

bool QueryEditor::eventFilter(QObject* watched, QEvent* event)
{
    if (watched == view_) {
        switch (event->type()) {
        case QEvent::ShortcutOverride: {
            // Ctrl+Enter and friends belong to the field while it has the focus.
            auto* key = static_cast<QKeyEvent*>(event);
            if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter ||
                (key->key() == Qt::Key_Escape && completion_->visible())) {
                event->accept();
                return true;
            }
            break;
        }
        case QEvent::KeyPress:
            if (handleKey(*static_cast<QKeyEvent*>(event))) {
                return true;
            }
            break;
        case QEvent::FocusOut:
            completion_->close();
            update();
            break;
        case QEvent::FocusIn:
            update();
            break;
        default:
            break;
        }
    }
    return QFrame::eventFilter(watched, event);
}

bool QueryEditor::handleKey(QKeyEvent& event)
{
    const bool control = event.modifiers().testFlag(Qt::ControlModifier);
    const bool alt = event.modifiers().testFlag(Qt::AltModifier);
    const bool enter = event.key() == Qt::Key_Return || event.key() == Qt::Key_Enter;
    if (enter && (control || alt)) {
        completion_->close();
        if (control) {
            Q_EMIT runRequested();
        } else {
            Q_EMIT runAloneRequested();
        }
        return true;
    }
    if (control && event.key() == Qt::Key_Space) {
        completion_->open();
        return true;
    }
    if (completion_->handleKey(event)) {
        return true;
    }
    if (control && (event.key() == Qt::Key_Up || event.key() == Qt::Key_Down)) {
        stepHistory(event.key() == Qt::Key_Up ? 1 : -1);
        return true;
    }
    if (event.key() == Qt::Key_Tab || event.key() == Qt::Key_Backtab) {
        focusNextPrevChild(event.key() == Qt::Key_Tab);
        return true;
    }
    return false;
}

void QueryEditor::stepHistory(int direction)
{
    const qsizetype next = std::clamp<qsizetype>(historyAt_ + direction, -1, history_.size() - 1);
    if (next == historyAt_) {
        return;
    }
    if (historyAt_ == -1) {
        draft_ = text();
    }
    historyAt_ = next;
    setText(next == -1 ? draft_ : history_[next]);
    Q_EMIT textEdited();
}

} // namespace narthex::ui::editors
