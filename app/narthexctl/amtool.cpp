// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "amtool.h"

#include "core/alertmanager/matchers.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/login_name.h"
#include "core/base/status.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_reader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

namespace narthex::ctl {
namespace {

/// amtool's settings; keys that mean nothing here are passed over.
struct SettingsFile
{
    AmSettings& settings;
    void describe(yaml::Fields& fields)
    {
        fields.field("alertmanager.url", &settings.url);
        fields.field("output", &settings.output);
        fields.field("timeout", &settings.timeout);
        fields.field("http.config.file", &settings.httpConfigFile);
        fields.field("author", &settings.author);
        fields.field("comment_required", &settings.commentRequired);
    }
};

void readSettings(const std::filesystem::path& file, AmSettings& settings)
{
    const auto text = base::readFile(file);
    if (!text.ok()) {
        return;
    }
    const auto document = yaml::Document::parse(file.string(), *text);
    if (!document.ok()) {
        fmt::print(stderr, "{} is not used: {}\n", file.string(),
                   base::messageOf(document.status()));
        return;
    }
    AmSettings read = settings;
    yaml::FieldReader reader((*document)->root(), "amtool settings", file.parent_path());
    SettingsFile{read}.describe(reader);
    if (const absl::Status status = (*document)->status(); !status.ok()) {
        fmt::print(stderr, "{} is not used: {}\n", file.string(), base::messageOf(status));
        return;
    }
    settings = std::move(read);
}

} // namespace

void addAmOptions(CLI::App& command, AmSettings& settings)
{
    command.add_option("--alertmanager.url", settings.url,
                       "The Alertmanager, or a server of ours, which answers on its one port "
                       "(default http://127.0.0.1:9090)");
    command.add_option("-o,--output", settings.output, "simple, extended or json (default simple)")
        ->check(CLI::IsMember({"simple", "extended", "json"}));
    command.add_option("--timeout", settings.timeout,
                       "How long to wait for an answer (default 30s)");
    command.add_option("--http.config.file", settings.httpConfigFile,
                       "File with authentication, TLS and proxy, as Prometheus writes them");
    command.add_option("--date.format", settings.dateFormat, "For times, as strftime reads it");
}

void fillIn(AmSettings& settings)
{
    AmSettings found;
    readSettings("/etc/amtool/config.yml", found);
    if (const char* home = std::getenv("HOME")) { // NOLINT(concurrency-mt-unsafe)
        readSettings(std::filesystem::path(home) / ".config/amtool/config.yml", found);
    }
    const auto take = [](std::string& own, const std::string& other, std::string_view otherwise) {
        if (own.empty()) {
            own = other.empty() ? otherwise : other;
        }
    };
    take(settings.url, found.url, "http://127.0.0.1:9090");
    take(settings.output, found.output, "simple");
    take(settings.timeout, found.timeout, "30s");
    take(settings.httpConfigFile, found.httpConfigFile, "");
    take(settings.author, found.author, base::loginName());
    settings.commentRequired = found.commentRequired;
}

absl::StatusOr<std::unique_ptr<AmSession>> AmSession::open(const AmSettings& settings)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::Duration timeout, base::parseDuration(settings.timeout));
    net::HttpClientConfig http;
    if (!settings.httpConfigFile.empty()) {
        const std::filesystem::path file = settings.httpConfigFile;
        NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file));
        NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file.string(), text));
        yaml::FieldReader reader(document->root(), "HTTP client settings", file.parent_path());
        httpconfig::describe(reader, http);
        reader.finish();
        NARTHEX_RETURN_IF_ERROR(document->status());
        NARTHEX_RETURN_IF_ERROR(net::checkFiles(http));
    }
    std::unique_ptr<AmSession> session(new AmSession());
    const bool hasScheme = settings.url.find("://") != std::string::npos;
    session->client_ = std::make_unique<client::AlertmanagerClient>(
        session->loop_, hasScheme ? settings.url : "http://" + settings.url, std::move(http),
        timeout);
    return session;
}

