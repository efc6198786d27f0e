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

namespace {

// What is more than this is not looked up run by run.
constexpr std::size_t kMaxEdits = 64;

// Surrogate pairs are all that makes characters and units differ.
bool has_pairs(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<std::uint8_t>(c) >= 0xf0; });
}

}  // namespace

std::optional<std::string> merge_into_encoded(std::string_view state, std::string_view delta) {
  Reader in(state);
  if (!read_state_header(FieldType::crdt_text, in) || in.at_end()) return {};
  const TextHead head = read_text_head(in);
  if (in.failed() || head.sections != kHasRuns) return {};
  const Result<FlatSequence> flat = decode_sequence(delta);
  if (!flat || flat->runs.size() + flat->waiting.size() + flat->deleted.size() > kMaxEdits) return {};

  RunTable table;
  table.read(in, head.replicas.size(), true);
  in.expect_end();
  if (in.failed()) return {};
  for (ClientIndex i = 0; i < table.replicas(); ++i) {
    if (table.known(i) == 0) return {};
  }
  TextShares shares(in, table, head.text);
  const bool ascii = table.visible_units() == head.text.size();
  const bool pairs = !ascii && has_pairs(head.text);
  for (std::uint32_t run = 0; pairs && run < table.size(); ++run) {
    if (!table.deleted(run)) shares.take(table[run].length);
  }
  if (in.failed()) return {};

  EditedRuns runs(table, head.text, head.replicas, pairs);
  if (!runs.add(*flat)) return {};
  if (runs.unchanged()) return std::string(state);
  const std::string text = runs.text();
  if (text.size() > kMaxTextBytes) return {};
  runs.join();

  const std::vector<ReplicaId>& replicas = runs.replicas();
  std::vector<ClientIndex> order;  // ascending; those that were only named have no place
  for (ClientIndex i = 0; i < replicas.size(); ++i) {
    if (runs.known(i) > 0) order.push_back(i);
  }
  if (order.size() < replicas.size()) return {};
  std::sort(order.begin(), order.end(),
            [&](ClientIndex a, ClientIndex b) { return replicas[a] < replicas[b]; });
  std::vector<ReplicaId> ascending;
  std::vector<ClientIndex> number(order.size());
  for (const ClientIndex client : order) {
    number[client] = static_cast<ClientIndex>(ascending.size());
    ascending.push_back(replicas[client]);
  }
  RunRewriter rewriter(table, runs, number);
  if (!rewriter.plan()) return {};

  std::string out(1, state_header(FieldType::crdt_text));
  out.reserve(state.size() + delta.size() + 64);
  out.push_back(static_cast<char>(kHasRuns));
  append_string(out, text);
  append_replicas(out, ascending);
  rewriter.append(out);
  return out;
}

}  // namespace converge
