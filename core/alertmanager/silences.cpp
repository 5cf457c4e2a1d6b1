// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/silences.h"

#include "core/alertmanager/json_text.h"
#include "core/base/status.h"
#include "core/base/utf8.h"
#include "core/net/crypto.h"

#include <algorithm>
#include <array>

namespace narthex::alertmanager {
namespace {

std::string indexKey(std::string_view name, std::string_view value)
{
    std::string key(name);
    key.append(1, '\xff').append(value);
    return key;
}

/// Keys under one of which every alert that matches is found; empty: no such.
std::vector<std::string> indexKeys(const Silence& silence)
{
    std::vector<std::string> keys;
    for (const model::Matchers& set : silence.matcherSets) {
        std::vector<std::string> best;
        for (const model::Matcher& matcher : set) {
            std::vector<std::string> own;
            if (matcher.matchesEmpty()) {
                continue;
            }
            if (matcher.type() == model::MatchType::Equal) {
                own.push_back(indexKey(matcher.name(), matcher.value()));
            } else if (matcher.type() == model::MatchType::Regex && matcher.regex() != nullptr) {
                for (const std::string& literal : matcher.regex()->literals()) {
                    own.push_back(indexKey(matcher.name(), literal));
                }
            }
            if (!own.empty() && (best.empty() || own.size() < best.size())) {
                best = std::move(own);
            }
        }
        if (best.empty()) {
            return {};
        }
        keys.insert(keys.end(), best.begin(), best.end());
    }
    return keys;
}

std::size_t sizeOf(const Silence& silence)
{
    std::size_t size = silence.id.size() + silence.createdBy.size() + silence.comment.size() + 24;
    for (const model::Matchers& set : silence.matcherSets) {
        for (const model::Matcher& matcher : set) {
            size += matcher.name().size() + matcher.value().size() + 8;
        }
    }
    for (const auto& [name, value] : silence.annotations) {
        size += name.size() + value.size() + 6;
    }
    return size;
}

bool sameSecond(base::Timestamp a, base::Timestamp b) { return a.ms / 1000 == b.ms / 1000; }

} // namespace

std::string_view text(SilenceState state)
{
    switch (state) {
    case SilenceState::Pending:
        return "pending";
    case SilenceState::Active:
        return "active";
    case SilenceState::Expired:
        break;
    }
    return "expired";
}

SilenceState Silence::stateAt(base::Timestamp now) const
{
    if (startsAt && now < *startsAt) {
        return SilenceState::Pending;
    }
    return now < endsAt ? SilenceState::Active : SilenceState::Expired;
}

bool Silence::matches(const model::Labels& labels) const
{
    return std::any_of(matcherSets.begin(), matcherSets.end(),
                       [&](const model::Matchers& set) { return model::matchesAll(set, labels); });
}

absl::Status Silences::load(state::Connection& connection)
{
    return connection.execute(
        "SELECT id, matchers, starts_at, ends_at, updated_at, created_by, comment, annotations "
        "FROM am_silence",
        {}, [this](std::span<const state::Cell> row) {
            auto silence = std::make_shared<Silence>();
            silence->id = std::get<std::string>(row[0]);
            silence->matcherSets = matcherSetsFromJson(std::get<std::string>(row[1]));
            silence->startsAt = base::Timestamp{std::get<std::int64_t>(row[2])};
            silence->endsAt = {std::get<std::int64_t>(row[3])};
            silence->updatedAt = {std::get<std::int64_t>(row[4])};
            silence->createdBy = std::get<std::string>(row[5]);
            silence->comment = std::get<std::string>(row[6]);
            silence->annotations = textMapFromJson(std::get<std::string>(row[7]));
            index(silence);
            all_[silence->id] = std::move(silence);
        });
}

absl::Status Silences::validate(const Silence& silence) const
{
    for (const model::Matchers& set : silence.matcherSets) {
        bool restricts = false;
        for (const model::Matcher& matcher : set) {
            if (!isValidLabelName(matcher.name(), options_.mode)) {
                return base::invalidArgument("invalid label matcher: invalid label name \"{}\"",
                                             matcher.name());
            }
            if (!base::isValidUtf8(matcher.value())) {
                return base::invalidArgument("invalid label matcher: invalid label value \"{}\"",
                                             matcher.value());
            }
            restricts = restricts || !matcher.matchesEmpty();
        }
        if (set.empty()) {
            return base::invalidArgument("at least one matcher required");
        }
        if (!restricts) {
            return base::invalidArgument("at least one matcher must not match the empty string");
        }
    }
    if (silence.matcherSets.empty()) {
        return base::invalidArgument("at least one matcher required");
    }
    if (silence.endsAt < *silence.startsAt) {
        return base::invalidArgument("end time must not be before start time");
    }
    if (options_.sizeLimitBytes != 0 && sizeOf(silence) > options_.sizeLimitBytes) {
        return base::resourceExhausted("silence exceeded maximum size: {} bytes (limit: {} bytes)",
                                       sizeOf(silence), options_.sizeLimitBytes);
    }
    return absl::OkStatus();
}

bool Silences::changeableInPlace(const Silence& old, const Silence& wanted, base::Timestamp now)
{
    if (old.matcherSets != wanted.matcherSets) {
        return false;
    }
    switch (old.stateAt(now)) {
    case SilenceState::Active:
        return sameSecond(*old.startsAt, *wanted.startsAt) && wanted.endsAt >= now;
    case SilenceState::Pending:
        return *wanted.startsAt >= now;
    case SilenceState::Expired:
        break;
    }
    return false;
}

absl::StatusOr<std::string> Silences::set(Silence silence, base::Timestamp now)
{
    silence.startsAt = silence.startsAt.value_or(now);
    for (model::Matchers& matchers : silence.matcherSets) {
        sortMatchers(matchers);
    }
    NARTHEX_RETURN_IF_ERROR(validate(silence));
    SilencePtr old;
    if (!silence.id.empty()) {
        old = find(silence.id);
        if (old == nullptr) {
            return base::notFound("silence not found");
        }
    }
    silence.updatedAt = now;
    if (old != nullptr && changeableInPlace(*old, silence, now)) {
        if (sameSecond(*old->startsAt, *silence.startsAt)) {
            silence.startsAt = old->startsAt;
        }
        std::string id = silence.id;
        store(std::move(silence));
        return id;
    }
    if (options_.limit != 0 && all_.size() + 1 > options_.limit) {
        return base::resourceExhausted("exceeded maximum number of silences: {} (limit: {})",
                                       all_.size(), options_.limit);
    }
    if (old != nullptr && old->stateAt(now) != SilenceState::Expired) {
        NARTHEX_RETURN_IF_ERROR(expire(old->id, now));
    }
    silence.startsAt = std::max(*silence.startsAt, now);
    std::string id = makeUuid();
    silence.id = id;
    store(std::move(silence));
    return id;
}

absl::Status Silences::expire(std::string_view id, base::Timestamp now)
{
    const SilencePtr old = find(id);
    if (old == nullptr) {
        return base::notFound("silence not found");
    }
    const SilenceState state = old->stateAt(now);
    if (state == SilenceState::Expired) {
        return absl::OkStatus();
    }
    Silence ended = *old;
    ended.endsAt = now;
    ended.updatedAt = now;
    if (state == SilenceState::Pending) {
        ended.startsAt = now;
    }
    store(std::move(ended));
    return absl::OkStatus();
}

void Silences::merge(Silence silence)
{
    const SilencePtr own = find(silence.id);
    if (own == nullptr || own->updatedAt < silence.updatedAt) {
        store(std::move(silence));
    }
}

void Silences::store(Silence silence)
{
    const auto found = all_.find(silence.id);
    if (found != all_.end()) {
        unindex(*found->second);
    }
    auto stored = std::make_shared<const Silence>(std::move(silence));
    all_[stored->id] = stored;
    index(stored);
    writer_.post([stored](state::Connection& connection) {
        return connection.execute(
            "INSERT OR REPLACE INTO am_silence VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            std::array<state::Cell, 8>{stored->id, matcherSetsJson(stored->matcherSets),
                                       stored->startsAt->ms, stored->endsAt.ms,
                                       stored->updatedAt.ms, stored->createdBy, stored->comment,
                                       textMapJson(stored->annotations)});
    });
}

