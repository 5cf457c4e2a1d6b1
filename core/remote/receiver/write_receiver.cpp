// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/remote/receiver/write_receiver.h"

#include "core/base/status.h"
#include "core/base/text.h"
#include "core/exposition/text_writer.h"
#include "core/remote/snappy_block.h"

#include <functional>
#include <utility>

namespace narthex::remote::receiver {
namespace {

/// One for each of a few senders at once; those of rare large requests are given back.
constexpr std::size_t kBuffersKept = 8;
constexpr std::size_t kBufferBytesKept = std::size_t{8} << 20U;

/// Gives its buffer back when it ends.
class Borrowed
{
public:
    Borrowed(std::string buffer, std::function<void(std::string)> give)
        : buffer_(std::move(buffer)), give_(std::move(give))
    {}
    ~Borrowed() { give_(std::move(buffer_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    std::string& operator*() { return buffer_; }

private:
    std::string buffer_;
    const std::function<void(std::string)> give_;
};

} // namespace

std::string_view writeMessageText(WriteMessage message)
{
    return message == WriteMessage::V1 ? "prometheus.WriteRequest"
                                       : "io.prometheus.write.v2.Request";
}

absl::StatusOr<WriteMessage> parseWriteMessage(std::string_view text)
{
    for (const WriteMessage message : {WriteMessage::V1, WriteMessage::V2}) {
        if (writeMessageText(message) == text) {
            return message;
        }
    }
    return base::invalidArgument("unknown type for remote write protobuf message {}, supported: "
                                 "{}, {}",
                                 text, writeMessageText(WriteMessage::V1),
                                 writeMessageText(WriteMessage::V2));
}

absl::StatusOr<WriteMessage> writeMessageOf(std::string_view contentType)
{
    constexpr std::string_view kProtobuf = "application/x-protobuf";
    std::string_view rest = base::trimmed(contentType);
    if (rest.empty()) {
        return WriteMessage::V1;
    }
    if (base::takePart(rest, ';') != kProtobuf) {
        return base::invalidArgument("expected content type {}, got {}", kProtobuf, contentType);
    }
    while (!rest.empty()) {
        std::string_view value = base::takePart(rest, ';');
        const bool hasValue = value.find('=') != std::string_view::npos;
        const std::string_view name = base::takePart(value, '=');
        if (!hasValue) {
            return base::invalidArgument("expected parameters with values, got {} in content type "
                                         "{}",
                                         name, contentType);
        }
        if (name == "proto") {
            return parseWriteMessage(base::trimmed(value));
        }
    }
    return WriteMessage::V1;
}

WriteReceiver::WriteReceiver(const WriteOptions& options)
    : options_(options), cache_(options.cachedSeries)
{}

WriteResult WriteReceiver::write(WriteMessage message, std::string_view body,
                                 storage::Appendable& store, base::Timestamp now)
{
    Borrowed plain(takeBuffer(), [this](std::string buffer) { giveBuffer(std::move(buffer)); });
    if (absl::Status status = uncompressBlock(body, options_.bodyLimitBytes, *plain);
        !status.ok()) {
        return {.status = std::move(status)};
    }
    const WriteRun::Surroundings surroundings{options_, cache_, store, now};
    WriteResult result =
        message == WriteMessage::V1 ? writeV1(surroundings, *plain) : writeV2(surroundings, *plain);
    invalidLabels_.fetch_add(result.invalidLabels, std::memory_order_relaxed); // a counter
    return result;
}

std::string WriteReceiver::takeBuffer()
{
    const absl::MutexLock lock(&mutex_);
    if (buffers_.empty()) {
        return {};
    }
    std::string buffer = std::move(buffers_.back());
    buffers_.pop_back();
    return buffer;
}

void WriteReceiver::giveBuffer(std::string buffer)
{
    if (buffer.capacity() > kBufferBytesKept) {
        return;
    }
    const absl::MutexLock lock(&mutex_);
    if (buffers_.size() < kBuffersKept) {
        buffers_.push_back(std::move(buffer));
    }
}

void WriteReceiver::writeMetrics(exposition::TextWriter& out) const
{
    out.counter("prometheus_api_remote_write_invalid_labels_samples_total",
                "Samples received by remote write that were left out because of the labels of "
                "their series.",
                static_cast<double>(invalidLabels_.load(std::memory_order_relaxed)));
    // Keeping metadata does not fail here.
    out.counter("prometheus_api_remote_write_without_metadata_appended_samples_total",
                "Samples received by remote write that were stored without their metadata.", 0);
}

} // namespace narthex::remote::receiver
