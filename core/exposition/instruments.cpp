// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/exposition/instruments.h"

#include "core/base/number.h"
#include "core/exposition/text_writer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace narthex::exposition {
namespace {

using model::MetricType;

double number(std::uint64_t value) { return static_cast<double>(value); }

} // namespace

FixedHistogram::FixedHistogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1)
{}

std::vector<double> FixedHistogram::exponential(double first, double factor, std::size_t count)
{
    std::vector<double> bounds;
    for (; bounds.size() < count; first *= factor) {
        bounds.push_back(first);
    }
    return bounds;
}

void FixedHistogram::observe(double value)
{
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    // Relaxed: nobody orders anything by these.
    counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    double sum = sum_.load(std::memory_order_relaxed);
    while (!sum_.compare_exchange_weak(sum, sum + value, std::memory_order_relaxed)) {
    }
}

std::uint64_t FixedHistogram::count() const
{
    std::uint64_t count = 0;
    for (const auto& bucket : counts_) {
        count += bucket.load(std::memory_order_relaxed);
    }
    return count;
}

void FixedHistogram::write(TextWriter& out, std::string_view name, std::string_view help) const
{
    out.family(name, MetricType::Histogram, help);
    writeSamples(out, name, {});
}

void FixedHistogram::writeSamples(TextWriter& out, std::string_view name,
                                  std::initializer_list<model::LabelView> labels) const
{
    writeSamples(out, name, std::vector<model::LabelView>(labels));
}

void FixedHistogram::writeSamples(TextWriter& out, std::string_view name,
                                  const std::vector<model::LabelView>& labels) const
{
    const std::string base(name);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        below += counts_[i].load(std::memory_order_relaxed);
        const std::string bound = i < bounds_.size() ? base::formatFloatG(bounds_[i]) : "+Inf";
        std::vector<model::LabelView> all(labels);
        all.push_back({"le", bound});
        out.sampleNamed(base + "_bucket", all, number(below));
    }
    out.sampleNamed(base + "_sum", labels, sum_.load(std::memory_order_relaxed));
    out.sampleNamed(base + "_count", labels, number(below));
}

void RecentSummary::observe(base::Duration now, double value)
{
    absl::MutexLock lock(&mutex_);
    if (recent_.size() < kKept) {
        recent_.emplace_back(now, value);
    } else {
        recent_[next_] = {now, value};
        next_ = (next_ + 1) % kKept;
    }
    ++count_;
    sum_ += value;
}

void RecentSummary::write(TextWriter& out, std::string_view name, std::string_view help,
                          base::Duration now) const
{
    out.family(name, MetricType::Summary, help);
    writeSamples(out, name, {}, now);
}

void RecentSummary::writeSamples(TextWriter& out, std::string_view name,
                                 const std::vector<model::LabelView>& labels,
                                 base::Duration now) const
{
    std::vector<double> values;
    std::uint64_t count = 0;
    double sum = 0;
    {
        absl::MutexLock lock(&mutex_);
        for (const auto& [time, value] : recent_) {
            if (now - time <= kWindow) {
                values.push_back(value);
            }
        }
        count = count_;
        sum = sum_;
    }
    std::sort(values.begin(), values.end());
    for (const auto& [share, text] : {std::pair(0.5, "0.5"), {0.9, "0.9"}, {0.99, "0.99"}}) {
        double quantile = std::numeric_limits<double>::quiet_NaN();
        if (!values.empty()) {
            const double rank = std::ceil(share * static_cast<double>(values.size()));
            quantile = values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
        }
        std::vector<model::LabelView> all = labels;
        all.push_back({"quantile", text});
        out.sampleNamed(name, all, quantile);
    }
    const std::string base(name);
    out.sampleNamed(base + "_sum", labels, sum);
    out.sampleNamed(base + "_count", labels, number(count));
}

} // namespace narthex::exposition
