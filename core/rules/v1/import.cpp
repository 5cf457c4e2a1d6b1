// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/rules/v1/import.h"

#include "core/base/status.h"
#include "core/model/labels.h"
#include "core/promql/printer.h"
#include "core/rules/rule_file.h"
#include "core/rules/v1/rewrite.h"
#include "core/rules/v1/statement.h"

#include <algorithm>
#include <filesystem>

namespace narthex::rules::v1 {
namespace {

std::string commented(std::string_view text, std::string_view indent)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += fmt::format("{}# {}\n", indent, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// A YAML scalar: single quotes where they will do, for they keep expressions readable.
std::string scalar(const std::string& text)
{
    const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e;
    });
    if (!plain) {
        return model::quote(text);
    }
    std::string out = "'";
    for (const char c : text) {
        out += c == '\'' ? "''" : std::string(1, c);
    }
    return out + "'";
}

std::string mapLines(std::string_view field, const std::map<std::string, std::string>& map)
{
    if (map.empty()) {
        return {};
    }
    std::string out = fmt::format("    {}:\n", field);
    for (const auto& [name, value] : map) {
        out += fmt::format("      {}: {}\n", name, scalar(value));
    }
    return out;
}

std::string ruleLines(const Statement& statement, const promql::Expr& expression)
{
    std::string out =
        fmt::format("  - {}: {}\n    expr: {}\n", statement.isAlert ? "alert" : "record",
                    statement.name, scalar(promql::print(expression)));
    if (!statement.holdFor.empty()) {
        out += fmt::format("    for: {}\n", statement.holdFor);
    }
    return out + mapLines("labels", statement.labels) +
           mapLines("annotations", statement.annotations);
}

bool hasShortWindow(const promql::Expr& expr, base::Duration limit)
{
    const auto* matrix = expr.as<promql::MatrixSelector>();
    if (matrix != nullptr && matrix->range.expr == nullptr && matrix->range.literal <= limit) {
        return true;
    }
    const std::vector<const promql::Expr*> children = promql::childrenOf(expr);
    return std::any_of(children.begin(), children.end(), [limit](const promql::Expr* child) {
        return hasShortWindow(*child, limit);
    });
}

class Importer
{
public:
    explicit Importer(const ImportOptions& options) : options_(options) {}

    void add(const Statement& statement, std::string_view before)
    {
        ImportedRule rule{.line = statement.line,
                          .name = statement.name,
                          .before = std::string(before),
                          .after = {}};
        for (const std::string& comment : statement.comments) {
            rule.after += "  " + comment + "\n";
        }
        if (statement.isAncient) {
            note(NoteKind::Warning, statement,
                 "form of before 1.0: WITH became labels, the texts became annotations");
        }
        const auto rewritten = rewriteExpression(statement.expression);
        if (!rewritten.ok()) {
            note(NoteKind::Error, statement, std::string(base::messageOf(rewritten.status())));
            rule.after +=
                fmt::format("  # not converted: {}\n", base::messageOf(rewritten.status())) +
                commented(before, "  ");
        } else {
            rule.isConverted = true;
            rule.after += ruleLines(statement, *rewritten->expression);
            for (const std::string& text : rewritten->notes) {
                note(NoteKind::Warning, statement, text);
            }
            if (hasShortWindow(*rewritten->expression, options_.scrapeInterval * 2)) {
                note(NoteKind::Warning, statement,
                     fmt::format("windows leave out their first moment since 3.0: one of up to two "
                                 "scrape intervals ({}) may hold one sample less",
                                 base::formatDuration(options_.scrapeInterval)));
            }
        }
        result_.rules.push_back(std::move(rule));
    }

    /// A result that does not load is a note.
    ImportResult finish(const std::string& group)
    {
        result_.yaml = fmt::format("groups:\n- name: {}\n", scalar(group));
        const bool any = std::any_of(result_.rules.begin(), result_.rules.end(),
                                     [](const ImportedRule& rule) { return rule.isConverted; });
        result_.yaml += any ? "  rules:\n" : "  rules: []\n";
        for (const ImportedRule& rule : result_.rules) {
            result_.yaml += rule.after;
        }
        result_.notes.push_back({.kind = NoteKind::Information,
                                 .line = 0,
                                 .rule = {},
                                 .text = "a series that vanishes ends at once since 2.0, not five "
                                         "minutes later"});
        const auto check =
            parseRuleFile("result", result_.yaml, {.features = {.experimentalFunctions = true}});
        if (!check.ok()) {
            result_.notes.push_back({.kind = NoteKind::Error,
                                     .line = 0,
                                     .rule = {},
                                     .text = std::string(base::messageOf(check.status()))});
        }
        return std::move(result_);
    }

private:
    void note(NoteKind kind, const Statement& statement, std::string text)
    {
        result_.notes.push_back({.kind = kind,
                                 .line = statement.line,
                                 .rule = statement.name,
                                 .text = std::move(text)});
    }

    const ImportOptions& options_;
    ImportResult result_;
};

} // namespace

bool ImportResult::hasErrors() const
{
    return std::any_of(notes.begin(), notes.end(),
                       [](const ImportNote& note) { return note.kind == NoteKind::Error; });
}

absl::StatusOr<ImportResult> importRules(const std::string& file, std::string_view text,
                                         const ImportOptions& options)
{
    const auto statements = parseStatements(text);
    if (!statements.ok()) {
        const absl::Status& status = statements.status();
        auto position = base::positionOf(status).value_or(base::Position{});
        position.file = file;
        return base::withPosition(base::invalidArgument("{}:{}", file, base::messageOf(status)),
                                  position);
    }
    Importer importer(options);
    for (const Statement& statement : *statements) {
        importer.add(statement, text.substr(statement.begin, statement.end - statement.begin));
    }
    return importer.finish(std::filesystem::path(file).stem().string());
}

std::string noteText(const std::string& file, const ImportNote& note)
{
    if (note.line == 0) {
        return fmt::format("{}: {}", file, note.text);
    }
    return fmt::format("{}:{}: \"{}\": {}", file, note.line, note.rule, note.text);
}

} // namespace narthex::rules::v1
