// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/promql/editor/completion.h"
#include "core/promql/editor/language_docs.h"
#include "core/promql/function_table.h"
#include "core/promql/parser.h"

#include <QtTest>

#include <algorithm>
#include <map>

using namespace narthex;
using namespace narthex::promql;
using namespace narthex::promql::editor;

namespace {

constexpr Features kAll{
    .experimentalFunctions = true, .extendedRangeSelectors = true, .binopFillModifiers = true};

class Source final : public CompletionSource
{
public:
    [[nodiscard]] std::span<const std::string> metricNames() const override { return names; }
    [[nodiscard]] std::optional<model::Metadata> metadata(std::string_view metric) const override
    {
        const auto found = types.find(std::string(metric));
        return found == types.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] std::vector<std::string> labelNames(std::string_view selector) const override
    {
        lastSelector = selector;
        if (selector == "target_info") {
            return {"__name__", "k8s_cluster", "instance"};
        }
        if (selector.starts_with("foo")) {
            return {"__name__", "path"};
        }
        return {"__name__", "instance", "job", "le", "odd.name"};
    }
    [[nodiscard]] std::vector<std::string> labelValues(std::string_view label,
                                                       std::string_view selector) const override
    {
        lastSelector = selector;
        if (label == "job") {
            return {"prometheus", "a.b", "tick`s", "say \"hi\"", "back\\slash"};
        }
        return selector == "up{job=\"prometheus\"}"
                   ? std::vector<std::string>{"localhost:9090"}
                   : std::vector<std::string>{"localhost:9090", "localhost:9100"};
    }
    [[nodiscard]] std::vector<std::string> history() const override { return past; }
    [[nodiscard]] std::vector<Snippet> userSnippets() const override
    {
        return {{"my own", "max(${metric})"}};
    }
    [[nodiscard]] Usage usage(CompletionKind, std::string_view label) const override
    {
        return label == used ? Usage{.recent = 1} : Usage{};
    }
    [[nodiscard]] bool knowsFunction(std::string_view name) const override
    {
        return name != unknownFunction;
    }
    [[nodiscard]] base::Duration scrapeInterval() const override
    {
        return base::Duration::fromMs(15'000);
    }

    std::vector<std::string> names = {"foo_seconds",
                                      "http_requests_total",
                                      "my.metric",
                                      "node_cpu_seconds_total",
                                      "node_memory_free_bytes",
                                      "offline",
                                      "request_seconds_bucket",
                                      "request_seconds_count",
                                      "up"};
    std::map<std::string, model::Metadata> types = {
        {"up", {model::MetricType::Gauge, "Whether the target answers.", ""}},
        {"node_memory_free_bytes", {model::MetricType::Gauge, "Free memory.", "bytes"}},
        {"request_seconds", {model::MetricType::Histogram, "Time of requests.", "seconds"}}};
    std::vector<std::string> past = {"sum(up)", std::string(100, 'x')};
    std::string used;
    std::string unknownFunction;
    mutable std::string lastSelector;
};

CompletionList listAt(QByteArray text, const Source& source, CompletionOptions options = {})
{
    const auto cursor = text.indexOf('|');
    text.remove(cursor, 1);
    return complete(text.toStdString(), static_cast<std::size_t>(cursor), source, options);
}

const CompletionItem* find(const CompletionList& list, std::string_view label)
{
    const auto found = std::find_if(list.items.begin(), list.items.end(),
                                    [&](const auto& item) { return item.label == label; });
    return found == list.items.end() ? nullptr : &*found;
}

bool hasKind(const CompletionList& list, CompletionKind kind)
{
    return std::any_of(list.items.begin(), list.items.end(),
                       [&](const auto& item) { return item.kind == kind; });
}

/// The text after taking the item, the cursor as |, a selection as <…>.
QByteArray accepted(QByteArray text, const CompletionItem& item)
{
    text.remove(text.indexOf('|'), 1);
    std::string result = applyEdits(text.toStdString(), {item.edit});
    if (item.selection.begin == item.selection.end) {
        result.insert(item.selection.begin, "|");
    } else {
        result.insert(item.selection.end, ">");
        result.insert(item.selection.begin, "<");
    }
    return QByteArray::fromStdString(result);
}

QByteArray labels(const CompletionList& list)
{
    QByteArrayList result;
    for (const CompletionItem& item : list.items) {
        result << QByteArray::fromStdString(item.label);
    }
    return result.join(' ');
}

} // namespace

class TestCompletion : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void acceptingAnItemEditsTheText_data();
    void acceptingAnItemEditsTheText();
    void listsExactlyTheseItems_data();
    void listsExactlyTheseItems();
    void offersEverythingInAnEmptyText();
    void asksForLabelsUnderTheOtherMatchers();
    void rateComesFirstAmongFunctions();
    void countersComeFirstWhereTheyFit();
    void usedNamesComeFirst();
    void rareFunctionsDoNotBeatMetrics();
    void greysWhatNeedsASwitch();
    void hidesWhatTheServerDoesNotKnow();
    void cutsLongLists();
    void describesMetricsByTheirFamily();
    void expandsSnippetsWithLinkedFields();
    void takesSeveralValuesAsOneExpression();
    void ranksByHowWellLettersFit();
    void everyWordIsDocumented();
    void everyExampleParses();
    void acceptingNeverFails();
};

