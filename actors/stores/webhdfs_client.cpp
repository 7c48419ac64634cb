#include <salamander/actors/stores/webhdfs_client.hpp>

#include <salamander/actors/stores/store_settings.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>

namespace salamander::actors {
namespace {

constexpr const char* default_port = "9870";

struct hdfs_place {
  std::string host; ///< perhaps with a port
  std::string path; ///< begins with "/"
};

hdfs_place place_of(const std::string& path) {
  const auto begin = path.find("://") + 3;
  const auto slash = std::min(path.find('/', begin), path.size());
  return {path.substr(begin, slash - begin), slash == path.size() ? "/" : path.substr(slash)};
}

std::string address_of(const std::string& path) {
  auto host = place_of(path).host;
  if (host.find('@') != std::string::npos)
    core::throw_error(errc::invalid_argument, "the path " + shown_url(path) + " names a user; set HADOOP_USER_NAME instead");
  if (core::scheme_of(path) == "hdfs") {
    // The port of an hdfs:// path is that of another protocol.
    const auto configured = current_store_settings().hdfs_address;
    if (!configured.empty())
      return configured;
    host = host.substr(0, host.find(':'));
    if (!host.empty())
      return host + ":" + default_port;
  }
  if (host.empty())
    core::throw_error(errc::invalid_argument,
                      "the path " + path + " names no host; write hdfs://host/path, or set salamander.hdfs.address");
  return host;
}

std::string user_name() {
  for (const auto* variable : {"HADOOP_USER_NAME", "USER", "LOGNAME"})
    if (auto name = environment_value(variable); !name.empty())
      return name;
  return {};
}

} // namespace

webhdfs_client::webhdfs_client(const std::string& path) : base_("http://" + address_of(path) + "/webhdfs/v1"), user_(user_name()) {}

http_request webhdfs_client::request(const char* method, const char* operation, const std::string& path, const query& parameters) const {
  http_request made;
  made.method = method;
  made.url = base_ + url_encoded(place_of(path).path, true) + "?op=" + operation;
  if (!user_.empty())
    made.url += "&user.name=" + url_encoded(user_, false);
  for (const auto& [name, value] : parameters)
    made.url += "&" + name + "=" + url_encoded(value, true);
  return made;
}

void webhdfs_client::refuse(const char* doing, const std::string& path, const http_response& answer) {
  auto text = std::string("cannot ") + doing + " " + shown_url(path) + ": WebHDFS answers " + std::to_string(answer.status);
  if (const auto reason = webhdfs_reason_in(answer.body); !reason.empty())
    text += ": " + reason;
  core::throw_error(errc::io_error, text);
}

std::optional<webhdfs_status> webhdfs_client::status(const std::string& path) const {
  const auto answer = perform(request("GET", "GETFILESTATUS", path));
  if (answer.status == 404)
    return std::nullopt;
  if (!answer.good())
    refuse("read", path, answer);
  auto found = webhdfs_status_in(answer.body);
  if (!found)
    refuse("read", path, answer);
  return found;
}

std::vector<webhdfs_status> webhdfs_client::list(const std::string& path) const {
  const auto answer = perform(request("GET", "LISTSTATUS", path));
  if (answer.status == 404)
    return {};
  if (!answer.good())
    refuse("list", path, answer);
  auto entries = webhdfs_listing_in(answer.body);
  if (!entries)
    refuse("list", path, answer);
  return *std::move(entries);
}

void webhdfs_client::get(const std::string& path, std::uint64_t offset, std::size_t size, std::string& to) const {
  to.clear();
  if (size == 0)
    return;
  auto asked = request("GET", "OPEN", path, {{"offset", std::to_string(offset)}, {"length", std::to_string(size)}});
  asked.follow = true;
  asked.receive = [&](std::string_view bytes) {
    if (bytes.size() > size - to.size())
      core::throw_error(errc::io_error, shown_url(path) + ": the store sends more than the range that it was asked for");
    to += bytes;
  };
  asked.restart = [&] { to.clear(); };
  const auto answer = perform(asked);
  if (answer.good())
    return;
  // A range that begins behind the end is refused.
  if (const auto now = status(path); answer.status == 403 && now && offset >= now->size)
    return;
  refuse("read", path, answer);
}

void webhdfs_client::make_directory(const std::string& path) const {
  if (const auto answer = perform(request("PUT", "MKDIRS", path)); !answer.good())
    refuse("create the directory", path, answer);
}

/// The name node says which data node takes the bytes.
void webhdfs_client::send(const char* method, const char* operation, const std::string& path, const query& parameters,
                          std::string_view bytes, bool repeatable) const {
  auto where = perform(request(method, operation, path, parameters));
  if (where.status != 307)
    refuse("write", path, where);
  http_request data;
  data.method = method;
  data.url = where.header("location");
  data.headers.emplace_back("Content-Type: application/octet-stream");
  data.body = bytes;
  data.repeatable = repeatable;
  if (const auto answer = perform(data); !answer.good())
    refuse("write", path, answer);
}

void webhdfs_client::create(const std::string& path, std::string_view bytes) const {
  // Whoever sends it again may find what it wrote before: only this attempt has that name. And without the directory there is no file:
  // an attempt that nobody waits for any more must not bring back output that was removed.
  send("PUT", "CREATE", path, {{"overwrite", "true"}, {"createparent", "false"}}, bytes, true);
}

void webhdfs_client::append(const std::string& path, std::string_view bytes) const {
  send("POST", "APPEND", path, {}, bytes, false);
}

bool webhdfs_client::rename(const std::string& from, const std::string& to) const {
  const auto answer = perform(request("PUT", "RENAME", from, {{"destination", place_of(to).path}}));
  if (!answer.good())
    refuse("rename", from, answer);
  return webhdfs_truth_in(answer.body);
}

void webhdfs_client::remove(const std::string& path) const {
  if (const auto answer = perform(request("DELETE", "DELETE", path, {{"recursive", "true"}})); !answer.good() && answer.status != 404)
    refuse("remove", path, answer);
}

} // namespace salamander::actors
