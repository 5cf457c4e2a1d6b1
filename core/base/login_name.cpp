// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/login_name.h"

#include <array>
#include <pwd.h>
#include <unistd.h>

namespace narthex::base {

std::string loginName()
{
    constexpr std::size_t kEntryBytes = 16'384;
    std::array<char, kEntryBytes> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const int code = ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found);
    return code == 0 && found != nullptr ? found->pw_name : "";
}

} // namespace narthex::base
