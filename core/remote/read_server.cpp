// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/read_server.h"

#include "core/base/status.h"
#include "core/exposition/text_writer.h"
#include "core/remote/read_chunks.h"
#include "core/remote/snappy_block.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace narthex::remote {

/// Lets a number of requests work at once.
class ReadServer::Gate : public std::enable_shared_from_this<Gate>
{
public:
    Gate(std::size_t limit, std::size_t waitingLimit) : limit_(limit), waitingLimit_(waitingLimit)
    {}

    /// A place, given back when the pointer goes. Errors: Cancelled, Unavailable.
    absl::StatusOr<std::shared_ptr<void>> enter(const std::stop_token& gone)
    {
        // Wakes the wait below; its lock orders the two.
        const std::stop_callback wake(gone, [this] { const absl::MutexLock lock(&mutex_); });
        const auto mayEnter = [this, &gone] {
            mutex_.AssertReaderHeld();
            return gone.stop_requested() || limit_ == 0 || atWork_ < limit_;
        };
        const absl::MutexLock lock(&mutex_);
        if (!mayEnter() && waiting_ >= waitingLimit_) {
            return base::unavailable("remote read: {} requests are at work and {} wait "
                                     "(--storage.remote.read-concurrent-limit): try again later",
                                     atWork_, waiting_);
        }
        ++waiting_;
        mutex_.Await(absl::Condition(&mayEnter));
        --waiting_;
        if (gone.stop_requested()) {
            return base::cancelled("remote read: the request was given up while it waited for one "
                                   "of {} places",
                                   limit_);
        }
        ++atWork_;
        return std::shared_ptr<void>(this, [self = shared_from_this()](void*) { self->leave(); });
    }
    [[nodiscard]] std::size_t atWork() const
    {
        const absl::MutexLock lock(&mutex_);
        return atWork_;
    }

private:
    void leave()
    {
        const absl::MutexLock lock(&mutex_);
        --atWork_;
    }

    const std::size_t limit_;
    const std::size_t waitingLimit_;
    mutable absl::Mutex mutex_;
    std::size_t atWork_ ABSL_GUARDED_BY(mutex_) = 0;
    std::size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

namespace {

constexpr std::size_t kSeriesABatch = 64;
/// A Snappy block says its length in 32 bits; who needs more than a quarter of that streams.
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 30U;

/// A label that every local series has for the outside is none inside.
model::Matchers localMatchers(const model::Matchers& matchers, const ExternalLabels& external)
{
    model::Matchers local;
    for (const model::Matcher& matcher : matchers) {
        const auto found = external.find(matcher.name());
        const bool isExternal = matcher.type() == model::MatchType::Equal &&
                                found != external.end() && found->second == matcher.value();
        local.push_back(isExternal ? model::Matcher::equal(matcher.name(), "") : matcher);
    }
    return local;
}

model::Labels withExternal(const model::Labels& labels, const ExternalLabels& external)
{
    if (external.empty()) {
        return labels;
    }
    std::vector<model::LabelView> all(labels.begin(), labels.end());
    for (const auto& [name, value] : external) {
        if (!labels.has(name)) {
            all.push_back({name, value});
        }
    }
    return model::Labels::fromPairs(std::move(all));
}

/// The series of one query, one at a time.
class QueryCursor
{
public:
    static absl::StatusOr<QueryCursor> open(const ReadQuery& query,
                                            const ReadSurroundings& surroundings)
    {
        QueryCursor cursor;
        NARTHEX_ASSIGN_OR_RETURN(cursor.querier_, surroundings.store.querier(query.from, query.to));
        const storage::SelectHints hints =
            query.hints.value_or(storage::SelectHints{.from = query.from, .to = query.to});
        NARTHEX_ASSIGN_OR_RETURN(
            cursor.set_, cursor.querier_->select(
                             hints, localMatchers(query.matchers, surroundings.externalLabels),
                             surroundings.gone));
        return cursor;
    }

