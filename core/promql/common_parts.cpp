// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/common_parts.h"

#include "core/base/string_map.h"
#include "core/promql/printer.h"

#include <string>
#include <vector>

namespace narthex::promql {
namespace {

bool isCandidate(const Expr& expr)
{
    return expr.type == ValueType::Vector &&
           (expr.as<Call>() != nullptr || expr.as<Aggregation>() != nullptr ||
            expr.as<Binary>() != nullptr);
}

std::size_t candidatesIn(const Expr& expr)
{
    std::size_t count = isCandidate(expr) ? 1 : 0;
    for (const Expr* child : childrenOf(expr)) {
        count += candidatesIn(*child);
    }
    return count;
}

class Finder
{
public:
    absl::flat_hash_map<const Expr*, std::uint32_t> find(const Expr& root)
    {
        number(root);
        request(root);
        absl::flat_hash_map<const Expr*, std::uint32_t> parts;
        for (const auto& [node, number] : numbers_) {
            if (isCandidate(*node) && requests_[number] > 1) {
                parts.emplace(node, number + 1);
            }
        }
        return parts;
    }

private:
    /// Equal trees get equal numbers: those of the same own text and the same children.
    std::uint32_t number(const Expr& expr)
    {
        if (const auto* paren = expr.as<Paren>()) {
            return number(*paren->expr);
        }
        std::string key = ownText(expr);
        for (const Expr* child : childrenOf(expr)) {
            key += '\n';
            key += std::to_string(number(*child));
        }
        const auto [it, isNew] =
            byKey_.try_emplace(std::move(key), static_cast<std::uint32_t>(byKey_.size()));
        numbers_.emplace(&expr, it->second);
        requests_.resize(byKey_.size());
        return it->second;
    }

    /// As an evaluation asks that keeps what it has worked out.
    void request(const Expr& expr)
    {
        const Expr& node = unwrapParens(expr);
        if (isCandidate(node) && ++requests_[numbers_.at(&node)] > 1) {
            return;
        }
        for (const Expr* child : childrenOf(node)) {
            request(*child);
        }
    }

    base::StringMap<std::uint32_t> byKey_;
    absl::flat_hash_map<const Expr*, std::uint32_t> numbers_;
    std::vector<std::uint32_t> requests_;
};

} // namespace

absl::flat_hash_map<const Expr*, std::uint32_t> findCommonParts(const Expr& root)
{
    if (candidatesIn(root) < 2) {
        return {};
    }
    return Finder().find(root);
}

} // namespace narthex::promql
