// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/net/dns_exchange.h"

#include "core/base/file.h"
#include "core/base/status.h"

#include <ares.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>

namespace narthex::net {
namespace {

constexpr int kTimeoutMs = 2000;
constexpr int kUdpSizeBytes = 4096;

struct ChannelCloser
{
    void operator()(ares_channeldata* channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelCloser>;

// Initialised once; never undone, for other libraries of this process use it, too.
void prepareLibrary()
{
    static const int prepared = ares_library_init(ARES_LIB_INIT_ALL);
    static_cast<void>(prepared);
}

absl::Status failure(int code) { return base::unavailable("{}", ares_strerror(code)); }

absl::StatusOr<Channel> openChannel(const std::string& server, std::uint16_t port, bool tcp)
{
    prepareLibrary();
    // Each question is asked once, and the answer is judged here: servers, retries and the
    // machine's own settings are the caller's.
    std::string none = "/dev/null";
    std::string lookups = "b";
    ares_options options{};
    options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH |
                    ARES_FLAG_NOALIASES | (tcp ? ARES_FLAG_USEVC : ARES_FLAG_EDNS);
    options.timeout = kTimeoutMs;
    options.tries = 1;
    options.ndots = 1;
    options.lookups = lookups.data();
    options.ednspsz = kUdpSizeBytes;
    options.resolvconf_path = none.data();
    ares_channeldata* raw = nullptr;
    int code = ares_init_options(&raw, &options,
                                 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                     ARES_OPT_NDOTS | ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ |
                                     ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS);
    if (code != ARES_SUCCESS) {
        return failure(code);
    }
    Channel channel(raw);
    const std::string address = server.find(':') == std::string::npos
                                    ? fmt::format("{}:{}", server, port)
                                    : fmt::format("[{}]:{}", server, port);
    code = ares_set_servers_ports_csv(raw, address.c_str());
    if (code != ARES_SUCCESS) {
        return base::unavailable("\"{}\" is no address of a name server", server);
    }
    return channel;
}

struct Reply
{
    bool done = false;
    int code = ARES_SUCCESS;
    std::string bytes;
};

void onReply(void* argument, int code, int /*timeouts*/, unsigned char* bytes, int length)
{
    auto& reply = *static_cast<Reply*>(argument);
    reply.done = true;
    reply.code = code;
    if (bytes != nullptr && length > 0) {
        reply.bytes.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
    }
}

// Lets the library work on its sockets until they are ready, its time is over, or `wake` is.
void step(ares_channel channel, int wake)
{
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const int bits = ares_getsock(channel, sockets.data(), ARES_GETSOCK_MAXNUM);
    std::array<pollfd, ARES_GETSOCK_MAXNUM + 1> watched{pollfd{wake, POLLIN, 0}};
    nfds_t count = 1;
    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
        const bool read = ARES_GETSOCK_READABLE(bits, i) != 0;
        const bool write = ARES_GETSOCK_WRITABLE(bits, i) != 0;
        if (read || write) {
            const int events = (read ? POLLIN : 0) | (write ? POLLOUT : 0);
            watched[count++] = {sockets[i], static_cast<short>(events), 0};
        }
    }
    timeval most{.tv_sec = kTimeoutMs / 1000, .tv_usec = 0};
    timeval left{};
    const timeval* const wait = ares_timeout(channel, &most, &left);
    poll(watched.data(), count, static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
    bool any = false;
    for (nfds_t i = 1; i < count; ++i) {
        const int events = watched[i].revents;
        if (events != 0) {
            any = true;
            const bool canRead = (events & (POLLIN | POLLERR | POLLHUP)) != 0;
            const bool canWrite = (events & POLLOUT) != 0;
            ares_process_fd(channel, canRead ? watched[i].fd : ARES_SOCKET_BAD,
                            canWrite ? watched[i].fd : ARES_SOCKET_BAD);
        }
    }
    if (!any) {
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); // what timed out
    }
}

/// Reads an answer; every access is checked.
class Message
{
public:
    explicit Message(const std::string& bytes)
        : begin_(reinterpret_cast<const unsigned char*>(bytes.data())), size_(bytes.size())
    {}

