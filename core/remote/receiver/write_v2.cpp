// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote write, version 2: texts stand once in a table of symbols; what can be stored is, and the
// answer says what could not. Format: spec/remote.md, 1.2; source: 3, v2 semantics.
#include "core/base/status.h"
#include "core/remote/receiver/symbol_table.h"
#include "core/remote/receiver/write_run.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace narthex::remote::receiver {
namespace {

constexpr std::uint32_t kLabelRefs = wireTag(1, WireType::Bytes);
constexpr std::uint32_t kLabelRef = wireTag(1, WireType::Varint);
constexpr std::uint32_t kSample = wireTag(2, WireType::Bytes);
constexpr std::uint32_t kHistogram = wireTag(3, WireType::Bytes);
constexpr std::uint32_t kExemplar = wireTag(4, WireType::Bytes);
constexpr std::uint32_t kMetadata = wireTag(5, WireType::Bytes);
constexpr std::uint32_t kLastSeriesField = 5;
/// A request of the largest size with nothing but symbols would take sixteen times its memory.
constexpr std::size_t kMostSymbols = std::size_t{1} << 20U;
/// Nobody reads more; a request may have a million wrong series.
constexpr std::size_t kMostProblems = 100;

/// What a series message holds, by kind.
struct SeriesParts
{
    std::size_t samples = 0;
    std::size_t histograms = 0;
    std::size_t exemplars = 0;
    std::string_view metadata;
};

class RunV2 final : public WriteRun
{
public:
    RunV2(const Surroundings& surroundings, std::string_view body)
        : WriteRun(surroundings), body_(body)
    {}

    WriteResult run();

protected:
    absl::StatusOr<model::Labels> labelsOf(std::string_view series) override;
    Fingerprint fingerprintOf(std::string_view series) override;
    bool refuse(std::string_view series, std::string_view problem) override
    {
        noteProblem(fmt::format("{} for series {}", problem, nameOf(series)));
        return true;
    }

private:
    /// A series whose entry in the cache is on its way.
    struct Awaited
    {
        std::string_view series;
        SeriesParts parts;
        MetadataRefs metadata;
        Fingerprint print;
    };

