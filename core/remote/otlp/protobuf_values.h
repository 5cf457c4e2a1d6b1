// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Attributes of the protocol in protobuf: their values as texts. Threads: pure functions. Errors:
// exceptions, which whoever decodes the request catches. Format: opentelemetry-proto, common/v1.
#pragma once

#include "core/remote/otlp/model.h"

#include <protozero/pbf_reader.hpp>

#include <exception>

namespace narthex::remote::otlp {

struct TooMuch : std::exception
{
    [[nodiscard]] const char* what() const noexcept override { return "too much"; }
};
struct TooDeep : std::exception
{
    [[nodiscard]] const char* what() const noexcept override
    {
        return "values stand in values more than 32 deep";
    }
};

/// A KeyValue message. Throws TooMuch, TooDeep, protozero::exception.
Attribute readAttribute(protozero::pbf_reader message, Budget& budget);

} // namespace narthex::remote::otlp
