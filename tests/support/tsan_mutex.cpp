// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tells the thread sanitizer about absl::Mutex. The distribution's Abseil is not built for the
// sanitizer, which therefore sees neither its locks nor what they order, and takes every guarded
// access for a race. The functions below stand before the library's in the order of symbols: each
// calls the library's own and says what it did. Linked into every program of the `tsan` preset, and
// into nothing else. Source: sanitizer/tsan_interface.h of the compiler.
#include <absl/synchronization/mutex.h>

#include <cstdlib>
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>
#include <string>
#include <string_view>

namespace {

#define NARTHEX_TEXT_OF(x) #x
#define NARTHEX_TEXT(x) NARTHEX_TEXT_OF(x)

/// The library's function; `rest` is its mangled name behind the inline namespace.
template <typename Function>
Function original(std::string_view rest)
{
    constexpr std::string_view kInline = NARTHEX_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
    std::string name = "_ZN4absl";
    name += std::to_string(kInline.size());
    name += kInline;
    name += rest;
    void* found = ::dlsym(RTLD_NEXT, name.c_str());
    if (found == nullptr) {
        std::abort();
    }
    return reinterpret_cast<Function>(found);
}

unsigned flagsOf(bool isReader) { return isReader ? __tsan_mutex_read_lock : 0; }

/// Says that the mutex is taken while `body` runs.
template <typename Body>
auto taking(absl::Mutex* mutex, bool isReader, Body body)
{
    __tsan_mutex_pre_lock(mutex, flagsOf(isReader));
    struct Taken
    {
        absl::Mutex* mutex;
        unsigned flags;
        ~Taken() { __tsan_mutex_post_lock(mutex, flags, 0); }
    } taken{mutex, flagsOf(isReader)};
    return body();
}

void release(absl::Mutex* mutex, bool isReader, void (*body)(absl::Mutex*))
{
    __tsan_mutex_pre_unlock(mutex, flagsOf(isReader));
    body(mutex);
    __tsan_mutex_post_unlock(mutex, flagsOf(isReader));
}

/// Waits give the mutex up and take it again; who waits holds it for writing.
template <typename Body>
auto waiting(absl::Mutex* mutex, Body body)
{
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    return taking(mutex, false, body);
}

} // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

using Plain = void (*)(Mutex*);
using Try = bool (*)(Mutex*);
using When = void (*)(Mutex*, const Condition&);
using WhenTimeout = bool (*)(Mutex*, const Condition&, Duration);
using WhenDeadline = bool (*)(Mutex*, const Condition&, Time);

void Mutex::Lock()
{
    static const auto real = original<Plain>("5Mutex4LockEv");
    taking(this, false, [this] { real(this); });
}

void Mutex::Unlock()
{
    static const auto real = original<Plain>("5Mutex6UnlockEv");
    release(this, false, real);
}

bool Mutex::TryLock()
{
    static const auto real = original<Try>("5Mutex7TryLockEv");
    __tsan_mutex_pre_lock(this, __tsan_mutex_try_lock);
    const bool taken = real(this);
    __tsan_mutex_post_lock(
        this, __tsan_mutex_try_lock | (taken ? 0 : __tsan_mutex_try_lock_failed), 0);
    return taken;
}

void Mutex::ReaderLock()
{
    static const auto real = original<Plain>("5Mutex10ReaderLockEv");
    taking(this, true, [this] { real(this); });
}

void Mutex::ReaderUnlock()
{
    static const auto real = original<Plain>("5Mutex12ReaderUnlockEv");
    release(this, true, real);
}

void Mutex::Await(const Condition& condition)
{
    static const auto real = original<When>("5Mutex5AwaitERKNS0_9ConditionE");
    waiting(this, [&] { real(this, condition); });
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout)
{
    static const auto real =
        original<WhenTimeout>("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
    return waiting(this, [&] { return real(this, condition, timeout); });
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline)
{
    static const auto real =
        original<WhenDeadline>("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
    return waiting(this, [&] { return real(this, condition, deadline); });
}

void Mutex::LockWhen(const Condition& condition)
{
    static const auto real = original<When>("5Mutex8LockWhenERKNS0_9ConditionE");
    taking(this, false, [&] { real(this, condition); });
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout)
{
    static const auto real =
        original<WhenTimeout>("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
    return taking(this, false, [&] { return real(this, condition, timeout); });
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline)
{
    static const auto real =
        original<WhenDeadline>("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
    return taking(this, false, [&] { return real(this, condition, deadline); });
}

void CondVar::Wait(Mutex* mutex)
{
    using Function = void (*)(CondVar*, Mutex*);
    static const auto real = original<Function>("7CondVar4WaitEPNS0_5MutexE");
    waiting(mutex, [&] { real(this, mutex); });
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout)
{
    using Function = bool (*)(CondVar*, Mutex*, Duration);
    static const auto real =
        original<Function>("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
    return waiting(mutex, [&] { return real(this, mutex, timeout); });
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline)
{
    using Function = bool (*)(CondVar*, Mutex*, Time);
    static const auto real =
        original<Function>("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
    return waiting(mutex, [&] { return real(this, mutex, deadline); });
}

ABSL_NAMESPACE_END
} // namespace absl
