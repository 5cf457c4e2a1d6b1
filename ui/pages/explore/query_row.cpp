// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/explore/query_row.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"
#include "ui/pages/errors.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>

namespace narthex::ui::pages {

QueryRow::QueryRow(PageContext& context, int index, QWidget* parent)
    : QWidget(parent), context_(context)
{
    setupRow();
    setupMenu();
    setIndex(index);
}

void QueryRow::setupRow()
{
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    auto* row = new QHBoxLayout;
    row->setSpacing(4);
    letter_ = kit::makeLabel(context_.theme, {}, theme::TextSize::Default, 1, this, true);
    letter_->setFixedWidth(24);
    letter_->setAlignment(Qt::AlignCenter);
    eye_ = kit::makeToolButton(context_.theme, {}, QStringLiteral("eye"),
                               tr("Show this query in chart and table"), this);
    eye_->setCheckable(true);
    eye_->setIcon(context_.theme.icon(QStringLiteral("eye"), theme::Role::Text));
    eye_->setIcon(context_.theme.icon(QStringLiteral("eye"), theme::Role::Text));
    eye_->setProperty("plain", true);
    eye_->setChecked(true);
    editor_ = new editors::QueryEditor(context_.theme, context_.backend, context_.catalog,
                                       QStringLiteral("explore.query"), this);
    run_ =
        kit::makeToolButton(context_.theme, {}, QStringLiteral("play"), tr("Run this query"), this);
    menu_ = kit::makeToolButton(context_.theme, {}, QStringLiteral("more"),
                                tr("More for this query"), this);
    menu_->setPopupMode(QToolButton::InstantPopup);
    for (QWidget* widget : std::initializer_list<QWidget*>{letter_, eye_}) {
        row->addWidget(widget, 0, Qt::AlignTop);
    }
    row->addWidget(editor_, 1);
    row->addWidget(run_, 0, Qt::AlignTop);
    row->addWidget(menu_, 0, Qt::AlignTop);
    letter_->setFixedHeight(32);
    layout->addLayout(row);
    strip_ = new kit::Strip(context_.theme, QStringLiteral("explore.error"), this);
    auto* indented = new QHBoxLayout;
    indented->setContentsMargins(60, 0, 64, 0);
    indented->addWidget(strip_);
    layout->addLayout(indented);

    connect(editor_, &editors::QueryEditor::textEdited, this, [this] {
        if (query() != answer_.query) {
            editor_->setStatusText(tr("edited, not run · Ctrl+Enter runs"));
        } else {
            showStatus();
        }
        Q_EMIT edited();
    });
    connect(editor_, &editors::QueryEditor::runRequested, this, &QueryRow::runRequested);
    connect(editor_, &editors::QueryEditor::runAloneRequested, this, &QueryRow::runAloneRequested);
    connect(run_, &QToolButton::clicked, this, [this] {
        if (running_) {
            Q_EMIT stopRequested();
        } else {
            Q_EMIT runAloneRequested();
        }
    });
    connect(eye_, &QToolButton::toggled, this, [this](bool on) {
        eye_->setIcon(context_.theme.icon(on ? QStringLiteral("eye") : QStringLiteral("eye-off"),
                                          theme::Role::Text));
        Q_EMIT shownChanged();
    });
    connect(strip_, &kit::Strip::retry, this, &QueryRow::runAloneRequested);
}

void QueryRow::setupMenu()
{
    auto* menu = new QMenu(menu_);
    const theme::Theme& theme = context_.theme;
    menu->addAction(theme.icon(QStringLiteral("copy")), tr("Duplicate"), this,
                    &QueryRow::duplicateRequested);
    menu->addAction(theme.icon(QStringLiteral("braces")), tr("Comment out"), this,
                    &QueryRow::toggleComment);
    menu->addAction(theme.icon(QStringLiteral("copy")), tr("Copy query"), this,
                    [this] { QGuiApplication::clipboard()->setText(query()); });
    menu->addSeparator();
    remove_ = menu->addAction(theme.icon(QStringLiteral("trash")), tr("Remove"), this,
                              &QueryRow::removeRequested);
    menu_->setMenu(menu);
}

void QueryRow::setIndex(int index)
{
    index_ = index;
    const QString base = QStringLiteral("explore.query.%1").arg(index);
    setObjectName(base);
    letter_->setText(letter());
    eye_->setObjectName(base + QStringLiteral(".eye"));
    run_->setObjectName(base + QStringLiteral(".run"));
    menu_->setObjectName(base + QStringLiteral(".menu"));
    strip_->setObjectName(base + QStringLiteral(".error"));
    editor_->setObjectName(base + QStringLiteral(".editor"));
    editor_->focusProxy()->setObjectName(base + QStringLiteral(".edit"));
    editor_->focusProxy()->setAccessibleName(tr("Query %1").arg(letter()));
}

QString QueryRow::letter() const { return QString(QChar(u'A' + char16_t(index_ % 26))); }

void QueryRow::setQuery(const QString& query) { editor_->setText(query); }

void QueryRow::setRunning(bool running)
{
    running_ = running;
    run_->setIcon(context_.theme.icon(running ? QStringLiteral("stop") : QStringLiteral("play")));
    run_->setToolTip(running ? tr("Stop this query") : tr("Run this query"));
    run_->setAccessibleName(run_->toolTip());
}

void QueryRow::setAnswer(Answer answer)
{
    answer_ = std::move(answer);
    setRunning(false);
    if (answer_.status.ok()) {
        strip_->clear();
        editor_->setError({});
    } else if (!absl::IsCancelled(answer_.status)) {
        const QString text = errorText(answer_.status);
        const bool userError = absl::IsInvalidArgument(answer_.status);
        strip_->show(userError ? theme::State::Critical : theme::State::Warning,
                     errorTitle(answer_.status), text, text);
        strip_->setRetry(!userError);
        editor_->setError(userError ? base::positionOf(answer_.status) : std::nullopt);
    }
    showStatus();
}

void QueryRow::showStatus()
{
    if (!answer_.result) {
        editor_->setStatusText({});
        return;
    }
    const promql::Statistics& statistics = answer_.result->statistics;
    std::size_t series = 0;
    if (const auto* matrix = std::get_if<promql::Matrix>(&answer_.result->value)) {
        series = matrix->size();
    }
    QString text = tr("%1 series").arg(format::count(series));
    if (statistics.totalQueryableSamples > 0) {
        text += tr(" · %1 samples").arg(format::count(statistics.totalQueryableSamples));
    }
    if (statistics.execTotalTime.ns > 0) {
        text += QStringLiteral(" · ") + format::shortDuration(statistics.execTotalTime);
    }
    if (!answer_.result->annotations.empty()) {
        text += QStringLiteral(" · ") +
                format::counted(answer_.result->annotations.size(), tr("remark"), tr("remarks"));
    }
    editor_->setStatusText(text);
}

void QueryRow::toggleComment()
{
    QStringList lines = editor_->text().split(QLatin1Char('\n'));
    const bool commented = std::all_of(lines.begin(), lines.end(), [](const QString& line) {
        return line.startsWith(QLatin1Char('#'));
    });
    for (QString& line : lines) {
        line = commented ? line.mid(line.startsWith(QLatin1String("# ")) ? 2 : 1)
                         : QStringLiteral("# ") + line;
    }
    setQuery(lines.join(QLatin1Char('\n')));
    Q_EMIT edited();
}

} // namespace narthex::ui::pages
