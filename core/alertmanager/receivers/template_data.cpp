// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/template_data.h"

#include "core/alertmanager/receivers/templates.h"
#include "core/base/status.h"
#include "core/gotemplate/humanize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

using gotemplate::Function;
using gotemplate::List;
using gotemplate::Object;
using gotemplate::TextMap;
using gotemplate::Value;
using Members = std::vector<std::pair<std::string_view, std::string_view>>;

template <typename T, typename... Arguments>
Value make(Arguments&&... arguments)
{
    return std::static_pointer_cast<const Object>(
        std::make_shared<const T>(std::forward<Arguments>(arguments)...));
}

Function constant(Value value)
{
    return [value = std::move(value)](std::span<const Value>) -> absl::StatusOr<Value> {
        return value;
    };
}

void printList(std::string& out, const List& list)
{
    out += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
        out += i > 0 ? " " : "";
        out += list[i].toText();
    }
    out += ']';
}

/// A list of texts that can be joined.
class TextsObject final : public Object
{
public:
    explicit TextsObject(List texts) : texts_(std::move(texts)) {}
    [[nodiscard]] std::string_view typeName() const override { return "[]string"; }
    [[nodiscard]] std::optional<Value> field(std::string_view) const override
    {
        return std::nullopt;
    }
    [[nodiscard]] std::optional<Function> method(std::string_view name) const override
    {
        if (name != "Join") {
            return std::nullopt;
        }
        return [this](std::span<const Value> arguments) -> absl::StatusOr<Value> {
            const std::string separator = arguments.empty() ? "" : arguments[0].toText();
            std::string joined;
            for (std::size_t i = 0; i < texts_.size(); ++i) {
                joined += i > 0 ? separator : "";
                joined += texts_[i].toText();
            }
            return Value(std::move(joined));
        };
    }
    [[nodiscard]] std::optional<List> elements() const override { return texts_; }
    void print(std::string& out) const override { printList(out, texts_); }

private:
    const List texts_;
};

class PairObject final : public Object
{
public:
    PairObject(std::string name, std::string value)
        : name_(std::move(name)), value_(std::move(value))
    {}
    [[nodiscard]] std::string_view typeName() const override { return "template.Pair"; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        return name == "Name"    ? std::optional(Value(name_))
               : name == "Value" ? std::optional(Value(value_))
                                 : std::nullopt;
    }
    [[nodiscard]] Members members() const override
    {
        return {{"Name", "Name"}, {"Value", "Value"}};
    }
    void print(std::string& out) const override { out += fmt::format("{{{} {}}}", name_, value_); }

private:
    const std::string name_;
    const std::string value_;
};

/// Sorted pairs.
class PairsObject final : public Object
{
public:
    PairsObject(List pairs, List names, List values)
        : pairs_(std::move(pairs)), names_(std::move(names)), values_(std::move(values))
    {}
    [[nodiscard]] std::string_view typeName() const override { return "template.Pairs"; }
    [[nodiscard]] std::optional<Value> field(std::string_view) const override
    {
        return std::nullopt;
    }
    [[nodiscard]] std::optional<Function> method(std::string_view name) const override
    {
        if (name == "Names" || name == "Values") {
            return constant(make<TextsObject>(name == "Names" ? names_ : values_));
        }
        return std::nullopt;
    }
    [[nodiscard]] std::optional<List> elements() const override { return pairs_; }
    void print(std::string& out) const override { printList(out, pairs_); }

private:
    const List pairs_;
    const List names_;
    const List values_;
};

absl::Status addNames(const Value& value, std::vector<std::string>& names)
{
    if (const auto text = value.text()) {
        names.emplace_back(*text);
        return absl::OkStatus();
    }
    const auto elements = value.elements();
    if (!elements) {
        return base::invalidArgument("wrong type for value; expected []string; got {}",
                                     value.typeName());
    }
    for (const Value& each : *elements) {
        names.push_back(each.toText());
    }
    return absl::OkStatus();
}

