// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/completion.h"
#include "core/promql/editor/completion_edits.h"
#include "core/promql/editor/language_docs.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace narthex::promql::editor {
namespace {

using Kind = CompletionKind;

/// Above it, metadata is looked at for the items that are shown only.
constexpr std::size_t kManyMetrics = 10'000;
constexpr std::string_view kExperimentalFeature = "promql-experimental-functions";
constexpr std::string_view kFillFeature = "promql-binop-fill-modifiers";

/// Short names that are seldom meant: they must not beat names of metrics.
bool isRare(std::string_view name)
{
    constexpr std::array<std::string_view, 24> kRare = {
        "acos",  "acosh", "asin", "asinh", "atan",  "atanh", "cos", "cosh",
        "deg",   "end",   "exp",  "ln",    "log10", "log2",  "pi",  "rad",
        "range", "sgn",   "sin",  "sinh",  "start", "step",  "tan", "tanh"};
    return std::binary_search(kRare.begin(), kRare.end(), name);
}

bool endsLikeCounter(std::string_view name)
{
    return name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum") ||
           name.ends_with("_bucket");
}

enum class Wanted : std::uint8_t
{
    Anything,
    Counters,
    Gauges,
    Buckets
};

Wanted wantedBy(const CompletionContext& context)
{
    const std::string_view callee = context.callee;
    if (callee == "rate" || callee == "irate" || callee == "increase" || callee == "resets") {
        return Wanted::Counters;
    }
    if (callee == "delta" || callee == "idelta" || callee == "deriv" ||
        callee == "predict_linear") {
        return Wanted::Gauges;
    }
    if ((callee == "histogram_quantile" && context.argument == 1) ||
        (callee == "histogram_fraction" && context.argument == 2)) {
        return Wanted::Buckets;
    }
    return Wanted::Anything;
}

bool fits(Wanted wanted, std::string_view name, const std::optional<model::Metadata>& metadata)
{
    using model::MetricType;
    const MetricType type = metadata ? metadata->type : MetricType::Unknown;
    const bool known = type != MetricType::Unknown;
    switch (wanted) {
    case Wanted::Anything:
        return true;
    case Wanted::Counters:
        return known ? type == MetricType::Counter || type == MetricType::Histogram ||
                           endsLikeCounter(name)
                     : endsLikeCounter(name);
    case Wanted::Gauges:
        return known ? type == MetricType::Gauge : !endsLikeCounter(name);
    case Wanted::Buckets:
        return name.ends_with("_bucket") || (type == MetricType::Histogram &&
                                             !name.ends_with("_count") && !name.ends_with("_sum"));
    }
    return true;
}

/// The place of a kind when nothing was typed yet.
int orderOf(Kind kind)
{
    constexpr std::array<Kind, 6> kFirst = {Kind::History,     Kind::MetricName, Kind::Function,
                                            Kind::Aggregation, Kind::Snippet,    Kind::Number};
    const auto found = std::find(kFirst.begin(), kFirst.end(), kind);
    return static_cast<int>(found - kFirst.begin());
}

class ListMaker
{
public:
    ListMaker(std::string_view text, std::size_t cursor, const CompletionSource& source,
              const CompletionOptions& options)
        : source_(source),
          options_(options),
          context_(completionContext(text, cursor)),
          edits_(text, context_, options)
    {}

    CompletionList run()
    {
        if (!(context_.onRequestOnly && !options_.requested)) {
            for (const Kind kind : context_.kinds) {
                add(kind);
            }
        }
        CompletionList list;
        list.more = keepBest();
        for (Candidate& candidate : candidates_) {
            list.items.push_back(std::move(candidate.item));
            finish(list.items.back());
        }
        list.context = std::move(context_);
        return list;
    }

private:
    struct Candidate
    {
        CompletionItem item;
        int rank = 0;
        bool fitting = true;
        Usage usage{};
        /// The order of the source is the order of the list.
        std::size_t position = 0;
    };

    static auto keyOf(const Candidate& candidate)
    {
        return std::make_tuple(!candidate.item.neededFeature.empty(), candidate.rank,
                               !candidate.fitting, ~candidate.usage.recent, ~candidate.usage.stored,
                               candidate.position, std::string_view(candidate.item.label),
                               static_cast<int>(candidate.item.kind));
    }

