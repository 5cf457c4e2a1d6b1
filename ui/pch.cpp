// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Empty: the target exists to build the precompiled header that the Qt modules share.
