// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/layout.h"

#include <fmt/format.h>

#include <yaml.h>

namespace narthex::yaml {
namespace {

constexpr std::size_t kDeepest = 200;

/// libyaml's parser with its event, freed together.
class Events
{
public:
    explicit Events(std::string_view text)
    {
        yaml_parser_initialize(&parser_);
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(
            &parser_, reinterpret_cast<const unsigned char*>(text.data()), // the library's type
            text.size());
    }
    ~Events()
    {
        yaml_event_delete(&event_);
        yaml_parser_delete(&parser_);
    }
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    absl::Status next()
    {
        yaml_event_delete(&event_);
        if (yaml_parser_parse(&parser_, &event_) == 0) {
            return absl::InvalidArgumentError(
                fmt::format("line {}, column {}: yaml: {}", parser_.problem_mark.line + 1,
                            parser_.problem_mark.column + 1,
                            parser_.problem != nullptr ? parser_.problem : "damaged text"));
        }
        return absl::OkStatus();
    }
    [[nodiscard]] const yaml_event_t& event() const { return event_; }

private:
    yaml_parser_t parser_{};
    yaml_event_t event_{};
};

/// The library counts characters; texts are bytes.
std::vector<std::size_t> byteOffsets(std::string_view text)
{
    std::vector<std::size_t> offsets;
    offsets.reserve(text.size() + 1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
            offsets.push_back(i);
        }
    }
    offsets.push_back(text.size());
    return offsets;
}

std::string textOf(const yaml_char_t* text)
{
    return text == nullptr ? std::string()
                           : std::string(reinterpret_cast<const char*>(text)); // the library's type
}

class Reader
{
public:
    explicit Reader(std::string_view text) : text_(text), offsets_(byteOffsets(text)), events_(text)
    {}

    absl::StatusOr<LayoutNode> read()
    {
        LayoutNode root;
        while (true) {
            if (absl::Status status = events_.next(); !status.ok()) {
                return status;
            }
            switch (events_.event().type) {
            case YAML_STREAM_END_EVENT:
            case YAML_DOCUMENT_END_EVENT:
                return root;
            case YAML_STREAM_START_EVENT:
            case YAML_DOCUMENT_START_EVENT:
            case YAML_NO_EVENT:
                break;
            default:
                if (absl::Status status = readNode(root, 0); !status.ok()) {
                    return status;
                }
            }
        }
    }

private:
    [[nodiscard]] std::size_t at(const yaml_mark_t& mark) const
    {
        return mark.index < offsets_.size() ? offsets_[mark.index] : text_.size();
    }

    /// Behind anchor and tag.
    [[nodiscard]] std::size_t contentBegin(std::size_t from, std::size_t end) const
    {
        while (from < end && (text_[from] == '&' || text_[from] == '!')) {
            while (from < end && text_[from] != ' ' && text_[from] != '\n' && text_[from] != '\t') {
                ++from;
            }
            while (from < end && (text_[from] == ' ' || text_[from] == '\t')) {
                ++from;
            }
        }
        return from;
    }

    // The event at hand is the node's first.
    absl::Status readNode(LayoutNode& node, std::size_t depth)
    {
        if (depth > kDeepest) {
            return absl::InvalidArgumentError("yaml: nested too deeply");
        }
        const yaml_event_t& event = events_.event();
        node.whole = at(event.start_mark);
        node.end = at(event.end_mark);
        switch (event.type) {
        case YAML_ALIAS_EVENT:
            node.kind = NodeKind::Alias;
            node.value = textOf(event.data.alias.anchor);
            node.begin = node.whole;
            return absl::OkStatus();
        case YAML_SCALAR_EVENT:
            readScalar(event, node);
            return absl::OkStatus();
        case YAML_MAPPING_START_EVENT:
            node.kind = NodeKind::Mapping;
            node.anchor = textOf(event.data.mapping_start.anchor);
            node.flow = event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
            break;
        case YAML_SEQUENCE_START_EVENT:
            node.kind = NodeKind::Sequence;
            node.anchor = textOf(event.data.sequence_start.anchor);
            node.flow = event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
            break;
        default:
            return absl::InvalidArgumentError("yaml: unexpected end of a node");
        }
        node.begin = node.anchor.empty() && text_[node.whole] != '!'
                         ? node.whole
                         : contentBegin(node.whole, text_.size());
        return readChildren(node, depth);
    }

    absl::Status readChildren(LayoutNode& node, std::size_t depth)
    {
        while (true) {
            if (absl::Status status = events_.next(); !status.ok()) {
                return status;
            }
            const yaml_event_type_t type = events_.event().type;
            if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) {
                break;
            }
            if (absl::Status status = readNode(node.children.emplace_back(), depth + 1);
                !status.ok()) {
                return status;
            }
        }
        // Of a block the library gives the next token's place: the last child ends it.
        node.end = node.flow               ? at(events_.event().end_mark)
                   : node.children.empty() ? node.begin
                                           : node.children.back().end;
        if (!node.flow && !node.children.empty()) {
            node.begin = std::min(node.begin, node.children.front().whole);
        }
        return absl::OkStatus();
    }

    void readScalar(const yaml_event_t& event, LayoutNode& node) const
    {
        node.value = std::string(
            reinterpret_cast<const char*>(event.data.scalar.value), // the library's type
            event.data.scalar.length);
        node.anchor = textOf(event.data.scalar.anchor);
        const bool decorated = !node.anchor.empty() || event.data.scalar.tag != nullptr;
        node.begin = decorated ? contentBegin(node.whole, node.end) : node.whole;
        switch (event.data.scalar.style) {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE:
            node.style = ScalarStyle::SingleQuoted;
            break;
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
            node.style = ScalarStyle::DoubleQuoted;
            break;
        case YAML_LITERAL_SCALAR_STYLE:
        case YAML_FOLDED_SCALAR_STYLE:
            node.style = ScalarStyle::Block;
            // Its end is that of its last line.
            while (node.end > node.begin &&
                   (text_[node.end - 1] == '\n' || text_[node.end - 1] == ' ')) {
                --node.end;
            }
            break;
        default:
            node.style = ScalarStyle::Plain;
        }
    }

    const std::string_view text_;
    const std::vector<std::size_t> offsets_;
    Events events_;
};

} // namespace

const LayoutNode* LayoutNode::find(std::string_view key) const
{
    if (kind != NodeKind::Mapping) {
        return nullptr;
    }
    for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
        if (children[i].kind == NodeKind::Scalar && children[i].value == key) {
            return &children[i + 1];
        }
    }
    return nullptr;
}

absl::StatusOr<LayoutNode> readLayout(std::string_view text) { return Reader(text).read(); }

} // namespace narthex::yaml
