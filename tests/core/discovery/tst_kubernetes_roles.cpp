// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/kubernetes_api.h"
#include "support/kubernetes_objects.h"
#include "support/watch_run.h"

#include <QtTest>

using namespace narthex;
using namespace narthex::tests;
using namespace narthex::tests::kubernetes;

class TestKubernetesRoles : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init()
    {
        api_ = std::make_unique<KubernetesApi>();
        world_ = std::make_unique<DiscoveryWorld>();
    }
    void judgesConfigs_data();
    void judgesConfigs();
    void podsGiveATargetForEachPort();
    void podsGetLabelsOfWhatTheyBelongTo();
    void podsWithoutAddressGiveNothing();
    void podsOfUnknownNodesGiveNothing();
    void podsOfJobsTellTheirJob();
    void nodesGiveTheirKubelet();
    void nodesWithoutAddressAreLeftAsTheyAre();
    void servicesGiveTheirPorts();
    void servicesTellTheirKind();
    void endpointsGiveReadyAndNotReadyAddresses();
    void endpointSlicesGiveEachAddressAndPort();
    void secondSlicesOfDualStackServicesGiveNothing();
    void ingressesGiveRulesAndPaths();
    void attachedObjectsRebuildTheirGroups();

private:
    std::unique_ptr<WatchRun> run(const std::string& yaml)
    {
        return std::make_unique<WatchRun>(*world_, "kubernetes",
                                          "api_server: " + api_->url() + "\n" + yaml);
    }
    std::unique_ptr<KubernetesApi> api_;
    std::unique_ptr<DiscoveryWorld> world_;
};

