// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/refreshing.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <algorithm>

namespace narthex::discovery {
namespace {

/// No token or key is longer.
constexpr std::uint64_t kSecretLimitBytes = 1U << 20U;

} // namespace

absl::StatusOr<std::vector<Json>> listIn(const Json& answer, std::string_view name)
{
    if (!answer.isObject()) {
        return base::unavailable("unexpected answer: an object with \"{}\" is needed", name);
    }
    const Json list = answer[name];
    if (!list.isNull() && !list.isArray()) {
        return base::unavailable("unexpected answer: \"{}\" is no list", name);
    }
    return list.items();
}

absl::StatusOr<std::vector<Json>> listIn(const Json& answer)
{
    if (!answer.isNull() && !answer.isArray()) {
        return base::unavailable("unexpected answer: a list is needed");
    }
    return answer.items();
}

absl::Status PageCount::next()
{
    if (++pages_ > kLimit) {
        return base::resourceExhausted("the server's list has more than {} pages", kLimit);
    }
    return absl::OkStatus();
}

absl::StatusOr<std::string> secretOf(const base::Secret& value, const std::string& file,
                                     std::string_view what)
{
    if (file.empty()) {
        return value.reveal();
    }
    auto text = base::readFile(file, kSecretLimitBytes);
    if (!text.ok()) {
        return base::annotate(text.status(), fmt::format("unable to read {}", what));
    }
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t begin = text->find_first_not_of(kBlanks);
    if (begin == std::string::npos) {
        return base::invalidArgument("{} file {} is empty", what, file);
    }
    return text->substr(begin, text->find_last_not_of(kBlanks) + 1 - begin);
}

std::string lowerCase(std::string_view text)
{
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return result;
}

bool isJsonType(std::string_view contentType)
{
    std::string text = lowerCase(contentType);
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
    return text == "application/json" || text == "application/json;charset=utf-8";
}

} // namespace narthex::discovery
