#include "core/sequence/run_rewriter.h"

#include <algorithm>
#include <tuple>

#include "core/codec/varint.h"
#include "core/sequence/bits.h"

namespace converge {

namespace {

constexpr std::uint32_t kNone = RunTable::kNone;

}  // namespace

RunRewriter::RunRewriter(const RunTable& table, const EditedRuns& edited,
                         const std::vector<ClientIndex>& number)
    : table_(table),
      pieces_(edited.pieces()),
      number_(number),
      budget_(std::uint64_t{8} * table.size() + 4096) {
  first_client_ = static_cast<ClientIndex>(std::find(number.begin(), number.end(), 0u) - number.begin());
  renumbered_ = number.size() > table.replicas();
}

bool RunRewriter::plan() {
  find_changes();
  if (!replay_stack()) return false;
  set_right_origins();
  if (!number_chains() || !set_steps()) return false;
  if (renumbered_ && !pieces_[0].fresh() && pieces_[0].first == 0) {
    RunCode& code = code_of(0);  // it begins a chain, and the replica 0 may be another
    code.client = table_.id(0).client;
    code.names_replica = code.client != first_client_;
  }
  return true;
}

// ---- runs ----------------------------------------------------------------

UnitId RunRewriter::last(RunNumber run) const {
  return fresh(run) ? fresh_at(run).run->id.plus(fresh_at(run).run->length - 1) : table_.last(run);
}

RunRewriter::RunNumber RunRewriter::below(RunNumber run) const {
  if (fresh(run)) return fresh_at(run).below;
  const auto at = below_.find(run);
  return at != below_.end() ? at->second : table_[run].below;
}

RunCode RunRewriter::read_code(std::uint32_t run) const {
  RunCode code;
  BitReader bits(table_.bits(), table_.bit(run));
  (void)read_run_code(bits, replica_width(table_.replicas()), code);  // as it was read before
  return code;
}

RunCode& RunRewriter::code_of(std::uint32_t run) {
  auto at = codes_.lower_bound(run);
  if (at == codes_.end() || at->first != run) at = codes_.emplace_hint(at, run, read_code(run));
  return at->second;
}

void RunRewriter::set_taken(RunNumber run, RunNumber by) {
  if (fresh(run)) {
    fresh_at(run).taken_by = by;
  } else {
    taken_by_[run] = by;
  }
}

void RunRewriter::find_changes() {
  std::uint32_t at = 0;
  for (std::size_t i = 0; i < pieces_.size();) {
    first_fresh_.push_back(static_cast<std::uint32_t>(fresh_.size()));
    if (!pieces_[i].fresh()) {
      at = pieces_[i++].end();
      continue;
    }
    Change change{i, i, at, table_.size()};
    for (; change.pieces_end < pieces_.size() && pieces_[change.pieces_end].fresh();
         ++change.pieces_end) {
      if (change.pieces_end > i) first_fresh_.push_back(static_cast<std::uint32_t>(fresh_.size()));
      fresh_.push_back({&pieces_[change.pieces_end].run, {}, kNone, kNone, kNone});
    }
    i = change.pieces_end;
    if (i < pieces_.size()) change.gone_end = pieces_[i].first;
    changes_.push_back(change);
  }
  for (const RunTable::WrittenOrigin& origin : table_.written()) {
    if (origin.left && !origin.id.none()) far_.push_back(origin.run);
  }
}

// ---- the stack -----------------------------------------------------------

// How far below `top` the run is that ends with `unit`, or kNone.
std::uint32_t RunRewriter::look_back(RunNumber top, UnitId unit) const {
  for (std::uint32_t back = 0; back < kStackReach && top != kNone; ++back, top = below(top)) {
    if (last(top) == unit) return back;
  }
  return kNone;
}

// Does what the encoder does when it comes to the run; `top` is the run before.
// False if a run that is not new begins a chain or goes on, and did not.
bool RunRewriter::place_on_stack(RunNumber run, RunNumber top) {
  if (budget_ < kStackReach) return false;
  budget_ -= kStackReach;
  RunCode& code = fresh(run) ? fresh_at(run).code : code_of(run);
  const UnitId id = this->id(run);
  const UnitId left = fresh(run) ? fresh_at(run).run->left : table_.left(run);
  const ClientIndex client_before = top == kNone ? first_client_ : this->id(top).client;
  const bool went_on = code.goes_on;
  auto take = [&] {
    set_taken(top, run);
    top = below(top);
  };

  code.left = OriginCode::implied;
  code.back = 0;
  std::uint32_t back = id.clock > 0 && left == id.before() ? look_back(top, left) : kNone;
  code.goes_on = back != kNone;
  if (code.goes_on) {
    code.back = back;
    for (; back > 0; --back) take();
  } else {
    while (top != kNone && this->id(top).client == id.client && this->id(top).clock > id.clock) take();
    const UnitId expected = top == kNone ? kNoId : last(top);
    if (left != expected) {
      back = left.none() ? kNone : look_back(top, left);
      if (left.none()) {
        code.left = OriginCode::edge;
      } else if (back == kNone) {
        code.left = OriginCode::by_id;
        code.left_id = left;
      } else {
        code.left = OriginCode::further_back;
        code.back = back;
        for (; back > 0; --back) take();
      }
    }
  }
  code.names_replica = !code.goes_on && id.client != client_before;
  code.client = id.client;
  if (fresh(run)) {
    code.deleted = fresh_at(run).run->text.empty();
    code.length = fresh_at(run).run->length;
    fresh_at(run).below = top;
    return true;
  }
  replayed_.push_back(run);
  if (top != table_[run].below) below_[run] = top;
  return code.goes_on == went_on;
}

// The next run of the table that may see another stack than before, `run` being
// the one placed last; kNone if there is none.
std::uint32_t RunRewriter::next_affected(std::uint32_t run) {
  // Down to where the stacks differ. Below the runs before the first change they do not.
  const std::uint32_t same = changes_[0].gone;
  std::uint32_t top = run;
  for (;;) {
    const std::uint32_t before = table_[top].below;
    if (below(top) != before || budget_ == 0) break;
    if (before == kNone || before < same) return kNone;
    top = before;
    --budget_;
  }
  // Until that one is taken off only those look below it whose left origin was not
  // found on the stack.
  const auto far = std::upper_bound(far_.begin(), far_.end(), run);
  return std::min(table_[top].taken_by, far == far_.end() ? kNone : *far);
}

// Places the fresh runs, and those of the table for which that may matter.
bool RunRewriter::replay_stack() {
  for (const Change& change : changes_) {
    RunNumber top = change.piece == 0 ? kNone : pieces_[change.piece - 1].end() - 1;
    for (std::size_t piece = change.piece; piece < change.pieces_end; ++piece) {
      const RunNumber run = table_.size() + first_fresh_[piece];
      if (!place_on_stack(run, top)) return false;
      top = run;
    }
    if (change.pieces_end == pieces_.size()) continue;
    const EditedRuns::Piece& unchanged = pieces_[change.pieces_end];
    for (std::uint32_t run = unchanged.first; run < unchanged.end(); run = next_affected(run)) {
      if (!place_on_stack(run, run == unchanged.first ? top : run - 1)) return false;
    }
  }
  return true;
}

// The runs that the run of the table used to take off the stack.
void RunRewriter::note_taken_before(std::uint32_t run, std::vector<std::uint32_t>& affected) const {
  if (run == 0) return;
  for (std::uint32_t taken = run - 1; taken != table_[run].below; taken = table_[taken].below) {
    affected.push_back(taken);
  }
}

void RunRewriter::set_right_origins() {
  auto set = [&](RunCode& code, UnitId right, RunNumber taken_by) {
    const UnitId expected = taken_by == kNone ? kNoId : id(taken_by);
    code.right = right == expected ? OriginCode::implied
                 : right.none()    ? OriginCode::edge
                                   : OriginCode::by_id;
    code.right_id = right;
  };
  for (Fresh& fresh : fresh_) set(fresh.code, fresh.run->right, fresh.taken_by);

  std::vector<std::uint32_t> affected;
  for (const std::uint32_t run : replayed_) note_taken_before(run, affected);
  for (const Change& change : changes_) {
    for (std::uint32_t run = change.gone; run < change.gone_end; ++run) {
      note_taken_before(run, affected);
    }
  }
  for (const auto& [run, by] : taken_by_) affected.push_back(run);
  std::sort(affected.begin(), affected.end());
  affected.erase(std::unique(affected.begin(), affected.end()), affected.end());
  auto change = changes_.begin();
  for (const std::uint32_t run : affected) {
    while (change != changes_.end() && change->gone_end <= run) ++change;
    if (change != changes_.end() && run >= change->gone) continue;  // it went itself
    const auto by = taken_by_.find(run);
    set(code_of(run), table_.right(run), by == taken_by_.end() ? kNone : by->second);
  }
}

// ---- chains --------------------------------------------------------------

std::uint32_t RunRewriter::chain_number(RunNumber run) const {
  if (fresh(run)) return fresh_at(run).chain;
  return table_[run].chain - table_.chains_of(table_.id(run).client);
}

// Numbers the fresh runs' chains. False if those of the table are not the same as
// before: then all numbers may change.
bool RunRewriter::number_chains() {
  new_chains_.assign(number_.size(), 0);
  std::size_t kept = 0;
  std::vector<std::tuple<ClientIndex, std::uint32_t, Fresh*>> begun;
  for (Fresh& fresh : fresh_) {
    if (fresh.code.goes_on) continue;
    const UnitId id = fresh.run->id;
    if (id.client >= table_.replicas() || id.clock >= table_.known(id.client)) {
      begun.emplace_back(id.client, id.clock, &fresh);
      continue;
    }
    const std::uint32_t chain = table_.chain_of(id);
    if (table_.chain_start(chain) != id) return false;
    fresh.chain = chain - table_.chains_of(id.client);
    ++kept;
  }
  for (const Change& change : changes_) {
    for (std::uint32_t run = change.gone; run < change.gone_end; ++run) {
      if (!(table_[run].flags & RunTable::kGoesOn)) --kept;
    }
  }
  if (kept != 0) return false;
  std::sort(begun.begin(), begun.end());
  for (auto& [client, clock, fresh] : begun) {
    const std::uint32_t before =
        client < table_.replicas() ? table_.chains_of(client + 1) - table_.chains_of(client) : 0;
    fresh->chain = before + new_chains_[client]++;
  }
  for (Fresh& fresh : fresh_) {
    if (fresh.code.goes_on) fresh.chain = chain_number(fresh.below);
  }
  return true;
}

bool RunRewriter::of_client(std::uint32_t run, ClientIndex client) const {
  return table_[run].chain - table_.chains_of(client) <
         table_.chains_of(client + 1) - table_.chains_of(client);
}

// The number of the chain of the replica's last run before the piece, or kNone.
std::uint32_t RunRewriter::last_chain_before(std::size_t piece, ClientIndex client) {
  while (piece > 0) {
    const EditedRuns::Piece& at = pieces_[--piece];
    if (at.fresh()) {
      if (at.run.id.client == client) return fresh_[first_fresh_[piece]].chain;
    } else if (client < table_.replicas()) {
      for (std::uint32_t run = at.end(); run > at.first && budget_ > 0; --budget_) {
        if (of_client(--run, client)) return chain_number(run);
      }
    }
  }
  return kNone;
}

void RunRewriter::set_step(RunCode& code, std::uint32_t chain, std::uint32_t last) const {
  code.step = static_cast<std::uint32_t>(
      zigzag(std::int64_t{chain} - static_cast<std::int32_t>(last) - 1));
}

// The numbers of the chains that fresh runs begin, and those which are written as
// steps from a fresh run's.
bool RunRewriter::set_steps() {
  for (const Change& change : changes_) {
    std::vector<ClientIndex> clients;
    for (std::size_t piece = change.piece; piece < change.pieces_end; ++piece) {
      Fresh& fresh = fresh_[first_fresh_[piece]];
      const ClientIndex client = fresh.run->id.client;
      if (!fresh.code.goes_on) set_step(fresh.code, fresh.chain, last_chain_before(piece, client));
      clients.push_back(client);
    }
    for (std::uint32_t run = change.gone; run < change.gone_end; ++run) {
      clients.push_back(table_.id(run).client);
    }
    std::sort(clients.begin(), clients.end());
    clients.erase(std::unique(clients.begin(), clients.end()), clients.end());
    for (const ClientIndex client : clients) {
      if (client >= table_.replicas()) continue;  // has no runs but fresh ones
      for (std::size_t piece = change.pieces_end; piece < pieces_.size(); ++piece) {
        const EditedRuns::Piece& at = pieces_[piece];
        if (at.fresh()) {
          if (at.run.id.client == client) break;
          continue;
        }
        std::uint32_t run = at.first;
        while (run < at.end() && !of_client(run, client) && budget_ > 0) ++run, --budget_;
        if (run == at.end()) continue;
        if (!(table_[run].flags & RunTable::kGoesOn)) {
          set_step(code_of(run), chain_number(run), last_chain_before(piece, client));
        }
        break;
      }
    }
  }
  return budget_ > 0;
}

// ---- writing -------------------------------------------------------------

// With the replicas' places in the new table.
RunCode RunRewriter::translated(RunCode code) const {
  if (code.names_replica) code.client = number_[code.client];
  if (code.left == OriginCode::by_id) code.left_id.client = number_[code.left_id.client];
  if (code.right == OriginCode::by_id) code.right_id.client = number_[code.right_id.client];
  return code;
}

void RunRewriter::append(std::string& out) const {
  std::uint64_t count = 0;
  for (const EditedRuns::Piece& piece : pieces_) count += piece.fresh() ? 1 : piece.count;
  append_varint(out, count);
  std::vector<std::uint32_t> chains(number_.size());
  for (ClientIndex client = 0; client < number_.size(); ++client) {
    chains[number_[client]] = new_chains_[client];
    if (client < table_.replicas()) {
      chains[number_[client]] += table_.chains_of(client + 1) - table_.chains_of(client);
    }
  }
  for (const std::uint32_t of_client : chains) append_varint(out, of_client);

  const unsigned width = replica_width(number_.size());
  BitWriter bits(out);
  auto changed = codes_.begin();
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const EditedRuns::Piece& piece = pieces_[i];
    if (piece.fresh()) {
      write_run_code(bits, translated(fresh_[first_fresh_[i]].code), width);
      continue;
    }
    std::uint32_t copied = piece.first;
    auto write = [&](std::uint32_t run, const RunCode& code) {
      bits.copy(table_.bits(), table_.bit(copied), table_.bit(run));
      write_run_code(bits, translated(code), width);
      copied = run + 1;
    };
    while (changed != codes_.end() && changed->first < piece.first) ++changed;
    if (renumbered_) {
      for (std::uint32_t run = piece.first; run < piece.end(); ++run) {
        if (changed != codes_.end() && changed->first == run) {
          write(run, (changed++)->second);
        } else if (table_[run].flags & RunTable::kNamesReplica) {
          write(run, read_code(run));
        }
      }
    } else {
      for (; changed != codes_.end() && changed->first < piece.end(); ++changed) {
        write(changed->first, changed->second);
      }
    }
    bits.copy(table_.bits(), table_.bit(copied), table_.bit(piece.end()));
  }
  bits.finish();
}

}  // namespace converge
