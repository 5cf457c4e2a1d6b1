// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded_api.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace narthex;
using namespace narthex::tests;

namespace {

const char* const kToken = "POST /ten/oauth2/v2.0/token";
const char* const kIdentity = "GET /metadata/identity/oauth2/token";
const std::string kSubscription = "/subscriptions/sub";
const std::string kMachines =
    "GET " + kSubscription + "/providers/Microsoft.Compute/virtualMachines";
const std::string kScaleSets =
    "GET " + kSubscription + "/providers/Microsoft.Compute/virtualMachineScaleSets";
const std::string kGroup = kSubscription + "/resourceGroups/Grp";
const std::string kScaleMachines = "GET " + kGroup +
                                   "/providers/Microsoft.Compute/virtualMachineScaleSets/set1/"
                                   "virtualMachines";

std::string nic(const std::string& name)
{
    return "GET " + kGroup + "/providers/Microsoft.Network/networkInterfaces/" + name;
}

std::string machine(const std::string& name, const std::string& nics)
{
    std::string references;
    for (const QString& each : QString::fromStdString(nics).split(' ')) {
        references += (references.empty() ? "" : ",") + std::string(R"({"id":")") + kGroup +
                      "/providers/Microsoft.Network/networkInterfaces/" + each.toStdString() +
                      R"("})";
    }
    return R"({"id":")" + kGroup + "/providers/Microsoft.Compute/virtualMachines/" + name +
           R"(","name":")" + name +
           R"(","type":"t","location":"westeurope","instanceId":"7","tags":{"env.a":"prod"},)"
           R"("properties":{"osProfile":{"computerName":"host-)" +
           name +
           R"("},"storageProfile":{"osDisk":{"osType":"Linux"}},)"
           R"("hardwareProfile":{"vmSize":"Standard_B1s"},)"
           R"("networkProfile":{"networkInterfaces":[)" +
           references + "]}}}";
}

std::string interface(const std::string& primary, const std::string& addresses)
{
    return R"({"properties":{)" + primary + R"("ipConfigurations":[)" + addresses + "]}}";
}

const char* address()
{
    return R"({"properties":{"privateIPAddress":"10.0.0.4",
        "publicIPAddress":{"properties":{"ipAddress":"192.0.2.4"}}}})";
}

std::string list(const std::string& items) { return R"({"value":[)" + items + "]}"; }

} // namespace

class TestAzureDiscovery : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void refusesIncompleteConfigurations_data();
    void refusesIncompleteConfigurations();
    void refusesUnknownClouds();
    void listsMachines();
    void followsNextLinksAndResourceGroups();
    void listsMachinesOfScaleSets();
    void keepsInterfacesInACache();
    void skipsMachinesWithoutAddress_data();
    void skipsMachinesWithoutAddress();
    void failsWhenAnInterfaceFails_data();
    void failsWhenAnInterfaceFails();
    void asksTheMachineForItsIdentity();
    void showsTheFederatedToken();
    void takesWhatThereIs();
    void namesWhatWorkloadIdentityNeeds();
    void failsOnBadAnswers_data();
    void failsOnBadAnswers();
    void saysWhyThereIsNoToken();

private:
    static std::string yaml(const std::string& more = {})
    {
        return "subscription_id: sub\ntenant_id: ten\nclient_id: cl\nclient_secret: s3cret\n" +
               more;
    }

    DiscoveryWorld world_;
    ScriptedServer server_;
};

void TestAzureDiscovery::init()
{
    server_.forget();
    world_.apiBase = server_.url();
    world_.variables.clear();
    server_.json(kToken, R"({"access_token":"t0ken","expires_in":3599})");
    server_.json(kIdentity, R"({"access_token":"ident1ty","expires_in":"86399"})");
    server_.json(kMachines, list(machine("vm1", "nic1")));
    server_.json(kScaleSets, list(""));
    server_.json(nic("nic1"), interface(R"("primary":true,)", address()));
}

