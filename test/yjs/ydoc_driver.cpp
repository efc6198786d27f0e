// A ydoc for a Yjs client to talk to. Reads lines, answers each with one; bytes
// are hex:
//
//   apply FORMAT UPDATE          ok new, or ok known where it adds nothing; applied to the
//                                encoded state it gives the same bytes, or no answer
//   pass FORMAT UPDATE           update BYTES: the update by itself, read and written again,
//                                as a server passes it on
//   tally                        tally ANSWERS UPDATES: how often it gave one
//   merge                        ok: what was applied since the last one, gathered in a
//                                document of its own, is merged as an encoded state
//   json                         json JSON
//   update FORMAT VECTOR         update BYTES
//   vector                       vector BYTES
//   state                        state BYTES, once the state was found to be canonical
//   insert CLIENT ROOT AT TEXT   update BYTES: the edit as an update v1
//   set CLIENT ROOT KEY JSON     likewise
//   new                          ok: begins anew
//
// Where something is wrong the answer is `error WHAT`.
#include <iostream>
#include <sstream>
#include <string>

#include "core/field.h"
#include "core/ydoc/ydoc.h"

namespace {

using namespace converge;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

std::string error(const Error& error) { return "error " + error.message + " (" + error.detail + ")"; }

class Driver {
 public:
  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string what, a, b, c, d;
    words >> what >> a >> b >> c >> d;
    const auto format = a == "2" ? UpdateFormat::v2 : UpdateFormat::v1;
    if (what == "apply") {
      const std::string update = from_hex(b);
      const std::string before = document_.encode();
      const auto quick = YDoc::apply_to_encoded(before, update, format);
      if (!quick) return error(quick.error());
      if (auto done = document_.apply_update(update, format); !done) return error(done.error());
      if (auto done = gathered_.apply_update(update, format); !done) return error(done.error());
      ++updates_;
      answers_ += quick->has_value();
      if (*quick && **quick != document_.encode()) {
        return "error applied to the encoded state " + to_hex(before) + " the update v" + a + " " + to_hex(update) + " gives other bytes";
      }
      return document_.encode() == before ? "ok known" : "ok new";
    }
    if (what == "pass") {
      YDoc alone;
      if (auto done = alone.apply_update(from_hex(b), format); !done) return error(done.error());
      auto decoded = YDoc::decode(alone.encode());
      if (!decoded) return error(decoded.error());
      return "update " + to_hex(*decoded->update_since("", format));
    }
    if (what == "tally") {
      return "tally " + std::to_string(answers_) + " " + std::to_string(updates_);
    }
    if (what == "merge") {
      const std::string delta = gathered_.encode();
      gathered_ = YDoc();
      auto merged = merge(FieldType::ydoc, merged_, delta);
      if (!merged) return error(merged.error());
      merged_ = *merged;
      return merged_ == document_.encode() ? "ok" : "error merging states differs from applying updates";
    }
    if (what == "json") {
      auto json = document_.json();
      return json ? "json " + *json : error(json.error());
    }
    if (what == "update") {
      auto update = document_.update_since(from_hex(b), format);
      return update ? "update " + to_hex(*update) : error(update.error());
    }
    if (what == "vector") return "vector " + to_hex(document_.state_vector());
    if (what == "state") {
      const std::string state = document_.encode();
      if (auto valid = validate(FieldType::ydoc, state); !valid) return error(valid.error());
      return "state " + to_hex(state);
    }
    if (what == "insert" || what == "set") {
      std::string delta;
      const ReplicaId client = std::stoull(a);
      auto done = what == "insert" ? document_.insert_text(client, b, std::stoull(c), from_hex(d), &delta)
                                   : document_.set_key(client, b, c, from_hex(d), &delta);
      if (!done) return error(done.error());
      if (auto gathered = gathered_.merge_encoded(delta); !gathered) return error(gathered.error());
      auto edit = YDoc::decode(delta);
      if (!edit) return error(edit.error());
      return "update " + to_hex(*edit->update_since("", UpdateFormat::v1));
    }
    if (what == "new") {
      document_ = gathered_ = YDoc();
      merged_ = empty_state(FieldType::ydoc);
      return "ok";
    }
    return "error unknown command";
  }

 private:
  YDoc document_;
  YDoc gathered_;
  std::string merged_ = empty_state(FieldType::ydoc);
  std::uint64_t answers_ = 0;
  std::uint64_t updates_ = 0;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  Driver driver;
  std::string line;
  while (std::getline(std::cin, line)) std::cout << driver.answer(line) << '\n' << std::flush;
}
