// Datasets from and to stores of other machines, played by a server on loopback. What is said of local files holds here too.
#include "store_server.hpp"

#include <salamander/salamander.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace sal = salamander;

namespace {

struct served {
  store_server server;
  sal::context sc{sal::config{}.set_app_name("store tests")};
};

/// Every third request fails at first, every fourth answer is cut off at first.
struct served_badly {
  store_server server{{"--fail-every", "3", "--cut-every", "4"}};
  sal::context sc{sal::config{}.set_app_name("store tests")};
};

std::vector<std::string> lines_of(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back("line " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 40), '.'));
  return lines;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line + "\n";
  return text;
}

template <class F>
sal::errc code_of(F&& f, std::string* text = nullptr) {
  try {
    f();
  } catch (const sal::error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return sal::errc::internal;
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Writes, reads back, and finds nothing but the parts and the mark.
void check_round_trip(sal::context& sc, const std::string& url, const std::filesystem::path& there) {
  const auto data = sc.range(0, 3000, 1, 3).map([](std::int64_t x) { return "record " + std::to_string(x); });
  data.save_as_text_file(url + "/text");
  CHECK(names_in(there / "text") == std::vector<std::string>{"_SUCCESS", "part-00000", "part-00001", "part-00002"});
  CHECK(sc.text_file(url + "/text", 7).collect() == data.collect());
  data.save_as_text_file(url + "/packed", sal::compression::zstd);
  CHECK(sc.text_file(url + "/packed/part-*.zst").count() == 3000);
  data.save_as_object_file(url + "/objects");
  CHECK(sc.object_file<std::string>(url + "/objects", 5).collect() == data.collect());
  std::string text;
  CHECK(code_of([&] { data.save_as_text_file(url + "/text"); }, &text) == sal::errc::output_exists);
  CHECK(text.find("output directory " + url + "/text already exists") != std::string::npos);
  const auto failing = data.map([](const std::string& line) {
    if (line == "record 2500")
      throw std::runtime_error("on purpose");
    return line;
  });
  CHECK(code_of([&] { failing.save_as_text_file(url + "/failed"); }) == sal::errc::task_failed);
  CHECK_FALSE(std::filesystem::exists(there / "failed/part-00000"));
  CHECK_FALSE(std::filesystem::exists(there / "failed/_SUCCESS"));
  // More than a part of an upload, and more than a buffer of a data node.
  const auto large = sc.range(0, 20, 1, 1).map([](std::int64_t x) { return std::string(1'000'000, static_cast<char>('a' + x)); });
  large.save_as_text_file(url + "/large");
  CHECK(std::filesystem::file_size(there / "large/part-00000") == 20'000'020);
  CHECK(sc.text_file(url + "/large", 3).map([](std::string_view line) { return line[0]; }).collect() ==
        large.map([](const std::string& line) { return line[0]; }).collect());
}

} // namespace

TEST_CASE_FIXTURE(served, "files behind HTTP are read in ranges, by as many tasks as for a local file") {
  const auto lines = lines_of(20'000);
  server.put("plain/in.txt", text_of(lines));
  const auto text = sc.text_file(server.url() + "/plain/in.txt", 4);
  CHECK(text.num_partitions() >= 4);
  CHECK(text.collect() == lines);
  std::set<std::string> starts;
  for (const auto& line : server.requests())
    if (const auto at = line.find("bytes="); at != std::string::npos)
      starts.insert(line.substr(at, line.find('-', at) - at));
  CHECK(starts.size() >= 4);
  std::string what;
  CHECK(code_of([&] { sc.text_file(server.url() + "/plain/none"); }, &what) == sal::errc::input_not_found);
  CHECK(what.find("/plain/none") != std::string::npos);
  CHECK(code_of([&] { sc.parallelize({1}).save_as_text_file(server.url() + "/plain/out"); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { sc.text_file("http://me:hidden@127.0.0.1/x"); }, &what) == sal::errc::invalid_argument);
  CHECK(what.find("hidden") == std::string::npos);
  CHECK(code_of([&] { sc.text_file("gopher://host/x"); }) == sal::errc::invalid_argument);
}

TEST_CASE_FIXTURE(served, "a server without ranges has its files read whole, by one task") {
  const auto lines = lines_of(5000);
  server.put("whole/in.txt", text_of(lines));
  const auto text = sc.text_file(server.url() + "/whole/in.txt", 4);
  CHECK(text.num_partitions() == 1);
  CHECK(text.collect() == lines);
}

TEST_CASE_FIXTURE(served_badly, "busy servers and cut connections are tried again, and change no record") {
  const auto lines = lines_of(20'000);
  server.put("plain/in.txt", text_of(lines));
  server.put("whole/in.txt", text_of(lines));
  server.put("s3/bucket/in.txt", text_of(lines));
  server.put("hdfs/in.txt", text_of(lines));
  CHECK(sc.text_file(server.url() + "/plain/in.txt", 3).collect() == lines);
  CHECK(sc.text_file(server.url() + "/whole/in.txt", 3).collect() == lines);
  CHECK(sc.text_file("s3://bucket/in.txt", 3).collect() == lines);
  CHECK(sc.text_file(server.webhdfs() + "/in.txt", 3).collect() == lines);
  sc.text_file("s3://bucket/in.txt", 3).save_as_text_file("s3://bucket/out");
  CHECK(sc.text_file("s3://bucket/out").collect() == lines);
  const auto requests = server.requests();
  CHECK(std::count_if(requests.begin(), requests.end(), [](const auto& line) { return line.starts_with("503"); }) > 10);
}

TEST_CASE_FIXTURE(served, "S3 is listed, read and written with signed requests, and commits by completing uploads") {
  server.put("s3/bucket/in/a.txt", "1\n2\n");
  server.put("s3/bucket/in/b c+é.txt", "3\n");
  server.put("s3/bucket/in/_hidden", "no\n");
  server.put("s3/bucket/in/deeper/d.txt", "no\n");
  for (int i = 0; i < 7; ++i)
    server.put("s3/bucket/many/" + std::to_string(i), std::to_string(i) + "\n");
  CHECK(sc.text_file("s3://bucket/in").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(sc.text_file("s3://bucket/in/[ab]*.txt").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(sc.text_file("s3://bucket/in/*/d.txt,s3://bucket/in/deeper/*").collect() == std::vector<std::string>{"no", "no"});
  CHECK(sc.text_file("s3://bucket/many").count() == 7);
  CHECK(code_of([&] { sc.text_file("s3://bucket/none"); }) == sal::errc::input_not_found);
  std::string text;
  CHECK(code_of([&] { sc.text_file("s3://no-bucket/x/*"); }, &text) == sal::errc::io_error);
  CHECK(text.find("NoSuchBucket") != std::string::npos);
  check_round_trip(sc, "s3://bucket/out", server / "s3/bucket/out");
  CHECK_FALSE(std::filesystem::exists(server / "s3/bucket/out/failed"));
}

TEST_CASE("wrong credentials are told as such, and shown to nobody") {
  store_server server;
  server.put("s3/bucket/in.txt", "1\n");
  ::setenv("AWS_SECRET_ACCESS_KEY", "not/the/secret", 1);
  sal::context sc{sal::config{}.set_app_name("store tests")};
  std::string text;
  CHECK(code_of([&] { sc.text_file("s3://bucket/in.txt"); }, &text) == sal::errc::io_error);
  CAPTURE(text);
  CHECK(text.find("403") != std::string::npos);
  CHECK(text.find("credentials") != std::string::npos);
  for (const auto* secret : {"not/the/secret", store_server::session_token, "AKIDTEST"})
    CHECK(text.find(secret) == std::string::npos);
}

TEST_CASE("credentials come from a profile, the endpoint from the configuration") {
  store_server server;
  server.put("s3/bucket/in.txt", "1\n");
  server.put("credentials", "[default]\naws_access_key_id = nobody\n[test]\n# mine\naws_access_key_id = AKIDTEST\naws_secret_access_key=" +
                                std::string(store_server::secret_key) + "\naws_session_token = " + store_server::session_token + "\n");
  for (const auto* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION"})
    ::unsetenv(name);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (server / "credentials").c_str(), 1);
  ::setenv("AWS_PROFILE", "test", 1);
  {
    sal::context sc{sal::config{}.set("salamander.s3.endpoint", server.url() + "/s3").set("salamander.s3.region", "eu-test-1")};
    CHECK(sc.text_file("s3://bucket/in.txt").collect() == std::vector<std::string>{"1"});
  }
  ::unsetenv("AWS_SHARED_CREDENTIALS_FILE");
  ::unsetenv("AWS_PROFILE");
}

TEST_CASE_FIXTURE(served, "HDFS is listed, read and written through WebHDFS, and commits by rename") {
  server.put("hdfs/in/a.txt", "1\n2\n");
  server.put("hdfs/in/b c.txt", "3\n");
  server.put("hdfs/in/.hidden", "no\n");
  CHECK(sc.text_file(server.webhdfs() + "/in").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(sc.text_file(server.webhdfs() + "/in/{a,b*}.txt").collect() == std::vector<std::string>{"1", "2", "3"});
  CHECK(code_of([&] { sc.text_file(server.webhdfs() + "/none"); }) == sal::errc::input_not_found);
  check_round_trip(sc, server.webhdfs() + "/out", server / "hdfs/out");
  CHECK_FALSE(std::filesystem::exists(server / "hdfs/out/failed"));
}

TEST_CASE("hdfs paths are asked for at the address of the configuration") {
  store_server server;
  server.put("hdfs/in.txt", "1\n");
  sal::context sc{sal::config{}.set("salamander.hdfs.address", server.address())};
  CHECK(sc.text_file("hdfs://name-node:8020/in.txt").collect() == std::vector<std::string>{"1"});
}
