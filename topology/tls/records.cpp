#include "topology/tls/records.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace zcomet::tls {

namespace {

constexpr std::size_t kExplicitNonceBytes = 8; // of the AES suites of TLS 1.2
constexpr std::size_t kImplicitNonceBytes = 4; // likewise
constexpr char kVersionMajor = '\x03';
constexpr char kVersionMinor = '\x03'; // TLS 1.3 says 1.2 here, too
constexpr std::size_t kAlertBytes = 2;
constexpr char kWarning = '\x01';
constexpr char kFatal = '\x02';
constexpr std::uint8_t kUserCanceled = 90;
/// KeyUpdate: type 24, three bytes of length, and whether the other side is asked for one, too.
constexpr std::string_view kKeyUpdateHead{"\x18\x00\x00\x01", 4};
constexpr std::string_view kKeyUpdate{"\x18\x00\x00\x01\x00", 5};
constexpr char kUpdateRequested = '\x01';

std::string header_of(ContentType type, std::size_t fragment_bytes) {
    return {static_cast<char>(type), kVersionMajor, kVersionMinor,
            static_cast<char>(fragment_bytes >> 8U), static_cast<char>(fragment_bytes & 0xFFU)};
}

std::size_t fragment_bytes_of(std::string_view header) {
    return (std::size_t{static_cast<unsigned char>(header[3])} << 8U) |
           static_cast<unsigned char>(header[4]);
}

void put_sequence(std::uint64_t sequence, char* to) {
    for (unsigned byte = 0; byte < 8; ++byte) {
        to[byte] = static_cast<char>(sequence >> (56U - 8U * byte));
    }
}

} // namespace

WholeRecords whole_records(std::string_view bytes) {
    WholeRecords whole;
    while (bytes.size() - whole.bytes >= kRecordHeaderBytes) {
        const std::size_t fragment = fragment_bytes_of(bytes.substr(whole.bytes));
        if (fragment > kFragmentBytesMax) {
            whole.is_too_long = true;
            break;
        }
        if (bytes.size() - whole.bytes - kRecordHeaderBytes < fragment) {
            break;
        }
        whole.bytes += kRecordHeaderBytes + fragment;
    }
    return whole;
}

std::string plain_alert(Alert alert) {
    return header_of(ContentType::kAlert, kAlertBytes) + kFatal + static_cast<char>(alert);
}

Records::~Records() {
    OPENSSL_cleanse(&reading_, sizeof reading_);
    OPENSSL_cleanse(&writing_, sizeof writing_);
}

void Records::seal(Aead& aead, std::string_view text, std::string& out) {
    while (!text.empty()) {
        // Not in seal_record(): nothing may follow a last alert.
        if (agreed_.is_tls13 && writing_.sequence >= aead.records_of_key_max()) {
            send_key_update(aead, out);
        }
        const std::string_view piece = text.substr(0, agreed_.text_bytes_max);
        seal_record(aead, ContentType::kApplicationData, piece, out);
        text.remove_prefix(piece.size());
    }
}

void Records::seal_end(Aead& aead, std::string& out) {
    const std::array<char, kAlertBytes> alert{kWarning, static_cast<char>(Alert::kCloseNotify)};
    seal_record(aead, ContentType::kAlert, {alert.data(), alert.size()}, out);
}

std::size_t Records::explicit_nonce_bytes() const {
    const bool has_one = !agreed_.is_tls13 && agreed_.cipher != Cipher::kChaCha20Poly1305;
    return has_one ? kExplicitNonceBytes : 0;
}

/// The AES suites of TLS 1.2 send a part of the nonce with each record. It may be anything that
/// does not come twice, so it is the sequence number.
Nonce Records::nonce_of(const Direction& direction) const {
    Nonce nonce = direction.keys.iv;
    std::array<char, 8> sequence{};
    put_sequence(direction.sequence, sequence.data());
    const bool has_explicit = explicit_nonce_bytes() > 0;
    for (std::size_t i = 0; i < sequence.size(); ++i) {
        const auto byte = static_cast<unsigned char>(sequence[i]);
        unsigned char& place = nonce[kImplicitNonceBytes + i];
        place = has_explicit ? byte : static_cast<unsigned char>(place ^ byte);
    }
    return nonce;
}

std::string Records::associated_12(const Direction& direction, std::uint8_t type,
                                   std::size_t text_bytes) const {
    std::string associated(8, '\0');
    put_sequence(direction.sequence, associated.data());
    return associated + header_of(static_cast<ContentType>(type), text_bytes);
}

void Records::seal_record(Aead& aead, ContentType type, std::string_view text, std::string& out) {
    const Nonce nonce = nonce_of(writing_);
    if (agreed_.is_tls13) {
        const auto inner_type = static_cast<char>(type);
        const std::string header =
            header_of(ContentType::kApplicationData, text.size() + 1 + kTagBytes);
        out.append(header);
        aead.seal(agreed_.cipher, writing_.keys.key, nonce, header, text, {&inner_type, 1}, out);
    } else {
        const std::size_t explicit_bytes = explicit_nonce_bytes();
        out.append(header_of(type, explicit_bytes + text.size() + kTagBytes));
        out.append(reinterpret_cast<const char*>(nonce.data()) + kImplicitNonceBytes,
                   explicit_bytes);
        aead.seal(agreed_.cipher, writing_.keys.key, nonce,
                  associated_12(writing_, static_cast<std::uint8_t>(type), text.size()), text, {},
                  out);
    }
    ++writing_.sequence;
}

void Records::change_key(Direction& direction) const {
    direction.secret = next_secret(agreed_.digest, direction.secret);
    direction.keys = key_of_secret(agreed_.digest, agreed_.cipher, direction.secret);
    direction.sequence = 0;
}

