// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/io_loop.h"

#include "core/net/io_loop_impl.h"

#include <boost/asio/post.hpp>

#include <csignal>
#include <semaphore>

namespace narthex::net {

IoLoop::IoLoop() : impl_(std::make_unique<Impl>())
{
    // A peer that hangs up while we write is an error code, never a signal.
    std::signal(SIGPIPE, SIG_IGN);
    impl_->thread = std::thread([impl = impl_.get()] { impl->context.run(); });
}

IoLoop::~IoLoop()
{
    impl_->work.reset();
    boost::asio::post(impl_->context, [impl = impl_.get()] { impl->context.stop(); });
    impl_->thread.join();
}

void IoLoop::post(std::function<void()> task)
{
    boost::asio::post(impl_->context, std::move(task));
}

void IoLoop::run(const std::function<void()>& task)
{
    if (isLoopThread()) {
        task();
        return;
    }
    // Seen by the thread sanitizer, other than a notification of the library.
    std::binary_semaphore done(0);
    post([&] {
        task();
        done.release();
    });
    done.acquire();
}

bool IoLoop::isLoopThread() const { return std::this_thread::get_id() == impl_->thread.get_id(); }

} // namespace narthex::net
