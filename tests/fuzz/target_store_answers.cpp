// What stores of files answer to requests.
//
//   s3_answers        the body of an answer, as XML
//   webhdfs_answers   the body of an answer, as JSON
#include "fuzz.hpp"

#include <salamander/actors/stores/s3_answers.hpp>
#include <salamander/actors/stores/webhdfs_answers.hpp>

namespace {

using namespace fuzz;
using namespace salamander::actors;

bool read_s3(input_bytes input) {
  const auto body = text_of(input);
  expect(s3_error_in(body).size() <= body.size(), "an error's code is a part of the answer");
  bool any = false;
  s3_listing listing;
  any |= accepts([&] { add_s3_page(body, listing); }, {errc::io_error});
  std::vector<s3_upload> uploads;
  any |= accepts([&] { add_s3_uploads(body, uploads); }, {errc::io_error});
  any |= accepts([&] { s3_upload_id_in(body); }, {errc::io_error});
  expect(listing.objects.size() + listing.prefixes.size() + uploads.size() <= body.size(), "what is listed stands in the answer");
  return any;
}

std::vector<seed> s3_seeds() {
  const auto body = [](const char* name, const char* text, bool valid) { return seed{name, bytes_of(text), valid}; };
  return {
      body(
          "page",
          "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>"
          "<Contents><Key>a/b.txt</Key><Size>17</Size></Contents><CommonPrefixes><Prefix>a/c/</Prefix></CommonPrefixes></ListBucketResult>",
          true),
      body("empty-page", "<ListBucketResult/>", true),
      body("uploads",
           "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>k</Key><UploadId>u</UploadId></Upload>"
           "</ListMultipartUploadsResult>",
           true),
      body("begun", "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>", true),
      body("large-size", "<ListBucketResult><Contents><Size>99999999999999999999999</Size></Contents></ListBucketResult>", true),
      body("error", "<Error><Code>NoSuchKey</Code></Error>", false),
      body("cut-off", "<ListBucketResult><Contents><Key>a", false),
      body("no-xml", "{\"a\": 1}", false),
      body("nothing", "", false)};
}

bool read_webhdfs(input_bytes input) {
  const auto body = text_of(input);
  expect(webhdfs_reason_in(body).size() <= 300, "a reason is short");
  bool any = false;
  accepts([&] { any |= webhdfs_status_in(body).has_value(); }, {errc::io_error});
  accepts(
      [&] {
        const auto listing = webhdfs_listing_in(body);
        expect(!listing || listing->size() <= body.size(), "what is listed stands in the answer");
        any |= listing.has_value();
      },
      {errc::io_error});
  accepts([&] { any |= webhdfs_truth_in(body); }, {errc::io_error});
  return any;
}

std::vector<seed> webhdfs_seeds() {
  const auto body = [](const char* name, const char* text, bool valid) { return seed{name, bytes_of(text), valid}; };
  return {body("status", R"({"FileStatus": {"pathSuffix": "", "type": "FILE", "length": 17}})", true),
          body("listing", R"({"FileStatuses": {"FileStatus": [{"pathSuffix": "a", "type": "DIRECTORY", "length": 0},
                                                     {"pathSuffix": "\u00e4", "type": "FILE", "length": 1}]}})",
               true),
          body("truth", R"({"boolean": true})", true),
          body("odd-members", R"({"FileStatus": {"pathSuffix": 1, "type": [], "length": -1}})", true),
          body("refusal", R"({"RemoteException": {"message": "no such file\nat java.lang"}})", false),
          body("no-members", "{}", false),
          body("cut-off", R"({"FileStatuses": {"FileStatus": [{"path)", false),
          body("no-json", "<html>", false),
          body("nothing", "", false)};
}

// Parsers make trees of what they read, several times over here.
const registered s3({"s3_answers", &read_s3, &s3_seeds, {1U << 20, 256}});
const registered webhdfs({"webhdfs_answers", &read_webhdfs, &webhdfs_seeds, {1U << 20, 256}});

} // namespace
