// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/config.h"

#include "core/alertmanager/config_check.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <algorithm>
#include <array>
#include <glob.h>

namespace narthex::alertmanager {
namespace {

using yaml::Fields;

constexpr std::uint64_t kFileLimit = 64ULL << 20U;

/// A list whose elements are prepared before they are read.
template <typename T, typename Prepare>
void listOf(Fields& fields, std::string_view name, const std::string& type, std::vector<T>& values,
            Prepare prepare)
{
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        if (!values.empty()) {
            fields.list(name, values);
        }
        return;
    }
    const auto value = fields.take(name);
    if (!value) {
        return;
    }
    for (const yaml::Value& element : value->elements()) {
        if (element.isNull()) {
            element.fail(fmt::format("empty or null section in {}", name));
            continue;
        }
        T& each = values.emplace_back();
        prepare(each);
        yaml::FieldReader sub(element, type, reader->directory(), reader->warnings());
        each.describe(sub);
        sub.finish();
    }
}

/// One receiver, with the kinds and the global section that it needs to be read.
struct ReceiverDescription
{
    ReceiverSettings& settings;
    const Config& config;

    void describe(Fields& fields)
    {
        fields.field("name", &settings.name);
        std::map<std::string, std::string> labels = settings.labels;
        if (!fields.reading()) {
            labels.erase("name");
        }
        fields.field("labels", &labels);
        for (const ReceiverKind& kind : config.options.kinds) {
            describeKind(fields, kind);
        }
        if (!fields.reading()) {
            return;
        }
        fields.check(!settings.name.empty(), "missing name in receiver");
        const auto [own, added] = labels.emplace("name", settings.name);
        if (!added && own->second != settings.name) {
            fields.failAt("labels", fmt::format("receiver label \"name\" must match receiver name "
                                                "\"{}\", got \"{}\"",
                                                settings.name, own->second));
        }
        settings.labels = std::move(labels);
    }

    void describeKind(Fields& fields, const ReceiverKind& kind)
    {
        const std::string key = fmt::format("{}_configs", kind.name);
        if (auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields)) {
            if (const auto value = fields.take(key)) {
                readKind(*reader, kind, key, *value);
            }
            return;
        }
        YAML::Node list(YAML::NodeType::Sequence);
        for (const IntegrationSettings& each : settings.integrations) {
            if (each.config->kind() == kind.name) {
                const auto* hidden = dynamic_cast<yaml::FieldPrinter*>(&fields);
                yaml::FieldPrinter printer(hidden != nullptr ? hidden->secrets()
                                                             : yaml::Secrets::Hidden);
                each.config->clone()->describe(printer);
                list.push_back(printer.node());
            }
        }
        if (list.size() != 0) {
            fields.print(key, list);
        }
    }

    void readKind(yaml::FieldReader& reader, const ReceiverKind& kind, const std::string& key,
                  const yaml::Value& value)
    {
        std::size_t index = 0;
        for (const yaml::Value& element : value.elements()) {
            if (element.isNull() && !kind.nullMeansDefaults) {
                element.fail(fmt::format("missing {} config", kind.name));
                continue;
            }
            std::unique_ptr<ReceiverConfig> own = kind.make();
            const std::size_t problems = element.document().problems().size();
            yaml::FieldReader sub(element, key, reader.directory(), reader.warnings());
            own->describe(sub);
            sub.finish();
            if (element.document().problems().size() == problems) {
                if (const absl::Status status = own->complete(config.global); !status.ok()) {
                    element.fail(std::string(base::messageOf(status)));
                }
            }
            settings.integrations.push_back({std::move(own), index++});
        }
    }
};

