// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A kind of receiver for tests: its integrations remember what they were given and answer as the
// test says. Owner: the test; an Outbox outlives the Alertmanager. Threads: any.
#pragma once

#include "core/alertmanager/receivers/receiver_kind.h"
#include "core/base/status.h"

#include <absl/synchronization/mutex.h>

#include <deque>
#include <map>
#include <vector>

namespace narthex::tests {

/// Everything that fake integrations were given, by the key `box` of their configuration.
class Outbox
{
public:
    struct Sent
    {
        std::string box;
        alertmanager::Notification notification;
        /// Set: an announcement of an acknowledgement.
        std::string acknowledgedBy;
    };

    static Outbox& instance()
    {
        static Outbox box;
        return box;
    }
    void clear()
    {
        const absl::MutexLock lock(&mutex_);
        sent_.clear();
        answers_.clear();
        blocked_.clear();
    }
    /// The next answers of `box`; then it is well.
    void answer(const std::string& box, std::deque<alertmanager::SendResult> results)
    {
        const absl::MutexLock lock(&mutex_);
        answers_[box] = std::move(results);
    }
    /// Messages to `box` hang until it is let go.
    void block(const std::string& box, bool hold)
    {
        const absl::MutexLock lock(&mutex_);
        blocked_[box] = hold;
    }
    std::vector<Sent> take()
    {
        const absl::MutexLock lock(&mutex_);
        return std::exchange(sent_, {});
    }
    [[nodiscard]] std::size_t count(const std::string& box) const
    {
        const absl::MutexLock lock(&mutex_);
        std::size_t result = 0;
        for (const Sent& each : sent_) {
            result += each.box == box ? 1U : 0U;
        }
        return result;
    }
    alertmanager::SendResult accept(Sent sent, const std::stop_token& stop)
    {
        absl::MutexLock lock(&mutex_);
        const std::string box = sent.box;
        sent_.push_back(std::move(sent));
        while (blocked_[box] && !stop.stop_requested()) {
            changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(5));
        }
        auto& answers = answers_[box];
        if (answers.empty()) {
            return {};
        }
        alertmanager::SendResult result = answers.front();
        answers.pop_front();
        return result;
    }

private:
    mutable absl::Mutex mutex_;
    absl::CondVar changed_;
    std::vector<Sent> sent_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, std::deque<alertmanager::SendResult>> answers_ ABSL_GUARDED_BY(mutex_);
    std::map<std::string, bool> blocked_ ABSL_GUARDED_BY(mutex_);
};

class FakeIntegration final : public alertmanager::Integration
{
public:
    FakeIntegration(std::string box, bool acknowledges)
        : box_(std::move(box)), acknowledges_(acknowledges)
    {}
    alertmanager::SendResult send(const alertmanager::Notification& notification, base::Duration,
                                  std::stop_token stop) override
    {
        return Outbox::instance().accept({box_, notification, {}}, stop);
    }
    std::optional<alertmanager::SendResult>
    acknowledge(const alertmanager::Notification& notification,
                const alertmanager::AcknowledgementNote& note, base::Duration timeout,
                std::stop_token stop) override
    {
        if (!acknowledges_) {
            return Integration::acknowledge(notification, note, timeout, std::move(stop));
        }
        return Outbox::instance().accept({box_, notification, note.author}, stop);
    }

private:
    const std::string box_;
    const bool acknowledges_;
};

struct FakeConfig final : alertmanager::ReceiverOf<FakeConfig>
{
    static constexpr std::string_view kKind = "fake";
    std::string box = "box";
    base::Secret password;
    bool resolved = true;
    bool acknowledges = false;
    bool broken = false;

    void describe(yaml::Fields& fields) override
    {
        fields.field("box", &box);
        fields.field("password", &password);
        fields.field("send_resolved", &resolved, yaml::Printing::Always);
        fields.field("acknowledges", &acknowledges);
        fields.field("broken", &broken);
    }
    absl::Status complete(const alertmanager::GlobalConfig&) override
    {
        return box.empty() ? base::invalidArgument("no box set") : absl::OkStatus();
    }
    [[nodiscard]] bool sendResolved() const override { return resolved; }
    [[nodiscard]] absl::StatusOr<std::unique_ptr<alertmanager::Integration>>
    makeIntegration(const alertmanager::IntegrationEnvironment&) const override
    {
        if (broken) {
            return base::unavailable("unable to read CA cert: broken");
        }
        return std::make_unique<FakeIntegration>(box, acknowledges);
    }
    friend bool operator==(const FakeConfig&, const FakeConfig&) = default;
};

inline std::span<const alertmanager::ReceiverKind> fakeKinds()
{
    static constexpr alertmanager::ReceiverKind kKinds[] = {
        {.name = "fake", .make = []() -> std::unique_ptr<alertmanager::ReceiverConfig> {
             return std::make_unique<FakeConfig>();
         }}};
    return kKinds;
}

} // namespace narthex::tests
