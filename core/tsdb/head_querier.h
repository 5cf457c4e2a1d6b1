// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Queries over the head: sees the commits that were finished when it was made.
// Owner: the caller; it keeps the head. Threads: const members from any. Units: milliseconds,
// closed range.
#pragma once

#include "core/storage/storage.h"
#include "core/tsdb/head.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

class HeadQuerier final : public storage::Querier
{
public:
    HeadQuerier(std::shared_ptr<Head> head, std::int64_t fromMs, std::int64_t toMs)
        : head_(std::move(head)), reader_(head_->isolation(), fromMs), fromMs_(fromMs), toMs_(toMs)
    {}

    absl::StatusOr<std::unique_ptr<storage::SeriesSet>> select(const storage::SelectHints& hints,
                                                               const model::Matchers& matchers,
                                                               std::stop_token stop) const override;
    absl::StatusOr<std::vector<std::string>> labelValues(std::string_view name,
                                                         const model::Matchers& matchers,
                                                         std::size_t limit) const override;
    absl::StatusOr<std::vector<std::string>> labelNames(const model::Matchers& matchers,
                                                        std::size_t limit) const override;

private:
    const std::shared_ptr<Head> head_;
    const Isolation::Reader reader_;
    const std::int64_t fromMs_;
    const std::int64_t toMs_;
};

/// A set over series that are all there already, in order. `Item` is a storage::Series.
template <typename Item>
class ReadySeriesSet final : public storage::SeriesSet
{
public:
    explicit ReadySeriesSet(std::vector<Item> items)
        : items_(std::make_shared<const std::vector<Item>>(std::move(items)))
    {}
    absl::Status next(std::size_t limit,
                      std::vector<std::shared_ptr<const storage::Series>>& out) override
    {
        // One shared block for all: a series' pointer costs no allocation.
        for (; limit > 0 && at_ < items_->size(); --limit) {
            out.push_back(std::shared_ptr<const storage::Series>(items_, &(*items_)[at_++]));
        }
        return absl::OkStatus();
    }

private:
    std::shared_ptr<const std::vector<Item>> items_;
    std::size_t at_ = 0;
};

} // namespace narthex::tsdb
