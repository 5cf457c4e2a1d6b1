// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tsdb/head_querier.h"

#include "core/base/codec.h"
#include "core/base/status.h"
#include "core/base/string_map.h"
#include "core/tsdb/label_index.h"
#include "core/tsdb/postings.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

class HeadSeries final : public storage::Series
{
public:
    HeadSeries(const Head& head, const ReadView& view, HeadRef ref, model::Labels labels)
        : head_(&head), view_(&view), ref_(ref), labels_(std::move(labels))
    {}
    [[nodiscard]] const model::Labels& labels() const override { return labels_; }
    absl::Status read(base::Timestamp from, base::Timestamp to,
                      storage::SampleColumns& out) const override
    {
        return head_->read(ref_, *view_, from.ms, to.ms, out);
    }

private:
    // The querier's: it outlives its series.
    const Head* head_;
    const ReadView* view_;
    HeadRef ref_;
    model::Labels labels_;
};

} // namespace

absl::StatusOr<std::unique_ptr<storage::SeriesSet>>
HeadQuerier::select(const storage::SelectHints& /*hints*/, const model::Matchers& matchers,
                    std::stop_token stop) const
{
    Postings refs;
    {
        const LabelIndex::ReadLock source(head_->labelIndex());
        NARTHEX_ASSIGN_OR_RETURN(refs, postingsForMatchers(source, matchers, stop));
    }
    std::vector<HeadSeries> series;
    series.reserve(refs.size());
    for (const HeadRef ref : refs) {
        if (auto labels = head_->labelsIfIn(ref, reader_.view(), fromMs_, toMs_)) {
            series.emplace_back(*head_, reader_.view(), ref, *std::move(labels));
        }
    }
    if (stop.stop_requested()) {
        return base::cancelled("select was cancelled");
    }
    std::sort(series.begin(), series.end(),
              [](const HeadSeries& a, const HeadSeries& b) { return a.labels() < b.labels(); });
    return std::make_unique<ReadySeriesSet<HeadSeries>>(std::move(series));
}

absl::StatusOr<std::vector<std::string>> HeadQuerier::labelValues(std::string_view name,
                                                                  const model::Matchers& matchers,
                                                                  std::size_t limit) const
{
    const LabelIndex::ReadLock source(head_->labelIndex());
    return labelValuesFor(source, name, matchers, limit);
}

absl::StatusOr<std::vector<std::string>> HeadQuerier::labelNames(const model::Matchers& matchers,
                                                                 std::size_t limit) const
{
    const LabelIndex::ReadLock source(head_->labelIndex());
    std::vector<std::string> names;
    if (matchers.empty()) {
        names = source.names();
    } else {
        NARTHEX_ASSIGN_OR_RETURN(const Postings refs, postingsForMatchers(source, matchers, {}));
        base::StringSet found;
        for (const HeadRef ref : refs) {
            base::ByteReader reader(head_->table().labels(ref));
            while (reader.remaining() > 0) {
                const std::string_view name = reader.uvarintString();
                reader.uvarintString();
                if (!found.contains(name)) {
                    found.emplace(name);
                }
            }
        }
        names.assign(found.begin(), found.end());
        std::sort(names.begin(), names.end());
    }
    if (limit != 0 && names.size() > limit) {
        names.resize(limit);
    }
    return names;
}

} // namespace narthex::tsdb
