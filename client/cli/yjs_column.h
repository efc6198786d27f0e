// A column of type ydoc, by rows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/ydoc/update_reader.h"
#include "database.h"
#include "yjs.h"

namespace converge::cli {

class YjsColumn {
 public:
  // Finds table and columns. Throws std::invalid_argument naming what there is not.
  explicit YjsColumn(const YjsTarget& target);

  enum class Outcome { added, changed, unchanged };
  // Merges an update v1 into the row with this key, which it makes if there is none.
  Outcome merge(const std::string& key, std::string_view update);
  // What merge() would do.
  Outcome would_merge(const std::string& key, std::string_view update);
  // The keys of the tenant's rows, in order.
  std::vector<std::string> keys();
  // All of the document as an update. Throws std::invalid_argument if there is no such row.
  std::string update(const std::string& key, UpdateFormat format);

 private:
  // Tenant and key, as the statement's parameters from $1 on.
  std::vector<Database::Value> row_values(const std::vector<std::string>& key) const;
  std::vector<std::string> split_key(const std::string& key) const;
  std::string row_condition() const;
  template <class Work>
  void as_principal(Work work);

  YjsTarget target_;
  Database database_;
  std::string table_;
  std::string field_;
  std::string tenant_column_;
  std::vector<std::string> key_columns_;
  bool tracked_ = false;
};

}  // namespace converge::cli
