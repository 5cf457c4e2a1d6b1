// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small controls in the program's metrics: buttons, tool buttons, labels, key caps, the segmented
// switch. Owner: the parent widget. Threads: GUI thread.
#pragma once

#include "ui/theme/theme.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>

namespace narthex::ui::kit {

enum class ButtonKind : std::uint8_t
{
    Normal,
    Primary,
    Small,
    SmallPrimary,
    Flat,
    Link
};

/// `name` becomes the object name; `text` the accessible name, too.
QPushButton* makeButton(const QString& name, const QString& text, ButtonKind kind, QWidget* parent);
/// An icon button; `tip` is tooltip and accessible name.
QToolButton* makeToolButton(const theme::Theme& theme, const QString& name, const QString& icon,
                            const QString& tip, QWidget* parent, bool small = false);
/// `tone`: 1 text, 2 secondary, 3 hint.
QLabel* makeLabel(const theme::Theme& theme, const QString& text, theme::TextSize size, int tone,
                  QWidget* parent, bool strong = false);
QLabel* makeKeyCap(const theme::Theme& theme, const QString& text, QWidget* parent);
/// A one-pixel line.
QFrame* makeLine(Qt::Orientation orientation, QWidget* parent);
/// Sets a property that the style sheet looks at, and repolishes.
void setStyleProperty(QWidget& widget, const char* name, const QVariant& value);

/// A text field that can show an error: frame, octagon and reason as tooltip.
class Field : public QLineEdit
{
    Q_OBJECT

public:
    Field(const theme::Theme& theme, const QString& name, const QString& accessibleName,
          QWidget* parent, bool small = false);
    /// Empty: no error.
    void setError(const QString& reason);
    [[nodiscard]] QString error() const { return error_; }
    void setLeadingIcon(const QString& icon);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
    QString error_;
};

/// A drop-down; draws its own chevron, for style sheets cannot tint one.
class Choice final : public QComboBox
{
    Q_OBJECT

public:
    Choice(const theme::Theme& theme, const QString& name, const QString& accessibleName,
           QWidget* parent, bool small = true);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
};

/// One of several, side by side.
class SegmentedSwitch final : public QWidget
{
    Q_OBJECT

public:
    explicit SegmentedSwitch(const theme::Theme& theme, const QString& name, QWidget* parent);

    /// `key` ends the object name: "explore.views.chart".
    QToolButton* addSegment(const QString& key, const QString& text, const QString& icon = {});
    void setCurrent(const QString& key);
    [[nodiscard]] QString current() const;
    void setText(const QString& key, const QString& text);
    void setIcon(const QString& key, const QIcon& icon);

Q_SIGNALS:
    void currentChanged(const QString& key);

private:
    void updateEdges();

    const theme::Theme& theme_;
    QButtonGroup group_;
};

/// A two-pixel line that runs while something loads. Appears only after 150 ms, so that quick
/// answers do not flicker.
class ProgressLine final : public QWidget
{
    Q_OBJECT

public:
    ProgressLine(const theme::Theme& theme, QWidget* parent);
    void setBusy(bool busy);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const theme::Theme& theme_;
    QTimer timer_;
    bool busy_ = false;
    bool shown_ = false;
    int phase_ = 0;
};

} // namespace narthex::ui::kit
