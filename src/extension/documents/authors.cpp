#include "extension/documents/authors.h"

#include <cstring>

#include "core/history/authorship.h"
#include "extension/documents/snapshot.h"

extern "C" {
#include "utils/memutils.h"
}

namespace converge {
namespace {

// Items of one field that are held before they are encoded: some 30 MB then.
constexpr int kMaxItems = 1 << 18;

AuthoredField* field_named(Authors* authors, const char* name) {
  for (int i = 0; i < authors->count; i++) {
    if (std::strcmp(authors->fields[i].name, name) == 0) return &authors->fields[i];
  }
  if (authors->count == authors->room) {
    authors->room = authors->room == 0 ? 8 : authors->room * 2;
    const Size size = sizeof(AuthoredField) * static_cast<Size>(authors->room);
    authors->fields = static_cast<AuthoredField*>(
        authors->fields == nullptr ? MemoryContextAlloc(authors->result, size) : repalloc(authors->fields, size));
  }
  AuthoredField* field = &authors->fields[authors->count++];
  *field = {MemoryContextStrdup(authors->result, name), nullptr, 0, 0, {}};
  return field;
}

void encode_items(Authors* authors, AuthoredField* field) {
  if (field->count == 0) return;
  MemoryContext old = MemoryContextSwitchTo(authors->result);
  struct varlena* encoded = boundary::call([&]() -> Result<struct varlena*> {
    Authorship authorship;
    if (!field->encoded.empty()) {
      Result<Authorship> before = Authorship::decode(field->encoded);
      if (!before) return before.error();
      authorship = std::move(*before);
    }
    for (int i = 0; i < field->count; i++) {
      const AuthoredItems& items = field->items[i];
      authorship.add({static_cast<ReplicaId>(items.item_replica), items.first, items.last},
                     authorship.author(static_cast<ReplicaId>(items.replica), items.principal), items.at);
    }
    return boundary::varlena_of(authorship.encode());
  });
  MemoryContextSwitchTo(old);
  field->encoded = boundary::view(encoded);
  field->count = 0;
}

void add_items(Authors* authors, AuthoredField* field, const AuthoredItems& items) {
  if (field->count == kMaxItems) encode_items(authors, field);
  if (field->count == field->room) {
    field->room = field->room == 0 ? 64 : field->room * 2;
    const Size size = sizeof(AuthoredItems) * static_cast<Size>(field->room);
    field->items = static_cast<AuthoredItems*>(
        field->items == nullptr ? MemoryContextAlloc(authors->result, size) : repalloc(field->items, size));
  }
  field->items[field->count++] = items;
}

// The core's ItemRanges in plain memory.
struct Ranges {
  ItemRange* at;
  std::size_t count;
};

Ranges ranges_of(std::string_view delta) {
  return boundary::call([&]() -> Result<Ranges> {
    const Result<FieldType> type = field_type(delta);
    if (!type) return type.error();
    const Result<std::vector<ItemRange>> items = items_of(*type, delta);
    if (!items) return items.error();
    Ranges ranges{static_cast<ItemRange*>(boundary::allocate(sizeof(ItemRange) * (items->size() + 1))), items->size()};
    std::copy(items->begin(), items->end(), ranges.at);
    return ranges;
  });
}

}  // namespace

Authors begin_authors() {
  return {nullptr, 0, 0, CurrentMemoryContext,
          AllocSetContextCreate(CurrentMemoryContext, "converge authors", ALLOCSET_DEFAULT_SIZES), nullptr};
}

void add_kept_authors(Authors* authors, const char* tenant, std::int64_t document, Snapshot snapshot) {
  MemoryContext old = MemoryContextSwitchTo(authors->result);
  int count;
  const FieldChange* kept = read_snapshot_authors(tenant, document, snapshot, &count);
  for (int i = 0; i < count; i++) field_named(authors, kept[i].field)->encoded = kept[i].delta;
  MemoryContextSwitchTo(old);
}

void add_change_authors(Authors* authors, const LoggedChange& change, const char* only) {
  if (change.refused) return;
  if (authors->principal == nullptr || std::strcmp(authors->principal, change.principal) != 0) {
    authors->principal = MemoryContextStrdup(authors->result, change.principal);
  }
  MemoryContext old = MemoryContextSwitchTo(authors->scratch);
  auto* payload = static_cast<Payload*>(palloc(sizeof(Payload)));
  decode_logged_payload(change.payload, payload);
  for (int i = 0; i < payload->count; i++) {
    const FieldChange& field = payload->fields[i];
    if (only != nullptr && std::strcmp(field.field, only) != 0) continue;
    const Ranges ranges = ranges_of(field.delta);
    for (std::size_t j = 0; j < ranges.count; j++) {
      add_items(authors, field_named(authors, field.field),
                {static_cast<std::int64_t>(ranges.at[j].replica), ranges.at[j].first, ranges.at[j].last, change.replica,
                 authors->principal, change.recorded_at});
    }
  }
  MemoryContextSwitchTo(old);
  MemoryContextReset(authors->scratch);
}

void finish_authors(Authors* authors) {
  for (int i = 0; i < authors->count; i++) encode_items(authors, &authors->fields[i]);
  MemoryContextDelete(authors->scratch);
}

std::string_view authorship_of(const Authors& authors, const char* field) {
  for (int i = 0; i < authors.count; i++) {
    if (std::strcmp(authors.fields[i].name, field) == 0) return authors.fields[i].encoded;
  }
  return {};
}

}  // namespace converge
