// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/line_stream.h"

#include "core/base/status.h"

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

namespace narthex::discovery {
namespace {

constexpr std::size_t kLimitBytes = 64ULL << 20U;

} // namespace

/// What the loop's thread fills; it may come after the reader is gone.
struct LineStream::Shared
{
    absl::Mutex mutex;
    absl::CondVar changed;
    std::string arrived ABSL_GUARDED_BY(mutex);
    bool tooMuch ABSL_GUARDED_BY(mutex) = false;
    std::optional<absl::StatusOr<net::HttpResponse>> result ABSL_GUARDED_BY(mutex);
};

LineStream::LineStream(net::HttpClient& http, net::HttpRequest request,
                       std::shared_ptr<const net::HttpClientConfig> config)
    : http_(http), shared_(std::make_shared<Shared>())
{
    request.onData = [shared = shared_](std::string_view bytes) {
        const absl::MutexLock lock(&shared->mutex);
        if (shared->arrived.size() + bytes.size() > kLimitBytes) {
            shared->tooMuch = true;
        } else {
            shared->arrived += bytes;
        }
        shared->changed.SignalAll();
    };
    id_ = http_.send(std::move(request), std::move(config),
                     [shared = shared_](absl::StatusOr<net::HttpResponse> response) {
                         const absl::MutexLock lock(&shared->mutex);
                         shared->result = std::move(response);
                         shared->changed.SignalAll();
                     });
}

LineStream::~LineStream() { http_.cancel(id_); }

absl::StatusOr<std::optional<std::string>> LineStream::next(const std::stop_token& stop)
{
    const std::stop_callback onStop(stop, [this] { http_.cancel(id_); });
    while (true) {
        if (auto line = takeLine()) {
            return line;
        }
        const absl::MutexLock lock(&shared_->mutex);
        while (shared_->arrived.empty() && !shared_->tooMuch && !shared_->result) {
            shared_->changed.Wait(&shared_->mutex);
        }
        if (shared_->tooMuch || pending_.size() > kLimitBytes) {
            return base::resourceExhausted("more than {} bytes of the answer wait to be read",
                                           kLimitBytes);
        }
        if (!shared_->arrived.empty()) {
            pending_ += shared_->arrived;
            shared_->arrived.clear();
        } else if (!shared_->result->ok()) {
            return shared_->result->status();
        } else {
            response_ = **shared_->result;
            return std::optional<std::string>();
        }
    }
}

std::optional<std::string> LineStream::takeLine()
{
    const std::size_t end = pending_.find('\n', scanned_);
    if (end == std::string::npos) {
        scanned_ = pending_.size();
        return std::nullopt;
    }
    std::string line = pending_.substr(0, end);
    pending_.erase(0, end + 1);
    scanned_ = 0;
    return line;
}

} // namespace narthex::discovery