    absl::StatusOr<DnsAnswer> read()
    {
        const auto flags = number(2);
        const auto questions = number(4);
        const auto answers = number(6);
        if (!flags || !questions || !answers) {
            return damaged();
        }
        DnsAnswer answer;
        answer.code = static_cast<DnsCode>(*flags & 0xFU);
        answer.truncated = (*flags & 0x0200U) != 0;
        at_ = 12;
        for (unsigned i = 0; i < *questions; ++i) {
            if (!name()) {
                return damaged();
            }
            at_ += 4;
        }
        for (unsigned i = 0; i < *answers && !answer.truncated; ++i) {
            auto record = readRecord();
            if (!record) {
                return damaged();
            }
            answer.records.push_back(*std::move(record));
        }
        return answer;
    }

private:
    static absl::Status damaged() { return absl::DataLossError("the answer cannot be read"); }

    [[nodiscard]] std::optional<unsigned> number(std::size_t at) const
    {
        if (at + 2 > size_) {
            return std::nullopt;
        }
        return (static_cast<unsigned>(begin_[at]) << 8U) | begin_[at + 1];
    }

    // The name at the current place, with its final dot; goes behind it.
    std::optional<std::string> name()
    {
        if (at_ >= size_) {
            return std::nullopt;
        }
        char* text = nullptr;
        long length = 0;
        if (ares_expand_name(begin_ + at_, begin_, static_cast<int>(size_), &text, &length) !=
            ARES_SUCCESS) {
            return std::nullopt;
        }
        const std::unique_ptr<char, void (*)(void*)> owner(text, ares_free_string);
        at_ += static_cast<std::size_t>(length);
        return std::string(text) + ".";
    }

    std::optional<DnsRecord> readRecord()
    {
        if (!name()) {
            return std::nullopt;
        }
        const auto type = number(at_);
        const auto length = number(at_ + 8);
        const std::size_t data = at_ + 10;
        if (!type || !length || data + *length > size_) {
            return std::nullopt;
        }
        DnsRecord record{.type = static_cast<DnsType>(*type)};
        at_ = data;
        if (!readData(record, *length)) {
            return std::nullopt;
        }
        at_ = data + *length;
        return record;
    }

    bool readData(DnsRecord& record, std::size_t length)
    {
        switch (record.type) {
        case DnsType::A:
            return length == 4 && address(AF_INET, record.target);
        case DnsType::AAAA:
            return length == 16 && address(AF_INET6, record.target);
        case DnsType::SRV:
            record.port = static_cast<std::uint16_t>(number(at_ + 4).value_or(0));
            at_ += 6; // priority, weight, port
            return target(record);
        case DnsType::MX:
            at_ += 2; // preference
            return target(record);
        case DnsType::NS:
        case DnsType::CNAME:
            return target(record);
        }
        return true; // another type: the caller skips it
    }

    bool target(DnsRecord& record)
    {
        auto text = name();
        if (!text) {
            return false;
        }
        record.target = *std::move(text);
        return true;
    }

    bool address(int family, std::string& out) const
    {
        std::array<char, INET6_ADDRSTRLEN> text{};
        out = inet_ntop(family, begin_ + at_, text.data(), text.size());
        return true;
    }

    const unsigned char* begin_;
    const std::size_t size_;
    std::size_t at_ = 0;
};

} // namespace

absl::StatusOr<DnsAnswer> readDnsAnswer(const std::string& bytes) { return Message(bytes).read(); }

absl::StatusOr<DnsAnswer> askDnsServer(const std::string& server, std::uint16_t port,
                                       const DnsQuestion& question, const std::stop_token& stop)
{
    NARTHEX_ASSIGN_OR_RETURN(const Channel channel, openChannel(server, port, question.tcp));
    unsigned char* raw = nullptr;
    int length = 0;
    const int code =
        ares_create_query(question.name.c_str(), ns_c_in, static_cast<int>(question.type), 0, 1,
                          &raw, &length, question.tcp ? 0 : kUdpSizeBytes);
    if (code != ARES_SUCCESS) {
        return base::invalidArgument("\"{}\" cannot be asked: {}", question.name,
                                     ares_strerror(code));
    }
    const std::unique_ptr<unsigned char, void (*)(void*)> query(raw, ares_free_string);
    const base::File wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    const std::stop_callback onStop(stop, [&wake] { eventfd_write(wake.descriptor(), 1); });
    Reply reply;
    ares_send(channel.get(), query.get(), length, onReply, &reply);
    while (!reply.done && !stop.stop_requested()) {
        step(channel.get(), wake.descriptor());
    }
    if (!reply.done) {
        ares_cancel(channel.get());
        return absl::CancelledError("stopped");
    }
    if (reply.code != ARES_SUCCESS) {
        return failure(reply.code);
    }
    return readDnsAnswer(reply.bytes);
}

} // namespace narthex::net
