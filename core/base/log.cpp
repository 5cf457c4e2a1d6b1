// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/log.h"

#include "core/base/status.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace narthex::base {
namespace {

class RingSink final : public spdlog::sinks::base_sink<std::mutex>
{
public:
    explicit RingSink(std::shared_ptr<LogRing> ring) : ring_(std::move(ring)) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override
    {
        using namespace std::chrono;
        const auto ms = duration_cast<milliseconds>(message.time.time_since_epoch()).count();
        const auto level = spdlog::level::to_string_view(message.level);
        ring_->add({.time = {ms},
                    .level = std::string(level.data(), level.size()),
                    .logger = std::string(message.logger_name.data(), message.logger_name.size()),
                    .text = std::string(message.payload.data(), message.payload.size())});
    }
    void flush_() override {}

    std::shared_ptr<LogRing> ring_;
};

absl::StatusOr<spdlog::level::level_enum> parseLevel(std::string_view level)
{
    if (level == "debug") {
        return spdlog::level::debug;
    }
    if (level == "info") {
        return spdlog::level::info;
    }
    if (level == "warn") {
        return spdlog::level::warn;
    }
    if (level == "error") {
        return spdlog::level::err;
    }
    return invalidArgument("unrecognized log level \"{}\", one of: debug, info, warn, error",
                           level);
}

} // namespace

void LogRing::add(LogLine line)
{
    absl::MutexLock lock(&mutex_);
    if (lines_.size() == capacity_) {
        lines_.pop_front();
    }
    lines_.push_back(std::move(line));
}

std::vector<LogLine> LogRing::lines() const
{
    absl::MutexLock lock(&mutex_);
    return {lines_.begin(), lines_.end()};
}

absl::StatusOr<LogSetup> LogSetup::create(std::string_view level, LogFormat format)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto parsed, parseLevel(level));
    LogSetup setup;
    setup.level_ = parsed;
    constexpr std::size_t kRingLines = 10'000;
    setup.ring_ = std::make_shared<LogRing>(kRingLines);
    auto console = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    const char* pattern =
        format == LogFormat::Json
            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","component":"%n","msg":"%v"})"
            : "time=%Y-%m-%dT%H:%M:%S.%e%z level=%l component=%n %v";
    console->set_pattern(pattern);
    setup.sinks_ = {console, std::make_shared<RingSink>(setup.ring_)};
    return setup;
}

Logger LogSetup::logger(std::string_view module) const
{
    auto logger = std::make_shared<spdlog::logger>(fmt::format("narthex.{}", module),
                                                   sinks_.begin(), sinks_.end());
    logger->set_level(static_cast<spdlog::level::level_enum>(level_));
    logger->flush_on(spdlog::level::info);
    return logger;
}

Logger nullLogger()
{
    return std::make_shared<spdlog::logger>("null",
                                            std::make_shared<spdlog::sinks::null_sink_mt>());
}

} // namespace narthex::base
