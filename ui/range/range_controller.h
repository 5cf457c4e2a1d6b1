// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The time that all charts of a window show: range, view history, follow and refresh.
// Owner: MainWindow; pages keep a reference. Threads: GUI thread.
#pragma once

#include "ui/range/range_text.h"

#include <QObject>
#include <QTimer>

#include <vector>

namespace narthex::ui::range {

class RangeController final : public QObject
{
    Q_OBJECT

public:
    explicit RangeController(QObject* parent = nullptr);

    [[nodiscard]] const RangeSpec& spec() const { return spec_; }
    /// The interval now: of a relative range it ends at the last tick.
    [[nodiscard]] base::Timestamp from() const;
    [[nodiscard]] base::Timestamp to() const;
    [[nodiscard]] const QTimeZone& zone() const { return zone_; }
    [[nodiscard]] bool following() const { return following_; }
    /// Zero: no refresh.
    [[nodiscard]] base::Duration refreshInterval() const { return refresh_; }
    [[nodiscard]] bool canGoBack() const { return at_ > 0; }
    [[nodiscard]] bool canGoForward() const { return at_ + 1 < history_.size(); }

    /// A new place in the history.
    void setSpec(const RangeSpec& spec);
    void setZone(const QTimeZone& zone);
    /// Following moves a relative range on with time; a fixed one becomes "the last" of its length.
    void setFollowing(bool following);
    void setRefreshInterval(base::Duration interval);
    void goBack();
    void goForward();
    /// By half a range; `direction` -1 or 1.
    void shift(int direction);
    /// Twice the range about its middle.
    void zoomOut();
    /// Moves a relative range to now and asks everyone to load again.
    void refresh();

Q_SIGNALS:
    /// Range, zone, follow or interval changed.
    void changed();
    /// Time to load the newest data; the subject is the same.
    void ticked();

private:
    void show(const RangeSpec& spec);
    void restartTimer();

    RangeSpec spec_;
    base::Timestamp anchor_;
    QTimeZone zone_;
    bool following_ = true;
    base::Duration refresh_ = base::Duration::fromMs(5000);
    std::vector<RangeSpec> history_;
    std::size_t at_ = 0;
    QTimer timer_;
};

} // namespace narthex::ui::range
