// Gives what a Yjs client sent to the sequence engine and says what text that
// makes. Reads lines; ids are CLIENT CLOCK, or - - for none, text is hex UTF-8:
//
//   update                               ends the one before, which is merged
//   insert ID LEFT RIGHT TEXT
//   gone ID LEFT RIGHT LENGTH            a deleted run
//   delete CLIENT CLOCK LENGTH
//   text                                 answers `text HEX` and begins anew
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>

#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"

namespace {

using namespace converge;

class Update {
 public:
  bool empty() const { return flat_.waiting.empty() && flat_.deleted.empty(); }

  void read(const std::string& what, std::istream& line) {
    if (what == "delete") {
      const UnitId id = read_id(line);
      std::uint32_t length = 0;
      line >> length;
      flat_.deleted.push_back({id, length});
      return;
    }
    LooseRun run;
    run.id = read_id(line);
    run.left = read_id(line);
    run.right = read_id(line);
    if (what == "gone") {
      line >> run.length;
    } else {
      std::string hex;
      line >> hex;
      std::string& text = texts_.emplace_back();
      for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        text.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
      }
      run.text = text;
      run.length = measure(text).units;
    }
    flat_.waiting.push_back(run);
  }

  // Through the bytes, as everything comes.
  std::string encode() const {
    Sequence alone;
    alone.add(flat_);
    return encode_sequence(alone);
  }

 private:
  UnitId read_id(std::istream& line) {
    std::string client;
    std::string clock;
    line >> client >> clock;
    if (client == "-") return kNoId;
    const ReplicaId replica = std::stoull(client);
    ClientIndex index = 0;
    while (index < flat_.replicas.size() && flat_.replicas[index] != replica) ++index;
    if (index == flat_.replicas.size()) flat_.replicas.push_back(replica);
    return {index, static_cast<std::uint32_t>(std::stoul(clock))};
  }

  FlatSequence flat_;
  std::deque<std::string> texts_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  Text text;
  Update update;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what != "update" && what != "text") {
      update.read(what, words);
      continue;
    }
    if (!update.empty()) {
      if (auto merged = text.merge_encoded(update.encode()); !merged.ok()) {
        std::printf("error %s (%s)\n", merged.error().message.c_str(), merged.error().detail.c_str());
        return 1;
      }
      update = Update();
    }
    if (what == "update") continue;
    const std::string encoded = text.encode();
    if (text.has_pending()) {
      std::printf("error something is still pending\n");
    } else if (auto valid = Text::validate(encoded); !valid.ok()) {
      std::printf("error %s\n", valid.error().detail.c_str());
    } else {
      std::printf("text ");
      for (char c : text.text()) std::printf("%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      std::printf("\n");
    }
    std::fflush(stdout);
    text = Text();
  }
}
