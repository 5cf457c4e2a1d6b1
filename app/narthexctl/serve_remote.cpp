// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "serve_remote.h"

#include "core/base/status.h"

namespace narthex::ctl {

void addRemoteFlags(CLI::App& serve, RemoteFlags& flags)
{
    serve.add_flag("--web.enable-remote-write-receiver", flags.writeReceiver,
                   "Take samples by remote write at /api/v1/write");
    serve
        .add_option("--web.remote-write-receiver.accepted-protobuf-messages",
                    flags.acceptedMessages,
                    "Messages that it takes: prometheus.WriteRequest (version 1, which it takes if "
                    "nothing says otherwise), io.prometheus.write.v2.Request (version 2)")
        ->delimiter(',');
    serve.add_flag("--web.enable-otlp-receiver", flags.otlpReceiver,
                   "Take metrics of OpenTelemetry at /api/v1/otlp/v1/metrics");
    serve
        .add_option("--storage.remote.flush-deadline", flags.flushDeadline,
                    "How long a remote write queue that ends may go on sending")
        ->capture_default_str();
    serve
        .add_option("--storage.remote.read-sample-limit", flags.readSampleLimit,
                    "Samples in the answer to one remote read query that is not streamed; 0: no "
                    "limit")
        ->capture_default_str();
    serve
        .add_option("--storage.remote.read-concurrent-limit", flags.readConcurrentLimit,
                    "Remote read requests at once; 0: no limit")
        ->capture_default_str();
    serve
        .add_option("--storage.remote.read-max-bytes-in-frame", flags.readFrameBytes,
                    "Size of a frame of a streamed remote read answer")
        ->capture_default_str();
}

absl::StatusOr<api::IngestOptions> ingestOptions(const RemoteFlags& flags)
{
    api::IngestOptions options{.enableRemoteWriteReceiver = flags.writeReceiver,
                               .enableOtlpReceiver = flags.otlpReceiver,
                               .read = {.sampleLimit = flags.readSampleLimit,
                                        .concurrentLimit = flags.readConcurrentLimit,
                                        .frameBytes = flags.readFrameBytes}};
    if (!flags.acceptedMessages.empty()) {
        options.acceptedMessages.clear();
    }
    for (const std::string& name : flags.acceptedMessages) {
        const auto message = remote::receiver::parseWriteMessage(name);
        if (!message.ok()) {
            return base::annotate(message.status(),
                                  "--web.remote-write-receiver.accepted-protobuf-messages");
        }
        options.acceptedMessages.push_back(*message);
    }
    return options;
}

bool enableIngestFeature(api::IngestOptions& options, std::string_view name)
{
    if (name == "otlp-native-delta-ingestion") {
        options.delta.storeAsTheyAre = true;
    } else if (name == "otlp-deltatocumulative") {
        options.delta.toCumulative = true;
    } else {
        return false;
    }
    return true;
}

absl::Status checkFeatures(const api::IngestOptions& options)
{
    return options.delta.storeAsTheyAre && options.delta.toCumulative
               ? base::invalidArgument("--enable-feature: otlp-native-delta-ingestion and "
                                       "otlp-deltatocumulative exclude each other, name one")
               : absl::OkStatus();
}

} // namespace narthex::ctl
