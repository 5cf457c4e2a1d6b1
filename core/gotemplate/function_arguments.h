// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plain functions as functions of templates: arguments are counted and brought to the type that
// the function takes. Threads: pure. Errors: InvalidArgument `wrong number of args: …`,
// `wrong type for value; expected string; got int`.
#pragma once

#include "core/base/status.h"
#include "core/gotemplate/humanize.h"
#include "core/gotemplate/value.h"

#include <string_view>

namespace narthex::gotemplate {

/// A number: what toFloat() takes.
struct Number
{
    double value = 0;
};

template <typename T>
absl::StatusOr<T> argumentAs(const Value& value)
{
    if constexpr (std::is_same_v<T, Value>) {
        return value;
    } else if constexpr (std::is_same_v<T, Number>) {
        NARTHEX_ASSIGN_OR_RETURN(const double number, toFloat(value));
        return Number{number};
    } else if constexpr (std::is_same_v<T, std::string_view>) {
        if (const auto text = value.text()) {
            return *text;
        }
        return base::invalidArgument("wrong type for value; expected string; got {}",
                                     value.typeName());
    } else if constexpr (std::is_same_v<T, List>) {
        if (auto list = value.elements()) {
            return *std::move(list);
        }
        return base::invalidArgument("wrong type for value; expected a list; got {}",
                                     value.typeName());
    } else {
        if (const T* same = value.as<T>()) {
            return *same;
        }
        return base::invalidArgument("wrong type for value: {}", value.typeName());
    }
}

inline absl::Status checkCount(std::span<const Value> arguments, std::size_t wanted)
{
    return arguments.size() == wanted
               ? absl::OkStatus()
               : base::invalidArgument("wrong number of args: want {} got {}", wanted,
                                       arguments.size());
}

/// `body` takes the arguments as these types and gives a StatusOr<Value> or what a Value is made
/// of.
template <typename A, typename Body>
Function unary(Body body)
{
    return [body = std::move(body)](std::span<const Value> arguments) -> absl::StatusOr<Value> {
        NARTHEX_RETURN_IF_ERROR(checkCount(arguments, 1));
        NARTHEX_ASSIGN_OR_RETURN(const A a, argumentAs<A>(arguments[0]));
        return body(a);
    };
}

template <typename A, typename B, typename Body>
Function binary(Body body)
{
    return [body = std::move(body)](std::span<const Value> arguments) -> absl::StatusOr<Value> {
        NARTHEX_RETURN_IF_ERROR(checkCount(arguments, 2));
        NARTHEX_ASSIGN_OR_RETURN(const A a, argumentAs<A>(arguments[0]));
        NARTHEX_ASSIGN_OR_RETURN(const B b, argumentAs<B>(arguments[1]));
        return body(a, b);
    };
}

template <typename A, typename B, typename C, typename Body>
Function ternary(Body body)
{
    return [body = std::move(body)](std::span<const Value> arguments) -> absl::StatusOr<Value> {
        NARTHEX_RETURN_IF_ERROR(checkCount(arguments, 3));
        NARTHEX_ASSIGN_OR_RETURN(const A a, argumentAs<A>(arguments[0]));
        NARTHEX_ASSIGN_OR_RETURN(const B b, argumentAs<B>(arguments[1]));
        NARTHEX_ASSIGN_OR_RETURN(const C c, argumentAs<C>(arguments[2]));
        return body(a, b, c);
    };
}

/// Whether `expression` is found in `text`. Errors: a bad expression.
absl::StatusOr<Value> matchText(std::string_view expression, std::string_view text);
/// Each match becomes `replacement`, with `$1` and `${name}` filled in.
absl::StatusOr<Value> replaceMatches(std::string_view expression, std::string_view replacement,
                                     std::string_view text);

} // namespace narthex::gotemplate
