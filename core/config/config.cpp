// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/config/config.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/yaml/field_printer.h"
#include "core/yaml/field_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::config {
namespace {

using JobList = std::vector<std::shared_ptr<const scrape::JobConfig>>;

constexpr std::uint64_t kFileLimit = 64ULL << 20U;

/// Where a job name was seen first.
struct FirstPlace
{
    std::string file;
    std::uint32_t line = 0;
};
using Names = std::map<std::string, FirstPlace>;

/// Reads `scrape_configs` of one file. `mainFile`: that of the whole configuration.
JobList readJobs(const yaml::Value& value, const std::filesystem::path& directory,
                 const GlobalConfig& global, const std::string& mainFile, Names& names,
                 std::vector<std::string>& warnings)
{
    JobList jobs;
    const std::string& file = value.document().file();
    for (const yaml::Value& element : value.elements()) {
        if (element.isNull()) {
            element.fail("empty or null scrape config section");
            continue;
        }
        scrape::JobConfig job = scrape::readJob(element, directory, global.scrape, &warnings);
        const auto [first, isNew] =
            names.emplace(job.jobName, FirstPlace{.file = file, .line = element.line()});
        if (!isNew) {
            std::string message =
                fmt::format("found multiple scrape configs with job name \"{}\"", job.jobName);
            if (file != mainFile) {
                message += first->second.file == mainFile
                               ? ", first found in main config file"
                               : fmt::format(", first found in \"{}\"", first->second.file);
            }
            element.fail(fmt::format("{} (line {}; give each job a name of its own)", message,
                                     first->second.line));
        }
        jobs.push_back(std::make_shared<const scrape::JobConfig>(std::move(job)));
    }
    return jobs;
}

/// A file named by scrape_config_files.
absl::Status readExtraFile(const std::string& file, Config& config, Names& names)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kFileLimit));
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file, text));
    yaml::Object root(document->root(), "config.ScrapeConfigs");
    if (const auto value = root.take("scrape_configs")) {
        for (auto& job : readJobs(*value, std::filesystem::path(file).parent_path(), config.global,
                                  config.file.string(), names, config.warnings)) {
            config.jobs.push_back(std::move(job));
        }
    }
    root.finish();
    return document->status();
}

/// '*' only after the last slash.
bool isOneLevelPattern(std::string_view pattern)
{
    const std::size_t star = pattern.find('*');
    return star == std::string_view::npos ||
           (pattern.find('/', star) == std::string_view::npos &&
            pattern.find('*', star + 1) == std::string_view::npos);
}

void patterns(yaml::Fields& fields, std::string_view name, std::string_view what,
              std::vector<std::string>& list)
{
    std::vector<std::string> written;
    if (const auto value = fields.take(name)) {
        value->into(written);
    }
    for (const std::string& pattern : written) {
        if (!isOneLevelPattern(pattern)) {
            fields.failAt(name, fmt::format("invalid {} file path \"{}\" ('*' may stand once, in "
                                            "the last part of the path)",
                                            what, pattern));
        }
    }
    fields.paths(name, list);
}

/// The main file, but for its jobs.
struct MainSections
{
    Config& config;

    void describe(yaml::Fields& fields)
    {
        fields.section("global", config.global, true, config.global);
        fields.section("runtime", config.runtime, true);
        config.alerting.nameScheme = config.global.scrape.nameScheme;
        rules::AlertingConfig none;
        none.nameScheme = config.alerting.nameScheme;
        const bool alerts = !(config.alerting == none);
        if (fields.reading() || alerts) {
            fields.section("alerting", config.alerting, alerts, none);
        }
        patterns(fields, "rule_files", "rule", config.ruleFiles);
        patterns(fields, "scrape_config_files", "scrape config", config.scrapeConfigFiles);
        if (!fields.reading()) {
            printJobs(fields);
        }
        const StorageConfig noStorage;
        fields.section("storage", config.storage, !(config.storage == noStorage));
        fields.section("tracing", config.tracing);
        remote::describeRemoteWrite(fields, config.remoteWrite, config.global.scrape.nameScheme);
        remote::describeRemoteRead(fields, config.remoteRead);
        fields.section("otlp", config.otlp, true, remote::OtlpConfig::zero());
        if (fields.reading()) {
            checkOtlp(fields);
        }
    }

