#include "topology/program/shared_rows.hpp"

#include "topology/base/text.hpp"
#include "topology/host/host_names.hpp"
#include "topology/program/address_options.hpp"

#include <cstdint>

namespace zcomet::program {

namespace {

constexpr std::uint32_t kHangSecondsMax = 86'400;
constexpr std::uint32_t kFailoverMinMs = 100;
constexpr std::uint32_t kFailoverMaxMs = 60'000;

} // namespace

OptionTable::Row& add_hang_after(OptionTable& table, std::chrono::seconds& value,
                                 const std::string& what, const std::string& help) {
    return table.add("--hang-after", in_seconds(value), help)
        .type("SECONDS")
        .show_default()
        .range(0U, kHangSecondsMax)
        .check([what](const std::string& text) {
            return text == "1" ? what + " may sleep for a second: 0, or 2 and more" : std::string();
        });
}

OptionTable::Row& add_admin(OptionTable& table, wire::HostPort& value) {
    return table
        .add("--admin", as_host_port(value),
             "Answer GET /stats (JSON) here; port 0: any. Default: nowhere")
        .key("admin");
}

OptionTable::Row& add_failover(OptionTable& table, Duration& value) {
    return table
        .add("--failover-ms", in_milliseconds(value),
             "Of several brokers: how long one may say nothing before another one is used")
        .type("MS")
        .show_default()
        .range(kFailoverMinMs, kFailoverMaxMs);
}

OptionTable::Row& add_user(OptionTable& table, std::string& name) {
    return table
        .add("--user", &name,
             "Started by root: become this user at once, and keep only the right to listen at "
             "ports below 1024")
        .type("NAME");
}

OptionTable::Row& add_http_names(OptionTable& table, std::vector<std::string>& names) {
    return table
        .add("--http-name", &names,
             "Serve requests whose Host is this name, too; *.NAME: all names below it; *: every "
             "name. Always served are localhost, addresses in digits, and the names of this host. "
             "May be given several times")
        .type("NAME")
        .check([](const std::string& text) { return host::why_no_host_name(text); })
        .key("http_names")
        .reloadable();
}

std::function<std::string(const std::string& text)> is_name_of_at_most(std::size_t bytes_max) {
    return [bytes_max](const std::string& text) {
        return is_printable_name(text, bytes_max) ? std::string()
                                                  : "a name has 1 to " + std::to_string(bytes_max) +
                                                        " printable ASCII characters, and no space";
    };
}

} // namespace zcomet::program
