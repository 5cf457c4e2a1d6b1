// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/decode.h"

#include "core/base/number.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace narthex::yaml {
namespace {

// Of one mapping; more than anybody writes.
constexpr std::size_t kMostMerges = 1000;

constexpr std::array<std::string_view, 11> kTrue = {"y",  "Y",  "yes",  "Yes",  "YES", "on",
                                                    "On", "ON", "true", "True", "TRUE"};
constexpr std::array<std::string_view, 11> kFalse = {"n",   "N",   "no",    "No",    "NO",   "off",
                                                     "Off", "OFF", "false", "False", "FALSE"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};

template <typename Range>
bool contains(const Range& range, std::string_view text)
{
    return std::find(range.begin(), range.end(), text) != range.end();
}

/// Quoted scalars carry the tag "!": they are strings whatever they look like.
bool isPlain(const YAML::Node& node) { return node.Tag() != "!"; }

std::string_view tagOf(const YAML::Node& node)
{
    if (node.IsMap()) {
        return "!!map";
    }
    if (node.IsSequence()) {
        return "!!seq";
    }
    const std::string& text = node.Scalar();
    if (!isPlain(node)) {
        return "!!str";
    }
    if (contains(kTrue, text) || contains(kFalse, text)) {
        return "!!bool";
    }
    if (base::parseInt(text)) {
        return "!!int";
    }
    return base::parseFloat(text) ? "!!float" : "!!str";
}

bool isBase64(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("+/= \t\r\n").find(c) != std::string_view::npos;
    });
}

std::size_t editDistance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

std::string remedy(std::string_view unknown, const std::vector<std::string>& known)
{
    std::string_view nearest;
    std::size_t best = 3;
    for (const std::string& candidate : known) {
        const std::size_t distance = editDistance(unknown, candidate);
        if (distance < best) {
            best = distance;
            nearest = candidate;
        }
    }
    if (!nearest.empty()) {
        return fmt::format("; did you mean {}?", nearest);
    }
    std::string all;
    for (const std::string& candidate : known) {
        all += (all.empty() ? "" : ", ") + candidate;
    }
    return all.empty() ? std::string() : fmt::format("; allowed: {}", all);
}

} // namespace

bool Value::isNull() const
{
    return !node_.IsDefined() || node_.IsNull() ||
           (node_.IsScalar() && isPlain(node_) && contains(kNull, node_.Scalar()));
}

std::uint32_t Value::line() const { return static_cast<std::uint32_t>(node_.Mark().line + 1); }

void Value::fail(std::string message) const { document_->report(node_.Mark(), std::move(message)); }

void Value::failType(std::string_view type) const
{
    const std::string shown =
        node_.IsScalar() ? fmt::format(" `{}`", node_.Scalar()) : std::string();
    fail(fmt::format("cannot unmarshal {}{} into {}", tagOf(node_), shown, type));
}

std::optional<std::string> Value::scalar(std::string_view type) const
{
    if (isNull()) {
        return std::string();
    }
    if (!node_.IsScalar()) {
        failType(type);
        return std::nullopt;
    }
    if (node_.Tag() == "tag:yaml.org,2002:binary") {
        // The library's decoder reads outside of its table for bytes above ASCII.
        const std::vector<unsigned char> bytes = isBase64(node_.Scalar())
                                                     ? YAML::DecodeBase64(node_.Scalar())
                                                     : std::vector<unsigned char>();
        if (bytes.empty() && !node_.Scalar().empty()) {
            fail("!!binary value contains invalid base64 data");
            return std::nullopt;
        }
        return std::string(bytes.begin(), bytes.end());
    }
    return node_.Scalar();
}

bool Value::into(std::string& out) const
{
    auto text = scalar("string");
    if (text) {
        out = std::move(*text);
    }
    return text.has_value();
}

bool Value::into(base::Secret& out) const
{
    auto text = scalar("string");
    if (text) {
        out = base::Secret(std::move(*text));
    }
    return text.has_value();
}

