// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// One question to one name server, and the answer's bytes. Threads: pure functions. Errors:
// Unavailable (no answer in time, refused), Cancelled, InvalidArgument (a name that is none),
// DataLoss (an answer that cannot be read).
#pragma once

#include "core/net/dns.h"

namespace narthex::net {

enum class DnsCode : std::uint8_t
{
    NoError = 0,
    NameError = 3
};

struct DnsAnswer
{
    /// The others are failures of the server.
    DnsCode code = DnsCode::NoError;
    bool truncated = false;
    std::vector<DnsRecord> records;
};

struct DnsQuestion
{
    /// With its final dot.
    std::string name;
    DnsType type = DnsType::A;
    bool tcp = false;
};

/// The answer's header and its answer section. Names keep their final dot.
absl::StatusOr<DnsAnswer> readDnsAnswer(const std::string& bytes);

/// `server`: an address. Over UDP with an EDNS0 size of 4096 bytes, over TCP without.
absl::StatusOr<DnsAnswer> askDnsServer(const std::string& server, std::uint16_t port,
                                       const DnsQuestion& question, const std::stop_token& stop);

} // namespace narthex::net
