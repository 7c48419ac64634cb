#include <salamander/rdd/narrow.hpp>

#include <salamander/rdd/words.hpp>

#include "../../support/task_fixture.hpp"

#include <random>

namespace {

using namespace fake;

template <class T, class F>
auto mapped(std::uint32_t id, const std::shared_ptr<const driver_data_node<T>>& parent, F f) {
  return std::make_shared<map_node<T, F>>(header(id, "map", parent->partitions, {narrow(parent)}), f);
}
template <class T, class P, class F>
auto filtered(std::uint32_t id, const std::shared_ptr<P>& parent, F f) {
  return std::make_shared<filter_node<T, F>>(header(id, "filter", parent->partitions, {narrow(parent)}), f);
}
template <class T, class F>
auto flattened(std::uint32_t id, const std::shared_ptr<const driver_data_node<T>>& parent, F f) {
  return std::make_shared<flat_map_node<T, F>>(header(id, "flat_map", parent->partitions, {narrow(parent)}), f);
}

constexpr std::size_t batch_limits[] = {0, 1, 2, 7, 100, 1000000};

std::vector<int> numbers_to(int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i)
    all.push_back(i);
  return all;
}

std::vector<std::string> texts_to(int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i)
    all.push_back(i % 5 == 0 ? "" : std::to_string(i) + std::string(i % 30, 'x') + " tail");
  return all;
}

std::string failure_of(auto&& action) {
  try {
    action();
  } catch (const user_failure& failure) {
    return failure.what();
  }
  return {};
}

} // namespace

TEST_CASE("map, filter and flat_map yield the same in batches of any size and in either form of block") {
  services around;
  const auto numbers = numbers_to(5000);
  const auto texts = texts_to(5000);
  const auto ints = source<int>(around, 1, {numbers});
  const auto strings = source<std::string>(around, 2, {texts});

  const auto doubled = mapped(3, ints, [](int x) { return x * 2; });
  const auto sized = mapped(4, strings, [](const std::string& s) { return s + "!"; });
  const auto odd = filtered<int>(5, ints, [](int x) { return x % 2 == 1; });
  const auto filled = filtered<std::string>(6, strings, [](const std::string& s) { return !s.empty(); });
  const auto long_filled = filtered<std::string>(7, filled, [](std::string_view s) { return s.size() > 20; });
  const auto repeated = flattened(8, ints, [](int x) { return std::vector<int>(static_cast<std::size_t>(x % 4), x); });
  const auto split = flattened(9, strings, [](const std::string& s) { return words(s); });
  const auto huge = flattened(10, ints, [](int x) { return std::vector<int>(x == 77 ? 10000 : 0, x); });

  std::vector<int> doubled_want, odd_want, repeated_want;
  std::vector<std::string> sized_want, long_want, split_want;
  for (const auto x : numbers) {
    doubled_want.push_back(x * 2);
    if (x % 2 == 1)
      odd_want.push_back(x);
    repeated_want.insert(repeated_want.end(), static_cast<std::size_t>(x % 4), x);
  }
  for (const auto& s : texts) {
    sized_want.push_back(s + "!");
    if (s.size() > 20)
      long_want.push_back(s);
    for (const auto word : words(s))
      split_want.emplace_back(word);
  }
  for (const bool remote : {false, true})
    for (const auto limit : batch_limits) {
      CAPTURE(remote);
      CAPTURE(limit);
      around.remote = remote;
      task run(around, limit);
      CHECK((records_of(*doubled, run.context) == doubled_want));
      CHECK((records_of(*sized, run.context) == sized_want));
      CHECK((records_of(*odd, run.context) == odd_want));
      CHECK((records_of(*long_filled, run.context) == long_want));
      CHECK((records_of(*repeated, run.context) == repeated_want));
      CHECK((records_of(*split, run.context) == split_want));
      CHECK(records_of(*huge, run.context) == std::vector<int>(10000, 77));
    }
}

TEST_CASE("functions that take records by value leave shared blocks as they are") {
  services around;
  const auto strings = source<std::string>(around, 1, {{"a long text that would be moved away if it could be", "b"}});
  const auto upper = mapped(2, strings, [](std::string s) { return s += '!'; });
  for (int round = 0; round < 2; ++round) {
    task run(around);
    CHECK(records_of(*upper, run.context).at(0) == "a long text that would be moved away if it could be!");
  }
}

TEST_CASE("empty partitions and empty ranges yield nothing, again and again") {
  services around;
  const auto none = source<int>(around, 1, {{}});
  const auto some = source<int>(around, 2, {{1, 2, 3}});
  const auto empty = flattened(3, some, [](int) { return std::vector<int>(); });
  const auto dropped = filtered<int>(4, some, [](int) { return false; });
  task run(around);
  CHECK(records_of(*mapped(5, none, [](int x) { return x; }), run.context).empty());
  const auto stays_at_end = [&](const typed_node<int>& dataset) {
    const auto input = dataset.read(0, run.context);
    batch<int> in;
    return !input->next(in) && !input->next(in);
  };
  CHECK(stays_at_end(*empty));
  CHECK(stays_at_end(*dropped));
}

TEST_CASE("a function that wants an owned string gets one, and its views into it live as long as the batch") {
  services around;
  const auto texts = texts_to(3000);
  const auto views = source<std::string_view>(around, 1, {std::vector<std::string_view>(texts.begin(), texts.end())});
  const auto tails = mapped(2, views, [](const std::string& s) { return std::string_view(s).substr(s.empty() ? 0 : 1); });
  std::vector<std::string> want;
  for (const auto& s : texts)
    want.push_back(s.substr(s.empty() ? 0 : 1));
  for (const auto limit : batch_limits) {
    task run(around, limit);
    CHECK((records_of(*tails, run.context) == want));
  }
}

