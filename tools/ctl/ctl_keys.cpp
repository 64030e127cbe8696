#include "tools/ctl/ctl_keys.hpp"

#include "tools/common/table.hpp"
#include "topology/base/text.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/keys/directory.hpp"
#include "topology/link/security.hpp"
#include "topology/program/core_dumps.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace zcomet::tools::ctl {

namespace {

/// The name of this host, as far as it can name a key.
std::string host_name() {
    std::array<char, keys::kKeyNameBytesMax + 1> name{};
    const bool is_known = ::gethostname(name.data(), name.size() - 1) == 0;
    return is_known && keys::why_no_key_name(name.data()).empty() ? name.data() : "broker";
}

keys::KeyFile make_key(const std::string& name, keys::Roles roles) {
    if (const std::string why = keys::why_no_key_name(name); !why.empty()) {
        throw std::runtime_error(why);
    }
    program::make_no_core_dumps();
    link::KeyPair pair = link::make_key_pair();
    return {name, roles, {}, keys::time_now(), std::move(pair.public_key), std::move(pair.secret),
            {}};
}

std::string ids_text(const keys::KeyFile& key) {
    std::string text;
    for (const std::string& pattern : key.ids) {
        text.append(text.empty() ? "" : " ").append(pattern);
    }
    const bool may_send =
        key.roles.has(keys::Role::kSender) || key.roles.has(keys::Role::kOperator);
    return !text.empty() ? text : may_send ? "every id" : "-";
}

nlohmann::ordered_json json_of(const keys::KeyFile& key, const char* state) {
    return {{"name", key.name}, {"state", state},         {"roles", key.roles.text()},
            {"ids", key.ids},   {"created", key.created}, {"public", key.public_key}};
}

} // namespace

void keys_init(const KeysOptions& options) {
    const keys::KeyFile self =
        make_key(options.name.empty() ? host_name() : options.name, {keys::Role::kBroker});
    throw_unless_done(keys::init_directory(options.directory, self));
    if (options.json) {
        fmt::print("{}\n", json_of(self, "self").dump());
        return;
    }
    fmt::print("made {}/self.key, the key of the broker {}\n"
               "next: zcomet-broker --keys {} ...\n"
               "then: zcomet-ctl keys new NAME --keys {} --role node,sender\n",
               options.directory, self.name, options.directory, options.directory);
}

void keys_new(const KeysOptions& options) {
    const keys::Directory directory = value_or_throw(keys::read_directory(options.directory));
    keys::KeyFile key = make_key(options.name, options.roles);
    key.ids = options.ids;
    key.brokers = {{directory.self.name, directory.self.public_key}};
    const std::string out = options.out.empty() ? options.name + ".key" : options.out;
    // First the bundle: a peer that is let in, and has no key, would be of no use to anybody.
    throw_unless_done(keys::write_secret_file(out, key));
    if (const Status allowed = keys::allow(options.directory, key, options.replaces);
        !allowed.ok()) {
        static_cast<void>(std::remove(out.c_str()));
        throw std::runtime_error(allowed.error().text);
    }
    if (options.json) {
        nlohmann::ordered_json json = json_of(key, "allowed");
        json["file"] = out;
        fmt::print("{}\n", json.dump());
        return;
    }
    fmt::print("{} may come as {}; its key is in {}: carry that to its host, and give it by "
               "--key or ZCOMET_KEY\n",
               key.name, key.roles.text(), out);
}

void keys_list(const KeysOptions& options) {
    const keys::Directory directory = value_or_throw(keys::read_directory(options.directory));
    if (options.json) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        list.push_back(json_of(directory.self, "self"));
        for (const auto& key : directory.allowed) {
            list.push_back(json_of(key, "allowed"));
        }
        for (const auto& key : directory.revoked) {
            list.push_back(json_of(key, "revoked"));
        }
        fmt::print("{}\n", list.dump());
    } else {
        common::Table table({{"NAME"}, {"STATE"}, {"ROLES"}, {"IDS"}, {"CREATED"}, {"PUBLIC KEY"}});
        const auto add = [&table](const keys::KeyFile& key, const char* state) {
            table.add_row({key.name, state, key.roles.text(), ids_text(key),
                           key.created.empty() ? "-" : key.created, key.public_key});
        };
        add(directory.self, "self");
        for (const auto& key : directory.allowed) {
            add(key, "allowed");
        }
        for (const auto& key : directory.revoked) {
            add(key, "revoked");
        }
        fmt::print("{}", table.text());
    }
    for (const std::string& problem : directory.problems) {
        fmt::print(stderr, "zcomet-ctl: {}\n", problem);
    }
}

void keys_revoke(const KeysOptions& options) {
    throw_unless_done(keys::revoke(options.directory, options.name));
    if (options.json) {
        fmt::print("{}\n",
                   nlohmann::ordered_json{{"name", options.name}, {"state", "revoked"}}.dump());
        return;
    }
    fmt::print("revoked {}; a broker that uses {} lets it go within a few seconds\n", options.name,
               options.directory);
}

} // namespace zcomet::tools::ctl
