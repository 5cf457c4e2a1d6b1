// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// XML answers of Amazon's query interfaces, and the error codes of all interfaces. Threads: values.
// Errors: Unavailable `api error <code>: <message>`; the code can be asked of the status.
#pragma once

#include "core/net/http_client.h"

#include <absl/status/statusor.h>

#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>

namespace narthex::discovery {

/// A document, seen from the element that holds the result of a call.
class AwsXml
{
public:
    explicit AwsXml(std::unique_ptr<pugi::xml_document> document, pugi::xml_node result)
        : document_(std::move(document)), result_(result)
    {}
    const pugi::xml_node* operator->() const { return &result_; }
    const pugi::xml_node& operator*() const { return result_; }

private:
    std::unique_ptr<pugi::xml_document> document_;
    pugi::xml_node result_;
};

/// `<Action>Response/<Action>Result`, or the response itself where an interface has no result.
absl::StatusOr<AwsXml> parseAwsXml(const net::HttpResponse& answer, const std::string& action);

/// The text at "a/b" below `node`; empty when there is none.
std::string xmlText(pugi::xml_node node, const char* path);

/// `api error AuthFailure: …`, from an answer of any interface that is no success.
absl::Status awsError(const net::HttpResponse& answer);
/// Whether the credentials were refused.
bool isAwsAuthFailure(const absl::Status& status);

} // namespace narthex::discovery
