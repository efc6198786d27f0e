#include "core/history/field_restore.h"

#include <algorithm>

#include "core/counter/pn_counter.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"

namespace converge {
namespace {

// Decodes both, lets edit(state, earlier) work on the present one, and gives what
// it did.
template <class State, class Edit>
Result<FieldRestoration> restore(std::string_view present, std::string_view earlier, ReplicaId replica, Edit edit) {
  const Result<State> before = State::decode(present);
  if (!before) return before.error();
  const Result<State> wanted = State::decode(earlier);
  if (!wanted) return wanted.error();
  State edited = *before;
  if (const Result<void> done = edit(edited, *wanted); !done) return done.error();
  return FieldRestoration{edited.difference(*before).encode(), edited.version_of(replica)};
}

Result<void> restore_map(LwwMap& map, const LwwMap& wanted, ReplicaId replica, std::uint64_t now_ms) {
  const LwwMap before = map;
  for (const std::string_view key : before.keys()) {
    if (wanted.contains(key)) continue;
    if (const Result<void> done = map.unset(replica, now_ms, key); !done) return done.error();
  }
  for (const std::string_view key : wanted.keys()) {
    const std::string_view value = *wanted.get(key);
    if (before.get(key) == value) continue;
    if (const Result<void> done = map.set(replica, now_ms, key, value); !done) return done.error();
  }
  return {};
}

// `add` and `remove` edit one element of the present set.
template <class Set, class Add, class Remove>
Result<void> restore_set(const Set& before, const Set& wanted, Add add, Remove remove) {
  for (const std::string_view element : before.elements()) {
    if (wanted.contains(element)) continue;
    if (const Result<void> done = remove(element); !done) return done.error();
  }
  for (const std::string_view element : wanted.elements()) {
    if (before.contains(element)) continue;
    if (const Result<void> done = add(element); !done) return done.error();
  }
  return {};
}

Result<void> restore_counter(PnCounter& counter, const PnCounter& wanted, ReplicaId replica) {
  const Result<std::int64_t> is = counter.value();
  if (!is) return is.error();
  const Result<std::int64_t> was = wanted.value();
  if (!was) return was.error();
  std::int64_t step = 0;
  if (__builtin_sub_overflow(*was, *is, &step)) {
    return Error{ErrorCode::out_of_range, "counter is too far from its earlier value",
                 "it is " + std::to_string(*is) + " and was " + std::to_string(*was)};
  }
  return counter.increment(replica, step);
}

Result<void> restore_register(MvRegister& assigned, const MvRegister& wanted, ReplicaId replica) {
  const std::vector<std::string_view> values = wanted.values();
  if (values == assigned.values() || values.empty()) return {};
  const MvRegister before = assigned;
  for (const std::string_view value : values) {
    // Each replaces what stands at present, and none of the others.
    MvRegister one = before;
    if (const Result<void> done = one.assign(replica, value); !done) return done.error();
    if (const Result<void> done = assigned.merge(one); !done) return done.error();
    replica = (replica + 1) % kReplicaLimit;
  }
  return {};
}

}  // namespace

Result<FieldRestoration> restore_field(FieldType type, std::string_view present, std::string_view earlier,
                                       ReplicaId replica, std::uint64_t now_ms) {
  switch (type) {
    case FieldType::crdt_text:
      return restore<Text>(present, earlier, replica, [&](Text& text, const Text& wanted) {
        return text.assign(replica, wanted.text());
      });
    case FieldType::lww_map:
      return restore<LwwMap>(present, earlier, replica, [&](LwwMap& map, const LwwMap& wanted) {
        return restore_map(map, wanted, replica, now_ms);
      });
    case FieldType::lww_set:
      return restore<LwwSet>(present, earlier, replica, [&](LwwSet& set, const LwwSet& wanted) {
        return restore_set(
            LwwSet(set), wanted, [&](std::string_view element) { return set.add(replica, now_ms, element); },
            [&](std::string_view element) { return set.remove(replica, now_ms, element); });
      });
    case FieldType::or_set:
      return restore<OrSet>(present, earlier, replica, [&](OrSet& set, const OrSet& wanted) {
        return restore_set(
            OrSet(set), wanted, [&](std::string_view element) { return set.add(replica, element); },
            [&](std::string_view element) { return set.remove(replica, element); });
      });
    case FieldType::pn_counter:
      return restore<PnCounter>(present, earlier, replica, [&](PnCounter& counter, const PnCounter& wanted) {
        return restore_counter(counter, wanted, replica);
      });
    case FieldType::mv_register:
      return restore<MvRegister>(present, earlier, replica, [&](MvRegister& assigned, const MvRegister& wanted) {
        return restore_register(assigned, wanted, replica);
      });
    case FieldType::g_counter:
    case FieldType::ydoc: break;
  }
  return Error{ErrorCode::invalid, "a " + std::string(field_type_name(type)) + " cannot be given an earlier value", {}};
}

}  // namespace converge
