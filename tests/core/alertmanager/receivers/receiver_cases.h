// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What each kind of receiver sends for one notification, byte for byte. In a source of its own, for
// moc stumbles over raw strings. $URL is the test's server, $HASH the hash of the group's key,
// $ALERTS the alerts as JSON, $FIRING and $RESOLVED the subjects.
#pragma once

#include <span>

namespace narthex::tests {

struct ReceiverCase
{
    const char* name;
    const char* kind;
    const char* yaml;
    bool firing;
    /// Answers: "METHOD path" and body, each on a line of its own.
    const char* answers;
    const char* requests;
};

std::span<const ReceiverCase> receiverCases();

extern const char* const kAlertsJson;
extern const char* const kOpsgenieCreation;
extern const char* const kAcknowledgementJson;
extern const char* const kAcknowledgeEvent;
extern const char* const kUpdateAnswer;
extern const char* const kUpdateStart;

} // namespace narthex::tests
