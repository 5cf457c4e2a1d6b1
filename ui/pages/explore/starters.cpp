// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/explore/starters.h"

#include <QCoreApplication>

namespace narthex::ui::pages {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(pages::Starters)
};

struct Known
{
    const char* metric;
    const char* title;
    const char* query;
};

constexpr Known kKnown[] = {
    {"node_cpu_seconds_total", QT_TRANSLATE_NOOP("pages::Starters", "CPU in use, per machine"),
     "100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m])))"},
    {"node_memory_MemAvailable_bytes", QT_TRANSLATE_NOOP("pages::Starters", "Memory available"),
     "node_memory_MemAvailable_bytes"},
    {"node_network_receive_bytes_total",
     QT_TRANSLATE_NOOP("pages::Starters", "Network in, the busiest"),
     "topk(5, rate(node_network_receive_bytes_total[5m]))"},
    {"node_disk_written_bytes_total",
     QT_TRANSLATE_NOOP("pages::Starters", "Disk writes, the busiest"),
     "topk(5, rate(node_disk_written_bytes_total[5m]))"},
    {"node_filesystem_avail_bytes",
     QT_TRANSLATE_NOOP("pages::Starters", "Disk space in four hours, if it goes on"),
     "predict_linear(node_filesystem_avail_bytes[6h], 4 * 3600)"},
    {"http_request_duration_seconds_bucket",
     QT_TRANSLATE_NOOP("pages::Starters", "Slowest twentieth of requests"),
     "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"},
    {"node_load1", QT_TRANSLATE_NOOP("pages::Starters", "Load"), "node_load1"},
    {"scrape_duration_seconds", QT_TRANSLATE_NOOP("pages::Starters", "How long scrapes take"),
     "scrape_duration_seconds"},
    {"up", QT_TRANSLATE_NOOP("pages::Starters", "Which targets answer"), "up"},
};

} // namespace

QList<Starter> startersFor(const backend::MetricCatalog& catalog, qsizetype limit)
{
    QList<Starter> list;
    for (const Known& known : kKnown) {
        const QString metric = QLatin1String(known.metric);
        if (list.size() < limit && (catalog.has(metric) || metric == QLatin1String("up"))) {
            list << Starter{Tr::tr(known.title), QLatin1String(known.query)};
        }
    }
    return list;
}

} // namespace narthex::ui::pages
