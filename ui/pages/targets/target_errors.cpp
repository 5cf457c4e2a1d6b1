// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pages/targets/target_errors.h"

#include <QCoreApplication>

namespace narthex::ui::pages {
namespace {

using client::ScrapeErrorClass;

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(pages::TargetErrors)
};

struct Words
{
    QString brief;
    QString title;
    QString remedy;
};

Words networkWords(ScrapeErrorClass errorClass)
{
    switch (errorClass) {
    case ScrapeErrorClass::NameResolution:
        return {Tr::tr("DNS"), Tr::tr("The host name is not known"),
                Tr::tr("Check the spelling of the address and the name server of this computer.")};
    case ScrapeErrorClass::ConnectionRefused:
        return {Tr::tr("refused"), Tr::tr("Nothing listens on this port"),
                Tr::tr("Start the exporter, or correct the port; a firewall may also refuse.")};
    case ScrapeErrorClass::Timeout:
        return {Tr::tr("timeout"), Tr::tr("The target did not answer in time"),
                Tr::tr("Raise scrape_timeout of the job, or find out why the page is slow.")};
    case ScrapeErrorClass::Tls:
        return {Tr::tr("TLS"), Tr::tr("The certificate is not trusted"),
                Tr::tr("Give the job the CA file of the server (tls_config, ca_file), or correct "
                       "server_name.")};
    default:
        return {};
    }
}

Words answerWords(ScrapeErrorClass errorClass)
{
    switch (errorClass) {
    case ScrapeErrorClass::Unauthorized:
        return {
            Tr::tr("401/403"), Tr::tr("The target wants credentials"),
            Tr::tr(
                "Set basic_auth or authorization in the job; check that they have not expired.")};
    case ScrapeErrorClass::NotFound:
        return {Tr::tr("404"), Tr::tr("There is no metrics page at this path"),
                Tr::tr("Correct metrics_path of the job; many programs use /metrics.")};
    case ScrapeErrorClass::HttpStatus:
        return {Tr::tr("HTTP"), Tr::tr("The target answered with an error"),
                Tr::tr("Open the address in a browser; the reason is often in its text.")};
    case ScrapeErrorClass::Parse:
        return {Tr::tr("parse"), Tr::tr("The page is not in a format of metrics"),
                Tr::tr("Check that the address is that of an exporter; the text names the line.")};
    default:
        return {};
    }
}

Words words(ScrapeErrorClass errorClass)
{
    switch (errorClass) {
    case ScrapeErrorClass::None:
        return {};
    case ScrapeErrorClass::NameResolution:
    case ScrapeErrorClass::ConnectionRefused:
    case ScrapeErrorClass::Timeout:
    case ScrapeErrorClass::Tls:
        return networkWords(errorClass);
    case ScrapeErrorClass::Unauthorized:
    case ScrapeErrorClass::NotFound:
    case ScrapeErrorClass::HttpStatus:
    case ScrapeErrorClass::Parse:
        return answerWords(errorClass);
    case ScrapeErrorClass::LimitExceeded:
        return {
            Tr::tr("limit"), Tr::tr("The page is larger than the job allows"),
            Tr::tr(
                "Raise sample_limit or label limits, or drop series with metric_relabel_configs.")};
    case ScrapeErrorClass::Storage:
        return {Tr::tr("storage"), Tr::tr("The samples could not be stored"),
                Tr::tr("See the problems of the engine; the disk may be full.")};
    case ScrapeErrorClass::Other:
        return {Tr::tr("other"), Tr::tr("The scrape failed"), Tr::tr("The text below says why.")};
    }
    return {};
}

} // namespace

QString errorClassShort(ScrapeErrorClass errorClass) { return words(errorClass).brief; }

QString errorClassTitle(ScrapeErrorClass errorClass) { return words(errorClass).title; }

QString errorClassRemedy(ScrapeErrorClass errorClass) { return words(errorClass).remedy; }

} // namespace narthex::ui::pages
