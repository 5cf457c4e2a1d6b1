// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/receivers/mail_address.h"

#include "core/base/status.h"

#include <algorithm>

namespace narthex::alertmanager {
namespace {

std::string_view trimmed(std::string_view text)
{
    const std::size_t first = text.find_first_not_of(" \t");
    const std::size_t last = text.find_last_not_of(" \t");
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, last - first + 1);
}

/// The parts between commas that stand outside of quotes and angle brackets.
std::vector<std::string_view> splitList(std::string_view text)
{
    std::vector<std::string_view> parts;
    bool quoted = false;
    bool angled = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '<' || c == '>')) {
            angled = c == '<';
        } else if (!quoted && !angled && c == ',') {
            parts.push_back(text.substr(begin, i - begin));
            begin = i + 1;
        }
    }
    parts.push_back(text.substr(begin));
    return parts;
}

absl::StatusOr<std::string> addressIn(std::string_view part)
{
    std::string_view address = trimmed(part);
    if (const std::size_t open = address.rfind('<'); open != std::string_view::npos) {
        const std::size_t close = address.find('>', open);
        if (close == std::string_view::npos || close + 1 != address.size()) {
            return base::invalidArgument("mail: unclosed angle-addr in \"{}\"", part);
        }
        address = address.substr(open + 1, close - open - 1);
    }
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) {
        return base::invalidArgument("mail: missing '@' or angle-addr in \"{}\"", part);
    }
    for (const char c : address) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte == 0x7F || c == '<' || c == '>') {
            return base::invalidArgument("mail: no angle-addr in \"{}\"", part);
        }
    }
    return std::string(address);
}

} // namespace

absl::StatusOr<std::vector<std::string>> parseAddresses(std::string_view text)
{
    if (trimmed(text).empty()) {
        return base::invalidArgument("mail: no address");
    }
    if (std::any_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; })) {
        return base::invalidArgument("mail: a line break in \"{}\"", text);
    }
    std::vector<std::string> addresses;
    for (const std::string_view part : splitList(text)) {
        if (trimmed(part).empty()) {
            continue;
        }
        NARTHEX_ASSIGN_OR_RETURN(std::string address, addressIn(part));
        addresses.push_back(std::move(address));
    }
    return addresses;
}

absl::StatusOr<HostPort> parseHostPort(std::string_view text)
{
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.ends_with(']')) {
        return base::invalidArgument("address {}: missing port in address", text);
    }
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return base::invalidArgument("address {}: too many colons in address", text);
    }
    if (colon + 1 == text.size()) {
        return base::invalidArgument("address \"{}\": port cannot be empty", text);
    }
    return HostPort{std::string(host), std::string(text.substr(colon + 1))};
}

void describeSmarthost(yaml::Fields& fields, std::string_view name, std::string& smarthost)
{
    fields.field(name, &smarthost);
    if (!fields.reading() || smarthost.empty()) {
        return;
    }
    if (const auto parsed = parseHostPort(smarthost); !parsed.ok()) {
        fields.failAt(name, std::string(base::messageOf(parsed.status())));
    }
}

} // namespace narthex::alertmanager
