#include "yjs_column.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace converge::cli {

YjsColumn::YjsColumn(const YjsTarget& target) : target_(target), database_(target.database) {
  const auto found = database_.run(
      "SELECT to_regclass($1)::text, to_regtype('converge.ydoc') IS NOT NULL", {{target.table}});
  if (!found.is_true(0, 1)) {
    throw std::invalid_argument("the database has no type converge.ydoc: is the extension converge installed?");
  }
  if (found.is_null(0, 0)) throw std::invalid_argument("there is no table " + target.table);
  table_ = found.bytes(0, 0);

  const auto columns = database_.run(
      "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND NOT attisdropped"
      " AND atttypid = 'converge.ydoc'::regtype ORDER BY attnum",
      {{table_}});
  std::string names;
  for (int i = 0; i < columns.count(); ++i) {
    const std::string name(columns.bytes(i, 0));
    names += (i > 0 ? ", " : "") + name;
    if (target.field.empty() ? columns.count() == 1 : name == target.field) field_ = database_.identifier(name);
  }
  if (names.empty()) throw std::invalid_argument("table " + table_ + " has no column of type ydoc");
  if (field_.empty()) {
    throw std::invalid_argument(target.field.empty()
                                    ? "table " + table_ + " has several columns of type ydoc (" + names + "): say which with --field"
                                    : "table " + table_ + " has no column " + target.field + " of type ydoc, only " + names);
  }

  const auto key = database_.run(
      "SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, place)"
      " JOIN pg_attribute a USING (attnum)"
      " WHERE i.indrelid = $1::regclass AND i.indisprimary AND a.attrelid = i.indrelid ORDER BY place",
      {{table_}});
  for (int i = 0; i < key.count(); ++i) {
    const std::string name(key.bytes(i, 0));
    const bool is_tenant = target.tenant_column.empty() ? i == 0 : name == target.tenant_column;
    if (is_tenant) {
      tenant_column_ = database_.identifier(name);
    } else {
      key_columns_.push_back(database_.identifier(name));
    }
  }
  if (tenant_column_.empty() || key_columns_.empty()) {
    throw std::invalid_argument("the primary key of table " + table_ + " must hold " +
                                (target.tenant_column.empty() ? "a tenant" : "the column " + target.tenant_column) +
                                " and at least one column more");
  }
  const auto tracked = database_.run(
      "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = '!converge_capture')", {{table_}});
  tracked_ = tracked.is_true(0, 0);
}

std::vector<std::string> YjsColumn::split_key(const std::string& key) const {
  if (key_columns_.size() == 1) return {key};
  const auto parts = nlohmann::json::parse(key, nullptr, false);
  if (!parts.is_array() || parts.size() != key_columns_.size() ||
      !std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part.is_string(); })) {
    throw std::invalid_argument("key " + key + " is not a JSON array of " + std::to_string(key_columns_.size()) + " texts");
  }
  return parts.get<std::vector<std::string>>();
}

std::vector<Database::Value> YjsColumn::row_values(const std::vector<std::string>& key) const {
  std::vector<Database::Value> values{{target_.tenant}};
  for (const std::string& part : key) values.push_back({part});
  return values;
}

std::string YjsColumn::row_condition() const {
  std::string condition = tenant_column_ + " = $1";
  for (std::size_t i = 0; i < key_columns_.size(); ++i) {
    condition += " AND " + key_columns_[i] + " = $" + std::to_string(i + 2);
  }
  return condition;
}

template <class Work>
void YjsColumn::as_principal(Work work) {
  database_.transaction([&] {
    if (!target_.token.empty()) database_.run("SELECT converge.authenticate($1::converge.secret::text)", {{target_.token}});
    work();
  });
}

YjsColumn::Outcome YjsColumn::merge(const std::string& key, std::string_view update) {
  const std::vector<std::string> parts = split_key(key);
  std::vector<Database::Value> values = row_values(parts);
  values.push_back({update, true});
  const std::string number = "$" + std::to_string(values.size());
  std::string columns = tenant_column_;
  std::string places = "$1";
  for (std::size_t i = 0; i < key_columns_.size(); ++i) {
    columns += ", " + key_columns_[i];
    places += ", $" + std::to_string(i + 2);
  }
  Outcome outcome = Outcome::unchanged;
  as_principal([&] {
    const auto added = database_.run("INSERT INTO " + table_ + " (" + columns + ", " + field_ + ") VALUES (" + places +
                                         ", converge.new_ydoc(" + number + "::bytea)) ON CONFLICT DO NOTHING",
                                     values);
    if (added.changed() > 0) {
      outcome = Outcome::added;
      return;
    }
    const std::string merged = "converge.yjs_apply(" + field_ + ", " + number + "::bytea, 1)";
    const auto changed = database_.run("UPDATE " + table_ + " SET " + field_ + " = " + merged + " WHERE " +
                                           row_condition() + " AND " + merged + " <> " + field_,
                                       values);
    if (changed.changed() > 0) {
      outcome = Outcome::changed;
    } else if (database_.run("SELECT FROM " + table_ + " WHERE " + row_condition(), row_values(parts)).count() == 0) {
      throw DatabaseError("there is a row with this key that the policies of table " + table_ + " do not show");
    }
  });
  return outcome;
}

YjsColumn::Outcome YjsColumn::would_merge(const std::string& key, std::string_view update) {
  const std::vector<std::string> parts = split_key(key);
  std::vector<Database::Value> values = row_values(parts);
  values.push_back({update, true});
  Outcome outcome = Outcome::unchanged;
  as_principal([&] {
    const auto row = database_.run("SELECT converge.yjs_apply(" + field_ + ", $" + std::to_string(values.size()) +
                                       "::bytea, 1) <> " + field_ + " FROM " + table_ + " WHERE " + row_condition(),
                                   values);
    outcome = row.count() == 0 ? Outcome::added : row.is_true(0, 0) ? Outcome::changed : Outcome::unchanged;
  });
  return outcome;
}

std::vector<std::string> YjsColumn::keys() {
  std::string key = key_columns_[0] + "::text";
  if (key_columns_.size() > 1) {
    key = "to_json(ARRAY[" + key;
    for (std::size_t i = 1; i < key_columns_.size(); ++i) key += ", " + key_columns_[i] + "::text";
    key += "])::text";
  }
  std::string order;
  for (const std::string& column : key_columns_) order += (order.empty() ? "" : ", ") + column;
  std::vector<std::string> keys;
  as_principal([&] {
    const auto rows = database_.run("SELECT " + key + " FROM " + table_ + " WHERE " + tenant_column_ +
                                        " = $1 ORDER BY " + order,
                                    {{target_.tenant}});
    for (int i = 0; i < rows.count(); ++i) keys.emplace_back(rows.bytes(i, 0));
  });
  return keys;
}

std::string YjsColumn::update(const std::string& key, UpdateFormat format) {
  // What is deferred and not in the row yet counts.
  const std::string document = tracked_ ? "(converge.current(t))." + field_ : "t." + field_;
  const std::vector<std::string> parts = split_key(key);
  std::string bytes;
  as_principal([&] {
    const auto rows = database_.run("SELECT converge.yjs_update(" + document + ", '', " +
                                        (format == UpdateFormat::v2 ? "2" : "1") + ") FROM " + table_ +
                                        " t WHERE " + row_condition(),
                                    row_values(parts));
    if (rows.count() == 0) throw std::invalid_argument("there is no row with the key " + key + " in table " + table_);
    bytes = rows.bytes(0, 0);
  });
  return bytes;
}

}  // namespace converge::cli
