#include "stream_fixture.hpp"

#include "proxy/byte_proxy.hpp"

#include <algorithm>
#include <bit>

namespace {

using namespace chaos;
using namespace chaos_test;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// A caller and a listener with the proxy in between.
class line_fixture {
public:
  line_fixture() {
    proxy.listen_unix("line", where / "front", where / "back");
  }
  std::pair<plain_socket, plain_socket> connect() {
    auto caller = unix_listener::call(where / "front");
    auto listener = behind.accept();
    return {std::move(caller), std::move(listener)};
  }
  void afflict(line_fault fault, std::optional<std::size_t> which = std::nullopt) {
    proxy.afflict("line", which, fault);
  }

  scratch where;
  unix_listener behind{where / "back"};
  byte_proxy proxy;
};

line_fault make(line_mode mode, direction to = direction::both, std::uint64_t bytes = 1, std::chrono::milliseconds pause = 0ms) {
  line_fault made;
  made.mode = mode;
  made.where = to;
  made.bytes = bytes;
  made.pause = pause;
  made.seed = 17;
  return made;
}

int different_bits(const std::string& a, const std::string& b) {
  int count = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    count += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
  return count;
}

} // namespace

TEST_CASE("bytes pass in both directions, and so does the end of each") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  const std::string much(300000, 'x');
  caller.say("hello");
  CHECK(listener.hear(5) == "hello");
  listener.say(much.substr(0, 100000));
  CHECK(caller.hear(100000) == much.substr(0, 100000));
  ::shutdown(caller.fd(), SHUT_WR);
  CHECK(listener.hear(1) == "<end>");
  listener.say("still there");
  CHECK(caller.hear(11) == "still there");
  listener.close();
  CHECK(caller.hear(1) == "<end>");
  CHECK(line.proxy.counts().bytes == 100016);
  CHECK(line.proxy.counts().accepted == 1);
}

TEST_CASE("a TCP line leads to the port that is found when somebody calls") {
  const tcp_listener behind;
  byte_proxy proxy;
  int asked = 0;
  const auto port = proxy.listen_tcp("control", [&]() -> std::uint16_t { return ++asked < 3 ? std::uint16_t{0} : behind.port(); });
  const auto caller = tcp_listener::call(port);
  const auto listener = behind.accept();
  caller.say("hello");
  CHECK(listener.hear(5) == "hello");
  CHECK(proxy.connections("control") == 1);
  CHECK(asked == 3);
}

TEST_CASE("a caller whose target is not there is sent away") {
  const scratch where;
  byte_proxy proxy;
  proxy.listen_unix("line", where / "front", where / "nobody");
  const auto caller = unix_listener::call(where / "front");
  CHECK(caller.hear(1) == "<end>");
  CHECK(proxy.counts().refused == 1);
}

TEST_CASE("a line that is cut keeps what was said until it is healed") {
  line_fixture line;
  auto [cut_caller, cut_listener] = line.connect();
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::hold), 0);
  cut_caller.say("one");
  cut_listener.say("two");
  caller.say("there");
  CHECK(listener.hear(5) == "there");
  listener.say("and back");
  CHECK(caller.hear(8) == "and back");
  CHECK_FALSE(cut_listener.something_to_hear(20));
  CHECK_FALSE(cut_caller.something_to_hear(20));
  line.proxy.heal();
  CHECK(cut_listener.hear(3) == "one");
  CHECK(cut_caller.hear(3) == "two");
  CHECK(line.proxy.counts().held == 2);
}

TEST_CASE("a cut hides the end of a process") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::hold));
  caller.close();
  CHECK_FALSE(listener.something_to_hear(20));
  line.proxy.heal();
  CHECK(listener.hear(1) == "<end>");
}

