// Goal: the cluster file is read as its examples say, and each mistake in it is reported with its
// line.
// Method: files of a few lines in a temporary folder.
#include "topology/cluster/cluster_file.hpp"

#include <catch2/catch.hpp>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace cluster_file_test {

using zcomet::Result;
using zcomet::cluster::Cluster;
using zcomet::cluster::read_cluster_file;

namespace {

/// A file that is removed when the test ends.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& text) {
        const int fd = ::mkstemp(path_.data());
        REQUIRE(fd >= 0);
        ::close(fd);
        std::ofstream(path_) << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = std::filesystem::temp_directory_path() / "zcomet-cluster-XXXXXX";
};

const std::string kMinimal = "[[host]]\n"
                             "name = 'a'\n"
                             "address = '10.0.0.1'\n"
                             "[[broker]]\n"
                             "host = 'a'\n"; // five lines

/// The error about the file, without its path: "LINE: …".
std::string complaint(const std::string& text) {
    const TemporaryFile file(text);
    const Result<Cluster> cluster = read_cluster_file(file.path());
    REQUIRE_FALSE(cluster.ok());
    const std::string& error = cluster.error().text;
    REQUIRE(error.rfind(file.path() + ":", 0) == 0);
    return error.substr(file.path().size() + 1);
}

std::string example(const std::string& name) {
    return std::string(ZCOMET_SOURCE_ROOT) + "/topology/examples/" + name;
}

} // namespace

TEST_CASE("the shortest cluster file has defaults for the rest", "[cluster_file]") {
    const TemporaryFile file(kMinimal);
    const Result<Cluster> read = read_cluster_file(file.path());
    REQUIRE(read.ok());
    const Cluster& cluster = read.value();
    CHECK(cluster.version == 0);
    REQUIRE(cluster.brokers.size() == 1);
    CHECK(cluster.brokers[0].listen_port == 5555);
    CHECK(cluster.brokers[0].feed_port == 5556);
    CHECK(cluster.brokers[0].admin.empty());
    CHECK(cluster.web_nodes.empty());
    CHECK(cluster.broker_list().text() == "tcp://10.0.0.1:5555");
}

TEST_CASE("names by which a program is asked are a list", "[cluster_file]") {
    const TemporaryFile file(kMinimal + "http_names = ['broker.example']\n[[webnode]]\nhost = 'a'\n"
                                        "name = 'w'\nhttp_names = ['a.example', '*.b.example']\n");
    const Result<Cluster> read = read_cluster_file(file.path());
    REQUIRE(read.ok());
    CHECK(read.value().brokers[0].http_names == "broker.example");
    CHECK(read.value().web_node("w").value().http_names == "a.example *.b.example");
}

TEST_CASE("the example of three hosts is read whole", "[cluster_file]") {
    const Result<Cluster> read = read_cluster_file(example("three-hosts.toml"));
    REQUIRE(read.ok());
    const Cluster& cluster = read.value();
    CHECK(cluster.version == 1);
    CHECK(cluster.broker_list().version == 1);
    CHECK(cluster.hosts.size() == 5);
    CHECK(cluster.host("load").address == "198.18.0.4");
    CHECK(cluster.broker_list().text() == "tcp://198.18.0.1:5555");
    CHECK(cluster.brokers[0].admin == "127.0.0.1:9470");
    CHECK(cluster.brokers[0].keys == "/etc/zcomet/keys");
    CHECK_FALSE(cluster.brokers[0].insecure);
    const auto node = cluster.web_node("web2");
    REQUIRE(node.ok());
    CHECK(node.value().host == "web2");
    CHECK(node.value().key == "/etc/zcomet/web2.key");
    CHECK(node.value().http_port == 8000);
    CHECK(node.value().workers == 2);
    CHECK(node.value().admin == "127.0.0.1:9480");
}

TEST_CASE("the example of one host is read whole", "[cluster_file]") {
    const Result<Cluster> read = read_cluster_file(example("one-host.toml"));
    REQUIRE(read.ok());
    CHECK(read.value().broker_list().text() == "tcp://127.0.0.1:5555");
    CHECK(read.value().web_node("web2").value().http_port == 8001);
}

TEST_CASE("an IPv6 host gets brackets", "[cluster_file]") {
    const TemporaryFile file(
        "host = [{name = 'a', address = 'fd00::1'}]\nbroker = [{host = 'a'}]\n");
    CHECK(read_cluster_file(file.path()).value().broker_list().text() == "tcp://[fd00::1]:5555");
}

TEST_CASE("the error about a web node that is not in the file names those that are",
          "[cluster_file]") {
    const TemporaryFile file(kMinimal + "[[webnode]]\nhost = 'a'\nname = 'w1'\n"
                                        "[[webnode]]\nhost = 'a'\nname = 'w2'\nhttp_port = 81\n");
    const auto node = read_cluster_file(file.path()).value().web_node("w3");
    REQUIRE_FALSE(node.ok());
    CHECK(node.error().text == "the cluster file has no web node \"w3\"; it has w1, w2");
}

