#include "push_request.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <unordered_map>

namespace converge::bridge {

namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

constexpr int kNone = -1;

// The entries of a list are chained by their numbers, in the order in which they came.
struct List {
  int first = kNone;
  int last = kNone;
  int count = 0;

  template <class Entries>
  void append(Entries& entries, int entry) {
    (first == kNone ? first : entries[static_cast<std::size_t>(last)].next) = entry;
    last = entry;
    ++count;
  }
};

// A PushGroup, a DocumentPush of one, and a push of one.
struct Group {
  const PendingPush* push;  // whose token it has, and whose condition
  List documents;
  std::size_t size = 0;
};
struct Document {
  const PendingPush* push;  // whose document it is
  int group;
  int position;  // in the group
  List pushes;
  int changes = 0;
  std::size_t size = 0;
  int next = kNone;
};
struct Push {
  int next = kNone;
};

// All fields' numbers are below 16: their tags are of one byte.
std::size_t delimited(std::size_t size) {
  return 1 + pb::io::CodedOutputStream::VarintSize32(static_cast<std::uint32_t>(size)) + size;
}
std::size_t delimited_or_none(const std::string& bytes) { return bytes.empty() ? 0 : delimited(bytes.size()); }

class Writer {
 public:
  explicit Writer(std::string& bytes) : at_(reinterpret_cast<std::uint8_t*>(bytes.data())) {}

  void begin(int field, std::size_t size) {
    *at_++ = static_cast<std::uint8_t>(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    at_ = pb::io::CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(size), at_);
  }
  void bytes_or_none(int field, const std::string& bytes) {
    if (bytes.empty()) return;
    begin(field, bytes.size());
    at_ = pb::io::CodedOutputStream::WriteRawToArray(bytes.data(), static_cast<int>(bytes.size()), at_);
  }
  void flag(int field, bool value) {
    if (!value) return;
    *at_++ = static_cast<std::uint8_t>(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT));
    *at_++ = 1;
  }
  // Whose ByteSizeLong() was asked for.
  void message(int field, const pb::MessageLite& message) {
    begin(field, static_cast<std::size_t>(message.GetCachedSize()));
    at_ = message.SerializeWithCachedSizesToArray(at_);
  }

 private:
  std::uint8_t* at_;
};

struct DocumentName {
  int group;
  const PushedDocument* document;
  bool operator==(const DocumentName&) const = default;
};
struct HashOfName {
  std::size_t operator()(const DocumentName& name) const {
    return std::hash<const PushedDocument*>()(name.document) + static_cast<std::size_t>(name.group) * 0x9e3779b97f4a7c15u;
  }
};

}  // namespace

std::string encode_push_request(std::span<const PendingPush> batch, bool whole, std::vector<PushPlace>& places) {
  std::vector<Group> groups;
  std::vector<Document> documents;
  std::vector<Push> pushes(batch.size());
  std::unordered_map<std::string_view, int> group_of;
  std::unordered_map<DocumentName, int, HashOfName> document_of;
  groups.reserve(batch.size());
  documents.reserve(batch.size());
  places.clear();
  places.reserve(batch.size());

  for (std::size_t i = 0; i < batch.size(); ++i) {
    const PendingPush& push = batch[i];
    const bool conditional = push.atomic || !push.expect.empty();
    if (conditional) group_of.erase(*push.token);
    auto [group_entry, new_group] = group_of.try_emplace(*push.token, static_cast<int>(groups.size()));
    const int group_number = group_entry->second;
    if (new_group) groups.push_back({.push = &push, .documents = {}});
    if (conditional) group_of.erase(group_entry);
    Group& group = groups[static_cast<std::size_t>(group_number)];

    auto [document_entry, new_document] =
        document_of.try_emplace({group_number, push.pushed_document}, static_cast<int>(documents.size()));
    if (new_document) {
      documents.push_back({.push = &push, .group = group_number, .position = group.documents.count, .pushes = {}});
      documents.back().size = delimited(push.document->ByteSizeLong()) + delimited_or_none(push.temporary_key) +
                              delimited_or_none(push.expect);
      group.documents.append(documents, document_entry->second);
    }
    Document& document = documents[static_cast<std::size_t>(document_entry->second)];
    places.push_back({group_number, document.position, document.changes});
    document.pushes.append(pushes, static_cast<int>(i));
    document.changes += static_cast<int>(push.changes.size());
    for (const wire::Change& change : push.changes) document.size += delimited(change.ByteSizeLong());
  }

  for (const Document& document : documents) groups[static_cast<std::size_t>(document.group)].size += delimited(document.size);
  std::size_t size = whole ? 2 : 0;
  for (Group& group : groups) {
    group.size += delimited_or_none(*group.push->token) + (group.push->atomic ? 2 : 0);
    size += delimited(group.size);
  }

  std::string bytes(size, '\0');
  Writer out(bytes);
  for (const Group& group : groups) {
    out.begin(wire::PushRequest::kGroupsFieldNumber, group.size);
    out.bytes_or_none(wire::PushGroup::kTokenFieldNumber, *group.push->token);
    for (int d = group.documents.first; d != kNone;) {
      const Document& document = documents[static_cast<std::size_t>(d)];
      out.begin(wire::PushGroup::kDocumentsFieldNumber, document.size);
      out.message(wire::DocumentPush::kDocumentFieldNumber, *document.push->document);
      for (int p = document.pushes.first; p != kNone; p = pushes[static_cast<std::size_t>(p)].next)
        for (const wire::Change& change : batch[static_cast<std::size_t>(p)].changes)
          out.message(wire::DocumentPush::kChangesFieldNumber, change);
      out.bytes_or_none(wire::DocumentPush::kExpectFieldNumber, document.push->expect);
      out.bytes_or_none(wire::DocumentPush::kTemporaryKeyFieldNumber, document.push->temporary_key);
      d = document.next;
    }
    out.flag(wire::PushGroup::kAtomicFieldNumber, group.push->atomic);
  }
  out.flag(wire::PushRequest::kWholeFieldNumber, whole);
  return bytes;
}

}  // namespace converge::bridge