void TestAzureDiscovery::refusesIncompleteConfigurations_data()
{
    QTest::addColumn<QString>("yaml");
    QTest::addColumn<QString>("message");
    QTest::newRow("subscription") << "tenant_id: t"
                                  << "azure SD configuration requires a subscription_id";
    QTest::newRow("tenant") << "subscription_id: s"
                            << "azure SD configuration requires a tenant_id";
    QTest::newRow("client") << "subscription_id: s\ntenant_id: t"
                            << "azure SD configuration requires a client_id";
    QTest::newRow("secret") << "subscription_id: s\ntenant_id: t\nclient_id: c"
                            << "azure SD configuration requires a client_secret";
    QTest::newRow("method") << "subscription_id: s\nauthentication_method: invalid"
                            << "unknown authentication_type \"invalid\". Supported types are "
                               "\"OAuth\", \"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\"";
    QTest::newRow("identity needs no secret")
        << "subscription_id: s\nauthentication_method: ManagedIdentity"
        << "";
}

void TestAzureDiscovery::refusesIncompleteConfigurations()
{
    QFETCH(QString, yaml);
    QFETCH(QString, message);
    const QString problem = problemOf("azure", yaml);
    QVERIFY2(problem.contains(message), qPrintable(problem));
    QCOMPARE(problem.isEmpty(), message.isEmpty());
}

void TestAzureDiscovery::refusesUnknownClouds()
{
    for (const auto& [name, known] : std::initializer_list<std::pair<const char*, bool>>{
             {"AzureMoon", false}, {"azurechinacloud", true}, {"AZUREUSGOVERNMENT", true}}) {
        const auto config =
            DiscoveryWorld::read("azure", yaml("environment: " + std::string(name)));
        QVERIFY(config.ok());
        QCOMPARE((*config)->makeProvider(world_.environment()).ok(), known);
    }
}

void TestAzureDiscovery::listsMachines()
{
    const auto refresher = world_.refresher("azure", yaml("port: 9100\n"));
    const auto groups = world_.refresh(*refresher);
    const auto token = server_.last(kToken);
    QCOMPARE(QString::fromStdString(token.body),
             QString("client_id=cl&client_secret=s3cret&grant_type=client_credentials&"
                     "scope=https%3A%2F%2Fmanagement.azure.com%2F.default"));
    QVERIFY(asked(server_).endsWith(
        QString("%1?api-version=2024-03-01\n%2?api-version=2024-03-01\n"
                "%3?$expand=IPConfigurations/PublicIPAddress&api-version=2023-05-01\n")
            .arg(QString::fromStdString(kMachines), QString::fromStdString(kScaleSets),
                 QString::fromStdString(nic("nic1")))));
    for (const std::string& path : {kMachines, kScaleSets, nic("nic1")}) {
        QCOMPARE(std::string(server_.last(path).header("Authorization")),
                 std::string("Bearer t0ken"));
    }
    QCOMPARE(shown(groups[0], "azure"),
             lines({"__address__=10.0.0.4:9100", "machine_computer_name=host-vm1",
                    "machine_id=/subscriptions/sub/resourceGroups/Grp/providers/"
                    "Microsoft.Compute/virtualMachines/vm1",
                    "machine_location=westeurope", "machine_name=vm1", "machine_os_type=Linux",
                    "machine_private_ip=10.0.0.4", "machine_public_ip=192.0.2.4",
                    "machine_resource_group=Grp", "machine_size=Standard_B1s",
                    "machine_tag_env_a=prod", "subscription_id=sub", "tenant_id=ten"}));
}

void TestAzureDiscovery::followsNextLinksAndResourceGroups()
{
    const std::string machines = "GET " + kGroup + "/providers/Microsoft.Compute/virtualMachines";
    const std::string next =
        server_.url() + kGroup + "/providers/Microsoft.Compute/virtualMachines?skip=1";
    server_.handle(machines, [next](const net::ServerRequest& request) {
        const bool second = request.parameter("skip").has_value();
        return net::ServerResponse{.contentType = "application/json",
                                   .body = second ? list(machine("vm2", "nic1"))
                                                  : R"({"nextLink":")" + next + R"(","value":[)" +
                                                        machine("vm1", "nic1") + "]}"};
    });
    server_.json("GET " + kGroup + "/providers/Microsoft.Compute/virtualMachineScaleSets",
                 list(""));
    const auto refresher = world_.refresher("azure", yaml("resource_group: Grp\n"));
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(groups[0].entries.size(), std::size_t{2});
    QCOMPARE(labelsOf(groups[0], 1)["__meta_azure_machine_name"], std::string("vm2"));
    QCOMPARE(server_.count(kMachines), std::size_t{0});
}

