// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands.h"
#include "narthex_version.h"
#include "query_features.h"

#include <absl/synchronization/mutex.h>

#include <cstdio>

int main(int argc, char** argv)
{
    // Debian's Abseil looks for lock cycles at every lock; the tests do, too, users need not pay
    // for it.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    CLI::App app("Prometheus monitoring, whole, on one machine: the engine of Narthex without its "
                 "window, and its tools.",
                 "narthexctl");
    app.set_version_flag("--version", "narthexctl " NARTHEX_VERSION);
    app.require_subcommand(1);
    bool experimental = false;
    app.add_flag("--experimental", experimental, "Allow commands that may still change (promql)");
    narthex::ctl::addFeatureOption(app);
    app.footer("narthexctl serve starts the server; narthexctl COMMAND --help tells more.");
    int exitCode = narthex::ctl::kOk;
    narthex::ctl::addServe(app, exitCode);
    narthex::ctl::addCheck(app, exitCode);
    narthex::ctl::addQuery(app, exitCode);
    narthex::ctl::addTest(app, exitCode);
    narthex::ctl::addImport(app, exitCode);
    narthex::ctl::addTsdb(app, exitCode);
    narthex::ctl::addAlert(app, exitCode);
    narthex::ctl::addSilence(app, exitCode);
    narthex::ctl::addRouting(app, exitCode);
    narthex::ctl::addRules(app, exitCode);
    narthex::ctl::addPush(app, exitCode);
    narthex::ctl::addPromql(app, experimental, exitCode);
    narthex::ctl::addDebug(app, exitCode);
    narthex::ctl::addCompletion(app, exitCode);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (app.exit(error) == 0) {
            return narthex::ctl::kOk;
        }
        return app.got_subcommand("serve") ? narthex::ctl::kCannotStart : narthex::ctl::kFailed;
    }
    return exitCode;
}