    void printJobs(yaml::Fields& fields) const
    {
        YAML::Node list(YAML::NodeType::Sequence);
        for (const auto& job : config.ownJobs) {
            yaml::FieldPrinter printer;
            scrape::JobConfig copy = *job;
            copy.describe(printer);
            list.push_back(printer.node());
        }
        if (list.size() != 0) {
            fields.print("scrape_configs", list);
        }
    }

    void checkOtlp(yaml::Fields& fields) const
    {
        const std::string& strategy = config.otlp.translationStrategy;
        if (config.global.scrape.nameScheme == relabel::NameScheme::Legacy &&
            (strategy == "NoUTF8EscapingWithSuffixes" || strategy == "NoTranslation")) {
            fields.failAt("otlp", fmt::format("OTLP translation strategy \"{}\" is not allowed "
                                              "when UTF8 is disabled",
                                              strategy));
        }
    }
};

/// Sections that are checked and kept for later versions of this program.
void warnOfSectionsWithoutEffect(yaml::Fields& fields, const Config& config)
{
    const auto warn = [&fields](bool used, std::string_view section) {
        if (used) {
            fields.warn(section, fmt::format("the section {} has no effect yet", section));
        }
    };
    warn(config.tracing.has_value(), "tracing");
}

} // namespace

std::string Config::externalLabelsText() const
{
    std::string result = "{";
    for (const auto& [name, value] : global.externalLabels) {
        result += (result.size() > 1 ? ", " : "") + name + "=" + model::quote(value);
    }
    return result + "}";
}

std::string Config::toYaml() const
{
    Config copy = *this;
    yaml::FieldPrinter printer;
    MainSections{copy}.describe(printer);
    return yaml::toText(printer.node());
}

absl::StatusOr<Config> parse(const std::filesystem::path& file, const std::string& text,
                             const LoadOptions& options)
{
    Config config;
    config.file = file;
    config.text = text;
    config.global.scrape.extraScrapeMetrics = options.extraScrapeMetrics;
    if (options.protobufFirst) {
        config.global.scrape.scrapeProtocols = scrape::defaultProtocols(true);
    }
    const std::string prefix = fmt::format("parsing YAML file {}", file.string());
    auto document = yaml::Document::parse(file.string(), text);
    if (!document.ok()) {
        return base::annotate(document.status(), prefix);
    }
    Names names;
    yaml::FieldReader root((*document)->root(), "config.Config", file.parent_path(),
                           &config.warnings);
    MainSections{config}.describe(root);
    if (const auto jobs = root.take("scrape_configs")) {
        config.ownJobs = readJobs(*jobs, file.parent_path(), config.global, file.string(), names,
                                  config.warnings);
    }
    config.jobs = config.ownJobs;
    warnOfSectionsWithoutEffect(root, config);
    root.finish();
    if (absl::Status status = (*document)->status(); !status.ok()) {
        return base::annotate(status, prefix);
    }
    for (const std::string& pattern : config.scrapeConfigFiles) {
        for (const std::string& extra : base::matchFiles(pattern)) {
            const std::string absolute = std::filesystem::absolute(extra).string();
            if (absl::Status status = readExtraFile(absolute, config, names); !status.ok()) {
                return base::annotate(status, fmt::format("{}: \"{}\"", prefix, absolute));
            }
        }
    }
    return config;
}

absl::StatusOr<Config> load(const std::filesystem::path& file, const LoadOptions& options)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kFileLimit));
    return parse(file, text, options);
}

Config builtIn() { return {}; }

} // namespace narthex::config
