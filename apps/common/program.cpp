#include <salamander/apps/common/program.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_tolerance.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <limits>

namespace app {
namespace {
constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
}

struct program::parser {
  CLI::App* app = nullptr;
  std::unique_ptr<CLI::App> whole; ///< null for a command
  std::string name;
  std::string master;
  bool json = false;
  std::vector<std::unique_ptr<program>> commands;
};

program::program(std::string name, const std::string& about) : parser_(std::make_unique<parser>()) {
  parser_->whole = std::make_unique<CLI::App>(about, name);
  parser_->app = parser_->whole.get();
  parser_->name = std::move(name);
  parser_->app->add_option("--master", parser_->master,
                           "where to run: local, local[N], local[*], local-cluster[executors,cores,memoryMiB]; default: SALAMANDER_MASTER, "
                           "else local[*]");
  parser_->app->add_flag("--json", parser_->json, "print one line of JSON, with times and a checksum of the result, and nothing else");
}

program::program(std::unique_ptr<parser> part) : parser_(std::move(part)) {}
program::~program() = default;

program& program::argument(const std::string& name, std::string& value, const std::string& about) {
  parser_->app->add_option(name, value, about)->required()->type_name("");
  return *this;
}

program& program::argument(const std::string& name, std::uint64_t& value, const std::string& about) {
  parser_->app->add_option(name, value, about)->required()->check(CLI::Range(std::uint64_t{1}, most).description(""))->type_name("");
  return *this;
}

program& program::option(const std::string& name, std::string& value, const std::string& about) {
  auto* const added = parser_->app->add_option(name, value, about);
  if (!value.empty())
    added->capture_default_str();
  return *this;
}

program& program::option(const std::string& name, std::vector<std::string>& values, const std::string& about) {
  parser_->app->add_option(name, values, about)->allow_extra_args(false);
  return *this;
}

program& program::option(const std::string& name, double& value, const std::string& about) {
  parser_->app->add_option(name, value, about)->capture_default_str();
  return *this;
}

program& program::option(const std::string& name, std::uint64_t& value, std::uint64_t least, const std::string& about) {
  parser_->app->add_option(name, value, about)->capture_default_str()->check(CLI::Range(least, most).description(""))->type_name("N");
  return *this;
}

program& program::command(const std::string& name, const std::string& about) {
  auto part = std::make_unique<parser>();
  part->app = parser_->app->add_subcommand(name, about);
  part->app->fallthrough();
  parser_->app->require_subcommand(1);
  parser_->commands.push_back(std::unique_ptr<program>(new program(std::move(part))));
  return *parser_->commands.back();
}

bool program::chosen() const {
  return parser_->app->parsed();
}

salamander::config program::settings() const {
  salamander::config settings;
  settings.set_app_name(parser_->name);
  if (!parser_->master.empty())
    settings.set_master(parser_->master);
  return settings;
}

bool program::json() const noexcept {
  return parser_->json;
}

int program::run(int argc, char** argv, const std::function<report()>& work) {
  try {
    parser_->app->parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return parser_->app->exit(problem) == 0 ? 0 : 2;
  }
  try {
    const report found = work();
    if (json())
      std::printf("{\"work\": \"%s\", \"seconds\": %.6f, \"load_seconds\": %.6f, \"checksum\": %s, \"fault_tolerance\": %s%s}\n",
                  parser_->name.c_str(), found.seconds, found.load_seconds, found.checksum.c_str(),
                  salamander::core::fault_tolerance ? "true" : "false", found.details.c_str());
    return 0;
  } catch (const std::exception& problem) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", parser_->name.c_str(), problem.what());
    return 1;
  }
}

std::string exact(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(value));
  return text;
}

std::string rounded(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

} // namespace app
