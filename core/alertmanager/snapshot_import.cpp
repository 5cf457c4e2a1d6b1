// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/snapshot_import.h"

#include "core/alertmanager/alertmanager.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>

#include <algorithm>
#include <stdexcept>

namespace narthex::alertmanager {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

/// Whether the current field has this number and encoding; others are skipped by their reader.
bool is(const pbf_reader& message, protozero::pbf_tag_type tag, pbf_wire_type type)
{
    return message.tag() == tag && message.wire_type() == type;
}

base::Timestamp timeOf(pbf_reader message)
{
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    while (message.next()) {
        if (is(message, 1, pbf_wire_type::varint)) {
            seconds = message.get_int64();
        } else if (is(message, 2, pbf_wire_type::varint)) {
            nanoseconds = message.get_int32();
        } else {
            message.skip();
        }
    }
    constexpr std::int64_t kFarthest = 253'402'300'799; // the end of year 9999
    seconds = std::clamp<std::int64_t>(seconds, -kFarthest, kFarthest);
    return {seconds * 1000 + nanoseconds / 1'000'000};
}

model::Matcher matcherOf(pbf_reader message)
{
    using enum model::MatchType;
    model::MatchType type = Equal;
    std::string name;
    std::string pattern;
    while (message.next()) {
        if (is(message, 1, pbf_wire_type::varint)) {
            switch (message.get_enum()) {
            case 1:
                type = Regex;
                break;
            case 2:
                type = NotEqual;
                break;
            case 3:
                type = NotRegex;
                break;
            default:
                type = Equal;
            }
        } else if (is(message, 2, pbf_wire_type::length_delimited)) {
            name = message.get_string();
        } else if (is(message, 3, pbf_wire_type::length_delimited)) {
            pattern = message.get_string();
        } else {
            message.skip();
        }
    }
    auto matcher = model::Matcher::create(type, name, pattern);
    if (!matcher.ok()) {
        // Caught beside the exceptions of the reader, with the place.
        throw std::invalid_argument(std::string(base::messageOf(matcher.status())));
    }
    return *std::move(matcher);
}

std::pair<std::string, std::string> textPairOf(pbf_reader message)
{
    std::pair<std::string, std::string> result;
    while (message.next()) {
        if (is(message, 1, pbf_wire_type::length_delimited)) {
            result.first = message.get_string();
        } else if (is(message, 2, pbf_wire_type::length_delimited)) {
            result.second = message.get_string();
        } else {
            message.skip();
        }
    }
    return result;
}

Silence silenceOf(pbf_reader message)
{
    Silence silence;
    model::Matchers plain;
    while (message.next()) {
        if (message.wire_type() != pbf_wire_type::length_delimited) {
            message.skip();
            continue;
        }
        switch (message.tag()) {
        case 1:
            silence.id = message.get_string();
            break;
        case 2:
            plain.push_back(matcherOf(message.get_message()));
            break;
        case 3:
            silence.startsAt = timeOf(message.get_message());
            break;
        case 4:
            silence.endsAt = timeOf(message.get_message());
            break;
        case 5:
            silence.updatedAt = timeOf(message.get_message());
            break;
        case 8:
            silence.createdBy = message.get_string();
            break;
        case 9:
            silence.comment = message.get_string();
            break;
        case 10:
            silence.annotations.insert(textPairOf(message.get_message()));
            break;
        case 11: {
            model::Matchers& set = silence.matcherSets.emplace_back();
            pbf_reader inner = message.get_message();
            while (inner.next()) {
                if (is(inner, 1, pbf_wire_type::length_delimited)) {
                    set.push_back(matcherOf(inner.get_message()));
                } else {
                    inner.skip();
                }
            }
            break;
        }
        default:
            message.skip();
        }
    }
    if (silence.matcherSets.empty()) {
        silence.matcherSets.push_back(std::move(plain));
    }
    for (model::Matchers& set : silence.matcherSets) {
        sortMatchers(set);
    }
    return silence;
}

void readHashes(pbf_reader& message, std::vector<std::uint64_t>& out)
{
    if (message.wire_type() == pbf_wire_type::varint) {
        out.push_back(message.get_uint64());
        return;
    }
    for (const std::uint64_t hash : message.get_packed_uint64()) {
        out.push_back(hash);
    }
}

std::string receiverOf(pbf_reader message)
{
    std::string group;
    std::string integration;
    std::uint32_t index = 0;
    while (message.next()) {
        if (is(message, 1, pbf_wire_type::length_delimited)) {
            group = message.get_string();
        } else if (is(message, 2, pbf_wire_type::length_delimited)) {
            integration = message.get_string();
        } else if (is(message, 3, pbf_wire_type::varint)) {
            index = message.get_uint32();
        } else {
            message.skip();
        }
    }
    return fmt::format("{}/{}/{}", group, integration, index);
}

/// The value of an integration's memory: text, or a number as text.
std::string memoryValueOf(pbf_reader message)
{
    std::string value;
    while (message.next()) {
        if (is(message, 1, pbf_wire_type::length_delimited)) {
            value = message.get_string();
        } else if (is(message, 2, pbf_wire_type::varint)) {
            value = std::to_string(message.get_int64());
        } else if (is(message, 3, pbf_wire_type::fixed64)) {
            value = base::formatFloat(message.get_double());
        } else {
            message.skip();
        }
    }
    return value;
}

std::pair<std::string, LogEntry> entryOf(pbf_reader message)
{
    std::string groupKey;
    std::string receiver;
    LogEntry entry;
    while (message.next()) {
        const bool isBytes = message.wire_type() == pbf_wire_type::length_delimited;
        if (message.tag() == 6) {
            readHashes(message, entry.firing);
        } else if (message.tag() == 7) {
            readHashes(message, entry.resolved);
        } else if (isBytes && message.tag() == 1) {
            groupKey = message.get_string();
        } else if (isBytes && message.tag() == 2) {
            receiver = receiverOf(message.get_message());
        } else if (isBytes && message.tag() == 5) {
            entry.time = timeOf(message.get_message());
        } else if (isBytes && message.tag() == 8) {
            pbf_reader pair = message.get_message();
            std::string name;
            std::string value;
            while (pair.next()) {
                if (is(pair, 1, pbf_wire_type::length_delimited)) {
                    name = pair.get_string();
                } else if (is(pair, 2, pbf_wire_type::length_delimited)) {
                    value = memoryValueOf(pair.get_message());
                } else {
                    pair.skip();
                }
            }
            entry.memory[name] = value;
        } else {
            message.skip();
        }
    }
    entry.repeatFrom = entry.time;
    return {groupKey + ":" + receiver, std::move(entry)};
}

/// Calls `onMessage` with each message of the file.
template <typename OnMessage>
absl::Status eachMessage(std::string_view bytes, const OnMessage& onMessage)
{
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
        const auto offset = at - bytes.data();
        try {
            const std::uint64_t length = protozero::decode_varint(&at, end);
            if (length > static_cast<std::uint64_t>(end - at)) {
                return base::invalidArgument("the message at offset {} is cut off", offset);
            }
            onMessage(pbf_reader(at, static_cast<std::size_t>(length)));
            at += length;
        } catch (const std::exception& error) {
            return base::invalidArgument("the message at offset {} cannot be read: {}", offset,
                                         error.what());
        }
    }
    return absl::OkStatus();
}

} // namespace

