// What makes a connection a stream.
#pragma once

#include "topology/base/time.hpp"
#include "topology/history/cursor.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/stream/polls.hpp"

#include <cstdint>

namespace zcomet::webnode::stream {

/// Where a stream begins.
struct Beginning {
    history::Cursor cursor = {};     ///< that its client handed back; epoch 0: none
    bool has_bad_cursor = false;     ///< it handed back something else
    bool from_earliest = false;      ///< it wants all that is kept
    bool wants_position = false;     ///< it is told where it stands (StreamFormat::has_position())
    Duration life = Duration::max(); ///< the stream ends after this; of a poll PollTerms say so
};

class StreamOpener {
  public:
    StreamOpener() = default;
    virtual ~StreamOpener() = default;
    StreamOpener(const StreamOpener&) = delete;
    StreamOpener& operator=(const StreamOpener&) = delete;

    /// Makes a connection that is kReading a stream, and watches it.
    /// @param ids, form  as for StreamTable::park().
    /// @return false if the connection had to be closed.
    [[nodiscard]] virtual bool open(connection::Handle handle, const wire::IdList& ids,
                                    std::uint8_t form, const Beginning& beginning) = 0;
    /// The same with a poll. Its connection may have had polls before.
    [[nodiscard]] virtual bool open_poll(connection::Handle handle, const wire::IdList& ids,
                                         const Beginning& beginning, PollTerms terms) = 0;
    /// The stream, or poll, is over: its connection stays, and is kReading again.
    virtual void close(connection::Handle handle) = 0;
};

} // namespace zcomet::webnode::stream
