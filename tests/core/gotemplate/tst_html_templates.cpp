// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Escaping by the place in the page.
#include "core/base/status.h"
#include "core/gotemplate/template.h"

#include <QTest>

namespace narthex::gotemplate {

class TestHtmlTemplates : public QObject
{
    Q_OBJECT

private slots:
    void valuesAreEscapedForTheirPlace_data();
    void valuesAreEscapedForTheirPlace();
    void placesReachThroughCalledTemplates();
};

static Value data()
{
    Map map;
    map.emplace("evil", Value("<script>\"'&+</script>"));
    map.emplace("url", Value("javascript:alert(1)"));
    map.emplace("good", Value("https://h/a b?x=1&y=<2>"));
    map.emplace("html", Value(Html{"<b title='x'>&amp;</b>"}));
    map.emplace("trusted", Value(Url{"tel:+123"}));
    map.emplace("n", Value(5));
    map.emplace("map", Value(TextMap{{"a", "</script>"}}));
    map.emplace("color", Value("red"));
    map.emplace("expression", Value("expression(alert(1))"));
    map.emplace("name", Value("title"));
    map.emplace("handler", Value("onclick"));
    map.emplace("empty", Value(""));
    return Value(std::move(map));
}

void TestHtmlTemplates::valuesAreEscapedForTheirPlace_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("output");
    const char* const rows[][2] = {
        {"<p>{{ .evil }}</p>", "<p>&lt;script&gt;&#34;&#39;&amp;&#43;&lt;/script&gt;</p>"},
        {"<p>{{ .html }}</p>", "<p><b title='x'>&amp;</b></p>"},
        {"<p>{{ \"<\" | html }}</p>", "<p>&lt;</p>"},
        {"<a title=\"{{ .evil }}\">",
         "<a title=\"&lt;script&gt;&#34;&#39;&amp;&#43;&lt;/script&gt;\">"},
        {"<a title=\"{{ .html }}\">", "<a title=\"&amp;\">"},
        {"<a title={{ .evil }}>",
         "<a title=&#60;script&#62;&#34;&#39;&#38;&#43;&#60;/script&#62;>"},
        {"<a title={{ .empty }}>", "<a title=ZgotmplZ>"},
        {"<a href=\"{{ .url }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\"{{ .trusted }}\">", "<a href=\"tel:&#43;123\">"},
        {"<a href=\"{{ .good }}\">", "<a href=\"https://h/a%20b?x=1&amp;y=%3c2%3e\">"},
        {"<a href=\"/x?q={{ .good }}\">",
         "<a href=\"/x?q=https%3a%2f%2fh%2fa%20b%3fx%3d1%26y%3d%3c2%3e\">"},
        {"<a href=\"/{{ .url }}\">", "<a href=\"/javascript:alert%281%29\">"},
        {"<img data-src='{{ .url }}'>", "<img data-src='#ZgotmplZ'>"},
        {"<a onclick=\"f({{ .evil }})\">", "<a "
                                           "onclick=\"f(&#34;\\u003cscript\\u003e\\&#34;&#39;"
                                           "\\u0026&#43;\\u003c/script\\u003e&#34;)\">"},
        {"<script>var x = {{ .n }};</script>", "<script>var x =  5 ;</script>"},
        {"<script>var x = {{ .map }};</script>",
         "<script>var x = {\"a\":\"\\u003c/script\\u003e\"};</script>"},
        {"<script>var x = \"{{ .evil }}\";</script>",
         "<script>var x = "
         "\"\\u003cscript\\u003e\\u0022\\u0027\\u0026\\u002b\\u003c\\/script\\u003e\";</script>"},
        {"<script>/* {{ .evil }} */ x = {{ .n }}</script>", "<script>/*  */ x =  5 </script>"},
        {"<script>x = a / {{ .n }} / \"{{ .color }}\"</script>",
         "<script>x = a /  5  / \"red\"</script>"},
        {"<script>x = /{{ .good }}/</script>",
         "<script>x = /https:\\/\\/h\\/a b\\?x\\u003d1\\u0026y\\u003d\\u003c2\\u003e/</script>"},
        {"<style>p { color: {{ .color }} }</style>", "<style>p { color: red }</style>"},
        {"<p style=\"color: {{ .expression }}\">", "<p style=\"color: ZgotmplZ\">"},
        {"<p style=\"background: url('{{ .url }}')\">",
         "<p style=\"background: url('#ZgotmplZ')\">"},
        {"<p {{ .name }}=\"x\">", "<p title=\"x\">"},
        {"<p {{ .handler }}=\"x\">", "<p ZgotmplZ=\"x\">"},
        {"<textarea>{{ .html }}</textarea>{{ .html }}",
         "<textarea>&lt;b title=&#39;x&#39;&gt;&amp;amp;&lt;/b&gt;</textarea><b "
         "title='x'>&amp;</b>"},
        {"a<!-- {{ .evil }} -->b", "ab"},
        {"1 < 2 {{ .n }} <b>{{ .n }}</b>", "1 < 2 5 <b>5</b>"},
        {"{{ if true }}<a href='{{ else }}<a title='{{ end }}{{ .url }}'>", "<a href='#ZgotmplZ'>"},
        {"<br/>{{ .evil }}", "<br/>&lt;script&gt;&#34;&#39;&amp;&#43;&lt;/script&gt;"},
    };
    for (const auto& [text, output] : rows) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(output);
    }
}

void TestHtmlTemplates::valuesAreEscapedForTheirPlace()
{
    QFETCH(QString, text);
    QFETCH(QString, output);
    const auto result =
        TemplateSet(Functions(), Escaping::Html).executeText("t", text.toStdString(), data());
    QVERIFY2(result.ok(), result.status().ToString().c_str());
    QCOMPARE(QString::fromStdString(*result), output);
}

void TestHtmlTemplates::placesReachThroughCalledTemplates()
{
    TemplateSet set(Functions(), Escaping::Html);
    QVERIFY(set.parse("x", "{{ define \"link\" }}{{ . }}{{ end }}"
                           "{{ define \"open\" }}<a href=\"{{ end }}")
                .ok());
    QCOMPARE(set.executeText("t",
                             "{{ template \"open\" }}{{ template \"link\" .url }}\">"
                             "{{ template \"link\" .url }}",
                             data())
                 .value(),
             std::string("<a href=\"#ZgotmplZ\">javascript:alert(1)"));
}

} // namespace narthex::gotemplate

QTEST_GUILESS_MAIN(narthex::gotemplate::TestHtmlTemplates)
#include "tst_html_templates.moc"
