// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An engine in the test's process over a configuration and a folder of its own, whose targets are
// scraped at the test's word. Owner: the test. Threads: the test's own.
#pragma once

#include "core/base/file.h"
#include "core/base/status.h"
#include "core/engine/engine.h"

#include <QtTest>

#include <filesystem>

namespace narthex::tests {

class EngineRun
{
public:
    engine::EngineOptions options;

    void start(const QString& config)
    {
        options.dataDirectory = folder_.path() / "data";
        options.discoveryReloadInterval = base::Duration::fromMs(100);
        options.configFile = folder_.path() / "prometheus.yml";
        write("prometheus.yml", config.toStdString());
        engine_ = std::make_unique<engine::Engine>(
            options, engine::Engine::Environment{
                         .loop = loop_, .pool = pool_, .timers = timers_, .log = log_});
        const absl::Status status = engine_->start();
        QVERIFY2(status.ok(), status.ToString().c_str());
    }
    void write(const std::string& name, const std::string& text) const
    {
        const auto path = folder_.path() / name;
        std::filesystem::create_directories(path.parent_path());
        QVERIFY(base::writeFileAtomically(path, text).ok());
    }

    /// Scrapes all targets at once and waits until they are up; false: they are not.
    bool scrapes(std::size_t targets)
    {
        const bool found = QTest::qWaitFor(
            [&] { return engine_->scraping().status().active.size() == targets; }, 15000);
        if (!found) {
            return false;
        }
        for (const auto& target : engine_->scraping().status().active) {
            base::ignore(engine_->scraping().scrapeNow(target.id, [] {}), "waited for below");
        }
        return QTest::qWaitFor([&] { return engine_->scraping().summary().up == targets; }, 15000);
    }
    /// Labels and errors of all targets, for messages and comparisons.
    [[nodiscard]] QString targets() const
    {
        QStringList lines;
        for (const auto& target : engine_->scraping().status().active) {
            lines << QString::fromStdString(target.target->labels.toString()) +
                         (target.lastError.empty()
                              ? QString()
                              : " " + QString::fromStdString(target.lastError));
        }
        for (const auto& provider : engine_->discovery().status()) {
            if (!provider.lastError.empty()) {
                lines << QString::fromStdString(provider.name + ": " + provider.lastError);
            }
        }
        return lines.join('\n');
    }
    engine::Engine& engine() { return *engine_; }
    [[nodiscard]] std::size_t dropped() const
    {
        return engine_->scraping().status().dropped.size();
    }

private:
    base::TemporaryDirectory folder_;
    base::LogSetup log_ = base::LogSetup::create("error").value();
    net::IoLoop loop_;
    base::WorkerPool pool_{2};
    base::SystemTimers timers_;
    std::unique_ptr<engine::Engine> engine_;
};

} // namespace narthex::tests
