#include "plan.h"

namespace converge::simulation {

std::string_view action_name(Action action) {
  switch (action) {
    case Action::edit: return "edit";
    case Action::save: return "save";
    case Action::send: return "send";
    case Action::connect: return "connect";
    case Action::disconnect: return "disconnect";
    case Action::crash_client: return "crash_client";
    case Action::lose_disk: return "lose_disk";
    case Action::adopt: return "adopt";
    case Action::deliver: return "deliver";
    case Action::duplicate: return "duplicate";
    case Action::drop: return "drop";
    case Action::partition: return "partition";
    case Action::execute_push: return "execute_push";
    case Action::commit: return "commit";
    case Action::roll_back: return "roll_back";
    case Action::begin_sql: return "begin_sql";
    case Action::edit_sql: return "edit_sql";
    case Action::serve_pull: return "serve_pull";
    case Action::fold: return "fold";
    case Action::compact: return "compact";
    case Action::repeat_stream: return "repeat_stream";
    case Action::change_policy: return "change_policy";
    case Action::switch_deferred: return "switch_deferred";
    case Action::change_bound: return "change_bound";
    case Action::retry_quarantined: return "retry_quarantined";
    case Action::drop_quarantined: return "drop_quarantined";
    case Action::crash_server: return "crash_server";
    case Action::start_server: return "start_server";
    case Action::back_up: return "back_up";
    case Action::restore: return "restore";
    case Action::check: return "check";
  }
  return "";
}

namespace {

struct Weight {
  Action action;
  std::uint64_t weight;
  bool needed;  // by every run
};

constexpr Weight kWeights[] = {
    {Action::edit, 150, true},         {Action::save, 20, true},
    {Action::send, 100, true},         {Action::connect, 40, true},
    {Action::disconnect, 8, false},    {Action::crash_client, 6, false},
    {Action::lose_disk, 2, false},     {Action::adopt, 15, false},
    {Action::deliver, 250, true},      {Action::duplicate, 25, false},
    {Action::drop, 15, false},         {Action::partition, 5, false},
    {Action::execute_push, 90, true},  {Action::commit, 110, true},
    {Action::roll_back, 5, false},     {Action::begin_sql, 15, false},
    {Action::edit_sql, 30, false},     {Action::serve_pull, 50, true},
    {Action::fold, 25, true},          {Action::compact, 12, false},
    {Action::repeat_stream, 8, false}, {Action::change_policy, 6, false},
    {Action::switch_deferred, 3, false}, {Action::change_bound, 5, false},
    {Action::retry_quarantined, 6, false}, {Action::drop_quarantined, 2, false},
    {Action::crash_server, 5, false},
    {Action::start_server, 40, true},
    {Action::back_up, 6, false},       {Action::restore, 3, false},
    {Action::check, 4, true},
};

}  // namespace

Plan::Plan(std::uint64_t seed) {
  Random random(derive(seed, 0));
  documents = random.percent(25) ? 2 : 1;
  clients = documents + 1 + random.below(4);
  principals = static_cast<std::uint32_t>(1 + random.below(3));

  const session::FieldInfo all[] = {
      {"body", FieldType::crdt_text},     {"props", FieldType::lww_map},
      {"tags", FieldType::or_set},        {"votes", FieldType::pn_counter},
      {"visits", FieldType::g_counter},   {"status", FieldType::mv_register},
      {"flags", FieldType::lww_set},
  };
  for (const auto& field : all) {
    if (random.percent(55)) fields.push_back(field);
  }
  if (fields.empty()) fields.push_back(all[random.below(std::size(all))]);
  const std::uint64_t deferring = random.below(101);
  for (std::size_t i = 0; i < fields.size(); ++i) deferred.push_back(random.percent(deferring));

  datagrams = random.percent(50);
  saves_before_sending = random.percent(40);
  clock_grain_ms = random.percent(30) ? 5000 : 1;
  clocks_ahead = random.percent(15);
  max_payload = random.percent(20) ? 60 : 1 << 20;
  constraint = random.percent(25) ? 7 + random.below(20) : 0;

  // Runs differ most when each leaves out other actions (swarm testing, Groce et
  // al., 2012).
  for (const auto& [action, weight, needed] : kWeights) {
    std::uint64_t& own = weights[static_cast<std::size_t>(action)];
    own = weight;
    if (!needed && random.percent(30)) own = 0;
    if (random.percent(20)) own *= 3;
    if (random.percent(20)) own = (own + 2) / 3;
  }
  if (random.percent(50)) weights[static_cast<std::size_t>(Action::change_bound)] = 0;
  reconciling = random.percent(70) ? 0 : 50;
  on_terms = random.percent(60) ? 0 : 5 + random.below(40);
  if (random.percent(15)) {
    makers = documents;
    documents += 2;
    // What waits for its document is pushed at once: a gap's verdict that an acknowledgement
    // overtakes would be taken for a restore, which over TCP it cannot be.
    datagrams = false;
    // Who may not read what he has made is told so, and asks no more. A restored server
    // may give a key that it forgot to another document.
    for (const Action action : {Action::change_policy, Action::back_up, Action::restore}) {
      weights[static_cast<std::size_t>(action)] = 0;
    }
  }
}

Action Plan::draw(Random& random) const {
  std::uint64_t sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  std::uint64_t at = random.below(sum);
  std::size_t i = 0;
  while (at >= weights[i]) at -= weights[i++];
  return static_cast<Action>(i);
}

}  // namespace converge::simulation
