// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/discovery/aws_xml.h"

#include "core/base/status.h"
#include "core/discovery/json.h"

#include <absl/strings/cord.h>

#include <algorithm>

namespace narthex::discovery {
namespace {

constexpr char kCodeUrl[] = "narthex/aws-code";
constexpr std::size_t kMessageLimit = 500;

struct Problem
{
    std::string code;
    std::string message;
};

Problem problemOf(const net::HttpResponse& answer)
{
    pugi::xml_document document;
    if (document.load_buffer(answer.body.data(), answer.body.size())) {
        for (const char* const path : {"Error", "Errors/Error"}) {
            const pugi::xml_node error = document.document_element().first_element_by_path(path);
            if (error) {
                return {xmlText(error, "Code"), xmlText(error, "Message")};
            }
        }
    }
    const auto json = Json::parse(answer.body);
    if (!json.ok()) {
        return {};
    }
    std::string code = (*json)["__type"].text();
    if (code.empty()) {
        code = std::string(answer.header("x-amzn-ErrorType"));
        code = code.substr(0, code.find(':'));
    }
    code.erase(0, code.rfind('#') + 1); // "com.amazon.coral.service#AccessDenied"
    std::string message = (*json)["message"].text();
    return {std::move(code), message.empty() ? (*json)["Message"].text() : std::move(message)};
}

} // namespace

std::string xmlText(pugi::xml_node node, const char* path)
{
    return node.first_element_by_path(path).text().get();
}

absl::StatusOr<AwsXml> parseAwsXml(const net::HttpResponse& answer, const std::string& action)
{
    if (answer.status != 200) {
        return awsError(answer);
    }
    auto document = std::make_unique<pugi::xml_document>();
    const pugi::xml_parse_result parsed =
        document->load_buffer(answer.body.data(), answer.body.size());
    if (!parsed) {
        return base::unavailable("invalid XML at byte {}: {}", parsed.offset, parsed.description());
    }
    const pugi::xml_node response = document->document_element();
    if (response.name() != action + "Response") {
        return base::unavailable("unexpected answer <{}> to {}", response.name(), action);
    }
    const pugi::xml_node result = response.child((action + "Result").c_str());
    return AwsXml(std::move(document), result ? result : response);
}

absl::Status awsError(const net::HttpResponse& answer)
{
    Problem problem = problemOf(answer);
    if (problem.code.empty()) {
        return base::unavailable("server returned HTTP status {} {}", answer.status, answer.reason);
    }
    problem.message.resize(std::min(problem.message.size(), kMessageLimit));
    absl::Status status = base::unavailable("api error {}: {}", problem.code, problem.message);
    status.SetPayload(kCodeUrl, absl::Cord(problem.code));
    return status;
}

bool isAwsAuthFailure(const absl::Status& status)
{
    const auto code = status.GetPayload(kCodeUrl);
    constexpr const char* kCodes[] = {"AuthFailure",           "ExpiredToken",
                                      "ExpiredTokenException", "InvalidClientTokenId",
                                      "UnauthorizedOperation", "UnrecognizedClientException"};
    return code && std::any_of(std::begin(kCodes), std::end(kCodes),
                               [&code](const char* each) { return *code == each; });
}

} // namespace narthex::discovery
