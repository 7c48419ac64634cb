// Values that tasks share: sent once to each executor, gone when they are destroyed.
#include "fixture.hpp"

#include <msgpack.hpp>

#include <unistd.h>

#include <atomic>
#include <numeric>

namespace {

using table = std::map<std::string, int>;

struct model {
  std::string name;
  std::vector<double> weights;
};

/// How often this process has unpacked one.
struct counted {
  static inline std::atomic<int> made{0};
  std::vector<int> values;

  template <class Packer>
  void msgpack_pack(Packer& to) const {
    to.pack(values);
  }
  void msgpack_unpack(const msgpack::object& from) {
    ++made;
    from.convert(values);
  }
};

std::atomic<int> alive{0};

/// Counts itself out when it dies.
struct tracked {
  std::string name;
  std::shared_ptr<int> token = {};

  template <class Packer>
  void msgpack_pack(Packer& to) const {
    to.pack(name);
  }
  void msgpack_unpack(const msgpack::object& from) {
    from.convert(name);
  }
};

tracked living(std::string name) {
  ++alive;
  return {std::move(name), std::shared_ptr<int>(new int(0), [](const int* p) {
            delete p;
            --alive;
          })};
}

} // namespace

TEST_CASE_FIXTURE(api, "a broadcast value is captured by functions and read in every task") {
  const auto prices = sc.broadcast(table{{"tea", 3}, {"salt", 1}});
  static_assert(std::is_trivially_copyable_v<std::decay_t<decltype(prices)>>);
  const auto goods = sc.parallelize(std::vector<std::string>{"tea", "salt", "tea", "milk"}, 4);
  const auto known = [prices](const std::string& name) { return prices->contains(name) ? prices->at(name) : -1; };
  CHECK(goods.map(known).collect() == std::vector<int>{3, 1, 3, -1});
  CHECK(prices->at("tea") == 3);
  CHECK((*prices).size() == 2);
  // through a shuffle, in a bound function, and as any type that travels
  const auto net = sc.broadcast(model{"line", {2.0, 1.0}});
  const auto sums = goods.key_by([](const std::string& name) { return name.size(); })
                        .reduce_by_key([net](const std::string& a, const std::string& b) { return a + net->name + b; }, 3);
  CHECK(sums.lookup(3) == std::vector<std::string>{"tealinetea"});
  const auto bound = sal::bind_front([](const auto& factor, int x) { return x * *factor; }, sc.broadcast(7));
  CHECK(sc.parallelize({1, 2, 3}, 3).map(bound).collect() == std::vector<int>{7, 14, 21});
  const auto text = sc.broadcast("a literal");
  CHECK(sc.range(0, 2, 1, 2).map([text](std::int64_t) { return text->size(); }).collect() == std::vector<std::size_t>{9, 9});
  const auto nothing = sc.broadcast(std::vector<int>{});
  CHECK(sc.range(0, 2, 1, 2).map([nothing](std::int64_t) { return nothing->empty(); }).reduce(std::logical_and<>{}));
}

TEST_CASE_FIXTURE(api, "tasks see the value as it was when it was broadcast") {
  std::vector<int> numbers{1, 2, 3};
  const auto sent = sc.broadcast(numbers);
  const auto first = [sent](std::int64_t) { return sent->front(); };
  numbers[0] = 100;
  CHECK(sc.range(0, 4, 1, 4).map(first).collect() == std::vector<int>{1, 1, 1, 1});
  CHECK(sent->front() == 1);
}

TEST_CASE_FIXTURE(api, "a large value travels in pieces, and arrives whole") {
  std::vector<std::uint64_t> numbers(2'000'000);
  std::iota(numbers.begin(), numbers.end(), 0U);
  const auto sent = sc.broadcast(numbers);
  const auto sum = [sent](std::int64_t i) { return std::accumulate(sent->begin(), sent->end(), static_cast<std::uint64_t>(i)); };
  const std::uint64_t all = 1'999'999'000'000;
  CHECK(sc.range(0, 4, 1, 4).map(sum).collect() == std::vector<std::uint64_t>{all, all + 1, all + 2, all + 3});
}

