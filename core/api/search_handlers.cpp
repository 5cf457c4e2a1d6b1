// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Looking for names while somebody types: results a line each batch, the best or the first ones.
// Source: spec/http-api.md, 10.
#include "core/api/context.h"
#include "core/api/search_filter.h"
#include "core/base/number.h"
#include "core/base/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace narthex::api {
namespace {

constexpr std::int64_t kDefaultCount = 100;

enum class Order : std::uint8_t
{
    Ascending,
    Descending,
    ByScore
};

struct SearchRequest
{
    std::vector<model::Matchers> selectors;
    SearchTerms terms;
    base::Timestamp from;
    base::Timestamp to;
    Order order = Order::Ascending;
    bool withScore = false;
    std::size_t limit = 0;
    std::size_t batch = 0;
};

struct Hit
{
    std::string name;
    double score = 0;
};

absl::StatusOr<bool> flag(const net::ServerRequest& request, std::string_view name, bool otherwise)
{
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return otherwise;
    }
    const auto value = booleanParameter(request, name);
    return value.ok()
               ? value
               : base::invalidArgument("invalid {} {}: must be boolean", name, model::quote(*text));
}

/// A positive number; `otherwise` if it was not given.
absl::StatusOr<std::int64_t> count(const net::ServerRequest& request, std::string_view name,
                                   std::int64_t otherwise)
{
    const auto text = request.parameter(name);
    if (!text || text->empty()) {
        return otherwise;
    }
    const auto number = base::parseInt(*text);
    if (!number || *number <= 0) {
        return base::invalidArgument("invalid {} {}: must be a positive integer", name,
                                     model::quote(*text));
    }
    return *number;
}

absl::StatusOr<SearchTerms> termsOf(const net::ServerRequest& request)
{
    constexpr std::size_t kMostTerms = 32;
    SearchTerms terms{.terms = request.parameterValues("search[]")};
    if (terms.terms.size() > kMostTerms) {
        return base::invalidArgument("too many search[] terms: got {}, maximum is {}",
                                     terms.terms.size(), kMostTerms);
    }
    const std::string threshold(request.parameter("fuzz_threshold").value_or(""));
    if (!threshold.empty()) {
        const auto percent = base::parseInt(threshold);
        if (!percent || *percent < 0 || *percent > 100) {
            return base::invalidArgument("invalid fuzz_threshold {}: must be 0-100",
                                         model::quote(threshold));
        }
        terms.threshold = static_cast<double>(*percent) / 100;
    }
    const std::string algorithm(request.parameter("fuzz_alg").value_or(""));
    if (algorithm == "jarowinkler") {
        terms.algorithm = FuzzyAlgorithm::JaroWinkler;
    } else if (!algorithm.empty() && algorithm != "subsequence") {
        return base::invalidArgument(
            "unsupported fuzz_alg {}: must be one of [subsequence jarowinkler]",
            model::quote(algorithm));
    }
    NARTHEX_ASSIGN_OR_RETURN(terms.caseSensitive, flag(request, "case_sensitive", true));
    return terms;
}

absl::StatusOr<Order> orderOf(const net::ServerRequest& request, bool hasTerms,
                              std::string_view endpoint)
{
    const std::string by(request.parameter("sort_by").value_or(""));
    const std::string direction(request.parameter("sort_dir").value_or(""));
    if (!direction.empty() && by.empty()) {
        return base::invalidArgument("sort_dir is only valid when sort_by is set");
    }
    if (!direction.empty() && by == "score") {
        return base::invalidArgument("sort_dir is not supported for sort_by=score");
    }
    if (!direction.empty() && direction != "asc" && direction != "dsc") {
        return base::invalidArgument("invalid sort_dir {}: must be \"asc\" or \"dsc\"",
                                     model::quote(direction));
    }
    if (!by.empty() && by != "alpha" && by != "score") {
        return base::invalidArgument("invalid sort_by {} for {}: must be \"alpha\" or \"score\"",
                                     model::quote(by), endpoint);
    }
    if (by == "score") {
        return hasTerms ? absl::StatusOr<Order>(Order::ByScore)
                        : base::invalidArgument("sort_by=score requires search[] to be set");
    }
    return direction == "dsc" ? Order::Descending : Order::Ascending;
}

absl::StatusOr<SearchRequest> requestOf(const Context& context, const net::ServerRequest& request,
                                        std::string_view endpoint)
{
    SearchRequest search;
    const base::Timestamp now = context.engine.clock().now();
    NARTHEX_ASSIGN_OR_RETURN(const auto from, timeParameter(request, "start"));
    NARTHEX_ASSIGN_OR_RETURN(const auto to, timeParameter(request, "end"));
    search.from = from.value_or(now - base::Duration::fromMs(3'600'000));
    search.to = to.value_or(now);
    if (search.to < search.from) {
        return base::invalidArgument("end timestamp must not be before start timestamp");
    }
    NARTHEX_ASSIGN_OR_RETURN(search.selectors, selectors(request));
    NARTHEX_ASSIGN_OR_RETURN(search.terms, termsOf(request));
    NARTHEX_ASSIGN_OR_RETURN(search.withScore, flag(request, "include_score", false));
    NARTHEX_ASSIGN_OR_RETURN(search.order, orderOf(request, !search.terms.terms.empty(), endpoint));
    const auto most = static_cast<std::int64_t>(context.options.searchLimit);
    NARTHEX_ASSIGN_OR_RETURN(
        const std::int64_t limit,
        count(request, "limit", most > 0 ? std::min(most, kDefaultCount) : kDefaultCount));
    if (most > 0 && limit > most) {
        return base::invalidArgument(
            "limit {} exceeds the configured maximum ({}, see --web.search.max-limit)", limit,
            most);
    }
    NARTHEX_ASSIGN_OR_RETURN(const std::int64_t batch, count(request, "batch_size", kDefaultCount));
    search.limit = static_cast<std::size_t>(limit);
    search.batch = static_cast<std::size_t>(batch);
    return search;
}