    void noteProblem(std::string problem);
    bool readSymbols();
    bool addAll();
    bool await(std::string_view series);
    bool addAwaited();
    bool addSeries(const Awaited& awaited);
    bool addAllParts(const Awaited& awaited, model::SeriesRef& ref);
    bool addParts(std::string_view series, model::SeriesRef& ref, std::uint32_t wanted);
    bool addSample(std::string_view series, model::SeriesRef ref, std::string_view message);
    bool addExemplarOf(std::string_view series, model::SeriesRef& ref, std::string_view message);
    /// Fills refs_ and the parts.
    bool readSeries(std::string_view series, SeriesParts& parts);
    static bool readRef(WireReader& reader, std::uint32_t tag, Refs& refs);
    bool readMetadata(std::string_view message, MetadataRefs& metadata);
    [[nodiscard]] Fingerprint fingerprintOf(const Refs& refs, const MetadataRefs& metadata) const;
    absl::StatusOr<model::Labels> labelsOf(const Refs& refs, const MetadataRefs& metadata);
    const std::string_view body_;
    SymbolTable symbols_;
    std::array<Awaited, kAhead> awaited_;
    std::size_t awaitedCount_ = 0;
    Refs refs_; // of the series at hand
    Refs exemplarRefs_;
    Labels labels_;
    std::vector<std::string> problems_;
    std::size_t problemCount_ = 0;
    std::uint64_t invalidLabels_ = 0;
};

WriteResult RunV2::run()
{
    if (!readSymbols() || !addAll() || !flush()) {
        appender().rollback();
        return {.status = failure()};
    }
    if (absl::Status status = appender().commit(); !status.ok()) {
        return {.status = std::move(status)};
    }
    WriteResult result{.written = written(), .invalidLabels = invalidLabels_};
    if (problemCount_ > problems_.size()) {
        problems_.push_back(fmt::format("and {} more", problemCount_ - problems_.size()));
    }
    if (!problems_.empty()) {
        result.status = base::invalidArgument("{}", fmt::join(problems_, "\n"));
    }
    return result;
}

void RunV2::noteProblem(std::string problem)
{
    ++problemCount_;
    if (problems_.size() < kMostProblems) {
        problems_.push_back(std::move(problem));
    }
}

// The table may stand anywhere among the series.
bool RunV2::readSymbols()
{
    constexpr std::uint32_t kSymbol = wireTag(4, WireType::Bytes);
    constexpr std::uint32_t kSeries = wireTag(5, WireType::Bytes);
    WireReader reader(body_);
    while (const std::uint32_t tag = reader.next()) {
        if (tag == kSymbol) {
            const std::string_view text = reader.bytes();
            symbols_.add(text, cache().fingerprint(text));
            if (symbols_.size() > kMostSymbols) {
                return fail(base::invalidArgument("the request has more than {} symbols: send "
                                                  "fewer series at once",
                                                  kMostSymbols));
            }
        } else if (tag == kSeries) {
            reader.bytes();
        } else {
            reader.skip(tag, 5);
        }
    }
    return reader.ok() || failDecoding(body_, reader.failedAt());
}

bool RunV2::addAll()
{
    constexpr std::uint32_t kSeries = wireTag(5, WireType::Bytes);
    WireReader reader(body_);
    while (const std::uint32_t tag = reader.next()) {
        const std::string_view series = reader.bytes(); // a symbol, or a series
        if (tag == kSeries && !await(series)) {
            return false;
        }
    }
    return addAwaited();
}

bool RunV2::addAwaited()
{
    const std::span<const Awaited> all = std::span(awaited_).first(awaitedCount_);
    awaitedCount_ = 0;
    return std::all_of(all.begin(), all.end(),
                       [this](const Awaited& awaited) { return addSeries(awaited); });
}

bool RunV2::readRef(WireReader& reader, std::uint32_t tag, Refs& refs)
{
    if (tag == kLabelRef) {
        refs.push_back(reader.varint());
    } else {
        WireReader packed(reader.bytes());
        while (!packed.atEnd() && refs.size() <= 2 * kMostLabels) {
            refs.push_back(packed.varint());
        }
        if (!packed.ok()) {
            reader.fail();
        }
    }
    if (refs.size() > 2 * kMostLabels) {
        reader.fail();
    }
    return reader.ok();
}

bool RunV2::readSeries(std::string_view series, SeriesParts& parts)
{
    refs_.clear();
    WireReader reader(series);
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case kLabelRefs:
        case kLabelRef:
            readRef(reader, tag, refs_);
            break;
        case kSample:
            ++parts.samples;
            reader.bytes();
            break;
        case kHistogram:
            ++parts.histograms;
            reader.bytes();
            break;
        case kExemplar:
            ++parts.exemplars;
            reader.bytes();
            break;
        case kMetadata:
            parts.metadata = reader.bytes();
            break;
        default:
            if (tag >> 3U == 6) { // reserved: what it once held is not looked at
                reader.skip(tag, 0);
            } else {
                reader.skip(tag, kLastSeriesField);
            }
        }
    }
    return reader.ok() || failDecoding(body_, reader.failedAt());
}

bool RunV2::readMetadata(std::string_view message, MetadataRefs& metadata)
{
    constexpr model::MetricType kTypes[] = {
        model::MetricType::Unknown,   model::MetricType::Counter,        model::MetricType::Gauge,
        model::MetricType::Histogram, model::MetricType::GaugeHistogram, model::MetricType::Summary,
        model::MetricType::Info,      model::MetricType::StateSet};
    WireReader reader(message);
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case wireTag(1, WireType::Varint): {
            const std::uint64_t type = reader.varint();
            metadata.type = type < std::size(kTypes) ? kTypes[type] : model::MetricType::Unknown;
            break;
        }
        case wireTag(3, WireType::Varint):
            metadata.help = reader.varint();
            break;
        case wireTag(4, WireType::Varint):
            metadata.unit = reader.varint();
            break;
        default:
            reader.skip(tag, 4);
        }
    }
    return reader.ok() || failDecoding(body_, reader.failedAt());
}

