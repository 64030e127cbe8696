#include "topology/keys/directory.hpp"

#include "topology/base/small_file.hpp"
#include "topology/base/text.hpp"
#include "topology/base/unique_fd.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace zcomet::keys {

namespace {

constexpr std::string_view kEnding = ".pub";
constexpr mode_t kForOwner = S_IRUSR | S_IWUSR;
constexpr mode_t kForAll = kForOwner | S_IRGRP | S_IROTH;
constexpr mode_t kFolder = S_IRWXU;

std::string self_file(const std::string& path) {
    return path + "/self.key";
}
std::string allowed_folder(const std::string& path) {
    return path + "/allowed";
}
std::string revoked_folder(const std::string& path) {
    return path + "/revoked";
}
std::string file_in(const std::string& folder, const std::string& name) {
    return folder + "/" + name + std::string(kEnding);
}

Error cannot(const char* what, const std::string& path, int error) {
    return Error{std::string("cannot ") + what + " " + in_quotes(path) + ": " +
                 std::generic_category().message(error)};
}

bool exists(const std::string& path) {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0;
}

Status write_all(int file, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return cannot("write", path, errno);
        }
        text.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    return ::fsync(file) == 0 ? Status(Done{}) : Status(cannot("write", path, errno));
}

/// Writes a new file, whole or not at all.   Errors: there is one of that name.
Status write_new(const std::string& path, std::string_view text, mode_t mode) {
    const std::string draft = path + ".new" + std::to_string(::getpid());
    const UniqueFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file.valid()) {
        return cannot("write", draft, errno);
    }
    Status done = write_all(file.get(), text, draft);
    if (done.ok() && ::fchmod(file.get(), mode) != 0) { // whatever the umask is
        done = cannot("write", draft, errno);
    }
    if (done.ok() &&
        ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
        done = errno == EEXIST ? Status(Error{"there is a file " + in_quotes(path) + " already"})
                               : Status(cannot("write", path, errno));
    }
    if (!done.ok()) {
        ::unlink(draft.c_str());
    }
    return done;
}

Status make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), kFolder) == 0) {
        return Done{};
    }
    const int error = errno;
    struct stat about {};
    const bool is_there = error == EEXIST && ::stat(path.c_str(), &about) == 0;
    return is_there && S_ISDIR(about.st_mode) ? Status(Done{})
                                              : Status(cannot("make the folder", path, error));
}

/// The names of the keys in a folder, in order.
/// Errors: it cannot be read; there are too many.
Result<std::vector<std::string>> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator next(folder, error);
    for (; !error && next != std::filesystem::directory_iterator(); next.increment(error)) {
        const std::string name = next->path().filename().string();
        // Drafts and what editors leave do not end so.
        if (name.size() > kEnding.size() && name.ends_with(kEnding) && name.front() != '.') {
            names.push_back(name.substr(0, name.size() - kEnding.size()));
        }
        if (names.size() > kAllowedMax) {
            return Error{in_quotes(folder) + " has more than " + std::to_string(kAllowedMax) +
                         " keys"};
        }
    }
    if (error) {
        return Error{"cannot read " + in_quotes(folder) + ": " + error.message()};
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Errors: the file is none of the key `name`.
Result<KeyFile> read_public_file(const std::string& path, const std::string& name) {
    const Result<SmallFile> file = read_small_file(path, kKeyFileBytesMax);
    if (!file.ok()) {
        return file.error();
    }
    Result<KeyFile> key = parse_key_file(file.value().text);
    if (!key.ok()) {
        return Error{in_quotes(path) + " is no key file: " + key.error().text};
    }
    if (key.value().name != name) {
        return Error{in_quotes(path) + " has the key of " + in_quotes(key.value().name) +
                     "; the file must have the key's name"};
    }
    key.value().secret.clear(); // a peer's secret is none of a broker's business
    return key;
}

/// Adds the keys of a folder, as far as they are good.   Errors: it cannot be read.
Status read_folder(const std::string& folder, std::vector<KeyFile>& keys,
                   std::vector<std::string>& problems) {
    const Result<std::vector<std::string>> names = names_in(folder);
    if (!names.ok()) {
        return names.error();
    }
    for (const std::string& name : names.value()) {
        Result<KeyFile> key = read_public_file(file_in(folder, name), name);
        if (key.ok()) {
            keys.push_back(std::move(key).value());
        } else {
            problems.push_back(key.error().text);
        }
    }
    return Done{};
}

/// Leaves out what is revoked, and the second of two files with one key: whose it is, is not known.
void leave_out_doubtful(Directory& directory) {
    absl::flat_hash_set<std::string> revoked;
    for (const KeyFile& key : directory.revoked) {
        revoked.insert(key.public_key);
    }
    absl::flat_hash_map<std::string, std::string> names; // by public key
    std::erase_if(directory.allowed, [&](const KeyFile& key) {
        if (revoked.contains(key.public_key)) {
            directory.problems.push_back("the key " + in_quotes(key.name) +
                                         " is allowed and revoked; it counts as revoked");
            return true;
        }
        const auto [first, is_new] = names.try_emplace(key.public_key, key.name);
        if (!is_new) {
            directory.problems.push_back("the keys " + in_quotes(first->second) + " and " +
                                         in_quotes(key.name) +
                                         " are the same; the second one does not count");
        }
        return !is_new;
    });
}

} // namespace

