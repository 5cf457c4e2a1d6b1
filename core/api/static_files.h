// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files of a folder over HTTP, read while they are sent. Nothing outside of the folder is reached
// but by links in it. Threads: any; reads block. Source: spec/http-api.md, 12 (/user).
#pragma once

#include "core/net/http_server.h"

#include <filesystem>
#include <string_view>

namespace narthex::api {

/// `path`: decoded, below the folder, "css/a.css". 404 for what is no regular file there.
[[nodiscard]] net::ServerResponse staticFile(const std::filesystem::path& folder,
                                             std::string_view path);

} // namespace narthex::api