void TestCompletion::acceptingAnItemEditsTheText_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("label");
    QTest::addColumn<QByteArray>("result");
    const auto row = [](const char* text, const char* label, const char* result) {
        QTest::newRow(text) << QByteArray(text) << QByteArray(label) << QByteArray(result);
    };
    row("sum(ra|", "rate", "sum(rate(|)");
    row("sum(ra|(x[5m]))", "rate", "sum(rate|(x[5m]))");
    row("tim|", "time", "time()|");
    row("su|", "sum", "sum(|)");
    row("rate(node_cpu_seconds_tot|)", "node_cpu_seconds_total",
        "rate(node_cpu_seconds_total[<5m>])");
    row("rate(node_cpu_seconds_tot|[1h])", "node_cpu_seconds_total",
        "rate(node_cpu_seconds_total|[1h])");
    row("sum(node_cpu_seconds_tot|)", "node_cpu_seconds_total", "sum(node_cpu_seconds_total|)");
    row("up{jo|}", "job", "up{job=\"|\"}");
    row("up{j|o=~\"x\"}", "job", "up{job|=~\"x\"}");
    row("up{|}", "odd.name", "up{\"odd.name\"=\"|\"}");
    row("foo{|}", "path", "foo{path=\"|\"}");
    row("up{job=\"pro|\"}", "prometheus", "up{job=\"prometheus|\"}");
    row("up{job=\"pro|", "prometheus", "up{job=\"prometheus\"|");
    row("up{job=\"say|\"}", "say \"hi\"", "up{job=\"say \\\"hi\\\"|\"}");
    row("up{job='say|'}", "say \"hi\"", "up{job='say \"hi\"|'}");
    row("up{job=\"back|\"}", "back\\slash", "up{job=\"back\\\\slash|\"}");
    row("up{job=`back|`}", "back\\slash", "up{job=`back\\slash|`}");
    row("up{job=`tick|`}", "tick`s", "up{job=\"tick`s\"|}");
    row("up{job=~\"a|\"}", "a.b", "up{job=~\"a\\\\.b|\"}");
    row("sum by (in|) (up)", "instance", "sum by (instance|) (up)");
    row("sum by (od|) (up)", "odd.name", "sum by (\"odd.name\"|) (up)");
    row("sum(foo) b|", "by", "sum(foo) by(|)");
    row("sum(foo) b| (x)", "by", "sum(foo) by| (x)");
    row("a + o|", "on", "a + on(|)");
    row("foo > |", "bool", "foo > bool |");
    row("foo |", "offset", "foo offset |");
    row("http_req|uests", "http_requests_total", "http_requests_total|");
    row("my|", "my.metric", "{\"my.metric\"}|");
    row("my|{a=\"b\"}", "my.metric", "{\"my.metric\",|a=\"b\"}");
    row("{my|}", "my.metric", "{\"my.metric\"|}");
    row("{\"my|\"}", "my.metric", "{\"my.metric|\"}");
    row("foo[5|]", "m", "foo[5m|]");
    row("foo[st|]", "step", "foo[step()|]");
    row("foo[mi|]", "min_of", "foo[min_of(|)]");
    row("foo[5m *|]", "*", "foo[5m *|]");
    row("foo @ e|", "end", "foo @ end()|");
    row("foo !|", "!=", "foo !=|");
    row("foo{a!|}", "!~", "foo{a!~|}");
    row("foo{a|=\"b\"}", "=~", "foo{a=~|\"b\"}");
    row("|foo", "sum(up)", "sum(up)|");
    row("1 + na|", "nan", "1 + nan|");
    row("info(up, {k8|})", "k8s_cluster", "info(up, {k8s_cluster=\"|\"})");
    row("count_values(\"|\", up)", "job", "count_values(\"job|\", up)");
    row("label_replace(up, \"d\", \"|\", \"job\", \"(.*)\")", "$1",
        "label_replace(up, \"d\", \"$1|\", \"job\", \"(.*)\")");
}

