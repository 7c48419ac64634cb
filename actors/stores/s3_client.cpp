#include <salamander/actors/stores/s3_client.hpp>

#include <salamander/actors/stores/aws_credentials.hpp>
#include <salamander/actors/stores/store_settings.hpp>

#include <salamander/rdd/error.hpp>

#include <pugixml.hpp> // for what is written; what is read: s3_answers

#include <sstream>
#include <utility>

namespace salamander::actors {

s3_place s3_place_of(const std::string& path) {
  const auto begin = path.find("://") + 3;
  const auto slash = std::min(path.find('/', begin), path.size());
  if (slash == begin)
    core::throw_error(errc::invalid_argument, "the path " + path + " names no bucket; write s3://bucket/key");
  return {path.substr(begin, slash - begin), slash == path.size() ? std::string() : path.substr(slash + 1)};
}

s3_client::s3_client(const std::string& path) : bucket_(s3_place_of(path).bucket) {
  const auto settings = current_store_settings();
  if (settings.s3_endpoint.empty())
    base_ = "https://" + bucket_ + ".s3." + settings.s3_region + ".amazonaws.com/";
  else
    base_ = settings.s3_endpoint + (settings.s3_endpoint.ends_with('/') ? "" : "/") + bucket_ + "/";
  auto credentials = find_aws_credentials();
  signature_ = {settings.s3_region, std::move(credentials.access_key), std::move(credentials.secret_key),
                std::move(credentials.session_token)};
}

http_request s3_client::request(const char* method, const std::string& key, const query& parameters) const {
  http_request made;
  made.method = method;
  made.url = base_ + url_encoded(key, true);
  char before = '?';
  for (const auto& [name, value] : parameters) {
    made.url += before + name + "=" + url_encoded(value, false);
    before = '&';
  }
  if (made.method == "PUT" || made.method == "POST")
    made.headers.emplace_back("Content-Type: application/octet-stream");
  if (!signature_.access_key.empty())
    made.signature = &signature_;
  return made;
}

void s3_client::refuse(const char* doing, const std::string& key, const http_response& answer) const {
  const auto code = s3_error_in(answer.body);
  auto text = std::string("cannot ") + doing + " s3://" + bucket_ + "/" + key + ": S3 answers " + std::to_string(answer.status) +
              (code.empty() ? "" : " " + code);
  if (answer.status == 401 || answer.status == 403)
    text += signature_.access_key.empty() ? "; no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
                                          : "; the credentials are not the right ones, or do not allow that";
  else if (answer.status == 301 || answer.status == 307)
    text += "; the bucket is in another region: set AWS_REGION or salamander.s3.region";
  core::throw_error(errc::io_error, text);
}

std::optional<std::uint64_t> s3_client::size_of(const std::string& key) const {
  const auto answer = perform(request("HEAD", key, {}));
  if (answer.status == 404)
    return std::nullopt;
  if (!answer.good())
    refuse("read", key, answer);
  return std::stoull("0" + answer.header("content-length"));
}

void s3_client::get(const std::string& key, std::uint64_t offset, std::size_t size, std::string& to) const {
  to.clear();
  if (size == 0)
    return;
  auto asked = request("GET", key, {});
  asked.headers.push_back("Range: bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1));
  asked.receive = [&](std::string_view bytes) {
    if (bytes.size() > size - to.size())
      core::throw_error(errc::io_error, "s3://" + bucket_ + "/" + key + ": the store sends more than the range that it was asked for");
    to += bytes;
  };
  asked.restart = [&] { to.clear(); };
  const auto answer = perform(asked);
  if (answer.status == 416) // the object ends before
    return;
  if (!answer.good() || (answer.status == 200 && offset != 0))
    refuse("read", key, answer);
}

void s3_client::put(const std::string& key, std::string_view bytes) const {
  auto asked = request("PUT", key, {});
  asked.body = bytes;
  if (const auto answer = perform(asked); !answer.good())
    refuse("write", key, answer);
}

void s3_client::remove(const std::string& key) const {
  if (const auto answer = perform(request("DELETE", key, {})); !answer.good() && answer.status != 404)
    refuse("remove", key, answer);
}

s3_listing s3_client::list(const std::string& prefix, bool one_level, std::size_t objects_max) const {
  s3_listing found;
  for (std::string token;;) {
    query parameters;
    if (!token.empty())
      parameters.emplace_back("continuation-token", token);
    if (one_level)
      parameters.emplace_back("delimiter", "/");
    parameters.emplace_back("list-type", "2");
    if (objects_max != 0)
      parameters.emplace_back("max-keys", std::to_string(objects_max));
    parameters.emplace_back("prefix", prefix);
    const auto answer = perform(request("GET", "", parameters));
    if (!answer.good())
      refuse("list", prefix, answer);
    const auto before = std::exchange(token, add_s3_page(answer.body, found));
    if (token.empty() || (objects_max != 0 && found.objects.size() >= objects_max))
      return found;
    if (token == before)
      core::throw_error(errc::io_error, "cannot list s3://" + bucket_ + "/" + prefix + ": S3 gives the same page again and again");
  }
}

std::string s3_client::begin_upload(const std::string& key) const {
  const auto answer = perform(request("POST", key, {{"uploads", ""}}));
  if (!answer.good())
    refuse("write", key, answer);
  return s3_upload_id_in(answer.body);
}

std::string s3_client::put_part(const std::string& key, const std::string& upload, std::size_t number, std::string_view bytes) const {
  auto asked = request("PUT", key, {{"partNumber", std::to_string(number)}, {"uploadId", upload}});
  asked.body = bytes;
  const auto answer = perform(asked);
  if (!answer.good())
    refuse("write", key, answer);
  return answer.header("etag");
}

void s3_client::complete_upload(const std::string& key, const std::string& upload, const std::vector<std::string>& tags) const {
  pugi::xml_document document;
  auto root = document.append_child("CompleteMultipartUpload");
  for (std::size_t i = 0; i < tags.size(); ++i) {
    auto part = root.append_child("Part");
    part.append_child("PartNumber").text().set(static_cast<unsigned long long>(i + 1));
    part.append_child("ETag").text().set(tags[i].c_str());
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  const auto body = text.str();
  auto asked = request("POST", key, {{"uploadId", upload}});
  asked.body = body;
  const auto answer = perform(asked);
  // An answer that got lost leaves no upload to complete, and the object: nobody else writes to this directory.
  if (answer.status == 404 && size_of(key))
    return;
  // S3 may begin its answer before it knows the outcome: success is what the body says.
  if (!answer.good() || !s3_error_in(answer.body).empty())
    refuse("publish", key, answer);
}

void s3_client::abort_upload(const std::string& key, const std::string& upload) const {
  if (const auto answer = perform(request("DELETE", key, {{"uploadId", upload}})); !answer.good() && answer.status != 404)
    refuse("give up the upload of", key, answer);
}

std::vector<s3_upload> s3_client::uploads(const std::string& prefix) const {
  std::vector<s3_upload> found;
  for (s3_upload last;;) {
    query parameters;
    if (!last.key.empty())
      parameters.emplace_back("key-marker", last.key);
    parameters.emplace_back("prefix", prefix);
    if (!last.key.empty())
      parameters.emplace_back("upload-id-marker", last.id);
    parameters.emplace_back("uploads", "");
    const auto answer = perform(request("GET", "", parameters));
    if (!answer.good())
      refuse("list the uploads under", prefix, answer);
    const auto before = std::exchange(last, add_s3_uploads(answer.body, found));
    if (last.key.empty() || (last.key == before.key && last.id == before.id))
      return found;
  }
}

} // namespace salamander::actors
