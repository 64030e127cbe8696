// One process of a load test: opens its share of the streams at their times, reads what comes, and
// counts. An HTTP library with a thread for each connection cannot do this, so it is an epoll loop.
//
// A loop turn takes a batch of events, reads each ready stream with one recv(2) into one buffer
// that all share, then opens what is due. Descriptors are registered once, edge-triggered, for
// reading and writing alike, so that a stream costs one epoll_ctl(2) in its life.
#pragma once

#include "tools/floodtest/chunk_parser.hpp"
#include "tools/floodtest/flood_head.hpp"
#include "tools/floodtest/flood_tally.hpp"
#include "tools/floodtest/flood_target.hpp"
#include "tools/floodtest/flood_tls.hpp"
#include "tools/logs/log_file.hpp"
#include "tools/logs/message_log.hpp"
#include "topology/base/time.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/loop/loop.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::tools::floodtest {

/// What all processes of a load test do together. Stream k of the whole test, from 0, belongs to
/// process k mod `processes`, is opened at k / rate, comes from source k mod their number, and asks
/// for id first_id + k mod ids.
struct FloodPlan {
    FloodTarget target;
    /// Where connections come from; empty: the system chooses.
    std::vector<net::SocketAddress> sources;
    std::uint64_t connections = 1;
    /// Streams to open a second, by all processes together; 0: as fast as they are answered.
    double rate = 100;
    std::uint64_t first_id = 1;
    std::uint64_t ids = 1;
    /// From connect() to the end of the response head.
    Duration connect_timeout = 10s;
    unsigned processes = 1;
    /// Where each process appends what happens to its streams; the file exists. Empty: nowhere.
    std::string log{};
    /// For https: whose certificates are trusted, PEM; empty: servers may have any.
    std::string tls_ca{};
};

class FloodWorker {
  public:
    /// @param process  which share is ours, in [0, plan.processes).
    /// @param start    when stream 0 is due; the same for all processes.
    /// @param stop_fd  ends run() when it becomes readable or its other end is closed; borrowed.
    /// @param tally    where to count; outlives the worker.
    /// Throws std::system_error if epoll cannot be set up, std::runtime_error if the log cannot be
    /// opened.
    FloodWorker(const FloodPlan& plan, unsigned process, Time start, int stop_fd,
                FloodTally& tally);
    /// Closes all streams.
    ~FloodWorker();
    FloodWorker(const FloodWorker&) = delete;
    FloodWorker& operator=(const FloodWorker&) = delete;

    /// Until told to stop, even when every stream has ended.   Thread: one, for the whole life.
    void run();

  private:
    enum class Phase : std::uint8_t { kConnecting, kShaking, kRequested, kStreaming, kEnded };

    struct Stream {
        int fd = -1;
        Phase phase = Phase::kConnecting;
        FloodHead head;
        Time started;
        ChunkParser chunks;
    };
    static_assert(sizeof(Stream) <= 48, "a million streams should not cost 50 MB here");

    void wait();
    [[nodiscard]] Time next_due() const;
    void open_due(Time now);
    void open_next(Time now);
    [[nodiscard]] int connect_stream(std::uint64_t number, UniqueFd& fd) const;
    [[nodiscard]] Time due(std::uint64_t index) const;
    [[nodiscard]] std::uint64_t number_of(std::uint64_t index) const;
    void expire_unanswered(Time now);

    void on_event(std::uint64_t index, std::uint32_t events);
    void shake_hands(std::uint64_t index);
    void send_request(std::uint64_t index);
    /// As send(2) and recv(2), by TLS where that is spoken. -1 with EAGAIN: later.
    [[nodiscard]] ssize_t write(std::uint64_t index, std::string_view bytes);
    [[nodiscard]] ssize_t read(std::uint64_t index);
    void receive(Stream& stream, bool to_end);
    void on_bytes(Stream& stream, std::string_view bytes);
    void on_head(Stream& stream);
    void count_chunks(Stream& stream, std::string_view bytes);
    void on_connection_lost(Stream& stream, int error);
    void fail(Stream& stream, FloodCounter reason);
    void end(Stream& stream);
    void end_all();

    [[nodiscard]] std::uint64_t index_of(const Stream& stream) const;
    [[nodiscard]] std::uint64_t id_of(std::uint64_t index) const;
    /// The data so far of the chunk that a stream is in; nullptr unless there is a log.
    [[nodiscard]] std::string* chunk_data(const Stream& stream);
    void log_chunk(const Stream& stream, std::uint64_t now_ns);
    void log_line(const Stream& stream, logs::StreamLine::What what, std::uint64_t now_ns);
    void write_log_line(logs::StreamLine line, const Stream& stream);
    void count_lost_lines();

    FloodPlan plan_;
    unsigned process_;
    Time start_;
    FloodTally& tally_;
    loop::Loop loop_;
    std::uint64_t share_; ///< how many streams are ours
    std::vector<Stream> streams_;
    std::optional<FloodTls> tls_;
    std::vector<tls::Owned<SSL>> sessions_; ///< of TLS, by the stream's index
    /// Streams are opened in order and share one timeout, so the unanswered ones that expire next
    /// are found from here on, without a timer each.
    std::uint64_t oldest_unanswered_ = 0;
    std::uint64_t unanswered_ = 0;
    std::vector<char> buffer_;
    std::optional<logs::LogFile> log_;
    std::string chunk_data_;                                     ///< of the stream in hand
    absl::flat_hash_map<std::uint64_t, std::string> cut_chunks_; ///< of streams, by index
};

} // namespace zcomet::tools::floodtest
