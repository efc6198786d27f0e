// The text part of make bench-core. BENCH_TRACE=FILE takes another trace than
// automerge-paper; where there is none, a session of the project's own is
// measured and the message says so.
#include <malloc.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <lz4.h>
#include <zstd.h>

#include "core/codec/varint.h"
#include "core/sequence/text.h"
#include "editing_trace.h"
#include "figure.h"
#include "text_authors.h"

namespace bench {

namespace {

using converge::ReplicaId;
using converge::Text;

constexpr ReplicaId kWriter = 0x1b3c5d7e9f0a1b;  // 53 bits, as clients draw them

template <class T>
void must(const T& result, const char* what) {
  if (result.ok()) return;
  std::fprintf(stderr, "%s: %s (%s)\n", what, result.error().message.c_str(),
               result.error().detail.c_str());
  std::exit(1);
}

Text replay(const std::vector<Edit>& edits) {
  Text text;
  for (const Edit& edit : edits) {
    must(text.splice(kWriter, edit.at, edit.deleted, edit.inserted), "edit");
  }
  return text;
}

std::size_t allocated() {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void single_author(const EditingTrace& trace) {
  const std::vector<Edit> edits = trace.edits();
  figure("text_local_ms", median(7, [&] {
           Text text;
           double time = milliseconds([&] { text = replay(edits); });
           if (text.text() != trace.end) {
             std::fprintf(stderr, "the replay does not give the trace's end\n");
             std::exit(1);
           }
           return time;
         }),
         "ms");

  std::vector<std::string> updates;
  std::size_t largest = 0;
  std::size_t total = 0;
  std::size_t single = 0;
  Text recorded;
  for (const Edit& edit : edits) {
    std::string delta;
    must(recorded.splice(kWriter, edit.at, edit.deleted, edit.inserted, &delta), "edit");
    if (edit.deleted == 0 && edit.inserted.size() == 1) {
      std::size_t size = delta.size() - converge::varint_size(kWriter);
      largest = std::max(largest, size);
      total += size;
      ++single;
    }
    updates.push_back(std::move(delta));
  }
  figure("text_remote_per_s", 1000.0 * static_cast<double>(updates.size()) / median(5, [&] {
           Text text;
           double time = milliseconds([&] {
             for (const std::string& update : updates) must(text.merge_encoded(update), "update");
           });
           if (text.text() != trace.end) std::exit(1);
           return time;
         }),
         "/s");
  if (single > 0) {
    figure("update_bytes", static_cast<double>(largest), "B");
    figure("update_bytes_mean", static_cast<double>(total) / static_cast<double>(single), "B");
  }

  const std::string encoded = recorded.encode();
  figure("text_encoded_bytes", static_cast<double>(encoded.size()), "B");
  std::string packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(encoded.size()))), 0);
  figure("text_lz4_bytes",
         LZ4_compress_default(encoded.data(), packed.data(), static_cast<int>(encoded.size()),
                              static_cast<int>(packed.size())),
         "B");
  packed.resize(ZSTD_compressBound(encoded.size()));
  figure("text_zstd_bytes",
         static_cast<double>(
             ZSTD_compress(packed.data(), packed.size(), encoded.data(), encoded.size(), 3)),
         "B");
  figure("text_read_ms", median(101, [&] {
           std::string text;
           return milliseconds([&] { text = std::string(*Text::text_of_encoded(encoded)); });
         }),
         "ms");
  figure("text_decode_ms", median(51, [&] {
           Text text;
           return milliseconds([&] { text = *Text::decode(encoded); });
         }),
         "ms");
  figure("text_encode_ms", median(51, [&] {
           std::string again;
           return milliseconds([&] { again = recorded.encode(); });
         }),
         "ms");
  std::string update;
  Text edited = recorded;
  must(edited.insert(kWriter + 1, edited.char_length() / 2, "x", &update), "edit");
  const std::string wanted = edited.encode();
  // As the server does it: both are bytes, and so is the answer.
  figure("text_cycle_ms", median(51, [&] {
           std::string again;
           double time = milliseconds(
               [&] { again = *converge::merge(converge::FieldType::crdt_text, encoded, update); });
           if (again != wanted) std::exit(1);
           return time;
         }),
         "ms");
  malloc_trim(0);
  std::size_t before = allocated();
  Text live = replay(edits);
  figure("text_live_bytes", static_cast<double>(allocated() - before), "B");
}

