// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/gotemplate/executor.h"

#include "core/base/status.h"
#include "core/gotemplate/builtins.h"
#include "core/gotemplate/parser.h"
#include "core/gotemplate/printing.h"
#include "core/gotemplate/time_text.h"
#include "core/model/labels.h"

#include <fmt/format.h>

namespace narthex::gotemplate {
namespace {

/// Templates, blocks and parentheses that are under way at once.
constexpr int kDeepest = 500;
/// Nodes of one execution: more than any real template has, a matter of seconds.
constexpr std::uint64_t kMostSteps = 20'000'000;

class DepthGuard
{
public:
    explicit DepthGuard(int& depth) : depth_(++depth) {}
    ~DepthGuard() { --depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

private:
    int& depth_;
};

} // namespace

absl::StatusOr<std::string> Executor::run(const Tree& tree, const Value& root)
{
    tree_ = &tree;
    slots_.resize(tree.slots);
    slots_[0] = root;
    for (std::size_t i = 0; i < execution_.variables.size() && i + 1 < slots_.size(); ++i) {
        slots_[i + 1] = execution_.variables[i];
    }
    NARTHEX_RETURN_IF_ERROR(block(tree.body, root));
    return std::move(out_);
}

absl::Status Executor::fail(Place place, std::string_view message) const
{
    return fail(place, base::invalidArgument("{}", message));
}

absl::Status Executor::fail(Place place, const absl::Status& status) const
{
    const Source& source = *tree_->source;
    const base::Position position = positionIn(source, place);
    const std::string text = fmt::format(
        "template: {}:{}:{}: executing {} at <{}>: {}", source.name, position.line.value_or(1),
        position.column.value_or(1) - 1, model::quote(tree_->name),
        std::string_view(source.text).substr(place.begin, place.end - place.begin),
        base::messageOf(status));
    return base::withPosition(absl::Status(status.code(), text), position);
}

absl::Status Executor::step()
{
    if (++steps_ % 1024 == 0 && execution_.stop.stop_requested()) {
        return base::cancelled("stopped while a template was executed");
    }
    if (steps_ > kMostSteps) {
        return fail({}, fmt::format("more than {} steps", kMostSteps));
    }
    if (depth_ > kDeepest) {
        return fail({}, fmt::format("exceeded maximum template depth ({})", kDeepest));
    }
    return absl::OkStatus();
}

absl::Status Executor::checkLimit() const
{
    return out_.size() <= execution_.limitBytes
               ? absl::OkStatus()
               : fail({}, fmt::format("the output is larger than {} bytes", execution_.limitBytes));
}

absl::Status Executor::emitText(std::string_view text)
{
    if (html_) {
        html_->text(text);
    } else {
        out_ += text;
    }
    return checkLimit();
}

absl::Status Executor::emit(const Value& value, bool escapedByHand)
{
    if (html_) {
        html_->value(escapedByHand ? Value(Html{value.toText()}) : value);
    } else if (value.isMissing()) {
        out_ += "<no value>";
    } else {
        appendValue(out_, value);
    }
    return checkLimit();
}

absl::Status Executor::block(const Block& block, const Value& dot)
{
    const DepthGuard guard(depth_);
    for (const Node& node : block) {
        NARTHEX_RETURN_IF_ERROR(step());
        if (const auto* text = std::get_if<TextNode>(&node.content)) {
            NARTHEX_RETURN_IF_ERROR(emitText(text->text));
        } else if (const auto* act = std::get_if<ActionNode>(&node.content)) {
            NARTHEX_RETURN_IF_ERROR(action(*act, dot));
        } else if (const auto* branching = std::get_if<BranchNode>(&node.content)) {
            NARTHEX_RETURN_IF_ERROR(branching->kind == BranchKind::Range ? range(*branching, dot)
                                                                         : branch(*branching, dot));
        } else if (const auto* calling = std::get_if<CallNode>(&node.content)) {
            NARTHEX_RETURN_IF_ERROR(call(*calling, dot));
        } else {
            flow_ =
                std::get<JumpNode>(node.content) == JumpNode::Break ? Flow::Break : Flow::Continue;
        }
        if (flow_ != Flow::Next) {
            break;
        }
    }
    return absl::OkStatus();
}

absl::Status Executor::action(const ActionNode& node, const Value& dot)
{
    NARTHEX_ASSIGN_OR_RETURN(const Value value, pipeline(node.pipeline, dot));
    if (!node.pipeline.targets.empty()) {
        return absl::OkStatus();
    }
    const Operand& last = node.pipeline.commands.back().words.front();
    return emit(value, html_ && last.kind == OperandKind::FunctionCall && last.function == "html");
}

absl::Status Executor::branch(const BranchNode& node, const Value& dot)
{
    NARTHEX_ASSIGN_OR_RETURN(const Value value, pipeline(node.pipeline, dot));
    if (!value.truth()) {
        return block(node.otherwise, dot);
    }
    return block(node.body, node.kind == BranchKind::With ? value : dot);
}

absl::Status Executor::round(const BranchNode& node, const Value& key, const Value& element,
                             bool& goOn)
{
    const std::vector<std::uint32_t>& targets = node.pipeline.targets;
    if (!targets.empty()) {
        slots_[base_ + targets.back()] = element;
    }
    if (targets.size() > 1) {
        slots_[base_ + targets.front()] = key;
    }
    NARTHEX_RETURN_IF_ERROR(step());
    NARTHEX_RETURN_IF_ERROR(block(node.body, element));
    goOn = flow_ != Flow::Break;
    flow_ = Flow::Next;
    return absl::OkStatus();
}

absl::Status Executor::rangeInteger(const BranchNode& node, std::int64_t count, const Value& dot)
{
    if (count <= 0) {
        return block(node.otherwise, dot);
    }
    bool goOn = true;
    for (std::int64_t i = 0; i < count && goOn; ++i) {
        NARTHEX_RETURN_IF_ERROR(round(node, Value(i), Value(i), goOn));
    }
    return absl::OkStatus();
}

absl::Status Executor::range(const BranchNode& node, const Value& dot)
{
    NARTHEX_ASSIGN_OR_RETURN(const Value value, pipeline(node.pipeline, dot));
    if (const auto* count = value.as<std::int64_t>()) {
        return rangeInteger(node, *count, dot);
    }
    bool goOn = true;
    const auto each = [&](const auto& entries) -> absl::Status {
        for (auto entry = entries.begin(); entry != entries.end() && goOn; ++entry) {
            NARTHEX_RETURN_IF_ERROR(round(node, Value(entry->first), Value(entry->second), goOn));
        }
        return entries.empty() ? block(node.otherwise, dot) : absl::OkStatus();
    };
    if (const TextMap* texts = value.entries()) {
        return each(*texts);
    }
    if (const auto* map = value.as<std::shared_ptr<const Map>>()) {
        return each(**map);
    }
    const auto elements = value.elements();
    if (!elements && !value.isNil()) {
        return fail(node.pipeline.place,
                    fmt::format("range can't iterate over {}", value.toText()));
    }
    if (!elements || elements->empty()) {
        return block(node.otherwise, dot);
    }
    for (std::size_t i = 0; i < elements->size() && goOn; ++i) {
        NARTHEX_RETURN_IF_ERROR(
            round(node, Value(static_cast<std::int64_t>(i)), (*elements)[i], goOn));
    }
    return absl::OkStatus();
}

absl::Status Executor::call(const CallNode& node, const Value& dot)
{
    const Tree* called = find_(node.name);
    if (called == nullptr) {
        return fail(node.place, fmt::format("template {} not defined", model::quote(node.name)));
    }
    Value argument;
    if (node.pipeline) {
        NARTHEX_ASSIGN_OR_RETURN(argument, pipeline(*node.pipeline, dot));
    }
    const DepthGuard guard(depth_);
    if (depth_ > kDeepest) {
        return fail(node.place, fmt::format("exceeded maximum template depth ({})", kDeepest));
    }
    const Tree* const caller = std::exchange(tree_, called);
    const std::size_t base = std::exchange(base_, slots_.size());
    slots_.resize(base_ + called->slots);
    slots_[base_] = argument;
    NARTHEX_RETURN_IF_ERROR(block(called->body, argument));
    slots_.resize(base_);
    base_ = base;
    tree_ = caller;
    flow_ = Flow::Next;
    return absl::OkStatus();
}

Executor::Result Executor::pipeline(const Pipeline& pipeline, const Value& dot)
{
    const DepthGuard guard(depth_);
    NARTHEX_RETURN_IF_ERROR(step());
    std::optional<Value> value;
    for (const Command& each : pipeline.commands) {
        NARTHEX_ASSIGN_OR_RETURN(value, command(each, dot, value ? &*value : nullptr));
    }
    if (pipeline.targets.size() == 1) {
        slots_[base_ + pipeline.targets.front()] = *value;
    }
    return *std::move(value);
}

Executor::Result Executor::command(const Command& command, const Value& dot, const Value* last)
{
    const Operand& first = command.words.front();
    const bool alone = command.words.size() == 1 && last == nullptr;
    if (first.kind == OperandKind::FunctionCall) {
        return called(command, dot, last);
    }
    if (alone) {
        if (first.kind == OperandKind::Nil) {
            return fail(first.place, "nil is not a command");
        }
        return operand(first, dot);
    }
    if (first.fields.empty()) {
        return fail(first.place, "can't give argument to non-function " +
                                     std::string(std::string_view(tree_->source->text)
                                                     .substr(first.place.begin,
                                                             first.place.end - first.place.begin)));
    }
    return called(command, dot, last);
}

Executor::Result Executor::term(const Operand& operand, const Value& dot)
{
    switch (operand.kind) {
    case OperandKind::Dot:
        return dot;
    case OperandKind::Nil:
        return Value();
    case OperandKind::Constant:
        return operand.constant;
    case OperandKind::Variable:
        return slots_[base_ + operand.slot];
    case OperandKind::Nested:
        return pipeline(*operand.pipeline, dot);
    case OperandKind::FunctionCall:
        break;
    }
    Command alone;
    alone.place = operand.place;
    alone.words.push_back(
        {.kind = OperandKind::FunctionCall, .place = operand.place, .function = operand.function});
    return function(alone, dot, nullptr);
}

Executor::Result Executor::operand(const Operand& operand, const Value& dot)
{
    NARTHEX_ASSIGN_OR_RETURN(Value value, term(operand, dot));
    for (const std::string& name : operand.fields) {
        NARTHEX_ASSIGN_OR_RETURN(value, field(value, name, operand.place, nullptr));
    }
    return value;
}

Executor::Result Executor::called(const Command& command, const Value& dot, const Value* last)
{
    const Operand& first = command.words.front();
    if (first.fields.empty()) {
        return function(command, dot, last);
    }
    NARTHEX_ASSIGN_OR_RETURN(Value value, term(first, dot));
    for (std::size_t i = 0; i + 1 < first.fields.size(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(value, field(value, first.fields[i], first.place, nullptr));
    }
    Arguments given;
    NARTHEX_RETURN_IF_ERROR(arguments(command, dot, last, given));
    return field(value, first.fields.back(), first.place, given.empty() ? nullptr : &given);
}

absl::Status Executor::arguments(const Command& command, const Value& dot, const Value* last,
                                 Arguments& out)
{
    for (std::size_t i = 1; i < command.words.size(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(Value value, operand(command.words[i], dot));
        out.push_back(std::move(value));
    }
    if (last != nullptr) {
        out.push_back(*last);
    }
    return absl::OkStatus();
}

const Function* Executor::findFunction(std::string_view name) const
{
    if (execution_.bound != nullptr) {
        const auto bound = execution_.bound->find(name);
        if (bound != execution_.bound->end()) {
            return &bound->second;
        }
    }
    const auto own = functions_.find(name);
    return own != functions_.end() ? &own->second : builtin(name);
}

Executor::Result Executor::function(const Command& command, const Value& dot, const Value* last)
{
    const Operand& first = command.words.front();
    if (first.function == "and" || first.function == "or") {
        return shortCircuit(command, dot, last);
    }
    Arguments given;
    NARTHEX_RETURN_IF_ERROR(arguments(command, dot, last, given));
    const Function* found = findFunction(first.function);
    if (found == nullptr || *found == nullptr) {
        return fail(first.place,
                    fmt::format("{} is not a defined function", model::quote(first.function)));
    }
    Result result = (*found)(given);
    if (!result.ok()) {
        return fail(command.place,
                    base::annotate(result.status(), "error calling " + first.function));
    }
    return result;
}

/// The first argument that decides, or the last; those behind it are not evaluated.
Executor::Result Executor::shortCircuit(const Command& command, const Value& dot, const Value* last)
{
    const bool stopAt = command.words.front().function == "or";
    std::optional<Value> value;
    for (std::size_t i = 1; i < command.words.size(); ++i) {
        NARTHEX_ASSIGN_OR_RETURN(value, operand(command.words[i], dot));
        if (value->truth() == stopAt) {
            return *std::move(value);
        }
    }
    if (last != nullptr) {
        return *last;
    }
    if (!value) {
        return fail(command.place, fmt::format("wrong number of args for {}: want at least 1 got 0",
                                               command.words.front().function));
    }
    return *std::move(value);
}

namespace {

std::optional<Function> methodOf(const Value& receiver, std::string_view name)
{
    if (const auto* object = receiver.as<std::shared_ptr<const Object>>()) {
        return (*object)->method(name);
    }
    if (const auto* time = receiver.as<Time>()) {
        return timeMethod(*time, name);
    }
    if (const auto* span = receiver.as<Span>()) {
        return spanMethod(*span, name);
    }
    return std::nullopt;
}

std::optional<Value> fieldOf(const Value& receiver, std::string_view name)
{
    if (const auto* object = receiver.as<std::shared_ptr<const Object>>()) {
        if (auto value = (*object)->field(name)) {
            return value;
        }
    }
    if (const TextMap* texts = receiver.entries()) {
        const auto found = texts->find(name);
        return found == texts->end() ? Value("") : Value(found->second);
    }
    if (const auto* map = receiver.as<std::shared_ptr<const Map>>()) {
        const auto found = (*map)->find(name);
        return found == (*map)->end() ? Value(Missing{}) : found->second;
    }
    return std::nullopt;
}

} // namespace

Executor::Result Executor::field(const Value& receiver, const std::string& name, Place place,
                                 const Arguments* arguments)
{
    if (receiver.isMissing()) {
        return receiver;
    }
    if (receiver.isNil()) {
        return fail(place, fmt::format("nil pointer evaluating interface {{}}.{}", name));
    }
    if (const std::optional<Function> method = methodOf(receiver, name)) {
        Result result = (*method)(arguments != nullptr ? std::span<const Value>(*arguments)
                                                       : std::span<const Value>());
        if (!result.ok()) {
            return fail(place, base::annotate(result.status(), "error calling " + name));
        }
        return result;
    }
    const std::optional<Value> value = fieldOf(receiver, name);
    if (!value) {
        return fail(place,
                    fmt::format("can't evaluate field {} in type {}", name, receiver.typeName()));
    }
    if (arguments != nullptr) {
        return fail(place, fmt::format("{} has arguments but cannot be invoked as function", name));
    }
    return *value;
}

} // namespace narthex::gotemplate