/// What fits, in order, one more than asked for if there is more.
std::vector<Hit> hitsOf(const SearchRequest& search, const std::set<std::string>& names)
{
    std::vector<Hit> hits;
    SearchFilter filter(search.terms);
    for (const std::string& name : names) {
        if (const auto score = filter.score(name)) {
            hits.push_back({name, *score});
        }
        if (search.order == Order::Ascending && hits.size() > search.limit) {
            break;
        }
    }
    if (search.order == Order::Descending) {
        std::reverse(hits.begin(), hits.end());
    } else if (search.order == Order::ByScore) {
        std::stable_sort(hits.begin(), hits.end(),
                         [](const Hit& a, const Hit& b) { return a.score > b.score; });
    }
    hits.resize(std::min(hits.size(), search.limit + 1));
    return hits;
}

using Metadata = std::map<std::string, std::vector<model::Metadata>>;

/// The lines of an answer, made one after the other.
class Lines
{
public:
    Lines(SearchRequest search, std::vector<Hit> hits, std::string_view key, Metadata metadata)
        : search_(std::move(search)),
          hits_(std::move(hits)),
          key_(key),
          metadata_(std::move(metadata)),
          count_(std::min(hits_.size(), search_.limit))
    {}

    /// The next line; empty behind the last one.
    std::string next()
    {
        std::string line;
        if (done_) {
            return line;
        }
        base::JsonWriter json(line, base::JsonEscape::Html);
        if (at_ < count_ || !started_) {
            started_ = true;
            const std::size_t end = std::min(count_, at_ + search_.batch);
            json.beginObject().key("results").beginArray();
            for (; at_ < end; ++at_) {
                writeHit(json, hits_[at_]);
            }
            json.endArray().endObject();
        } else {
            done_ = true;
            json.beginObject().member("status", "success").key("has_more");
            json.boolean(hits_.size() > count_).endObject();
        }
        return line + "\n";
    }

private:
    void writeHit(base::JsonWriter& json, const Hit& hit) const
    {
        json.beginObject().member(key_, hit.name);
        if (search_.withScore) {
            json.key("score").number(hit.score);
        }
        if (const auto found = metadata_.find(hit.name);
            found != metadata_.end() && !found->second.empty()) {
            const model::Metadata& entry = found->second.front();
            json.member("type", model::metricTypeText(entry.type));
            for (const auto& [name, text] :
                 {std::pair<std::string_view, const std::string&>("help", entry.help),
                  {"unit", entry.unit}}) {
                if (!text.empty()) {
                    json.member(name, text);
                }
            }
        }
        json.endObject();
    }

    const SearchRequest search_;
    const std::vector<Hit> hits_;
    const std::string key_;
    const Metadata metadata_;
    const std::size_t count_;
    std::size_t at_ = 0;
    bool started_ = false;
    bool done_ = false;
};

/// Answers with the names that `ask` gives for each selector.
template <typename Ask>
net::ServerResponse answer(const Context& context, const net::ServerRequest& request,
                           std::string_view endpoint, std::string_view key, const Ask& ask)
{
    if (!context.options.enableSearch) {
        return errorResponse(ErrorType::Unavailable, "search API disabled");
    }
    auto search = requestOf(context, request, endpoint);
    if (!search.ok()) {
        return errorResponse(search.status(), ErrorType::BadData);
    }
    const auto withMetadata = flag(request, "include_metadata", false);
    if (!withMetadata.ok()) {
        return errorResponse(withMetadata.status(), ErrorType::BadData);
    }
    const auto querier = context.engine.queryable().querier(search->from, search->to);
    if (!querier.ok()) {
        return errorResponse(querier.status());
    }
    const auto names = unite(search->selectors, [&](const model::Matchers& matchers) {
        return ask(**querier, matchers);
    });
    if (!names.ok()) {
        return errorResponse(names.status());
    }
    std::vector<Hit> hits = hitsOf(*search, *names);
    Metadata metadata;
    if (*withMetadata && key == "name" && endpoint == "metric_names" && !hits.empty()) {
        metadata = context.engine.scraping().metadata();
    }
    auto lines =
        std::make_shared<Lines>(*std::move(search), std::move(hits), key, std::move(metadata));
    return {.contentType = "application/x-ndjson; charset=utf-8",
            .stream = [lines](net::BodyPiece piece) { piece(lines->next()); }};
}

} // namespace

net::ServerResponse searchMetricNames(const Context& context, const net::ServerRequest& request)
{
    return answer(context, request, "metric_names", "name",
                  [](const storage::Querier& querier, const model::Matchers& matchers) {
                      return querier.labelValues(model::kMetricName, matchers, 0);
                  });
}

net::ServerResponse searchLabelNames(const Context& context, const net::ServerRequest& request)
{
    return answer(context, request, "label_names", "name",
                  [](const storage::Querier& querier, const model::Matchers& matchers) {
                      return querier.labelNames(matchers, 0);
                  });
}

net::ServerResponse searchLabelValues(const Context& context, const net::ServerRequest& request)
{
    const std::string label(request.parameter("label").value_or(""));
    if (label.empty() && context.options.enableSearch) {
        return errorResponse(ErrorType::BadData, "missing required parameter \"label\"");
    }
    return answer(context, request, "label_values", "value",
                  [&label](const storage::Querier& querier, const model::Matchers& matchers) {
                      return querier.labelValues(label, matchers, 0);
                  });
}

} // namespace narthex::api