// Edits at random positions of a text of many runs: no cache helps.
void random_places() {
  std::mt19937_64 random(1);
  Text text;
  must(text.insert(kWriter, 0, std::string(100'000, 'x')), "edit");
  auto edit = [&] {
    std::uint64_t at = random() % (text.char_length() + 1);
    if (at < text.char_length() && random() % 4 == 0) {
      must(text.erase(at, 1), "edit");
    } else {
      must(text.insert(kWriter, at, "y"), "edit");
    }
  };
  for (int i = 0; i < 55'000; ++i) edit();
  constexpr int kEdits = 10'000;
  figure("text_random_us", 1000.0 / kEdits * median(9, [&] {
           Text copy = text;
           std::swap(copy, text);
           double time = milliseconds([&] { for (int i = 0; i < kEdits; ++i) edit(); });
           std::swap(copy, text);
           return time;
         }),
         "us");
}

// The cost of a typed character in a text and in one a hundred times as long.
void growth() {
  constexpr std::uint64_t kBurst = 30;
  auto cost = [](std::size_t chars) {
    std::mt19937_64 random(2);
    Text text;
    auto burst = [&] {  // at some place; the recorded sessions make 42 edits at one
      std::uint64_t at = random() % (text.char_length() + 1);
      for (std::uint64_t i = 0; i < kBurst; ++i) must(text.insert(kWriter, at + i, "z"), "edit");
    };
    while (text.char_length() < chars) burst();
    constexpr int kBursts = 2'000;
    return median(7, [&] {
      Text copy = text;
      std::swap(copy, text);
      double time = milliseconds([&] { for (int i = 0; i < kBursts; ++i) burst(); });
      std::swap(copy, text);
      return time / kBursts / kBurst;
    });
  };
  double small = cost(20'000);
  double large = cost(2'000'000);
  figure("text_growth_ratio", large / small, "x");
  figure("text_typed_small_ns", small * 1e6, "ns");
  figure("text_typed_large_ns", large * 1e6, "ns");
}

// One character merged into encoded texts of several sizes, typed in bursts at
// random places.
void merging() {
  const std::pair<const char*, std::size_t> sizes[] = {{"text_merge_1kb_us", 1'000},
                                                       {"text_merge_10kb_us", 10'000},
                                                       {"text_merge_100kb_us", 100'000},
                                                       {"text_merge_1mb_us", 1'000'000}};
  for (const auto& [name, chars] : sizes) {
    std::mt19937_64 random(3);
    Text text;
    while (text.char_length() < chars) {
      std::uint64_t at = random() % (text.char_length() + 1);
      must(text.insert(kWriter, at, "some words that are typed here"), "edit");
      if (random() % 4 == 0) must(text.erase(at, 5), "edit");
    }
    const std::string encoded = text.encode();
    std::string update;
    must(text.insert(kWriter + 1, text.char_length() / 2, "x", &update), "edit");
    const std::string wanted = text.encode();
    figure(name, 1000.0 * median(51, [&] {
             std::string merged;
             double time = milliseconds([&] { merged = *Text::merge_encoded(encoded, update); });
             if (merged != wanted) std::exit(1);
             return time;
           }),
           "us");
  }
}

}  // namespace

}  // namespace bench

int main() {
  using namespace bench;
  const std::string traces = std::string(CONVERGE_SOURCE_DIR) + "/../shared/traces/";
  const char* named = std::getenv("BENCH_TRACE");
  std::optional<EditingTrace> trace =
      read_trace(named != nullptr ? named : traces + "automerge-paper.json.gz");
  if (!trace && named != nullptr) {
    std::fprintf(stderr, "could not open trace \"%s\"\n", named);
    return 1;
  }
  if (!trace) {
    std::printf("automerge-paper is not there: measured on a generated session instead\n");
    trace = generated_session();
  }
  single_author(*trace);
  if (std::optional<EditingTrace> friends = read_trace(traces + "friendsforever.json.gz")) {
    two_authors(*friends);
  } else {
    std::printf("friendsforever is not there: friends_ms skipped\n");
  }
  merging();
  random_places();
  growth();
  many_authors();
  one_place();
}
