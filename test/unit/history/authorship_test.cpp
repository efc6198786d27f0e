// Who made what: against a model of single identifiers, and of texts.
#include "core/history/authorship.h"

#include <map>

#include "core/sequence/utf16.h"
#include "property/kinds.h"

namespace converge::property {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

Authorship kept(const Authorship& authorship) {
  auto decoded = Authorship::decode(authorship.encode());
  EXPECT_TRUE(decoded.ok());
  return std::move(*decoded);
}

TEST(Authorship, OneAuthorsWorkWithoutALongPauseIsOneStretch) {
  Authorship heard;
  const std::uint32_t ann = heard.author(7, "ann");
  heard.add({7, 0, 4}, ann, 0);
  heard.add({7, 5, 5}, ann, kStretchPause);
  heard.add({7, 6, 6}, ann, 2 * kStretchPause + 1);
  EXPECT_EQ(heard.find(7, 5)->since, kStretchPause) << "exact as long as it is not encoded";
  const Authorship authorship = kept(heard);
  const Authorship::Stretch* first = authorship.find(7, 3);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first, authorship.find(7, 5));
  EXPECT_EQ(first->since, 0);
  EXPECT_EQ(first->until, kStretchPause);
  const Authorship::Stretch* second = authorship.find(7, 6);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(second->since, 2 * kStretchPause + 1);
  EXPECT_EQ(authorship.find(7, 7), nullptr);
  EXPECT_EQ(authorship.find(6, 3), nullptr);
}

TEST(Authorship, ReplicasOfOnePrincipalAndPrincipalsOfOneReplicaAreToldApart) {
  Authorship authorship;
  authorship.add({7, 0, 0}, authorship.author(7, "ann"), 0);
  authorship.add({7, 1, 1}, authorship.author(8, "ann"), 0);
  authorship.add({7, 2, 2}, authorship.author(8, "bob"), 0);
  authorship = kept(authorship);
  EXPECT_EQ(authorship.author_of(*authorship.find(7, 0)), (Authorship::Author{7, "ann"}));
  EXPECT_EQ(authorship.author_of(*authorship.find(7, 1)), (Authorship::Author{8, "ann"}));
  EXPECT_EQ(authorship.author_of(*authorship.find(7, 2)), (Authorship::Author{8, "bob"}));
}

// Somebody sends again what another one wrote, and the log is read in the order of
// the replicas.
TEST(Authorship, WhoSentItFirstIsTheAuthorInWhateverOrderTheyAreHeardOf) {
  for (const bool thief_first : {false, true}) {
    Authorship authorship;
    const auto thief = [&] { authorship.add({7, 0, 9}, authorship.author(1, "eve"), 100 * kSecond); };
    if (thief_first) thief();
    for (std::uint64_t i = 2; i < 6; ++i) {
      authorship.add({7, i, i}, authorship.author(7, "ann"), static_cast<std::int64_t>(i) * kSecond);
    }
    if (!thief_first) thief();
    authorship = kept(authorship);
    for (std::uint64_t i = 0; i < 10; ++i) {
      const Authorship::Stretch* stretch = authorship.find(7, i);
      ASSERT_NE(stretch, nullptr);
      EXPECT_EQ(authorship.author_of(*stretch).principal, i >= 2 && i < 6 ? "ann" : "eve") << i;
    }
  }
}

TEST(Authorship, IsTheModelsAndKeepsItsBytes) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    struct Known {
      std::int64_t at;
      std::uint32_t author;
    };
    std::map<std::pair<ReplicaId, std::uint64_t>, Known> model;
    Authorship authorship;
    std::int64_t tie = 0;
    for (std::uint32_t number : numbers) {
      const ReplicaId replica = kReplicas[number % 2];
      const std::uint64_t first = number / 2 % 16;
      const std::uint64_t last = first + number / 32 % 5;
      const std::uint32_t author = authorship.author(number / 160 % 3, "p");
      // No two at the same time, so that there is one answer.
      const std::int64_t at = static_cast<std::int64_t>(number / 480 % 8) * kStretchPause / 2 - kStretchPause + ++tie;
      authorship.add({replica, first, last}, author, at);
      for (std::uint64_t i = first; i <= last; ++i) {
        const auto [there, is_new] = model.emplace(std::pair(replica, i), Known{at, author});
        if (!is_new && at < there->second.at) there->second = {at, author};
      }
    }
    const auto decoded = Authorship::decode(authorship.encode());
    RC_ASSERT(decoded.ok());
    RC_ASSERT(decoded->encode() == authorship.encode());
    for (const ReplicaId replica : {kReplicas[0], kReplicas[1]}) {
      for (std::uint64_t i = 0; i < 24; ++i) {
        const auto known = model.find({replica, i});
        for (const Authorship* one : {static_cast<const Authorship*>(&authorship), &*decoded}) {
          const Authorship::Stretch* stretch = one->find(replica, i);
          RC_ASSERT((stretch == nullptr) == (known == model.end()));
          if (stretch == nullptr) continue;
          RC_ASSERT(stretch->author == known->second.author);
          RC_ASSERT(stretch->since <= known->second.at && known->second.at <= stretch->until);
          RC_ASSERT(one == &*decoded || stretch->since == stretch->until);
        }
      }
    }
  });
}

