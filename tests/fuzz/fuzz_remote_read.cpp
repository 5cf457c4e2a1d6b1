// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a read request, an answer of samples, a streamed one and the message of a frame; the
// first byte chooses.
#include "core/base/status.h"
#include "core/remote/read_messages.h"

#include <cstdint>
#include <string_view>

namespace {

using namespace narthex;

void readFrame(std::string_view message)
{
    const auto frame = remote::decodeReadFrame(message);
    if (!frame.ok()) {
        return;
    }
    for (const remote::ChunkedSeries& series : frame->series) {
        storage::SampleColumns samples;
        for (const remote::ReadChunk& chunk : series.chunks) {
            base::ignore(remote::appendChunk(chunk, {0}, {INT64_MAX}, samples),
                         "it must not crash");
        }
    }
}

void readStream(std::string_view bytes)
{
    remote::FrameReader reader(1U << 20U);
    reader.feed(bytes.substr(0, bytes.size() / 2));
    for (auto message = reader.next(); message.ok() && *message; message = reader.next()) {
        readFrame(**message);
    }
    reader.feed(bytes.substr(bytes.size() / 2));
    for (auto message = reader.next(); message.ok() && *message; message = reader.next()) {
        readFrame(**message);
    }
    base::ignore(reader.finish(), "it must not crash");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 4) {
    case 0:
        if (const auto request = remote::decodeReadRequest(bytes); request.ok()) {
            // What was read is written so that it reads the same.
            const std::string written = remote::encodeReadRequest(*request);
            const auto again = remote::decodeReadRequest(written);
            NARTHEX_CHECK(again.ok() && remote::encodeReadRequest(*again) == written);
        }
        break;
    case 1:
        base::ignore(remote::decodeReadResponse(bytes).status(), "it must not crash");
        break;
    case 2:
        readStream(bytes);
        break;
    default:
        readFrame(bytes);
    }
    return 0;
}