void TestCompletion::acceptingAnItemEditsTheText()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, label);
    const auto list = listAt(text, Source(), {.features = kAll});
    const CompletionItem* item = find(list, label.toStdString());
    QVERIFY2(item != nullptr, labels(list).left(300).constData());
    QTEST(accepted(text, *item), "result");
}

void TestCompletion::listsExactlyTheseItems_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("requested");
    QTest::addColumn<QByteArray>("labels");
    const auto row = [](const char* text, bool requested, const char* items) {
        QTest::newRow(text) << QByteArray(text) << requested << QByteArray(items);
    };
    row("foo[5|]", false, "y w d h m s ms");
    row("foo[5m|]", false, "");
    row("foo[1h5|]", false, "m s ms");
    row("foo[1m5|]", false, "s ms");
    row("foo[5ms|]", false, "");
    row("x offset 5|", false, "y w d h m s ms");
    row("foo[|]", false, "");
    row("# a comm|ent", true, "");
    row("foo{a=\"b\"}|", true, "");
    row("foo @ e|", false, "end time…");
    row("foo @ |", false, "start end time…");
    row("foo !|", false, "!=");
    row("foo >|", false, "> >= >/");
    row("foo =|", false, "== != >= <=");
    row("foo{a|=\"b\"}", false, "= != =~ !~");
    row("sum(foo) b|", false, "by");
    row("sum by (a) (foo) b|", false, "");
    row("up{job=\"prometheus\",instance=\"|\"}", false, "localhost:9090");
    row("foo + on(|", false, "path");
    row("up + on(|) foo", false, "instance job le odd.name path");
    row("topk(|", false, "inf nan");
    row("foo[s|]", false, "step");
    row("foo[5m |]", false, "+ - * / % ^");
}

void TestCompletion::listsExactlyTheseItems()
{
    QFETCH(QByteArray, text);
    QFETCH(bool, requested);
    QTEST(labels(listAt(text, Source(), {.features = kAll, .requested = requested})), "labels");
}

void TestCompletion::offersEverythingInAnEmptyText()
{
    const auto list = listAt("|", Source(), {.requested = true});
    for (const CompletionKind kind :
         {CompletionKind::History, CompletionKind::MetricName, CompletionKind::Function,
          CompletionKind::Aggregation, CompletionKind::Snippet, CompletionKind::Number}) {
        QVERIFY(hasKind(list, kind));
    }
    QVERIFY(list.items[0].kind == CompletionKind::History);
    QCOMPARE(list.items[1].label, std::string(76, 'x') + "...");
    QCOMPARE(list.items[1].edit.text, std::string(100, 'x'));
    QVERIFY(!hasKind(listAt("up + |", Source()), CompletionKind::History));
    QVERIFY(find(list, "my own") != nullptr);
}

