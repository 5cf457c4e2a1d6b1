// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/dns.h"

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/net/dns_exchange.h"

#include <algorithm>
#include <charconv>

namespace narthex::net {
namespace {

constexpr std::size_t kMostDots = 15;

std::vector<std::string_view> words(std::string_view line)
{
    std::vector<std::string_view> result;
    constexpr std::string_view kBlanks = " \t\r";
    while (true) {
        const std::size_t begin = line.find_first_not_of(kBlanks);
        if (begin == std::string_view::npos) {
            return result;
        }
        line.remove_prefix(begin);
        const std::size_t end = line.find_first_of(kBlanks);
        result.push_back(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    }
}

std::string withoutFinalDot(std::string_view name)
{
    return std::string(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
}

void applyLine(std::string_view line, ResolverSettings& settings)
{
    const std::vector<std::string_view> parts = words(line);
    if (parts.size() < 2 || parts[0].starts_with('#') || parts[0].starts_with(';')) {
        return;
    }
    if (parts[0] == "nameserver") {
        settings.servers.emplace_back(parts[1]);
    } else if (parts[0] == "domain") {
        settings.search = {withoutFinalDot(parts[1])};
    } else if (parts[0] == "search") {
        settings.search.clear();
        for (const std::string_view part : parts) {
            settings.search.push_back(withoutFinalDot(part));
        }
        settings.search.erase(settings.search.begin());
    } else if (parts[0] == "options") {
        for (const std::string_view option : parts) {
            constexpr std::string_view kDots = "ndots:";
            std::size_t dots = 0;
            if (option.starts_with(kDots) &&
                std::from_chars(option.data() + kDots.size(), option.data() + option.size(), dots)
                        .ec == std::errc()) {
                settings.ndots = std::min(dots, kMostDots);
            }
        }
    }
}

// Truncated answers are asked for again over TCP, and so is everything after them.
absl::StatusOr<DnsAnswer> askOne(const std::string& server, std::uint16_t port,
                                 DnsQuestion& question, const std::stop_token& stop)
{
    auto answer = askDnsServer(server, port, question, stop);
    if (answer.ok() && answer->truncated && !question.tcp) {
        question.tcp = true;
        answer = askDnsServer(server, port, question, stop);
    }
    if (answer.ok() && answer->truncated) {
        return absl::UnavailableError("the answer is truncated, even over TCP");
    }
    if (answer.ok() && answer->code != DnsCode::NoError && answer->code != DnsCode::NameError) {
        return base::unavailable("the server answers with code {}", fmt::underlying(answer->code));
    }
    return answer;
}

absl::StatusOr<DnsAnswer> askAny(const ResolverSettings& settings, std::uint16_t port,
                                 const std::string& name, DnsType type, const std::stop_token& stop)
{
    DnsQuestion question{.name = name, .type = type};
    std::string last = "there is none";
    for (const std::string& server : settings.servers) {
        auto answer = askOne(server, port, question, stop);
        if (answer.ok() || absl::IsCancelled(answer.status())) {
            return answer;
        }
        last = fmt::format("{}: {}", server, base::messageOf(answer.status()));
    }
    return base::unavailable("could not resolve {}: no servers returned a viable answer ({})", name,
                             last);
}

} // namespace

ResolverSettings parseResolverFile(std::string_view text)
{
    ResolverSettings settings;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        applyLine(text.substr(0, end), settings);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return settings;
}

std::vector<std::string> dnsCandidates(std::string_view name, const ResolverSettings& settings)
{
    if (name.ends_with('.')) {
        return {std::string(name)};
    }
    std::vector<std::string> names;
    for (const std::string& suffix : settings.search) {
        names.push_back(suffix.empty() ? fmt::format("{}.", name)
                                       : fmt::format("{}.{}.", name, suffix));
    }
    const auto dots = static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
    names.insert(dots >= settings.ndots ? names.begin() : names.end(), fmt::format("{}.", name));
    return names;
}

absl::StatusOr<std::vector<DnsRecord>> DnsResolver::lookup(const std::string& name, DnsType type,
                                                           const std::stop_token& stop) const
{
    constexpr std::uint64_t kFileLimitBytes = 1U << 20U;
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file_, kFileLimitBytes));
    const ResolverSettings settings = parseResolverFile(text);
    absl::Status unanswered;
    for (const std::string& candidate : dnsCandidates(name, settings)) {
        auto answer = askAny(settings, port_, candidate, type, stop);
        if (absl::IsCancelled(answer.status())) {
            return answer.status();
        }
        if (!answer.ok()) {
            unanswered.Update(answer.status());
        } else if (answer->code == DnsCode::NoError) {
            return std::move(answer->records);
        }
    }
    NARTHEX_RETURN_IF_ERROR(unanswered);
    return std::vector<DnsRecord>();
}

} // namespace narthex::net
