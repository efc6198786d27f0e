// The clocks against what they promise: a version vector is a map of counters
// with the pointwise order, and the other two never go back.
#include <map>

#include "core/clock/hlc.h"
#include "core/clock/lamport.h"
#include "core/clock/log_version.h"
#include "core/clock/version_vector.h"
#include "property/history.h"

namespace converge::property {
namespace {

using Model = std::map<ReplicaId, std::uint64_t>;

// A few replicas, so that vectors meet; counters small and near the limit.
Model model_of(const Numbers& numbers) {
  static constexpr ReplicaId replicas[] = {0, 1, 77, 300, 1u << 20, kReplicaLimit - 1};
  Model model;
  for (std::uint32_t number : numbers) {
    const std::uint64_t counter = number / 8 % 4 == 3 ? kCounterLimit - 1 - number / 32 % 3
                                                      : 1 + number / 32 % 4;
    model[replicas[number % 6]] = counter;
  }
  return model;
}

template <class Vector>
Vector vector_of(const Model& model) {
  Vector vector;
  for (auto [replica, counter] : model) vector.set(replica, counter);
  return vector;
}

bool includes(const Model& a, const Model& b) {
  return std::all_of(b.begin(), b.end(), [&](const auto& entry) {
    auto at = a.find(entry.first);
    return at != a.end() && at->second >= entry.second;
  });
}

Order order_of(const Model& a, const Model& b) {
  const bool more = includes(a, b);
  const bool less = includes(b, a);
  return more && less ? Order::equal : more ? Order::after : less ? Order::before : Order::concurrent;
}

template <class Vector>
class Vectors : public ::testing::Test {};
using VectorTypes = ::testing::Types<VersionVector, LogVersion>;
struct VectorName {
  template <class Vector>
  static std::string GetName(int) {
    return std::is_same_v<Vector, VersionVector> ? "version_vector" : "log_version";
  }
};
TYPED_TEST_SUITE(Vectors, VectorTypes, VectorName);

TYPED_TEST(Vectors, join_compare_and_encode_as_maps_of_counters) {
  CONVERGE_PROPERTY([](const Numbers& one, const Numbers& other, const Numbers& third) {
    const Model model_a = model_of(one);
    const Model model_b = model_of(other);
    const TypeParam a = vector_of<TypeParam>(model_a);
    const TypeParam b = vector_of<TypeParam>(model_b);
    const TypeParam c = vector_of<TypeParam>(model_of(third));
    const auto joined = [](TypeParam x, const TypeParam& y) {
      x.merge(y);
      return x;
    };

    Model both = model_a;
    for (auto [replica, counter] : model_b) both[replica] = std::max(both[replica], counter);
    const TypeParam ab = joined(a, b);
    RC_ASSERT(ab == vector_of<TypeParam>(both));
    RC_ASSERT(joined(b, a) == ab);
    RC_ASSERT(joined(ab, c) == joined(a, joined(b, c)));
    RC_ASSERT(joined(ab, a) == ab);
    TypeParam raised = a;
    for (auto [replica, counter] : model_b) raised.raise(replica, counter);
    RC_ASSERT(raised == ab);

    RC_ASSERT(a.compare(b) == order_of(model_a, model_b));
    RC_ASSERT(b.compare(a) == order_of(model_b, model_a));
    RC_ASSERT(a.includes(b) == includes(model_a, model_b));
    RC_ASSERT(ab.includes(a) && ab.includes(b));

    RC_ASSERT(TypeParam::decode(a.encode()).value() == a);
    RC_ASSERT(TypeParam::parse(a.to_text()).value() == a);
    RC_ASSERT((a.encode() == b.encode()) == (model_a == model_b));
    RC_ASSERT(a.size() == model_a.size());
  });
}

TYPED_TEST(Vectors, a_tick_is_the_replicas_next_and_comes_after) {
  CONVERGE_PROPERTY([](const Numbers& numbers, std::uint32_t replica) {
    const Model model = model_of(numbers);
    TypeParam vector = vector_of<TypeParam>(model);
    const TypeParam before = vector;
    const auto at = model.find(replica % 2);
    const std::uint64_t last = at == model.end() ? 0 : at->second;
    const auto next = vector.tick(replica % 2);
    RC_ASSERT(next.ok() == (last + 1 < kCounterLimit));
    if (next.ok()) {
      RC_ASSERT(*next == last + 1);
      RC_ASSERT(vector.get(replica % 2) == last + 1);
      RC_ASSERT(vector.compare(before) == Order::after);
    } else {
      RC_ASSERT(vector == before);
    }
  });
}

// Any sequence of local and received readings grows, whatever the wall clock does.
TEST(Clocks, hybrid_and_lamport_readings_grow_and_pass_what_was_received) {
  CONVERGE_PROPERTY([](const Numbers& numbers) {
    Hlc hlc;
    LamportClock lamport;
    for (std::uint32_t number : numbers) {
      const std::uint64_t now = number / 8 % 16;  // stands still, jumps and goes back
      const Hlc remote{std::uint64_t{number / 128 % 16} << 16 | number % 8 * 0x2492};
      const std::uint64_t remote_time = number / 128 % 64;
      const bool receives = number % 2 == 0;
      const Hlc next = (receives ? hlc.receive(remote, now) : hlc.tick(now)).value();
      const std::uint64_t time = lamport.time();
      const std::uint64_t next_time = (receives ? lamport.receive(remote_time) : lamport.tick()).value();
      RC_ASSERT(next > hlc && next.ms() >= now);
      RC_ASSERT(!receives || (next > remote && next_time > remote_time));
      RC_ASSERT(next_time > time && lamport.time() == next_time);
      // No further than it has to: the wall clock, or one more than what is there.
      const Hlc known = receives ? std::max(hlc, remote) : hlc;
      RC_ASSERT((now > known.ms() ? next == Hlc{now << 16} : next.bits == known.bits + 1));
      RC_ASSERT(next_time == std::max(time, receives ? remote_time : 0) + 1);
      hlc = next;
    }
  });
}

}  // namespace
}  // namespace converge::property