bool Value::into(bool& out) const
{
    if (isNull()) {
        out = false;
        return true;
    }
    if (node_.IsScalar() && isPlain(node_)) {
        if (contains(kTrue, node_.Scalar())) {
            out = true;
            return true;
        }
        if (contains(kFalse, node_.Scalar())) {
            out = false;
            return true;
        }
    }
    failType("bool");
    return false;
}

bool Value::into(double& out) const
{
    if (isNull()) {
        out = 0;
        return true;
    }
    std::string text = node_.IsScalar() && isPlain(node_) ? node_.Scalar() : "x";
    std::erase(text, '_');
    if (text == ".inf" || text == "+.inf" || text == "-.inf" || text == ".nan") {
        std::erase(text, '.');
    }
    const auto number = base::parseFloat(text);
    if (!number) {
        failType("float64");
        return false;
    }
    out = *number;
    return true;
}

bool Value::into(std::int64_t& out) const
{
    double number = 0;
    if (node_.IsScalar() && isPlain(node_)) {
        if (const auto integer = base::parseInt(node_.Scalar())) {
            out = *integer;
            return true;
        }
        if (const auto real = base::parseFloat(node_.Scalar());
            real && *real == static_cast<double>(static_cast<std::int64_t>(*real))) {
            out = static_cast<std::int64_t>(*real);
            return true;
        }
    } else if (isNull() && into(number)) {
        out = 0;
        return true;
    }
    failType("int");
    return false;
}

bool Value::into(std::uint64_t& out) const
{
    if (isNull()) {
        out = 0;
        return true;
    }
    if (node_.IsScalar() && isPlain(node_)) {
        if (const auto integer = base::parseUint(node_.Scalar())) {
            out = *integer;
            return true;
        }
        if (const auto real = base::parseFloat(node_.Scalar());
            real && *real >= 0 && *real < 1e19 &&
            *real == static_cast<double>(static_cast<std::uint64_t>(*real))) {
            out = static_cast<std::uint64_t>(*real);
            return true;
        }
    }
    failType("uint");
    return false;
}

bool Value::into(base::Duration& out) const
{
    const auto text = scalar("model.Duration");
    if (!text) {
        return false;
    }
    if (text->empty() && isNull()) {
        out = {};
        return true;
    }
    const auto duration = base::parseDuration(*text);
    if (!duration.ok()) {
        fail(fmt::format("{} (a duration is written like 15s, 1m30s or 1h)",
                         base::messageOf(duration.status())));
        return false;
    }
    out = *duration;
    return true;
}

bool Value::into(ByteSize& out) const
{
    const auto text = scalar("units.Base2Bytes");
    if (!text) {
        return false;
    }
    if (isNull()) {
        out = {};
        return true;
    }
    const auto bytes = base::parseByteSize(*text);
    if (!bytes.ok()) {
        fail(std::string(base::messageOf(bytes.status())));
        return false;
    }
    out = {*bytes};
    return true;
}

bool Value::into(std::vector<std::string>& out) const
{
    std::vector<std::string> items;
    for (const Value& element : elements()) {
        if (!element.into(items.emplace_back())) {
            return false;
        }
    }
    out = std::move(items);
    return isNull() || isSequence();
}

bool Value::into(std::vector<base::Secret>& out) const
{
    std::vector<std::string> texts;
    if (!into(texts)) {
        return false;
    }
    out.clear();
    for (std::string& text : texts) {
        out.emplace_back(std::move(text));
    }
    return true;
}

bool Value::into(std::map<std::string, std::string>& out) const
{
    std::map<std::string, std::string> items;
    if (!isNull() && !node_.IsMap()) {
        failType("map[string]string");
        return false;
    }
    for (const auto& entry : node_) {
        std::string name;
        std::string text;
        if (!Value(entry.first, *document_).into(name) ||
            !Value(entry.second, *document_).into(text)) {
            return false;
        }
        if (!items.emplace(name, text).second) {
            Value(entry.first, *document_).fail(fmt::format("key \"{}\" already set in map", name));
            return false;
        }
    }
    out = std::move(items);
    return true;
}

std::vector<Value> Value::elements() const
{
    std::vector<Value> result;
    if (isNull()) {
        return result;
    }
    if (!node_.IsSequence()) {
        failType("list");
        return result;
    }
    for (const YAML::Node& element : node_) {
        result.emplace_back(element, *document_);
    }
    return result;
}

