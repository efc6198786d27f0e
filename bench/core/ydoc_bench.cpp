// A ydoc's figures, of documents that real Yjs made (ydoc.mjs):
//
//   bench-ydoc WHOLE UPDATE…     files: an update v2, and updates v1 made upon it
//
// Prints one line of JSON: the stored size, and the median time of merging one of the
// updates into the stored document, bytes to bytes.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/ydoc/ydoc.h"
#include "figure.h"

namespace {

using namespace converge;

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "bench-ydoc: %s\n", why);
  std::exit(1);
}

// As the server's `doc || update`.
std::string applied(const std::string& state, const std::string& update) {
  auto quick = YDoc::apply_to_encoded(state, update, UpdateFormat::v1);
  if (!quick) fail(quick.error().message.c_str());
  if (*quick) return std::move(**quick);
  auto document = YDoc::decode(state);
  if (!document || !document->apply_update(update, UpdateFormat::v1).ok()) fail("it cannot be applied");
  return document->encode();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) fail("needs a document and updates");
  YDoc document;
  if (!document.apply_update(read(arguments[1]), UpdateFormat::v2).ok()) fail("not an update v2");
  const std::string state = document.encode();
  std::vector<std::string> updates;
  for (int i = 2; i < count; ++i) updates.push_back(read(arguments[i]));
  int run = 0;
  const double quick = bench::median(101, [&] {
    const std::string& update = updates[static_cast<std::size_t>(run++) % updates.size()];
    std::string again;
    const double time = bench::milliseconds([&] { again = applied(state, update); });
    YDoc wanted = document;
    if (!wanted.apply_update(update, UpdateFormat::v1).ok() || again != wanted.encode()) {
      fail("the encoded merge gives other bytes");
    }
    return time;
  });
  const double slow = bench::median(21, [&] {
    return bench::milliseconds([&] {
      YDoc decoded = *YDoc::decode(state);
      if (!decoded.apply_update(updates[0], UpdateFormat::v1).ok() || decoded.encode().empty()) fail("merge");
    });
  });
  std::printf("{\"stored_bytes\": %zu, \"merge_ms\": %.4f, \"decoded_merge_ms\": %.4f}\n", state.size(),
              quick, slow);
}
