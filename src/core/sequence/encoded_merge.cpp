#include "core/sequence/encoded_merge.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/codec/varint.h"
#include "core/sequence/edited_runs.h"
#include "core/sequence/run_rewriter.h"
#include "core/sequence/run_table.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/text_shares.h"
#include "core/state_header.h"

namespace converge {

// Surrogate pairs are all that makes characters and units differ.
bool has_surrogate_pairs(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<std::uint8_t>(c) >= 0xf0; });
}

NumberedReplicas::NumberedReplicas(const EditedRuns& runs) : number(runs.replicas().size()) {
  const std::vector<ReplicaId>& replicas = runs.replicas();
  std::vector<ClientIndex> order(replicas.size());
  std::iota(order.begin(), order.end(), 0);
  if (std::any_of(order.begin(), order.end(), [&](ClientIndex i) { return runs.known(i) == 0; })) return;
  std::sort(order.begin(), order.end(),
            [&](ClientIndex a, ClientIndex b) { return replicas[a] < replicas[b]; });
  for (const ClientIndex client : order) {
    number[client] = static_cast<ClientIndex>(ascending.size());
    ascending.push_back(replicas[client]);
  }
}

std::optional<std::string> merge_into_encoded(std::string_view state, std::string_view delta) {
  Reader in(state);
  if (!read_state_header(FieldType::crdt_text, in) || in.at_end()) return {};
  const TextHead head = read_text_head(in);
  if (in.failed() || head.sections != kHasRuns) return {};
  const Result<FlatSequence> flat = decode_sequence(delta);
  if (!flat || flat->runs.size() + flat->waiting.size() + flat->deleted.size() > kMaxEncodedEdits) return {};

  RunTable table;
  table.read(in, head.replicas.size(), true);
  in.expect_end();
  if (in.failed()) return {};
  for (ClientIndex i = 0; i < table.replicas(); ++i) {
    if (table.known(i) == 0) return {};
  }
  TextShares shares(in, table, head.text);
  const bool ascii = table.visible_units() == head.text.size();
  const bool pairs = !ascii && has_surrogate_pairs(head.text);
  for (std::uint32_t run = 0; pairs && run < table.size(); ++run) {
    if (!table.deleted(run)) shares.take(table[run].length);
  }
  if (in.failed()) return {};

  EditedRuns runs(table, head.text, head.replicas, pairs);
  if (!runs.add(*flat)) return {};
  if (runs.unchanged()) return std::string(state);
  const std::string text = runs.text();
  if (text.size() > kMaxTextBytes) return {};
  if (!runs.join()) return {};

  const NumberedReplicas replicas(runs);
  if (replicas.ascending.empty()) return {};
  RunRewriter rewriter(table, runs, replicas.number);
  if (!rewriter.plan()) return {};

  std::string out(1, state_header(FieldType::crdt_text));
  out.reserve(state.size() + delta.size() + 64);
  out.push_back(static_cast<char>(kHasRuns));
  append_string(out, text);
  append_replicas(out, replicas.ascending);
  rewriter.append(out);
  return out;
}

}  // namespace converge