    void add(Kind kind)
    {
        switch (kind) {
        case Kind::MetricName:
            return addMetrics();
        case Kind::LabelName:
            return addLabelNames();
        case Kind::LabelValue:
            return addLabelValues();
        case Kind::Function:
        case Kind::Aggregation:
            return addFunctions(kind == Kind::Aggregation);
        case Kind::BinaryOperator:
            addWords(kind, WordKind::Operator);
            return addWords(kind, WordKind::SetOperator);
        case Kind::BinaryModifier:
            return addWords(kind, WordKind::MatchingModifier);
        case Kind::Bool:
            return addWord(kind, *findWordDoc("bool", WordKind::MatchingModifier));
        case Kind::MatchOperator:
            return addWords(kind, WordKind::MatchOperator);
        case Kind::AggregateModifier:
            return addWords(kind, WordKind::GroupingModifier);
        case Kind::Offset:
            return addWord(kind, *findWordDoc("offset", WordKind::TimeModifier));
        case Kind::Number:
            return addWords(kind, WordKind::Number);
        case Kind::DurationFunction:
            return addWords(kind, WordKind::DurationFunction);
        case Kind::DurationOperator:
            return addWords(kind, WordKind::DurationOperator);
        case Kind::Duration:
            return addDurations();
        case Kind::AtArgument:
            return addTimes();
        case Kind::Snippet:
            return addSnippets();
        case Kind::History:
            return addHistory();
        }
    }

    void put(CompletionItem item, int penalty = 0, bool fitting = true, std::size_t position = 0)
    {
        const std::optional<int> rank = matchRank(item.label, context_.typed);
        if (rank) {
            const Usage usage = source_.usage(item.kind, item.label);
            const bool exact = item.label == context_.typed;
            candidates_.push_back(
                {std::move(item), *rank + (exact ? 0 : penalty), fitting, usage, position});
        }
    }

    /// Of very many names only the best become items.
    void addMetrics()
    {
        struct Name
        {
            int rank;
            bool unfitting;
            Usage usage;
            const std::string* text;
        };
        const Wanted wanted = wantedBy(context_);
        const auto all = source_.metricNames();
        std::vector<Name> names;
        for (const std::string& name : all) {
            if (const auto rank = matchRank(name, context_.typed)) {
                const auto metadata = wanted != Wanted::Anything && all.size() <= kManyMetrics
                                          ? metadataOf(source_, name)
                                          : std::nullopt;
                names.push_back({*rank, !fits(wanted, name, metadata),
                                 source_.usage(Kind::MetricName, name), &name});
            }
        }
        const std::size_t kept = std::min(names.size(), options_.maxItems);
        std::partial_sort(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(kept),
                          names.end(), [](const Name& a, const Name& b) {
                              return std::make_tuple(a.rank, a.unfitting, ~a.usage.recent,
                                                     ~a.usage.stored, std::string_view(*a.text)) <
                                     std::make_tuple(b.rank, b.unfitting, ~b.usage.recent,
                                                     ~b.usage.stored, std::string_view(*b.text));
                          });
        namesCut_ = names.size() - kept;
        names.resize(kept);
        for (const Name& name : names) {
            put({.kind = Kind::MetricName, .label = *name.text}, 0, !name.unfitting);
        }
    }

    void addLabelNames()
    {
        if (context_.quote != 0 && addStringArgument()) {
            return;
        }
        const std::string selector =
            context_.isInfoSelector ? std::string("target_info") : selectorOf(context_);
        std::vector<std::string> names = source_.labelNames(selector);
        if (!context_.otherMetric.empty()) {
            const auto others = source_.labelNames(context_.otherMetric);
            names.insert(names.end(), others.begin(), others.end());
        }
        absl::flat_hash_set<std::string> seen;
        for (const std::string& name : names) {
            if ((name != model::kMetricName || context_.isInfoSelector) &&
                seen.insert(name).second) {
                put({.kind = Kind::LabelName, .label = name, .detail = "label"});
            }
        }
        if (context_.isInfoSelector && seen.insert(std::string(model::kMetricName)).second) {
            put({.kind = Kind::LabelName,
                 .label = std::string(model::kMetricName),
                 .detail = "info metric"});
        }
    }

    /// True for strings that name no label.
    bool addStringArgument()
    {
        if (context_.callee == "label_replace" && context_.argument == 2) {
            for (const char* group : {"$1", "$2", "${1}", "$0"}) {
                put({.kind = Kind::LabelName,
                     .label = group,
                     .detail = "group",
                     .documentation = "What a group of the expression matched, counted by its "
                                      "opening bracket; $0 is all of it. Text may follow ${1} "
                                      "directly."});
            }
            return true;
        }
        return (context_.callee == "label_replace" && context_.argument == 4) ||
               (context_.callee == "label_join" && context_.argument == 2);
    }

    void addLabelValues()
    {
        const auto values = source_.labelValues(context_.label, selectorOf(context_));
        for (const std::string& value : values) {
            put({.kind = Kind::LabelValue, .label = value, .detail = context_.label});
        }
        if (context_.isRegex && values.size() > 1) {
            Candidate several{.item = {.kind = Kind::LabelValue,
                                       .label = "one of…",
                                       .detail = "choose several",
                                       .action = CompletionItem::Action::PickValues}};
            several.rank = 1000;
            candidates_.push_back(std::move(several));
        }
    }

