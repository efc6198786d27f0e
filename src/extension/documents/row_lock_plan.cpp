#include "extension/documents/row_lock_plan.h"

#include "extension/documents/owned_table.h"

extern "C" {
#include "access/genam.h"
#include "access/parallel.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "executor/nodeIndexscan.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(converge_row_locks_by_plan);
}

namespace converge {

namespace {

// What a plan's run needs, in a memory context of its own. Null there: nothing is prepared.
struct Steps {
  MemoryContext context;
  // As whom functions may be called was decided, and when.
  Oid role;
  std::uint64_t news;
  Oid table;
  Oid index;
  LOCKMODE index_lock;
  ScanDirection direction;
  ScanKey keys;
  int key_count;
  IndexRuntimeKeyInfo* runtime_keys;
  int runtime_key_count;
  ExprState* gate;     // what does not depend on the row; null: nothing
  ExprState* recheck;  // of the index's conditions, where it is not exact
  ExprState* filter;
  ExprContext* expression_context;
  // A copy, which slots need not pin; with what a row has in a column that came after it.
  TupleDesc description;
  MemoryContext run_context;
};

}  // namespace

struct RowLockPlan {
  // Of which plan the rest is. No other one of the statement has both.
  const CachedPlan* plan;
  int generation;
  bool runs_here;
  bool running;
  Steps steps;
};

namespace {

// The parts of a plan that can be run here.
struct PlanParts {
  const RangeTblEntry* table;
  const ::Result* gate;  // or null
  IndexScan* scan;
};

// How many rows this backend has looked for without the executor. For tests.
std::int64_t runs = 0;

// Counts what is told of functions, roles and memberships: who may call which function is
// looked up when an expression is prepared.
std::uint64_t news = 1;

void note_news(Datum, int, uint32) { news++; }

void watch_news() {
  static bool watching = false;
  if (watching) return;
  for (const int cache : {PROCOID, AUTHOID, AUTHMEMROLEMEM}) CacheRegisterSyscacheCallback(cache, note_news, Datum{0});
  watching = true;
}

// ------------------------------------------------------ which plans run here

// Whether there is something in an expression that only an executor can evaluate, or
// that is not known here.
bool needs_executor(Node* node, void* context) {
  if (node == nullptr) return false;
  switch (nodeTag(node)) {
    case T_Param:
      return reinterpret_cast<Param*>(node)->paramkind != PARAM_EXTERN;
    case T_List:
    case T_Var:
    case T_Const:
    case T_FuncExpr:
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
    case T_ScalarArrayOpExpr:
    case T_BoolExpr:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CaseTestExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_ArrayExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_RelabelType:
    case T_CoerceViaIO:
    case T_SQLValueFunction:
      break;
    default:
      return true;
  }
  // Declared in C as a function of any arguments.
  auto* walker = reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(needs_executor));
  return expression_tree_walker(node, walker, context);
}

// A node without what it would have to do besides.
bool is_plain(const Plan& plan) { return plan.initPlan == NIL && !plan.parallel_aware; }

// False: the plan is made of more than what can be run here.
bool take_apart(const CachedPlan& plan, PlanParts* parts) {
  if (list_length(plan.stmt_list) != 1) return false;
  const auto* statement = linitial_node(PlannedStmt, plan.stmt_list);
  if (statement->commandType != CMD_SELECT || statement->hasModifyingCTE || statement->subplans != NIL ||
      list_length(statement->rtable) != 1 || !IsA(statement->planTree, LockRows)) {
    return false;
  }
  parts->table = linitial_node(RangeTblEntry, statement->rtable);
  if (parts->table->rtekind != RTE_RELATION || parts->table->relkind != RELKIND_RELATION) return false;

  const auto* lock = reinterpret_cast<const LockRows*>(statement->planTree);
  if (!is_plain(lock->plan) || lock->plan.qual != NIL || list_length(lock->rowMarks) != 1) return false;
  const auto* mark = linitial_node(PlanRowMark, lock->rowMarks);
  if (mark->markType != ROW_MARK_NOKEYEXCLUSIVE || mark->waitPolicy != LockWaitBlock || mark->isParent ||
      mark->rti != 1 || mark->prti != 1) {
    return false;
  }

  Plan* below = outerPlan(lock);
  parts->gate = nullptr;
  if (IsA(below, Result)) {
    parts->gate = reinterpret_cast<const ::Result*>(below);
    if (!is_plain(*below) || below->qual != NIL || needs_executor(parts->gate->resconstantqual, nullptr)) return false;
    below = outerPlan(below);
  }
  if (below == nullptr || !IsA(below, IndexScan) || !is_plain(*below)) return false;
  parts->scan = reinterpret_cast<IndexScan*>(below);
  return parts->scan->scan.scanrelid == 1 && parts->scan->indexorderby == NIL &&
         !needs_executor(reinterpret_cast<Node*>(parts->scan->indexqual), nullptr) &&
         !needs_executor(reinterpret_cast<Node*>(parts->scan->indexqualorig), nullptr) &&
         !needs_executor(reinterpret_cast<Node*>(below->qual), nullptr);
}

// ------------------------------------------------------------- what is kept

void forget(Steps* steps) {
  if (steps->context != nullptr) MemoryContextDelete(steps->context);
  *steps = Steps{};
}

ExprState* prepare_conditions(const void* conditions) {
  return ExecInitQual(static_cast<List*>(copyObjectImpl(conditions)), nullptr);
}

// Makes ready to run what was taken apart. The copies outlive the plan. Raises 42501 where
// the role may not call a function.
void prepare(Steps* steps, const PlanParts& parts) {
  watch_news();
  const std::uint64_t seen = news;
  forget(steps);
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "converge row lock", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(context);
  const IndexScan* scan = parts.scan;
  steps->table = parts.table->relid;
  steps->index = scan->indexid;
  steps->index_lock = parts.table->rellockmode;
  steps->direction = scan->indexorderdir;
  Relation table = table_open(steps->table, NoLock);
  Relation index = index_open(steps->index, steps->index_lock);
  steps->description = CreateTupleDescCopyConstr(RelationGetDescr(table));
  ExecIndexBuildScanKeys(nullptr, index, static_cast<List*>(copyObjectImpl(scan->indexqual)), false, &steps->keys,
                         &steps->key_count, &steps->runtime_keys, &steps->runtime_key_count, nullptr, nullptr);
  steps->gate = parts.gate != nullptr ? prepare_conditions(parts.gate->resconstantqual) : nullptr;
  steps->recheck = prepare_conditions(scan->indexqualorig);
  steps->filter = prepare_conditions(scan->scan.plan.qual);
  steps->expression_context = CreateStandaloneExprContext();
  steps->run_context = AllocSetContextCreate(context, "converge row lock's run", ALLOCSET_DEFAULT_SIZES);
  // The scan calls copies of these functions, and what they keep goes with it.
  for (int i = 0; i < steps->key_count; i++) steps->keys[i].sk_func.fn_mcxt = steps->run_context;
  index_close(index, NoLock);
  table_close(table, NoLock);
  MemoryContextSwitchTo(caller);
  steps->role = GetUserId();
  steps->news = seen;
  MemoryContextSetParent(context, CacheMemoryContext);
  steps->context = context;
}

// ------------------------------------------------------------------- running

// The version that the scan has found. False: it is outdated.
bool lock_version(Relation table, TupleTableSlot* found, TupleTableSlot* locked, Snapshot snapshot) {
  TM_FailureData failure;
  ItemPointerData tid = found->tts_tid;
  const TM_Result result = table_tuple_lock(
      table, &tid, snapshot, locked, GetCurrentCommandId(false), LockTupleNoKeyExclusive, LockWaitBlock,
      TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
  return result == TM_Ok && !failure.traversed;
}

// `row`: null where it is only asked.
RowLockResult scan_and_lock(const Steps& steps, LockedRow* row) {
  ExprContext* context = steps.expression_context;
  if (steps.gate != nullptr && !ExecQual(steps.gate, context)) return RowLockResult::none;
  RowLockResult result = RowLockResult::none;
  Snapshot snapshot = GetActiveSnapshot();
  Relation table = table_open(steps.table, NoLock);
  Relation index = index_open(steps.index, steps.index_lock);
  const TupleTableSlotOps* slot_type = table_slot_callbacks(table);
  TupleTableSlot* found = MakeSingleTupleTableSlot(steps.description, slot_type);
  TupleTableSlot* locked = MakeSingleTupleTableSlot(steps.description, slot_type);
  if (steps.runtime_key_count > 0) ExecIndexEvalRuntimeKeys(context, steps.runtime_keys, steps.runtime_key_count);
  IndexScanDesc scan = BEGIN_INDEX_SCAN(table, index, snapshot, steps.key_count);
  index_rescan(scan, steps.keys, steps.key_count, nullptr, 0);
  context->ecxt_scantuple = found;
  while (index_getnext_slot(scan, steps.direction, found)) {
    CHECK_FOR_INTERRUPTS();
    const bool passes = (!scan->xs_recheck || ExecQual(steps.recheck, context)) && ExecQual(steps.filter, context);
    if (!passes) continue;
    if (row == nullptr) {
      result = RowLockResult::locked;
      break;
    }
    if (!lock_version(table, found, locked, snapshot)) {
      result = RowLockResult::not_run;
      break;
    }
    if (result == RowLockResult::none) *row = {steps.table, locked->tts_tid};
    result = RowLockResult::locked;
  }
  index_endscan(scan);
  ExecDropSingleTupleTableSlot(locked);
  ExecDropSingleTupleTableSlot(found);
  index_close(index, NoLock);
  table_close(table, NoLock);
  return result;
}

RowLockResult run(RowLockPlan* kept, ParamListInfo arguments, LockedRow* row) {
  Steps* steps = &kept->steps;
  MemoryContext caller = CurrentMemoryContext;
  RowLockResult result = RowLockResult::none;
  kept->running = true;
  PG_TRY();
  {
    MemoryContextSwitchTo(steps->run_context);
    steps->expression_context->ecxt_param_list_info = arguments;
    // What came before shows, to functions too.
    CommandCounterIncrement();
    PushActiveSnapshot(row != nullptr ? GetTransactionSnapshot() : latest_snapshot());
    result = scan_and_lock(*steps, row);
    PopActiveSnapshot();
    // What a function has left to be done at the end of a statement.
    ReScanExprContext(steps->expression_context);
    steps->expression_context->ecxt_scantuple = nullptr;
    steps->expression_context->ecxt_param_list_info = nullptr;
    MemoryContextSwitchTo(caller);
    MemoryContextReset(steps->run_context);
    kept->running = false;
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(caller);
    forget(steps);
    kept->running = false;
    PG_RE_THROW();
  }
  PG_END_TRY();
  return result;
}

// Runs what is below a statement's topmost node, which locks or writes, by the executor:
// whether there is a row. `below` has, or is, that.
bool execute_below(const PlannedStmt& statement, Plan* below, const char* text, ParamListInfo arguments) {
  // In place of the topmost node, for what that has at hand: subqueries of policies.
  auto* top = reinterpret_cast<::Result*>(newNode(sizeof(::Result), T_Result));
  top->plan.lefttree = below;
  top->plan.initPlan = statement.planTree->initPlan;
  PlannedStmt asks = statement;
  asks.commandType = CMD_SELECT;
  asks.planTree = &top->plan;
  asks.resultRelations = NIL;
  asks.rowMarks = NIL;
  CommandCounterIncrement();
  PushActiveSnapshot(latest_snapshot());
  QueryDesc* query = CreateQueryDesc(&asks, text, GetActiveSnapshot(), InvalidSnapshot, None_Receiver, arguments,
                                     nullptr, 0);
  ExecutorStart(query, 0);
  EXECUTOR_RUN(query, 1);
  const bool found = query->estate->es_processed > 0;
  ExecutorFinish(query);
  ExecutorEnd(query);
  FreeQueryDesc(query);
  PopActiveSnapshot();
  return found;
}

// ------------------------------------------------------ what a row may become

// Whether a condition on the relation at that place looks at what an UPDATE of the column
// changes.
bool looks_at(Node* condition, Index place, Oid relation, const char* column) {
  Bitmapset* columns = nullptr;
  pull_varattnos(condition, place, &columns);
  for (int member = -1; (member = bms_next_member(columns, member)) >= 0;) {
    const int attribute = member + FirstLowInvalidHeapAttributeNumber;
    if (attribute == InvalidAttrNumber) return true;  // the whole row
    if (attribute < 0) continue;
    if (attribute == get_attnum(relation, column) || get_attgenerated(relation, static_cast<AttrNumber>(attribute)) != '\0') {
      return true;
    }
  }
  return false;
}

// An UPDATE's checks of what each of its relations' rows become.
struct Checks {
  const PlannedStmt* statement;
  const ModifyTable* update;
  const char* column;
};

List* checks_of(const Checks& checks, Index place) {
  List* conditions = NIL;
  for (int i = 0; i < list_length(checks.update->resultRelations) && i < list_length(checks.update->withCheckOptionLists); i++) {
    if (static_cast<Index>(list_nth_int(checks.update->resultRelations, i)) != place) continue;
    const Oid relation = rt_fetch(place, checks.statement->rtable)->relid;
    ListCell* option;
    foreach (option, static_cast<List*>(list_nth(checks.update->withCheckOptionLists, i))) {
      ListCell* condition;
      foreach (condition, reinterpret_cast<List*>(lfirst_node(WithCheckOption, option)->qual)) {
        auto* node = static_cast<Node*>(lfirst(condition));
        if (!looks_at(node, place, relation, checks.column)) conditions = lappend(conditions, copyObjectImpl(node));
      }
    }
  }
  return conditions;
}

// Has the plan's scans make the checks as well. False: it is made of more than scans.
bool add_checks(Plan* plan, const Checks& checks) {
  if (plan == nullptr) return true;  // below a Result of no rows
  ListCell* cell;
  switch (nodeTag(plan)) {
    case T_Result:
      return add_checks(outerPlan(plan), checks);
    case T_Append:
      foreach (cell, reinterpret_cast<Append*>(plan)->appendplans) {
        if (!add_checks(static_cast<Plan*>(lfirst(cell)), checks)) return false;
      }
      return true;
    case T_SeqScan:
    case T_IndexScan:
    case T_BitmapHeapScan:
    case T_TidScan:
      plan->qual = list_concat(plan->qual, checks_of(checks, reinterpret_cast<Scan*>(plan)->scanrelid));
      return true;
    default:
      return false;
  }
}

// ---------------------------------------------------------------- being ready

CachedPlanSource* source_of(SPIPlanPtr statement) {
  List* sources = SPI_plan_get_plan_sources(statement);
  return list_length(sources) == 1 ? static_cast<CachedPlanSource*>(linitial(sources)) : nullptr;
}

RowLockPlan* kept_of(RowLockPlan** plan) {
  if (*plan == nullptr) {
    *plan = static_cast<RowLockPlan*>(MemoryContextAllocZero(CacheMemoryContext, sizeof(RowLockPlan)));
  }
  return *plan;
}

bool is_of(const RowLockPlan& kept, const CachedPlan* made) {
  return made != nullptr && made == kept.plan && made->generation == kept.generation;
}

// Whether the plan runs here; if so, all is ready for it. Raises 42501.
bool make_ready(RowLockPlan* kept, const CachedPlan& made) {
  PlanParts parts;
  if (!is_of(*kept, &made)) {
    forget(&kept->steps);
    *kept = {&made, made.generation, take_apart(made, &parts), false, {}};
  }
  if (!kept->runs_here) return false;
  CHECK_PERMISSIONS(linitial_node(PlannedStmt, made.stmt_list));
  const Steps& steps = kept->steps;
  const bool are_ready = steps.context != nullptr && steps.role == GetUserId() && steps.news == news;
  if (!are_ready && take_apart(made, &parts)) prepare(&kept->steps, parts);
  return true;
}

}  // namespace

RowLockResult run_row_lock(RowLockPlan** plan, SPIPlanPtr statement, ParamListInfo arguments, LockedRow* locked) {
  // What such a transaction has seen has to stay true, of which the executor and the
  // serializable transactions' conflicts take care.
  if (IsolationUsesXactSnapshot() || XactReadOnly || IsInParallelMode()) return RowLockResult::not_run;
  CachedPlanSource* source = source_of(statement);
  if (source == nullptr) return RowLockResult::not_run;
  RowLockPlan* kept = kept_of(plan);
  // A function in its conditions locks another row of the table.
  if (kept->running) return RowLockResult::not_run;
  if (is_of(*kept, source->gplan) && !kept->runs_here) return RowLockResult::not_run;

  ResourceOwner owner = CurrentResourceOwner;
  CachedPlan* made = GetCachedPlan(source, nullptr, owner, nullptr);
  const bool is_ready = make_ready(kept, *made);
  ReleaseCachedPlan(made, owner);
  const RowLockResult result = is_ready ? run(kept, arguments, locked) : RowLockResult::not_run;
  if (result != RowLockResult::not_run) runs++;
  return result;
}

bool ask_row_lock(RowLockPlan** plan, SPIPlanPtr statement, ParamListInfo arguments) {
  CachedPlanSource* source = source_of(statement);
  if (source == nullptr) elog(ERROR, "the lock of a row is not one statement");
  RowLockPlan* kept = kept_of(plan);
  ResourceOwner owner = CurrentResourceOwner;
  CachedPlan* made = GetCachedPlan(source, nullptr, owner, nullptr);
  bool found;
  if (!kept->running && make_ready(kept, *made)) {
    found = run(kept, arguments, nullptr) == RowLockResult::locked;
  } else {
    const auto* locks = linitial_node(PlannedStmt, made->stmt_list);
    Plan* top = locks->planTree;
    found = execute_below(*locks, IsA(top, LockRows) ? outerPlan(top) : top, source->query_string, arguments);
  }
  ReleaseCachedPlan(made, owner);
  return found;
}

RowLockResult ask_update(SPIPlanPtr statement, ParamListInfo arguments, const char* column) {
  CachedPlanSource* source = source_of(statement);
  if (source == nullptr) return RowLockResult::not_run;
  ResourceOwner owner = CurrentResourceOwner;
  CachedPlan* made = GetCachedPlan(source, nullptr, owner, nullptr);
  RowLockResult result = RowLockResult::not_run;
  const auto* updates = list_length(made->stmt_list) == 1 ? linitial_node(PlannedStmt, made->stmt_list) : nullptr;
  if (updates != nullptr && updates->commandType == CMD_UPDATE && IsA(updates->planTree, ModifyTable)) {
    const Checks checks{updates, reinterpret_cast<const ModifyTable*>(updates->planTree), column};
    auto* below = static_cast<Plan*>(copyObjectImpl(outerPlan(updates->planTree)));
    if (add_checks(below, checks)) {
      const bool found = execute_below(*updates, below, source->query_string, arguments);
      result = found ? RowLockResult::locked : RowLockResult::none;
    }
  }
  ReleaseCachedPlan(made, owner);
  return result;
}

void free_row_lock_plan(RowLockPlan* plan) {
  if (plan == nullptr) return;
  forget(&plan->steps);
  pfree(plan);
}

}  // namespace converge

// How many rows this session has locked, or not found, without the executor. Tests declare
// it; the extension does not.
extern "C" PGDLLEXPORT Datum converge_row_locks_by_plan(PG_FUNCTION_ARGS) { PG_RETURN_INT64(converge::runs); }
