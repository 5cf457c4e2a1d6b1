// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"
#include "core/base/run_program.h"
#include "support/kubernetes_api.h"
#include "support/watch_run.h"

#include <QtTest>

#include <filesystem>
#include <fstream>

using namespace narthex;
using namespace narthex::tests;
using namespace narthex::base::literals;

namespace {

constexpr const char* kPods = "/api/v1/pods";

std::string pod(const std::string& name, const std::string& space = "d",
                const std::string& address = "10.0.0.1")
{
    return "{\"metadata\":{\"name\":\"" + name + "\",\"namespace\":\"" + space +
           "\"},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"" + address +
           "\"}}";
}

std::size_t filled(const WatchRun::State& state)
{
    std::size_t count = 0;
    for (const auto& [source, group] : state) {
        count += group.entries.empty() ? 0U : 1U;
    }
    return count;
}

std::string queryOf(const StreamingServer::Request& request)
{
    std::string text;
    for (const auto& [name, value] : request.query) {
        text += (text.empty() ? "" : "&") + name + "=" + value;
    }
    return text;
}

} // namespace

class TestKubernetesWatch : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        api_ = std::make_unique<KubernetesApi>();
        world_ = std::make_unique<DiscoveryWorld>();
    }
    void listsInPagesThenWatches();
    void listsAgainWhenAPageIsForgotten();
    void resumesACutWatchWhereItWas();
    void bookmarksMoveTheBeginning();
    void listsAnewAfter410_data();
    void listsAnewAfter410();
    void waitsAfterErrorsAndKeepsTargets();
    void reportsWhatItMayNotRead();
    void sendsNothingBeforeAllIsKnown();
    void followsEachNamespaceForItself();
    void passesSelectorsOn();
    void sendsNothingWhenNothingChangesForTargets();
    void stopsWhileItWatches();
    void readsTheServiceAccountAnew();
    void tellsWhatIsMissingInACluster();
    void usesKubeconfigs_data();
    void usesKubeconfigs();
    void refusesBadKubeconfigs_data();
    void refusesBadKubeconfigs();
    void asksAProgramForATokenAgainWhenItIsRefused();
    void runsPrograms();
    void countsWhatItDoes();

private:
    std::unique_ptr<WatchRun> run(const std::string& yaml = "")
    {
        return std::make_unique<WatchRun>(*world_, "kubernetes",
                                          "role: pod\napi_server: " + api_->url() + "\n" + yaml);
    }
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return (folder_.path() / name).string();
    }
    static void write(const std::string& file, const std::string& text)
    {
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        std::ofstream(file) << text;
    }
    [[nodiscard]] std::string kubeconfig(const std::string& user) const
    {
        return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
               "contexts: [{name: other, context: {}}, {name: here, context: {cluster: c, user: "
               "u}}]\n"
               "clusters: [{name: c, cluster: {server: '" +
               api_->url() + "'}}]\nusers: [{name: u, user: " + user + "}]\n";
    }
    /// What the creation of a provider says.
    std::string createError(const std::string& yaml)
    {
        const auto provider =
            DiscoveryWorld::read("kubernetes", yaml).value()->makeProvider(world_->environment());
        return provider.ok() ? "" : std::string(base::messageOf(provider.status()));
    }

    std::unique_ptr<KubernetesApi> api_;
    std::unique_ptr<DiscoveryWorld> world_;
    base::TemporaryDirectory folder_;
};

void TestKubernetesWatch::listsInPagesThenWatches()
{
    for (int i = 0; i < 7; ++i) {
        api_->put(kPods, pod("p" + std::to_string(i)));
    }
    api_->setPageSize(3);
    const std::string version = std::to_string(api_->version());
    const auto watch = run();
    QVERIFY(watch->until([](const auto& state) { return filled(state) == 7; }));
    QCOMPARE(watch->sends(), std::size_t{1});
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    const auto lists = api_->asked(kPods, false);
    QCOMPARE(lists.size(), std::size_t{3});
    QCOMPARE(queryOf(lists[0]), std::string("limit=500&resourceVersion=0"));
    QCOMPARE(queryOf(lists[1]), std::string("continue=3&limit=500"));
    QCOMPARE(queryOf(lists[2]), std::string("continue=6&limit=500"));
    auto query = api_->asked(kPods, true)[0].query;
    const int seconds = std::stoi(query["timeoutSeconds"]);
    QVERIFY(seconds >= 300 && seconds <= 600);
    query.erase("timeoutSeconds");
    QCOMPARE(query,
             (std::map<std::string, std::string>{
                 {"allowWatchBookmarks", "true"}, {"resourceVersion", version}, {"watch", "1"}}));
    api_->put(kPods, pod("new"));
    QVERIFY(watch->untilEntries("pod/d/new", 1));
    api_->remove(kPods, "d/new");
    QVERIFY(watch->untilEntries("pod/d/new", 0));
}

