// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/config_keys.h"

#include "core/base/number.h"
#include "core/base/status.h"
#include "core/gotemplate/value_json.h"
#include "core/httpconfig/http_client_keys.h"
#include "core/yaml/field_printer.h"

#include <fmt/format.h>

namespace narthex::alertmanager {
namespace {

struct HttpSection
{
    net::HttpClientConfig http;
    void describe(yaml::Fields& fields) { httpconfig::describe(fields, http); }
    friend bool operator==(const HttpSection&, const HttpSection&) = default;
};

struct TlsSection
{
    net::TlsConfig tls;
    void describe(yaml::Fields& fields) { httpconfig::describeTls(fields, tls); }
    friend bool operator==(const TlsSection&, const TlsSection&) = default;
};

gotemplate::Value scalarOf(const YAML::Node& node)
{
    const std::string& text = node.Scalar();
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
        return text; // in quotes
    }
    if (text == "true" || text == "false") {
        return text == "true";
    }
    if (text == "null" || text == "~" || text.empty()) {
        return {};
    }
    if (const auto integer = base::parseInt(text); integer && text[0] != '+') {
        return *integer;
    }
    if (text.find_first_not_of("0123456789.eE+-") == std::string::npos) {
        if (const auto real = base::parseFloat(text)) {
            return *real;
        }
    }
    return text;
}

YAML::Node nodeOf(const gotemplate::Value& value)
{
    if (const auto text = value.text()) {
        return yaml::stringNode(std::string(*text));
    }
    if (const auto elements = value.elements()) {
        YAML::Node list(YAML::NodeType::Sequence);
        for (const gotemplate::Value& each : *elements) {
            list.push_back(nodeOf(each));
        }
        return list;
    }
    if (const auto* map = value.as<std::shared_ptr<const gotemplate::Map>>()) {
        YAML::Node node(YAML::NodeType::Map);
        for (const auto& [name, each] : **map) {
            node[name] = nodeOf(each);
        }
        return node;
    }
    return value.isNil() ? YAML::Node(YAML::NodeType::Null) : YAML::Node(value.toText());
}

} // namespace

void describeHttp(yaml::Fields& fields, std::optional<net::HttpClientConfig>& http)
{
    std::optional<HttpSection> section;
    if (http) {
        section.emplace(HttpSection{*http});
    }
    fields.section("http_config", section);
    if (fields.reading()) {
        http.reset();
        if (section) {
            http.emplace(std::move(section->http));
        }
    }
}

void describeTls(yaml::Fields& fields, std::string_view name, std::optional<net::TlsConfig>& tls)
{
    std::optional<TlsSection> section;
    if (tls) {
        section.emplace(TlsSection{*tls});
    }
    fields.section(name, section);
    if (fields.reading()) {
        tls.reset();
        if (section) {
            tls.emplace(std::move(section->tls));
        }
    }
}

absl::Status checkUrl(std::string_view url)
{
    const std::size_t colon = url.find(':');
    const std::string_view scheme =
        colon == std::string_view::npos ? std::string_view() : url.substr(0, colon);
    if (scheme != "http" && scheme != "https") {
        return base::invalidArgument("unsupported scheme \"{}\" for URL", scheme);
    }
    std::string_view rest = url.substr(colon + 1);
    const bool hasAuthority = rest.starts_with("//");
    rest.remove_prefix(hasAuthority ? 2 : 0);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const std::string_view host = authority.substr(authority.rfind('@') + 1);
    if (!hasAuthority || host.empty() || host.starts_with(':')) {
        return base::invalidArgument("missing host for URL");
    }
    return absl::OkStatus();
}

namespace {

void checkUrlField(yaml::Fields& fields, std::string_view name, std::string_view url)
{
    if (!fields.reading() || !fields.written(name)) {
        return;
    }
    if (const absl::Status status = checkUrl(url); !status.ok()) {
        fields.failAt(name, std::string(base::messageOf(status)));
    }
}

} // namespace

void describeUrl(yaml::Fields& fields, std::string_view name, std::string& url)
{
    fields.field(name, &url);
    checkUrlField(fields, name, url);
}

void describeUrl(yaml::Fields& fields, std::string_view name, base::Secret& url)
{
    fields.field(name, &url);
    checkUrlField(fields, name, url.reveal());
}

void atMostOne(yaml::Fields& fields, std::string_view a, bool hasA, std::string_view b, bool hasB)
{
    if (fields.reading() && hasA && hasB) {
        fields.failAt(b, fmt::format("at most one of {} & {} must be configured", a, b));
    }
}

void describeSecret(yaml::Fields& fields, std::string_view name, base::Secret& secret,
                    std::string& file)
{
    const std::string fileKey = fmt::format("{}_file", name);
    fields.field(name, &secret);
    fields.path(fileKey, file);
    atMostOne(fields, name, !secret.empty(), fileKey, !file.empty());
}

void describeSecretUrl(yaml::Fields& fields, std::string_view name, base::Secret& url,
                       std::string& file)
{
    const std::string fileKey = fmt::format("{}_file", name);
    describeUrl(fields, name, url);
    fields.path(fileKey, file);
    atMostOne(fields, name, !url.empty(), fileKey, !file.empty());
}

bool operator==(const Tree& a, const Tree& b)
{
    return gotemplate::toJson(a.value) == gotemplate::toJson(b.value);
}

gotemplate::Value treeOf(const YAML::Node& node)
{
    switch (node.Type()) {
    case YAML::NodeType::Sequence: {
        gotemplate::List list;
        for (const auto& each : node) {
            list.push_back(treeOf(each));
        }
        return list;
    }
    case YAML::NodeType::Map: {
        gotemplate::Map map;
        for (const auto& entry : node) {
            if (entry.first.IsScalar()) {
                map.insert_or_assign(entry.first.Scalar(), treeOf(entry.second));
            }
        }
        return map;
    }
    case YAML::NodeType::Scalar:
        return scalarOf(node);
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
        break;
    }
    return {};
}

void describeTree(yaml::Fields& fields, std::string_view name, Tree& tree)
{
    if (fields.reading()) {
        if (const auto value = fields.take(name)) {
            tree.value = treeOf(value->node());
        }
    } else if (!tree.empty()) {
        fields.print(name, nodeOf(tree.value));
    }
}

std::optional<gotemplate::Value> readInline(const std::string& text)
{
    try {
        const YAML::Node node = YAML::Load(text);
        gotemplate::Value value = treeOf(node);
        return value.text() ? std::nullopt : std::optional(std::move(value));
    } catch (const YAML::Exception&) {
        return std::nullopt;
    }
}

} // namespace narthex::alertmanager
