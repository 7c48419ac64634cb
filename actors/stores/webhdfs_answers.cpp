#include <salamander/actors/stores/webhdfs_answers.hpp>

#include <salamander/rdd/error.hpp>

#include <simdjson.h>

#include <algorithm>

namespace salamander::actors {
namespace {

namespace dom = simdjson::dom;

webhdfs_status status_in(const dom::element& value) {
  webhdfs_status found;
  std::string_view text;
  if (value["pathSuffix"].get(text) == simdjson::SUCCESS)
    found.name = text;
  found.directory = value["type"].get(text) == simdjson::SUCCESS && text == "DIRECTORY";
  std::uint64_t size = 0;
  if (value["length"].get(size) == simdjson::SUCCESS)
    found.size = size;
  return found;
}

dom::element parsed(dom::parser& parser, std::string_view body) {
  dom::element document;
  if (body.empty() || parser.parse(body.data(), body.size()).get(document) != simdjson::SUCCESS) // the parser copies from no null
    core::throw_error(errc::io_error, "WebHDFS answers with something that is no JSON");
  return document;
}

} // namespace

std::optional<webhdfs_status> webhdfs_status_in(std::string_view body) {
  dom::parser parser;
  dom::element found;
  if (parsed(parser, body)["FileStatus"].get(found) != simdjson::SUCCESS)
    return std::nullopt;
  return status_in(found);
}

std::optional<std::vector<webhdfs_status>> webhdfs_listing_in(std::string_view body) {
  dom::parser parser;
  dom::array found;
  if (parsed(parser, body)["FileStatuses"]["FileStatus"].get(found) != simdjson::SUCCESS)
    return std::nullopt;
  std::vector<webhdfs_status> entries;
  for (const auto one : found)
    entries.push_back(status_in(one));
  if (entries.size() == 1 && entries[0].name.empty())
    entries.clear();
  return entries;
}

bool webhdfs_truth_in(std::string_view body) {
  dom::parser parser;
  bool truth = false;
  return parsed(parser, body)["boolean"].get(truth) == simdjson::SUCCESS && truth;
}

std::string webhdfs_reason_in(std::string_view body) {
  dom::parser parser;
  std::string_view message;
  if (body.empty() || parser.parse(body.data(), body.size())["RemoteException"]["message"].get(message) != simdjson::SUCCESS)
    return {};
  return std::string(message.substr(0, std::min<std::size_t>(message.find('\n'), 300)));
}

} // namespace salamander::actors
