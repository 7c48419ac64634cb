#include <salamander/rdd/text_output.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/group.hpp>
#include <salamander/rdd/to_text.hpp>

#include <doctest/doctest.h>

#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>

namespace {

using namespace salamander;
using namespace salamander::core;
namespace fs = std::filesystem;

class scratch {
public:
  scratch() {
    auto pattern = (fs::temp_directory_path() / "salamander-test-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~scratch() {
    fs::remove_all(path_);
  }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }
  const std::string& path() const {
    return path_;
  }

private:
  std::string path_;
};

/// A file system of its own over a directory, for as long as this lives.
class small_disk {
public:
  small_disk(const std::string& path, const char* options)
      : path_(path), mounted_(::mount("tmpfs", path.c_str(), "tmpfs", 0, options) == 0) {}
  ~small_disk() {
    if (mounted_)
      ::umount2(path_.c_str(), MNT_DETACH);
  }
  explicit operator bool() const {
    return mounted_;
  }

private:
  std::string path_;
  bool mounted_;
};

const call_site site{"program.cpp", 5};

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Action>
errc code_of(Action&& action, std::string* text = nullptr) {
  try {
    action();
  } catch (const error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return errc::count_;
}

written_part write_part(const text_output& output, std::uint32_t partition, std::uint64_t attempt, const std::vector<std::string>& lines) {
  text_part_writer part(output.attempt_directory(), partition, attempt);
  for (const auto& line : lines)
    part.write_line(line);
  return part.close();
}

template <class T>
std::string text_of(const T& value) {
  std::string text;
  append_text(text, value);
  return text;
}

struct point {
  int x = 0;
  double y = 0;
};
struct halves {
  int first = 0;
  int second = 0;
  int third = 0;
};
struct spoken {
  std::string to_text() const {
    return "spoken";
  }
};
enum class colour : std::int8_t { red = -1, green };

} // namespace

TEST_CASE("committed output has its parts, _SUCCESS and nothing else") {
  const scratch around;
  const auto path = around / "deep/out";
  {
    text_output output(path, site);
    const auto lost = write_part(output, 0, 1, {"lost"});
    const auto first = write_part(output, 0, 2, {"one", "", "three"});
    const auto second = write_part(output, 12, 3, {});
    CHECK(first.records == 3);
    CHECK(first.bytes == 11);
    CHECK(lost.file != first.file);
    CHECK_FALSE(fs::exists(path + "/_SUCCESS"));
    output.commit({first, second});
  }
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::directory_iterator(path))
    found[entry.path().filename()] = content_of(entry.path());
  CHECK(found == std::map<std::string, std::string>{{"part-00000", "one\n\nthree\n"}, {"part-00012", ""}, {"_SUCCESS", ""}});
}

TEST_CASE("output longer than the buffer arrives whole") {
  const scratch around;
  text_output output(around / "out", site);
  std::string want;
  std::vector<std::string> lines;
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    lines.emplace_back(random() % 1000, static_cast<char>('a' + i % 26));
    want += lines.back() + '\n';
  }
  lines.emplace_back(1000000, 'z');
  want += lines.back() + '\n';
  const auto part = write_part(output, 0, 1, lines);
  CHECK(part.bytes == want.size());
  output.commit({part});
  CHECK((content_of(around / "out/part-00000") == want));
}

TEST_CASE("output that is not committed leaves nothing") {
  const scratch around;
  {
    text_output output(around / "out", site);
    write_part(output, 0, 1, {"one"});
    CHECK(fs::exists(around / "out"));
  }
  CHECK_FALSE(fs::exists(around / "out"));
  {
    text_output output(around / "out", site);
    CHECK(code_of([&] { output.commit({{0, "part-00000-9", 0, 0}}); }) == errc::io_error);
  }
  CHECK_FALSE(fs::exists(around / "out"));
}

TEST_CASE("a part that is not closed leaves no file") {
  const scratch around;
  {
    text_part_writer part(around.path(), 3, 7);
    part.write_line("x");
    CHECK(fs::exists(around / "part-00003-7"));
    CHECK(code_of([&] { text_part_writer(around.path(), 3, 7); }) == errc::io_error);
  }
  CHECK_FALSE(fs::exists(around / "part-00003-7"));
}