    /// Null at the end.
    absl::StatusOr<std::shared_ptr<const storage::Series>> next()
    {
        if (at_ == batch_.size()) {
            batch_.clear();
            at_ = 0;
            NARTHEX_RETURN_IF_ERROR(set_->next(kSeriesABatch, batch_));
        }
        return at_ < batch_.size() ? std::move(batch_[at_++]) : nullptr;
    }

private:
    QueryCursor() = default;

    std::unique_ptr<storage::Querier> querier_;
    std::unique_ptr<storage::SeriesSet> set_;
    std::vector<std::shared_ptr<const storage::Series>> batch_;
    std::size_t at_ = 0;
};

absl::Status addQuery(const ReadQuery& query, const ReadSurroundings& surroundings,
                      std::uint64_t sampleLimit, ReadResponseWriter& writer,
                      const std::string& answer)
{
    NARTHEX_ASSIGN_OR_RETURN(QueryCursor cursor, QueryCursor::open(query, surroundings));
    const bool wantsSeries = query.hints && query.hints->function == "series";
    storage::SampleColumns columns;
    std::uint64_t samples = 0;
    while (true) {
        if (surroundings.gone.stop_requested()) {
            return base::cancelled("remote read: nobody waits for the answer any more");
        }
        NARTHEX_ASSIGN_OR_RETURN(const auto series, cursor.next());
        if (!series) {
            break;
        }
        columns.clear();
        if (!wantsSeries) {
            NARTHEX_RETURN_IF_ERROR(series->read(query.from, query.to, columns));
        }
        samples += columns.size();
        if (sampleLimit != 0 && samples > sampleLimit) {
            return base::invalidArgument("exceeded sample limit ({})", sampleLimit);
        }
        if (columns.size() > 0 || wantsSeries) {
            writer.addSeries(withExternal(series->labels(), surroundings.externalLabels), columns);
        }
        if (answer.size() + writer.pendingBytes() > kAnswerBytesMax) {
            return base::invalidArgument("the answer exceeds {} bytes: ask for a streamed one, or "
                                         "for less",
                                         kAnswerBytesMax);
        }
    }
    writer.endQuery();
    return absl::OkStatus();
}

absl::StatusOr<std::string> samplesOf(const ReadRequest& request,
                                      const ReadSurroundings& surroundings,
                                      std::uint64_t sampleLimit)
{
    std::string answer;
    ReadResponseWriter writer(answer);
    for (const ReadQuery& query : request.queries) {
        NARTHEX_RETURN_IF_ERROR(addQuery(query, surroundings, sampleLimit, writer, answer));
    }
    return compressBlock(answer);
}

/// Holds one series' samples at a time.
class ChunkStream final : public ReadStream
{
public:
    ChunkStream(ReadRequest request, const ReadSurroundings& surroundings, std::size_t frameBytes,
                std::shared_ptr<void> place)
        : place_(std::move(place)),
          request_(std::move(request)),
          externalLabels_(surroundings.externalLabels),
          store_(surroundings.store),
          gone_(surroundings.gone),
          frameBytes_(frameBytes)
    {}

    /// What can fail before the first byte is sent.
    absl::Status open() { return openQuery(); }

    absl::StatusOr<std::string> next() override
    {
        while (chunk_ == chunks_.size()) {
            if (gone_.stop_requested()) {
                return base::cancelled("remote read: nobody takes the frames any more");
            }
            if (!cursor_) {
                return std::string();
            }
            NARTHEX_RETURN_IF_ERROR(readSeries());
        }
        return nextFrame();
    }

private:
    absl::Status openQuery()
    {
        cursor_.reset();
        if (query_ == request_.queries.size()) {
            return absl::OkStatus();
        }
        const ReadSurroundings surroundings{store_, externalLabels_, gone_};
        NARTHEX_ASSIGN_OR_RETURN(QueryCursor cursor,
                                 QueryCursor::open(request_.queries[query_], surroundings));
        cursor_.emplace(std::move(cursor));
        return absl::OkStatus();
    }

