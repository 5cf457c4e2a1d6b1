// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/content_encoding.h"

#include "core/base/number.h"
#include "core/base/status.h"


#include <algorithm>
#include <libdeflate.h>
#include <memory>
#include <utility>

#define ZLIB_CONST // it reads from constant bytes
#include <zlib.h>

namespace narthex::net {
namespace {

/// Answers go over loopback or a LAN: speed before size.
constexpr int kFast = 1;

std::string_view trimmed(std::string_view text)
{
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// Cuts the next part off at `separator`.
std::string_view nextPart(std::string_view& rest, char separator)
{
    const std::string_view part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return trimmed(part);
}

struct Compressor
{
    libdeflate_compressor* handle = libdeflate_alloc_compressor(kFast);
    Compressor() = default;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ~Compressor() { libdeflate_free_compressor(handle); }
};

std::string compressWhole(std::string_view bytes, ContentCoding coding)
{
    // One a thread: it is 100 KB, and answers are mostly small.
    thread_local const Compressor compressor;
    const bool gzip = coding == ContentCoding::Gzip;
    std::string out;
    out.resize(gzip ? libdeflate_gzip_compress_bound(compressor.handle, bytes.size())
                    : libdeflate_zlib_compress_bound(compressor.handle, bytes.size()));
    const auto function = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
    out.resize(function(compressor.handle, bytes.data(), bytes.size(), out.data(), out.size()));
    return out;
}

/// A stream that compresses the pieces of another one.
class CompressedStream : public std::enable_shared_from_this<CompressedStream>
{
public:
    CompressedStream(BodyStream source, std::string begin, ContentCoding coding)
        : source_(std::move(source)), begin_(std::move(begin))
    {
        constexpr int kGzipFrame = 16;
        constexpr int kMemoryLevel = 8;
        ready_ = deflateInit2(&state_, kFast, Z_DEFLATED,
                              MAX_WBITS + (coding == ContentCoding::Gzip ? kGzipFrame : 0),
                              kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
    }
    CompressedStream(const CompressedStream&) = delete;
    CompressedStream& operator=(const CompressedStream&) = delete;
    ~CompressedStream()
    {
        if (ready_) {
            deflateEnd(&state_);
        }
    }

    void ask(BodyPiece take)
    {
        if (!ready_) {
            take(base::internalError("zlib does not start"));
        } else if (finished_) {
            take(std::string());
        } else if (!begin_.empty()) {
            std::string out;
            deflatePiece(std::exchange(begin_, {}), Z_SYNC_FLUSH, out);
            take(std::move(out));
        } else {
            source_([self = shared_from_this(),
                     take = std::move(take)](absl::StatusOr<std::string> piece) mutable {
                self->pass(std::move(piece), std::move(take));
            });
        }
    }

private:
    void pass(absl::StatusOr<std::string> piece, BodyPiece take)
    {
        if (!piece.ok()) {
            take(piece.status());
            return;
        }
        finished_ = piece->empty();
        std::string out;
        // Each piece can be read when it is there: it may be an event that somebody waits for.
        deflatePiece(*piece, finished_ ? Z_FINISH : Z_SYNC_FLUSH, out);
        take(std::move(out));
    }

    void deflatePiece(const std::string& bytes, int flush, std::string& out)
    {
        state_.next_in = reinterpret_cast<const Bytef*>(bytes.data());
        state_.avail_in = static_cast<uInt>(bytes.size());
        std::size_t size = 0;
        do {
            constexpr std::size_t kStep = 32U << 10U;
            out.resize(size + kStep);
            state_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
            state_.avail_out = kStep;
            deflate(&state_, flush);
            size += kStep - state_.avail_out;
        } while (state_.avail_out == 0);
        out.resize(size);
    }

    const BodyStream source_;
    std::string begin_;
    z_stream state_{};
    bool ready_ = false;
    bool finished_ = false;
};

} // namespace

ContentCoding codingForApi(std::string_view acceptEncoding)
{
    while (!acceptEncoding.empty()) {
        const std::string_view token = nextPart(acceptEncoding, ',');
        if (token == "gzip") {
            return ContentCoding::Gzip;
        }
        if (token == "deflate") {
            return ContentCoding::Deflate;
        }
    }
    return ContentCoding::Identity;
}

bool takesGzip(std::string_view acceptEncoding)
{
    while (!acceptEncoding.empty()) {
        std::string_view item = nextPart(acceptEncoding, ',');
        const std::string_view name = nextPart(item, ';');
        if (name != "gzip" && name != "*") {
            continue;
        }
        const std::string_view weight = trimmed(item);
        return !weight.starts_with("q=") || base::parseFloat(weight.substr(2)).value_or(0) > 0;
    }
    return false;
}

std::string_view codingName(ContentCoding coding)
{
    switch (coding) {
    case ContentCoding::Identity:
        return "";
    case ContentCoding::Gzip:
        return "gzip";
    case ContentCoding::Deflate:
        return "deflate";
    }
    return "";
}

void compress(ServerResponse& response, ContentCoding coding)
{
    if (coding == ContentCoding::Identity || (response.body.empty() && !response.stream)) {
        return;
    }
    for (const auto& [name, value] : response.headers) {
        if (sameHeaderName(name, "Content-Encoding")) {
            return;
        }
    }
    response.headers.emplace_back("Content-Encoding", codingName(coding));
    if (response.stream) {
        auto stream = std::make_shared<CompressedStream>(std::move(response.stream),
                                                         std::exchange(response.body, {}), coding);
        response.stream = [stream](BodyPiece take) { stream->ask(std::move(take)); };
        return;
    }
    response.body = compressWhole(response.body, coding);
}

} // namespace narthex::net
