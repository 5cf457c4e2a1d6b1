// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/value.h"

#include "core/promql/parser.h"

#include <fmt/format.h>

#include <array>

namespace narthex::promql {

std::string_view valueTypeText(ValueType type)
{
    constexpr std::array<std::string_view, 5> kTexts = {"none", "scalar", "string", "vector",
                                                        "matrix"};
    return kTexts[static_cast<std::size_t>(type)];
}

ValueType typeOf(const Value& value)
{
    constexpr std::array<ValueType, 4> kTypes = {ValueType::Scalar, ValueType::String,
                                                 ValueType::Vector, ValueType::Matrix};
    return kTypes[value.index()];
}

std::string annotationText(const Annotation& annotation, std::string_view query)
{
    if (!annotation.begin) {
        return annotation.text;
    }
    return fmt::format("{} ({})", annotation.text, lineAndColumn(query, *annotation.begin));
}

} // namespace narthex::promql
