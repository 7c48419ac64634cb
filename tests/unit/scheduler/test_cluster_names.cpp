#include <salamander/scheduler/cluster/names.hpp>

#include <doctest/doctest.h>

using namespace salamander::scheduler::cluster;

TEST_CASE("an identifier of the cluster is made of small letters, digits and hyphens, and is never a path") {
  CHECK(is_cluster_id("app-20261121225500-0003"));
  CHECK(is_cluster_id("driver-20261121225500-0003"));
  for (const char* bad : {"", "-x", ".", "..", "../x", "a/b", "App", "a b", "a.b", "a\n", "\xc3\xa4"})
    CHECK_FALSE(is_cluster_id(bad));
  CHECK_FALSE(is_cluster_id(std::string_view("a\0b", 3)));
  CHECK(is_cluster_id(std::string(128, 'a')));
  CHECK_FALSE(is_cluster_id(std::string(129, 'a')));
}

TEST_CASE("a content's name is 64 lower-case hex digits") {
  CHECK(is_sha256(std::string(64, 'f')));
  CHECK_FALSE(is_sha256(std::string(63, 'f')));
  CHECK_FALSE(is_sha256(std::string(65, 'f')));
  CHECK_FALSE(is_sha256(std::string(64, 'F')));
  CHECK_FALSE(is_sha256(std::string(63, '0') + "/"));
}

TEST_CASE("a file's name has no folder and no control characters") {
  CHECK(is_file_name("word_count"));
  CHECK(is_file_name("Messwerte \xc3\xa4 2.csv"));
  for (const char* bad : {"", ".", "..", "/etc/passwd", "a/b", "a\n", "a\x7f"})
    CHECK_FALSE(is_file_name(bad));
  CHECK_FALSE(is_file_name(std::string(256, 'a')));
}

TEST_CASE("what cannot be stored is named") {
  const stored_file good{"program", std::string(64, '0'), 1};
  CHECK(what_is_wrong_with(good).empty());
  CHECK_FALSE(what_is_wrong_with({"a/b", good.sha256, 1}).empty());
  CHECK(what_is_wrong_with({"program", "..", 1}).find("program") == 0);
  CHECK(what_is_wrong_with({"program", good.sha256, 0}) == "program is empty");
}