Fingerprint RunV2::fingerprintOf(const Refs& refs, const MetadataRefs& metadata) const
{
    Fingerprint print{2, refs.size()}; // apart from those of version 1
    for (const std::uint64_t ref : refs) {
        print = RefCache::combine(print, symbols_.print(ref));
    }
    if (options().typeAndUnitLabels) {
        print = RefCache::combine(print, {static_cast<std::uint64_t>(metadata.type) + 1, 1});
        if (metadata.unit != 0) {
            print = RefCache::combine(print, symbols_.print(metadata.unit));
        }
    }
    return print;
}

absl::StatusOr<model::Labels> RunV2::labelsOf(const Refs& refs, const MetadataRefs& metadata)
{
    const std::string_view unit =
        metadata.unit == 0 ? std::string_view() : symbols_.text(metadata.unit);
    const bool isTyped = options().typeAndUnitLabels &&
                         (metadata.type != model::MetricType::Unknown || !unit.empty());
    labels_.clear();
    for (std::size_t i = 0; i + 1 < refs.size(); i += 2) {
        const model::LabelView label{symbols_.text(refs[i]), symbols_.text(refs[i + 1])};
        if (!isTyped || (label.name != "__type__" && label.name != "__unit__")) {
            labels_.push_back(label);
        }
    }
    if (isTyped && metadata.type != model::MetricType::Unknown) {
        labels_.push_back({"__type__", model::metricTypeText(metadata.type)});
    }
    if (isTyped && !unit.empty()) {
        labels_.push_back({"__unit__", unit});
    }
    return checkedLabels(labels_);
}

absl::StatusOr<model::Labels> RunV2::labelsOf(std::string_view series)
{
    SeriesParts parts;
    MetadataRefs metadata;
    if (!readSeries(series, parts) || !readMetadata(parts.metadata, metadata)) {
        return failure();
    }
    return labelsOf(refs_, metadata);
}

Fingerprint RunV2::fingerprintOf(std::string_view series)
{
    SeriesParts parts;
    MetadataRefs metadata;
    readSeries(series, parts);
    readMetadata(parts.metadata, metadata);
    return fingerprintOf(refs_, metadata);
}

bool RunV2::await(std::string_view series)
{
    SeriesParts parts;
    MetadataRefs metadata;
    if (!readSeries(series, parts) || !readMetadata(parts.metadata, metadata)) {
        return false;
    }
    const std::uint64_t all = parts.samples + parts.histograms;
    if (const std::string problem = symbols_.problemOf(refs_); !problem.empty()) {
        constexpr std::size_t kShown = 32;
        const auto shown = std::span(refs_).first(std::min(refs_.size(), kShown));
        noteProblem(
            fmt::format("parsing labels for series [{}]: {}", fmt::join(shown, " "), problem));
        invalidLabels_ += all;
        return true;
    }
    if (const std::string problem = symbols_.problemOf(metadata); !problem.empty()) {
        noteProblem(fmt::format("parsing metadata for series {}: {}", nameOf(series), problem));
        return true;
    }
    Awaited& awaited = awaited_[awaitedCount_];
    awaited = {series, parts, metadata, fingerprintOf(refs_, metadata)};
    known().prefetch(awaited.print);
    return ++awaitedCount_ < kAhead || addAwaited();
}

bool RunV2::addSeries(const Awaited& awaited)
{
    const std::string_view series = awaited.series;
    const MetadataRefs& metadata = awaited.metadata;
    const std::uint64_t all = awaited.parts.samples + awaited.parts.histograms;
    auto ref = refOf(series, awaited.print);
    if (!ref.ok()) {
        if (!absl::IsInvalidArgument(ref.status())) {
            return fail(ref.status());
        }
        noteProblem(fmt::format("invalid labels for series: {}", base::messageOf(ref.status())));
        invalidLabels_ += all;
        return true;
    }
    if (all == 0) {
        noteProblem(fmt::format("a TimeSeries must contain at least one sample or histogram, there "
                                "is none for series {}",
                                nameOf(series)));
        return true;
    }
    if (!addAllParts(awaited, *ref)) {
        return false;
    }
    if (options().storeMetadata) {
        const auto text = [this](std::uint64_t symbolRef) {
            return symbolRef == 0 ? std::string() : std::string(symbols_.text(symbolRef));
        };
        appender().updateMetadata(*ref, {metadata.type, text(metadata.help), text(metadata.unit)});
    }
    return true;
}

