// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Any bytes as a block's index: opening it and reading every label, list and series ends and stays
// inside. Checksums are put right first, or no fuzzer would come far.
#include "core/base/codec.h"
#include "core/base/hash.h"
#include "core/base/status.h"
#include "core/tsdb/index_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace narthex;

namespace {

void putChecksum(std::string& bytes, std::size_t from, std::size_t length)
{
    std::string field;
    base::appendBigEndian(field, base::crc32c(std::string_view(bytes).substr(from, length)));
    bytes.replace(from + length, 4, field);
}

/// | u32 length | body | checksum |
void mendSection(std::string& bytes, std::uint64_t at)
{
    if (at < bytes.size() && bytes.size() - at >= 8) {
        const auto length = base::loadBigEndian<std::uint32_t>(bytes.data() + at);
        if (bytes.size() - at - 8 >= length) {
            putChecksum(bytes, at + 4, length);
        }
    }
}

void mendSeries(std::string& bytes, std::uint64_t at)
{
    base::ByteReader reader(
        std::string_view(bytes).substr(std::min<std::uint64_t>(at, bytes.size())));
    const std::string_view body = reader.uvarintString();
    if (reader.ok() && reader.remaining() >= 4) {
        putChecksum(bytes, static_cast<std::size_t>(body.data() - bytes.data()), body.size());
    }
}

constexpr std::size_t kContentsBytes = 52;

void mend(std::string& bytes)
{
    if (bytes.size() < kContentsBytes) {
        return;
    }
    const std::size_t contents = bytes.size() - kContentsBytes;
    for (std::size_t at = 0; at < contents; at += 16) {
        mendSeries(bytes, at);
    }
    for (std::size_t at = 0; at < contents; at += 4) {
        // Lists are small; a section that covers others is mended below.
        if (base::loadBigEndian<std::uint32_t>(bytes.data() + at) < 64) {
            mendSection(bytes, at);
        }
    }
    mendSection(bytes, base::loadBigEndian<std::uint64_t>(bytes.data() + contents));
    mendSection(bytes, base::loadBigEndian<std::uint64_t>(bytes.data() + contents + 40));
    putChecksum(bytes, contents, kContentsBytes - 4);
}

void readAll(const tsdb::IndexReader& reader)
{
    tsdb::Postings scratch;
    tsdb::Postings more;
    model::Labels labels;
    std::vector<tsdb::SymbolPair> pairs;
    std::vector<tsdb::ChunkMeta> chunks;
    if (const auto all = reader.all(scratch); all.ok()) {
        for (const tsdb::PostingsRef ref : *all) {
            if (reader.series(ref, labels, chunks).ok() && labels.toString().empty()) {
                std::abort();
            }
            if (reader.series(ref, pairs, chunks).ok()) {
                for (const tsdb::SymbolPair& pair : pairs) {
                    if (!reader.symbol(pair.name).ok() || pair.value >= reader.symbolCount()) {
                        std::abort();
                    }
                }
            }
        }
    }
    for (const std::string& name : reader.labelNames()) {
        std::size_t left = 10'000;
        base::ignore(reader.eachValue(name, "",
                                      [&](std::string_view value) {
                                          const auto list = reader.withLabel(name, value, more);
                                          const auto count = reader.countWithLabel(name, value);
                                          static_cast<void>(list.ok());
                                          static_cast<void>(count.ok());
                                          return --left > 0;
                                      }),
                     "any answer will do");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const int file = ::memfd_create("index", MFD_CLOEXEC);
    static const std::string path = "/proc/self/fd/" + std::to_string(file);
    std::string bytes(reinterpret_cast<const char*>(data), size);
    for (int pass = 0; pass < 2; ++pass) {
        if (::ftruncate(file, 0) != 0 ||
            ::pwrite(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
            std::abort();
        }
        if (const auto reader = tsdb::IndexReader::open(path); reader.ok()) {
            readAll(*reader);
        }
        mend(bytes);
    }
    return 0;
}