void TestAzureDiscovery::listsMachinesOfScaleSets()
{
    server_.json(kMachines, list(""));
    server_.json(kScaleSets,
                 list(R"({"name":"set1","id":")" + kGroup +
                      R"(/providers/Microsoft.Compute/virtualMachineScaleSets/set1"})"));
    server_.json(kScaleMachines, list(machine("set1_7", "nic9")));
    const std::string path = kScaleMachines + "/7/networkInterfaces/nic9";
    server_.json(path, interface(R"("primary":true,)", address()));
    const auto refresher = world_.refresher("azure", yaml());
    auto labels = labelsOf(world_.refresh(*refresher)[0]);
    QCOMPARE(labels["__meta_azure_machine_scale_set"], std::string("set1"));
    QCOMPARE(labels["__address__"], std::string("10.0.0.4:80"));
    QCOMPARE(std::string(*server_.last(path).parameter("api-version")), std::string("2018-10-01"));
}

void TestAzureDiscovery::keepsInterfacesInACache()
{
    const auto refresher = world_.refresher("azure", yaml());
    const double hits = world_.metrics.value("prometheus_sd_azure_cache_hit_total");
    const auto first = world_.refresh(*refresher);
    QCOMPARE(world_.refresh(*refresher), first);
    QCOMPARE(server_.count(nic("nic1")), std::size_t{1});
    QCOMPARE(server_.count(kMachines), std::size_t{2});
    QCOMPARE(server_.count(kToken), std::size_t{1});
    QCOMPARE(world_.metrics.value("prometheus_sd_azure_cache_hit_total"), hits + 1);
}

void TestAzureDiscovery::skipsMachinesWithoutAddress_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::newRow("deallocated") << 200 << QString::fromStdString(interface("", address()));
    QTest::newRow("gone") << 404 << "";
    QTest::newRow("not primary") << 200
                                 << QString::fromStdString(
                                        interface(R"("primary":false,)", address()));
    QTest::newRow("no properties") << 200 << "{}";
}

void TestAzureDiscovery::skipsMachinesWithoutAddress()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    server_.json(kMachines, list(machine("vm0", "bad") + "," + machine("vm1", "nic1")));
    server_.answerWith(
        nic("bad"),
        {.status = status, .contentType = "application/json", .body = body.toStdString()});
    const auto refresher = world_.refresher("azure", yaml());
    const auto groups = world_.refresh(*refresher);
    QCOMPARE(groups[0].entries.size(), std::size_t{1});
    QCOMPARE(labelsOf(groups[0])["__meta_azure_machine_name"], std::string("vm1"));
}

void TestAzureDiscovery::failsWhenAnInterfaceFails_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("body");
    QTest::addColumn<QString>("message");
    QTest::newRow("status") << 500 << "{}"
                            << "failed to retrieve Interface";
    QTest::newRow("no private address")
        << 200 << QString::fromStdString(interface(R"("primary":true,)", R"({"properties":{}})"))
        << "unable to find a private IP for VM vm1";
    QTest::newRow("no JSON") << 200 << "<"
                             << "invalid JSON";
}

void TestAzureDiscovery::failsWhenAnInterfaceFails()
{
    QFETCH(int, status);
    QFETCH(QString, body);
    QFETCH(QString, message);
    server_.answerWith(
        nic("nic1"),
        {.status = status, .contentType = "application/json", .body = body.toStdString()});
    const double before = world_.metrics.value("prometheus_sd_azure_failures_total");
    const auto refresher = world_.refresher("azure", yaml());
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains(message), qPrintable(error));
    QVERIFY2(error.contains("unable to complete Azure service discovery"), qPrintable(error));
    QCOMPARE(world_.metrics.value("prometheus_sd_azure_failures_total"), before + 1);
}

