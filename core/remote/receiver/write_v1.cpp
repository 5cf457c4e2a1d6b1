// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write, version 1: all or nothing, but series with impossible labels are left out without
// a word. Format: spec/remote.md, 1.1; source: 3, v1 semantics.
#include "core/base/status.h"
#include "core/remote/receiver/write_run.h"

#include <algorithm>

namespace narthex::remote::receiver {
namespace {

constexpr std::uint32_t kLabel = wireTag(1, WireType::Bytes);
constexpr std::uint32_t kSample = wireTag(2, WireType::Bytes);
constexpr std::uint32_t kExemplar = wireTag(3, WireType::Bytes);
constexpr std::uint32_t kHistogram = wireTag(4, WireType::Bytes);
constexpr std::uint32_t kLastSeriesField = 4;

class RunV1 final : public WriteRun
{
public:
    RunV1(const Surroundings& surroundings, std::string_view body)
        : WriteRun(surroundings), body_(body)
    {}

    WriteResult run();

protected:
    absl::StatusOr<model::Labels> labelsOf(std::string_view series) override;
    Fingerprint fingerprintOf(std::string_view series) override;
    bool refuse(std::string_view series, std::string_view problem) override
    {
        return fail(base::invalidArgument("{} for series {}", problem, nameOf(series)));
    }

private:
    /// The label fields of a series, one behind the other, and what follows them.
    struct Parts
    {
        std::string_view labels;
        std::string_view rest;
    };

    /// A series whose entry in the cache is on its way.
    struct Awaited
    {
        std::string_view series;
        std::string_view rest;
        Fingerprint print;
    };

    bool addAll();
    bool await(std::string_view series);
    bool addAwaited();
    bool addSeries(const Awaited& awaited);
    bool addRest(std::string_view series, std::string_view rest, model::SeriesRef ref);
    bool addSample(std::string_view series, model::SeriesRef ref, std::string_view message);
    bool addExemplarOf(std::string_view series, model::SeriesRef& ref, std::string_view message);
    bool splitSeries(std::string_view series, Parts& parts);
    static bool readLabel(std::string_view message, Labels& labels);

    const std::string_view body_;
    std::uint64_t invalidLabels_ = 0;
    std::array<Awaited, kAhead> awaited_;
    std::size_t awaitedCount_ = 0;
    std::string gathered_; // label fields of a series that were not in one place
    Labels labels_;
};

WriteResult RunV1::run()
{
    if (!addAll() || !flush()) {
        appender().rollback();
        return {.status = failure()};
    }
    if (absl::Status status = appender().commit(); !status.ok()) {
        return {.status = std::move(status)};
    }
    return {.written = written(), .invalidLabels = invalidLabels_};
}

bool RunV1::addAll()
{
    constexpr std::uint32_t kSeries = wireTag(1, WireType::Bytes);
    constexpr std::uint32_t kMetadata = wireTag(3, WireType::Bytes);
    WireReader reader(body_);
    while (const std::uint32_t tag = reader.next()) {
        if (tag == kSeries) {
            if (const std::string_view series = reader.bytes(); reader.ok() && !await(series)) {
                return false;
            }
        } else if (tag == kMetadata) {
            reader.bytes(); // metadata of families is not kept
        } else {
            reader.skip(tag, 1);
        }
    }
    return reader.ok() ? addAwaited() : failDecoding(body_, reader.failedAt());
}

bool RunV1::await(std::string_view series)
{
    Parts parts;
    if (!splitSeries(series, parts)) {
        return false;
    }
    Awaited& awaited = awaited_[awaitedCount_];
    awaited = {series, parts.rest, cache().fingerprint(parts.labels)};
    known().prefetch(awaited.print);
    return ++awaitedCount_ < kAhead || addAwaited();
}

bool RunV1::addAwaited()
{
    const std::span<const Awaited> all = std::span(awaited_).first(awaitedCount_);
    awaitedCount_ = 0;
    return std::all_of(all.begin(), all.end(),
                       [this](const Awaited& awaited) { return addSeries(awaited); });
}

bool RunV1::splitSeries(std::string_view series, Parts& parts)
{
    WireReader reader(series);
    while (reader.nextIs(kLabel)) {
        reader.next();
        reader.bytes();
    }
    const auto labelBytes = static_cast<std::size_t>(reader.at() - series.data());
    if (!reader.ok()) {
        return failDecoding(body_, reader.failedAt());
    }
    parts = {series.substr(0, labelBytes), series.substr(labelBytes)};
    bool isGathered = false;
    while (true) {
        const char* const begin = reader.at();
        const std::uint32_t tag = reader.next();
        if (tag == 0) {
            break;
        }
        if (tag == kSample || tag == kExemplar || tag == kHistogram || tag == kLabel) {
            reader.bytes();
        } else {
            reader.skip(tag, kLastSeriesField);
        }
        if (tag == kLabel && reader.ok()) { // it stands behind a sample: rare, but right
            if (!std::exchange(isGathered, true)) {
                gathered_ = parts.labels;
            }
            gathered_.append(begin, reader.at());
        }
    }
    if (isGathered) {
        parts.labels = gathered_;
    }
    return reader.ok() || failDecoding(body_, reader.failedAt());
}

bool RunV1::addSeries(const Awaited& awaited)
{
    const auto ref = refOf(awaited.series, awaited.print);
    if (ref.ok()) [[likely]] {
        return addRest(awaited.series, awaited.rest, *ref);
    }
    if (!failure().ok()) {
        return false;
    }
    if (absl::IsInvalidArgument(ref.status()) && !labelsOf(awaited.series).ok()) {
        ++invalidLabels_;
        return failure().ok();
    }
    return fail(ref.status());
}

bool RunV1::addRest(std::string_view series, std::string_view rest, model::SeriesRef ref)
{
    WireReader reader(rest);
    while (const std::uint32_t tag = reader.next()) {
        const bool isBytes = (tag & 7U) == static_cast<std::uint32_t>(WireType::Bytes);
        if (!isBytes) {
            reader.skip(tag, 0); // splitSeries has seen that nobody knows it
            continue;
        }
        const std::string_view message = reader.bytes();
        bool goesOn = true;
        if (tag == kSample) [[likely]] {
            goesOn = addSample(series, ref, message);
        } else if (tag == kExemplar) {
            goesOn = addExemplarOf(series, ref, message);
        } else if (tag == kHistogram) {
            goesOn = addHistogram(series, ref, message);
        }
        if (!goesOn) {
            return false;
        }
    }
    return true;
}

bool RunV1::addSample(std::string_view series, model::SeriesRef ref, std::string_view message)
{
    WireReader reader(message);
    double value = 0;
    std::int64_t time = 0;
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case wireTag(1, WireType::Fixed64):
            value = reader.fixed64();
            break;
        case wireTag(2, WireType::Varint):
            time = static_cast<std::int64_t>(reader.varint());
            break;
        default:
            reader.skip(tag, 2);
        }
    }
    return reader.ok() ? add(series, ref, time, value, 0) : failDecoding(body_, reader.failedAt());
}

