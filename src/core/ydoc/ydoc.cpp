#include "core/ydoc/ydoc.h"

#include <algorithm>
#include <forward_list>
#include <utility>
#include <vector>

#include "core/long_work.h"
#include "core/sequence/run_gathering.h"
#include "core/sequence/sequence.h"
#include "core/ydoc/document_merge.h"
#include "core/ydoc/update_writer.h"
#include "core/ydoc/ydoc_codec.h"

namespace converge {

namespace {

Error too_large() {
  return Error{ErrorCode::too_large, "ydoc would grow beyond its bounds",
               "at most " + std::to_string(kMaxTextBytes) + " bytes of text, " +
                   std::to_string(kMaxContentBytes) + " of other content, " +
                   std::to_string(kMaxPendingRuns) + " pending runs and " +
                   std::to_string(kMaxPendingBytes) + " bytes of pending text"};
}

VersionVector known_in(const Sequence& document) {
  std::vector<VersionVector::Entry> entries;
  for (ClientIndex i = 0; i < document.replicas().size(); ++i) {
    entries.push_back({document.replicas()[i], document.known(i)});
  }
  std::sort(entries.begin(), entries.end());
  VersionVector version;
  for (const auto& entry : entries) version.set(entry.replica, entry.counter);
  return version;
}

// Contents of so many states are laid out at once, about: what is replaced by the next of
// them need not be held beside it.
constexpr std::size_t kMaxGatheredBytes = std::size_t{1} << 24;

// Above this it is not worth the look.
constexpr std::size_t kFewEdits = 64;

// Whether none of it could be integrated into nothing, and nothing of it is said twice, as
// it mostly is of what a client sends while somebody types: the state of that alone is what
// it says, all of it pending.
bool is_plain_edit(const FlatSequence& flat) {
  if (flat.waiting.size() > kFewEdits || flat.waiting.size() * flat.deleted.size() > kFewEdits ||
      flat.deleted.size() > kMaxPendingRuns) {
    return false;
  }
  std::uint64_t end = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t content_bytes = 0;
  for (const LooseRun& run : flat.waiting) {
    const std::uint64_t key = run.id.key();
    if (key < end) return false;
    end = key + run.length;
    text_bytes += run.text.size();
    const std::size_t contents = run.contents != nullptr ? count_placeholders(run.text) : 0;
    for (std::size_t i = 0; i < contents; ++i) content_bytes += run.contents[i].bytes();
    const bool under_unit = run.list >= kFirstList && !flat.lists[run.list - kFirstList].parent.none();
    if (run.id.clock == 0 && run.left.none() && run.right.none() && !under_unit) return false;
    // Where one has half a surrogate pair, others may have to be cut (Sequence::offer()).
    if (flat.waiting.size() > 1 && run.text.find(kReplacement) != std::string_view::npos) return false;
    for (const UnitRange& range : flat.deleted) {
      if (range.id.key() < end && key < range.id.key() + range.length) return false;
    }
  }
  return flat.runs.empty() && text_bytes <= kMaxPendingBytes && content_bytes <= kMaxContentBytes;
}

std::unique_ptr<Sequence> new_document() { return std::make_unique<Sequence>(Sequence::Holds::lists); }

}  // namespace

YDoc::YDoc() : sequence_(new_document()) {}
YDoc::YDoc(std::unique_ptr<Sequence> sequence) : sequence_(std::move(sequence)) {}
YDoc::~YDoc() = default;
YDoc::YDoc(const YDoc& other) : sequence_(std::make_unique<Sequence>(*other.sequence_)) {}
YDoc::YDoc(YDoc&& other) noexcept = default;
YDoc& YDoc::operator=(YDoc&& other) noexcept = default;
YDoc& YDoc::operator=(const YDoc& other) {
  if (this != &other) sequence_ = std::make_unique<Sequence>(*other.sequence_);
  return *this;
}

bool operator==(const YDoc& a, const YDoc& b) { return a.encode() == b.encode(); }

// ---- bytes ---------------------------------------------------------------

Result<YDoc> YDoc::decode(std::string_view bytes) {
  auto document = new_document();
  Result<FlatDocument> pending = load_document(bytes, *document);
  if (!pending) return pending.error();
  const FlatSequence& flat = pending->flat;
  if (!flat.waiting.empty() || !flat.deleted.empty()) {
    const VersionVector before = known_in(*document);
    if (!document->add(flat)) return too_large();
    if (document->waiting().size() < flat.waiting.size() || known_in(*document) != before) {
      return Error{ErrorCode::malformed, "malformed ydoc",
                   "what it says is pending is known or could be integrated"};
    }
  }
  if (document->tree().bytes() > kMaxTextBytes ||
      document->lists().content_bytes() > kMaxContentBytes) {
    return too_large();
  }
  return YDoc(std::move(document));
}

std::string YDoc::encode() const { return encode_document(*sequence_); }

Result<std::string> YDoc::encode(const FlatDocument& update) {
  if (is_plain_edit(update.flat)) return encode_pending(update);
  YDoc document;
  if (auto applied = document.apply(update); !applied) return applied.error();
  return document.encode();
}

Result<void> YDoc::validate(std::string_view bytes) {
  if (is_pending_alone(bytes)) {
    FlatDocument pending;
    if (auto read = read_pending(bytes, pending); !read) return read.error();
    if (is_plain_edit(pending.flat) && encode_pending(pending) == bytes) return {};
  }
  Result<YDoc> document = decode(bytes);
  if (!document) return document.error();
  if (document->encode() != bytes) {
    return Error{ErrorCode::malformed, "malformed ydoc", "it is not in its canonical form"};
  }
  // Integrated from nothing, in another order than that in which it is written.
  YDoc again;
  if (!again.sequence_->add(flatten_document(*document->sequence_).flat)) return too_large();
  if (again.encode() != bytes) {
    return Error{ErrorCode::malformed, "malformed ydoc",
                 "its items do not stand where their origins say"};
  }
  return {};
}

// ---- states --------------------------------------------------------------

Result<void> YDoc::merge(const YDoc& other) {
  if (this == &other) return {};
  if (!sequence_->add(flatten_document(*other.sequence_).flat)) return too_large();
  return {};
}

Result<void> YDoc::merge_encoded(std::string_view bytes) {
  if (is_pending_alone(bytes)) {
    FlatDocument pending;
    if (auto read = read_pending(bytes, pending); !read) return read.error();
    if (!sequence_->add(pending.flat)) return too_large();
    return {};
  }
  Result<YDoc> other = decode(bytes);
  if (!other) return other.error();
  if (empty()) {
    *this = std::move(*other);
    return {};
  }
  return merge(*other);
}

Result<void> YDoc::merge_all_encoded(std::span<const std::string_view> states) {
  FlatDocument pending;
  auto add_pending = [&] {
    std::forward_list<std::string> texts;
    join_runs(pending.flat.waiting, texts);
    return sequence_->add(pending.flat);
  };
  for (const std::string_view state : states) {
    long_work();
    if (pending.content_bytes() > kMaxGatheredBytes) {
      if (!add_pending()) return too_large();
      pending = FlatDocument();
    }
    if (is_pending_alone(state)) {
      if (auto read = read_pending(state, pending); !read) return read.error();
    } else if (auto merged = merge_encoded(state); !merged) {
      return merged.error();
    }
  }
  if (!add_pending()) return too_large();
  return {};
}

Result<std::string> YDoc::merge_encoded(std::string_view state, std::string_view delta) {
  if (is_pending_alone(delta)) {
    FlatDocument pending;
    if (read_pending(delta, pending)) {
      if (auto merged = merge_into_document(state, pending.flat)) return std::move(*merged);
    }
  }
  Result<YDoc> document = decode(state);
  if (!document) return document.error();
  if (auto merged = document->merge_encoded(delta); !merged) return merged.error();
  return document->encode();
}

VersionVector YDoc::version() const { return known_in(*sequence_); }

std::uint64_t YDoc::version_of(ReplicaId replica) const {
  const ClientIndex client = sequence_->find_client(replica);
  return client == kNoId.client ? 0 : sequence_->known(client);
}

std::size_t YDoc::merge_weight() const { return sequence_->replicas().size(); }

Result<std::vector<ReplicaId>> YDoc::authors(std::string_view bytes) {
  std::vector<ReplicaId> authors;
  FlatDocument pending;
  if (is_pending_alone(bytes)) {
    if (auto read = read_pending(bytes, pending); !read) return read.error();
  } else {
    Sequence document(Sequence::Holds::lists);
    Result<FlatDocument> read = load_document(bytes, document);
    if (!read) return read.error();
    pending = std::move(*read);
    for (ClientIndex i = 0; i < document.replicas().size(); ++i) {
      if (document.known(i) > 0) authors.push_back(document.replicas()[i]);
    }
  }
  for (const LooseRun& run : pending.flat.waiting) authors.push_back(pending.flat.replicas[run.id.client]);
  std::sort(authors.begin(), authors.end());
  authors.erase(std::unique(authors.begin(), authors.end()), authors.end());
  return authors;
}

bool YDoc::empty() const { return version().empty() && !has_pending(); }
bool YDoc::has_pending() const { return sequence_->has_pending(); }

// ---- Yjs's own formats ---------------------------------------------------

Result<void> YDoc::apply_update(std::string_view update, UpdateFormat format) {
  const Result<FlatDocument> read = read_update(update, format);
  if (!read) return read.error();
  return apply(*read);
}

Result<void> YDoc::apply(const FlatDocument& update) {
  if (!sequence_->add(update.flat)) return too_large();
  return {};
}

Result<std::optional<std::string>> YDoc::apply_to_encoded(std::string_view state,
                                                          std::string_view update,
                                                          UpdateFormat format) {
  const Result<FlatDocument> flat = read_update(update, format);
  if (!flat) return flat.error();
  return merge_into_document(state, flat->flat);
}

Result<std::string> YDoc::update_since(std::string_view state_vector, UpdateFormat format,
                                       std::size_t* deletions) const {
  Result<VersionVector> since = read_state_vector(state_vector);
  if (!since) return since.error();
  return write_update(*sequence_, *since, format, deletions);
}

std::string YDoc::state_vector() const { return write_state_vector(*sequence_); }

}  // namespace converge
