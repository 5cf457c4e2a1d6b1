// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/labels.h"

#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::model {
namespace {

std::string_view readPacked(const char*& p)
{
    std::size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*p++);
        length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    const std::string_view text(p, length);
    p += length;
    return text;
}

bool contains(std::span<const std::string> names, std::string_view name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool isNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool isName(std::string_view name, bool colonAllowed)
{
    if (name.empty()) {
        return false;
    }
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool digit = c >= '0' && c <= '9';
        if (!isNameStart(c) && !(digit && i > 0) && !(colonAllowed && c == ':')) {
            return false;
        }
    }
    return true;
}

} // namespace

Labels::Iterator& Labels::Iterator::operator++()
{
    at_ = next_;
    if (next_ == end_) {
        current_ = {};
        return *this;
    }
    current_.name = readPacked(next_);
    current_.value = readPacked(next_);
    return *this;
}

Labels::Labels(std::initializer_list<LabelView> labels)
    : Labels(fromPairs(std::vector<LabelView>(labels)))
{}

Labels Labels::fromPairs(std::vector<LabelView> labels)
{
    std::stable_sort(labels.begin(), labels.end(),
                     [](const LabelView& a, const LabelView& b) { return a.name < b.name; });
    Labels result;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const bool overridden = i + 1 < labels.size() && labels[i + 1].name == labels[i].name;
        if (!overridden && !labels[i].value.empty()) {
            appendPackedLabel(result.bytes_, labels[i].name, labels[i].value);
        }
    }
    return result;
}

Labels Labels::fromBytes(std::string bytes)
{
    Labels result;
    result.bytes_ = std::move(bytes);
    return result;
}

Labels::Iterator Labels::begin() const { return {bytes_.data(), bytes_.data() + bytes_.size()}; }

Labels::Iterator Labels::end() const
{
    const char* end = bytes_.data() + bytes_.size();
    return {end, end};
}

std::size_t Labels::size() const { return static_cast<std::size_t>(std::distance(begin(), end())); }

std::string_view Labels::get(std::string_view name) const
{
    for (const LabelView label : *this) {
        if (label.name >= name) {
            return label.name == name ? label.value : std::string_view();
        }
    }
    return {};
}

bool Labels::has(std::string_view name) const { return !get(name).empty(); }

std::uint64_t Labels::hash() const { return base::hash64(bytes_); }

Labels Labels::without(std::span<const std::string> names) const
{
    Labels result;
    for (const LabelView label : *this) {
        if (!contains(names, label.name)) {
            appendPackedLabel(result.bytes_, label.name, label.value);
        }
    }
    return result;
}

Labels Labels::keeping(std::span<const std::string> names) const
{
    Labels result;
    for (const LabelView label : *this) {
        if (contains(names, label.name)) {
            appendPackedLabel(result.bytes_, label.name, label.value);
        }
    }
    return result;
}

Labels Labels::withoutMetricName() const
{
    Labels result;
    for (const LabelView label : *this) {
        if (label.name != kMetricName) {
            appendPackedLabel(result.bytes_, label.name, label.value);
        }
    }
    return result;
}

std::string Labels::toString() const
{
    std::string out;
    std::string inside;
    for (const LabelView label : *this) {
        const bool isMetric = label.name == kMetricName;
        if (isMetric && isLegacyMetricName(label.value)) {
            out = label.value;
            continue;
        }
        inside += inside.empty() ? "" : ", ";
        if (isMetric) {
            inside += quote(label.value);
        } else {
            inside += isLegacyLabelName(label.name) ? std::string(label.name) : quote(label.name);
            inside += "=" + quote(label.value);
        }
    }
    if (!inside.empty() || out.empty()) {
        out += "{" + inside + "}";
    }
    return out;
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b)
{
    auto left = a.begin();
    auto right = b.begin();
    const auto leftEnd = a.end();
    const auto rightEnd = b.end();
    for (; left != leftEnd && right != rightEnd; ++left, ++right) {
        if (const auto byName = left->name <=> right->name; byName != 0) {
            return byName;
        }
        if (const auto byValue = left->value <=> right->value; byValue != 0) {
            return byValue;
        }
    }
    return static_cast<int>(left != leftEnd) <=> static_cast<int>(right != rightEnd);
}

void LabelsBuilder::reset(const Labels& base)
{
    entries_.clear();
    emptied_.clear();
    for (const LabelView label : base) {
        entries_.emplace_back(label.name, label.value);
    }
}

LabelsBuilder& LabelsBuilder::set(std::string_view name, std::string_view value)
{
    if (value.empty()) {
        emptied_.emplace_back(name);
        return remove(name);
    }
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), name,
        [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
    if (at != entries_.end() && at->first == name) {
        at->second.assign(value);
    } else {
        entries_.emplace(at, name, value);
    }
    return *this;
}

LabelsBuilder& LabelsBuilder::remove(std::string_view name)
{
    std::erase_if(entries_, [name](const auto& entry) { return entry.first == name; });
    return *this;
}

std::string_view LabelsBuilder::get(std::string_view name) const
{
    for (const auto& [entryName, value] : entries_) {
        if (entryName == name) {
            return value;
        }
    }
    return {};
}

bool LabelsBuilder::has(std::string_view name) const { return !get(name).empty(); }

Labels LabelsBuilder::build() const
{
    std::string bytes;
    for (const auto& [name, value] : entries_) {
        appendPackedLabel(bytes, name, value);
    }
    return Labels::fromBytes(std::move(bytes));
}

void appendPackedLabel(std::string& bytes, std::string_view name, std::string_view value)
{
    base::appendUvarintString(bytes, name);
    base::appendUvarintString(bytes, value);
}

bool isLegacyMetricName(std::string_view name) { return isName(name, true); }

bool isLegacyLabelName(std::string_view name) { return isName(name, false); }

std::string quote(std::string_view text)
{
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t length = base::utf8SequenceLength(text.substr(i));
        if (length > 1) {
            out += text.substr(i, length);
            i += length;
            continue;
        }
        ++i;
        switch (c) {
        case '\a':
            out += "\\a";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\v':
            out += "\\v";
            break;
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            if (c < 0x20 || c >= 0x7f) {
                out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
            } else {
                out += static_cast<char>(c);
            }
        }
    }
    return out + "\"";
}

} // namespace narthex::model