Result<Directory> read_directory(const std::string& path) {
    if (!exists(self_file(path))) {
        return Error{in_quotes(path) +
                     " is no directory of keys; make one by: zcomet-ctl keys init " + path};
    }
    Result<KeyFile> self = read_secret_key_file(self_file(path));
    if (!self.ok()) {
        return self.error();
    }
    Directory directory;
    directory.self = std::move(self).value();
    if (!directory.self.roles.has(Role::kBroker)) {
        return Error{in_quotes(self_file(path)) + " is no key of a broker"};
    }
    for (const auto& [folder, keys] : {std::pair(allowed_folder(path), &directory.allowed),
                                       std::pair(revoked_folder(path), &directory.revoked)}) {
        if (Status read = read_folder(folder, *keys, directory.problems); !read.ok()) {
            return read.error();
        }
    }
    leave_out_doubtful(directory);
    return directory;
}

Status init_directory(const std::string& path, const KeyFile& self) {
    if (exists(self_file(path))) {
        return Error{in_quotes(path) + " has a broker's key already"};
    }
    for (const std::string& folder : folders_of(path)) {
        if (Status made = make_folder(folder); !made.ok()) {
            return made;
        }
    }
    return write_secret_file(self_file(path), self);
}

Status allow(const std::string& path, const KeyFile& key, bool replaces) {
    const bool was_revoked = exists(file_in(revoked_folder(path), key.name));
    if (was_revoked && !replaces) {
        return Error{"the key " + in_quotes(key.name) +
                     " was revoked; --replace gives its name to another one"};
    }
    KeyFile known = key;
    known.secret.clear();
    known.brokers.clear();
    return write_new(file_in(allowed_folder(path), key.name), write_key_file(known), kForAll);
}

Status revoke(const std::string& path, const std::string& name) {
    const std::string from = file_in(allowed_folder(path), name);
    if (!exists(from)) {
        return Error{"no key " + in_quotes(name) + " is allowed here"};
    }
    return ::rename(from.c_str(), file_in(revoked_folder(path), name).c_str()) == 0
               ? Status(Done{})
               : Status(cannot("revoke", from, errno));
}

Status write_secret_file(const std::string& path, const KeyFile& key) {
    return write_new(path, write_key_file(key), kForOwner);
}

std::vector<std::string> folders_of(const std::string& path) {
    return {path, allowed_folder(path), revoked_folder(path)};
}

} // namespace zcomet::keys
