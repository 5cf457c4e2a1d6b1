// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Asio behind IoLoop; included by sources of core/net only, for it compiles slowly.
// Threads: see IoLoop.
#pragma once

#include "core/net/io_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

namespace narthex::net {

struct IoLoop::Impl
{
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::thread thread;
};

} // namespace narthex::net