    void addFunctions(bool aggregations)
    {
        for (const FunctionDoc& doc : functionDocs()) {
            if (doc.aggregation != aggregations || !source_.knowsFunction(doc.name)) {
                continue;
            }
            CompletionItem item{.kind = aggregations ? Kind::Aggregation : Kind::Function,
                                .label = std::string(doc.name),
                                .detail = std::string(doc.signature)};
            if (doc.experimental && !options_.features.experimentalFunctions) {
                item.neededFeature = kExperimentalFeature;
            }
            put(std::move(item), isRare(doc.name) ? 3 : 0);
        }
    }

    void addWords(Kind kind, WordKind words)
    {
        std::size_t position = 0;
        for (const WordDoc& doc : wordDocs()) {
            if (doc.kind == words && !(doc.word == "bool" && kind == Kind::BinaryModifier)) {
                addWord(kind, doc, ++position);
            }
        }
    }

    void addWord(Kind kind, const WordDoc& doc, std::size_t position = 0)
    {
        CompletionItem item{.kind = kind,
                            .label = std::string(doc.word),
                            .detail = std::string(doc.detail),
                            .documentation = fmt::format("{}\nExample: {}", doc.text, doc.example)};
        if (doc.experimental && doc.kind == WordKind::MatchingModifier &&
            !options_.features.binopFillModifiers) {
            item.neededFeature = kFillFeature;
        }
        put(std::move(item), 0, true, position);
    }

    void addDurations()
    {
        const bool empty = context_.typed.empty();
        return empty ? addRanges() : addUnits();
    }

    /// Units that may follow the digits: only smaller ones than the last.
    void addUnits()
    {
        constexpr std::array<std::string_view, 7> kUnits = {"y", "w", "d", "h", "m", "s", "ms"};
        const std::string typed = std::exchange(context_.typed, {});
        std::size_t first = 0;
        for (std::size_t i = 0; i < kUnits.size(); ++i) {
            const std::size_t at = typed.find(kUnits[i]);
            const bool milliseconds =
                kUnits[i] == "m" && at != std::string::npos && typed.compare(at, 2, "ms") == 0;
            if (at != std::string::npos && !milliseconds) {
                first = i + 1;
            }
        }
        for (std::size_t i = first; i < kUnits.size(); ++i) {
            addWord(Kind::Duration, *findWordDoc(kUnits[i], WordKind::DurationUnit), i);
        }
        context_.typed = typed;
    }

    void addRanges()
    {
        std::size_t position = 0;
        const base::Duration interval = source_.scrapeInterval();
        if (interval.ns > 0) {
            const base::Duration recommended{interval.ns * 4};
            put({.kind = Kind::Duration,
                 .label = base::formatDuration(recommended),
                 .detail = "4 scrapes"},
                0, true, ++position);
        }
        for (const char* range : {"1m", "5m", "15m", "30m", "1h", "6h", "1d", "1w"}) {
            put({.kind = Kind::Duration, .label = range, .detail = "range"}, 0, true, ++position);
        }
    }

    void addTimes()
    {
        addWords(Kind::AtArgument, WordKind::AtArgument);
        put({.kind = Kind::AtArgument,
             .label = "time…",
             .detail = "choose a time",
             .action = CompletionItem::Action::PickTime},
            0, true, 100);
    }

    void addSnippets()
    {
        const auto own = source_.userSnippets();
        for (const Snippet& snippet : own) {
            addSnippet(snippet);
        }
        for (const Snippet& snippet : builtInSnippets()) {
            addSnippet(snippet);
        }
    }

    void addSnippet(const Snippet& snippet)
    {
        CompletionItem item{.kind = Kind::Snippet,
                            .label = snippet.name,
                            .detail = "snippet",
                            .documentation = expandSnippet(snippet.pattern).text};
        item.edit.text = snippet.pattern;
        put(std::move(item), 2);
    }

    void addHistory()
    {
        // Longer texts are cut in the list, never in what is inserted.
        constexpr std::size_t kLongest = 80;
        constexpr std::size_t kShown = 76;
        std::size_t position = 0;
        for (const std::string& query : source_.history()) {
            const bool cut = query.size() >= kLongest;
            CompletionItem item{.kind = Kind::History,
                                .label = cut ? query.substr(0, kShown) + "..." : query,
                                .detail = "past query",
                                .documentation = cut ? query : std::string()};
            item.edit.text = query;
            put(std::move(item), 0, true, ++position);
        }
    }

