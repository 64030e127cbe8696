#include "topology/keys/key_file.hpp"

#include "topology/base/small_file.hpp"
#include "topology/base/text.hpp"
#include "topology/history/patterns.hpp"
#include "topology/keys/curve_text.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace zcomet::keys {

namespace {

/// @limit bytes of the text that says when a key was made
constexpr std::size_t kCreatedBytesMax = 64;

/// A mistake in the file, and where it is. It is thrown at any depth and caught in
/// parse_key_file(): the first mistake ends the reading.
struct Mistake {
    std::uint32_t line;
    std::string text;
};

std::uint32_t line_of(const toml::node& node) {
    return node.source().begin.line;
}

void refuse_unknown_keys(const toml::table& table, std::initializer_list<std::string_view> known) {
    for (const auto& [key, value] : table) {
        if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
            throw Mistake{key.source().begin.line, "a key file has no " + in_quotes(key.str())};
        }
    }
}

/// @return the text; empty if there is none, or it is empty.
std::string text_of(const toml::table& table, std::string_view key) {
    const toml::node* const node = table.get(key);
    if (node == nullptr) {
        return {};
    }
    if (!node->is_string()) {
        throw Mistake{line_of(*node), in_quotes(key) + " wants text in quotes"};
    }
    return node->value<std::string>().value_or("");
}

std::string name_of(const toml::table& table) {
    std::string name = text_of(table, "name");
    if (std::string why = why_no_key_name(name); !why.empty()) {
        throw Mistake{line_of(table), std::move(why)};
    }
    return name;
}

/// What the text is stays out of the sentence: it may be a secret.
std::string key_of(const toml::table& table, std::string_view key, bool is_required) {
    std::string text = text_of(table, key);
    if (text.empty() && !is_required) {
        return text;
    }
    if (!is_curve_text(text)) {
        throw Mistake{line_of(table),
                      in_quotes(key) + " is no key: 40 characters that zcomet-ctl keys has made"};
    }
    return text;
}

std::vector<std::string> texts_of(const toml::table& table, std::string_view key) {
    std::vector<std::string> texts;
    const toml::node* const node = table.get(key);
    if (node == nullptr) {
        return texts;
    }
    const toml::array* const array = node->as_array();
    if (array == nullptr) {
        throw Mistake{line_of(*node), in_quotes(key) + " is a list of texts, [\"…\"]"};
    }
    for (const toml::node& one : *array) {
        if (!one.is_string()) {
            throw Mistake{line_of(one), in_quotes(key) + " is a list of texts, [\"…\"]"};
        }
        texts.push_back(one.value<std::string>().value_or(""));
    }
    return texts;
}

Roles read_roles(const toml::table& table) {
    Roles roles;
    for (const std::string& word : texts_of(table, "roles")) {
        const Result<Roles> role = roles_of(word);
        if (!role.ok() || word.find(',') != std::string::npos) {
            throw Mistake{line_of(table),
                          in_quotes(word) + " is no role: node, sender, operator or broker"};
        }
        roles.add(static_cast<Role>(std::find(kRoleNames.begin(), kRoleNames.end(), word) -
                                    kRoleNames.begin()));
    }
    return roles;
}

/// A list without a pattern would mean every id; somebody who writes one means none.
std::vector<std::string> read_ids(const toml::table& table) {
    std::vector<std::string> ids = texts_of(table, "ids");
    if (ids.size() > history::kPatternsMax || (ids.empty() && table.contains("ids"))) {
        throw Mistake{line_of(table), "\"ids\" has 1 to " + std::to_string(history::kPatternsMax) +
                                          " patterns; without it every id is meant"};
    }
    for (const std::string& pattern : ids) {
        if (std::string why = history::why_no_pattern(pattern); !why.empty()) {
            throw Mistake{line_of(table), std::move(why)};
        }
    }
    return ids;
}

std::vector<BrokerKey> read_brokers(const toml::table& table) {
    std::vector<BrokerKey> brokers;
    const toml::node* const node = table.get("broker");
    if (node == nullptr) {
        return brokers;
    }
    const toml::array* const tables = node->as_array();
    if (tables == nullptr || !tables->is_array_of_tables() || tables->size() > kBrokersOfKeyMax) {
        throw Mistake{line_of(*node), "\"broker\" is written [[broker]], at most " +
                                          std::to_string(kBrokersOfKeyMax) + " times"};
    }
    for (const toml::node& one : *tables) {
        const toml::table& broker = *one.as_table();
        refuse_unknown_keys(broker, {"name", "public"});
        brokers.push_back({name_of(broker), key_of(broker, "public", true)});
    }
    return brokers;
}

