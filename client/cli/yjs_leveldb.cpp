// y-leveldb's database, as y-websocket's server keeps documents with YPERSISTENCE. Its
// keys are lists: strings as a zero byte, a length (varint) and UTF-8, numbers as a one
// byte and 32 bits, big endian. An update is at ["v1", NAME, "update", NUMBER], its
// value an update v1; a document's updates follow one another. Other keys hold what can
// be computed from these, or metadata.
#include <leveldb/db.h>

#include <filesystem>
#include <stdexcept>

#include "core/codec/reader.h"
#include "yjs_source.h"

namespace converge::cli {

namespace {

constexpr char kPrefix[] = "\0\2v1";  // the key's first string

struct UpdateKey {
  std::string name;
  std::uint32_t number;
};

std::string_view read_string(Reader& in) {
  if (in.byte() != 0) in.fail("not a string");
  return in.string();
}

// None for another kind of key.
std::optional<UpdateKey> read_key(std::string_view key) {
  Reader in(key);
  if (read_string(in) != "v1") return {};
  const std::string_view name = read_string(in);
  if (read_string(in) != "update" || in.failed()) return {};
  if (in.byte() != 1) in.fail("not a number");
  UpdateKey update{std::string(name), 0};
  for (int i = 0; i < 4; ++i) update.number = update.number << 8 | in.byte();
  in.expect_end();
  if (in.failed()) throw std::runtime_error("a key of document \"" + update.name + "\" is not y-leveldb's");
  return update;
}

class LevelDb final : public YjsSource {
 public:
  explicit LevelDb(const std::string& path) : path_(path) {
    if (!std::filesystem::exists(std::filesystem::path(path) / "CURRENT")) {
      throw std::runtime_error(path + " is no LevelDB database: it has no file CURRENT");
    }
    leveldb::Options options;
    options.paranoid_checks = true;
    leveldb::DB* opened = nullptr;
    check(leveldb::DB::Open(options, path, &opened));
    database_.reset(opened);
  }

  void for_each(const std::function<void(const KeptDocument&)>& take) override {
    const std::unique_ptr<leveldb::Iterator> at(database_->NewIterator({}));
    const leveldb::Slice prefix(kPrefix, sizeof(kPrefix) - 1);
    KeptDocument document;
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      const auto key = read_key({at->key().data(), at->key().size()});
      if (!key) continue;
      if (document.name != key->name || document.updates.empty()) {
        if (!document.updates.empty()) take(document);
        document = KeptDocument{key->name, {}, UpdateFormat::v1};
      }
      document.updates.push_back({at->value().ToString(), "update " + std::to_string(key->number)});
    }
    check(at->status());
    if (!document.updates.empty()) take(document);
  }

 private:
  void check(const leveldb::Status& status) const {
    if (!status.ok()) throw std::runtime_error(path_ + ": " + status.ToString());
  }

  std::string path_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

std::unique_ptr<YjsSource> open_leveldb(const std::string& path) { return std::make_unique<LevelDb>(path); }

}  // namespace converge::cli