TEST_CASE("a file that is not there is named", "[cluster_file]") {
    const auto read = read_cluster_file("/nonexistent/cluster.toml");
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().text == "/nonexistent/cluster.toml: the cluster file cannot be read");
}

TEST_CASE("a mistake in the syntax is reported in one line", "[cluster_file]") {
    // The TOML parser shows the unexpected character: here, the end of the line.
    CHECK(complaint("version = n\n").find('\n') == std::string::npos);
}

TEST_CASE("a broker may have keys, and a web node its key") {
    const TemporaryFile file(kMinimal + "keys = '/etc/zcomet/keys'\n[[webnode]]\nhost = 'a'\n"
                                        "name = 'w1'\nkey = '/etc/zcomet/w1.key'\n");
    const Result<Cluster> cluster = read_cluster_file(file.path());
    REQUIRE(cluster.ok());
    CHECK(cluster.value().brokers.front().keys == "/etc/zcomet/keys");
    CHECK(cluster.value().web_nodes.front().key == "/etc/zcomet/w1.key");
    CHECK_FALSE(complaint(kMinimal + "keys = 7\n").empty());
}

TEST_CASE("a broker may be said to need no keys", "[cluster_file]") {
    const TemporaryFile file(kMinimal + "insecure = true\n");
    CHECK(read_cluster_file(file.path()).value().brokers.front().insecure);
    const TemporaryFile secure(kMinimal + "insecure = false\n");
    CHECK_FALSE(read_cluster_file(secure.path()).value().brokers.front().insecure);
    CHECK(complaint(kMinimal + "insecure = 1\n") == "6: \"insecure\" is true or false");
    CHECK(complaint(kMinimal + "keys = '/k'\ninsecure = true\n") ==
          "7: a broker with \"keys\" is not \"insecure\"; give one of them");
}

TEST_CASE("a cluster may have several brokers, by their names", "[cluster_file]") {
    const TemporaryFile file("replicas = 3\n" + kMinimal +
                             "weight = 2\n[[broker]]\nhost = 'a'\nname = 'second'\n"
                             "listen_port = 1\nfeed_port = 2\n");
    const auto cluster = read_cluster_file(file.path());
    REQUIRE(cluster.ok());
    const zcomet::cluster::BrokerList list = cluster.value().broker_list();
    CHECK(list.replicas == 3);
    REQUIRE(list.brokers.size() == 2);
    CHECK(list.brokers[0].name == "a");
    CHECK(list.brokers[0].weight == 2);
    CHECK(list.brokers[1].name == "second");
    CHECK(list.text() == "tcp://10.0.0.1:5555,tcp://10.0.0.1:1");
    CHECK(cluster.value().broker("second").value().listen_port == 1);
    CHECK(cluster.value().broker("a").value().listen_port == 5555);
    CHECK(cluster.value().broker("").error().text ==
          "which broker of the cluster file is it? Its brokers are a, second");
    CHECK(cluster.value().broker("c").error().text ==
          "the cluster file has no broker \"c\". Its brokers are a, second");
}

TEST_CASE("a change of the list is in the file", "[cluster_file]") {
    const std::string other =
        "[[broker]]\nhost = 'a'\nname = 'b'\nlisten_port = 1\nfeed_port = 2\n";
    const TemporaryFile file("version = 2\nmoving = 'senders'\n" + kMinimal + other +
                             "change = 'add'\n");
    const auto cluster = read_cluster_file(file.path());
    REQUIRE(cluster.ok());
    const zcomet::cluster::BrokerList list = cluster.value().broker_list();
    CHECK(list.moving == zcomet::cluster::Moving::kSenders);
    CHECK(list.brokers[0].change == zcomet::cluster::Change::kNone);
    CHECK(list.brokers[1].change == zcomet::cluster::Change::kAdd);
    CHECK(complaint("moving = 'nodes'\n" + kMinimal) ==
          "1: \"moving\" and \"change\" of a [[broker]] belong together");
    CHECK(complaint("moving = 'now'\n" + kMinimal) ==
          "1: \"moving\" is one of nodes, senders, and not \"now\"");
    CHECK(complaint("moving = 'nodes'\n" + kMinimal + other + "change = 'add'\n") ==
          "1: \"moving\" wants a \"version\" of 1 or more");
    CHECK(complaint("version = 1\nmoving = 'nodes'\n" + kMinimal + "change = 'remove'\n") ==
          "2: a cluster has a broker before each change, and one after it");
}

TEST_CASE("a web node's entry says who may listen", "[cluster_file]") {
    const TemporaryFile file(kMinimal + "[[webnode]]\nhost = 'a'\nname = 'w'\nauth = 'hook'\n"
                                        "token_keys = ['/etc/a.key', 'b.pem']\n");
    const auto cluster = read_cluster_file(file.path());
    REQUIRE(cluster.ok());
    CHECK(cluster.value().web_node("w").value().auth == "hook");
    CHECK(cluster.value().web_node("w").value().token_keys == "/etc/a.key b.pem");
}

