// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Basic authentication by bcrypt. What a login costs says nothing about who exists: an unknown name
// is compared as well, with the hash of another. Outcomes are remembered, and bcrypt runs one at a
// time on a thread of its own. Owner: the front. Threads: check() from any; the callback comes at
// once or on the login thread. Source: spec/http-api.md, 14; RFC 7617.
#pragma once

#include "core/base/secret.h"
#include "core/base/worker_pool.h"

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/synchronization/mutex.h>

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::api {

/// Whether the text can be compared with: "$2a$", "$2b$", "$2x$" or "$2y$", a cost of 04 to 31, 22
/// characters of salt and 31 of hash.
[[nodiscard]] bool isBcryptHash(std::string_view text);
/// Takes as long as the hash's cost says.
[[nodiscard]] bool bcryptMatches(const std::string& password, const std::string& hash);

/// Name and password of an `Authorization: Basic …`; absent when it is none.
[[nodiscard]] std::optional<std::pair<std::string, std::string>>
basicCredentials(std::string_view authorization);

enum class LoginOutcome : std::uint8_t
{
    Accepted,
    Refused,
    /// So many wait that one more would wait for long.
    Busy
};

class Login
{
public:
    using Users = std::map<std::string, base::Secret>;
    using Done = std::function<void(LoginOutcome)>;
    using Compare = std::function<bool(const std::string& password, const std::string& hash)>;

    /// Tests put their own comparison in.
    explicit Login(Compare compare = bcryptMatches) : compare_(std::move(compare)) {}

    /// Those that wait are refused from now on.
    void stop() { stopping_ = true; }
    void check(const Users& users, std::string_view authorization, Done done);

private:
    static constexpr std::size_t kRemembered = 1000;
    static constexpr int kMostWaiting = 200; // some seconds at the usual cost
    void compare(bool known, const std::string& hash, const std::string& password,
                 const std::string& key, const Done& done);

    const Compare compare_; // fixed after construction
    std::atomic<int> waiting_{0};
    std::atomic<bool> stopping_{false};
    absl::Mutex mutex_;
    /// By a digest of name, hash and password, and whether the name was known.
    absl::flat_hash_map<std::string, bool> outcomes_ ABSL_GUARDED_BY(mutex_);
    base::WorkerPool thread_{1}; // last: its tasks use the rest
};

} // namespace narthex::api