void Silences::index(const SilencePtr& silence)
{
    changes_[++version_] = silence;
    const std::vector<std::string> keys = indexKeys(*silence);
    for (const std::string& key : keys) {
        indexed_[key].push_back(silence);
    }
    if (keys.empty()) {
        unindexed_.push_back(silence);
    }
}

void Silences::unindex(const Silence& silence)
{
    const auto isIt = [&](const SilencePtr& each) { return each->id == silence.id; };
    std::erase_if(changes_, [&](const auto& change) { return isIt(change.second); });
    std::erase_if(unindexed_, isIt);
    for (const std::string& key : indexKeys(silence)) {
        if (const auto list = indexed_.find(key); list != indexed_.end()) {
            std::erase_if(list->second, isIt);
            if (list->second.empty()) {
                indexed_.erase(list);
            }
        }
    }
}

void Silences::collect(base::Timestamp now)
{
    for (auto each = all_.begin(); each != all_.end();) {
        if (each->second->endsAt + options_.retention > now) {
            ++each;
            continue;
        }
        unindex(*each->second);
        writer_.post([id = each->first](state::Connection& connection) {
            return connection.execute("DELETE FROM am_silence WHERE id = ?",
                                      std::array<state::Cell, 1>{id});
        });
        each = all_.erase(each);
    }
}

