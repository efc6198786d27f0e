// Runs the statement that locks a document's row without starting PostgreSQL's executor,
// which costs as much as all the rest of the lock.
//
// The statement is planned and kept by PostgreSQL's plan cache, policies and all, and each
// time asked for there: so roles, policies, definitions and privileges count as they do for
// the executor. Where its plan is nothing but a look into one table by an index, with
// conditions that need no more than the row and the statement's arguments, those conditions
// are evaluated here, in the plan's order, about each version that the index finds, and what
// passes is locked. Whatever else a plan is made of, and whenever a version turns out to be
// outdated once it is locked, is the executor's.
#pragma once

#include "extension/compat.h"

#include "extension/documents/row.h"

extern "C" {
#include "executor/spi.h"
#include "nodes/params.h"
}

namespace converge {

enum class RowLockResult {
  locked,
  none,     // no row passes the conditions
  not_run,  // the executor is to run the statement; a version may be locked already
};

// What is kept of one statement's plan.
struct RowLockPlan;

// Runs `statement`: a kept SELECT … FOR NO KEY UPDATE of one table, with these arguments.
// `plan`: null at first. `locked`: which version, where there is one. Raises what the
// executor would.
RowLockResult run_row_lock(RowLockPlan** plan, SPIPlanPtr statement, ParamListInfo arguments, LockedRow* locked);

// Whether run_row_lock() would lock a row, as everything committed stands: with the
// conditions of the same plan and the same privileges, and no lock on the row. Raises what
// the executor would.
bool ask_row_lock(RowLockPlan** plan, SPIPlanPtr statement, ParamListInfo arguments);

// Whether `statement`, a kept UPDATE of one column, would change a row and be let by the
// policies that look at what it becomes (WITH CHECK), as far as those do not look at that
// column, or at generated ones: they are asked of the row as it is. Nothing is written.
// `not_run`: it is not known, because the statement is more than that.
RowLockResult ask_update(SPIPlanPtr statement, ParamListInfo arguments, const char* column);

// Also of null. Not from within these.
void free_row_lock_plan(RowLockPlan* plan);

}  // namespace converge