void TestKubernetesRoles::judgesConfigs_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    const auto row = [](const char* name, const char* yaml, const char* message) {
        QTest::newRow(name) << yaml << message;
    };
    row("no role", "api_server: http://h",
        "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
    row("unknown role", "role: vm", "unknown Kubernetes SD role \"vm\"");
    row("in cluster", "role: pod", "");
    row("two servers", "{role: pod, api_server: 'http://h', kubeconfig_file: x}",
        "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
    row("kubeconfig with HTTP", "{role: pod, kubeconfig_file: x, bearer_token: t}",
        "cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
    row("HTTP without server", "{role: pod, basic_auth: {username: a}}",
        "to use custom HTTP client configuration please provide the 'api_server' URL explicitly");
    row("own namespace with server",
        "{role: pod, api_server: 'http://h', namespaces: {own_namespace: true}}",
        "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
    row("own namespace with kubeconfig",
        "{role: pod, kubeconfig_file: x, namespaces: {own_namespace: true}}",
        "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
    row("server is no URL", "{role: pod, api_server: 'h:1'}", "is no URL");
    row("selector of another role", "{role: pod, selectors: [{role: service, label: a=b}]}",
        "pod role supports only pod, node selectors");
    row("selector of a pod", "{role: service, selectors: [{role: pod}]}",
        "service role supports only service selectors");
    row("selectors of slices", "{role: endpointslice, selectors: [{role: endpoints}]}",
        "endpointslice role supports only pod, service, endpointslice selectors");
    row("selectors of endpoints", "{role: endpoints, selectors: [{role: node}]}",
        "endpoints role supports only pod, service, endpoints selectors");
    row("selectors of nodes", "{role: node, selectors: [{role: pod}]}",
        "node role supports only node selectors");
    row("selectors of ingresses", "{role: ingress, selectors: [{role: pod}]}",
        "ingress role supports only ingress selectors");
    row("role twice", "{role: pod, selectors: [{role: pod, label: a}, {role: pod, field: a=b}]}",
        "duplicated selector role: pod");
    row("bad field selector", "{role: pod, selectors: [{role: pod, field: 'a=b,what'}]}",
        "invalid selector: 'a=b,what'; can't understand 'what'");
    row("bad label selector", "{role: pod, selectors: [{role: pod, label: 'a in b'}]}",
        "invalid selector: 'a in b'; can't understand 'a in b'");
    row("good selectors",
        "{role: pod, selectors: [{role: pod, label: 'a=b, c!=d,!e,f in (g, h),i notin (j),k,l>1', "
        "field: 'status.phase!=Failed,spec.nodeName==n1'}, {role: node, label: x/y=z}]}",
        "");
}

void TestKubernetesRoles::judgesConfigs()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const auto error =
        QString::fromStdString(DiscoveryWorld::readError("kubernetes", yaml.toStdString()));
    QVERIFY2(message.isEmpty() ? error.isEmpty() : error.contains(message), qPrintable(error));
}

void TestKubernetesRoles::podsGiveATargetForEachPort()
{
    api_->put(kPods, pod());
    const auto watch = run("role: pod\n");
    const std::string source = "pod/default/web-1";
    QVERIFY(watch->untilEntries(source, 4));
    const auto group = watch->group(source);
    const LabelMap common = kPodLabels + LabelMap{{"namespace", "default"}};
    const LabelMap main{{"pod_container_name", "main"},
                        {"pod_container_id", "docker://a1"},
                        {"pod_container_image", "main:1"},
                        {"pod_container_init", "false"}};
    COMPARE_LABELS(shortLabels(group, 0), common + main +
                                              LabelMap{{"__address__", "10.1.0.1:80"},
                                                       {"pod_container_port_name", "http"},
                                                       {"pod_container_port_number", "80"},
                                                       {"pod_container_port_protocol", "TCP"}});
    COMPARE_LABELS(shortLabels(group, 1), common + main +
                                              LabelMap{{"__address__", "10.1.0.1:81"},
                                                       {"pod_container_port_number", "81"},
                                                       {"pod_container_port_protocol", "UDP"}});
    COMPARE_LABELS(shortLabels(group, 2), common + LabelMap{{"__address__", "10.1.0.1"},
                                                            {"pod_container_name", "side"},
                                                            {"pod_container_image", "side:2"},
                                                            {"pod_container_init", "false"}});
    COMPARE_LABELS(shortLabels(group, 3),
                   common + LabelMap{{"__address__", "10.1.0.1:90"},
                                     {"pod_container_name", "prep"},
                                     {"pod_container_id", "docker://p1"},
                                     {"pod_container_image", "prep:3"},
                                     {"pod_container_init", "true"},
                                     {"pod_container_port_name", "p"},
                                     {"pod_container_port_number", "90"},
                                     {"pod_container_port_protocol", "TCP"}});
}

void TestKubernetesRoles::podsGetLabelsOfWhatTheyBelongTo()
{
    api_->put(kPods, pod());
    api_->put(kNodes, node());
    api_->put(kNamespaces, nameSpace());
    api_->put(kReplicaSets,
              "{\"metadata\":{\"name\":\"web-abc\",\"namespace\":\"default\",\"ownerReferences\":"
              "[{\"kind\":\"Deployment\",\"name\":\"web\",\"controller\":true}]}}");
    const auto watch = run("role: pod\nattach_metadata: {node: true, namespace: true, deployment: "
                           "true, job: true, cronjob: true}\n");
    QVERIFY(watch->untilEntries("pod/default/web-1", 4));
    auto labels = shortLabels(watch->group("pod/default/web-1"), 0);
    QCOMPARE(labels["node_name"], std::string("n1"));
    QCOMPARE(labels["node_label_zone"], std::string("z1"));
    QCOMPARE(labels["node_annotation_a_b"], std::string("c"));
    QCOMPARE(labels["namespace"], std::string("default"));
    QCOMPARE(labels["namespace_label_team"], std::string("core"));
    QCOMPARE(labels["namespace_annotation_cost_center"], std::string("7"));
    QCOMPARE(labels["namespace_annotationpresent_cost_center"], std::string("true"));
    QVERIFY(!labels.contains("namespace_name"));
    QCOMPARE(labels["pod_deployment_name"], std::string("web"));
    QVERIFY(!labels.contains("pod_job_name"));
}

void TestKubernetesRoles::podsWithoutAddressGiveNothing()
{
    api_->put(kPods, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\"},\"spec\":"
                     "{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"phase\":\"Pending\"}}");
    const auto watch = run("role: pod\n");
    QVERIFY(watch->untilEntries("pod/default/p", 0));
    api_->put(kPods, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\"},\"spec\":"
                     "{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"fd00::5\"}}");
    QVERIFY(watch->untilEntries("pod/default/p", 1));
    auto labels = shortLabels(watch->group("pod/default/p"), 0);
    QCOMPARE(labels["__address__"], std::string("fd00::5")); // without brackets: no port
    QCOMPARE(labels["pod_ready"], std::string("unknown"));
    api_->remove(kPods, "default/p");
    QVERIFY(watch->untilEntries("pod/default/p", 0));
}

void TestKubernetesRoles::podsOfUnknownNodesGiveNothing()
{
    api_->put(kPods, pod());
    const auto watch = run("role: pod\nattach_metadata: {node: true}\n");
    QVERIFY(watch->untilEntries("pod/default/web-1", 0));
    api_->put(kNodes, node());
    QVERIFY(watch->untilEntries("pod/default/web-1", 4));
    api_->remove(kNodes, "n1");
    QVERIFY(watch->untilEntries("pod/default/web-1", 0));
}

void TestKubernetesRoles::podsOfJobsTellTheirJob()
{
    api_->put(kPods, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"ownerReferences\":"
                     "[{\"kind\":\"Job\",\"name\":\"nightly-1\",\"controller\":true}]},\"spec\":"
                     "{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"podIP\":\"10.0.0.1\"}}");
    api_->put(kJobs, "{\"metadata\":{\"name\":\"nightly-1\",\"namespace\":\"d\",\"ownerReferences\""
                     ":[{\"kind\":\"CronJob\",\"name\":\"nightly\",\"controller\":true}]}}");
    const auto watch = run("role: pod\nattach_metadata: {job: true, cronjob: true}\n");
    QVERIFY(watch->untilEntries("pod/d/p", 1));
    auto labels = shortLabels(watch->group("pod/d/p"), 0);
    QCOMPARE(labels["pod_job_name"], std::string("nightly-1"));
    QCOMPARE(labels["pod_cronjob_name"], std::string("nightly"));
}

void TestKubernetesRoles::nodesGiveTheirKubelet()
{
    api_->put(kNodes, node());
    const auto watch = run("role: node\n");
    QVERIFY(watch->untilEntries("node/n1", 1));
    COMPARE_LABELS(shortLabels(watch->group("node/n1"), 0),
                   (LabelMap{{"__address__", "10.9.0.1:10250"},
                             {"instance", "n1"},
                             {"node_name", "n1"},
                             {"node_provider_id", "aws:///i-1"},
                             {"node_label_zone", "z1"},
                             {"node_labelpresent_zone", "true"},
                             {"node_annotation_a_b", "c"},
                             {"node_annotationpresent_a_b", "true"},
                             {"node_condition_ready", "true"},
                             {"node_condition_memorypressure", "unknown"},
                             {"node_address_Hostname", "n1.local"},
                             {"node_address_InternalIP", "10.9.0.1"},
                             {"node_address_ExternalIP", "1.2.3.4"}}));
}

void TestKubernetesRoles::nodesWithoutAddressAreLeftAsTheyAre()
{
    api_->put(kNodes, node());
    const auto watch = run("role: node\n");
    QVERIFY(watch->untilEntries("node/n1", 1));
    const std::size_t sends = watch->sends();
    api_->put(kNodes, "{\"metadata\":{\"name\":\"n1\"},\"status\":{}}");
    api_->put(kNodes, "{\"metadata\":{\"name\":\"n2\"},\"status\":{\"addresses\":"
                      "[{\"type\":\"ExternalDNS\",\"address\":\"n2.net\"}]}}");
    QVERIFY(watch->untilEntries("node/n2", 1));
    QCOMPARE(watch->sends(), sends + 1);
    QCOMPARE(watch->group("node/n1").entries.size(), std::size_t{1});
    QCOMPARE(shortLabels(watch->group("node/n2"), 0)["__address__"], std::string("n2.net:0"));
}

void TestKubernetesRoles::servicesGiveTheirPorts()
{
    api_->put(kServices, service());
    api_->put(kNamespaces, nameSpace());
    const auto watch = run("role: service\nattach_metadata: {namespace: true}\n");
    QVERIFY(watch->untilEntries("svc/default/web", 2));
    const auto group = watch->group("svc/default/web");
    COMPARE_LABELS(shortLabels(group, 0),
                   (LabelMap{{"__address__", "web.default.svc:80"},
                             {"namespace", "default"},
                             {"namespace_label_team", "core"},
                             {"namespace_labelpresent_team", "true"},
                             {"namespace_annotation_cost_center", "7"},
                             {"namespace_annotationpresent_cost_center", "true"},
                             {"service_name", "web"},
                             {"service_label_tier", "front"},
                             {"service_labelpresent_tier", "true"},
                             {"service_port_name", "http"},
                             {"service_port_number", "80"},
                             {"service_port_protocol", "TCP"},
                             {"service_type", "ClusterIP"},
                             {"service_cluster_ip", "10.2.0.1"}}));
    QCOMPARE(shortLabels(group, 1)["service_port_number"], std::string("443"));
}

void TestKubernetesRoles::servicesTellTheirKind()
{
    const std::string head = "{\"metadata\":{\"namespace\":\"d\",\"name\":\"";
    const std::string ports = "\"ports\":[{\"port\":1}]";
    api_->put(kServices, head +
                             "ext\"},\"spec\":{\"type\":\"ExternalName\",\"externalName\":"
                             "\"x.org\",\"clusterIP\":\"1.1.1.1\"," +
                             ports + "}}");
    api_->put(kServices, head +
                             "lb\"},\"spec\":{\"type\":\"LoadBalancer\",\"loadBalancerIP\":"
                             "\"9.9.9.9\"," +
                             ports + "}}");
    api_->put(kServices, head +
                             "lbs\"},\"spec\":{\"type\":\"LoadBalancer\",\"loadBalancerIP\":"
                             "\"9.9.9.9\"," +
                             ports +
                             "},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"8.8.8.8\"},"
                             "{\"hostname\":\"h\"},{\"ip\":\"7.7.7.7\"}]}}}");
    const auto watch = run("role: service\n");
    QVERIFY(watch->untilEntries("svc/d/lbs", 1));
    auto external = shortLabels(watch->group("svc/d/ext"), 0);
    QCOMPARE(external["service_external_name"], std::string("x.org"));
    QVERIFY(!external.contains("service_cluster_ip"));
    QCOMPARE(shortLabels(watch->group("svc/d/lb"), 0)["service_loadbalancer_ip"],
             std::string("9.9.9.9"));
    QCOMPARE(shortLabels(watch->group("svc/d/lbs"), 0)["service_loadbalancer_ip"],
             std::string("8.8.8.8,7.7.7.7"));
}

void TestKubernetesRoles::endpointsGiveReadyAndNotReadyAddresses()
{
    api_->put(kPods, pod());
    api_->put(kNodes, node());
    api_->put(kServices, service());
    api_->put(kEndpoints, endpoints());
    const auto watch = run("role: endpoints\nattach_metadata: {node: true}\n");
    // Three addresses, and the pod's ports 81 and 90 that no subset has.
    QVERIFY(watch->untilEntries("endpoints/default/web", 5));
    const auto group = watch->group("endpoints/default/web");
    const LabelMap common{{"namespace", "default"},
                          {"service_name", "web"},
                          {"service_label_tier", "front"},
                          {"service_labelpresent_tier", "true"},
                          {"endpoints_name", "web"},
                          {"endpoints_annotation_e", "f"},
                          {"endpoints_annotationpresent_e", "true"}};
    const LabelMap port{{"endpoint_port_name", "http"}, {"endpoint_port_protocol", "TCP"}};
    const LabelMap onNode{{"node_name", "n1"},
                          {"node_label_zone", "z1"},
                          {"node_labelpresent_zone", "true"},
                          {"node_annotation_a_b", "c"},
                          {"node_annotationpresent_a_b", "true"}};
    COMPARE_LABELS(shortLabels(group, 0), common + port + kPodLabels + onNode +
                                              LabelMap{{"__address__", "10.1.0.1:80"},
                                                       {"endpoint_ready", "true"},
                                                       {"endpoint_node_name", "n1"},
                                                       {"endpoint_hostname", "h1"},
                                                       {"endpoint_address_target_kind", "Pod"},
                                                       {"endpoint_address_target_name", "web-1"},
                                                       {"pod_container_name", "main"},
                                                       {"pod_container_image", "main:1"},
                                                       {"pod_container_init", "false"},
                                                       {"pod_container_port_name", "http"},
                                                       {"pod_container_port_number", "80"},
                                                       {"pod_container_port_protocol", "TCP"}});
    COMPARE_LABELS(shortLabels(group, 1), common + port + onNode +
                                              LabelMap{{"__address__", "10.9.0.1:80"},
                                                       {"endpoint_ready", "true"},
                                                       {"endpoint_address_target_kind", "Node"},
                                                       {"endpoint_address_target_name", "n1"}});
    COMPARE_LABELS(shortLabels(group, 2),
                   common + port +
                       LabelMap{{"__address__", "[2001:db8::9]:80"}, {"endpoint_ready", "false"}});
    COMPARE_LABELS(shortLabels(group, 3), common + kPodLabels +
                                              LabelMap{{"__address__", "10.1.0.1:81"},
                                                       {"pod_container_name", "main"},
                                                       {"pod_container_image", "main:1"},
                                                       {"pod_container_init", "false"},
                                                       {"pod_container_port_number", "81"},
                                                       {"pod_container_port_protocol", "UDP"}});
    auto init = shortLabels(group, 4);
    QCOMPARE(init["__address__"], std::string("10.1.0.1:90"));
    QCOMPARE(init["pod_container_init"], std::string("true"));
}

void TestKubernetesRoles::endpointSlicesGiveEachAddressAndPort()
{
    api_->put(kPods, pod());
    api_->put(kServices, service());
    api_->put(kSlices, slice());
    const auto watch = run("role: endpointslice\n");
    // Port 80, the port without a number, and the pod's ports 81 and 90.
    QVERIFY(watch->untilEntries("endpointslice/default/web-s", 4));
    const auto group = watch->group("endpointslice/default/web-s");
    const LabelMap common{{"namespace", "default"},
                          {"service_name", "web"},
                          {"service_label_tier", "front"},
                          {"service_labelpresent_tier", "true"},
                          {"endpointslice_address_type", "IPv4"},
                          {"endpointslice_name", "web-s"},
                          {"endpointslice_label_kubernetes_io_service_name", "web"},
                          {"endpointslice_labelpresent_kubernetes_io_service_name", "true"}};
    const LabelMap endpoint{{"endpointslice_endpoint_conditions_ready", "true"},
                            {"endpointslice_endpoint_conditions_serving", "true"},
                            {"endpointslice_endpoint_conditions_terminating", "false"},
                            {"endpointslice_endpoint_hostname", "h1"},
                            {"endpointslice_endpoint_node_name", "n1"},
                            {"endpointslice_endpoint_zone", "z1"},
                            {"endpointslice_endpoint_topology_topology_region", "eu"},
                            {"endpointslice_endpoint_topology_present_topology_region", "true"},
                            {"endpointslice_address_target_kind", "Pod"},
                            {"endpointslice_address_target_name", "web-1"}};
    COMPARE_LABELS(shortLabels(group, 0), common + endpoint + kPodLabels +
                                              LabelMap{{"__address__", "10.1.0.1:80"},
                                                       {"endpointslice_port", "80"},
                                                       {"endpointslice_port_name", "http"},
                                                       {"endpointslice_port_protocol", "TCP"},
                                                       {"endpointslice_port_app_protocol", "h2"},
                                                       {"pod_container_name", "main"},
                                                       {"pod_container_image", "main:1"},
                                                       {"pod_container_init", "false"},
                                                       {"pod_container_port_name", "http"},
                                                       {"pod_container_port_number", "80"},
                                                       {"pod_container_port_protocol", "TCP"}});
    COMPARE_LABELS(shortLabels(group, 1),
                   common + endpoint + kPodLabels +
                       LabelMap{{"__address__", "10.1.0.1"}, {"endpointslice_port_name", "any"}});
    QCOMPARE(shortLabels(group, 2)["__address__"], std::string("10.1.0.1:81"));
}

void TestKubernetesRoles::secondSlicesOfDualStackServicesGiveNothing()
{
    api_->put(kServices, "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"spec\":"
                         "{\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv4\","
                         "\"IPv6\"]}}");
    api_->put(kSlices, slice("IPv6"));
    const auto watch = run("role: endpointslice\n");
    QVERIFY(watch->untilEntries("endpointslice/default/web-s", 0));
    QCOMPARE(watch->group("endpointslice/default/web-s")
                 .labels.get("__meta_kubernetes_endpointslice_address_type"),
             std::string_view("IPv6"));
    api_->put(kSlices, slice("IPv4"));
    QVERIFY(watch->untilEntries("endpointslice/default/web-s", 2));
}

void TestKubernetesRoles::ingressesGiveRulesAndPaths()
{
    api_->put(kIngresses, ingress());
    const auto watch = run("role: ingress\n");
    QVERIFY(watch->untilEntries("ingress/default/in", 5));
    const auto group = watch->group("ingress/default/in");
    const LabelMap common{{"namespace", "default"},
                          {"ingress_name", "in"},
                          {"ingress_label_l", "v"},
                          {"ingress_labelpresent_l", "true"},
                          {"ingress_class_name", "nginx"}};
    COMPARE_LABELS(shortLabels(group, 0), common + LabelMap{{"__address__", "a.example.org"},
                                                            {"ingress_scheme", "https"},
                                                            {"ingress_host", "a.example.org"},
                                                            {"ingress_path", "/x"}});
    QCOMPARE(shortLabels(group, 1)["ingress_path"], std::string("/"));
    QCOMPARE(shortLabels(group, 2)["ingress_scheme"], std::string("http"));
    QCOMPARE(shortLabels(group, 3)["ingress_scheme"], std::string("https"));
    QCOMPARE(shortLabels(group, 3)["ingress_path"], std::string("/"));
    QVERIFY(!shortLabels(group, 4).contains("__address__"));
}

void TestKubernetesRoles::attachedObjectsRebuildTheirGroups()
{
    api_->put(kPods, pod());
    api_->put(kNodes, node());
    api_->put(kServices, service());
    api_->put(kEndpoints, endpoints());
    const auto watch = run("role: endpoints\nattach_metadata: {node: true, namespace: true}\n");
    const std::string source = "endpoints/default/web";
    QVERIFY(watch->untilEntries(source, 5));
    const auto label = [&](const std::string& name, const std::string& value) {
        return watch->until([&](const WatchRun::State& state) {
            const auto group = state.at(source);
            return !group.entries.empty() && shortLabels(group, 0)[name] == value;
        });
    };
    api_->put(kNodes, node("z2"));
    QVERIFY(label("node_label_zone", "z2"));
    api_->put(kNamespaces, nameSpace());
    QVERIFY(label("namespace_label_team", "core"));
    api_->remove(kServices, "default/web");
    QVERIFY(label("service_name", ""));
    api_->put(kServices, service());
    QVERIFY(label("service_name", "web"));
    std::string failed = pod();
    failed.replace(failed.find("Running"), 7, "Failed");
    api_->put(kPods, failed);
    QVERIFY(label("pod_phase", "Failed"));
    api_->remove(kPods, "default/web-1");
    QVERIFY(watch->untilEntries(source, 3));
}

QTEST_GUILESS_MAIN(TestKubernetesRoles)
#include "tst_kubernetes_roles.moc"
