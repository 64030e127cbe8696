// Fuzz target: the records that a TLS client sends after its handshake. The first letter is the
// version, 2 or 3, or R. After 2 and 3 comes what the client encrypts by the right keys, so that no
// tag stops it: records of a type, a length and so many bytes. After R come bytes as they are.
//
// A server that has said nothing yet has seen text, and only text, of the records before the first
// bad one; however the bytes are cut, it is the same. It takes whole records only, and bytes
// without a good tag are no text.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/tls/records.hpp"

#include <algorithm>
#include <string>
#include <string_view>

using namespace zcomet;

namespace {

constexpr auto kCipher = tls::Cipher::kAes128Gcm;
constexpr auto kDigest = tls::Digest::kSha256;
constexpr char kKeyUpdate = '\x18';

tls::Aead& aead() {
    static tls::Aead one;
    return one;
}

tls::Direction direction(bool is_tls13) {
    tls::Direction made;
    made.secret.fill(7);
    made.keys = tls::key_of_secret(kDigest, kCipher, made.secret);
    made.sequence = is_tls13 ? 0 : 1;
    return made;
}

tls::Records server(bool is_tls13) {
    return {{.cipher = kCipher, .digest = kDigest, .is_tls13 = is_tls13},
            direction(is_tls13),
            direction(is_tls13)};
}

std::string number(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned byte = bytes; byte > 0; --byte) {
        text.push_back(static_cast<char>(value >> (8 * (byte - 1))));
    }
    return text;
}

/// The client's end, written here a second time.
class Client {
  public:
    explicit Client(bool is_tls13) : is_tls13_(is_tls13), writing_(direction(is_tls13)) {}

    std::string seal(char type, std::string_view text) {
        const std::string sequence = number(writing_.sequence, 8);
        tls::Nonce nonce = writing_.keys.iv;
        std::string record;
        for (std::size_t i = 0; i < 8; ++i) {
            const auto byte = static_cast<unsigned char>(sequence[i]);
            nonce[4 + i] = is_tls13_ ? static_cast<unsigned char>(nonce[4 + i] ^ byte) : byte;
        }
        if (is_tls13_) {
            record = "\x17\x03\x03" + number(text.size() + 1 + tls::kTagBytes, 2);
            const std::string header = record;
            aead().seal(kCipher, writing_.keys.key, nonce, header, text, {&type, 1}, record);
        } else {
            const std::string head = std::string(1, type) + "\x03\x03";
            record = head + number(8 + text.size() + tls::kTagBytes, 2) + sequence;
            aead().seal(kCipher, writing_.keys.key, nonce, sequence + head + number(text.size(), 2),
                        text, {}, record);
        }
        ++writing_.sequence;
        if (is_tls13_ && type == '\x16' && text.starts_with(kKeyUpdate)) {
            writing_.secret = tls::next_secret(kDigest, writing_.secret);
            writing_.keys = tls::key_of_secret(kDigest, kCipher, writing_.secret);
            writing_.sequence = 0;
        }
        return record;
    }

  private:
    bool is_tls13_;
    tls::Direction writing_;
};

struct Seen {
    std::string text;
    std::string reply;
    tls::After after = tls::After::kOpen;
    friend bool operator==(const Seen&, const Seen&) = default;
};

/// Gives a server the bytes, at most `piece` at a time, as whoever reads from a socket does.
Seen show(std::string_view bytes, bool is_tls13, std::size_t piece) {
    tls::Records records = server(is_tls13);
    Seen seen;
    std::string waits;
    while (!bytes.empty() && seen.after == tls::After::kOpen) {
        waits.append(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        const tls::WholeRecords whole = tls::whole_records(waits);
        const tls::Records::Opened opened = records.open(aead(), waits, seen.text, seen.reply);
        ZCOMET_ASSERT(opened.used <= whole.bytes);
        ZCOMET_ASSERT(opened.after != tls::After::kOpen ||
                      (opened.used == whole.bytes && !whole.is_too_long));
        waits.erase(0, opened.used);
        seen.after = opened.after;
    }
    return seen;
}

Seen check(std::string_view bytes, bool is_tls13) {
    const Seen seen = show(bytes, is_tls13, bytes.size());
    ZCOMET_ASSERT(show(bytes, is_tls13, 7) == seen);
    ZCOMET_ASSERT(seen.after != tls::After::kFailed || !seen.reply.empty());
    return seen;
}

void check_script(std::string_view script, bool is_tls13) {
    Client client(is_tls13);
    std::string bytes;
    std::string text; // of all records with text
    while (script.size() >= 2) {
        const char type = script[0];
        const std::string_view said = script.substr(2, static_cast<unsigned char>(script[1]));
        script.remove_prefix(2 + said.size());
        if (type == '\0' && said.find_first_not_of('\0') != std::string_view::npos) {
            break; // under TLS 1.3 the last byte that is not 0 would be the type
        }
        bytes += client.seal(type, said);
        text += type == '\x17' ? said : std::string_view();
    }
    const Seen seen = check(bytes, is_tls13);
    ZCOMET_ASSERT(text.starts_with(seen.text));
    // Answers cost memory while the client does not read them, so their number has a bound.
    constexpr std::size_t kAnswerBytesMax = 64;
    ZCOMET_ASSERT(seen.reply.size() <= (tls::Records::kKeyUpdatesMax + 1) * kAnswerBytesMax);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    switch (letter) {
    case '2':
    case '3':
        check_script(text, letter == '3');
        break;
    case 'R':
        ZCOMET_ASSERT(check(text, false).text.empty());
        ZCOMET_ASSERT(check(text, true).text.empty());
        break;
    default:
        break;
    }
    return 0;
}
