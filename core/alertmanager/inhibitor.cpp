// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/inhibitor.h"

#include "core/base/hash.h"

#include <algorithm>

namespace narthex::alertmanager {

Inhibitor::Inhibitor(std::vector<InhibitRule> rules)
    : rules_(std::move(rules)), sources_(rules_.size())
{}

std::uint64_t Inhibitor::equalHash(const InhibitRule& rule, const model::Labels& labels)
{
    std::uint64_t hash = base::fnv1a64({});
    for (const std::string& name : rule.equal) {
        hash = base::fnv1a64("\xff", base::fnv1a64(labels.get(name), hash));
    }
    return hash;
}

bool Inhibitor::equalValues(const InhibitRule& rule, const model::Labels& a, const model::Labels& b)
{
    return std::all_of(rule.equal.begin(), rule.equal.end(),
                       [&](const std::string& name) { return a.get(name) == b.get(name); });
}

void Inhibitor::update(const AlertPtr& alert, base::Timestamp now)
{
    const bool firing = !alert->resolvedAt(now);
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const InhibitRule& rule = rules_[i];
        if (!model::matchesAll(rule.source, alert->labels)) {
            continue;
        }
        const std::uint64_t hash = equalHash(rule, alert->labels);
        const auto bucket = firing ? sources_[i].try_emplace(hash).first : sources_[i].find(hash);
        if (bucket == sources_[i].end()) {
            continue;
        }
        const bool twoSided = model::matchesAll(rule.target, alert->labels);
        Sources& sources = twoSided ? bucket->second.twoSided : bucket->second.oneSided;
        if (firing) {
            sources[alert->fingerprint] = alert;
        } else {
            sources.erase(alert->fingerprint);
        }
        if (bucket->second.oneSided.empty() && bucket->second.twoSided.empty()) {
            sources_[i].erase(bucket);
        }
    }
}

AlertPtr Inhibitor::firstFiring(Sources& sources, const InhibitRule& rule, const Alert& target,
                                base::Timestamp now)
{
    for (auto each = sources.begin(); each != sources.end();) {
        const AlertPtr& source = each->second;
        if (source->resolvedAt(now)) {
            // It timed out; should it come back, update() says so.
            sources.erase(each++);
            continue;
        }
        if (source->fingerprint != target.fingerprint &&
            equalValues(rule, source->labels, target.labels)) {
            return source;
        }
        ++each;
    }
    return nullptr;
}

std::optional<Inhibitor::Cause> Inhibitor::causeOf(const Alert& alert, base::Timestamp now)
{
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const InhibitRule& rule = rules_[i];
        if (sources_[i].empty() || !model::matchesAll(rule.target, alert.labels)) {
            continue;
        }
        const auto bucket = sources_[i].find(equalHash(rule, alert.labels));
        if (bucket == sources_[i].end()) {
            continue;
        }
        AlertPtr source = firstFiring(bucket->second.oneSided, rule, alert, now);
        if (source == nullptr && !model::matchesAll(rule.source, alert.labels)) {
            source = firstFiring(bucket->second.twoSided, rule, alert, now);
        }
        if (source != nullptr) {
            return Cause{i, std::move(source)};
        }
    }
    return std::nullopt;
}

} // namespace narthex::alertmanager
