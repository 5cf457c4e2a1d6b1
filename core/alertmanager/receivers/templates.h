// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The templates of notifications: the built-in ones, those of the configuration's files, and the
// data that they see. Owner: the Alertmanager, one for each configuration. Threads: immutable once
// loaded; render from any. Errors: InvalidArgument as core/gotemplate.
// Source: spec/alertmanager.md, 1.6 and 9.
#pragma once

#include "core/alertmanager/receivers/notification.h"
#include "core/gotemplate/template.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

/// What the template of one notification sees (`.Status`, `.Alerts.Firing`, `.CommonLabels` …).
gotemplate::Value templateData(const Notification& notification);

class Templates
{
public:
    /// The built-in templates, then the files in order. Errors: a file that cannot be read, or
    /// does not parse (with file and line).
    static absl::StatusOr<std::shared_ptr<const Templates>>
    load(std::vector<std::filesystem::path> files);

    /// Expands a text as the keys of receivers have it. `data` as templateData() made it.
    absl::StatusOr<std::string> text(std::string_view text, const gotemplate::Value& data) const;
    /// The same with HTML escaping.
    absl::StatusOr<std::string> html(std::string_view text, const gotemplate::Value& data) const;
    /// Labels of a route, which may refer to each other by `routeLabels "x"`. Errors: `route label
    /// cycle detected: a -> b -> a`.
    absl::StatusOr<std::map<std::string, std::string, std::less<>>>
    routeLabels(const std::map<std::string, std::string>& labels,
                const gotemplate::Value& data) const;
    /// Whether a text parses with what is defined.
    absl::Status check(std::string_view text, bool html = false) const;

private:
    Templates(gotemplate::TemplateSet text, gotemplate::TemplateSet html);
    gotemplate::TemplateSet text_;
    gotemplate::TemplateSet html_;
};

} // namespace narthex::alertmanager