/// Labels or annotations.
class KvObject final : public Object
{
public:
    explicit KvObject(TextMap map) : map_(std::move(map)) {}
    [[nodiscard]] std::string_view typeName() const override { return "template.KV"; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        const auto found = map_.find(name);
        return found == map_.end() ? Value("") : Value(found->second);
    }
    [[nodiscard]] std::optional<Function> method(std::string_view name) const override
    {
        if (name == "SortedPairs") {
            return constant(sorted());
        }
        if (name == "Names" || name == "Values") {
            return *std::get<std::shared_ptr<const Object>>(sorted().data())->method(name);
        }
        if (name == "Remove") {
            return [this](std::span<const Value> arguments) -> absl::StatusOr<Value> {
                std::vector<std::string> names;
                for (const Value& each : arguments) {
                    NARTHEX_RETURN_IF_ERROR(addNames(each, names));
                }
                TextMap left = map_;
                for (const std::string& each : names) {
                    left.erase(each);
                }
                return make<KvObject>(std::move(left));
            };
        }
        return std::nullopt;
    }
    [[nodiscard]] const TextMap* entries() const override { return &map_; }
    void print(std::string& out) const override { out += Value(map_).toText(); }

private:
    /// The alert's name first.
    [[nodiscard]] Value sorted() const
    {
        List pairs;
        List names;
        List values;
        const auto add = [&](const std::string& name, const std::string& value) {
            pairs.push_back(make<PairObject>(name, value));
            names.emplace_back(name);
            values.emplace_back(value);
        };
        const auto first = map_.find("alertname");
        if (first != map_.end()) {
            add(first->first, first->second);
        }
        for (const auto& [name, value] : map_) {
            if (name != "alertname") {
                add(name, value);
            }
        }
        return make<PairsObject>(std::move(pairs), std::move(names), std::move(values));
    }

    const TextMap map_;
};

/// Fields by name, in the order of JSON.
class StructObject : public Object
{
public:
    struct Field
    {
        std::string_view name;
        std::string_view json;
        Value value;
    };
    StructObject(std::string_view type, std::vector<Field> fields)
        : type_(type), fields_(std::move(fields))
    {}
    [[nodiscard]] std::string_view typeName() const override { return type_; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        const auto found = std::find_if(fields_.begin(), fields_.end(),
                                        [&](const Field& each) { return each.name == name; });
        return found == fields_.end() ? std::nullopt : std::optional(found->value);
    }
    /// Fields without a name in JSON and those without a value that have one are left out.
    [[nodiscard]] Members members() const override
    {
        Members result;
        for (const Field& each : fields_) {
            if (!each.json.empty() && !each.value.isNil()) {
                result.emplace_back(each.name, each.json);
            }
        }
        return result;
    }
    void print(std::string& out) const override
    {
        out += '{';
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            out += i > 0 ? " " : "";
            out += fields_[i].value.toText();
        }
        out += '}';
    }

private:
    const std::string_view type_;
    const std::vector<Field> fields_;
};

TextMap toMap(const model::Labels& labels)
{
    TextMap map;
    for (const model::LabelView label : labels) {
        map.emplace_hint(map.end(), label.name, label.value);
    }
    return map;
}

Value acknowledgementOf(const NotifiedAlert& alert, base::Timestamp now)
{
    if (!alert.acknowledgement) {
        return {};
    }
    const AcknowledgementNote& note = *alert.acknowledgement;
    const double age = std::max<double>(0, (now - note.createdAt).seconds());
    return make<StructObject>(
        "*template.Acknowledgement",
        std::vector<StructObject::Field>{
            {"Author", "author", note.author},
            {"Comment", "comment", note.comment},
            {"CreatedAt", "createdAt", gotemplate::Time::of(note.createdAt)},
            {"ExpiresAt", "expiresAt",
             note.expiresAt ? Value(gotemplate::Time::of(*note.expiresAt)) : Value()},
            {"Age", "", gotemplate::humanizeDuration(age)}});
}

Value alertOf(const NotifiedAlert& alert, base::Timestamp now)
{
    return make<StructObject>(
        "template.Alert",
        std::vector<StructObject::Field>{
            {"Status", "status", alert.resolved() ? "resolved" : "firing"},
            {"Labels", "labels", labelMap(toMap(alert.labels))},
            {"Annotations", "annotations", labelMap(toMap(alert.annotations))},
            {"StartsAt", "startsAt", gotemplate::Time::of(alert.startsAt)},
            {"EndsAt", "endsAt",
             alert.endsAt ? gotemplate::Time::of(*alert.endsAt) : gotemplate::Time()},
            {"GeneratorURL", "generatorURL", alert.generatorUrl},
            {"Fingerprint", "fingerprint", fmt::format("{:016x}", alert.fingerprint)},
            {"Acknowledgement", "acknowledgement", acknowledgementOf(alert, now)}});
}