void TestKubernetesWatch::listsAgainWhenAPageIsForgotten()
{
    for (int i = 0; i < 5; ++i) {
        api_->put(kPods, pod("p" + std::to_string(i)));
    }
    api_->setPageSize(2);
    api_->expireContinue();
    const auto watch = run();
    QVERIFY(watch->until([](const auto& state) { return filled(state) == 5; }));
    const auto lists = api_->asked(kPods, false);
    QCOMPARE(lists.size(), std::size_t{3});
    QCOMPARE(queryOf(lists[2]), std::string()); // all of it, as it is now
}

void TestKubernetesWatch::resumesACutWatchWhereItWas()
{
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1));
    for (const bool cut : {true, false}) {
        const std::string name = cut ? "b" : "c";
        api_->put(kPods, pod(name));
        QVERIFY(watch->untilEntries("pod/d/" + name, 1));
        const std::string version = std::to_string(api_->version());
        const std::size_t watches = api_->asked(kPods, true).size();
        api_->endWatches(cut);
        QTRY_COMPARE(api_->asked(kPods, true).size(), watches + 1);
        QCOMPARE(api_->asked(kPods, true).back().query.at("resourceVersion"), version);
    }
    api_->put(kPods, pod("d"));
    QVERIFY(watch->untilEntries("pod/d/d", 1));
    QCOMPARE(api_->asked(kPods, false).size(), std::size_t{1});
    QCOMPARE(world_->metrics.value("prometheus_sd_kubernetes_failures_total"), 0.0);
}

void TestKubernetesWatch::bookmarksMoveTheBeginning()
{
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    api_->bookmark(kPods);
    const std::string version = std::to_string(api_->version());
    api_->endWatches(false);
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{2});
    QCOMPARE(api_->asked(kPods, true).back().query.at("resourceVersion"), version);
    QCOMPARE(watch->sends(), std::size_t{1});
}

void TestKubernetesWatch::listsAnewAfter410_data()
{
    QTest::addColumn<bool>("asEvent");
    QTest::newRow("status") << false;
    QTest::newRow("event") << true;
}

void TestKubernetesWatch::listsAnewAfter410()
{
    QFETCH(bool, asEvent);
    api_->put(kPods, pod("stays"));
    api_->put(kPods, pod("goes"));
    const auto watch = run();
    QVERIFY(watch->until([](const auto& state) { return filled(state) == 2; }));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    const std::size_t sends = watch->sends();
    if (asEvent) {
        api_->failNext("/pods", 500, 0);
        api_->sendError(410);
    } else {
        api_->failNext("/api/v1/pods", 410, 1); // the watch that follows the cut
        api_->endWatches(true);
    }
    QTRY_VERIFY(api_->asked(kPods, false).size() >= 2);
    QCOMPARE(queryOf(api_->asked(kPods, false)[1]), std::string("limit=500"));
    // Nothing changed: nothing is sent. Then what changed is.
    QTRY_VERIFY(api_->asked(kPods, true).size() >= (asEvent ? 2U : 3U));
    QCOMPARE(watch->sends(), sends);
    const std::size_t lists = api_->asked(kPods, false).size();
    api_->failNext("/api/v1/pods", 410, 1);
    api_->endWatches(true);
    api_->remove(kPods, "d/goes");
    api_->put(kPods, pod("comes"));
    api_->forgetHistory();
    QVERIFY(watch->untilEntries("pod/d/comes", 1, 20));
    QVERIFY(watch->untilEntries("pod/d/goes", 0, 20));
    QVERIFY(api_->asked(kPods, false).size() > lists);
    QCOMPARE(filled(watch->state()), std::size_t{2});
}

