// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Building blocks of pages: panel with head, strip, empty state, sparkline.
// Owner: the parent widget. Threads: GUI thread.
#pragma once

#include "ui/kit/chips.h"
#include "ui/kit/controls.h"

#include <QFrame>
#include <QVBoxLayout>

namespace narthex::ui::kit {

/// A bordered surface with a head of 32 px: title, remark, and widgets at the right.
class Panel final : public QFrame
{
    Q_OBJECT

public:
    Panel(const theme::Theme& theme, const QString& name, const QString& title, QWidget* parent);
    void setRemark(const QString& text);
    void addHeadWidget(QWidget* widget);
    [[nodiscard]] QVBoxLayout* body() const { return body_; }

private:
    QLabel* remark_ = nullptr;
    QHBoxLayout* head_ = nullptr;
    QVBoxLayout* body_ = nullptr;
};

/// One or two lines about a failure, a limit or a result, with what can be done. Hidden while it
/// has no text.
class Strip final : public QFrame
{
    Q_OBJECT

public:
    Strip(const theme::Theme& theme, const QString& name, QWidget* parent);
    /// `raw` is the full text behind Details and Copy; empty: neither is offered.
    void show(theme::State state, const QString& title, const QString& text = {},
              const QString& raw = {});
    void clear();
    [[nodiscard]] QString title() const;
    void setRetry(bool offered);
    /// A link at the right.
    QPushButton* addLink(const QString& key, const QString& text);

Q_SIGNALS:
    void retry();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void setupActions();
    void toggleDetails();

    const theme::Theme& theme_;
    theme::State state_ = theme::State::Critical;
    QLabel* title_ = nullptr;
    QLabel* text_ = nullptr;
    QLabel* details_ = nullptr;
    QHBoxLayout* row_ = nullptr;
    QPushButton* detailsButton_ = nullptr;
    QPushButton* copyButton_ = nullptr;
    QPushButton* retryButton_ = nullptr;
};

/// What a page shows when there is nothing to show: icon, sentence, one main button, one link.
class EmptyState final : public QWidget
{
    Q_OBJECT

public:
    EmptyState(const theme::Theme& theme, const QString& name, const QString& icon,
               QWidget* parent);
    void setText(const QString& title, const QString& sentence);
    QPushButton* addButton(const QString& key, const QString& text);
    /// Below the button.
    void addContent(QWidget* widget);

private:
    QLabel* title_ = nullptr;
    QLabel* sentence_ = nullptr;
    QVBoxLayout* layout_ = nullptr;
};

/// A line without axes, with a light area and a dot at the last point. NaN breaks it.
class Sparkline final : public QWidget
{
    Q_OBJECT

public:
    Sparkline(const theme::Theme& theme, QWidget* parent);
    /// x rising. [low, high] is the least range of y; NaN: the points' own, with room.
    void setPoints(QList<QPointF> points, double low, double high);
    void setColourSlot(std::size_t slot);
    [[nodiscard]] int pointCount() const { return int(points_.size()); }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
    QList<QPointF> points_;
    double low_ = 0;
    double high_ = 1;
    std::size_t slot_ = 0;
};

} // namespace narthex::ui::kit