void TestCompletion::asksForLabelsUnderTheOtherMatchers()
{
    const Source source;
    listAt("up{job=\"x\",|}", source);
    QCOMPARE(source.lastSelector, std::string("up{job=\"x\"}"));
    listAt("{\"my.metric\",instance!=\"y\",job=\"|\"}", source);
    QCOMPARE(source.lastSelector, std::string("{\"my.metric\",instance!=\"y\"}"));
    listAt("sum by (|) (rate(http_requests_total[5m]))", source);
    QCOMPARE(source.lastSelector, std::string("http_requests_total"));
    listAt("sum by (|)", source);
    QCOMPARE(source.lastSelector, std::string());
}

void TestCompletion::rateComesFirstAmongFunctions()
{
    for (const Features& features : {Features{}, kAll}) {
        const auto list = listAt("sum(ra|", Source(), {.features = features});
        const auto first = std::find_if(list.items.begin(), list.items.end(), [](const auto& item) {
            return item.kind == CompletionKind::Function;
        });
        QVERIFY(first != list.items.end());
        QCOMPARE(first->label, std::string("rate"));
    }
}

void TestCompletion::countersComeFirstWhereTheyFit()
{
    const auto names = [](const CompletionList& list) {
        std::vector<std::string> result;
        for (const auto& item : list.items) {
            if (item.kind == CompletionKind::MetricName) {
                result.push_back(item.label);
            }
        }
        return result;
    };
    QCOMPARE(names(listAt("rate(|)", Source())).front(), std::string("http_requests_total"));
    QCOMPARE(names(listAt("delta(|)", Source())).front(), std::string("foo_seconds"));
    QCOMPARE(names(listAt("histogram_quantile(0.9, |)", Source())).front(),
             std::string("request_seconds_bucket"));
}

void TestCompletion::usedNamesComeFirst()
{
    Source source;
    source.used = "node_memory_free_bytes";
    QCOMPARE(listAt("node|", source).items.front().label, source.used);
}

void TestCompletion::rareFunctionsDoNotBeatMetrics()
{
    Source source;
    source.names = {"request_cost"};
    const auto list = listAt("cos|", source);
    QCOMPARE(list.items.front().label, std::string("cos")); // typed in full
    QCOMPARE(listAt("co|", source).items.front().label, std::string("count"));
    const auto all = listAt("co|", source);
    QVERIFY(find(all, "request_cost") < find(all, "cosh"));
}

void TestCompletion::greysWhatNeedsASwitch()
{
    const auto list = listAt("info|", Source());
    QCOMPARE(find(list, "info")->neededFeature, std::string("promql-experimental-functions"));
    QVERIFY(find(listAt("info|", Source(), {.features = kAll}), "info")->neededFeature.empty());
    QCOMPARE(find(listAt("a + fi|", Source()), "fill")->neededFeature,
             std::string("promql-binop-fill-modifiers"));
}

void TestCompletion::hidesWhatTheServerDoesNotKnow()
{
    Source source;
    source.unknownFunction = "ts_of_max_over_time";
    QVERIFY(find(listAt("ts_of|", source, {.features = kAll}), "ts_of_max_over_time") == nullptr);
    QVERIFY(find(listAt("ts_of|", source, {.features = kAll}), "ts_of_min_over_time") != nullptr);
}

void TestCompletion::cutsLongLists()
{
    Source source;
    source.names.clear();
    for (int i = 0; i < 5000; ++i) {
        source.names.push_back("metric_" + std::to_string(10000 + i));
    }
    const auto typed = listAt("metric|", source);
    QCOMPARE(typed.items.size(), std::size_t{1000});
    QVERIFY(typed.more >= 4000);
    const auto empty = listAt("|", source, {.requested = true});
    QCOMPARE(empty.items.size(), std::size_t{1000});
    QVERIFY(hasKind(empty, CompletionKind::Function) && hasKind(empty, CompletionKind::Snippet));
}

void TestCompletion::describesMetricsByTheirFamily()
{
    const auto list = listAt("request|", Source());
    const CompletionItem* count = find(list, "request_seconds_count");
    QCOMPARE(count->documentation, std::string("number of observations of: Time of requests."));
    QCOMPARE(count->detail, std::string("counter · seconds"));
    QCOMPARE(find(list, "request_seconds_bucket")->documentation,
             std::string("observations up to the bucket bound of: Time of requests."));
    QCOMPARE(find(listAt("u|", Source()), "up")->documentation,
             std::string("Whether the target answers."));
}

