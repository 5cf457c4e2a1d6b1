// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/kubernetes/config.h"

#include "core/base/status.h"
#include "core/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::discovery::kubernetes {
namespace {

struct RoleSelectors
{
    std::string_view role;
    std::vector<std::string_view> selectors;
};

/// Whose objects a role follows and may be selected.
const std::vector<RoleSelectors>& allowedSelectors()
{
    static const std::vector<RoleSelectors> kAllowed = {
        {"pod", {"pod", "node"}},
        {"service", {"service"}},
        {"endpointslice", {"pod", "service", "endpointslice"}},
        {"endpoints", {"pod", "service", "endpoints"}},
        {"node", {"node"}},
        {"ingress", {"ingress"}},
    };
    return kAllowed;
}

const RoleSelectors* find(std::string_view role)
{
    const auto& all = allowedSelectors();
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.role == role; });
    return at == all.end() ? nullptr : &*at;
}

/// At commas that stand neither behind a backslash nor in parentheses.
std::vector<std::string_view> terms(std::string_view text)
{
    std::vector<std::string_view> result;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || (text[i] == ',' && depth <= 0)) {
            result.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        } else if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '(') {
            ++depth;
        } else if (text[i] == ')') {
            --depth;
        }
    }
    return result;
}

absl::Status notUnderstood(std::string_view text, std::string_view part)
{
    return base::invalidArgument("invalid selector: '{}'; can't understand '{}'", text, part);
}

bool isLabelWord(std::string_view word)
{
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
    return word.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool isKey(std::string_view word) { return !word.empty() && isLabelWord(word); }

/// `key in (a, b)`, `key notin (a)`
bool isSetTerm(std::string_view term)
{
    const std::size_t open = term.find('(');
    if (open == std::string_view::npos || !term.ends_with(')')) {
        return false;
    }
    const std::string_view head = base::trimmed(term.substr(0, open));
    const std::size_t blank = head.find_first_of(" \t");
    if (blank == std::string_view::npos || !isKey(head.substr(0, blank))) {
        return false;
    }
    const std::string_view word = base::trimmed(head.substr(blank));
    const auto values = terms(term.substr(open + 1, term.size() - open - 2));
    return (word == "in" || word == "notin") &&
           std::all_of(values.begin(), values.end(),
                       [](std::string_view value) { return isLabelWord(base::trimmed(value)); });
}

bool isLabelTerm(std::string_view term)
{
    if (term.find('(') != std::string_view::npos) {
        return isSetTerm(term);
    }
    for (const std::string_view sign : {"!=", "==", "=", "<", ">"}) {
        const std::size_t at = term.find(sign);
        if (at != std::string_view::npos && at > 0) {
            return isKey(base::trimmed(term.substr(0, at))) &&
                   isLabelWord(base::trimmed(term.substr(at + sign.size())));
        }
    }
    return isKey(base::trimmed(term.starts_with('!') ? term.substr(1) : term));
}

} // namespace

absl::Status checkFieldSelector(std::string_view text)
{
    for (const std::string_view term : terms(text)) {
        // A name, then = (which == and != hold as well).
        if (!term.empty() && term.find('=') == std::string_view::npos) {
            return notUnderstood(text, term);
        }
    }
    return absl::OkStatus();
}

absl::Status checkLabelSelector(std::string_view text)
{
    if (base::trimmed(text).empty()) {
        return absl::OkStatus();
    }
    for (const std::string_view term : terms(text)) {
        if (!isLabelTerm(base::trimmed(term))) {
            return notUnderstood(text, term);
        }
    }
    return absl::OkStatus();
}

void Selector::describe(yaml::Fields& fields)
{
    fields.field("role", &role);
    fields.field("label", &label);
    fields.field("field", &field);
}

void Namespaces::describe(yaml::Fields& fields)
{
    fields.field("own_namespace", &own, yaml::Printing::Always);
    fields.field("names", &names);
}

void Attach::describe(yaml::Fields& fields)
{
    fields.field("node", &node, yaml::Printing::Always);
    fields.field("namespace", &nameSpace, yaml::Printing::Always);
    fields.field("deployment", &deployment);
    fields.field("job", &job);
    fields.field("cronjob", &cronJob);
}

void Config::describe(yaml::Fields& fields)
{
    fields.field("api_server", &apiServer);
    fields.field("role", &role);
    fields.path("kubeconfig_file", kubeconfigFile);
    httpconfig::describe(fields, http);
    fields.section("namespaces", namespaces);
    fields.list("selectors", selectors);
    fields.section("attach_metadata", attach);
    if (fields.reading()) {
        check(fields);
    }
}

void Config::check(yaml::Fields& fields) const
{
    if (role.empty()) {
        fields.fail("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
    } else if (find(role) == nullptr) {
        fields.failAt("role", fmt::format("unknown Kubernetes SD role {}", model::quote(role)));
    }
    const bool customHttp = http != net::HttpClientConfig{};
    if (!apiServer.empty()) {
        const bool web = apiServer.starts_with("http://") || apiServer.starts_with("https://");
        if (!web || apiServer.ends_with("//")) {
            fields.failAt("api_server", fmt::format("{} is no URL (https://host:port is needed)",
                                                    model::quote(apiServer)));
        }
        fields.check(kubeconfigFile.empty(),
                     "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
        fields.check(!namespaces.own,
                     "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
    } else if (!kubeconfigFile.empty()) {
        fields.check(!customHttp, "cannot use a custom HTTP client configuration together with "
                                  "'kubeconfig_file'");
        fields.check(!namespaces.own,
                     "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
    } else {
        fields.check(!customHttp, "to use custom HTTP client configuration please provide the "
                                  "'api_server' URL explicitly");
    }
    checkSelectors(fields);
}

void Config::checkSelectors(yaml::Fields& fields) const
{
    const RoleSelectors* const allowed = find(role);
    std::set<std::string_view> seen;
    for (const Selector& selector : selectors) {
        if (!seen.insert(selector.role).second) {
            fields.failAt("selectors", fmt::format("duplicated selector role: {}", selector.role));
            return;
        }
        if (allowed == nullptr) {
            return; // the role itself is reported
        }
        if (find(selector.role) == nullptr) {
            fields.failAt("selectors", fmt::format("unknown Kubernetes SD role {}",
                                                   model::quote(selector.role)));
            return;
        }
        if (std::find(allowed->selectors.begin(), allowed->selectors.end(), selector.role) ==
            allowed->selectors.end()) {
            fields.failAt("selectors", fmt::format("{} role supports only {} selectors", role,
                                                   fmt::join(allowed->selectors, ", ")));
            return;
        }
        absl::Status status = checkFieldSelector(selector.field);
        status.Update(checkLabelSelector(selector.label));
        if (!status.ok()) {
            fields.failAt("selectors", std::string(base::messageOf(status)));
        }
    }
}

} // namespace narthex::discovery::kubernetes
