// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The values that templates work on: Go's basic kinds, lists, maps, times, and objects with fields
// and methods. Copies are cheap: what is large is shared and never changed. Threads: values.
// Source: spec/rules.md, 10.
#pragma once

#include "core/base/time.h"
#include "core/model/histogram.h"

#include <absl/base/attributes.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::gotemplate {

class Value;

using List = std::vector<Value>;
/// Names in order; what is missing is `<no value>`.
using Map = std::map<std::string, Value, std::less<>>;
/// Text to text; what is missing is "".
using TextMap = std::map<std::string, std::string, std::less<>>;
/// Errors end the execution of the template, with their text.
using Function = std::function<absl::StatusOr<Value>(std::span<const Value> arguments)>;

/// Text that is already HTML.
struct Html
{
    std::string text;
    friend bool operator==(const Html&, const Html&) = default;
};

/// An address that needs no check when it stands in an attribute.
struct Url
{
    std::string text;
    friend bool operator==(const Url&, const Url&) = default;
};

/// What a map without that name gives: false, printed as `<no value>`.
struct Missing
{
    friend bool operator==(Missing, Missing) = default;
};

/// An instant, shown in a zone of the IANA data base. The default is Go's zero time, year 1.
struct Time
{
    static constexpr std::int64_t kZeroSeconds = -62135596800;
    std::int64_t seconds = kZeroSeconds; // since 1970-01-01 UTC
    std::int32_t nanoseconds = 0;        // 0 … 999,999,999
    std::string zone = "UTC";
    static Time of(base::Timestamp timestamp);
    [[nodiscard]] bool isZero() const { return seconds == kZeroSeconds && nanoseconds == 0; }
};

/// A span of time, in nanoseconds.
struct Span
{
    std::int64_t nanoseconds = 0;
    /// "1h30m0s", "1.5s", "2ms".
    [[nodiscard]] std::string toString() const;
};

/// A struct of Go: fields and methods by name. Implementations are immutable.
class Object
{
public:
    virtual ~Object() = default;
    /// As `%T` and messages say it: "template.Alert".
    [[nodiscard]] virtual std::string_view typeName() const = 0;
    /// Absent: no such field (an error at execution).
    [[nodiscard]] virtual std::optional<Value> field(std::string_view name) const = 0;
    /// Absent: no such method.
    [[nodiscard]] virtual std::optional<Function> method(std::string_view name) const;
    /// The elements of an object that is a list as well (`range`, `len`, `index`); absent: it is
    /// none.
    [[nodiscard]] virtual std::optional<List> elements() const;
    /// The entries of an object that is a map of texts as well; absent: it is none.
    [[nodiscard]] virtual const TextMap* entries() const { return nullptr; }
    /// Fields with their names in JSON, in its order; none for lists and maps.
    [[nodiscard]] virtual std::vector<std::pair<std::string_view, std::string_view>> members() const
    {
        return {};
    }
    /// What `%v` prints.
    virtual void print(std::string& out) const = 0;
};

class Value
{
public:
    using Data =
        std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Html,
                     Time, Span, std::shared_ptr<const model::FloatHistogram>,
                     std::shared_ptr<const List>, std::shared_ptr<const Map>,
                     std::shared_ptr<const TextMap>, std::shared_ptr<const Object>,
                     std::shared_ptr<const Function>, Url, Missing>;

    Value() = default;
    Value(bool value) : data_(value) {}
    Value(int value) : data_(std::int64_t{value}) {}
    Value(std::int64_t value) : data_(value) {}
    Value(std::uint64_t value) : data_(value) {}
    Value(double value) : data_(value) {}
    Value(const char* text) : data_(std::string(text)) {}
    Value(std::string text) : data_(std::move(text)) {}
    Value(std::string_view text) : data_(std::string(text)) {}
    Value(Html html) : data_(std::move(html)) {}
    Value(Url url) : data_(std::move(url)) {}
    Value(Missing missing) : data_(missing) {}
    Value(Time time) : data_(std::move(time)) {}
    Value(Span span) : data_(span) {}
    Value(List list) : data_(std::make_shared<const List>(std::move(list))) {}
    Value(Map map) : data_(std::make_shared<const Map>(std::move(map))) {}
    Value(TextMap map) : data_(std::make_shared<const TextMap>(std::move(map))) {}
    Value(Function function) : data_(std::make_shared<const Function>(std::move(function))) {}
    Value(std::shared_ptr<const model::FloatHistogram> histogram) : data_(std::move(histogram)) {}
    Value(std::shared_ptr<const Object> object) : data_(std::move(object)) {}

    [[nodiscard]] const Data& data() const { return data_; }
    template <typename T>
    [[nodiscard]] const T* as() const
    {
        return std::get_if<T>(&data_);
    }
    /// Nothing, or missing.
    [[nodiscard]] bool isNil() const { return as<std::nullptr_t>() != nullptr || isMissing(); }
    [[nodiscard]] bool isMissing() const { return as<Missing>() != nullptr; }
    /// The characters of a text, of HTML, of a URL; absent: it is none of them.
    [[nodiscard]] std::optional<std::string_view> text() const ABSL_ATTRIBUTE_LIFETIME_BOUND;
    /// Elements of a list or of an object that is one; absent: neither.
    [[nodiscard]] std::optional<List> elements() const;
    /// Of a text map or of an object that is one; null: neither.
    [[nodiscard]] const TextMap* entries() const;
    /// False, 0, empty and nil are false; all else is true.
    [[nodiscard]] bool truth() const;
    /// "float64", "string", "map[string]string" …
    [[nodiscard]] std::string typeName() const;
    /// As `{{ x }}` and `%v` print it.
    [[nodiscard]] std::string toText() const;

private:
    Data data_ = nullptr;
};

} // namespace narthex::gotemplate
