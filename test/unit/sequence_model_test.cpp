// The sequence engine against a model that keeps every UTF-16 unit apart in a
// plain list and integrates it by YATA's rule as Yjs states it, sets and all.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"
#include "property/history.h"  // how many cases a property gets

namespace converge {
namespace {

using property::Numbers;
using Name = std::pair<ReplicaId, std::uint32_t>;  // of a unit
constexpr Name kEdge{kReplicaLimit, 0};

struct ModelUnit {
  Name name;
  Name left = kEdge;
  Name right = kEdge;
  char32_t unit = 0;
  bool deleted = false;
};

// The units of a delta and the names it deletes.
struct Operations {
  std::vector<ModelUnit> units;
  std::vector<Name> deleted;
};

std::vector<char32_t> utf16_of(std::string_view text) {
  std::vector<char32_t> units;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t size = utf8_bytes_of(text[at]);
    char32_t point = static_cast<std::uint8_t>(text[at]) & (size == 1 ? 0x7f : 0xff >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      point = point << 6 | (static_cast<std::uint8_t>(text[at + i]) & 0x3f);
    }
    at += size;
    if (size < 4) {
      units.push_back(point);
    } else {
      units.push_back(0xd800 + ((point - 0x10000) >> 10));
      units.push_back(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return units;
}

Operations operations_of(const std::string& delta) {
  const FlatSequence flat = decode_sequence(delta).value();
  auto name = [&](UnitId id) {
    return id.none() ? kEdge : Name{flat.replicas[id.client], id.clock};
  };
  Operations operations;
  auto take = [&](const LooseRun& run) {
    const std::vector<char32_t> units = utf16_of(run.text);
    EXPECT_EQ(units.size(), run.text.empty() ? 0 : run.length);
    for (std::uint32_t i = 0; i < run.length; ++i) {
      ModelUnit unit{name(run.id.plus(i)), i == 0 ? name(run.left) : name(run.id.plus(i - 1)),
                     name(run.right)};
      if (run.text.empty()) {
        unit.deleted = true;
      } else {
        unit.unit = units[i];
      }
      operations.units.push_back(unit);
    }
  };
  for (const LooseRun& run : flat.runs) take(run);
  for (const LooseRun& run : flat.waiting) take(run);
  for (const UnitRange& range : flat.deleted) {
    for (std::uint32_t i = 0; i < range.length; ++i) operations.deleted.push_back(name(range.id.plus(i)));
  }
  return operations;
}

class Model {
 public:
  // Integrates what can be; the caller offers the rest again.
  bool integrate(const ModelUnit& unit) {
    if (known_.count(unit.name)) return true;
    if (unit.name.second > 0 && !known_.count({unit.name.first, unit.name.second - 1})) return false;
    for (const Name& origin : {unit.left, unit.right}) {
      if (origin != kEdge && !known_.count(origin)) return false;
    }
    // Yjs, Item.integrate.
    std::size_t left = unit.left == kEdge ? 0 : place(unit.left) + 1;  // insert here
    std::set<Name> before_origin;
    std::set<Name> conflicting;
    for (std::size_t o = left; o < units_.size() && units_[o].name != unit.right; ++o) {
      const ModelUnit& other = units_[o];
      before_origin.insert(other.name);
      conflicting.insert(other.name);
      if (other.left == unit.left) {
        if (other.name.first < unit.name.first) {
          left = o + 1;
          conflicting.clear();
        } else if (other.right == unit.right) {
          break;
        }
      } else if (other.left != kEdge && before_origin.count(other.left)) {
        if (!conflicting.count(other.left)) {
          left = o + 1;
          conflicting.clear();
        }
      } else {
        break;
      }
    }
    units_.insert(units_.begin() + static_cast<std::ptrdiff_t>(left), unit);
    known_.insert(unit.name);
    return true;
  }

  void erase(const Name& name) { erased_.insert(name); }

  // Half a pair, or a pair that another unit refers to the middle of, is U+FFFD.
  std::vector<char32_t> text() const {
    std::set<Name> cut_before;
    for (const ModelUnit& unit : units_) {
      if (unit.left != kEdge) {
        Name after{unit.left.first, unit.left.second + 1};
        if (after != unit.name) cut_before.insert(after);
      }
      if (unit.right != kEdge) cut_before.insert(unit.right);
    }
    std::vector<char32_t> text;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      const ModelUnit& unit = units_[i];
      if (is_erased(unit)) continue;
      bool high = unit.unit >= 0xd800 && unit.unit < 0xdc00;
      bool low = unit.unit >= 0xdc00 && unit.unit < 0xe000;
      bool whole = high && i + 1 < units_.size() &&
                   units_[i + 1].name == Name{unit.name.first, unit.name.second + 1} &&
                   !is_erased(units_[i + 1]) && !cut_before.count(units_[i + 1].name);
      if (whole) {
        text.push_back(unit.unit);
        text.push_back(units_[++i].unit);
      } else {
        text.push_back(high || low ? 0xfffd : unit.unit);
      }
    }
    return text;
  }

 private:
  bool is_erased(const ModelUnit& unit) const { return unit.deleted || erased_.count(unit.name); }
  std::size_t place(const Name& name) const {
    std::size_t at = 0;
    while (units_[at].name != name) ++at;
    return at;
  }

  std::vector<ModelUnit> units_;
  std::set<Name> known_;
  std::set<Name> erased_;
};

std::uint32_t mix(std::uint32_t a) {
  a = (a ^ (a >> 16)) * 0x85ebca6bu;
  a = (a ^ (a >> 13)) * 0xc2b2ae35u;
  return a ^ (a >> 16);
}

constexpr const char* kPieces[] = {"a", "bc", "é", "😀", "😀😁", "de😂", "漢字"};
constexpr ReplicaId kReplicas[] = {7, 3, 1000, 42};

// A delta that erases one unit by name: half a pair, as only others than this
// library would.
std::string erase_unit(ReplicaId replica, std::uint32_t clock) {
  FlatSequence flat;
  flat.replicas = {replica};
  flat.deleted = {{{0, clock}, 1}};
  return encode_pending(flat);
}

// Edits by some replicas that hear of each other now and then.
std::vector<std::string> history(const Numbers& numbers, std::vector<Text>& texts) {
  std::vector<std::string> deltas;
  texts.assign(4, Text());
  for (std::uint32_t number : numbers) {
    const std::uint32_t r = number % 4;
    const std::uint32_t place = mix(number);
    Text& text = texts[r];
    const std::uint64_t length = text.char_length();
    std::string delta;
    switch (number / 4 % 8) {
      case 0:
      case 1:
        RC_ASSERT(text.merge(texts[place % 4]).ok());
        continue;
      case 2:
        if (deltas.empty()) continue;
        RC_ASSERT(text.merge_encoded(deltas[place % deltas.size()]).ok());
        continue;
      case 3:
        if (length == 0) continue;
        RC_ASSERT(text.erase(place % length, 1 + place / 7 % std::min<std::uint64_t>(4, length - place % length), &delta).ok());
        break;
      case 4:
        delta = erase_unit(kReplicas[place % 4], place / 4 % 24);
        RC_ASSERT(text.merge_encoded(delta).ok());
        break;
      default: {
        auto inserted = text.insert(kReplicas[r], place % (length + 1), kPieces[place / 11 % 7], &delta);
        if (!inserted.ok()) continue;  // its next unit is deleted early by case 4
        break;
      }
    }
    deltas.push_back(delta);
  }
  return deltas;
}

TEST(SequenceModel, deltas_in_any_order_give_the_text_of_the_model) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t seed) {
    std::vector<Text> texts;
    std::vector<std::string> deltas = history(numbers, texts);
    for (std::size_t i = deltas.size(); i > 1; --i) {
      std::swap(deltas[i - 1], deltas[mix(seed + static_cast<std::uint32_t>(i)) % i]);
    }
    Text text;
    Model model;
    std::vector<ModelUnit> units;
    for (const std::string& delta : deltas) {
      RC_ASSERT(text.merge_encoded(delta).ok());
      Operations operations = operations_of(delta);
      units.insert(units.end(), operations.units.begin(), operations.units.end());
      for (const Name& name : operations.deleted) model.erase(name);
    }
    for (bool more = true; more;) {
      more = false;
      for (auto unit = units.begin(); unit != units.end();) {
        if (model.integrate(*unit)) {
          unit = units.erase(unit);
          more = true;
        } else {
          ++unit;
        }
      }
    }
    RC_ASSERT(units.empty());
    RC_ASSERT(utf16_of(text.text()) == model.text());
    RC_ASSERT(text.utf16_length() == model.text().size());
  });
}

