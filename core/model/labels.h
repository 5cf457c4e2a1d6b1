// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Label sets: what names a series. One allocation each, cheap to hash, compare and share as bytes.
// Threads: values; const members from any thread.
// Format (in memory and in keys): for each label in ascending order of name: uvarint length, name,
// uvarint length, value.
#pragma once

#include <absl/base/attributes.h>

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::model {

inline constexpr std::string_view kMetricName = "__name__";

struct LabelView
{
    std::string_view name;
    std::string_view value;
    friend auto operator<=>(const LabelView&, const LabelView&) = default;
    friend bool operator==(const LabelView&, const LabelView&) = default;
};

/// An immutable set of labels, sorted bytewise by name, names unique. A label with an empty value
/// equals a missing one and is not stored.
class Labels
{
public:
    class Iterator;

    Labels() = default;
    /// In any order; of equal names the last counts; empty values vanish.
    Labels(std::initializer_list<LabelView> labels);
    static Labels fromPairs(std::vector<LabelView> labels);
    /// `bytes` as bytes() of another set gave them; not checked.
    static Labels fromBytes(std::string bytes);

    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// Number of labels; walks the set.
    [[nodiscard]] std::size_t size() const;
    /// The value of `name`, empty if there is none.
    [[nodiscard]] std::string_view get(std::string_view name) const ABSL_ATTRIBUTE_LIFETIME_BOUND;
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::string_view metricName() const ABSL_ATTRIBUTE_LIFETIME_BOUND
    {
        return get(kMetricName);
    }
    [[nodiscard]] Iterator begin() const ABSL_ATTRIBUTE_LIFETIME_BOUND;
    [[nodiscard]] Iterator end() const ABSL_ATTRIBUTE_LIFETIME_BOUND;
    /// The packed form: equal sets have equal bytes. Not ordered like the sets.
    [[nodiscard]] const std::string& bytes() const ABSL_ATTRIBUTE_LIFETIME_BOUND { return bytes_; }
    /// xxHash64 of bytes().
    [[nodiscard]] std::uint64_t hash() const;

    /// Without these names (in any order).
    [[nodiscard]] Labels without(std::span<const std::string> names) const;
    /// Only these names (in any order).
    [[nodiscard]] Labels keeping(std::span<const std::string> names) const;
    [[nodiscard]] Labels withoutMetricName() const;

    /// `name{a="b",c="d"}`; without a name `{a="b"}`; nothing: `{}`. A name that is not a legacy
    /// one goes into the braces, quoted; values in Go's quoted form.
    [[nodiscard]] std::string toString() const;

    friend bool operator==(const Labels& a, const Labels& b) { return a.bytes_ == b.bytes_; }
    /// By name, then value, pairwise, then by length; bytewise.
    friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

private:
    std::string bytes_;
};

class Labels::Iterator
{
public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    using reference = LabelView;
    using pointer = const LabelView*;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(const char* at, const char* end) : next_(at), end_(end) { ++*this; }
    LabelView operator*() const { return current_; }
    const LabelView* operator->() const { return &current_; }
    Iterator& operator++();
    Iterator operator++(int)
    {
        Iterator old = *this;
        ++*this;
        return old;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

private:
    LabelView current_;
    const char* at_ = nullptr;   // start of the current label, end_ when done
    const char* next_ = nullptr; // start of the next one
    const char* end_ = nullptr;
};

/// Builds a set step by step, from nothing or from an existing one.
class LabelsBuilder
{
public:
    LabelsBuilder() = default;
    explicit LabelsBuilder(const Labels& base) { reset(base); }
    void reset(const Labels& base);
    /// An empty value removes the label, which is remembered until the next reset.
    LabelsBuilder& set(std::string_view name, std::string_view value);
    LabelsBuilder& remove(std::string_view name);
    [[nodiscard]] std::string_view get(std::string_view name) const ABSL_ATTRIBUTE_LIFETIME_BOUND;
    [[nodiscard]] bool has(std::string_view name) const;
    /// Names that were set to an empty value since the last reset; may repeat.
    [[nodiscard]] const std::vector<std::string>& emptied() const { return emptied_; }
    /// Sorted by name.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& entries() const
    {
        return entries_;
    }
    [[nodiscard]] Labels build() const;

private:
    std::vector<std::pair<std::string, std::string>> entries_;
    std::vector<std::string> emptied_;
};

/// Appends one label in the packed form; names must come in ascending order.
void appendPackedLabel(std::string& bytes, std::string_view name, std::string_view value);

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
bool isLegacyMetricName(std::string_view name);
/// `[a-zA-Z_][a-zA-Z0-9_]*`
bool isLegacyLabelName(std::string_view name);

/// Go's %q: double quotes, \n \t \" \\ \xNN \u…; valid UTF-8 stays readable.
std::string quote(std::string_view text);

template <typename H>
H AbslHashValue(H state, const Labels& labels)
{
    return H::combine(std::move(state), labels.bytes());
}

} // namespace narthex::model
