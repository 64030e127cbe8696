// Goal: what OpenSSL's client says to our server's side, and what that says, in both versions and
// with all ciphers. Method: both ends over memory; the server's side is Handshake, then Records.
#include "test/unit/topology/tls/tls_client.hpp"
#include "topology/tls/handshake.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tls_handshake_test {

using namespace zcomet;
using namespace zcomet::tls;

namespace {

constexpr std::string_view kHttp11{"\x08http/1.1", 9};
constexpr std::string_view kH2{"\x02h2", 3};

std::uint64_t now_s() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

std::shared_ptr<TicketKeys> new_tickets() {
    return std::make_shared<TicketKeys>(
        TicketKeys::of(TicketKeys::make_secret(now_s()), now_s()).value());
}

std::shared_ptr<const ServerContext> context_for(const std::vector<std::string>& hosts,
                                                 std::shared_ptr<TicketKeys> tickets) {
    std::vector<Certificate> certificates;
    for (const std::string& host : hosts) {
        certificates.push_back(make_certificate(host));
    }
    return ServerContext::make(certificates, std::move(tickets)).value();
}

/// One connection's server side.
struct Server {
    explicit Server(std::shared_ptr<const ServerContext> context,
                    std::uint64_t records_of_key_max = kRecordsOfKeyMax)
        : aead(records_of_key_max), handshake(std::in_place, std::move(context)) {}

    void take(const std::string& bytes) {
        input += bytes;
        if (handshake) {
            const Handshake::Step step = handshake->go_on(
                std::string_view(input).substr(0, whole_records(input).bytes), out);
            input.erase(0, step.used);
            state = step.state;
            if (state == Handshake::State::kUnderWay) {
                return;
            }
            failure = handshake->failure();
            is_resumed = handshake->is_resumed();
            records = handshake->records();
            handshake.reset();
        }
        if (state == Handshake::State::kDone) {
            const Records::Opened opened = records.open(aead, input, text, out);
            input.erase(0, opened.used);
            after = opened.after;
        }
    }
    [[nodiscard]] std::string to_send() { return std::exchange(out, {}); }

    Aead aead;
    std::optional<Handshake> handshake;
    Handshake::State state = Handshake::State::kUnderWay;
    Records records;
    After after = After::kOpen;
    std::string input;
    std::string text;
    std::string out;
    std::string failure;
    bool is_resumed = false;
};

void exchange(Server& server, TlsClient& client) {
    client.take({});
    for (int i = 0; i < 4; ++i) {
        server.take(client.to_send());
        client.take(server.to_send());
    }
}

struct Pair {
    explicit Pair(const TlsClientOptions& options = {},
                  std::shared_ptr<const ServerContext> context = context_for({"a.example"},
                                                                             new_tickets()),
                  std::uint64_t records_of_key_max = kRecordsOfKeyMax)
        : server(std::move(context), records_of_key_max), client(options) {
        exchange(server, client);
        exchange(server, client);
    }
    void client_says(std::string_view text) {
        client.write(text);
        server.take(client.to_send());
    }
    [[nodiscard]] std::string client_hears(std::string_view text) {
        server.records.seal(server.aead, text, server.out);
        client.take(server.to_send());
        return client.read();
    }
    Server server;
    TlsClient client;
};

} // namespace

