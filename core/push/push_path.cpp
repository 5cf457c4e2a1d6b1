// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/push/push_path.h"

#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/model/labels.h"
#include "core/model/name_escaping.h"
#include "core/net/crypto.h"
#include "core/net/parameters.h"

#include <vector>

namespace narthex::push {
namespace {

constexpr std::string_view kEncoded = "@base64";

std::vector<std::string_view> split(std::string_view path)
{
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t slash = path.find('/');
        parts.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) {
            return parts;
        }
        path.remove_prefix(slash + 1);
    }
}

absl::Status checkText(std::string_view name, std::string_view value)
{
    return base::isValidUtf8(value)
               ? absl::OkStatus()
               : base::invalidArgument("invalid UTF-8 in label {}={}", name, model::quote(value));
}

absl::StatusOr<std::string> labelName(std::string_view text, bool utf8Names)
{
    const std::string name = utf8Names ? model::unescapeName(text) : std::string(text);
    const bool isValid =
        utf8Names ? !name.empty() && base::isValidUtf8(name) : model::isLegacyLabelName(name);
    if (!isValid || text.starts_with("__") || name.starts_with("__")) {
        return base::invalidArgument("improper label name {}", model::quote(text));
    }
    return name;
}

absl::StatusOr<std::string> jobOf(std::string_view name, std::string_view value)
{
    std::string job(value);
    if (name.ends_with(kEncoded)) {
        auto decoded = net::decodeBase64Url(value);
        if (!decoded.ok()) {
            return base::invalidArgument("invalid base64 encoding in job name {}: {}",
                                         model::quote(value), base::messageOf(decoded.status()));
        }
        job = *std::move(decoded);
    }
    if (job.empty()) {
        return base::invalidArgument("job name is required");
    }
    NARTHEX_RETURN_IF_ERROR(checkText("job", job));
    return job;
}

} // namespace

absl::StatusOr<GroupingKey> parsePushPath(std::string_view path, bool utf8Names)
{
    if (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    const std::vector<std::string_view> parts = split(path);
    if (parts[0] != "job" && parts[0] != "job@base64") {
        return base::invalidArgument("a push path begins with /metrics/job/<job>");
    }
    if (parts.size() < 2) {
        return base::invalidArgument("job name is required");
    }
    NARTHEX_ASSIGN_OR_RETURN(std::string job, jobOf(parts[0], parts[1]));
    if (parts.size() % 2 != 0) {
        const std::size_t start = parts[0].size() + 1 + parts[1].size();
        return base::invalidArgument("odd number of components in label string {}",
                                     model::quote(path.substr(start)));
    }
    GroupingKey key;
    for (std::size_t i = 2; i < parts.size(); i += 2) {
        std::string_view written = parts[i];
        const bool isEncoded = written.ends_with(kEncoded);
        if (isEncoded) {
            written.remove_suffix(kEncoded.size());
        }
        NARTHEX_ASSIGN_OR_RETURN(const std::string name, labelName(written, utf8Names));
        std::string value(parts[i + 1]);
        if (isEncoded) {
            auto decoded = net::decodeBase64Url(value);
            if (!decoded.ok()) {
                return base::invalidArgument("invalid base64 encoding for label {}={}: {}", written,
                                             model::quote(value),
                                             base::messageOf(decoded.status()));
            }
            value = *std::move(decoded);
        }
        NARTHEX_RETURN_IF_ERROR(checkText(name, value));
        key[name] = std::move(value);
    }
    key["job"] = std::move(job);
    return key;
}

std::string pushPath(const GroupingKey& key)
{
    const auto pair = [](const std::string& name, const std::string& value) {
        if (!value.empty() && value.find('/') == std::string::npos) {
            return net::percentEncode(name) + "/" + net::percentEncode(value);
        }
        const std::string encoded = net::base64Url(value);
        return net::percentEncode(name) + "@base64/" + (encoded.empty() ? "=" : encoded);
    };
    const auto job = key.find("job");
    std::string path = pair("job", job == key.end() ? "" : job->second);
    for (const auto& [name, value] : key) {
        if (name != "job") {
            path += "/" + pair(name, value);
        }
    }
    return path;
}

} // namespace narthex::push
