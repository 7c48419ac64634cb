#include <salamander/rdd/row_output.hpp>

#include <salamander/rdd/error.hpp>

#include <csv.h>
#include <simdjson.h>

#include <cmath>

namespace salamander::core {

void append_csv_text(std::string& out, std::string_view text, const csv_options& options) {
  const auto special = [&](char c) { return c == options.delimiter || c == options.quote || c == '\n' || c == '\r'; };
  // At the start of a file these bytes would be taken for a mark of the byte order.
  const bool mark = text.starts_with("\xef\xbb\xbf");
  if (!text.empty() && !mark && std::none_of(text.begin(), text.end(), special)) {
    out += text;
    return;
  }
  const auto begin = out.size();
  out.resize(begin + 2 * text.size() + 2); // every character may be a quote
  out.resize(begin +
             ::csv_write2(out.data() + begin, out.size() - begin, text.data(), text.size(), static_cast<unsigned char>(options.quote)));
}

void append_json_text(std::string& out, std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size()))
    throw_error(errc::not_serializable, "a text that is no UTF-8 cannot be saved as JSON: '" + std::string(text.substr(0, 100)) + "'");
  constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (code < 0x20) {
      out += "\\u00";
      out += digits[code >> 4];
      out += digits[code & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value))
    throw_error(errc::not_serializable,
                "JSON has no infinities, and nothing for what is no number; make the member a std::optional, and leave it empty then");
  append_number(out, value);
}

} // namespace salamander::core
