// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/label_functions.h"

#include "core/base/status.h"
#include "core/base/utf8.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace narthex::promql {
namespace {

constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isWordByte(char c)
{
    return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool isLabelName(std::string_view name) { return !name.empty() && base::isValidUtf8(name); }

/// Replaces `$1`, `${1}`, `$name`, `${name}` and `$$` as Go's regexp does.
class Expander
{
public:
    Expander(std::string_view pattern, const re2::RE2& regex,
             const std::vector<re2::StringPiece>& groups)
        : rest_(pattern), regex_(regex), groups_(groups)
    {}

    std::string run()
    {
        while (!rest_.empty()) {
            const std::size_t dollar = rest_.find('$');
            out_ += rest_.substr(0, dollar);
            if (dollar == std::string_view::npos) {
                break;
            }
            rest_.remove_prefix(dollar + 1);
            reference();
        }
        return std::move(out_);
    }

private:
    /// What stands behind a dollar; a dollar that begins no reference is kept.
    void reference()
    {
        if (rest_.starts_with('$')) {
            out_ += '$';
            rest_.remove_prefix(1);
            return;
        }
        const bool braced = rest_.starts_with('{');
        const std::size_t begin = braced ? 1 : 0;
        std::size_t end = begin;
        while (end < rest_.size() && isWordByte(rest_[end])) {
            ++end;
        }
        const std::string_view name = rest_.substr(begin, end - begin);
        if (name.empty() || (braced && (end >= rest_.size() || rest_[end] != '}'))) {
            out_ += '$';
            return;
        }
        rest_.remove_prefix(braced ? end + 1 : end);
        appendGroup(name);
    }

    void appendGroup(std::string_view name)
    {
        int index = -1;
        const auto [ptr, error] = std::from_chars(name.data(), name.data() + name.size(), index);
        if (error != std::errc() || ptr != name.data() + name.size()) {
            const auto& named = regex_.NamedCapturingGroups();
            const auto it = named.find(std::string(name));
            index = it == named.end() ? -1 : it->second;
        }
        if (index >= 0 && static_cast<std::size_t>(index) < groups_.size()) {
            const re2::StringPiece& group = groups_[static_cast<std::size_t>(index)];
            out_.append(group.data() == nullptr ? "" : group.data(), group.size());
        }
    }

    std::string_view rest_;
    const re2::RE2& regex_;
    const std::vector<re2::StringPiece>& groups_;
    std::string out_;
};

void setLabel(Row& row, const std::string& name, std::string_view value)
{
    model::LabelsBuilder builder(row.labels);
    builder.set(name, value);
    row.labels = builder.build();
    if (name == model::kMetricName) {
        row.dropName = false;
    }
}

} // namespace

absl::StatusOr<Rows> evalLabelReplace(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    const std::string& target = stringOf(*node.args[1]);
    const std::string& replacement = stringOf(*node.args[2]);
    const std::string& source = stringOf(*node.args[3]);
    const std::string& pattern = stringOf(*node.args[4]);
    re2::RE2::Options options;
    options.set_log_errors(false);
    const re2::RE2 regex("^(?s:" + pattern + ")$", options);
    if (!regex.ok()) {
        return base::invalidArgument("invalid regular expression in label_replace(): {}", pattern);
    }
    if (!isLabelName(target)) {
        return base::invalidArgument("invalid destination label name in label_replace(): {}",
                                     target);
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) +
                                         1);
    for (Row& row : rows) {
        const std::string value(row.labels.get(source));
        if (regex.Match(value, 0, value.size(), re2::RE2::UNANCHORED, groups.data(),
                        static_cast<int>(groups.size()))) {
            setLabel(row, target, Expander(replacement, regex, groups).run());
        }
    }
    NARTHEX_RETURN_IF_ERROR(mergeSame(rows));
    return rows;
}

absl::StatusOr<Rows> evalLabelJoin(Run& run, const Grid& grid, const Expr&, const Call& node)
{
    const std::string& target = stringOf(*node.args[1]);
    const std::string& separator = stringOf(*node.args[2]);
    if (!isLabelName(target)) {
        return base::invalidArgument("invalid destination label name in label_join(): {}", target);
    }
    for (std::size_t i = 3; i < node.args.size(); ++i) {
        if (!isLabelName(stringOf(*node.args[i]))) {
            return base::invalidArgument("invalid source label name in label_join(): {}",
                                         stringOf(*node.args[i]));
        }
    }
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    for (Row& row : rows) {
        std::string joined;
        for (std::size_t i = 3; i < node.args.size(); ++i) {
            joined += i > 3 ? separator : std::string();
            joined += row.labels.get(stringOf(*node.args[i]));
        }
        setLabel(row, target, joined);
    }
    NARTHEX_RETURN_IF_ERROR(mergeSame(rows));
    return rows;
}

bool naturalLess(std::string_view a, std::string_view b)
{
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
        if (!isDigit(a[i]) || !isDigit(b[j])) {
            if (a[i] != b[j]) {
                return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
            }
            ++i;
            ++j;
            continue;
        }
        const auto skipZeros = [](std::string_view text, std::size_t& at) {
            while (at + 1 < text.size() && text[at] == '0' && isDigit(text[at + 1])) {
                ++at;
            }
        };
        skipZeros(a, i);
        skipZeros(b, j);
        const std::size_t beginA = i;
        const std::size_t beginB = j;
        while (i < a.size() && isDigit(a[i])) {
            ++i;
        }
        while (j < b.size() && isDigit(b[j])) {
            ++j;
        }
        const std::string_view x = a.substr(beginA, i - beginA);
        const std::string_view y = b.substr(beginB, j - beginB);
        if (x != y) {
            return x.size() != y.size() ? x.size() < y.size() : x < y;
        }
    }
    return a.size() - i < b.size() - j;
}

absl::StatusOr<Rows> evalSortByLabel(Run& run, const Grid& grid, const Expr& expr, const Call& node)
{
    NARTHEX_ASSIGN_OR_RETURN(Rows rows, evalVector(run, grid, *node.args[0]));
    if (!run.isInstant()) {
        run.notes().warn(expr.range, "sort is ineffective for range queries since results "
                                     "are always ordered by labels");
        return rows;
    }
    const bool descending = node.function->name == "sort_by_label_desc";
    const auto less = [&node](const Row& a, const Row& b) {
        for (std::size_t i = 1; i < node.args.size(); ++i) {
            const std::string_view x = a.labels.get(stringOf(*node.args[i]));
            const std::string_view y = b.labels.get(stringOf(*node.args[i]));
            if (x != y) {
                return naturalLess(x, y);
            }
        }
        return a.labels < b.labels;
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
        return descending ? less(b, a) : less(a, b);
    });
    return rows;
}

} // namespace narthex::promql