void Records::send_key_update(Aead& aead, std::string& out) {
    seal_record(aead, ContentType::kHandshake, kKeyUpdate, out);
    change_key(writing_);
}

std::uint8_t Records::open_record(Aead& aead, std::string_view record, std::string& text) {
    const std::size_t begin = text.size();
    const std::string_view header = record.substr(0, kRecordHeaderBytes);
    std::string_view fragment = record.substr(kRecordHeaderBytes);
    const auto outer = static_cast<std::uint8_t>(header[0]);
    Nonce nonce = nonce_of(reading_);
    if (agreed_.is_tls13) {
        const bool is_open =
            outer == static_cast<std::uint8_t>(ContentType::kApplicationData) &&
            aead.open(agreed_.cipher, reading_.keys.key, nonce, header, fragment, text);
        const std::size_t last = is_open ? text.find_last_not_of('\0') : std::string::npos;
        if (last == std::string::npos || last < begin) { // nothing but padding is no record, either
            text.resize(begin);
            return 0;
        }
        const auto inner = static_cast<std::uint8_t>(text[last]);
        text.resize(last);
        ++reading_.sequence;
        return inner;
    }
    const std::size_t explicit_bytes = explicit_nonce_bytes();
    const bool is_of_12 = header[1] == kVersionMajor && header[2] == kVersionMinor;
    if (!is_of_12 || fragment.size() < explicit_bytes + kTagBytes) {
        return 0;
    }
    std::copy_n(fragment.begin(), explicit_bytes, nonce.begin() + kImplicitNonceBytes);
    fragment.remove_prefix(explicit_bytes);
    const std::string associated = associated_12(reading_, outer, fragment.size() - kTagBytes);
    if (!aead.open(agreed_.cipher, reading_.keys.key, nonce, associated, fragment, text)) {
        return 0;
    }
    ++reading_.sequence;
    return outer;
}

Records::Opened Records::open(Aead& aead, std::string_view bytes, std::string& text,
                              std::string& reply) {
    Opened opened;
    while (opened.after == After::kOpen && bytes.size() - opened.used >= kRecordHeaderBytes) {
        const std::size_t fragment = fragment_bytes_of(bytes.substr(opened.used));
        if (fragment > kFragmentBytesMax) {
            opened.after = fail(aead, Alert::kRecordOverflow, reply);
            break;
        }
        const std::size_t size = kRecordHeaderBytes + fragment;
        if (bytes.size() - opened.used < size) {
            break;
        }
        const std::size_t begin = text.size();
        const std::uint8_t type = open_record(aead, bytes.substr(opened.used, size), text);
        opened.used += size;
        if (text.size() - begin > kTextBytesMax) {
            text.resize(begin);
            opened.after = fail(aead, Alert::kRecordOverflow, reply);
        } else if (type != static_cast<std::uint8_t>(ContentType::kApplicationData)) {
            const std::string control = text.substr(begin);
            text.resize(begin);
            opened.after = on_control(aead, type, control, reply);
        } else if (text.size() > begin) {
            empty_records_ = 0;
        } else if (++empty_records_ > kEmptyRecordsMax) {
            opened.after = fail(aead, Alert::kUnexpectedMessage, reply);
        }
    }
    return opened;
}

After Records::on_control(Aead& aead, std::uint8_t type, std::string_view text,
                          std::string& reply) {
    if (type == 0) {
        return fail(aead, Alert::kBadRecordMac, reply);
    }
    if (++empty_records_ > kEmptyRecordsMax) {
        return fail(aead, Alert::kUnexpectedMessage, reply);
    }
    if (type == static_cast<std::uint8_t>(ContentType::kHandshake)) {
        return on_handshake(aead, text, reply);
    }
    if (type != static_cast<std::uint8_t>(ContentType::kAlert)) {
        return fail(aead, Alert::kUnexpectedMessage, reply);
    }
    if (text.size() != kAlertBytes) {
        return fail(aead, Alert::kDecodeError, reply);
    }
    // All alerts but this end the connection, and "close_notify" follows it.
    return static_cast<std::uint8_t>(text[1]) == kUserCanceled ? After::kOpen : After::kEnded;
}

After Records::on_handshake(Aead& aead, std::string_view text, std::string& reply) {
    if (!agreed_.is_tls13) {
        // A ClientHello: the client asks for another handshake, and may go on without it.
        if (++key_updates_ > kKeyUpdatesMax) {
            return fail(aead, Alert::kUnexpectedMessage, reply);
        }
        const std::array<char, kAlertBytes> alert{kWarning,
                                                  static_cast<char>(Alert::kNoRenegotiation)};
        seal_record(aead, ContentType::kAlert, {alert.data(), alert.size()}, reply);
        return After::kOpen;
    }
    const bool is_key_update = text.size() == kKeyUpdate.size() &&
                               text.starts_with(kKeyUpdateHead) &&
                               static_cast<unsigned char>(text.back()) <= 1;
    if (!is_key_update || ++key_updates_ > kKeyUpdatesMax) {
        return fail(aead, Alert::kUnexpectedMessage, reply);
    }
    change_key(reading_);
    if (text.back() == kUpdateRequested) {
        send_key_update(aead, reply);
    }
    return After::kOpen;
}

After Records::fail(Aead& aead, Alert alert, std::string& reply) {
    const std::array<char, kAlertBytes> text{kFatal, static_cast<char>(alert)};
    seal_record(aead, ContentType::kAlert, {text.data(), text.size()}, reply);
    return After::kFailed;
}

} // namespace zcomet::tls
