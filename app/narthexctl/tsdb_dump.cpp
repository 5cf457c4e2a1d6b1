// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tsdb_commands.h"

#include "core/base/json_writer.h"
#include "core/base/number.h"
#include "core/base/status.h"
#include "core/promql/histogram_math.h"
#include "core/promql/parser.h"

#include <absl/functional/function_ref.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace narthex::ctl {
namespace {

struct DumpFlags
{
    std::string directory = "data/";
    std::string unusedSandbox;
    std::int64_t minTime = std::numeric_limits<std::int64_t>::min();
    std::int64_t maxTime = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string> selectors;
    std::string format = "prom";
};

using SeriesList = std::vector<std::shared_ptr<const storage::Series>>;
/// Writes the samples of one series.
using Writer =
    absl::FunctionRef<void(Output&, const storage::Series&, const storage::SampleColumns& columns)>;

constexpr std::size_t kBatch = 1000;

absl::Status writeSeries(const SeriesList& list, const DumpFlags& flags, Writer writer, Output& out)
{
    storage::SampleColumns columns;
    for (const auto& series : list) {
        columns.clear();
        NARTHEX_RETURN_IF_ERROR(series->read({flags.minTime}, {flags.maxTime}, columns));
        writer(out, *series, columns);
    }
    return absl::OkStatus();
}

/// Series that match at least one selector, each once.
absl::StatusOr<SeriesList> seriesOfAny(const storage::Querier& querier,
                                       const std::vector<model::Matchers>& selectors)
{
    SeriesList list;
    for (const model::Matchers& matchers : selectors) {
        NARTHEX_ASSIGN_OR_RETURN(const auto set, querier.select({}, matchers, {}));
        std::size_t before = 0;
        do {
            before = list.size();
            NARTHEX_RETURN_IF_ERROR(set->next(kBatch, list));
        } while (list.size() > before);
    }
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a->labels() < b->labels(); });
    list.erase(std::unique(list.begin(), list.end(),
                           [](const auto& a, const auto& b) { return a->labels() == b->labels(); }),
               list.end());
    return list;
}

absl::Status dump(const DumpFlags& flags, Writer writer, Output& out)
{
    std::vector<model::Matchers> selectors;
    for (const std::string& text : flags.selectors) {
        auto matchers = promql::parseSelector(text);
        if (!matchers.ok()) {
            return base::annotate(matchers.status(), fmt::format("--match {}", text));
        }
        selectors.push_back(*std::move(matchers));
    }
    if (selectors.empty()) {
        selectors.emplace_back();
    }
    NARTHEX_ASSIGN_OR_RETURN(const OpenDirectory open, openForReading(flags.directory, true));
    NARTHEX_ASSIGN_OR_RETURN(const auto querier,
                             open.db->querier({flags.minTime}, {flags.maxTime}));
    if (selectors.size() > 1) {
        NARTHEX_ASSIGN_OR_RETURN(const SeriesList list, seriesOfAny(*querier, selectors));
        return writeSeries(list, flags, writer, out);
    }
    NARTHEX_ASSIGN_OR_RETURN(const auto set, querier->select({}, selectors.front(), {}));
    for (SeriesList list;; list.clear()) {
        NARTHEX_RETURN_IF_ERROR(set->next(kBatch, list));
        if (list.empty()) {
            return absl::OkStatus();
        }
        NARTHEX_RETURN_IF_ERROR(writeSeries(list, flags, writer, out));
    }
}

void writePlain(Output& out, const storage::Series& series, const storage::SampleColumns& columns)
{
    const std::string labels = bracedLabels(series.labels());
    std::size_t h = 0;
    const auto writeHistogramsBefore = [&](std::int64_t time) {
        for (; h < columns.histogramTimes.size() && columns.histogramTimes[h] < time; ++h) {
            out.add(fmt::format("{} {} {}\n", labels, promql::histogramText(*columns.histograms[h]),
                                columns.histogramTimes[h]));
        }
    };
    for (std::size_t i = 0; i < columns.times.size(); ++i) {
        writeHistogramsBefore(columns.times[i]);
        out.add(fmt::format("{} {} {}\n", labels, base::formatFloatG(columns.values[i]),
                            columns.times[i]));
    }
    writeHistogramsBefore(std::numeric_limits<std::int64_t>::max());
}

/// The labels alone, a line a series, whatever samples it has.
void writeLabels(Output& out, const storage::Series& series, const storage::SampleColumns&)
{
    std::string text;
    base::JsonWriter json(text);
    json.beginObject();
    for (const model::LabelView& label : series.labels()) {
        json.label(label.name, label.value);
    }
    json.endObject();
    out.add(text + "\n");
}

