// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decoders of the configuration's parts; each reports problems in the document it reads from.
// Threads: one document at a time.
#pragma once

#include "core/config/config.h"
#include "core/yaml/decode.h"

#include <filesystem>
#include <string>
#include <vector>

namespace narthex::config {

/// What decoders need besides their value.
struct DecodeContext
{
    std::filesystem::path directory;
    std::vector<std::string>& warnings;

    /// `path` joined with the folder of the file, unless it is absolute or empty.
    [[nodiscard]] std::string resolve(const std::string& path) const;
    void warn(const yaml::Value& value, std::string message) const;
};

/// basic_auth, authorization, tls_config and the rest of the client keys, inline in `object`.
void decodeHttpClient(yaml::Object& object, const DecodeContext& context,
                      net::HttpClientConfig& http);

void decodeGlobal(const yaml::Value& value, const DecodeContext& context, GlobalConfig& global);

void decodeStorage(const yaml::Value& value, StorageConfig& storage);

scrape::JobConfig decodeJob(const yaml::Value& value, const DecodeContext& context,
                            const GlobalConfig& global);

/// `$name` and `${name}` from the environment, `$$` is a dollar.
std::string expandEnvironment(std::string_view text, std::vector<std::string>& emptyNames);

} // namespace narthex::config