int withSession(const AmSettings& settings,
                const std::function<absl::Status(client::AlertmanagerClient&)>& work)
{
    const auto session = AmSession::open(settings);
    const absl::Status status = session.ok() ? work((*session)->client()) : session.status();
    if (!status.ok()) {
        fmt::print(stderr, "narthexctl: {}\n", base::messageOf(status));
        return kFailed;
    }
    return kOk;
}

base::Timestamp now() { return base::SystemClock().now(); }

absl::StatusOr<model::Matchers> readMatchers(const std::vector<std::string>& arguments)
{
    model::Matchers matchers;
    for (const std::string& argument : arguments) {
        std::vector<std::string> warnings;
        auto matcher =
            alertmanager::parseMatcher(argument, alertmanager::MatcherMode::Fallback, &warnings);
        for (const std::string& warning : warnings) {
            fmt::print(stderr, "{}\n", warning);
        }
        if (matcher.ok()) {
            matchers.push_back(*std::move(matcher));
        } else if (matchers.empty() && argument.find_first_of("=~") == std::string::npos) {
            matchers.push_back(model::Matcher::equal("alertname", argument));
        } else {
            return matcher.status();
        }
    }
    return matchers;
}

absl::StatusOr<model::Labels> readLabels(const std::vector<std::string>& arguments,
                                         bool firstIsName)
{
    model::LabelsBuilder labels;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i == 0 && firstIsName && arguments[i].find('=') == std::string::npos) {
            labels.set("alertname", arguments[i]);
            continue;
        }
        const auto matcher =
            alertmanager::parseMatcher(arguments[i], alertmanager::MatcherMode::Fallback);
        NARTHEX_RETURN_IF_ERROR(matcher.status());
        if (matcher->type() != model::MatchType::Equal) {
            return base::invalidArgument("labels must be specified as key=value pairs: {}",
                                         arguments[i]);
        }
        labels.set(matcher->name(), matcher->value());
    }
    return labels.build();
}

void printTable(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += fmt::format("{:<{}}", row[i], widths[i] + 2);
        }
        fmt::print("{}\n", line);
    }
}

std::string showTime(const AmSettings& settings, const std::string& rfc3339)
{
    const auto time = base::parseTimestamp(rfc3339);
    if (!time.ok()) {
        return rfc3339;
    }
    const std::time_t seconds = time->ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::string text(128, '\0');
    text.resize(std::strftime(text.data(), text.size(), settings.dateFormat.c_str(), &parts));
    return text;
}

std::string showMatchers(const client::Json& silence)
{
    std::string text;
    for (const client::Json& each : silence["matchers"].items()) {
        const bool isEqual = each["isEqual"].boolean(true);
        const bool isRegex = each["isRegex"].boolean();
        const auto matcher = model::Matcher::create(
            isRegex ? (isEqual ? model::MatchType::Regex : model::MatchType::NotRegex)
                    : (isEqual ? model::MatchType::Equal : model::MatchType::NotEqual),
            each["name"].text(), each["value"].text());
        text += text.empty() ? "" : " ";
        text += matcher.ok() ? alertmanager::toText(*matcher) : each.json();
    }
    return text;
}

absl::StatusOr<base::Timestamp> readMoment(const std::string& text, base::Timestamp now)
{
    if (auto time = base::parseTimestamp(text); time.ok()) {
        return time;
    }
    const bool past = text.starts_with('-');
    const auto duration = base::parseDuration(past ? text.substr(1) : text);
    if (!duration.ok()) {
        return base::invalidArgument("\"{}\" is neither a time (RFC 3339) nor a duration", text);
    }
    return past ? now - *duration : now + *duration;
}

std::string pairsText(const client::Json& pairs)
{
    std::string text;
    for (const auto& [name, value] : pairs.members()) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, model::quote(value.text()));
    }
    return text;
}

} // namespace narthex::ctl
