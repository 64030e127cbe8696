// An HTTP client for tests: one plain socket that sends exactly the given bytes and shows the
// answer as it comes. A library would hide what these tests check: when a chunk arrives, what is in
// it, and how a connection ends.
#pragma once

#include "test/support/eventually.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/wire/endpoint.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::test {

/// Thread: one, for its whole life.
class CometClient {
  public:
    /// Connects. `receive_buffer_bytes` other than 0 sets SO_RCVBUF, for a client that reads
    /// slowly; `from` is an IPv4 address of this host to connect from, if it is not empty. Throws
    /// std::system_error if the connection is refused.
    explicit CometClient(const wire::HostPort& server, int receive_buffer_bytes = 0,
                         const std::string& from = {});

    /// Sends bytes as they are. @return false if the server has closed the connection.
    bool send(std::string_view bytes);
    /// Sends a whole request without a body, as a browser would.
    bool request(std::string_view method, std::string_view path);

    /// Waits for the response's head. @return its status; nothing if none comes in time.
    [[nodiscard]] std::optional<int> await_status(Duration timeout = kSoon);
    /// A header of the response; the name in lower case. Empty if there is none.
    [[nodiscard]] std::string header(const std::string& name) const;

    /// Waits until `count` chunks of a chunked response have come completely.
    /// @return all chunks so far, or as many as came in time.
    [[nodiscard]] const std::vector<std::string>& await_chunks(std::size_t count,
                                                               Duration timeout = kSoon);
    /// Waits for the whole body that Content-Length announces.
    [[nodiscard]] std::optional<std::string> await_body(Duration timeout = kSoon);
    /// Waits until the server closes or resets the connection.
    [[nodiscard]] bool await_close(Duration timeout = kSoon);
    /// Reads what has arrived, without waiting. @return whether the connection is still open.
    bool poll_now();

    /// Chunks so far, and how many bytes of a response were read after its head.
    [[nodiscard]] const std::vector<std::string>& chunks() const { return chunks_; }
    /// Whether the chunk that ends a chunked response has come.
    [[nodiscard]] bool ended() const { return ended_; }
    /// Bytes received that are not part of a head, chunk or body yet.
    [[nodiscard]] const std::string& unread() const { return unread_; }
    /// Forgets the response, so that the next one on this connection can be read.
    void next_response();

  private:
    bool read_more(Time deadline);
    void take_head();
    void take_chunks();

    UniqueFd socket_;
    std::string host_;
    std::string unread_;
    std::optional<int> status_;
    std::map<std::string, std::string> headers_;
    std::vector<std::string> chunks_;
    bool ended_ = false;
    bool closed_ = false;
};

/// Opens a comet stream on `id`. Requires that the server answers 200.
[[nodiscard]] CometClient open_stream(const wire::HostPort& server, std::string_view id);

/// The chunk that shows message `number` of a stream: `Recvd msg #N: 'TEXT'<br/>` and
/// a line feed.
[[nodiscard]] std::string comet_chunk(std::uint64_t number, std::string_view text);

} // namespace zcomet::test