KeyFile read(const toml::table& table) {
    refuse_unknown_keys(table, {"name", "roles", "ids", "created", "public", "secret", "broker"});
    KeyFile key;
    key.name = name_of(table);
    key.roles = read_roles(table);
    key.ids = read_ids(table);
    key.created = text_of(table, "created");
    if (key.created.size() > kCreatedBytesMax || in_one_line(key.created) != key.created) {
        throw Mistake{line_of(table), "\"created\" is a time, such as 2026-11-30T12:00:00Z"};
    }
    key.public_key = key_of(table, "public", true);
    key.secret = key_of(table, "secret", false);
    key.brokers = read_brokers(table);
    if (key.roles.empty()) {
        throw Mistake{line_of(table), "\"roles\" has a role: node, sender, operator or broker"};
    }
    return key;
}

/// For texts without control characters: names, patterns, times, keys.
std::string quoted_for_toml(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
    }
    return out + "\"";
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        out.append(out.size() > 1 ? ", " : "").append(quoted_for_toml(text));
    }
    return out + "]";
}

std::string line(std::string_view key, std::string_view value) {
    return std::string(key).append(" = ").append(value).append("\n");
}

} // namespace

std::string Roles::text() const {
    std::string out;
    for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
        if (has(static_cast<Role>(i))) {
            out.append(out.empty() ? "" : ",").append(kRoleNames[i]);
        }
    }
    return out;
}

Result<Roles> roles_of(std::string_view text) {
    Roles roles;
    while (true) {
        const std::size_t end = std::min(text.find(','), text.size());
        const auto* const found =
            std::find(kRoleNames.begin(), kRoleNames.end(), text.substr(0, end));
        if (found == kRoleNames.end()) {
            return Error{in_quotes(text.substr(0, end)) +
                         " is no role; there are node, sender, operator and broker"};
        }
        roles.add(static_cast<Role>(found - kRoleNames.begin()));
        if (end == text.size()) {
            return roles;
        }
        text.remove_prefix(end + 1);
    }
}

std::string why_no_key_name(std::string_view name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
    // It is also the name of a file.
    const bool is_word = !name.empty() && name.front() != '.' && name.front() != '-';
    return plain && is_word && name.size() <= kKeyNameBytesMax
               ? std::string()
               : in_quotes(name) + " is no name of a key: 1 to 48 characters of A-Z a-z 0-9 . _ -, "
                                   "the first a letter, a digit or _";
}

Result<KeyFile> parse_key_file(std::string_view text) {
    if (text.size() > kKeyFileBytesMax) {
        return Error{"a key file has at most " + std::to_string(kKeyFileBytesMax) + " bytes"};
    }
    const auto located = [](std::uint32_t line, const std::string& what) {
        return Error{"line " + std::to_string(line) + ": " + in_one_line(what)};
    };
    try {
        return read(toml::parse(text));
    } catch (const toml::parse_error& error) {
        // Its description may have a piece of the line, and that may have a secret.
        return located(error.source().begin.line, "this is not TOML");
    } catch (const Mistake& mistake) {
        return located(mistake.line, mistake.text);
    }
}

std::string write_key_file(const KeyFile& key) {
    std::vector<std::string> roles;
    for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
        if (key.roles.has(static_cast<Role>(i))) {
            roles.emplace_back(kRoleNames[i]);
        }
    }
    std::string out = key.secret.empty() ? "# A key of Zcomet. Others may read it.\n"
                                         : "# A key of Zcomet. Nobody else may read it.\n";
    out += line("name", quoted_for_toml(key.name)) + line("roles", list_of(roles));
    out += key.ids.empty() ? "" : line("ids", list_of(key.ids));
    out += key.created.empty() ? "" : line("created", quoted_for_toml(key.created));
    out += line("public", quoted_for_toml(key.public_key));
    out += key.secret.empty() ? "" : line("secret", quoted_for_toml(key.secret));
    for (const BrokerKey& broker : key.brokers) {
        out += "\n[[broker]]\n" + line("name", quoted_for_toml(broker.name)) +
               line("public", quoted_for_toml(broker.public_key));
    }
    return out;
}

Result<KeyFile> read_secret_key_file(const std::string& path) {
    const Result<SmallFile> file = read_small_file(path, kKeyFileBytesMax);
    if (!file.ok()) {
        return file.error();
    }
    if (!file.value().is_private) {
        return Error{in_quotes(path) + " has a secret key, and others may read or change it: it "
                                       "must be yours or root's, and chmod 600"};
    }
    Result<KeyFile> key = parse_key_file(file.value().text);
    if (!key.ok()) {
        return Error{in_quotes(path) + " is no key file: " + key.error().text};
    }
    if (key.value().secret.empty()) {
        return Error{in_quotes(path) + " has no secret key; it is for a broker's directory"};
    }
    return key;
}

std::string time_now() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

} // namespace zcomet::keys
