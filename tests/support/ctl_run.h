// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// narthexctl and its peers run once as people call them, with what they print. Threads: the test's
// own.
#pragma once

#include "support/process.h"

#include <QProcess>

namespace narthex::test {

struct RunOutput
{
    int exitCode = -1;
    QByteArray out;
    QByteArray errors;

    /// For the messages of failing tests.
    [[nodiscard]] QByteArray text() const
    {
        return "exit code " + QByteArray::number(exitCode) + "\n" + out + "\n" + errors;
    }
};

inline RunOutput runOnce(const QString& program, const QStringList& arguments,
                         const QByteArray& input = {}, const QString& folder = {})
{
    QProcess process;
    if (!folder.isEmpty()) {
        process.setWorkingDirectory(folder);
    }
    process.start(program, arguments);
    process.write(input);
    process.closeWriteChannel();
    if (!process.waitForFinished(60'000)) {
        return {-1, {}, process.errorString().toUtf8()};
    }
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
            process.readAllStandardOutput(), process.readAllStandardError()};
}

inline RunOutput runCtl(const QStringList& arguments, const QByteArray& input = {},
                        const QString& folder = {})
{
    return runOnce(ownProgram("narthexctl"), arguments, input, folder);
}

} // namespace narthex::test