void TestAzureDiscovery::asksTheMachineForItsIdentity()
{
    const auto refresher = world_.refresher(
        "azure", "subscription_id: sub\nclient_id: own\nauthentication_method: ManagedIdentity\n");
    world_.refresh(*refresher);
    const auto request = server_.last(kIdentity);
    QCOMPARE(std::string(request.header("Metadata")), std::string("true"));
    QVERIFY(asked(server_).startsWith(
        QString("%1?api-version=2018-02-01&resource=https://management.azure.com&client_id=own\n")
            .arg(kIdentity)));
    QCOMPARE(std::string(server_.last(kMachines).header("Authorization")),
             std::string("Bearer ident1ty"));
}

void TestAzureDiscovery::showsTheFederatedToken()
{
    QTemporaryDir directory;
    QFile file(directory.filePath("token"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("federated\n");
    file.close();
    world_.variables = {{"AZURE_TENANT_ID", "ten"},
                        {"AZURE_CLIENT_ID", "wl"},
                        {"AZURE_FEDERATED_TOKEN_FILE", file.fileName().toStdString()}};
    for (const char* method : {"WorkloadIdentity", "SDK"}) {
        const auto refresher = world_.refresher(
            "azure", std::string("subscription_id: sub\nauthentication_method: ") + method);
        world_.refresh(*refresher);
        const auto request = server_.last(kToken);
        QCOMPARE(std::string(*request.parameter("client_id")), std::string("wl"));
        QCOMPARE(std::string(*request.parameter("client_assertion")), std::string("federated"));
        QCOMPARE(std::string(*request.parameter("client_assertion_type")),
                 std::string("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    }
}

void TestAzureDiscovery::takesWhatThereIs()
{
    const std::string sdk = "subscription_id: sub\nauthentication_method: SDK\n";
    world_.refresh(*world_.refresher("azure", sdk));
    QCOMPARE(server_.count(kIdentity), std::size_t{1});
    world_.variables = {
        {"AZURE_TENANT_ID", "ten"}, {"AZURE_CLIENT_ID", "env"}, {"AZURE_CLIENT_SECRET", "hidden"}};
    world_.refresh(*world_.refresher("azure", sdk));
    QCOMPARE(std::string(*server_.last(kToken).parameter("client_id")), std::string("env"));
    QCOMPARE(server_.count(kIdentity), std::size_t{1});
}

void TestAzureDiscovery::namesWhatWorkloadIdentityNeeds()
{
    const auto refresher = world_.refresher(
        "azure", "subscription_id: sub\nauthentication_method: WorkloadIdentity\n");
    const auto error = QString::fromStdString(world_.refreshError(*refresher));
    QVERIFY2(error.contains("AZURE_FEDERATED_TOKEN_FILE"), qPrintable(error));
}

void TestAzureDiscovery::failsOnBadAnswers_data()
{
    QTest::addColumn<QString>("request");
    QTest::newRow("token") << kToken;
    QTest::newRow("machines") << QString::fromStdString(kMachines);
    QTest::newRow("scale sets") << QString::fromStdString(kScaleSets);
    QTest::newRow("interface") << QString::fromStdString(nic("nic1"));
}

void TestAzureDiscovery::failsOnBadAnswers()
{
    QFETCH(QString, request);
    QCOMPARE(acceptedNonsense(world_, server_, "azure", yaml(), request.toStdString()), QString());
}

void TestAzureDiscovery::saysWhyThereIsNoToken()
{
    server_.answerWith(kToken, {.status = 401,
                                .contentType = "application/json",
                                .body = R"({"error":"invalid_client",)"
                                        R"("error_description":"the secret has expired"})"});
    const auto refresher = world_.refresher("azure", yaml());
    QCOMPARE(QString::fromStdString(world_.refreshError(*refresher)),
             QString("could not get an Azure token by OAuth: server returned HTTP status 401 "
                     "Unauthorized: the secret has expired"));
}

QTEST_GUILESS_MAIN(TestAzureDiscovery)
#include "tst_azure_discovery.moc"
