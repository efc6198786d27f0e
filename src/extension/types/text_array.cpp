#include "extension/types/text_array.h"

extern "C" {
#include "catalog/pg_type.h"
}

namespace converge {

TextElements text_elements(ArrayType* array, Nulls nulls, const char* what) {
  Datum* datums;
  bool* is_null;
  int count;
  deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &datums, &is_null, &count);
  auto* views = static_cast<std::string_view*>(
      palloc0(sizeof(std::string_view) * (static_cast<Size>(count) + 1)));
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    if (!is_null[i])
      views[kept++] = boundary::view(DatumGetPointer(datums[i]));
    else if (nulls == Nulls::refuse)
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s cannot be null", what),
                      errdetail("Array element %d is null.", i + 1)));
  }
  return {views, kept};
}

TextDatums text_datums(const std::vector<std::string_view>& elements) {
  TextDatums datums{static_cast<Datum*>(boundary::allocate(sizeof(Datum) * (elements.size() + 1))), 0};
  for (const std::string_view element : elements) datums.begin[datums.count++] = boundary::datum(element);
  return datums;
}

Datum text_array(TextDatums elements) {
  if (elements.count == 0) return PointerGetDatum(construct_empty_array(TEXTOID));
  return PointerGetDatum(
      construct_array(elements.begin, elements.count, TEXTOID, -1, false, TYPALIGN_INT));
}

}  // namespace converge
