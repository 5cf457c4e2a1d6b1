// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor.h"
#include "core/promql/function_table.h"

#include <QtTest>

#include <algorithm>

using namespace narthex::promql;

namespace {

/// One letter a span, in order: m metric, l label, s string, n number, d duration, f function, a
/// aggregation, k modifier, o operator, t set operator, @ context, # comment, ( bracket, `,`
/// punctuation, ! error.
QByteArray letters(const std::vector<ColouredSpan>& spans)
{
    constexpr std::string_view kLetters = "mlsndfakot@#(,!";
    QByteArray result;
    for (const ColouredSpan& span : spans) {
        result += kLetters[static_cast<std::size_t>(span.kind)];
    }
    return result;
}

/// The cursor is at '|'.
CompletionContext contextAt(QByteArray text)
{
    const auto cursor = text.indexOf('|');
    text.remove(cursor, 1);
    return completionContext(text.toStdString(), static_cast<std::size_t>(cursor));
}

bool offers(const CompletionContext& context, CompletionKind kind)
{
    return std::find(context.kinds.begin(), context.kinds.end(), kind) != context.kinds.end();
}

QByteArray names(const CompletionContext& context)
{
    constexpr std::array<const char*, 18> kNames = {"metric",
                                                    "label",
                                                    "value",
                                                    "function",
                                                    "aggregation",
                                                    "operator",
                                                    "matching",
                                                    "bool",
                                                    "match",
                                                    "grouping",
                                                    "duration",
                                                    "offset",
                                                    "number",
                                                    "durationfunction",
                                                    "durationoperator",
                                                    "at",
                                                    "snippet",
                                                    "history"};
    QByteArrayList result;
    for (const CompletionKind kind : context.kinds) {
        result << kNames[static_cast<std::size_t>(kind)];
    }
    std::sort(result.begin(), result.end());
    return result.join(' ');
}

} // namespace

class TestEditor : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void coloursByMeaning_data();
    void coloursByMeaning();
    void offersWhatFitsAtTheCursor_data();
    void offersWhatFitsAtTheCursor();
    void replacesTheWholeWord();
    void knowsTheSelectorAroundTheCursor();
    void replacesOnlyTheTextBetweenQuotes();
    void knowsTheMetricOfGroupingLabels();
    void documentsEveryFunction();
    void survivesEveryPrefix();
};

void TestEditor::coloursByMeaning_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("colours");
    const auto row = [](const char* text, const char* colours) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(colours);
    };
    row("sum by (job) (rate(x{a=\"b\"}[5m]))", "ak(l("
                                               "(f(m(los("
                                               "(d(((");
    row("a + on(x) group_left(y) b", "mok(l(k(l(m");
    row("a and b # note", "mtm#");
    row("foo @ start() offset 5m", "m@@((kd");
    row("sum{a=\"b\"}", "m(los(");
    row("{\"my.metric\", \"a.b\"=\"x\"}", "(m,los(");
    row("a > bool 1", "mokn");
    row("a $ 1", "m!n");
    row("offset", "m");
    row("x[step() + 1m]", "m(@((od(");
}

void TestEditor::coloursByMeaning()
{
    QFETCH(QByteArray, text);
    const auto spans = highlight(text.toStdString());
    QTEST(letters(spans), "colours");
    for (std::size_t i = 1; i < spans.size(); ++i) {
        QVERIFY(spans[i - 1].end <= spans[i].begin);
    }
}

void TestEditor::offersWhatFitsAtTheCursor_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("kinds");
    const auto row = [](const char* text, const char* kinds) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(kinds);
    };
    row("|", "aggregation function history metric number snippet");
    row("fo|", "aggregation function metric number snippet");
    row("sum(ra|", "aggregation function metric number snippet");
    row("foo |", "offset operator");
    row("foo b|", "offset operator");
    row("foo >|", "operator");
    row("foo !|", "operator");
    row("foo + |", "aggregation function matching metric number snippet");
    row("foo > |", "aggregation bool function matching metric number snippet");
    row("foo > bool |", "aggregation function matching metric number snippet");
    row("a + o|", "aggregation function matching metric number snippet");
    row("foo + on(|", "label");
    row("sum(x) |", "grouping operator");
    row("sum(foo) b|", "grouping operator");
    row("sum by (a) (foo) b|", "operator");
    row("sum |", "aggregation function grouping metric");
    row("rate(x[5m])|", "operator");
    row("sum by (|", "label");
    row("{|", "label metric");
    row("foo{|", "label");
    row("foo{a|}", "label");
    row("foo{a!|}", "match");
    row("foo{a|=\"b\"}", "match");
    row("foo{a |", "match");
    row("foo{a=\"|\"}", "value");
    row("foo{a=\"b\",|", "label");
    row("foo{\"|\"}", "label metric");
    row("foo{a=\"b\"}|", "");
    row("foo[|]", "duration durationfunction");
    row("foo[s|]", "durationfunction");
    row("foo[5m |]", "durationoperator");
    row("foo[5m *|]", "durationoperator");
    row("foo[5m * |]", "duration durationfunction");
    row("x offset s|", "durationfunction");
    row("foo @ |", "at");
    row("foo @ s|", "at");
    row("foo @ 17|", "");
    row("foo[5|]", "duration");
    row("foo[1d5|]", "duration");
    row("foo[5m|]", "");
    row("x offset 5|", "duration");
    row("e[5m:1|]", "duration");
    row("topk(|", "number");
    row("topk(1, |", "aggregation function metric number snippet");
    row("count_values(\"|", "label");
    row("# no|te", "");
    row("foo # x|", "");
}