TEST(SequenceModel, order_grouping_and_repetition_do_not_show_in_the_bytes) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t seed) {
    std::vector<Text> texts;
    const std::vector<std::string> deltas = history(numbers, texts);
    Text in_order;
    for (const std::string& delta : deltas) RC_ASSERT(in_order.merge_encoded(delta).ok());
    const std::string bytes = in_order.encode();
    // Groups of a random half each, joined in turn, some deltas more than once.
    Text grouped;
    for (std::uint32_t group = 0; group < 4; ++group) {
      Text part;
      for (std::size_t i = deltas.size(); i-- > 0;) {
        if (group == 3 || mix(seed + group * 97 + static_cast<std::uint32_t>(i)) % 2 == 0) {
          RC_ASSERT(part.merge_encoded(deltas[i]).ok());
        }
      }
      Text either = part;
      RC_ASSERT(either.merge(grouped).ok());
      RC_ASSERT(grouped.merge(part).ok());
      RC_ASSERT(either.encode() == grouped.encode());
    }
    RC_ASSERT(grouped.encode() == bytes);
    RC_ASSERT(Text::validate(bytes).ok());
    RC_ASSERT(Text::decode(bytes)->encode() == bytes);
    RC_ASSERT(*Text::text_of_encoded(bytes) == in_order.text());
  });
}

TEST(SequenceModel, delta_and_difference_bring_what_is_lacking) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    std::vector<Text> texts;
    history(numbers, texts);
    for (const Text& a : texts) {
      for (const Text& b : texts) {
        Text joined = a;
        RC_ASSERT(joined.merge(b).ok());
        const Text difference = b.difference(a);
        Text by_difference = a;
        RC_ASSERT(by_difference.merge_encoded(difference.encode()).ok());
        RC_ASSERT(by_difference == joined);
        RC_ASSERT(a.difference(joined).empty());
        RC_ASSERT(Text::validate(difference.encode()).ok());
        Text by_delta = a;
        RC_ASSERT(by_delta.merge(*b.delta(a.version())).ok());
        RC_ASSERT(by_delta == joined);
      }
    }
  });
}

TEST(SequenceModel, assign_gives_the_wanted_text_and_its_delta_too) {
  CONVERGE_PROPERTY([](const Numbers& numbers, const Numbers& pieces) {
    std::vector<Text> texts;
    history(numbers, texts);
    std::string wanted;
    for (std::uint32_t piece : pieces) wanted += kPieces[piece % 7];
    for (Text& text : texts) {
      Text before = text;
      std::string delta;
      if (!text.assign(99, wanted, &delta).ok()) continue;
      RC_ASSERT(text.text() == wanted);
      RC_ASSERT(before.merge_encoded(delta).ok());
      RC_ASSERT(before == text);
    }
  });
}

}  // namespace
}  // namespace converge
