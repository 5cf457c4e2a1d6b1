// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/errors.h"

#include <QCoreApplication>

namespace narthex::ui::pages {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(pages::Errors)
};

} // namespace

QString errorTitle(const absl::Status& status)
{
    switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
        return Tr::tr("The query has an error.");
    case absl::StatusCode::kDeadlineExceeded:
        return Tr::tr("The query took too long.");
    case absl::StatusCode::kResourceExhausted:
        return Tr::tr("The query is too large.");
    case absl::StatusCode::kUnavailable:
        return Tr::tr("The server does not answer.");
    case absl::StatusCode::kUnimplemented:
        return Tr::tr("This server does not offer that.");
    case absl::StatusCode::kCancelled:
        return Tr::tr("Stopped.");
    default:
        return Tr::tr("The request failed.");
    }
}

QString errorText(const absl::Status& status)
{
    const std::string_view message = base::messageOf(status);
    return QString::fromUtf8(message.data(), qsizetype(message.size()));
}

} // namespace narthex::ui::pages