void describeReceivers(Fields& fields, Config& config)
{
    auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
    if (reader == nullptr) {
        YAML::Node list(YAML::NodeType::Sequence);
        for (ReceiverSettings& receiver : config.receivers) {
            const auto* outer = dynamic_cast<yaml::FieldPrinter*>(&fields);
            yaml::FieldPrinter printer(outer != nullptr ? outer->secrets() : yaml::Secrets::Hidden);
            ReceiverDescription{receiver, config}.describe(printer);
            list.push_back(printer.node());
        }
        fields.print("receivers", list);
        return;
    }
    const auto value = fields.take("receivers");
    if (!value) {
        return;
    }
    for (const yaml::Value& element : value->elements()) {
        ReceiverSettings receiver;
        yaml::FieldReader sub(element, "config.Receiver", reader->directory(), reader->warnings());
        ReceiverDescription{receiver, config}.describe(sub);
        sub.finish();
        if (!receiver.name.empty() && config.receiver(receiver.name) != nullptr) {
            element.fail(
                fmt::format("notification config name \"{}\" is not unique", receiver.name));
        }
        config.receivers.push_back(std::move(receiver));
    }
}

/// `outputs` of the event recorder.
struct EventRecorder
{
    void describe(Fields& fields)
    {
        const auto outputs = fields.take("outputs");
        if (!outputs) {
            return;
        }
        for (const yaml::Value& output : outputs->elements()) {
            constexpr std::array<std::string_view, 4> kTypes = {"file", "webhook", "kafka",
                                                                "stdout"};
            std::string type;
            if (output.isMap() && output.node()["type"]) {
                yaml::Value(output.node()["type"], output.document()).into(type);
            }
            if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
                output.fail(fmt::format("unknown event recorder output type \"{}\" (file, webhook, "
                                        "kafka or stdout)",
                                        type));
            }
        }
    }
    friend bool operator==(const EventRecorder&, const EventRecorder&) = default;
};

struct MainSections
{
    Config& config;

    void describe(Fields& fields)
    {
        fields.section("global", config.global, true);
        if (fields.reading() && !fields.written("route")) {
            fields.fail("no routes provided");
        }
        describeRoute(fields);
        listOf(fields, "inhibit_rules", "config.InhibitRule", config.inhibitRules,
               [this](InhibitRule& rule) { rule.mode = config.options.mode; });
        describeReceivers(fields, config);
        fields.paths("templates", config.templates);
        listOf(fields, "mute_time_intervals", "config.MuteTimeInterval", config.muteTimeIntervals,
               [](TimeInterval&) {});
        listOf(fields, "time_intervals", "config.TimeInterval", config.timeIntervals,
               [](TimeInterval&) {});
        fields.section("tracing", config.tracing);
        EventRecorder recorder;
        fields.section("event_recorder", recorder);
        if (fields.reading()) {
            warn(fields);
        }
    }

    void describeRoute(Fields& fields)
    {
        auto* const reader = dynamic_cast<yaml::FieldReader*>(&fields);
        config.route.mode = config.options.mode;
        if (reader == nullptr) {
            yaml::FieldPrinter printer; // no secrets in routes
            config.route.describe(printer);
            fields.print("route", printer.node());
        } else if (const auto value = fields.take("route")) {
            if (value->isNull()) {
                value->fail("no routes provided");
                return;
            }
            yaml::FieldReader sub(*value, "config.Route", reader->directory(), reader->warnings());
            config.route.describe(sub);
            sub.finish();
        }
    }

    void warn(Fields& fields) const
    {
        if (!config.muteTimeIntervals.empty()) {
            fields.warn("mute_time_intervals",
                        "mute_time_intervals is deprecated: write time_intervals");
        }
        for (const std::string_view name : {"tracing", "event_recorder"}) {
            if (fields.written(name)) {
                fields.warn(name, fmt::format("the section {} has no effect here", name));
            }
        }
    }
};

/// What is wrong in the document, in the words of Alertmanager's users.
absl::Status statusOf(const yaml::Document& document)
{
    if (document.problems().empty()) {
        return absl::OkStatus();
    }
    std::string text;
    for (const yaml::Problem& problem : document.problems()) {
        const bool decoding = problem.message.starts_with("cannot unmarshal") ||
                              problem.message.find(" in type ") != std::string::npos;
        text += fmt::format("{}{}:{}:{}: ", text.empty() ? "" : "\n", document.file(), problem.line,
                            problem.column);
        text += decoding ? fmt::format("yaml: unmarshal errors: line {}: ", problem.line) : "";
        text += problem.message;
    }
    const yaml::Problem& first = document.problems().front();
    return base::withPosition(
        absl::InvalidArgumentError(text),
        {.file = document.file(), .line = first.line, .column = first.column});
}

} // namespace

