// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The template language: what texts become, what is refused and where.
#include "core/base/status.h"
#include "core/gotemplate/template.h"

#include <QTest>

#include <limits>

namespace narthex::gotemplate {

namespace {

/// A struct with a list that is an object, a map, and a method with an argument.
class Person final : public Object
{
public:
    [[nodiscard]] std::string_view typeName() const override { return "test.Person"; }
    [[nodiscard]] std::optional<Value> field(std::string_view name) const override
    {
        if (name == "Name") {
            return Value("Ann");
        }
        if (name == "Nobody") {
            return Value();
        }
        return std::nullopt;
    }
    [[nodiscard]] std::optional<Function> method(std::string_view name) const override
    {
        if (name != "Greet") {
            return std::nullopt;
        }
        return [](std::span<const Value> arguments) -> absl::StatusOr<Value> {
            std::string text = "hello";
            for (const Value& each : arguments) {
                text += " " + each.toText();
            }
            return Value(text);
        };
    }
    void print(std::string& out) const override { out += "{Ann}"; }
};

Value data()
{
    Map map;
    map.emplace("n", Value(3));
    map.emplace("f", Value(1.5));
    map.emplace("big", Value(1353755652.0));
    map.emplace("nan", Value(std::numeric_limits<double>::quiet_NaN()));
    map.emplace("inf", Value(std::numeric_limits<double>::infinity()));
    map.emplace("s", Value("text"));
    map.emplace("empty", Value(""));
    map.emplace("no", Value(false));
    map.emplace("list", Value(List{Value("a"), Value("b"), Value("c")}));
    map.emplace("none", Value(List{}));
    map.emplace("labels", Value(TextMap{{"b", "2"}, {"a", "1"}}));
    map.emplace("person",
                Value(std::static_pointer_cast<const Object>(std::make_shared<Person>())));
    map.emplace("when", Value(Time::of(base::Timestamp{1435065584128})));
    map.emplace("span", Value(Span{90'000'000'000}));
    map.emplace("uint", Value(std::uint64_t{7}));
    map.emplace("twice",
                Value(Function([](std::span<const Value> arguments) -> absl::StatusOr<Value> {
                    return Value(arguments[0].toText() + arguments[0].toText());
                })));
    return Value(std::move(map));
}

Functions functions()
{
    Functions result;
    result["fail"] = [](std::span<const Value>) -> absl::StatusOr<Value> {
        return base::invalidArgument("it went wrong");
    };
    result["args"] = [](std::span<const Value> arguments) -> absl::StatusOr<Value> {
        Map map;
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            map.emplace("arg" + std::to_string(i), arguments[i]);
        }
        return Value(std::move(map));
    };
    return result;
}

absl::StatusOr<std::string> rendered(const std::string& text)
{
    return TemplateSet(functions(), Escaping::None).executeText("t", text, data());
}

QString shown(const std::string& text)
{
    const auto result = rendered(text);
    return result.ok()
               ? QString::fromStdString(*result)
               : "error: " + QString::fromUtf8(
                                 base::messageOf(result.status()).data(),
                                 static_cast<qsizetype>(base::messageOf(result.status()).size()));
}

} // namespace

class TestTemplates : public QObject
{
    Q_OBJECT

private slots:
    void textsBecomeWhatGoMakesOfThem_data();
    void textsBecomeWhatGoMakesOfThem();
    void printfFollowsItsVerbsAndFlags_data();
    void printfFollowsItsVerbsAndFlags();
    void mistakesAreFoundWhenParsing_data();
    void mistakesAreFoundWhenParsing();
    void failuresNameTheirPlace_data();
    void failuresNameTheirPlace();
    void positionsOfErrorsAreTyped();
    void laterDefinitionsTakeThePlaceOfEarlierOnes();
    void endlessRecursionAndLoopsEnd();
    void outputHasALimit();
    void deepNestingIsRefused();
    void executionStopsWhenAsked();
};

void TestTemplates::textsBecomeWhatGoMakesOfThem_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("output");
    const char* const rows[][2] = {
        {"plain } text", "plain } text"},
        {"a {{- 1 -}} b", "a1b"},
        {"a {{1}} b", "a 1 b"},
        {"{{-3}}", "-3"},
        {"a {{/* note */}} b", "a  b"},
        {"a {{- /* note */ -}} b", "ab"},
        {"{{ 1 -}}\n\n  x", "1x"},
        {"x \n\t{{- 1 }}", "x1"},
        {"{{\n1\n}}", "1"},
        {"{{ true }}{{ false }}", "truefalse"},
        {"{{ 0x1F }} {{ 0o17 }} {{ 017 }} {{ 0b101 }} {{ 1_000 }}", "31 15 15 5 1000"},
        {"{{ 1.5 }} {{ 1e3 }} {{ .5 }} {{ 0x1p4 }} {{ -2.5 }}", "1.5 1000 0.5 16 -2.5"},
        {"{{ 1000000.0 }} {{ 100000.0 }} {{ 0.0001 }} {{ 0.00001 }}", "1e+06 100000 0.0001 1e-05"},
        {"{{ 123456.789 }} {{ .big }} {{ .nan }} {{ .inf }}",
         "123456.789 1.353755652e+09 NaN +Inf"},
        {"{{ 'a' }} {{ '\\n' }}", "97 10"},
        {"{{ \"a\\tb\\u00e9\\x41\" }}", "a\tb\u00e9A"},
        {"{{ `raw \\n` }}", "raw \\n"},
        {"{{ .s }} {{ $.s }} {{ (.labels).a }}", "text text 1"},
        {"{{ .labels.a }}{{ .labels.zz }}|{{ .nope }}|{{ .nope.more }}", "1|<no value>|<no value>"},
        {"{{ .person.Name }} {{ .person }} {{ .person.Nobody }}", "Ann {Ann} <nil>"},
        {"{{ .person.Greet }}, {{ .person.Greet 1 \"x\" }}, {{ 2 | .person.Greet 1 }}",
         "hello, hello 1 x, hello 1 2"},
        {"{{ \"x\" | printf \"%s-%s\" \"y\" }}", "y-x"},
        {"{{ $x := 1 }}{{ $x }}{{ $x = 2 }}{{ $x }}", "12"},
        {"{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"},
        {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"},
        {"{{ if .n }}a{{ else }}b{{ end }}{{ if .no }}a{{ else if .s }}c{{ else }}b{{ end }}",
         "ac"},
        {"{{ if .nan }}yes{{ end }}{{ if .person }}yes{{ end }}{{ if .none }}no{{ end }}",
         "yesyes"},
        {"{{ range .list }}{{ . }},{{ end }}", "a,b,c,"},
        {"{{ range $e := .list }}{{ $e }}{{ $.n }}{{ end }}", "a3b3c3"},
        {"{{ range $i, $e := .list }}{{ $i }}{{ $e }}{{ end }}", "0a1b2c"},
        {"{{ range $k, $v := .labels }}{{ $k }}={{ $v }} {{ end }}", "a=1 b=2 "},
        {"{{ range $i, $e := args \"a\" \"b\" }}{{ $i }}{{ $e }}{{ end }}", "arg0aarg1b"},
        {"{{ range 3 }}{{ . }}{{ end }}{{ range $i := 2 }}{{ $i }}{{ end }}", "01201"},
        {"{{ range .none }}x{{ else }}none{{ end }}{{ range 0 }}x{{ else }}zero{{ end }}",
         "nonezero"},
        {"{{ range .list }}{{ if eq . \"b\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"},
        {"{{ range .list }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"},
        {"{{ with \"\" }}t{{ else }}f{{ end }}", "f"},
        {"{{ with .s }}{{ . }}{{ end }}{{ with $v := .n }}{{ $v }}{{ end }}", "text3"},
        {"{{ with \"\" }}t{{ else with .s }}{{ . }}{{ end }}", "text"},
        {"{{ define \"u\" }}<{{ . }}>{{ end }}{{ template \"u\" 1 }}", "<1>"},
        {"{{ define \"u\" }}<{{ . }}{{ $ }}>{{ end }}{{ template \"u\" }}", "<<nil><nil>>"},
        {"{{ block \"b\" \"x\" }}{{ . }}{{ end }}", "x"},
        {"{{ and 0 \"x\" }}|{{ and 1 \"x\" }}|{{ or \"\" \"x\" }}|{{ or 0 \"\" }}|{{ not 0 }}",
         "0|x|x||true"},
        {"{{ or 1 (fail) }}{{ and 0 (fail) }}", "10"},
        {"{{ eq 1 2 1 }}{{ eq .n 3 }}{{ eq .uint 7 }}{{ eq \"a\" \"a\" }}{{ eq 1.5 .f }}",
         "truetruetruetruetrue"},
        {"{{ ne 1 2 }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt \"b\" \"a\" }}{{ ge 1.5 2.5 }}",
         "truetruetruetruefalse"},
        {"{{ lt .n .uint }}{{ gt -1 .uint }}", "truefalse"},
        {"{{ eq nil .person.Nobody }}", "true"},
        {"{{ len .list }}{{ len .s }}{{ len .labels }}{{ len . }}", "34216"},
        {"{{ index .list 1 }}{{ index .labels \"a\" }}{{ index . \"labels\" \"b\" }}", "b12"},
        {"{{ slice .s 1 3 }} {{ slice .list 1 }}", "ex [b c]"},
        {"{{ print 1 2 \"a\" \"b\" 3 }}|{{ println 1 \"a\" }}", "1 2ab3|1 a\n"},
        {"{{ html \"<a&'\\\">\" }} {{ js \"it's\" }} {{ urlquery \"a b&c\" }}",
         "&lt;a&amp;&#39;&#34;&gt; it\\'s a+b%26c"},
        {"{{ call .twice \"x\" }}", "xx"},
        {"{{ .list }} {{ .labels }} {{ .when }} {{ .span }}",
         "[a b c] map[a:1 b:2] 2015-06-23 13:19:44.128 +0000 UTC 1m30s"},
        {"{{ .when.Year }} {{ .when.Format \"15:04\" }} {{ .span.Minutes }}", "2015 13:19 1.5"},
        {"{{ (printf \"%d\" 4) }}{{ len (slice .list 1) }}", "42"},
        {"{{ 18446744073709551615 }}", "18446744073709551615"},
    };
    for (const auto& [text, output] : rows) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(output);
    }
}

void TestTemplates::textsBecomeWhatGoMakesOfThem()
{
    QFETCH(QString, text);
    QFETCH(QString, output);
    QCOMPARE(shown(text.toStdString()), output);
}

void TestTemplates::printfFollowsItsVerbsAndFlags_data()
{
    QTest::addColumn<QString>("call");
    QTest::addColumn<QString>("output");
    const char* const rows[][2] = {
        {R"("%v %+v %T" 1 2 3)", "1 2 int"},
        {R"("%d|%5d|%-5d|%05d|%+d|% d" 42 42 42 42 42 42)", "42|   42|42   |00042|+42| 42"},
        {R"("%x %X %#x %o %O %#o %b %#b" 255 255 255 8 8 8 5 5)",
         "ff FF 0xff 10 0o10 010 101 0b101"},
        {R"("%c %q %U %#U" 65 65 65 9731)", "A 'A' U+0041 U+2603 '\u2603'"},
        {R"("%e %E %f %.2f %F" 1234.5 1234.5 1.5 1.005 2.5)",
         "1.234500e+03 1.234500E+03 1.500000 1.00 2.500000"},
        {R"("%g %G %.3g %.4g" 0.00001 0.00001 1234.5 1234567.0)", "1e-05 1E-05 1.23e+03 1.235e+06"},
        {R"("%8.2f|%-8.2f|%08.2f|%+.1f|% .1f" 3.14159 3.14159 -3.14159 2.0 2.0)",
         "    3.14|3.14    |-0003.14|+2.0| 2.0"},
        {R"("%6d|%06d" -42 -42)", "   -42|-00042"},
        {R"("%s|%10s|%-10s|%.2s" "abc" "abc" "abc" "abc")", "abc|       abc|abc       |ab"},
        {R"("%q %#q %x %X % x" "a\"b" "ab" "hi" "hi" "hi")", "\"a\\\"b\" `ab` 6869 6869 68 69"},
        {R"("%t %v" true false)", "true false"},
        {R"("%%")", "%"},
        {R"("%d" 3.0)", "%!d(float64=3)"},
        {R"("%d" 1.5)", "%!d(float64=1.5)"},
        {R"("%s" 1)", "%!s(int=1)"},
        {R"("%d")", "%!d(MISSING)"},
        {R"("%y" 1)", "%!y(int=1)"},
        {R"("x" 1 "a")", "x%!(EXTRA int=1, string=a)"},
        {R"("%[2]d %[1]d" 1 2)", "2 1"},
        {R"("%[5]d" 1)", "%!d(BADINDEX)"},
        {R"("%[1]d %[1]v" 7)", "7 7"},
        {R"("%*d|%-*d|%.*f" 5 1 5 1 2 1.0)", "    1|1    |1.00"},
        {R"("%!")", "%!!(MISSING)"},
        {R"("%")", "%!(NOVERB)"},
        {R"("%v %s" .list .list)", "[a b c] [a b c]"},
        {R"("%q" .list)", "[\"a\" \"b\" \"c\"]"},
        {R"("%v" nil)", "<nil>"},
        {R"("%#v %#v %#v" "a" 1 .labels)", "\"a\" 1 map[string]string{\"a\":\"1\", \"b\":\"2\"}"},
        {R"("%v %d" .span .span)", "1m30s 90000000000"},
        {R"("%6.2f%%" 12.345)", " 12.35%"},
        {R"("%5t|%-7t|" true false)", " true|false  |"},
        {R"("%s" .when)", "2015-06-23 13:19:44.128 +0000 UTC"},
        {R"("%.0f %.1f" 2.5 0.25)", "2 0.2"},
        {R"("%x" 1.0)", "0x1p+00"},
        {R"("%#g %#.3g" 1.0 1.0)", "1.00000 1.00"},
        {R"("%5v|%-5v|" .nan .inf)", "  NaN|+Inf |"},
        {R"("%+q" "é")", "\"\\u00e9\""},
    };
    for (const auto& [call, output] : rows) {
        QTest::newRow(call) << QString::fromUtf8(call) << QString::fromUtf8(output);
    }
}

void TestTemplates::printfFollowsItsVerbsAndFlags()
{
    QFETCH(QString, call);
    QFETCH(QString, output);
    QCOMPARE(shown("{{ printf " + call.toStdString() + " }}"), output);
}

void TestTemplates::mistakesAreFoundWhenParsing_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("message");
    const char* const rows[][2] = {
        {"{{ .value", "template: t:1: unclosed action"},
        {"{{ if }}", "template: t:1: missing value for if"},
        {"\n{{ nosuch 1 }}", "template: t:2: function \"nosuch\" not defined"},
        {"{{ $label.x }}", "template: t:1: undefined variable \"$label\""},
        {"{{ if true }}", "template: t:1: unexpected EOF"},
        {"{{ end }}", "template: t:1: unexpected {{end}}"},
        {"{{ else }}", "template: t:1: unexpected {{else}}"},
        {"{{ \"abc }}", "template: t:1: unterminated quoted string"},
        {"{{ `abc }}", "template: t:1: unterminated raw quoted string"},
        {"{{ 'a }}", "template: t:1: unterminated character constant"},
        {"{{ 'ab' }}", "template: t:1: malformed character constant: 'ab'"},
        {"{{/* x }}", "template: t:1: unclosed comment"},
        {"{{/* x */ 1 }}", "template: t:1: comment ends before closing delimiter"},
        {"{{ (1 }}", "template: t:1: unclosed left paren"},
        {"{{ 1) }}", "template: t:1: unexpected right paren"},
        {"{{ 1a }}", "template: t:1: bad number syntax: \"1a\""},
        {"{{ 1__0 }}", "template: t:1: bad number syntax: \"1__0\""},
        {"{{ break }}", "template: t:1: {{break}} outside {{range}}"},
        {"{{ . | 1 }}", "template: t:1: non executable command in pipeline stage 2"},
        {"{{ .x | }}", "template: t:1: missing value for command"},
        {"{{ | .x }}", "template: t:1: empty command"},
        {"{{ $x, $y := 1 }}", "template: t:1: too many declarations in command"},
        {"{{ 1.Name }}", "template: t:1: bad number syntax: \"1.Name\""},
        {"{{ true.Name }}", "template: t:1: unexpected . after term \"true\""},
        {"{{ template x }}", "template: t:1: unexpected \"x\" in template clause"},
        {"{{ define \"x\" }}", "template: t:1: unexpected EOF"},
        {"{{ define \"x\" }}1{{ end }}{{ define \"x\" }}2{{ end }}",
         "template: t:1: multiple definition of template \"x\""},
        {"{{ \u00a01 }}", "template: t:1: unrecognized character in action: U+00A0 '\u00a0'"},
        {"{{ # }}", "template: t:1: unrecognized character in action: U+0023 '#'"},
        {"{{ if 1 }}{{ $x := 1 }}{{ end }}{{ $x }}", "template: t:1: undefined variable \"$x\""},
        {"{{ define \"x\" }}{{ $y }}{{ end }}", "template: t:1: undefined variable \"$y\""},
        {"{{ if 1 }}{{ define \"x\" }}{{ end }}{{ end }}",
         "template: t:1: unexpected <define> in command"},
        {"{{ .a:b }}", "template: t:1: expected :="},
        {"{{ \"a\"\"b\" }}", "template: t:1: unexpected \"\\\"b\\\"\" in operand"},
        {"{{ }}", "template: t:1: missing value for command"},
    };
    for (const auto& [text, message] : rows) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(message);
    }
}

void TestTemplates::mistakesAreFoundWhenParsing()
{
    QFETCH(QString, text);
    QFETCH(QString, message);
    QCOMPARE(shown(text.toStdString()), "error: " + message);
}

void TestTemplates::failuresNameTheirPlace_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("message");
    const char* const rows[][2] = {
        {"{{ lt 1 1.5 }}",
         "template: t:1:3: executing \"t\" at <lt 1 1.5>: error calling lt: incompatible types for "
         "comparison"},
        {"a\n {{ .person.Nope }}",
         "template: t:2:4: executing \"t\" at <.person.Nope>: can't evaluate field Nope in type "
         "test.Person"},
        {"{{ fail }}",
         "template: t:1:3: executing \"t\" at <fail>: error calling fail: it went wrong"},
        {"{{ template \"nope\" }}",
         "template: t:1:3: executing \"t\" at <template \"nope\">: template \"nope\" not defined"},
        {"{{ define \"x\" }}{{ fail }}{{ end }}{{ template \"x\" }}",
         "template: t:1:19: executing \"x\" at <fail>: error calling fail: it went wrong"},
        {"{{ index .list 5 }}",
         "template: t:1:3: executing \"t\" at <index .list 5>: error calling index: index out of "
         "range: 5"},
        {"{{ range .s }}{{ end }}",
         "template: t:1:9: executing \"t\" at <.s>: range can't iterate over text"},
        {"{{ .person.Nobody.More }}",
         "template: t:1:3: executing \"t\" at <.person.Nobody.More>: nil pointer evaluating "
         "interface {}.More"},
        {"{{ 1 2 }}",
         "template: t:1:3: executing \"t\" at <1>: can't give argument to non-function 1"},
        {"{{ nil }}", "template: t:1:3: executing \"t\" at <nil>: nil is not a command"},
        {"{{ .s.x }}",
         "template: t:1:3: executing \"t\" at <.s.x>: can't evaluate field x in type string"},
        {"{{ .person.Name 1 }}",
         "template: t:1:3: executing \"t\" at <.person.Name>: Name has arguments but cannot be "
         "invoked as function"},
        {"{{ eq .list .list }}",
         "template: t:1:3: executing \"t\" at <eq .list .list>: error calling eq: non-comparable "
         "type [a b c]: []interface {}"},
        {"{{ len 3 }}",
         "template: t:1:3: executing \"t\" at <len 3>: error calling len: len of type int"},
    };
    for (const auto& [text, message] : rows) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(message);
    }
}

void TestTemplates::failuresNameTheirPlace()
{
    QFETCH(QString, text);
    QFETCH(QString, message);
    QCOMPARE(shown(text.toStdString()), "error: " + message);
}

void TestTemplates::positionsOfErrorsAreTyped()
{
    const auto result = rendered("ab\ncd {{ nosuch }}");
    const auto position = base::positionOf(result.status());
    QVERIFY(position.has_value());
    QCOMPARE(position->line.value_or(0), 2U);
    QCOMPARE(position->column.value_or(0), 7U);
    QCOMPARE(position->begin.value_or(0), 9U);
    QCOMPARE(position->end.value_or(0), 15U);
}

void TestTemplates::laterDefinitionsTakeThePlaceOfEarlierOnes()
{
    TemplateSet set(functions(), Escaping::None);
    QVERIFY(set.parse("one", "{{ define \"a\" }}first{{ end }}").ok());
    QVERIFY(set.parse("two", "{{ define \"a\" }}second{{ end }}").ok());
    QCOMPARE(set.execute("a", Value()).value(), std::string("second"));
    QVERIFY(set.parse("three", "{{ define \"a\" }} {{ end }}").ok());
    QCOMPARE(set.execute("a", Value()).value(), std::string("second"));
    QVERIFY(!set.parse("four", "{{ define \"a\" }}third{{ end }}{{ nosuch }}").ok());
    QCOMPARE(set.execute("a", Value()).value(), std::string("second"));
    // A text's own definitions hold for that text alone.
    QCOMPARE(set.executeText("x", "{{ define \"a\" }}mine{{ end }}{{ template \"a\" }}", Value())
                 .value(),
             std::string("mine"));
    QCOMPARE(set.execute("a", Value()).value(), std::string("second"));
    const TemplateSet copy(set);
    QVERIFY(set.parse("five", "{{ define \"b\" }}b{{ end }}").ok());
    QVERIFY(set.has("b") && !copy.has("b"));
}

void TestTemplates::endlessRecursionAndLoopsEnd()
{
    QVERIFY(shown("{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}")
                .contains("exceeded maximum template depth"));
    QVERIFY(shown("{{ range 9223372036854775807 }}{{ end }}").contains("steps"));
}

void TestTemplates::outputHasALimit()
{
    const auto result =
        TemplateSet(functions(), Escaping::None)
            .executeText("t", "{{ range 1000 }}0123456789{{ end }}", Value(), {.limitBytes = 500});
    QVERIFY(!result.ok());
    QVERIFY(base::messageOf(result.status()).ends_with("the output is larger than 500 bytes"));
}

void TestTemplates::deepNestingIsRefused()
{
    std::string parens = "{{ ";
    std::string blocks;
    for (int i = 0; i < 100'000; ++i) {
        parens += "(";
        blocks += "{{if 1}}";
    }
    QVERIFY(shown(parens).contains("nested deeper than"));
    QVERIFY(shown(blocks).contains("nested deeper than"));
}

void TestTemplates::executionStopsWhenAsked()
{
    std::stop_source stop;
    stop.request_stop();
    const auto result =
        TemplateSet(functions(), Escaping::None)
            .executeText("t", "{{ range 1000000 }}{{ end }}", Value(), {.stop = stop.get_token()});
    QCOMPARE(result.status().code(), absl::StatusCode::kCancelled);
}

} // namespace narthex::gotemplate

QTEST_GUILESS_MAIN(narthex::gotemplate::TestTemplates)
#include "tst_templates.moc"
