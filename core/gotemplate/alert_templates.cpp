// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/alert_templates.h"

#include "core/base/status.h"
#include "core/gotemplate/label_map.h"

#include <array>

namespace narthex::gotemplate {
namespace {

/// The dot of a rule's template.
class AlertObject final : public Object
{
public:
    explicit AlertObject(std::array<Value, 4> values) : values_(std::move(values)) {}
    [[nodiscard]] std::string_view typeName() const override
    {
        return "template.alertTemplateData";
    }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        constexpr std::array<std::string_view, 4> kNames{"Labels", "ExternalLabels", "ExternalURL",
                                                         "Value"};
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            if (kNames[i] == name) {
                return values_[i];
            }
        }
        return std::nullopt;
    }
    void print(std::string& out) const override
    {
        out += '{';
        for (std::size_t i = 0; i < values_.size(); ++i) {
            out += i > 0 ? " " : "";
            out += values_[i].toText();
        }
        out += '}';
    }
    [[nodiscard]] const std::array<Value, 4>& values() const { return values_; }

private:
    const std::array<Value, 4> values_;
};

std::shared_ptr<const Functions> sharedFunctions()
{
    static const auto kFunctions = std::make_shared<const Functions>(prometheusFunctions());
    return kFunctions;
}

std::shared_ptr<const Object> mapOf(const model::Labels& labels)
{
    return std::make_shared<LabelMap>(labels);
}

} // namespace

const TextMap* LabelMap::entries() const
{
    absl::call_once(once_, [this] {
        for (const model::LabelView label : labels_) {
            map_.emplace_hint(map_.end(), label.name, label.value);
        }
    });
    return &map_;
}

void LabelMap::print(std::string& out) const { out += Value(*entries()).toText(); }

Value toValue(const std::variant<double, std::shared_ptr<const model::FloatHistogram>>& value)
{
    const auto* histogram = std::get_if<1>(&value);
    return histogram != nullptr ? Value(*histogram) : Value(std::get<0>(value));
}

absl::StatusOr<AlertTemplate> AlertTemplate::parse(std::string_view name, std::string_view text)
{
    AlertTemplate result;
    result.name_ = name;
    result.text_ = text;
    if (text.find("{{") == std::string_view::npos) {
        return result;
    }
    auto set = std::make_shared<TemplateSet>(
        sharedFunctions(), Escaping::None,
        std::vector<std::string>{"$labels", "$externalLabels", "$externalURL", "$value"});
    NARTHEX_RETURN_IF_ERROR(set->parse(name, text));
    result.set_ = std::move(set);
    result.text_.clear();
    return result;
}

absl::StatusOr<std::string> AlertTemplate::expand(const AlertTemplateData& data,
                                                  std::stop_token stop) const
{
    if (set_ == nullptr) {
        return text_;
    }
    const auto root = std::make_shared<const AlertObject>(
        std::array<Value, 4>{Value(mapOf(data.labels)), Value(mapOf(data.externalLabels)),
                             Value(data.externalUrl), toValue(data.value)});
    const Functions bound = evaluationFunctions(data.query, data.now, data.externalUrl);
    return set_->execute(name_, Value(std::static_pointer_cast<const Object>(root)),
                         {.variables = root->values(), .bound = &bound, .stop = std::move(stop)});
}

} // namespace narthex::gotemplate
