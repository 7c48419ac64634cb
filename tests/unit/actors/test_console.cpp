#include <salamander/actors/console.hpp>

#include <doctest/doctest.h>

using namespace salamander;
using namespace salamander::actors;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point start{1000s};

stage_progress stage(std::uint32_t number, std::uint32_t done, std::uint32_t active, std::uint32_t total) {
  return {number, 0, "map at a.cpp:12", done, active, total, start};
}

} // namespace

TEST_CASE("the bar of a stage shows what is done, what runs and how much there is") {
  const auto line = render_progress({stage(3, 3, 4, 10)}, 60, start + 1s);
  CHECK(line == "[Stage 3: map at a.cpp:12 ======>              (3 + 4) / 10]");
  CHECK(line.size() == 60);
}

TEST_CASE("a stage is not shown in its first half second") {
  CHECK(render_progress({stage(3, 3, 4, 10)}, 80, start + 499ms).empty());
  CHECK_FALSE(render_progress({stage(3, 3, 4, 10)}, 80, start + 500ms).empty());
}

TEST_CASE("at most three stages share the line") {
  const auto line = render_progress({stage(1, 0, 1, 2), stage(2, 0, 1, 2), stage(3, 0, 1, 2), stage(4, 0, 1, 2)}, 120, start + 1s);
  CHECK(line.find("[Stage 3:") != std::string::npos);
  CHECK(line.find("[Stage 4:") == std::string::npos);
  CHECK(line.size() <= 120);
}

TEST_CASE("a finished stage has a full bar and a narrow terminal loses the title first") {
  CHECK(render_progress({stage(3, 10, 0, 10)}, 60, start + 1s).find("==(10 + 0) / 10]") != std::string::npos);
  CHECK(render_progress({stage(3, 5, 0, 10)}, 34, start + 1s) == "[Stage 3: =====>     (5 + 0) / 10]");
  CHECK(render_progress({stage(3, 5, 0, 10)}, 8, start + 1s).size() <= 8);
  CHECK(render_progress({stage(3, 0, 0, 0)}, 60, start + 1s).size() == 60);
}

TEST_CASE("the summary of a job is one line") {
  job_report report;
  report.job = 3;
  report.description = "count at a.cpp:9";
  report.stages_run = 1;
  report.stages_skipped = 1;
  report.tasks_succeeded = 20;
  report.shuffle_bytes_written = 12'340'000;
  report.duration = 420ms;
  report.succeeded = true;
  CHECK(render_summary(report) == "job 3 count at a.cpp:9: 2 stages (1 skipped), 20 tasks, 0 failed, 12.3 MB shuffled, 0.42 s");
  report.succeeded = false;
  report.tasks_lost = 2;
  CHECK(render_summary(report).find("0 failed, 2 lost") != std::string::npos);
  CHECK(render_summary(report).ends_with("FAILED"));
}

TEST_CASE("the progress board counts tasks and keeps the last reports") {
  progress_board board;
  board.stage_started(stage(1, 0, 0, 10));
  board.tasks_changed(1, 0, 4);
  board.tasks_changed(1, 3, -3);
  board.tasks_changed(9, 1, 1);
  REQUIRE(board.stages().size() == 1);
  CHECK(board.stages()[0].done == 3);
  CHECK(board.stages()[0].active == 1);
  board.stage_ended(1);
  CHECK(board.stages().empty());
  for (std::uint32_t i = 0; i < 1500; ++i) {
    job_report report;
    report.job = i;
    board.job_ended(report);
  }
  CHECK(board.reports_made() == 1500);
  CHECK(board.reports(0).size() == progress_board::reports_max);
  CHECK(board.reports(0).front().job == 500);
  CHECK(board.reports(1499).back().job == 1499);
}
