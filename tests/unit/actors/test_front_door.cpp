#include "runtime_fixture.hpp"

#include <salamander/actors/net/front_door.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace runtime_test;
using namespace salamander::actors;
using namespace salamander::actors::net;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A door that keeps whom it admits.
struct door_of {
  explicit door_of(const credentials& keys, door_limits limits = {})
      : door(
            std::make_shared<const tls_context>(keys), {"127.0.0.1", 0},
            [this](std::unique_ptr<tls_session> session) {
              const std::lock_guard lock(mutex);
              admitted.push_back(std::move(session));
              changed.notify_all();
            },
            limits) {}

  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 10s, [&] { return admitted.size() >= count; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<tls_session>> admitted;
  front_door door;
};

/// Whether the other side closes the connection within some seconds.
bool is_closed(int socket) {
  for (const auto end = steady_clock::now() + 10s; steady_clock::now() < end;) {
    pollfd look{socket, POLLIN, 0};
    ::poll(&look, 1, 100);
    char byte = 0;
    const auto n = ::recv(socket, &byte, 1, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
      return true;
  }
  return false;
}

/// What somebody says first who knows the protocol.
std::string first_record(const tls_context& context) {
  const unique_fd listener(listen_at({"127.0.0.1", 0}, 1));
  tls_session caller(context, unique_fd(connect_to({"127.0.0.1", port_of(listener.get())}, steady_clock::now() + 10s)),
                     tls_side::connecting);
  REQUIRE(caller.handshake() == tls_outcome::want_read);
  const unique_fd called(::accept(listener.get(), nullptr, nullptr));
  char bytes[4096];
  const auto count = ::recv(called.get(), bytes, sizeof bytes, 0);
  REQUIRE(count > 0);
  return {bytes, static_cast<std::size_t>(count)};
}

struct keys_of {
  keys_of() {
    make_credentials(where.path());
  }
  scratch where;
};

} // namespace

TEST_CASE("who has a certificate of the same authority is admitted, and bytes pass both ways") {
  const keys_of own;
  door_of it(driver_credentials(own.where.path()));
  const tls_context context(executor_credentials(own.where.path()));
  const auto caller = connect_tls_session(context, it.door.where(), steady_clock::now() + 10s);
  REQUIRE(it.wait_for(1));
  CHECK(it.admitted[0]->peer_name() == "executor");
  CHECK(caller->peer_name() == "driver");
  std::size_t count = 0;
  const std::byte word[] = {std::byte{1}, std::byte{2}};
  REQUIRE(caller->write(word, count) == tls_outcome::done);
  std::byte read[8];
  pollfd ready{it.admitted[0]->socket(), POLLIN, 0};
  REQUIRE(::poll(&ready, 1, 10000) == 1);
  REQUIRE(it.admitted[0]->read(read, count) == tls_outcome::done);
  CHECK(count == 2);
}

TEST_CASE("another authority's certificate, garbage and silence are turned away, and others still get in") {
  const keys_of own;
  const keys_of others;
  door_of it(driver_credentials(own.where.path()), {64, 200ms});
  // The caller of TLS 1.3 is done before it is judged: it finds out when it reads.
  CHECK_THROWS_AS(connect_tls_session(tls_context(executor_credentials(others.where.path())), it.door.where(), steady_clock::now() + 10s),
                  salamander::error);
  const unique_fd garbage(connect_to(it.door.where(), steady_clock::now() + 10s));
  const std::string bytes(4096, 'x');
  ::send(garbage.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  CHECK(is_closed(garbage.get()));
  const unique_fd silent(connect_to(it.door.where(), steady_clock::now() + 10s));
  CHECK(is_closed(silent.get()));
  CHECK(it.door.turned_away() == 3);
  const auto caller = connect_tls_session(tls_context(executor_credentials(own.where.path())), it.door.where(), steady_clock::now() + 10s);
  CHECK(it.wait_for(1));
}

TEST_CASE("more half-open connections than are allowed push the oldest out") {
  const keys_of own;
  door_of it(driver_credentials(own.where.path()), {8, 60s});
  std::vector<unique_fd> flood;
  for (int i = 0; i < 100; ++i)
    flood.emplace_back(connect_to(it.door.where(), steady_clock::now() + 10s));
  const auto caller = connect_tls_session(tls_context(executor_credentials(own.where.path())), it.door.where(), steady_clock::now() + 10s);
  CHECK(it.wait_for(1));
  CHECK(it.door.turned_away() >= 100 - 8);
  CHECK(is_closed(flood.front().get()));
}

TEST_CASE("a first record may come in pieces, and one that is none is turned away at once") {
  const keys_of own;
  door_of it(driver_credentials(own.where.path()), {64, 60s});
  const unique_fd slow(connect_to(it.door.where(), steady_clock::now() + 10s));
  const auto send = [](const unique_fd& socket, std::string_view bytes) {
    REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  };
  send(slow, {"\x16\x03", 2});
  for (const std::string_view wrong : {std::string_view("\x17\x03\x01\x00\x10", 5), std::string_view("\x16\x02\x01\x00\x10", 5),
                                       std::string_view("\x16\x03\x01\x00\x00", 5), std::string_view("\x16\x03\x01\xff\xff", 5)}) {
    const unique_fd bad(connect_to(it.door.where(), steady_clock::now() + 10s));
    send(bad, wrong);
    CHECK(is_closed(bad.get()));
  }
  CHECK(it.door.turned_away() == 4);
  const unique_fd gone(connect_to(it.door.where(), steady_clock::now() + 10s));
  send(gone, {"\x16\x03\x01\x01\x00half", 9});
  ::shutdown(gone.get(), SHUT_WR);
  CHECK(is_closed(gone.get()));
  CHECK(it.door.turned_away() == 5);
  // Whole at last, and then it is no handshake.
  send(slow, {"\x01\x00\x04", 3});
  send(slow, {"\xff\xff\xff\xff", 4});
  CHECK(is_closed(slow.get()));
  CHECK(it.door.turned_away() == 6);
}

TEST_CASE("some shake hands at a time, and who waits for a turn gets it from the one that had it longest") {
  const keys_of own;
  door_of it(driver_credentials(own.where.path()), {64, 60s, 3, 50ms});
  const tls_context context(executor_credentials(own.where.path()));
  // They send their first record and say nothing more.
  const auto hello = first_record(context);
  std::vector<unique_fd> stuck;
  for (int i = 0; i < 10; ++i) {
    stuck.emplace_back(connect_to(it.door.where(), steady_clock::now() + 10s));
    REQUIRE(::send(stuck.back().get(), hello.data(), hello.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(hello.size()));
  }
  for (std::size_t i = 0; i < 7; ++i) { // all but the last three have had their turn
    CAPTURE(i);
    pollfd look{stuck[i].get(), POLLRDHUP, 0};
    REQUIRE(::poll(&look, 1, 10000) == 1);
  }
  CHECK(it.door.turned_away() == 7);
  std::vector<std::unique_ptr<tls_session>> welcome;
  for (int i = 0; i < 20; ++i)
    welcome.push_back(connect_tls_session(context, it.door.where(), steady_clock::now() + 10s));
  CHECK(it.wait_for(20));
}

TEST_CASE("a client of a cluster cannot stand for a master, and a key that others can read is refused") {
  const scratch where;
  const auto cluster = where.path() / "keys";
  make_cluster_credentials(cluster);
  door_of impostor(client_credentials(cluster));
  CHECK_THROWS_WITH_AS(connect_tls_session(tls_context(client_credentials(cluster)), impostor.door.where(), steady_clock::now() + 10s),
                       doctest::Contains("unsuitable certificate purpose"), salamander::error);
  door_of master(node_credentials(cluster));
  CHECK(connect_tls_session(tls_context(client_credentials(cluster)), master.door.where(), steady_clock::now() + 10s));

  CHECK(check_node_proof(cluster, "worker-a-1", node_proof(cluster / "node", "worker-a-1")));
  CHECK_FALSE(check_node_proof(cluster, "worker-a-2", node_proof(cluster, "worker-a-1")));
  CHECK_FALSE(check_node_proof(cluster, "worker-a-1", ""));
  CHECK_THROWS_WITH_AS(node_credentials(cluster / "client"), doctest::Contains("salamander keygen"), salamander::error);
  CHECK_THROWS_AS(make_cluster_credentials(cluster), salamander::error); // never over those that are there
  add_client_credentials(cluster, "alice");
  CHECK(connect_tls_session(tls_context(client_credentials(cluster / "alice")), master.door.where(), steady_clock::now() + 10s));
  CHECK_THROWS_AS(add_client_credentials(cluster, "../x"), salamander::error);

  std::filesystem::permissions(cluster / "node" / "node.key", std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  CHECK_THROWS_WITH_AS(tls_context(node_credentials(cluster)), doctest::Contains("chmod 600"), salamander::error);
  std::filesystem::permissions(cluster / "node" / "cluster.secret", std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  CHECK_THROWS_WITH_AS(node_proof(cluster, "worker-a-1"), doctest::Contains("chmod 600"), salamander::error);
}

TEST_CASE("files of credentials that are missing or damaged are told by their paths") {
  const keys_of damaged;
  const auto keys = driver_credentials(damaged.where.path());
  std::ofstream(keys.certificate) << "garbage";
  CHECK_THROWS_WITH_AS(tls_context{keys}, doctest::Contains(("the certificate " + keys.certificate.string() + " is damaged").c_str()),
                       salamander::error);
  std::filesystem::remove(keys.authority);
  CHECK_THROWS_WITH_AS(tls_context{keys}, ("cannot read " + keys.authority.string() + ": No such file or directory").c_str(),
                       salamander::error);

  const keys_of unreadable; // for everybody, also for root
  const auto loop = unreadable.where.path() / "client";
  std::filesystem::create_symlink(loop, loop);
  CHECK_THROWS_WITH_AS(client_credentials(loop), doctest::Contains(("cannot read " + loop.string() + ": ").c_str()), salamander::error);
}

TEST_CASE("addresses are read, and wrong ones say what is wrong") {
  CHECK(parse_address("host:7077") == address{"host", 7077});
  CHECK(parse_address("[::1]:80").host == "::1");
  CHECK(parse_address("[::1]:80").text() == "[::1]:80");
  for (const auto* bad : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "::1:80", "a]:1"})
    CHECK_THROWS_WITH_AS(parse_address(bad), doctest::Contains("is not host:port"), salamander::error);
  CHECK(is_loopback("127.0.0.1"));
  CHECK(is_loopback("127.8.0.1"));
  CHECK(is_loopback("::1"));
  CHECK_FALSE(is_loopback("10.0.0.1"));
  CHECK(local_address_toward({"127.0.0.1", 9}) == "127.0.0.1");
  CHECK_THROWS_WITH_AS(resolve({"no such host", 1}), doctest::Contains("has no address"), salamander::error);
}