    /// Sorts, merges doubles and cuts; the number of items cut.
    std::size_t keepBest()
    {
        const bool byKind = context_.typed.empty();
        const auto better = [byKind](const Candidate& a, const Candidate& b) {
            if (byKind && orderOf(a.item.kind) != orderOf(b.item.kind)) {
                return orderOf(a.item.kind) < orderOf(b.item.kind);
            }
            return keyOf(a) < keyOf(b);
        };
        std::size_t cut = namesCut_;
        if (byKind) {
            cut += cutNames(better);
        }
        const std::size_t kept = std::min(options_.maxItems, candidates_.size());
        std::partial_sort(candidates_.begin(),
                          candidates_.begin() + static_cast<std::ptrdiff_t>(kept),
                          candidates_.end(), better);
        cut += candidates_.size() - kept;
        candidates_.resize(kept);
        const auto same = [](const Candidate& a, const Candidate& b) {
            return a.item.kind == b.item.kind && a.item.label == b.item.label &&
                   a.item.edit.text == b.item.edit.text;
        };
        candidates_.erase(std::unique(candidates_.begin(), candidates_.end(), same),
                          candidates_.end());
        return cut;
    }

    /// Many names of metrics must not push the language's own words out of an unfiltered list.
    template <typename Better>
    std::size_t cutNames(Better better)
    {
        const auto names =
            std::stable_partition(candidates_.begin(), candidates_.end(), [](const auto& entry) {
                return entry.item.kind != Kind::MetricName;
            });
        const auto others = static_cast<std::size_t>(names - candidates_.begin());
        const std::size_t room = options_.maxItems > others ? options_.maxItems - others : 0;
        const std::size_t count = candidates_.size() - others;
        if (count <= room) {
            return 0;
        }
        std::partial_sort(names, names + static_cast<std::ptrdiff_t>(room), candidates_.end(),
                          better);
        candidates_.resize(others + room);
        return count - room;
    }

    /// Texts and edits are worked out for what is shown.
    void finish(CompletionItem& item) const
    {
        if (item.action == CompletionItem::Action::PickValues) {
            item.edit = {context_.begin, context_.end, {}};
            item.selection = {context_.begin, context_.begin};
            return;
        }
        if (item.kind == Kind::Function || item.kind == Kind::Aggregation) {
            item.documentation = functionHelp(item.label);
        } else if (item.kind == Kind::MetricName) {
            describeMetric(item);
        }
        edits_.prepare(item);
    }

    void describeMetric(CompletionItem& item) const
    {
        const auto metadata = metadataOf(source_, item.label);
        if (metadata) {
            item.detail = model::metricTypeText(metadata->type);
            if (!metadata->unit.empty()) {
                item.detail += " · " + metadata->unit;
            }
            item.documentation = metadata->help;
        }
    }

    const CompletionSource& source_;
    const CompletionOptions& options_;
    CompletionContext context_;
    const CompletionEdits edits_;
    std::vector<Candidate> candidates_;
    std::size_t namesCut_ = 0;
};

} // namespace

base::Duration CompletionSource::scrapeInterval() const { return {}; }

std::string selectorOf(const CompletionContext& context)
{
    if (context.metric.empty() && context.otherMatchers.empty()) {
        return {};
    }
    const bool plain = context.metric.empty() || model::isLegacyMetricName(context.metric);
    std::string out = plain ? context.metric : std::string();
    if (plain && context.otherMatchers.empty()) {
        return out;
    }
    out += "{";
    if (!plain) {
        out += model::quote(context.metric);
    }
    for (const std::string& matcher : context.otherMatchers) {
        out += (out.back() == '{' ? "" : ",") + matcher;
    }
    return out + "}";
}

std::optional<model::Metadata> metadataOf(const CompletionSource& source, std::string_view metric)
{
    if (auto own = source.metadata(metric)) {
        return own;
    }
    struct Part
    {
        std::string_view suffix;
        std::string_view prefix;
    };
    constexpr std::array<Part, 4> kParts = {
        {{"_count", "number of observations of: "},
         {"_sum", "sum of observations of: "},
         {"_bucket", "observations up to the bucket bound of: "},
         {"_total", ""}}};
    for (const Part& part : kParts) {
        if (!metric.ends_with(part.suffix)) {
            continue;
        }
        auto family = source.metadata(metric.substr(0, metric.size() - part.suffix.size()));
        if (family && !part.prefix.empty()) {
            family->type = model::MetricType::Counter;
            family->help = std::string(part.prefix) + family->help;
        }
        return family;
    }
    return std::nullopt;
}

CompletionList complete(std::string_view text, std::size_t cursor, const CompletionSource& source,
                        const CompletionOptions& options)
{
    return ListMaker(text, cursor, source, options).run();
}

} // namespace narthex::promql::editor
