// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/alertmanager/own_receivers.h"

#include "core/alertmanager/receivers/desktop.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/yaml/field_reader.h"

#include <algorithm>
#include <utility>

namespace narthex::alertmanager {
namespace {

constexpr std::uint64_t kFileLimit = 16ULL << 20U;

std::string keyOf(const ReceiverKind& kind) { return fmt::format("narthex:{}", kind.name); }

/// Why a kind is not to be had here; empty: it is.
std::string_view refusal(std::string_view kind, const OwnReceiverRights& rights)
{
    if (kind == "command" && !rights.commands) {
        return "programs are not run unless that is allowed: --alertmanager.allow-commands";
    }
    if (kind == "desktop" && !rights.desktop) {
        return "this program has no desktop to show notes on: leave narthex:desktop to the program "
               "with the window";
    }
    return {};
}

/// One element of `receivers`.
class OwnReceiver
{
public:
    OwnReceiver(const Config& config, const OwnReceiverRights& rights)
        : config_(config), rights_(rights)
    {}

    void read(const yaml::Value& element, const std::filesystem::path& directory)
    {
        yaml::FieldReader reader(element, "own receiver", directory);
        reader.field("name", &name_);
        for (const ReceiverKind& kind : ownReceiverKinds()) {
            if (const auto list = reader.take(keyOf(kind))) {
                readKind(kind, *list, directory);
            }
        }
        reader.finish();
        if (!element.isMap()) {
            return; // reported
        }
        reader.check(!name_.empty(), "missing name in receiver");
        if (!name_.empty() && config_.receiver(name_) == nullptr) {
            reader.failAt("name", fmt::format("there is no receiver \"{}\" in {}", name_,
                                              config_.file.string()));
        }
    }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::vector<IntegrationSettings> take() { return std::move(integrations_); }

private:
    void readKind(const ReceiverKind& kind, const yaml::Value& list,
                  const std::filesystem::path& directory)
    {
        const std::string key = keyOf(kind);
        std::size_t index = 0;
        for (const yaml::Value& element : list.elements()) {
            if (const std::string_view why = refusal(kind.name, rights_); !why.empty()) {
                element.fail(std::string(why));
                continue;
            }
            if (element.isNull() && !kind.nullMeansDefaults) {
                element.fail(fmt::format("missing {} config", key));
                continue;
            }
            std::unique_ptr<ReceiverConfig> own = kind.make();
            yaml::FieldReader reader(element, key, directory);
            own->describe(reader);
            reader.finish();
            integrations_.push_back({std::move(own), index++});
        }
    }

    const Config& config_;
    const OwnReceiverRights& rights_;
    std::string name_;
    std::vector<IntegrationSettings> integrations_;
};

} // namespace

absl::Status addOwnReceivers(Config& config, const std::filesystem::path& file,
                             const std::string& text, const OwnReceiverRights& rights)
{
    NARTHEX_ASSIGN_OR_RETURN(const auto document, yaml::Document::parse(file.string(), text));
    if (document->root().isNull()) {
        return absl::OkStatus();
    }
    std::map<std::string, std::vector<IntegrationSettings>, std::less<>> added;
    yaml::FieldReader root(document->root(), "own receivers", file.parent_path());
    if (const auto list = root.take("receivers")) {
        for (const yaml::Value& element : list->elements()) {
            OwnReceiver receiver(config, rights);
            receiver.read(element, file.parent_path());
            if (added.contains(receiver.name())) {
                element.fail(fmt::format("receiver \"{}\" is there twice: put its lists together",
                                         receiver.name()));
            }
            added.emplace(receiver.name(), receiver.take());
        }
    }
    root.finish();
    NARTHEX_RETURN_IF_ERROR(document->status());
    for (ReceiverSettings& receiver : config.receivers) {
        if (const auto own = added.find(receiver.name); own != added.end()) {
            std::move(own->second.begin(), own->second.end(),
                      std::back_inserter(receiver.integrations));
        }
    }
    return absl::OkStatus();
}

absl::Status loadOwnReceivers(Config& config, const std::filesystem::path& file,
                              const OwnReceiverRights& rights)
{
    NARTHEX_ASSIGN_OR_RETURN(const std::string text, base::readFile(file, kFileLimit));
    return addOwnReceivers(config, file, text, rights);
}

} // namespace narthex::alertmanager