TEST_CASE("what a function throws is told with dataset, place, partition and record") {
  services around;
  const auto numbers = source<int>(around, 1, {{}, {}, numbers_to(3000)});
  const auto fails = [](int x) {
    if (x == 2500)
      throw std::invalid_argument("bad number");
    return true;
  };
  const auto read = [&](const auto& dataset, std::size_t limit) {
    task run(around, limit, 2);
    return failure_of([&] { records_of(*dataset, run.context); });
  };
  const std::string place = " at program.cpp:12, partition 2, record 2500: std::invalid_argument: bad number";
  for (const auto limit : {std::size_t{0}, std::size_t{1}}) {
    CHECK(read(mapped(2, numbers, fails), limit) == "map" + place);
    CHECK(read(filtered<int>(2, numbers, fails), limit) == "filter" + place);
    CHECK(read(flattened(2, numbers,
                         [fails](int x) {
                           fails(x);
                           return std::vector<int>{x};
                         }),
               limit) == "flat_map" + place);
    CHECK(read(mapped(2, numbers,
                      [](int x) {
                        if (x == 3)
                          throw 42;
                        return x;
                      }),
               limit) == "map at program.cpp:12, partition 2, record 3: an exception of type int");
  }
}

TEST_CASE("library errors, cancellation and fetch failures are passed on as they are") {
  services around;
  const auto numbers = source<int>(around, 1, {{1}});
  task run(around);
  const auto code = code_of([&] { records_of(*mapped(2, numbers, [](int) -> int { throw_error(errc::io_error, "x"); }), run.context); });
  CHECK(code == errc::io_error);
  CHECK_THROWS_AS(records_of(*mapped(2, numbers, [](int) -> int { throw task_cancelled(); }), run.context), task_cancelled);
  CHECK_THROWS_AS(records_of(*mapped(2, numbers, [](int) -> int { throw fetch_failure(shuffle_id{1}, 2, 3, "lost"); }), run.context),
                  fetch_failure);
}

TEST_CASE("the position in shared memory names the dataset and, in careful mode, the record") {
  services around;
  const auto numbers = source<int>(around, 1, {numbers_to(10)});
  const auto last = mapped(2, numbers, [](int x) { return x; });
  task run(around, 1);
  const auto input = last->read(0, run.context);
  batch<int> in;
  for (std::uint64_t record = 0; input->next(in); ++record) {
    CHECK(in.size == 1);
    CHECK(run.position.dataset.load() == 2);
    CHECK(run.position.record.load() == record);
  }
}

namespace {
std::uint64_t seen = 0;
core::task_context* running = nullptr;

bool count_and_cancel(int) {
  if (++seen == 3000)
    running->cancel();
  return false;
}
} // namespace

TEST_CASE("cancellation is noticed within a batch, also by a filter that keeps nothing and a flat_map that yields nothing") {
  services around;
  const auto numbers = source<int>(around, 1, {numbers_to(100000)});
  const auto stops = [&](const auto& dataset) {
    task run(around);
    running = &run.context;
    seen = 0;
    CHECK_THROWS_AS(records_of(*dataset, run.context), task_cancelled);
    CHECK(seen >= 3000);
    CHECK(seen <= 3000 + 2 * batch_capacity<int>);
  };
  stops(filtered<int>(2, numbers, [](int x) { return count_and_cancel(x); }));
  stops(mapped(2, numbers, [](int x) { return count_and_cancel(x); }));
  stops(flattened(2, numbers, [](int x) {
    count_and_cancel(x);
    return std::vector<int>();
  }));
}

TEST_CASE("cancellation is noticed while one record yields many") {
  services around;
  const auto one = source<int>(around, 1, {{1}});
  const auto many = flattened(2, one, [](int x) { return std::vector<int>(100000, x); });
  task run(around);
  const auto input = many->read(0, run.context);
  batch<int> in;
  REQUIRE(input->next(in));
  run.context.cancel();
  CHECK_THROWS_AS(input->next(in), task_cancelled);
}

TEST_CASE("map_partitions sees each record once in batches of any size, and views it keeps stay valid") {
  services around;
  const auto texts = texts_to(4000);
  const auto views = source<std::string_view>(around, 1, {std::vector<std::string_view>(texts.begin(), texts.end())});
  const auto join_pairs = [](record_range<std::string_view> records) {
    std::vector<std::string> all;
    for (const auto record : records)
      all.emplace_back(record);
    return all;
  };
  const auto parts = std::make_shared<map_partitions_node<std::string_view, decltype(join_pairs)>>(
      header(2, "map_partitions", 1, {narrow(views)}), join_pairs);
  const auto glommed = std::make_shared<glom_node<std::string_view>>(header(3, "glom", 1, {narrow(views)}));
  for (const auto limit : batch_limits) {
    task run(around, limit);
    CHECK((records_of(*parts, run.context) == texts));
    CHECK((records_of(*glommed, run.context) == std::vector<std::vector<std::string>>{texts}));
  }
}

TEST_CASE("words are runs of anything but white space") {
  const auto of = [](std::string_view text) {
    std::vector<std::string_view> all;
    for (const auto word : words(text))
      all.push_back(word);
    return all;
  };
  using list = std::vector<std::string_view>;
  CHECK(of("") == list{});
  CHECK(of(" \t\r\n\v\f ") == list{});
  CHECK(of("one") == list{"one"});
  CHECK(of(" one  two\tthree\n") == list{"one", "two", "three"});
  CHECK(of("gr\xc3\xbc\xc3\x9f dich\xc2\xa0you") == list{"gr\xc3\xbc\xc3\x9f", "dich\xc2\xa0you"});
  CHECK(of(std::string_view("a\0b c", 5)) == list{std::string_view("a\0b", 3), "c"});
}
