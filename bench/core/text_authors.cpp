#include "text_authors.h"

#include <cstdlib>
#include <random>

#include "core/sequence/text.h"
#include "figure.h"

namespace bench {

namespace {

using converge::ReplicaId;
using converge::Text;

template <class T>
void must(const T& result, const char* what) {
  if (result.ok()) return;
  std::fprintf(stderr, "%s: %s (%s)\n", what, result.error().message.c_str(),
               result.error().detail.c_str());
  std::exit(1);
}

ReplicaId author(std::size_t number) {
  std::mt19937_64 random(number + 77);
  return random() >> 11;
}

double apply_all(const std::vector<std::string>& updates, Text& text) {
  text = Text();
  return milliseconds([&] {
    for (const std::string& update : updates) must(text.merge_encoded(update), "update");
  });
}

}  // namespace

EditingTrace generated_session() {
  std::mt19937_64 random(3);
  EditingTrace trace;
  std::string text;
  const char* words[] = {"the ", "merge ", "of ", "two ", "states ", "is ", "a ", "state, ",
                         "and ", "order ", "does ", "not ", "matter.\n"};
  std::uint64_t at = 0;
  auto edit = [&](std::uint64_t place, std::uint64_t deleted, std::string inserted) {
    text.replace(place, deleted, inserted);
    trace.transactions.push_back({0, {}, {{place, deleted, std::move(inserted)}}});
  };
  while (trace.transactions.size() < 60'000) {
    if (random() % 8 == 0) at = random() % (text.size() + 1);
    for (const char* c = words[random() % 13]; *c != 0; ++c) edit(at++, 0, std::string(1, *c));
    for (std::uint64_t n = random() % 6; n > 3 && at > 0; --n) edit(--at, 1, "");
  }
  trace.end = text;
  return trace;
}

void two_authors(const EditingTrace& trace) {
  // Each author's text takes what the transaction was made after, then the edit.
  struct Known {
    std::vector<std::size_t> upto;  // of each author's transactions
  };
  std::vector<Text> texts(trace.authors);
  std::vector<Known> has(trace.authors, {std::vector<std::size_t>(trace.authors)});
  std::vector<std::vector<std::vector<std::string>>> made(trace.authors);
  std::vector<Known> after(trace.transactions.size());
  std::vector<std::string> updates;
  for (std::size_t i = 0; i < trace.transactions.size(); ++i) {
    const Transaction& transaction = trace.transactions[i];
    Known known{std::vector<std::size_t>(trace.authors)};
    for (std::size_t parent : transaction.parents) {
      for (std::size_t a = 0; a < trace.authors; ++a) {
        known.upto[a] = std::max(known.upto[a], after[parent].upto[a]);
      }
    }
    Text& text = texts[transaction.author];
    Known& mine = has[transaction.author];
    for (std::size_t a = 0; a < trace.authors; ++a) {
      for (; mine.upto[a] < known.upto[a]; ++mine.upto[a]) {
        if (a == transaction.author) continue;
        for (const std::string& update : made[a][mine.upto[a]]) {
          must(text.merge_encoded(update), "update");
        }
      }
    }
    std::vector<std::string>& own = made[transaction.author].emplace_back();
    for (const Edit& edit : transaction.edits) {
      must(text.splice(author(transaction.author), edit.at, edit.deleted, edit.inserted,
                       &own.emplace_back()),
           "edit");
      updates.push_back(own.back());
    }
    mine.upto[transaction.author] = made[transaction.author].size();
    after[i] = mine;
  }
  Text text;
  figure("friends_ms", median(9, [&] { return apply_all(updates, text); }), "ms");
  if (text.text() != trace.end) {
    std::fprintf(stderr, "the concurrent replay does not give the trace's end\n");
    std::exit(1);
  }
  figure("friends_encoded_bytes", static_cast<double>(text.encode().size()), "B");
}

void many_authors() {
  constexpr std::size_t kAuthors = 50;
  constexpr int kRounds = 20;
  constexpr int kEdits = 100;
  std::mt19937_64 random(4);
  Text common;
  std::vector<std::string> updates;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::vector<std::string>> made(kAuthors);
    for (std::size_t a = 0; a < kAuthors; ++a) {
      Text text = common;
      std::uint64_t at = 0;
      for (int i = 0; i < kEdits; ++i) {
        if (i % 20 == 0) at = random() % (text.char_length() + 1);
        std::string& update = made[a].emplace_back();
        if (i % 7 == 6 && at > 0) {
          must(text.erase(--at, 1, &update), "edit");
        } else {
          must(text.insert(author(a), at++, "k", &update), "edit");
        }
      }
    }
    for (int i = 0; i < kEdits; ++i) {  // as they would reach a server: in turns
      for (std::size_t a = 0; a < kAuthors; ++a) {
        updates.push_back(made[a][static_cast<std::size_t>(i)]);
        must(common.merge_encoded(updates.back()), "update");
      }
    }
  }
  Text text;
  double per_s = 1000.0 * static_cast<double>(updates.size());
  figure("text_authors_per_s", per_s / median(5, [&] { return apply_all(updates, text); }), "/s");
  const std::string wanted = text.encode();
  std::shuffle(updates.begin(), updates.end(), random);
  figure("text_shuffled_per_s", per_s / median(5, [&] { return apply_all(updates, text); }), "/s");
  if (text.encode() != wanted) {
    std::fprintf(stderr, "the shuffled updates give another text\n");
    std::exit(1);
  }
}

void one_place() {
  // Fifty authors in turns, each at the same place in what all have seen.
  Text text;
  must(text.insert(author(0), 0, "()"), "edit");
  auto some = [&](int edits) {
    return milliseconds([&] {
      for (int i = 0; i < edits; ++i) {
        must(text.insert(author(static_cast<std::size_t>(i) % 50), 1, "p"), "edit");
      }
    });
  };
  double first = some(100'000);
  some(800'000);
  double last = some(100'000);
  figure("text_one_place_first_us", first / 100, "us");
  figure("text_one_place_last_us", last / 100, "us");

  // None has seen another: each walks past those that stand there.
  auto unseen = [](std::size_t authors) {
    Text base;
    must(base.insert(author(0), 0, "()"), "edit");
    std::vector<std::string> updates;
    for (std::size_t a = 1; a <= authors; ++a) {
      Text one = base;
      must(one.insert(author(a), 1, "p", &updates.emplace_back()), "edit");
    }
    return median(3, [&] {
      Text all = base;
      return milliseconds([&] {
        for (const std::string& update : updates) must(all.merge_encoded(update), "update");
      });
    });
  };
  figure("text_unseen_1000_us", unseen(1'000), "us");
  figure("text_unseen_4000_us", unseen(4'000) / 4, "us");
}

}  // namespace bench
