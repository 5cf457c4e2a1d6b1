// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// In which format a page is written for whom: the Accept header, and how names are written that
// older readers do not know. Threads: pure functions. Source: spec/remote.md, 7; prometheus/common
// expfmt and model (escaping schemes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::exposition {

enum class PageFormat : std::uint8_t
{
    Text,
    OpenMetrics,
    /// Messages MetricFamily, each behind its length.
    Protobuf
};

/// What becomes of names that are not of the old form.
enum class NameEscaping : std::uint8_t
{
    /// Other characters become an underscore.
    Underscores,
    /// "." becomes "_dot_", "_" becomes "__".
    Dots,
    /// "U__" and each other character as its number: can be turned back.
    Values,
    /// As they are, quoted.
    None
};

struct Negotiated
{
    PageFormat format = PageFormat::Text;
    NameEscaping escaping = NameEscaping::Underscores;
    /// For the answer.
    std::string contentType;
};

/// The best of what a reader accepts; text 0.0.4 when it accepts nothing that is known.
Negotiated negotiate(std::string_view accept);

std::string escapeName(std::string_view name, NameEscaping escaping);

} // namespace narthex::exposition
