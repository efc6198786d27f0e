#include "core/sequence/run_gathering.h"

#include <algorithm>

namespace converge {

namespace {

// Whether `b` may become the end of `a`. What placeholders stand for is kept run by run.
bool joins(const LooseRun& a, const LooseRun& b) {
  return follows(a, b) && b.list == kImplied && a.contents == nullptr && b.contents == nullptr;
}

}  // namespace

void join_runs(std::vector<LooseRun>& runs, std::forward_list<std::string>& texts) {
  auto by_id = [](const LooseRun& a, const LooseRun& b) { return a.id.key() < b.id.key(); };
  if (!std::is_sorted(runs.begin(), runs.end(), by_id)) std::sort(runs.begin(), runs.end(), by_id);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < runs.size();) {
    LooseRun joined = runs[i];
    std::size_t end = i + 1;
    while (end < runs.size() && joins(runs[end - 1], runs[end])) joined.length += runs[end++].length;
    if (end > i + 1 && !joined.text.empty()) {
      std::string& text = texts.emplace_front();
      for (std::size_t part = i; part < end; ++part) text.append(runs[part].text);
      joined.text = text;
    }
    runs[kept++] = joined;
    i = end;
  }
  runs.resize(kept);
}

ClientIndex RunGathering::client(ReplicaId replica) {
  const auto [at, added] = clients_.emplace(replica, static_cast<ClientIndex>(flat_.replicas.size()));
  if (added) flat_.replicas.push_back(replica);
  return at->second;
}

void RunGathering::add(const FlatSequence& state) {
  std::vector<ClientIndex> clients;
  clients.reserve(state.replicas.size());
  for (const ReplicaId replica : state.replicas) clients.push_back(client(replica));
  auto translate = [&](UnitId id) { return id.none() ? id : UnitId{clients[id.client], id.clock}; };
  auto take = [&](LooseRun run) {
    run.id = translate(run.id);
    run.left = translate(run.left);
    run.right = translate(run.right);
    flat_.waiting.push_back(run);
  };
  for (const LooseRun& run : state.runs) take(run);
  for (const LooseRun& run : state.waiting) take(run);
  for (const UnitRange& range : state.deleted) flat_.deleted.push_back({translate(range.id), range.length});
}

const FlatSequence& RunGathering::gathered() {
  join_runs(flat_.waiting, texts_);
  return flat_;
}

}  // namespace converge
