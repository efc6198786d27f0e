// What a random edit of each type is.
#pragma once

#include "core/counter/g_counter.h"
#include "core/counter/pn_counter.h"
#include "core/lww_map/lww_map.h"
#include "core/lww_set/lww_set.h"
#include "core/or_set/or_set.h"
#include "core/register/mv_register.h"
#include "core/sequence/text.h"
#include "property/history.h"

namespace converge::property {

// Few keys, so that edits meet; some longer than a hash word, some not ASCII.
inline const char* const kKeys[] = {"", "a", "é", "a key of some length"};
inline constexpr std::size_t kKeyCount = 4;
inline std::string key_of(std::uint32_t number) { return kKeys[number % kKeyCount]; }
inline std::string value_of(std::uint32_t number) {
  static const char* const values[] = {"1", "\"x\"", "[ ]", "{\"a\":null}", "2"};
  return values[number % 5];
}

struct MapKind {
  using State = LwwMap;
  static constexpr FieldType type = FieldType::lww_map;
  // Clocks of a few milliseconds, so that they tie.
  static std::uint64_t now(std::uint32_t number) { return 1 + number / 64 % 4; }
  static bool unsets(std::uint32_t number) { return number / 4 % 4 == 0; }
  static std::string value(std::uint32_t number) { return value_of(number / 16); }
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    if (unsets(number)) {
      RC_ASSERT(state.unset(replica, now(number), key_of(number), delta).ok());
    } else {
      RC_ASSERT(state.set(replica, now(number), key_of(number), value(number), delta).ok());
    }
  }
};

struct LwwSetKind {
  using State = LwwSet;
  static constexpr FieldType type = FieldType::lww_set;
  static bool removes(std::uint32_t number) { return number / 4 % 2 == 0; }
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    if (removes(number)) {
      RC_ASSERT(state.remove(replica, MapKind::now(number), key_of(number), delta).ok());
    } else {
      RC_ASSERT(state.add(replica, MapKind::now(number), key_of(number), delta).ok());
    }
  }
};

struct OrSetKind {
  using State = OrSet;
  static constexpr FieldType type = FieldType::or_set;
  static bool removes(std::uint32_t number) { return number / 16 % 3 == 0; }
  // More elements than are kept without an index.
  static std::string element(std::uint32_t number) {
    return number % 16 < 4 ? key_of(number) : "element " + std::to_string(number % 16);
  }
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    if (removes(number)) {
      RC_ASSERT(state.remove(replica, element(number), delta).ok());
    } else {
      RC_ASSERT(state.add(replica, element(number), delta).ok());
    }
  }
};

struct RegisterKind {
  using State = MvRegister;
  static constexpr FieldType type = FieldType::mv_register;
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    RC_ASSERT(state.assign(replica, value_of(number), delta).ok());
  }
};

struct GCounterKind {
  using State = GCounter;
  static constexpr FieldType type = FieldType::g_counter;
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    RC_ASSERT(state.increment(replica, number % 1000, delta).ok());
  }
};

struct PnCounterKind {
  using State = PnCounter;
  static constexpr FieldType type = FieldType::pn_counter;
  static std::int64_t amount(std::uint32_t number) {
    return static_cast<std::int64_t>(number % 1000) - 500;
  }
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    RC_ASSERT(state.increment(replica, amount(number), delta).ok());
  }
};

struct TextKind {
  using State = Text;
  static constexpr FieldType type = FieldType::crdt_text;
  static void edit(State& state, ReplicaId replica, std::uint32_t number, std::string* delta) {
    static const char* const pieces[] = {"a", "bc", "é", "😀", "語x😀y", "a longer piece of text"};
    const std::uint64_t length = state.char_length();
    const std::uint64_t at = number / 32 % (length + 1);
    const std::uint32_t what = number % 32;
    if (what < 8 && at < length) {
      RC_ASSERT(state.erase(at, 1 + what % (length - at), delta).ok());
    } else {
      RC_ASSERT(state.insert(replica, at, pieces[what % 6], delta).ok());
    }
  }
};

}  // namespace converge::property
