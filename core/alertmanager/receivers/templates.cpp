// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/templates.h"

#include "core/alertmanager/receivers/default_templates.h"
#include "core/alertmanager/receivers/template_data.h"
#include "core/alertmanager/receivers/template_functions.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/gotemplate/function_arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::alertmanager {
namespace {

using gotemplate::Functions;
using gotemplate::TemplateSet;
using gotemplate::Value;

absl::Status add(TemplateSet& set, const std::filesystem::path& file)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file));
    const absl::Status status = set.parse(file.filename().string(), text);
    if (status.ok()) {
        return status;
    }
    base::Position position = base::positionOf(status).value_or(base::Position{});
    position.file = file.string();
    return base::withPosition(base::annotate(status, file.string()), position);
}

/// Functions that depend on the notification; none when the data is something else.
Functions boundTo(const Value& data)
{
    const auto* object = data.as<std::shared_ptr<const gotemplate::Object>>();
    const auto* notification =
        object == nullptr ? nullptr : dynamic_cast<const NotificationData*>(object->get());
    return notification == nullptr ? Functions() : functionsFor(*notification);
}

/// Labels of a route while they are expanded: each once, and none inside of itself.
class RouteLabels
{
public:
    using Labels = std::map<std::string, std::string>;

    RouteLabels(const TemplateSet& set, const Labels& labels, const Value& data)
        : set_(set), labels_(labels), data_(data), functions_(boundTo(data))
    {
        functions_["routeLabels"] = gotemplate::unary<std::string_view>(
            [this](std::string_view name) -> absl::StatusOr<Value> {
                NARTHEX_ASSIGN_OR_RETURN(std::string value, expand(std::string(name)));
                return Value(std::move(value));
            });
    }

    absl::StatusOr<std::string> expand(const std::string& name)
    {
        const auto known = done_.find(name);
        if (known != done_.end()) {
            return known->second;
        }
        const auto label = labels_.find(name);
        if (label == labels_.end()) {
            return std::string();
        }
        const bool inside = std::find(path_.begin(), path_.end(), name) != path_.end();
        path_.push_back(name);
        if (inside) {
            cycle_ =
                base::invalidArgument("route label cycle detected: {}", fmt::join(path_, " -> "));
            return cycle_;
        }
        auto value = set_.executeText("", label->second, data_, {.bound = &functions_});
        path_.pop_back();
        if (!value.ok()) {
            return cycle_.ok() ? value.status() : cycle_;
        }
        return done_[name] = *std::move(value);
    }

private:
    const TemplateSet& set_;
    const Labels& labels_;
    const Value& data_;
    Functions functions_;
    std::map<std::string, std::string> done_;
    std::vector<std::string> path_;
    absl::Status cycle_;
};

bool isPlain(std::string_view text) { return text.find("{{") == std::string_view::npos; }

} // namespace

Templates::Templates(TemplateSet text, TemplateSet html)
    : text_(std::move(text)), html_(std::move(html))
{}

absl::StatusOr<std::shared_ptr<const Templates>>
Templates::load(std::vector<std::filesystem::path> files)
{
    const auto functions = std::make_shared<const Functions>(notificationFunctions());
    TemplateSet text(functions, gotemplate::Escaping::None);
    TemplateSet html(functions, gotemplate::Escaping::Html);
    for (TemplateSet* set : {&text, &html}) {
        NARTHEX_RETURN_IF_ERROR(set->parse("default.tmpl", kDefaultTemplates));
        NARTHEX_RETURN_IF_ERROR(set->parse("email.tmpl", kDefaultMailTemplate));
        for (const std::filesystem::path& file : files) {
            NARTHEX_RETURN_IF_ERROR(add(*set, file));
        }
    }
    return std::shared_ptr<const Templates>(new Templates(std::move(text), std::move(html)));
}

absl::StatusOr<std::string> Templates::text(std::string_view text, const Value& data) const
{
    if (isPlain(text)) {
        return std::string(text);
    }
    const Functions bound = boundTo(data);
    return text_.executeText("", text, data, {.bound = &bound});
}

absl::StatusOr<std::string> Templates::html(std::string_view text, const Value& data) const
{
    if (isPlain(text)) {
        return std::string(text);
    }
    const Functions bound = boundTo(data);
    return html_.executeText("", text, data, {.bound = &bound});
}

absl::StatusOr<std::map<std::string, std::string, std::less<>>>
Templates::routeLabels(const std::map<std::string, std::string>& labels, const Value& data) const
{
    RouteLabels expanding(text_, labels, data);
    std::map<std::string, std::string, std::less<>> result;
    for (const auto& [name, text] : labels) {
        NARTHEX_ASSIGN_OR_RETURN(std::string value, expanding.expand(name));
        result.emplace(name, std::move(value));
    }
    return result;
}

absl::Status Templates::check(std::string_view text, bool html) const
{
    TemplateSet copy(html ? html_ : text_);
    return copy.parse("", text);
}

} // namespace narthex::alertmanager
