// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stands around the main file: patterns, the fingerprint for reloads, certificates, and what
// a reload would change. Format: spec/config.md, Loading and reloading.
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/config/config.h"
#include "core/rules/rule_file.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

namespace narthex::config {
namespace {

constexpr std::uint64_t kFileLimit = 64ULL << 20U;

class Sha256
{
public:
    Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free)
    {
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    }
    void add(std::string_view bytes)
    {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }
    std::string hex()
    {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int size = 0;
        EVP_DigestFinal_ex(context_.get(), digest, &size);
        std::string text;
        for (unsigned int i = 0; i < size; ++i) {
            text += fmt::format("{:02x}", digest[i]);
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

absl::Status addFiles(Sha256& hash, std::string_view mark, const std::vector<std::string>& patterns)
{
    for (const std::string& pattern : patterns) {
        for (const std::string& file : base::matchFiles(pattern)) {
            NARTHEX_ASSIGN_OR_RETURN(const std::string content, base::readFile(file, kFileLimit));
            constexpr std::string_view kZero("\0", 1);
            hash.add(mark);
            hash.add(kZero);
            hash.add(file);
            hash.add(kZero);
            hash.add(content);
            hash.add(kZero);
        }
    }
    return absl::OkStatus();
}

} // namespace

absl::Status checkFiles(const Config& config, const promql::Features& features)
{
    std::string problems;
    const auto note = [&problems](const absl::Status& status, const std::string& where) {
        if (!status.ok()) {
            problems += problems.empty() ? "" : "\n";
            problems += where.empty() ? std::string(base::messageOf(status))
                                      : fmt::format("{}: {}", where, base::messageOf(status));
        }
    };
    for (const auto& job : config.jobs) {
        note(net::checkFiles(job->http), fmt::format("scrape config \"{}\"", job->jobName));
    }
    for (std::size_t i = 0; i < config.alerting.alertmanagers.size(); ++i) {
        note(net::checkFiles(config.alerting.alertmanagers[i].http),
             fmt::format("alertmanagers entry {}", i + 1));
    }
    for (const auto& remote : config.remoteWrite) {
        note(net::checkFiles(remote.http), "remote_write " + remote.nameOrHash());
    }
    for (const auto& remote : config.remoteRead) {
        note(net::checkFiles(remote.http), "remote_read " + remote.name);
    }
    for (const std::string& pattern : config.ruleFiles) {
        for (const std::string& file : base::matchFiles(pattern)) {
            note(rules::loadRuleFile(file, {.features = features, .nameScheme = config.global.scrape.nameScheme}).status(), {});
        }
    }
    return problems.empty() ? absl::OkStatus() : absl::InvalidArgumentError(problems);
}

absl::StatusOr<std::string> fingerprint(const Config& config, bool onDisk)
{
    std::string text = config.text;
    if (onDisk) {
        NARTHEX_ASSIGN_OR_RETURN(text, base::readFile(config.file, kFileLimit));
    }
    Sha256 hash;
    hash.add(text);
    NARTHEX_RETURN_IF_ERROR(addFiles(hash, "r", config.ruleFiles));
    NARTHEX_RETURN_IF_ERROR(addFiles(hash, "s", config.scrapeConfigFiles));
    return hash.hex();
}

std::vector<std::string> describeChanges(const Config& before, const Config& after)
{
    std::vector<std::string> changes;
    const auto section = [&changes](bool same, std::string_view name) {
        if (!same) {
            changes.push_back(fmt::format("{} changed", name));
        }
    };
    section(before.global == after.global, "global");
    section(before.runtime == after.runtime, "runtime");
    section(before.alerting == after.alerting, "alerting");
    section(before.ruleFiles == after.ruleFiles, "rule_files");
    section(before.storage == after.storage, "storage");
    section(before.tracing == after.tracing, "tracing");
    section(before.remoteWrite == after.remoteWrite, "remote_write");
    section(before.remoteRead == after.remoteRead, "remote_read");
    section(before.otlp == after.otlp, "otlp");
    const auto find = [](const Config& config, const std::string& name) {
        return std::find_if(config.jobs.begin(), config.jobs.end(),
                            [&name](const auto& job) { return job->jobName == name; });
    };
    for (const auto& job : after.jobs) {
        const auto old = find(before, job->jobName);
        if (old == before.jobs.end()) {
            changes.push_back(fmt::format("scrape job \"{}\" added", job->jobName));
        } else if (!(**old == *job)) {
            changes.push_back(fmt::format("scrape job \"{}\" changed", job->jobName));
        }
    }
    for (const auto& job : before.jobs) {
        if (find(after, job->jobName) == after.jobs.end()) {
            changes.push_back(fmt::format("scrape job \"{}\" removed", job->jobName));
        }
    }
    return changes;
}

} // namespace narthex::config
