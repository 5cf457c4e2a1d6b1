// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which argument of which call the cursor is in, and what it should be.
// Threads: pure functions. Units: byte offsets. Source: spec/promql-editor.md, Hover and signature
// help.
#pragma once

#include "core/promql/token.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::promql::editor {

struct SignatureParameter
{
    /// "v range-vector"
    std::string text;
    /// What stands there; empty if nothing does yet.
    std::string given;
    bool optional = false;
    /// Bytes of `text` in SignatureHelp::signature.
    SourceRange range;
};

struct SignatureHelp
{
    std::string name;
    /// "rate(v range-vector) instant vector"
    std::string signature;
    std::string summary;
    std::vector<SignatureParameter> parameters;
    /// Index into `parameters`; the last one stands for all further arguments. Absent when there is
    /// one argument too many.
    std::optional<std::size_t> active;
    bool experimental = false;
};

/// Absent outside of calls and aggregations.
std::optional<SignatureHelp> signatureHelp(std::string_view text, std::size_t cursor);

} // namespace narthex::promql::editor