TEST(Authorship, RefusesBytesThatAreNone) {
  Authorship authorship;
  authorship.add({kReplicas[2], 3, 9}, authorship.author(7, "ann"), -5);
  authorship.add({2, 0, 0}, authorship.author(8, ""), 1'700'000'000'000'000);
  const std::string bytes = authorship.encode();
  ASSERT_TRUE(Authorship::decode(bytes).ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto cut = Authorship::decode(std::string_view(bytes).substr(0, i));
    ASSERT_FALSE(cut.ok()) << i;
    EXPECT_EQ(cut.error().code, ErrorCode::malformed);
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = bytes;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      (void)Authorship::decode(other);  // whatever it is, it is read within its bytes
    }
  }
  EXPECT_FALSE(Authorship::decode(bytes + '\0').ok());
}

// ------------------------------------------------------------------------ blame

// Each delta logged by its maker, one second after the other.
template <class Kind>
Authorship authorship_of(const History<Kind>& history) {
  Authorship authorship;
  for (std::size_t i = 0; i < history.deltas.size(); ++i) {
    const auto items = items_of(Kind::type, history.deltas[i]);
    RC_ASSERT(items.ok());
    const std::uint32_t author = authorship.author(history.makers[i], std::to_string(history.makers[i]));
    for (const ItemRange& range : *items) authorship.add(range, author, static_cast<std::int64_t>(i) * kSecond);
  }
  return authorship;
}

TEST(Blame, OfATextIsAllOfItAndSaysWhoInserted) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<TextKind> history;
    history.run(numbers);
    const Text text = history.all();
    const Authorship authorship = authorship_of(history);
    const auto items = blame(FieldType::crdt_text, text.encode(), authorship);
    RC_ASSERT(items.ok());
    std::string whole;
    std::uint64_t at = 0;
    for (const BlamedItem& item : *items) {
      RC_ASSERT(item.at == at);
      at += measure(item.item).chars;
      whole += item.item;
      RC_ASSERT(item.author != nullptr);
    }
    RC_ASSERT(whole == text.text());
    // Identifiers are those of who inserted.
    auto item = items->begin();
    for (const TextBlame& run : text.blame()) {
      for (std::uint64_t i = 0; i < run.count; ++i) {
        while (item != items->end() && item->at + measure(item->item).chars <= run.at + i) ++item;
        RC_ASSERT(item != items->end());
        RC_ASSERT(run.replica == kReplicas[item->author->replica]);
      }
    }
  });
}

template <class Kind>
class BlameOf : public ::testing::Test {};
using DottedKinds = ::testing::Types<MapKind, LwwSetKind, OrSetKind, RegisterKind>;
TYPED_TEST_SUITE(BlameOf, DottedKinds);

TYPED_TEST(BlameOf, KnowsEverythingThatStands) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    History<TypeParam> history;
    history.run(numbers);
    const auto items = blame(TypeParam::type, history.all().encode(), authorship_of(history));
    RC_ASSERT(items.ok());
    for (const BlamedItem& item : *items) RC_ASSERT(item.author != nullptr);
  });
}

TEST(Blame, OfWhatHasNoPartsIsRefused) {
  for (const FieldType type : {FieldType::pn_counter, FieldType::g_counter, FieldType::ydoc}) {
    const auto items = blame(type, empty_state(type), Authorship());
    ASSERT_FALSE(items.ok());
    EXPECT_EQ(items.error().code, ErrorCode::invalid);
  }
}

}  // namespace
}  // namespace converge::property