TEST_CASE_FIXTURE(api, "tasks of one process share one copy, and unpersist makes it be fetched again") {
  const auto sent = sc.broadcast(counted{{4, 5, 6}});
  const auto in_processes = [&] {
    return sc.range(0, 40, 1, 40)
        .map([sent](std::int64_t) {
          const bool right = sent->values == std::vector<int>{4, 5, 6};
          return std::pair{static_cast<std::int64_t>(::getpid()), right ? counted::made.load() : -1};
        })
        .collect_as_map();
  };
  const bool elsewhere = sc.executors().size() > 1;
  for (const auto& [process, made] : in_processes())
    CHECK(made == (elsewhere ? 1 : 0));
  for (const auto& [process, made] : in_processes())
    CHECK(made == (elsewhere ? 1 : 0));
  sent.unpersist(true);
  for (const auto& [process, made] : in_processes())
    CHECK(made == (elsewhere ? 2 : 0));
}

TEST_CASE_FIXTURE(api, "a destroyed value is an error that says where it was made and destroyed") {
  const auto sent = sc.broadcast(std::vector<int>{1});
  const auto use = [sent](std::int64_t i) { return sent->front() + i; };
  CHECK(sc.range(0, 4, 1, 4).map(use).collect().size() == 4);
  sent.destroy();
  sent.destroy();
  const auto says = [](const std::string& text) {
    CAPTURE(text);
    CHECK(text.find("made at test_broadcast.cpp:") != std::string::npos);
    CHECK(text.find("destroyed at test_broadcast.cpp:") != std::string::npos);
  };
  std::string text;
  CHECK(code_of([&] { sc.range(0, 4, 1, 4).map(use).count(); }, &text) == sal::errc::destroyed);
  says(text);
  CHECK(text.find("failed 1 time") != std::string::npos);
  CHECK(code_of([&] { static_cast<void>(sent->size()); }, &text) == sal::errc::destroyed);
  says(text);
  CHECK(code_of([&] { sent.unpersist(); }) == sal::errc::destroyed);
  // one that no executor has ever fetched
  const auto unread = sc.broadcast(std::vector<int>{1});
  unread.destroy(true);
  CHECK(code_of([&] { sc.range(0, 2, 1, 2).map([unread](std::int64_t) { return unread->size(); }).count(); }, &text) ==
        sal::errc::destroyed);
  says(text);
  CHECK(sc.range(0, 4, 1, 4).count() == 4);
}

TEST_CASE_FIXTURE(api, "only the driver ends a broadcast value, and nobody uses one of a stopped context") {
  const auto sent = sc.broadcast(1);
  std::string text;
  CHECK(code_of([&] { sc.range(0, 2, 1, 1).foreach ([sent](std::int64_t) { sent.destroy(); }); }, &text) == sal::errc::nested_use);
  CHECK(text.find("destroy of a broadcast value at test_broadcast.cpp:") != std::string::npos);
  CHECK(*sent == 1);
  sc.stop();
  CHECK(code_of([&] { static_cast<void>(*sent); }) == sal::errc::context_stopped);
  CHECK(code_of([&] { sent.destroy(); }) == sal::errc::context_stopped);
  CHECK(code_of([&] { sc.broadcast(2); }) == sal::errc::context_stopped);
}

TEST_CASE_FIXTURE(api, "the values that a broadcast owns die with it, or with its context") {
  const auto first = sc.broadcast(living("first"));
  const auto second = sc.broadcast(living("second"));
  CHECK(sc.range(0, 2, 1, 2).map([first, second](std::int64_t) { return first->name.size() + second->name.size(); }).count() == 2);
  CHECK(alive == 2);
  first.destroy(true);
  CHECK(alive == 1);
  sc.stop();
  CHECK(alive == 0);
}