void TestKubernetesWatch::waitsAfterErrorsAndKeepsTargets()
{
    api_->failNext("/pods", 403, 2);
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1, 20));
    QCOMPARE(world_->metrics.value("prometheus_sd_kubernetes_failures_total"), 2.0);
    QCOMPARE(api_->asked(kPods, false).size(), std::size_t{3});
    QTRY_VERIFY(watch->failing().empty());
    api_->failNext("/pods", 500, 1);
    api_->endWatches(true);
    QTRY_COMPARE(world_->metrics.value("prometheus_sd_kubernetes_failures_total"), 3.0);
    QCOMPARE(filled(watch->state()), std::size_t{1});
    api_->put(kPods, pod("b"));
    QVERIFY(watch->untilEntries("pod/d/b", 1, 20));
}

void TestKubernetesWatch::reportsWhatItMayNotRead()
{
    api_->failNext("/pods", 403, 1000);
    const auto watch = run();
    QTRY_COMPARE(watch->failing().size(), std::size_t{1});
    const auto failing = watch->failing();
    const auto& [part, message] = *failing.begin();
    QCOMPARE(part, std::string(kPods));
    QVERIFY2(message.find("GET " + part) == 0 && message.find("403") != std::string::npos,
             message.c_str());
}

void TestKubernetesWatch::sendsNothingBeforeAllIsKnown()
{
    api_->put("/api/v1/nodes", "{\"metadata\":{\"name\":\"n\"}}");
    std::string onNode = pod("a");
    onNode.replace(onNode.find("\"containers\""), 0, "\"nodeName\":\"n\",");
    api_->put(kPods, onNode);
    api_->failNext("/nodes", 500, 1);
    const auto watch = run("attach_metadata: {node: true}\n");
    QVERIFY(watch->until([](const auto& state) { return !state.empty(); }));
    QCOMPARE(watch->group("pod/d/a").entries.size(), std::size_t{1});
    QCOMPARE(watch->sends(), std::size_t{1});
}

void TestKubernetesWatch::followsEachNamespaceForItself()
{
    api_->put(kPods, pod("a", "one"));
    api_->put(kPods, pod("b", "two"));
    api_->put(kPods, pod("c", "three"));
    api_->failNext("/namespaces/two/pods", 403, 1000);
    const auto watch = run("namespaces: {names: [one, two, one]}\n");
    QVERIFY(watch->untilEntries("pod/one/a", 1));
    QCOMPARE(watch->state().size(), std::size_t{1});
    QCOMPARE(api_->asked("/api/v1/namespaces/one/pods", false).size(), std::size_t{1});
    QVERIFY(api_->asked(kPods, false).empty());
}

void TestKubernetesWatch::passesSelectorsOn()
{
    api_->put(kPods, pod("a"));
    const auto watch =
        run("attach_metadata: {node: true}\nselectors: [{role: pod, label: 'a=b,c in (d)', field: "
            "status.phase=Running}, {role: node, label: 'x'}]\n");
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    QTRY_COMPARE(api_->asked("/api/v1/nodes", true).size(), std::size_t{1});
    for (const bool isWatch : {false, true}) {
        auto query = api_->asked(kPods, isWatch)[0].query;
        QCOMPARE(query["labelSelector"], std::string("a=b,c in (d)"));
        QCOMPARE(query["fieldSelector"], std::string("status.phase=Running"));
        auto nodes = api_->asked("/api/v1/nodes", isWatch)[0].query;
        QCOMPARE(nodes["labelSelector"], std::string("x"));
        QVERIFY(!nodes.contains("fieldSelector"));
    }
}

void TestKubernetesWatch::sendsNothingWhenNothingChangesForTargets()
{
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    api_->put(kPods, pod("a")); // a new version of the same
    api_->put(kPods, pod("b"));
    QVERIFY(watch->untilEntries("pod/d/b", 1));
    QVERIFY(watch->sends() <= 3);
    QCOMPARE(filled(watch->state()), std::size_t{2});
}

void TestKubernetesWatch::stopsWhileItWatches()
{
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    QVERIFY(watch->end() < 2);
}

