// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/net/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace narthex::net {
namespace {

int hexDigit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The inode of the socket that listens on `port`, from a table such as /proc/net/tcp.
std::string listeningInode(const std::string& table, std::uint16_t port)
{
    const auto text = base::readFile(table);
    if (!text.ok()) {
        return {};
    }
    const std::string wanted = fmt::format(":{:04X}", port);
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
        std::array<std::string_view, 10> fields;
        std::size_t count = 0;
        std::string_view left = line;
        while (count < fields.size()) {
            left.remove_prefix(std::min(left.find_first_not_of(' '), left.size()));
            if (left.empty()) {
                break;
            }
            fields[count] = left.substr(0, left.find(' '));
            left.remove_prefix(fields[count++].size());
        }
        if (count == fields.size() && fields[1].ends_with(wanted) && fields[3] == "0A") {
            return std::string(fields[9]);
        }
    }
    return {};
}

} // namespace

std::string_view ServerRequest::header(std::string_view name) const
{
    for (const auto& [headerName, value] : headers) {
        if (sameHeaderName(headerName, name)) {
            return value;
        }
    }
    return {};
}

std::optional<std::string_view> ServerRequest::parameter(std::string_view name) const
{
    for (const auto& [parameterName, value] : parameters) {
        if (parameterName == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::vector<std::string> ServerRequest::parameterValues(std::string_view name) const
{
    std::vector<std::string> values;
    for (const auto& [parameterName, value] : parameters) {
        if (parameterName == name) {
            values.push_back(value);
        }
    }
    return values;
}

std::string percentDecode(std::string_view text, bool form)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 &&
            hexDigit(text[i + 2]) >= 0) {
            out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
            i += 2;
        } else {
            out += form && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string percentEncode(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

std::string formEncode(const Parameters& parameters)
{
    std::string text;
    for (const auto& [name, value] : parameters) {
        text += text.empty() ? "" : "&";
        text += percentEncode(name) + "=" + percentEncode(value);
    }
    return text;
}

bool sameHeaderName(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
               return lower(x) == lower(y);
           });
}

Parameters parseQuery(std::string_view query)
{
    Parameters result;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) {
            continue;
        }
        const std::size_t equal = pair.find('=');
        result.emplace_back(percentDecode(pair.substr(0, equal), true),
                            equal == std::string_view::npos
                                ? std::string()
                                : percentDecode(pair.substr(equal + 1), true));
    }
    return result;
}

std::optional<std::string> listenerOf(std::uint16_t port)
{
    std::string inode = listeningInode("/proc/net/tcp", port);
    if (inode.empty()) {
        inode = listeningInode("/proc/net/tcp6", port);
    }
    if (inode.empty()) {
        return std::nullopt;
    }
    const std::string wanted = fmt::format("socket:[{}]", inode);
    std::error_code error;
    for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
        const std::string pid = process.path().filename().string();
        if (!base::parseUint(pid)) {
            continue;
        }
        for (const auto& file : std::filesystem::directory_iterator(process.path() / "fd", error)) {
            if (std::filesystem::read_symlink(file.path(), error).string() != wanted) {
                continue;
            }
            auto name = base::readFile(process.path() / "comm");
            if (!name.ok()) {
                return fmt::format("process {}", pid);
            }
            name->erase(name->find_last_not_of('\n') + 1);
            return fmt::format("process {} ({})", pid, *name);
        }
    }
    return std::nullopt;
}

absl::StatusOr<std::pair<std::string, std::uint16_t>> splitHostPort(std::string_view text)
{
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return base::invalidArgument("address \"{}\": missing port (host:port is needed)", text);
    }
    std::string_view host = text.substr(0, colon);
    const auto port = base::parseUint(text.substr(colon + 1));
    if (!port || *port > 65535) {
        return base::invalidArgument("address \"{}\": invalid port \"{}\" (0 to 65535)", text,
                                     text.substr(colon + 1));
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    return std::pair{std::string(host == "localhost" ? "127.0.0.1" : host),
                     static_cast<std::uint16_t>(*port)};
}

} // namespace narthex::net
