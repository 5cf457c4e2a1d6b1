// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/template.h"

#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/gotemplate/builtins.h"
#include "core/gotemplate/executor.h"
#include "core/gotemplate/parser.h"
#include "core/model/labels.h"

#include <algorithm>

namespace narthex::gotemplate {

using Trees = std::vector<std::shared_ptr<const Tree>>;

struct TemplateSet::State
{
    std::shared_ptr<const Functions> functions;
    Escaping escaping = Escaping::None;
    std::vector<std::string> variables;
    base::StringMap<std::shared_ptr<const Tree>> trees;

    [[nodiscard]] absl::StatusOr<Trees> parse(std::string_view name, std::string_view text) const
    {
        return parseTemplate(name, text, variables, [this](std::string_view function) {
            return functions->contains(function) || isBuiltin(function);
        });
    }
    [[nodiscard]] const Tree* find(std::string_view name) const
    {
        const auto found = trees.find(name);
        return found == trees.end() ? nullptr : found->second.get();
    }
};

TemplateSet::TemplateSet(std::shared_ptr<const Functions> functions, Escaping escaping,
                         std::vector<std::string> variables)
    : state_(std::make_unique<State>(State{.functions = std::move(functions),
                                           .escaping = escaping,
                                           .variables = std::move(variables)}))
{}

TemplateSet::~TemplateSet() = default;
TemplateSet::TemplateSet(const TemplateSet& other) : state_(std::make_unique<State>(*other.state_))
{}
TemplateSet::TemplateSet(TemplateSet&&) noexcept = default;

absl::Status TemplateSet::parse(std::string_view name, std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(Trees trees, state_->parse(name, text));
    for (std::shared_ptr<const Tree>& tree : trees) {
        if (!tree->empty || !has(tree->name)) {
            state_->trees[tree->name] = std::move(tree);
        }
    }
    return absl::OkStatus();
}

bool TemplateSet::has(std::string_view name) const { return state_->find(name) != nullptr; }

std::vector<std::string> TemplateSet::names() const
{
    std::vector<std::string> names;
    for (const auto& [name, tree] : state_->trees) {
        names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

absl::StatusOr<std::string> TemplateSet::execute(std::string_view name, const Value& root,
                                                 const Execution& execution) const
{
    const Tree* tree = state_->find(name);
    if (tree == nullptr) {
        return base::invalidArgument("template: {}: no such template is defined",
                                     model::quote(name));
    }
    const Executor::Find find = [this](std::string_view each) { return state_->find(each); };
    return Executor(find, *state_->functions, state_->escaping, execution).run(*tree, root);
}

absl::StatusOr<std::string> TemplateSet::executeText(std::string_view name, std::string_view text,
                                                     const Value& root,
                                                     const Execution& execution) const
{
    NARTHEX_ASSIGN_OR_RETURN(const Trees trees, state_->parse(name, text));
    const Executor::Find find = [&](std::string_view wanted) {
        const Tree* known = state_->find(wanted);
        for (const std::shared_ptr<const Tree>& tree : trees) {
            if (tree->name == wanted && (!tree->empty || known == nullptr)) {
                return static_cast<const Tree*>(tree.get());
            }
        }
        return known;
    };
    const auto main = std::find_if(trees.begin(), trees.end(),
                                   [&](const auto& tree) { return tree->name == name; });
    return Executor(find, *state_->functions, state_->escaping, execution).run(**main, root);
}

} // namespace narthex::gotemplate