TEST_CASE("each mistake is reported with its line", "[cluster_file]") {
    struct Case {
        std::string appended; // to the five lines of kMinimal
        std::string complaint;
    };
    const auto c = GENERATE(values<Case>({
        {"port = 5\n", "6: unknown key \"port\" in [[broker]]; known are host, name, "
                       "weight, listen_port, feed_port, admin, http_names, keys, insecure, change"},
        {"listenport = 5\n",
         "6: unknown key \"listenport\" in [[broker]]; did you mean \"listen_port\"?"},
        {"[[webnodes]]\n", "6: unknown key \"webnodes\" in the file; did you mean \"webnode\"?"},
        {"\"two\\nlines\" = 1\n", "6: unknown key \"two\\nlines\" in [[broker]]; known are host, "
                                  "name, weight, listen_port, feed_port, admin, http_names, keys, "
                                  "insecure, change"},
        {"listen_port = 0\n", "6: \"listen_port\" is 0; it is a number from 1 to 65535"},
        {"feed_port = 65536\n", "6: \"feed_port\" is 65536; it is a number from 1 to 65535"},
        {"listen_port = '5555'\n", "6: \"listen_port\" wants a whole number"},
        {"listen_port = 5.5\n", "6: \"listen_port\" wants a whole number"},
        {"feed_port = 5555\n", "6: port 5555 of host \"a\" is taken by line 4"},
        {"admin = 9470\n", "6: \"admin\" wants text in quotes"},
        {"admin = 'here'\n", "6: \"here\" is not an address: it has no port"},
        {"http_names = 'a'\n", "6: \"http_names\" is written [\"NAME\", …]"},
        {"http_names = ['a', 1]\n", "6: \"http_names\" is written [\"NAME\", …]"},
        {"http_names = [\n'a',\n'a:80']\n",
         "8: \"a:80\": a name has neither scheme nor port, as in comet.example.org; *.example.org "
         "is every name below that, and * every name"},
        {"[[broker]]\nhost = 'a'\n", "6: two brokers are named \"a\""},
        {"change = 'move'\n", "6: \"change\" is one of add, remove, and not \"move\""},
        {"change = 'add'\n", "1: \"moving\" and \"change\" of a [[broker]] belong together"},
        {"[[broker]]\nhost = 'a'\nname = 'b b'\n",
         "8: \"b b\" is not a name: 1 to 48 characters of A-Z a-z 0-9 . _ -"},
        {"[[broker]]\nhost = 'a'\nname = 'b'\n", "6: port 5555 of host \"a\" is taken by line 4"},
        {"weight = 17\n", "6: \"weight\" is 17; it is a number from 1 to 16"},
        {"[webnode]\nhost = 'a'\n", "6: \"webnode\" is written [[webnode]], once for each webnode"},
        {"[[webnode]]\nname = 'w'\n", "6: [[webnode]] has no \"host\""},
        {"[[webnode]]\nhost = 'a'\n", "6: [[webnode]] has no \"name\""},
        {"[[webnode]]\nhost = 'b'\nname = 'w'\n", "7: no [[host]] is named \"b\""},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\nauth = 'all'\n",
         "9: \"auth\" is one of public, token, hook, and not \"all\""},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\ntoken_keys = 'k'\n",
         "9: \"token_keys\" is written [\"FILE\", …]"},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\ntoken_keys = ['a b']\n",
         "9: \"a b\" is no file: it is empty, or has a space"},
        {"[[webnode]]\nhost = 'a'\nname = 'w w'\n",
         "8: \"w w\" is not a name: 1 to 48 characters of A-Z a-z 0-9 . _ -"},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\nworkers = 0\n",
         "9: \"workers\" is 0; it is a number from 1 to 1024"},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\n[[webnode]]\nhost = 'a'\nname = 'w'\n",
         "11: two web nodes are named \"w\""},
        {"[[webnode]]\nhost = 'a'\nname = 'w'\nhttp_port = 5556\n",
         "9: port 5556 of host \"a\" is taken by line 4"},
        {"[[host]]\nname = 'a'\naddress = '10.0.0.2'\n", "7: two hosts are named \"a\""},
        {"[[host]]\nname = 'b'\naddress = '*'\n",
         "8: \"*\" is not an address that others can connect to"},
        {"[[host]]\nname = 'b'\naddress = 'tcp://b'\n",
         "8: \"tcp://b\" is not an address that others can connect to"},
    }));
    CHECK(complaint(kMinimal + c.appended) == c.complaint);
}

TEST_CASE("a file that is not TOML is reported with its line", "[cluster_file]") {
    CHECK(complaint(kMinimal + "feed_port = \n").rfind("6: ", 0) == 0);
    CHECK(complaint(kMinimal + "host = 'b'\n").rfind("6: ", 0) == 0); // a key twice
}

TEST_CASE("a file without a broker is refused", "[cluster_file]") {
    CHECK(complaint("") == "1: the file has no [[broker]]");
}

TEST_CASE("a version is a whole number from 0", "[cluster_file]") {
    CHECK(complaint("version = -1\n").rfind("1: \"version\" is -1;", 0) == 0);
}

} // namespace cluster_file_test
