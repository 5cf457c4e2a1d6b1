// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/targets/target_details.h"

#include "ui/format/time_text.h"
#include "ui/format/units.h"
#include "ui/pages/targets/target_errors.h"
#include "ui/pages/targets/targets_model.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QJsonDocument>
#include <QMenu>

namespace narthex::ui::pages {
namespace {

using theme::TextSize;

QString text(std::string_view view)
{
    return QString::fromUtf8(view.data(), qsizetype(view.size()));
}

QList<kit::Chip> chipsOf(const model::Labels& labels)
{
    QList<kit::Chip> chips;
    for (const model::LabelView label : labels) {
        chips << kit::Chip{text(label.name), text(label.value)};
    }
    return chips;
}

QVBoxLayout* makePage(QStackedWidget& stack)
{
    auto* page = new QWidget(&stack);
    auto* layout = new QVBoxLayout(page);
    layout->setContentsMargins(12, 12, 12, 12);
    layout->setSpacing(8);
    stack.addWidget(page);
    return layout;
}

} // namespace

TargetDetails::TargetDetails(PageContext& context, QWidget* parent)
    : QWidget(parent), context_(context)
{
    setObjectName(QStringLiteral("targets.detail"));
    setAccessibleName(tr("Details of the target"));
    setMinimumWidth(320);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    setupHead();
    stack_ = new QStackedWidget(this);
    setupScrape();
    setupLabels();
    layout->addWidget(stack_, 1);
    connect(tabs_, &QTabBar::currentChanged, stack_, &QStackedWidget::setCurrentIndex);
}

void TargetDetails::setupHead()
{
    auto* column = static_cast<QVBoxLayout*>(layout());
    auto* head = new QHBoxLayout;
    head->setContentsMargins(12, 6, 8, 6);
    head->setSpacing(8);
    mark_ = new kit::StateMark(context_.theme, 12, this);
    title_ = kit::makeLabel(context_.theme, {}, TextSize::Section, 1, this, true);
    title_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    head->addWidget(mark_);
    head->addWidget(title_, 1);
    scrape_ = kit::makeToolButton(context_.theme, QStringLiteral("targets.detail.scrapeNow"),
                                  QStringLiteral("refresh"), tr("Scrape now (R)"), this);
    connect(scrape_, &QToolButton::clicked, this, &TargetDetails::scrapeRequested);
    head->addWidget(scrape_);
    auto* copyButton = kit::makeToolButton(context_.theme, QStringLiteral("targets.detail.copyAs"),
                                           QStringLiteral("copy"), tr("Copy as"), this);
    auto* menu = new QMenu(copyButton);
    const std::pair<QString, QString> forms[] = {
        {QStringLiteral("selector"), tr("PromQL selector")},
        {QStringLiteral("curl"), tr("curl command")},
        {QStringLiteral("json"), tr("Labels as JSON")},
        {QStringLiteral("error"), tr("Error text")}};
    for (const auto& [form, name] : forms) {
        menu->addAction(name, this, [this, form = form] { copy(form); });
    }
    copyButton->setMenu(menu);
    copyButton->setPopupMode(QToolButton::InstantPopup);
    head->addWidget(copyButton);
    auto* close = kit::makeToolButton(context_.theme, QStringLiteral("targets.detail.close"),
                                      QStringLiteral("close"), tr("Close details (Esc)"), this);
    connect(close, &QToolButton::clicked, this, &TargetDetails::closed);
    head->addWidget(close);
    column->addLayout(head);
    column->addWidget(kit::makeLine(Qt::Horizontal, this));
    tabs_ = new QTabBar(this);
    tabs_->setObjectName(QStringLiteral("targets.detail.tabs"));
    tabs_->setAccessibleName(tr("Parts of the details"));
    tabs_->setExpanding(false);
    tabs_->addTab(tr("Last scrape"));
    tabs_->addTab(tr("Labels"));
    column->addWidget(tabs_);
    column->addWidget(kit::makeLine(Qt::Horizontal, this));
}

void TargetDetails::setupScrape()
{
    QVBoxLayout* page = makePage(*stack_);
    auto* row = new QHBoxLayout;
    outcome_ = kit::makeLabel(context_.theme, {}, TextSize::Table, 1, this, true);
    when_ = kit::makeLabel(context_.theme, {}, TextSize::Table, 2, this);
    row->addWidget(outcome_);
    row->addStretch(1);
    row->addWidget(when_);
    page->addLayout(row);
    error_ = kit::makeLabel(context_.theme, {}, TextSize::Table, 1, this);
    error_->setObjectName(QStringLiteral("targets.detail.error"));
    error_->setAccessibleName(tr("Last error"));
    error_->setProperty("box", true);
    error_->setFont(context_.theme.codeFont());
    error_->setWordWrap(true);
    error_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    error_->setFocusPolicy(Qt::ClickFocus);
    page->addWidget(error_);
    remedy_ = kit::makeLabel(context_.theme, {}, TextSize::Table, 1, this);
    remedy_->setWordWrap(true);
    page->addWidget(remedy_);
    facts_ = kit::makeLabel(context_.theme, {}, TextSize::Table, 1, this);
    facts_->setTextFormat(Qt::RichText);
    facts_->setWordWrap(true);
    page->addWidget(facts_);
    scrapeButton_ = kit::makeButton(QStringLiteral("targets.scrapeNow"), tr("Scrape now"),
                                    kit::ButtonKind::SmallPrimary, this);
    connect(scrapeButton_, &QPushButton::clicked, this, &TargetDetails::scrapeRequested);
    page->addSpacing(4);
    page->addWidget(scrapeButton_);
    page->addStretch(1);
}

void TargetDetails::setupLabels()
{
    QVBoxLayout* page = makePage(*stack_);
    const auto add = [&](const QString& title, const QString& remark, const QString& name) {
        page->addWidget(kit::makeLabel(context_.theme, title, TextSize::Table, 1, this, true));
        page->addWidget(kit::makeLabel(context_.theme, remark, TextSize::Axis, 3, this));
        auto* flow = new kit::ChipFlow(context_.theme, name, title, this);
        page->addWidget(flow);
        page->addSpacing(12);
        return flow;
    };
    after_ = add(tr("After relabeling"), tr("These stand on every series of the target."),
                 QStringLiteral("targets.detail.labels"));
    before_ = add(tr("Before relabeling"), tr("What discovery found."),
                  QStringLiteral("targets.detail.discovered"));
    page->addStretch(1);
}

void TargetDetails::show(const client::TargetInfo& target)
{
    target_ = target;
    mark_->setState(themeStateOf(stateOf(target)));
    const std::string_view instance = target.labels.get("instance");
    title_->setText(instance.empty() ? QString::fromStdString(target.url) : text(instance));
    title_->setToolTip(QString::fromStdString(target.url));
    const base::Timestamp now = format::wallNow();
    const bool failed = target.health == client::Health::Down;
    const QString when = target.lastScrape ? format::ago(*target.lastScrape, now) : tr("never");
    outcome_->setText(target.health == client::Health::Unknown
                          ? tr("Not scraped yet")
                          : (failed ? tr("Failed, %1").arg(when) : tr("Succeeded, %1").arg(when)));
    when_->setText(target.lastScrape
                       ? tr("%1, %2 of %3")
                             .arg(format::clockTime(*target.lastScrape, context_.range.zone()),
                                  format::shortDuration(target.lastDuration),
                                  QString::fromStdString(base::formatDuration(target.timeout)))
                       : QString());
    error_->setVisible(!target.lastError.empty());
    error_->setText(QString::fromStdString(target.lastError));
    const QString title = errorClassTitle(target.errorClass);
    remedy_->setVisible(!title.isEmpty());
    remedy_->setText(title + QStringLiteral(". ") + errorClassRemedy(target.errorClass));
    fillFacts(target);
    after_->setChips(chipsOf(target.labels));
    before_->setChips(chipsOf(target.discoveredLabels));
}

void TargetDetails::fillFacts(const client::TargetInfo& target)
{
    QString rows;
    const auto add = [&](const QString& name, const QString& value) {
        rows +=
            QStringLiteral("<tr><td style=\"color:%1;padding:3px 18px 3px 0\">%2</td><td "
                           "style=\"padding:3px 0\">%3</td></tr>")
                .arg(context_.theme.colour(theme::Role::Text2).name(), name, value.toHtmlEscaped());
    };
    add(tr("Address"), QString::fromStdString(target.url));
    add(tr("Job"), QString::fromStdString(target.job));
    add(tr("Every"), QString::fromStdString(base::formatDuration(target.interval)));
    if (target.health == client::Health::Up) {
        add(tr("Samples"), target.samplesScraped == target.samplesAfterRelabeling
                               ? format::count(target.samplesScraped)
                               : tr("%1, %2 after relabeling")
                                     .arg(format::count(target.samplesScraped),
                                          format::count(target.samplesAfterRelabeling)));
        add(tr("New series"), format::count(target.seriesAdded));
        add(tr("Page size"),
            format::showValue(double(target.bodyBytes), {format::Quantity::Bytes, false}, 3)
                .text());
    }
    facts_->setText(QStringLiteral("<table cellspacing=0>%1</table>").arg(rows));
}

void TargetDetails::setScraping(bool scraping)
{
    scrape_->setEnabled(!scraping);
    scrapeButton_->setEnabled(!scraping);
    scrapeButton_->setText(scraping ? tr("Scraping…") : tr("Scrape now"));
}

QString TargetDetails::selector() const
{
    return QStringLiteral("{job=\"%1\",instance=\"%2\"}")
        .arg(QString::fromStdString(target_.job), text(target_.labels.get("instance")));
}

void TargetDetails::copy(const QString& form)
{
    QString copied = selector();
    if (form == QLatin1String("curl")) {
        copied = QStringLiteral("curl -sS '%1'").arg(QString::fromStdString(target_.url));
    } else if (form == QLatin1String("json")) {
        QJsonObject object;
        for (const model::LabelView label : target_.labels) {
            object.insert(text(label.name), text(label.value));
        }
        copied = QString::fromUtf8(QJsonDocument(object).toJson(QJsonDocument::Compact));
    } else if (form == QLatin1String("error")) {
        copied = QString::fromStdString(target_.lastError);
    }
    QGuiApplication::clipboard()->setText(copied);
}

} // namespace narthex::ui::pages
