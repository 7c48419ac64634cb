#include "../../support/scratch.hpp"

#include <salamander/rdd/part_writer.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/group.hpp>
#include <salamander/rdd/to_text.hpp>

#include <doctest/doctest.h>

#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <thread>

namespace {

using namespace salamander;
using namespace salamander::core;
namespace fs = std::filesystem;
using test_support::scratch;

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

written_part write_part(const output_directory& output, std::uint32_t partition, std::uint64_t attempt,
                        const std::vector<std::string>& lines) {
  part_writer part(output.attempts(), partition, attempt);
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
    output_directory output(path, "save_as_text_file", site);
    const auto lost = write_part(output, 0, 1, {"lost"});
    const auto first = write_part(output, 0, 2, {"one", "", "three"});
    const auto second = write_part(output, 12, 3, {});
    CHECK(first.records == 3);
    CHECK(first.bytes == 11);
    CHECK(lost.staged != first.staged);
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
  output_directory output(around / "out", "save_as_text_file", site);
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
    output_directory output(around / "out", "save_as_text_file", site);
    write_part(output, 0, 1, {"one"});
    CHECK(fs::exists(around / "out"));
  }
  CHECK_FALSE(fs::exists(around / "out"));
  {
    output_directory output(around / "out", "save_as_text_file", site);
    CHECK(code_of([&] { output.commit({{0, "part-00000-9", 0, 0}}); }) == errc::io_error);
  }
  CHECK_FALSE(fs::exists(around / "out"));
}

TEST_CASE("output goes although attempts that nobody waits for still write") {
  const scratch where;
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    const auto path = where / ("out" + std::to_string(round));
    std::optional<output_directory> output(std::in_place, path, "save_as_text_file", site);
    std::atomic<bool> writes = false;
    std::atomic<bool> enough = false;
    std::thread straggler([&, directory = output->attempts()] {
      try {
        for (std::uint64_t attempt = 0; !enough; ++attempt, writes = true)
          part_writer(directory, static_cast<std::uint32_t>(attempt % 50), attempt).write_line("x");
      } catch (const error&) {
        // the directory is gone
      }
    });
    while (!writes)
      std::this_thread::yield();
    if (round % 2 == 0)
      output->commit({});
    output.reset();
    enough = true;
    straggler.join();
    CHECK(fs::exists(path) == (round % 2 == 0));
    CHECK_FALSE(fs::exists(path + "/_temporary"));
    CHECK_FALSE(fs::exists(path + "/_discarded"));
  }
}

TEST_CASE("a part that is not closed leaves no file") {
  const scratch around;
  {
    part_writer part(around.path(), 3, 7);
    part.write_line("x");
    CHECK(fs::exists(around / "part-00003-7"));
    CHECK(code_of([&] { part_writer(around.path(), 3, 7); }) == errc::io_error);
  }
  CHECK_FALSE(fs::exists(around / "part-00003-7"));
}

TEST_CASE("output that is already there is refused and left alone") {
  const scratch around;
  std::ofstream(around / "out") << "mine";
  fs::create_symlink("nowhere", around / "link");
  std::string text;
  CHECK(code_of([&] { output_directory(around / "out", "save_as_text_file", site); }, &text) == errc::output_exists);
  CHECK(text.find("program.cpp:5") != std::string::npos);
  CHECK(text.find(around / "out") != std::string::npos);
  CHECK(code_of([&] { output_directory(around / "link", "save_as_text_file", site); }) == errc::output_exists);
  CHECK(code_of([&] { output_directory("file://" + (around / "out"), "save_as_text_file", site); }) == errc::output_exists);
  CHECK(code_of([&] { output_directory("", "save_as_text_file", site); }) == errc::invalid_argument);
  CHECK(code_of([&] { output_directory(around / "out/under/a/file", "save_as_text_file", site); }) == errc::io_error);
  CHECK(content_of(around / "out") == "mine");
}

