// TLS records after the handshake, of one connection: RFC 8446, section 5 (TLS 1.3), and RFC 5246,
// section 6, with the AEAD suites of RFC 5288 and RFC 7905 (TLS 1.2).
//
//     record = type(1) version(2) length(2) fragment(length)
//
// OpenSSL makes the handshake. Its object for a connection takes 14 KB afterwards, of which a
// stream needs a key, a nonce and a count for each direction: that is all that is kept here.
#pragma once

#include "topology/tls/aead.hpp"
#include "topology/tls/key_schedule.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::tls {

enum class ContentType : std::uint8_t {
    kChangeCipherSpec = 20,
    kAlert = 21,
    kHandshake = 22,
    kApplicationData = 23,
};

/// Descriptions of alerts (RFC 8446, section 6).
enum class Alert : std::uint8_t {
    kCloseNotify = 0,
    kUnexpectedMessage = 10,
    kBadRecordMac = 20,
    kRecordOverflow = 22,
    kDecodeError = 50,
    kInternalError = 80,
    kNoRenegotiation = 100,
};

inline constexpr std::size_t kRecordHeaderBytes = 5;
/// Of the text of a record (RFC 8446, section 5.1).
inline constexpr std::size_t kTextBytesMax = 16'384;
/// Of the fragment of an encrypted record; the smaller one of both versions, since nothing is
/// compressed (RFC 8446, section 5.2).
inline constexpr std::size_t kFragmentBytesMax = kTextBytesMax + 256;
/// What encryption adds to a text, at most.
inline constexpr std::size_t kRecordOverheadMax = kRecordHeaderBytes + 8 + kTagBytes;

/// The bytes of the whole records at the front of `bytes`, which may end within one.
struct WholeRecords {
    std::size_t bytes = 0;
    bool is_too_long = false; ///< the next record may not be as long as it says
};
[[nodiscard]] WholeRecords whole_records(std::string_view bytes);

/// A fatal alert for a client whose handshake has not begun, so it is not encrypted.
[[nodiscard]] std::string plain_alert(Alert alert);

/// What one connection has agreed on.
struct Agreed {
    Cipher cipher = Cipher::kAes128Gcm;
    Digest digest = Digest::kSha256;
    bool is_tls13 = false;
    /// Of a record's text that the client takes (RFC 6066, section 4).
    std::uint16_t text_bytes_max = kTextBytesMax;
};

/// One direction. In the order of use: a record touches no more than two cache lines.
struct Direction {
    RecordKey keys;
    std::uint64_t sequence = 0; ///< of the next record
    Secret secret{};            ///< TLS 1.3: the keys are made of it, and the next secret is
};

/// What open() says of the connection.
enum class After : std::uint8_t {
    kOpen,
    kEnded,  ///< the client has ended its half (close_notify)
    kFailed, ///< an alert says so in `reply`: the connection must be closed
};

/// Thread: the loop that owns the connection.
class Records {
  public:
    Records() = default;
    Records(const Agreed& agreed, const Direction& reading, const Direction& writing)
        : reading_(reading), writing_(writing), agreed_(agreed) {}
    ~Records();
    Records(const Records&) = default;
    Records& operator=(const Records&) = default;

    /// Appends records with `text` to `out`, and changes the key when it has encrypted enough.
    void seal(Aead& aead, std::string_view text, std::string& out);
    /// Appends the alert that ends this half of the connection.
    void seal_end(Aead& aead, std::string& out);

    struct Opened {
        std::size_t used = 0; ///< bytes of the records that were opened: of whole ones
        After after = After::kOpen;
    };
    /// Opens the whole records at the front of `bytes`.
    /// @param text   their texts are appended.
    /// @param reply  records that must be sent are appended.
    [[nodiscard]] Opened open(Aead& aead, std::string_view bytes, std::string& text,
                              std::string& reply);

    /// Records without text that a client may send in a row: each costs as much as one with text.
    /// @limit TLS records without text in a row
    static constexpr std::uint8_t kEmptyRecordsMax = 32;
    /// KeyUpdates of a connection, which hardly needs one; and in TLS 1.2 refused new handshakes.
    /// @limit changes of the key by a TLS client
    static constexpr std::uint8_t kKeyUpdatesMax = 64;

  private:
    void seal_record(Aead& aead, ContentType type, std::string_view text, std::string& out);
    /// Appends the text of one record.   @return its type, of 1.3 the inner one; 0: it is not good.
    [[nodiscard]] std::uint8_t open_record(Aead& aead, std::string_view record, std::string& text);
    [[nodiscard]] After on_control(Aead& aead, std::uint8_t type, std::string_view text,
                                   std::string& reply);
    [[nodiscard]] After on_handshake(Aead& aead, std::string_view text, std::string& reply);
    After fail(Aead& aead, Alert alert, std::string& reply);
    void change_key(Direction& direction) const;
    void send_key_update(Aead& aead, std::string& out);
    [[nodiscard]] std::size_t explicit_nonce_bytes() const;
    [[nodiscard]] Nonce nonce_of(const Direction& direction) const;
    [[nodiscard]] std::string associated_12(const Direction& direction, std::uint8_t type,
                                            std::size_t text_bytes) const;

    Direction reading_;
    Direction writing_;
    Agreed agreed_;
    std::uint8_t empty_records_ = 0;
    std::uint8_t key_updates_ = 0;
};

/// Checked, so that nobody makes a TLS stream more expensive by accident.
inline constexpr std::size_t kRecordsBytesMax = 232;
static_assert(sizeof(Records) <= kRecordsBytesMax);

} // namespace zcomet::tls
