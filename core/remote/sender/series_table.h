// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The series of the log as one queue sends them: external labels and relabelling are done once for
// each. Owner: WriteQueue. Threads: the watcher's only; a series that batches hold stays readable
// from any thread until the last keepAlive() handed out before its removal is gone.
// Source: spec/remote.md, 2.3.
#pragma once

#include "core/relabel/relabel.h"
#include "core/remote/sender/payload.h"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace narthex::remote {

class SeriesTable
{
public:
    SeriesTable(model::Labels externalLabels, std::vector<relabel::Rule> rules,
                relabel::NameScheme scheme, WriteVersion version);
    ~SeriesTable();
    SeriesTable(const SeriesTable&) = delete;
    SeriesTable& operator=(const SeriesTable&) = delete;

    /// A series as the log names it. `packedLabels` as model::Labels::bytes().
    void store(std::uint64_t ref, std::string_view packedLabels, std::uint32_t segment);
    /// Null: unknown.
    [[nodiscard]] const SentSeries* find(std::uint64_t ref) const
    {
        const auto found = series_.find(ref);
        return found == series_.end() ? nullptr : found->second.get();
    }
    void setMetadata(std::uint64_t ref, const model::Metadata& metadata);
    /// Forgets the series that no segment from `segment` on names.
    void forgetBefore(std::uint32_t segment);
    /// Keeps all that find() gives now.
    [[nodiscard]] std::shared_ptr<const void> keepAlive() const { return bin_; }
    [[nodiscard]] std::size_t size() const { return series_.size(); }

private:
    /// What was removed, kept by those who still read it: each bin keeps the one behind it, so
    /// whoever holds one holds everything that was removed later.
    struct Bin
    {
        std::vector<std::unique_ptr<const SentSeries>> series;
        std::vector<std::unique_ptr<const model::Metadata>> metadata;
        std::shared_ptr<Bin> next;

        Bin() = default;
        /// One after the other: there may be very many.
        ~Bin();
        Bin(const Bin&) = delete;
        Bin& operator=(const Bin&) = delete;
    };
    void startNextBin();
    void release(const model::Metadata* metadata);

    const model::Labels externalLabels_;
    const std::vector<relabel::Rule> rules_;
    const relabel::NameScheme scheme_;
    const WriteVersion version_;
    absl::flat_hash_map<std::uint64_t, std::unique_ptr<SentSeries>> series_;
    /// Text of a family is shared by its series.
    struct Interned
    {
        std::unique_ptr<const model::Metadata> metadata;
        std::uint64_t uses = 0;
    };
    std::map<model::Metadata, Interned> metadata_;
    std::shared_ptr<Bin> bin_ = std::make_shared<Bin>();
};

} // namespace narthex::remote
