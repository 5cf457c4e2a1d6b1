// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/status.h"
#include "core/base/text.h"
#include "core/promql/lexer.h"
#include "core/promql/parser.h"
#include "core/promql/testscript/script.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>

namespace narthex::promql::testscript {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kStartMark = "@st";

/// Cuts the first word off.
std::string_view takeWord(std::string_view& rest)
{
    rest = base::trimmed(rest, kBlanks);
    const std::size_t end = std::min(rest.find_first_of(kBlanks), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest = base::trimmed(rest.substr(end), kBlanks);
    return word;
}

absl::StatusOr<std::int64_t> parseTime(std::string_view text)
{
    NARTHEX_ASSIGN_OR_RETURN(const base::Duration duration, base::parseDuration(text));
    return duration.ms();
}

/// The whole text as a number, as PromQL and the series notation write them.
std::optional<double> wholeNumber(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const LexResult lexed = lex(text);
    if (lexed.tokens.size() != 2 || lexed.tokens[0].kind != TokenKind::Number ||
        lexed.tokens[0].end != text.size()) {
        return std::nullopt;
    }
    const auto value = parseNumberToken(text);
    return value.ok() ? std::optional(negative ? -*value : *value) : std::nullopt;
}

class ScriptParser
{
public:
    ScriptParser(std::string_view text, const Features& features) : features_(features)
    {
        while (true) {
            const std::size_t end = text.find('\n');
            begins_.push_back(text.data());
            const std::string_view line = base::trimmed(text.substr(0, end), kBlanks);
            lines_.push_back(line.starts_with('#') ? std::string_view() : line);
            if (end == std::string_view::npos) {
                break;
            }
            text.remove_prefix(end + 1);
        }
    }

    absl::StatusOr<std::vector<Command>> run()
    {
        while (at_ < lines_.size()) {
            if (lines_[at_].empty()) {
                ++at_;
                continue;
            }
            const auto line = static_cast<std::uint32_t>(at_ + 1);
            auto what = command();
            if (!what.ok()) {
                base::Position position =
                    base::positionOf(what.status()).value_or(base::Position{});
                position.line = static_cast<std::uint32_t>(at_ + 1);
                // A query's error has its line in the text already.
                const absl::Status status =
                    position.column
                        ? what.status()
                        : base::annotate(what.status(), fmt::format("line {}", at_ + 1));
                return base::withPosition(status, position);
            }
            commands_.push_back({line, *std::move(what)});
        }
        return std::move(commands_);
    }

private:
    using What = std::variant<Load, Clear, Eval>;

    absl::StatusOr<What> command()
    {
        std::string_view rest = lines_[at_];
        std::string word(takeWord(rest));
        std::transform(word.begin(), word.end(), word.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        if (word == "clear") {
            ++at_;
            return Clear{};
        }
        if (word.starts_with("load")) {
            return load(word, rest);
        }
        if (word.starts_with("eval")) {
            return eval(word, rest);
        }
        return base::invalidArgument("invalid command \"{}\"", lines_[at_]);
    }

    [[nodiscard]] bool inBlock() const { return at_ < lines_.size() && !lines_[at_].empty(); }

    absl::StatusOr<What> load(std::string_view word, std::string_view rest)
    {
        if (word != "load" && word != "load_with_nhcb") {
            return base::invalidArgument("invalid command \"{}\"", word);
        }
        Load node;
        NARTHEX_ASSIGN_OR_RETURN(node.stepMs, parseTime(rest));
        if (node.stepMs <= 0) {
            return base::invalidArgument("invalid step \"{}\"", rest);
        }
        for (++at_; inBlock(); ++at_) {
            NARTHEX_ASSIGN_OR_RETURN(SeriesDescription series, loadLine());
            std::erase_if(node.series,
                          [&](const auto& other) { return other.labels == series.labels; });
            node.series.push_back(std::move(series));
        }
        if (word == "load_with_nhcb") {
            NARTHEX_ASSIGN_OR_RETURN(auto histograms, customBucketHistograms(node.series));
            std::move(histograms.begin(), histograms.end(), std::back_inserter(node.series));
        }
        return node;
    }

    /// A series, with the start times that a line before it may give.
    absl::StatusOr<SeriesDescription> loadLine()
    {
        const std::string_view started = lines_[at_];
        const std::size_t end = std::min(started.find_first_of(kBlanks), started.size());
        if (!started.substr(0, end).ends_with(kStartMark)) {
            return parseSeriesDescription(started);
        }
        const std::string_view metric = started.substr(0, end - kStartMark.size());
        std::size_t length = 0;
        NARTHEX_ASSIGN_OR_RETURN(const model::Labels labels, parseMetric(metric, length));
        if (length != metric.size()) {
            return base::invalidArgument("\"{}\" is no series", metric);
        }
        ++at_;
        if (!inBlock()) {
            --at_;
            return base::invalidArgument("a {} line wants its series in the next line", kStartMark);
        }
        NARTHEX_ASSIGN_OR_RETURN(SeriesDescription series, parseSeriesDescription(lines_[at_]));
        if (series.labels != labels) {
            return base::invalidArgument("the {} line before is of {}, not of {}", kStartMark,
                                         labels.toString(), series.labels.toString());
        }
        NARTHEX_RETURN_IF_ERROR(addStartTimes(started.substr(end), series));
        return series;
    }

    absl::StatusOr<What> eval(std::string_view word, std::string_view rest)
    {
        Eval node;
        node.line = static_cast<std::uint32_t>(at_ + 1);
        const std::string_view kind = takeWord(rest);
        node.instant = kind == "instant";
        if (node.instant) {
            if (takeWord(rest) != "at") {
                return evalForm();
            }
            NARTHEX_ASSIGN_OR_RETURN(node.range.from, parseTime(takeWord(rest)));
            node.range.to = node.range.from;
        } else {
            NARTHEX_RETURN_IF_ERROR(evalRange(kind, rest, node));
        }
        NARTHEX_RETURN_IF_ERROR(oldMode(word, node));
        node.query = rest;
        NARTHEX_RETURN_IF_ERROR(checkQuery(rest));
        for (++at_; inBlock(); ++at_) {
            NARTHEX_ASSIGN_OR_RETURN(const bool goesOn, blockLine(word == "eval_fail", node));
            if (!goesOn) {
                ++at_;
                break;
            }
        }
        node.lastLine = static_cast<std::uint32_t>(at_);
        NARTHEX_RETURN_IF_ERROR(checkContradictions(node));
        return node;
    }

    /// Columns count in the whole line.
    [[nodiscard]] absl::Status checkQuery(std::string_view query) const
    {
        const ParseOutcome outcome = parseAll(query, features_);
        if (outcome.errors.empty()) {
            return absl::OkStatus();
        }
        const ParseError& error = outcome.errors.front();
        base::Position position;
        const auto before = query.empty() ? 0 : query.data() - begins_[at_];
        position.column = static_cast<std::uint32_t>(before) + error.range.begin + 1;
        return base::withPosition(
            base::invalidArgument("{}:{}: parse error: {}", at_ + 1, *position.column, error.text),
            position);
    }

    static absl::Status evalForm()
    {
        return base::invalidArgument(
            "invalid evaluation command, must be of the form 'eval instant at "
            "<time> <query>' or 'eval range from <from> to <to> step <step> "
            "<query>'");
    }

    static absl::Status evalRange(std::string_view kind, std::string_view& rest, Eval& node)
    {
        if (kind != "range" || takeWord(rest) != "from") {
            return evalForm();
        }
        return timeRange(rest, node.range);
    }

    /// `<from> to <to> step <step>`
    static absl::Status timeRange(std::string_view& rest, TimeRange& range)
    {
        NARTHEX_ASSIGN_OR_RETURN(range.from, parseTime(takeWord(rest)));
        if (takeWord(rest) != "to") {
            return evalForm();
        }
        NARTHEX_ASSIGN_OR_RETURN(range.to, parseTime(takeWord(rest)));
        if (takeWord(rest) != "step") {
            return evalForm();
        }
        NARTHEX_ASSIGN_OR_RETURN(range.step, parseTime(takeWord(rest)));
        if (range.to < range.from) {
            return base::invalidArgument("invalid test definition, end timestamp is before start");
        }
        if (range.step <= 0) {
            return base::invalidArgument("step must be greater than 0");
        }
        return absl::OkStatus();
    }

    static absl::Status oldMode(std::string_view word, Eval& node)
    {
        const auto expect = [&node](ExpectKind kind) {
            node.expectations.push_back({.kind = kind});
            return absl::OkStatus();
        };
        if (word == "eval") {
            return absl::OkStatus();
        }
        if (word == "eval_fail") {
            return expect(ExpectKind::Fail);
        }
        if (word == "eval_warn") {
            return expect(ExpectKind::Warn);
        }
        if (word == "eval_info") {
            return expect(ExpectKind::Info);
        }
        if (word == "eval_ordered" && node.instant) {
            return expect(ExpectKind::Ordered);
        }
        return base::invalidArgument("invalid command \"{}\"", word);
    }

    /// False when the line ends the block.
    absl::StatusOr<bool> blockLine(bool oldFail, Eval& node)
    {
        const std::string_view line = lines_[at_];
        std::string_view rest = line;
        const std::string_view word = takeWord(rest);
        if (oldFail && (word == "expected_fail_message" || word == "expected_fail_regexp")) {
            node.expectations[0].match = word == "expected_fail_message"
                                             ? Expectation::Match::Text
                                             : Expectation::Match::Regex;
            node.expectations[0].text = rest;
            return false;
        }
        if (word == "expect") {
            NARTHEX_RETURN_IF_ERROR(expectation(rest, node));
            return true;
        }
        node.valueLines.push_back(static_cast<std::uint32_t>(at_ + 1));
        if (const auto number = wholeNumber(line)) {
            node.scalar = *number;
            return false;
        }
        NARTHEX_ASSIGN_OR_RETURN(SeriesDescription series, parseSeriesDescription(line));
        const std::size_t points = series.values.size();
        if (node.instant && !node.rangeVector && points != 1) {
            return base::invalidArgument(
                "expecting multiple values in instant evaluation not allowed; "
                "consider 'expect range vector'");
        }
        const TimeRange& range = node.rangeVector ? *node.rangeVector : node.range;
        if (points > static_cast<std::size_t>((range.to - range.from) / range.step) + 1) {
            return base::invalidArgument("expected {} points for {}, but there are fewer steps",
                                         points, series.labels.toString());
        }
        node.series.push_back(std::move(series));
        return true;
    }

    absl::Status expectation(std::string_view rest, Eval& node)
    {
        const std::string_view type = takeWord(rest);
        if (type == "range") {
            TimeRange range;
            if (takeWord(rest) != "vector" || takeWord(rest) != "from") {
                return base::invalidArgument("expected 'expect range vector from … to … step …'");
            }
            NARTHEX_RETURN_IF_ERROR(timeRange(rest, range));
            node.rangeVector = range;
            return absl::OkStatus();
        }
        if (type == "string") {
            const auto text = unquoteString(rest);
            if (!text.ok() || rest.starts_with('\'')) {
                return base::invalidArgument("expected string literal must be quoted: {}", rest);
            }
            node.string = *text;
            node.valueLines.push_back(static_cast<std::uint32_t>(at_ + 1));
            return absl::OkStatus();
        }
        constexpr std::string_view kTypes[] = {"ordered", "fail", "warn",
                                               "no_warn", "info", "no_info"};
        const auto* const found = std::find(std::begin(kTypes), std::end(kTypes), type);
        if (found == std::end(kTypes)) {
            return base::invalidArgument("invalid expectation \"{}\"", type);
        }
        Expectation expectation;
        expectation.kind = static_cast<ExpectKind>(found - std::begin(kTypes));
        NARTHEX_RETURN_IF_ERROR(expectedText(rest, expectation));
        node.expectations.push_back(std::move(expectation));
        return absl::OkStatus();
    }

    static absl::Status expectedText(std::string_view rest, Expectation& expectation)
    {
        if (rest.empty()) {
            return absl::OkStatus();
        }
        if (rest.starts_with("msg:")) {
            expectation.match = Expectation::Match::Text;
            expectation.text = base::trimmed(rest.substr(4), kBlanks);
            return absl::OkStatus();
        }
        if (!rest.starts_with("regex:")) {
            return base::invalidArgument(
                "invalid expectation text \"{}\", must begin with msg: or regex:", rest);
        }
        expectation.match = Expectation::Match::Regex;
        expectation.text = base::trimmed(rest.substr(6), kBlanks);
        re2::RE2::Options options;
        options.set_log_errors(false);
        if (!re2::RE2(expectation.text, options).ok()) {
            return base::invalidArgument("invalid regex \"{}\"", expectation.text);
        }
        return absl::OkStatus();
    }

    static absl::Status checkContradictions(const Eval& node)
    {
        const auto count = [&node](ExpectKind kind) {
            return std::count_if(node.expectations.begin(), node.expectations.end(),
                                 [kind](const auto& entry) { return entry.kind == kind; });
        };
        if (count(ExpectKind::Fail) > 1) {
            return base::invalidArgument(
                "invalid expect lines, multiple expect fail lines are not allowed");
        }
        if ((count(ExpectKind::Warn) > 0 && count(ExpectKind::NoWarn) > 0) ||
            (count(ExpectKind::Info) > 0 && count(ExpectKind::NoInfo) > 0)) {
            return base::invalidArgument(
                "invalid expect lines, expecting an annotation and none of its kind contradict");
        }
        return absl::OkStatus();
    }

    const Features features_;
    std::vector<std::string_view> lines_;
    /// Where each line begins in the text.
    std::vector<const char*> begins_;
    std::size_t at_ = 0;
    std::vector<Command> commands_;
};

} // namespace

bool Eval::has(ExpectKind kind) const
{
    return std::any_of(expectations.begin(), expectations.end(),
                       [kind](const Expectation& entry) { return entry.kind == kind; });
}

absl::StatusOr<std::vector<Command>> parseScript(std::string_view text, const Features& features)
{
    return ScriptParser(text, features).run();
}

} // namespace narthex::promql::testscript
