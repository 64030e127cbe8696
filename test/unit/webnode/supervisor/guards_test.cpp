// Who may listen and publish where nothing was said, and which combinations are mistakes.
#include "topology/program/program.hpp"
#include "webnode/supervisor/guards.hpp"

#include <catch2/catch.hpp>

namespace guards_test {

using namespace zcomet;
using namespace zcomet::webnode::supervisor;
using Catch::Matchers::Contains;
using webnode::worker::Who;

namespace {

/// With an API, at ports that only this machine reaches; nothing is said of who may.
WebNodeOptions local() {
    WebNodeOptions options;
    options.worker.http = {"127.0.0.1", 8000};
    options.worker.api = {"127.0.0.1", 8008};
    options.worker.is_http_local = true;
    options.worker.is_api_local = true;
    return options;
}

WebNodeOptions with_keys(WebNodeOptions options) {
    options.token_key_files = {"token.key"};
    return options;
}

WebNodeOptions settled(WebNodeOptions options) {
    settle_guards(options);
    return options;
}

} // namespace

TEST_CASE("on the loopback everybody may, elsewhere who has a token", "[guards]") {
    CHECK(settled(local()).worker.auth == Who::kPublic);
    CHECK(settled(local()).worker.api_auth == Who::kPublic);

    WebNodeOptions streams_elsewhere = with_keys(local());
    streams_elsewhere.worker.is_http_local = false;
    CHECK(settled(streams_elsewhere).worker.auth == Who::kToken);
    CHECK(settled(streams_elsewhere).worker.api_auth == Who::kPublic);

    WebNodeOptions api_elsewhere = with_keys(local());
    api_elsewhere.worker.is_api_local = false;
    CHECK(settled(api_elsewhere).worker.auth == Who::kPublic);
    CHECK(settled(api_elsewhere).worker.api_auth == Who::kToken);
}

TEST_CASE("what was said holds, wherever the ports are", "[guards]") {
    for (const bool is_local : {true, false}) {
        for (const Who who : {Who::kPublic, Who::kToken, Who::kHook}) {
            WebNodeOptions options = local();
            options.worker.is_http_local = is_local;
            options.worker.auth = who;
            options.worker.api_auth = Who::kToken;
            CHECK(settled(with_keys(options)).worker.auth == who);
            CHECK(settled(with_keys(options)).worker.api_auth == Who::kToken);
        }
    }
}

TEST_CASE("streams that others reach want keys, or a word that everybody may", "[guards]") {
    WebNodeOptions options = local();
    options.worker.http = {"*", 8000};
    options.worker.is_http_local = false;
    CHECK_THROWS_WITH(settled(options), Contains("--http *:8000") &&
                                            Contains("--token-keys FILE") &&
                                            Contains("--auth public") && Contains("--auth hook"));
    options.worker.auth = Who::kPublic;
    CHECK_NOTHROW(settled(options));
}

TEST_CASE("nobody publishes from elsewhere without a token", "[guards]") {
    WebNodeOptions options = local();
    options.worker.api = {"0.0.0.0", 8008};
    options.worker.is_api_local = false;
    CHECK_THROWS_WITH(settled(options),
                      Contains("--api 0.0.0.0:8008") && Contains("--api-auth token"));
    options.worker.api_auth = Who::kPublic;
    CHECK_THROWS_WITH(settled(with_keys(options)), Contains("--api-auth token"));
    // Without an API there is nothing to guard.
    options.worker.api = {};
    CHECK_NOTHROW(settled(options));
}

TEST_CASE("tokens want keys, and keys want tokens", "[guards]") {
    WebNodeOptions options = local();
    options.worker.auth = Who::kToken;
    CHECK_THROWS_WITH(settled(options), Contains("want --token-keys FILE"));
    CHECK_THROWS_AS(settled(options), program::Misconfigured);
    CHECK_THROWS_WITH(settled(with_keys(local())), Contains("--token-keys is for --auth token"));
}

} // namespace guards_test
