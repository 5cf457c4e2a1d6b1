// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Objects of a Kubernetes cluster as its API gives them, and labels to compare with what is made of
// them. Threads: pure functions.
#pragma once

#include "support/discovery_world.h"

#include <QtTest>

namespace narthex::tests::kubernetes {

inline constexpr const char* kPods = "/api/v1/pods";
inline constexpr const char* kNodes = "/api/v1/nodes";
inline constexpr const char* kServices = "/api/v1/services";
inline constexpr const char* kEndpoints = "/api/v1/endpoints";
inline constexpr const char* kSlices = "/apis/discovery.k8s.io/v1/endpointslices";
inline constexpr const char* kIngresses = "/apis/networking.k8s.io/v1/ingresses";
inline constexpr const char* kNamespaces = "/api/v1/namespaces";
inline constexpr const char* kReplicaSets = "/apis/apps/v1/replicasets";
inline constexpr const char* kJobs = "/apis/batch/v1/jobs";

inline std::string pod()
{
    return "{\"metadata\":{\"name\":\"web-1\",\"namespace\":\"default\",\"uid\":\"u-1\","
           " \"labels\":{\"app.kubernetes.io/"
           "name\":\"x\",\"empty\":\"\"},\"annotations\":{\"note\":\"hi\"},"
           " \"managedFields\":[{\"manager\":\"kubelet\"}],"
           " \"ownerReferences\":[{\"kind\":\"Other\",\"name\":\"o\"},{\"kind\":\"ReplicaSet\","
           "\"name\":\"web-abc\",\"controller\":true}]},"
           "\"spec\":{\"nodeName\":\"n1\",\"containers\":["
           " {\"name\":\"main\",\"image\":\"main:1\",\"ports\":[{\"name\":\"http\","
           "\"containerPort\":80,\"protocol\":\"TCP\"},"
           "                                          "
           "{\"containerPort\":81,\"protocol\":\"UDP\"}]},"
           " {\"name\":\"side\",\"image\":\"side:2\"}],"
           " \"initContainers\":[{\"name\":\"prep\",\"image\":\"prep:3\",\"ports\":[{\"name\":"
           "\"p\",\"containerPort\":90,\"protocol\":\"TCP\"}]}]},"
           "\"status\":{\"podIP\":\"10.1.0.1\",\"hostIP\":\"192.168.0.1\",\"phase\":\"Running\","
           " \"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"Ready\","
           "\"status\":\"True\"}],"
           " \"containerStatuses\":[{\"name\":\"main\",\"containerID\":\"docker://a1\"}],"
           " \"initContainerStatuses\":[{\"name\":\"prep\",\"containerID\":\"docker://p1\"}]}}";
}

inline std::string node(const std::string& zone = "z1")
{
    return "{\"metadata\":{\"name\":\"n1\",\"labels\":{\"zone\":\"" + zone +
           "\"},\"annotations\":{\"a/b\":\"c\"}},"
           "\"spec\":{\"providerID\":\"aws:///i-1\"},"
           "\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n1.local\"},{\"type\":"
           "\"InternalIP\",\"address\":\"10.9.0.1\"},"
           "  "
           "{\"type\":\"InternalIP\",\"address\":\"fd00::1\"},{\"type\":\"ExternalIP\",\"address\":"
           "\"1.2.3.4\"}],"
           " \"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},{\"type\":\"MemoryPressure\","
           "\"status\":\"Unknown\"}],"
           " \"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10250}}}}";
}

inline std::string service()
{
    return "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"labels\":{\"tier\":"
           "\"front\"}},"
           "\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.2.0.1\",\"ports\":[{\"name\":"
           "\"http\",\"port\":80,\"protocol\":\"TCP\"},{\"port\":443,\"protocol\":\"TCP\"}]}}";
}

inline std::string nameSpace()
{
    return "{\"metadata\":{\"name\":\"default\",\"labels\":{\"team\":\"core\"},\"annotations\":{"
           "\"cost/center\":\"7\"}}}";
}

inline std::string endpoints()
{
    return "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"annotations\":{\"e\":\"f\"}"
           "},"
           "\"subsets\":[{\"ports\":[{\"name\":\"http\",\"port\":80,\"protocol\":\"TCP\"}],"
           " \"addresses\":[{\"ip\":\"10.1.0.1\",\"nodeName\":\"n1\",\"hostname\":\"h1\","
           "\"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-1\",\"namespace\":\"default\"}},"
           "              {\"ip\":\"10.9.0.1\",\"targetRef\":{\"kind\":\"Node\",\"name\":\"n1\"}}],"
           " \"notReadyAddresses\":[{\"ip\":\"2001:db8::9\"}]}]}";
}

inline std::string slice(const std::string& type = "IPv4")
{
    return "{\"metadata\":{\"name\":\"web-s\",\"namespace\":\"default\",\"labels\":{\"kubernetes."
           "io/service-name\":\"web\"}},"
           "\"addressType\":\"" +
           type +
           "\","
           "\"ports\":[{\"name\":\"http\",\"port\":80,\"protocol\":\"TCP\",\"appProtocol\":\"h2\"},"
           "{\"name\":\"any\"}],"
           "\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],\"conditions\":{\"ready\":true,"
           "\"serving\":true,\"terminating\":false},"
           " \"hostname\":\"h1\",\"nodeName\":\"n1\",\"zone\":\"z1\",\"deprecatedTopology\":{"
           "\"topology/region\":\"eu\"},"
           " \"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-1\",\"namespace\":\"default\"}}]}";
}

inline std::string ingress()
{
    return "{\"metadata\":{\"name\":\"in\",\"namespace\":\"default\",\"labels\":{\"l\":\"v\"}},"
           "\"spec\":{\"ingressClassName\":\"nginx\",\"tls\":[{\"hosts\":[\"*.example.org\","
           "\"exact.net\"]}],"
           "\"rules\":[{\"host\":\"a.example.org\",\"http\":{\"paths\":[{\"path\":\"/x\"},{}]}},"
           " {\"host\":\"a.b.example.org\",\"http\":{\"paths\":[{\"path\":\"/y\"}]}},"
           " {\"host\":\"exact.net\"},{\"http\":{\"paths\":[{\"path\":\"/z\"}]}}]}}";
}

using LabelMap = std::map<std::string, std::string>;

/// Entry `i` with the group's labels, `__meta_kubernetes_` left out of the names.
inline LabelMap shortLabels(const discovery::TargetGroup& group, std::size_t i)
{
    LabelMap result;
    const std::string prefix = "__meta_kubernetes_";
    for (const auto& [name, value] : labelsOf(group, i)) {
        result[name.starts_with(prefix) ? name.substr(prefix.size()) : name] = value;
    }
    return result;
}

inline std::string shown(const LabelMap& labels)
{
    std::string text;
    for (const auto& [name, value] : labels) {
        text += name + "=" + value + "\n";
    }
    return text;
}

inline const LabelMap kPodLabels = {{"pod_ip", "10.1.0.1"},
                                    {"pod_ready", "true"},
                                    {"pod_phase", "Running"},
                                    {"pod_node_name", "n1"},
                                    {"pod_host_ip", "192.168.0.1"},
                                    {"pod_uid", "u-1"},
                                    {"pod_name", "web-1"},
                                    {"pod_label_app_kubernetes_io_name", "x"},
                                    {"pod_labelpresent_app_kubernetes_io_name", "true"},
                                    {"pod_labelpresent_empty", "true"},
                                    {"pod_annotation_note", "hi"},
                                    {"pod_annotationpresent_note", "true"},
                                    {"pod_controller_kind", "ReplicaSet"},
                                    {"pod_controller_name", "web-abc"}};

inline LabelMap operator+(LabelMap a, const LabelMap& b)
{
    for (const auto& [name, value] : b) {
        a[name] = value;
    }
    return a;
}

} // namespace narthex::tests::kubernetes

#define COMPARE_LABELS(actual, ...)                                                                \
    QCOMPARE(QString::fromStdString(shown(actual)), QString::fromStdString(shown(__VA_ARGS__)))