void TestCompletion::expandsSnippetsWithLinkedFields()
{
    const auto list = listAt("1 + against|", Source());
    const CompletionItem* item = find(list, "against last week");
    QVERIFY(item != nullptr);
    QCOMPARE(accepted("1 + against|", *item), QByteArray("1 + <metric> / metric offset 1w"));
    QCOMPARE(item->fields.size(), std::size_t{2});
    QCOMPARE(item->fields[0].name, item->fields[1].name);
    for (const Snippet& snippet : builtInSnippets()) {
        std::string query = expandSnippet(snippet.pattern).text;
        QVERIFY2(parse(query, kAll).ok(), query.c_str());
    }
}

void TestCompletion::takesSeveralValuesAsOneExpression()
{
    const std::string text = "up{job=~\"\"}";
    const auto context = completionContext(text, 9);
    const TextEdit edit = alternativesEdit(text, context, {"a.b", "c"});
    QCOMPARE(applyEdits(text, {edit}), std::string("up{job=~\"a\\\\.b|c\"}"));
    const auto list = listAt("up{job=~\"|\"}", Source());
    QVERIFY(list.items.back().action == CompletionItem::Action::PickValues);
}

void TestCompletion::ranksByHowWellLettersFit()
{
    QVERIFY(*matchRank("rate", "rate") < *matchRank("rates", "rate"));
    QVERIFY(*matchRank("rates", "rate") < *matchRank("Rates", "rate"));
    QVERIFY(*matchRank("Rates", "rate") < *matchRank("x_rate", "rate"));
    QVERIFY(*matchRank("x_rate", "rate") < *matchRank("node_cpu_total", "nct"));
    QVERIFY(*matchRank("node_cpu_total", "nct") < *matchRank("berated", "rate"));
    QVERIFY(*matchRank("berated", "rate") < *matchRank("rxaxtxe", "rate"));
    QVERIFY(!matchRank("rat", "rate"));
}

void TestCompletion::everyWordIsDocumented()
{
    for (const FunctionDoc& doc : functionDocs()) {
        const FunctionExample* example = findFunctionExample(doc.name);
        QVERIFY2(example != nullptr && !example->example.empty(), doc.name.data());
        QVERIFY(!functionHelp(doc.name).empty());
    }
    for (const FunctionInfo& info : functionTable()) {
        QVERIFY2(findFunctionDoc(info.name) != nullptr, info.name.data());
    }
    QCOMPARE(functionExamples().size(), functionDocs().size());
    for (int kind = int(TokenKind::Add); kind <= int(TokenKind::Unless); ++kind) {
        const auto op = TokenKind(kind);
        QVERIFY(findWordDoc(tokenText(op),
                            isSetOperator(op) ? WordKind::SetOperator : WordKind::Operator));
    }
}

void TestCompletion::everyExampleParses()
{
    for (const FunctionExample& example : functionExamples()) {
        QVERIFY2(parse(example.example, kAll).ok(), example.example.data());
        QVERIFY(example.example.find(example.name) != std::string_view::npos);
    }
    for (const WordDoc& doc : wordDocs()) {
        const auto parsed = parse(doc.example, kAll);
        QVERIFY2(parsed.ok(), doc.example.data());
    }
}

void TestCompletion::acceptingNeverFails()
{
    const std::string text = "sum by(job)(rate(up{job=\"a\",instance=~`q`}[5m:1m] @ end() offset "
                             "-(1h+step()))) > bool on(job) group_left(d) -{\"n\"} # c\n";
    for (std::size_t cursor = 0; cursor <= text.size(); ++cursor) {
        for (const std::string& shown : {text, text.substr(0, cursor)}) {
            const auto list =
                complete(shown, cursor, Source(), {.features = kAll, .requested = true});
            for (const CompletionItem& item : list.items) {
                const std::string result = applyEdits(shown, {item.edit});
                QVERIFY(item.selection.begin <= item.selection.end);
                QVERIFY(item.selection.end <= result.size());
            }
        }
    }
}

QTEST_GUILESS_MAIN(TestCompletion)
#include "tst_completion.moc"
