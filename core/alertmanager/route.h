// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The route tree: as the configuration has it, and with everything inherited, ready to be walked.
// Owner: a configuration; a RouteTree is shared by the groups that came of it. Threads: values; a
// RouteTree is immutable. Source: spec/alertmanager.md, 1.3.
#pragma once

#include "core/alertmanager/matchers.h"
#include "core/base/time.h"
#include "core/yaml/fields.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alertmanager {

using namespace base::literals;

/// One node as written. What is absent is inherited.
struct RouteConfig
{
    /// How matchers are read; to be set before describe().
    MatcherMode mode = MatcherMode::Fallback;
    std::string receiver;
    /// `...` alone: by all labels.
    std::optional<std::vector<std::string>> groupBy;
    std::map<std::string, std::string> match;
    std::map<std::string, std::string> matchRe;
    std::vector<std::string> matchers;
    bool continueMatching = false;
    std::optional<base::Duration> groupWait;
    std::optional<base::Duration> groupInterval;
    std::optional<base::Duration> repeatInterval;
    std::vector<std::string> muteTimeIntervals;
    std::vector<std::string> activeTimeIntervals;
    std::map<std::string, std::string> labels;
    std::vector<RouteConfig> routes;
    /// All of match, match_re and matchers, sorted; made when reading.
    model::Matchers compiled;

    void describe(yaml::Fields& fields);
};

/// Reads `matchers` (a list or one string) and the two maps of old into `compiled`.
struct MatcherKeys
{
    std::string_view list;
    std::string_view equal;
    std::string_view regex;
};
void describeMatchers(yaml::Fields& fields, const MatcherKeys& keys, MatcherMode mode,
                      std::vector<std::string>& texts, std::map<std::string, std::string>& equal,
                      std::map<std::string, std::string>& regex, model::Matchers& compiled);

struct RouteNode
{
    std::string receiver;
    bool groupByAll = false;
    std::vector<std::string> groupBy;
    model::Matchers matchers;
    bool continueMatching = false;
    base::Duration groupWait = 30_s;
    base::Duration groupInterval = 5_min;
    base::Duration repeatInterval = 4_h;
    std::vector<std::string> muteTimeIntervals;
    std::vector<std::string> activeTimeIntervals;
    std::map<std::string, std::string> labels;
    std::vector<std::unique_ptr<RouteNode>> children;
    /// Part of the keys of groups; equal for siblings with equal matchers.
    std::string key;
    /// Distinct in the tree.
    std::string id;

    /// An alert's labels restricted to what this node groups by.
    [[nodiscard]] model::Labels groupLabels(const model::Labels& alertLabels) const;
    /// `{}/{severity="critical"}:{alertname="DiskFull"}`
    [[nodiscard]] std::string groupKey(const model::Labels& groupLabels) const;
};

/// `{l1="v1", l2="v2"}`
std::string labelsText(const model::Labels& labels);

class RouteTree
{
public:
    explicit RouteTree(const RouteConfig& root);

    /// The nodes that take an alert, in the order of the walk; at least one.
    void match(const model::Labels& labels, std::vector<const RouteNode*>& out) const;
    [[nodiscard]] const RouteNode& root() const { return *root_; }

private:
    std::unique_ptr<RouteNode> root_;
};

} // namespace narthex::alertmanager
