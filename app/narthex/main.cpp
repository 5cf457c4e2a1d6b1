// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "narthex_version.h"
#include "other_server.h"
#include "start_options.h"

#include "app/service/service.h"
#include "core/alertmanager/note_actions.h"
#include "core/base/login_name.h"
#include "core/base/status.h"
#include "core/client/embedded/embedded_client.h"
#include "core/client/http/http_client.h"
#include "ui/desktop/desktop_notifier.h"
#include "ui/settings/settings.h"
#include "ui/shell/main_window.h"
#include "ui/shell/single_instance.h"
#include "ui/theme/theme.h"

#include <absl/cleanup/cleanup.h>
#include <absl/synchronization/mutex.h>

#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonObject>
#include <QPointer>
#include <QTimer>

#include <atomic>
#include <cstdio>
#include <span>
#include <thread>

namespace {

using namespace narthex;
using namespace narthex::base::literals;

app::ServiceOptions serviceOptions(const app::StartOptions& start,
                                   const std::atomic<bool>& allowCommands,
                                   ui::desktop::DesktopNotifier& desktop)
{
    app::ServiceOptions options{.listenAddress = start.listenAddress.toStdString(),
                                .requireListener = false};
    options.engine.configFile = start.configFile.toStdString();
    options.engine.alerting.alertmanagerConfig = start.alertmanagerConfigFile.toStdString();
    options.engine.alerting.ownReceivers = start.ownReceiversFile.toStdString();
    options.engine.alerting.allowCommands = [&allowCommands] { return allowCommands.load(); };
    options.engine.alerting.desktop = &desktop;
    options.engine.dataDirectory = start.dataDirectory.toStdString();
    options.engine.requireConfig = false;
    // This computer's own graphs move from the first seconds on.
    options.engine.collectHost = true;
    options.engine.hostInterval = 2_s;
    return options;
}

/// As if chosen in the menu.
void applyTheme(const app::StartOptions& start, ui::settings::Settings& settings)
{
    if (start.theme == QLatin1String("dark")) {
        settings.edit().theme = ui::theme::Mode::Dark;
    } else if (start.theme == QLatin1String("light")) {
        settings.edit().theme = ui::theme::Mode::Light;
    }
}

/// What the buttons of notes do: acknowledge and silence as whoever has logged in.
absl::Status actOnNote(engine::Engine& engine, ui::shell::MainWindow& window,
                       ui::desktop::NoteAction action, std::span<const std::uint64_t> alerts)
{
    if (action == ui::desktop::NoteAction::Open) {
        QMetaObject::invokeMethod(
            &window, [&window] { window.bringToFront(); }, Qt::QueuedConnection);
        return absl::OkStatus();
    }
    const auto manager = engine.alerting().alertmanager();
    if (manager == nullptr) {
        return base::unavailable("the engine is not ready yet");
    }
    return action == ui::desktop::NoteAction::Acknowledge
               ? acknowledgeFromNote(*manager, alerts, base::loginName())
               : silenceFromNote(*manager, alerts, base::loginName());
}

/// Logs how long the first picture took, from the start of main; then it is gone.
class FirstPaint final : public QObject
{
public:
    FirstPaint(QWidget* window, base::Logger log, QElapsedTimer since)
        : QObject(window), log_(std::move(log)), since_(since)
    {
        window->installEventFilter(this);
    }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override
    {
        if (event->type() == QEvent::Paint) {
            watched->removeEventFilter(this);
            // After the children, which paint in the same pass.
            QTimer::singleShot(0, this, [this] {
                log_->info("window: first paint after={}ms", since_.elapsed());
                deleteLater();
            });
        }
        return false;
    }

private:
    const base::Logger log_;
    const QElapsedTimer since_;
};

void takeShotLater(ui::shell::MainWindow& window, const app::StartOptions& start)
{
    if (start.shotFile.isEmpty()) {
        return;
    }
    QTimer::singleShot(start.shotAfterMs, &window, [&window, file = start.shotFile] {
        if (!window.grab().save(file)) {
            std::fprintf(stderr, "narthex: the picture cannot be written to %s\n",
                         qPrintable(file));
        }
        QApplication::quit();
    });
}

/// What both kinds of window begin with.
void showWindow(ui::shell::MainWindow& window, const app::StartOptions& start,
                const base::LogSetup& log, QElapsedTimer since)
{
    if (!start.page.isEmpty()) {
        QJsonObject state;
        if (!start.query.isEmpty()) {
            state = {{QStringLiteral("queries"), QJsonArray{start.query}}};
        }
        window.openPage(start.page, state);
    }
    new FirstPaint(&window, log.logger("window"),
                   since); // owned by the window, until it has painted
    window.show();
    takeShotLater(window, start);
}

struct Surroundings
{
    const app::StartOptions& start;
    ui::theme::Theme& theme;
    ui::settings::Settings& settings;
    const base::LogSetup& log;
    QElapsedTimer since;
};

/// A window over a server elsewhere; no engine runs here.
int runConnected(const Surroundings& around, const std::string& url)
{
    net::IoLoop loop;
    base::WorkerPool pool;
    base::SystemTimers timers;
    client::HttpClient client({.url = url}, {.loop = loop, .pool = pool, .timers = timers});
    ui::shell::MainWindow window(client, around.theme, around.settings);
    showWindow(window, around.start, around.log, around.since);
    return QApplication::exec();
}

/// A window over the engine in this process.
int runEmbedded(const Surroundings& around, ui::shell::SingleInstance& instance)
{
    const app::StartOptions& start = around.start;
    ui::settings::Settings& settings = around.settings;
    const base::LogSetup& log = around.log;
    std::atomic<bool> allowCommands = start.allowCommands || settings.values().allowCommands;
    QObject::connect(&settings, &ui::settings::Settings::changed, &settings, [&] {
        allowCommands = start.allowCommands || settings.values().allowCommands;
    });
    ui::desktop::DesktopNotifier desktop(log.logger("desktop"));
    app::Service service(serviceOptions(start, allowCommands, desktop), log);
    client::EmbeddedClient client(service.engine());
    ui::shell::MainWindow window(client, around.theme, settings);
    QObject::connect(&instance, &ui::shell::SingleInstance::activated, &window,
                     [&window] { window.bringToFront(); });
    desktop.setHandler([&](ui::desktop::NoteAction action, const auto& alerts) {
        return actOnNote(service.engine(), window, action, alerts);
    });
    const absl::Cleanup mute = [&desktop] { desktop.setHandler(nullptr); };
    showWindow(window, start, log, around.since);

    // The window is painted before the engine reads its first file.
    std::jthread starter;
    QTimer::singleShot(0, &window, [&] {
        starter = std::jthread([&] {
            const absl::Status status = service.start();
            if (!status.ok()) {
                service.engine().setProblem("engine.start", engine::Severity::Error, "engine",
                                            std::string(base::messageOf(status)));
            }
            client.setListenAddress(service.listenAddress());
        });
    });
    const int code = QApplication::exec();
    if (starter.joinable()) {
        starter.join();
    }
    return code;
}

int run(QApplication& application, const app::StartOptions& start, QElapsedTimer since)
{
    ui::shell::SingleInstance instance(QFileInfo(start.dataDirectory).absoluteFilePath());
    const bool isElsewhere = !start.connectUrl.isEmpty();
    if (!isElsewhere && !instance.claim(application.arguments())) {
        return 0; // the first window comes to the front
    }
    ui::theme::Theme theme;
    theme.install(application);
    ui::settings::Settings settings(start.settingsFile);
    applyTheme(start, settings);
    const auto log = base::LogSetup::create(start.logLevel.toStdString());
    if (!log.ok()) {
        std::fprintf(stderr, "narthex: %s\n", std::string(base::messageOf(log.status())).c_str());
        return 2;
    }
    const Surroundings around{
        .start = start, .theme = theme, .settings = settings, .log = *log, .since = since};
    if (isElsewhere) {
        return runConnected(around, start.connectUrl.toStdString());
    }
    if (const auto other = app::runningServer(start.dataDirectory.toStdString())) {
        switch (app::askAboutOtherServer(*other)) {
        case app::OtherServerChoice::Connect:
            return runConnected(around, other->url);
        case app::OtherServerChoice::Quit:
            return 0;
        case app::OtherServerChoice::Wait:
            break;
        }
    }
    return runEmbedded(around, instance);
}

} // namespace

int main(int argc, char** argv)
{
    QElapsedTimer since;
    since.start();
    // Debian's Abseil looks for lock cycles at every lock; the tests do, too, users need not pay
    // for it.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    QApplication::setApplicationName(QStringLiteral("narthex"));
    QApplication::setApplicationDisplayName(QStringLiteral("Narthex"));
    QApplication::setApplicationVersion(QStringLiteral(NARTHEX_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("io.narthex.Narthex"));
    QApplication application(argc, argv);
    return run(application, app::readStartOptions(application.arguments()), since);
}
