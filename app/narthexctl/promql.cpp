// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// `promql format`, `promql label-matchers set|delete`: queries changed as text. Threads: main.
// Source: spec/http-api.md, 16.
#include "commands.h"
#include "query_features.h"

#include "core/base/status.h"
#include "core/promql/parser.h"
#include "core/promql/printer.h"

#include <absl/functional/function_ref.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace narthex::ctl {
namespace {

using promql::VectorSelector;

struct PromqlFlags
{
    std::string query;
    std::string name;
    std::string value;
    std::string type = "=";
};

using Change = absl::FunctionRef<void(VectorSelector&)>;

/// Calls `change` with every selector of a tree. The parser bounds its depth.
struct SelectorWalk
{
    Change change;

    void walk(const promql::ExprPtr& expr) const
    {
        if (expr != nullptr) {
            std::visit(*this, expr->node);
        }
    }
    void operator()(promql::NumberLiteral&) const {}
    void operator()(promql::StringLiteral&) const {}
    void operator()(VectorSelector& node) const { change(node); }
    void operator()(promql::MatrixSelector& node) const { change(node.selector); }
    void operator()(promql::Subquery& node) const { walk(node.expr); }
    void operator()(promql::Aggregation& node) const
    {
        walk(node.param);
        walk(node.expr);
    }
    void operator()(promql::Call& node) const
    {
        for (const promql::ExprPtr& argument : node.args) {
            walk(argument);
        }
    }
    void operator()(promql::Binary& node) const
    {
        walk(node.lhs);
        walk(node.rhs);
    }
    void operator()(promql::Unary& node) const { walk(node.expr); }
    void operator()(promql::Paren& node) const { walk(node.expr); }
};

void dropMatchers(VectorSelector& selector, const std::string& name)
{
    std::erase_if(selector.matchers,
                  [&name](const model::Matcher& matcher) { return matcher.name() == name; });
    if (name == model::kMetricName) {
        selector.name.clear(); // it stands in the braces, or nowhere
    }
}

absl::Status format(const PromqlFlags& flags, const promql::Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const promql::ExprPtr expr, promql::parse(flags.query, features));
    fmt::print("{}\n", promql::format(*expr));
    return absl::OkStatus();
}

model::MatchType matchTypeOf(std::string_view text)
{
    using model::MatchType;
    for (const MatchType type : {MatchType::NotEqual, MatchType::Regex, MatchType::NotRegex}) {
        if (model::matchTypeText(type) == text) {
            return type;
        }
    }
    return MatchType::Equal;
}

absl::Status setMatcher(const PromqlFlags& flags, const promql::Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const promql::ExprPtr expr, promql::parse(flags.query, features));
    NARTHEX_ASSIGN_OR_RETURN(
        const model::Matcher matcher,
        model::Matcher::create(matchTypeOf(flags.type), flags.name, flags.value));
    SelectorWalk{[&](VectorSelector& selector) {
        dropMatchers(selector, flags.name);
        selector.matchers.push_back(matcher);
    }}.walk(expr);
    fmt::print("{}\n", promql::format(*expr));
    return absl::OkStatus();
}

absl::Status deleteMatcher(const PromqlFlags& flags, const promql::Features& features)
{
    NARTHEX_ASSIGN_OR_RETURN(const promql::ExprPtr expr, promql::parse(flags.query, features));
    SelectorWalk{[&flags](VectorSelector& selector) { dropMatchers(selector, flags.name); }}.walk(
        expr);
    fmt::print("{}\n", promql::format(*expr));
    return absl::OkStatus();
}

using Work = absl::Status (*)(const PromqlFlags&, const promql::Features&);

void onRun(CLI::App& command, const std::shared_ptr<PromqlFlags>& flags, const bool& experimental,
           int& exitCode, Work work)
{
    addFeatureOption(command);
    // The one of the program, here, too.
    auto here = std::make_shared<bool>(false);
    command.add_flag("--experimental", *here, "Needed: this command may still change");
    command.callback([flags, here, &command, &experimental, &exitCode, work] {
        if (!experimental && !*here) {
            fmt::print(stderr, "This command is experimental and requires the --experimental flag "
                               "to be set.\n");
            exitCode = kFailed;
            return;
        }
        const absl::Status status = work(*flags, queryFeatures(command));
        if (!status.ok()) {
            fmt::print(stderr, "{}\n", base::messageOf(status));
        }
        exitCode = status.ok() ? kOk : kFailed;
    });
}

} // namespace

void addPromql(CLI::App& app, const bool& experimental, int& exitCode)
{
    CLI::App* promql = app.add_subcommand("promql", "Format and change queries.");
    promql->require_subcommand(1);
    CLI::App* pretty =
        promql->add_subcommand("format", "Print a query as the formatter writes it.");
    auto flags = std::make_shared<PromqlFlags>();
    pretty->add_option("QUERY", flags->query, "The query")->required();
    pretty->footer("Example: narthexctl --experimental promql format 'sum by(job)(up)>0'");
    onRun(*pretty, flags, experimental, exitCode, format);

    CLI::App* matchers = promql->add_subcommand("label-matchers",
                                                "Change the matchers of all selectors of a query.");
    matchers->require_subcommand(1);
    CLI::App* set = matchers->add_subcommand(
        "set", "Give every selector a matcher; replace those of its name.");
    set->add_option("-t,--type", flags->type, "How values are compared: =, !=, =~ or !~")
        ->check(CLI::IsMember({"=", "!=", "=~", "!~"}))
        ->capture_default_str();
    CLI::App* remove =
        matchers->add_subcommand("delete", "Take the matchers of a label from every selector.");
    for (CLI::App* command : {set, remove}) {
        command->add_option("QUERY", flags->query, "The query")->required();
        command->add_option("NAME", flags->name, "The label")->required();
    }
    set->add_option("VALUE", flags->value, "The value")->required();
    set->footer("Example: narthexctl --experimental promql label-matchers set up job node");
    remove->footer(
        "Example: narthexctl --experimental promql label-matchers delete 'up{job=\"node\"}' job");
    onRun(*set, flags, experimental, exitCode, setMatcher);
    onRun(*remove, flags, experimental, exitCode, deleteMatcher);
}

} // namespace narthex::ctl