bool RunV1::addExemplarOf(std::string_view series, model::SeriesRef& ref, std::string_view message)
{
    WireReader reader(message);
    model::Exemplar exemplar{.time = base::Timestamp{0}};
    labels_.clear();
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case kLabel:
            if (const std::string_view label = reader.bytes();
                reader.ok() && (labels_.size() == kMostLabels || !readLabel(label, labels_))) {
                reader.fail();
            }
            break;
        case wireTag(2, WireType::Fixed64):
            exemplar.value = reader.fixed64();
            break;
        case wireTag(3, WireType::Varint):
            exemplar.time = base::Timestamp{static_cast<std::int64_t>(reader.varint())};
            break;
        default:
            reader.skip(tag, 3);
        }
    }
    if (!reader.ok()) {
        return failDecoding(body_, reader.failedAt());
    }
    if (!isTooFarAhead(exemplar.time->ms)) { // what is wrong with exemplars does not count
        exemplar.labels = model::Labels::fromPairs(labels_);
        addExemplar(series, ref, exemplar);
    }
    return true;
}

bool RunV1::readLabel(std::string_view message, Labels& labels)
{
    WireReader reader(message);
    model::LabelView label;
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case wireTag(1, WireType::Bytes):
            label.name = reader.bytes();
            break;
        case wireTag(2, WireType::Bytes):
            label.value = reader.bytes();
            break;
        default:
            reader.skip(tag, 2);
        }
    }
    labels.push_back(label);
    return reader.ok();
}

absl::StatusOr<model::Labels> RunV1::labelsOf(std::string_view series)
{
    Parts parts;
    if (!splitSeries(series, parts)) {
        return failure();
    }
    labels_.clear();
    WireReader reader(parts.labels);
    while (reader.next() == kLabel) {
        const std::string_view label = reader.bytes();
        if (labels_.size() == kMostLabels) {
            return base::invalidArgument("a series has more than {} labels", kMostLabels);
        }
        if (!readLabel(label, labels_)) {
            failDecoding(body_, label.data());
            return failure();
        }
    }
    return checkedLabels(labels_);
}

Fingerprint RunV1::fingerprintOf(std::string_view series)
{
    Parts parts;
    splitSeries(series, parts);
    return cache().fingerprint(parts.labels);
}

} // namespace

WriteResult writeV1(const WriteRun::Surroundings& surroundings, std::string_view body)
{
    return RunV1(surroundings, body).run();
}

} // namespace narthex::remote::receiver