std::size_t Silences::sizeBytes() const
{
    std::size_t bytes = 0;
    for (const auto& [id, silence] : all_) {
        bytes += sizeOf(*silence);
    }
    return bytes;
}

SilencePtr Silences::find(std::string_view id) const
{
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : found->second;
}

void Silences::compare(const SilencePtr& silence, const model::Labels& labels, Found& found)
{
    ++counters_.comparisons;
    if (silence->matches(labels)) {
        found.silences.push_back(silence);
    }
}

std::vector<std::string> Silences::silencing(Fingerprint fingerprint, const model::Labels& labels,
                                             base::Timestamp now)
{
    ++counters_.queries;
    std::vector<std::string> ids;
    if (all_.empty()) {
        return ids;
    }
    Found& found = cache_[fingerprint];
    if (found.version == 0) {
        for (const model::LabelView label : labels) {
            const auto list = indexed_.find(indexKey(label.name, label.value));
            if (list != indexed_.end()) {
                for (const SilencePtr& each : list->second) {
                    compare(each, labels, found);
                }
            }
        }
        for (const SilencePtr& each : unindexed_) {
            compare(each, labels, found);
        }
    } else if (found.version < version_) {
        for (auto change = changes_.upper_bound(found.version); change != changes_.end();
             ++change) {
            compare(change->second, labels, found);
        }
    }
    found.version = version_;
    // What was replaced or collected meanwhile is here no more under its id, or is another.
    std::erase_if(found.silences,
                  [this](const SilencePtr& each) { return find(each->id) != each; });
    for (const SilencePtr& each : found.silences) {
        if (each->stateAt(now) == SilenceState::Active) {
            ids.push_back(each->id);
        }
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

std::string makeUuid()
{
    constexpr std::size_t kBytes = 16;
    std::string digits = net::randomHex(kBytes);
    digits[12] = '4';
    constexpr std::string_view kVariants = "89ab";
    digits[16] = kVariants[static_cast<unsigned char>(digits[16]) % 4];
    for (const std::size_t at : {8U, 13U, 18U, 23U}) {
        digits.insert(at, 1, '-');
    }
    return digits;
}

bool isUuid(std::string_view text)
{
    constexpr std::size_t kLength = 36;
    if (text.size() != kLength) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !digit) {
            return false;
        }
    }
    return true;
}

} // namespace narthex::alertmanager