TEST_CASE("a full disk is an error with the path, what was wanted and what is free, and nothing is left on it") {
  const scratch around;
  const small_disk disk(around.path(), "size=64k");
  if (!disk) {
    MESSAGE("skipped: no right to mount");
    return;
  }
  {
    output_directory output(around / "out", "save_as_text_file", site);
    std::string text;
    const std::vector<std::string> lines(1000, std::string(1000, 'x'));
    CHECK(code_of([&] { write_part(output, 0, 1, lines); }, &text) == errc::out_of_disk);
    CAPTURE(text);
    CHECK(text.find(around / "out/_temporary/part-00000-1") != std::string::npos);
    CHECK(text.find("No space left") != std::string::npos);
    CHECK(text.find("more bytes were to be written") != std::string::npos);
    CHECK(text.find("of 65536 bytes are free in " + (around / "out/_temporary")) != std::string::npos);
    CHECK(text.find("use another file system") != std::string::npos);
    CHECK(retry_class_of(errc::out_of_disk) == retry_class::resource);
    CHECK(fs::is_empty(output.attempts()));
    // Too little for the buffer to spill: only closing finds out.
    CHECK(code_of([&] { write_part(output, 1, 2, {lines.begin(), lines.begin() + 100}); }) == errc::out_of_disk);
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
  std::string text;
  CHECK(code_of([&] { output_directory(around / "out", "save_as_text_file", site); }, &text) == errc::out_of_disk);
  CHECK(text.find("save_as_text_file at program.cpp:5: cannot create the directory") != std::string::npos);
  CHECK(fs::is_empty(around.path()));
}

namespace {

int fail_with(int code) {
  errno = code;
  return -1;
}

/// A disk of which one call fails, and what it was asked to sync.
struct failing_disk {
  static inline int synced = 0;
  static inline int calls_until_failure = 0;
  disk_calls calls = system_disk();

  failing_disk() {
    synced = 0;
    calls.sync = [](int) {
      ++synced;
      return 0;
    };
  }
  output_way way(bool sync = false) const {
    output_way made;
    made.sync = sync;
    made.disk = &calls;
    return made;
  }
};

} // namespace

TEST_CASE("each call that fails while a part is written is an error with the path and the system's text, and leaves no file") {
  const scratch around;
  failing_disk disk;
  std::string wanted;
  errc code = errc::io_error;
  SUBCASE("write") {
    disk.calls.write = [](int, const void*, std::size_t) -> ssize_t { return fail_with(EIO); };
    wanted = "cannot write the file";
  }
  SUBCASE("a later write, after one that was cut short") {
    failing_disk::calls_until_failure = 2;
    disk.calls.write = [](int file, const void* bytes, std::size_t size) -> ssize_t {
      return failing_disk::calls_until_failure-- == 0 ? fail_with(ENOSPC) : ::write(file, bytes, std::min<std::size_t>(size, 3));
    };
    code = errc::out_of_disk;
    wanted = "8 more bytes were to be written";
  }
  SUBCASE("quota") {
    disk.calls.write = [](int, const void*, std::size_t) -> ssize_t { return fail_with(EDQUOT); };
    code = errc::out_of_disk;
    wanted = "quota";
  }
  SUBCASE("sync") {
    disk.calls.sync = [](int) { return fail_with(EIO); };
    wanted = "cannot force to the disk the file";
  }
  SUBCASE("close") {
    disk.calls.close = [](int file) {
      ::close(file);
      return fail_with(ENOSPC);
    };
    code = errc::out_of_disk;
    wanted = "cannot finish the file";
  }
  std::string text;
  CHECK(code_of(
            [&] {
              part_writer part(around.path(), 3, 7, compression::none, disk.way(true));
              part.write_line("a line of it");
              part.write_line("");
              part.close();
            },
            &text) == code);
  CAPTURE(text);
  CHECK(text.find(wanted) != std::string::npos);
  CHECK(text.find(around / "part-00003-7") != std::string::npos);
  CHECK(fs::is_empty(around.path()));
}

TEST_CASE("an interrupted write goes on") {
  const scratch around;
  failing_disk disk;
  failing_disk::calls_until_failure = 1;
  disk.calls.write = [](int file, const void* bytes, std::size_t size) -> ssize_t {
    return failing_disk::calls_until_failure-- == 0 ? fail_with(EINTR) : ::write(file, bytes, std::min<std::size_t>(size, 5));
  };
  part_writer part(around.path(), 3, 7, compression::none, disk.way());
  part.write_line("a line of it");
  CHECK(part.close().bytes == 13);
  CHECK(content_of(around / "part-00003-7") == "a line of it\n");
  CHECK(failing_disk::synced == 0);
}

TEST_CASE("output that cannot get its final names leaves nothing, also when some parts had got theirs") {
  const scratch around;
  failing_disk disk;
  std::string wanted;
  SUBCASE("rename") {
    failing_disk::calls_until_failure = 1;
    disk.calls.rename = [](const char* from, const char* to) {
      return failing_disk::calls_until_failure-- == 0 ? fail_with(EIO) : std::rename(from, to);
    };
    wanted = "cannot give its final name to the file " + (around / "out/part-00001");
  }
  SUBCASE("the success mark") {
    disk.calls.close = [](int file) {
      ::close(file);
      return fail_with(EIO);
    };
    wanted = "cannot finish the file " + (around / "out/_SUCCESS");
  }
  SUBCASE("the directory") {
    disk.calls.sync = [](int) { return fail_with(EIO); };
    wanted = "cannot force to the disk the directory " + (around / "out");
  }
  std::string text;
  {
    output_directory output(around / "out", "save_as_text_file", site, compression::none, disk.way(true));
    const auto first = write_part(output, 0, 1, {"one"});
    const auto second = write_part(output, 1, 2, {"two"});
    CHECK(code_of([&] { output.commit({first, second}); }, &text) == errc::io_error);
  }
  CAPTURE(text);
  CHECK(text.find("save_as_text_file at program.cpp:5: " + wanted) != std::string::npos);
  CHECK(fs::is_empty(around.path()));
}

TEST_CASE("output is forced to the disk when that is asked for, parts before their names and the mark last") {
  const scratch around;
  failing_disk disk;
  output_directory output(around / "out", "save_as_text_file", site, compression::none, disk.way(true));
  part_writer part(output.attempts(), 0, 1, compression::none, disk.way(true));
  part.write_line("x");
  const auto written = part.close();
  CHECK(failing_disk::synced == 1);
  output.commit({written});
  CHECK(failing_disk::synced == 4); // the names, the mark, its name
  CHECK(content_of(around / "out/part-00000") == "x\n");
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
