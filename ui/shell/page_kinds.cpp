// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/shell/page_kinds.h"

#include "ui/pages/explore/explore_page.h"
#include "ui/pages/overview/overview_page.h"
#include "ui/pages/settings/settings_page.h"
#include "ui/pages/targets/targets_page.h"

#include <QCoreApplication>

namespace narthex::ui::shell {
namespace {

struct Tr
{
    Q_DECLARE_TR_FUNCTIONS(shell::PageKinds)
};

template <typename T>
pages::Page* make(pages::PageContext& context, QWidget* parent)
{
    return new T(context, parent);
}

} // namespace

std::vector<PageKind> pageKinds()
{
    return {
        {QStringLiteral("overview"), Tr::tr("Overview"), QStringLiteral("overview"), false, false,
         make<pages::OverviewPage>},
        {QStringLiteral("explore"), Tr::tr("Explore"), QStringLiteral("explore"), true, false,
         make<pages::ExplorePage>},
        {QStringLiteral("targets"), Tr::tr("Targets"), QStringLiteral("targets"), false, false,
         make<pages::TargetsPage>},
        {QStringLiteral("settings"), Tr::tr("Settings"), QStringLiteral("settings"), false, true,
         make<pages::SettingsPage>},
    };
}

} // namespace narthex::ui::shell