std::string IntegrationSettings::name() const
{
    return fmt::format("{}[{}]", config->kind(), index);
}

void InhibitRule::describe(Fields& fields)
{
    fields.field("name", &name);
    describeMatchers(fields, {"source_matchers", "source_match", "source_match_re"}, mode,
                     sourceTexts, sourceMatch, sourceMatchRe, source);
    describeMatchers(fields, {"target_matchers", "target_match", "target_match_re"}, mode,
                     targetTexts, targetMatch, targetMatchRe, target);
    fields.field("equal", &equal, yaml::Printing::Flow);
    if (!fields.reading()) {
        return;
    }
    for (const std::string& label : equal) {
        if (!isValidLabelName(label, mode)) {
            fields.failAt("equal", fmt::format("invalid label name \"{}\" in equal list", label));
        }
    }
}

void TracingConfig::describe(Fields& fields)
{
    fields.field("client_type", &clientType);
    fields.field("endpoint", &endpoint);
    fields.field("sampling_fraction", &samplingFraction);
    fields.field("insecure", &insecure);
    httpconfig::describeTlsSection(fields, tls);
    fields.field("headers", &headers);
    fields.field("compression", &compression);
    fields.field("timeout", &timeout);
    if (!fields.reading()) {
        return;
    }
    fields.check(!endpoint.empty(), "tracing endpoint must be set");
    if (clientType != "grpc" && clientType != "http") {
        fields.failAt("client_type", "expected tracing client type to be http or grpc");
    }
    if (!compression.empty() && compression != "gzip") {
        fields.failAt("compression", fmt::format("invalid compression type {} provided, valid "
                                                 "options: gzip",
                                                 compression));
    }
}

std::string Config::toYaml(bool revealed) const
{
    Config copy = *this;
    yaml::FieldPrinter printer(revealed ? yaml::Secrets::Revealed : yaml::Secrets::Hidden);
    MainSections{copy}.describe(printer);
    return yaml::toText(printer.node());
}

const ReceiverSettings* Config::receiver(std::string_view name) const
{
    const auto found =
        std::find_if(receivers.begin(), receivers.end(),
                     [name](const ReceiverSettings& each) { return each.name == name; });
    return found == receivers.end() ? nullptr : &*found;
}

TimeIntervals Config::intervals() const
{
    TimeIntervals all;
    for (const auto* list : {&muteTimeIntervals, &timeIntervals}) {
        for (const TimeInterval& each : *list) {
            all.emplace(each.name, each);
        }
    }
    return all;
}

std::vector<std::filesystem::path> Config::templateFiles() const
{
    std::vector<std::filesystem::path> files;
    for (const std::string& pattern : templates) {
        glob_t found{};
        if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
            for (std::size_t i = 0; i < found.gl_pathc; ++i) {
                files.emplace_back(found.gl_pathv[i]);
            }
        }
        ::globfree(&found);
    }
    return files;
}

absl::StatusOr<Config> parseConfig(const std::filesystem::path& file, const std::string& text,
                                   const LoadOptions& options)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file.string(), text));
    if (document->root().isNull()) {
        return base::invalidArgument("{}: no route provided in config", file.string());
    }
    Config config;
    config.file = file;
    config.text = text;
    config.options = options;
    yaml::FieldReader root(document->root(), "config.Config", file.parent_path(), &config.warnings);
    MainSections{config}.describe(root);
    root.finish();
    if (document->root().isMap()) {
        checkConfig(config, root);
    }
    NARTHEX_RETURN_IF_ERROR(statusOf(*document));
    return config;
}

absl::StatusOr<Config> loadConfig(const std::filesystem::path& file, const LoadOptions& options)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kFileLimit));
    return parseConfig(file, text, options);
}

} // namespace narthex::alertmanager
