// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/matrix_stream.h"

#include "core/api/context.h"
#include "core/base/sample_text.h"

#include <absl/synchronization/mutex.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace narthex::api {
namespace {

/// A piece; half a core's second-level cache, and four of the socket's buffers.
constexpr std::size_t kPieceBytes = 256U << 10U;
/// About what a point takes: "[1435781451.780,"0.123456789"],".
constexpr std::size_t kPointBytes = 32;
/// A point is written whole, so a piece may end this much later.
constexpr std::size_t kSlackBytes = 4096;

/// Writes the matrix, stopping between two points when a piece is full.
class MatrixWriter
{
public:
    MatrixWriter(promql::Matrix matrix, std::string tail)
        : matrix_(std::move(matrix)), tail_(std::move(tail))
    {}

    /// Empty: that was all.
    std::string next()
    {
        std::string piece;
        if (finished_) {
            return piece;
        }
        piece.reserve(kPieceBytes + kSlackBytes);
        while (series_ < matrix_.size()) {
            if (piece.size() >= kPieceBytes) {
                return piece;
            }
            writeSome(piece, matrix_[series_]);
        }
        piece += tail_;
        finished_ = true;
        return piece;
    }

private:
    void writeSome(std::string& piece, promql::MatrixSeries& series)
    {
        // Histograms are rare and large; a series with them is one step.
        if (!series.histograms.empty() || series.points.empty()) {
            separate(piece);
            base::JsonWriter json(piece);
            writeSeries(json, series);
            endSeries(series);
            return;
        }
        if (point_ == 0) {
            separate(piece);
            base::JsonWriter json(piece);
            json.beginObject().key("metric");
            writeLabels(json, series.labels);
            json.key("values").beginArray();
        }
        const std::size_t room = kPieceBytes - std::min(kPieceBytes, piece.size());
        const std::size_t count = std::min(series.points.size() - point_, room / kPointBytes + 1);
        if (point_ > 0) {
            piece += ',';
        }
        base::JsonWriter json(piece);
        for (const promql::Point& point : std::span(series.points).subspan(point_, count)) {
            json.raw(base::SampleText(point.time, point.value).view());
        }
        point_ += count;
        if (point_ == series.points.size()) {
            piece += "]}";
            endSeries(series);
        }
    }

    void separate(std::string& piece) const
    {
        if (series_ > 0) {
            piece += ',';
        }
    }

    void endSeries(promql::MatrixSeries& series)
    {
        series = {}; // its memory is free before the answer is sent
        ++series_;
        point_ = 0;
    }

    promql::Matrix matrix_;
    const std::string tail_;
    std::size_t series_ = 0;
    std::size_t point_ = 0;
    bool finished_ = false;
};

/// Keeps one piece ready. The writer is used by one task of the pool at a time.
class Stream : public std::enable_shared_from_this<Stream>
{
public:
    Stream(MatrixWriter writer, base::WorkerPool& pool) : pool_(pool), writer_(std::move(writer)) {}

    void begin() { submit(); }

    void ask(net::BodyPiece take)
    {
        std::string piece;
        {
            const absl::MutexLock lock(&mutex_);
            if (!ready_) {
                waiting_ = std::move(take);
                return;
            }
            piece = *std::exchange(ready_, std::nullopt);
        }
        submit();
        take(std::move(piece));
    }

private:
    void submit()
    {
        pool_.submit([self = shared_from_this()] { self->prepare(); });
    }

    void prepare()
    {
        std::string piece = writer_.next();
        net::BodyPiece take;
        {
            const absl::MutexLock lock(&mutex_);
            if (!waiting_) {
                ready_ = std::move(piece);
                return;
            }
            take = std::exchange(waiting_, nullptr);
        }
        submit();
        take(std::move(piece));
    }

    base::WorkerPool& pool_;
    MatrixWriter writer_; // of the one task
    absl::Mutex mutex_;
    std::optional<std::string> ready_ ABSL_GUARDED_BY(mutex_);
    net::BodyPiece waiting_ ABSL_GUARDED_BY(mutex_);
};

} // namespace

bool isLarge(const promql::Matrix& matrix)
{
    std::size_t points = 0;
    for (const promql::MatrixSeries& series : matrix) {
        points += series.points.size() + 8 * series.histograms.size();
    }
    return points * kPointBytes > 4 * kPieceBytes;
}

net::BodyStream matrixStream(promql::Matrix matrix, std::string tail, base::WorkerPool& pool)
{
    auto stream = std::make_shared<Stream>(MatrixWriter(std::move(matrix), std::move(tail)), pool);
    stream->begin();
    return [stream](net::BodyPiece take) { stream->ask(std::move(take)); };
}

} // namespace narthex::api
