// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A notification as the objects that templates see. Threads: immutable. Source:
// spec/alertmanager.md, 9.1; spec/acknowledge.md, 4.3.
#pragma once

#include "core/alertmanager/receivers/notification.h"
#include "core/gotemplate/value.h"

#include <memory>

namespace narthex::alertmanager {

/// The root of the data; functions that depend on the notification find it here.
class NotificationData final : public gotemplate::Object
{
public:
    explicit NotificationData(const Notification& notification);
    [[nodiscard]] std::string_view typeName() const override { return "*template.Data"; }
    [[nodiscard]] std::optional<gotemplate::Value> field(std::string_view name) const override;
    [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>>
    members() const override;
    void print(std::string& out) const override;

    [[nodiscard]] base::Timestamp now() const { return now_; }
    [[nodiscard]] const gotemplate::TextMap& routeLabels() const { return routeLabels_; }

private:
    const base::Timestamp now_;
    const gotemplate::TextMap routeLabels_;
    gotemplate::Map fields_;
};

/// The first `count` alerts as a list object.
gotemplate::Value alertList(const Notification& notification, std::size_t count);
/// Labels as a map object.
gotemplate::Value labelMap(gotemplate::TextMap labels);
/// Pairs that all alerts have.
gotemplate::TextMap commonPairs(const Notification& notification,
                                const model::Labels NotifiedAlert::*pairs);
/// The name as a regular expression that matches it alone.
std::string quoteMeta(std::string_view name);

} // namespace narthex::alertmanager
