// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/config_check.h"

#include <fmt/format.h>

#include <set>

namespace narthex::alertmanager {
namespace {

class Checker
{
public:
    Checker(Config& config, yaml::Fields& fields) : config_(config), fields_(fields) {}

    void check()
    {
        checkRoot();
        checkNames(config_.muteTimeIntervals, "mute_time_intervals", "mute time interval");
        checkNames(config_.timeIntervals, "time_intervals", "time interval");
        checkRoute(config_.route);
        for (const std::string& pattern : config_.templates) {
            checkPattern(pattern);
        }
        const RouteTree tree(config_.route);
        warnOfTimes(tree.root());
    }

private:
    void fail(std::string message) { fields_.failAt("route", std::move(message)); }

    void checkRoot()
    {
        if (!fields_.written("route")) {
            return;
        }
        const RouteConfig& root = config_.route;
        if (root.receiver.empty()) {
            fail("root route must specify a default receiver");
        }
        if (!root.match.empty() || !root.matchRe.empty() || !root.matchers.empty()) {
            fail("root route must not have any matchers");
        }
        if (!root.muteTimeIntervals.empty()) {
            fail("root route must not have any mute time intervals");
        }
        if (!root.activeTimeIntervals.empty()) {
            fail("root route must not have any active time intervals");
        }
        if (root.continueMatching) {
            fail("cannot have continue in root route");
        }
    }

    void checkNames(const std::vector<TimeInterval>& list, std::string_view section,
                    std::string_view what)
    {
        for (const TimeInterval& interval : list) {
            if (!intervals_.insert(interval.name).second) {
                fields_.failAt(section,
                               fmt::format("{} \"{}\" is not unique", what, interval.name));
            }
        }
    }

    void checkRoute(const RouteConfig& route)
    {
        if (!route.receiver.empty() && config_.receiver(route.receiver) == nullptr) {
            fail(fmt::format("undefined receiver \"{}\" used in route", route.receiver));
        }
        for (const auto* names : {&route.muteTimeIntervals, &route.activeTimeIntervals}) {
            for (const std::string& name : *names) {
                if (!intervals_.contains(name)) {
                    fail(fmt::format("undefined time interval \"{}\" used in route", name));
                }
            }
        }
        for (const RouteConfig& child : route.routes) {
            checkRoute(child);
        }
    }

    /// An opening bracket that is never closed, or an escape of nothing.
    void checkPattern(const std::string& pattern)
    {
        bool open = false;
        bool escape = false;
        for (const char c : pattern) {
            if (escape) {
                escape = false;
            } else if (c == '\\') {
                escape = true;
            } else if (c == '[') {
                open = true;
            } else if (c == ']') {
                open = false;
            }
        }
        if (open || escape) {
            fields_.failAt("templates",
                           fmt::format("syntax error in pattern \"{}\" of a template", pattern));
        }
    }

    void warnOfTimes(const RouteNode& node)
    {
        if (node.repeatInterval > config_.options.retention) {
            fields_.warn(
                "route",
                fmt::format("route {}: repeat_interval {} is longer than notifications are "
                            "remembered ({}): they are repeated early",
                            node.key, base::formatDuration(node.repeatInterval),
                            base::formatDuration(config_.options.retention)));
        }
        if (node.repeatInterval < node.groupInterval) {
            fields_.warn("route",
                         fmt::format("route {}: repeat_interval {} is shorter than group_interval "
                                     "{}: notifications are repeated every group_interval",
                                     node.key, base::formatDuration(node.repeatInterval),
                                     base::formatDuration(node.groupInterval)));
        }
        for (const auto& child : node.children) {
            warnOfTimes(*child);
        }
    }

    Config& config_;
    yaml::Fields& fields_;
    std::set<std::string, std::less<>> intervals_;
};

} // namespace

void checkConfig(Config& config, yaml::Fields& fields) { Checker(config, fields).check(); }

} // namespace narthex::alertmanager
