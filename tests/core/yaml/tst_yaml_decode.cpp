// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/yaml/decode.h"

#include <QtTest>

using namespace narthex;

namespace {

struct Example
{
    std::string text;
    bool flag = false;
    std::uint64_t count = 0;
    base::Duration interval;
    std::map<std::string, std::string> labels;
    std::vector<std::string> list;
};

std::string decode(const std::string& yaml, Example& out)
{
    auto document = yaml::Document::parse("file.yml", yaml);
    if (!document.ok()) {
        return std::string(base::messageOf(document.status()));
    }
    yaml::Object object((*document)->root(), "example");
    object.field("text", out.text);
    object.field("flag", out.flag);
    object.field("count", out.count);
    object.field("interval", out.interval);
    object.field("labels", out.labels);
    object.field("list", out.list);
    object.finish();
    return std::string(base::messageOf((*document)->status()));
}

} // namespace

class TestYamlDecode : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readsTypedFields();
    void reportsProblemsWithTheirPlace_data();
    void reportsProblemsWithTheirPlace();
    void gathersAllProblems();
    void mergesAnchors();
};

void TestYamlDecode::readsTypedFields()
{
    Example example;
    const std::string problems = decode("text: 123\nflag: Yes\ncount: 1e3\ninterval: "
                                        "1m30s\nlabels: {a: 1, b: 'x'}\nlist:\n- a\n- 2\n",
                                        example);
    QCOMPARE(problems, std::string());
    QCOMPARE(example.text, std::string("123"));
    QVERIFY(example.flag);
    QCOMPARE(example.count, std::uint64_t{1000});
    QCOMPARE(example.interval.ms(), 90000);
    QCOMPARE(example.labels.at("a"), std::string("1"));
    QCOMPARE(example.list.size(), std::size_t{2});
}

void TestYamlDecode::reportsProblemsWithTheirPlace_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("problem");
    QTest::newRow("unknown key")
        << "text: a\nflagg: true\n"
        << "file.yml:2:1: field flagg not found in type example; did you mean flag?";
    QTest::newRow("repeated key") << "text: a\ntext: b\n"
                                  << "file.yml:2:1: field text already set in type example";
    QTest::newRow("repeated label") << "labels: {a: 1, a: 2}\n"
                                    << "file.yml:1:16: key \"a\" already set in map";
    QTest::newRow("wrong type") << "count: many\n"
                                << "file.yml:1:8: cannot unmarshal !!str `many` into uint";
    QTest::newRow("binary that is no base64")
        << QString::fromUtf8("text: !!binary \"ä+/=\"\n")
        << "file.yml:1:7: !!binary value contains invalid base64 data";
    QTest::newRow("quoted boolean") << "flag: 'true'\n"
                                    << "file.yml:1:7: cannot unmarshal !!str `true` into bool";
    QTest::newRow("negative count") << "count: -1\n"
                                    << "file.yml:1:8: cannot unmarshal !!int `-1` into uint";
    QTest::newRow("bad duration") << "interval: 15\n"
                                  << "file.yml:1:11: not a valid duration string: \"15\" (a "
                                     "duration is written like 15s, 1m30s or 1h)";
    QTest::newRow("not a list") << "list: a\n"
                                << "file.yml:1:7: cannot unmarshal !!str `a` into list";
    QTest::newRow("syntax") << "text: [a\n"
                            << "file.yml:2:1: yaml: end of sequence flow not found";
}

void TestYamlDecode::reportsProblemsWithTheirPlace()
{
    QFETCH(QString, yaml);
    Example example;
    QTEST(QString::fromStdString(decode(yaml.toStdString(), example)), "problem");
}

void TestYamlDecode::gathersAllProblems()
{
    Example example;
    const std::string problems = decode("count: x\nflag: 1\nnothing: 2\n", example);
    QCOMPARE(std::count(problems.begin(), problems.end(), '\n'), 2);
}

void TestYamlDecode::mergesAnchors()
{
    Example example;
    QCOMPARE(decode("labels: &l {a: x}\n<<: {text: merged, flag: true}\nflag: false\n", example),
             std::string());
    QCOMPARE(example.text, std::string("merged"));
    QVERIFY(!example.flag);
}

QTEST_GUILESS_MAIN(TestYamlDecode)
#include "tst_yaml_decode.moc"
