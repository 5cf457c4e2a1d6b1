// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/config/config.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/decode.h"

#include <fmt/format.h>

#include <cstdlib>

namespace narthex::config {
namespace {

/// Sections of Prometheus that have no effect in this version.
constexpr std::string_view kWithoutEffect[] = {
    "runtime", "alerting",     "rule_files",  "scrape_config_files",
    "tracing", "remote_write", "remote_read", "otlp"};

void decodeJobs(const yaml::Value& value, const DecodeContext& context, Config& config)
{
    std::map<std::string, std::uint32_t> firstLines;
    for (const yaml::Value& element : value.elements()) {
        if (element.isNull()) {
            element.fail("empty or null scrape config section");
            continue;
        }
        scrape::JobConfig job = decodeJob(element, context, config.global);
        const auto [first, isNew] = firstLines.emplace(job.jobName, element.line());
        if (!isNew) {
            element.fail(fmt::format("found multiple scrape configs with job name \"{}\" (the "
                                     "first is in line {}; give each "
                                     "job a name of its own)",
                                     job.jobName, first->second));
        }
        config.jobs.push_back(std::make_shared<const scrape::JobConfig>(std::move(job)));
    }
}

bool isNameChar(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

} // namespace

std::string DecodeContext::resolve(const std::string& path) const
{
    if (path.empty() || path.front() == '/') {
        return path;
    }
    return (directory / path).string();
}

void DecodeContext::warn(const yaml::Value& value, std::string message) const
{
    warnings.push_back(fmt::format("{}:{}:{}: {}", value.document().file(), value.line(),
                                   value.node().Mark().column + 1, message));
}

std::string expandEnvironment(std::string_view text, std::vector<std::string>& emptyNames)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        if (text[i + 1] == '$') {
            out += '$';
            ++i;
            continue;
        }
        const bool braced = text[i + 1] == '{';
        std::size_t begin = i + (braced ? 2U : 1U);
        std::size_t end = begin;
        while (end < text.size() && isNameChar(text[end], end == begin)) {
            ++end;
        }
        if (end == begin || (braced && (end == text.size() || text[end] != '}'))) {
            if (!braced) {
                out += '$';
            } else {
                i = end < text.size() && text[end] == '}' ? end : end - 1; // "${}" and "${" vanish
            }
            continue;
        }
        const std::string name(text.substr(begin, end - begin));
        const char* value =
            std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): nobody sets variables here
        if (value == nullptr || *value == '\0') {
            emptyNames.push_back(name);
        } else {
            out += value;
        }
        i = braced ? end : end - 1;
    }
    return out;
}

std::string Config::externalLabelsText() const
{
    std::string result = "{";
    for (const auto& [name, value] : global.externalLabels) {
        result += (result.size() > 1 ? ", " : "") + name + "=" + model::quote(value);
    }
    return result + "}";
}

absl::StatusOr<Config> parse(const std::filesystem::path& file, const std::string& text)
{
    Config config;
    config.file = file;
    config.text = text;
    const std::string prefix = fmt::format("parsing YAML file {}", file.string());
    auto document = yaml::Document::parse(file.string(), text);
    if (!document.ok()) {
        return base::annotate(document.status(), prefix);
    }
    const DecodeContext context{.directory = file.parent_path(), .warnings = config.warnings};
    yaml::Object root((*document)->root(), "config.Config");
    if (const auto global = root.take("global"); global && !global->isNull()) {
        decodeGlobal(*global, context, config.global);
    }
    if (const auto jobs = root.take("scrape_configs")) {
        decodeJobs(*jobs, context, config);
    }
    if (const auto storage = root.take("storage"); storage && !storage->isNull()) {
        decodeStorage(*storage, config.storage);
    }
    for (const std::string_view section : kWithoutEffect) {
        if (const auto value = root.take(section); value && !value->isNull()) {
            context.warn(*value, fmt::format("the section {} has no effect yet", section));
        }
    }
    root.finish();
    if (absl::Status status = (*document)->status(); !status.ok()) {
        return base::annotate(status, prefix);
    }
    return config;
}

absl::StatusOr<Config> load(const std::filesystem::path& file)
{
    constexpr std::uint64_t kLimit = 64ULL << 20U;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kLimit));
    return parse(file, text);
}

Config builtIn() { return {}; }

} // namespace narthex::config
