// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Records of the domain name system, asked from the servers of the system resolver's file. Blocking
// calls, ended by a stop token. Owner: whoever asks. Threads: one object from any, several at once.
// Errors: Unavailable (no server gave a usable answer), Cancelled, InvalidArgument (a name that is
// none), what reading the file gives. Source: spec/discovery.md, section 6.
#pragma once

#include "core/base/time.h"

#include <absl/status/statusor.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::net {

/// Numbers as on the wire.
enum class DnsType : std::uint16_t
{
    A = 1,
    NS = 2,
    CNAME = 5,
    MX = 15,
    AAAA = 28,
    SRV = 33
};

struct DnsRecord
{
    /// May be another one than was asked for.
    DnsType type = DnsType::A;
    /// The address of A and AAAA as text; the name in SRV, MX, NS and CNAME, with its final dot.
    /// Empty for other types.
    std::string target;
    /// SRV only.
    std::uint16_t port = 0;
    friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

/// What the resolver's file says.
struct ResolverSettings
{
    std::vector<std::string> servers;
    /// Suffixes without final dots.
    std::vector<std::string> search;
    /// A name with so many dots is tried as it is before the suffixes.
    std::size_t ndots = 1;
    friend bool operator==(const ResolverSettings&, const ResolverSettings&) = default;
};

/// Reads the text of a resolver file; what it does not know is skipped.
ResolverSettings parseResolverFile(std::string_view text);
/// Full names (with final dots) in the order they are to be asked.
std::vector<std::string> dnsCandidates(std::string_view name, const ResolverSettings& settings);

class DnsResolver
{
public:
    /// The file is read at each lookup. `port` of all servers.
    explicit DnsResolver(std::string resolverFile, std::uint16_t port = 53)
        : file_(std::move(resolverFile)), port_(port)
    {}

    /// The answer section for the first candidate name that exists; nothing if none does. An error
    /// when a candidate had no usable answer before one was found.
    [[nodiscard]] absl::StatusOr<std::vector<DnsRecord>>
    lookup(const std::string& name, DnsType type, const std::stop_token& stop) const;

private:
    const std::string file_;
    const std::uint16_t port_;
};

} // namespace narthex::net
