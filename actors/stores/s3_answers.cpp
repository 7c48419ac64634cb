#include <salamander/actors/stores/s3_answers.hpp>

#include <salamander/rdd/error.hpp>

#include <pugixml.hpp>

namespace salamander::actors {
namespace {

pugi::xml_document parsed(std::string_view body, const char* root) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size()) || !document.child(root))
    core::throw_error(errc::io_error, std::string("S3 answers with something that is no ") + root);
  return document;
}

bool goes_on(const pugi::xml_node& page) {
  return page.child("IsTruncated").text().as_bool();
}

} // namespace

std::string s3_error_in(std::string_view body) {
  pugi::xml_document document;
  if (!document.load_buffer(body.data(), body.size()))
    return {};
  return document.child("Error").child_value("Code");
}

std::string add_s3_page(std::string_view body, s3_listing& to) {
  const auto document = parsed(body, "ListBucketResult");
  const auto page = document.child("ListBucketResult");
  for (const auto& one : page.children("Contents"))
    to.objects.push_back({one.child_value("Key"), one.child("Size").text().as_ullong()});
  for (const auto& one : page.children("CommonPrefixes"))
    to.prefixes.emplace_back(one.child_value("Prefix"));
  return goes_on(page) ? page.child_value("NextContinuationToken") : "";
}

s3_upload add_s3_uploads(std::string_view body, std::vector<s3_upload>& to) {
  const auto document = parsed(body, "ListMultipartUploadsResult");
  const auto page = document.child("ListMultipartUploadsResult");
  for (const auto& one : page.children("Upload"))
    to.push_back({one.child_value("Key"), one.child_value("UploadId")});
  if (!goes_on(page))
    return {};
  return {page.child_value("NextKeyMarker"), page.child_value("NextUploadIdMarker")};
}

std::string s3_upload_id_in(std::string_view body) {
  return parsed(body, "InitiateMultipartUploadResult").child("InitiateMultipartUploadResult").child_value("UploadId");
}

} // namespace salamander::actors
