#include "extension/documents/field_value.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/history/authorship.h"
#include "core/sequence/text.h"
#include "core/work_bound.h"

extern "C" {
#include "access/detoast.h"
#include "utils/datum.h"
}

namespace converge {

struct varlena* empty_value(FieldType type) {
  return boundary::call(
      [&]() -> Result<struct varlena*> { return boundary::varlena_of(empty_state(type)); });
}

std::string_view state_bytes(FieldType type, struct varlena* value) {
  if (value == nullptr) return boundary::view(empty_value(type));
  return boundary::view(PG_DETOAST_DATUM_PACKED(PointerGetDatum(value)));
}

bool same_value(Datum a, bool a_null, Datum b, bool b_null) {
  if (a_null || b_null) return a_null && b_null;
  auto* left = DatumGetPointer(a);
  auto* right = DatumGetPointer(b);
  if (left == right) return true;
  if (VARATT_IS_EXTERNAL_ONDISK(left) && VARATT_IS_EXTERNAL_ONDISK(right)) {
    struct varatt_external first, second;
    VARATT_EXTERNAL_GET_POINTER(first, left);
    VARATT_EXTERNAL_GET_POINTER(second, right);
    if (std::memcmp(&first, &second, sizeof first) == 0) return true;
  }
  return datum_image_eq(a, b, false, -1);
}

struct varlena* merge_states(FieldType type, std::string_view a, std::string_view b) {
  return boundary::call([&]() -> Result<struct varlena*> {
    const Result<std::string> merged = merge(type, a, b);
    if (!merged) return merged.error();
    return boundary::varlena_of(*merged);
  });
}

struct varlena* merge_all_states(FieldType type, const std::string_view* states, int count) {
  return boundary::call([&]() -> Result<struct varlena*> {
    const Result<std::string> merged = merge_all(type, {states, static_cast<std::size_t>(count)});
    if (!merged) return merged.error();
    return boundary::varlena_of(*merged);
  });
}

namespace {

template <typename Counter>
void check_counter(std::string_view state) {
  (void)boundary::call([&]() -> Result<std::int64_t> {
    const Result<Counter> counter = Counter::decode(state);
    if (!counter) return counter.error();
    return counter->value();
  });
}

}  // namespace

void check_value(FieldType type, std::string_view state) {
  if (type == FieldType::pn_counter) check_counter<PnCounter>(state);
  if (type == FieldType::g_counter) check_counter<GCounter>(state);
}

struct varlena* state_difference(FieldType type, std::string_view older, std::string_view newer) {
  if (older == newer) return nullptr;
  return boundary::call([&]() -> Result<struct varlena*> {
    const Result<std::string> delta = difference(type, older, newer);
    if (!delta) return delta.error();
    if (is_empty_state(*delta)) return static_cast<struct varlena*>(nullptr);
    return boundary::varlena_of(*delta);
  });
}

bool check_state(FieldType type, std::string_view delta, std::uint64_t* greatest,
                 boundary::Failure* failure) {
  auto body = [&]() -> Result<std::uint64_t> {
    try {
      const WorkBound bound(kMostWorkOfChange);
      const Result<void> valid = validate(type, delta);
      if (!valid) return valid.error();
    } catch (const TooMuchWork&) {
      return Error{ErrorCode::too_large, "it takes too long to check",
                   "too much of it was written at the same place at the same time"};
    }
    return greatest_hlc(type, delta);
  };
  return boundary::attempt(body, greatest, failure);
}

DeltaAuthors authors_of_delta(FieldType type, std::string_view delta) {
  return boundary::call([&]() -> Result<DeltaAuthors> {
    std::vector<ReplicaId> found;
    if (type == FieldType::pn_counter || type == FieldType::g_counter) {
      const Result<std::string> encoded = version(type, delta);
      if (!encoded) return encoded.error();
      const Result<VersionVector> edits = VersionVector::decode(*encoded);
      if (!edits) return edits.error();
      for (const auto& [replica, count] : edits->entries()) found.push_back(replica);
    } else {
      const Result<std::vector<ItemRange>> items = items_of(type, delta);
      if (!items) return items.error();
      for (const ItemRange& range : *items) found.push_back(range.replica);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    auto* replicas = static_cast<ReplicaId*>(boundary::allocate(sizeof(ReplicaId) * std::max<std::size_t>(found.size(), 1)));
    std::copy(found.begin(), found.end(), replicas);
    return DeltaAuthors{replicas, static_cast<int>(found.size())};
  });
}

int tombstone_share(FieldType type, std::string_view state) {
  constexpr std::size_t kLarge = 4 << 10;
  if (type != FieldType::crdt_text || state.size() < kLarge) return 0;
  return boundary::call([&]() -> Result<int> {
    const Result<std::string_view> text = Text::text_of_encoded(state);
    if (!text) return text.error();
    return static_cast<int>(100 * (state.size() - text->size()) / state.size());
  });
}

}  // namespace converge