class AlertsObject final : public Object
{
public:
    explicit AlertsObject(List alerts) : alerts_(std::move(alerts)) {}
    [[nodiscard]] std::string_view typeName() const override { return "template.Alerts"; }
    [[nodiscard]] std::optional<Value> field(std::string_view) const override
    {
        return std::nullopt;
    }
    [[nodiscard]] std::optional<Function> method(std::string_view name) const override
    {
        const bool byStatus = name == "Firing" || name == "Resolved";
        if (!byStatus && name != "Acknowledged" && name != "Unacknowledged") {
            return std::nullopt;
        }
        List chosen;
        for (const Value& each : alerts_) {
            const Object& alert = *std::get<std::shared_ptr<const Object>>(each.data());
            const bool firing = alert.field("Status")->toText() == "firing";
            const bool acknowledged = !alert.field("Acknowledgement")->isNil();
            if (byStatus ? firing == (name == "Firing")
                         : firing && acknowledged == (name == "Acknowledged")) {
                chosen.push_back(each);
            }
        }
        return constant(make<AlertsObject>(std::move(chosen)));
    }
    [[nodiscard]] std::optional<List> elements() const override { return alerts_; }
    void print(std::string& out) const override { printList(out, alerts_); }

private:
    const List alerts_;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kMembers{
    {{"Receiver", "receiver"},
     {"Status", "status"},
     {"Alerts", "alerts"},
     {"NotificationReason", "notification_reason"},
     {"GroupLabels", "groupLabels"},
     {"CommonLabels", "commonLabels"},
     {"CommonAnnotations", "commonAnnotations"},
     {"RouteLabels", "routeLabels"},
     {"ExternalURL", "externalURL"}}};

} // namespace

Value labelMap(TextMap labels) { return make<KvObject>(std::move(labels)); }

Value alertList(const Notification& notification, std::size_t count)
{
    List alerts;
    for (std::size_t i = 0; i < std::min(count, notification.alerts.size()); ++i) {
        alerts.push_back(alertOf(notification.alerts[i], notification.now));
    }
    return make<AlertsObject>(std::move(alerts));
}

TextMap commonPairs(const Notification& notification, const model::Labels NotifiedAlert::*pairs)
{
    if (notification.alerts.empty()) {
        return {};
    }
    TextMap common = toMap(notification.alerts.front().*pairs);
    for (const NotifiedAlert& alert : notification.alerts) {
        std::erase_if(common, [&](const auto& pair) {
            return (alert.*pairs).get(pair.first) != pair.second;
        });
    }
    return common;
}

std::string quoteMeta(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

NotificationData::NotificationData(const Notification& notification)
    : now_(notification.now),
      routeLabels_(notification.routeLabels.begin(), notification.routeLabels.end())
{
    fields_.emplace("Receiver", quoteMeta(notification.receiver));
    fields_.emplace("Status", notification.firing() ? "firing" : "resolved");
    fields_.emplace("Alerts", alertList(notification, notification.alerts.size()));
    fields_.emplace("NotificationReason", text(notification.reason));
    fields_.emplace("GroupLabels", labelMap(toMap(notification.groupLabels)));
    fields_.emplace("CommonLabels", labelMap(commonPairs(notification, &NotifiedAlert::labels)));
    fields_.emplace("CommonAnnotations",
                    labelMap(commonPairs(notification, &NotifiedAlert::annotations)));
    fields_.emplace("RouteLabels", labelMap(routeLabels_));
    fields_.emplace("ExternalURL", notification.externalUrl);
}

std::optional<Value> NotificationData::field(std::string_view name) const
{
    const auto found = fields_.find(name);
    return found == fields_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::pair<std::string_view, std::string_view>> NotificationData::members() const
{
    return {kMembers.begin(), kMembers.end()};
}

void NotificationData::print(std::string& out) const
{
    out += '{';
    for (const auto& [name, json] : kMembers) {
        out += out.ends_with('{') ? "" : " ";
        out += fields_.find(name)->second.toText();
    }
    out += '}';
}

Value templateData(const Notification& notification)
{
    return make<NotificationData>(notification);
}

} // namespace narthex::alertmanager
