#include "test/support/comet_client.hpp"

#include "topology/loop/readable.hpp"
#include "topology/net/socket_address.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

namespace zcomet::test {
namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

std::optional<std::size_t> parse_number(std::string_view text, int base) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

} // namespace

CometClient::CometClient(const wire::HostPort& server, int receive_buffer_bytes,
                         const std::string& from)
    : host_(server.text()) {
    const auto address = net::resolve(server, net::Purpose::kConnect);
    if (!address.ok()) {
        throw std::invalid_argument(address.error().text);
    }
    socket_.reset(::socket(address.value().front().family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer_bytes > 0) {
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                     sizeof receive_buffer_bytes);
    }
    if (!from.empty()) {
        const auto source = net::resolve({from, 0}, net::Purpose::kConnect);
        if (!source.ok() ||
            ::bind(socket_.get(), source.value().front().get(), source.value().front().size) != 0) {
            throw std::invalid_argument("cannot connect from " + from);
        }
    }
    if (::connect(socket_.get(), address.value().front().get(), address.value().front().size) !=
        0) {
        throw std::system_error(errno, std::generic_category(), "connect to " + host_);
    }
}

bool CometClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool CometClient::request(std::string_view method, std::string_view path) {
    std::string text;
    text.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(host_);
    return send(text.append("\r\nAccept: */*\r\n\r\n"));
}

std::optional<int> CometClient::await_status(Duration timeout) {
    const Time deadline = Clock::now() + timeout;
    while (!status_ && read_more(deadline)) {
    }
    return status_;
}

std::string CometClient::header(const std::string& name) const {
    const auto found = headers_.find(name);
    return found == headers_.end() ? std::string() : found->second;
}

const std::vector<std::string>& CometClient::await_chunks(std::size_t count, Duration timeout) {
    const Time deadline = Clock::now() + timeout;
    while (chunks_.size() < count && read_more(deadline)) {
    }
    return chunks_;
}

std::optional<std::string> CometClient::await_body(Duration timeout) {
    const Time deadline = Clock::now() + timeout;
    if (!await_status(timeout)) {
        return std::nullopt;
    }
    const auto length = parse_number(header("content-length"), 10);
    while (length && unread_.size() < *length && read_more(deadline)) {
    }
    if (!length || unread_.size() < *length) {
        return std::nullopt;
    }
    std::string body = unread_.substr(0, *length);
    unread_.erase(0, *length);
    return body;
}

bool CometClient::await_close(Duration timeout) {
    const Time deadline = Clock::now() + timeout;
    while (read_more(deadline)) {
    }
    return closed_;
}

bool CometClient::poll_now() {
    while (read_more(Clock::now())) {
    }
    return !closed_;
}

void CometClient::next_response() {
    status_.reset();
    headers_.clear();
    chunks_.clear();
    ended_ = false;
    take_head();
}

/// Reads once, waiting until the deadline. @return false if nothing arrived.
bool CometClient::read_more(Time deadline) {
    if (closed_ || !loop::await_readable(socket_.get(), deadline)) {
        return false;
    }
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init)
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) {
        closed_ = true;
        return false;
    }
    unread_.append(buffer.data(), static_cast<std::size_t>(size));
    take_head();
    take_chunks();
    return true;
}

void CometClient::take_head() {
    const auto end = unread_.find("\r\n\r\n");
    if (status_ || end == std::string::npos) {
        return;
    }
    const std::string head = unread_.substr(0, end + 2);
    unread_.erase(0, end + 4);
    status_ = static_cast<int>(parse_number(head.substr(9, 3), 10).value_or(0));
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
        const auto line_end = head.find("\r\n", at);
        const std::string line = head.substr(at, line_end - at);
        const auto colon = line.find(": ");
        headers_[lower_case(line.substr(0, colon))] = line.substr(colon + 2);
        at = line_end + 2;
    }
}

void CometClient::take_chunks() {
    if (header("transfer-encoding") != "chunked") {
        return;
    }
    while (!ended_) {
        const auto line_end = unread_.find("\r\n");
        if (line_end == std::string::npos) {
            return;
        }
        const auto length = parse_number(std::string_view(unread_).substr(0, line_end), 16);
        if (!length) {
            throw std::runtime_error("not a chunk: " + unread_.substr(0, 100));
        }
        if (unread_.size() < line_end + 2 + *length + 2) {
            return;
        }
        ended_ = *length == 0;
        if (!ended_) {
            chunks_.push_back(unread_.substr(line_end + 2, *length));
        }
        unread_.erase(0, line_end + 2 + *length + 2);
    }
}

CometClient open_stream(const wire::HostPort& server, std::string_view id) {
    CometClient stream(server);
    stream.request("GET", "/test/" + std::string(id));
    if (stream.await_status() != 200) {
        throw std::runtime_error("no stream for id " + std::string(id) + " at " + server.text());
    }
    return stream;
}

std::string comet_chunk(std::uint64_t number, std::string_view text) {
    return "Recvd msg #" + std::to_string(number) + ": '" + std::string(text) + "'<br/>\n";
}

} // namespace zcomet::test
