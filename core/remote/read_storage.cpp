// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/read_storage.h"

#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/tsdb/merged_querier.h"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::remote {
namespace {

using storage::Querier;
using storage::SelectHints;
using storage::SeriesSet;
using Strings = std::vector<std::string>;

class ListSet final : public SeriesSet
{
public:
    explicit ListSet(SeriesList series) : series_(std::move(series)) {}
    absl::Status next(std::size_t limit, SeriesList& out) override
    {
        for (; limit > 0 && next_ < series_.size(); --limit) {
            out.push_back(series_[next_++]);
        }
        return absl::OkStatus();
    }

private:
    const SeriesList series_;
    std::size_t next_ = 0;
};

/// One selection's answer, for merging.
class AnsweredQuerier final : public Querier
{
public:
    explicit AnsweredQuerier(SeriesList series) : series_(std::move(series)) {}
    absl::StatusOr<std::unique_ptr<SeriesSet>> select(const SelectHints&, const model::Matchers&,
                                                      std::stop_token) const override
    {
        return std::make_unique<ListSet>(series_);
    }
    absl::StatusOr<Strings> labelValues(std::string_view, const model::Matchers&,
                                        std::size_t) const override
    {
        return Strings{};
    }
    absl::StatusOr<Strings> labelNames(const model::Matchers&, std::size_t) const override
    {
        return Strings{};
    }

private:
    const SeriesList series_;
};

/// Another's, which outlives it.
class ForwardingQuerier final : public Querier
{
public:
    explicit ForwardingQuerier(const Querier& to) : to_(to) {}
    absl::StatusOr<std::unique_ptr<SeriesSet>> select(const SelectHints& hints,
                                                      const model::Matchers& matchers,
                                                      std::stop_token stop) const override
    {
        return to_.select(hints, matchers, std::move(stop));
    }
    absl::StatusOr<Strings> labelValues(std::string_view name, const model::Matchers& matchers,
                                        std::size_t limit) const override
    {
        return to_.labelValues(name, matchers, limit);
    }
    absl::StatusOr<Strings> labelNames(const model::Matchers& matchers,
                                       std::size_t limit) const override
    {
        return to_.labelNames(matchers, limit);
    }

private:
    const Querier& to_;
};

/// A server, and the time that it is to be asked for.
struct Source
{
    std::shared_ptr<ReadClient> client;
    base::Timestamp from;
    base::Timestamp to;
};

class FannedQuerier final : public Querier
{
public:
    FannedQuerier(std::unique_ptr<Querier> local, std::vector<Source> sources,
                  model::Labels externalLabels)
        : local_(std::move(local)),
          sources_(std::move(sources)),
          externalLabels_(std::move(externalLabels))
    {}

    // All servers are asked before the first answer is waited for.
    absl::StatusOr<std::unique_ptr<SeriesSet>> select(const SelectHints& hints,
                                                      const model::Matchers& matchers,
                                                      std::stop_token stop) const override
    {
        std::vector<std::pair<const Source*, std::unique_ptr<Reading>>> readings;
        for (const Source& source : sources_) {
            if (asksFor(source.client->config(), matchers)) {
                readings.emplace_back(&source, ask(source, hints, matchers, stop));
            }
        }
        if (readings.empty()) {
            return local_->select(hints, matchers, std::move(stop));
        }
        std::vector<std::unique_ptr<Querier>> parts;
        parts.push_back(std::make_unique<ForwardingQuerier>(*local_));
        for (const auto& [source, reading] : readings) {
            absl::StatusOr<SeriesList> series = reading->finish();
            if (series.ok()) {
                parts.push_back(std::make_unique<AnsweredQuerier>(*std::move(series)));
            } else if (absl::IsCancelled(series.status()) && stop.stop_requested()) {
                return series.status();
            } else {
                const absl::MutexLock lock(&mutex_);
                warnings_.push_back(fmt::format("remote read from {} ({}): {}",
                                                source->client->url(), source->client->name(),
                                                base::messageOf(series.status())));
            }
        }
        const Querier* merged = nullptr;
        {
            const absl::MutexLock lock(&mutex_);
            merged_.push_back(tsdb::mergeQueriers(std::move(parts)));
            merged = merged_.back().get();
        }
        return merged->select(hints, matchers, std::move(stop));
    }

    // Servers are not asked for labels.
    absl::StatusOr<Strings> labelValues(std::string_view name, const model::Matchers& matchers,
                                        std::size_t limit) const override
    {
        return local_->labelValues(name, matchers, limit);
    }
    absl::StatusOr<Strings> labelNames(const model::Matchers& matchers,
                                       std::size_t limit) const override
    {
        return local_->labelNames(matchers, limit);
    }
    [[nodiscard]] Strings warnings() const override
    {
        const absl::MutexLock lock(&mutex_);
        return warnings_;
    }

private:
    [[nodiscard]] std::unique_ptr<Reading> ask(const Source& source, const SelectHints& hints,
                                               const model::Matchers& matchers,
                                               const std::stop_token& stop) const
    {
        Strings strip;
        ReadQuery query{.from = source.from, .to = source.to, .matchers = matchers, .hints = hints};
        // Servers read the time of the hints: it is that of the question, or a part of it.
        const bool hasTime = hints.from.ms != 0 || hints.to.ms != 0;
        query.hints->from = hasTime ? std::clamp(hints.from, source.from, source.to) : source.from;
        query.hints->to = hasTime ? std::clamp(hints.to, source.from, source.to) : source.to;
        if (source.client->config().filterExternalLabels) {
            query.matchers = withExternalLabels(matchers, externalLabels_, strip);
        }
        return source.client->begin(query, std::move(strip), stop);
    }

