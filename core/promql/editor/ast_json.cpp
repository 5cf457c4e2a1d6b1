// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/ast_json.h"

#include "core/base/number.h"

namespace narthex::promql::editor {
namespace {

std::string_view cardinalityText(Cardinality card)
{
    switch (card) {
    case Cardinality::OneToOne:
        return "one-to-one";
    case Cardinality::ManyToOne:
        return "many-to-one";
    case Cardinality::OneToMany:
        return "one-to-many";
    case Cardinality::ManyToMany:
        return "many-to-many";
    }
    return {};
}

/// -1: any number; 0: exactly the listed ones; otherwise how many may follow the mandatory ones.
std::int64_t variadic(const FunctionInfo& function)
{
    if (function.maxArguments == kAnyNumberOfArguments) {
        return -1;
    }
    if (function.minArguments == function.maxArguments) {
        return 0;
    }
    return function.maxArguments - (function.typeCount - 1);
}

// Members come sorted by name, as Prometheus writes them: "type" stands among them.
class TreeWriter
{
public:
    explicit TreeWriter(base::JsonWriter& json) : json_(json) {}

    void write(const Expr& expr)
    {
        json_.beginObject();
        std::visit(*this, expr.node);
        json_.endObject();
    }

    void operator()(const NumberLiteral& node)
    {
        json_.member("type", "numberLiteral").member("val", base::formatFloatPlain(node.value));
    }
    void operator()(const StringLiteral& node)
    {
        json_.member("type", "stringLiteral").member("val", node.value);
    }
    void operator()(const VectorSelector& node)
    {
        json_.key("anchored").boolean(node.anchored);
        matchers(node);
        json_.member("name", node.name);
        duration("offset", node.offset);
        json_.key("smoothed").boolean(node.smoothed);
        startOrEnd(node.at);
        timestamp(node.at);
        json_.member("type", "vectorSelector");
    }
    void operator()(const MatrixSelector& node)
    {
        json_.key("anchored").boolean(node.selector.anchored);
        matchers(node.selector);
        json_.member("name", node.selector.name);
        duration("offset", node.selector.offset);
        duration("range", node.range);
        json_.key("smoothed").boolean(node.selector.smoothed);
        startOrEnd(node.selector.at);
        timestamp(node.selector.at);
        json_.member("type", "matrixSelector");
    }
    void operator()(const Subquery& node)
    {
        child("expr", node.expr.get());
        duration("offset", node.offset);
        duration("range", node.range);
        startOrEnd(node.at);
        duration("step", node.step);
        timestamp(node.at);
        json_.member("type", "subquery");
    }
    void operator()(const Aggregation& node)
    {
        child("expr", node.expr.get());
        list("grouping", node.grouping);
        json_.member("op", tokenText(node.op));
        child("param", node.param.get());
        json_.member("type", "aggregation").key("without").boolean(node.without);
    }
    void operator()(const Call& node)
    {
        json_.key("args").beginArray();
        for (const ExprPtr& arg : node.args) {
            write(*arg);
        }
        json_.endArray();
        const FunctionInfo& function = *node.function;
        json_.key("func").beginObject().key("argTypes").beginArray();
        for (std::size_t i = 0; i < function.typeCount; ++i) {
            json_.string(valueTypeText(function.types[i]));
        }
        json_.endArray()
            .member("name", function.name)
            .member("returnType", valueTypeText(function.returns))
            .key("variadic")
            .integer(variadic(function));
        json_.endObject().member("type", "call");
    }
    void operator()(const Binary& node)
    {
        json_.key("bool").boolean(node.returnBool);
        child("lhs", node.lhs.get());
        json_.key("matching");
        if (node.lhs->type == ValueType::Vector && node.rhs->type == ValueType::Vector) {
            matching(node.matching);
        } else {
            json_.null();
        }
        json_.member("op", tokenText(node.op));
        child("rhs", node.rhs.get());
        json_.member("type", "binaryExpr");
    }
    void operator()(const Unary& node)
    {
        child("expr", node.expr.get());
        json_.member("op", tokenText(node.op)).member("type", "unaryExpr");
    }
    void operator()(const Paren& node)
    {
        child("expr", node.expr.get());
        json_.member("type", "parenExpr");
    }

private:
    void child(std::string_view name, const Expr* expr)
    {
        json_.key(name);
        if (expr == nullptr) {
            json_.null();
        } else {
            write(*expr);
        }
    }
    void list(std::string_view name, const std::vector<std::string>& texts)
    {
        json_.key(name).beginArray();
        for (const std::string& text : texts) {
            json_.string(text);
        }
        json_.endArray();
    }
    void matchers(const VectorSelector& node)
    {
        json_.key("matchers").beginArray();
        for (const model::Matcher& matcher : node.matchers) {
            json_.beginObject()
                .member("name", matcher.name())
                .member("type", model::matchTypeText(matcher.type()))
                .member("value", matcher.value())
                .endObject();
        }
        json_.endArray();
    }
    /// `range` and `rangeExpr`: milliseconds of a literal, or the expression.
    void duration(std::string_view name, const DurationValue& value)
    {
        json_.key(name).integer(value.expr ? 0 : value.literal.ms());
        json_.key(std::string(name) + "Expr");
        if (value.expr) {
            durationExpr(*value.expr);
        } else {
            json_.null();
        }
    }
    void durationExpr(const DurationExpr& expr)
    {
        using Kind = DurationExpr::Kind;
        json_.beginObject();
        if (expr.kind == Kind::Number && !expr.parenthesised) {
            json_.key("duration")
                .boolean(expr.writtenAsDuration)
                .member("type", "numberLiteral")
                .member("val", base::formatFloatPlain(expr.seconds));
        } else {
            durationOperation(expr);
        }
        json_.endObject();
    }
    void durationOperation(const DurationExpr& expr)
    {
        const auto operand = [this](std::string_view name, const DurationExpr* side) {
            json_.key(name);
            if (side == nullptr) {
                json_.null();
            } else {
                durationExpr(*side);
            }
        };
        using Kind = DurationExpr::Kind;
        // A sign has its operand on the right; parentheses around a number are a sign of their own.
        const bool isSign = expr.kind == Kind::Negate;
        DurationExpr bare;
        const DurationExpr* right = isSign ? expr.lhs.get() : expr.rhs.get();
        if (expr.kind == Kind::Number) {
            bare.seconds = expr.seconds;
            bare.writtenAsDuration = expr.writtenAsDuration;
            right = &bare;
        }
        operand("lhs", isSign ? nullptr : expr.lhs.get());
        json_.member("op", durationOperator(expr));
        operand("rhs", right);
        json_.member("type", "durationExpr").key("wrapped").boolean(expr.parenthesised);
    }
    static std::string_view durationOperator(const DurationExpr& expr)
    {
        using Kind = DurationExpr::Kind;
        switch (expr.kind) {
        case Kind::Number:
            return "+";
        case Kind::Negate:
            return "-";
        case Kind::Binary:
            return tokenText(expr.op);
        case Kind::Step:
            return "step";
        case Kind::Range:
            return "range";
        case Kind::MinOf:
            return "min_of";
        case Kind::MaxOf:
            return "max_of";
        }
        return {};
    }
    void startOrEnd(const At& value)
    {
        json_.key("startOrEnd");
        if (value.kind == At::Kind::Start || value.kind == At::Kind::End) {
            json_.string(value.kind == At::Kind::Start ? "start" : "end");
        } else {
            json_.null();
        }
    }
    void timestamp(const At& value)
    {
        json_.key("timestamp");
        if (value.kind == At::Kind::Time) {
            json_.integer(value.time.ms);
        } else {
            json_.null();
        }
    }
    void matching(const VectorMatching& value)
    {
        const auto fill = [this](std::string_view name, const std::optional<double>& number) {
            json_.key(name);
            if (number) {
                json_.number(*number);
            } else {
                json_.null();
            }
        };
        json_.beginObject().member("card", cardinalityText(value.card));
        json_.key("fillValues").beginObject();
        fill("lhs", value.fillLeft);
        fill("rhs", value.fillRight);
        json_.endObject();
        list("include", value.include);
        list("labels", value.labels);
        json_.key("on").boolean(value.on).endObject();
    }

    base::JsonWriter& json_;
};

} // namespace

void writeTree(base::JsonWriter& json, const Expr& expr) { TreeWriter(json).write(expr); }

} // namespace narthex::promql::editor
