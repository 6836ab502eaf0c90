/* Memory of tables: made once, touched, zero, never given back. */

#ifndef ENGINE_TABLE_H
#define ENGINE_TABLE_H

#include <stddef.h>

void *table_new(size_t bytes); /* NULL with errno */

#endif