void TestKubernetesWatch::readsTheServiceAccountAnew()
{
    const std::string account = path("root/var/run/secrets/kubernetes.io/serviceaccount/");
    write(account + "token", "first");
    write(account + "namespace", "mine");
    world_->rootDirectory = path("root");
    world_->apiBase = api_->url();
    world_->variables = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"},
                         {"KUBERNETES_SERVICE_PORT", "443"}};
    api_->put(kPods, pod("a", "mine"));
    api_->put(kPods, pod("b", "other"));
    WatchRun watch(*world_, "kubernetes", "role: pod\nnamespaces: {own_namespace: true}\n");
    QVERIFY(watch.untilEntries("pod/mine/a", 1));
    const std::string mine = "/api/v1/namespaces/mine/pods";
    QTRY_COMPARE(api_->asked(mine, true).size(), std::size_t{1});
    QCOMPARE(api_->asked(mine, false)[0].headers.at("authorization"), std::string("Bearer first"));
    write(account + "token", "second");
    api_->endWatches(false);
    QTRY_COMPARE(api_->asked(mine, true).size(), std::size_t{2});
    QCOMPARE(api_->asked(mine, true)[1].headers.at("authorization"), std::string("Bearer second"));
    QCOMPARE(watch.state().size(), std::size_t{1});
}

void TestKubernetesWatch::tellsWhatIsMissingInACluster()
{
    QVERIFY(createError("role: pod").find("KUBERNETES_SERVICE_HOST") != std::string::npos);
    world_->variables = {{"KUBERNETES_SERVICE_HOST", "h"}, {"KUBERNETES_SERVICE_PORT", "1"}};
    world_->rootDirectory = path("nowhere");
    QVERIFY(createError("role: pod").find("serviceaccount/token") != std::string::npos);
    world_->rootDirectory = path("half");
    write(path("half/var/run/secrets/kubernetes.io/serviceaccount/token"), "t");
    QVERIFY(createError("{role: pod, namespaces: {own_namespace: true}}")
                .starts_with("could not determine the pod's namespace: "));
}

void TestKubernetesWatch::usesKubeconfigs_data()
{
    QTest::addColumn<QString>("user");
    QTest::addColumn<QString>("authorization");
    QTest::newRow("token") << "{token: secret}"
                           << "Bearer secret";
    QTest::newRow("token file") << "{tokenFile: token.txt}"
                                << "Bearer from-file";
    QTest::newRow("password") << "{username: a, password: b}"
                              << "Basic YTpi";
    QTest::newRow("program")
        << "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./give.sh, args: [x], "
           "env: [{name: EXTRA, value: y}]}}"
        << "Bearer x-y-client.authentication.k8s.io/v1";
}

void TestKubernetesWatch::usesKubeconfigs()
{
    QFETCH(QString, user);
    QFETCH(QString, authorization);
    write(path("token.txt"), "from-file");
    write(path("give.sh"),
          "#!/bin/sh\nversion=${KUBERNETES_EXEC_INFO#*apiVersion\\\":\\\"}\n"
          "echo \"{\\\"status\\\":{\\\"token\\\":\\\"$1-$EXTRA-${version%%\\\"*}\\\"}}\"\n");
    std::filesystem::permissions(path("give.sh"), std::filesystem::perms::owner_all);
    write(path("config.yml"), kubeconfig(user.toStdString()));
    api_->put(kPods, pod("a"));
    WatchRun watch(*world_, "kubernetes", "role: pod\nkubeconfig_file: " + path("config.yml"));
    QVERIFY(watch.untilEntries("pod/d/a", 1));
    QCOMPARE(QString::fromStdString(api_->requests()[0].headers.at("authorization")),
             authorization);
}

void TestKubernetesWatch::refusesBadKubeconfigs_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("message");
    QTest::newRow("no context") << "kind: Config"
                                << "current-context is not set";
    QTest::newRow("unknown context") << "current-context: x"
                                     << "context \"x\" is not listed below contexts";
    QTest::newRow("unknown cluster")
        << "{current-context: x, contexts: [{name: x, context: {cluster: c}}]}"
        << "cluster \"c\" is not listed below clusters";
    QTest::newRow("no server")
        << "{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: "
           "c, cluster: {}}]}"
        << "server \"\" is no URL";
    QTest::newRow("bad base64")
        << "{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: "
           "c, cluster: {server: 'http://h', certificate-authority-data: '@@@@'}}]}"
        << "certificate-authority-data is no valid base64 text";
    QTest::newRow("unknown user")
        << "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: "
           "[{name: c, cluster: {server: 'http://h'}}]}"
        << "user \"u\" is not listed below users";
    QTest::newRow("no YAML") << "{["
                             << "yaml";
    QTest::newRow("no map") << "[1, 2]"
                            << "current-context is not set";
}