TEST_CASE("a line that is cut one way works the other way") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::hold, direction::forth));
  caller.say("lost");
  listener.say("heard");
  CHECK(caller.hear(5) == "heard");
  CHECK_FALSE(listener.something_to_hear(20));
  line.afflict(make(line_mode::hold, direction::back));
  CHECK(listener.hear(4) == "lost");
  listener.say("more");
  CHECK_FALSE(caller.something_to_hear(20));
}

TEST_CASE("a fault of a whole line meets the connections to come, and healing ends that") {
  line_fixture line;
  line.afflict(make(line_mode::hold));
  {
    auto [caller, listener] = line.connect();
    caller.say("x");
    CHECK_FALSE(listener.something_to_hear(20));
  }
  line.proxy.heal();
  auto [caller, listener] = line.connect();
  caller.say("x");
  CHECK(listener.hear(1) == "x");
}

TEST_CASE("a delay delays, and changes nothing") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::delay, direction::forth, 1, 60ms));
  const auto begin = clock::now();
  caller.say("slow");
  CHECK(listener.hear(4) == "slow");
  CHECK(clock::now() - begin >= 60ms);
  CHECK(line.proxy.counts().delayed == 1);
}

TEST_CASE("a trickle lets a few bytes through at a time") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::trickle, direction::both, 2, 10ms));
  const auto begin = clock::now();
  caller.say("0123456789");
  CHECK(listener.hear(10) == "0123456789");
  CHECK(clock::now() - begin >= 40ms);
  CHECK(line.proxy.counts().trickled >= 4);
}

TEST_CASE("flipped bits are as many as are counted, and the same for the same seed") {
  const std::string sent(5000, 'a');
  std::string first;
  for (int round = 0; round < 2; ++round) {
    line_fixture line;
    auto [caller, listener] = line.connect();
    line.afflict(make(line_mode::flip, direction::forth, 300));
    caller.say(sent);
    const auto received = listener.hear(sent.size());
    CHECK(received.size() == sent.size());
    const auto flipped = different_bits(sent, received);
    CHECK(flipped > 0);
    CHECK(flipped < 100);
    CHECK(line.proxy.counts().flipped_bits == static_cast<std::uint64_t>(flipped));
    listener.say("whole");
    CHECK(caller.hear(5) == "whole");
    if (round == 0)
      first = received;
    else
      CHECK(received == first);
  }
}

TEST_CASE("a truncated connection ends in the middle, on both sides") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  line.afflict(make(line_mode::truncate, direction::forth, 7));
  caller.say("0123456789");
  CHECK(listener.hear(10) == "0123456<end>");
  const auto end = caller.hear(1);
  CHECK((end == "<end>" || end == "<reset>"));
  CHECK(line.proxy.counts().truncations == 1);
  CHECK(line.proxy.connections("line") == 0);
}

TEST_CASE("a reset is an error on both sides, and for one connection only") {
  const tcp_listener behind;
  byte_proxy proxy;
  const auto port = proxy.listen_tcp("control", [&] { return behind.port(); });
  const auto caller = tcp_listener::call(port);
  const auto listener = behind.accept();
  const auto other_caller = tcp_listener::call(port);
  const auto other_listener = behind.accept();
  proxy.reset("control", 0);
  CHECK(caller.hear(1) == "<reset>");
  CHECK(listener.hear(1) == "<reset>");
  other_caller.say("fine");
  CHECK(other_listener.hear(4) == "fine");
  CHECK(proxy.connections("control") == 1);
  CHECK(proxy.counts().resets == 1);
}

TEST_CASE("a line that is closed ends its connections and its name") {
  line_fixture line;
  auto [caller, listener] = line.connect();
  CHECK(line.proxy.listens("line"));
  line.proxy.close("line");
  CHECK_FALSE(line.proxy.listens("line"));
  CHECK(caller.hear(1) == "<end>");
  CHECK(listener.hear(1) == "<end>");
  CHECK_FALSE(std::filesystem::exists(line.where / "front"));
  CHECK(std::filesystem::exists(line.where / "back"));
}