    const std::unique_ptr<Querier> local_;
    const std::vector<Source> sources_;
    const model::Labels externalLabels_;
    mutable absl::Mutex mutex_;
    /// They own what selections gave out.
    mutable std::vector<std::unique_ptr<Querier>> merged_ ABSL_GUARDED_BY(mutex_);
    mutable Strings warnings_ ABSL_GUARDED_BY(mutex_);
};

} // namespace

bool asksFor(const RemoteReadConfig& config, const model::Matchers& matchers)
{
    return std::all_of(
        config.requiredMatchers.begin(), config.requiredMatchers.end(), [&](const auto& required) {
            return std::any_of(matchers.begin(), matchers.end(), [&](const model::Matcher& each) {
                return each.type() == model::MatchType::Equal && each.name() == required.first &&
                       each.value() == required.second;
            });
        });
}

model::Matchers withExternalLabels(const model::Matchers& matchers,
                                   const model::Labels& externalLabels,
                                   std::vector<std::string>& added)
{
    model::Matchers result = matchers;
    for (const model::LabelView label : externalLabels) {
        const bool isNamed =
            std::any_of(matchers.begin(), matchers.end(),
                        [&](const model::Matcher& each) { return each.name() == label.name; });
        if (!isNamed) {
            result.push_back(model::Matcher::equal(label.name, label.value));
            added.emplace_back(label.name);
        }
    }
    return result;
}

ReadStorage::ReadStorage(const storage::Queryable& local, const ReaderEnvironment& environment,
                         std::function<std::optional<base::Timestamp>()> localStart)
    : local_(local),
      environment_(environment),
      localStart_(std::move(localStart)),
      remotes_(std::make_shared<const Remotes>())
{}

std::shared_ptr<const ReadStorage::Remotes> ReadStorage::remotes() const
{
    const absl::MutexLock lock(&mutex_);
    return remotes_;
}

void ReadStorage::apply(const std::vector<RemoteReadConfig>& configs,
                        const model::Labels& externalLabels)
{
    const auto before = remotes();
    auto after = std::make_shared<Remotes>();
    after->externalLabels = externalLabels;
    for (const RemoteReadConfig& config : configs) {
        const auto same =
            std::find_if(before->clients.begin(), before->clients.end(),
                         [&config](const auto& each) { return each->config() == config; });
        after->clients.push_back(same != before->clients.end()
                                     ? *same
                                     : std::make_shared<ReadClient>(config, environment_));
    }
    const absl::MutexLock lock(&mutex_);
    remotes_ = std::move(after);
}

absl::StatusOr<std::unique_ptr<Querier>> ReadStorage::querier(base::Timestamp from,
                                                              base::Timestamp to) const
{
    NARTHEX_ASSIGN_OR_RETURN(std::unique_ptr<Querier> local, local_.querier(from, to));
    const auto now = remotes();
    std::vector<Source> sources;
    const std::optional<base::Timestamp> start =
        now->clients.empty() ? std::nullopt : localStart_();
    for (const auto& client : now->clients) {
        Source source{.client = client, .from = from, .to = to};
        if (!client->config().readRecent && start) {
            source.to = std::min(to, base::Timestamp{start->ms - 1});
        }
        if (source.from <= source.to) {
            sources.push_back(std::move(source));
        }
    }
    if (sources.empty()) {
        return local;
    }
    return std::make_unique<FannedQuerier>(std::move(local), std::move(sources),
                                           now->externalLabels);
}

void ReadStorage::writeMetrics(exposition::TextWriter& out) const
{
    const auto now = remotes();
    if (now->clients.empty()) {
        return;
    }
    const auto typeOf = [](bool isChunked) { return isChunked ? "chunked" : "sampled"; };
    out.family("prometheus_remote_read_client_queries", model::MetricType::Gauge,
               "Requests of remote read that are under way.");
    for (const auto& client : now->clients) {
        out.sample({{"remote_name", client->name()}, {"url", client->url()}}, client->running());
    }
    out.family("prometheus_remote_read_client_queries_total", model::MetricType::Counter,
               "Requests of remote read that were answered.");
    for (const auto& client : now->clients) {
        for (const auto& [key, count] : client->answers()) {
            out.sample({{"code", key.first},
                        {"remote_name", client->name()},
                        {"response_type", typeOf(key.second)},
                        {"url", client->url()}},
                       static_cast<double>(count));
        }
    }
    constexpr std::string_view kSeconds = "prometheus_remote_read_client_request_duration_seconds";
    out.family(kSeconds, model::MetricType::Histogram, "How long requests of remote read took.");
    for (const auto& client : now->clients) {
        for (const bool isChunked : {false, true}) {
            client->seconds(isChunked).writeSamples(out, kSeconds,
                                                    {{"remote_name", client->name()},
                                                     {"response_type", typeOf(isChunked)},
                                                     {"url", client->url()}});
        }
    }
}

} // namespace narthex::remote
