// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs one template over its data. Owner: one call of TemplateSet::execute(). Threads: one.
// Errors: InvalidArgument `template: <name>:<line>:<column>: executing "<template>" at <…>: …`;
// Cancelled; what functions returned, with this prefix. Source: spec/rules.md, 10.
#pragma once

#include "core/base/string_map.h"
#include "core/gotemplate/html_writer.h"
#include "core/gotemplate/template.h"
#include "core/gotemplate/tree.h"

#include <absl/container/inlined_vector.h>

#include <functional>

namespace narthex::gotemplate {

class Executor
{
public:
    using Find = std::function<const Tree*(std::string_view name)>;

    /// All outlive the executor.
    Executor(const Find& find, const Functions& functions, Escaping escaping,
             const Execution& execution)
        : find_(find), functions_(functions), execution_(execution)
    {
        if (escaping == Escaping::Html) {
            html_.emplace(out_);
        }
    }

    absl::StatusOr<std::string> run(const Tree& tree, const Value& root);

private:
    using Arguments = absl::InlinedVector<Value, 4>;
    using Result = absl::StatusOr<Value>;
    enum class Flow : std::uint8_t
    {
        Next,
        Break,
        Continue
    };

    absl::Status block(const Block& block, const Value& dot);
    absl::Status action(const ActionNode& node, const Value& dot);
    absl::Status branch(const BranchNode& node, const Value& dot);
    absl::Status range(const BranchNode& node, const Value& dot);
    absl::Status rangeInteger(const BranchNode& node, std::int64_t count, const Value& dot);
    /// One round of a loop; `goOn` becomes false after {{break}}.
    absl::Status round(const BranchNode& node, const Value& key, const Value& element, bool& goOn);
    absl::Status call(const CallNode& node, const Value& dot);

    Result pipeline(const Pipeline& pipeline, const Value& dot);
    Result command(const Command& command, const Value& dot, const Value* last);
    Result operand(const Operand& operand, const Value& dot);
    /// With the fields behind it; the last field or the function takes the arguments.
    Result called(const Command& command, const Value& dot, const Value* last);
    Result term(const Operand& operand, const Value& dot);
    Result function(const Command& command, const Value& dot, const Value* last);
    Result shortCircuit(const Command& command, const Value& dot, const Value* last);
    Result field(const Value& receiver, const std::string& name, Place place,
                 const Arguments* arguments);
    absl::Status arguments(const Command& command, const Value& dot, const Value* last,
                           Arguments& out);
    [[nodiscard]] const Function* findFunction(std::string_view name) const;

    absl::Status step();
    absl::Status emit(const Value& value, bool escapedByHand);
    absl::Status emitText(std::string_view text);
    [[nodiscard]] absl::Status checkLimit() const;
    [[nodiscard]] absl::Status fail(Place place, std::string_view message) const;
    [[nodiscard]] absl::Status fail(Place place, const absl::Status& status) const;

    const Find& find_;
    const Functions& functions_;
    const Execution& execution_;
    std::string out_;
    std::optional<HtmlWriter> html_;
    const Tree* tree_ = nullptr;
    std::vector<Value> slots_;
    std::size_t base_ = 0; // of the frame
    int depth_ = 0;
    Flow flow_ = Flow::Next;
    std::uint64_t steps_ = 0;
};

} // namespace narthex::gotemplate
