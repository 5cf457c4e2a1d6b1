// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A large matrix as JSON, made while it is sent: one piece leaves while the next is written, so
// that an answer of any size holds two pieces beside the result itself. Owner: the connection.
// Threads: pieces are written on the pool, one at a time.
#pragma once

#include "core/base/worker_pool.h"
#include "core/net/http_server.h"
#include "core/promql/value.h"

#include <string>

namespace narthex::api {

/// Large enough that the answer is worth more than one piece.
[[nodiscard]] bool isLarge(const promql::Matrix& matrix);

/// The series, separated by commas, then `tail`. `pool` outlives the stream.
[[nodiscard]] net::BodyStream matrixStream(promql::Matrix matrix, std::string tail,
                                           base::WorkerPool& pool);

} // namespace narthex::api
