// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The receiving end of remote write: takes a request as it came, stores what is in it, says what
// became of it. Owner: the API, which keeps it as long as the store. Threads: write() from any,
// many at once. Units: bytes, milliseconds. Source: spec/remote.md, 3.
#pragma once

#include "core/remote/receiver/write_run.h"

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::exposition {
class TextWriter;
}

namespace narthex::remote::receiver {

enum class WriteMessage : std::uint8_t
{
    V1,
    V2
};

/// "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
std::string_view writeMessageText(WriteMessage message);
/// Of a flag's list. Errors: InvalidArgument with the names that are known.
absl::StatusOr<WriteMessage> parseWriteMessage(std::string_view text);

/// The message that a Content-Type names; none named is version 1. Errors: InvalidArgument.
absl::StatusOr<WriteMessage> writeMessageOf(std::string_view contentType);

class WriteReceiver
{
public:
    explicit WriteReceiver(const WriteOptions& options);

    /// `body` is compressed. Errors: InvalidArgument (the sender should not come again with it);
    /// everything else it may try again.
    WriteResult write(WriteMessage message, std::string_view body, storage::Appendable& store,
                      base::Timestamp now);
    void writeMetrics(exposition::TextWriter& out) const;
    [[nodiscard]] const WriteOptions& options() const { return options_; }

private:
    std::string takeBuffer();
    void giveBuffer(std::string buffer);

    const WriteOptions options_;
    RefCache cache_;
    std::atomic<std::uint64_t> invalidLabels_{0};

    absl::Mutex mutex_;
    std::vector<std::string> buffers_ ABSL_GUARDED_BY(mutex_);
};

} // namespace narthex::remote::receiver
