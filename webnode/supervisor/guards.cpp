#include "webnode/supervisor/guards.hpp"

#include "topology/program/program.hpp"

#include <string>

namespace zcomet::webnode::supervisor {

using worker::Who;

namespace {

constexpr const char* kHowToMakeAKey = "zcomet-webnode(1), TOKENS, shows how to make one";

Who settled(Who who, bool is_local) {
    if (who != Who::kByAddress) {
        return who;
    }
    return is_local ? Who::kPublic : Who::kToken;
}

/// Both ports are known by now, and have a sentence of their own for each mistake.
void check_streams(const WebNodeOptions& options) {
    const bool is_unsaid = options.worker.auth == Who::kByAddress && !options.worker.is_http_local;
    if (is_unsaid && options.token_key_files.empty()) {
        throw program::Misconfigured(
            "other machines reach --http " + options.worker.http.text() +
            ", and nothing says who may listen: give --token-keys FILE for tokens (" +
            kHowToMakeAKey +
            "), --auth hook to ask a backend, or --auth public to let everybody listen to every "
            "id; or an address such as 127.0.0.1");
    }
}

void check_api(const WebNodeOptions& options) {
    const worker::WorkerOptions& worker = options.worker;
    if (worker.api.host.empty() || worker.is_api_local) {
        return;
    }
    const bool is_without_keys =
        worker.api_auth == Who::kByAddress && options.token_key_files.empty();
    if (worker.api_auth == Who::kPublic || is_without_keys) {
        throw program::Misconfigured(
            "other machines reach --api " + worker.api.text() +
            ", and everybody there could publish: give --api-auth token and --token-keys FILE (" +
            kHowToMakeAKey + "), or an address such as 127.0.0.1");
    }
}

} // namespace

bool says_who_may_listen(const WebNodeOptions& options) {
    return options.worker.auth != Who::kByAddress || !options.token_key_files.empty();
}

void settle_guards(WebNodeOptions& options) {
    check_streams(options);
    check_api(options);
    worker::WorkerOptions& worker = options.worker;
    worker.auth = settled(worker.auth, worker.is_http_local);
    worker.api_auth = settled(worker.api_auth, worker.api.host.empty() || worker.is_api_local);
    const bool wants_tokens = worker.auth == Who::kToken || worker.api_auth == Who::kToken;
    if (wants_tokens && options.token_key_files.empty()) {
        throw program::Misconfigured(std::string("--auth token and --api-auth token want "
                                                 "--token-keys FILE, the keys that sign tokens; ") +
                                     kHowToMakeAKey);
    }
    if (!wants_tokens && !options.token_key_files.empty()) {
        throw program::Misconfigured("--token-keys is for --auth token and --api-auth token: give "
                                     "one of them, or an address that other machines reach");
    }
}

} // namespace zcomet::webnode::supervisor
