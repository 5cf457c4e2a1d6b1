// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/static_files.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace narthex::api {
namespace {

constexpr std::size_t kPieceBytes = 64U << 10U;

std::string_view typeOf(const std::filesystem::path& file)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kTypes{
        {{".css", "text/css; charset=utf-8"},
         {".gif", "image/gif"},
         {".htm", "text/html; charset=utf-8"},
         {".html", "text/html; charset=utf-8"},
         {".ico", "image/x-icon"},
         {".jpeg", "image/jpeg"},
         {".jpg", "image/jpeg"},
         {".js", "text/javascript; charset=utf-8"},
         {".json", "application/json"},
         {".png", "image/png"},
         {".svg", "image/svg+xml"},
         {".txt", "text/plain; charset=utf-8"},
         {".woff2", "font/woff2"}}};
    const std::string extension = file.extension().string();
    const auto* found = std::find_if(kTypes.begin(), kTypes.end(),
                                     [&](const auto& each) { return each.first == extension; });
    return found != kTypes.end() ? found->second : "application/octet-stream";
}

/// Names that lead elsewhere or mean nothing: "..", ".", empty ones, with NUL or backslash.
bool staysInside(std::string_view path)
{
    if (path.empty() || path.find_first_of(std::string_view("\0\\", 2)) != std::string_view::npos) {
        return false;
    }
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        if (name.empty() || name == "." || name == "..") {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
}

net::ServerResponse notThere() { return {.status = 404, .body = "404 page not found\n"}; }

} // namespace

net::ServerResponse staticFile(const std::filesystem::path& folder, std::string_view path)
{
    if (folder.empty() || !staysInside(path)) {
        return notThere();
    }
    const std::filesystem::path name = folder / path;
    // A pipe would block for ever without O_NONBLOCK.
    auto opened = base::File::open(name, O_RDONLY | O_NONBLOCK);
    struct stat info = {};
    if (!opened.ok() || ::fstat(opened->descriptor(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return notThere();
    }
    net::ServerResponse response{.contentType = std::string(typeOf(name))};
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    auto file = std::make_shared<base::File>(*std::move(opened));
    response.stream = [file](net::BodyPiece take) {
        std::string piece(kPieceBytes, '\0');
        const ssize_t got = ::read(file->descriptor(), piece.data(), piece.size());
        if (got < 0) {
            take(base::unavailable("{}: read failed", file->path().string()));
            return;
        }
        piece.resize(static_cast<std::size_t>(got));
        take(std::move(piece));
    };
    return response;
}

} // namespace narthex::api