absl::StatusOr<std::vector<Silence>> readSilencesSnapshot(std::string_view bytes)
{
    std::vector<Silence> result;
    NARTHEX_RETURN_IF_ERROR(eachMessage(bytes, [&](pbf_reader message) {
        while (message.next()) {
            if (is(message, 1, pbf_wire_type::length_delimited)) {
                Silence silence = silenceOf(message.get_message());
                if (isUuid(silence.id) && silence.startsAt) {
                    result.push_back(std::move(silence));
                }
            } else {
                message.skip();
            }
        }
    }));
    return result;
}

absl::StatusOr<std::vector<std::pair<std::string, LogEntry>>>
readLogSnapshot(std::string_view bytes)
{
    std::vector<std::pair<std::string, LogEntry>> result;
    NARTHEX_RETURN_IF_ERROR(eachMessage(bytes, [&](pbf_reader message) {
        std::pair<std::string, LogEntry> entry;
        base::Timestamp expiresAt;
        while (message.next()) {
            if (is(message, 1, pbf_wire_type::length_delimited)) {
                entry = entryOf(message.get_message());
            } else if (is(message, 2, pbf_wire_type::length_delimited)) {
                expiresAt = timeOf(message.get_message());
            } else {
                message.skip();
            }
        }
        entry.second.expiresAt = expiresAt;
        result.push_back(std::move(entry));
    }));
    return result;
}

absl::Status Alertmanager::importSilences(std::string_view bytes)
{
    NARTHEX_ASSIGN_OR_RETURN(std::vector<Silence> silences, readSilencesSnapshot(bytes));
    {
        const absl::MutexLock lock(&mutex_);
        for (Silence& silence : silences) {
            silences_.merge(std::move(silence));
        }
    }
    return writer_.flush();
}

absl::Status Alertmanager::importLog(std::string_view bytes)
{
    NARTHEX_ASSIGN_OR_RETURN(auto entries, readLogSnapshot(bytes));
    {
        const absl::MutexLock lock(&mutex_);
        for (auto& [key, entry] : entries) {
            log_.merge(key, std::move(entry));
        }
    }
    return writer_.flush();
}

} // namespace narthex::alertmanager
