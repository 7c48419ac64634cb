// Examples of PySpark's documentation as rows of a table: the same program here, and the result that their page shows.
//
// Left out, because there is no such thing here: what is about the JVM, Hadoop's formats and Python's pickles (saveAsNewAPIHadoopDataset,
// saveAsNewAPIHadoopFile, saveAsHadoopDataset, saveAsHadoopFile, saveAsSequenceFile, saveAsPickleFile, pickleFile, sequenceFile,
// newAPIHadoopFile, newAPIHadoopRDD, hadoopFile, hadoopRDD, getSystemProperty, addArchive); what no result is shown of (id, context,
// foreach, foreachPartition, toDebugString, setLogLevel, version, applicationId, uiWebUrl, startTime, getOrCreate; they have tests of their
// own as far as they exist); mapPartitionsWithSplit, an old name of mapPartitionsWithIndex; histogram of texts, whose bounds are numbers
// here; a codec for saveAsTextFile. Not here yet: storage levels and getStorageLevel (persist), checkpoint, localCheckpoint, name and
// setName. With tests of their own beside what they belong to: broadcast, accumulator, addFile, barriers, cancelling by group and tag.
#pragma once

#include "fixture.hpp"

#include <salamander/rdd/to_text.hpp>

#include <numeric>

namespace pyspark {

struct example {
  std::string of;                     ///< their method
  std::string (*ours)(sal::context&); ///< what ours gives, as text
  std::string theirs;
};

/// As save_as_text_file writes it: [1, 2] (a,1) Some(2) None.
template <class T>
std::string text(const T& value) {
  std::string out;
  salamander::core::append_text(out, value);
  return out;
}

/// The records in the order of their texts, where the page sorts them, too.
template <class T>
std::string sorted_text(const std::vector<T>& records) {
  std::vector<std::string> all;
  for (const auto& one : records)
    all.push_back(text(one));
  std::sort(all.begin(), all.end());
  return text(all);
}
template <class Records>
  requires requires(const Records& records) { records.bucket_count(); }
std::string sorted_text(const Records& records) {
  return sorted_text(std::vector<std::pair<typename Records::key_type, typename Records::mapped_type>>(records.begin(), records.end()));
}

inline std::vector<int> numbers(int first, int end) {
  std::vector<int> all(static_cast<std::size_t>(end - first));
  std::iota(all.begin(), all.end(), first);
  return all;
}

template <class T>
using pairs = std::vector<std::pair<std::string, T>>;

template <std::size_t N>
void check(sal::context& sc, const example (&examples)[N]) {
  for (const auto& one : examples) {
    CAPTURE(one.of);
    CHECK(one.ours(sc) == one.theirs);
  }
}

} // namespace pyspark