// Samples first, then histograms, then exemplars, however they are mixed.
bool RunV2::addAllParts(const Awaited& awaited, model::SeriesRef& ref)
{
    const SeriesParts& parts = awaited.parts;
    return (parts.samples == 0 || addParts(awaited.series, ref, kSample)) &&
           (parts.histograms == 0 || addParts(awaited.series, ref, kHistogram)) &&
           (parts.exemplars == 0 || addParts(awaited.series, ref, kExemplar));
}

bool RunV2::addParts(std::string_view series, model::SeriesRef& ref, std::uint32_t wanted)
{
    WireReader reader(series);
    while (const std::uint32_t tag = reader.next()) {
        if ((tag & 7U) != static_cast<std::uint32_t>(WireType::Bytes)) {
            reader.skip(tag, 0); // readSeries has seen that it is right
            continue;
        }
        const std::string_view message = reader.bytes();
        if (tag != wanted) {
            continue;
        }
        const bool goesOn = tag == kSample      ? addSample(series, ref, message)
                            : tag == kHistogram ? addHistogram(series, ref, message)
                                                : addExemplarOf(series, ref, message);
        if (!goesOn) {
            return false;
        }
    }
    return true;
}

bool RunV2::addSample(std::string_view series, model::SeriesRef ref, std::string_view message)
{
    WireReader reader(message);
    double value = 0;
    std::int64_t time = 0;
    std::int64_t start = 0;
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case wireTag(1, WireType::Fixed64):
            value = reader.fixed64();
            break;
        case wireTag(2, WireType::Varint):
            time = static_cast<std::int64_t>(reader.varint());
            break;
        case wireTag(3, WireType::Varint):
            start = static_cast<std::int64_t>(reader.varint());
            break;
        default:
            reader.skip(tag, 3);
        }
    }
    if (!reader.ok()) {
        return failDecoding(body_, reader.failedAt());
    }
    if (options().writeStartZero && start != 0) {
        addStartZero(series, ref, time, start);
    }
    return add(series, ref, time, value, start);
}

bool RunV2::addExemplarOf(std::string_view series, model::SeriesRef& ref, std::string_view message)
{
    WireReader reader(message);
    model::Exemplar exemplar{.time = base::Timestamp{0}};
    exemplarRefs_.clear();
    while (const std::uint32_t tag = reader.next()) {
        switch (tag) {
        case kLabelRefs:
        case kLabelRef:
            readRef(reader, tag, exemplarRefs_);
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
    if (const std::string problem = symbols_.problemOf(exemplarRefs_); !problem.empty()) {
        noteProblem(fmt::format("parsing exemplar for series {}: {}", nameOf(series), problem));
        return true;
    }
    if (isTooFarAhead(exemplar.time->ms)) {
        return true;
    }
    labels_.clear();
    for (std::size_t i = 0; i + 1 < exemplarRefs_.size(); i += 2) {
        labels_.push_back({symbols_.text(exemplarRefs_[i]), symbols_.text(exemplarRefs_[i + 1])});
    }
    exemplar.labels = model::Labels::fromPairs(labels_);
    switch (addExemplar(series, ref, exemplar)) {
    case storage::ExemplarResult::Appended:
        ++written().exemplars;
        return true;
    case storage::ExemplarResult::OutOfOrder:
        return refuse(series, fmt::format("out of order exemplar {}", exemplar.time->ms));
    case storage::ExemplarResult::Ignored:
    case storage::ExemplarResult::UnknownSeries:
    case storage::ExemplarResult::LabelsTooLong:
        return true;
    }
    return true;
}

} // namespace

WriteResult writeV2(const WriteRun::Surroundings& surroundings, std::string_view body)
{
    return RunV2(surroundings, body).run();
}

} // namespace narthex::remote::receiver
