// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Write requests for tests, put together field by field: right ones and wrong ones. Owner: a test.
// Threads: one at a time. Format: spec/remote.md, 1.1 and 1.2.
#pragma once

#include "core/remote/histogram_message.h"

#include <protozero/pbf_writer.hpp>
#include <snappy.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::test {

using LabelList = std::vector<std::pair<std::string, std::string>>;

inline std::string compressed(const std::string& plain)
{
    std::string out;
    snappy::Compress(plain.data(), plain.size(), &out);
    return out;
}

inline std::string sampleMessage(std::int64_t time, double value, std::int64_t start = 0)
{
    std::string bytes;
    protozero::pbf_writer message(bytes);
    message.add_double(1, value);
    message.add_int64(2, time);
    if (start != 0) {
        message.add_int64(3, start);
    }
    return bytes;
}

/// A TimeSeries of version 1.
class SeriesV1
{
public:
    explicit SeriesV1(const LabelList& labels) { addLabels(labels); }
    SeriesV1& addLabels(const LabelList& labels)
    {
        protozero::pbf_writer writer(bytes_);
        for (const auto& [name, value] : labels) {
            protozero::pbf_writer label(writer, 1);
            label.add_string(1, name);
            label.add_string(2, value);
        }
        return *this;
    }
    SeriesV1& sample(std::int64_t time, double value)
    {
        protozero::pbf_writer(bytes_).add_message(2, sampleMessage(time, value));
        return *this;
    }
    SeriesV1& exemplar(const LabelList& labels, std::int64_t time, double value)
    {
        protozero::pbf_writer writer(bytes_);
        protozero::pbf_writer message(writer, 3);
        for (const auto& [name, text] : labels) {
            protozero::pbf_writer label(message, 1);
            label.add_string(1, name);
            label.add_string(2, text);
        }
        message.add_double(2, value);
        message.add_int64(3, time);
        return *this;
    }
    template <typename Histogram>
    SeriesV1& histogram(std::int64_t time, const Histogram& histogram)
    {
        std::string bytes;
        remote::appendHistogramMessage(bytes, histogram, time);
        protozero::pbf_writer(bytes_).add_message(4, bytes);
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

/// Not compressed.
inline std::string requestV1(const std::vector<SeriesV1>& series)
{
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    for (const SeriesV1& one : series) {
        writer.add_message(1, one.bytes());
    }
    return bytes;
}

/// A request of version 2; series are put together by their parts.
class RequestV2
{
public:
    std::uint32_t symbol(std::string_view text)
    {
        for (std::size_t i = 0; i < symbols_.size(); ++i) {
            if (symbols_[i] == text) {
                return static_cast<std::uint32_t>(i);
            }
        }
        symbols_.emplace_back(text);
        return static_cast<std::uint32_t>(symbols_.size() - 1);
    }
    std::vector<std::uint32_t> refsOf(const LabelList& labels)
    {
        std::vector<std::uint32_t> refs;
        for (const auto& [name, value] : labels) {
            refs.push_back(symbol(name));
            refs.push_back(symbol(value));
        }
        return refs;
    }
    RequestV2& begin(const LabelList& labels) { return beginRefs(refsOf(labels)); }
    RequestV2& beginRefs(const std::vector<std::uint32_t>& refs)
    {
        std::string& bytes = series_.emplace_back();
        protozero::pbf_writer(bytes).add_packed_uint32(1, refs.begin(), refs.end());
        return *this;
    }
    RequestV2& sample(std::int64_t time, double value, std::int64_t start = 0)
    {
        return add(2, sampleMessage(time, value, start));
    }
    template <typename Histogram>
    RequestV2& histogram(std::int64_t time, const Histogram& histogram, std::int64_t start = 0)
    {
        std::string bytes;
        remote::appendHistogramMessage(bytes, histogram, time, start);
        return add(3, bytes);
    }
    RequestV2& exemplar(const LabelList& labels, std::int64_t time, double value)
    {
        const std::vector<std::uint32_t> refs = refsOf(labels);
        std::string bytes;
        protozero::pbf_writer message(bytes);
        message.add_packed_uint32(1, refs.begin(), refs.end());
        message.add_double(2, value);
        message.add_int64(3, time);
        return add(4, bytes);
    }
    RequestV2& metadata(std::int32_t type, std::string_view help, std::string_view unit)
    {
        std::string bytes;
        protozero::pbf_writer message(bytes);
        message.add_enum(1, type);
        message.add_uint32(3, symbol(help));
        message.add_uint32(4, symbol(unit));
        return add(5, bytes);
    }
    /// Not compressed.
    [[nodiscard]] std::string bytes() const
    {
        std::string bytes;
        protozero::pbf_writer writer(bytes);
        for (const std::string& symbol : symbols_) {
            writer.add_string(4, symbol);
        }
        for (const std::string& series : series_) {
            writer.add_message(5, series);
        }
        return bytes;
    }

private:
    RequestV2& add(std::uint32_t field, const std::string& message)
    {
        protozero::pbf_writer(series_.back()).add_message(field, message);
        return *this;
    }

    std::vector<std::string> symbols_{""};
    std::vector<std::string> series_;
};

} // namespace narthex::test
