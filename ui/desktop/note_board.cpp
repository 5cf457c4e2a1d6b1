// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/desktop/note_board.h"

#include "core/base/status.h"

#include <QDBusMessage>
#include <QUuid>
#include <QVariantMap>

#include <algorithm>
#include <utility>

namespace narthex::ui::desktop {
namespace {

using alertmanager::DesktopNote;
using alertmanager::Urgency;

const auto kService = QStringLiteral("org.freedesktop.Notifications");
const auto kPath = QStringLiteral("/org/freedesktop/Notifications");
const auto kApplication = QStringLiteral("io.narthex.Narthex");
const auto kAcknowledge = QStringLiteral("acknowledge");
const auto kSilence = QStringLiteral("silence");
/// What a click on the note itself is called.
const auto kOpen = QStringLiteral("default");
/// Of the note that says what a button could not do.
constexpr std::string_view kFailureKey = "narthex.failure";
/// Of the summary of a storm.
constexpr std::string_view kStormKey = "narthex.storm";
/// Titles in the summary.
constexpr qsizetype kMostTitles = 8;
constexpr int kNeverExpires = 0;
constexpr int kAsTheDesktopLikes = -1;

QString textOf(std::string_view text)
{
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

QString soundOf(Urgency urgency)
{
    switch (urgency) {
    case Urgency::Low:
        return QStringLiteral("dialog-information");
    case Urgency::Normal:
        return QStringLiteral("dialog-warning");
    case Urgency::Critical:
        return QStringLiteral("dialog-error");
    }
    return {};
}

QVariantMap hintsOf(const DesktopNote& note)
{
    QVariantMap hints{
        {QStringLiteral("urgency"), QVariant::fromValue(static_cast<uchar>(note.urgency))},
        {QStringLiteral("desktop-entry"), kApplication}};
    if (note.sound) {
        hints[QStringLiteral("sound-name")] = soundOf(note.urgency);
    } else {
        hints[QStringLiteral("suppress-sound")] = true;
    }
    return hints;
}

std::optional<NoteAction> actionOf(const QString& name)
{
    if (name == kAcknowledge) {
        return NoteAction::Acknowledge;
    }
    if (name == kSilence) {
        return NoteAction::Silence;
    }
    return name == kOpen ? std::optional(NoteAction::Open) : std::nullopt;
}

} // namespace

NoteBoard::NoteBoard(base::Logger log, QString busAddress)
    : log_(std::move(log)),
      busAddress_(std::move(busAddress)),
      connectionName_(QStringLiteral("notes-") + QUuid::createUuid().toString(QUuid::WithoutBraces))
{
    clock_.start();
}

void NoteBoard::leave()
{
    handler_ = nullptr;
    watcher_.reset();
    if (bus_) {
        bus_.reset();
        QDBusConnection::disconnectFromBus(connectionName_);
    }
}

absl::Status NoteBoard::connectToBus()
{
    if (bus_ && bus_->isConnected()) {
        return absl::OkStatus();
    }
    if (bus_) { // the bus went away
        forgetAll();
        watcher_.reset();
        bus_.reset();
        QDBusConnection::disconnectFromBus(connectionName_);
    }
    QDBusConnection bus =
        busAddress_.isEmpty()
            ? QDBusConnection::connectToBus(QDBusConnection::SessionBus, connectionName_)
            : QDBusConnection::connectToBus(busAddress_, connectionName_);
    if (!bus.isConnected()) {
        const std::string why = bus.lastError().message().toStdString();
        QDBusConnection::disconnectFromBus(connectionName_);
        return base::unavailable("there is no desktop session to show notes in: {}", why);
    }
    bus.connect(kService, kPath, kService, QStringLiteral("ActionInvoked"), this,
                SLOT(onActionInvoked(uint, QString)));
    bus.connect(kService, kPath, kService, QStringLiteral("NotificationClosed"), this,
                SLOT(onNotificationClosed(uint, uint)));
    watcher_ = std::make_unique<QDBusServiceWatcher>(kService, bus,
                                                     QDBusServiceWatcher::WatchForOwnerChange);
    // Who comes instead counts anew and may be able to do other things.
    connect(watcher_.get(), &QDBusServiceWatcher::serviceOwnerChanged, this, &NoteBoard::forgetAll);
    bus_ = std::move(bus);
    return absl::OkStatus();
}

absl::StatusOr<QVariantList> NoteBoard::call(const QString& method, const QVariantList& arguments)
{
    QDBusMessage message = QDBusMessage::createMethodCall(kService, kPath, kService, method);
    message.setArguments(arguments);
    const QDBusMessage answer = bus_->call(message, QDBus::Block, kTimeoutMs);
    if (answer.type() != QDBusMessage::ReplyMessage) {
        return base::unavailable("the desktop does not answer {}: {} ({})", method.toStdString(),
                                 answer.errorMessage().toStdString(),
                                 answer.errorName().toStdString());
    }
    return answer.arguments();
}

absl::Status NoteBoard::learnCapabilities()
{
    if (capabilities_) {
        return absl::OkStatus();
    }
    NARTHEX_ASSIGN_OR_RETURN(const QVariantList answer,
                             call(QStringLiteral("GetCapabilities"), {}));
    capabilities_ = answer.isEmpty() ? QStringList() : answer.constFirst().toStringList();
    return absl::OkStatus();
}

absl::Status NoteBoard::show(const DesktopNote& note)
{
    NARTHEX_RETURN_IF_ERROR(connectToBus());
    if (note.resolved) {
        return storm_.erase(note.key) != 0 ? putSummary() : close(note.key);
    }
    NARTHEX_RETURN_IF_ERROR(learnCapabilities());
    if (isStorm(note.key)) {
        storm_[note.key] = note;
        while (storm_.size() > kMostNotes) {
            storm_.erase(storm_.begin());
        }
        return putSummary();
    }
    const bool isNew = !ids_.contains(note.key);
    NARTHEX_RETURN_IF_ERROR(put(note));
    if (isNew) {
        recentMs_.push_back(clock_.elapsed());
        if (recentMs_.size() > kStormNotes) {
            recentMs_.pop_front();
        }
    }
    return absl::OkStatus();
}

// A note that is on the desktop already stays what it is.
bool NoteBoard::isStorm(const std::string& key) const
{
    return storm_.contains(key) || (!ids_.contains(key) && recentMs_.size() == kStormNotes &&
                                    clock_.elapsed() - recentMs_.front() < kStormMs);
}

absl::Status NoteBoard::putSummary()
{
    if (storm_.empty()) {
        return close(std::string(kStormKey));
    }
    //: The title of a note that stands for several others.
    DesktopNote summary{
        .key = std::string(kStormKey),
        .title = tr("%n more groups of alerts", "", static_cast<int>(storm_.size())).toStdString(),
        .urgency = Urgency::Low};
    qsizetype titles = 0;
    for (const auto& [key, note] : storm_) {
        if (titles++ < kMostTitles) {
            summary.body += note.title + "\n";
        }
        summary.urgency = std::max(summary.urgency, note.urgency);
        summary.sound = summary.sound || note.sound;
        summary.canAcknowledge = summary.canAcknowledge || note.canAcknowledge;
        summary.fingerprints.insert(summary.fingerprints.end(), note.fingerprints.begin(),
                                    note.fingerprints.end());
    }
    return put(summary);
}

absl::Status NoteBoard::put(const DesktopNote& note)
{
    NARTHEX_ASSIGN_OR_RETURN(const QVariantList answer,
                             call(QStringLiteral("Notify"), argumentsOf(note)));
    remember(answer.isEmpty() ? 0 : answer.constFirst().toUInt(), note);
    return absl::OkStatus();
}

QVariantList NoteBoard::argumentsOf(const DesktopNote& note) const
{
    const auto before = ids_.find(note.key);
    const QString body = textOf(note.body).trimmed();
    QStringList actions;
    if (capabilities_->contains(QStringLiteral("actions"))) {
        actions << kOpen << tr("Open");
        if (note.canAcknowledge) {
            actions << kAcknowledge << tr("Acknowledge");
            //: Nobody is told of these alerts for one hour.
            actions << kSilence << tr("Silence 1 h");
        }
    }
    const bool markup = capabilities_->contains(QStringLiteral("body-markup"));
    return {QStringLiteral("Narthex"),
            before == ids_.end() ? 0U : before->second,
            kApplication,
            textOf(note.title),
            markup ? body.toHtmlEscaped() : body,
            actions,
            hintsOf(note),
            note.urgency == Urgency::Critical ? kNeverExpires : kAsTheDesktopLikes};
}

// A note that the user has closed, or that never was, is closed already.
absl::Status NoteBoard::close(const std::string& key)
{
    const auto found = ids_.find(key);
    if (found == ids_.end()) {
        return absl::OkStatus();
    }
    const uint id = found->second;
    ids_.erase(found);
    shown_.erase(id);
    base::ignore(call(QStringLiteral("CloseNotification"), {id}).status(),
                 "whoever cannot close it has lost it");
    return absl::OkStatus();
}

void NoteBoard::remember(uint id, const DesktopNote& note)
{
    if (const auto before = ids_.find(note.key); before != ids_.end()) {
        shown_.erase(before->second);
    }
    ids_[note.key] = id;
    shown_[id] = {.key = note.key, .alerts = note.fingerprints};
    while (shown_.size() > kMostNotes) {
        ids_.erase(shown_.begin()->second.key);
        shown_.erase(shown_.begin());
    }
}

void NoteBoard::forgetAll()
{
    shown_.clear();
    ids_.clear();
    storm_.clear();
    capabilities_.reset();
}

// Other programs' notes come by here, too.
void NoteBoard::onActionInvoked(uint id, const QString& action)
{
    const auto found = shown_.find(id);
    const std::optional<NoteAction> kind = actionOf(action);
    if (found == shown_.end() || !kind || !handler_) {
        return;
    }
    const absl::Status status = handler_(*kind, found->second.alerts);
    if (status.ok()) {
        return;
    }
    log_->warn("notes: an action failed action={} err=\"{}\"", action.toStdString(),
               base::messageOf(status));
    base::ignore(show({.key = std::string(kFailureKey),
                       .title = tr("This could not be done").toStdString(),
                       .body = std::string(base::messageOf(status))}),
                 "it is in the log");
}

void NoteBoard::onNotificationClosed(uint id, uint /*reason*/)
{
    const auto found = shown_.find(id);
    if (found != shown_.end()) {
        if (found->second.key == kStormKey) {
            storm_.clear();
        }
        ids_.erase(found->second.key);
        shown_.erase(found);
    }
}

} // namespace narthex::ui::desktop
