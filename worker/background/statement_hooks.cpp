#include "worker/background/statement_hooks.h"

#include "worker/background/postgres_headers.h"

extern "C" {
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
}

#include "worker/background/registry.h"
#include "worker/background/wake.h"

namespace converge::worker {
namespace {

ProcessUtility_hook_type previous_process_utility = nullptr;
object_access_hook_type previous_object_access = nullptr;

const char* option_value(List* options, const char* name) {
  ListCell* cell;

  foreach (cell, options) {
    auto* option = lfirst_node(DefElem, cell);

    if (strcmp(option->defname, name) == 0 && option->arg != nullptr) return defGetString(option);
  }
  return nullptr;
}

// The database that nobody else may be connected to while the statement runs,
// or InvalidOid. None, too, for a user who may not run it: it is going to fail,
// and is not to interrupt anything.
Oid database_needed_alone(Node* statement) {
  const char* name = nullptr;

  switch (nodeTag(statement)) {
    case T_DropdbStmt:
      name = castNode(DropdbStmt, statement)->dbname;
      break;
    case T_RenameStmt:
      if (castNode(RenameStmt, statement)->renameType == OBJECT_DATABASE)
        name = castNode(RenameStmt, statement)->subname;
      break;
    case T_AlterDatabaseStmt: {
      auto* alter = castNode(AlterDatabaseStmt, statement);

      if (option_value(alter->options, "tablespace") != nullptr) name = alter->dbname;
      break;
    }
    case T_CreatedbStmt:
      name = option_value(castNode(CreatedbStmt, statement)->options, "template");
      break;
    default:
      break;
  }
  if (name == nullptr) return InvalidOid;

  const Oid database = get_database_oid(name, true);
  return OidIsValid(database) && OWNS_DATABASE(database) ? database : InvalidOid;
}

void process_utility(PlannedStmt* planned, const char* query, bool read_only_tree,
                     ProcessUtilityContext context, ParamListInfo parameters,
                     QueryEnvironment* environment, DestReceiver* destination,
                     QueryCompletion* completion) {
  const ProcessUtility_hook_type next =
      previous_process_utility != nullptr ? previous_process_utility : standard_ProcessUtility;
  Node* statement = planned->utilityStmt;

  // These statements run on their own only; anywhere else they are going to fail.
  const Oid database = context == PROCESS_UTILITY_TOPLEVEL && !IsTransactionBlock()
                           ? database_needed_alone(statement)
                           : InvalidOid;
  if (OidIsValid(database)) hold_until_transaction_end(database);

  // The statement may be gone once it has run: a ROLLBACK, a procedure's too,
  // frees its plan.
  const bool prepared_commits = IsA(statement, TransactionStmt) &&
                                castNode(TransactionStmt, statement)->kind == TRANS_STMT_COMMIT_PREPARED;
  const char* changed = nullptr;
  if (IsA(statement, CreatedbStmt))
    // A copy of a database that has the extension has it too.
    changed = castNode(CreatedbStmt, statement)->dbname;
  else if (IsA(statement, AlterDatabaseStmt))
    // It may accept connections now, or be a template no more.
    changed = castNode(AlterDatabaseStmt, statement)->dbname;

  next(planned, query, read_only_tree, context, parameters, environment, destination, completion);

  if (changed != nullptr) note_database_changed(get_database_oid(changed, true));
  // What it did was known to the session that prepared it.
  if (prepared_commits) request_check(MyDatabaseId);
}

void object_access(ObjectAccessType access, Oid class_id, Oid object, int sub_id, void* argument) {
  if (previous_object_access != nullptr)
    previous_object_access(access, class_id, object, sub_id, argument);
  // Which extension it is cannot be told here (its row is not visible yet): the
  // worker looks for itself.
  if (class_id == ExtensionRelationId && (access == OAT_POST_CREATE || access == OAT_DROP))
    note_extensions_changed();
}

}  // namespace

void install_statement_hooks() {
  previous_process_utility = ProcessUtility_hook;
  ProcessUtility_hook = process_utility;
  previous_object_access = object_access_hook;
  object_access_hook = object_access;
}

}  // namespace converge::worker