Object::Object(const Value& value, std::string type) : value_(value), type_(std::move(type))
{
    if (value.isNull()) {
        return;
    }
    if (!value.isMap()) {
        value.fail(fmt::format("cannot unmarshal {}{} into {}", tagOf(value.node()),
                               value.node().IsScalar() ? " `" + value.node().Scalar() + "`" : "",
                               type_));
        return;
    }
    addEntries(value.node(), false);
}

void Object::addEntries(const YAML::Node& map, bool merged)
{
    // Depth first, and without recursion: an anchor may be merged into itself, or into thousands.
    std::vector<YAML::Node> work{map};
    for (std::size_t count = 0; !work.empty(); ++count) {
        if (count > kMostMerges) {
            value_.document().report(map.Mark(),
                                     fmt::format("a value that contains itself, or more than {} "
                                                 "mappings merged by <<",
                                                 kMostMerges));
            return;
        }
        const YAML::Node next = work.back();
        work.pop_back();
        std::vector<YAML::Node> merges;
        for (const auto& entry : next) {
            const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
            if (name == "<<" && isPlain(entry.first)) {
                merges.push_back(entry.second);
                continue;
            }
            const bool present = has(name);
            if (present && !merged && count == 0) {
                value_.document().report(
                    entry.first.Mark(),
                    fmt::format("field {} already set in type {}", name, type_));
            }
            if (!present) {
                entries_.push_back({name, entry.first, entry.second});
            }
        }
        for (auto source = merges.rbegin(); source != merges.rend(); ++source) {
            std::vector<YAML::Node> maps;
            if (source->IsSequence()) {
                for (const YAML::Node& each : *source) {
                    maps.push_back(each);
                }
            } else {
                maps.push_back(*source);
            }
            for (auto each = maps.rbegin(); each != maps.rend(); ++each) {
                if (each->IsMap()) {
                    work.push_back(*each);
                } else {
                    value_.document().report(
                        each->Mark(), "map merge requires map or sequence of maps as the value");
                }
            }
        }
    }
}

bool Object::has(std::string_view name) const
{
    return std::any_of(entries_.begin(), entries_.end(),
                       [name](const Entry& entry) { return entry.name == name; });
}

std::optional<Value> Object::take(std::string_view name)
{
    known_.emplace_back(name);
    for (Entry& entry : entries_) {
        if (entry.name == name) {
            entry.taken = true;
            return Value(entry.value, value_.document());
        }
    }
    return std::nullopt;
}

void Object::finish()
{
    for (const Entry& entry : entries_) {
        if (!entry.taken) {
            value_.document().report(entry.key.Mark(),
                                     fmt::format("field {} not found in type {}{}", entry.name,
                                                 type_, remedy(entry.name, known_)));
        }
    }
}

absl::StatusOr<std::unique_ptr<Document>> Document::parse(std::string file, const std::string& text)
{
    std::unique_ptr<Document> document(new Document);
    document->file_ = std::move(file);
    try {
        std::istringstream stream(text);
        document->root_ = YAML::Load(stream);
    } catch (const YAML::Exception& error) {
        document->report(error.mark, fmt::format("yaml: {}", error.msg));
        return document->status();
    }
    return document;
}

void Document::report(const YAML::Mark& mark, std::string message)
{
    problems_.push_back({.line = static_cast<std::uint32_t>(mark.line + 1),
                         .column = static_cast<std::uint32_t>(mark.column + 1),
                         .message = std::move(message)});
}

absl::Status Document::status() const
{
    if (problems_.empty()) {
        return absl::OkStatus();
    }
    std::string text;
    for (const Problem& problem : problems_) {
        text += fmt::format("{}{}:{}:{}: {}", text.empty() ? "" : "\n", file_, problem.line,
                            problem.column, problem.message);
    }
    return base::withPosition(
        absl::InvalidArgumentError(text),
        {.file = file_, .line = problems_.front().line, .column = problems_.front().column});
}

} // namespace narthex::yaml
