// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/api/login.h"

#include "core/net/crypto.h"
#include "core/net/parameters.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <crypt.h>
#include <memory>

namespace narthex::api {
namespace {

/// A digest that tells its parts apart, so that no password stays in memory.
std::string keyOf(bool known, std::string_view name, std::string_view hash,
                  std::string_view password)
{
    return net::sha256(
        fmt::format("{}:{}:{}:{}:{}:{}", known, name.size(), name, hash.size(), hash, password));
}

std::optional<std::string> base64Decoded(std::string_view text)
{
    if (text.empty() || text.size() % 4 != 0 || text.size() > 8192) {
        return std::nullopt;
    }
    std::string out(text.size() / 4 * 3, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    out.resize(static_cast<std::size_t>(length) - padding);
    return out;
}

} // namespace

bool isBcryptHash(std::string_view text)
{
    constexpr std::size_t kLength = 60;
    if (text.size() != kLength || !text.starts_with("$2") || text[3] != '$' || text[6] != '$' ||
        std::string_view("abxy").find(text[2]) == std::string_view::npos) {
        return false;
    }
    const std::string_view cost = text.substr(4, 2);
    const bool twoDigits =
        std::all_of(cost.begin(), cost.end(), [](char c) { return c >= '0' && c <= '9'; });
    const std::string_view rest = text.substr(7);
    return twoDigits && cost >= "04" && cost <= "31" &&
           std::all_of(rest.begin(), rest.end(), [](char c) {
               return c == '.' || c == '/' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                      (c >= 'a' && c <= 'z');
           });
}

bool bcryptMatches(const std::string& password, const std::string& hash)
{
    // On the heap: it is 32 KiB.
    const auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r(password.c_str(), hash.c_str(), data.get());
    // What stands behind a NUL would not be looked at.
    return made != nullptr && std::string_view(made).size() == hash.size() &&
           password.find('\0') == std::string::npos &&
           CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
}

std::optional<std::pair<std::string, std::string>> basicCredentials(std::string_view authorization)
{
    constexpr std::string_view kScheme = "Basic ";
    if (authorization.size() < kScheme.size() ||
        !net::sameHeaderName(authorization.substr(0, kScheme.size()), kScheme)) {
        return std::nullopt;
    }
    const auto text = base64Decoded(authorization.substr(kScheme.size()));
    const std::size_t colon = text ? text->find(':') : std::string::npos;
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    return std::pair{text->substr(0, colon), text->substr(colon + 1)};
}

void Login::check(const Users& users, std::string_view authorization, Done done)
{
    const auto credentials = basicCredentials(authorization);
    if (!credentials || users.empty()) {
        done(LoginOutcome::Refused);
        return;
    }
    const auto& [name, password] = *credentials;
    const auto user = users.find(name);
    const bool known = user != users.end();
    // A stranger's password is compared, too, with a hash that costs what others cost.
    const std::string& hash = known ? user->second.reveal() : users.begin()->second.reveal();
    std::string key = keyOf(known, name, hash, password);
    std::optional<bool> remembered;
    {
        const absl::MutexLock lock(&mutex_);
        if (const auto found = outcomes_.find(key); found != outcomes_.end()) {
            remembered = found->second;
        }
    }
    if (remembered) {
        done(*remembered ? LoginOutcome::Accepted : LoginOutcome::Refused);
        return;
    }
    if (waiting_.fetch_add(1) >= kMostWaiting) {
        --waiting_;
        done(LoginOutcome::Busy);
        return;
    }
    thread_.submit([this, known, hash, password, key = std::move(key), done = std::move(done)] {
        compare(known, hash, password, key, done);
    });
}

void Login::compare(bool known, const std::string& hash, const std::string& password,
                    const std::string& key, const Done& done)
{
    std::optional<bool> accepted;
    {
        // The same login may have waited twice.
        const absl::MutexLock lock(&mutex_);
        if (const auto found = outcomes_.find(key); found != outcomes_.end()) {
            accepted = found->second;
        }
    }
    if (!accepted && stopping_) {
        accepted = false;
    } else if (!accepted) {
        const bool matches = compare_(password, hash);
        accepted = known && matches;
        const absl::MutexLock lock(&mutex_);
        if (outcomes_.size() >= kRemembered) {
            outcomes_.erase(outcomes_.begin()); // any one: the table has no order
        }
        outcomes_[key] = *accepted;
    }
    --waiting_;
    done(*accepted ? LoginOutcome::Accepted : LoginOutcome::Refused);
}

} // namespace narthex::api
