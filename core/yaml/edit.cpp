// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/edit.h"

#include "core/yaml/edit_check.h"
#include "core/yaml/layout.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace narthex::yaml {
namespace {

constexpr std::size_t kIndent = 2;

/// The text with what is asked of its lines.
class Text
{
public:
    explicit Text(std::string_view text) : text_(text) {}
    [[nodiscard]] std::string_view view() const { return text_; }
    [[nodiscard]] std::size_t size() const { return text_.size(); }
    [[nodiscard]] std::size_t lineBegin(std::size_t at) const
    {
        const std::size_t feed = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
        return feed == std::string_view::npos ? 0 : feed + 1;
    }
    /// Of the line feed, or the end of the text.
    [[nodiscard]] std::size_t lineEnd(std::size_t at) const
    {
        return std::min(text_.find('\n', at), text_.size());
    }
    [[nodiscard]] std::size_t column(std::size_t at) const { return at - lineBegin(at); }
    [[nodiscard]] std::string_view line(std::size_t at) const
    {
        return text_.substr(lineBegin(at), lineEnd(at) - lineBegin(at));
    }
    [[nodiscard]] std::size_t lineNumber(std::size_t at) const
    {
        return static_cast<std::size_t>(std::count(
                   text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
               1;
    }
    /// Where the first character that is no blank stands; npos for a blank line.
    [[nodiscard]] static std::size_t indentOf(std::string_view line)
    {
        return line.find_first_not_of(" \t\r");
    }
    /// The begin of the comment lines directly above the line of `at`, in the same column.
    [[nodiscard]] std::size_t commentsAbove(std::size_t at, std::size_t column) const
    {
        std::size_t begin = lineBegin(at);
        while (begin > 0) {
            const std::string_view above = line(begin - 1);
            const std::size_t indent = indentOf(above);
            if (indent != column || above[indent] != '#') {
                break;
            }
            begin = lineBegin(begin - 1);
        }
        return begin;
    }
    [[nodiscard]] TextEdit replace(std::size_t begin, std::size_t end, std::string by) const
    {
        return {.offset = begin,
                .removed = std::string(text_.substr(begin, end - begin)),
                .inserted = std::move(by)};
    }

private:
    const std::string_view text_;
};

/// A place in the layout: `value` is null when the last key is not there yet.
struct Found
{
    const LayoutNode* container = nullptr;
    const LayoutNode* value = nullptr;
    /// Of the value in the container's children.
    std::size_t child = 0;
    /// The key above the container, if it has one, and the key of the value.
    const LayoutNode* containerKey = nullptr;
    const LayoutNode* key = nullptr;
    std::string name;
    PlainPath place;
};

std::string partText(const PathPart& part)
{
    if (const auto* key = std::get_if<std::string>(&part)) {
        return *key;
    }
    if (const auto* index = std::get_if<std::size_t>(&part)) {
        return fmt::format("element {}", *index + 1);
    }
    const auto& where = std::get<Where>(part);
    return fmt::format("{}={}", where.key, where.value);
}

absl::StatusOr<Found> find(const Text& text, const LayoutNode& root, const Path& path)
{
    if (path.empty()) {
        return absl::InvalidArgumentError("a path is needed");
    }
    Found found{.value = &root};
    for (const PathPart& part : path) {
        if (found.value == nullptr) {
            return absl::NotFoundError(fmt::format("there is no {}", found.name));
        }
        const LayoutNode& node = *found.value;
        if (node.kind == NodeKind::Alias) {
            return absl::FailedPreconditionError(
                fmt::format("line {}: *{} stands for what is defined at &{}; change it there",
                            text.lineNumber(node.begin), node.value, node.value));
        }
        found.containerKey = found.key;
        found.container = &node;
        found.key = nullptr;
        found.value = nullptr;
        found.name = partText(part);
        if (const auto* key = std::get_if<std::string>(&part)) {
            found.place.emplace_back(*key);
            for (std::size_t i = 0; node.kind == NodeKind::Mapping && i + 1 < node.children.size();
                 i += 2) {
                if (node.children[i].value == *key) {
                    found.key = &node.children[i];
                    found.value = &node.children[i + 1];
                    found.child = i + 1;
                }
            }
            continue;
        }
        std::size_t index = node.children.size();
        if (const auto* number = std::get_if<std::size_t>(&part)) {
            index = *number;
        } else {
            const auto& where = std::get<Where>(part);
            for (std::size_t i = 0; i < node.children.size(); ++i) {
                const LayoutNode* value = node.children[i].find(where.key);
                if (value != nullptr && value->value == where.value) {
                    index = i;
                    break;
                }
            }
        }
        if (node.kind != NodeKind::Sequence || index >= node.children.size()) {
            return absl::NotFoundError(fmt::format("there is no {}", found.name));
        }
        found.place.emplace_back(index);
        found.child = index;
        found.value = &node.children[index];
    }
    return found;
}

/// Trims line feeds at both ends.
std::string_view trimmed(std::string_view yaml)
{
    while (!yaml.empty() && (yaml.back() == '\n' || yaml.back() == ' ')) {
        yaml.remove_suffix(1);
    }
    while (!yaml.empty() && yaml.front() == '\n') {
        yaml.remove_prefix(1);
    }
    return yaml;
}

/// Every line but the first with this many blanks in front; empty lines stay empty.
std::string indented(std::string_view yaml, std::size_t columns)
{
    std::string result;
    bool first = true;
    while (true) {
        const std::size_t feed = yaml.find('\n');
        const std::string_view line = yaml.substr(0, feed);
        if (!first) {
            result += '\n';
            result += line.empty() ? std::string() : std::string(columns, ' ');
        }
        result += line;
        first = false;
        if (feed == std::string_view::npos) {
            return result;
        }
        yaml.remove_prefix(feed + 1);
    }
}

/// One line, in brackets and braces where needed.
std::string flowText(std::string_view yaml)
{
    std::istringstream stream{std::string(yaml)};
    YAML::Emitter out;
    out << YAML::Flow << YAML::Load(stream);
    std::string text = out.c_str();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

bool isOneLine(std::string_view yaml) { return yaml.find('\n') == std::string_view::npos; }

/// Whether it needs a line of its own below its key: a block mapping or list.
bool needsBlock(std::string_view yaml)
{
    const auto layout = readLayout(yaml);
    return !isOneLine(yaml) || (layout.ok() && layout->kind != NodeKind::Scalar && !layout->flow);
}

/// ` value` or a block of its own, to stand behind the colon of a key in this column.
std::string behindKey(std::string_view yaml, std::size_t keyColumn)
{
    if (!needsBlock(yaml)) {
        return yaml.empty() ? std::string() : " " + std::string(yaml);
    }
    const std::size_t columns = keyColumn + kIndent;
    return "\n" + std::string(columns, ' ') + indented(yaml, columns);
}

std::string keyText(const std::string& key) { return scalarText(key); }

/// The comment that stands behind `at` in its line, with the blanks before it.
std::string_view commentBehind(const Text& text, std::size_t at)
{
    const std::string_view rest = text.view().substr(at, text.lineEnd(at) - at);
    const std::size_t mark = Text::indentOf(rest);
    return mark != std::string_view::npos && rest[mark] == '#' ? rest : std::string_view();
}

std::size_t behindColon(const Text& text, const LayoutNode& key)
{
    return std::min(text.view().find(':', key.end), text.size() - 1) + 1;
}

TextEdit replaceValue(const Text& text, const Found& found, std::string_view yaml)
{
    const LayoutNode& value = *found.value;
    if (found.key == nullptr) { // an element of a list
        const std::size_t column = text.column(value.whole);
        const bool flow = found.container->flow;
        return text.replace(value.begin, value.end,
                            flow && needsBlock(yaml) ? flowText(yaml) : indented(yaml, column));
    }
    if (found.container->flow) {
        const std::string line = needsBlock(yaml) ? flowText(yaml) : std::string(yaml);
        return value.end == value.begin ? text.replace(value.end, value.end, " " + line)
                                        : text.replace(value.begin, value.end, line);
    }
    const bool sameLine = text.lineBegin(value.whole) == text.lineBegin(found.key->end);
    const bool plainOld = sameLine && value.end > value.begin && value.style != ScalarStyle::Block;
    if (plainOld && !needsBlock(yaml)) {
        return text.replace(value.begin, value.end, std::string(yaml));
    }
    // All that stands behind the colon, but for a comment in the key's line.
    const std::size_t colon = behindColon(text, *found.key);
    const std::string_view comment = commentBehind(text, plainOld ? value.end : colon);
    const std::string anchor = value.anchor.empty() ? "" : " &" + value.anchor;
    const std::string body = behindKey(yaml, text.column(found.key->whole));
    const std::string inserted = needsBlock(yaml) ? anchor + std::string(comment) + body
                                                  : anchor + body + std::string(comment);
    const std::size_t end =
        plainOld ? value.end + comment.size() : std::max(value.end, colon + comment.size());
    return text.replace(colon, end, inserted);
}

/// Behind the last thing of a block, its comment included.
std::size_t behindBlock(const Text& text, const LayoutNode& last) { return text.lineEnd(last.end); }

absl::StatusOr<TextEdit> addKey(const Text& text, const Found& found, std::string_view yaml)
{
    const LayoutNode& map = *found.container;
    const std::string key = keyText(found.name);
    if (map.kind == NodeKind::Mapping && map.flow) {
        const std::string entry =
            key + ": " + (needsBlock(yaml) ? flowText(yaml) : std::string(yaml));
        return map.children.empty()
                   ? text.replace(map.begin + 1, map.begin + 1, entry)
                   : text.replace(map.children.back().end, map.children.back().end, ", " + entry);
    }
    if (map.kind == NodeKind::Mapping) {
        const std::size_t column = text.column(map.children.front().whole);
        const std::size_t at = behindBlock(text, map.children.back());
        return text.replace(at, at,
                            "\n" + std::string(column, ' ') + key + ":" + behindKey(yaml, column));
    }
    const bool empty = map.kind == NodeKind::Scalar && map.end == map.begin;
    if (!empty) {
        return absl::FailedPreconditionError(
            fmt::format("line {}: no mapping, so it cannot have a key {}",
                        text.lineNumber(map.begin), found.name));
    }
    if (found.containerKey == nullptr) { // an empty document
        const bool fresh = text.size() == 0 || text.view().back() == '\n';
        return text.replace(text.size(), text.size(),
                            (fresh ? "" : "\n") + key + ":" + behindKey(yaml, 0) + "\n");
    }
    const std::size_t column = text.column(found.containerKey->whole) + kIndent;
    const std::size_t at = text.lineEnd(found.containerKey->end);
    return text.replace(at, at,
                        "\n" + std::string(column, ' ') + key + ":" + behindKey(yaml, column));
}

/// Where the '-' of an element of a block list stands.
std::size_t dashOf(const Text& text, const LayoutNode& list, std::size_t index)
{
    if (index == 0) {
        return list.begin;
    }
    const std::size_t column = text.column(list.begin);
    std::size_t line = text.lineEnd(list.children[index - 1].end) + 1;
    while (line < list.children[index].whole) {
        const std::string_view content = text.line(line);
        if (Text::indentOf(content) == column && content[column] == '-') {
            return line + column;
        }
        line = text.lineEnd(line) + 1;
    }
    // Empty elements stand behind their dash.
    return text.view().rfind('-', list.children[index].whole);
}

std::string elementText(std::string_view yaml, std::size_t column)
{
    return "- " + indented(yaml, column + kIndent);
}

TextEdit insertIntoBlock(const Text& text, const LayoutNode& list, std::size_t index,
                         std::string_view yaml)
{
    const std::size_t column = text.column(list.begin);
    const std::string blanks(column, ' ');
    const std::size_t count = list.children.size();
    // Elements that stand apart by blank lines go on doing so.
    bool apart = false;
    if (count > 1) {
        const std::size_t begin = text.commentsAbove(dashOf(text, list, count - 1), column);
        apart = begin > 0 && Text::indentOf(text.line(begin - 1)) == std::string_view::npos;
    }
    if (index >= count) {
        const std::size_t at = behindBlock(text, list.children.back());
        return text.replace(at, at, (apart ? "\n\n" : "\n") + blanks + elementText(yaml, column));
    }
    if (index == 0) { // the first dash may share its line with what is above
        return text.replace(list.begin, list.begin,
                            elementText(yaml, column) + (apart ? "\n\n" : "\n") + blanks);
    }
    const std::size_t at = text.commentsAbove(dashOf(text, list, index), column);
    return text.replace(at, at, blanks + elementText(yaml, column) + (apart ? "\n\n" : "\n"));
}

TextEdit insertIntoFlow(const Text& text, const LayoutNode& list, std::size_t index,
                        std::string_view yaml)
{
    const std::string entry = needsBlock(yaml) ? flowText(yaml) : std::string(yaml);
    if (list.children.empty()) {
        return text.replace(list.begin + 1, list.begin + 1, entry);
    }
    if (index >= list.children.size()) {
        return text.replace(list.children.back().end, list.children.back().end, ", " + entry);
    }
    const std::size_t at = list.children[index].whole;
    return text.replace(at, at, entry + ", ");
}

TextEdit removeFromFlow(const Text& text, const LayoutNode& container, std::size_t first,
                        std::size_t last)
{
    const auto& children = container.children;
    if (last + 1 < children.size()) {
        return text.replace(children[first].whole, children[last + 1].whole, {});
    }
    if (first > 0) {
        return text.replace(children[first - 1].end, children[last].end, {});
    }
    return text.replace(children[first].whole, children[last].end, {});
}

/// Takes away what begins at `begin` (a key, a dash) up to the end of `last`. `next`: where the
/// one behind it begins, if there is one; `isFirst`: nothing of the block stands before it.
TextEdit removeFromBlock(const Text& text, std::size_t begin, const LayoutNode& last,
                         std::optional<std::size_t> next, bool isFirst)
{
    const std::size_t column = text.column(begin);
    const std::string_view before = text.line(begin).substr(0, column);
    const bool sharesLine = Text::indentOf(before) != std::string_view::npos;
    if (sharesLine && next) { // "- name: x", the next key takes its place
        return text.replace(begin, *next, {});
    }
    const std::size_t from = isFirst ? text.lineBegin(begin) : text.commentsAbove(begin, column);
    const std::size_t end = text.lineEnd(last.end);
    if (end < text.size()) {
        return text.replace(from, end + 1, {});
    }
    return text.replace(from > 0 ? from - 1 : 0, end, {});
}

absl::StatusOr<TextEdit> checked(std::string_view text, absl::StatusOr<TextEdit> edit,
                                 const PlainPath& place, Change change, std::string_view what)
{
    if (!edit.ok()) {
        return edit;
    }
    if (absl::Status status = checkEdit(text, edit->apply(text), place, change, what);
        !status.ok()) {
        return status;
    }
    return edit;
}

absl::StatusOr<TextEdit> set(std::string_view text, const Path& path, std::string_view yaml,
                             bool isScalar)
{
    const auto layout = readLayout(text);
    if (!layout.ok()) {
        return layout.status();
    }
    const Text lines(text);
    const auto found = find(lines, *layout, path);
    if (!found.ok()) {
        return found.status();
    }
    std::string what(trimmed(yaml));
    if (isScalar && found->value != nullptr && found->value->kind == NodeKind::Scalar) {
        // As it was quoted before.
        if (found->value->style == ScalarStyle::DoubleQuoted) {
            YAML::Emitter out;
            out << YAML::DoubleQuoted << std::string(yaml);
            what = out.c_str();
        } else if (found->value->style == ScalarStyle::SingleQuoted && isOneLine(yaml)) {
            YAML::Emitter out;
            out << YAML::SingleQuoted << std::string(yaml);
            what = out.c_str();
        } else {
            what = scalarText(yaml);
        }
    } else if (isScalar) {
        what = scalarText(yaml);
    } else if (const auto parsed = readLayout(what); !parsed.ok()) {
        return parsed.status();
    }
    absl::StatusOr<TextEdit> edit =
        found->value != nullptr ? absl::StatusOr<TextEdit>(replaceValue(lines, *found, what))
                                : addKey(lines, *found, what);
    return checked(text, std::move(edit), found->place, Change::Set, what);
}

} // namespace

std::string TextEdit::apply(std::string_view text) const
{
    std::string result(text.substr(0, offset));
    result += inserted;
    result += text.substr(offset + removed.size());
    return result;
}

std::string scalarText(std::string_view value)
{
    // What is safe in a block may not be so in brackets.
    const bool special = value.find_first_of(",[]{}#\n\t\\\"'") != std::string_view::npos;
    const bool nothing =
        value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL";
    YAML::Emitter out;
    if (special && value.find_first_of("\n\t") == std::string_view::npos) {
        out << YAML::SingleQuoted;
    } else if (special || nothing) {
        out << YAML::DoubleQuoted;
    }
    out << std::string(value);
    return out.c_str();
}

absl::StatusOr<TextEdit> setValue(std::string_view text, const Path& path, std::string_view value)
{
    return set(text, path, value, true);
}

absl::StatusOr<TextEdit> setYaml(std::string_view text, const Path& path, std::string_view yaml)
{
    return set(text, path, yaml, false);
}

absl::StatusOr<TextEdit> insertElement(std::string_view text, const Path& path, std::size_t index,
                                       std::string_view yaml)
{
    const auto layout = readLayout(text);
    if (!layout.ok()) {
        return layout.status();
    }
    const std::string what(trimmed(yaml));
    if (const auto parsed = readLayout(what); !parsed.ok()) {
        return parsed.status();
    }
    const Text lines(text);
    const auto found = find(lines, *layout, path);
    if (!found.ok()) {
        return found.status();
    }
    const LayoutNode* list = found->value;
    const bool none =
        list == nullptr || (list->kind == NodeKind::Scalar && list->end == list->begin);
    const bool emptyBrackets =
        list != nullptr && list->kind == NodeKind::Sequence && list->children.empty();
    if (none || (emptyBrackets && needsBlock(what))) {
        return setYaml(text, path, elementText(what, 0));
    }
    if (list->kind != NodeKind::Sequence) {
        return absl::FailedPreconditionError(
            fmt::format("line {}: {} is no list", lines.lineNumber(list->begin), found->name));
    }
    PlainPath place = found->place;
    place.emplace_back(std::min(index, list->children.size()));
    return checked(text,
                   list->flow ? insertIntoFlow(lines, *list, index, what)
                              : insertIntoBlock(lines, *list, index, what),
                   place, Change::Insert, what);
}

absl::StatusOr<TextEdit> removeAt(std::string_view text, const Path& path)
{
    const auto layout = readLayout(text);
    if (!layout.ok()) {
        return layout.status();
    }
    const Text lines(text);
    const auto found = find(lines, *layout, path);
    if (!found.ok()) {
        return found.status();
    }
    if (found->value == nullptr) {
        return absl::NotFoundError(fmt::format("there is no {}", found->name));
    }
    const LayoutNode& container = *found->container;
    const bool isMapping = container.kind == NodeKind::Mapping;
    const std::size_t first = isMapping ? found->child - 1 : found->child;
    const std::size_t perEntry = isMapping ? 2 : 1;
    absl::StatusOr<TextEdit> edit;
    if (container.flow) {
        edit = removeFromFlow(lines, container, first, found->child);
    } else if (container.children.size() == perEntry) {
        Path above = path;
        above.pop_back();
        if (above.empty()) {
            edit = removeFromBlock(lines, container.begin, container.children.back(), {}, true);
        } else {
            const auto parent = find(lines, *layout, above);
            edit = replaceValue(lines, *parent, isMapping ? "{}" : "[]");
        }
    } else {
        const auto beginOf = [&](std::size_t child) {
            return isMapping ? container.children[child].whole : dashOf(lines, container, child);
        };
        const std::size_t behind = found->child + 1;
        edit = removeFromBlock(lines, beginOf(first), container.children[found->child],
                               behind < container.children.size() ? std::optional(beginOf(behind))
                                                                  : std::nullopt,
                               first == 0);
    }
    return checked(text, std::move(edit), found->place, Change::Remove, {});
}

} // namespace narthex::yaml
