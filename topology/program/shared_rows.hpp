// Rows of the option table that more than one program has.
#pragma once

#include "topology/base/time.hpp"
#include "topology/program/option_table.hpp"
#include "topology/wire/endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace zcomet::program {

/// --hang-after SECONDS, after which a kept process is restarted.
/// @param what  the process, for the complaint about a value: "a worker".
OptionTable::Row& add_hang_after(OptionTable& table, std::chrono::seconds& value,
                                 const std::string& what, const std::string& help);

/// --failover-ms MS, of a sender with several brokers (link::Dispatch::open()).
OptionTable::Row& add_failover(OptionTable& table, Duration& value);

/// --admin HOST:PORT, where GET /stats is answered; an empty host: nowhere.
OptionTable::Row& add_admin(OptionTable& table, wire::HostPort& value);

/// --user NAME, for run_as() (run_as.hpp).
OptionTable::Row& add_user(OptionTable& table, std::string& name);

/// --http-name NAME, a name of host::HostNames; an operator may give several.
OptionTable::Row& add_http_names(OptionTable& table, std::vector<std::string>& names);

/// For Row::check(): a name has 1 to `bytes_max` printable characters.
[[nodiscard]] std::function<std::string(const std::string& text)>
is_name_of_at_most(std::size_t bytes_max);

} // namespace zcomet::program