TEST_CASE("output that is already there is refused and left alone") {
  const scratch around;
  std::ofstream(around / "out") << "mine";
  fs::create_symlink("nowhere", around / "link");
  std::string text;
  CHECK(code_of([&] { text_output(around / "out", site); }, &text) == errc::output_exists);
  CHECK(text.find("program.cpp:5") != std::string::npos);
  CHECK(text.find(around / "out") != std::string::npos);
  CHECK(code_of([&] { text_output(around / "link", site); }) == errc::output_exists);
  CHECK(code_of([&] { text_output("file://" + (around / "out"), site); }) == errc::output_exists);
  CHECK(code_of([&] { text_output("", site); }) == errc::invalid_argument);
  CHECK(code_of([&] { text_output(around / "out/under/a/file", site); }) == errc::io_error);
  CHECK(content_of(around / "out") == "mine");
}

TEST_CASE("a full disk is an io_error with the path, and nothing is left on it") {
  const scratch around;
  const small_disk disk(around.path(), "size=64k");
  if (!disk) {
    MESSAGE("skipped: no right to mount");
    return;
  }
  {
    text_output output(around / "out", site);
    std::string text;
    const std::vector<std::string> lines(1000, std::string(1000, 'x'));
    CHECK(code_of([&] { write_part(output, 0, 1, lines); }, &text) == errc::io_error);
    CHECK(text.find(around / "out/_temporary/part-00000-1") != std::string::npos);
    CHECK(text.find("No space left") != std::string::npos);
    CHECK(fs::is_empty(output.attempt_directory()));
    // Too little for the buffer to spill: only closing finds out.
    CHECK(code_of([&] { write_part(output, 1, 2, {lines.begin(), lines.begin() + 100}); }) == errc::io_error);
  }
  CHECK(fs::is_empty(around.path()));
}

TEST_CASE("a directory that cannot be made whole is not left half made") {
  const scratch around;
  const small_disk disk(around.path(), "size=64k,nr_inodes=2"); // the root and one more
  if (!disk) {
    MESSAGE("skipped: no right to mount");
    return;
  }
  CHECK(code_of([&] { text_output(around / "out", site); }) == errc::io_error);
  CHECK(fs::is_empty(around.path()));
}

TEST_CASE("records have the text that Spark gives them") {
  CHECK(text_of(std::string("as is")) == "as is");
  CHECK(text_of('c') == "c");
  CHECK(text_of(true) == "true");
  CHECK(text_of(std::int8_t{-5}) == "-5");
  CHECK(text_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(text_of(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(text_of(colour::red) == "-1");
  CHECK(text_of(std::pair(1, std::string("a"))) == "(1,a)");
  CHECK(text_of(std::tuple(1, 2.5, std::string("x"))) == "(1,2.5,x)");
  CHECK(text_of(std::tuple<>{}) == "()");
  CHECK(text_of(std::vector<int>{}) == "[]");
  CHECK(text_of(std::vector<bool>{true, false}) == "[true, false]");
  CHECK(text_of(std::vector<std::pair<int, int>>{{1, 2}, {3, 4}}) == "[(1,2), (3,4)]");
  CHECK(text_of(std::array<int, 2>{1, 2}) == "[1, 2]");
  CHECK(text_of(group<int>(std::vector<int>{1, 2})) == "[1, 2]");
  CHECK(text_of(std::map<int, std::string>{{1, "a"}}) == "[(1,a)]");
  CHECK(text_of(std::optional<int>{}) == "None");
  CHECK(text_of(std::optional<int>{3}) == "Some(3)");
  CHECK(text_of(point{1, 2}) == "(1,2.0)");
  CHECK(text_of(halves{1, 2, 3}) == "(1,2,3)");
  CHECK(text_of(spoken{}) == "spoken");
}

TEST_CASE("the text of a number reads back as the same number") {
  CHECK(text_of(1.0) == "1.0");
  CHECK(text_of(-0.0) == "-0.0");
  CHECK(text_of(0.1) == "0.1");
  CHECK(text_of(0.1F) == "0.1");
  CHECK(text_of(std::numeric_limits<double>::infinity()) == "inf");
  CHECK(text_of(std::numeric_limits<double>::quiet_NaN()) == "nan");
  std::mt19937_64 random(11);
  for (int i = 0; i < 20000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (value == value)
      CHECK(std::strtod(text_of(value).c_str(), nullptr) == value);
  }
}