    absl::Status readSeries()
    {
        NARTHEX_ASSIGN_OR_RETURN(const auto series, cursor_->next());
        if (!series) {
            ++query_;
            return openQuery();
        }
        const ReadQuery& query = request_.queries[query_];
        columns_.clear();
        NARTHEX_RETURN_IF_ERROR(series->read(query.from, query.to, columns_));
        labels_ = withExternal(series->labels(), externalLabels_);
        chunks_.clear();
        chunk_ = 0;
        encodeChunks(columns_, chunks_);
        return absl::OkStatus();
    }

    std::string nextFrame()
    {
        std::vector<ReadChunk> chunks;
        std::size_t bytes = labels_.bytes().size();
        do {
            const tsdb::ExportedChunk& chunk = chunks_[chunk_++];
            chunks.push_back({chunk.minTime, chunk.maxTime, chunk.encoding, chunk.bytes});
            bytes += chunk.bytes.size();
        } while (chunk_ < chunks_.size() && bytes < frameBytes_);
        return encodeReadFrame(labels_, chunks, static_cast<std::int64_t>(query_));
    }

    const std::shared_ptr<void> place_;
    const ReadRequest request_;
    const ExternalLabels externalLabels_;
    const storage::Queryable& store_;
    const std::stop_token gone_;
    const std::size_t frameBytes_;

    std::size_t query_ = 0;
    std::optional<QueryCursor> cursor_;
    // Of the series at hand.
    model::Labels labels_;
    storage::SampleColumns columns_;
    std::vector<tsdb::ExportedChunk> chunks_;
    std::size_t chunk_ = 0;
};

absl::StatusOr<ReadResponseType> responseType(const std::vector<ReadResponseType>& accepted)
{
    if (accepted.empty()) {
        return ReadResponseType::Samples;
    }
    for (const ReadResponseType type : accepted) {
        if (type == ReadResponseType::Samples || type == ReadResponseType::StreamedXorChunks) {
            return type;
        }
    }
    return base::invalidArgument("server does not support any of the requested response types: "
                                 "SAMPLES (0) and STREAMED_XOR_CHUNKS (1) are known");
}

} // namespace

ReadServer::ReadServer(const ReadServerOptions& options)
    : options_(options),
      gate_(std::make_shared<Gate>(options.concurrentLimit, options.waitingLimit))
{}

ReadServer::~ReadServer() = default;

absl::StatusOr<ReadServer::Answer> ReadServer::answer(std::string_view body,
                                                      const ReadSurroundings& surroundings)
{
    NARTHEX_ASSIGN_OR_RETURN(std::shared_ptr<void> place, gate_->enter(surroundings.gone));
    if (body.size() > options_.bodyLimitBytes) {
        return base::invalidArgument("the body of {} bytes exceeds the limit of {}", body.size(),
                                     options_.bodyLimitBytes);
    }
    std::string plain;
    NARTHEX_RETURN_IF_ERROR(uncompressBlock(body, options_.bodyLimitBytes, plain));
    NARTHEX_ASSIGN_OR_RETURN(ReadRequest request, decodeReadRequest(plain));
    NARTHEX_ASSIGN_OR_RETURN(const ReadResponseType type, responseType(request.accepted));
    if (type == ReadResponseType::Samples) {
        NARTHEX_ASSIGN_OR_RETURN(std::string answer,
                                 samplesOf(request, surroundings, options_.sampleLimit));
        return Answer(std::move(answer));
    }
    auto stream = std::make_unique<ChunkStream>(std::move(request), surroundings,
                                                options_.frameBytes, std::move(place));
    NARTHEX_RETURN_IF_ERROR(stream->open());
    return Answer(std::unique_ptr<ReadStream>(std::move(stream)));
}

void ReadServer::writeMetrics(exposition::TextWriter& out) const
{
    out.gauge("prometheus_remote_read_handler_queries",
              "Remote read requests that are being answered.",
              static_cast<double>(gate_->atWork()));
}

} // namespace narthex::remote
