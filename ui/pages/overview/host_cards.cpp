// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/overview/host_cards.h"

#include <QCoreApplication>

#include <limits>

namespace narthex::ui::pages {
namespace {

using format::Quantity;
using format::Unit;

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(pages::HostCards)
};

constexpr Unit kPercent{Quantity::Percent, false};
constexpr Unit kBytes{Quantity::Bytes, false};
constexpr Unit kBytesPerSecond{Quantity::Bytes, true};

constexpr double kAuto = std::numeric_limits<double>::quiet_NaN();

struct Candidate
{
    const char* metric;
    HostCard card;
};

QList<Candidate> processorCards()
{
    return {
        {"node_cpu_seconds_total",
         {QStringLiteral("cpu"),
          Tr::tr("CPU"),
          QStringLiteral(
              "100 * (1 - avg(rate(node_cpu_seconds_total{job=\"node\",mode=\"idle\"}[1m])))"),
          kPercent,
          {},
          QStringLiteral("node_load1{job=\"node\"}"),
          Tr::tr("load %1"),
          {},
          0,
          50,
          0}},
        {"node_memory_MemAvailable_bytes",
         {QStringLiteral("memory"), Tr::tr("Memory"),
          QStringLiteral("node_memory_MemTotal_bytes{job=\"node\"} - "
                         "node_memory_MemAvailable_bytes{job=\"node\"}"),
          kBytes, Tr::tr("used"), QStringLiteral("node_memory_MemAvailable_bytes{job=\"node\"}"),
          Tr::tr("%1 available"), kBytes, kAuto, kAuto, 2}}};
}

QList<Candidate> transferCards()
{
    return {{"node_disk_written_bytes_total",
             {QStringLiteral("disk"), Tr::tr("Disk"),
              QStringLiteral("sum(rate(node_disk_written_bytes_total{job=\"node\"}[1m]))"),
              kBytesPerSecond, Tr::tr("write"),
              QStringLiteral("sum(rate(node_disk_read_bytes_total{job=\"node\"}[1m]))"),
              Tr::tr("read %1"), kBytesPerSecond, 0, 0, 1}},
            {"node_network_receive_bytes_total",
             {QStringLiteral("network"), Tr::tr("Network"),
              QStringLiteral(
                  "sum(rate(node_network_receive_bytes_total{job=\"node\",device!=\"lo\"}[1m]))"),
              kBytesPerSecond, Tr::tr("in"),
              QStringLiteral(
                  "sum(rate(node_network_transmit_bytes_total{job=\"node\",device!=\"lo\"}[1m]))"),
              Tr::tr("out %1"), kBytesPerSecond, 0, 0, 6}},
            {"node_filesystem_avail_bytes",
             {QStringLiteral("space"), Tr::tr("Space"),
              QStringLiteral("min(node_filesystem_avail_bytes{job=\"node\",mountpoint=\"/\"})"),
              kBytes, Tr::tr("free on /"),
              QStringLiteral("max(node_filesystem_size_bytes{job=\"node\",mountpoint=\"/\"})"),
              Tr::tr("of %1"), kBytes, kAuto, kAuto, 8}}};
}

QList<Candidate> hardwareCards()
{
    return {{"node_hwmon_temp_celsius",
             {QStringLiteral("temperature"),
              Tr::tr("Temperature"),
              QStringLiteral("max(node_hwmon_temp_celsius{job=\"node\"})"),
              {Quantity::Celsius, false},
              Tr::tr("hottest sensor"),
              {},
              {},
              {},
              30,
              80,
              4}},
            {"node_power_supply_capacity",
             {QStringLiteral("battery"),
              Tr::tr("Battery"),
              QStringLiteral("max(node_power_supply_capacity{job=\"node\"})"),
              kPercent,
              Tr::tr("charged"),
              {},
              {},
              {},
              0,
              100,
              5}},
            {"node_load5",
             {QStringLiteral("load"),
              Tr::tr("Load"),
              QStringLiteral("node_load1{job=\"node\"}"),
              {},
              Tr::tr("1 min"),
              QStringLiteral("node_load5{job=\"node\"}"),
              Tr::tr("5 min %1"),
              {},
              0,
              1,
              9}}};
}

} // namespace

QList<HostCard> hostCards(const backend::MetricCatalog& catalog)
{
    QList<HostCard> cards;
    for (const QList<Candidate>& group : {processorCards(), transferCards(), hardwareCards()}) {
        for (const Candidate& candidate : group) {
            if (catalog.has(QLatin1String(candidate.metric))) {
                cards << candidate.card;
            }
        }
    }
    return cards;
}

} // namespace narthex::ui::pages