/// The format has no native histograms: they are left out, and told at the end.
class OpenMetricsWriter
{
public:
    void write(Output& out, const storage::Series& series, const storage::SampleColumns& columns)
    {
        leftOut_ += columns.histogramTimes.size();
        const std::string text = seriesText(series.labels());
        for (std::size_t i = 0; i < columns.times.size(); ++i) {
            out.add(fmt::format("{} {} {}\n", text, base::formatFloatG(columns.values[i]),
                                seconds(columns.times[i])));
        }
    }
    [[nodiscard]] std::uint64_t leftOut() const { return leftOut_; }

private:
    static std::string seriesText(const model::Labels& labels)
    {
        const std::string_view name = labels.metricName();
        const bool plainName = model::isLegacyMetricName(name);
        std::string text = plainName ? std::string(name) : std::string();
        std::string inside = plainName || name.empty() ? std::string() : quoted(name);
        for (const model::LabelView& label : labels) {
            if (label.name == model::kMetricName) {
                continue;
            }
            inside += inside.empty() ? "" : ",";
            inside +=
                model::isLegacyLabelName(label.name) ? std::string(label.name) : quoted(label.name);
            inside += "=" + quoted(label.value);
        }
        if (!inside.empty() || text.empty()) {
            text += "{" + inside + "}";
        }
        return text;
    }
    static std::string quoted(std::string_view text)
    {
        std::string out = "\"";
        for (const char c : text) {
            if (c == '\n') {
                out += "\\n";
                continue;
            }
            if (c == '"' || c == '\\') {
                out += '\\';
            }
            out += c;
        }
        return out + "\"";
    }
    static std::string seconds(std::int64_t ms)
    {
        const auto magnitude =
            ms < 0 ? -static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
        return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
    }

    std::uint64_t leftOut_ = 0;
};

int runDump(const DumpFlags& flags)
{
    Output out;
    absl::Status status =
        flags.format == "seriesjson" ? dump(flags, writeLabels, out) : dump(flags, writePlain, out);
    status.Update(out.finish());
    return status.ok() ? kOk : failed(status);
}

int runDumpOpenMetrics(const DumpFlags& flags)
{
    Output out;
    OpenMetricsWriter writer;
    const auto write = [&writer](Output& to, const storage::Series& series,
                                 const storage::SampleColumns& columns) {
        writer.write(to, series, columns);
    };
    absl::Status status = dump(flags, write, out);
    if (status.ok()) {
        out.add("# EOF\n");
    }
    status.Update(out.finish());
    if (!status.ok()) {
        return failed(status);
    }
    if (writer.leftOut() > 0) {
        fmt::print(stderr,
                   "{} samples are native histograms and were left out: OpenMetrics text cannot "
                   "hold them, tsdb dump shows them\n",
                   writer.leftOut());
    }
    return kOk;
}

std::shared_ptr<DumpFlags> addFlags(CLI::App& command)
{
    auto flags = std::make_shared<DumpFlags>();
    command.add_option("db-path", flags->directory, "Data directory")->capture_default_str();
    command
        .add_option("--sandbox-dir-root", flags->unusedSandbox,
                    "Taken for promtool's sake: nothing is written")
        ->group("");
    command.add_option("--min-time", flags->minTime, "First time to dump, ms since the epoch")
        ->capture_default_str();
    command.add_option("--max-time", flags->maxTime, "Last time to dump, ms since the epoch")
        ->capture_default_str();
    command
        .add_option("--match", flags->selectors,
                    "Series selector, may be repeated: series that match any of them are dumped "
                    "(all series)")
        ->allow_extra_args(false);
    return flags;
}

} // namespace

void addTsdbDump(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "dump", "Print the samples of a data directory: labels, value, time in ms.");
    const auto flags = addFlags(*command);
    command
        ->add_option("--format", flags->format,
                     "prom, or seriesjson: the labels of each series as JSON, no samples")
        ->check(CLI::IsMember({"prom", "seriesjson"}))
        ->capture_default_str();
    command->footer("Example: narthexctl tsdb dump --match '{job=\"node\"}' data/ > node.txt");
    command->callback([flags, &exitCode] { exitCode = runDump(*flags); });
}

void addTsdbDumpOpenMetrics(CLI::App& tsdb, int& exitCode)
{
    CLI::App* command = tsdb.add_subcommand(
        "dump-openmetrics",
        "Print the samples of a data directory as OpenMetrics text with times, as "
        "create-blocks-from openmetrics reads it. Families have no metadata.");
    const auto flags = addFlags(*command);
    command->footer("Example: narthexctl tsdb dump-openmetrics data/ > all.om");
    command->callback([flags, &exitCode] { exitCode = runDumpOpenMetrics(*flags); });
}

} // namespace narthex::ctl