void TestEditor::offersWhatFitsAtTheCursor()
{
    QFETCH(QByteArray, text);
    QTEST(names(contextAt(text)), "kinds");
}

void TestEditor::replacesTheWholeWord()
{
    const auto context = contextAt("sum(http_req|uests)");
    QCOMPARE(context.begin, 4U);
    QCOMPARE(context.end, 17U);
    QCOMPARE(context.typed, std::string("http_req"));
    QVERIFY(offers(context, CompletionKind::MetricName));
}

void TestEditor::knowsTheSelectorAroundTheCursor()
{
    const auto value = contextAt("up{job=\"prometheus\",env=~\"a|b\",instance=\"x\"}");
    QCOMPARE(value.metric, std::string("up"));
    QCOMPARE(value.label, std::string("env"));
    const std::vector<std::string> others = {"job=\"prometheus\"", "instance=\"x\""};
    QCOMPARE(value.otherMatchers, others);
    const auto label = contextAt("up{jo|}");
    QCOMPARE(label.metric, std::string("up"));
    QCOMPARE(label.typed, std::string("jo"));
    QCOMPARE(contextAt("{\"my.metric\",|}").metric, std::string("my.metric"));
}

void TestEditor::replacesOnlyTheTextBetweenQuotes()
{
    const auto closed = contextAt("up{job=\"pro|me\"}");
    QCOMPARE(closed.begin, 8U);
    QCOMPARE(closed.end, 13U);
    QCOMPARE(closed.typed, std::string("pro"));
    const auto open = contextAt("up{job=\"pro|");
    QCOMPARE(open.begin, 8U);
    QCOMPARE(open.end, 11U);
    QVERIFY(offers(open, CompletionKind::LabelValue));
}

void TestEditor::knowsTheMetricOfGroupingLabels()
{
    QCOMPARE(contextAt("sum by (|) (rate(requests_total[5m]))").metric,
             std::string("requests_total"));
    QCOMPARE(contextAt("sum(rate(requests_total[5m])) by (a, |").metric,
             std::string("requests_total"));
    QCOMPARE(contextAt("foo + on(|").metric, std::string("foo"));
}

void TestEditor::documentsEveryFunction()
{
    const auto docs = functionDocs();
    for (const FunctionInfo& info : functionTable()) {
        const auto doc = std::find_if(docs.begin(), docs.end(), [&](const FunctionDoc& candidate) {
            return candidate.name == info.name && !candidate.aggregation;
        });
        QVERIFY2(doc != docs.end(), std::string(info.name).c_str());
        QCOMPARE(doc->experimental, info.experimental);
        QVERIFY(!doc->summary.empty() && doc->signature.starts_with(info.name));
    }
    QCOMPARE(
        std::count_if(docs.begin(), docs.end(), [](const auto& doc) { return doc.aggregation; }),
        14);
}

void TestEditor::survivesEveryPrefix()
{
    const std::string text =
        "sum by(a)(rate(x{a=\"\\x41\",b=~`q`}[5m:1m] @ end() offset -(1h+step()))) "
        "> bool on(c) group_left(d) -{\"n\"} # c\n)]}{$\"";
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const std::string prefix = text.substr(0, length);
        for (const ColouredSpan& span : highlight(prefix)) {
            QVERIFY(span.begin < span.end && span.end <= prefix.size());
        }
        for (std::size_t cursor = 0; cursor <= prefix.size(); ++cursor) {
            const auto context = completionContext(prefix, cursor);
            QVERIFY(context.begin <= context.end && context.end <= prefix.size());
        }
    }
}

QTEST_GUILESS_MAIN(TestEditor)
#include "tst_editor.moc"