TEST_CASE("every cipher of both versions carries text both ways", "[tls]") {
    struct Case {
        int version;
        std::string cipher;
    };
    const auto [version, cipher] = GENERATE(Case{TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
                                            Case{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
                                            Case{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
                                            Case{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
                                            Case{TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"},
                                            Case{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"});
    CAPTURE(cipher);
    Pair pair({.version = version, .ciphers = cipher});
    REQUIRE(pair.server.state == Handshake::State::kDone);
    REQUIRE(pair.client.is_done());
    CHECK(pair.client.cipher() == cipher);
    pair.client_says("GET / HTTP/1.1\r\n\r\n");
    pair.client_says("and more");
    CHECK(pair.server.text == "GET / HTTP/1.1\r\n\r\nand more");
    CHECK(pair.client_hears("HTTP/1.1 200 OK\r\n\r\n") == "HTTP/1.1 200 OK\r\n\r\n");
    const std::string large(100'000, 'x');
    CHECK(pair.client_hears(large) == large);
    pair.server.text.clear();
    for (const std::string_view piece : {"a", "b", "c"}) {
        pair.client_says(std::string(16'000, piece[0]));
    }
    CHECK(pair.server.text.size() == 48'000);
}

TEST_CASE("the server says that it ends, and hears that the client does", "[tls]") {
    const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
    Pair pair({.version = version});
    pair.server.records.seal_end(pair.server.aead, pair.server.out);
    CHECK(pair.client_hears({}).empty());
    CHECK(pair.client.ended());
    SSL_shutdown(pair.client.ssl());
    pair.server.take(pair.client.to_send());
    CHECK(pair.server.after == After::kEnded);
}

TEST_CASE("a client may change keys, and ask for a change, but not without end", "[tls]") {
    Pair pair;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(SSL_key_update(pair.client.ssl(), i == 1 ? SSL_KEY_UPDATE_NOT_REQUESTED
                                                         : SSL_KEY_UPDATE_REQUESTED) == 1);
        pair.client_says("after");
        CHECK(pair.client_hears("answer") == "answer");
    }
    CHECK(pair.server.text == "afterafterafter");
    CHECK(pair.server.after == After::kOpen);
    int updates = 3;
    while (pair.server.after == After::kOpen && updates < 1000) {
        SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
        pair.client_says("x");
        ++updates;
    }
    CHECK(pair.server.after == After::kFailed);
    CHECK(updates == Records::kKeyUpdatesMax + 1);
}

namespace {

/// Counts the KeyUpdates that a client gets.
class KeyUpdates {
  public:
    explicit KeyUpdates(const TlsClient& client) {
        SSL_set_msg_callback(client.ssl(), [](int is_written, int /*version*/, int type,
                                              const void* bytes, std::size_t size, SSL* /*ssl*/,
                                              void* count) {
            const bool is_one = is_written == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
                                *static_cast<const unsigned char*>(bytes) == SSL3_MT_KEY_UPDATE;
            *static_cast<int*>(count) += is_one ? 1 : 0;
        });
        // As SSL_set_msg_callback_arg(), which is a macro with a cast of C.
        SSL_ctrl(client.ssl(), SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, &count_);
    }
    [[nodiscard]] int count() const { return count_; }

  private:
    int count_ = 0;
};

} // namespace

TEST_CASE("a key that has encrypted enough records is changed before the next one", "[tls]") {
    const std::string cipher = GENERATE(as<std::string>(), "TLS_AES_128_GCM_SHA256",
                                        "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256");
    constexpr std::uint64_t kRecords = 5;
    Pair pair({.ciphers = cipher}, context_for({"a.example"}, new_tickets()), kRecords);
    const KeyUpdates updates(pair.client);
    REQUIRE(pair.client.is_done());
    for (int i = 0; i < 4; ++i) { // the ticket was the first record
        CHECK(pair.client_hears("text") == "text");
    }
    CHECK(updates.count() == 0);
    CHECK(pair.client_hears("text") == "text");
    CHECK(updates.count() == 1);
    for (int i = 0; i < 4; ++i) {
        CHECK(pair.client_hears("text") == "text");
    }
    CHECK(updates.count() == 1);
    const std::string large(12 * kTextBytesMax, 'x'); // changes come within one text, too
    CHECK(pair.client_hears(large) == large);
    CHECK(updates.count() == 4);
    pair.client_says("the other direction has its own keys");
    CHECK(pair.server.text == "the other direction has its own keys");
    CHECK_FALSE(pair.client.failed());
}

TEST_CASE("both sides may change their keys at the same time", "[tls]") {
    Pair pair({}, context_for({"a.example"}, new_tickets()), 2);
    const KeyUpdates updates(pair.client);
    for (int i = 0; i < 6; ++i) {
        REQUIRE(SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
        pair.client_says("after");
        CHECK(pair.client_hears("one") == "one");
        CHECK(pair.client_hears("two") == "two");
        CHECK(pair.client_hears("three") == "three");
    }
    CHECK(pair.server.after == After::kOpen);
    CHECK(updates.count() == 6 + 6); // those that were asked for, and one for each third record
}

TEST_CASE("nothing follows the last alert, although the key has encrypted enough", "[tls]") {
    Pair pair({}, context_for({"a.example"}, new_tickets()), 3);
    CHECK(pair.client_hears("text") == "text"); // after the ticket; the alert is the third record
    pair.server.records.seal_end(pair.server.aead, pair.server.out);
    const std::string end = pair.server.to_send();
    const std::size_t first = kRecordHeaderBytes + static_cast<unsigned char>(end[4]);
    CHECK(end.size() == first);
    pair.client.take(end);
    CHECK(pair.client.read().empty());
    CHECK(pair.client.ended());
}

TEST_CASE("TLS 1.2 has no change of keys", "[tls]") {
    Pair pair({.version = TLS1_2_VERSION}, context_for({"a.example"}, new_tickets()), 2);
    for (int i = 0; i < 10; ++i) {
        CHECK(pair.client_hears("text") == "text");
    }
}

TEST_CASE("TLS 1.2 goes on without the handshake that a client asks for", "[tls]") {
    Pair pair({.version = TLS1_2_VERSION});
    REQUIRE(SSL_renegotiate(pair.client.ssl()) == 1);
    SSL_do_handshake(pair.client.ssl());
    pair.server.take(pair.client.to_send());
    CHECK(pair.server.after == After::kOpen);
    const std::string answer = pair.server.to_send();
    CHECK(answer.starts_with("\x15\x03\x03")); // an alert
    CHECK(whole_records(answer).bytes == answer.size());
}

TEST_CASE("a record that was changed, or sent again, ends the connection", "[tls]") {
    const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
    Pair pair({.version = version});
    pair.client.write("secret");
    std::string record = pair.client.to_send();
    SECTION("changed") {
        const auto at = static_cast<std::size_t>(GENERATE(0, 1, 5, 13, 20));
        record[at] = static_cast<char>(record[at] ^ 1);
        pair.server.take(record);
        CHECK(pair.server.text.empty());
    }
    SECTION("sent again") {
        pair.server.take(record);
        CHECK(pair.server.text == "secret");
        pair.server.take(record);
    }
    SECTION("longer than a record may be") {
        pair.server.take(std::string("\x17\x03\x03\x50\x00", 5));
    }
    CHECK(pair.server.after == After::kFailed);
    CHECK(pair.server.text.size() <= 6);
    pair.client.take(pair.server.to_send());
    CHECK(pair.client.read().empty());
    CHECK(pair.client.failed()); // it has got our alert
}

TEST_CASE("a ticket brings a client back, at any worker with the same keys", "[tls]") {
    const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
    const std::string secret = TicketKeys::make_secret(now_s());
    const auto worker = [&secret] {
        return std::make_shared<TicketKeys>(TicketKeys::of(secret, now_s()).value());
    };
    const std::vector certificates{make_certificate("a.example")};
    Pair first({.version = version}, ServerContext::make(certificates, worker()).value());
    CHECK_FALSE(first.server.is_resumed);
    CHECK(first.client_hears("one") == "one");
    REQUIRE(first.client.session() != nullptr);

    Pair again({.version = version, .session = first.client.session()},
               ServerContext::make(certificates, worker()).value());
    CHECK(again.server.is_resumed);
    CHECK(again.client.is_resumed());
    again.client_says("hello");
    CHECK(again.server.text == "hello");
    CHECK(again.client_hears("two") == "two");

    Pair elsewhere({.version = version, .session = first.client.session()},
                   ServerContext::make(certificates, new_tickets()).value());
    CHECK_FALSE(elsewhere.server.is_resumed);
    CHECK(elsewhere.client_hears("three") == "three");
}

TEST_CASE("the certificate is the one that has the name asked for, or the first", "[tls]") {
    const auto context = context_for({"a.example", "b.example", "*.c.example"}, new_tickets());
    const auto seen = [&context](const std::string& host) {
        Pair pair({.host = host}, context);
        REQUIRE(pair.client.is_done());
        CHECK(pair.client_hears("x") == "x");
        return pair.client.host_seen();
    };
    CHECK(seen("a.example") == "a.example");
    CHECK(seen("b.example") == "b.example");
    CHECK(seen("B.Example") == "b.example");
    CHECK(seen("x.c.example") == "*.c.example");
    CHECK(seen("c.example") == "a.example");
    CHECK(seen("") == "a.example");
}

TEST_CASE("ALPN chooses HTTP/1.1, and refuses a client that has not got it", "[tls]") {
    Pair both({.protocols = std::string(kH2) + std::string(kHttp11)});
    CHECK(both.client.is_done());
    const unsigned char* chosen = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(both.client.ssl(), &chosen, &size);
    CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
    Pair h2({.protocols = std::string(kH2)});
    CHECK(h2.server.state == Handshake::State::kFailed);
    CHECK_FALSE(h2.client.is_done());
}

TEST_CASE("records are as short as a client wants them", "[tls]") {
    const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
    Pair pair({.version = version, .fragment = TLSEXT_max_fragment_length_512});
    const std::string text(2000, 'x');
    CHECK(pair.client_hears(text) == text);
    std::string sealed;
    pair.server.records.seal(pair.server.aead, text, sealed);
    CHECK(sealed.size() >= 2000 + 4 * (kRecordHeaderBytes + kTagBytes));
}

TEST_CASE("a handshake that cannot be made fails, and says why", "[tls]") {
    Pair old_cipher({.version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA256"});
    CHECK(old_cipher.server.state == Handshake::State::kFailed);
    CHECK(old_cipher.server.failure == "no shared cipher");
    Server server(context_for({"a.example"}, new_tickets()));
    server.take(std::string("\x16\x03\x01\x00\x05hello", 10));
    CHECK(server.state == Handshake::State::kFailed);
    CHECK_FALSE(server.failure.empty());
}

TEST_CASE("a handshake that comes byte by byte is made as well", "[tls]") {
    Server server(context_for({"a.example"}, new_tickets()));
    TlsClient client;
    client.take({});
    for (int i = 0; i < 4; ++i) {
        for (const char byte : client.to_send()) {
            server.take(std::string(1, byte));
        }
        client.take(server.to_send());
    }
    CHECK(client.is_done());
    CHECK(server.state == Handshake::State::kDone);
}

TEST_CASE("records that are not complete stay, and text at the handshake's end is read", "[tls]") {
    CHECK(whole_records("").bytes == 0);
    CHECK(whole_records(std::string("\x16\x03\x01\x00\x05hell", 9)).bytes == 0);
    CHECK(whole_records(std::string("\x16\x03\x01\x00\x05hello\x16", 11)).bytes == 10);
    CHECK(whole_records(std::string("\x16\x03\x01\xFF\xFFhello", 10)).is_too_long);
    Server server(context_for({"a.example"}, new_tickets()));
    TlsClient client;
    client.take({});
    server.take(client.to_send());
    client.take(server.to_send());
    client.write("at once");
    server.take(client.to_send());
    CHECK(server.state == Handshake::State::kDone);
    CHECK(server.text == "at once");
}

TEST_CASE("a connection keeps little", "[tls]") {
    CHECK(sizeof(Records) <= kRecordsBytesMax);
}

} // namespace tls_handshake_test
