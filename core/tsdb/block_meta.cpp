// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/block_meta.h"

#include "core/base/file.h"
#include "core/base/json_writer.h"
#include "core/base/status.h"

#include <simdjson.h>

#include <algorithm>
#include <string_view>

namespace narthex::tsdb {
namespace {

namespace dom = simdjson::dom;

constexpr std::uint64_t kMetaBytesMax = 16U << 20U;

/// Members written one a line, with tabs, as Prometheus does.
class Lines
{
public:
    explicit Lines(std::string& out, int depth) : out_(out), depth_(depth) { out_ += '{'; }
    void add(std::string_view name, std::string_view value)
    {
        out_ += first_ ? "\n" : ",\n";
        first_ = false;
        out_.append(static_cast<std::size_t>(depth_), '\t');
        out_ += fmt::format("\"{}\": {}", name, value);
    }
    void addUnlessZero(std::string_view name, std::uint64_t value)
    {
        if (value != 0) {
            add(name, fmt::to_string(value));
        }
    }
    void close()
    {
        out_ += '\n';
        out_.append(static_cast<std::size_t>(depth_ - 1), '\t');
        out_ += '}';
    }

private:
    std::string& out_;
    int depth_;
    bool first_ = true;
};

std::string quotedText(std::string_view text)
{
    std::string result;
    base::appendJsonString(result, text);
    return result;
}

std::string listOf(const std::vector<std::string>& items, int depth)
{
    const std::string indent(static_cast<std::size_t>(depth), '\t');
    std::string text = "[";
    for (std::size_t i = 0; i < items.size(); ++i) {
        text += fmt::format("{}\n{}\t{}", i == 0 ? "" : ",", indent, items[i]);
    }
    return text + "\n" + indent + "]";
}

std::vector<std::string> quoted(const std::vector<std::string>& items)
{
    std::vector<std::string> result;
    for (const std::string& item : items) {
        result.push_back(quotedText(item));
    }
    return result;
}

std::string compactionJson(const BlockMeta& meta)
{
    std::string text;
    Lines lines(text, 2);
    lines.add("level", fmt::to_string(meta.level));
    if (!meta.sources.empty()) {
        lines.add("sources", listOf(quoted(meta.sources), 2));
    }
    if (meta.deletable) {
        lines.add("deletable", "true");
    }
    if (!meta.parents.empty()) {
        std::vector<std::string> parents;
        for (const BlockParent& parent : meta.parents) {
            std::string& one = parents.emplace_back();
            Lines members(one, 4);
            members.add("ulid", quotedText(parent.ulid));
            members.add("minTime", fmt::to_string(parent.minTime));
            members.add("maxTime", fmt::to_string(parent.maxTime));
            members.close();
        }
        lines.add("parents", listOf(parents, 2));
    }
    if (meta.failed) {
        lines.add("failed", "true");
    }
    if (!meta.hints.empty()) {
        lines.add("hints", listOf(quoted(meta.hints), 2));
    }
    lines.close();
    return text;
}

std::string textOr(const dom::object& object, std::string_view name)
{
    std::string_view text;
    return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::int64_t numberOr(const dom::object& object, std::string_view name, std::int64_t fallback = 0)
{
    std::int64_t number = 0;
    return object[name].get(number) == simdjson::SUCCESS ? number : fallback;
}

std::uint64_t countOr0(const dom::object& object, std::string_view name)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(numberOr(object, name), 0));
}

std::vector<std::string> textsOf(const dom::object& object, std::string_view name)
{
    std::vector<std::string> texts;
    dom::array array;
    if (object[name].get(array) == simdjson::SUCCESS) {
        for (const dom::element element : array) {
            std::string_view text;
            if (element.get(text) == simdjson::SUCCESS) {
                texts.emplace_back(text);
            }
        }
    }
    return texts;
}

bool flagOf(const dom::object& object, std::string_view name)
{
    bool flag = false;
    return object[name].get(flag) == simdjson::SUCCESS && flag;
}

void readCompaction(const dom::object& compaction, BlockMeta& meta)
{
    meta.level = static_cast<int>(numberOr(compaction, "level", 1));
    meta.sources = textsOf(compaction, "sources");
    meta.hints = textsOf(compaction, "hints");
    meta.deletable = flagOf(compaction, "deletable");
    meta.failed = flagOf(compaction, "failed");
    dom::array parents;
    if (compaction["parents"].get(parents) != simdjson::SUCCESS) {
        return;
    }
    for (const dom::element element : parents) {
        dom::object parent;
        if (element.get(parent) == simdjson::SUCCESS) {
            meta.parents.push_back(
                {textOr(parent, "ulid"), numberOr(parent, "minTime"), numberOr(parent, "maxTime")});
        }
    }
}

void fill(const dom::object& root, BlockMeta& meta)
{
    meta.ulid = textOr(root, "ulid");
    meta.minTime = numberOr(root, "minTime");
    meta.maxTime = numberOr(root, "maxTime");
    dom::object part;
    if (root["stats"].get(part) == simdjson::SUCCESS) {
        meta.stats.samples = countOr0(part, "numSamples");
        meta.stats.series = countOr0(part, "numSeries");
        meta.stats.chunks = countOr0(part, "numChunks");
        meta.stats.tombstones = countOr0(part, "numTombstones");
    }
    if (root["compaction"].get(part) == simdjson::SUCCESS) {
        readCompaction(part, meta);
    }
}

} // namespace

