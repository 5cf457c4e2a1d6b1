// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/otlp/label_builder.h"

#include "core/base/status.h"

#include <algorithm>
#include <vector>

namespace narthex::remote::otlp {
namespace {

constexpr std::string_view kService = "service.name";
constexpr std::string_view kNamespace = "service.namespace";
constexpr std::string_view kInstance = "service.instance.id";

bool isIdentity(std::string_view key)
{
    return key == kService || key == kNamespace || key == kInstance;
}

bool contains(const std::vector<std::string>& list, const std::string& text)
{
    return std::find(list.begin(), list.end(), text) != list.end();
}

} // namespace

LabelMaker::LabelMaker(const OtlpConfig& config, bool typeAndUnitLabels)
    : config_(config),
      typeAndUnitLabels_(typeAndUnitLabels),
      rules_(rulesOf(config.translationStrategy))
{
    rules_.underscoreSanitization = config.labelNameUnderscoreSanitization;
    rules_.preserveUnderscores = config.labelNamePreserveMultipleUnderscores;
}

absl::StatusOr<std::string> LabelMaker::nameOf(const std::string& attribute)
{
    if (const auto known = names_.find(attribute); known != names_.end()) {
        return known->second;
    }
    NARTHEX_ASSIGN_OR_RETURN(std::string name, labelName(attribute, rules_));
    names_.emplace(attribute, name);
    return name;
}

absl::Status LabelMaker::beginResource(const Attributes& attributes)
{
    const std::string* const service = find(attributes, kService);
    const std::string* const space = find(attributes, kNamespace);
    const std::string* const instance = find(attributes, kInstance);
    job_ = service == nullptr ? "" : space == nullptr ? *service : *space + "/" + *service;
    instance_ = instance == nullptr ? "" : *instance;
    scope_ = {};
    promoted_ = {};
    model::LabelsBuilder labels;
    for (const Attribute& attribute : attributes) {
        const bool isPromoted = config_.promoteAllResourceAttributes
                                    ? !contains(config_.ignoreResourceAttributes, attribute.key)
                                    : contains(config_.promoteResourceAttributes, attribute.key);
        if (isPromoted) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string name, nameOf(attribute.key));
            labels.set(name, attribute.value);
        }
    }
    promoted_ = labels.build();
    return absl::OkStatus();
}

absl::Status LabelMaker::beginScope(const ScopeMetrics& scope)
{
    scope_ = {};
    if (!config_.promoteScopeMetadata || scope.name.empty()) {
        return absl::OkStatus();
    }
    model::LabelsBuilder labels;
    for (const Attribute& attribute : scope.attributes) {
        NARTHEX_ASSIGN_OR_RETURN(const std::string name, nameOf("otel_scope_" + attribute.key));
        labels.set(name, attribute.value);
    }
    labels.set("otel_scope_name", scope.name);
    labels.set("otel_scope_version", scope.version);
    labels.set("otel_scope_schema_url", scope.schemaUrl);
    scope_ = labels.build();
    return absl::OkStatus();
}

absl::Status LabelMaker::addAttributes(const Attributes& attributes, bool withoutIdentity,
                                       model::LabelsBuilder& labels)
{
    std::vector<const Attribute*> sorted;
    for (const Attribute& attribute : attributes) {
        const bool isLeftOut =
            withoutIdentity ? isIdentity(attribute.key) : attribute.key == model::kMetricName;
        if (!isLeftOut) {
            sorted.push_back(&attribute);
        }
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Attribute* a, const Attribute* b) { return a->key < b->key; });
    for (const Attribute* attribute : sorted) {
        if (!rules_.escape) {
            labels.set(attribute->key, attribute->value);
            continue;
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string name, nameOf(attribute->key));
        const std::string before(labels.get(name));
        if (before.empty()) {
            labels.set(name, attribute->value);
        } else {
            collided_.insert(name);
            labels.set(name, before + ";" + attribute->value);
        }
    }
    return absl::OkStatus();
}

void LabelMaker::addIdentity(model::LabelsBuilder& labels) const
{
    if (!job_.empty()) {
        labels.set("job", job_);
    }
    if (!instance_.empty()) {
        labels.set("instance", instance_);
    }
}

absl::StatusOr<model::LabelsBuilder> LabelMaker::pointLabels(const Attributes& attributes,
                                                             const model::Metadata& metadata)
{
    model::LabelsBuilder labels;
    NARTHEX_RETURN_IF_ERROR(addAttributes(attributes, false, labels));
    for (const model::LabelView label : promoted_) {
        if (!labels.has(label.name)) {
            labels.set(label.name, label.value);
        }
    }
    addIdentity(labels);
    for (const model::LabelView label : scope_) {
        labels.set(label.name, label.value);
    }
    if (typeAndUnitLabels_ && metadata.type != model::MetricType::Unknown) {
        labels.set("__type__", model::metricTypeText(metadata.type));
    }
    if (typeAndUnitLabels_ && !metadata.unit.empty()) {
        labels.set("__unit__", metadata.unit);
    }
    return labels;
}

absl::StatusOr<std::optional<model::Labels>> LabelMaker::targetInfo(const Attributes& attributes)
{
    const bool saysMore =
        std::any_of(attributes.begin(), attributes.end(),
                    [](const Attribute& attribute) { return !isIdentity(attribute.key); });
    if (!saysMore || (job_.empty() && instance_.empty())) {
        return std::nullopt;
    }
    model::LabelsBuilder labels;
    NARTHEX_RETURN_IF_ERROR(
        addAttributes(attributes, !config_.keepIdentifyingResourceAttributes, labels));
    addIdentity(labels);
    labels.set(model::kMetricName, "target_info");
    return std::optional(labels.build());
}

} // namespace narthex::remote::otlp
