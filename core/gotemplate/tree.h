// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Parsed templates. Variables are numbered slots of a frame, functions are known by name.
// Owner: a Tree owns its nodes and shares its text. Threads: immutable once parsed.
// Units: offsets in bytes of the text. Source: spec/rules.md, 10.
#pragma once

#include "core/gotemplate/value.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace narthex::gotemplate {

/// A part of the text, for messages.
struct Place
{
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
};

struct Pipeline;

enum class OperandKind : std::uint8_t
{
    /// The dot, or fields of it.
    Dot,
    Nil,
    Constant,
    Variable,
    FunctionCall,
    /// A pipeline in parentheses.
    Nested
};

struct Operand
{
    OperandKind kind = OperandKind::Dot;
    Place place;
    Value constant;
    std::uint32_t slot = 0;
    /// Name of a function.
    std::string function;
    std::unique_ptr<Pipeline> pipeline;
    /// `.A.B` behind it.
    std::vector<std::string> fields;
};

struct Command
{
    Place place;
    /// Never empty; the first may take the others as arguments.
    std::vector<Operand> words;
};

struct Pipeline
{
    Place place;
    /// Variables that get its value; two in `range $i, $e := …`.
    std::vector<std::uint32_t> targets;
    bool declares = false;
    std::vector<Command> commands;
};

struct Node;
using Block = std::vector<Node>;

struct TextNode
{
    std::string text;
};
struct ActionNode
{
    Pipeline pipeline;
};
enum class BranchKind : std::uint8_t
{
    If,
    With,
    Range
};
struct BranchNode
{
    BranchKind kind = BranchKind::If;
    Pipeline pipeline;
    Block body;
    Block otherwise;
};
struct CallNode
{
    Place place;
    std::string name;
    std::optional<Pipeline> pipeline;
};
enum class JumpNode : std::uint8_t
{
    Break,
    Continue
};

struct Node
{
    std::variant<TextNode, ActionNode, BranchNode, CallNode, JumpNode> content;
};

/// What was parsed at once.
struct Source
{
    std::string name;
    std::string text;
};

struct Tree
{
    std::string name;
    std::shared_ptr<const Source> source;
    Block body;
    /// Variables of a frame; the first is `$`.
    std::uint32_t slots = 1;
    /// Nothing but white space.
    bool empty = false;
};

} // namespace narthex::gotemplate
