// y-leveldb's database, as y-websocket's server keeps documents with YPERSISTENCE. Its
// keys are lists: strings as a zero byte, a length (varint) and UTF-8, numbers as a one
// byte and 32 bits, big endian. An update is at ["v1", NAME, "update", NUMBER], its
// value an update v1; a document's updates follow one another. Other keys hold what can
// be computed from these, or metadata.
//
// LevelDB has no way to open a database without writing: it replays its log into new tables
// and may put tables together. So a copy is opened, which goes again with the import.
#include <fcntl.h>
#include <leveldb/db.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "core/codec/reader.h"
#include "yjs_source.h"

namespace converge::cli {

namespace fs = std::filesystem;

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

// Keeps others from opening a database, which they do with a lock for writing on this file.
// Throws if one of them has it open.
class DatabaseLock {
 public:
  explicit DatabaseLock(const fs::path& database) : file_(open((database / "LOCK").c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) return;  // a copy, that nobody has opened
    struct flock lock = {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(file_, F_SETLK, &lock) == 0) return;
    const std::string why = errno == EAGAIN || errno == EACCES ? "it is open elsewhere: stop that server first"
                                                                : std::strerror(errno);
    close(file_);
    throw std::runtime_error(database.string() + ": " + why);
  }
  ~DatabaseLock() {
    if (file_ >= 0) close(file_);
  }
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  int file_;
};

// A folder of its own in $TMPDIR, or /tmp, for as long as this lives.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((fs::temp_directory_path() / "converge-leveldb-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_ + ": " + std::strerror(errno));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class LevelDb final : public YjsSource {
 public:
  explicit LevelDb(const std::string& path) : path_(path) {
    if (!fs::exists(fs::path(path) / "CURRENT")) {
      throw std::runtime_error(path + " is no LevelDB database: it has no file CURRENT");
    }
    {
      const DatabaseLock lock(path);
      for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
        fs::copy_file(entry.path(), fs::path(copy_.path()) / entry.path().filename());
      }
    }
    leveldb::Options options;
    options.create_if_missing = false;
    options.paranoid_checks = true;
    leveldb::DB* opened = nullptr;
    check(leveldb::DB::Open(options, copy_.path(), &opened));
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
  TemporaryFolder copy_;
  std::unique_ptr<leveldb::DB> database_;
};

}  // namespace

std::unique_ptr<YjsSource> open_leveldb(const std::string& path) { return std::make_unique<LevelDb>(path); }

}  // namespace converge::cli
