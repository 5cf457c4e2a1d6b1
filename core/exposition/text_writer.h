// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes pages in the text format 0.0.4. Families are the caller's order; within one, the writer
// keeps HELP and TYPE in front. Threads: one at a time. Format: spec/scrape.md, Text format.
#pragma once

#include "core/model/labels.h"
#include "core/model/sample.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::exposition {

class TextWriter
{
public:
    /// Appends to `out`, which outlives the writer.
    explicit TextWriter(std::string& out) : out_(out) {}

    /// Starts a family; `help` and `name` as they are, unescaped.
    TextWriter& family(std::string_view name, model::MetricType type, std::string_view help);
    /// A sample of the current family without labels.
    TextWriter& sample(double value) { return sample({}, value); }
    TextWriter& sample(std::initializer_list<model::LabelView> labels, double value);
    /// A sample of any name, for histograms and summaries (`_bucket`, `_sum`).
    TextWriter& sampleNamed(std::string_view name, std::initializer_list<model::LabelView> labels,
                            double value);
    TextWriter& sampleNamed(std::string_view name, const std::vector<model::LabelView>& labels,
                            double value);

    /// Family with one sample, the commonest case.
    TextWriter& gauge(std::string_view name, std::string_view help, double value)
    {
        return family(name, model::MetricType::Gauge, help).sample(value);
    }
    TextWriter& counter(std::string_view name, std::string_view help, double value)
    {
        return family(name, model::MetricType::Counter, help).sample(value);
    }

private:
    template <typename Range>
    TextWriter& write(std::string_view name, const Range& labels, double value);

    std::string& out_;
    std::string name_;
};

/// Appends `text` with \\, \n and, if `quoted`, \" escaped.
void appendEscaped(std::string& out, std::string_view text, bool quoted);

} // namespace narthex::exposition
