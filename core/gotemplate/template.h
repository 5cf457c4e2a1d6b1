// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Go's text/template: parse once, execute often. A set holds templates that call each other by
// name. Owner: whoever parsed it. Threads: parse() by one thread; execute() from any once parsed.
// Errors: InvalidArgument `template: <name>:<line>: …` with the Position (line, column, offset in
// the text); a template never crashes and is bounded in depth, output and time.
// Source: spec/rules.md, 10.
#pragma once

#include "core/base/string_map.h"
#include "core/gotemplate/value.h"

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::gotemplate {

enum class Escaping : std::uint8_t
{
    None,
    /// What actions print is escaped for where it stands in HTML (text, attribute, URL, script,
    /// style), as Go's html/template does.
    Html
};

/// Functions by name, besides the built-in ones. Some are known when parsing and bound when
/// executing.
using Functions = base::StringMap<Function>;

struct Execution
{
    /// Values of the variables that the set declares, in their order.
    std::span<const Value> variables;
    /// Take the place of functions that parse() knew, by name; must outlive the call.
    const Functions* bound = nullptr;
    std::stop_token stop;
    /// Output beyond this is an error.
    std::size_t limitBytes = 16 << 20;
};

class TemplateSet
{
public:
    /// `variables` ("$labels") are known in the templates that parse() and executeText() are given,
    /// not in those that these define; Execution has their values.
    TemplateSet(std::shared_ptr<const Functions> functions, Escaping escaping,
                std::vector<std::string> variables = {});
    TemplateSet(Functions functions, Escaping escaping)
        : TemplateSet(std::make_shared<const Functions>(std::move(functions)), escaping)
    {}
    ~TemplateSet();
    /// A copy to which more may be added; what is parsed is shared.
    TemplateSet(const TemplateSet& other);
    TemplateSet(TemplateSet&& other) noexcept;
    TemplateSet& operator=(const TemplateSet&) = delete;

    /// Adds the template `name` and everything that `text` defines. A later definition takes the
    /// place of an earlier one (an empty text does not). On an error nothing is added.
    absl::Status parse(std::string_view name, std::string_view text);
    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names() const;

    absl::StatusOr<std::string> execute(std::string_view name, const Value& root,
                                        const Execution& execution = {}) const;
    /// Parses `text` with what the set defines in view and executes it.
    absl::StatusOr<std::string> executeText(std::string_view name, std::string_view text,
                                            const Value& root,
                                            const Execution& execution = {}) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace narthex::gotemplate
