// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program of one's own as a receiver. Source: spec/alertmanager.md, 8.14.
#include "core/alertmanager/receivers/desktop.h"
#include "core/alertmanager/receivers/sending.h"
#include "core/alertmanager/receivers/webhook_message.h"
#include "core/base/run_program.h"
#include "core/base/status.h"

namespace narthex::alertmanager {
namespace {

class CommandIntegration final : public Integration
{
public:
    explicit CommandIntegration(CommandConfig config) : config_(std::move(config)) {}

    SendResult send(const Notification& notification, base::Duration timeout,
                    std::stop_token stop) override
    {
        const Attempt attempt{timeout, std::move(stop)};
        const auto output =
            base::runProgram({.arguments = config_.arguments,
                              .input = webhookMessage(shortened(notification, 0), "4"),
                              .timeout = limited(attempt, config_.timeout).timeout},
                             attempt.stop);
        if (output.ok()) {
            return succeeded();
        }
        const bool missing = output.status().code() == absl::StatusCode::kNotFound;
        return missing ? refused(output.status()) : unanswered(output.status());
    }

private:
    const CommandConfig config_;
};

} // namespace

absl::StatusOr<std::unique_ptr<Integration>> makeCommandIntegration(const CommandConfig& config)
{
    if (config.arguments.empty() || config.arguments[0].empty()) {
        return base::invalidArgument("a command receiver names no program");
    }
    return std::make_unique<CommandIntegration>(config);
}

} // namespace narthex::alertmanager
