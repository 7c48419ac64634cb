#include "../../support/scratch.hpp"
#include "../../support/task_fixture.hpp"

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_task.hpp>
#include <salamander/rdd/part_writer.hpp>
#include <salamander/rdd/task_context.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace {

using namespace salamander;
using namespace salamander::core;
using namespace salamander::testing;
using namespace std::chrono_literals;

task_faults suffering(const fault& one, std::uint64_t task = 5) {
  return task_faults({arm(task, 0, one.spec(), 12345)});
}

std::vector<std::string> details(task_faults& faults) {
  std::vector<std::string> all;
  for (const auto& note : faults.take_notes())
    all.push_back(note.detail);
  return all;
}

} // namespace

TEST_CASE("a task throws before its first record, and the text says that it was on purpose") {
  auto faults = suffering(throw_task().stage(0).partition(3));
  CHECK_THROWS_WITH_AS(faults.start(), "injected before the first record by salamander.faults: throw task stage=0 partition=3",
                       injected_fault);
  const auto notes = faults.take_notes();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].task == 5);
  CHECK(notes[0].detail == "threw before the first record");
}

TEST_CASE("a task throws at the batch asked for, once") {
  auto faults = suffering(throw_task().batch(3));
  CHECK_NOTHROW(faults.start());
  CHECK_NOTHROW(faults.batch());
  CHECK_NOTHROW(faults.batch());
  CHECK_THROWS_AS(faults.batch(), injected_fault);
  CHECK_NOTHROW(faults.batch());
  CHECK(details(faults) == std::vector<std::string>{"threw at batch 3"});
}

TEST_CASE("a failed allocation is a std::bad_alloc that names its plan") {
  auto faults = suffering(fail_allocation().stage(1));
  try {
    faults.start();
    FAIL("nothing was thrown");
  } catch (const std::bad_alloc& failure) {
    CHECK(std::string(failure.what()).find("salamander.faults: fail allocation stage=1") != std::string::npos);
  }
  CHECK(details(faults).size() == 1);
}

TEST_CASE("a task context passes batches on to its faults and does nothing without") {
  fake::services services;
  fake::task task(services);
  CHECK_NOTHROW(task.context.poll());
  auto faults = suffering(throw_task().batch(2));
  task.context.faults = &faults;
  CHECK_NOTHROW(task.context.poll());
  CHECK_THROWS_AS(task.context.poll(), injected_fault);
}

TEST_CASE("a task waits before it begins") {
  auto faults = suffering(delay_task(250ms));
  CHECK(faults.delay() == 250ms);
  CHECK(faults.delay() == 0ms);
  CHECK(details(faults) == std::vector<std::string>{"waited 250 ms before it began"});
}

TEST_CASE("a block that is here can be lost, one that travels can be corrupted") {
  auto loses = suffering(lose_block(blocks::shuffle).read(2));
  CHECK_FALSE(loses.block(blocks::cached, false, "c"));
  CHECK_FALSE(loses.block(blocks::shuffle, true, "far"));
  CHECK_FALSE(loses.block(blocks::shuffle, false, "first"));
  CHECK(loses.block(blocks::shuffle, false, "second").lost);
  CHECK_FALSE(loses.block(blocks::shuffle, false, "third"));
  CHECK(details(loses) == std::vector<std::string>{"dropped second"});

  auto corrupts = suffering(corrupt_block().tries(2));
  CHECK_FALSE(corrupts.block(blocks::shuffle, false, "near"));
  const auto hit = corrupts.block(blocks::result, true, "far");
  CHECK(hit.corruptions == 2);
  CHECK(hit.noise == 12345);
  CHECK(details(corrupts).empty()); // not yet: the block may turn out to be empty
  corrupts.corrupted(hit.token, "far");
  corrupts.corrupted(hit.token, "far");
  CHECK(details(corrupts) == std::vector<std::string>{"flipped a bit of far on its way"});

  auto delays = suffering(delay_block(30ms));
  CHECK(delays.block(blocks::cached, true, "x").delay == 30ms);
  CHECK_FALSE(delays.block(blocks::cached, true, "y"));
}

TEST_CASE("the write asked for is refused, with the error asked for") {
  auto full = suffering(fail_write().chunk(2));
  CHECK(full.write() == 0);
  CHECK(full.write() == ENOSPC);
  CHECK(full.write() == 0);
  CHECK(details(full) == std::vector<std::string>{"refused write 2 with ENOSPC"});
  auto broken = suffering(fail_write(disk_error::eio));
  CHECK(broken.write() == EIO);
}

TEST_CASE("an output file that cannot be written is removed, and others are not touched") {
  const test_support::scratch directory;
  fake::services services;
  fake::task task(services);
  auto faults = suffering(fail_write(disk_error::eio));
  task.context.faults = &faults;
  const task_scope scope(task.context);
  {
    part_writer refused(directory.path(), 0, 1);
    refused.write_line("a line");
    CHECK_THROWS_AS(refused.close(), error);
  }
  CHECK(std::filesystem::is_empty(directory.path()));
  part_writer accepted(directory.path(), 1, 1);
  accepted.write_line("a line");
  CHECK(accepted.close().bytes == 7);
}

TEST_CASE("orders and notes of faults travel") {
  const auto sent = arm(7, 3, corrupt_block(blocks::cached).read(4).tries(2).spec(), 99);
  byte_buffer bytes;
  byte_writer out(bytes);
  write_value(out, std::vector{sent});
  write_value(out, std::vector{fault_note{7, 3, "flipped"}});
  byte_reader in(bytes);
  const auto orders = read_value<std::vector<armed_fault>>(in);
  const auto notes = read_value<std::vector<fault_note>>(in);
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].task == 7);
  CHECK(orders[0].fault == 3);
  CHECK(orders[0].kind == fault_kind::corrupt_block);
  CHECK(orders[0].block == blocks::cached);
  CHECK(orders[0].piece == 4);
  CHECK(orders[0].tries == 2);
  CHECK(orders[0].noise == 99);
  CHECK(orders[0].text == "corrupt block=cached read=4 tries=2");
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].detail == "flipped");
}
