// Who may listen and publish where the operator has not said: it follows from who reaches the
// ports.
#pragma once

#include "webnode/supervisor/options.hpp"

namespace zcomet::webnode::supervisor {

/// Whether the command line, --config or the cluster file say anything of who may listen. If not,
/// a web node that was not told where to listen stays on the loopback.
[[nodiscard]] bool says_who_may_listen(const WebNodeOptions& options);

/// Replaces worker::Who::kByAddress, once is_http_local and is_api_local are known: on the loopback
/// everybody may, elsewhere the bearer of a token.
/// Throws program::Misconfigured with one sentence that says what to give, if tokens are wanted and
/// there are no keys for them, if there are keys and no tokens are wanted, or if everybody on other
/// machines could publish.
void settle_guards(WebNodeOptions& options);

} // namespace zcomet::webnode::supervisor