void TestKubernetesWatch::refusesBadKubeconfigs()
{
    QFETCH(QString, text);
    QFETCH(QString, message);
    write(path("bad.yml"), text.toStdString());
    const auto error = QString::fromStdString(
        createError("{role: pod, kubeconfig_file: '" + path("bad.yml") + "'}"));
    QVERIFY2(error.contains(message) && error.contains("bad.yml"), qPrintable(error));
}

void TestKubernetesWatch::asksAProgramForATokenAgainWhenItIsRefused()
{
    write(path("count.sh"), "#!/bin/sh\necho x >> \"" + path("calls") +
                                "\"\necho \"{\\\"status\\\":{\\\"token\\\":\\\"t$(wc -l < '" +
                                path("calls") + "')\\\"}}\"\n");
    std::filesystem::permissions(path("count.sh"), std::filesystem::perms::owner_all);
    write(path("config.yml"), kubeconfig("{exec: {command: '" + path("count.sh") + "'}}"));
    api_->put(kPods, pod("a"));
    api_->failNext("/pods", 401, 1);
    WatchRun watch(*world_, "kubernetes", "role: pod\nkubeconfig_file: " + path("config.yml"));
    QVERIFY(watch.untilEntries("pod/d/a", 1));
    QCOMPARE(api_->requests()[0].headers.at("authorization"), std::string("Bearer t1"));
    QCOMPARE(api_->requests()[1].headers.at("authorization"), std::string("Bearer t2"));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    QCOMPARE(api_->requests()[2].headers.at("authorization"), std::string("Bearer t2"));
}

void TestKubernetesWatch::runsPrograms()
{
    const std::stop_token never;
    QCOMPARE(base::runProgram({.arguments = {"sh", "-c", "echo $A; cat"},
                               .environment = {{"A", "b c"}},
                               .timeout = 20_s},
                              never)
                 .value(),
             std::string("b c\n"));
    QVERIFY(absl::IsUnavailable(
        base::runProgram({.arguments = {"sh", "-c", "exit 3"}, .timeout = 20_s}, never).status()));
    QVERIFY(!base::runProgram({.arguments = {"/no/such/program"}, .timeout = 20_s}, never).ok());
    QVERIFY(!base::runProgram({}, never).ok());
    QVERIFY(absl::IsDeadlineExceeded(
        base::runProgram({.arguments = {"sleep", "100"}, .timeout = 50_ms}, never).status()));
    QVERIFY(absl::IsResourceExhausted(
        base::runProgram({.arguments = {"yes"}, .timeout = 20_s}, never).status()));
    std::stop_source stop;
    stop.request_stop();
    QVERIFY(absl::IsCancelled(
        base::runProgram({.arguments = {"sleep", "100"}, .timeout = 20_s}, stop.get_token())
            .status()));
}

void TestKubernetesWatch::countsWhatItDoes()
{
    api_->put(kPods, pod("a"));
    const auto watch = run();
    QVERIFY(watch->untilEntries("pod/d/a", 1));
    QTRY_COMPARE(api_->asked(kPods, true).size(), std::size_t{1});
    api_->put(kPods, pod("a", "d", "10.0.0.2"));
    api_->remove(kPods, "d/a");
    QVERIFY(watch->untilEntries("pod/d/a", 0));
    const auto events = [&](const char* event, const char* role) {
        return world_->metrics.value("prometheus_sd_kubernetes_events_total",
                                     model::Labels{{"event", event}, {"role", role}});
    };
    QCOMPARE(events("add", "pod"), 1.0);
    QCOMPARE(events("update", "pod"), 1.0);
    QCOMPARE(events("delete", "pod"), 1.0);
    QCOMPARE(events("add", "node"), 0.0);
    QCOMPARE(world_->metrics.value("prometheus_sd_kubernetes_http_request_total",
                                   model::Labels{{"status_code", "200"}}),
             1.0);
    QVERIFY(world_->metrics.value("prometheus_sd_kubernetes_workqueue_items_total",
                                  model::Labels{{"queue_name", "pod"}}) >= 2);
}

QTEST_GUILESS_MAIN(TestKubernetesWatch)
#include "tst_kubernetes_watch.moc"