std::string toJson(const BlockMeta& meta)
{
    std::string text;
    Lines lines(text, 1);
    lines.add("ulid", quotedText(meta.ulid));
    lines.add("minTime", fmt::to_string(meta.minTime));
    lines.add("maxTime", fmt::to_string(meta.maxTime));
    std::string stats;
    Lines counts(stats, 2);
    counts.addUnlessZero("numSamples", meta.stats.samples);
    counts.addUnlessZero("numSeries", meta.stats.series);
    counts.addUnlessZero("numChunks", meta.stats.chunks);
    counts.addUnlessZero("numTombstones", meta.stats.tombstones);
    counts.close();
    lines.add("stats", stats);
    lines.add("compaction", compactionJson(meta));
    lines.add("version", "1");
    lines.close();
    return text;
}

absl::StatusOr<BlockMeta> parseBlockMeta(std::string_view json)
{
    if (json.empty()) {
        return base::dataLoss("meta.json is empty");
    }
    dom::parser parser;
    dom::object root;
    if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
        return base::dataLoss("meta.json is not a JSON object");
    }
    const std::int64_t version = numberOr(root, "version");
    if (version == 0) {
        return base::dataLoss("meta.json names no version");
    }
    if (version != 1) {
        return base::failedPrecondition(
            "meta.json has version {}, this program reads 1; open the block with what wrote it",
            version);
    }
    BlockMeta meta;
    fill(root, meta);
    return meta;
}

absl::StatusOr<BlockMeta> readBlockMeta(const std::filesystem::path& blockDirectory)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string json,
                             base::readFile(blockDirectory / "meta.json", kMetaBytesMax));
    auto meta = parseBlockMeta(json);
    if (!meta.ok()) {
        return base::annotate(meta.status(), blockDirectory.string());
    }
    return meta;
}

absl::Status repairOldIndex(const std::filesystem::path& blockDirectory)
{
    constexpr std::int64_t kMistakenVersion = 2;
    auto json = base::readFile(blockDirectory / "meta.json", kMetaBytesMax);
    dom::parser parser;
    dom::object root;
    if (!json.ok() || json->empty() || parser.parse(json->data(), json->size()).get(root) != simdjson::SUCCESS ||
        numberOr(root, "version") != kMistakenVersion) {
        return absl::OkStatus();
    }
    constexpr std::size_t kVersionAt = 4;
    constexpr char kIndexVersion = 2;
    const std::filesystem::path index = blockDirectory / "index";
    NARTHEX_ASSIGN_OR_RETURN(std::string bytes, base::readFile(index));
    if (bytes.size() <= kVersionAt) {
        return base::dataLoss("{}: {} bytes are no index", index.string(), bytes.size());
    }
    bytes[kVersionAt] = kIndexVersion;
    NARTHEX_RETURN_IF_ERROR(base::writeFileAtomically(index, bytes));
    BlockMeta meta;
    fill(root, meta);
    return writeBlockMeta(blockDirectory, meta);
}

absl::Status writeBlockMeta(const std::filesystem::path& blockDirectory, const BlockMeta& meta)
{
    return base::writeFileAtomically(blockDirectory / "meta.json", toJson(meta));
}

} // namespace narthex::tsdb
