// Goal: an event is one line of the log, whatever texts a peer has sent.
#include "broker/shell/event_log.hpp"

#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

using namespace zcomet;
using namespace zcomet::broker;

namespace {

/// Collects the log while this lives, without time and level.
class CapturedLog {
  public:
    CapturedLog() : before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_, true));
        logger->set_pattern("%v");
        spdlog::set_default_logger(logger);
    }
    ~CapturedLog() { spdlog::set_default_logger(before_); }
    CapturedLog(const CapturedLog&) = delete;
    CapturedLog& operator=(const CapturedLog&) = delete;

    [[nodiscard]] std::string text() const { return text_.str(); }

  private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_;
};

} // namespace

TEST_CASE("a peer's text can neither end a log line nor forge a pair", "[event_log]") {
    const CapturedLog log;
    shell::EventLog events;
    router::RouterEvent refused;
    refused.kind = router::RouterEvent::Kind::kRefused;
    refused.name = "a\"b";
    refused.address = "10.0.0.1";
    refused.text = "no id: \"x\"\nevent=ready pid=1";
    events.write(refused, Time{});
    CHECK(log.text() == "event=refused code=malformed peer=\"a\\\"b\" address=10.0.0.1 "
                        "text=\"no id: \\\"x\\\"\\nevent=ready pid=1\" times=1\n");
}

TEST_CASE("a node that joins is a line with its name and address", "[event_log]") {
    const CapturedLog log;
    shell::EventLog events;
    router::RouterEvent joined;
    joined.name = "web1/1";
    joined.incarnation = 0xAB;
    joined.address = "10.0.0.2";
    events.write(joined, Time{});
    CHECK(log.text() ==
          "event=joined node=web1/1 incarnation=00000000000000ab address=10.0.0.2 ids=0\n");
}
